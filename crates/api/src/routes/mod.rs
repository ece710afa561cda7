//! Every route that needs a login, with the action that it takes: what is not here is refused. `crates/api/openapi` describes each.

mod authorization;
mod ground;
mod objects;
mod people;
mod policy_insights;
mod security;
mod v1;

use std::sync::LazyLock;

/// One operation of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The HTTP method.
    pub method: &'static str,
    /// The path, parameters in braces.
    pub path: String,
    /// The action that a role must allow, in ARM's words.
    pub action: String,
}

/// All of them; the tests that walk them read this.
pub static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| {
    let mut routes = Vec::new();
    for (method, path, action) in v1::TABLE.iter().chain(people::TABLE) {
        routes.push(Route { method, path: format!("/api/v1{path}"), action: (*action).to_owned() });
    }
    for (method, path, action) in ground::TABLE {
        routes.push(Route { method, path: (*path).to_owned(), action: (*action).to_owned() });
    }
    for operations in [security::TABLE, authorization::TABLE, policy_insights::TABLE].into_iter().flatten() {
        for at in operations.at {
            for (method, tail, action) in operations.rows {
                let path = format!("{}/providers/{}/{tail}", at.path(), operations.namespace);
                routes.push(Route { method, path, action: (*action).to_owned() });
            }
        }
    }
    routes.extend(objects::table());
    routes
});

/// What the actions begin with that everybody may take: they touch one's own account only.
pub(crate) const OWN: &str = "Skywarden.Account/";

/// The action that is not in the audit log: what is sent is in the archive, and it comes several times a second.
pub(crate) const SEND_LOGS: &str = "Microsoft.Security/logInputs/send/action";

pub(crate) use people::OF_TENANT;

/// Operations of one namespace that are there at the same kinds of scope.
struct Operations {
    /// Where.
    at: &'static [At],
    /// The provider's namespace.
    namespace: &'static str,
    /// The method, what follows the namespace in the path, and the action.
    rows: &'static [(&'static str, &'static str, &'static str)],
}

/// The kinds of scope that a path of ARM begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// Nothing: the tenant.
    Tenant,
    ManagementGroup,
    Subscription,
    ResourceGroup,
    /// A connected environment.
    Connector,
    /// A resource of a connected environment.
    Entity,
    /// A resource of Azure's own.
    Resource,
    /// A policy definition, by a name that is in reach of a subscription.
    Definition,
    /// An initiative, likewise.
    SetDefinition,
    /// A policy assignment at a subscription.
    Assignment,
    /// One at a resource group.
    GroupAssignment,
    /// An assessment of such a resource.
    Assessment,
}

impl At {
    /// The beginning of the path.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Tenant => "",
            Self::ManagementGroup => "/providers/Microsoft.Management/managementGroups/{management_group}",
            Self::Subscription => "/subscriptions/{subscription}",
            Self::ResourceGroup => "/subscriptions/{subscription}/resourceGroups/{group}",
            Self::Connector => {
                "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Security/securityConnectors/{connector}"
            }
            Self::Assessment => {
                "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Security/securityConnectors/{connector}\
                 /securityEntityData/{entity}/providers/Microsoft.Security/assessments/{assessment}"
            }
            Self::Entity => {
                "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Security/securityConnectors/{connector}\
                 /securityEntityData/{entity}"
            }
            Self::Resource => {
                "/subscriptions/{subscription}/resourceGroups/{group}/providers/{namespace}/{resource_type}/{resource}"
            }
            Self::Definition => "/subscriptions/{subscription}/providers/Microsoft.Authorization/policyDefinitions/{name}",
            Self::SetDefinition => "/subscriptions/{subscription}/providers/Microsoft.Authorization/policySetDefinitions/{name}",
            Self::Assignment => "/subscriptions/{subscription}/providers/Microsoft.Authorization/policyAssignments/{name}",
            Self::GroupAssignment => {
                "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Authorization/policyAssignments/{name}"
            }
        }
    }
}

/// The page at the server's address in a build without a console.
static INDEX: LazyLock<Route> =
    LazyLock::new(|| Route { method: "GET", path: "/".to_owned(), action: "Microsoft.Security/secureScores/read".to_owned() });

/// The methods of a path, `HEAD` left out.
pub(crate) fn methods(path: &str) -> Vec<&'static str> {
    ROUTES.iter().filter(|route| route.path == path).map(|route| route.method).collect()
}

/// The route that a request was matched to; `HEAD` is `GET`.
pub(crate) fn find(method: &str, path: &str) -> Option<&'static Route> {
    let method = if method == "HEAD" { "GET" } else { method };
    ROUTES.iter().chain([&*INDEX]).find(|route| route.method == method && route.path == path)
}
