use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use skywarden_content::{AlertLevel, Intent};

use crate::{
    Entity, Event, Place, Remembered, Rule,
    detector::Finding,
    entity::entities,
    memory::{Cold, Kept, hash_of},
    source::id_of,
};

/// Events of one detection and one actor belong to one alert if they are no further apart, in milliseconds.
const TOGETHER: i64 = 3_600_000;

/// How long after its last event an alert is remembered, so that late events find it, in milliseconds of the events' time: a day.
const REMEMBERED: i64 = 86_400_000;

/// Most events that an alert names; all are counted.
const MAX_EVENTS: usize = 1_000;

/// Most entities that an alert names.
const MAX_ENTITIES: usize = 100;

/// What a person should look at: events of one detection and one actor.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The field.
    pub field: String,
    /// What was asked.
    pub expected: String,
    /// What it held.
    pub actual: String,
}

/// Alerts as they grow.
#[derive(Debug)]
pub struct Alerts {
    /// What belongs together -> its newest alert.
    open: Kept<Raised>,
    /// Earlier ones, to which nothing is added any more.
    closed: Vec<Raised>,
    n_raised: u64,
}

/// An alert and how many were raised before it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Raised {
    number: u64,
    alert: Alert,
}

/// When an event happened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct When {
    /// By its own clock.
    pub(crate) time: Timestamp,
    /// By ours, if its own runs ahead.
    pub(crate) counted: Timestamp,
}

impl Default for Alerts {
    fn default() -> Self {
        Alerts { open: Kept::new("", "alerts"), closed: Vec::new(), n_raised: 0 }
    }
}

impl Alerts {
    /// All alerts in memory, in the order in which they were raised: in a run that keeps nothing elsewhere these are all.
    pub fn all(&self) -> Vec<&Alert> {
        in_order(self.closed.iter().chain(self.open.values()))
    }

    /// How many were raised.
    pub fn len(&self) -> u64 {
        self.n_raised
    }

    /// Whether none was raised.
    pub fn is_empty(&self) -> bool {
        self.n_raised == 0
    }

    /// Those that are new or grew since changes were last given, as they are now, in the order in which they were raised.
    pub(crate) fn changed(&self) -> Vec<Alert> {
        in_order(self.closed.iter().chain(self.open.changed())).into_iter().cloned().collect()
    }

    /// Whether an alert is new or grew since changes were last given.
    pub fn has_changes(&self) -> bool {
        self.open.n_changed() > 0
    }

    pub(crate) fn n_changed(&self) -> usize {
        self.open.n_changed()
    }

    /// Gives what changed, to be kept; memory holds at most `most` open alerts afterwards, and none that is closed.
    pub(crate) fn give_changes(&mut self, most: usize, each: &mut dyn FnMut(Place, Remembered)) {
        self.open.give_changes(most, each);
        self.closed.clear();
    }

    /// Adds an event that a rule found: to the alert that it belongs to, or as a new one.
    pub(crate) fn add(
        &mut self,
        rule: &Rule,
        (event, When { time, counted }): (Event, When),
        evidence: impl FnOnce() -> Vec<Evidence>,
        finding: Option<Finding>,
        cold: &mut Cold,
    ) {
        // A clock that is wrong by years must not break up what sound ones tell of the same actor.
        let clock = if time == counted { None } else { Some("ahead") };
        let key = hash_of([rule.name.as_ref(), &belongs_to(&event)].into_iter().chain(clock));
        let found = finding.as_ref().map(|finding| finding.events.as_slice()).unwrap_or_default();
        let until = counted.as_millisecond().saturating_add(REMEMBERED);
        self.closed.extend(self.open.take_expired(key, cold.now));
        let end = self.open.get(key, cold).map(|(_, raised)| raised.alert.end.as_millisecond());
        if end.is_some_and(|end| (time.as_millisecond() - end).abs() <= TOGETHER)
            && let Some(raised) = self.open.get_mut(key, until, cold)
        {
            raised.alert.grow(&event, found, time);
            return;
        }
        let alert = Alert::new(rule, event, found, time, evidence(), finding.as_ref().map(|finding| finding.why.clone()));
        let raised = Raised { number: self.n_raised, alert };
        self.n_raised += 1;
        self.closed.extend(self.open.put(key, until, raised));
    }
}

fn in_order<'a>(raised: impl Iterator<Item = &'a Raised>) -> Vec<&'a Alert> {
    let mut raised: Vec<&Raised> = raised.collect();
    raised.sort_by_key(|raised| raised.number);
    raised.into_iter().map(|raised| &raised.alert).collect()
}

impl Alert {
    fn new(rule: &Rule, event: Event, found: &[String], time: Timestamp, evidence: Vec<Evidence>, why: Option<String>) -> Self {
        // The same text may come again years later: logs of hosts name no year.
        let id = id_of(&format!("{}\n{}\n{}\n{}", rule.name, event.source, event.id, time.as_millisecond()));
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
