use std::{borrow::Borrow, collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::resource::text_id;

text_id! {
    /// A connector's short name, unique in the installation: `host`, `aws-123456789012`, `sample`.
    ConnectorId
}

/// The settings of connectors that more than one crate knows, by their names.
pub mod setting {
    /// The account that is connected, by the provider's id.
    pub const ACCOUNT: &str = "account";
    /// The role to assume, as an ARN.
    pub const ROLE: &str = "role";
    /// What the role's trust may ask for.
    pub const EXTERNAL_ID: &str = "externalId";
    /// The regions to look at, with commas between them; without it all.
    pub const REGIONS: &str = "regions";
    /// The application that logs in to Azure, by its id.
    pub const CLIENT_ID: &str = "clientId";
    /// The file with the application's certificate and its key.
    pub const CERTIFICATE: &str = "certificate";
    /// The way to log in to Azure without a secret: `managed-identity`, `workload-identity` or `az`.
    pub const LOGIN: &str = "login";
    /// Which Azure: its name, or the URL of its Resource Manager.
    pub const CLOUD: &str = "cloud";
    /// The subscriptions to look at, with commas between them; without it all.
    pub const SUBSCRIPTIONS: &str = "subscriptions";
    /// The management group to look at.
    pub const MANAGEMENT_GROUP: &str = "managementGroup";
    /// After how many seconds the provider is asked again what has changed, between readings; 0: never.
    pub const POLL_SECONDS: &str = "pollSeconds";
    /// The connector of the organisation that an account came with.
    pub const MEMBER_OF: &str = "memberOf";
    /// The role to assume in the accounts of an organisation, on the connector that leads to them and has nothing of its own.
    pub const MEMBER_ROLE: &str = "memberRole";
    /// The id of the subscription under which ARM shows it, in small letters; without it that of its own account.
    pub const HOME: &str = "home";
    /// The resource group there.
    pub const HOME_GROUP: &str = "homeGroup";
    /// What clients of ARM said of it that is not needed to reach it, as a JSON object.
    pub const ARM: &str = "arm";
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
    /// How to reach it (profile name, role to assume, regions, endpoint) and where it belongs, by [`setting`]. Never a secret.
    pub settings: BTreeMap<String, String>,
}

impl Connector {
    /// A setting, if it is set.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }

    /// Whether it leads to the accounts of an organisation and has nothing of its own.
    pub fn is_organization(&self) -> bool {
        self.settings.contains_key(setting::MEMBER_ROLE)
    }

    /// Whether it came with an organisation, and goes with it.
    pub fn is_member_of(&self, organization: &str) -> bool {
        self.setting(setting::MEMBER_OF) == Some(organization)
    }
    /// The account whose resources come through it, where it was connected for one.
    pub fn account(&self) -> Option<&str> {
        self.setting(setting::ACCOUNT).filter(|_| !self.is_organization())
    }
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
