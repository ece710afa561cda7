//! Evaluates resources, applies exemptions, follows assessments over time, computes secure score and compliance.
//!
//! Pure: the same snapshot, content and instant give the same results, byte for byte. Stores nothing and reads no clock.

mod agreement;
mod assess;
mod assessments;
mod attested;
mod beside;
mod compliance;
mod control_states;
mod evaluate;
mod exempt;
mod listing;
mod overall;
mod plans;
mod reread;
mod score;
mod shared;
mod standards;
mod standing;
mod track;

pub use agreement::{Agreement, Alone, Compared, Difference, MatchedBy, OwnVerdict, TakeOver, Why, agreement, take_over};
pub use assess::{Assessed, Known, Reported, assess, assess_for_report};
pub use assessments::Assessments;
pub use attested::AttestationStanding;
pub use beside::{BesideDefender, ScoresBeside, beside_defender};
pub use compliance::{CheckCounts, ComplianceState, ControlResult, StandardResult, check_counts, compliance};
pub use control_states::{JudgedControls, StandardStates, compliance_by_account, standard_states};
pub use evaluate::{evaluate, unlisted};
pub use exempt::apply_exemptions;
pub use listing::not_listed;
pub use overall::{ControlPart, ControlSums, ScoreOutline, ScorePart, outline, overall_of, overall_score};
pub use plans::{PlanState, Plans};
pub use reread::Estate;
pub use score::{score_by_subscription, score_in, secure_score};
pub use standards::{AccountScope, NotAttestable, OtherCheck, Standards};
pub use track::transitions;
