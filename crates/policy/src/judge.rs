use std::sync::Arc;

use skywarden_model::{Evidence, Resource, Status, Unreadable, UnreadableKind, UnreadableReason};
use skywarden_rule::{
    CompileError, Entry, Ground, Input, MAX_EVIDENCE, Outcome, Parameters, Rule, Template, TemplateError, Truth,
};

use crate::{Definition, Details, Effect, EffectOf, Elsewhere, Existence, ExistenceScope, parameter};

/// A definition with the values that an assignment gives its parameters.
#[derive(Debug, Clone)]
pub struct Bound<'a> {
    /// The definition.
    pub definition: &'a Definition,
    /// Every parameter with its value.
    pub parameters: Parameters,
    /// What it does.
    pub effect: Effect,
    /// The condition with those values.
    pub(crate) condition: Arc<Rule>,
    /// What a related resource has to be like, with those values.
    existence: Option<Arc<Rule>>,
}

/// What a definition says of a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict<E = Evidence> {
    /// The verdict.
    pub state: State,
    /// What it rests on.
    pub evidence: Vec<E>,
    /// For [`State::Unknown`]: what could not be read.
    pub unreadable: Vec<Unreadable>,
    /// For [`State::Unknown`]: why a template function failed, if one did.
    pub error: Option<String>,
}

/// The state of one resource under one definition, before exemptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It is as the definition wants it.
    Compliant,
    /// It is not.
    NonCompliant,
    /// The definition does not concern it; it is in no count.
    NotApplicable,
    /// `denyAction` protects it; it is neither compliant nor not.
    Protected,
    /// Until somebody attests: `Unknown`, `Compliant` or `Non-compliant`, as the definition says.
    Manual(String),
    /// It could not be found out.
    Unknown,
    /// The effect is `disabled`.
    Disabled,
    /// The definition's substance lies elsewhere.
    NotEvaluated(Elsewhere),
}

/// The resources beside the one that is judged.
pub trait Neighbours {
    /// All resources of a type (in any case) in an account.
    fn of_type(&self, type_name: &str, account: &str) -> Listed<'_>;

    /// Those of a resource group (in any case) and those that lie in none; more than those does no harm.
    fn in_group(&self, type_name: &str, account: &str, group: &str) -> Listed<'_> {
        let _ = group;
        self.of_type(type_name, account)
    }

    /// Those whose ids begin with a resource's (in any case) and go on below it; more than those does no harm.
    fn below(&self, type_name: &str, account: &str, parent: &str) -> Listed<'_> {
        let _ = parent;
        self.of_type(type_name, account)
    }
}

/// What is known of the resources of a type.
#[derive(Debug, Clone, Default)]
pub struct Listed<'a> {
    /// Those that were seen.
    pub resources: Vec<&'a Resource>,
    /// Why there may be more.
    pub incomplete: Option<Arc<UnreadableReason>>,
}

impl Definition {
    /// The definition with an assignment's values over its defaults.
    ///
    /// # Errors
    /// A parameter that is not declared, a value that is not taken, a parameter without a value; pointers are `/NAME`.
    pub fn bind(&self, given: &Parameters) -> Result<Bound<'_>, Vec<CompileError>> {
        let parameters = parameter::values(&self.parameters, given)?;
        let effect = match &self.rule.effect {
            EffectOf::Rule(effect) => *effect,
            EffectOf::Parameter(name) => {
                let value = parameters.get(name).and_then(|value| value.as_str()).unwrap_or_default();
                Effect::from_name(value).ok_or_else(|| {
                    let message = format!("`{name}` is `{value}`, which is no effect");
                    vec![CompileError { pointer: format!("/{name}"), message, help: None }]
                })?
            }
        };
        let condition = Arc::new(self.rule.condition.with(&parameters));
        let existence = match &self.rule.details {
            Details::Existence(existence) => existence.condition.as_ref().map(|condition| Arc::new(condition.with(&parameters))),
            _ => None,
        };
        Ok(Bound { definition: self, parameters, effect, condition, existence })
    }
}

