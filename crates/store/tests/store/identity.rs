//! Principals, what they prove themselves with, their roles and their sessions.

use std::collections::BTreeSet;

use serde_json::json;
use skywarden_model::Timestamp;
use skywarden_policy::Scope;
use skywarden_rbac::{BuiltIn, Principal, PrincipalKind, PrincipalState, Role, RoleAssignment, RoleKind};
use skywarden_store::{Credential, CredentialKind, FailedSignIns, NewAssignment, Session, Store, StoreError};
use tokio::task::JoinSet;

use crate::{at, on_both};

on_both!(
    principals_come_back_in_order,
    a_name_belongs_to_one_of_its_kind,
    what_a_principal_had_goes_with_it,
    groups_are_set_as_a_whole,
    credentials_are_found_by_what_they_are_checked_against,
    a_use_is_noted_once_a_minute,
    every_failed_sign_in_counts,
    an_assignment_is_kept_once,
    a_role_has_a_name_of_its_own,
    a_role_stays_while_it_is_assigned,
    a_role_and_its_assignment_do_not_miss_each_other,
    the_disabled_and_the_unknown_have_no_grants,
    a_session_ends,
    a_code_is_taken_by_one,
    a_code_ends,
    a_code_is_claimed_by_one,
    what_is_known_of_principals,
    the_first_value_of_the_installation_stays,
);

pub(crate) fn principal(id: &str, kind: PrincipalKind, name: &str) -> Principal {
    Principal {
        id: id.to_owned(),
        kind,
        name: name.to_owned(),
        display_name: format!("{name} \u{0}<b>"),
        state: PrincipalState::Enabled,
        created_at: at(0),
        provider: None,
    }
}

fn user(id: &str, name: &str) -> Principal {
    principal(id, PrincipalKind::User, name)
}

fn credential(id: &str, principal: &str, secret: &str) -> Credential {
    Credential {
        id: id.to_owned(),
        principal: principal.to_owned(),
        kind: CredentialKind::Token,
        name: "for the \u{202e}pipeline".to_owned(),
        secret: secret.to_owned(),
        scope: Some("{\"actions\":[\"*/read\"]}".to_owned()),
        created_at: at(0),
        expires_at: Some(at(100)),
        last_used_at: None,
    }
}

fn session(digest: &str, principal: &str, end: i64) -> Session {
    Session {
        digest: digest.to_owned(),
        principal: principal.to_owned(),
        created_at: at(0),
        expires_at: at(end),
        last_seen_at: at(0),
        address: "2001:db8::1".to_owned(),
        agent: "Mozilla/5.0 \"'".to_owned(),
    }
}

pub(crate) fn assignment(id: &str, principal: &str, role: &str, scope: &str) -> RoleAssignment {
    RoleAssignment {
        id: id.to_owned(),
        principal: principal.to_owned(),
        principal_kind: PrincipalKind::User,
        role: role.to_owned(),
        scope: Scope::parse(scope).unwrap(),
        created_at: at(0),
        created_by: "someone".to_owned(),
    }
}

pub(crate) fn role(id: &str, name: &str, actions: &[&str], not_actions: &[&str]) -> Role {
    let permissions = json!([{ "actions": actions, "notActions": not_actions }]);
    let properties = json!({ "roleName": name, "description": "d", "assignableScopes": ["/"], "permissions": permissions });
    Role::parse(id, RoleKind::Custom, &properties).unwrap()
}

fn ids(of: &[&str]) -> BTreeSet<String> {
    of.iter().map(|id| (*id).to_owned()).collect()
}

