//! Alerts that come in whatever order become the same incidents; kinds, gateways, merging, forgetting.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use proptest::prelude::*;
use skywarden_content::{AlertLevel, IncidentKindFile, Intent, Source};
use skywarden_detect::{AlertFacts, Change, Correlator, CorrelatorState, Incident, Kinds, Party, correlate_facts};

const HOUR: i64 = 3_600;

fn kind(yaml: &str) -> IncidentKindFile {
    let source = Source::parse(yaml).unwrap_or_else(|error| panic!("{}", error.message));
    serde_json::from_value(source.value).unwrap()
}

fn kind_of(id: &str, same: &str, order: &str, steps: &str) -> IncidentKindFile {
    let within = if id == "guessed" { "2d" } else { "6h" };
    kind(&format!(
        "id: {id}\ntitle: of {id}\ndescription: d\nremediation: [r]\nscenarios:\n  - title: s\n    same: [{same}]\n    order: {order}\n    within: {within}\n    steps: {steps}\n"
    ))
}

/// Kinds whose alerts share what joins no others, in each order.
fn kinds() -> Kinds {
    Kinds::new(&[
        kind_of(
            "worm",
            "process",
            "any",
            "[{ any_of: [{ severity: low }], at_least: 2, different_resources: 2 }, { any_of: [{ intents: [Impact] }] }]",
        ),
        kind_of(
            "guessed",
            "address",
            "steps",
            "[{ any_of: [{ detections: [guess*] }], at_least: 2 }, { any_of: [{ words: [login] }] }]",
        ),
        kind_of(
            "chain",
            "technique, account",
            "kill-chain",
            "[{ any_of: [{ severity: low }], at_least: 3, different_detections: 2 }]",
        ),
    ])
}

fn time(seconds: i64) -> Timestamp {
    Timestamp::new(1_772_323_200 + seconds, 0).unwrap()
}

/// An alert at an hour; entities are `kind:id`.
fn alert(id: &str, detection: &str, hour: i64, intent: Intent, entities: &[&str]) -> AlertFacts {
    let party = |text: &&str| {
        let (kind, id) = text.split_once(':').unwrap();
        Party { kind: kind.to_owned(), id: id.to_owned(), name: None }
    };
    AlertFacts {
        id: id.to_owned(),
        detection: detection.to_owned(),
        title: detection.to_owned(),
        plan: None,
        severity: AlertLevel::Medium,
        intents: BTreeSet::from([intent]),
        techniques: BTreeSet::new(),
        start: time(hour * HOUR),
        end: time(hour * HOUR),
        actor: entities.iter().find_map(|text| text.strip_prefix("account:")).map(str::to_owned),
        entities: entities.iter().map(party).collect(),
        account: None,
        n_events: 1,
        compromised: None,
    }
}

fn add_all(correlator: &mut Correlator, alerts: &[AlertFacts]) -> Vec<Change> {
    alerts.iter().flat_map(|alert| correlator.add(alert)).collect()
}

/// What must not depend on the order: which alerts, of which kind.
fn partition(incidents: &[Incident]) -> BTreeSet<(Option<String>, AlertLevel, Vec<String>)> {
    incidents.iter().map(|incident| (incident.kind.clone(), incident.severity, incident.alerts.clone())).collect()
}

#[test]
fn an_incident_opens_and_grows_under_one_id() {
    let mut correlator = Correlator::new(Kinds::default());
    let login = alert("1", "login", 0, Intent::InitialAccess, &["account:anna", "ip:203.0.113.66"]);
    assert_eq!(correlator.add(&login), []);
    let changes = correlator.add(&alert("2", "key", 1, Intent::Persistence, &["account:anna"]));
    let [Change::Opened(opened)] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!(opened.alerts, ["1", "2"]);
    assert_eq!(opened.intents, [Intent::InitialAccess, Intent::Persistence]);
    assert_eq!(opened.timeline[0].text, "login by anna from 203.0.113.66.");
    assert_eq!(opened.shared, [Party { kind: "account".to_owned(), id: "anna".to_owned(), name: None }]);
    // An earlier alert that comes late changes the story and not the id.
    let changes = correlator.add(&alert("0", "guess", -2, Intent::PreAttack, &["ip:203.0.113.66"]));
    assert_eq!(changes, [Change::Grew(opened.id.clone())]);
    assert_eq!(correlator.incident(&opened.id).unwrap().alerts, ["0", "1", "2"]);
    assert_eq!(correlator.add(&login), [], "nothing new");
    let grown = AlertFacts { end: time(5 * HOUR), n_events: 9, ..login };
    assert_eq!(correlator.add(&grown), [Change::Grew(opened.id.clone())]);
    assert_eq!(correlator.incident(&opened.id).unwrap().end, time(5 * HOUR));
}

