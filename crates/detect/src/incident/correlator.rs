use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use skywarden_content::AlertLevel;

use super::{
    AlertFacts, Incident, Kinds,
    candidates::{Candidate, Candidates, windows},
    join::{is_open_to_many, key_of_address, keys, visitor},
    kind::{ScenarioRule, Steps},
    moves_on,
    span::{Span, Spans, Visit},
};
use crate::source::id_of;

/// Alerts that share somebody belong together if they are no further apart, in milliseconds: a day.
const WINDOW: i64 = 86_400_000;

/// So much later than newer ones may an alert come and still find those that it belongs to, in milliseconds: a day.
const LATE: i64 = 86_400_000;

/// How often what is old is looked for, in the time of alerts, in milliseconds: an hour.
const SWEEP: i64 = 3_600_000;

/// Most alerts of one group; of more, the first are kept.
const MAX_MEMBERS: usize = 1_000;

/// Most alerts that are remembered; of more, the groups that grew last are kept.
const MAX_ALERTS: usize = 100_000;

/// What became of the incidents when an alert came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// There is a new one.
    Opened(Box<Incident>),
    /// One has another alert, or knows more of one.
    Grew(String),
    /// One turned out to be part of another, which was there before.
    Merged {
        /// The one that stays.
        into: String,
        /// The one that is part of it from now on.
        from: String,
    },
    /// One is none any more: what joined its alerts turned out to be a gateway of many.
    Closed(String),
}

/// Joins alerts into incidents as they come, in whatever order.
///
/// Alerts belong together if they share an actor, a public address, a session, a machine or a resource and are at most a day
/// apart, or if a scenario of a kind holds for them. Which do so does not depend on the order in which they come, as long as none
/// is more than a day late. Groups are forgotten when no alert that late can join them.
#[derive(Debug, Clone)]
pub struct Correlator {
    kinds: Kinds,
    state: CorrelatorState,
    /// What follows from the alerts and the kinds.
    candidates: Candidates,
    keeps: Keeps,
}

/// What a correlator remembers; to be stored, and handed to [`Correlator::resume`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorrelatorState {
    alerts: BTreeMap<String, AlertFacts>,
    /// Alert -> its group.
    group_of: BTreeMap<String, u64>,
    groups: BTreeMap<u64, Group>,
    /// Incident, be it part of another by now -> the alert by which its id was made.
    first_of: BTreeMap<String, String>,
    spans: Spans,
    n_groups: u64,
    n_opened: u64,
    /// When the newest alert began, in milliseconds.
    newest: Option<i64>,
    swept: i64,
}

/// Alerts that belong together; whether an incident is made of them is another matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Group {
    alerts: BTreeSet<String>,
    /// When the last one ends.
    end: i64,
    /// The incident.
    open: Option<Open>,
    /// Scenarios that hold.
    scenarios: BTreeSet<String>,
    n_left_out: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Open {
    id: String,
    /// Which was opened before which.
    number: u64,
    /// Incidents that became part of it.
    merged: BTreeSet<String>,
}

/// What happens while one alert is added.
#[derive(Debug, Default)]
struct Round {
    /// Alerts whose groups changed.
    touched: BTreeSet<String>,
    /// Alerts whose groups hung together by what does not join any more.
    apart: BTreeSet<String>,
    changes: Vec<Change>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeps {
    /// What can still grow.
    Recent,
    /// Everything: for a batch.
    All,
}

impl Correlator {
    /// A correlator that knows no alert yet.
    pub fn new(kinds: Kinds) -> Self {
        Self::of(kinds, CorrelatorState::default(), Keeps::Recent)
    }

    pub(super) fn of_batch(kinds: Kinds) -> Self {
        Self::of(kinds, CorrelatorState::default(), Keeps::All)
    }