async fn principals_come_back_in_order(store: &Store) {
    let expected = [
        user("4", "Zoë"),
        user("2", "_"),
        user("3", "ada"),
        principal("5", PrincipalKind::Group, "ada"),
        principal("1", PrincipalKind::ServicePrincipal, "ada"),
    ];
    for own in expected.iter().rev() {
        store.put_principal(own).await.unwrap();
    }
    assert_eq!(store.principals().await.unwrap(), expected);
    assert_eq!(store.principal("4").await.unwrap().as_ref(), Some(&expected[0]));
    assert_eq!(store.principal("6").await.unwrap(), None);
    assert_eq!(store.principal_named(PrincipalKind::User, "ZOË").await.unwrap().as_ref(), Some(&expected[0]));
    assert_eq!(store.principal_named(PrincipalKind::Group, "ADA").await.unwrap().as_ref(), Some(&expected[3]));
    assert_eq!(store.principal_named(PrincipalKind::Group, "zoë").await.unwrap(), None);
}

async fn a_name_belongs_to_one_of_its_kind(store: &Store) {
    store.put_principal(&user("1", "Élodie")).await.unwrap();
    let refused = store.put_principal(&user("2", "ÉLODIE")).await.unwrap_err();
    assert!(matches!(&refused, StoreError::NameTaken { name, .. } if name == "ÉLODIE"), "{refused}");
    assert_eq!(store.principal("2").await.unwrap(), None);
    store.put_principal(&user("2", "bob")).await.unwrap();
    // One that is there can't take it either, and stays as it was.
    assert!(matches!(store.put_principal(&user("2", "élodie")).await.unwrap_err(), StoreError::NameTaken { .. }));
    assert_eq!(store.principal("2").await.unwrap(), Some(user("2", "bob")));
    store.put_principal(&user("1", "élodie")).await.unwrap();
    store.put_principal(&principal("3", PrincipalKind::Group, "élodie")).await.unwrap();
    assert_eq!(store.principals().await.unwrap().len(), 3);
    store.put_principal(&user("1", "eve")).await.unwrap();
    store.put_principal(&user("2", "élodie")).await.unwrap();
    assert_eq!(store.principal_named(PrincipalKind::User, "Élodie").await.unwrap(), Some(user("2", "élodie")));
}

async fn what_a_principal_had_goes_with_it(store: &Store) {
    for id in ["gone", "kept"] {
        store.put_principal(&user(id, id)).await.unwrap();
        store.put_credential(&credential(&format!("c-{id}"), id, id)).await.unwrap();
        store.put_session(&session(&format!("s-{id}"), id, 100)).await.unwrap();
        store.set_groups(id, &ids(&["group", "gone"])).await.unwrap();
        store.put_role_assignment(&assignment(&format!("a-{id}"), id, BuiltIn::Reader.id(), "/")).await.unwrap();
        store.sign_in_failed(id, at(0)).await.unwrap();
    }
    assert!(store.remove_principal("gone").await.unwrap());
    assert!(!store.remove_principal("gone").await.unwrap());
    assert_eq!(store.principals().await.unwrap(), [user("kept", "kept")]);
    assert_eq!(store.credential("c-gone").await.unwrap(), None);
    assert_eq!(store.session("s-gone", at(1)).await.unwrap(), None);
    assert_eq!(store.groups_of("gone").await.unwrap(), ids(&[]));
    assert_eq!(store.failed_sign_ins("gone").await.unwrap(), FailedSignIns::default());
    assert_eq!(store.credentials_of("kept").await.unwrap().len(), 1);
    assert_eq!(store.sessions_of("kept").await.unwrap().len(), 1);
    assert_eq!(store.groups_of("kept").await.unwrap(), ids(&["group"]), "nobody is a member of what is gone");
    assert_eq!(store.failed_sign_ins("kept").await.unwrap().count, 1);
    let left = store.role_assignments().await.unwrap();
    assert_eq!(left, [assignment("a-kept", "kept", BuiltIn::Reader.id(), "/")]);
    store.put_principal(&user("new", "gone")).await.unwrap();
}

