//! The nouns of Skywarden and nothing else: resources, snapshots with their coverage, assessments with their evidence,
//! scores, exemptions, attestations, and the pure mapping between native ids and ARM ids.
//!
//! This crate does no I/O, reads no clock and knows neither rules nor clouds.

mod arm;
mod assessment;
mod attestation;
mod change;
mod connector;
mod coverage;
mod defender;
mod exemption;
mod facts;
mod field;
mod resource;
mod score;
mod severity;
mod snapshot;
mod transition;

pub use arm::{ArmId, ArmIdError, assessment_key, native_id_of, subscription_id, subscription_of};
pub use assessment::{Actual, Assessment, AssessmentRef, Cause, CauseCode, Evidence, Finding, Status};
pub use attestation::{Attestation, AttestationError, AttestationScope, AttestedEvidence, AttestedState, Withdrawal};
pub use change::{ChangeSet, Changed, Reread, RereadOutcome};
pub use connector::{Connector, ConnectorId, Environment, setting};
pub use coverage::{Coverage, DeniedRead, ListOutcome};
pub use defender::{DefenderExempted, DefenderExemption, DefenderPart, DefenderRecommendation, DefenderScore, DefenderView};
pub use exemption::{Exemption, ExemptionCategory, ExemptionScope};
pub use facts::{Fact, FactSheet, FactTable, fact_object};
pub use field::{FieldPath, FieldPathError, Segment};
pub use resource::{
    Carried, ENVELOPE, Placed, Resource, ResourceHead, ResourceId, Scope, TypeName, Unreadable, UnreadableKind, UnreadableReason,
};
pub use score::{ControlScore, Ratio, SecureScore};
pub use severity::{Effort, Severity, UserImpact};
pub use snapshot::Snapshot;
pub use transition::{TrackedState, Transition, TransitionKind};

/// An instant in UTC with nanosecond precision; written as RFC 3339.
pub type Timestamp = jiff::Timestamp;

/// A day of the calendar; written as `2026-11-25`.
pub type Date = jiff::civil::Date;

/// The day of an instant in UTC.
pub fn day_of(instant: Timestamp) -> Date {
    jiff::tz::offset(0).to_datetime(instant).date()
}

/// A span of time between two instants.
pub type SignedDuration = jiff::SignedDuration;
