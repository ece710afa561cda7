//! How single verdicts count together: in a control of the score, in a control of a standard.

use skywarden_model::{Cause, ExemptionCategory, Status};

use crate::exempt::exemption_category;

/// The verdict as it counts: what is mitigated elsewhere is healthy.
pub(crate) fn counted(status: Status, cause: Option<&Cause>) -> Status {
    match exemption_category(cause) {
        Some(ExemptionCategory::Mitigated) => Status::Healthy,
        Some(ExemptionCategory::Waiver) => Status::NotApplicable,
        None => status,
    }
}

/// Unhealthy before Unknown before Healthy before NotApplicable.
pub(crate) fn worse(left: Status, right: Status) -> Status {
    let rank = |status| match status {
        Status::NotApplicable => 0,
        Status::Healthy => 1,
        Status::Unknown => 2,
        Status::Unhealthy => 3,
    };
    if rank(right) > rank(left) { right } else { left }
}