    /// Goes on where another one was, perhaps with other kinds, which are looked for in what is remembered too. What other kinds
    /// joined stays together.
    pub fn resume(kinds: Kinds, state: CorrelatorState) -> (Self, Vec<Change>) {
        let mut correlator = Self::of(kinds, state, Keeps::Recent);
        for group in correlator.state.groups.values_mut() {
            group.scenarios.clear();
        }
        let mut round = Round::default();
        let ids: Vec<String> = correlator.state.alerts.keys().cloned().collect();
        for id in ids {
            if let Some(alert) = correlator.state.alerts.get(&id).cloned() {
                correlator.join_by_scenarios(&alert, &mut round);
            }
        }
        let incidents = correlator.state.groups.values().filter(|group| group.open.is_some());
        round.touched.extend(incidents.filter_map(|group| group.alerts.first().cloned()));
        let mut changes = correlator.settle(round);
        changes.retain(|change| !matches!(change, Change::Grew(_)));
        (correlator, changes)
    }

    /// What is remembered.
    pub fn state(&self) -> &CorrelatorState {
        &self.state
    }

    /// Adds an alert, or what is newly known of one.
    pub fn add(&mut self, alert: &AlertFacts) -> Vec<Change> {
        self.add_by(i64::MAX, alert)
    }

    /// The same where it is known how late it is, in milliseconds since 1970: alerts of clocks that run ahead make no others forgotten.
    pub fn add_by(&mut self, now: i64, alert: &AlertFacts) -> Vec<Change> {
        let known = self.state.alerts.get(&alert.id);
        let alert = known.map_or_else(|| alert.clone(), |known| alert.clone().merged(known));
        if known == Some(&alert) {
            return Vec::new();
        }
        let has_moved = known.is_some_and(|known| known.start != alert.start);
        let mut round = Round { touched: BTreeSet::from([alert.id.clone()]), ..Round::default() };
        self.remember(&alert);
        self.join_by_keys(&alert, &mut round);
        self.join_by_scenarios(&alert, &mut round);
        if has_moved {
            // It may be out of the order that a scenario wants.
            round.apart.insert(alert.id.clone());
        }
        for id in std::mem::take(&mut round.apart) {
            self.take_apart(&id, &mut round);
        }
        let changes = self.settle(round);
        self.forget(alert.start.as_millisecond().min(now));
        changes
    }

    /// The incident with an id, be it that of one that became part of it.
    pub fn incident(&self, id: &str) -> Option<Incident> {
        let number = self.state.group_of.get(self.state.first_of.get(id)?)?;
        self.told(self.state.groups.get(number)?)
    }

    /// All incidents that are not forgotten: the worst first, then by id.
    pub fn incidents(&self) -> Vec<Incident> {
        let mut incidents: Vec<Incident> = self.state.groups.values().filter_map(|group| self.told(group)).collect();
        incidents.sort_by(|left, right| (right.severity, &left.id).cmp(&(left.severity, &right.id)));
        incidents
    }

    fn of(kinds: Kinds, state: CorrelatorState, keeps: Keeps) -> Self {
        Correlator { kinds, state, candidates: Candidates::default(), keeps }
    }

    fn told(&self, group: &Group) -> Option<Incident> {
        let open = group.open.as_ref()?;
        let alerts: Vec<&AlertFacts> = group.alerts.iter().filter_map(|id| self.state.alerts.get(id)).collect();
        let holding = group.scenarios.iter().filter_map(|name| self.kinds.scenario(name));
        let kind = holding.max_by_key(|scenario| scenario.rank()).map(|scenario| scenario.kind.as_str());
        let kind = kind.and_then(|id| Some((id, self.kinds.kind(id)?)));
        Incident::of(&open.id, kind, alerts).map(|incident| Incident {
            merged: open.merged.iter().cloned().collect(),
            n_left_out: group.n_left_out,
            ..incident
        })
    }

    fn remember(&mut self, alert: &AlertFacts) {
        let state = &mut self.state;
        state.alerts.insert(alert.id.clone(), alert.clone());
        let number = *state.group_of.entry(alert.id.clone()).or_insert_with(|| {
            state.n_groups = state.n_groups.saturating_add(1);
            state.n_groups
        });
        let group = state.groups.entry(number).or_insert_with(|| Group { end: i64::MIN, ..Group::default() });
        group.alerts.insert(alert.id.clone());
        group.end = group.end.max(alert.end.as_millisecond());
    }

