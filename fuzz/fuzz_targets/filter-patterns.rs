//! Filter patterns of CloudWatch Logs, which people write: the input is a pattern, a NUL, and an event that it is asked of.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use skywarden_facts::Knowledge;
use skywarden_model::{Carried, Resource, Scope};

fn resource(type_name: &str, properties: Value) -> Resource {
    Resource {
        id: type_name.into(),
        type_name: type_name.into(),
        name: "x".to_owned(),
        scope: Scope { connector: "c".into(), account: "111111111111".into(), resource_group: "eu-west-1".into() },
        location: Some("eu-west-1".to_owned()),
        properties,
        carried: Carried::All,
        ..Resource::unknown()
    }
}

fn seeds() {
    let mut seeds: Vec<String> = [
        "{ $.eventName = DeleteTrail || $.eventName = StopLogging }",
        "{ ($.eventSource = \"iam.amazonaws.com\") && (($.eventName = Put*) || ($.errorCode NOT EXISTS)) }",
        "{ $.userIdentity.type IS NULL && $.n >= 4.5e2 && $.ok IS TRUE }",
        "{ $.eventName = %Delete[A-Z]+% || $.a[0].b != 'x' }",
        "[ip, user, ...]",
        "",
    ]
    .map(|pattern| format!("{pattern}\0{{\"eventName\":\"StopLogging\",\"n\":500,\"a\":[{{\"b\":1}}]}}"))
    .into();
    seeds.push("{ $.eventName = \"StopLogging\" }\0{\"eventName\":\"StopLogging\"}".to_owned());
    skywarden_fuzz::seeds(seeds);
}

fuzz_target!(init: seeds(), |input: &str| {
    let (pattern, event) = input.split_once('\0').unwrap_or((input, "{}"));
    let event = serde_json::from_str::<Value>(event).ok().filter(Value::is_object).unwrap_or_else(|| json!({ "eventName": "StopLogging" }));
    let estate = [
        resource("AWS::IAM::Account", json!({})),
        resource(
            "AWS::CloudTrail::Trail",
            json!({ "IsMultiRegionTrail": true, "Status": { "IsLogging": true },
                    "CloudWatchLogsLogGroupArn": "arn:aws:logs:eu-west-1:111111111111:log-group:trail:*" }),
        ),
        resource(
            "AWS::Logs::MetricFilter",
            json!({ "LogGroupName": "trail", "FilterPattern": pattern,
                    "MetricTransformations": [{ "MetricNamespace": "Cis", "MetricName": "Trail" }] }),
        ),
        resource(
            "AWS::CloudWatch::Alarm",
            json!({ "Namespace": "Cis", "MetricName": "Trail", "ActionsEnabled": true, "AlarmActions": ["arn:aws:sns:eu-west-1:111111111111:t"] }),
        ),
        resource(
            "AWS::SNS::Subscription",
            json!({ "TopicArn": "arn:aws:sns:eu-west-1:111111111111:t", "SubscriptionArn": "arn:aws:sns:eu-west-1:111111111111:t:1" }),
        ),
    ];
    let file: skywarden_content::FactFile = serde_json::from_value(json!({
        "id": "monitoring", "description": "d", "types": ["AWS::IAM::Account"], "fields": { "covered": { "*": "boolean" } },
        "probes": { "probe": [event] }
    }))
    .expect("written here");
    let table = skywarden_facts::compute(&estate, &[], Knowledge { probed: vec![&file], ..Knowledge::default() });
    let sheet = &table[&estate[0].id];
    let value = sheet.field("monitoring", "covered").and_then(|covered| covered.get("probe")).and_then(Value::as_bool);
    let is_hidden = sheet.unreadable.iter().any(|entry| entry.field.to_string() == "facts.monitoring.covered.probe");
    assert_ne!(value.is_some(), is_hidden, "a pattern is understood, or nothing is said");
});
