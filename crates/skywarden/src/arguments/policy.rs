use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Read;

#[derive(Subcommand)]
pub(crate) enum Policy {
    /// Tell whether resources would be denied, changed or marked; exit 3 if one would be denied.
    Evaluate(Evaluate),
    /// Take definitions, initiatives, assignments, exemptions, attestations and management groups in Azure's JSON into the store, and
    /// judge what they concern.
    Import(ImportPolicies),
    /// Write everything in the store as Azure's JSON, a file each.
    Export {
        /// A folder that is empty or not there yet, or a file whose name ends in .zip.
        out: PathBuf,
        /// Where the store is kept.
        #[arg(long, env = "SKYWARDEN_DATA", value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// Write the built-in recommendations as policy definitions in Azure's JSON, a file each.
    FromRecommendations {
        /// A folder that is empty or not there yet, or a file whose name ends in .zip.
        out: PathBuf,
        /// Only of types that begin so: `AWS::S3::`.
        #[arg(long = "type", value_name = "PREFIX")]
        type_name: Option<String>,
    },
    /// Take objects out of the store, by their ids.
    Remove {
        /// As `policy list` shows them.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
        /// Where the store is kept.
        #[arg(long, env = "SKYWARDEN_DATA", value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// The definitions, initiatives, assignments, exemptions, attestations and management groups in the store.
    List(Read),
    /// Each assignment with how many resources have which state.
    Compliance(Read),
    /// The definitions of an assignment: the effect of each and who set it, and how many resources have which state.
    Show {
        /// The assignment's id, or its name if no other has it.
        assignment: String,
        #[command(flatten)]
        read: Read,
    },
    /// The state of each resource under each definition that concerns it.
    States(PolicyStates),
    /// What changed: when which resource got which state.
    History(Read),
}

#[derive(Args)]
pub(crate) struct Evaluate {
    /// A definition in Azure's JSON, or the same in YAML; may be given several times.
    #[arg(long, required = true, value_name = "FILE")]
    pub(crate) definition: Vec<PathBuf>,
    /// What is to be made: ARM resources, `terraform show -json PLAN`, or objects of Kubernetes, in JSON or YAML.
    #[arg(long, value_name = "FILE")]
    pub(crate) resource: PathBuf,
    /// Values of the definitions' parameters, by name; a definition's defaults stand for the others.
    #[arg(long, value_name = "FILE")]
    pub(crate) parameters: Option<PathBuf>,
    /// For people or for machines.
    #[arg(long, value_enum, default_value_t = PolicyFormat::Table)]
    pub(crate) format: PolicyFormat,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum PolicyFormat {
    /// A table for each resource.
    Table,
    /// One document.
    Json,
}

#[derive(Args)]
pub(crate) struct ImportPolicies {
    /// Files, folders or zip archives; other files in them are left alone.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Leave out folders of this name: `Azure Government`, whose definitions have the ids of others.
    #[arg(long, value_name = "NAME")]
    pub(crate) except: Vec<String>,
    /// Only tell what would be taken and what is wrong.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Where the store is kept.
    #[arg(long, env = "SKYWARDEN_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct PolicyStates {
    /// Only under this assignment: its id, or its name if no other has it.
    #[arg(long, value_name = "ID")]
    pub(crate) assignment: Option<String>,
    /// Only this state: NonCompliant, Unread, Compliant, Conflict, Protected, Exempt or Unknown.
    #[arg(long, value_name = "STATE", value_parser = parse_state)]
    pub(crate) state: Option<skywarden_policy::ComplianceState>,
    #[command(flatten)]
    pub(crate) read: Read,
}

fn parse_state(text: &str) -> Result<skywarden_policy::ComplianceState, String> {
    let help = "expected NonCompliant, Unread, Compliant, Conflict, Protected, Exempt or Unknown";
    skywarden_policy::ComplianceState::from_name(text).ok_or_else(|| help.to_owned())
}
