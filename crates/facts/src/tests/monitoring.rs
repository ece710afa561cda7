use serde_json::{Value, json};
use skywarden_model::{Coverage, ListOutcome, Resource};

use super::{hide, resource};
use crate::Knowledge;

/// A trail of all regions whose log group has a filter, an alarm on its metric, and a topic with a subscriber.
fn watched() -> Vec<Resource> {
    vec![
        resource("AWS::IAM::Account", "account", json!({})),
        resource(
            "AWS::CloudTrail::Trail",
            "trail",
            json!({"IsMultiRegionTrail": true, "Status": {"IsLogging": true},
                "CloudWatchLogsLogGroupArn": "arn:aws:logs:eu-west-1:111111111111:log-group:trail:*"}),
        ),
        resource(
            "AWS::Logs::MetricFilter",
            "filter",
            json!({"LogGroupName": "trail", "FilterPattern": "{ $.eventName = DeleteTrail || $.eventName = StopLogging }",
                "MetricTransformations": [{"MetricNamespace": "Cis", "MetricName": "Trail"}]}),
        ),
        resource(
            "AWS::CloudWatch::Alarm",
            "alarm",
            json!({"Namespace": "Cis", "MetricName": "Trail", "ActionsEnabled": true, "AlarmActions": ["arn:aws:sns:eu-west-1:111111111111:t"]}),
        ),
        resource(
            "AWS::SNS::Subscription",
            "subscription",
            json!({"TopicArn": "arn:aws:sns:eu-west-1:111111111111:t", "SubscriptionArn": "arn:aws:sns:eu-west-1:111111111111:t:1"}),
        ),
    ]
}

/// Whether the two events of the probe reach somebody; `None` if that is not known.
fn trail_changes(resources: &[Resource], coverage: &[Coverage]) -> Option<bool> {
    let file: skywarden_content::FactFile = serde_json::from_value(json!({
        "id": "monitoring", "description": "d", "types": ["AWS::IAM::Account"], "fields": {"covered": {"*": "boolean"}},
        "probes": { "trail": [{"eventName": "StopLogging"}, {"eventName": "DeleteTrail"}] }
    }))
    .unwrap();
    let table = super::facts_of(resources, coverage, Knowledge { probed: vec![&file], ..Knowledge::default() });
    let sheet = &table[&resources[0].id];
    let value = sheet.field("monitoring", "covered").unwrap().get("trail").and_then(Value::as_bool);
    let is_hidden = sheet.unreadable.iter().any(|entry| entry.field.to_string() == "facts.monitoring.covered.trail");
    assert_ne!(value.is_some(), is_hidden);
    value
}

fn all_listed() -> Vec<Coverage> {
    let types = ["AWS::CloudTrail::Trail", "AWS::Logs::MetricFilter", "AWS::CloudWatch::Alarm", "AWS::SNS::Subscription"];
    let entry = |name: &&str| Coverage {
        type_name: (*name).into(),
        account: "111111111111".into(),
        region: "eu-west-1".into(),
        outcome: ListOutcome::Complete { n_resources: 1 },
        denied: Vec::new(),
    };
    types.iter().map(entry).collect()
}

#[test]
fn events_reach_somebody_through_trail_filter_alarm_and_topic() {
    assert_eq!(trail_changes(&watched(), &all_listed()), Some(true));
    for (place, field, value) in [
        (1, "IsMultiRegionTrail", json!(false)),
        (1, "Status", json!({"IsLogging": false})),
        (1, "CloudWatchLogsLogGroupArn", json!("arn:aws:logs:us-east-1:111111111111:log-group:trail:*")),
        (1, "EventSelectors", json!([{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": true}])),
        (2, "FilterPattern", json!("{ $.eventName = StopLogging }")),
        (2, "LogGroupName", json!("other")),
        (3, "MetricName", json!("Other")),
        (3, "ActionsEnabled", json!(false)),
        (3, "AlarmActions", json!([])),
        (4, "SubscriptionArn", json!("PendingConfirmation")),
    ] {
        let mut resources = watched();
        resources[place].properties[field] = value;
        assert_eq!(trail_changes(&resources, &all_listed()), Some(false), "{field}");
    }
}

#[test]
fn whether_events_reach_somebody_is_unknown_where_a_part_of_the_way_is() {
    assert_eq!(trail_changes(&watched(), &[]), Some(true), "what was found is enough");
    assert_eq!(trail_changes(&watched()[..2], &[]), None);
    for (place, field) in [(1, "Status"), (2, "FilterPattern"), (3, "AlarmActions")] {
        let mut resources = watched();
        hide(&mut resources[place], field);
        assert_eq!(trail_changes(&resources, &all_listed()), None, "{field}");
    }
    let mut resources = watched();
    resources[1].properties["CloudWatchLogsLogGroupArn"] = json!("arn:aws:logs:eu-west-1:222222222222:log-group:trail:*");
    assert_eq!(trail_changes(&resources, &all_listed()), None, "the log group of another account");
    let mut resources = watched();
    resources[2].properties["FilterPattern"] = json!("[columns]");
    assert_eq!(trail_changes(&resources, &all_listed()), None, "a pattern that is not understood");
}
