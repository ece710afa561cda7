//! Events of a log source meet indicators of every format of threat intelligence, in their time.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use jiff::Timestamp;
use skywarden_content::LogSourceFile;
use skywarden_detect::{
    Alert, Clock, Detect, Intelligence, Knowledge, PublicRules, Run,
    indicators::{Feed, read},
};

const SOURCE: &str = r#"
id: flows
title: "Flows"
description: "Traffic of machines."
read: { format: json }
time: { field: at, format: rfc3339 }
event_id: id
account: account
sigma: [ { product: test, service: flows } ]
events:
  - class: network_activity
    set: { dst_endpoint.ip: to, dst_endpoint.hostname: name, file.hashes: hash, http_request.url.url_string: url }
"#;

const RULE: &str = "title: known\nid: known\nlogsource: { product: test, service: flows }\nlevel: high\ntags: [attack.impact]\n\
                    detection: { s: { id|exists: true }, condition: s }";

const DETECTOR: &str = "{ kind: indicator, fields: [dst_endpoint.ip, dst_endpoint.hostname, http_request.url.url_string, \
                        file.hashes], \
                        of: [address, domain, url, hash] }";

const HASH: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90";

const STIX: &str = r#"{"type": "bundle", "id": "bundle--1", "objects": [
  {"type": "identity", "id": "identity--1", "name": "Harbour CERT"},
  {"type": "malware", "id": "malware--1", "name": "Driftwood"},
  {"type": "indicator", "id": "indicator--1", "pattern_type": "stix", "created_by_ref": "identity--1", "confidence": 80,
   "pattern": "[ipv4-addr:value ISSUBSET '198.51.100.0/24' OR domain-name:value = 'stix.example']",
   "valid_from": "2026-02-01T00:00:00Z", "valid_until": "2026-04-01T00:00:00Z"},
  {"type": "indicator", "id": "indicator--2", "pattern_type": "stix", "confidence": 10,
   "pattern": "[domain-name:value = 'doubtful.example']", "valid_from": "2026-02-01T00:00:00Z"},
  {"type": "relationship", "id": "relationship--1", "relationship_type": "indicates",
   "source_ref": "indicator--1", "target_ref": "malware--1"}
]}"#;

const MISP: &str = r#"{"Event": {"info": "Phishing of a harbour", "Attribute": [
  {"type": "url", "to_ids": true, "value": "http://misp.example/Login", "Tag": [{"name": "phishing"}]},
  {"type": "domain", "to_ids": false, "value": "mentioned.example"}
]}}"#;

const TABLE: &str = "domain,tags,expires\ntable.example,c2,2026-03-05\n";

fn parsed<T: serde::de::DeserializeOwned>(yaml: &str) -> T {
    serde_json::from_value(skywarden_content::Source::parse(yaml).ok().unwrap().value).unwrap()
}

/// Detection, and what is known with at least so much confidence.
fn detect(least_confidence: u8) -> (Detect, Arc<Knowledge>) {
    let mut public = PublicRules::default();
    public.add("test", RULE);
    let (mut rules, refused) = public.finish();
    assert!(refused.is_empty(), "{refused:?}");
    rules.iter_mut().for_each(|rule| rule.detector = Some(parsed(DETECTOR)));
    let (detect, refused) = Detect::of_sources(&[parsed::<LogSourceFile>(SOURCE)], rules, &Default::default());
    assert!(refused.is_empty(), "{refused:?}");
    let mut known = Intelligence::at_least(least_confidence);
    for (name, text) in [("stix", STIX), ("misp", MISP), ("table", TABLE), ("list", HASH)] {
        let loaded = read(text.as_bytes(), Feed { name, labels: &[] }, &mut known);
        assert_eq!(loaded.n_unusable, 0, "{loaded:?}");
    }
    (detect, Arc::new(known.into()))
}

fn alerts((detect, known): &(Detect, Arc<Knowledge>), field: &str, value: &str, at: &str) -> Vec<Alert> {
    let text = format!(r#"{{"id":"1","at":"{at}","account":"a","{field}":"{value}"}}"#);
    let mut run = Run::knowing(Arc::clone(known));
    let mut input = detect.input("flows").unwrap();
    detect.feed(
        &mut run,
        &mut input,
        &text,
        Clock::OfRecords("2027-01-01T00:00:00Z".parse::<Timestamp>().unwrap()),
        &mut |bad| unreachable!("{bad:?}"),
    );
    run.alerts.all().into_iter().cloned().collect()
}

#[test]
fn an_event_meets_an_indicator_of_each_format_in_its_time() {
    let detect = detect(0);
    for (field, value, at, expected) in [
        ("to", "198.51.100.7", "2026-03-01T00:00:00Z", Some("known as driftwood, malware (says Harbour CERT; confidence 80)")),
        (
            "name",
            "a.stix.example",
            "2026-02-01T00:00:00Z",
            Some("known as driftwood, malware (says Harbour CERT; confidence 80)"),
        ),
        ("to", "198.51.100.7", "2026-04-01T00:00:00Z", None),
        ("to", "198.51.100.7", "2026-01-31T23:59:59Z", None),
        ("to", "198.51.101.7", "2026-03-01T00:00:00Z", None),
        ("url", "http://MISP.example/Login", "2026-03-01T00:00:00Z", Some("known as phishing (says Phishing of a harbour)")),
        ("name", "mentioned.example", "2026-03-01T00:00:00Z", None),
        ("name", "table.example", "2026-03-04T23:59:59Z", Some("known as c2 (says table)")),
        ("name", "table.example", "2026-03-05T00:00:00Z", None),
        ("hash", HASH, "2026-03-01T00:00:00Z", Some("known as an indicator (says list)")),
        ("name", "doubtful.example", "2026-03-01T00:00:00Z", Some("known as an indicator (says stix; confidence 10)")),
    ] {
        let alerts = alerts(&detect, field, value, at);
        let why = alerts.first().and_then(|alert| alert.why.as_deref());
        match expected {
            None => assert_eq!(why, None, "{value} {at}"),
            Some(part) => assert!(why.is_some_and(|why| why.contains(value) && why.contains(part)), "{value} {at}: {why:?}"),
        }
    }
}

#[test]
fn what_is_less_sure_than_asked_for_raises_nothing() {
    let detect = detect(50);
    assert_eq!(alerts(&detect, "name", "doubtful.example", "2026-03-01T00:00:00Z").len(), 0);
    assert_eq!(alerts(&detect, "name", "stix.example", "2026-03-01T00:00:00Z").len(), 1);
    assert_eq!(alerts(&detect, "name", "table.example", "2026-03-01T00:00:00Z").len(), 1, "which says nothing of how sure it is");
}
