use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::FieldType;

/// `content/facts/ID.yaml`: what a fact that Rust computes looks like, so that rules over it can be checked.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FactFile {
    /// Equals the file's name without `.yaml`; rules read it as `facts.ID`.
    pub id: Arc<str>,
    /// What it says, how it is computed, in a few sentences.
    pub description: String,
    /// The types that have it.
    #[serde(default)]
    pub types: Vec<String>,
    /// Further types that have it, told by their collectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub also: Option<Also>,
    /// Its fields; those of a relation follow from what it takes.
    #[serde(default)]
    pub fields: BTreeMap<String, FieldType>,
    /// Where the fact is what is known of other resources: no Rust computes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub related: Option<Related>,
    /// Groups of events that must reach somebody, for the fact `monitoring`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub probes: BTreeMap<String, Vec<serde_json::Value>>,
    /// For the fact `permissions`: the ways to become administrator, each with the actions that it needs together.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub escalations: BTreeMap<String, Vec<String>>,
    /// For the fact `permissions`: what the policies grant that the provider itself writes; no source carries their text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_policies: Option<ManagedPolicies>,
}

/// What the provider's own policies grant on several resources, as far as facts ask: single actions and whole services.
///
/// A policy that is not named is one that nobody has read yet.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ManagedPolicies {
    /// The day of which their versions are.
    pub as_of: String,
    /// The actions that the lists tell about, beside every action of a service (`s3:*`). `iam:PassRole to SERVICE` is that of
    /// passing a role to that service.
    pub about: Vec<String>,
    /// Policy -> what it allows.
    pub allow: BTreeMap<String, Vec<String>>,
    /// Policy -> what it denies on every resource.
    pub deny: BTreeMap<String, Vec<String>>,
    /// The policies that do neither.
    pub neither: Vec<String>,
}

/// Types that are told by a property of their collectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Also {
    /// Every type whose collector names its `policy`.
    Policy,
    /// Every type whose collector names its `exposure` or `azure_exposure`.
    Exposure,
}

/// Other resources that belong to one: the flow logs of a network, the trail's bucket, the alarms of a metric filter.
///
/// The fact has `any` (is there one), `n` (how many) and `resources`, each with `id`, `name` and what is taken of it. If their
/// listing failed, or where they point could not be read, what is not certain is unreadable.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Related {
    /// Their type.
    pub to: String,
    /// All must hold.
    pub on: Vec<Match>,
    /// How far they may lie apart.
    #[serde(default)]
    pub within: Within,
    /// Fields of theirs that the fact carries: paths below `properties`, or `facts.FACT` of a fact that is not a relation.
    #[serde(default)]
    pub take: Vec<String>,
}

/// Two values of which one is the same. A side is a path below `properties` (`Attachments[*].InstanceId` means any), `id`, `name`,
/// `account`, `region`, or a template with braces over these: `arn:aws:s3:::{S3BucketName}`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// Of the resource that has the fact.
    pub ours: String,
    /// Of the other.
    pub theirs: String,
}

/// How far related resources may lie apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Within {
    /// The same region of the same account, or either is global.
    #[default]
    Region,
    /// The same account.
    Account,
}
