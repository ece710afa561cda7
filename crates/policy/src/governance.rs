use std::collections::{BTreeMap, BTreeSet};

use skywarden_model::Timestamp;

use crate::{Assignment, Attestation, Definition, Effect, Hierarchy, Initiative, Plan, PolicyExemption, State, Verdict};

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

    /// The exemption with an id, in any case.
    pub fn exemption(&self, id: &str) -> Option<&PolicyExemption> {
        self.exemptions.get(&id.to_lowercase())
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
        self.plan_where(now, |_| true)
    }

    /// Puts some assignments in force.
    pub fn plan_where(&self, now: Timestamp, is_meant: impl Fn(&Assignment) -> bool) -> Plan<'_> {
        Plan::new(self, self.assignments.values().filter(|assignment| is_meant(assignment)), now)
    }

    /// Puts one assignment in force, by its id in any case.
    pub fn plan_of(&self, assignment_id: &str, now: Timestamp) -> Plan<'_> {
        self.plan_where(now, |assignment| assignment.id.eq_ignore_ascii_case(assignment_id))
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
    pub(crate) fn of(state: &State) -> Option<Self> {
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
