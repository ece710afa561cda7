//! Alerts of one attack as one story.

mod candidates;
mod correlator;
mod facts;
mod join;
mod kind;
mod run_tests;
mod span;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use skywarden_content::{AlertLevel, Intent};

pub use correlator::{Change, Correlator, CorrelatorState};
pub use facts::{AlertFacts, Party};
pub use kind::Kinds;
pub(crate) use run_tests::run_incident_tests;

use crate::Alert;
use kind::Kind;

/// Most entities of which an incident says that its alerts share them.
const MAX_SHARED: usize = 10;

/// Alerts of one attack as one story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// The same as long as it lasts.
    pub id: String,
    /// The kind, by its id; none if the alerts only follow each other along the kill chain.
    pub kind: Option<String>,
    /// For people.
    pub title: String,
    /// That of its kind, else of its worst alert.
    pub severity: AlertLevel,
    /// Ids of its alerts, in order of time; at most 1,000.
    pub alerts: Vec<String>,
    /// How often alerts beyond those were left out.
    pub n_left_out: u64,
    /// The steps of the kill chain in the order in which they came, each once.
    pub intents: Vec<Intent>,
    /// Whom at least two of the alerts share, those of most alerts first; at most 10.
    pub shared: Vec<Party>,
    /// When the first alert begins.
    pub start: Timestamp,
    /// When the last alert ends.
    pub end: Timestamp,
    /// What happened, in order of time.
    pub timeline: Vec<Moment>,
    /// Ids of incidents that became part of it.
    pub merged: Vec<String>,
}

/// What happened at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// When it began.
    pub time: Timestamp,
    /// The alert.
    pub alert: String,
    /// Its first step of the kill chain.
    pub intent: Intent,
    /// One sentence.
    pub text: String,
}

/// The incidents of alerts that are all there: the worst first, then by id.
pub fn correlate(alerts: &[Alert], kinds: &Kinds) -> Vec<Incident> {
    correlate_facts(alerts.iter().map(AlertFacts::from).collect(), kinds)
}

/// The same of what is known of alerts.
pub fn correlate_facts(mut alerts: Vec<AlertFacts>, kinds: &Kinds) -> Vec<Incident> {
    alerts.sort_by(|left, right| (left.start, &left.id).cmp(&(right.start, &right.id)));
    let mut correlator = Correlator::of_batch(kinds.clone());
    for alert in &alerts {
        correlator.add(alert);
    }
    correlator.incidents()
}

impl Incident {
    fn of(id: &str, kind: Option<(&str, &Kind)>, mut alerts: Vec<&AlertFacts>) -> Option<Self> {
        alerts.sort_by_key(|alert| (alert.start, &alert.id));
        let first = alerts.first()?;
        let worst = alerts.iter().map(|alert| alert.severity).max()?;
        let mut intents = Vec::new();
        for intent in alerts.iter().flat_map(|alert| &alert.intents) {
            if !intents.contains(intent) {
                intents.push(*intent);
            }
        }
        let shared = shared(&alerts);
        let general = || {
            let who = shared.first().map_or_else(
                || first.compromised.clone().unwrap_or_default(),
                |party| party.name.as_ref().unwrap_or(&party.id).clone(),
            );
            format!("Security incident: {} steps of an attack around {who}", intents.len())
        };
        let moment = |alert: &&AlertFacts| Moment {
            time: alert.start,
            alert: alert.id.clone(),
            intent: alert.steps().map_or(Intent::Unknown, |(first, _)| first),
            text: alert.sentence(),
        };
        Some(Incident {
            id: id.to_owned(),
            kind: kind.map(|(id, _)| id.to_owned()),
            title: kind.map_or_else(general, |(_, kind)| kind.title.clone()),
            severity: kind.and_then(|(_, kind)| kind.severity).unwrap_or(worst),
            start: first.start,
            end: alerts.iter().map(|alert| alert.end).max()?,
            timeline: alerts.iter().map(moment).collect(),
            alerts: alerts.iter().map(|alert| alert.id.clone()).collect(),
            n_left_out: 0,
            intents,
            shared,
            merged: Vec::new(),
        })
    }
}

/// Whether some alert is further along the kill chain than another that began before it. What begins in the same instant may be
/// one event that several detections see.
fn moves_on<'a>(alerts: impl Iterator<Item = &'a AlertFacts>) -> bool {
    let mut sorted: Vec<(Timestamp, (Intent, Intent))> = alerts.filter_map(|alert| Some((alert.start, alert.steps()?))).collect();
    sorted.sort_unstable();
    let mut reached: Option<Intent> = None;
    for together in sorted.chunk_by(|left, right| left.0 == right.0) {
        if together.iter().any(|(_, (_, latest))| reached.is_some_and(|earlier| earlier < *latest)) {
            return true;
        }
        reached = together.iter().map(|(_, (first, _))| *first).chain(reached).min();
    }
    false
}

/// Whom at least two alerts share, those of most alerts first.
fn shared(alerts: &[&AlertFacts]) -> Vec<Party> {
    let mut counts: BTreeMap<(&str, &str), (usize, &Party)> = BTreeMap::new();
    for party in alerts.iter().flat_map(|alert| &alert.entities).filter(|party| party.kind != "cloud-account") {
        counts.entry((&party.kind, &party.id)).or_insert((0, party)).0 += 1;
    }
    let mut shared: Vec<(usize, &Party)> = counts.into_values().filter(|(n, _)| *n > 1).collect();
    shared.sort_by_key(|(n, party)| (std::cmp::Reverse(*n), party.kind != "account"));
    shared.into_iter().take(MAX_SHARED).map(|(_, party)| party.clone()).collect()
}
