use std::collections::BTreeMap;

use skywarden_model::Timestamp;

use crate::{Assignment, Definition, Effect, Hierarchy, Initiative, Plan, PolicyExemption, State, Verdict};

/// Definitions, initiatives and where they are in force.
#[derive(Debug, Default)]
pub struct Governance {
    definitions: BTreeMap<String, Definition>,
    initiatives: BTreeMap<String, Initiative>,
    assignments: BTreeMap<String, Assignment>,
    exemptions: BTreeMap<String, PolicyExemption>,
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
    /// The state without exemptions, with what it rests on.
    pub verdict: Verdict,
    /// The exemption that holds.
    pub exemption: Option<&'a PolicyExemption>,
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

    /// The definition with an id, in any case.
    pub fn definition(&self, id: &str) -> Option<&Definition> {
        self.definitions.get(&id.to_lowercase())
    }

    /// The initiative with an id, in any case.
    pub fn initiative(&self, id: &str) -> Option<&Initiative> {
        self.initiatives.get(&id.to_lowercase())
    }

    /// All assignments, in order of their ids.
    pub fn assignments(&self) -> impl Iterator<Item = &Assignment> {
        self.assignments.values()
    }

    /// Puts everything in force that can be.
    pub fn plan(&self, now: Timestamp) -> Plan<'_> {
        Plan::new(self, self.assignments.values(), now)
    }

    /// Puts one assignment in force, as after it was changed; its id in any case. Nothing is in force if there is none.
    pub fn plan_of(&self, assignment_id: &str, now: Timestamp) -> Plan<'_> {
        Plan::new(self, self.assignments.get(&assignment_id.to_lowercase()), now)
    }

    pub(crate) fn exemptions(&self) -> impl Iterator<Item = &PolicyExemption> {
        self.exemptions.values()
    }
}

impl ComplianceState {
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
