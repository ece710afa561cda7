use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use skywarden_model::{Resource, Timestamp};
use skywarden_rule::{Around, Input, Parameters};

use crate::{
    Assignment, Attestation, Bound, Definition, Details, Effect, Enforcement, Hierarchy, Initiative, Neighbours, PolicyExemption,
    Scope, State, Verdict,
};

/// Definitions, initiatives and where they are in force.
#[derive(Debug, Default)]
pub struct Governance {
    definitions: BTreeMap<String, Definition>,
    initiatives: BTreeMap<String, Initiative>,
    assignments: BTreeMap<String, Assignment>,
    exemptions: BTreeMap<String, PolicyExemption>,
    attestations: BTreeMap<String, Attestation>,
    /// Which management groups and subscriptions lie where.
    pub hierarchy: Hierarchy,
}

/// Something that can't be put in force, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unlinked {
    /// The assignment.
    pub assignment_id: String,
    /// The definition of the initiative; empty if it is the whole assignment.
    pub reference_id: String,
    /// Why.
    pub message: String,
}

/// Every definition that is in force, with its values, in order of the assignments and of their initiatives.
#[derive(Debug)]
pub struct Plan<'a> {
    governance: &'a Governance,
    items: Vec<Item<'a>>,
    /// What could not be put in force: told, never silently left out.
    pub unlinked: Vec<Unlinked>,
}

#[derive(Debug)]
struct Item<'a> {
    assignment: &'a Assignment,
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

/// What one definition of one assignment says of a resource.
#[derive(Debug, Clone)]
pub struct PolicyState<'a> {
    /// The assignment.
    pub assignment: &'a Assignment,
    /// The definition.
    pub definition: &'a Definition,
    /// The initiative through which it is assigned, if it is.
    pub initiative: Option<&'a Initiative>,
    /// Its reference id in the initiative; empty without one.
    pub reference_id: &'a str,
    /// The groups of the initiative that it belongs to.
    pub groups: &'a [String],
    /// The effect, after overrides.
    pub effect: Effect,
    /// The state, after exemptions.
    pub state: ComplianceState,
    /// The state without exemptions.
    pub own: ComplianceState,
    /// What was found, before attestations and exemptions, with what it rests on.
    pub verdict: Verdict,
    /// The exemption that holds.
    pub exemption: Option<&'a PolicyExemption>,
    /// For a manual definition: the attestation that holds.
    pub attestation: Option<&'a Attestation>,
}

/// Azure's compliance states, the one that prevails first; `Unread` is ours: it could not be found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ComplianceState {
    /// It violates the definition.
    NonCompliant,
    /// It could not be found out whether it does.
    Unread,
    /// It does not.
    Compliant,
    /// Two assignments ask for what excludes each other.
    Conflicting,
    /// `denyAction` protects it.
    Protected,
    /// A person set it aside.
    Exempt,
    /// Nobody has attested it yet.
    Unknown,
}

impl Governance {
    /// Adds a definition; one of the same id is replaced and returned.
    pub fn add_definition(&mut self, definition: Definition) -> Option<Definition> {
        self.definitions.insert(definition.id.to_lowercase(), definition)
    }

    /// Adds an initiative; one of the same id is replaced and returned.
    pub fn add_initiative(&mut self, initiative: Initiative) -> Option<Initiative> {
        self.initiatives.insert(initiative.id.to_lowercase(), initiative)
    }

    /// Adds an assignment; one of the same id is replaced and returned.
    pub fn add_assignment(&mut self, assignment: Assignment) -> Option<Assignment> {
        self.assignments.insert(assignment.id.to_lowercase(), assignment)
    }

    /// Adds an exemption; one of the same id is replaced and returned.
    pub fn add_exemption(&mut self, exemption: PolicyExemption) -> Option<PolicyExemption> {
        self.exemptions.insert(exemption.id.to_lowercase(), exemption)
    }

    /// Adds an attestation; one of the same id is replaced and returned.
    pub fn add_attestation(&mut self, attestation: Attestation) -> Option<Attestation> {
        self.attestations.insert(attestation.id.to_lowercase(), attestation)
    }

    /// The definition with an id, in any case.
    pub fn definition(&self, id: &str) -> Option<&Definition> {
        self.definitions.get(&id.to_lowercase())
    }

    /// The initiative with an id, in any case.
    pub fn initiative(&self, id: &str) -> Option<&Initiative> {
        self.initiatives.get(&id.to_lowercase())
    }