async fn groups_are_set_as_a_whole(store: &Store) {
    store.set_groups("1", &ids(&["a", "b"])).await.unwrap();
    store.set_groups("2", &ids(&["a"])).await.unwrap();
    store.set_groups("1", &ids(&["b", "c"])).await.unwrap();
    assert_eq!(store.groups_of("1").await.unwrap(), ids(&["b", "c"]));
    store.set_groups("1", &ids(&[])).await.unwrap();
    assert_eq!(store.groups_of("1").await.unwrap(), ids(&[]));
    assert_eq!(store.groups_of("2").await.unwrap(), ids(&["a"]));
}

async fn credentials_are_found_by_what_they_are_checked_against(store: &Store) {
    let token = credential("1", "p", "digest");
    // Longer than PostgreSQL takes into an index.
    let long: String =
        (0..9000_u32).map(|n| char::from(b'!' + u8::try_from(n.wrapping_mul(2_654_435_761) >> 26).unwrap())).collect();
    let certificate = Credential { kind: CredentialKind::Certificate, created_at: at(1), ..credential("2", "p", &long) };
    let endless = Credential { expires_at: None, scope: None, last_used_at: Some(at(3)), ..credential("3", "q", "other") };
    for own in [&certificate, &token, &endless] {
        store.put_credential(own).await.unwrap();
    }
    assert_eq!(store.credentials_of("p").await.unwrap(), [token.clone(), certificate.clone()]);
    assert_eq!(store.credential("3").await.unwrap(), Some(endless));
    assert_eq!(store.credential_by_secret(CredentialKind::Token, "digest").await.unwrap(), Some(token.clone()));
    assert_eq!(store.credential_by_secret(CredentialKind::Certificate, &long).await.unwrap(), Some(certificate));
    assert_eq!(store.credential_by_secret(CredentialKind::Secret, "digest").await.unwrap(), None);
    assert_eq!(store.credential_by_secret(CredentialKind::Token, "DIGEST").await.unwrap(), None);
    store.put_credential(&Credential { secret: "changed".to_owned(), ..token }).await.unwrap();
    assert_eq!(store.credential_by_secret(CredentialKind::Token, "digest").await.unwrap(), None);
    assert!(store.credential_by_secret(CredentialKind::Token, "changed").await.unwrap().is_some());
    assert!(store.remove_credential("1").await.unwrap());
    assert!(!store.remove_credential("1").await.unwrap());
    assert_eq!(store.credentials_of("p").await.unwrap().len(), 1);
    let printed = format!("{:?}", credential("1", "p", "hunter2"));
    assert!(printed.contains("pipeline") && !printed.contains("hunter2"), "{printed}");
}

async fn a_use_is_noted_once_a_minute(store: &Store) {
    store.put_credential(&credential("1", "p", "digest")).await.unwrap();
    store.put_session(&session("s", "p", 1000)).await.unwrap();
    for (now, credential_used, session_seen) in
        [(10, 10, 0), (69, 10, 69), (70, 70, 69), (71, 70, 69), (20, 70, 69), (200, 200, 200)]
    {
        store.touch_credential("1", at(now)).await.unwrap();
        store.touch_session("s", at(now)).await.unwrap();
        assert_eq!(store.credential("1").await.unwrap().unwrap().last_used_at, Some(at(credential_used)), "{now}");
        assert_eq!(store.session("s", at(now)).await.unwrap().unwrap().last_seen_at, at(session_seen), "{now}");
    }
    store.touch_credential("none", at(0)).await.unwrap();
    store.touch_session("none", at(0)).await.unwrap();
    assert_eq!(store.session("none", at(0)).await.unwrap(), None);
}

async fn every_failed_sign_in_counts(store: &Store) {
    let mut tries = JoinSet::new();
    for second in 0..20 {
        let store = store.clone();
        tries.spawn(async move { store.sign_in_failed("p", at(second)).await.unwrap().count });
    }
    let seen: BTreeSet<u32> = tries.join_all().await.into_iter().collect();
    assert_eq!(seen, (1..=20).collect(), "each saw a count of its own");
    store.sign_in_failed("q", at(0)).await.unwrap();
    assert_eq!(store.failed_sign_ins("p").await.unwrap(), FailedSignIns { count: 20, last_at: Some(at(19)) });
    store.sign_in_succeeded("p", at(100)).await.unwrap();
    assert_eq!(store.failed_sign_ins("p").await.unwrap(), FailedSignIns { count: 0, last_at: None });
    assert_eq!(store.failed_sign_ins("q").await.unwrap().count, 1);
    assert_eq!(store.sign_in_failed("p", at(30)).await.unwrap().count, 1);
}

