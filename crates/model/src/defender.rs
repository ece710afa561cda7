use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{ExemptionCategory, ResourceId, Timestamp, UnreadableReason};

/// What Defender for Cloud said of a subscription when it was last asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DefenderView {
    /// Its recommendations with their verdicts, by assessment key in lower case.
    #[serde(default)]
    pub recommendations: BTreeMap<String, DefenderRecommendation>,
    /// Its score; absent if it gave none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<DefenderScore>,
    /// What was set aside there, in order of id.
    #[serde(default)]
    pub exemptions: Vec<DefenderExemption>,
    /// What could not be read, with the reason: of that nothing is known, not even that there is none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unread: BTreeMap<DefenderPart, Arc<UnreadableReason>>,
}

/// A part of what Defender says that may be unreadable by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum DefenderPart {
    Assessments,
    Score,
    Exemptions,
    Alerts,
}

/// A recommendation of Defender's on the resources of a subscription.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DefenderRecommendation {
    /// Its display name.
    pub title: String,
    /// The built-in policy behind it: its name in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Resources that it finds healthy.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub healthy: BTreeSet<ResourceId>,
    /// Resources that it finds unhealthy.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unhealthy: BTreeSet<ResourceId>,
    /// Resources that it does not judge, each with its cause in Defender's words, which may be empty.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub not_applicable: BTreeMap<ResourceId, String>,
}

/// Defender's secure score of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DefenderScore {
    /// Points reached.
    pub current: f64,
    /// Points that could be reached.
    pub max: f64,
    /// `current / max` as Defender rounds it.
    pub percentage: f64,
}

/// An exemption that was made in Azure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DefenderExemption {
    /// Its ARM id in lower case.
    pub id: String,
    /// What it holds for, in lower case: a management group, subscription, resource group or resource.
    pub scope: String,
    /// What people called it, or wrote about it.
    pub reason: String,
    /// What it means for the score.
    pub category: ExemptionCategory,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// What it sets aside.
    pub covers: DefenderExempted,
}

/// What an exemption of Azure's sets aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum DefenderExempted {
    /// One recommendation.
    Assessment {
        /// Its key in lower case.
        key: String,
    },
    /// Built-in policies, by their names in lower case.
    Policies {
        /// The names.
        policies: BTreeSet<String>,
    },
    /// It could not be told which.
    Untold {
        /// Why not, as a clause.
        why: String,
    },
}
