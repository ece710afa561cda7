use serde_json::{Value, json};

use super::{ONE, TENANT, World, cut, hide, known};
use crate::azure::access::mfa;

fn policy(users: Value) -> Value {
    json!({
        "state": "enabled",
        "conditions": {"users": users, "applications": {"includeApplications": ["All"]}, "clientAppTypes": ["all"]},
        "grantControls": {"operator": "OR", "builtInControls": ["mfa"]}})
}

/// An owner who has no second factor, under a policy.
fn world(policy: Value) -> World {
    let mut world = World::new();
    world.user("user-a").properties["registration"] = json!({"isMfaRegistered": false});
    world.group("group-a", &["user-a"]);
    world.group("group-b", &[]);
    world.assign("user-a", "owner", ONE);
    world.add(mfa::POLICY, "/tenants/t/conditionalAccessPolicies/p", policy);
    world
}

fn is_asked(policy: Value) -> bool {
    let sheet = world(policy).holders();
    let found = [known(&sheet, "ownersWithoutMfa"), known(&sheet, "ownersWithoutEnforcedMfa")];
    assert_eq!(found[0], found[1]);
    found[0] == json!([])
}

#[test]
fn a_policy_asks_those_that_it_is_about() {
    for (users, expected) in [
        (json!({"includeUsers": ["All"]}), true),
        (json!({"includeUsers": ["USER-A"]}), true),
        (json!({"includeUsers": ["user-b"]}), false),
        (json!({"includeUsers": ["GuestsOrExternalUsers"]}), false),
        (json!({"includeGroups": ["group-a"]}), true),
        (json!({"includeGroups": ["group-b"]}), false),
        (json!({"includeRoles": ["role-a"]}), false),
        (json!({"includeUsers": ["All"], "excludeUsers": ["user-a"]}), false),
        (json!({"includeUsers": ["All"], "excludeGroups": ["group-a"]}), false),
        (json!({"includeUsers": ["All"], "excludeGroups": ["group-b"]}), true),
        (
            json!({"includeUsers": ["All"], "excludeGuestsOrExternalUsers": {"guestOrExternalUserTypes": "b2bCollaborationGuest"}}),
            true,
        ),
        (json!({"includeUsers": ["None"]}), false),
    ] {
        assert_eq!(is_asked(policy(users.clone())), expected, "{users}");
    }
}

#[test]
fn a_policy_with_a_way_round_it_asks_nobody() {
    let changed = |path: &str, value: Value| {
        let mut policy = policy(json!({"includeUsers": ["All"]}));
        *policy.pointer_mut(path.rsplit_once('/').unwrap().0).unwrap() =
            merged(policy.pointer(path.rsplit_once('/').unwrap().0).unwrap(), path.rsplit_once('/').unwrap().1, value);
        is_asked(policy)
    };
    for (path, value, expected) in [
        ("/state", json!("enabledForReportingButNotEnforced"), false),
        ("/conditions/applications", json!({"includeApplications": ["797F4846-ba00-4fd7-ba43-dac1f8f63013"]}), true),
        ("/conditions/applications", json!({"includeApplications": ["Office365"]}), false),
        (
            "/conditions/applications",
            json!({"includeApplications": ["All"], "excludeApplications": ["797f4846-ba00-4fd7-ba43-dac1f8f63013"]}),
            false,
        ),
        ("/conditions/clientAppTypes", json!(["browser"]), false),
        ("/conditions/clientAppTypes", json!(["browser", "mobileAppsAndDesktopClients"]), true),
        ("/conditions/locations", json!({"includeLocations": ["All"], "excludeLocations": ["AllTrusted"]}), false),
        ("/conditions/locations", json!({"includeLocations": ["All"], "excludeLocations": []}), true),
        ("/conditions/platforms", json!({"includePlatforms": ["android"]}), false),
        ("/conditions/signInRiskLevels", json!(["high"]), false),
        ("/conditions/signInRiskLevels", json!([]), true),
        ("/grantControls/builtInControls", json!(["mfa", "compliantDevice"]), false),
        ("/grantControls/builtInControls", json!(["compliantDevice"]), false),
        ("/grantControls", json!({"operator": "AND", "builtInControls": ["mfa", "compliantDevice"]}), true),
        ("/grantControls", json!({"operator": "OR", "builtInControls": [], "authenticationStrength": {"id": "x"}}), true),
        ("/grantControls", Value::Null, false),
    ] {
        assert_eq!(changed(path, value.clone()), expected, "{path} {value}");
    }
}

fn merged(object: &Value, key: &str, value: Value) -> Value {
    let mut object = object.clone();
    object[key] = value;
    object
}

#[test]
fn security_defaults_and_roles_of_the_directory_count() {
    let mut defaults = world(policy(json!({"includeUsers": ["None"]})));
    defaults.add(mfa::SECURITY_DEFAULTS, "/tenants/t/x", json!({"isEnabled": true}));
    assert_eq!(known(&defaults.holders(), "ownersWithoutMfa"), json!([]));

    let mut role = world(policy(json!({"includeRoles": ["role-a"]})));
    let properties = json!({"principalId": "group-a", "roleDefinitionId": "ROLE-A", "directoryScopeId": "/"});
    role.add(mfa::DIRECTORY_ROLE, "/tenants/t/y", properties);
    assert_eq!(known(&role.holders(), "ownersWithoutMfa"), json!([]));
    role.resources.last_mut().unwrap().properties["directoryScopeId"] = json!("/administrativeUnits/z");
    assert_eq!(known(&role.holders(), "ownersWithoutMfa"), json!(["user-a@example.org"]));
}

#[test]
fn what_is_not_known_of_policies_is_not_taken_for_their_absence() {
    let nobody = || world(policy(json!({"includeUsers": ["None"]})));
    for type_name in [mfa::POLICY, mfa::SECURITY_DEFAULTS] {
        let mut world = nobody();
        world.fail(type_name, TENANT);
        assert_eq!(cut(&world.holders(), "ownersWithoutMfa"), json!([]), "{type_name}");
    }
    let mut by_role = world(policy(json!({"includeRoles": ["role-a"]})));
    by_role.fail(mfa::DIRECTORY_ROLE, TENANT);
    assert_eq!(cut(&by_role.holders(), "ownersWithoutMfa"), json!([]));

    let mut veiled = world(policy(json!({"includeUsers": ["All"]})));
    hide(veiled.resources.last_mut().unwrap(), "properties.conditions");
    assert_eq!(cut(&veiled.holders(), "ownersWithoutMfa"), json!([]));

    let mut registered = nobody();
    hide(
        registered.resources.iter_mut().find(|resource| resource.id.as_str().ends_with("users/user-a")).unwrap(),
        "properties.registration",
    );
    assert_eq!(cut(&registered.holders(), "ownersWithoutMfa"), json!([]));
    assert_eq!(known(&registered.holders(), "ownersWithoutEnforcedMfa"), json!(["user-a@example.org"]));
    registered.add(mfa::SECURITY_DEFAULTS, "/tenants/t/x", json!({"isEnabled": true}));
    assert_eq!(known(&registered.holders(), "ownersWithoutMfa"), json!([]));
}
