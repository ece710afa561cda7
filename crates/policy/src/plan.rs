use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use serde_json::json;
use skywarden_model::{Resource, Segment, Timestamp, TypeName};
use skywarden_rule::{Around, Input, Parameters};

use crate::{
    Assignment, Bound, ComplianceState, Definition, Details, Governance, Initiative, Neighbours, PolicyExemption, PolicyState,
    Scope, Unlinked,
};

/// Every definition that is in force, with its values, in order of the assignments and of their initiatives.
#[derive(Debug)]
pub struct Plan<'a> {
    governance: &'a Governance,
    parts: Vec<Part<'a>>,
    /// Which definitions may concern a type, once a resource of it was judged.
    types: RwLock<BTreeMap<TypeName, Concerned>>,
    /// What could not be put in force: told, never silently left out.
    pub unlinked: Vec<Unlinked>,
}

/// What one assignment puts in force.
#[derive(Debug)]
struct Part<'a> {
    assignment: &'a Assignment,
    /// The exemptions from it.
    exemptions: Vec<&'a PolicyExemption>,
    items: Vec<Item<'a>>,
}

#[derive(Debug)]
struct Item<'a> {
    initiative: Option<&'a Initiative>,
    reference_id: &'a str,
    groups: &'a [String],
    bound: Bound<'a>,
}

/// Positions of parts with those of their items.
type Concerned = Arc<[(usize, Box<[usize]>)]>;

impl<'a> Plan<'a> {
    pub(crate) fn new(governance: &'a Governance, assignments: impl IntoIterator<Item = &'a Assignment>, now: Timestamp) -> Self {
        let mut exemptions: BTreeMap<String, Vec<&'a PolicyExemption>> = BTreeMap::new();
        for exemption in governance.exemptions() {
            exemptions.entry(exemption.assignment_id.to_ascii_lowercase()).or_default().push(exemption);
        }
        let mut plan = Self { governance, parts: Vec::new(), types: RwLock::default(), unlinked: Vec::new() };
        for assignment in assignments {
            let exemptions = exemptions.get(&assignment.id.to_ascii_lowercase()).cloned().unwrap_or_default();
            plan.parts.push(Part { assignment, exemptions, items: Vec::new() });
            if let Some(definition) = governance.definition(&assignment.definition_id) {
                plan.add(assignment, None, "", &[], definition, &assignment.parameters);
            } else if let Some(initiative) = governance.initiative(&assignment.definition_id) {
                plan.add_initiative(assignment, initiative, now);
            } else {
                let message = format!("there is no definition or initiative `{}`", assignment.definition_id);
                plan.unlinked.push(Unlinked { assignment_id: assignment.id.clone(), reference_id: String::new(), message });
            }
        }
        plan
    }

    fn add_initiative(&mut self, assignment: &'a Assignment, initiative: &'a Initiative, now: Timestamp) {
        let unlinked = |reference_id: &str, message: String| Unlinked {
            assignment_id: assignment.id.clone(),
            reference_id: reference_id.to_owned(),
            message,
        };
        let values = match initiative.values(&assignment.parameters) {
            Ok(values) => values,
            Err(errors) => {
                self.unlinked.extend(errors.into_iter().map(|error| unlinked("", error.message)));
                return;
            }
        };
        for member in &initiative.members {
            let Some(definition) = self.governance.definition(&member.definition_id) else {
                let message = format!("there is no definition `{}`", member.definition_id);
                self.unlinked.push(unlinked(&member.reference_id, message));
                continue;
            };
            match member.values(&values, now) {
                Ok(own) => self.add(assignment, Some(initiative), &member.reference_id, &member.groups, definition, &own),
                Err(message) => self.unlinked.push(unlinked(&member.reference_id, message)),
            }
        }
    }

    fn add(
        &mut self,
        assignment: &'a Assignment,
        initiative: Option<&'a Initiative>,
        reference_id: &'a str,
        groups: &'a [String],
        definition: &'a Definition,
        given: &Parameters,
    ) {
        match definition.bind(given) {
            Ok(bound) => {
                let Some(part) = self.parts.last_mut() else { return };
                part.items.push(Item { initiative, reference_id, groups, bound });
            }
            Err(errors) => self.unlinked.extend(errors.into_iter().map(|error| Unlinked {
                assignment_id: assignment.id.clone(),
                reference_id: reference_id.to_owned(),
                message: error.message,
            })),
        }
    }

