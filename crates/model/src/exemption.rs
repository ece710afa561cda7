use serde::{Deserialize, Serialize};

use crate::{ResourceId, Timestamp};

/// A person's decision that a recommendation, or one finding of it, does not count on some resources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exemption {
    /// Unique in the installation (a UUID).
    pub id: String,
    /// The recommendation.
    pub recommendation: String,
    /// One finding of it (a baseline rule, a CVE); `None` exempts the whole recommendation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<String>,
    /// On which resources.
    pub scope: ExemptionScope,
    /// What it means for the score.
    pub category: ExemptionCategory,
    /// Why; never empty.
    pub reason: String,
    /// From this instant on it no longer holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
}

/// What an exemption means for the score (Defender's categories).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ExemptionCategory {
    /// The risk is accepted: the resource is left out of the calculation.
    Waiver,
    /// The risk is mitigated elsewhere: the resource counts as healthy.
    Mitigated,
}

/// Which resources an exemption covers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum ExemptionScope {
    /// Every resource of the installation.
    Tenant,
    /// Every resource of one account of a connector.
    Subscription {
        /// The provider's account.
        account: String,
    },
    /// One region or resource group of an account.
    ResourceGroup {
        /// The provider's account.
        account: String,
        /// The region or resource group.
        #[serde(alias = "resource_group")]
        resource_group: String,
    },
    /// One resource.
    Resource {
        /// Its native id.
        id: ResourceId,
    },
}
