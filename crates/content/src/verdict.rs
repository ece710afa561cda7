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
        match combine(applies, self.violated_if.truth(&input)) {
            Status::Healthy if self.unknown_if.iter().any(|own| own.when.truth(&input) != Truth::False) => Status::Unknown,
            status => status,
        }
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
        if status == Status::Healthy {
            return self.known(&input, violated.evidence);
        }
        if status != Status::Unknown {
            return (status, None, violated.evidence);
        }
        let outcomes: Vec<Outcome> =
            applies.into_iter().chain([violated]).filter(|outcome| outcome.truth == Truth::Unknown).collect();
        let cause = cause_of(&outcomes);
        (status, Some(cause), outcomes.into_iter().flat_map(|outcome| outcome.evidence).collect())
    }

    /// Healthy, unless nothing is known: a case that holds goes before one of which it is not known whether it does, since it
    /// is what its author has words for.
    fn known(&self, input: &Input<'_>, violated: Vec<Evidence>) -> (Status, Option<Cause>, Vec<Evidence>) {
        let outcomes: Vec<Outcome> = self.unknown_if.iter().map(|own| own.when.explain(input)).collect();
        if let Some((own, outcome)) = self.unknown_if.iter().zip(&outcomes).find(|(_, outcome)| outcome.truth == Truth::True) {
            let cause = Cause { code: CauseCode::Unreadable, message: own.because.to_string(), permissions: Vec::new() };
            return (Status::Unknown, Some(cause), outcome.evidence.clone());
        }
        let (unknown, decided): (Vec<Outcome>, Vec<Outcome>) =
            outcomes.into_iter().partition(|outcome| outcome.truth == Truth::Unknown);
        if unknown.is_empty() {
            let evidence = violated.into_iter().chain(decided.into_iter().flat_map(|outcome| outcome.evidence)).collect();
            return (Status::Healthy, None, evidence);
        }
        let cause = cause_of(&unknown);
        (Status::Unknown, Some(cause), unknown.into_iter().flat_map(|outcome| outcome.evidence).collect())
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

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::{Map, Value, json};
    use skywarden_model::{Carried, Scope, Unreadable, UnreadableKind, UnreadableReason};
    use skywarden_rule::Rule;

    use super::*;
    use crate::NotKnown;

    fn rule() -> CompiledRule {
        let compiled = |source: Value| Rule::compile(&source, &BTreeSet::new()).unwrap();
        let case = |because: &str, field: &str| NotKnown {
            because: because.into(),
            when: compiled(json!({ "field": format!("properties.{field}"), "exists": false })),
        };
        CompiledRule {
            applies_if: Some(compiled(json!({ "field": "properties.kind", "equals": "scanned" }))),
            violated_if: compiled(json!({ "field": "properties.findings", "greater": 0 })),
            unknown_if: vec![case("nobody has looked", "scan"), case("the scan has no end", "end")],
            parameters: Parameters::new(),
        }
    }

    fn resource(properties: Value, unreadable: &str) -> Resource {
        let refused = UnreadableReason {
            kind: UnreadableKind::Denied,
            operation: "Scans.list".to_owned(),
            code: "Forbidden".to_owned(),
            message: String::new(),
            permission: Some("Scans/read".to_owned()),
        };
        let fields = unreadable.split(' ').filter(|path| !path.is_empty());
        Resource {
            id: "x".into(),
            type_name: "A.B/c".into(),
            name: "x".to_owned(),
            scope: Scope { connector: "c".into(), account: "1".into(), resource_group: "g".into() },
            location: None,
            tags: BTreeMap::new(),
            envelope: Map::new(),
            properties,
            unreadable: fields.map(|path| Unreadable { field: path.parse().unwrap(), reason: refused.clone().into() }).collect(),
            carried: Carried::All,
        }
    }

    /// The verdict and its cause's message; both ways of judging must say the same.
    fn judged(properties: Value, unreadable: &str) -> (Status, String) {
        let (rule, resource) = (rule(), resource(properties, unreadable));
        let (status, cause, evidence) = rule.explain(&resource, None, Timestamp::UNIX_EPOCH);
        assert_eq!(rule.verdict(&resource, None, Timestamp::UNIX_EPOCH), status);
        assert!(!evidence.is_empty());
        (status, cause.map(|cause| cause.message).unwrap_or_default())
    }

    #[test]
    fn what_would_be_healthy_is_unknown_for_the_first_reason_that_holds() {
        let whole = json!({ "kind": "scanned", "findings": 0, "scan": "s", "end": "e" });
        assert_eq!(judged(whole, ""), (Status::Healthy, String::new()));
        let endless = json!({ "kind": "scanned", "findings": 0, "scan": "s" });
        assert_eq!(judged(endless, ""), (Status::Unknown, "the scan has no end".to_owned()));
        assert_eq!(judged(json!({ "kind": "scanned" }), ""), (Status::Unknown, "nobody has looked".to_owned()));
    }

    #[test]
    fn a_violation_and_what_does_not_apply_stay() {
        assert_eq!(judged(json!({ "kind": "scanned", "findings": 2 }), "").0, Status::Unhealthy);
        assert_eq!(judged(json!({ "kind": "other" }), "").0, Status::NotApplicable);
        assert_eq!(judged(json!({ "kind": "scanned", "findings": 2 }), "properties.scan").0, Status::Unhealthy);
    }

    #[test]
    fn where_it_is_not_known_whether_a_reason_holds_the_verdict_is_unknown_as_usual() {
        let (status, message) = judged(json!({ "kind": "scanned", "findings": 0, "end": "e" }), "properties.scan");
        assert_eq!(status, Status::Unknown);
        assert!(message.starts_with("properties.scan: could not read with Scans.list"), "{message}");
        // One that holds has words for it.
        let both = judged(json!({ "kind": "scanned", "findings": 0 }), "properties.scan");
        assert_eq!(both, (Status::Unknown, "the scan has no end".to_owned()));
        // What a violation rests on goes before.
        let (status, message) = judged(json!({ "kind": "scanned", "scan": "s" }), "properties.findings");
        assert_eq!(status, Status::Unknown);
        assert!(message.starts_with("properties.findings: "), "{message}");
    }
}
