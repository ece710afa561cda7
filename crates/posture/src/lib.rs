//! Evaluates resources, applies exemptions, follows assessments over time, computes secure score and compliance.
//!
//! Pure: the same snapshot, content and instant give the same results, byte for byte. Stores nothing and reads no clock.

mod compliance;
mod evaluate;
mod exempt;
mod listing;
mod score;
mod standing;
mod track;

pub use compliance::{ComplianceState, ControlResult, StandardResult, compliance};
pub use evaluate::{evaluate, unlisted};
pub use exempt::apply_exemptions;
pub use listing::not_listed;
pub use score::{overall_percentage, score_by_subscription, secure_score};
pub use track::transitions;
