//! Alerts: what detection found, and what people did with it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use skywarden_content::{AlertLevel, Catalog};
use skywarden_detect::{AdoptedAlert, Alert, Incident};
use skywarden_model::ArmId;
use skywarden_store::{
    AlertQuery, AlertStatus, ArmScope, Expected, IncidentQuery, PRICINGS, SUPPRESSION_RULES, ScopeFilter, Store,
};

use crate::{ALL, Given, at, commit, on_both, plain, resource};

on_both!(
    an_alert_grows_and_keeps_what_people_did,
    an_alert_belongs_to_its_resource_its_account_or_home,
    a_suppression_rule_dismisses_alerts_of_its_account,
    pages_hold_every_alert_once_newest_first,
    alerts_are_found_and_counted_by_what_they_are,
    a_filter_hides_alerts_of_others,
    alerts_go_with_their_connector_and_with_time,
    incidents_grow_merge_and_show_what_may_be_seen,
    an_alert_matters_more_where_the_resource_does,
    where_a_plan_is_off_its_alerts_are_not_kept,
    an_adopted_alert_is_kept_once_and_follows_its_status_until_somebody_acts_here,
);

const HOME: (&str, &str) = ("host", "machine");

/// An alert that ended so many minutes after the start of tests' time.
fn alert(id: &str, minute: i64, more: Value) -> Alert {
    let end = format!("2026-03-{:02}T{:02}:{:02}:00Z", 1 + minute / 1440, minute / 60 % 24, minute % 60);
    let mut document = json!({
        "id": id, "detection": "Guessing", "title": "Somebody guesses", "description": "d", "severity": "medium", "plan": "VirtualMachines",
        "intents": ["CredentialAccess"], "techniques": [], "remediation": [], "start": "2026-03-01T00:00:00Z", "end": end, "n_events": 3,
        "events": ["e1"], "entities": [{ "type": "ip", "id": "198.51.100.7" }], "compromised": null, "account": "1", "sources": ["calls"],
        "evidence": [], "why": null,
        "first": { "id": "e1", "source": "calls", "time": end, "account": "1", "resource": null, "class": "base_event", "fields": {}, "raw": "" },
    });
    for (name, value) in more.as_object().unwrap() {
        document[name] = value.clone();
    }
    serde_json::from_value(document).unwrap()
}

fn of(account: &str) -> Value {
    json!({ "account": account })
}

async fn keep(store: &Store, alerts: &[Alert]) {
    store.keep_alerts(&Catalog::default(), alerts, HOME, at(5)).await.unwrap();
}

fn everything() -> AlertQuery {
    AlertQuery { limit: 100, ..AlertQuery::default() }
}

async fn ids(store: &Store, filter: &ScopeFilter, query: &AlertQuery) -> Vec<String> {
    let page = store.alert_page(filter, query).await.unwrap();
    assert!(page.next.is_none());
    page.items.into_iter().map(|kept| kept.alert.id).collect()
}

async fn an_alert_grows_and_keeps_what_people_did(store: &Store) {
    keep(store, &[alert("a", 1, json!({})), alert("b", 2, json!({}))]).await;
    let set = async |ids: &[&str], status| {
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        store.set_alert_status(&ALL, &ids, status, "anna", at(6)).await.unwrap()
    };
    assert_eq!(set(&["a", "nobody"], AlertStatus::InProgress).await, 1);
    keep(store, &[alert("a", 9, json!({ "n_events": 8, "severity": "high" }))]).await;
    let kept = store.alert(&ALL, "a").await.unwrap().unwrap();
    assert_eq!((kept.alert.n_events, kept.alert.severity, kept.status), (8, AlertLevel::High, AlertStatus::InProgress));
    assert_eq!((kept.status_changed_by.as_deref(), kept.kept_at, kept.status_changed_at), (Some("anna"), at(5), at(6)));
    assert_eq!(ids(store, &ALL, &everything()).await, ["a", "b"], "newest first");
    assert!(store.alert(&ALL, "nobody").await.unwrap().is_none());
}

