//! That what a principal may do is the sum of what it and its groups hold, by a slow reference.

use std::collections::BTreeSet;

use proptest::{prelude::*, test_runner::TestRunner};
use skywarden_policy::{Hierarchy, Scope};
use skywarden_rbac::{Principal, PrincipalKind, PrincipalState, Role, RoleAssignment, built_in_roles};
use skywarden_store::Store;

use crate::{common, identity};

const SCOPES: [&str; 4] = ["/", "/subscriptions/s1", "/subscriptions/s2", "/subscriptions/s1/resourceGroups/g"];
const ACTIONS: [&str; 4] = ["A.B/c/read", "A.B/c/write", "A.B/c/delete", "Microsoft.Security/pricings/write"];

/// Two users, three groups, and one that is assigned roles and is not there.
const PRINCIPALS: [&str; 6] = ["u0", "u1", "g0", "g1", "g2", "gone"];
const N_USERS: usize = 2;
const GONE: usize = 5;

#[derive(Debug, Clone)]
struct Given {
    disabled: BTreeSet<usize>,
    /// (user, principal that it is said to be in)
    memberships: BTreeSet<(usize, usize)>,
    /// (principal, role, scope)
    assignments: BTreeSet<(usize, usize, usize)>,
}

fn given() -> impl Strategy<Value = Given> {
    let roles = 0..roles().len();
    (
        prop::collection::btree_set(0..GONE, 0..3),
        prop::collection::btree_set((0..N_USERS, N_USERS..PRINCIPALS.len()), 0..6),
        prop::collection::btree_set((0..PRINCIPALS.len(), roles, 0..SCOPES.len()), 0..8),
    )
        .prop_map(|(disabled, memberships, assignments)| Given { disabled, memberships, assignments })
}

fn custom() -> Vec<Role> {
    vec![
        identity::role("r0", "reads", &["*/read"], &[]),
        identity::role("r1", "keeps", &["A.B/*"], &["A.B/*/delete"]),
        identity::role("r2", "deletes", &["A.B/c/delete"], &[]),
    ]
}

fn roles() -> Vec<Role> {
    let built_in = built_in_roles().iter().filter(|role| ["Security Admin", "Owner"].contains(&role.name.as_str()));
    custom().into_iter().chain(built_in.map(|role| Role::clone(role))).collect()
}

fn is_there(given: &Given, principal: usize) -> bool {
    principal != GONE && !given.disabled.contains(&principal)
}

/// Whether a user may do something in a scope, assignment by assignment.
fn may(given: &Given, user: usize, action: &str, chain: &[Scope]) -> bool {
    given.assignments.iter().any(|&(holder, role, place)| {
        let holds = holder == user || given.memberships.contains(&(user, holder));
        let is_there = is_there(given, user) && is_there(given, holder);
        holds && is_there && roles()[role].allows(action) && chain.contains(&Scope::parse(SCOPES[place]).unwrap())
    })
}

async fn put(store: &Store, given: &Given) {
    for id in PRINCIPALS {
        store.remove_principal(id).await.unwrap();
    }
    for (number, id) in PRINCIPALS.iter().enumerate().take(GONE) {
        let kind = if number < N_USERS { PrincipalKind::User } else { PrincipalKind::Group };
        let state = if given.disabled.contains(&number) { PrincipalState::Disabled } else { PrincipalState::Enabled };
        store.put_principal(&Principal { state, ..identity::principal(id, kind, id) }).await.unwrap();
    }
    for (user, id) in PRINCIPALS.iter().enumerate().take(N_USERS) {
        let groups = given.memberships.iter().filter(|(own, _)| *own == user);
        store.set_groups(id, &groups.map(|(_, group)| PRINCIPALS[*group].to_owned()).collect()).await.unwrap();
    }
    let roles = roles();
    for (number, (holder, role, place)) in given.assignments.iter().enumerate() {
        let own: RoleAssignment =
            identity::assignment(&number.to_string(), PRINCIPALS[*holder], &roles[*role].id, SCOPES[*place]);
        store.put_role_assignment(&own).await.unwrap();
    }
}

fn grants_are_the_sum(runtime: &tokio::runtime::Runtime, store: &Store) {
    runtime.block_on(async {
        for role in custom() {
            store.put_role(&role).await.unwrap();
        }
    });
    let mut runner = TestRunner::new(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() });
    let checked = runner.run(&given(), |given| {
        runtime.block_on(async {
            put(store, &given).await;
            for (user, id) in PRINCIPALS.iter().enumerate().take(N_USERS) {
                let grants = store.grants_of(id).await.unwrap();
                for (action, place) in ACTIONS.iter().flat_map(|action| SCOPES.iter().map(move |place| (action, place))) {
                    let chain = Hierarchy::default().above(&Scope::parse(place).unwrap());
                    prop_assert_eq!(
                        grants.allow(action, &chain),
                        may(&given, user, action, &chain),
                        "{} {} {}",
                        user,
                        action,
                        place
                    );
                }
            }
            Ok(())
        })
    });
    assert!(checked.is_ok(), "{}", checked.unwrap_err());
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn grants_are_the_sum_on_sqlite() {
    let runtime = runtime();
    let (store, _folder) = runtime.block_on(common::sqlite());
    grants_are_the_sum(&runtime, &store);
}

#[test]
fn grants_are_the_sum_on_postgres() {
    let runtime = runtime();
    let store = runtime.block_on(common::postgres());
    grants_are_the_sum(&runtime, &store);
}
