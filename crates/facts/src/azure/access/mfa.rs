//! Whether a second factor is asked of somebody who signs in to manage Azure: by the security defaults of the tenant, or by a
//! conditional access policy.

use std::collections::HashMap;

use serde_json::Value;
use skywarden_inventory::Inventory;
use skywarden_model::{Resource, UnreadableKind};

use super::{
    directory::{self, Directory},
    gaps::Gaps,
    truth::{self, Truth},
};
use crate::read::{self, Why};

pub(crate) const POLICY: &str = "Microsoft.Graph/conditionalAccessPolicies";
pub(crate) const SECURITY_DEFAULTS: &str = "Microsoft.Graph/identitySecurityDefaultsEnforcementPolicy";
pub(crate) const DIRECTORY_ROLE: &str = "Microsoft.Graph/directoryRoleAssignments";
/// The application as which policies know Azure Resource Manager and the portal.
const AZURE_MANAGEMENT: &str = "797f4846-ba00-4fd7-ba43-dac1f8f63013";

pub(crate) struct Mfa<'a> {
    defaults: Truth,
    policies: Vec<Policy<'a>>,
    policies_gap: Option<Why>,
    /// By member of the directory: the roles that it has in the whole directory.
    roles: HashMap<String, Vec<String>>,
    roles_gap: Option<Why>,
}

/// A policy that may ask for a second factor.
struct Policy<'a> {
    /// Whether it is in force, asks everybody that it is about, each time, and is about Azure's management.
    asks: Truth,
    users: &'a Value,
}

/// One side of whom a policy is about, by the names that it has for them.
struct Side {
    users: &'static str,
    groups: &'static str,
    roles: &'static str,
    guests: &'static str,
}

const INCLUDED: Side =
    Side { users: "includeUsers", groups: "includeGroups", roles: "includeRoles", guests: "includeGuestsOrExternalUsers" };
const EXCLUDED: Side =
    Side { users: "excludeUsers", groups: "excludeGroups", roles: "excludeRoles", guests: "excludeGuestsOrExternalUsers" };

impl<'a> Mfa<'a> {
    pub(crate) fn new(inventory: Inventory<'a>, gaps: &Gaps<'_>) -> Self {
        let of = |name: &'static str| inventory.hold_all(name);
        let switched = of(SECURITY_DEFAULTS).map(|defaults| match read::get(defaults, &["isEnabled"]) {
            Ok(Some(Value::Bool(is_on))) => Truth::of(*is_on),
            Ok(_) => Truth::Unknown(read::malformed(defaults, "isEnabled", "it is neither true nor false")),
            Err(why) => Truth::Unknown(why),
        });
        let mut roles: HashMap<String, Vec<String>> = HashMap::new();
        let mut roles_gap = gaps.in_tenant(DIRECTORY_ROLE);
        for assignment in of(DIRECTORY_ROLE) {
            match directory_role(assignment) {
                Ok(Some((member, role))) => roles.entry(member).or_default().push(role),
                Ok(None) => {}
                Err(why) => roles_gap = roles_gap.or(Some(why)),
            }
        }
        Self {
            defaults: truth::any(switched).or(|| Truth::unless(gaps.in_tenant(SECURITY_DEFAULTS), false)),
            policies: of(POLICY).map(Policy::new).filter(|policy| !policy.asks.is_no()).collect(),
            policies_gap: gaps.in_tenant(POLICY),
            roles,
            roles_gap,
        }
    }

    /// Whether a second factor is asked of a user.
    pub(crate) fn is_enforced(&self, user: &Resource, directory: &Directory<'_>) -> Truth {
        let id = directory::id_of(user);
        let asked = |policy: &Policy<'_>| {
            let included = || self.is_on(&INCLUDED, policy.users, &id, user, directory);
            let excluded = || self.is_on(&EXCLUDED, policy.users, &id, user, directory);
            policy.asks.clone().and(included).and(|| !excluded())
        };
        self.defaults
            .clone()
            .or(|| truth::any(self.policies.iter().map(asked)))
            .or(|| Truth::unless(self.policies_gap.clone(), false))
    }

    /// Whether a principal has a role in the directory, by itself or as a member of a group.
    pub(crate) fn has_role(&self, principal: &str, role: &str, directory: &Directory<'_>) -> Truth {
        let has =
            |member: &str| self.roles.get(member).is_some_and(|roles| roles.iter().any(|own| own.eq_ignore_ascii_case(role)));
        if has(principal) || directory.groups_of(principal).iter().any(|group| has(group)) {
            return Truth::Yes;
        }
        Truth::unless(self.roles_gap.clone(), false)
    }

    fn is_on(&self, side: &Side, users: &Value, id: &str, user: &Resource, directory: &Directory<'_>) -> Truth {
        let list = |key: &str| users.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let named = list(side.users).map(|name| match name {
            "All" => Truth::Yes,
            "GuestsOrExternalUsers" => directory::is_guest(user),
            other => Truth::of(other.eq_ignore_ascii_case(id)),
        });
        let groups = list(side.groups).map(|group| directory.is_member(id, &group.to_ascii_lowercase()));
        let roles = list(side.roles).map(|role| self.has_role(id, role, directory));
        let guests = users.get(side.guests).filter(|guests| guests.is_object()).map(|guests| is_such_guest(guests, user));
        truth::any(named.chain(groups).chain(roles).chain(guests))
    }
}

