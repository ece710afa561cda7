//! Every way in which something may not be known.

use serde_json::{Value, json};
use skywarden_model::{Resource, UnreadableKind};

use super::{
    CLASSIC, ONE, OTHER, TEAM, TENANT, World, cut, directory, hide, is_unknown, known, pim, reason,
    scope::{self, subscription_name},
    told,
};
use crate::azure::access::engine::{ASSIGNMENT, DEFINITION, DENIAL};

const LISTS: [&str; 12] = [
    "owners",
    "guestOwners",
    "guestWriters",
    "guestReaders",
    "blockedOwners",
    "blockedNonOwners",
    "ownersWithoutMfa",
    "writersWithoutMfa",
    "readersWithoutMfa",
    "ownersWithoutEnforcedMfa",
    "writersWithoutEnforcedMfa",
    "readersWithoutEnforcedMfa",
];

/// A guest who owns the subscription, and a group whose members are what the test is about.
fn world() -> World {
    let mut world = World::new();
    world.user("user-a").properties["userType"] = json!("Guest");
    world.user("user-b");
    world.assign("user-a", "owner", ONE);
    world.group("group-a", &["user-b"]);
    world
}

fn find<'w>(world: &'w mut World, end: &str) -> &'w mut Resource {
    world.resources.iter_mut().find(|resource| resource.id.as_str().ends_with(&end.to_ascii_lowercase())).unwrap()
}

#[test]
fn a_group_of_unknown_members_leaves_what_is_sure() {
    let guest = json!(["user-a@example.org"]);
    for (role, field, still_known) in [("owner", "guestOwners", None), ("operator", "guestWriters", Some("guestOwners"))] {
        let mut world = world();
        world.assign("group-a", role, ONE);
        assert_eq!(known(&world.holders(), "guestOwners"), guest);
        hide(find(&mut world, "groups/group-a"), "properties.transitiveMembers");
        let sheet = world.holders();
        cut(&sheet, field);
        let (owners, is_whole) = told(&sheet, "guestOwners");
        assert_eq!((owners, is_whole), (guest.clone(), still_known.is_some()));
        assert_eq!(is_unknown(&sheet, "nOwners"), still_known.is_none());
    }
    let mut listless = world();
    listless.assign("group-a", "owner", ONE);
    find(&mut listless, "groups/group-a").properties.as_object_mut().unwrap().remove("transitiveMembers");
    assert_eq!(cut(&listless.holders(), "guestOwners"), guest);
}

#[test]
fn a_group_that_is_not_there_is_hidden_only_if_the_list_is_not_whole() {
    let mut world = world();
    world.assign("group-x", "owner", TEAM);
    assert_eq!(known(&world.holders(), "nOwners"), json!(1));
    world.fail(directory::GROUP, TENANT);
    assert_eq!(cut(&world.holders(), "owners"), json!(["user-a@example.org"]));
}

#[test]
fn a_user_that_is_not_there_may_be_anybody_if_the_list_is_not_whole() {
    let mut world = world();
    world.assign("user-x", "owner", ONE);
    assert_eq!(known(&world.holders(), "guestOwners"), json!(["user-a@example.org"]));
    world.fail(directory::USER, TENANT);
    let sheet = world.holders();
    for field in ["owners", "guestOwners", "blockedOwners", "ownersWithoutMfa"] {
        cut(&sheet, field);
    }
    assert_eq!(known(&sheet, "guestReaders"), json!([]));
}

#[test]
fn assignments_that_could_not_be_listed_leave_every_list_open() {
    for (type_name, account) in [(ASSIGNMENT, subscription_name(ONE)), (ASSIGNMENT, TENANT)] {
        let mut world = world();
        world.fail(type_name, account);
        let sheet = world.holders();
        for field in LISTS.iter().chain(&["permanentPrivileged", "administrativeServicePrincipals", "lastUses"]) {
            cut(&sheet, field);
        }
        assert!(is_unknown(&sheet, "nOwners"));
        assert_eq!(cut(&sheet, "guestOwners"), json!(["user-a@example.org"]));
        assert!(sheet.evidence.get("roleHolders").unwrap().iter().any(|entry| &*entry.expected == "every role assignment"));
        // What another subscription's list lacks is none of this one's matter.
        assert_eq!(told(&world.facts()[OTHER], "owners").1, account != TENANT);
    }
    let mut never_asked = world();
    never_asked.coverage.retain(|entry| entry.type_name.as_str() != ASSIGNMENT);
    let sheet = never_asked.holders();
    assert_eq!(cut(&sheet, "owners"), json!(["user-a@example.org"]));
    let gap = sheet.unreadable.iter().find(|entry| entry.field.to_string() == "facts.roleHolders.nOwners").unwrap();
    assert_eq!(gap.reason.kind, UnreadableKind::NotCarried);
}

#[test]
fn an_assignment_of_which_a_part_is_unreadable_may_be_anybodys() {
    for field in ["principalId", "roleDefinitionId", "scope"] {
        let mut world = world();
        world.user("user-c");
        hide(world.assign("user-c", "owner", ONE), &format!("properties.{field}"));
        let sheet = world.holders();
        assert_eq!(cut(&sheet, "owners"), json!(["user-a@example.org"]), "{field}");
    }
}

#[test]
fn a_condition_that_could_not_be_read_may_stand_in_the_way() {
    let mut world = world();
    hide(find(&mut world, "roleAssignments/1"), "properties.condition");
    assert!(is_unknown(&world.permissions("user-a"), "class"));
    // It is the role that makes a holder.
    assert_eq!(known(&world.holders(), "guestOwners"), json!(["user-a@example.org"]));
}

