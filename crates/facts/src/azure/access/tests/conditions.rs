use serde_json::json;

use super::{ONE, World};
use crate::azure::access::{action::Right, condition::Condition, role::ASSIGN, truth::Truth};

#[test]
fn a_condition_is_silent_about_what_it_lets_pass() {
    let silent = |text: &str, action: &str| Condition::of(Some(&json!(text))).unwrap().is_silent_about(&Right::control(action));
    let only = "((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR (@Request[x:RoleDefinitionId] \
                ForAnyOfAnyValues:GuidEquals{a, b}))";
    let both = format!(
        "{only} AND ((!(ActionMatches{{'Microsoft.Authorization/roleAssignments/delete'}})) OR (@Resource[x] StringEquals 'a OR b'))"
    );
    assert!(!silent(only, ASSIGN));
    assert!(silent(only, "Microsoft.Authorization/roleAssignments/delete"));
    assert!(silent(&both, "Microsoft.Compute/virtualMachines/write"));
    assert!(!silent(&both, "microsoft.authorization/roleassignments/DELETE"));
    let listing =
        "( ( !(ActionMatches{'a/read'} AND NOT SubOperationMatches{'Blob.List'}) ) OR ( @Resource[x] StringEquals 'y' ) )";
    assert!(silent(listing, "a/write"));
    assert!(!silent(listing, "a/read"));
    let pattern = "((!(ActionMatches{'a/*'})) OR (@Resource[x] StringEquals 'y'))";
    assert!(!silent(pattern, "a/b/write"));
}

#[test]
fn a_condition_that_is_not_understood_may_speak_of_anything() {
    for text in [
        "@Resource[x] StringEquals 'y'",
        "!(ActionMatches{'a'}) || @Resource[x] StringEquals 'y'",
        "(ActionMatches{'a'}) OR (@Resource[x] StringEquals 'y')",
        "((!(ActionMatches{'a'})) OR (x)) AND (@Resource[x] StringEquals 'y')",
        "((!(ActionMatches{'a'})) OR (x)",
        "!ActionMatches{'a'} OR x",
        "')' OR (!(ActionMatches{'a'}) OR (",
        "((",
        "NOT (!(ActionMatches{'a'}) OR (x))",
        "é",
    ] {
        let condition = Condition::of(Some(&json!(text))).unwrap();
        assert!(!condition.is_silent_about(&Right::control("b")), "{text}");
    }
    assert!(Condition::of(Some(&json!(""))).is_none());
    assert!(Condition::of(None).is_none());
}

#[test]
fn what_a_condition_decides_is_unknown_unless_nothing_is_granted_anyway() {
    let mut world = World::new();
    world.user("user-a");
    world.assign("user-a", "contributor", ONE).properties["condition"] = json!("@Resource[x] StringEquals 'y'");
    let ask = |world: &World, action: &str| world.engine(|engine| engine.allows("user-a", &Right::control(action), ONE));
    assert!(matches!(ask(&world, "a/read"), Truth::Unknown(_)));
    assert!(ask(&world, ASSIGN).is_no());
    world.assign("user-a", "reader", ONE);
    assert!(ask(&world, "a/read").is_yes());

    let mut limited = World::new();
    limited.user("user-a");
    let condition = "((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR (@Request[x] GuidEquals{b}))";
    let permission = json!({"actions": ["Microsoft.Authorization/roleAssignments/*"], "condition": condition});
    limited.role("limited", permission);
    limited.assign("user-a", "limited", ONE);
    assert!(matches!(ask(&limited, ASSIGN), Truth::Unknown(_)));
    assert!(ask(&limited, "Microsoft.Authorization/roleAssignments/delete").is_yes());
}
