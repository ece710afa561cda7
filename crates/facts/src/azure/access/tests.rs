mod allows;
mod conditions;
mod invariants;
mod lists;
mod naive;
mod rules;
mod scale;
mod second_factor;
mod unknown;
mod ways_up;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};
use skywarden_inventory::{Held, Inventory};
use skywarden_model::{Carried, Coverage, FactSheet, ListOutcome, Resource, Scope, Unreadable, UnreadableKind, UnreadableReason};

use super::{access, directory, engine::Engine, gaps::Gaps, holders, mfa, pim, principals, scope};
use crate::read::Failures;

const TENANT: &str = "22222222-2222-2222-2222-222222222222";
const ONE: &str = "/subscriptions/11111111-1111-1111-1111-111111111111";
const OTHER: &str = "/subscriptions/33333333-3333-3333-3333-333333333333";
const TEAM: &str = "/providers/Microsoft.Management/managementGroups/Team";
const TOP: &str = "/providers/Microsoft.Management/managementGroups/Top";
const CLASSIC: &str = "Microsoft.Authorization/classicAdministrators";
const MACHINE: &str = "Microsoft.Compute/virtualMachines";
const IDENTITY: &str = "Microsoft.ManagedIdentity/userAssignedIdentities";

/// A tenant as a snapshot has it: two subscriptions below the management groups Team and Top.
struct World {
    resources: Vec<Resource>,
    coverage: Vec<Coverage>,
    n_assignments: usize,
}

impl World {
    fn new() -> Self {
        let mut world = Self { resources: Vec::new(), coverage: Vec::new(), n_assignments: 0 };
        for subscription in [ONE, OTHER] {
            let chain = json!({"managementGroupAncestorsChain": [{"name": "Team"}, {"name": "Top"}]});
            world.add(scope::SUBSCRIPTION, subscription, chain);
            let account = scope::subscription_name(subscription);
            let types = [
                super::engine::ASSIGNMENT,
                super::engine::DEFINITION,
                super::engine::DENIAL,
                pim::ACTIVE,
                pim::ELIGIBLE,
                CLASSIC,
                MACHINE,
                IDENTITY,
            ];
            types.iter().for_each(|type_name| world.cover(type_name, account));
        }
        world.add(scope::MANAGEMENT_GROUP, TEAM, json!({"details": {"parent": {"id": TOP}}}));
        world.add(scope::MANAGEMENT_GROUP, TOP, json!({"details": {"parent": null}}));
        let types = [
            super::engine::ASSIGNMENT,
            pim::ACTIVE,
            scope::MANAGEMENT_GROUP,
            directory::USER,
            directory::GROUP,
            directory::SERVICE_PRINCIPAL,
            mfa::POLICY,
            mfa::SECURITY_DEFAULTS,
            mfa::DIRECTORY_ROLE,
        ];
        types.iter().for_each(|type_name| world.cover(type_name, TENANT));
        world.role("owner", json!({"actions": ["*"]}));
        let not_actions = ["Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"];
        world.role("contributor", json!({"actions": ["*"], "notActions": not_actions}));
        world.role("reader", json!({"actions": ["*/read"]}));
        world.role("uaa", json!({"actions": ["*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"]}));
        world.role("operator", json!({"actions": ["Microsoft.Compute/virtualMachines/*"]}));
        world.role(
            "blobs",
            json!({"actions": [], "dataActions": ["Microsoft.Storage/*/blobs/read", "Microsoft.Storage/*/blobs/write"]}),
        );
        world
    }

    fn add(&mut self, type_name: &str, id: &str, properties: Value) -> &mut Resource {
        let is_tenants = type_name.starts_with("Microsoft.Graph/") || !id.starts_with("/subscriptions/");
        let account = if is_tenants { TENANT } else { scope::subscription_name(scope::subscription_of(id).unwrap_or(id)) };
        self.resources.push(Resource {
            id: id.to_ascii_lowercase().into(),
            type_name: type_name.into(),
            name: id.rsplit('/').next().unwrap().to_owned(),
            scope: Scope { connector: "c".into(), account: account.into(), resource_group: "global".into() },
            location: None,
            tags: BTreeMap::new(),
            envelope: serde_json::Map::new(),
            properties,
            unreadable: Vec::new(),
            carried: Carried::All,
        });
        self.resources.last_mut().unwrap()
    }

    fn role(&mut self, name: &str, permission: Value) -> &mut Resource {
        let id = format!("/providers/Microsoft.Authorization/roleDefinitions/{name}");
        let kind = if name.starts_with("custom") { "CustomRole" } else { "BuiltInRole" };
        let properties = json!({"roleName": name, "type": kind, "assignableScopes": ["/"], "permissions": [permission]});
        self.add(super::engine::DEFINITION, &id, properties)
    }

    /// An assignment; `who` begins like what it is: `user-`, `group-`, `app-`.
    fn assign(&mut self, who: &str, role: &str, scope: &str) -> &mut Resource {
        self.n_assignments += 1;
        let start = if scope == "/" { "" } else { scope };
        let id = format!("{start}/providers/Microsoft.Authorization/roleAssignments/{}", self.n_assignments);
        let kind = match who.split('-').next() {
            Some("user") => "User",
            Some("group") => "Group",
            _ => "ServicePrincipal",
        };
        let definition = format!("{scope}/providers/Microsoft.Authorization/roleDefinitions/{role}");
        let properties = json!({"principalId": who.to_ascii_uppercase(), "principalType": kind, "roleDefinitionId": definition, "scope": scope});
        self.add(super::engine::ASSIGNMENT, &id, properties)
    }

