use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `content/score/secure-score.yaml`: the security controls and their maximum scores.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecureScoreFile {
    /// Every security control.
    pub controls: Vec<SecurityControl>,
}

/// A group of recommendations with a maximum score.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecurityControl {
    /// `secure-management-ports`.
    pub id: String,
    /// `Secure management ports`.
    pub title: String,
    /// What the control is about, in a sentence of our own.
    pub description: String,
    /// Points that it can give; 0 for controls that never count.
    pub max_score: u32,
    /// The GUID under which the ARM face shows it.
    pub key: String,
}
