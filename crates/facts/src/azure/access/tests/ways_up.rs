use serde_json::json;

use super::{
    IDENTITY, MACHINE, ONE, OTHER, TEAM, TENANT, World, cut, directory, hide, is_unknown, known, mfa, scope::subscription_name,
};

const VM: &str =
    "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/app/providers/Microsoft.Compute/virtualMachines/vm";

#[test]
fn classes_and_scopes() {
    let mut world = World::new();
    for (user, role) in
        [("user-o", "owner"), ("user-c", "contributor"), ("user-u", "uaa"), ("user-r", "reader"), ("user-b", "blobs")]
    {
        world.user(user);
        world.assign(user, role, ONE);
    }
    world.user("user-n");
    world.role("vaults", json!({"actions": ["Microsoft.KeyVault/*"]}));
    world.user("user-v");
    world.assign("user-v", "vaults", ONE);
    for (user, class) in [
        ("user-o", "owner"),
        ("user-c", "contributor"),
        ("user-u", "userAccessAdministrator"),
        ("user-v", "otherSensitive"),
        ("user-b", "writer"),
        ("user-r", "reader"),
        ("user-n", "none"),
    ] {
        assert_eq!(known(&world.permissions(user), "class"), json!(class), "{user}");
    }
    let owner = world.permissions("user-o");
    assert_eq!(known(&owner, "ownerScopes"), json!([ONE]));
    assert_eq!(known(&owner, "contributorScopes"), json!([]));
    assert_eq!(known(&owner, "canBecomeOwner"), json!(true));
    assert!(!owner.evidence.get("azurePermissions").unwrap().is_empty());
    let vaults = world.permissions("user-v");
    assert_eq!(known(&vaults, "otherSensitiveScopes"), json!([ONE]));
    assert_eq!(known(&vaults, "escalations"), json!(["AddVaultAccessPolicy", "OpenVault"]));
    assert_eq!(known(&vaults, "canBecomeOwner"), json!(false));
}

#[test]
fn two_roles_make_an_owner_where_both_hold() {
    let mut world = World::new();
    world.user("user-a");
    world.assign("user-a", "contributor", ONE);
    let group = format!("{ONE}/resourcegroups/app");
    world.assign("user-a", "uaa", &group);
    let sheet = world.permissions("user-a");
    assert_eq!(known(&sheet, "ownerScopes"), json!([group]));
    assert_eq!(known(&sheet, "contributorScopes"), json!([ONE]));
}

/// An operator of machines, beside a machine that runs as an owner.
fn machine() -> World {
    let mut world = World::new();
    world.user("user-a");
    world.assign("user-a", "operator", &format!("{ONE}/resourceGroups/app"));
    world.app("app-vm");
    world.assign("app-vm", "owner", TEAM);
    world.add(MACHINE, VM, json!({})).envelope.insert("identity".to_owned(), json!({"principalId": "APP-VM"}));
    world
}

#[test]
fn a_command_on_a_machine_that_is_stronger_leads_to_owner() {
    let machine_ways = json!(["ExtendMachine", "RunCommandOnMachine", "RunCommandsOnMachine"]);
    let sheet = machine().permissions("user-a");
    assert_eq!(known(&sheet, "escalations"), machine_ways);
    assert_eq!(known(&sheet, "canBecomeOwner"), json!(true));

    let mut assigned = machine();
    let identity = json!({"userAssignedIdentities": {"/x/y": {"principalId": "app-vm"}}});
    assigned.resources.last_mut().unwrap().envelope.insert("identity".to_owned(), identity);
    assert_eq!(known(&assigned.permissions("user-a"), "escalations"), machine_ways);

    let mut weak = machine();
    weak.resources.last_mut().unwrap().envelope.insert("identity".to_owned(), json!({"principalId": "app-other"}));
    assert_eq!(known(&weak.permissions("user-a"), "canBecomeOwner"), json!(false));

    let mut elsewhere = machine();
    elsewhere.resources.last_mut().unwrap().id = VM.to_ascii_lowercase().replace("/app/", "/other/").into();
    assert_eq!(known(&elsewhere.permissions("user-a"), "canBecomeOwner"), json!(false));
}