#[test]
fn of_two_incidents_that_turn_out_to_be_one_the_older_stays() {
    let mut correlator = Correlator::new(Kinds::default());
    let first = add_all(
        &mut correlator,
        &[
            alert("1", "login", 0, Intent::InitialAccess, &["account:anna"]),
            alert("2", "key", 1, Intent::Persistence, &["account:anna"]),
        ],
    );
    let second = add_all(
        &mut correlator,
        &[
            alert("3", "login", -3, Intent::InitialAccess, &["account:bert"]),
            alert("4", "read", 2, Intent::Exfiltration, &["account:bert"]),
        ],
    );
    let ([Change::Opened(first)], [Change::Opened(second)]) = (first.as_slice(), second.as_slice()) else { panic!() };
    let changes = correlator.add(&alert("5", "role", 3, Intent::PrivilegeEscalation, &["account:bert", "account:anna"]));
    assert_eq!(changes[0], Change::Merged { into: first.id.clone(), from: second.id.clone() });
    assert_eq!(changes[1..], [Change::Grew(first.id.clone())]);
    let merged = correlator.incident(&second.id).unwrap();
    assert_eq!((merged.id.as_str(), merged.alerts.len()), (first.id.as_str(), 5), "the other id points to it");
    assert_eq!(merged.merged, std::slice::from_ref(&second.id));
    assert_eq!(correlator.incidents().len(), 1);
}

#[test]
fn what_a_gateway_joined_comes_apart() {
    let mut correlator = Correlator::new(Kinds::default());
    let ip = "ip:203.0.113.66";
    let changes = add_all(
        &mut correlator,
        &[
            alert("1", "login", 0, Intent::InitialAccess, &["account:anna", ip]),
            alert("2", "key", 1, Intent::Persistence, &["account:bert", ip]),
        ],
    );
    let [Change::Opened(opened)] = changes.as_slice() else { panic!("{changes:?}") };
    let others: Vec<AlertFacts> =
        (0..4).map(|n| alert(&format!("x{n}"), "noise", 2, Intent::Discovery, &[&format!("account:user{n}"), ip])).collect();
    let changes = add_all(&mut correlator, &others);
    assert!(changes.contains(&Change::Closed(opened.id.clone())), "{changes:?}");
    assert_eq!(correlator.incidents(), []);
    assert_eq!(correlator.incident(&opened.id), None);
    // A day later the address is another's.
    let changes = add_all(
        &mut correlator,
        &[
            alert("8", "login", 40, Intent::InitialAccess, &["account:carl", ip]),
            alert("9", "key", 41, Intent::Persistence, &["account:dora", ip]),
        ],
    );
    assert!(matches!(changes.as_slice(), [Change::Opened(_)]), "{changes:?}");
}

#[test]
fn whoever_tries_many_names_is_no_gateway() {
    let ip = "ip:203.0.113.66";
    let guessed =
        |number: i64| alert(&format!("g{number}"), "guess", 0, Intent::CredentialAccess, &[&format!("account:user{number}"), ip]);
    let mut alerts: Vec<AlertFacts> = (0..20).map(guessed).collect();
    // Nor is whoever changes many.
    let changed: Vec<String> = (0..20).map(|number| format!("account:user{number}")).chain([ip.to_owned()]).collect();
    let changed: Vec<&str> = changed.iter().map(String::as_str).collect();
    alerts.push(AlertFacts { actor: Some("admin-1".to_owned()), ..alert("c", "change", 1, Intent::Impact, &changed) });
    let incidents = correlate_facts(alerts, &Kinds::default());
    assert_eq!(incidents.iter().map(|incident| incident.alerts.len()).collect::<Vec<_>>(), [21]);
}

