use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError, RwLock},
};

use serde_json::{Value, json};
use skywarden_model::{Resource, Segment, Timestamp, TypeName};
use skywarden_rule::{Around, Input, Parameters, field_path};

use crate::{
    Assignment, Attestation, Bound, ComplianceState, Definition, Details, Effect, Enforcement, Governance, Initiative,
    Neighbours, PolicyExemption, PolicyState, Scope, State, Unlinked, Verdict,
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
    /// What people attested under it.
    attestations: Vec<&'a Attestation>,
    items: Vec<Item<'a>>,
}

#[derive(Debug)]
struct Item<'a> {
    initiative: Option<&'a Initiative>,
    reference_id: &'a str,
    groups: &'a [String],
    bound: Bound<'a>,
}

/// A definition that is in force over a resource, with its values.
#[derive(Debug, Clone)]
pub struct InForce<'a> {
    /// The assignment.
    pub assignment: &'a Assignment,
    /// The initiative through which it is assigned, if it is.
    pub initiative: Option<&'a Initiative>,
    /// Its reference id in the initiative; empty without one.
    pub reference_id: &'a str,
    /// The definition, its values and its effect.
    pub bound: Bound<'a>,
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
            let is_own = |own: &&Attestation| own.assignment_id.eq_ignore_ascii_case(&assignment.id);
            let attestations = governance.attestations().filter(is_own).collect();
            plan.parts.push(Part { assignment, exemptions, attestations, items: Vec::new() });
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
                Ok(own) => {
                    let n_before = self.unlinked.len();
                    self.add(assignment, Some(initiative), &member.reference_id, &member.groups, definition, &own);
                    for entry in self.unlinked.iter_mut().skip(n_before) {
                        entry.message.push_str(&member.other_version(definition));
                    }
                }
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

    /// Types in lower case that definitions look up beside a resource, each with the ids in lower case of their assignments.
    pub fn looked_up(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut types: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for part in &self.parts {
            for item in &part.items {
                if let Details::Existence(existence) = &item.bound.definition.rule.details {
                    types.entry(existence.type_name.to_lowercase()).or_default().insert(part.assignment.id.to_lowercase());
                }
            }
        }
        types
    }

    /// Ids in lower case of the assignments under which a state can change with time alone.
    pub fn asking_time(&self) -> BTreeSet<String> {
        let asks = |part: &&Part<'_>| part.items.iter().any(|item| item.bound.definition.asks_time);
        self.parts.iter().filter(asks).map(|part| part.assignment.id.to_lowercase()).collect()
    }

    /// The definitions that would be asked about a resource that is about to be made, with their effects after overrides; those of
    /// assignments that are not enforced are left out.
    pub fn in_force(&self, resource: &Resource) -> Vec<InForce<'a>> {
        self.in_force_within(&self.governance.hierarchy.of(resource), resource)
    }

    /// The same of something that would be made anywhere below a scope.
    pub fn in_force_at(&self, scope: &Scope, resource: &Resource) -> Vec<InForce<'a>> {
        self.in_force_within(&self.governance.hierarchy.above(scope), resource)
    }

    fn in_force_within(&self, scopes: &[Scope], resource: &Resource) -> Vec<InForce<'a>> {
        let mut found = Vec::new();
        for part in self.parts.iter().filter(|part| part.assignment.lies_over(scopes)) {
            let assignment = part.assignment;
            if assignment.enforcement != Enforcement::Default {
                continue;
            }
            for item in part.items.iter().filter(|item| assignment.selects(resource, item.reference_id)) {
                let effect = assignment.overridden(resource, item.reference_id).unwrap_or(item.bound.effect);
                let mut bound = item.bound.clone();
                bound.effect = effect;
                found.push(InForce { assignment, initiative: item.initiative, reference_id: item.reference_id, bound });
            }
        }
        found
    }

    /// What is asked of a resource and how it stands; definitions that do not concern it, are switched off or are not evaluated are
    /// left out. The input's own parameters are not used.
    pub fn states(&self, input: &Input<'_>, neighbours: &dyn Neighbours) -> Vec<PolicyState<'a>> {
        let resource = input.resource;
        let concerned = self.concerned(resource);
        let scopes = self.governance.hierarchy.of(resource);
        let mut states = Vec::new();
        let mut judged_by = Vec::new();
        for (part, items) in concerned.iter() {
            let Some(part) = self.parts.get(*part).filter(|part| part.assignment.lies_over(&scopes)) else { continue };
            for item in items.iter().filter_map(|place| part.items.get(*place)) {
                if let Some(state) = part.state(item, input, &scopes, neighbours) {
                    states.push(state);
                    judged_by.push(&item.bound);
                }
            }
        }
        mark_conflicts(&mut states, &judged_by, input);
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

/// Where two definitions would set one field to different values, neither can be met: Azure's state `Conflicting`.
fn mark_conflicts(states: &mut [PolicyState<'_>], judged_by: &[&Bound<'_>], input: &Input<'_>) {
    let changes_it = |state: &PolicyState<'_>| {
        matches!(state.effect, Effect::Append | Effect::Modify) && state.verdict.state == State::NonCompliant
    };
    if states.iter().filter(|state| changes_it(state)).count() < 2 {
        return;
    }
    let mut wanted: BTreeMap<String, Vec<(usize, Option<Value>)>> = BTreeMap::new();
    for (place, (state, bound)) in states.iter().zip(judged_by).enumerate() {
        if !changes_it(state) {
            continue;
        }
        // What can't be worked out contradicts nothing.
        let Ok(changed) = bound.change(input) else { continue };
        for change in changed.changes.into_iter().chain(changed.conflicts) {
            let field = field_path(&change.field).map_or(change.field, |path| path.to_string());
            wanted.entry(field.to_lowercase()).or_default().push((place, change.after));
        }
    }
    let mut conflicting = BTreeSet::new();
    for asked in wanted.values() {
        let agree = asked.windows(2).all(|pair| matches!(pair, [(_, one), (_, other)] if one == other));
        if !agree {
            conflicting.extend(asked.iter().map(|(place, _)| *place));
        }
    }
    for (_, state) in states.iter_mut().enumerate().filter(|(place, _)| conflicting.contains(place)) {
        state.own = ComplianceState::Conflicting;
        if state.state != ComplianceState::Exempt {
            state.state = ComplianceState::Conflicting;
        }
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
        let attestation = self.attestation(item, &verdict, input);
        let own = attestation.map(|own| own.state).or_else(|| ComplianceState::of(&verdict.state))?;
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
            own,
            verdict,
            exemption,
            attestation,
        })
    }

    /// What people found out where only they can; of several the one that was looked at last.
    fn attestation(&self, item: &Item<'_>, verdict: &Verdict, input: &Input<'_>) -> Option<&'a Attestation> {
        if !matches!(verdict.state, State::Manual(_)) {
            return None;
        }
        let holds = |own: &&&Attestation| own.holds(input.resource, &self.assignment.id, item.reference_id, input.now);
        self.attestations.iter().filter(holds).max_by_key(|own| own.assessed_at).copied()
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
