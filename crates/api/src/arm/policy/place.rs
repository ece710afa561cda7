use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde::Deserialize;
use skywarden_model::{Resource, Scope as Account, native_id_of};
use skywarden_policy::{Library, Scope};
use skywarden_store::{ScopeFilter, Share};

use super::groups;
use crate::{
    arm::{ground::id_of, subscription::of_filter},
    error::ApiError,
    scoped::Scoped,
};

/// What a path of this face names: a scope, and maybe something that lies at it.
#[derive(Deserialize)]
pub(crate) struct PolicyPath {
    pub(super) management_group: Option<String>,
    subscription: Option<String>,
    group: Option<String>,
    connector: Option<String>,
    entity: Option<String>,
    namespace: Option<String>,
    resource_type: Option<String>,
    resource: Option<String>,
    #[serde(default)]
    pub(super) name: String,
    /// `latest` or `default`.
    #[serde(default)]
    pub(super) states: String,
}

/// A scope of a path that the caller sees.
pub(super) struct Place {
    /// What ids of objects at it begin with; empty at the tenant.
    pub(super) prefix: String,
    /// The scope under each of its names, the path's first: an account has two, and so has what lies in it.
    pub(super) names: Vec<Scope>,
    /// The names with everything above.
    pub(super) chain: Vec<Scope>,
    /// Connector and account, of a scope that lies in one which was assessed.
    pub(super) account: Option<(String, String)>,
    /// The resource group.
    pub(super) group: Option<String>,
    /// The resource's own id.
    pub(super) resource: Option<String>,
    /// Whether the route's action is allowed in all of it.
    is_whole: bool,
}

impl Place {
    /// The scope that a path begins with.
    ///
    /// # Errors
    /// 404 if there is no such scope, or it is none of the caller's.
    pub(super) async fn of(state: &Scoped, library: &Library, path: &PolicyPath) -> Result<Self, ApiError> {
        let place = match (&path.management_group, &path.subscription) {
            (Some(name), _) => Self::of_group(state, library, name)?,
            (None, Some(subscription)) => Self::of_subscription(state, library, path, subscription).await?,
            (None, None) if state.sees(&Scope::Tenant) => Self::tenant(),
            (None, None) => return Err(ApiError::not_found("such scope")),
        };
        let is_whole = state.reads_within(&place.chain);
        Ok(Self { is_whole, ..place })
    }

    fn tenant() -> Self {
        Self {
            prefix: String::new(),
            names: vec![Scope::Tenant],
            chain: vec![Scope::Tenant],
            account: None,
            group: None,
            resource: None,
            is_whole: false,
        }
    }

    fn of_group(state: &Scoped, library: &Library, name: &str) -> Result<Self, ApiError> {
        // The group of the tenant's own name is the tenant.
        if name.eq_ignore_ascii_case(state.auth.tenant()) && state.sees(&Scope::Tenant) {
            return Ok(Self::tenant());
        }
        let scope = Scope::ManagementGroup(name.to_lowercase());
        let is_known = groups::known(library).contains_key(name.to_lowercase().as_str()) || is_used(library, &scope);
        if !is_known || !state.sees(&scope) {
            return Err(groups::no_such_group());
        }
        let chain = library.governance.hierarchy.above(&scope);
        Ok(Self { prefix: scope.to_string(), names: vec![scope], chain, ..Self::tenant() })
    }