impl Bound<'_> {
    /// Whether the condition may hold for a resource of this type.
    pub(crate) fn concerns_type(&self, type_name: &str) -> bool {
        self.condition.concerns_type(type_name)
    }

    /// Judges a resource. The input's own parameters are not used.
    pub fn judge(&self, input: &Input<'_>, neighbours: &dyn Neighbours) -> Verdict {
        self.judge_as(self.effect, input, neighbours)
    }

    /// The same with another effect than its own, as an assignment's override has it.
    pub fn judge_as(&self, effect: Effect, input: &Input<'_>, neighbours: &dyn Neighbours) -> Verdict {
        let input = Input { parameters: &self.parameters, ..*input };
        self.judge_on(effect, (&input).into(), neighbours)
    }

    /// The same on a ground whose input is given, with the parameters that are its own.
    pub(crate) fn judge_on<'i, E: From<Entry<'i>>>(
        &'i self,
        effect: Effect,
        ground: Ground<'i>,
        neighbours: &'i dyn Neighbours,
    ) -> Verdict<E> {
        if let Some(elsewhere) = &self.definition.elsewhere {
            return State::NotEvaluated(elsewhere.clone()).into();
        }
        let condition = &self.condition;
        match (effect, &self.definition.rule.details) {
            (Effect::Disabled, _) => State::Disabled.into(),
            (Effect::AuditIfNotExists | Effect::DeployIfNotExists, Details::Existence(existence)) => {
                self.existing(existence, ground.input(), neighbours)
            }
            (Effect::Manual, Details::Manual { default_state }) => match condition.truth(ground) {
                Truth::False => State::NotApplicable.into(),
                Truth::True => State::Manual(default_state.clone()).into(),
                Truth::Unknown => Verdict::of(condition.explain_as(ground)),
            },
            (Effect::DenyAction | Effect::AuditAction, _) if condition.concerns(ground) => State::Protected.into(),
            (Effect::DenyAction | Effect::AuditAction, _) => State::NotApplicable.into(),
            _ => condition.explain_concerned(ground).map_or_else(|| State::NotApplicable.into(), Verdict::of),
        }
    }

    /// Whether a related resource is as it should be: one is enough; that there is none is known only if all were seen.
    fn existing<'i, E: From<Entry<'i>>>(
        &'i self,
        existence: &Existence,
        input: &Input<'i>,
        neighbours: &'i dyn Neighbours,
    ) -> Verdict<E> {
        let applies = self.condition.explain_as(input);
        match applies.truth {
            Truth::False => return State::NotApplicable.into(),
            Truth::Unknown => return Verdict::of(applies),
            Truth::True => {}
        }
        let wanted = match Wanted::new(existence, input) {
            Ok(wanted) => wanted,
            Err(failure) => return Verdict::unknown(failure),
        };
        let account = &input.resource.scope.account;
        let listed = match &wanted.resource_group {
            _ if wanted.is_child => neighbours.below(&existence.type_name, account, input.resource.id.as_str()),
            Some(group) => neighbours.in_group(&existence.type_name, account, group),
            None => neighbours.of_type(&existence.type_name, account),
        };
        let mut verdict = Verdict { evidence: applies.evidence, ..State::NonCompliant.into() };
        for other in listed.resources.into_iter().filter(|other| wanted.is_it(other)) {
            let Some(condition) = &self.existence else { return State::Compliant.into() };
            let beside = Input { resource: other, facts: None, ..*input };
            // Of many that are not as they should be a few say enough.
            if verdict.evidence.len() >= MAX_EVIDENCE && condition.truth_beside(&beside, input) == Truth::False {
                continue;
            }
            let outcome = condition.explain_beside(&beside, input);
            match outcome.truth {
                Truth::True => return Verdict { evidence: outcome.evidence, ..State::Compliant.into() },
                Truth::False => {
                    let n_more = MAX_EVIDENCE.saturating_sub(verdict.evidence.len());
                    verdict.evidence.extend(outcome.evidence.into_iter().take(n_more));
                }
                Truth::Unknown => {
                    verdict.state = State::Unknown;
                    verdict.unreadable.extend(outcome.unreadable);
                    verdict.error = verdict.error.or(outcome.error);
                }
            }
        }
        if let Some(reason) = listed.incomplete {
            verdict.state = State::Unknown;
            let field = existence.type_name.parse().unwrap_or_else(|_| skywarden_model::FieldPath::from_segments(Vec::new()));
            verdict.unreadable.push(Unreadable { field, reason });
        }
        verdict
    }
}

impl Verdict<Entry<'_>> {
    /// The same to be stored.
    pub fn into_owned(self) -> Verdict {
        let evidence = self.evidence.into_iter().map(Evidence::from).collect();
        Verdict { state: self.state, evidence, unreadable: self.unreadable, error: self.error }
    }
}

impl<E> Verdict<E> {
    /// That of a condition that describes what should not be.
    fn of(outcome: Outcome<E>) -> Self {
        let state = match outcome.truth {
            Truth::True => State::NonCompliant,
            Truth::False => State::Compliant,
            Truth::Unknown => State::Unknown,
        };
        Self { state, evidence: outcome.evidence, unreadable: outcome.unreadable, error: outcome.error }
    }

    fn unknown(failure: TemplateError) -> Self {
        let mut verdict = Self::from(State::Unknown);
        match failure {
            TemplateError::Unreadable(unreadable) => verdict.unreadable.push(unreadable),
            TemplateError::Failed(message) => verdict.error = Some(message),
        }
        verdict
    }
}

