use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use rustc_hash::FxHashMap;
use serde::Serialize;
use skywarden_content::{AlertLevel, Intent};

use crate::{Entity, Event, Rule, detector::Finding, entity::entities, source::id_of};

/// Events of one detection and one actor belong to one alert if they are no further apart, in milliseconds.
const TOGETHER: i64 = 3_600_000;

/// Most events that an alert names; all are counted.
const MAX_EVENTS: usize = 1_000;

/// Most entities that an alert names.
const MAX_ENTITIES: usize = 100;

/// What a person should look at: events of one detection and one actor.
#[derive(Debug, Clone)]
pub struct Alert {
    /// The same for the same events, whoever finds them and however often.
    pub id: String,
    /// The detection's name for machines.
    pub detection: Arc<str>,
    /// For people.
    pub title: String,
    /// What happened, with the first event's own values.
    pub description: String,
    /// How much it matters.
    pub severity: AlertLevel,
    /// The plan that it belongs to, of our own detections.
    pub plan: Option<String>,
    /// Steps of the kill chain.
    pub intents: Vec<Intent>,
    /// ATT&CK techniques.
    pub techniques: Vec<String>,
    /// What to do.
    pub remediation: Vec<String>,
    /// Of the first event.
    pub start: Timestamp,
    /// Of the last event.
    pub end: Timestamp,
    /// How many events there are.
    pub n_events: u64,
    /// Their ids, in the order in which they came; at most 1,000.
    pub events: Vec<String>,
    /// Whom it is about; at most 100.
    pub entities: Vec<Entity>,
    /// The resource, host or account that is in danger.
    pub compromised: Option<String>,
    /// Whose log it was found in.
    pub account: Option<String>,
    /// Where it was found.
    pub sources: BTreeSet<Arc<str>>,
    /// Why: what was asked of which field of the first event, and what it held.
    pub evidence: Vec<Evidence>,
    /// Why a detector raised it: "first time in 43 days that ...".
    pub why: Option<String>,
    /// The first event.
    pub first: Event,
}

/// What was asked of a field, and what it held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The field.
    pub field: String,
    /// What was asked.
    pub expected: String,
    /// What it held.
    pub actual: String,
}

/// Alerts as they grow.
#[derive(Debug, Default)]
pub struct Alerts {
    all: Vec<Alert>,
    /// What belongs together -> its newest alert.
    open: FxHashMap<(usize, String), usize>,
}

impl Alerts {
    /// All alerts, in the order in which they were raised.
    pub fn into_all(self) -> Vec<Alert> {
        self.all
    }

    /// Whether none was raised.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All alerts so far.
    pub fn all(&self) -> &[Alert] {
        &self.all
    }

    /// Adds an event that a rule found: to the alert that it belongs to, or as a new one.
    pub(crate) fn add(
        &mut self,
        (number, rule): (usize, &Rule),
        event: Event,
        time: Timestamp,
        evidence: impl FnOnce() -> Vec<Evidence>,
        finding: Option<Finding>,
    ) {
        let key = (number, belongs_to(&event));
        let found = finding.as_ref().map(|finding| finding.events.as_slice()).unwrap_or_default();
        if let Some(alert) = self.open.get(&key).and_then(|place| self.all.get_mut(*place))
            && (time.as_millisecond() - alert.end.as_millisecond()).abs() <= TOGETHER
        {
            alert.grow(&event, found, time);
            return;
        }
        self.open.insert(key, self.all.len());
        self.all.push(Alert::new(rule, event, found, time, evidence(), finding.as_ref().map(|finding| finding.why.clone())));
    }
}

impl Alert {
    fn new(rule: &Rule, event: Event, found: &[String], time: Timestamp, evidence: Vec<Evidence>, why: Option<String>) -> Self {
        let id = id_of(&format!("{}\n{}\n{}", rule.name, event.source, event.id));
        let compromised = event.resource.clone().or_else(|| event.text("device.hostname")).or_else(|| event.account.clone());
        let mut alert = Alert {
            id,
            detection: Arc::clone(&rule.name),
            title: rule.title.clone(),
            description: filled(&rule.description, &event),
            severity: if rule.level == AlertLevel::Critical { AlertLevel::High } else { rule.level },
            plan: rule.plan.clone(),
            intents: rule.intents.clone(),
            techniques: rule.techniques.clone(),
            remediation: rule.remediation.clone(),
            start: time,
            end: time,
            n_events: 0,
            events: Vec::new(),
            entities: Vec::new(),
            compromised,
            account: event.account.clone(),
            sources: BTreeSet::new(),
            evidence,
            why,
            first: event.clone(),
        };
        alert.grow(&event, found, time);
        alert
    }

    fn grow(&mut self, event: &Event, found: &[String], time: Timestamp) {
        for id in found.iter().map(String::as_str).chain([event.id.as_str()]) {
            if self.events.iter().any(|known| known == id) {
                continue;
            }
            self.n_events += 1;
            if self.events.len() < MAX_EVENTS {
                self.events.push(id.to_owned());
            }
        }
        for entity in entities(event) {
            let is_known = self.entities.iter().any(|known| known.kind == entity.kind && known.id == entity.id);
            if !is_known && self.entities.len() < MAX_ENTITIES {
                self.entities.push(entity);
            }
        }
        self.sources.insert(Arc::clone(&event.source));
        self.start = self.start.min(time);
        self.end = self.end.max(time);
    }
}

/// Who did it, in an account: the actor; else the address; else the host or the resource.
fn belongs_to(event: &Event) -> String {
    let fields = ["actor.user.uid", "actor.user.name", "src_endpoint.ip", "device.hostname"];
    let who = fields.iter().find_map(|field| event.text(field)).or_else(|| event.resource.clone());
    format!("{}\n{}", event.account.as_deref().unwrap_or_default(), who.unwrap_or_default())
}

/// A text with the event's values in place of `{field}`; what the event does not have is said so.
fn filled(text: &str, event: &Event) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        let own = match name {
            "account" => event.account.clone(),
            "resource" => event.resource.clone(),
            "time" => event.time.map(|time| time.to_string()),
            _ => event.text(name).or_else(|| (name == "resource.uid").then(|| event.resource.clone()).flatten()),
        };
        out.push_str(&crate::source::shorten(own.as_deref().unwrap_or("(unknown)"), 200));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// How many alerts of each severity there are.
pub fn by_severity(alerts: &[Alert]) -> BTreeMap<AlertLevel, usize> {
    let mut counts = BTreeMap::new();
    for alert in alerts {
        *counts.entry(alert.severity).or_default() += 1;
    }
    counts
}
