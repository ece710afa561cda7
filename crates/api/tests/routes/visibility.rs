//! That a caller who sees some accounts gets from every route what a server that knows only those would answer.

use serde_json::{Value, json};
use skywarden_api::ROUTES;
use skywarden_model::{Scope, Timestamp, subscription_id};
use skywarden_policy::PolicyObject;
use skywarden_rbac::BuiltIn;

use crate::{
    common::{Server, assign, estate, is_of_installation, program},
    roles::{path_of, status},
};

/// Two accounts of one connector, and two connectors with one each.
const PLACES: [(&str, &str); 4] = [("alpha", "a1"), ("alpha", "a2"), ("beta", "b1"), ("gamma", "c1")];

/// Roles that read all that belongs to security.
const READING: [BuiltIn; 3] = [BuiltIn::Reader, BuiltIn::SecurityReader, BuiltIn::Owner];

fn subscription((connector, account): (&str, &str)) -> String {
    subscription_id(&Scope { connector: connector.into(), account: account.into(), resource_group: "".into() }).to_string()
}

/// Policies everywhere, and some that are each account's own, with the group that it lies in.
async fn govern(server: &Server, places: &[(&str, &str)]) {
    let at = |scope: &str, kind: &str, name: &str| format!("{scope}/providers/Microsoft.Authorization/{kind}/{name}");
    let rule = json!({ "if": { "field": "tags.owner", "exists": false }, "then": { "effect": "audit" } });
    let mut documents = vec![
        json!({ "id": at("", "policyDefinitions", "all"), "properties": { "policyRule": rule } }),
        json!({ "id": at("", "policyAssignments", "all"), "properties": { "policyDefinitionId": at("", "policyDefinitions", "all") } }),
    ];
    for own in places {
        let scope = format!("/subscriptions/{}", subscription(*own));
        let group = format!("/providers/Microsoft.Management/managementGroups/of-{}", own.1);
        documents.extend([
            json!({ "id": at(&scope, "policyDefinitions", own.1), "properties": { "policyRule": rule } }),
            json!({ "id": at(&scope, "policyAssignments", own.1),
                    "properties": { "policyDefinitionId": at(&scope, "policyDefinitions", own.1) } }),
            json!({ "id": at(&scope, "policyExemptions", own.1), "properties": {
                "policyAssignmentId": at(&scope, "policyAssignments", own.1), "exemptionCategory": "Waiver" } }),
            json!({ "id": group, "properties": { "displayName": own.1, "children": [{ "id": scope }] } }),
        ]);
    }
    let objects: Vec<(PolicyObject, Value)> =
        documents.into_iter().map(|document| (PolicyObject::parse(&document).unwrap(), document)).collect();
    server.store.put_policies(&objects).await.unwrap();
    for (connector, _) in places {
        server.store.judge_policies(connector, Timestamp::UNIX_EPOCH).await.unwrap();
    }
}

#[tokio::test]
async fn whoever_sees_a_part_gets_what_a_server_of_that_part_alone_would_answer() {
    let whole = estate(&PLACES).await;
    govern(&whole, &PLACES).await;
    // Nothing, one of a connector's two accounts, the other, parts of two connectors, all but one, everything.
    for chosen in [0b0000_usize, 0b0001, 0b0010, 0b0101, 0b1011, 0b1111] {
        let visible: Vec<(&str, &str)> =
            PLACES.iter().enumerate().filter(|(place, _)| chosen >> place & 1 == 1).map(|(_, own)| *own).collect();
        let part = estate(&visible).await;
        govern(&part, &visible).await;
        let owner = program(&part, "owner", BuiltIn::Owner, "/").await;
        let name = format!("reader-{chosen}");
        let reader = program(&whole, &name, READING[chosen % READING.len()], "/subscriptions/none").await;
        let principal = whole.store.principals().await.unwrap().into_iter().find(|own| own.name == name).unwrap();
        for (place, own) in visible.iter().enumerate() {
            let scope = format!("/subscriptions/{}", subscription(*own));
            assign(&whole, &principal, READING[(chosen + place) % READING.len()], &scope).await;
        }
        for route in ROUTES.iter().filter(|route| route.method == "GET") {
            // Who holds which role is another matter, and an owner of everything may ask about scopes that are nowhere.
            if is_of_installation(route) {
                continue;
            }
            for own in PLACES {
                let path = path_of(&route.path, &subscription(own));
                let (left, right) = (status(&whole, "GET", &path, &reader).await, status(&part, "GET", &path, &owner).await);
                assert_eq!(left.0, right.0, "{path} to one who sees {visible:?}: {} {}", left.1, right.1);
                if left.0.is_success() {
                    assert_eq!(left.1, right.1, "{path} to one who sees {visible:?}");
                }
                if !route.path.contains("{subscription}") {
                    break;
                }
            }
        }
    }
}
