use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use skywarden_model::Severity;

use crate::{ParameterDeclaration, PlanNeed, Remediation, TestCase, UnknownIf};

/// `content/baselines/PLATFORM/ID.yaml`: one hardening rule of an operating system; a finding of the baseline recommendation.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BaselineRuleFile {
    /// Equals the file's name without `.yaml`.
    pub id: String,
    /// Ids that it had before; an id is never used for something else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// The desired state: `sshd refuses root logins`.
    pub title: String,
    /// What can happen if it is not so.
    pub description: String,
    /// The resource type that it judges: `Skywarden.Host/machines`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// How bad a violation is.
    #[schemars(with = "String")]
    pub severity: Severity,
    /// The plan that it belongs to, beside that of the recommendation whose finding it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanNeed>,
    /// Controls that it covers, by standard id: `{ cis-debian-12: ["5.1.20"] }`.
    #[serde(default)]
    pub compliance: BTreeMap<String, Vec<String>>,
    /// Values that a user's folder may override.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, ParameterDeclaration>,
    /// Where it does not hold the finding is NotApplicable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applies_if: Option<Value>,
    /// Where it holds the finding is Unhealthy.
    pub violated_if: Value,
    /// Where nothing is violated only because nothing is known: what would be Healthy is Unknown if one of them holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_if: Vec<UnknownIf>,
    /// How to mend it.
    pub remediation: Remediation,
    /// At least one Healthy, one Unhealthy and one Unknown.
    #[serde(default)]
    pub tests: Vec<TestCase>,
}
