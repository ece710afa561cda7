use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `content/secrets/ID.yaml`: what a kind of secret looks like in a text.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretFile {
    /// Equals the file's name without `.yaml`.
    pub id: String,
    /// What it is, for people: `AWS access key id`.
    pub title: String,
    /// A regular expression (Rust's `regex`: no look-around, linear time) that finds it anywhere in a text.
    pub pattern: String,
    /// Texts in which it must be found.
    pub found: Vec<String>,
    /// Texts in which it must not be found.
    pub not_found: Vec<String>,
}
