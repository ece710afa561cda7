//! A run that stops, is kept and goes on finds what one finds that never stopped.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use proptest::prelude::*;
use skywarden_content::LogSourceFile;
use skywarden_detect::{Alert, BadRecord, COLUMNS, Clock, Detect, Place, PublicRules, Recall, Remembered, Row, Rule, Run, Sink};

/// Where things are kept while nobody remembers them.
#[derive(Debug, Default, Clone)]
struct Shelf(Arc<Mutex<BTreeMap<Place, Remembered>>>);

impl Recall for Shelf {
    fn recall(&self, place: Place) -> Result<Option<Remembered>, String> {
        Ok(self.0.lock().unwrap().get(&place).cloned())
    }
}

struct Broken;

impl Recall for Broken {
    fn recall(&self, _: Place) -> Result<Option<Remembered>, String> {
        Err("the disk is gone".to_owned())
    }
}

fn yaml<T: serde::de::DeserializeOwned>(text: &str) -> T {
    let source = skywarden_content::Source::parse(text).unwrap_or_else(|error| panic!("{}", error.message));
    serde_json::from_value(source.value).unwrap()
}

fn calls() -> LogSourceFile {
    yaml(
        r#"
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
    when: { call: [Delete, Get, Fail] }
    set: { actor.user.name: user, src_endpoint.ip: { of: from, as: ip }, src_endpoint.location.country: land, api.operation: call }
  - class: authentication
    set: { actor.user.name: user, src_endpoint.ip: { of: from, as: ip }, src_endpoint.location.country: land }
"#,
    )
}

