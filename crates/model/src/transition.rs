use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{ResourceId, Status, Timestamp};

/// A change of an assessment between two runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transition {
    /// The recommendation.
    pub recommendation: Arc<str>,
    /// The resource.
    pub resource: ResourceId,
    /// The verdict before; `None` if there was none.
    pub from: Option<Status>,
    /// The verdict now; `None` if the resource is gone.
    pub to: Option<Status>,
    /// What it means.
    pub kind: TransitionKind,
    /// When the run that saw it began.
    pub at: Timestamp,
}

/// What a change of a verdict means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TransitionKind {
    /// It became Unhealthy for the first time.
    Opened,
    /// It was Unhealthy and is now Healthy.
    Resolved,
    /// It became Unhealthy after having been resolved.
    Reopened,
    /// Any other change of the verdict.
    Changed,
    /// The resource no longer exists.
    Gone,
    /// The resource was not listed in this run; what is known of it is old.
    Stale,
}

/// What is remembered of an assessment between runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrackedState {
    /// The recommendation.
    pub recommendation: Arc<str>,
    /// The resource.
    pub resource: ResourceId,
    /// The last verdict.
    pub status: Status,
    /// The last verdict that was not Unknown; `None` if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_known: Option<Status>,
    /// Whether it was Unhealthy and then Healthy at some time.
    pub was_resolved: bool,
    /// When it was first evaluated.
    pub first_evaluated_at: Timestamp,
    /// When the verdict last changed.
    pub status_changed_at: Timestamp,
}
