//! What is kept between runs and read back: what a reader knew of a file, what detections remember of somebody, and alerts that belong
//! together. The first byte says which the rest is, as JSON. What can't be read is told; what can be goes on and can be kept again.
#![no_main]

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use skywarden_content::{Catalog, LogSourceFile, Source};
use skywarden_detect::{
    AlertFacts, BadRecord, Clock, Correlator, CorrelatorState, Detect, InputState, Kinds, Place, PublicRules, Recall, Remembered,
    Run,
};
use skywarden_model::Timestamp;

const CALLS: &str = r#"
id: calls
title: "Calls"
description: "Calls of an interface."
read: { format: json }
time: { field: at, format: rfc3339 }
event_id: id
account: account
sigma: [ { product: test, service: calls } ]
events:
  - class: api_activity
    set: { actor.user.name: user, src_endpoint.ip: { of: from, as: ip }, src_endpoint.location.country: land, api.operation: call }
"#;

/// One rule for each kind of memory.
const DETECTORS: [(&str, &str); 8] = [
    ("many", "{ kind: threshold, by: [actor.user.name], within: 3h, at_least: 3, distinct: api.operation }"),
    (
        "guessed",
        "{ kind: sequence, by: [actor.user.name], within: 6h, steps: [ { selection: failed, at_least: 2 }, { selection: done } ] }",
    ),
    ("both", "{ kind: together, by: [actor.user.name], within: 6h, selections: [failed, done] }"),
    ("new", "{ kind: first_seen, entity: [actor.user.name], feature: [src_endpoint.ip], learn: 2d, remember: 5d }"),
    (
        "rare",
        "{ kind: rare, entity: [actor.user.name], feature: [src_endpoint.ip], among: [account], at_most: 1, learn: 2d, remember: 5d }",
    ),
    ("more", "{ kind: volume, entity: [actor.user.name], within: 1h, at_least: 3, times: 2, learn: 1d, remember: 5d }"),
    ("travel", "{ kind: travel, entity: [actor.user.name], faster_than: 900 }"),
    ("beacon", "{ kind: beacon, by: [actor.user.name], within: 2d, at_least: 4, jitter: 0.2 }"),
];

static DETECT: LazyLock<Detect> = LazyLock::new(|| {
    let mut public = PublicRules::default();
    for (name, _) in DETECTORS {
        let rule = format!(
            "title: {name}\nid: {name}\nlogsource: {{ product: test, service: calls }}\nlevel: high\ndetection:\n  failed: {{ call: Fail }}\n  \
             done: {{ call: Login }}\n  every: {{ call|exists: true }}\n  condition: every or failed or done\n"
        );
        public.add(name, &rule);
    }
    let (mut rules, refused) = public.finish();
    assert!(refused.is_empty(), "{refused:?}");
    for (rule, (_, detector)) in rules.iter_mut().zip(DETECTORS) {
        rule.detector = yaml(detector);
    }
    Detect::of_sources(&[yaml::<LogSourceFile>(CALLS)], rules, &Default::default()).0
});

/// The log sources of the content, without rules.
static SOURCES: LazyLock<(Detect, Kinds)> = LazyLock::new(|| {
    let catalog = Catalog::embedded_with_threats().expect("the content is sound");
    (Detect::new(&catalog, Vec::new(), &Default::default()).0, Kinds::new(catalog.incidents.values()))
});

fn yaml<T: for<'d> serde::Deserialize<'d>>(text: &str) -> T {
    let source = Source::parse(text).unwrap_or_else(|error| panic!("{}", error.message));
    serde_json::from_value(source.value).expect("written here")
}

const RECORDS: [&str; 4] = [
    r#"{"id":"1","at":"2026-03-01T00:00:00Z","account":"a","user":"ann","from":"198.51.100.1","land":"DE","call":"Fail"}"#,
    r#"{"id":"2","at":"2026-03-01T01:00:00Z","account":"a","user":"ann","from":"198.51.100.2","land":"JP","call":"Login"}"#,
    r#"{"id":"3","at":"2026-02-01T01:00:00Z","account":"a","user":"ann","from":"198.51.100.2","land":"US","call":"Fail"}"#,
    r#"{"id":"4","at":"2026-03-09T01:00:00Z","account":"a","user":"bob","from":"198.51.100.2","land":"JP","call":"Get"}"#,
];

/// The same, whatever is asked for.
struct Always(Vec<u8>);

impl Recall for Always {
    fn recall(&self, _: Place) -> Result<Option<Remembered>, String> {
        Ok(Some(Remembered { until: i64::MAX, value: self.0.clone() }))
    }
}

#[derive(Default, Clone)]
struct Shelf(Arc<Mutex<BTreeMap<Place, Remembered>>>);

impl Recall for Shelf {
    fn recall(&self, place: Place) -> Result<Option<Remembered>, String> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&place).cloned())
    }
}

