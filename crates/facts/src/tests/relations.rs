use serde_json::json;
use skywarden_model::{Coverage, FactSheet, ListOutcome, Resource, fact_object};

use super::{hide, reason, resource};
use crate::Knowledge;

/// A relation by the ARN of a target, in the same region.
fn relation() -> skywarden_content::FactFile {
    serde_json::from_value(json!({
        "id": "logs", "description": "d", "types": ["T::Net"],
        "related": { "to": "T::Log", "on": [{ "ours": "arn:{partition}/{Id}", "theirs": "Targets[*].Arn" }], "take": ["State.Name", "facts.access"] }
    }))
    .unwrap()
}

fn listed(outcome: ListOutcome) -> Vec<Coverage> {
    let entry = |outcome: ListOutcome| Coverage {
        type_name: "T::Log".into(),
        account: "111111111111".into(),
        region: "eu-west-1".into(),
        outcome,
        denied: Vec::new(),
    };
    vec![entry(outcome)]
}

fn related(resources: &[Resource], coverage: &[Coverage]) -> FactSheet {
    let file = relation();
    let knowledge = Knowledge { policies: [("T::Log", "Policy")].into(), relations: vec![&file], ..Knowledge::default() };
    super::facts_of(resources, coverage, knowledge)[&resources[0].id].clone()
}

fn net_and_log() -> Vec<Resource> {
    let policy = json!({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "x:Read", "Resource": "*"}});
    vec![
        resource("T::Net", "arn:net:x", json!({"Id": "n1"})),
        resource(
            "T::Log",
            "log",
            json!({"Targets": [{"Arn": "arn:net/n0"}, {"Arn": "arn:net/n1"}], "State": {"Name": "on"}, "Policy": policy}),
        ),
        resource("T::Log", "other", json!({"Targets": [{"Arn": "arn:net/n2"}]})),
    ]
}

#[test]
fn a_relation_finds_what_points_at_a_resource_and_takes_its_fields() {
    let sheet = related(&net_and_log(), &listed(ListOutcome::Complete { n_resources: 2 }));
    assert!(sheet.unreadable.is_empty());
    let fact = fact_object(&sheet.values[&"logs".into()]);
    assert_eq!((&fact["any"], &fact["n"]), (&json!(true), &json!(1)));
    let found = &fact["resources"][0];
    assert_eq!((&found["id"], &found["State"]["Name"]), (&json!("log"), &json!("on")));
    assert_eq!(found["facts"]["access"]["public"], json!(true));
}

#[test]
fn a_relation_is_unknown_where_its_other_side_is() {
    let complete = listed(ListOutcome::Complete { n_resources: 2 });
    let hidden = |sheet: &FactSheet| sheet.unreadable.iter().map(|entry| entry.field.to_string()).collect::<Vec<_>>();
    // Nothing was listed, or the list failed: there may be one, and one that was found stays found.
    let failed = listed(ListOutcome::Failed { reason: reason() });
    for coverage in [&Vec::new(), &failed] {
        let sheet = related(&net_and_log()[..1], coverage);
        assert_eq!(hidden(&sheet), ["facts.logs.any", "facts.logs.n", "facts.logs.resources"]);
    }
    let partial = listed(ListOutcome::Partial { n_resources: 1, reason: reason() });
    let sheet = related(&net_and_log(), &partial);
    assert_eq!(
        (sheet.field("logs", "any").unwrap(), hidden(&sheet)),
        (&json!(true), vec!["facts.logs.n".into(), "facts.logs.resources".into()])
    );
    // Our own side could not be read, or where another points.
    let mut resources = net_and_log();
    hide(&mut resources[0], "Id");
    assert_eq!(hidden(&related(&resources, &complete)).len(), 3);
    let mut resources = net_and_log();
    hide(&mut resources[2], "Targets");
    assert_eq!(hidden(&related(&resources, &complete)), ["facts.logs.n", "facts.logs.resources"]);
    // A field that is taken could not be read.
    let mut resources = net_and_log();
    hide(&mut resources[1], "State");
    assert_eq!(hidden(&related(&resources, &complete)), ["facts.logs.resources[*].State.Name"]);
}

#[test]
fn what_lies_in_another_region_or_account_is_not_related() {
    let complete = listed(ListOutcome::Complete { n_resources: 2 });
    let mut resources = net_and_log();
    resources[1].scope.resource_group = "us-east-1".into();
    assert_eq!(related(&resources, &complete).field("logs", "any"), Some(&json!(false)));
    resources[1].scope.resource_group = "global".into();
    assert_eq!(related(&resources, &complete).field("logs", "any"), Some(&json!(true)));
    resources[1].scope.account = "222222222222".into();
    assert_eq!(related(&resources, &complete).field("logs", "any"), Some(&json!(false)));
}