#[test]
fn what_still_hangs_together_keeps_its_id() {
    let mut correlator = Correlator::new(Kinds::default());
    let ip = "ip:203.0.113.66";
    let changes = add_all(
        &mut correlator,
        &[
            alert("2", "login", 0, Intent::InitialAccess, &["account:anna", ip]),
            alert("3", "key", 1, Intent::Persistence, &["account:anna"]),
            alert("1", "key", 1, Intent::Persistence, &["account:bert", ip]),
        ],
    );
    let Some(Change::Opened(opened)) = changes.first() else { panic!("{changes:?}") };
    for number in 0..4 {
        correlator.add(&alert(&format!("x{number}"), "noise", 2, Intent::Discovery, &[&format!("account:user{number}"), ip]));
    }
    let incidents = correlator.incidents();
    assert_eq!(incidents.len(), 1);
    assert_eq!((incidents[0].id.as_str(), incidents[0].alerts.join(" ")), (opened.id.as_str(), "2 3".to_owned()));
}

#[test]
fn the_kind_is_the_one_that_says_most() {
    let one = kind_of("a-general", "actor", "any", "[{ any_of: [{ severity: low }], at_least: 2 }]");
    let two =
        kind_of("b-two-steps", "actor", "steps", "[{ any_of: [{ detections: [login] }] }, { any_of: [{ intents: [Impact] }] }]");
    let shared = kind_of("c-shares-more", "actor, address", "any", "[{ any_of: [{ severity: low }], at_least: 2 }]");
    let kinds = Kinds::new(&[one, two, shared]);
    let of = |intent: Intent, ip: &str| {
        let alerts = vec![
            alert("1", "login", 0, Intent::InitialAccess, &["account:anna", "ip:203.0.113.66"]),
            alert("2", "wipe", 1, intent, &["account:anna", ip]),
        ];
        correlate_facts(alerts, &kinds).pop().unwrap().kind.unwrap()
    };
    assert_eq!(of(Intent::Impact, "ip:203.0.113.66"), "b-two-steps");
    assert_eq!(of(Intent::Discovery, "ip:203.0.113.66"), "c-shares-more");
    assert_eq!(of(Intent::Discovery, "ip:198.51.100.7"), "a-general");
}

#[test]
fn a_scenario_joins_what_nothing_else_does() {
    let on = |host: &str, hour: i64, intent: Intent| {
        alert(host, "script", hour, intent, &[&format!("host:{host}"), "process:python3 /tmp/.x"])
    };
    let hosts = |alerts: Vec<AlertFacts>| {
        correlate_facts(alerts, &kinds()).iter().map(|incident| incident.alerts.len()).collect::<Vec<_>>()
    };
    let (one, two) = (on("web-1", 0, Intent::Execution), on("web-2", 1, Intent::Execution));
    assert_eq!(hosts(vec![one.clone(), two.clone()]), [0; 0], "a step is missing");
    assert_eq!(hosts(vec![one.clone(), two.clone(), on("web-3", 2, Intent::Impact)]), [3]);
    assert_eq!(hosts(vec![one.clone(), two.clone(), on("web-3", 9, Intent::Impact)]), [0; 0], "too late");
    assert_eq!(hosts(vec![one, on("web-2", 1, Intent::Impact)]), [0; 0], "an alert counts for one step only");
}

#[test]
fn several_detections_of_one_event_are_no_incident() {
    for order in ["any", "steps", "kill-chain"] {
        let steps = "[{ any_of: [{ severity: low }] }, { any_of: [{ severity: low }] }]";
        let kinds = Kinds::new(&[kind_of("both", "actor", order, steps)]);
        let of = |id: &str, hour: i64, intent: Intent| alert(id, id, hour, intent, &["account:anna"]);
        for ids in [["1", "2"], ["2", "1"]] {
            let [one, other] = ids;
            let pair = |hour: i64| vec![of(one, 0, Intent::Persistence), of(other, hour, Intent::Impact)];
            assert_eq!(correlate_facts(pair(0), &kinds), [], "{order}");
            assert_eq!(correlate_facts(pair(1), &kinds).len(), 1, "{order}");
        }
    }
}

#[test]
fn low_alerts_alone_are_none_however_many() {
    let low = |n: i64| {
        let intent = if n % 2 == 0 { Intent::Discovery } else { Intent::Impact };
        let alert = alert(&format!("{n}"), &format!("noise-{}", n % 7), n % 20, intent, &["account:build", "ip:203.0.113.66"]);
        AlertFacts {
            severity: AlertLevel::Low,
            techniques: BTreeSet::from(["T1485".to_owned()]),
            account: Some("a".to_owned()),
            ..alert
        }
    };
    assert_eq!(correlate_facts((0..200).map(low).collect(), &kinds()), []);
}