    /// How many definitions are in force somewhere.
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| part.items.len()).sum()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether one of the assignments is in force where a resource lies: no other resource has states.
    pub fn reaches(&self, resource: &Resource) -> bool {
        let scopes = self.governance.hierarchy.of(resource);
        self.parts.iter().any(|part| part.assignment.lies_over(&scopes))
    }

    /// Whether what is asked of a resource may rest on resources of a type (in any case) beside it: when one of them changes, it is
    /// judged again.
    pub fn looks_at(&self, resource: &Resource, type_name: &str) -> bool {
        let looks = |item: &Item<'_>| match &item.bound.definition.rule.details {
            Details::Existence(existence) => existence.type_name.eq_ignore_ascii_case(type_name),
            _ => false,
        };
        self.concerned(resource).iter().any(|(part, items)| {
            let part = self.parts.get(*part);
            part.is_some_and(|part| items.iter().filter_map(|place| part.items.get(*place)).any(looks))
        })
    }

    /// What is asked of a resource and how it stands; definitions that do not concern it, are switched off or are not evaluated are
    /// left out. The input's own parameters are not used.
    pub fn states(&self, input: &Input<'_>, neighbours: &dyn Neighbours) -> Vec<PolicyState<'a>> {
        let resource = input.resource;
        let concerned = self.concerned(resource);
        let scopes = self.governance.hierarchy.of(resource);
        let mut states = Vec::new();
        for (part, items) in concerned.iter() {
            let Some(part) = self.parts.get(*part).filter(|part| part.assignment.lies_over(&scopes)) else { continue };
            for item in items.iter().filter_map(|place| part.items.get(*place)) {
                states.extend(part.state(item, input, &scopes, neighbours));
            }
        }
        states
    }

    /// What may concern resources of a type: everything else is not applicable, whatever else is true of them.
    fn concerned(&self, resource: &Resource) -> Concerned {
        let is_type = |step: Option<&Segment>| matches!(step, Some(Segment::Key(key)) if key.eq_ignore_ascii_case("type"));
        if resource.unreadable.iter().any(|entry| is_type(entry.field.segments().first())) {
            return self.select(|_| true);
        }
        let known = self.types.read().unwrap_or_else(PoisonError::into_inner).get(&resource.type_name).cloned();
        known.unwrap_or_else(|| {
            let found = self.select(|bound| bound.concerns_type(resource.type_name.as_str()));
            let mut types = self.types.write().unwrap_or_else(PoisonError::into_inner);
            types.insert(resource.type_name.clone(), Arc::clone(&found));
            found
        })
    }

    /// The items that are meant, without those that are never evaluated.
    fn select(&self, is_meant: impl Fn(&Bound<'_>) -> bool) -> Concerned {
        let of_part = |part: &Part<'_>| -> Box<[usize]> {
            let bound = part.items.iter().map(|item| &item.bound).enumerate();
            bound.filter(|(_, bound)| bound.definition.elsewhere.is_none() && is_meant(bound)).map(|(place, _)| place).collect()
        };
        let parts = self.parts.iter().map(of_part).enumerate();
        parts.filter(|(_, items)| !items.is_empty()).collect()
    }
}

impl<'a> Part<'a> {
    fn state(
        &self,
        item: &Item<'a>,
        input: &Input<'_>,
        scopes: &[Scope],
        neighbours: &dyn Neighbours,
    ) -> Option<PolicyState<'a>> {
        let (assignment, resource) = (self.assignment, input.resource);
        if !assignment.selects(resource, item.reference_id) {
            return None;
        }
        let effect = assignment.overridden(resource, item.reference_id).unwrap_or(item.bound.effect);
        let policy = item.policy(assignment);
        let around = policy.map(|policy| Around { policy: Some(policy), ..input.around.cloned().unwrap_or_default() });
        let around = around.as_ref().or(input.around);
        let verdict = item.bound.judge_as(effect, &Input { around, ..*input }, neighbours);
        let own = ComplianceState::of(&verdict.state)?;
        let holds = |own: &&&PolicyExemption| own.holds(resource, scopes, &assignment.id, item.reference_id, input.now);
        let exemption = self.exemptions.iter().find(holds).copied();
        Some(PolicyState {
            assignment,
            definition: item.bound.definition,
            initiative: item.initiative,
            reference_id: item.reference_id,
            groups: item.groups,
            effect,
            state: if exemption.is_some() { ComplianceState::Exempt } else { own },
            verdict,
            exemption,
        })
    }
}

impl Item<'_> {
    /// What `policy()` answers; `None` where the definition does not ask.
    fn policy(&self, assignment: &Assignment) -> Option<serde_json::Value> {
        self.bound.definition.asks_policy.then(|| {
            json!({
                "assignmentId": assignment.id,
                "definitionId": self.bound.definition.id,
                "setDefinitionId": self.initiative.map_or("", |initiative| &initiative.id),
                "definitionReferenceId": self.reference_id,
            })
        })
    }
}
