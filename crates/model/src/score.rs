use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A fraction of resources or points, 0 to 1.
pub type Ratio = f64;

/// The secure score of a scope.
///
/// Formulas: `reference/defender-features.md` section 1a. Per control with `h` healthy, `u` unhealthy and `k` unknown resources
/// and the maximum `m`: `current = m * h / (h + u)`. The range computes the same once with all unknown resources unhealthy and
/// once with all of them healthy; a control of which a listing failed may hide any number of resources, so its range is `[0, m]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecureScore {
    /// Points reached: the sum over controls that have a healthy or unhealthy resource.
    pub current: f64,
    /// Points that could be reached over the same controls.
    pub max: f64,
    /// `current / max`, four decimals; 0 where `max` is 0.
    pub percentage: Ratio,
    /// Resources that are healthy or unhealthy in at least one control: what the subscription weighs among several.
    pub weight: u64,
    /// Resources that are healthy, unhealthy or unknown in at least one control: what its range weighs among several.
    pub range_weight: u64,
    /// Share of (control, resource) pairs with a verdict: `(h + u) / (h + u + k)` summed over scored controls; 1 where there are none.
    pub coverage: Ratio,
    /// `[all unknown unhealthy, all unknown healthy]` as percentages, four decimals.
    pub range: [Ratio; 2],
    /// Every control with a healthy, unhealthy or unknown resource, sorted by maximum descending, then id.
    pub controls: Vec<ControlScore>,
}

/// The score of one security control in a scope.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ControlScore {
    /// The control's id.
    pub id: Arc<str>,
    /// Its title.
    pub title: Arc<str>,
    /// Points that it can give.
    pub max: f64,
    /// Points that it gives.
    pub current: f64,
    /// `current / max`, or healthy over judged resources where `max` is 0.
    pub percentage: Ratio,
    /// `[all unknown unhealthy, all unknown healthy]` in points; `[0, max]` where a listing failed.
    pub range: [f64; 2],
    /// Points to gain by healing every unhealthy resource.
    pub potential_increase: f64,
    /// Resources on which every recommendation of the control is healthy.
    pub healthy: u64,
    /// Resources with at least one unhealthy recommendation.
    pub unhealthy: u64,
    /// Resources without an unhealthy but with an unknown recommendation, and one per listing that failed.
    pub unknown: u64,
    /// Listings that failed, of types that the control is about; each is also counted once in `unknown`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unlisted: u64,
    /// Resources on which no recommendation of the control applies.
    pub not_applicable: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}
