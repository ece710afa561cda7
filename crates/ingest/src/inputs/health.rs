use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::Context;
use crate::Problem;

/// What was lost at the source is shown for so long; in the log and with the dead letters it stays.
const SHOW_LOSS: Duration = Duration::from_secs(3_600);

/// How the parts of an input (partitions, a stream) are doing, so that one that does well doesn't hide one that doesn't.
#[derive(Debug, Default, Clone)]
pub(super) struct Health(Arc<Mutex<BTreeMap<String, Part>>>);

#[derive(Debug, Default)]
struct Part {
    failed: Option<Problem>,
    lost: Option<(Problem, Instant)>,
    behind: Option<u64>,
}

impl Health {
    /// Notes that a part can't go on; it is tried again.
    pub(super) fn fails(&self, context: &Context, part: &str, reason: String) {
        tracing::warn!(input = %context.id, part, reason, "a part of an input failed; it is tried again");
        self.change(context, part, 1, |part| {
            let since = part.failed.as_ref().map_or_else(Timestamp::now, |problem| problem.since);
            part.failed = Some(Problem { reason, since });
        });
    }

    /// Notes that something was lost at the source before it could be read.
    pub(super) fn lost(&self, context: &Context, part: &str, reason: String) {
        tracing::warn!(input = %context.id, part, reason, "something was lost at a source");
        let problem = Problem { reason, since: Timestamp::now() };
        self.change(context, part, 1, |part| part.lost = Some((problem, Instant::now())));
    }

    /// Notes that a part goes on; `behind` says how many messages wait at the source, if that is known.
    pub(super) fn is_well(&self, context: &Context, part: &str, behind: Option<u64>) {
        self.change(context, part, 0, |part| {
            part.failed = None;
            part.behind = behind;
        });
    }

    fn change(&self, context: &Context, part: &str, n_failures: u64, how: impl FnOnce(&mut Part)) {
        let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        how(parts.entry(part.to_owned()).or_default());
        for part in parts.values_mut() {
            part.lost.take_if(|(_, when)| when.elapsed() >= SHOW_LOSS);
        }
        let failed = parts.values().filter_map(|part| part.failed.as_ref());
        let problems: Vec<&Problem> = failed.chain(parts.values().filter_map(|part| Some(&part.lost.as_ref()?.0))).collect();
        let problem = problems.first().map(|first| {
            let mut problem = (*first).clone();
            if problems.len() > 1 {
                problem.reason = format!("{}; and {} more like this", problem.reason, problems.len() - 1);
            }
            problem
        });
        let mut behind = None;
        for part in parts.values() {
            behind = part.behind.map(|n| n.saturating_add(behind.unwrap_or_default())).or(behind);
        }
        context.intake.statuses.change(&context.id, |status| {
            status.n_failures += n_failures;
            status.problem = problem;
            status.behind = behind;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Intake, Statuses, TextKind, inputs::Stop};

    #[test]
    fn a_part_that_does_well_does_not_hide_one_that_does_not() {
        let (intake, _offers) = Intake::new(Default::default(), Statuses::default());
        let (_say, stop) = Stop::new();
        let context = Context { id: "i".into(), source: "s".into(), kind: TextKind::Lines, intake, stop };
        let status = || context.intake.statuses.all().remove("i").unwrap();
        let reason = || status().problem.map(|problem| problem.reason);
        let health = Health::default();
        health.is_well(&context, "a", Some(3));
        health.is_well(&context, "b", Some(4));
        assert_eq!((reason(), status().behind), (None, Some(7)));
        health.fails(&context, "b", "b is away".to_owned());
        health.is_well(&context, "a", None);
        assert_eq!((reason().as_deref(), status().behind), (Some("b is away"), Some(4)));
        health.lost(&context, "a", "5 lost".to_owned());
        assert_eq!(reason().as_deref(), Some("b is away; and 1 more like this"));
        health.is_well(&context, "b", Some(0));
        health.is_well(&context, "a", Some(0));
        assert_eq!((reason().as_deref(), status().n_failures), (Some("5 lost"), 2));
    }
}
