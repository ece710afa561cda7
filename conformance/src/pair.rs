//! One definition in both engines, and what each says of one resource.

use anyhow::Context as _;
use serde_json::{Map, Value, json};
use skywarden_model::{Resource, Timestamp};
use skywarden_policy::{Bound, Definition, Details, EffectOf, Listed, Neighbours, Panel, ParameterKind, State, requested};
use skywarden_rule::{Around, Input, Parameters, Template, Truth};

use crate::{
    generate::{GROUP, SUBSCRIPTION},
    random::Random,
    theirs::{Answer, Compiled, Given, Theirs},
};

/// What both engines are told of the world around a resource, and when it is.
pub struct World {
    /// For ours.
    pub around: Around,
    /// For regorus.
    pub context: Value,
    /// What `utcNow()` answers.
    pub now: Timestamp,
}

/// A definition in both engines.
pub struct Pair {
    /// Ours.
    pub ours: Definition,
    theirs: Compiled,
}

/// What is judged.
#[derive(Debug, Clone)]
pub struct Case {
    /// The resource.
    pub primary: Value,
    /// The one beside it that a definition may look for.
    pub related: Option<Value>,
    /// A value for every parameter.
    pub parameters: Parameters,
}

/// What an engine says.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The effect does not fire.
    Silent,
    /// It fires; with the details of the effect, if the engine gives them.
    Fires(Value),
    /// It can't be said, and why.
    Unknown(String),
}

impl Verdict {
    /// Whether the effect fires, if that is known.
    pub fn fires(&self) -> Option<bool> {
        match self {
            Self::Silent => Some(false),
            Self::Fires(_) => Some(true),
            Self::Unknown(_) => None,
        }
    }
}

impl World {
    /// The world of every pair.
    ///
    /// # Errors
    /// Never: the instant is written here.
    pub fn new() -> anyhow::Result<Self> {
        let subscription = json!({
            "id": format!("/subscriptions/{SUBSCRIPTION}"),
            "subscriptionId": SUBSCRIPTION,
            "displayName": "Fernhollow",
            "tenantId": "99999999-8888-7777-6666-555555555555",
            "tags": { "env": "prod" },
        });
        let resource_group = json!({
            "id": format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"),
            "name": GROUP,
            "location": "westeurope",
            "tags": { "env": "prod", "owner": "web" },
            "managedBy": "",
            "properties": { "provisioningState": "Succeeded" },
        });
        let policy = json!({
            "assignmentId": format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/policyAssignments/a1"),
            "definitionId": "/providers/Microsoft.Authorization/policyDefinitions/d1",
            "setDefinitionId": "",
            "definitionReferenceId": "",
        });
        let request = json!({ "apiVersion": "2024-01-01", "identity": { "idtyp": "user", "appid": "a1" } });
        Ok(Self {
            context: json!({
                "subscription": subscription,
                "resourceGroup": resource_group,
                "policy": policy,
                "requestContext": request,
                "utcNow": "2026-01-01T00:00:00.0000000Z",
            }),
            around: Around {
                subscription: Some(subscription),
                resource_group: Some(resource_group),
                policy: Some(policy),
                request_context: Some(request),
            },
            now: "2026-01-01T00:00:00Z".parse().context("the instant")?,
        })
    }
}

/// The resources beside the one that is judged: at most one.
struct Beside<'a>(Option<&'a Resource>);

impl Neighbours for Beside<'_> {
    fn of_type(&self, type_name: &str, _account: &str) -> Listed<'_> {
        let is_it = |resource: &&Resource| resource.type_name.as_str().eq_ignore_ascii_case(type_name);
        Listed { resources: self.0.into_iter().filter(is_it).collect(), incomplete: None }
    }
}

impl Pair {
    /// A definition in both engines.
    ///
    /// # Errors
    /// If one of them refuses it.
    pub fn new(document: &Value, theirs: &Theirs) -> anyhow::Result<Self> {
        let ours = Definition::parse(document).map_err(|errors| anyhow::anyhow!("ours: {errors:?}"))?;
        Ok(Self { ours, theirs: theirs.compile(document)? })
    }

    /// What both say, ours first.
    ///
    /// # Errors
    /// If what is given is no resource or no value of a parameter.
    pub fn judge(&mut self, case: &Case, theirs: &Theirs, world: &World) -> anyhow::Result<(Verdict, Verdict)> {
        let answer = theirs.judge(
            &mut self.theirs,
            Given {
                resource: &case.primary,
                related: case.related.as_ref(),
                parameters: &parameters(&case.parameters),
                context: &world.context,
            },
        )?;
        let answer = match answer {
            Answer::Silent => Verdict::Silent,
            Answer::Fires(result) => Verdict::Fires(result.get("details").cloned().unwrap_or_default()),
            Answer::Failed(why) => Verdict::Unknown(why),
        };
        Ok((judged(&self.ours, case, world)?, answer))
    }
}

