use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `content/standards/ID.yaml`: the tree of a compliance standard's controls, in our own words.
///
/// Which recommendations and baseline rules cover a control stands in them (`compliance:`), in the control (`checks:`), or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StandardFile {
    /// Equals the file's name without `.yaml`: `cis-aws-5.0`.
    pub id: String,
    /// `CIS AWS Foundations Benchmark 5.0`.
    pub title: String,
    /// What it is for, in a sentence.
    pub description: String,
    /// The version of the standard.
    pub version: String,
    /// For which environments it is shown: `aws`, `host`, `azure`, `gcp`, `kubernetes`.
    pub environments: Vec<String>,
    /// The first level of the tree.
    pub controls: Vec<ComplianceControl>,
}

/// A control of a standard, or a section that holds controls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ComplianceControl {
    /// The standard's own number: `2.1.4`, `NS-2`.
    pub id: String,
    /// What it asks for, in our own words.
    pub title: String,
    /// Set on a control that no configuration can answer: what a person has to check, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manual: Option<String>,
    /// Ids of recommendations and baseline rules that cover it, beside those that name it themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<String>,
    /// Controls below this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<ComplianceControl>,
}