impl<E> From<State> for Verdict<E> {
    fn from(state: State) -> Self {
        Self { state, evidence: Vec::new(), unreadable: Vec::new(), error: None }
    }
}

impl State {
    /// The verdict as posture has it; `None` for what is not judged.
    pub fn status(&self) -> Option<Status> {
        match self {
            Self::Compliant => Some(Status::Healthy),
            Self::NonCompliant => Some(Status::Unhealthy),
            Self::NotApplicable => Some(Status::NotApplicable),
            Self::Unknown => Some(Status::Unknown),
            Self::Protected | Self::Manual(_) | Self::Disabled | Self::NotEvaluated(_) => None,
        }
    }
}

/// Which of the resources of a type are meant.
struct Wanted<'a> {
    input: &'a Input<'a>,
    is_child: bool,
    /// Nothing else is said of where it is: what extends a resource is looked for on the one that is judged.
    extends: bool,
    name: Option<String>,
    resource_group: Option<String>,
}

impl<'a> Wanted<'a> {
    fn new(existence: &Existence, input: &'a Input<'a>) -> Result<Self, TemplateError> {
        let own = input.resource.type_name.as_str();
        let below = existence.type_name.get(..own.len()).is_some_and(|start| start.eq_ignore_ascii_case(own));
        let is_child = below && existence.type_name.get(own.len()..).is_some_and(|rest| rest.starts_with('/'));
        let named_group = text(existence.resource_group.as_ref(), input)?;
        let is_near = existence.scope == ExistenceScope::ResourceGroup;
        let own_group = is_near.then(|| input.resource.scope.resource_group.to_string());
        Ok(Self {
            input,
            is_child,
            extends: is_near && named_group.is_none(),
            name: text(existence.name.as_ref(), input)?,
            resource_group: named_group.or(own_group),
        })
    }

    fn is_it(&self, other: &Resource) -> bool {
        // First: it is the cheaper question, and most are not what is looked for.
        if self.name.as_deref().is_some_and(|wanted| !is_named(other, wanted)) {
            return false;
        }
        let own = self.input.resource.id.as_str();
        if self.is_child {
            let rest = other.id.as_str().get(..own.len()).filter(|start| start.eq_ignore_ascii_case(own));
            rest.and_then(|_| other.id.as_str().get(own.len()..)).is_some_and(|rest| rest.starts_with('/'))
        } else if let Some(parent) = self.extends.then(|| extended(other)).flatten() {
            parent.eq_ignore_ascii_case(own)
        } else {
            // What belongs to no group (a subscription's own setting) is in every one's scope.
            let group = &*other.scope.resource_group;
            self.resource_group.as_deref().is_none_or(|wanted| group.is_empty() || group.eq_ignore_ascii_case(wanted))
        }
    }
}

/// The resource that another one extends, as an assessment or a diagnostic setting does: `RESOURCE/providers/X/y/z`.
fn extended(resource: &Resource) -> Option<&str> {
    let (parent, _) = resource.id.as_str().rsplit_once("/providers/")?;
    parent.contains("/providers/").then_some(parent)
}

/// Whether a resource has a name: its own (`default`), or with those of its parents (`server/default`).
fn is_named(resource: &Resource, wanted: &str) -> bool {
    if resource.name.eq_ignore_ascii_case(wanted) {
        return true;
    }
    let id = resource.id.as_str();
    let last = id.rsplit('/').next().unwrap_or(id);
    let Some((_, last_wanted)) = wanted.rsplit_once('/') else { return last.eq_ignore_ascii_case(wanted) };
    let Some((_, path)) = id.rsplit_once("/providers/").filter(|_| last.eq_ignore_ascii_case(last_wanted)) else { return false };
    path.split('/').skip(2).step_by(2).collect::<Vec<_>>().join("/").eq_ignore_ascii_case(wanted)
}

fn text(template: Option<&Template>, input: &Input<'_>) -> Result<Option<String>, TemplateError> {
    let Some(template) = template else { return Ok(None) };
    match template.value(input)? {
        None => Ok(None),
        Some(value) => match value.as_str() {
            Some("") => Ok(None),
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(TemplateError::Failed(format!("{value} is no name"))),
        },
    }
}

/// Neighbours of which nothing was asked: any look-up is incomplete.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoNeighbours;

impl Neighbours for NoNeighbours {
    fn of_type(&self, type_name: &str, _account: &str) -> Listed<'_> {
        let reason = UnreadableReason {
            kind: UnreadableKind::NotCarried,
            operation: format!("look up {type_name}"),
            permission: None,
            code: String::new(),
            message: "only the resource itself was given".to_owned(),
        };
        Listed { resources: Vec::new(), incomplete: Some(Arc::new(reason)) }
    }
}