    /// All definitions, in order of their ids.
    pub fn definitions(&self) -> impl Iterator<Item = &Definition> {
        self.definitions.values()
    }

    /// All initiatives, in order of their ids.
    pub fn initiatives(&self) -> impl Iterator<Item = &Initiative> {
        self.initiatives.values()
    }

    /// All assignments, in order of their ids.
    pub fn assignments(&self) -> impl Iterator<Item = &Assignment> {
        self.assignments.values()
    }

    /// The assignment with an id, in any case.
    pub fn assignment(&self, id: &str) -> Option<&Assignment> {
        self.assignments.get(&id.to_lowercase())
    }

    /// All exemptions, in order of their ids.
    pub fn exemptions(&self) -> impl Iterator<Item = &PolicyExemption> {
        self.exemptions.values()
    }

    /// All attestations, in order of their ids.
    pub fn attestations(&self) -> impl Iterator<Item = &Attestation> {
        self.attestations.values()
    }

    /// The instants after one and up to another at which an exemption or an attestation ends, each with its assignment's id in
    /// lower case.
    pub fn ends(&self, after: Timestamp, until: Timestamp) -> BTreeMap<Timestamp, BTreeSet<String>> {
        let exemptions = self.exemptions.values().map(|own| (own.expires_on, &own.assignment_id));
        let attestations = self.attestations.values().map(|own| (own.expires_on, &own.assignment_id));
        let mut ends: BTreeMap<Timestamp, BTreeSet<String>> = BTreeMap::new();
        for (end, assignment) in exemptions.chain(attestations) {
            if let Some(end) = end.filter(|end| after < *end && *end <= until) {
                ends.entry(end).or_default().insert(assignment.to_lowercase());
            }
        }
        ends
    }

    /// Puts everything in force that can be.
    pub fn plan(&self, now: Timestamp) -> Plan<'_> {
        self.plan_of(now, |_| true)
    }

    /// Puts some assignments in force.
    pub fn plan_of(&self, now: Timestamp, is_meant: impl Fn(&Assignment) -> bool) -> Plan<'_> {
        let mut plan = Plan { governance: self, items: Vec::new(), unlinked: Vec::new() };
        for assignment in self.assignments.values().filter(|assignment| is_meant(assignment)) {
            if let Some(definition) = self.definition(&assignment.definition_id) {
                plan.add(assignment, None, "", &[], definition, &assignment.parameters);
            } else if let Some(initiative) = self.initiative(&assignment.definition_id) {
                plan.add_initiative(assignment, initiative, now);
            } else {
                let message = format!("there is no definition or initiative `{}`", assignment.definition_id);
                plan.unlinked.push(Unlinked { assignment_id: assignment.id.clone(), reference_id: String::new(), message });
            }
        }
        plan
    }
}

