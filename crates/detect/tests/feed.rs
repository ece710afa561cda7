//! From texts to alerts, with log sources and rules of these tests' own.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use jiff::Timestamp;
use skywarden_content::{AlertLevel, IndicatorKind, Intent, LogSourceFile};
use skywarden_detect::{BadRecord, Clock, Detect, Indicator, Intelligence, Kinds, PublicRules, Rule, Run, correlate};

fn source(yaml: &str) -> LogSourceFile {
    serde_json::from_value(skywarden_content::Source::parse(yaml).unwrap_or_else(|error| panic!("{}", error.message)).value)
        .unwrap()
}

fn calls() -> LogSourceFile {
    source(
        r#"
id: calls
title: "Calls"
description: "Calls of an interface."
read: { format: json, records: [Records] }
time: { field: at, format: rfc3339 }
event_id: id
account: account
sigma: [ { product: test, service: calls } ]
events:
  - class: api_activity
    set: { actor.user.name: user, src_endpoint.ip: { of: from, as: ip }, api.operation: call, resource.uid: on }
"#,
    )
}

fn rule(name: &str, detection: &str, detector: Option<&str>) -> Rule {
    let text = format!(
        "title: {name}\nid: {name}\nlogsource: {{ product: test, service: calls }}\nlevel: high\ntags: [attack.impact, attack.t1485]\ndetection:\n{detection}"
    );
    let mut rule = public(&text).pop().unwrap();
    rule.detector = detector.map(|yaml| {
        serde_json::from_value(skywarden_content::Source::parse(yaml).unwrap_or_else(|error| panic!("{}", error.message)).value)
            .unwrap()
    });
    rule
}

fn public(text: &str) -> Vec<Rule> {
    let mut public = PublicRules::default();
    public.add("test", text);
    let (rules, refused) = public.finish();
    assert!(refused.is_empty(), "{refused:?}");
    rules
}

fn now() -> Timestamp {
    "2027-01-01T00:00:00Z".parse().unwrap()
}

struct Fed {
    run: Run,
    n_records: u64,
    bad: Vec<BadRecord>,
}

fn feed_with(detect: &Detect, texts: &[String]) -> Fed {
    feed_knowing(Intelligence::default(), detect, texts)
}

fn feed_knowing(known: Intelligence, detect: &Detect, texts: &[String]) -> Fed {
    let mut run = Run::knowing(Arc::new(known.into()));
    let mut bad = Vec::new();
    let mut input = detect.input("calls").unwrap();
    for text in texts {
        detect.feed(&mut run, &mut input, text, Clock::OfRecords(now()), &mut |record| bad.push(record));
    }
    Fed { run, n_records: input.n_records, bad }
}

fn feed(rules: Vec<Rule>, texts: &[String]) -> Fed {
    let (detect, refused) = Detect::of_sources(&[calls()], rules, &Default::default());
    assert!(refused.is_empty(), "{refused:?}");
    feed_with(&detect, texts)
}

fn call(minute: u32, user: &str, call: &str) -> String {
    let (hour, minute) = (minute / 60, minute % 60);
    let (day, hour) = (hour / 24 + 1, hour % 24);
    format!(
        r#"{{"id":"{day}-{hour}-{minute}-{user}-{call}","at":"2026-03-{day:02}T{hour:02}:{minute:02}:00Z","account":"a","user":"{user}","from":"198.51.100.7:443","call":"{call}","on":"thing"}}"#
    )
}

const DELETE: &str = "  s: { call: Delete }\n  condition: s\n";

#[test]
fn documents_lists_and_lines_are_read_alike() {
    let (one, two) = (call(0, "anna", "Delete"), call(1, "bert", "Delete"));
    for texts in [
        vec![one.clone(), two.clone()],
        vec![format!("{{\"Records\":[{one},{two}]}}")],
        vec![format!("[{one},\n{two}]")],
        vec![format!("{one}\n{two}\n")],
        vec![format!("\u{feff}{{\"Records\" : [ {one} , {two} ] }}")],
    ] {
        let fed = feed(vec![rule("deleted", DELETE, None)], &texts);
        assert_eq!((fed.n_records, fed.bad.len()), (2, 0), "{texts:?}");
        let alerts = fed.run.alerts.all();
        assert_eq!(alerts.len(), 2, "{texts:?}");
        assert_eq!(alerts[0].first.text("src_endpoint.ip").unwrap(), "198.51.100.7");
        assert_eq!(alerts[0].start.to_string(), "2026-03-01T00:00:00Z");
        assert_eq!(alerts[0].severity, AlertLevel::High);
        assert_eq!(alerts[0].techniques, ["T1485"]);
    }
}

