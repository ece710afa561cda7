use serde_json::json;

use super::{ONE, OTHER, TEAM, TOP, World};
use crate::azure::access::{action::Right, scope::folded, truth::Truth};

fn may(world: &World, who: &str, action: &str, scope: &str) -> bool {
    match world.engine(|engine| engine.allows(who, &Right::control(action), &folded(scope))) {
        Truth::Unknown(why) => panic!("{}", why.sentence()),
        answer => answer.is_yes(),
    }
}

const READ: &str = "Microsoft.Storage/storageAccounts/Read";
const ASSIGN: &str = "Microsoft.Authorization/roleAssignments/write";

#[test]
fn a_role_holds_at_its_scope_and_below() {
    let mut world = World::new();
    for (user, scope) in
        [("user-top", TOP), ("user-root", "/"), ("user-one", ONE), ("user-group", &format!("{ONE}/resourceGroups/App"))]
    {
        world.user(user);
        world.assign(user, "reader", scope);
    }
    let group = format!("{ONE}/resourcegroups/app");
    let inside = format!("{group}/providers/Microsoft.Storage/storageAccounts/x");
    for (scope, expected) in [
        ("/", [true, false, false, false]),
        (TOP, [true, true, false, false]),
        (TEAM, [true, true, false, false]),
        (OTHER, [true, true, false, false]),
        (ONE, [true, true, true, false]),
        (&group, [true, true, true, true]),
        (&inside, [true, true, true, true]),
        (&format!("{ONE}/resourceGroups/Application"), [true, true, true, false]),
    ] {
        let found = ["user-root", "user-top", "user-one", "user-group"].map(|user| may(&world, user, READ, scope));
        assert_eq!(found, expected, "{scope}");
    }
}

#[test]
fn what_one_role_leaves_out_another_may_allow() {
    let mut world = World::new();
    world.user("user-a");
    world.assign("user-a", "contributor", ONE);
    assert!(may(&world, "user-a", "Microsoft.Compute/virtualMachines/write", ONE));
    assert!(!may(&world, "user-a", ASSIGN, ONE));
    assert!(may(&world, "user-a", "Microsoft.Authorization/roleAssignments/read", ONE));
    world.assign("user-a", "uaa", &format!("{ONE}/resourceGroups/app"));
    assert!(!may(&world, "user-a", ASSIGN, ONE));
    assert!(may(&world, "user-a", ASSIGN, &format!("{ONE}/resourceGroups/app")));
}

#[test]
fn planes_are_apart() {
    let mut world = World::new();
    for (user, role) in [("user-a", "owner"), ("user-b", "blobs")] {
        world.user(user);
        world.assign(user, role, ONE);
    }
    let blob = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read";
    let ask = |user, right| world.engine(|engine| engine.allows(user, &right, ONE).is_yes());
    assert_eq!([ask("user-a", Right::control(blob)), ask("user-a", Right::data(blob))], [true, false]);
    assert_eq!([ask("user-b", Right::control(blob)), ask("user-b", Right::data(blob))], [false, true]);
}

#[test]
fn members_have_what_their_groups_have() {
    let mut world = World::new();
    world.user("user-a");
    world.user("user-b");
    world.group("group-a", &["user-a"]);
    world.assign("group-a", "reader", ONE);
    assert!(may(&world, "user-a", READ, ONE));
    assert!(!may(&world, "user-b", READ, ONE));
}

#[test]
fn denials_take_away() {
    let everybody = "00000000-0000-0000-0000-000000000000";
    let mut world = World::new();
    for user in ["user-a", "user-b"] {
        world.user(user);
        world.assign(user, "owner", ONE);
    }
    world.group("group-b", &["user-b"]);
    let group = format!("{ONE}/resourceGroups/app");
    let inside = format!("{group}/providers/Microsoft.Storage/storageAccounts/x");
    let denial = world.deny(&group, &[everybody], json!({"actions": ["*"], "notActions": ["*/read"]}));
    denial.properties["excludePrincipals"] = json!([{"id": "GROUP-B", "type": "Group"}]);
    let write = "Microsoft.Storage/storageAccounts/write";
    for (user, action, scope, expected) in [
        ("user-a", write, ONE, true),
        ("user-a", write, &*group, false),
        ("user-a", write, &inside, false),
        ("user-a", READ, &inside, true),
        ("user-b", write, &inside, true),
    ] {
        assert_eq!(may(&world, user, action, scope), expected, "{user} {action} {scope}");
    }
    world.resources.last_mut().unwrap().properties["doNotApplyToChildScopes"] = json!(true);
    assert!(!may(&world, "user-a", write, &group));
    assert!(may(&world, "user-a", write, &inside));
}

#[test]
fn a_scope_is_where_the_id_says_if_nothing_else_does() {
    let mut world = World::new();
    world.user("user-a");
    world.assign("user-a", "reader", ONE).properties.as_object_mut().unwrap().remove("scope");
    assert!(may(&world, "user-a", READ, ONE));
    assert!(!may(&world, "user-a", READ, OTHER));
}