#[test]
fn a_role_of_unknown_content_may_be_any() {
    let mut absent = world();
    absent.assign("user-b", "never-seen", ONE);
    let mut failed = world();
    failed.assign("user-b", "never-seen", ONE);
    failed.fail(DEFINITION, subscription_name(ONE));
    let mut veiled = world();
    veiled.assign("user-b", "reader", ONE);
    hide(find(&mut veiled, "roleDefinitions/reader"), "properties.permissions[*].actions");
    let mut malformed = world();
    malformed.assign("user-b", "reader", ONE);
    find(&mut malformed, "roleDefinitions/reader").properties["permissions"] = json!([{"actions": "*"}]);
    for (name, world) in [("absent", absent), ("failed", failed), ("veiled", veiled), ("malformed", malformed)] {
        let sheet = world.holders();
        assert_eq!(cut(&sheet, "owners"), json!(["user-a@example.org"]), "{name}");
        // Whoever has it is no guest.
        assert_eq!(known(&sheet, "guestOwners"), json!(["user-a@example.org"]), "{name}");
        assert_eq!(told(&sheet, "customOwnerRoles").1, name == "absent", "{name}");
        assert!(is_unknown(&world.permissions("user-b"), "class"), "{name}");
    }
}

#[test]
fn management_groups_above_that_are_not_known_may_hold_assignments() {
    let veil = |change: &dyn Fn(&mut World)| {
        let mut world = world();
        change(&mut world);
        world.holders()
    };
    let own = |world: &mut World| world.resources.iter().position(|resource| resource.id.as_str() == ONE).unwrap();
    let hidden = veil(&|world| {
        let place = own(world);
        hide(&mut world.resources[place], "properties.managementGroupAncestorsChain");
    });
    let absent = veil(&|world| {
        let place = own(world);
        world.resources[place].properties = json!({});
    });
    let nameless = veil(&|world| {
        let place = own(world);
        world.resources[place].properties = json!({"managementGroupAncestorsChain": [{"displayName": "x"}]});
    });
    for sheet in [hidden, absent, nameless] {
        assert_eq!(cut(&sheet, "owners"), json!(["user-a@example.org"]));
    }
    let none = veil(&|world| {
        let place = own(world);
        world.resources[place].properties = json!({});
        world.resources.retain(|resource| resource.type_name.as_str() != scope::MANAGEMENT_GROUP);
    });
    assert_eq!(known(&none, "nOwners"), json!(1));
}

#[test]
fn traits_that_could_not_be_read_open_only_their_lists() {
    for (field, opened) in [
        ("userType", &["guestOwners"][..]),
        ("accountEnabled", &["owners", "blockedOwners", "ownersWithoutEnforcedMfa", "lastUses"]),
        ("signInActivity", &["lastUses"]),
    ] {
        let mut world = world();
        hide(find(&mut world, "users/user-a"), &format!("properties.{field}"));
        let sheet = world.holders();
        for list in LISTS.iter().chain(&["lastUses"]) {
            assert_eq!(told(&sheet, list).1, !opened.contains(list), "{field} {list}");
        }
    }
    // A directory that says nothing of the switch is not one that says it is off.
    let mut silent = world();
    find(&mut silent, "users/user-a").properties["accountEnabled"] = Value::Null;
    assert_eq!(cut(&silent.holders(), "blockedOwners"), json!([]));
    let mut ageless = world();
    let user = find(&mut ageless, "users/user-a");
    user.properties["signInActivity"] = Value::Null;
    user.properties["createdDateTime"] = Value::Null;
    assert_eq!(cut(&ageless.holders(), "lastUses"), json!([]));
}

#[test]
fn lists_of_their_own_open_only_their_fields() {
    for (type_name, field) in [
        (pim::ACTIVE, "permanentPrivileged"),
        (pim::ELIGIBLE, "eligibleOwners"),
        (CLASSIC, "classicAdministrators"),
        (DEFINITION, "customOwnerRoles"),
    ] {
        let mut world = world();
        world.fail(type_name, subscription_name(ONE));
        let sheet = world.holders();
        cut(&sheet, field);
        assert_eq!(known(&sheet, "nOwners"), json!(1), "{type_name}");
        assert_eq!(sheet.unreadable.len(), 1, "{type_name}");
    }
    let mut apps = world();
    apps.assign("app-x", "contributor", ONE);
    apps.fail(directory::SERVICE_PRINCIPAL, TENANT);
    let sheet = apps.holders();
    cut(&sheet, "administrativeServicePrincipals");
    assert_eq!(known(&sheet, "nOwners"), json!(1));
}

#[test]
fn denials_that_could_not_be_listed_leave_permissions_open() {
    let mut world = world();
    assert_eq!(known(&world.permissions("user-a"), "class"), json!("owner"));
    world.fail(DENIAL, subscription_name(ONE));
    let sheet = world.permissions("user-a");
    assert!(is_unknown(&sheet, "class") && is_unknown(&sheet, "canBecomeOwner"));
    assert_eq!(cut(&sheet, "ownerScopes"), json!([]));
    assert_eq!(known(&world.holders(), "nOwners"), json!(1));

    for field in ["permissions", "principals", "excludePrincipals", "condition"] {
        let mut world = self::world();
        hide(world.deny(ONE, &["user-a"], json!({"actions": ["*"]})), &format!("properties.{field}"));
        assert!(is_unknown(&world.permissions("user-a"), "class"), "{field}");
    }
    let mut elsewhere = self::world();
    hide(elsewhere.deny(TEAM, &["user-a"], json!({"actions": ["*"]})), "properties.doNotApplyToChildScopes");
    assert!(is_unknown(&elsewhere.permissions("user-a"), "class"));
    assert_eq!(reason().kind, UnreadableKind::Denied);
}