#[test]
fn a_bad_record_is_told_and_the_rest_is_read() {
    let texts: Vec<String> =
        ["{\"id\":", "7", "not json", "{\"Records\":[{\"id\":\"x\"},7]}", "[[[[[[[[[[[]]]]]]]]]]]"].map(str::to_owned).to_vec();
    let mut all = texts.clone();
    all.push(call(0, "anna", "Delete"));
    let fed = feed(vec![rule("deleted", DELETE, None)], &all);
    assert_eq!(fed.run.alerts.all().len(), 1);
    assert!(fed.bad.len() >= texts.len(), "{:?}", fed.bad);
    assert!(fed.bad.iter().all(|record| !record.reason.is_empty()));
}

#[test]
fn a_bad_line_in_a_document_loses_no_other() {
    let (one, two) = (call(0, "anna", "Delete"), call(1, "bert", "Delete"));
    for (text, n_bad) in [
        (format!("no json\n{one}\n{two}\n"), 1),
        (format!("{one}\n{{\"id\":\n{two}\nno json\n"), 2),
        (format!("{one}\n{two}\n{{\"id\": \"cut"), 1),
    ] {
        let fed = feed(vec![rule("deleted", DELETE, None)], std::slice::from_ref(&text));
        assert_eq!((fed.run.alerts.all().len(), fed.bad.len()), (2, n_bad), "{text}: {:?}", fed.bad);
    }
}

#[test]
fn events_of_one_actor_within_an_hour_are_one_alert() {
    let texts: Vec<String> = (0..50).map(|minute| call(minute, "anna", "Delete")).collect();
    let fed = feed(vec![rule("deleted", DELETE, None)], &texts);
    let alerts = fed.run.alerts.all();
    let [alert] = alerts.as_slice() else { panic!("{}", alerts.len()) };
    assert_eq!((alert.n_events, alert.events.len()), (50, 50));
    let again = feed(vec![rule("deleted", DELETE, None)], &texts);
    assert_eq!(alert.id, again.run.alerts.all()[0].id, "a replay gives the same alert");
    let apart = [call(0, "anna", "Delete"), call(90, "anna", "Delete")];
    assert_eq!(feed(vec![rule("deleted", DELETE, None)], &apart).run.alerts.all().len(), 2);
}

#[test]
fn a_threshold_counts_within_its_time_by_its_key() {
    let detector = "{ kind: threshold, by: [actor.user.name], within: 10m, at_least: 5 }";
    let many = || rule("many", DELETE, Some(detector));
    let of = |minutes: &[u32]| minutes.iter().map(|minute| call(*minute, "anna", "Delete")).collect::<Vec<_>>();
    assert_eq!(feed(vec![many()], &of(&[0, 1, 2, 3])).run.alerts.all().len(), 0);
    assert_eq!(feed(vec![many()], &of(&[0, 3, 6, 9, 12])).run.alerts.all().len(), 0, "spread too far");
    let fed = feed(vec![many()], &of(&[4, 0, 3, 1, 2]));
    assert_eq!(fed.run.alerts.all().len(), 1, "late events count where they belong");
    assert_eq!(fed.run.alerts.all()[0].events.len(), 5);
    assert!(fed.run.alerts.all()[0].why.as_ref().unwrap().contains("5 such events within 10m"));
    let two: Vec<String> = (0..8).map(|minute| call(minute, if minute % 2 == 0 { "anna" } else { "bert" }, "Delete")).collect();
    assert_eq!(feed(vec![many()], &two).run.alerts.all().len(), 0, "each by itself");
}

#[test]
fn of_alternatives_in_a_key_the_first_that_is_there_counts() {
    let detector = "{ kind: threshold, by: ['device.hostname|actor.user.name'], within: 10m, at_least: 3 }";
    let texts: Vec<String> = (0..3).map(|minute| call(minute, "anna", "Delete")).collect();
    assert_eq!(feed(vec![rule("many", DELETE, Some(detector))], &texts).run.alerts.all().len(), 1);
    let missing = "{ kind: threshold, by: [device.hostname], within: 10m, at_least: 3 }";
    assert_eq!(feed(vec![rule("many", DELETE, Some(missing))], &texts).run.alerts.all().len(), 0);
}

