//! Runs the tests inside kinds of incidents, each with all kinds.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan as _};
use skywarden_content::{AlertLevel, Catalog, IncidentTest, TestKind, duration};

use super::{AlertFacts, Kinds, Party, correlate_facts};
use crate::{Rule, TestReport};

/// Between two alerts of a test that says nothing else.
const APART: i64 = 600;

/// Whose log an alert of a test is found in that says nothing else.
const ACCOUNT: &str = "111122223333";

/// Runs every test of every kind of incident.
pub(crate) fn run_incident_tests(catalog: &Catalog, rules: &[Rule], report: &mut TestReport) {
    let kinds = Kinds::new(catalog.incidents.values());
    let rules: BTreeMap<&str, &Rule> = rules.iter().map(|rule| (rule.name.as_ref(), rule)).collect();
    for kind in catalog.incidents.values() {
        for test in &kind.tests {
            let outcome = alerts_of(test, &rules).and_then(|alerts| is_as_expected(&kind.id, test.kind, alerts, &kinds));
            report.add(&kind.id, &test.name, outcome);
        }
    }
}

fn is_as_expected(kind: &str, expected: TestKind, alerts: Vec<AlertFacts>, kinds: &Kinds) -> Result<(), String> {
    let n_alerts = alerts.len();
    let incidents = correlate_facts(alerts, kinds);
    let told: Vec<String> = incidents
        .iter()
        .map(|incident| format!("{} of {} alerts", incident.kind.as_deref().unwrap_or("no kind"), incident.alerts.len()))
        .collect();
    let is_right = match (expected, incidents.as_slice()) {
        (TestKind::Attack, [incident]) => incident.kind.as_deref() == Some(kind) && incident.alerts.len() == n_alerts,
        (TestKind::Attack, _) => false,
        (TestKind::NearMiss | TestKind::Benign, incidents) => {
            incidents.iter().all(|incident| incident.kind.as_deref() != Some(kind))
        }
    };
    let wanted = if expected == TestKind::Attack { "one of this kind with all alerts" } else { "none of this kind" };
    if is_right { Ok(()) } else { Err(format!("the incidents are [{}] and not {wanted}", told.join(", "))) }
}

fn alerts_of(test: &IncidentTest, rules: &BTreeMap<&str, &Rule>) -> Result<Vec<AlertFacts>, String> {
    let mut time = Timestamp::new(1_772_323_200, 0).map_err(|error| error.to_string())?;
    let mut alerts = Vec::new();
    for (number, alert) in test.alerts.iter().enumerate() {
        let rule = rules.get(alert.detection.as_str()).ok_or_else(|| format!("there is no detection `{}`", alert.detection))?;
        let after = match &alert.after {
            None => APART,
            Some(after) => duration(after).ok_or_else(|| format!("`{after}` is no length of time"))?,
        };
        time = time.checked_add(after.seconds()).map_err(|error| error.to_string())?;
        let in_danger = ["cloud-resource", "azure-resource", "host", "container", "account"];
        let entities = alert.entities.iter().flat_map(|(kind, ids)| ids.iter().map(move |id| (kind, id)));
        alerts.push(AlertFacts {
            id: format!("alert {number}"),
            detection: rule.name.to_string(),
            title: rule.title.clone(),
            plan: rule.plan.clone(),
            severity: alert.severity.unwrap_or(rule.level).min(AlertLevel::High),
            intents: rule.intents.iter().copied().collect(),
            techniques: rule.techniques.iter().cloned().collect(),
            start: time,
            end: time,
            actor: alert.entities.get("account").and_then(|ids| ids.first()).cloned(),
            entities: entities.map(|(kind, id)| Party { kind: kind.clone(), id: id.clone(), name: None }).collect(),
            account: alert.account.clone().or_else(|| Some(ACCOUNT.to_owned())),
            n_events: 1,
            compromised: in_danger.iter().find_map(|kind| alert.entities.get(*kind)?.first().cloned()),
        });
    }
    Ok(alerts)
}
