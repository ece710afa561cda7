use proptest::prelude::*;
use serde_json::{Value, json};

use super::{CLASSIC, IDENTITY, MACHINE, ONE, TEAM, World, directory, hide, mfa, pim, scope};
use crate::azure::access::engine::{ASSIGNMENT, DEFINITION, DENIAL};

const TYPES: [&str; 15] = [
    scope::SUBSCRIPTION,
    scope::MANAGEMENT_GROUP,
    ASSIGNMENT,
    DEFINITION,
    DENIAL,
    CLASSIC,
    MACHINE,
    IDENTITY,
    pim::ACTIVE,
    pim::ELIGIBLE,
    directory::USER,
    directory::GROUP,
    directory::SERVICE_PRINCIPAL,
    mfa::POLICY,
    mfa::DIRECTORY_ROLE,
];
const FIELDS: [&str; 18] = [
    "principalId",
    "roleDefinitionId",
    "scope",
    "permissions",
    "permissions[*].actions",
    "principals",
    "transitiveMembers",
    "accountEnabled",
    "userType",
    "registration",
    "signInActivity",
    "managementGroupAncestorsChain",
    "details",
    "conditions",
    "grantControls",
    "state",
    "assignmentType",
    "condition",
];

fn any_json() -> impl Strategy<Value = Value> {
    let words =
        vec!["*", "a/*/b", "/", "", "user-a", ONE, TEAM, "All", "mfa", "enabled", "é", "!(ActionMatches{'é'})", "(((", "owner"];
    let leaf =
        prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), prop::sample::select(words).prop_map(Value::from)];
    let keys = [
        "id",
        "principalId",
        "roleDefinitionId",
        "scope",
        "permissions",
        "actions",
        "notActions",
        "principals",
        "transitiveMembers",
        "managementGroupAncestorsChain",
        "name",
        "details",
        "parent",
        "conditions",
        "users",
        "includeUsers",
        "grantControls",
        "condition",
        "signInActivity",
        "registration",
    ];
    leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(prop::sample::select(keys.to_vec()).prop_map(str::to_owned), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Roles of every kind, given to people, groups and identities.
fn estate() -> World {
    let mut world = World::new();
    world.user("user-a").properties["userType"] = json!("Guest");
    world.user("user-b").properties["accountEnabled"] = json!(false);
    world.user("user-c").properties["registration"] = json!({"isMfaRegistered": false});
    world.app("app-vm");
    world.group("group-a", &["user-b", "user-c"]);
    world.assign("user-a", "owner", ONE);
    world.assign("user-b", "operator", ONE);
    world.assign("group-a", "contributor", TEAM);
    world.assign("group-a", "uaa", &format!("{ONE}/resourceGroups/app"));
    world.assign("user-c", "owner", ONE).properties["condition"] = json!("@Resource[x] StringEquals 'y'");
    world.assign("app-vm", "owner", TEAM);
    world.deny(&format!("{ONE}/resourceGroups/app"), &["user-c"], json!({"actions": ["*/write"]}));
    let machine = format!("{ONE}/resourceGroups/app/providers/{MACHINE}/vm");
    world.add(MACHINE, &machine, json!({})).envelope.insert("identity".to_owned(), json!({"principalId": "app-vm"}));
    let policy = json!({"state": "enabled", "grantControls": {"operator": "OR", "builtInControls": ["mfa"]}, "conditions": {
        "users": {"includeGroups": ["group-a"]}, "applications": {"includeApplications": ["All"]}}});
    world.add(mfa::POLICY, "/tenants/t/conditionalAccessPolicies/p", policy);
    let properties =
        json!({"principalId": "user-b", "scope": ONE, "roleDefinitionId": "/x/operator", "assignmentType": "Activated"});
    world.add(pim::ACTIVE, &format!("{ONE}/providers/{}/x", pim::ACTIVE), properties);
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]
    #[test]
    fn no_json_makes_it_panic(values in prop::collection::vec(any_json(), 15)) {
        let mut world = estate();
        for (type_name, value) in TYPES.iter().zip(values) {
            let id = format!("{ONE}/providers/{type_name}/any");
            world.add(type_name, &id, value.clone()).envelope.insert("identity".to_owned(), value);
        }
        world.facts();
    }

    #[test]
    fn what_cannot_be_read_is_told_as_such_and_turns_nothing_round(
        hidden in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(FIELDS.to_vec())), 1..4),
    ) {
        // Of the lists of writers and readers those move up who are more than is seen, so the three are looked at as one.
        let merged = |list: &str| list.replace("Owners", "").replace("owners", "").replace("Writers", "").replace("writers", "")
            .replace("Readers", "").replace("readers", "").replace("NonOwners", "").replace("Non", "");
        let whole = estate().facts();
        let mut world = estate();
        for (index, field) in hidden {
            hide(index.get_mut(world.resources.as_mut_slice()), &format!("properties.{field}"));
        }
        for (id, sheet) in world.facts() {
            let before = &whole[&id];
            for (fact, fields) in &sheet.values {
                for (field, value) in fields {
                    let is_cut = sheet.unreadable.iter().any(|entry| entry.field.to_string() == format!("facts.{fact}.{field}"));
                    let earlier = before.field(fact, field);
                    if !is_cut && before.unreadable.iter().all(|entry| entry.field.to_string() != format!("facts.{fact}.{field}")) {
                        prop_assert_eq!(Some(value), earlier, "{} {}", id, field);
                    }
                    let Value::Array(sure) = value else { continue };
                    let kin = before.values.get(fact).into_iter().flat_map(|fields| fields.iter());
                    let kin: Vec<&Value> = kin.filter(|(name, _)| merged(name) == merged(field)).map(|(_, value)| value).collect();
                    for element in sure {
                        let is_known = |list: &&Value| list.as_array().is_some_and(|list| list.iter().any(|own| same(own, element)));
                        prop_assert!(kin.iter().any(is_known), "{} {} {}", id, field, element);
                    }
                }
            }
        }
    }

    #[test]
    fn the_order_of_resources_does_not_matter(order in Just((0..estate().resources.len()).collect::<Vec<_>>()).prop_shuffle()) {
        let whole = estate();
        let mut world = estate();
        world.resources = order.into_iter().map(|place| whole.resources[place].clone()).collect();
        for (id, sheet) in world.facts() {
            prop_assert_eq!(&sheet.values, &whole.facts()[&id].values, "{}", id);
        }
    }
}

/// The same person, whatever is told of the assignment.
fn same(left: &Value, right: &Value) -> bool {
    match (left.get("id"), right.get("id")) {
        (Some(left), Some(right)) => left == right,
        _ => left == right,
    }
}
