use std::collections::BTreeMap;

use serde_json::Value;
use skywarden_model::Timestamp;
use skywarden_rule::Parameters;

use crate::{Assignment, Definition, Effect, EffectOf, Governance, Initiative, Override, SelectorKind};

/// How one definition of an assignment is set, and who set it so.
#[derive(Debug)]
pub struct Setting<'a> {
    /// Its reference id in the initiative; empty without one.
    pub reference_id: &'a str,
    /// Its id.
    pub definition_id: &'a str,
    /// The definition, if it is there.
    pub definition: Option<&'a Definition>,
    /// The groups of the initiative that it belongs to.
    pub groups: &'a [String],
    /// The effect; `None` if it can't be put in force.
    pub effect: Option<(Effect, Origin)>,
    /// Overrides that hold for some resources only.
    pub partial_overrides: Vec<&'a Override>,
    /// Every parameter with its value.
    pub parameters: BTreeMap<String, (Value, Origin)>,
    /// Why it can't be put in force.
    pub problem: Option<String>,
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// An override of the assignment.
    Override,
    /// A value of the assignment.
    Assignment,
    /// A value that the initiative fixes.
    Initiative,
    /// The default of the initiative's parameter.
    InitiativeDefault,
    /// The default of the definition's parameter.
    DefinitionDefault,
    /// The rule itself.
    Rule,
}

impl Origin {
    /// `override`, `assignment`, ...
    pub fn name(self) -> &'static str {
        match self {
            Self::Override => "override",
            Self::Assignment => "assignment",
            Self::Initiative => "initiative",
            Self::InitiativeDefault => "initiativeDefault",
            Self::DefinitionDefault => "definitionDefault",
            Self::Rule => "rule",
        }
    }
}

impl Governance {
    /// How the definitions of an assignment are set, in the order of its initiative; empty if there is no such definition or
    /// initiative.
    pub fn settings<'a>(&'a self, assignment: &'a Assignment, now: Timestamp) -> Vec<Setting<'a>> {
        if let Some(definition) = self.definition(&assignment.definition_id) {
            let given = assignment.parameters.iter().map(|(name, value)| (name.clone(), (value.clone(), Origin::Assignment)));
            return vec![setting(assignment, "", &definition.id, &[], Some(definition), given.collect())];
        }
        let Some(initiative) = self.initiative(&assignment.definition_id) else { return Vec::new() };
        let values = initiative.values(&assignment.parameters);
        let mut settings = Vec::with_capacity(initiative.members.len());
        for member in &initiative.members {
            let definition = self.definition(&member.definition_id);
            let found = match &values {
                Ok(values) => member.values(values, now),
                Err(errors) => Err(errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join("; ")),
            };
            let (given, problem) = match found {
                Ok(values) => {
                    let origin = |name: &String| origin(assignment, member.parameters.get(name));
                    let with_origin = |(name, value): (String, Value)| {
                        let origin = origin(&name);
                        (name, (value, origin))
                    };
                    (values.into_iter().map(with_origin).collect(), None)
                }
                Err(problem) => (BTreeMap::new(), Some(problem)),
            };
            let mut own = setting(assignment, &member.reference_id, &member.definition_id, &member.groups, definition, given);
            let note = definition.map(|definition| member.other_version(definition)).unwrap_or_default();
            own.problem = problem.or(own.problem.map(|problem| format!("{problem}{note}")));
            settings.push(own);
        }
        settings
    }

    /// The initiative of an assignment, if it is of one.
    pub fn initiative_of(&self, assignment: &Assignment) -> Option<&Initiative> {
        self.initiative(&assignment.definition_id)
    }
}

/// Who says what a definition's parameter is: an initiative that hands on one of its own leaves it to the assignment.
fn origin(assignment: &Assignment, template: Option<&skywarden_rule::Template>) -> Origin {
    match template.and_then(skywarden_rule::Template::parameter) {
        None => Origin::Initiative,
        Some(name) if assignment.parameters.keys().any(|given| given.eq_ignore_ascii_case(name)) => Origin::Assignment,
        Some(_) => Origin::InitiativeDefault,
    }
}

fn setting<'a>(
    assignment: &'a Assignment,
    reference_id: &'a str,
    definition_id: &'a str,
    groups: &'a [String],
    definition: Option<&'a Definition>,
    given: BTreeMap<String, (Value, Origin)>,
) -> Setting<'a> {
    let mut setting = Setting {
        reference_id,
        definition_id,
        definition,
        groups,
        effect: None,
        partial_overrides: Vec::new(),
        parameters: BTreeMap::new(),
        problem: None,
    };
    let Some(definition) = definition else {
        setting.problem = Some(format!("there is no definition `{definition_id}`"));
        return setting;
    };
    let values: Parameters = given.iter().map(|(name, (value, _))| (name.clone(), value.clone())).collect();
    let bound = match definition.bind(&values) {
        Ok(bound) => bound,
        Err(errors) => {
            setting.problem = Some(errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join("; "));
            setting.parameters = given;
            return setting;
        }
    };
    let origin_of = |name: &str| {
        let known = given.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        known.map_or(Origin::DefinitionDefault, |(_, (_, origin))| *origin)
    };
    for (name, value) in &bound.parameters {
        setting.parameters.insert(name.clone(), (value.clone(), origin_of(name)));
    }
    let own = match &definition.rule.effect {
        EffectOf::Rule(_) => Origin::Rule,
        EffectOf::Parameter(name) => origin_of(name),
    };
    setting.effect = Some((bound.effect, own));
    for entry in &assignment.overrides {
        let (of_definition, of_resource): (Vec<_>, Vec<_>) =
            entry.selectors.iter().partition(|selector| selector.kind == SelectorKind::PolicyDefinitionReferenceId);
        if !of_definition.iter().all(|selector| selector.choice.takes(reference_id)) {
            continue;
        }
        if of_resource.is_empty() {
            setting.effect = Some((entry.effect, Origin::Override));
            break;
        }
        setting.partial_overrides.push(entry);
    }
    setting
}