#[test]
fn a_sequence_wants_its_steps_in_order() {
    let detection = "  failed: { call: Fail }\n  done: { call: Login }\n  condition: 1 of them\n";
    let detector = "{ kind: sequence, by: [actor.user.name], within: 30m, steps: [ { selection: failed, at_least: 3 }, { selection: done } ] }";
    let of = |calls: &[(u32, &str)]| {
        let texts: Vec<String> = calls.iter().map(|(minute, name)| call(*minute, "anna", name)).collect();
        feed(vec![rule("guessed", detection, Some(detector))], &texts).run.alerts.all().into_iter().cloned().collect::<Vec<_>>()
    };
    assert_eq!(of(&[(0, "Fail"), (1, "Fail"), (2, "Fail"), (3, "Login")]).len(), 1);
    assert_eq!(of(&[(0, "Fail"), (1, "Fail"), (3, "Login")]).len(), 0, "too few");
    assert_eq!(of(&[(0, "Login"), (1, "Fail"), (2, "Fail"), (3, "Fail")]).len(), 0, "the wrong way round");
    assert_eq!(of(&[(0, "Fail"), (1, "Fail"), (2, "Fail"), (40, "Login")]).len(), 0, "too late");
    let long: Vec<(u32, &str)> = (0..60).map(|minute| (minute, "Fail")).chain([(61, "Login")]).collect();
    assert_eq!(of(&long).len(), 1, "guessing that began long ago");
}

#[test]
fn what_is_new_is_told_once_it_is_known_what_is_old() {
    let detector = "{ kind: first_seen, entity: [actor.user.name], feature: [api.operation], learn: 7d, remember: 14d }";
    let any = "  s: { call|exists: true }\n  condition: s\n";
    let of = |calls: &[(u32, &str)]| {
        let texts: Vec<String> = calls.iter().map(|(day, name)| call(day * 1440, "anna", name)).collect();
        feed(vec![rule("new", any, Some(detector))], &texts).run.alerts.all().into_iter().cloned().collect::<Vec<_>>()
    };
    assert_eq!(of(&[(0, "Get"), (5, "Put")]).len(), 0, "still learning");
    let found = of(&[(0, "Get"), (9, "Get"), (10, "Put"), (11, "Put")]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].why.as_deref(), Some("first time in 10 days that anna shows Put (api.operation)"));
    assert_eq!(of(&[(0, "Put"), (1, "Get"), (12, "Get"), (20, "Put")]).len(), 1, "forgotten meanwhile");
}

#[test]
fn indicators_are_found_by_kind_label_and_time() {
    let detector = "{ kind: indicator, fields: [src_endpoint.ip], of: [address], labels: [tor] }";
    let (detect, _) = Detect::of_sources(&[calls()], vec![rule("tor", DELETE, Some(detector))], &Default::default());
    let texts = [call(0, "anna", "Delete")];
    assert_eq!(feed_with(&detect, &texts).run.alerts.all().len(), 0);
    for (labels, until, expected) in [(vec!["tor"], None, 1), (vec!["c2"], None, 0), (vec!["tor"], Some(1_000), 0)] {
        let mut known = Intelligence::default();
        let labels = labels.into_iter().map(str::to_owned).collect();
        known.add(IndicatorKind::Address, "198.51.100.0/24", Indicator { labels, until, ..Indicator::default() }).unwrap();
        assert_eq!(feed_knowing(known, &detect, &texts).run.alerts.all().len(), expected);
    }
    assert!(Intelligence::default().add(IndicatorKind::Hash, "xyz", Indicator::default()).is_err());
}

#[test]
fn alerts_of_one_actor_along_the_kill_chain_are_one_incident() {
    let step = |name: &str, intent: Intent| {
        let mut rule = rule(name, &format!("  s: {{ call: {name} }}\n  condition: s\n"), None);
        rule.intents = vec![intent];
        rule
    };
    let rules = vec![
        step("Login", Intent::InitialAccess),
        step("NewKey", Intent::Persistence),
        step("Read", Intent::Exfiltration),
        step("Noise", Intent::Discovery),
    ];
    let mut texts = vec![call(0, "anna", "Login"), call(10, "anna", "NewKey"), call(20, "anna", "Read")];
    for number in 0..10 {
        let from = format!("203.0.113.{number}");
        texts.push(call(number, &format!("user{number}"), "Noise").replace("198.51.100.7", &from).replace("thing", &from));
    }
    let alerts: Vec<_> = feed(rules, &texts).run.alerts.all().into_iter().cloned().collect::<Vec<_>>();
    let alerts: Vec<_> = alerts
        .into_iter()
        .map(|mut alert| {
            alert.entities.retain(|entity| entity.id != "thing");
            alert
        })
        .collect();
    let incidents = correlate(&alerts, &Kinds::default());
    let [incident] = incidents.as_slice() else { panic!("{incidents:?}") };
    assert_eq!(incident.alerts.len(), 3);
    assert_eq!(incident.intents, [Intent::InitialAccess, Intent::Persistence, Intent::Exfiltration]);
}

