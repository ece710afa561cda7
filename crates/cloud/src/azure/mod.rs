//! Azure: access tokens of Entra ID, requests to Azure Resource Manager and Microsoft Graph, and what their errors say.

mod address;
mod client;
mod cloud;
mod error;
#[cfg(test)]
mod fake;
mod login;
mod quota;

use std::path::PathBuf;

pub use client::{AzureClient, AzurePlane, AzureRequest};
pub use cloud::AzureCloud;
pub use error::{AzureError, AzureErrorDetail};

use crate::Secret;

/// How to log in to Azure, and to which one.
#[derive(Debug, Clone, Default)]
pub struct AzureOptions {
    /// As whom.
    pub login: AzureLogin,
    /// The tenant's id or domain name; absent: what `AZURE_TENANT_ID` says, or the one that the login belongs to.
    pub tenant: Option<String>,
    /// Which Azure.
    pub cloud: AzureCloud,
}

/// As whom to log in.
#[derive(Debug, Clone, Default)]
pub enum AzureLogin {
    /// The first that is there: the environment's `AZURE_CLIENT_ID` with a secret or certificate, workload identity, managed
    /// identity, the login of `az`.
    #[default]
    Default,
    /// An application with a client secret.
    ClientSecret {
        /// The application's id.
        client_id: String,
        /// The secret.
        secret: Secret,
    },
    /// An application with a certificate.
    ClientCertificate {
        /// The application's id.
        client_id: String,
        /// A file with the certificate and its private RSA key: PEM or PFX; read anew for each token.
        file: PathBuf,
        /// What a PFX file is opened with; absent: nothing.
        password: Option<Secret>,
    },
    /// The identity of the machine that this runs on: a virtual machine, App Service and its like, a server with Azure Arc.
    ManagedIdentity(AzureIdentity),
    /// A token that another issuer gives, exchanged for one of Azure: Kubernetes and its like.
    WorkloadIdentity {
        /// The application's id; absent: what `AZURE_CLIENT_ID` says.
        client_id: Option<String>,
        /// The file with the other issuer's token, read anew for each token; absent: what `AZURE_FEDERATED_TOKEN_FILE` says.
        token_file: Option<PathBuf>,
    },
    /// Whoever is logged in with `az login`.
    AzureCli,
}

/// Which of a machine's identities.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AzureIdentity {
    /// The machine's own.
    #[default]
    System,
    /// A user-assigned one, by its application's id.
    ClientId(String),
    /// A user-assigned one, by its object id.
    ObjectId(String),
    /// A user-assigned one, by its ARM id.
    ResourceId(String),
}