#[test]
fn alerts_join_by_what_only_few_have() {
    let joins = |one: &str, other: &str| {
        let of = |id: &str, hour: i64, intent: Intent, entity: &str| AlertFacts {
            account: Some("111122223333".to_owned()),
            ..alert(id, id, hour, intent, &[entity])
        };
        let alerts = vec![of("1", 0, Intent::InitialAccess, one), of("2", 1, Intent::Impact, other)];
        !correlate_facts(alerts, &Kinds::default()).is_empty()
    };
    let vm = "azure-resource:/subscriptions/1/resourceGroups/r/providers/Microsoft.Compute/virtualMachines/Web-1";
    for (one, other) in [
        ("account:Anna", "account:anna"),
        ("account:arn:aws:iam::111122223333:user/anna", "cloud-resource:arn:aws:iam::111122223333:user/anna"),
        ("cloud-resource:arn:aws:s3:::shop", "cloud-resource:arn:aws:s3:::shop"),
        ("cloud-resource:arn:aws:ec2:eu-central-1:111122223333:instance/i-0a1b2c3d", "host:i-0a1b2c3d"),
        (vm, "host:web-1"),
        ("container:web", "container:web"),
        ("ip:2001:db8::7", "ip:2001:db8::7"),
        ("account:ubuntu", "account:ubuntu"),
    ] {
        assert!(joins(one, other), "{one} {other}");
    }
    for (one, other) in [
        ("account:root", "account:root"),
        ("account:autoscaling.amazonaws.com", "account:autoscaling.amazonaws.com"),
        ("ip:10.0.0.9", "ip:10.0.0.9"),
        ("ip:not an address", "ip:not an address"),
        ("host:localhost", "host:localhost"),
        ("cloud-resource:111122223333", "cloud-resource:111122223333"),
        (
            "cloud-resource:arn:aws:iam::aws:policy/AdministratorAccess",
            "cloud-resource:arn:aws:iam::aws:policy/AdministratorAccess",
        ),
        ("azure-resource:/subscriptions/1", "azure-resource:/subscriptions/1"),
        ("cloud-account:111122223333", "cloud-account:111122223333"),
        ("process:python3 /tmp/.x", "process:python3 /tmp/.x"),
        ("account:anna", "host:anna"),
    ] {
        assert!(!joins(one, other), "{one} {other}");
    }
    let ubuntu = |account: &str, hour: i64, intent: Intent| AlertFacts {
        account: Some(account.to_owned()),
        ..alert(&format!("{hour}"), &format!("d{hour}"), hour, intent, &["account:ubuntu"])
    };
    let alerts = vec![ubuntu("web-1", 0, Intent::InitialAccess), ubuntu("web-2", 1, Intent::Impact)];
    assert!(correlate_facts(alerts, &Kinds::default()).is_empty(), "each machine has its own");
}

#[test]
fn a_session_carries_the_story_to_another_account() {
    let role = "arn:aws:sts::444455556666:assumed-role/ops/x";
    let made = alert("1", "role", 0, Intent::PrivilegeEscalation, &["account:anna", "session:ASIAEXAMPLE00000001"]);
    let used = alert("2", "read", 1, Intent::Exfiltration, &[&format!("account:{role}"), "session:ASIAEXAMPLE00000001"]);
    let short = |id: &str, host: &str| alert(id, id, 1, Intent::Impact, &["session:12", &format!("host:{host}")]);
    assert_eq!(correlate_facts(vec![made.clone(), used], &Kinds::default()).len(), 1);
    let made = AlertFacts { entities: short("x", "web-1").entities, ..made };
    assert_eq!(correlate_facts(vec![made.clone(), short("4", "web-2")], &Kinds::default()).len(), 0, "numbers of two machines");
    assert_eq!(correlate_facts(vec![made, short("5", "web-1")], &Kinds::default()).len(), 1);
}

#[test]
fn what_nothing_can_join_any_more_is_forgotten() {
    let mut correlator = Correlator::new(kinds());
    let mut largest = 0;
    for day in 0..60 {
        for (number, intent) in [Intent::InitialAccess, Intent::Impact].into_iter().enumerate() {
            let who = format!("account:user{day}");
            correlator.add(&alert(&format!("{day}-{number}"), &format!("d{number}"), day * 24 + 3, intent, &[&who]));
        }
        largest = largest.max(serde_json::to_string(correlator.state()).unwrap().len());
    }
    assert!(correlator.incidents().len() <= 4, "{}", correlator.incidents().len());
    assert!(largest < 20_000, "{largest}");
    // A clock that is wrong does not make all else old.
    let known = correlator.incidents().len();
    correlator.add(&alert("future", "d0", 24 * 365 * 50, Intent::Impact, &["account:z"]));
    assert!(correlator.incidents().len() + 1 >= known, "it moves on by a day at most");
}