fn parameters(values: &Parameters) -> Value {
    Value::Object(values.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
}

fn read(resource: &Value) -> anyhow::Result<Resource> {
    let read = requested(resource).map_err(|errors| anyhow::anyhow!("{resource}: {errors:?}"))?;
    read.into_iter().next().context("a resource is one")
}

fn judged(definition: &Definition, case: &Case, world: &World) -> anyhow::Result<Verdict> {
    let bound = definition.bind(&case.parameters).map_err(|errors| anyhow::anyhow!("{errors:?}"))?;
    let primary = read(&case.primary)?;
    let related = case.related.as_ref().map(read).transpose()?;
    let input = input(&primary, &bound.parameters, world);
    let beside = Beside(related.as_ref());
    let verdict = bound.judge(&input, &beside);
    let text = case.primary.to_string();
    let of_text = Panel::new(vec![bound.clone()]).judge(&text, Some(&world.around), world.now, &beside);
    anyhow::ensure!(
        of_text.as_deref() == Ok(std::slice::from_ref(&verdict)),
        "a panel says something else of the text than its definition of the resource: {of_text:?} instead of {verdict:?} of {text}"
    );
    let fires = || Verdict::Fires(effect_of(&bound, &input));
    Ok(match verdict.state {
        State::NonCompliant | State::Manual(_) => fires(),
        State::Compliant | State::NotApplicable | State::Disabled | State::NotEvaluated(_) => Verdict::Silent,
        // What `denyAction` protects is what its condition holds for.
        State::Protected => match definition.rule.condition.truth(&input) {
            Truth::True => fires(),
            Truth::False => Verdict::Silent,
            Truth::Unknown => Verdict::Unknown("the condition of denyAction".to_owned()),
        },
        State::Unknown => Verdict::Unknown(verdict.error.unwrap_or_default()),
    })
}

fn input<'a>(resource: &'a Resource, parameters: &'a Parameters, world: &'a World) -> Input<'a> {
    Input { resource, facts: None, parameters, around: Some(&world.around), now: world.now }
}

/// What `modify` and `append` would set, in the order of the definition; null for other effects and where a value can't be known.
fn effect_of(bound: &Bound<'_>, input: &Input<'_>) -> Value {
    let value = |template: &Template| template.value(input).ok().flatten().unwrap_or_default();
    match &bound.definition.rule.details {
        Details::Modify(modification) => {
            modification.operations.iter().map(|operation| operation.value.as_ref().map(&value).unwrap_or_default()).collect()
        }
        Details::Append(fields) => fields.iter().map(|append| value(&append.value)).collect(),
        _ => Value::Null,
    }
}

/// Where ours would look for the related resource, and under what name.
pub struct Sought {
    /// Its type.
    pub kind: String,
    /// Its name.
    pub name: Option<String>,
    /// Its resource group.
    pub group: String,
}

impl Sought {
    /// What a definition looks for beside a resource, if its effect does so.
    ///
    /// # Errors
    /// If the resource is none, or a parameter takes no such value.
    pub fn of(definition: &Definition, primary: &Value, values: &Parameters, world: &World) -> anyhow::Result<Option<Self>> {
        let Details::Existence(existence) = &definition.rule.details else { return Ok(None) };
        let primary = read(primary)?;
        let input = input(&primary, values, world);
        let text = |template: &Option<Template>| {
            let value = template.as_ref()?.value(&input).ok()??;
            value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
        };
        Ok(Some(Self {
            kind: existence.type_name.clone(),
            name: text(&existence.name),
            group: text(&existence.resource_group).unwrap_or_else(|| GROUP.to_owned()),
        }))
    }
}

/// A value for every parameter of a definition: its default, one that it allows, or one that is made up.
///
/// # Errors
/// If the definition takes none of them.
pub fn values(definition: &Definition, document: &Value, random: &mut Random) -> anyhow::Result<Parameters> {
    let effect = match &definition.rule.effect {
        EffectOf::Parameter(name) => name.as_str(),
        EffectOf::Rule(_) => "",
    };
    let mut given = Parameters::new();
    for (name, declaration) in &definition.parameters {
        let is_effect = name.eq_ignore_ascii_case(effect);
        let is_disabled = |value: &&Value| value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("disabled"));
        let options: Vec<&Value> =
            declaration.allowed.iter().flatten().filter(|value| !is_effect || !is_disabled(value)).collect();
        let must =
            declaration.default.is_none() || (is_effect && declaration.default.as_ref().is_some_and(|value| is_disabled(&value)));
        if !must && !random.percent(30) {
            continue;
        }
        let is_list = declaration.kind == ParameterKind::Array;
        let picked = random.pick(&options).map(|option| (*option).clone());
        let value = match picked {
            Some(option) if is_list && !option.is_array() => json!([option]),
            Some(option) => option,
            None if !must => continue,
            None => made_up(name, declaration.kind, document, random),
        };
        given.insert(name.clone(), value);
    }
    let bound = definition.bind(&given).map_err(|errors| anyhow::anyhow!("{errors:?}"))?;
    Ok(bound.parameters)
}

fn made_up(name: &str, kind: ParameterKind, document: &Value, random: &mut Random) -> Value {
    let strong = document.pointer("/properties/parameters").and_then(Value::as_object).and_then(|all| all.get(name));
    let strong = strong.and_then(|own| own.pointer("/metadata/strongType")).and_then(Value::as_str).unwrap_or_default();
    let texts: &[&str] = match (strong, name.to_ascii_lowercase()) {
        ("location", _) => &["westeurope", "northeurope"],
        (_, name) if name.contains("tag") => &["env", "owner"],
        (_, name) if name.contains("days") || name.contains("port") || name.contains("size") => &["30", "90"],
        (_, name) if name.contains("range") || name.contains("address") || name.contains("prefix") => {
            &["10.0.0.0/24", "10.0.1.7"]
        }
        _ => &["alpha", "beta"],
    };
    let text = random.pick(texts).copied().unwrap_or("alpha");
    match kind {
        ParameterKind::String => json!(text),
        ParameterKind::Array => json!(texts),
        ParameterKind::Object => Value::Object(Map::from_iter([(text.to_owned(), json!("prod"))])),
        ParameterKind::Boolean => json!(random.percent(50)),
        ParameterKind::Integer => json!(3),
        ParameterKind::Float => json!(1.5),
        ParameterKind::DateTime => json!("2026-02-01T00:00:00Z"),
    }
}
