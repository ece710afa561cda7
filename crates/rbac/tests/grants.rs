//! That grants allow what the assignments say, by a slow reference.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, sync::Arc};

use proptest::prelude::*;
use serde_json::json;
use skywarden_model::Timestamp;
use skywarden_policy::{Hierarchy, Scope};
use skywarden_rbac::{Grants, PrincipalKind, Role, RoleAssignment, RoleKind};

const SCOPES: [&str; 7] = [
    "/",
    "/providers/Microsoft.Management/managementGroups/corp",
    "/providers/Microsoft.Management/managementGroups/web",
    "/subscriptions/s1",
    "/subscriptions/s2",
    "/subscriptions/s1/resourceGroups/g",
    "/subscriptions/s1/resourceGroups/g/providers/A.B/c/d",
];

const ACTIONS: [&str; 4] = ["A.B/c/read", "A.B/c/write", "A.B/c/delete", "X.Y/z/read"];

/// Which scopes of [`SCOPES`] lie in which, itself among them, written down by hand.
const WITHIN: [&[usize]; 7] = [&[0], &[0, 1], &[0, 1, 2], &[0, 1, 2, 3], &[0, 4], &[0, 1, 2, 3, 5], &[0, 1, 2, 3, 5, 6]];

fn scope(place: usize) -> Scope {
    Scope::parse(SCOPES[place]).unwrap()
}

fn hierarchy() -> Hierarchy {
    let mut hierarchy = Hierarchy::default();
    hierarchy.put(scope(2), scope(1)).unwrap();
    hierarchy.put(scope(3), scope(2)).unwrap();
    hierarchy
}

fn role(id: usize, actions: &[&str], not_actions: &[&str]) -> Arc<Role> {
    let properties = json!({ "roleName": format!("role {id}"), "assignableScopes": ["/"],
                             "permissions": [{ "actions": actions, "notActions": not_actions }] });
    Arc::new(Role::parse(&id.to_string(), RoleKind::Custom, &properties).unwrap())
}

fn roles() -> Vec<Arc<Role>> {
    vec![role(0, &["*"], &[]), role(1, &["*/read"], &[]), role(2, &["A.B/*"], &["A.B/*/delete"]), role(3, &["A.B/c/delete"], &[])]
}

/// What the roles of [`roles`] allow of [`ACTIONS`], written down by hand.
const ALLOWED: [[bool; 4]; 4] = [[true; 4], [true, false, false, true], [true, true, false, false], [false, false, true, false]];

proptest! {
    #[test]
    fn grants_are_the_sum_of_the_assignments(
        given in prop::collection::vec((0..3_usize, 0..5_usize, 0..SCOPES.len()), 0..6),
        asked in prop::collection::btree_set(0..3_usize, 0..3),
        (action, place) in (0..ACTIONS.len(), 0..SCOPES.len()),
        (limit, only) in (0..SCOPES.len(), prop::option::of(0..ACTIONS.len())),
    ) {
        let assignments: Vec<RoleAssignment> = given
            .iter()
            .map(|(principal, role, place)| RoleAssignment {
                id: String::new(),
                principal: principal.to_string(),
                principal_kind: PrincipalKind::User,
                role: role.to_string(),
                scope: scope(*place),
                created_at: Timestamp::UNIX_EPOCH,
                created_by: String::new(),
            })
            .collect();
        let principals: BTreeSet<String> = asked.iter().map(ToString::to_string).collect();
        let grants = Grants::of(&principals, &assignments, &roles());
        let allowed = |within: &[usize]| {
            given.iter().any(|(principal, role, at)| {
                asked.contains(principal) && within.contains(at) && ALLOWED.get(*role).is_some_and(|own| own[action])
            })
        };
        let chain = hierarchy().above(&scope(place));
        prop_assert_eq!(grants.allow(ACTIONS[action], &chain), allowed(WITHIN[place]));
        prop_assert_eq!(grants.allow_everywhere(ACTIONS[action]), allowed(&[0]));
        prop_assert_eq!(grants.allow_somewhere(ACTIONS[action]), allowed(&[0, 1, 2, 3, 4, 5, 6]));
        // A limit allows what is allowed anyway, below its scope, of its actions.
        let actions = only.map(|only| vec![ACTIONS[only].parse().unwrap()]);
        let limited = grants.limited(actions, &scope(limit), |scope| hierarchy().above(scope));
        let is_let = only.is_none_or(|only| only == action) && WITHIN[place].contains(&limit);
        prop_assert_eq!(limited.allow(ACTIONS[action], &chain), is_let && allowed(WITHIN[place]));
    }
}

#[test]
fn a_role_says_what_is_wrong_with_it() {
    let parse = |properties| Role::parse("x", RoleKind::Custom, &properties).map_err(|error| error.to_string());
    let error = |properties| parse(properties).unwrap_err();
    assert!(error(json!({})).contains("roleName"));
    assert!(error(json!({ "roleName": "r", "permissions": [], "assignableScopes": [] })).contains("nowhere"));
    assert!(error(json!({ "roleName": "r", "permissions": [], "assignableScopes": ["here"] })).contains("`here`"));
    let action = json!({ "roleName": "r", "permissions": [{ "actions": ["a b"] }], "assignableScopes": ["/"] });
    assert!(error(action).contains("`a b`"));
    let whole = json!({ "roleName": "r", "type": "CustomRole", "description": "d", "assignableScopes": ["/subscriptions/s"],
                        "permissions": [{ "actions": ["*"], "notActions": ["a/b"], "dataActions": [], "notDataActions": [] }] });
    assert_eq!(parse(whole.clone()).unwrap().properties(), whole);
}