    async fn of_subscription(state: &Scoped, library: &Library, path: &PolicyPath, id: &str) -> Result<Self, ApiError> {
        // Two accounts may have one name: the one that the caller sees is meant.
        let account = match of_filter(state, &state.filter, id).await? {
            Some(own) => Some(own),
            None => of_filter(state, &ScopeFilter::All, id).await?,
        };
        let share = account.as_ref().map(|(connector, account)| state.filter.share(connector, account).cloned());
        let mut ids = vec![id.to_lowercase()];
        if let Some((connector, account)) = &account {
            let both = [account.to_lowercase(), id_of(connector, account)];
            ids.extend(both.into_iter().filter(|other| *other != id.to_lowercase()));
        }
        let names: Vec<Scope> = ids.iter().cloned().map(Scope::Subscription).collect();
        // One of which nothing was assessed yet may have its policies already.
        let is_known = account.is_some()
            || names.iter().any(|own| library.governance.hierarchy.placed().any(|scope| scope == own) || is_used(library, own));
        let is_seen = share.as_ref().map_or_else(|| names.iter().any(|own| state.holds_near(own)), Option::is_some);
        if !is_known || !is_seen {
            return Err(missing("SubscriptionNotFound", "subscription"));
        }
        let prefix = format!("/subscriptions/{id}");
        let Some(group) = &path.group else {
            let chain = above(library, &names);
            return Ok(Self { prefix, names, chain, account, ..Self::tenant() });
        };
        let prefix = format!("{prefix}/resourceGroups/{group}");
        let of_group: Vec<Scope> = ids.into_iter().map(|id| Scope::ResourceGroup(id, group.to_lowercase())).collect();
        let Some(resource) = resource_of(path, &prefix) else {
            let groups = match &account {
                Some((connector, account)) => state.store.resource_groups(&ScopeFilter::All, connector, account).await?,
                None => Vec::new(),
            };
            let is_known =
                groups.iter().any(|own| own.eq_ignore_ascii_case(group)) || of_group.iter().any(|own| is_used(library, own));
            let is_seen = match share.flatten() {
                Some(Share::Whole) => true,
                Some(Share::Places(places)) => {
                    places.groups.contains(&group.to_lowercase())
                        || places.resources.values().any(|own| *own == group.to_lowercase())
                }
                None => account.is_none() && of_group.iter().any(|own| state.holds_near(own)),
            };
            if !is_known || !is_seen {
                return Err(missing("ResourceGroupNotFound", "resource group"));
            }
            let chain = above(library, &of_group);
            return Ok(Self { prefix, names: of_group, chain, account, group: Some(group.clone()), ..Self::tenant() });
        };
        let native = native_id_of(&resource).map_err(|error| ApiError::bad_request(error.to_string()))?;
        let mut names = vec![Scope::Resource(resource.to_lowercase())];
        names.extend(Some(Scope::Resource(native.as_str().to_lowercase())).filter(|own| !names.contains(own)));
        let found = state.store.resource(&ScopeFilter::All, native.as_str()).await?;
        let is_own = |own: &Resource| {
            let is_in =
                |(connector, account): &(String, String)| own.scope == place_of(connector, account, &own.scope.resource_group);
            account.as_ref().is_some_and(is_in)
        };
        let found = found.map(|(own, _)| own).filter(is_own);
        let is_seen = match &found {
            Some(own) => state.filter.allows_resource(own),
            None => names.iter().chain(&of_group).any(|own| state.holds_near(own)),
        };
        let is_here = found.is_some();
        let mut chain = above(library, &names);
        chain.extend(above(library, &of_group));
        let is_known = is_here || names.iter().any(|own| is_used(library, own));
        if !is_known || !is_seen {
            return Err(ApiError::not_found("such resource"));
        }
        let native = Some(native.as_str().to_owned());
        Ok(Self { prefix: resource, names, chain, account, resource: native, ..Self::tenant() })
    }

    /// Whether something that lies at a scope lies at this one.
    pub(super) fn is_at(&self, scope: &Scope) -> bool {
        self.names.contains(scope)
    }

    /// Whether something that lies at a scope is in force here.
    pub(super) fn inherits(&self, scope: &Scope) -> bool {
        self.chain.contains(scope)
    }

    /// What lies below this scope and is the caller's to see.
    pub(super) async fn reach(&self, state: &Scoped, library: &Library) -> Result<Reach, ApiError> {
        let mut reach = Reach { is_whole: self.is_whole, below: BTreeSet::new(), seen: BTreeSet::new() };
        for (connector, account) in state.store.accounts(&ScopeFilter::All).await? {
            let chain = library.governance.hierarchy.of_parts("", &place_of(&connector, &account, ""));
            let names = [account.to_lowercase(), id_of(&connector, &account)];
            if self.names.iter().any(|own| chain.contains(own)) {
                reach.below.extend(names.clone());
            }
            if state.filter.allows(&connector, &account) {
                reach.seen.extend(names);
            }
        }
        Ok(reach)
    }

