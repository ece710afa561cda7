use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use skywarden_model::{Effort, Severity, UserImpact};

use crate::{PlanNeed, TestCase};

/// `content/recommendations/CLOUD/SERVICE/ID.yaml`: metadata and one rule.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecommendationFile {
    /// Equals the file's name without `.yaml`; unique in the catalog and for ever.
    pub id: String,
    /// The desired state in a sentence without full stop: `S3 buckets block public access`.
    pub title: String,
    /// What can happen to whom if it is not so; two or three sentences.
    pub description: String,
    /// The resource type that it judges.
    #[serde(rename = "type")]
    pub type_name: String,
    /// How bad a violation is.
    #[schemars(with = "String")]
    pub severity: Severity,
    /// The security control that it belongs to: an id of `content/score/secure-score.yaml`.
    pub control: String,
    /// The GUID of the reference's recommendation, if it has one; else it is derived from the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assessment_key: Option<String>,
    /// Defender's categories.
    pub categories: Vec<Category>,
    /// What an attacker gains.
    pub threats: Vec<Threat>,
    /// How much work the remediation is.
    #[schemars(with = "String")]
    pub effort: Effort,
    /// How much users notice of the remediation.
    #[schemars(with = "String")]
    pub user_impact: UserImpact,
    /// Only `stable` counts in the score; `preview` is evaluated and shown; `deprecated` is not evaluated.
    #[serde(default)]
    pub maturity: Maturity,
    /// The plan that it belongs to: where that is off, nothing is judged by it. Absent: it is free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanNeed>,
    /// Controls that it covers, by standard id: `{ mcsb-v1: [NS-2], cis-aws-5.0: ["2.1.4"] }`.
    #[serde(default)]
    pub compliance: BTreeMap<String, Vec<String>>,
    /// Titles of Defender's recommendations that this one answers; what it is compared with in docs/reference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub defender: Vec<String>,
    /// Built-in definitions of Azure Policy that say the same, by their GUIDs; what it is compared with on the same resources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub azure_policies: Vec<String>,
    /// Former ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Values that a user's folder may override, readable in the rule as `[parameters('name')]`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, ParameterDeclaration>,
    /// Condition (Azure Policy grammar): where it does not hold the resource is NotApplicable. Absent: applies to all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applies_if: Option<Value>,
    /// Condition (Azure Policy grammar): where it holds the resource is Unhealthy. Exactly one of this and `findings_from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub violated_if: Option<Value>,
    /// Where nothing is violated only because nothing is known: what would be Healthy is Unknown if one of them holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_if: Vec<UnknownIf>,
    /// The verdict is made of one finding per rule of a baseline: Unhealthy if any is, else Unknown if any is, else Healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings_from: Option<FindingsFrom>,
    /// How to mend it.
    pub remediation: Remediation,
    /// At least one Healthy, one Unhealthy and one Unknown (none where `findings_from` is used).
    #[serde(default)]
    pub tests: Vec<TestCase>,
}

/// A case in which the fields can be read and still say nothing: no scan ever ran, nobody looked inside.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnknownIf {
    /// Why nothing is known, as people read it beside the verdict: part of a sentence that begins in lower case, without full stop.
    pub because: String,
    /// Condition (Azure Policy grammar): where it holds, what would be Healthy is Unknown; Unhealthy and NotApplicable stay.
    pub when: Value,
}

/// A value that a rule reads and a user may override.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ParameterDeclaration {
    /// What values it takes.
    #[serde(rename = "type")]
    pub parameter_type: ParameterType,
    /// The value where nobody overrides it.
    pub default: Value,
    /// What it does, in a sentence.
    pub description: String,
    /// The only values allowed, if restricted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_values: Option<Vec<Value>>,
}

/// Azure Policy's parameter types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum ParameterType {
    String,
    Integer,
    Float,
    Boolean,
    Array,
    Object,
    DateTime,
}

/// Where an assessment's findings come from.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FindingsFrom {
    /// A folder of `content/baselines`: `linux`.
    pub baseline: String,
}

/// How to mend a violation. At least one of the three texts besides `steps` should be there.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Remediation {
    /// Words for the provider's console or, for hosts, for the administrator.
    pub steps: String,
    /// One command line; `{name}`, `{id}`, `{region}`, `{account}` stand for the resource's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cli: Option<String>,
    /// A snippet of Terraform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terraform: Option<String>,
    /// Further reading.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
}

/// Whether a recommendation counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Maturity {
    /// Counts in the score.
    #[default]
    Stable,
    /// Evaluated and shown, never in the score.
    Preview,
    /// Kept for its id only.
    Deprecated,
}

/// Defender's categories of recommendations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Category {
    Compute,
    Networking,
    Data,
    IdentityAndAccess,
    IoT,
    Container,
    AppServices,
}

/// Defender's threats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Threat {
    AccountBreach,
    DataExfiltration,
    DataSpillage,
    MaliciousInsider,
    ElevationOfPrivilege,
    ThreatResistance,
    MissingCoverage,
    DenialOfService,
}
