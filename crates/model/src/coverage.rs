use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{FieldPath, TypeName, UnreadableReason};

/// What one run saw of one (type, account, region).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Coverage {
    /// The type that was listed.
    #[serde(rename = "type")]
    pub type_name: TypeName,
    /// The provider's account.
    pub account: Arc<str>,
    /// The region, or `global`.
    pub region: Arc<str>,
    /// How the listing went.
    pub outcome: ListOutcome,
    /// Reads of single fields that failed, one entry per operation and reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied: Vec<DeniedRead>,
}

/// How a listing went. Only `Complete` lets resources disappear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "state")]
pub enum ListOutcome {
    /// Every page was read; `n_resources` were there.
    Complete {
        /// How many resources the listing returned.
        #[serde(alias = "n_resources")]
        n_resources: u64,
    },
    /// Some pages were read, then one failed: what is missing is unknown.
    Partial {
        /// How many resources were seen before it failed.
        #[serde(alias = "n_resources")]
        n_resources: u64,
        /// Why the rest could not be read.
        reason: Arc<UnreadableReason>,
    },
    /// Nothing could be listed.
    Failed {
        /// Why.
        reason: Arc<UnreadableReason>,
    },
    /// Deliberately not listed (the region is not enabled in the account, the service does not exist there).
    Skipped {
        /// Why, as a sentence.
        reason: String,
    },
}

/// A read that failed on some resources of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeniedRead {
    /// The fields that are unknown because of it.
    pub fields: Vec<FieldPath>,
    /// On how many resources.
    pub n_resources: u64,
    /// Why.
    pub reason: Arc<UnreadableReason>,
}

impl Coverage {
    /// Whether the listing was complete, so that a resource that it lacks no longer exists.
    pub fn is_complete(&self) -> bool {
        matches!(self.outcome, ListOutcome::Complete { .. })
    }

    /// The reason of a listing that failed wholly or partly.
    pub fn list_failure(&self) -> Option<&Arc<UnreadableReason>> {
        match &self.outcome {
            ListOutcome::Partial { reason, .. } | ListOutcome::Failed { reason } => Some(reason),
            ListOutcome::Complete { .. } | ListOutcome::Skipped { .. } => None,
        }
    }
}
