use std::collections::{BTreeMap, BTreeSet};

use skywarden_content::{AlertFilter, AlertLevel, IncidentKindFile, IncidentStep, Shared, StepOrder, duration, is_like};

use super::{
    AlertFacts,
    join::{resource_in_danger, values},
    moves_on,
};

/// Most steps of a scenario: as many as a `Steps` has bits.
const MAX_STEPS: usize = 8;

/// Most combinations of what a scenario wants shared that one alert has.
const MAX_COMBINATIONS: usize = 100;

/// Kinds of incidents, ready to be looked for.
#[derive(Debug, Clone, Default)]
pub struct Kinds {
    kinds: BTreeMap<String, Kind>,
    pub(super) scenarios: Vec<ScenarioRule>,
}

#[derive(Debug, Clone)]
pub(super) struct Kind {
    pub(super) title: String,
    pub(super) severity: Option<AlertLevel>,
}

#[derive(Debug, Clone)]
pub(super) struct ScenarioRule {
    /// The kind's id and the scenario's number, as `shared-process/1`.
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) same: Vec<Shared>,
    order: StepOrder,
    /// In milliseconds.
    pub(super) within: i64,
    steps: Vec<IncidentStep>,
}

/// For which steps of a scenario an alert counts: a bit for each.
pub(super) type Steps = u8;

/// How much a scenario says; of those that hold the one that says most gives an incident its kind.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    n_steps: usize,
    n_shared: usize,
    n_alerts: u32,
    /// Of two that say as much the first by id.
    kind: std::cmp::Reverse<String>,
}

impl Kinds {
    /// Compiles kinds; what lint refuses (a length of time that is none, no step or more than eight) is left out.
    pub fn new<'f>(files: impl IntoIterator<Item = &'f IncidentKindFile>) -> Self {
        let mut all = Kinds::default();
        for file in files {
            for (number, scenario) in file.scenarios.iter().enumerate() {
                let Some(seconds) = duration(&scenario.within) else { continue };
                if scenario.same.is_empty() || scenario.steps.is_empty() || scenario.steps.len() > MAX_STEPS {
                    continue;
                }
                all.scenarios.push(ScenarioRule {
                    name: format!("{}/{number}", file.id),
                    kind: file.id.clone(),
                    same: scenario.same.clone(),
                    order: scenario.order,
                    within: seconds.saturating_mul(1_000),
                    steps: scenario.steps.clone(),
                });
            }
            all.kinds.insert(file.id.clone(), Kind { title: file.title.clone(), severity: file.severity });
        }
        all
    }

    pub(super) fn kind(&self, id: &str) -> Option<&Kind> {
        self.kinds.get(id)
    }

    /// The scenario with a name.
    pub(super) fn scenario(&self, name: &str) -> Option<&ScenarioRule> {
        self.scenarios.iter().find(|scenario| scenario.name == name)
    }

    /// The longest time between two alerts of a scenario, in milliseconds.
    pub(super) fn longest(&self) -> i64 {
        self.scenarios.iter().map(|scenario| scenario.within).max().unwrap_or_default()
    }
}

impl ScenarioRule {
    pub(super) fn rank(&self) -> Rank {
        let alerts = self.steps.iter().map(|step| step.at_least.max(step.different_detections).max(step.different_resources));
        Rank {
            n_steps: self.steps.len(),
            n_shared: self.same.len(),
            n_alerts: alerts.fold(0, u32::saturating_add),
            kind: std::cmp::Reverse(self.kind.clone()),
        }
    }

    /// For which steps an alert counts.
    pub(super) fn steps_of(&self, alert: &AlertFacts) -> Steps {
        let mut steps = 0;
        for (number, step) in self.steps.iter().enumerate().take(MAX_STEPS) {
            if step.any_of.iter().any(|filter| fits(filter, alert)) {
                steps |= 1 << number;
            }
        }
        steps
    }

    /// Under which keys an alert is looked for together with others.
    pub(super) fn keys(&self, alert: &AlertFacts) -> BTreeSet<String> {
        let mut found = vec![self.prefix()];
        for shared in &self.same {
            let own = values(alert, *shared);
            found = found.iter().flat_map(|start| own.iter().map(move |value| format!("{start}\n{value}"))).collect();
            found.truncate(MAX_COMBINATIONS);
        }
        found.into_iter().collect()
    }

