//! Plans: what holds where, and what one that is off does not do.

use axum::http::StatusCode;
use serde_json::{Value, json};
use skywarden_model::{ArmId, subscription_id};

use crate::{
    common::{BEARER, ask, estate, get, machine, server},
    objects::{delete, names, own, put, subscription},
};

/// The path of something of the machine itself.
fn of_machine(rest: &str) -> String {
    format!("{}/providers/Microsoft.Security/{rest}", ArmId::of(&machine()))
}

#[tokio::test]
async fn every_plan_is_on_until_somebody_decides() {
    let server = server().await;
    let list = get(&server, &own("pricings?api-version=2024-01-01")).await;
    assert!(list.get("nextLink").is_none());
    let of = |name: &str| list["value"].as_array().unwrap().iter().find(|own| own["name"] == name).unwrap()["properties"].clone();
    let machines = of("VirtualMachines");
    assert_eq!(
        (
            &machines["pricingTier"],
            &machines["subPlan"],
            &machines["inherited"],
            &machines["inheritedFrom"],
            &machines["enforce"]
        ),
        (&json!("Standard"), &json!("P2"), &json!("True"), &json!("/"), &json!("False"))
    );
    assert_eq!(
        (&machines["freeTrialRemainingTime"], &machines["resourcesCoverageStatus"]),
        (&json!("PT0S"), &json!("FullyCovered"))
    );
    assert_eq!((&of("Dns")["pricingTier"], &of("Dns")["replacedBy"]), (&json!("Free"), &json!(["VirtualMachines"])));
    let path = own("pricings/virtualmachines");
    let (status, set) = put(&server, &path, json!({ "pricingTier": "Standard", "subPlan": "p1",
        "extensions": [{ "name": "AgentlessVmScanning", "isEnabled": "True", "additionalExtensionProperties": { "ExclusionTags": "[]" } }] })).await;
    assert_eq!(
        (status, set["name"].as_str(), &set["properties"]["subPlan"]),
        (StatusCode::OK, Some("VirtualMachines"), &json!("P1"))
    );
    assert_eq!(set["properties"]["inherited"], "False");
    assert_eq!(set["properties"]["extensions"][0]["operationStatus"]["code"], "Failed", "nobody has built it");
    assert_eq!(set["properties"]["extensions"][1], json!({ "name": "MdeDesignatedSubscription", "isEnabled": "False" }));
    let left = set["properties"]["freeTrialRemainingTime"].as_str().unwrap();
    assert!(left.starts_with("P29DT23H59M") || left == "P30DT0H0M0S", "{left}");
    // Who sets it again does not begin the trial anew, and what is not named stays.
    let (_, again) = put(&server, &path, json!({ "pricingTier": "Standard" })).await;
    assert_eq!(again["properties"]["enablementTime"], set["properties"]["enablementTime"]);
    assert_eq!((&again["etag"], &again["properties"]["subPlan"]), (&set["etag"], &json!("P1")));
    let (_, off) = put(&server, &path, json!({ "pricingTier": "Free", "subPlan": "P1" })).await;
    let off = &off["properties"];
    assert_eq!(
        (&off["subPlan"], &off["enablementTime"], &off["freeTrialRemainingTime"]),
        (&Value::Null, &Value::Null, &json!("PT0S"))
    );
    assert_eq!((&off["resourcesCoverageStatus"], &off["extensions"][0]["isEnabled"]), (&json!("NotCovered"), &json!("False")));
    let older = get(&server, &format!("{path}?api-version=2023-01-01")).await;
    for member in ["enforce", "inherited", "inheritedFrom", "resourcesCoverageStatus"] {
        assert!(older["properties"].get(member).is_none(), "{member} came later");
    }
    assert_eq!(older["properties"]["pricingTier"], "Free");
}

