//! Answers of AWS, XML and JSON: the input is the body of every listing and read of a run over the real collectors.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use skywarden_collect::{CollectOptions, NoProgress, Replay, collect_aws};
use skywarden_content::Catalog;
use skywarden_model::Timestamp;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::embedded().expect("the content is sound"));

/// Listings of each protocol: query, ec2, json, rest-json, rest-xml.
const CALLS: [(&str, &str, &str); 5] = [
    ("rds", "DescribeDBInstances", "{}"),
    ("ec2", "DescribeVolumes", r#"{"MaxResults":500}"#),
    ("kms", "ListKeys", r#"{"Limit":1000}"#),
    ("lambda", "ListFunctions", r#"{"rest":"GET /2015-03-31/functions?MaxItems=50"}"#),
    ("s3", "ListBuckets", r#"{"rest":"GET /?max-buckets=1000"}"#),
];

fn seeds() {
    LazyLock::force(&CATALOG);
    let recorded = skywarden_fuzz::texts("testkit/estate/recording", ".jsonl");
    let calls =
        recorded.iter().flat_map(|text| text.lines()).filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let is_asked = |call: &serde_json::Value| CALLS.iter().any(|(service, ..)| call["service"] == *service);
    let bodies = calls.filter(is_asked).filter_map(|call| call["body"].as_str().map(str::to_owned));
    skywarden_fuzz::seeds(bodies.step_by(4).take(200));
}

fuzz_target!(init: seeds(), |body: &[u8]| {
    let Ok(body) = std::str::from_utf8(body) else { return };
    let mut lines = Vec::new();
    let mut line = |service: &str, operation: &str, parameters: &str, body: &str| {
        let parameters: serde_json::Value = serde_json::from_str(parameters).expect("written here");
        let call = json!({ "service": service, "operation": operation, "region": "us-east-1", "parameters": parameters,
                           "status": 200, "body": body });
        lines.extend(call.to_string().into_bytes());
        lines.push(b'\n');
    };
    line("sts", "GetCallerIdentity", "{}", "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:root</Arn><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>");
    for (service, operation, parameters) in CALLS {
        line(service, operation, parameters, body);
    }
    let replay = Arc::new(Replay::from_lines(lines).expect("every line is a call"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut options = CollectOptions::new("fuzz".into());
    options.regions = Some(vec!["us-east-1".to_owned()]);
    let snapshot = runtime.block_on(collect_aws(&*CATALOG, replay, options, &NoProgress, Timestamp::UNIX_EPOCH));
    assert!(snapshot.is_ok(), "no answer to a listing ends the run");
});