#[test]
fn a_machine_of_unknown_identity_may_be_stronger() {
    let mut veiled = machine();
    let machine_resource = veiled.resources.last_mut().unwrap();
    machine_resource.envelope.clear();
    hide(machine_resource, "identity");
    let sheet = veiled.permissions("user-a");
    assert!(is_unknown(&sheet, "canBecomeOwner"));
    assert_eq!(cut(&sheet, "escalations"), json!([]));

    let mut unlisted = machine();
    unlisted.resources.pop();
    assert_eq!(known(&unlisted.permissions("user-a"), "canBecomeOwner"), json!(false));
    unlisted.fail(MACHINE, subscription_name(ONE));
    assert!(is_unknown(&unlisted.permissions("user-a"), "canBecomeOwner"));

    // Who may do nothing to machines does not become owner by one.
    unlisted.user("user-r");
    unlisted.assign("user-r", "reader", ONE);
    assert_eq!(known(&unlisted.permissions("user-r"), "canBecomeOwner"), json!(false));
}

#[test]
fn an_identity_is_taken_where_it_is_and_used_where_one_may() {
    let mut world = World::new();
    world.app("app-id");
    world.assign("app-id", "owner", ONE);
    let identity = format!("{ONE}/resourceGroups/ids/providers/{IDENTITY}/id");
    world.add(IDENTITY, &identity, json!({"principalId": "app-id"}));
    world.role(
        "assigner",
        json!({"actions": ["Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action",
        "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"]}),
    );
    world.user("user-a");
    world.assign("user-a", "operator", OTHER);
    world.assign("user-a", "assigner", &format!("{ONE}/resourceGroups/ids"));
    assert_eq!(known(&world.permissions("user-a"), "escalations"), json!(["AssignIdentityToMachine"]));
    world.user("user-b");
    world.assign("user-b", "operator", ONE);
    world.assign("user-b", "assigner", &format!("{ONE}/resourceGroups/other"));
    assert_eq!(known(&world.permissions("user-b"), "escalations"), json!([]));
    // The identity itself has the same fact.
    assert_eq!(known(&world.permissions("id"), "class"), json!("owner"));
    assert_eq!(known(&world.permissions("app-id"), "class"), json!("owner"));
}

#[test]
fn a_global_administrator_may_elevate_himself() {
    let mut world = World::new();
    world.user("user-a");
    let properties =
        json!({"principalId": "user-a", "roleDefinitionId": "62e90394-69f5-4237-9190-012177145e10", "directoryScopeId": "/"});
    world.add(mfa::DIRECTORY_ROLE, "/tenants/t/x", properties);
    let sheet = world.permissions("user-a");
    assert_eq!(known(&sheet, "class"), json!("none"));
    assert_eq!(known(&sheet, "escalations"), json!(["ElevateAccess"]));
    world.resources.pop();
    world.fail(mfa::DIRECTORY_ROLE, TENANT);
    assert!(is_unknown(&world.permissions("user-a"), "canBecomeOwner"));
}

#[test]
fn groups_of_unknown_members_may_be_anybodys() {
    let mut world = World::new();
    world.user("user-a");
    world.user("user-o");
    world.assign("user-o", "owner", ONE);
    world.assign("group-x", "reader", ONE);
    world.fail(directory::GROUP, TENANT);
    // What readers have changes no class but the lowest.
    assert_eq!(known(&world.permissions("user-o"), "class"), json!("owner"));
    assert_eq!(known(&world.permissions("user-a"), "canBecomeOwner"), json!(false));
    world.assign("group-x", "contributor", ONE);
    let sheet = world.permissions("user-a");
    assert!(is_unknown(&sheet, "class") && is_unknown(&sheet, "canBecomeOwner"));
    assert_eq!(cut(&sheet, "contributorScopes"), json!([]));
    // An owner stays one.
    let owner = world.permissions("user-o");
    assert_eq!(known(&owner, "class"), json!("owner"));
    assert_eq!(known(&owner, "canBecomeOwner"), json!(true));
}