async fn an_alert_belongs_to_its_resource_its_account_or_home(store: &Store) {
    commit(store, plain("c", &[resource("c", "1", "arn:aws:s3:::known")], 0)).await;
    keep(
        store,
        &[
            alert("by-resource", 1, json!({ "account": "other", "compromised": "arn:aws:s3:::known" })),
            alert("by-account", 2, json!({ "compromised": "arn:aws:s3:::unknown" })),
            alert("unknown", 3, of("999")),
            alert("none", 4, json!({ "account": null })),
        ],
    )
    .await;
    let place = async |id: &str| {
        let kept = store.alert(&ALL, id).await.unwrap().unwrap();
        (kept.connector, kept.account, kept.resource)
    };
    let own = |resource: Option<&str>| ("c".to_owned(), "1".to_owned(), resource.map(str::to_owned));
    assert_eq!(place("by-resource").await, own(Some("arn:aws:s3:::known")));
    assert_eq!(place("by-account").await, own(None));
    for id in ["unknown", "none"] {
        assert_eq!(place(id).await, ("host".to_owned(), "machine".to_owned(), None));
    }
}

async fn a_suppression_rule_dismisses_alerts_of_its_account(store: &Store) {
    commit(store, plain("c", &[resource("c", "1", "arn:a")], 0)).await;
    commit(store, plain("d", &[resource("d", "2", "arn:b")], 0)).await;
    let rule = json!({ "alertType": "guessing", "reason": "Other", "state": "Enabled",
        "suppressionAlertsScope": { "allOf": [{ "field": "entities.ip.address", "in": ["198.51.100.7"] }] } });
    let scope = ArmScope::subscription("c", "1");
    store.put_arm_object(SUPPRESSION_RULES, &scope, "known-scanner", &rule, Expected::Anything, at(0)).await.unwrap();
    let elsewhere = json!({ "entities": [{ "type": "ip", "id": "203.0.113.9" }] });
    keep(store, &[alert("own", 1, json!({})), alert("other", 2, of("2")), alert("elsewhere", 3, elsewhere)]).await;
    let status = async |id: &str| {
        let kept = store.alert(&ALL, id).await.unwrap().unwrap();
        (kept.status, kept.suppressed_by)
    };
    assert_eq!(status("own").await, (AlertStatus::Dismissed, Some("known-scanner".to_owned())));
    assert_eq!(status("other").await, (AlertStatus::Active, None));
    assert_eq!(status("elsewhere").await, (AlertStatus::Active, None));
    store.set_alert_status(&ALL, &["own".to_owned()], AlertStatus::Active, "anna", at(6)).await.unwrap();
    keep(store, &[alert("own", 4, json!({}))]).await;
    assert_eq!(status("own").await, (AlertStatus::Active, None), "what people did outlasts the rule");
}