async fn an_assignment_is_kept_once(store: &Store) {
    let reader = BuiltIn::Reader.id();
    let first = assignment("b", "p", reader, "/subscriptions/1");
    assert_eq!(store.put_role_assignment(&first).await.unwrap(), NewAssignment::Kept);
    let again = assignment("c", "p", &reader.to_uppercase(), "/SUBSCRIPTIONS/1/");
    let exists = NewAssignment::Exists { id: "b".to_owned() };
    assert_eq!(store.put_role_assignment(&again).await.unwrap(), exists);
    assert_eq!(store.put_role_assignment(&first).await.unwrap(), exists);
    let other = assignment("b", "p", reader, "/subscriptions/2");
    assert_eq!(store.put_role_assignment(&other).await.unwrap(), NewAssignment::IdTaken);
    let unknown = assignment("d", "p", "no-role", "/");
    assert_eq!(store.put_role_assignment(&unknown).await.unwrap(), NewAssignment::NoSuchRole);
    let places =
        ["/", "/providers/Microsoft.Management/managementGroups/Corp", "/subscriptions/1/resourceGroups/g", "arn:aws:s3:::B"];
    let mut expected = vec![first.clone()];
    for (number, place) in places.iter().enumerate() {
        let own = assignment(&format!("a{number}"), "p", reader, place);
        assert_eq!(store.put_role_assignment(&own).await.unwrap(), NewAssignment::Kept);
        expected.insert(number, own);
    }
    assert_eq!(store.role_assignments().await.unwrap(), expected);
    let mut same = JoinSet::new();
    for number in 0..10 {
        let (store, own) = (store.clone(), assignment(&format!("n{number}"), "q", reader, "/"));
        same.spawn(async move { store.put_role_assignment(&own).await.unwrap() });
    }
    let n_kept = same.join_all().await.into_iter().filter(|own| *own == NewAssignment::Kept).count();
    assert_eq!((n_kept, store.role_assignments().await.unwrap().len()), (1, expected.len() + 1));
    assert_eq!(store.remove_role_assignment("b").await.unwrap(), Some(first));
    assert_eq!(store.remove_role_assignment("b").await.unwrap(), None);
    assert_eq!(store.role_assignments().await.unwrap().len(), expected.len());
}

async fn a_role_has_a_name_of_its_own(store: &Store) {
    let own = role("r1", "Auditor", &["*/read"], &["A.B/c/read"]);
    store.put_role(&own).await.unwrap();
    store.put_role(&role("r2", "Ärztin", &["*"], &[])).await.unwrap();
    for name in ["AUDITOR", "ärztin", "security READER"] {
        let refused = store.put_role(&role("r3", name, &["*"], &[])).await.unwrap_err();
        assert!(matches!(&refused, StoreError::NameTaken { what: "role", .. }), "{name}: {refused}");
    }
    let refused = store.put_role(&role(BuiltIn::Owner.id(), "Mine", &["*"], &[])).await.unwrap_err();
    assert!(matches!(&refused, StoreError::RoleBuiltIn(_)), "{refused}");
    let found = store.custom_roles().await.unwrap();
    assert_eq!(found.iter().map(|role| role.id.as_str()).collect::<Vec<_>>(), ["r1", "r2"]);
    assert_eq!(*found[0], own);
    let renamed = role("R1", "auditor", &["*"], &[]);
    store.put_role(&renamed).await.unwrap();
    assert!(store.custom_roles().await.unwrap().iter().any(|role| **role == renamed));
}