#[test]
fn a_group_has_a_limit() {
    let mut correlator = Correlator::new(kinds());
    for number in 0..1_200_i64 {
        let intent = if number == 0 { Intent::InitialAccess } else { Intent::Impact };
        let alert = alert(&format!("{number:04}"), &format!("d{}", number % 2), 0, intent, &["account:anna"]);
        correlator.add(&AlertFacts { start: time(number), end: time(number), ..alert });
    }
    let incidents = correlator.incidents();
    assert_eq!((incidents[0].alerts.len(), incidents[0].n_left_out), (1_000, 200));
    assert_eq!(incidents[0].alerts[999], "0999");
}

#[test]
fn other_kinds_are_looked_for_in_what_is_remembered() {
    let mut correlator = Correlator::new(Kinds::default());
    let on = |host: &str, intent: Intent| alert(host, "script", 0, intent, &[&format!("host:{host}"), "process:python3 /tmp/.x"]);
    let alerts = [on("web-1", Intent::Execution), on("web-2", Intent::Execution), on("web-3", Intent::Impact)];
    assert_eq!(add_all(&mut correlator, &alerts), []);
    let (correlator, changes) = Correlator::resume(kinds(), correlator.state().clone());
    assert!(matches!(changes.as_slice(), [Change::Opened(_)]), "{changes:?}");
    let (_, changes) = Correlator::resume(Kinds::default(), correlator.state().clone());
    assert!(matches!(changes.as_slice(), [Change::Closed(_)]), "{changes:?}");
}

/// An alert, and how it looked when less of it was known.
fn any_alert(n_hours: i64) -> impl Strategy<Value = (AlertFacts, Vec<AlertFacts>)> {
    let entity = prop_oneof![
        4 => (0..24_u8).prop_map(|n| format!("account:user{n}")),
        4 => (0..3_u8).prop_map(|n| format!("ip:203.0.113.{n}")),
        2 => (0..4_u8).prop_map(|n| format!("host:web-{n}")),
        2 => (0..3_u8).prop_map(|n| format!("process:run me {n}")),
        1 => (0..3_u8).prop_map(|n| format!("session:ASIAEXAMPLE0000000{n}")),
        1 => (0..3_u8).prop_map(|n| format!("cloud-resource:arn:aws:s3:::b{n}")),
    ];
    let intent = prop_oneof![
        Just(Intent::PreAttack),
        Just(Intent::InitialAccess),
        Just(Intent::Execution),
        Just(Intent::Persistence),
        Just(Intent::Impact),
        Just(Intent::Unknown),
    ];
    let detection = prop_oneof![Just("guess-a"), Just("guess-b"), Just("login"), Just("script"), Just("wipe")];
    let severity = prop_oneof![2 => Just(AlertLevel::Low), 1 => Just(AlertLevel::Medium), 1 => Just(AlertLevel::High)];
    let shape = (
        0..n_hours * 4,
        0..8_i64,
        prop::collection::vec(entity, 0..4),
        0..3_u8,
        prop::collection::vec((0..4_usize, 0..4_i64), 0..3),
    );
    (detection, intent, severity, shape).prop_map(|(detection, intent, severity, (start, long, entities, technique, earlier))| {
        let entities: Vec<&str> = entities.iter().map(String::as_str).collect();
        let whole = AlertFacts {
            start: time(start * 900),
            end: time((start + long) * 900),
            severity,
            techniques: BTreeSet::from([format!("T100{technique}")]),
            account: Some(format!("a{}", technique % 2)),
            n_events: 10,
            ..alert("", detection, 0, intent, &entities)
        };
        let versions = earlier
            .into_iter()
            .map(|(n_entities, later)| AlertFacts {
                entities: whole.entities.iter().take(n_entities).cloned().collect(),
                start: time((start + later.min(long)) * 900),
                n_events: 1,
                ..whole.clone()
            })
            .collect();
        (whole, versions)
    })
}

fn arrivals(alerts: Vec<(AlertFacts, Vec<AlertFacts>)>) -> (Vec<AlertFacts>, Vec<AlertFacts>) {
    let (mut whole, mut all) = (Vec::new(), Vec::new());
    for (number, (alert, versions)) in alerts.into_iter().enumerate() {
        let named = |alert: AlertFacts| AlertFacts { id: format!("{number}"), ..alert };
        all.extend(versions.into_iter().map(named));
        all.push(named(alert.clone()));
        whole.push(named(alert));
    }
    (whole, all)
}