async fn pages_hold_every_alert_once_newest_first(store: &Store) {
    let alerts: Vec<Alert> = (0..25).map(|n| alert(&format!("{n:02}"), i64::from(n / 3), json!({}))).collect();
    keep(store, &alerts).await;
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page = store.alert_page(&ALL, &AlertQuery { limit: 4, cursor, ..AlertQuery::default() }).await.unwrap();
        assert!(page.items.len() <= 4);
        found.extend(page.items.into_iter().map(|kept| kept.alert.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let mut expected: Vec<(i64, String)> = (0..25).map(|n| (i64::from(n / 3), format!("{n:02}"))).collect();
    expected.sort();
    expected.reverse();
    assert_eq!(found, expected.into_iter().map(|(_, id)| id).collect::<Vec<_>>());
    let broken = AlertQuery { cursor: Some("x".to_owned()), ..everything() };
    assert!(store.alert_page(&ALL, &broken).await.is_err());
}

async fn alerts_are_found_and_counted_by_what_they_are(store: &Store) {
    keep(
        store,
        &[
            alert("a", 1, json!({})),
            alert("b", 2000, json!({ "severity": "high", "plan": "KeyVaults", "detection": "KV", "title": "100% of the vault" })),
            alert("c", 2001, json!({ "severity": "critical", "plan": null, "entities": [{ "type": "account", "id": "AIDA1", "name": "Anna" }] })),
        ],
    )
    .await;
    store.set_alert_status(&ALL, &["a".to_owned()], AlertStatus::Resolved, "anna", at(6)).await.unwrap();
    let find = async |query: AlertQuery| ids(store, &ALL, &AlertQuery { limit: 9, ..query }).await.join("");
    let text = |text: &str| AlertQuery { text: Some(text.to_owned()), ..AlertQuery::default() };
    assert_eq!(find(text("anna")).await, "c");
    assert_eq!(find(text("198.51.100.7")).await, "ba");
    assert_eq!(find(text("100% OF")).await, "b");
    assert_eq!(find(text("100_")).await, "");
    let resolved = BTreeSet::from([AlertStatus::Resolved]);
    assert_eq!(find(AlertQuery { status: Some(resolved), ..AlertQuery::default() }).await, "a");
    assert_eq!(find(AlertQuery { severity: Some([AlertLevel::High].into()), ..AlertQuery::default() }).await, "cb");
    assert_eq!(find(AlertQuery { severity: Some(BTreeSet::new()), ..AlertQuery::default() }).await, "");
    assert_eq!(find(AlertQuery { plan: Some("KeyVaults".to_owned()), ..AlertQuery::default() }).await, "b");
    assert_eq!(find(AlertQuery { detection: Some("Guessing".to_owned()), ..AlertQuery::default() }).await, "ca");
    let since = Some("2026-03-02T09:20:00Z".parse().unwrap());
    assert_eq!(find(AlertQuery { since, ..AlertQuery::default() }).await, "cb");
    assert_eq!(find(AlertQuery { until: since, ..AlertQuery::default() }).await, "a");
    let counts = store.alert_counts(&ALL, &AlertQuery::default()).await.unwrap();
    let told: Vec<_> =
        counts.iter().map(|own| (own.plan.as_str(), own.severity, own.status, own.day - 20_513, own.count)).collect();
    assert_eq!(
        told,
        [
            ("VirtualMachines", AlertLevel::Medium, AlertStatus::Resolved, 0, 1),
            ("", AlertLevel::High, AlertStatus::Active, 1, 1),
            ("KeyVaults", AlertLevel::High, AlertStatus::Active, 1, 1),
        ]
    );
}

async fn a_filter_hides_alerts_of_others(store: &Store) {
    commit(store, plain("c", &[resource("c", "1", "arn:a")], 0)).await;
    commit(store, plain("d", &[resource("d", "2", "arn:b")], 0)).await;
    keep(store, &[alert("own", 1, json!({})), alert("other", 2, of("2")), alert("home", 3, of("999"))]).await;
    let filter = ScopeFilter::accounts([("c".to_owned(), "1".to_owned())]);
    assert_eq!(ids(store, &filter, &everything()).await, ["own"]);
    assert!(store.alert(&filter, "other").await.unwrap().is_none());
    assert_eq!(store.alert_counts(&filter, &everything()).await.unwrap().iter().map(|own| own.count).sum::<u64>(), 1);
    let both = ["own".to_owned(), "other".to_owned()];
    assert_eq!(store.set_alert_status(&filter, &both, AlertStatus::Dismissed, "anna", at(6)).await.unwrap(), 1);
    assert_eq!(store.alert(&ALL, "other").await.unwrap().unwrap().status, AlertStatus::Active);
    let nothing = ScopeFilter::accounts([]);
    assert_eq!(ids(store, &nothing, &everything()).await, [""; 0]);
}

async fn alerts_go_with_their_connector_and_with_time(store: &Store) {
    let own = [resource("c", "1", "arn:a")];
    commit(store, Given { ..plain("c", &own, 0) }).await;
    keep(store, &[alert("own", 1, json!({})), alert("old", 2, of("999")), alert("new", 2000, of("999"))]).await;
    assert_eq!(store.remove_alerts_before("2026-03-02T00:00:00Z".parse().unwrap()).await.unwrap(), 2);
    keep(store, &[alert("own", 1, json!({}))]).await;
    assert!(store.remove_connector("c").await.unwrap());
    assert_eq!(ids(store, &ALL, &everything()).await, ["new"]);
}

/// An incident of these alerts.
fn incident(id: &str, alerts: &[&str]) -> Incident {
    let time = "2026-03-01T00:00:00Z";
    let moments: Vec<Value> =
        alerts.iter().map(|alert| json!({ "time": time, "alert": alert, "intent": "Impact", "text": alert })).collect();
    serde_json::from_value(json!({
        "id": id, "kind": null, "title": "steps around anna", "severity": "high", "alerts": alerts, "n_left_out": 0, "intents": ["Impact"],
        "shared": [{ "type": "account", "id": "anna" }], "start": time, "end": time, "timeline": moments, "merged": [],
    }))
    .unwrap()
}

async fn incidents_grow_merge_and_show_what_may_be_seen(store: &Store) {
    commit(store, plain("c", &[resource("c", "1", "arn:a")], 0)).await;
    commit(store, plain("d", &[resource("d", "2", "arn:b")], 0)).await;
    let alerts = [alert("a", 1, json!({})), alert("b", 2, of("2")), alert("x", 3, of("2"))];
    let found = async |incidents: &[Incident], gone: &[(&str, Option<&str>)]| {
        let gone: Vec<(String, Option<String>)> =
            gone.iter().map(|(id, into)| ((*id).to_owned(), into.map(str::to_owned))).collect();
        // As after a failure: all comes twice.
        for _ in 0..2 {
            store.keep_found(&Catalog::default(), &alerts, (incidents, &gone), HOME, at(5)).await.unwrap();
        }
    };
    let listed = async |filter: &ScopeFilter| {
        let page = store.incident_page(filter, &IncidentQuery { limit: 9, ..IncidentQuery::default() }).await.unwrap();
        page.items.into_iter().map(|kept| (kept.incident.id, kept.incident.alerts.len(), kept.n_hidden)).collect::<Vec<_>>()
    };
    let told =
        |list: &[(&str, usize, usize)]| list.iter().map(|(id, n, hidden)| ((*id).to_owned(), *n, *hidden)).collect::<Vec<_>>();
    found(&[incident("one", &["a"]), incident("two", &["b"])], &[]).await;
    assert_eq!(listed(&ALL).await, told(&[("two", 1, 0), ("one", 1, 0)]));
    store.set_incident_status(&ALL, &["one".to_owned()], AlertStatus::InProgress, "anna", at(6)).await.unwrap();

    found(&[incident("one", &["a", "b"])], &[("two", Some("one"))]).await;
    assert_eq!(listed(&ALL).await, told(&[("one", 2, 0)]));
    let kept = store.incident(&ALL, "one").await.unwrap().unwrap();
    assert_eq!((kept.status, kept.status_changed_by.as_deref()), (AlertStatus::InProgress, Some("anna")));
    assert_eq!(store.alert(&ALL, "a").await.unwrap().unwrap().status, AlertStatus::InProgress, "its alerts go with it");
    assert_eq!(store.alert(&ALL, "b").await.unwrap().unwrap().incident.as_deref(), Some("one"));
    let merged = store.incident(&ALL, "two").await.unwrap().unwrap();
    assert_eq!((merged.merged_into.as_deref(), merged.incident.alerts.len()), (Some("one"), 0));

    let filter = ScopeFilter::accounts([("c".to_owned(), "1".to_owned())]);
    assert_eq!(listed(&filter).await, told(&[("one", 1, 1)]));
    let part = store.incident(&filter, "one").await.unwrap().unwrap();
    assert!(!part.incident.title.contains("anna") && part.incident.shared.is_empty() && part.incident.timeline.len() == 1);
    let stranger = ScopeFilter::accounts([("e".to_owned(), "3".to_owned())]);
    assert!(store.incident(&stranger, "one").await.unwrap().is_none() && listed(&stranger).await.is_empty());
    assert_eq!(store.set_incident_status(&stranger, &["one".to_owned()], AlertStatus::Resolved, "eve", at(7)).await.unwrap(), 0);

    found(&[], &[("one", None)]).await;
    assert_eq!(listed(&ALL).await, told(&[]));
    assert_eq!(store.alert(&ALL, "a").await.unwrap().unwrap().incident, None);
}

async fn an_alert_matters_more_where_the_resource_does(store: &Store) {
    let catalog = Catalog::embedded().unwrap();
    let tagged = |id: &str, tags: &[(&str, &str)]| {
        let mut own = resource("c", "1", id);
        own.tags = tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        own
    };
    let mut unread = tagged("arn:unread", &[]);
    unread.unreadable = serde_json::from_value(json!([{
        "field": "tags", "reason": { "kind": "denied", "operation": "s3:GetBucketTagging", "code": "AccessDenied", "message": "" }
    }]))
    .unwrap();
    let own = [
        tagged("arn:critical", &[("Criticality", "High"), ("DataClassification", "restricted")]),
        tagged("arn:plain", &[("Criticality", "low")]),
        unread,
    ];
    commit(store, plain("c", &own, 0)).await;
    let on = |id: &str, resource: &str, severity: &str| alert(id, 1, json!({ "compromised": resource, "severity": severity }));
    let happened_to = |id: &str, severity: &str| {
        let mut own = alert(id, 1, json!({ "severity": severity }));
        own.first.resource = Some("arn:unknown".to_owned());
        own
    };
    let alerts = [
        on("low", "arn:critical", "low"),
        on("medium", "arn:critical", "medium"),
        on("high", "arn:critical", "high"),
        on("informational", "arn:critical", "informational"),
        on("plain", "arn:plain", "medium"),
        on("elsewhere", "arn:unknown", "medium"),
        on("unread", "arn:unread", "medium"),
        on("unread high", "arn:unread", "high"),
        happened_to("not there", "medium"),
        happened_to("not there high", "high"),
    ];
    store.keep_alerts(&catalog, &alerts, HOME, at(5)).await.unwrap();
    let told = async |id: &str| {
        let kept = store.alert(&ALL, id).await.unwrap().unwrap();
        (kept.severity, kept.raised.len())
    };
    assert_eq!(told("low").await, (AlertLevel::Medium, 2));
    assert_eq!(told("medium").await, (AlertLevel::High, 2));
    assert_eq!(told("high").await, (AlertLevel::High, 2));
    assert_eq!(told("informational").await, (AlertLevel::Informational, 2));
    assert_eq!(told("plain").await, (AlertLevel::Medium, 0));
    assert_eq!(told("elsewhere").await, (AlertLevel::Medium, 0));
    let kept = async |id: &str| store.alert(&ALL, id).await.unwrap().unwrap().unknown;
    assert_eq!(told("unread").await, (AlertLevel::Medium, 0));
    assert_eq!(kept("unread").await, ["Critical for the business", "Holds sensitive data"], "what was not read is told");
    let all: Vec<&str> = catalog.risk_factors.values().map(|factor| factor.file.title.as_str()).collect();
    assert_eq!(kept("not there").await, all, "nothing is known of it");
    for id in ["plain", "low", "elsewhere", "unread high", "not there high"] {
        assert!(kept(id).await.is_empty(), "{id}");
    }
    let high = AlertQuery { severity: Some([AlertLevel::High].into()), ..everything() };
    assert_eq!(ids(store, &ALL, &high).await.len(), 4, "the severity at its place is what is asked for");
    // Its owner says otherwise, and the alert grows.
    commit(store, plain("c", &[tagged("arn:critical", &[]), own[1].clone()], 1)).await;
    store.keep_alerts(&catalog, &alerts[..1], HOME, at(6)).await.unwrap();
    assert_eq!(told("low").await, (AlertLevel::Low, 0));
}

async fn where_a_plan_is_off_its_alerts_are_not_kept(store: &Store) {
    let catalog = Catalog::embedded().unwrap();
    commit(store, plain("c", &[resource("c", "1", "arn:a"), resource("c", "1", "arn:b"), resource("c", "2", "arn:c")], 0)).await;
    let set = async |scope: &ArmScope, plan: &str, tier: &str| {
        store.put_arm_object(PRICINGS, scope, plan, &json!({ "pricingTier": tier }), Expected::Anything, at(1)).await.unwrap();
    };
    set(&ArmScope::subscription("c", "1"), "VirtualMachines", "Free").await;
    set(&ArmScope::within("c", "1", ArmId::of(&resource("c", "1", "arn:b")).as_str()), "VirtualMachines", "Standard").await;
    let on = |id: &str, resource: &str, plan: Value| alert(id, 1, json!({ "compromised": resource, "plan": plan }));
    let alerts = [
        on("off", "arn:a", json!("VirtualMachines")),
        on("differs", "arn:b", json!("VirtualMachines")),
        on("other account", "arn:c", json!("VirtualMachines")),
        on("other plan", "arn:a", json!("KeyVaults")),
        on("no plan", "arn:a", Value::Null),
        on("replaced", "arn:a", json!("Dns")),
        on("of nobody", "arn:z", json!("VirtualMachines")),
    ];
    store.keep_found(&catalog, &alerts, (&[], &[]), HOME, at(2)).await.unwrap();
    let kept = ids(store, &ALL, &everything()).await;
    assert_eq!(kept, ["other plan", "other account", "no plan", "differs"], "arn:z is of the account 1");
    // Who set the plan that was replaced meant it.
    set(&ArmScope::subscription("c", "1"), "Dns", "Standard").await;
    store.keep_found(&catalog, &alerts, (&[], &[]), HOME, at(3)).await.unwrap();
    assert_eq!(ids(store, &ALL, &everything()).await.len(), 5);
}

async fn an_adopted_alert_is_kept_once_and_follows_its_status_until_somebody_acts_here(store: &Store) {
    let take = async |status: Option<&str>, minute| {
        let own = AdoptedAlert { alert: alert("theirs", 1, json!({})), status: status.map(str::to_owned) };
        store.keep_adopted_alerts(&Catalog::default(), &[own], HOME, at(minute)).await.unwrap();
        assert_eq!(ids(store, &ALL, &everything()).await, ["theirs"]);
        let kept = store.alert(&ALL, "theirs").await.unwrap().unwrap();
        (kept.status, kept.status_changed_by)
    };
    let defender = || Some("Defender for Cloud".to_owned());
    assert_eq!(take(Some("InProgress"), 5).await, (AlertStatus::InProgress, defender()));
    assert_eq!(take(Some("Resolved"), 6).await, (AlertStatus::Resolved, defender()));
    assert_eq!(take(None, 7).await, (AlertStatus::Resolved, defender()));
    assert_eq!(take(Some("no such word"), 7).await, (AlertStatus::Resolved, defender()));
    store.set_alert_status(&ALL, &["theirs".to_owned()], AlertStatus::Active, "anna", at(8)).await.unwrap();
    assert_eq!(take(Some("Dismissed"), 9).await, (AlertStatus::Active, Some("anna".to_owned())));
}