async fn a_role_stays_while_it_is_assigned(store: &Store) {
    store.put_role(&role("r1", "Auditor", &["*/read"], &[])).await.unwrap();
    store.put_role_assignment(&assignment("a", "p", "R1", "/")).await.unwrap();
    let refused = store.remove_role("R1").await.unwrap_err();
    assert!(matches!(&refused, StoreError::RoleInUse { n_assignments: 1, .. }), "{refused}");
    assert_eq!(store.custom_roles().await.unwrap().len(), 1);
    store.remove_role_assignment("a").await.unwrap();
    assert!(store.remove_role("R1").await.unwrap());
    assert!(!store.remove_role("r1").await.unwrap());
    assert!(store.custom_roles().await.unwrap().is_empty());
}

async fn a_role_and_its_assignment_do_not_miss_each_other(store: &Store) {
    for round in 0..20 {
        let id = format!("r{round}");
        store.put_role(&role(&id, &id, &["*"], &[])).await.unwrap();
        let own = assignment(&id, "p", &id, "/");
        let (kept, removed) = tokio::join!(store.put_role_assignment(&own), store.remove_role(&id));
        let is_kept = kept.unwrap() == NewAssignment::Kept;
        assert_ne!(is_kept, removed.is_ok(), "an assignment of a role that is gone, or neither");
    }
}

async fn the_disabled_and_the_unknown_have_no_grants(store: &Store) {
    let owner = BuiltIn::Owner.id();
    store.put_principal(&user("u", "u")).await.unwrap();
    store.put_principal(&user("v", "v")).await.unwrap();
    store.put_principal(&principal("g", PrincipalKind::Group, "g")).await.unwrap();
    for holder in ["v", "g", "nobody"] {
        store.put_role_assignment(&assignment(holder, holder, owner, "/")).await.unwrap();
    }
    let may = async |id: &str| store.grants_of(id).await.unwrap().allow_everywhere("A.B/c/write");
    assert!(may("v").await && !may("u").await && !may("nobody").await);
    // Another person is no group, whatever the memberships say.
    store.set_groups("u", &ids(&["v", "nobody"])).await.unwrap();
    assert!(!may("u").await);
    store.set_groups("u", &ids(&["g"])).await.unwrap();
    assert!(may("u").await);
    store.put_principal(&Principal { state: PrincipalState::Disabled, ..user("u", "u") }).await.unwrap();
    assert!(!may("u").await);
    store.put_principal(&user("u", "u")).await.unwrap();
    let group = principal("g", PrincipalKind::Group, "g");
    store.put_principal(&Principal { state: PrincipalState::Disabled, ..group }).await.unwrap();
    assert!(!may("u").await);
}

async fn a_session_ends(store: &Store) {
    for (digest, principal, end) in [("a", "p", 10), ("b", "p", 20), ("c", "q", 30), ("d", "q", 30)] {
        store.put_session(&session(digest, principal, end)).await.unwrap();
    }
    assert_eq!(store.session("a", at(9)).await.unwrap(), Some(session("a", "p", 10)));
    assert_eq!(store.session("a", at(10)).await.unwrap(), None);
    assert_eq!(store.sessions_of("p").await.unwrap(), [session("a", "p", 10), session("b", "p", 20)]);
    assert_eq!(store.remove_expired_sessions(at(15)).await.unwrap(), 1);
    assert_eq!(store.sessions_of("p").await.unwrap(), [session("b", "p", 20)]);
    assert!(store.remove_session("b").await.unwrap());
    assert!(!store.remove_session("b").await.unwrap());
    store.touch_session("b", at(600)).await.unwrap();
    assert_eq!(store.sessions_of("p").await.unwrap(), []);
    assert_eq!(store.remove_sessions_of("q", None).await.unwrap(), 2);
    assert_eq!(store.remove_sessions_of("q", None).await.unwrap(), 0);
}