#[tokio::test]
async fn a_resource_takes_what_its_subscription_has_unless_it_differs() {
    let server = server().await;
    let (above, here) = (own("pricings/VirtualMachines"), of_machine("pricings/VirtualMachines"));
    assert_eq!(names(&get(&server, &of_machine("pricings")).await), ["VirtualMachines"]);
    let inherited = get(&server, &here).await;
    assert_eq!(
        (&inherited["properties"]["inherited"], inherited["properties"]["inheritedFrom"].as_str()),
        (&json!("True"), Some(&*subscription()))
    );
    let (status, answer) = put(&server, &here, json!({ "pricingTier": "Standard", "subPlan": "P2" })).await;
    assert_eq!((status, &answer["error"]["target"]), (StatusCode::BAD_REQUEST, &json!("properties.subPlan")), "{answer}");
    assert_eq!(put(&server, &here, json!({ "pricingTier": "Free", "enforce": "True" })).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(
        put(&server, &of_machine("pricings/KeyVaults"), json!({ "pricingTier": "Free" })).await.0,
        StatusCode::BAD_REQUEST
    );
    let (status, off) = put(&server, &here, json!({ "pricingTier": "Free" })).await;
    assert_eq!((status, &off["properties"]["inherited"]), (StatusCode::OK, &json!("False")));
    assert!(off["properties"].get("inheritedFrom").is_none() && off["properties"].get("enforce").is_none());
    assert_eq!(get(&server, &above).await["properties"]["resourcesCoverageStatus"], "PartiallyCovered");
    assert_eq!(delete(&server, &here).await, StatusCode::OK);
    assert_eq!(delete(&server, &here).await, StatusCode::NO_CONTENT);
    assert_eq!(get(&server, &here).await, inherited);
    assert_eq!(put(&server, &here, json!({ "pricingTier": "Free" })).await.0, StatusCode::OK);
    assert_eq!(put(&server, &above, json!({ "pricingTier": "Standard", "enforce": "true" })).await.0, StatusCode::OK);
    let (status, answer) = put(&server, &here, json!({ "pricingTier": "Free" })).await;
    assert_eq!((status, &answer["error"]["code"]), (StatusCode::CONFLICT, &json!("PricingEnforced")));
    let here = get(&server, &here).await;
    assert_eq!((&here["properties"]["pricingTier"], &here["properties"]["inherited"]), (&json!("Standard"), &json!("True")));
    assert_eq!(get(&server, &above).await["properties"]["resourcesCoverageStatus"], "FullyCovered");
}

#[tokio::test]
async fn a_plan_that_is_off_is_in_no_count_and_the_recommendation_says_why() {
    const BASELINE: &str = "machine-security-configuration-met";
    let server = server().await;
    let path = own("pricings/VirtualMachines");
    let set = async |tier: &str| {
        let (status, answer) = put(&server, &path, json!({ "pricingTier": tier })).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let rows = get(&server, "/api/v1/recommendations").await;
        let is_listed = rows["items"].as_array().unwrap().iter().any(|row| row["id"] == BASELINE);
        let one = get(&server, &format!("/api/v1/recommendations/{BASELINE}")).await;
        let of_machine = get(&server, &of_machine("assessments")).await["value"].as_array().unwrap().len();
        let overview = get(&server, "/api/v1/overview").await;
        let controls: Vec<Value> =
            overview["secureScore"]["controls"].as_array().unwrap().iter().map(|own| own["id"].clone()).collect();
        (is_listed, one["plan"].clone(), of_machine, controls.contains(&json!("remediate-security-configurations")))
    };
    let plan = |off: Value| json!({ "name": "VirtualMachines", "title": "Servers", "subPlans": ["P2"], "offIn": off });
    let (is_listed, of, n_all, counts) = set("Standard").await;
    assert!(is_listed && counts);
    assert_eq!(of, plan(json!([])));
    let (is_listed, of, n_without, counts) = set("Free").await;
    assert!(!is_listed && !counts);
    assert_eq!(of, plan(json!([{ "connector": "host", "account": "fleet" }])));
    assert_eq!(n_without, n_all - 1, "everything else is judged as before");
    assert_eq!(set("Standard").await, (true, plan(json!([])), n_all, true));
    assert_eq!(get(&server, "/api/v1/recommendations/machine-firewall-on").await["plan"], Value::Null);
}

#[tokio::test]
async fn standards_that_need_a_plan_are_where_one_is_on() {
    const STANDARD: &str = "cis-debian-12";
    let places = [("alpha", "a1"), ("beta", "b1")];
    let server = estate(&places).await;
    let [alpha, beta] = places.map(|(connector, account)| {
        let scope = skywarden_model::Scope { connector: connector.into(), account: account.into(), resource_group: "".into() };
        format!("/subscriptions/{}/providers/Microsoft.Security", subscription_id(&scope))
    });
    let listed = async |scope: &str| {
        let list = get(&server, &format!("/api/v1/compliance{scope}")).await;
        list["items"].as_array().unwrap().iter().find(|own| own["id"] == STANDARD).map(|own| own["controlsByState"].clone())
    };
    let tree = async |scope: &str| get(&server, &format!("/api/v1/compliance/{STANDARD}{scope}")).await["controls"].clone();
    let (whole, whole_tree) = (listed("").await.unwrap(), tree("").await);
    for name in names(&get(&server, &format!("{alpha}/pricings")).await) {
        assert_eq!(put(&server, &format!("{alpha}/pricings/{name}"), json!({ "pricingTier": "Free" })).await.0, StatusCode::OK);
    }
    assert_eq!(names(&get(&server, &format!("{alpha}/regulatoryComplianceStandards")).await), ["aws-fsbp", "mcsb-v1"]);
    assert!(names(&get(&server, &format!("{beta}/regulatoryComplianceStandards")).await).contains(&STANDARD));
    assert_eq!(listed("?connector=alpha").await, None);
    let path = format!("/api/v1/compliance/{STANDARD}?connector=alpha");
    assert_eq!(ask(&server, "GET", &path, &[BEARER], "").await.0, StatusCode::NOT_FOUND);
    // What is shown over both is what the other one has.
    assert_eq!(listed("").await, listed("?connector=beta").await);
    assert_eq!(tree("").await, tree("?connector=beta").await);
    assert!(listed("").await.unwrap() != whole || tree("").await != whole_tree, "something was left out");
    put(&server, &format!("{alpha}/pricings/Arm"), json!({ "pricingTier": "Standard" })).await;
    assert!(listed("?connector=alpha").await.is_some());
}

#[tokio::test]
async fn the_console_gets_every_plan_with_how_it_is_set() {
    let server = server().await;
    put(&server, &own("pricings/Containers"), json!({ "pricingTier": "Free", "enforce": "True" })).await;
    let plans = get(&server, "/api/v1/plans").await;
    let servers = plans["plans"].as_array().unwrap().iter().find(|own| own["name"] == "VirtualMachines").unwrap();
    assert_eq!((&servers["title"], &servers["subPlans"]), (&json!("Servers"), &json!(["P1", "P2"])));
    assert_eq!(
        servers["brings"][0],
        json!({ "title": "Rules of the operating system's baseline", "built": true, "subPlans": ["P2"] })
    );
    let [subscription] = plans["subscriptions"].as_array().unwrap().as_slice() else { panic!("{plans}") };
    assert_eq!(
        (&subscription["connector"], subscription["id"].as_str()),
        (&json!("host"), Some(&*subscription_id(&machine().scope).to_string()))
    );
    let of = |plan: &str| subscription["pricings"].as_array().unwrap().iter().find(|own| own["plan"] == plan).unwrap();
    assert_eq!(
        (&of("Containers")["tier"], &of("Containers")["enforce"], &of("Containers")["inherited"]),
        (&json!("Free"), &json!(true), &json!(false))
    );
    assert_eq!(
        (&of("Api")["tier"], &of("Api")["subPlan"], &of("Api")["inheritedFrom"]),
        (&json!("Standard"), &json!("P1"), &json!("/"))
    );
    assert_eq!(of("AI")["extensions"][0], json!({ "name": "AIPromptEvidence", "isEnabled": false }));
}

#[tokio::test]
async fn pages_have_the_newest_shape_unless_a_version_is_named() {
    let server = server().await;
    for (version, has_later_members) in [("", true), ("&api-version=2024-01-01", true), ("&api-version=2022-03-01", false)] {
        let first = get(&server, &own(&format!("pricings?$top=1{version}"))).await;
        let next = first["nextLink"].as_str().unwrap().split_once("8470").unwrap().1.to_owned();
        for page in [first, get(&server, &next).await] {
            let is_there = page["value"][0]["properties"].get("inherited").is_some();
            assert_eq!(is_there, has_later_members, "{version}: {page}");
        }
    }
}