    /// Joins an alert to those with which it shares somebody.
    fn join_by_keys(&mut self, alert: &AlertFacts, round: &mut Round) {
        let mut met = Vec::new();
        for key in keys(alert) {
            let visit = Visit {
                id: &alert.id,
                start: alert.start.as_millisecond(),
                end: alert.end.as_millisecond(),
                actor: if is_open_to_many(&key) { visitor(alert) } else { None },
            };
            self.state.spans.visit(&key, &visit, WINDOW, |span, anchors| {
                if !span.is_gateway() {
                    span.joins = true;
                    met.extend(anchors);
                } else if span.joins {
                    span.joins = false;
                    round.apart.extend(anchors);
                }
            });
        }
        for anchor in met {
            self.join(&anchor, &alert.id, round);
        }
    }

    /// Joins an alert to those with which it makes a scenario hold.
    fn join_by_scenarios(&mut self, alert: &AlertFacts, round: &mut Round) {
        for place in 0..self.kinds.scenarios.len() {
            let Some(scenario) = self.kinds.scenarios.get(place) else { continue };
            let steps = scenario.steps_of(alert);
            if steps == 0 {
                continue;
            }
            let scenario = scenario.clone();
            let (start, end) = (alert.start.as_millisecond(), alert.end.as_millisecond());
            for key in scenario.keys(alert) {
                // A group that is too large may have left it out.
                if !self.state.group_of.contains_key(&alert.id) {
                    return;
                }
                self.candidates.put(&key, Candidate { id: alert.id.clone(), start, end, steps });
                for ids in self.holding(&scenario, &key, alert) {
                    self.join_all(&ids, &scenario.name, round);
                }
            }
        }
    }

    /// Sets of alerts, one of which is this, for which a scenario holds. What came from a gateway does not count where an address
    /// is shared.
    fn holding(&self, scenario: &ScenarioRule, key: &str, alert: &AlertFacts) -> Vec<Vec<String>> {
        let addresses: Vec<String> = scenario.addresses(key).map(key_of_address).collect();
        let is_of_gateway = |candidate: &&Candidate| {
            let came_in = |address: &String| self.state.spans.at(address, candidate.start);
            addresses.iter().filter_map(came_in).any(Span::is_gateway)
        };
        let time = (alert.start.as_millisecond(), alert.end.as_millisecond());
        let mut near = self.candidates.near(key, time, scenario.within);
        near.retain(|candidate| !is_of_gateway(candidate));
        let group = self.state.group_of.get(&alert.id);
        let is_known =
            group.and_then(|number| self.state.groups.get(number)).is_some_and(|own| own.scenarios.contains(&scenario.name));
        if is_known && near.iter().all(|candidate| self.state.group_of.get(&candidate.id) == group) {
            return Vec::new();
        }
        let facts = |candidates: &[&Candidate]| -> Vec<(&AlertFacts, Steps)> {
            candidates.iter().filter_map(|one| Some((self.state.alerts.get(&one.id)?, one.steps))).collect()
        };
        // Where all together are too few no part of them is enough.
        if !scenario.holds(&facts(&near)) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for window in windows(&near, scenario.within) {
            if window.iter().any(|candidate| candidate.id == alert.id) && scenario.holds(&facts(&window)) {
                let ids: Vec<String> = window.iter().map(|candidate| candidate.id.clone()).collect();
                let is_whole = ids.len() == near.len();
                found.push(ids);
                if is_whole {
                    break;
                }
            }
        }
        found
    }

    fn join_all(&mut self, ids: &[String], scenario: &str, round: &mut Round) {
        let Some(first) = ids.first() else { return };
        for id in ids {
            self.join(id, first, round);
        }
        let number = ids.iter().find_map(|id| self.state.group_of.get(id));
        if let Some(group) = number.and_then(|number| self.state.groups.get_mut(number)) {
            group.scenarios.insert(scenario.to_owned());
        }
    }