impl<'a> Policy<'a> {
    fn new(policy: &'a Resource) -> Self {
        let part = |name: &'static str| read::get(policy, &[name]).map(|value| value.unwrap_or(&Value::Null));
        let asks = || -> Result<bool, Why> {
            let (state, conditions, controls) = (read::text(policy, &["state"])?, part("conditions")?, part("grantControls")?);
            Ok(state == Some("enabled")
                && is_about_management(conditions)
                && is_unconditional(conditions)
                && demands_mfa(controls))
        };
        let users = policy.properties.get("conditions").and_then(|conditions| conditions.get("users")).unwrap_or(&Value::Null);
        Self { asks: Truth::from_read(asks()), users }
    }
}

/// Who has which role in the whole directory; `None` for a part of it.
fn directory_role(assignment: &Resource) -> Result<Option<(String, String)>, Why> {
    let scope = read::text(assignment, &["directoryScopeId"])?;
    let member = read::text(assignment, &["principalId"])?;
    let role = read::text(assignment, &["roleDefinitionId"])?;
    match (member, role) {
        (Some(member), Some(role)) if scope.is_none_or(|scope| scope == "/") => {
            Ok(Some((member.to_ascii_lowercase(), role.to_ascii_lowercase())))
        }
        (Some(_), Some(_)) => Ok(None),
        _ => Err(read::malformed(assignment, "principalId", "it does not say who has which role")),
    }
}

fn texts<'v>(value: &'v Value, key: &str) -> Vec<&'v str> {
    value.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

fn is_about_management(conditions: &Value) -> bool {
    let applications = conditions.get("applications").unwrap_or(&Value::Null);
    let names = |key: &str| texts(applications, key);
    let is_azure = |name: &&str| name.eq_ignore_ascii_case(AZURE_MANAGEMENT);
    let is_filtered = applications.get("applicationFilter").is_some_and(|filter| !filter.is_null());
    names("includeApplications").iter().any(|name| *name == "All" || is_azure(name))
        && !names("excludeApplications").iter().any(is_azure)
        && !is_filtered
}

/// Whether it holds wherever, on whatever device and however risky a sign-in is: what holds only sometimes leaves a way in.
fn is_unconditional(conditions: &Value) -> bool {
    let clients = texts(conditions, "clientAppTypes");
    let has_client = |name: &str| clients.contains(&name);
    let is_any_client =
        clients.is_empty() || has_client("all") || (has_client("browser") && has_client("mobileAppsAndDesktopClients"));
    let is_open = |key: &str, include: &str, exclude: &str| match conditions.get(key) {
        None | Some(Value::Null) => true,
        Some(limits) => {
            let included = texts(limits, include);
            included.iter().any(|name| name.eq_ignore_ascii_case("all")) && texts(limits, exclude).is_empty()
        }
    };
    let is_unset = |key: &str| match conditions.get(key) {
        None | Some(Value::Null) => true,
        Some(Value::Array(items)) => items.is_empty(),
        Some(_) => false,
    };
    let limits =
        ["signInRiskLevels", "userRiskLevels", "servicePrincipalRiskLevels", "devices", "deviceStates", "authenticationFlows"];
    is_any_client
        && is_open("locations", "includeLocations", "excludeLocations")
        && is_open("platforms", "includePlatforms", "excludePlatforms")
        && limits.into_iter().all(is_unset)
}

/// Whether nobody gets in without a second factor: by a control of its own, not by one of several that suffice.
fn demands_mfa(controls: &Value) -> bool {
    let built_in = texts(controls, "builtInControls");
    let has_strength = controls.get("authenticationStrength").is_some_and(|strength| !strength.is_null());
    let n_others = ["customAuthenticationFactors", "termsOfUse"].into_iter().map(|key| texts(controls, key).len()).sum::<usize>();
    let n_controls = built_in.len() + n_others + usize::from(has_strength);
    let are_all_needed = controls.get("operator").and_then(Value::as_str) == Some("AND");
    let n_closing = built_in.iter().filter(|control| matches!(**control, "mfa" | "block")).count() + usize::from(has_strength);
    n_closing > 0 && (are_all_needed || n_controls == n_closing)
}

fn is_such_guest(guests: &Value, user: &Resource) -> Truth {
    let kinds = guests.get("guestOrExternalUserTypes").and_then(Value::as_str).unwrap_or_default();
    let is_meant = kinds.split(',').any(|kind| kind.trim() == "b2bCollaborationGuest");
    let tenants = guests.get("externalTenants").filter(|tenants| !tenants.is_null());
    let is_every_tenant = tenants.is_none_or(|tenants| tenants.get("membershipKind").and_then(Value::as_str) == Some("all"));
    let which = || {
        if is_meant && is_every_tenant {
            return Truth::Yes;
        }
        let message = "it means guests of certain kinds or tenants, and whether this is one is not known";
        Truth::Unknown(read::why(UnreadableKind::NotYetKnown, "tell whether a policy means a guest", message))
    };
    directory::is_guest(user).and(which)
}