    /// Whether something at a scope lies below this one and is the caller's to see.
    pub(super) fn shows_below(&self, state: &Scoped, library: &Library, reach: &Reach, scope: &Scope) -> bool {
        let above = library.governance.hierarchy.above(scope);
        let is_of =
            |names: &BTreeSet<String>| above.iter().any(|own| matches!(own, Scope::Subscription(id) if names.contains(id)));
        let lies_below = above.iter().any(|own| self.names.contains(own)) || is_of(&reach.below);
        lies_below && (reach.is_whole || state.sees(scope) || is_of(&reach.seen))
    }

    /// The id of an object of a type at this scope, as the path writes it.
    pub(super) fn id(&self, type_name: &str, name: &str) -> String {
        format!("{}/providers/{type_name}/{name}", self.prefix)
    }

    /// The ids in lower case that such an object may have.
    pub(super) fn ids(&self, type_name: &str, name: &str) -> Vec<String> {
        let under = |scope: &Scope| {
            let prefix = if *scope == Scope::Tenant { String::new() } else { scope.to_string() };
            format!("{prefix}/providers/{type_name}/{name}").to_lowercase()
        };
        self.names.iter().map(under).collect()
    }

    /// Connectors and accounts that lie here, of those that a filter lets through.
    pub(super) async fn filter(&self, state: &Scoped, library: &Library) -> Result<ScopeFilter, ApiError> {
        let accounts = match &self.account {
            Some(own) => vec![own.clone()],
            None => state.store.accounts(&state.filter).await?,
        };
        let lies_here = |(connector, account): &(String, String)| {
            let chain = library.governance.hierarchy.of_parts("", &place_of(connector, account, ""));
            self.account.is_some() || self.names.iter().any(|own| chain.contains(own))
        };
        Ok(state.filter.narrowed(accounts.into_iter().filter(lies_here)))
    }
}

/// Subscriptions by every name in lower case.
pub(super) struct Reach {
    /// Whether all that lies below a scope is the caller's to see.
    is_whole: bool,
    /// Those that lie below it.
    below: BTreeSet<String>,
    /// Those that are the caller's to see.
    seen: BTreeSet<String>,
}

/// The same whether there is no such scope or the caller does not see it.
fn missing(code: &'static str, what: &str) -> ApiError {
    let message = format!("there is no such {what}, or it is not visible to this login");
    ApiError::new(StatusCode::NOT_FOUND, code, message)
}

/// Whether anything lies at a scope: it can be looked at and removed although the scope itself is gone.
fn is_used(library: &Library, scope: &Scope) -> bool {
    library.documents().any(|(id, kind, _)| kind.place(id) == *scope)
}

fn above(library: &Library, names: &[Scope]) -> Vec<Scope> {
    let mut chain: Vec<Scope> = Vec::new();
    for scope in names.iter().flat_map(|own| library.governance.hierarchy.above(own)) {
        if !chain.contains(&scope) {
            chain.push(scope);
        }
    }
    chain
}

/// The place of an account's resources.
pub(super) fn place_of(connector: &str, account: &str, group: &str) -> Account {
    Account { connector: connector.into(), account: account.into(), resource_group: group.into() }
}

/// The ARM id of the resource that a path names below its resource group.
fn resource_of(path: &PolicyPath, group: &str) -> Option<String> {
    if let (Some(connector), Some(entity)) = (&path.connector, &path.entity) {
        return Some(format!("{group}/providers/Microsoft.Security/securityConnectors/{connector}/securityEntityData/{entity}"));
    }
    let (namespace, kind, name) = (path.namespace.as_ref()?, path.resource_type.as_ref()?, path.resource.as_ref()?);
    Some(format!("{group}/providers/{namespace}/{kind}/{name}"))
}