const DETECTORS: &[(&str, &str)] = &[
    ("plain", "~"),
    ("many", "{ kind: threshold, by: [actor.user.name], within: 3h, at_least: 3 }"),
    ("many-kinds", "{ kind: threshold, by: [actor.user.name], within: 1d, at_least: 3, distinct: api.operation }"),
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

fn rules() -> Vec<Rule> {
    let mut public = PublicRules::default();
    for (name, _) in DETECTORS {
        let text = format!(
            "title: {name}\nid: {name}\nlogsource: {{ product: test, service: calls }}\nlevel: high\ndetection:\n  failed: {{ call: Fail }}\n  done: {{ call: Login }}\n  every: {{ call|exists: true }}\n  condition: every or failed or done\n"
        );
        public.add(name, &text);
    }
    let (mut rules, refused) = public.finish();
    assert!(refused.is_empty(), "{refused:?}");
    for (rule, (name, detector)) in rules.iter_mut().zip(DETECTORS) {
        assert!(rule.title == *name);
        rule.detector = yaml(detector);
    }
    rules
}

fn detect() -> Detect {
    let (detect, refused) = Detect::of_sources(&[calls()], rules(), &Default::default());
    assert!(refused.is_empty(), "{refused:?}");
    detect
}

/// Minutes since the last event, who, from where, what.
type Step = (u16, u8, u8, u8);

fn texts(steps: &[Step]) -> Vec<String> {
    let mut minute = 0_i64;
    let start: jiff::Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    let mut texts = Vec::new();
    for (number, (gap, user, from, what)) in steps.iter().enumerate() {
        // Some are late.
        minute += i64::from(*gap) - 40;
        let at = start + jiff::SignedDuration::from_mins(minute.max(0));
        let (call, land) =
            (["Get", "Fail", "Login", "Delete"][usize::from(*what) % 4], ["DE", "FR", "JP"][usize::from(*from) % 3]);
        texts.push(format!(
            r#"{{"id":"{number}","at":"{at}","account":"a","user":"user{user}","from":"198.51.100.{from}","land":"{land}","call":"{call}"}}"#
        ));
    }
    texts
}

fn far() -> Clock {
    Clock::OfRecords("2027-01-01T00:00:00Z".parse().unwrap())
}

fn written(alerts: &[Alert]) -> BTreeMap<String, String> {
    alerts.iter().map(|alert| (alert.id.clone(), serde_json::to_string(alert).unwrap())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn stopping_changes_nothing(
        steps in prop::collection::vec((0_u16..400, 0_u8..3, 0_u8..5, 0_u8..4), 1..120),
        every in 1_usize..20,
        most in prop_oneof![Just(0_usize), Just(3), Just(1_000)],
    ) {
        let detect = detect();
        let texts = texts(&steps);
        let mut whole = Run::default();
        let mut input = detect.input("calls").unwrap();
        for text in &texts {
            detect.feed(&mut whole, &mut input, text, far(), &mut |bad: BadRecord| panic!("{bad:?}"));
        }
        let expected: Vec<Alert> = whole.alerts.all().into_iter().cloned().collect();

        let shelf = Shelf::default();
        let mut found = BTreeMap::new();
        let mut newest = None;
        let mut state = Default::default();
        for part in texts.chunks(every) {
            // As if the process had ended: only the shelf and the state of the input go on.
            let mut run = Run::going_on(Box::new(shelf.clone()), newest);
            let mut input = detect.input("calls").unwrap();
            input.resume(serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap());
            for text in part {
                detect.feed(&mut run, &mut input, text, far(), &mut |bad: BadRecord| panic!("{bad:?}"));
            }
            prop_assert!(run.failed().is_none());
            found.extend(written(&run.changed_alerts()));
            run.give_changes(most, &mut |place, remembered| {
                shelf.0.lock().unwrap().insert(place, remembered);
            });
            prop_assert_eq!(run.n_changed(), 0);
            prop_assert!(run.changed_alerts().is_empty());
            newest = run.now().map(|now| jiff::Timestamp::from_millisecond(now).unwrap());
            state = input.state();
        }
        prop_assert_eq!(found, written(&expected));
    }
}

#[test]
fn every_detector_of_the_property_can_raise_something() {
    let detect = detect();
    let calm = (0..30).map(|_| (280, 0, 0, 0));
    let attack = [(60, 0, 1, 1), (45, 0, 1, 1), (45, 0, 1, 2)];
    let burst = (0..9).map(|_| (42, 0, 2, 3));
    let mut run = Run::default();
    let mut input = detect.input("calls").unwrap();
    for text in texts(&calm.chain(attack).chain(burst).collect::<Vec<_>>()) {
        detect.feed(&mut run, &mut input, &text, far(), &mut |bad: BadRecord| panic!("{bad:?}"));
    }
    let raised: std::collections::BTreeSet<String> = run.alerts.all().iter().map(|alert| alert.title.clone()).collect();
    let missing: Vec<&str> = DETECTORS.iter().map(|(name, _)| *name).filter(|name| !raised.contains(*name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn what_can_not_be_recalled_is_told() {
    let detect = detect();
    let mut run = Run::going_on(Box::new(Broken), None);
    let mut input = detect.input("calls").unwrap();
    detect.feed(&mut run, &mut input, &texts(&[(50, 0, 0, 0)])[0], far(), &mut |_: BadRecord| {});
    assert_eq!(run.failed(), Some("the disk is gone"));
}

/// Gives the same, whatever is asked for, with the time until which it holds.
struct Always(i64, String);

impl Recall for Always {
    fn recall(&self, _: Place) -> Result<Option<Remembered>, String> {
        Ok(Some(Remembered { until: self.0, value: self.1.clone().into_bytes() }))
    }
}

#[test]
fn times_that_nothing_can_have_end_nothing() {
    let detect = detect();
    let texts = texts(&[(50, 0, 0, 1), (60, 0, 1, 2), (60, 0, 2, 1), (60, 0, 3, 0)]);
    for time in [i64::MIN, i64::MAX] {
        let window = format!(r#"{{"events":[[{time},"x",0],[{time},"y",0],[{time},"z",1]],"quiet_until":{time}}}"#);
        let values = [
            format!(r#"{{"steps":[{window},{window}],"quiet_until":{time}}}"#),
            format!(
                r#"{{"known_since":{time},"window":{time},"sum":1e308,"values":[],"peaks":[[{time},1.0]],"has_told":false}}"#
            ),
            format!(r#"{{"time":{time},"latitude":1e308,"longitude":-1.0,"name":"n","id":"i"}}"#),
            format!("[[1,{time}]]"),
            time.to_string(),
            window,
        ];
        for (value, until) in values.iter().flat_map(|value| [i64::MIN, i64::MAX].map(|until| (value, until))) {
            let mut run = Run::going_on(Box::new(Always(until, value.clone())), None);
            let mut input = detect.input("calls").unwrap();
            for text in &texts {
                detect.feed(&mut run, &mut input, text, far(), &mut |bad: BadRecord| panic!("{bad:?}"));
            }
            // Not every kind of memory looks like this, and what ended long ago is not looked at.
            assert_eq!(run.failed().is_some(), until == i64::MAX, "{value}");
        }
    }
}

#[test]
fn a_clock_that_runs_ahead_makes_nobody_forget() {
    let detect = detect();
    let mut run = Run::default();
    let mut input = detect.input("calls").unwrap();
    let mut all = texts(&[(50, 0, 0, 1), (50, 0, 0, 1)]);
    all.insert(1, all[0].replace("2026-03", "2093-03").replace("user0", "user1"));
    all.push(texts(&[(50, 0, 0, 1), (50, 0, 0, 1), (50, 0, 0, 1)])[2].replace("\"2\"", "\"last\""));
    for text in &all {
        let clock = Clock::OfRecords("2026-03-01T01:00:00Z".parse().unwrap());
        detect.feed(&mut run, &mut input, text, clock, &mut |bad: BadRecord| panic!("{bad:?}"));
    }
    assert!(run.alerts.all().iter().any(|alert| alert.title == "many"), "three of user0 within three hours");
}

#[test]
fn clocks_that_are_wrong_by_decades_hide_and_make_up_nothing() {
    let detect = detect();
    let calm = (0..30).map(|_| (280, 0, 0, 0));
    let attack = [(60, 0, 1, 1), (45, 0, 1, 1), (45, 0, 1, 2)];
    let burst = (0..9).map(|_| (42, 0, 2, 3));
    let steps: Vec<Step> = calm.chain(attack).chain(burst).collect();
    let titles = |years: &[&str], texts: &[String], at: &[usize]| -> std::collections::BTreeSet<String> {
        let (mut run, mut input) = (Run::default(), detect.input("calls").unwrap());
        for (place, text) in texts.iter().enumerate() {
            let wrong =
                years.iter().map(|year| text.replace("\"2026-", &format!("\"{year}-")).replace("\"id\":\"", "\"id\":\"wrong"));
            let wrong = wrong.filter(|_| at.contains(&place));
            for text in [text.clone()].into_iter().chain(wrong) {
                detect.feed(&mut run, &mut input, &text, far(), &mut |bad: BadRecord| panic!("{bad:?}"));
            }
        }
        let sound = run.alerts.all().into_iter().filter(|alert| alert.start.to_string().starts_with("2026"));
        sound.map(|alert| alert.title.clone()).collect()
    };
    let all = texts(&steps);
    let expected = titles(&[], &all, &[]);
    assert_eq!(expected.len(), DETECTORS.len());
    // Beside what is sound, of the same user: in the calm, and within the attack, where one event more is one more that is usual.
    for years in [["2100"].as_slice(), &["1970"], &["0001", "9998"]] {
        assert_eq!(titles(years, &all, &[3, 20]), expected, "{years:?}");
        let mut within = titles(years, &all, &[31]);
        within.insert("more".to_owned());
        assert_eq!(within, expected, "{years:?}");
    }
    // Somebody who is known for an hour is not known for decades.
    let calm: Vec<Step> = vec![(50, 0, 0, 0), (60, 0, 1, 0), (60, 0, 2, 0)];
    let quiet = titles(&["1970", "2100"], &texts(&calm), &[0]);
    assert!(!quiet.contains("new") && !quiet.contains("rare") && !quiet.contains("more"), "{quiet:?}");
}

/// Takes rows, and remembers which ids it saw.
#[derive(Default)]
struct Rows {
    seen: std::collections::BTreeSet<String>,
    rows: Vec<(String, String, BTreeMap<&'static str, String>)>,
}

impl Sink for Rows {
    fn is_new(&mut self, _: &skywarden_detect::LogSource, own_id: Option<&str>) -> bool {
        own_id.is_none_or(|id| self.seen.insert(id.to_owned()))
    }

    fn row(&mut self, row: &Row<'_>) {
        let columns =
            COLUMNS.iter().zip(&row.columns).filter_map(|((name, _), value)| Some((*name, value.as_deref()?.to_owned())));
        self.rows.push((row.class.name.to_owned(), row.time.to_string(), columns.collect()));
    }

    fn bad(&mut self, record: BadRecord) {
        panic!("{record:?}");
    }
}

#[test]
fn rows_hold_what_events_say_and_repeats_are_looked_at_once() {
    let mut catalog = skywarden_content::Catalog::default();
    catalog.log_sources.insert("calls".to_owned(), calls());
    let (detect, refused) = Detect::with_rows(&catalog, rules(), &Default::default());
    assert!(refused.is_empty(), "{refused:?}");
    let mut texts = texts(&[(50, 0, 0, 1), (50, 1, 1, 2)]);
    texts.push(texts[0].clone());
    let (mut run, mut rows) = (Run::default(), Rows::default());
    let mut input = detect.input("calls").unwrap();
    for text in &texts {
        detect.feed(&mut run, &mut input, text, far(), &mut rows);
    }
    let fail = BTreeMap::from([
        ("account", "a".to_owned()),
        ("actor", "user0".to_owned()),
        ("actor_name", "user0".to_owned()),
        ("operation", "Fail".to_owned()),
        ("src_ip", "198.51.100.0".to_owned()),
    ]);
    assert_eq!(rows.rows.len(), 2);
    assert_eq!(rows.rows[0], ("api_activity".to_owned(), "2026-03-01T00:10:00Z".to_owned(), fail));
    assert_eq!((rows.rows[1].0.as_str(), rows.rows[1].2.get("operation")), ("authentication", None));
    assert_eq!(run.alerts.all().iter().filter(|alert| alert.title == "plain").map(|alert| alert.n_events).sum::<u64>(), 2);
}
