use serde_json::{Value, json};

use super::{CLASSIC, ONE, OTHER, TEAM, TENANT, World, directory, known, pim};

fn mail(users: &[&str]) -> Value {
    users.iter().map(|user| json!(format!("{user}@example.org"))).collect()
}

#[test]
fn owners_are_those_of_the_subscription_itself() {
    let mut world = World::new();
    for user in ["user-a", "user-b", "user-c", "user-d", "user-e"] {
        world.user(user);
    }
    world.group("group-a", &["user-a", "user-b"]);
    world.assign("group-a", "owner", TEAM);
    world.assign("user-b", "owner", ONE);
    world.assign("user-c", "owner", &format!("{ONE}/resourceGroups/app"));
    // Together they are as much as an owner's.
    world.assign("user-d", "contributor", TEAM);
    world.assign("user-d", "uaa", ONE);
    world.assign("user-e", "owner", OTHER);
    let gone = "user-gone";
    world.assign(gone, "owner", ONE);
    let sheet = world.holders();
    assert_eq!(known(&sheet, "owners"), mail(&["user-a", "user-b", "user-d"]));
    assert_eq!(known(&sheet, "nOwners"), json!(3));
    assert!(!sheet.evidence.get("roleHolders").unwrap().is_empty());
    assert_eq!(known(&world.facts()[OTHER], "owners"), mail(&["user-a", "user-b", "user-e"]));
}

#[test]
fn guests_and_blocked_accounts_stand_in_one_list_each() {
    let mut world = World::new();
    let places = [("owner", ONE.to_owned()), ("operator", format!("{ONE}/resourceGroups/app")), ("reader", TEAM.to_owned())];
    for (role, place) in &places {
        for kind in ["guest", "blocked", "member"] {
            let id = format!("user-{kind}-{role}");
            let user = world.user(&id);
            match kind {
                "guest" => user.properties["userType"] = json!("Guest"),
                "blocked" => user.properties["accountEnabled"] = json!(false),
                _ => {}
            }
            world.assign(&id, role, place);
        }
    }
    world.user("user-guest-none").properties["userType"] = json!("Guest");
    let sheet = world.holders();
    for (field, users) in [
        ("guestOwners", &["user-guest-owner"][..]),
        ("guestWriters", &["user-guest-operator"]),
        ("guestReaders", &["user-guest-reader"]),
        ("blockedOwners", &["user-blocked-owner"]),
        ("blockedNonOwners", &["user-blocked-operator", "user-blocked-reader"]),
        ("owners", &["user-guest-owner", "user-member-owner"]),
        // Nobody signs in with a blocked account.
        ("ownersWithoutEnforcedMfa", &["user-guest-owner", "user-member-owner"]),
        ("writersWithoutEnforcedMfa", &["user-guest-operator", "user-member-operator"]),
        ("readersWithoutEnforcedMfa", &["user-guest-reader", "user-member-reader"]),
        ("ownersWithoutMfa", &[]),
    ] {
        assert_eq!(known(&sheet, field), mail(users), "{field}");
    }
}

#[test]
fn what_is_used_is_told_with_its_last_time() {
    let mut world = World::new();
    world.user("user-a").properties["signInActivity"] =
        json!({"lastSignInDateTime": "2026-01-01T00:00:00Z", "lastNonInteractiveSignInDateTime": "2026-02-01T00:00:00Z"});
    world.user("user-b").properties["signInActivity"] = Value::Null;
    world.user("user-c");
    world.assign("user-a", "reader", ONE);
    world.assign("user-b", "reader", ONE);
    let expected = json!([
        {"name": "user-b@example.org", "at": "2024-01-01T00:00:00Z"}, {"name": "user-a@example.org", "at": "2026-02-01T00:00:00Z"}]);
    assert_eq!(known(&world.holders(), "lastUses"), expected);
}