    fn deny(&mut self, scope: &str, who: &[&str], permission: Value) -> &mut Resource {
        let id = format!("{scope}/providers/Microsoft.Authorization/denyAssignments/d{}", self.resources.len());
        let principals: Vec<_> = who.iter().map(|id| json!({"id": id, "type": "User"})).collect();
        let properties = json!({"scope": scope, "principals": principals, "excludePrincipals": [], "permissions": [permission]});
        self.add(super::engine::DENIAL, &id, properties)
    }

    /// An enabled member of the tenant with a second factor.
    fn user(&mut self, id: &str) -> &mut Resource {
        let properties = json!({
            "id": id, "userPrincipalName": format!("{id}@example.org"), "accountEnabled": true, "userType": "Member",
            "registration": {"isMfaRegistered": true}, "createdDateTime": "2024-01-01T00:00:00Z",
            "signInActivity": {"lastSignInDateTime": "2026-01-01T00:00:00Z"}});
        self.add(directory::USER, &format!("/tenants/{TENANT}/users/{id}"), properties)
    }

    fn app(&mut self, id: &str) -> &mut Resource {
        let path = format!("/tenants/{TENANT}/servicePrincipals/{id}");
        self.add(directory::SERVICE_PRINCIPAL, &path, json!({"id": id, "displayName": format!("the {id}")}))
    }

    fn group(&mut self, id: &str, members: &[&str]) -> &mut Resource {
        let members: Vec<_> = members.iter().map(|id| json!({"id": id, "@odata.type": "#microsoft.graph.user"})).collect();
        let path = format!("/tenants/{TENANT}/groups/{id}");
        self.add(directory::GROUP, &path, json!({"id": id, "displayName": format!("all of {id}"), "transitiveMembers": members}))
    }

    fn cover(&mut self, type_name: &str, account: &str) {
        let outcome = ListOutcome::Complete { n_resources: 0 };
        let region = "global".into();
        self.coverage.push(Coverage {
            type_name: type_name.into(),
            account: account.into(),
            region,
            outcome,
            denied: Vec::new(),
        });
    }

    fn fail(&mut self, type_name: &str, account: &str) {
        let entries = self.coverage.iter_mut();
        let entry = entries.into_iter().find(|entry| entry.type_name.as_str() == type_name && &*entry.account == account);
        entry.unwrap().outcome = ListOutcome::Failed { reason: reason() };
    }

    fn engine<T>(&self, look: impl FnOnce(&Engine<'_>) -> T) -> T {
        let (failures, held) = (Failures::new(&self.coverage), Held::default());
        let inventory = Inventory::of_open(&self.resources, &held);
        let gaps = Gaps::new(inventory, &self.coverage, &failures);
        look(&Engine::new(inventory, &gaps))
    }

    fn facts(&self) -> BTreeMap<String, FactSheet> {
        let (failures, held) = (Failures::new(&self.coverage), Held::default());
        let ways = crate::tests::azure_escalations();
        let sheets = access(Inventory::of_open(&self.resources, &held), &self.coverage, &failures, &ways);
        sheets.into_iter().map(|(id, sheet)| (id.to_string(), sheet)).collect()
    }

    fn holders(&self) -> FactSheet {
        self.facts()[ONE].clone()
    }

    fn permissions(&self, who: &str) -> FactSheet {
        let facts = self.facts();
        let found = facts.iter().find(|(id, _)| id.ends_with(&format!("/{who}")));
        found.unwrap().1.clone()
    }
}

fn reason() -> Arc<UnreadableReason> {
    Arc::new(UnreadableReason {
        kind: UnreadableKind::Denied,
        operation: "x/read".into(),
        permission: Some("x/read".into()),
        code: "AuthorizationFailed".into(),
        message: String::new(),
    })
}

fn hide(resource: &mut Resource, field: &str) {
    resource.unreadable.push(Unreadable { field: field.parse().unwrap(), reason: reason() });
}

/// A field that is known wholly.
fn known(sheet: &FactSheet, field: &str) -> Value {
    let (value, is_whole) = told(sheet, field);
    assert!(is_whole, "{field} is not known wholly: {value}");
    value
}

/// A list of which there may be more.
fn cut(sheet: &FactSheet, field: &str) -> Value {
    let (value, is_whole) = told(sheet, field);
    assert!(!is_whole && value.is_array(), "{field} is known wholly: {value}");
    value
}

/// A field of which nothing is known.
fn is_unknown(sheet: &FactSheet, field: &str) -> bool {
    told(sheet, field) == (Value::Null, false)
}

fn told(sheet: &FactSheet, field: &str) -> (Value, bool) {
    let fact = if sheet.values.contains_key(holders::FACT) { holders::FACT } else { principals::FACT };
    let path = format!("facts.{fact}.{field}");
    let gap = sheet.unreadable.iter().find(|entry| entry.field.to_string() == path);
    let value = sheet.field(fact, field).cloned();
    match (&value, gap) {
        (Some(Value::Array(_)), Some(gap)) => assert_eq!(gap.reason.kind, UnreadableKind::Truncated, "{field}"),
        (value, gap) => assert_ne!(value.is_some(), gap.is_some(), "{field}"),
    }
    (value.unwrap_or_default(), gap.is_none())
}
