use std::path::PathBuf;

use clap::{Args, ValueEnum};
use skywarden_model::ConnectorId;

use super::{KeySource, parse_connector};

/// How to log in to Azure, and what to look at. Without any of these: the environment's AZURE_CLIENT_ID with a secret or certificate,
/// workload identity, managed identity or `az login`, and every subscription that the login sees.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Azure")]
pub(crate) struct AzureArguments {
    /// The tenant's id or domain name; that of the login if absent.
    #[arg(long, value_name = "TENANT")]
    pub(crate) tenant: Option<String>,
    /// The application to log in as.
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// A file that holds the application's secret; `-` reads it from standard input.
    #[arg(long, value_name = "FILE", requires = "client_id", conflicts_with = "client_certificate")]
    pub(crate) client_secret_file: Option<PathBuf>,
    /// The application's certificate with its private key, in PEM or PFX.
    #[arg(long, value_name = "FILE", requires = "client_id")]
    pub(crate) client_certificate: Option<PathBuf>,
    /// Log in in this way and no other.
    #[arg(long, value_enum, value_name = "WAY", conflicts_with_all = ["client_secret_file", "client_certificate"])]
    pub(crate) azure_login: Option<AzureWay>,
    /// Which Azure: public, government, china, or the URL of an Azure Resource Manager.
    #[arg(long, value_name = "CLOUD")]
    pub(crate) cloud: Option<String>,
    /// The subscriptions to look at, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "ID")]
    pub(crate) subscriptions: Vec<String>,
    /// The management group whose subscriptions are looked at; new ones are picked up.
    #[arg(long, value_name = "NAME")]
    pub(crate) management_group: Option<String>,
}

/// Ways to log in without a secret of one's own.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AzureWay {
    /// The identity of the machine; with --client-id a user-assigned one.
    ManagedIdentity,
    /// A token of another issuer, as Kubernetes gives it.
    WorkloadIdentity,
    /// Whoever is logged in with `az login`.
    Az,
}

#[derive(Args)]
pub(crate) struct ConnectAzure {
    /// Where the store is kept.
    #[arg(long, env = "SKYWARDEN_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// A short name for the connector; azure-TENANT if absent.
    #[arg(long, value_name = "NAME", value_parser = parse_connector)]
    pub(crate) name: Option<ConnectorId>,
    /// Ask Azure what has changed every so many seconds, between assessments; 0 never asks. 300 if absent.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) poll_seconds: Option<u32>,
    #[command(flatten)]
    pub(crate) azure: AzureArguments,
    #[command(flatten)]
    pub(crate) key: KeySource,
}
