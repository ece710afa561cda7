//! Runs collector specs over the cloud: list, read, normalise, cover.
//!
//! One engine speaks all of AWS's protocols; which calls are made and what their answers look like is in `content/collectors`.
//! It holds no credential (that is `cloud`), decides no verdict, and turns no failure into an empty list: what could not be
//! listed is in the snapshot's coverage, what could not be read is on the resource, each with its reason.

mod again;
mod azure;
mod batch;
mod call;
mod collector;
mod config_snapshot;
mod coverage;
mod decode;
mod document;
mod engine;
mod listing;
mod live;
mod live_azure;
mod normalise;
mod organization;
mod pages;
mod permissions;
mod reads;
mod reason;
mod recording;
mod replay;
mod request;
mod shape;
mod specs;
mod template;
mod test_specs;
mod withhold;
mod xml;

pub use again::{AgainOptions, read_again};
pub use azure::{
    AzureChange, AzureError, AzureExportError, AzureNeeds, AzureOptions, AzureProbe, AzureRights, DefenderRead, azure_changes,
    collect_azure, probe_azure, read_azure_again, read_azure_export, read_defender,
};
pub use call::{Answer, AzureRequest, Call, CallFailure, Transport, WireRequest};
pub use config_snapshot::{ConfigSnapshotError, read_config_snapshot};
pub use engine::{CollectError, CollectOptions, NoProgress, Progress, collect_aws, identify};
pub use live::Live;
pub use live_azure::LiveAzure;
pub use organization::{Organization, OrganizationAccount, organization};
pub use permissions::permissions;
pub use recording::{RecordError, Recording};
pub use replay::{Replay, ReplayError};
pub use specs::Specs;
pub use test_specs::{SpecFailure, SpecReport, run_spec_tests};