    /// Makes one group of those of two alerts. Of two incidents the one that was opened before stays.
    fn join(&mut self, left: &str, right: &str, round: &mut Round) {
        let state = &mut self.state;
        let (Some(left), Some(right)) = (state.group_of.get(left).copied(), state.group_of.get(right).copied()) else { return };
        if left == right {
            return;
        }
        let (Some(mut one), Some(mut other)) = (state.groups.remove(&left), state.groups.remove(&right)) else { return };
        let mut number = left;
        if one.alerts.len() < other.alerts.len() {
            std::mem::swap(&mut one, &mut other);
            number = right;
        }
        for id in &other.alerts {
            state.group_of.insert(id.clone(), number);
        }
        one.alerts.extend(other.alerts);
        one.end = one.end.max(other.end);
        one.scenarios.extend(other.scenarios);
        one.n_left_out = one.n_left_out.saturating_add(other.n_left_out);
        one.open = match (one.open.take(), other.open.take()) {
            (Some(one), Some(other)) => {
                let (mut into, from) = if one.number < other.number { (one, other) } else { (other, one) };
                round.changes.push(Change::Merged { into: into.id.clone(), from: from.id.clone() });
                into.merged.extend(from.merged);
                into.merged.insert(from.id);
                Some(into)
            }
            (one, other) => one.or(other),
        };
        round.touched.extend(one.alerts.first().cloned());
        state.groups.insert(number, one);
        self.cut(number);
    }

    /// Leaves out the last alerts of a group that is too large.
    fn cut(&mut self, number: u64) {
        let state = &mut self.state;
        let Some(group) = state.groups.get_mut(&number).filter(|group| group.alerts.len() > MAX_MEMBERS) else { return };
        let mut sorted: Vec<(i64, String)> = group
            .alerts
            .iter()
            .map(|id| (state.alerts.get(id).map_or(i64::MAX, |alert| alert.start.as_millisecond()), id.clone()))
            .collect();
        sorted.sort();
        let left_out = sorted.split_off(MAX_MEMBERS);
        let Some((_, kept)) = sorted.first() else { return };
        for (start, id) in left_out {
            group.alerts.remove(&id);
            for incident in group.open.iter().flat_map(|open| open.merged.iter().chain([&open.id])) {
                if let Some(first) = state.first_of.get_mut(incident).filter(|first| **first == id) {
                    first.clone_from(kept);
                }
            }
            group.n_left_out = group.n_left_out.saturating_add(1);
            state.group_of.remove(&id);
            let Some(alert) = state.alerts.remove(&id) else { continue };
            for key in keys(&alert) {
                if let Some(span) = state.spans.at_mut(&key, start).filter(|span| span.anchor == id) {
                    span.anchor.clone_from(kept);
                }
            }
            for key in self.kinds.scenarios.iter().flat_map(|scenario| scenario.keys(&alert)) {
                self.candidates.remove(&key, &id);
            }
        }
    }

    /// Joins the alerts of a group anew, by what still holds.
    fn take_apart(&mut self, id: &str, round: &mut Round) {
        let group = self.state.group_of.get(id).copied().and_then(|number| self.state.groups.remove(&number));
        let Some(group) = group else { return };
        let alerts: Vec<AlertFacts> = group.alerts.iter().filter_map(|id| self.state.alerts.get(id)).cloned().collect();
        for alert in &alerts {
            self.state.group_of.remove(&alert.id);
            self.remember(alert);
            round.touched.insert(alert.id.clone());
        }
        let of_first = group.open.as_ref().and_then(|open| self.state.group_of.get(self.state.first_of.get(&open.id)?));
        let heir = of_first.or_else(|| self.state.group_of.get(alerts.first()?.id.as_str())).copied();
        if let Some(heir) = heir.and_then(|number| self.state.groups.get_mut(&number)) {
            (heir.open, heir.n_left_out) = (group.open, group.n_left_out);
        }
        for alert in &alerts {
            for key in keys(alert) {
                let span = self.state.spans.at(&key, alert.start.as_millisecond());
                if let Some(anchor) = span.filter(|span| span.joins).map(|span| span.anchor.clone()) {
                    self.join(&anchor, &alert.id, round);
                }
            }
        }
        for alert in &alerts {
            self.join_by_scenarios(alert, round);
        }
    }