fn feed(run: &mut Run) {
    let mut input = DETECT.input("calls").expect("the only one");
    let clock = Clock::OfRecords(Timestamp::MAX);
    for record in RECORDS {
        DETECT.feed(run, &mut input, record, clock, &mut |bad: BadRecord| panic!("{bad:?}"));
    }
}

fn memory(value: &[u8]) {
    let mut run = Run::going_on(Box::new(Always(value.to_vec())), None);
    feed(&mut run);
    assert!(run.failed().is_none_or(|reason| !reason.is_empty()));
    let shelf = Shelf::default();
    run.give_changes(0, &mut |place, remembered| {
        shelf.0.lock().unwrap_or_else(PoisonError::into_inner).insert(place, remembered);
    });
    let mut again = Run::going_on(Box::new(shelf), None);
    feed(&mut again);
    assert_eq!(again.failed(), None, "what is given to be kept can be read");
}

fn reader(state: &[u8]) {
    let Ok(state) = serde_json::from_slice::<InputState>(state) else { return };
    let (detect, _) = &*SOURCES;
    for source in detect.sources() {
        let (mut run, mut input) = (Run::default(), detect.input(&source.id).expect("one of ours"));
        input.resume(state.clone());
        let texts = [
            "type=PATH msg=audit(1.000:1): item=0 name=\"/etc/passwd\"",
            "a\tb\t1.5\t-",
            "#fields\tts\tuid",
            "a,b,\"c\nd\"",
            "{}",
        ];
        for text in texts {
            let clock = Clock::OfRecords(Timestamp::UNIX_EPOCH);
            detect.feed(&mut run, &mut input, text, clock, &mut |bad: BadRecord| assert!(!bad.reason.is_empty()));
        }
        let kept = serde_json::to_string(&input.state()).expect("plain data");
        let again: InputState = serde_json::from_str(&kept).expect("what is kept can be read");
        assert_eq!(serde_json::to_string(&again).expect("plain data"), kept);
    }
}

fn alert(id: &str, at: &str) -> AlertFacts {
    serde_json::from_value(json!({
        "id": id, "detection": "d", "title": "t", "plan": null, "severity": "high", "intents": [], "techniques": [], "start": at, "end": at,
        "actor": "ann", "entities": [{ "type": "ip", "id": "203.0.113.9" }], "account": "a", "n_events": 1, "compromised": "vm-1"
    }))
    .expect("written here")
}

fn alerts() -> [AlertFacts; 3] {
    [alert("a", "2026-03-01T00:00:00Z"), alert("b", "2026-03-01T01:00:00Z"), alert("c", "2026-02-27T01:00:00Z")]
}

fn incidents(state: &[u8]) {
    let Ok(state) = serde_json::from_slice::<CorrelatorState>(state) else { return };
    let (mut correlator, _) = Correlator::resume(SOURCES.1.clone(), state);
    for alert in alerts() {
        correlator.add(&alert);
    }
    for incident in correlator.incidents() {
        assert_eq!(correlator.incident(&incident.id).map(|own| own.id), Some(incident.id));
    }
    let kept = serde_json::to_string(correlator.state()).expect("plain data");
    assert_eq!(serde_json::from_str::<CorrelatorState>(&kept).ok().as_ref(), Some(correlator.state()));
}

fn seeds() {
    let mut run = Run::going_on(Box::new(Shelf::default()), None);
    feed(&mut run);
    let mut seeds = Vec::new();
    run.give_changes(0, &mut |_, remembered| seeds.push([b"\0", &remembered.value[..]].concat()));
    let mut correlator = Correlator::new(SOURCES.1.clone());
    for alert in alerts() {
        correlator.add(&alert);
        seeds.push([b"\x02", serde_json::to_string(correlator.state()).expect("plain data").as_bytes()].concat());
    }
    seeds.push(br#"#{"state":{"header":null,"call":["1",{"a":"b"}]},"newest":"2026-03-01T00:00:00Z"}"#.to_vec());
    let detect = &SOURCES.0;
    for source in detect.sources() {
        let mut input = detect.input(&source.id).expect("one of ours");
        for text in ["#separator \\x09\n#fields\tts\tuid\tid.orig_h", "type=SYSCALL msg=audit(1.000:1): a=b", "a,b\n1,2"] {
            detect.feed(&mut Run::default(), &mut input, text, Clock::At(Timestamp::UNIX_EPOCH), &mut |_: BadRecord| {});
        }
        seeds.push([b"\x01", serde_json::to_string(&input.state()).expect("plain data").as_bytes()].concat());
    }
    seeds.sort();
    seeds.dedup();
    skywarden_fuzz::seeds(seeds);
}

fuzz_target!(init: seeds(), |input: &[u8]| {
    let Some((choice, rest)) = input.split_first() else { return };
    match choice % 3 {
        0 => memory(rest),
        1 => reader(rest),
        _ => incidents(rest),
    }
});