/// Two rules, and what stands behind them.
fn with_correlation(correlation: &str) -> Vec<Rule> {
    public(&format!(
        "title: a failed login\nname: failed\nlogsource: {{ product: test }}\ndetection: {{ s: {{ call: Fail }}, condition: s }}\n---\n\
         title: a login\nname: login\nlogsource: {{ product: test }}\ndetection: {{ s: {{ call: Login }}, condition: s }}\n---\n\
         {correlation}"
    ))
}

fn names(rules: Vec<Rule>, calls: &[(u32, &str, &str)]) -> Vec<String> {
    let texts: Vec<String> = calls.iter().map(|(minute, user, name)| call(*minute, user, name)).collect();
    feed(rules, &texts).run.alerts.all().iter().map(|alert| alert.title.clone()).collect()
}

#[test]
fn correlations_of_sigma_look_at_what_rules_find() {
    let count = "title: many\ncorrelation: { type: event_count, rules: [failed], group-by: [user], timespan: 10m, condition: { gte: 3 } }";
    let three = [(0, "anna", "Fail"), (1, "anna", "Fail"), (2, "anna", "Fail")];
    assert_eq!(names(with_correlation(count), &three), ["many"], "its rules raise nothing themselves");
    assert_eq!(names(with_correlation(count), &[(0, "anna", "Fail"), (1, "bert", "Fail"), (2, "anna", "Fail")]), [""; 0]);
    assert_eq!(names(with_correlation(count), &[(0, "x", "Login")]), ["a login"], "others do");
    let values = "title: users\ncorrelation: { type: value_count, rules: [failed], group-by: [from], timespan: 10m, condition: { gt: 2, field: user } }";
    assert_eq!(names(with_correlation(values), &[(0, "a", "Fail"), (1, "b", "Fail"), (2, "c", "Fail")]), ["users"]);
    assert_eq!(names(with_correlation(values), &[(0, "a", "Fail"), (1, "b", "Fail"), (2, "b", "Fail")]), [""; 0]);
    let ordered =
        "title: guessed\ncorrelation: { type: temporal_ordered, rules: [failed, login], group-by: [user], timespan: 10m }";
    assert_eq!(names(with_correlation(ordered), &[(0, "a", "Fail"), (1, "a", "Login")]), ["guessed"]);
    assert_eq!(names(with_correlation(ordered), &[(0, "a", "Login"), (1, "a", "Fail")]), [""; 0]);
    let together =
        "title: both\ncorrelation: { type: temporal, rules: [failed, login], group-by: [user], timespan: 10m, generate: true }";
    assert_eq!(names(with_correlation(together), &[(0, "a", "Login"), (1, "a", "Fail")]), ["a login", "both", "a failed login"]);
    let alias = "title: by alias\ncorrelation:\n  type: temporal_ordered\n  rules: [failed, login]\n  group-by: [who]\n  timespan: 10m\n  aliases: { who: { failed: user, login: on } }";
    let texts = [call(0, "thing", "Fail"), call(1, "anna", "Login")];
    assert_eq!(
        feed(with_correlation(alias), &texts).run.alerts.all()[0].title,
        "by alias",
        "user of the one is what the other is on"
    );
}

#[test]
fn a_correlation_that_can_not_be_used_is_told() {
    for (correlation, part) in [
        ("{ type: event_count, rules: [none], timespan: 1m, condition: { gte: 1 } }", "no rule `none`"),
        ("{ type: event_count, rules: [r], timespan: 1m, condition: { lt: 3 } }", "only conditions with `gte`"),
        ("{ type: value_sum, rules: [r], timespan: 1m, condition: { gte: 3, field: a } }", "value_sum"),
    ] {
        let mut public = PublicRules::default();
        public.add("test", "title: r\nname: r\nlogsource: { product: test }\ndetection: { s: { a: x }, condition: s }");
        public.add("test", &format!("title: c\ncorrelation: {correlation}"));
        let (_, refused) = public.finish();
        assert!(refused.len() == 1 && refused[0].reason.contains(part), "{correlation}: {refused:?}");
    }
}

#[test]
fn filters_of_sigma_narrow_the_rules_that_they_name() {
    let rule = "title: deleted\nname: deleted\nlogsource: { product: test }\ndetection: { s: { call: Delete }, condition: s }";
    let filter =
        "title: not the robot\nlogsource: { product: test }\nfilter: { rules: [deleted], s: { user: robot }, condition: not s }";
    let rules = || public(&format!("{rule}\n---\n{filter}"));
    assert_eq!(names(rules(), &[(0, "robot", "Delete")]), [""; 0]);
    assert_eq!(names(rules(), &[(0, "anna", "Delete")]), ["deleted"]);
}