/// What the changes say there is: incident -> whether it is open.
fn told(changes: &[Change]) -> BTreeMap<String, bool> {
    let mut open = BTreeMap::new();
    for change in changes {
        match change {
            Change::Opened(incident) => assert_ne!(open.insert(incident.id.clone(), true), Some(true), "opened twice"),
            Change::Grew(id) => assert_eq!(open.get(id), Some(&true), "grew without being there"),
            Change::Merged { into, from } => {
                assert_eq!(open.get(into), Some(&true));
                assert_eq!(open.insert(from.clone(), false), Some(true));
            }
            Change::Closed(id) => assert_eq!(open.insert(id.clone(), false), Some(true)),
        }
    }
    open
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_arrival_does_not_matter(
        (whole, all, shuffled) in prop::collection::vec(any_alert(47), 1..40)
            .prop_map(arrivals)
            .prop_flat_map(|(whole, all)| (Just(whole), Just(all.clone()), Just(all).prop_shuffle()))
    ) {
        let expected = partition(&correlate_facts(whole, &kinds()));
        for order in [&all, &shuffled] {
            let mut correlator = Correlator::new(kinds());
            let changes = add_all(&mut correlator, order);
            let incidents = correlator.incidents();
            prop_assert_eq!(&partition(&incidents), &expected);
            let open: BTreeSet<String> = told(&changes).into_iter().filter(|(_, is_open)| *is_open).map(|(id, _)| id).collect();
            prop_assert_eq!(open, incidents.iter().map(|incident| incident.id.clone()).collect::<BTreeSet<_>>());
            let members: Vec<&String> = incidents.iter().flat_map(|incident| &incident.alerts).collect();
            prop_assert_eq!(members.len(), members.iter().collect::<BTreeSet<_>>().len(), "in two incidents");
            for id in told(&changes).keys() {
                let found = correlator.incident(id);
                prop_assert!(found.is_none_or(|found| found.id == *id || found.merged.contains(id)));
            }
        }
    }

    #[test]
    fn what_comes_a_little_late_finds_its_own_over_weeks(
        alerts in prop::collection::vec((any_alert(24 * 20), 0..20 * HOUR), 1..60)
    ) {
        let (alerts, delays): (Vec<_>, Vec<_>) = alerts.into_iter().unzip();
        let whole: Vec<AlertFacts> = arrivals(alerts).0;
        let batch = correlate_facts(whole.clone(), &kinds());
        let mut order: Vec<(i64, AlertFacts)> =
            whole.into_iter().zip(delays).map(|(alert, delay)| (alert.start.as_second() + delay, alert)).collect();
        order.sort_by_key(|(arrival, _)| *arrival);
        let mut correlator = Correlator::new(kinds());
        let mut last: BTreeMap<String, Incident> = BTreeMap::new();
        for (_, alert) in order {
            for change in correlator.add(&alert) {
                match change {
                    Change::Opened(incident) => { last.insert(incident.id.clone(), *incident); }
                    Change::Grew(id) => { last.insert(id.clone(), correlator.incident(&id).unwrap()); }
                    Change::Merged { from, .. } => { last.remove(&from); }
                    Change::Closed(id) => { last.remove(&id); }
                }
            }
        }
        let incidents: Vec<Incident> = last.into_values().collect();
        prop_assert_eq!(partition(&incidents), partition(&batch));
    }

    #[test]
    fn what_is_stored_goes_on_as_if_nothing_had_happened(
        (alerts, cut) in (prop::collection::vec(any_alert(47), 1..30).prop_map(|alerts| arrivals(alerts).1), 0..40_usize)
    ) {
        let (mut straight, mut stored) = (Correlator::new(kinds()), Correlator::new(kinds()));
        for (number, alert) in alerts.iter().enumerate() {
            if number == cut {
                let text = serde_json::to_string(stored.state()).unwrap();
                let state: CorrelatorState = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(&state, stored.state());
                let (resumed, changes) = Correlator::resume(kinds(), state);
                prop_assert_eq!(changes, Vec::new());
                stored = resumed;
            }
            let (left, right) = (straight.add(alert), stored.add(alert));
            prop_assert_eq!(left, right);
        }
    }
}
