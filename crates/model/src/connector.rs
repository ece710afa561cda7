use std::{borrow::Borrow, collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::resource::text_id;

text_id! {
    /// A connector's short name, unique in the installation: `host`, `aws-123456789012`, `sample`.
    ConnectorId
}

/// One connected environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connector {
    /// Its short name.
    pub id: ConnectorId,
    /// What kind of environment it connects.
    pub environment: Environment,
    /// What people call it.
    pub display_name: String,
    /// Whether it holds sample data, to be marked as such wherever it is shown.
    pub sample: bool,
    /// How to reach it: profile name, role to assume, regions, endpoint. Never a secret.
    pub settings: BTreeMap<String, String>,
}

/// The kind of environment; the names are those of `SecurityConnector.environmentName` and `resourceDetails.source`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Environment {
    /// Microsoft Azure.
    Azure,
    /// Amazon Web Services.
    Aws,
    /// Google Cloud.
    Gcp,
    /// A Kubernetes cluster.
    Kubernetes,
    /// One's own machines.
    OnPremise,
}

impl Environment {
    /// The word for it in content: `environments: [aws]` of a standard.
    pub fn word(self) -> &'static str {
        match self {
            Self::Azure => "azure",
            Self::Aws => "aws",
            Self::Gcp => "gcp",
            Self::Kubernetes => "kubernetes",
            Self::OnPremise => "host",
        }
    }
}
