use skywarden_model::{Cause, CauseCode, Evidence, FactSheet, Resource, Status, Timestamp};
use skywarden_rule::{Input, Outcome, Parameters, Truth};

use crate::CompiledRule;

impl CompiledRule {
    /// The verdict alone; fast.
    pub fn verdict(&self, resource: &Resource, facts: Option<&FactSheet>, now: Timestamp) -> Status {
        let input = Input { resource, facts, parameters: &self.parameters, around: None, now };
        let applies = self.applies_if.as_ref().map_or(Truth::True, |rule| rule.truth(&input));
        if applies == Truth::False {
            return Status::NotApplicable;
        }
        combine(applies, self.violated_if.truth(&input))
    }

    /// The verdict, why it is neither Healthy nor Unhealthy, and what decided it.
    pub fn explain(
        &self,
        resource: &Resource,
        facts: Option<&FactSheet>,
        now: Timestamp,
    ) -> (Status, Option<Cause>, Vec<Evidence>) {
        self.explain_with(&self.parameters, resource, facts, now)
    }

    /// The same with other values of the parameters.
    pub(crate) fn explain_with(
        &self,
        parameters: &Parameters,
        resource: &Resource,
        facts: Option<&FactSheet>,
        now: Timestamp,
    ) -> (Status, Option<Cause>, Vec<Evidence>) {
        let input = Input { resource, facts, parameters, around: None, now };
        let applies = self.applies_if.as_ref().map(|rule| rule.explain(&input));
        let applies_truth = applies.as_ref().map_or(Truth::True, |outcome| outcome.truth);
        if applies_truth == Truth::False {
            return (
                Status::NotApplicable,
                Some(Cause::does_not_apply()),
                applies.map(|outcome| outcome.evidence).unwrap_or_default(),
            );
        }
        let violated = self.violated_if.explain(&input);
        let status = combine(applies_truth, violated.truth);
        if status != Status::Unknown {
            return (status, None, violated.evidence);
        }
        let outcomes: Vec<Outcome> =
            applies.into_iter().chain([violated]).filter(|outcome| outcome.truth == Truth::Unknown).collect();
        let cause = cause_of(&outcomes);
        (status, Some(cause), outcomes.into_iter().flat_map(|outcome| outcome.evidence).collect())
    }
}

/// Where it is unknown whether a rule applies, the verdict is Unknown even if nothing is violated: it may be NotApplicable, which
/// counts for nothing, and a refused read must not add a healthy resource to the score.
fn combine(applies: Truth, violated: Truth) -> Status {
    match (applies, violated) {
        (Truth::False, _) => Status::NotApplicable,
        (Truth::Unknown, _) | (_, Truth::Unknown) => Status::Unknown,
        (Truth::True, Truth::False) => Status::Healthy,
        (Truth::True, Truth::True) => Status::Unhealthy,
    }
}

fn cause_of(outcomes: &[Outcome]) -> Cause {
    let unreadable: Vec<_> = outcomes.iter().flat_map(|outcome| &outcome.unreadable).collect();
    let mut permissions: Vec<String> = unreadable.iter().filter_map(|unreadable| unreadable.reason.permission.clone()).collect();
    permissions.sort();
    permissions.dedup();
    if let Some(first) = unreadable.first() {
        return Cause {
            code: CauseCode::Unreadable,
            message: format!("{}: {}", first.field, first.reason.sentence()),
            permissions,
        };
    }
    let message =
        outcomes.iter().find_map(|outcome| outcome.error.clone()).unwrap_or_else(|| "the rule could not be decided".to_owned());
    Cause { code: CauseCode::RuleError, message: format!("the rule failed: {message}"), permissions }
}
