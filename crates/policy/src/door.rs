use skywarden_model::{Evidence, Resource, Unreadable};
use skywarden_rule::{Ground, Input, TemplateError, Truth};

use crate::{Bound, Change, Effect};

/// What would become of a request to create or change a resource, under several definitions.
///
/// In Azure's order (<https://learn.microsoft.com/azure/governance/policy/concepts/effect-basics>): `append` and `modify` change the
/// request, `deny` judges what they made of it, then it is audited.
#[derive(Debug)]
pub struct Ruling {
    /// The resource as it would be made.
    pub resource: Resource,
    /// What each definition says, in the order in which they were given.
    pub decisions: Vec<Decision>,
}

/// What one definition says of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The effect of the definition.
    pub effect: Effect,
    /// What would happen.
    pub answer: Answer,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
}

/// What would happen to a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The definition does not concern it, is switched off, or is content.
    Allowed,
    /// It would be refused. The text says why, where it is not the condition itself: a template function failed, or `append` would
    /// have to change what is there.
    Denied(Option<String>),
    /// It would be changed so.
    Changed(Vec<Change>),
    /// It would be let in and marked as not compliant.
    Audited,
    /// It is decided after the resource exists: related resources are looked up then.
    Later,
    /// It depends on something that is not known yet.
    Undecided(Vec<Unreadable>),
    /// It is never evaluated here: its substance lies elsewhere, or a person attests it.
    NotEvaluated,
}

impl Ruling {
    /// Whether one of the definitions refuses the request.
    pub fn is_denied(&self) -> bool {
        self.decisions.iter().any(|decision| matches!(decision.answer, Answer::Denied(_)))
    }
}

/// Rules on a request. The input's own parameters are not used.
pub fn rule_on(definitions: &[Bound<'_>], input: &Input<'_>) -> Ruling {
    let mut resource = input.resource.clone();
    let mut decisions: Vec<Option<Decision>> = definitions.iter().map(|_| None).collect();
    for is_change in [true, false] {
        for (bound, decision) in definitions.iter().zip(&mut decisions) {
            if matches!(bound.effect, Effect::Append | Effect::Modify) != is_change {
                continue;
            }
            let input = Input { resource: &resource, parameters: &bound.parameters, ..*input };
            let (own, changed) = decide(bound, (&input).into());
            *decision = Some(own);
            resource = changed.unwrap_or(resource);
        }
    }
    Ruling { resource, decisions: decisions.into_iter().flatten().collect() }
}

/// What a definition says on a ground with its own parameters; `append` and `modify` want the resource itself.
pub(crate) fn decide(bound: &Bound<'_>, ground: Ground<'_>) -> (Decision, Option<Resource>) {
    let effect = bound.effect;
    let plain = |answer: Answer| (Decision { effect, answer, evidence: Vec::new() }, None);
    if bound.definition.elsewhere.is_some() || matches!(effect, Effect::Manual | Effect::DenyAction | Effect::AuditAction) {
        return plain(Answer::NotEvaluated);
    }
    if effect == Effect::Disabled {
        return plain(Answer::Allowed);
    }
    let outcome = bound.condition.explain(ground);
    let evidence = outcome.evidence;
    let answer = match (outcome.truth, effect) {
        (Truth::False, _) => return plain(Answer::Allowed),
        // A function that fails is an implicit deny, whatever the effect.
        (Truth::Unknown, _) => match outcome.error {
            Some(message) if outcome.unreadable.is_empty() => Answer::Denied(Some(message)),
            _ => Answer::Undecided(outcome.unreadable),
        },
        (Truth::True, Effect::AuditIfNotExists | Effect::DeployIfNotExists) => Answer::Later,
        (Truth::True, Effect::Deny) => Answer::Denied(None),
        (Truth::True, Effect::Append | Effect::Modify) => match bound.change(ground.input()) {
            Ok(changed) => match changed.conflicts.first() {
                Some(conflict) => Answer::Denied(Some(format!("`{}` has another value already", conflict.field))),
                None if changed.changes.is_empty() => Answer::Allowed,
                None => return (Decision { effect, answer: Answer::Changed(changed.changes), evidence }, Some(changed.resource)),
            },
            Err(TemplateError::Unreadable(unreadable)) => Answer::Undecided(vec![unreadable]),
            Err(TemplateError::Failed(message)) => Answer::Denied(Some(message)),
        },
        (Truth::True, _) => Answer::Audited,
    };
    (Decision { effect, answer, evidence }, None)
}