impl<'a> Plan<'a> {
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
            Ok(bound) => self.items.push(Item { assignment, initiative, reference_id, groups, bound }),
            Err(errors) => self.unlinked.extend(errors.into_iter().map(|error| Unlinked {
                assignment_id: assignment.id.clone(),
                reference_id: reference_id.to_owned(),
                message: error.message,
            })),
        }
    }

    /// How many definitions are in force somewhere.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Types in lower case that definitions look up beside a resource, each with the ids in lower case of their assignments.
    pub fn looked_up(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut types: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for item in &self.items {
            if let Details::Existence(existence) = &item.bound.definition.rule.details {
                types.entry(existence.type_name.to_lowercase()).or_default().insert(item.assignment.id.to_lowercase());
            }
        }
        types
    }

    /// Ids in lower case of the assignments under which a state can change with time alone.
    pub fn asking_time(&self) -> BTreeSet<String> {
        let asking = self.items.iter().filter(|item| item.bound.definition.asks_time);
        asking.map(|item| item.assignment.id.to_lowercase()).collect()
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
        for item in &self.items {
            let is_enforced = item.assignment.enforcement == Enforcement::Default;
            if is_enforced && item.assignment.covers(resource, scopes, item.reference_id) {
                let effect = item.assignment.overridden(resource, item.reference_id).unwrap_or(item.bound.effect);
                found.push(InForce {
                    assignment: item.assignment,
                    initiative: item.initiative,
                    reference_id: item.reference_id,
                    bound: Bound { effect, ..item.bound.clone() },
                });
            }
        }
        found
    }

    /// What is asked of a resource and how it stands; definitions that do not concern it, are switched off or are not evaluated are
    /// left out. The input's own parameters are not used.
    pub fn states(&self, input: &Input<'_>, neighbours: &dyn Neighbours) -> Vec<PolicyState<'a>> {
        let resource = input.resource;
        let scopes = self.governance.hierarchy.of(resource);
        let mut states = Vec::new();
        for item in &self.items {
            if !item.assignment.covers(resource, &scopes, item.reference_id) {
                continue;
            }
            let effect = item.assignment.overridden(resource, item.reference_id).unwrap_or(item.bound.effect);
            let around = item.policy().map(|policy| Around { policy: Some(policy), ..input.around.cloned().unwrap_or_default() });
            let around = around.as_ref().or(input.around);
            let verdict = item.bound.judge_as(effect, &Input { around, ..*input }, neighbours);
            let attestation = self.attestation(item, &verdict, resource, input.now);
            let found = attestation.map(|attestation| attestation.state).or_else(|| ComplianceState::of(&verdict.state));
            let Some(own) = found else { continue };
            let exemption = self.exemption(item, resource, &scopes, input.now);
            states.push(PolicyState {
                assignment: item.assignment,
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
            });
        }
        states
    }

    /// What people found out where only they can; of several the one that was looked at last.
    fn attestation(&self, item: &Item<'_>, verdict: &Verdict, resource: &Resource, now: Timestamp) -> Option<&'a Attestation> {
        if !matches!(verdict.state, State::Manual(_)) {
            return None;
        }
        let holds = |own: &&Attestation| own.holds(resource, &item.assignment.id, item.reference_id, now);
        self.governance.attestations.values().filter(holds).max_by_key(|own| own.assessed_at)
    }

    fn exemption(&self, item: &Item<'_>, resource: &Resource, scopes: &[Scope], now: Timestamp) -> Option<&'a PolicyExemption> {
        let holds = |own: &&PolicyExemption| own.holds(resource, scopes, &item.assignment.id, item.reference_id, now);
        self.governance.exemptions.values().find(holds)
    }
}

impl Item<'_> {
    /// What `policy()` answers; `None` where the definition does not ask.
    fn policy(&self) -> Option<serde_json::Value> {
        self.bound.definition.asks_policy.then(|| {
            json!({
                "assignmentId": self.assignment.id,
                "definitionId": self.bound.definition.id,
                "setDefinitionId": self.initiative.map_or("", |initiative| &initiative.id),
                "definitionReferenceId": self.reference_id,
            })
        })
    }
}

/// States as they are written, Azure's where it has the state.
const STATES: [(ComplianceState, &str); 7] = [
    (ComplianceState::NonCompliant, "NonCompliant"),
    (ComplianceState::Unread, "Unread"),
    (ComplianceState::Compliant, "Compliant"),
    (ComplianceState::Conflicting, "Conflict"),
    (ComplianceState::Protected, "Protected"),
    (ComplianceState::Exempt, "Exempt"),
    (ComplianceState::Unknown, "Unknown"),
];

impl ComplianceState {
    /// As it is written.
    pub fn name(self) -> &'static str {
        STATES.iter().find(|(state, _)| *state == self).map_or("", |(_, name)| name)
    }

    /// Its place in the order in which states prevail, from 0.
    pub fn rank(self) -> i64 {
        self as i64
    }

    /// The state of a rank.
    pub fn from_rank(rank: i64) -> Option<Self> {
        STATES.iter().find(|(state, _)| state.rank() == rank).map(|(state, _)| *state)
    }

    /// The state that a name in any case means.
    pub fn from_name(name: &str) -> Option<Self> {
        STATES.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(state, _)| *state)
    }

    /// The state of a verdict; `None` for what has none.
    fn of(state: &State) -> Option<Self> {
        match state {
            State::NonCompliant => Some(Self::NonCompliant),
            State::Compliant => Some(Self::Compliant),
            State::Unknown => Some(Self::Unread),
            State::Protected => Some(Self::Protected),
            State::Manual(text) if text.eq_ignore_ascii_case("Compliant") => Some(Self::Compliant),
            State::Manual(text) if text.eq_ignore_ascii_case("Non-compliant") => Some(Self::NonCompliant),
            State::Manual(_) => Some(Self::Unknown),
            State::NotApplicable | State::Disabled | State::NotEvaluated(_) => None,
        }
    }
}