async fn a_code_is_taken_by_one(store: &Store) {
    for round in 0..5 {
        let digest = round.to_string();
        store.put_once("code", &digest, "document", at(10)).await.unwrap();
        let mut takers = JoinSet::new();
        for _ in 0..10 {
            let (store, digest) = (store.clone(), digest.clone());
            takers.spawn(async move { store.take_once("code", &digest, at(1)).await.unwrap() });
        }
        let taken: Vec<String> = takers.join_all().await.into_iter().flatten().collect();
        assert_eq!(taken, ["document"]);
        assert_eq!(store.take_once("code", &digest, at(1)).await.unwrap(), None);
    }
}

async fn a_code_ends(store: &Store) {
    let take = async |kind: &str, now: Timestamp| store.take_once(kind, "d", now).await.unwrap();
    store.put_once("code", "d", "one", at(10)).await.unwrap();
    store.put_once("state", "d", "two", at(20)).await.unwrap();
    assert_eq!(take("other", at(1)).await, None);
    assert_eq!(take("code", at(10)).await, None);
    assert_eq!(store.remove_expired_sessions(at(10)).await.unwrap(), 1);
    assert_eq!(take("code", at(9)).await, None);
    assert_eq!(take("state", at(19)).await.as_deref(), Some("two"));
}

async fn the_first_value_of_the_installation_stays(store: &Store) {
    assert_eq!(store.installation_value("key").await.unwrap(), None);
    let mut writers = JoinSet::new();
    for number in 0..10 {
        let store = store.clone();
        writers.spawn(async move { store.put_installation_value_once("key", &number.to_string()).await.unwrap() });
    }
    let answers: BTreeSet<String> = writers.join_all().await.into_iter().collect();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(store.installation_value("key").await.unwrap(), answers.first().cloned());
    assert_eq!(store.put_installation_value_once("other", "x").await.unwrap(), "x");
}

async fn a_code_is_claimed_by_one(store: &Store) {
    let mut tries = JoinSet::new();
    for _ in 0..10 {
        let store = store.clone();
        tries.spawn(async move { store.claim_once("step", "p/1", at(100)).await.unwrap() });
    }
    assert_eq!(tries.join_all().await.into_iter().filter(|claimed| *claimed).count(), 1);
    assert!(store.claim_once("step", "p/2", at(100)).await.unwrap());
    assert_eq!(store.remove_expired_sessions(at(101)).await.unwrap(), 2);
    assert!(store.claim_once("step", "p/1", at(200)).await.unwrap());
}

async fn what_is_known_of_principals(store: &Store) {
    for (id, kind, name) in [("p", PrincipalKind::User, "ann"), ("g", PrincipalKind::Group, "team")] {
        store.put_principal(&principal(id, kind, name)).await.unwrap();
    }
    assert!(store.principal_facts().await.unwrap().is_empty());
    assert!(!store.has_accounts().await.unwrap());
    store.put_credential(&Credential { kind: CredentialKind::Totp, ..credential("1", "p", "totp/p") }).await.unwrap();
    store.put_credential(&Credential { kind: CredentialKind::Password, ..credential("2", "p", "$argon2id$") }).await.unwrap();
    store.set_groups("p", &BTreeSet::from(["g".to_owned()])).await.unwrap();
    store.sign_in_succeeded("p", at(10)).await.unwrap();
    store.sign_in_failed("p", at(20)).await.unwrap();
    assert!(store.has_accounts().await.unwrap());
    let facts = store.principal_facts().await.unwrap();
    let ann = &facts["p"];
    assert!(ann.totp);
    assert_eq!(ann.failed, FailedSignIns { count: 1, last_at: Some(at(20)) });
    assert_eq!((ann.last_sign_in_at, &ann.groups), (Some(at(10)), &BTreeSet::from(["g".to_owned()])));
    assert_eq!(store.remove_credentials_of("p", CredentialKind::Totp).await.unwrap(), 1);
    assert!(!store.principal_facts().await.unwrap()["p"].totp);
    store.remove_principal("p").await.unwrap();
    assert!(store.principal_facts().await.unwrap().is_empty());
}
