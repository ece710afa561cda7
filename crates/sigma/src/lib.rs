//! Sigma rules: read, compiled together for one log source, and matched against the fields of events that they ask for.
//!
//! The grammar is read by `rsigma-parser`; see <https://sigmahq.io> for the language (specification 2.0). A [`Projection`] takes out
//! of an event only what rules and log sources ask for; an [`Engine`] finds in one pass over each field which of all the texts that
//! rules look for stand in it, and looks only at rules that can fire then. So cost grows with what matches, not with the rules.
//!
//! Semantics: a test on a field that is not there does not hold (so `not` of it does); letters are compared without regard to case
//! unless `cased`; of several values any may match; numbers are compared by their text.

mod compile;
mod engine;
mod expression;
mod literals;
mod pattern;
mod projection;
mod record;
mod rules;
mod scanner;
mod test;
mod value;

pub use compile::{CompileError, Placeholders, SlotOf};
pub use engine::{ConditionId, Engine, EngineBuilder, Reason, RuleId, Scratch};
pub use projection::Projection;
pub use record::{Record, Slot};
pub use rsigma_parser::{
    ConditionExpr, ConditionOperator, CorrelationCondition, CorrelationRule, CorrelationType, Detections, FilterRule,
    FilterRuleTarget, Level, LogSource, SigmaRule,
};
pub use rules::{Rules, parse, parse_selection};
pub use value::Value;
