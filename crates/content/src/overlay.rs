use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use skywarden_model::Severity;

use crate::{Maturity, Remediation};

/// `overrides/ID.yaml` in a user's folder: changes a recommendation or baseline rule without a fork.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OverrideFile {
    /// The recommendation or baseline rule; equals the file's name.
    pub id: String,
    /// Another severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub severity: Option<Severity>,
    /// Another title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Another description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Another remediation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediation: Option<Remediation>,
    /// Values of its parameters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, Value>,
    /// Another maturity; baseline rules have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maturity: Option<Maturity>,
    /// `false` switches it off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

impl OverrideFile {
    pub(crate) fn apply(
        &self,
        severity: &mut Severity,
        title: &mut String,
        description: &mut String,
        remediation: &mut Remediation,
    ) {
        if let Some(own) = self.severity {
            *severity = own;
        }
        if let Some(own) = &self.title {
            title.clone_from(own);
        }
        if let Some(own) = &self.description {
            description.clone_from(own);
        }
        if let Some(own) = &self.remediation {
            remediation.clone_from(own);
        }
    }
}