    /// The addresses that one of its keys holds.
    pub(super) fn addresses<'k>(&self, key: &'k str) -> impl Iterator<Item = &'k str> {
        let values = key.split('\n').skip(2);
        let same = self.same.clone();
        values.zip(same).filter(|(_, shared)| *shared == Shared::Address).map(|(value, _)| value)
    }

    /// Whether alerts that share what they must have all steps. More alerts never make it untrue. What begins in the same instant
    /// may be one event that several detections see: it has no order, and is no incident by itself.
    pub(super) fn holds(&self, alerts: &[(&AlertFacts, Steps)]) -> bool {
        match self.order {
            StepOrder::Any => self.has_all(alerts) && are_several_events(alerts),
            StepOrder::KillChain => self.has_all(alerts) && moves_on(alerts.iter().map(|(alert, _)| *alert)),
            StepOrder::Steps => self.has_all_in_order(alerts),
        }
    }

    fn prefix(&self) -> String {
        format!("scenario\n{}", self.name)
    }

    /// Whether each step can have its alerts, none of which counts twice: by Hall's theorem, if any several steps together have
    /// as many as they want together.
    fn has_all(&self, alerts: &[(&AlertFacts, Steps)]) -> bool {
        let has_different = self.steps.iter().enumerate().all(|(number, step)| {
            let own = alerts.iter().filter(|(_, steps)| steps & (1 << number) != 0).map(|(alert, _)| *alert);
            let (detections, resources) = different(own);
            detections >= step.different_detections && resources >= step.different_resources
        });
        has_different
            && (1..1_u32 << self.steps.len()).all(|several| {
                let wanted = self.steps.iter().enumerate().filter(|(number, _)| several & (1 << number) != 0);
                let n_wanted = wanted.fold(0_u32, |sum, (_, step)| sum.saturating_add(step.at_least));
                let n_there = alerts.iter().filter(|(_, steps)| u32::from(*steps) & several != 0).count();
                u32::try_from(n_there).unwrap_or(u32::MAX) >= n_wanted
            })
    }

    /// Whether the steps come one after the other. Each takes as few alerts as it needs, so that most are left for the next.
    fn has_all_in_order(&self, alerts: &[(&AlertFacts, Steps)]) -> bool {
        let mut sorted = alerts.to_vec();
        sorted.sort_by_key(|(alert, _)| alert.start);
        let mut wanted = self.steps.iter().enumerate();
        let mut current = wanted.next();
        let mut taken: Vec<&AlertFacts> = Vec::new();
        for together in sorted.chunk_by(|(left, _), (right, _)| left.start == right.start) {
            let Some((number, step)) = current else { return true };
            taken.extend(together.iter().filter(|(_, steps)| steps & (1 << number) != 0).map(|(alert, _)| *alert));
            let (detections, resources) = different(taken.iter().copied());
            let n_taken = u32::try_from(taken.len()).unwrap_or(u32::MAX);
            if n_taken >= step.at_least && detections >= step.different_detections && resources >= step.different_resources {
                taken.clear();
                current = wanted.next();
            }
        }
        current.is_none()
    }
}

/// Whether alerts differ in time or in what is in danger.
fn are_several_events(alerts: &[(&AlertFacts, Steps)]) -> bool {
    let of = |alert: &AlertFacts| (alert.start, resource_in_danger(alert));
    let first = alerts.first().map(|(alert, _)| of(alert));
    alerts.iter().any(|(alert, _)| Some(of(alert)) != first)
}

/// How many different detections and resources alerts have.
fn different<'a>(alerts: impl Iterator<Item = &'a AlertFacts>) -> (u32, u32) {
    let (mut detections, mut resources) = (BTreeSet::new(), BTreeSet::new());
    for alert in alerts {
        detections.insert(alert.detection.as_str());
        // All that name none are on one.
        resources.insert(resource_in_danger(alert).unwrap_or_default());
    }
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    (count(detections.len()), count(resources.len()))
}

fn fits(filter: &AlertFilter, alert: &AlertFacts) -> bool {
    let of_technique = |wanted: &String| {
        let is_of = |own: &String| own == wanted || own.strip_prefix(wanted.as_str()).is_some_and(|rest| rest.starts_with('.'));
        alert.techniques.iter().any(is_of)
    };
    let has_word = |word: &String| {
        let word = word.to_lowercase();
        alert.title.to_lowercase().contains(&word) || alert.detection.to_lowercase().contains(&word)
    };
    let is_called = |pattern: &String| is_like(&alert.detection, pattern);
    (filter.plans.is_empty() || alert.plan.as_ref().is_some_and(|plan| filter.plans.contains(plan)))
        && (filter.detections.is_empty() || filter.detections.iter().any(is_called))
        && !filter.except.iter().any(is_called)
        && (filter.intents.is_empty() || filter.intents.iter().any(|intent| alert.intents.contains(intent)))
        && (filter.techniques.is_empty() || filter.techniques.iter().any(of_technique))
        && (filter.words.is_empty() || filter.words.iter().any(has_word))
        && filter.severity.is_none_or(|least| alert.severity >= least)
}
