//! Azure Policy: definitions as Azure publishes them, and what they ask of a resource. Does no I/O and reads no clock.
//!
//! The language of conditions is `skywarden-rule`'s; here are the definitions around it: parameters, effects, details.
//! Format: <https://learn.microsoft.com/azure/governance/policy/concepts/definition-structure-basics>.

mod arm;
mod assignment;
mod attestation;
mod change;
mod definition;
mod details;
mod door;
mod effect;
mod elsewhere;
mod estate;
mod exemption;
mod governance;
mod initiative;
mod judge;
mod library;
mod object;
mod panel;
mod parameter;
mod parse;
mod placement;
mod plan;
mod reader;
mod request;
mod restrictions;
mod rollup;
mod scope;
mod selector;
mod settings;

pub use arm::requested_one;
pub use assignment::{Assignment, Enforcement, Message, Override};
pub use attestation::{Attestation, Proof};
pub use change::{Change, Changed};
pub use definition::{Definition, EffectOf, Mode, PolicyRule, PolicyType};
pub use details::{Append, Details, Existence, ExistenceScope, Modification, Operation, OperationKind};
pub use door::{Answer, Decision, Ruling, rule_on};
pub use effect::Effect;
pub use elsewhere::{Elsewhere, Reason};
pub use estate::Estate;
pub use exemption::PolicyExemption;
pub use governance::{ComplianceState, Governance, PolicyState, Unlinked};
pub use initiative::{Group, Initiative, Member};
pub use judge::{Bound, Listed, Neighbours, NoNeighbours, State, Verdict};
pub use library::{Library, Refusal};
pub use object::{ObjectKind, PolicyObject, documents};
pub use panel::{Panel, PanelRuling, Subject};
pub use parameter::{ParameterDeclaration, ParameterKind, written_values};
pub use placement::Placement;
pub use plan::{InForce, Plan};
pub use request::requested;
pub use restrictions::{Limit, Pending, Restriction, Restrictions, restrictions};
pub use rollup::{Rollup, compliant_fraction};
pub use scope::{Hierarchy, Scope};
pub use selector::{Choice, Selector, SelectorKind};
pub use settings::{Origin, Setting};
pub use skywarden_rule::CompileError;