    /// Opens and closes incidents of the groups of some alerts.
    fn settle(&mut self, round: Round) -> Vec<Change> {
        let Round { touched, mut changes, .. } = round;
        let numbers: BTreeSet<u64> = touched.iter().filter_map(|id| self.state.group_of.get(id).copied()).collect();
        for number in &numbers {
            self.release(*number);
        }
        for number in numbers {
            let Some(group) = self.state.groups.get(&number) else { continue };
            let is_incident = self.is_incident(group);
            match (&group.open, is_incident) {
                (Some(open), true) => changes.push(Change::Grew(open.id.clone())),
                (Some(open), false) => {
                    changes.push(Change::Closed(open.id.clone()));
                    for incident in open.merged.iter().chain([&open.id]) {
                        self.state.first_of.remove(incident);
                    }
                    if let Some(group) = self.state.groups.get_mut(&number) {
                        group.open = None;
                    }
                }
                (None, true) => changes.extend(self.open(number).map(|incident| Change::Opened(Box::new(incident)))),
                (None, false) => {}
            }
        }
        changes
    }

    /// What became part of an incident and has come apart from it since does not point to it any more.
    fn release(&mut self, number: u64) {
        let CorrelatorState { groups, group_of, first_of, .. } = &mut self.state;
        let Some(open) = groups.get_mut(&number).and_then(|group| group.open.as_mut()) else { return };
        open.merged.retain(|id| {
            let is_here = first_of.get(id).and_then(|first| group_of.get(first)) == Some(&number);
            if !is_here {
                first_of.remove(id);
            }
            is_here
        });
    }

    fn open(&mut self, number: u64) -> Option<Incident> {
        let state = &mut self.state;
        let group = state.groups.get_mut(&number)?;
        let first = group.alerts.iter().filter_map(|id| state.alerts.get(id)).min_by_key(|alert| (alert.start, &alert.id))?;
        let id = id_of(&format!("incident\n{}", first.id));
        state.n_opened = state.n_opened.saturating_add(1);
        state.first_of.insert(id.clone(), first.id.clone());
        group.open = Some(Open { id, number: state.n_opened, merged: BTreeSet::new() });
        self.told(self.state.groups.get(&number)?)
    }

    /// Something of weight that a kind names, or several detections along the kill chain.
    fn is_incident(&self, group: &Group) -> bool {
        let alerts = || group.alerts.iter().filter_map(|id| self.state.alerts.get(id));
        if !alerts().any(|alert| alert.severity >= AlertLevel::Medium) {
            return false;
        }
        let n_detections = alerts().map(|alert| alert.detection.as_str()).collect::<BTreeSet<_>>().len();
        !group.scenarios.is_empty() || n_detections > 1 && moves_on(alerts())
    }

    /// Forgets what nothing can join any more.
    fn forget(&mut self, start: i64) {
        if self.keeps == Keeps::All {
            return;
        }
        // A clock that is wrong must not make all else old: one alert moves the time on by a day at most.
        let newest = self.state.newest.map_or(start, |newest| newest.max(start.min(newest.saturating_add(LATE))));
        self.state.newest = Some(newest);
        if self.state.alerts.len() > MAX_ALERTS {
            let mut ends: Vec<i64> = self.state.groups.values().map(|group| group.end).collect();
            ends.sort_unstable();
            let middle = ends.get(ends.len() / 2).copied().unwrap_or(i64::MAX);
            self.forget_before(middle.saturating_add(1));
        } else if newest >= self.state.swept.saturating_add(SWEEP) {
            self.state.swept = newest;
            let longest = self.kinds.longest().max(WINDOW);
            self.forget_before(newest.saturating_sub(longest).saturating_sub(LATE));
        }
    }

    fn forget_before(&mut self, time: i64) {
        let CorrelatorState { alerts, group_of, groups, spans, first_of, .. } = &mut self.state;
        groups.retain(|_, group| {
            if group.end >= time {
                return true;
            }
            for id in &group.alerts {
                group_of.remove(id);
                let alert = alerts.remove(id);
                for key in alert.iter().flat_map(|alert| self.kinds.scenarios.iter().flat_map(|scenario| scenario.keys(alert))) {
                    self.candidates.remove(&key, id);
                }
            }
            for incident in group.open.iter().flat_map(|open| open.merged.iter().chain([&open.id])) {
                first_of.remove(incident);
            }
            false
        });
        // What is old holds together what is young, unless the group is too large to be taken apart.
        spans.retain(|span| {
            let group = group_of.get(&span.anchor).and_then(|number| groups.get(number));
            span.end >= time || span.joins && group.is_some_and(|group| group.n_left_out == 0)
        });
    }
}