#[test]
fn privileged_assignments_that_end_are_not_permanent() {
    let mut world = World::new();
    for user in ["user-a", "user-b", "user-c", "user-d"] {
        world.user(user);
        world.assign(user, "contributor", ONE);
    }
    world.group("group-a", &["app-b"]);
    world.app("app-a");
    world.app("app-b");
    world.assign("group-a", "uaa", &format!("{ONE}/resourceGroups/app"));
    world.assign("app-a", "owner", TEAM);
    world.assign("user-a", "reader", ONE);
    let vault = format!("{ONE}/resourceGroups/app/providers/Microsoft.KeyVault/vaults/v");
    world.assign("user-a", "owner", &vault);
    for (place, (user, more)) in [
        ("user-a", json!({"assignmentType": "Activated", "endDateTime": "2026-01-01T00:00:00Z"})),
        ("user-b", json!({"assignmentType": "Assigned", "endDateTime": "2026-01-01T00:00:00Z"})),
        ("user-c", json!({"assignmentType": "Assigned", "endDateTime": null})),
    ]
    .into_iter()
    .enumerate()
    {
        let mut properties = more;
        properties["principalId"] = json!(user);
        properties["scope"] = json!(ONE.to_ascii_uppercase());
        properties["roleDefinitionId"] = json!(format!("{ONE}/providers/Microsoft.Authorization/roleDefinitions/contributor"));
        world.add(pim::ACTIVE, &format!("{ONE}/providers/{}/{place}", pim::ACTIVE), properties);
    }
    let sheet = world.holders();
    let names = |field: &str| {
        let list = known(&sheet, field);
        list.as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("permanentPrivileged"), ["all of group-a", "user-c@example.org", "user-d@example.org"]);
    assert_eq!(names("administrativeServicePrincipals"), ["the app-a", "the app-b"]);
    assert_eq!(known(&sheet, "administrativeServicePrincipals")[0]["role"], json!("owner"));
}

#[test]
fn who_may_become_owner_is_told_apart() {
    let mut world = World::new();
    world.user("user-a");
    world.user("user-b");
    world.group("group-a", &["user-b"]);
    for (who, role) in [("user-a", "contributor"), ("group-a", "owner")] {
        let properties = json!({"principalId": who, "scope": ONE, "roleDefinitionId": format!("/x/{role}")});
        world.add(pim::ELIGIBLE, &format!("{ONE}/providers/{}/{who}", pim::ELIGIBLE), properties);
    }
    let sheet = world.holders();
    assert_eq!(known(&sheet, "eligibleOwners"), mail(&["user-b"]));
    assert_eq!(known(&sheet, "nOwners"), json!(0));
}

#[test]
fn custom_roles_of_every_action_and_classic_administrators_are_named() {
    let mut world = World::new();
    for (name, actions, assignable) in [
        ("custom-all", json!(["*"]), ONE),
        ("custom-star", json!(["*/*"]), TEAM),
        ("custom-elsewhere", json!(["*"]), OTHER),
        ("custom-reader", json!(["*/read"]), ONE),
    ] {
        let role = world.role(name, json!({"actions": actions, "notActions": ["Microsoft.Authorization/*/write"]}));
        role.properties["assignableScopes"] = json!([assignable]);
    }
    world.add(
        CLASSIC,
        &format!("{ONE}/providers/{CLASSIC}/x"),
        json!({"emailAddress": "old@example.org", "role": "CoAdministrator"}),
    );
    let sheet = world.holders();
    assert_eq!(known(&sheet, "customOwnerRoles"), json!(["custom-all", "custom-star"]));
    assert_eq!(known(&sheet, "classicAdministrators"), json!(["old@example.org"]));
    assert_eq!(known(&world.facts()[OTHER], "classicAdministrators"), json!([]));
}

#[test]
fn a_directory_of_another_snapshot_is_no_tenant() {
    let mut world = World::new();
    world.coverage.retain(|entry| &*entry.account != TENANT);
    world
        .resources
        .retain(|resource| &*resource.scope.account != TENANT || resource.type_name.as_str() == super::super::engine::DEFINITION);
    assert!(!world.resources.iter().any(|resource| resource.type_name.as_str() == directory::USER));
    assert!(super::is_unknown(&world.holders(), "nOwners"));
}
