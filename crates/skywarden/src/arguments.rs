mod access;
mod adopt;
mod azure;
mod detect;
mod hunt;
mod keys;
mod limits;
mod policy;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use skywarden_model::{ConnectorId, Severity};

use crate::{
    source::Source,
    standard_arguments::{Attest, Standard, Withdraw},
};

pub(crate) use access::{Access, AddProgram, AddUser, Audit, Data, Token};
pub(crate) use adopt::Adopt;
pub(crate) use azure::{AzureArguments, AzureWay, ConnectAzure};
pub(crate) use detect::{DetectArguments, DetectFormat, Place};
pub(crate) use hunt::HuntArguments;
#[cfg(feature = "hunt")]
pub(crate) use hunt::HuntFormat;
pub(crate) use keys::{KeySource, Keys};
pub(crate) use limits::LimitArguments;
pub(crate) use policy::{Evaluate, ImportPolicies, Policy, PolicyFormat, PolicyStates};

/// Security posture of your clouds and servers: inventory, recommendations, secure score.
#[derive(Parser)]
#[command(name = "skywarden", version, propagate_version = true)]
pub(crate) struct Arguments {
    /// A folder of your own content, laid over what is built in: it adds files, or overrides severity, texts and parameters.
    #[arg(long, global = true, env = "SKYWARDEN_CONTENT", value_name = "DIR")]
    pub(crate) content: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Assess this machine (and what is connected), serve the API, keep assessing.
    Up(Up),
    /// Assess once and print, without a store.
    Scan(Scan),
    /// Report on one compliance standard from what is in the store.
    Report(Report),
    /// Standards of your own, kept in the store.
    Standard {
        #[command(subcommand)]
        command: Standard,
    },
    /// Say what was found about a control of a standard that nothing checks automatically.
    Attest(Attest),
    /// What people attested, with what it rests on and whether it holds.
    Attestations(Read),
    /// Take an attestation back; it stays in the record.
    Withdraw(Withdraw),
    /// Connect an environment, which `up` then keeps assessing.
    Connect {
        #[command(subcommand)]
        command: Connect,
    },
    /// Remove a connector with everything that came of it.
    Disconnect(Disconnect),
    /// The connectors in the store.
    Connectors(Read),
    /// Show what another product says beside ours, before you move.
    Adopt {
        #[command(subcommand)]
        command: Adopt,
    },
    /// Print the least that Skywarden must be allowed to read.
    Permissions {
        /// Where.
        cloud: Cloud,
        /// Where the role may be assigned, separated by commas: `/subscriptions/ID`, or one management group
        /// (`/providers/Microsoft.Management/managementGroups/NAME`). Azure only.
        #[arg(long, value_delimiter = ',', value_name = "SCOPE")]
        scopes: Vec<String>,
    },
    /// List, lint, test the content.
    Content {
        #[command(subcommand)]
        command: Content,
    },
    /// Look through logs for attacks: files, or the archive once more.
    Detect(DetectArguments),
    /// Ask the archive of events in SQL (a build with the feature `hunt`).
    Hunt(HuntArguments),
    /// Azure Policy: definitions, initiatives, assignments, exemptions, and how resources comply.
    Policy {
        #[command(subcommand)]
        command: Policy,
    },
    /// Who may do what: programs, roles, API tokens.
    Access {
        #[command(subcommand)]
        command: Access,
    },
    /// Who did what: the audit log.
    Audit {
        #[command(subcommand)]
        command: Audit,
    },
    /// The keys under which the store keeps secrets.
    Keys {
        #[command(subcommand)]
        command: Keys,
    },
    /// The secure score in the store, with its range and controls.
    Score(Read),
    /// The recommendations in the store, with their counts.
    Recommendations(Read),
    /// The resources in the store.
    Inventory(Read),
    /// What changed between assessments: opened, resolved, reopened.
    Changes(Read),
    /// Set a recommendation, or one finding of it, aside on some resources.
    Exempt(Exempt),
    /// Print what makes a shell complete Skywarden's commands.
    Completions {
        /// Which shell.
        shell: Shell,
    },
    /// Print the manual page, or write one for each command.
    Man {
        /// Write a page for each command to this folder.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
}

#[derive(Args)]
pub(crate) struct Up {
    /// Where the store and the API token are kept.
    #[arg(long, env = "SKYWARDEN_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The address to serve on.
    #[arg(long, default_value = "127.0.0.1:8470", value_name = "ADDR")]
    pub(crate) listen: SocketAddr,
    #[command(flatten)]
    pub(crate) tls: TlsArguments,
    #[command(flatten)]
    pub(crate) key: KeySource,
    #[command(flatten)]
    pub(crate) limits: LimitArguments,
    /// Connectors (accounts of an organisation) that are read at once.
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) at_once: u16,
    /// Minutes between assessments.
    #[arg(long, default_value_t = 60, value_name = "MINUTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) every: u64,
    /// Assess once, print, and do not serve.
    #[arg(long)]
    pub(crate) once: bool,
    /// Also connect a recorded AWS estate as sample data; `skywarden disconnect sample` removes it.
    #[arg(long)]
    pub(crate) sample: bool,
}

/// How the server is protected. Without any of these: by a certificate of a CA that is made in the data folder.
#[derive(Args)]
#[command(next_help_heading = "TLS")]
pub(crate) struct TlsArguments {
    /// A name or address, beside that of --listen, under which the server is called; may be given several times.
    #[arg(long = "name", value_name = "NAME")]
    pub(crate) names: Vec<skywarden_api::Name>,
    /// Your own certificate in PEM, the server's first, then those that signed it; read again when it changes.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_certificate: Option<PathBuf>,
    /// The key of --tls-certificate, in PEM, which only its owner may read.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Plain HTTP; on loopback addresses only.
    #[arg(long, conflicts_with_all = ["tls_certificate", "tls_key"])]
    pub(crate) no_tls: bool,
}

#[derive(Args)]
pub(crate) struct Scan {
    /// What to assess: `host` (this machine), `dir:ROOT` (a mounted disk or an unpacked image), `aws`, `azure`, `replay:DIR` (answers
    /// recorded with --record), `file:FILE` (a snapshot of AWS Config, or a folder of them; from Azure
    /// rows of Resource Graph as JSON or CSV, `az resource list`, a template, states of policies).
    #[arg(value_name = "SOURCE", required = true)]
    pub(crate) sources: Vec<Source>,
    #[command(flatten)]
    pub(crate) aws: AwsLogin,
    #[command(flatten)]
    pub(crate) organization: OrganizationArguments,
    #[command(flatten)]
    pub(crate) azure: AzureArguments,
    /// Record the cloud's answers in this folder, for `scan replay:DIR`.
    #[arg(long, value_name = "DIR")]
    pub(crate) record: Option<PathBuf>,
    /// For people or for machines.
    #[arg(long, value_enum, default_value_t = ScanFormat::Table)]
    pub(crate) format: ScanFormat,
    /// Write to a file instead of the terminal.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Judge only by what covers a control of this standard.
    #[arg(long, value_name = "ID")]
    pub(crate) standard: Option<String>,
    /// Exit with 3 if a recommendation of this severity or a worse one is Unhealthy.
    #[arg(long, value_name = "SEVERITY", value_parser = parse_severity)]
    pub(crate) fail_on: Option<Severity>,
    /// Also walk the whole file system of the machine (world-writable, unowned, set-uid files).
    #[arg(long)]
    pub(crate) walk: bool,
}

/// How to log in to AWS. Without any of these: the environment, the default profile, SSO, web identity or the instance's role.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "AWS")]
pub(crate) struct AwsLogin {
    /// Regions to look at, separated by commas; all that the account has switched on if absent.
    #[arg(long, value_delimiter = ',', value_name = "REGION")]
    pub(crate) regions: Vec<String>,
    /// A profile of ~/.aws/config.
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// A role to assume.
    #[arg(long, value_name = "ARN")]
    pub(crate) role: Option<String>,
    /// The external id that the role asks for.
    #[arg(long, value_name = "ID", requires = "role")]
    pub(crate) external_id: Option<String>,
    /// Where AWS is, if not at AWS: an emulator or a proxy.
    #[arg(long, value_name = "URL", env = "AWS_ENDPOINT_URL")]
    pub(crate) endpoint_url: Option<String>,
}

#[derive(Subcommand)]
pub(crate) enum Connect {
    /// Connect the AWS account that the login leads to.
    Aws(ConnectAws),
    /// Connect the subscriptions of an Azure tenant, after testing what the login may read.
    Azure(ConnectAzure),
}

#[derive(Args)]
pub(crate) struct ConnectAws {
    /// Where the store is kept.
    #[arg(long, env = "SKYWARDEN_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// A short name for the connector; aws-ACCOUNT if absent.
    #[arg(long, value_name = "NAME", value_parser = parse_connector)]
    pub(crate) name: Option<ConnectorId>,
    #[command(flatten)]
    pub(crate) aws: AwsLogin,
    #[command(flatten)]
    pub(crate) organization: OrganizationArguments,
}

/// The accounts of an organisation.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = "Organisation")]
pub(crate) struct OrganizationArguments {
    /// Every account of the organisation that the login's account belongs to; new ones are picked up with each assessment.
    #[arg(long)]
    pub(crate) organization: bool,
    /// The role to assume in each account.
    #[arg(long, value_name = "NAME", default_value = crate::organization::MEMBER_ROLE, requires = "organization")]
    pub(crate) member_role: String,
    /// Leave these accounts out.
    #[arg(long, value_delimiter = ',', value_name = "ACCOUNT", requires = "organization")]
    pub(crate) except_accounts: Vec<String>,
}

#[derive(Args)]
pub(crate) struct Disconnect {
    /// Where the store is kept.
    #[arg(long, env = "SKYWARDEN_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The connector's name, as `skywarden connectors` shows it.
    pub(crate) connector: String,
}

/// A cloud that asks for permissions.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Cloud {
    /// Amazon Web Services: an IAM policy.
    Aws,
    /// Microsoft Azure: a custom role, and on standard error the permissions of Microsoft Graph.
    Azure,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
    Csv,
}

/// What `scan` writes.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScanFormat {
    /// Score, controls and the worst, for a terminal.
    Table,
    /// Everything, as one document.
    Json,
    /// A line for each assessment and finding.
    Csv,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// OCSF Compliance Findings, a JSON object a line, for event stores.
    Ocsf,
    /// One file for a browser, which needs no network.
    Html,
}

#[derive(Args)]
pub(crate) struct Report {
    /// The standard's id, as `skywarden standard list` shows it.
    #[arg(long, value_name = "ID")]
    pub(crate) standard: String,
    /// What to write.
    #[arg(long, value_enum, default_value_t = ReportFormat::Html)]
    pub(crate) format: ReportFormat,
    /// Write to a file instead of the terminal.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Where the store is kept.
    #[arg(long, env = "SKYWARDEN_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

/// What `report` writes.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// One file for a browser, which needs no network.
    Html,
    /// A line for each control, for each check behind it and for each attestation.
    Csv,
    /// One document.
    Json,
    /// Pages to print or to hand over.
    Pdf,
}

#[derive(Subcommand)]
pub(crate) enum Content {
    /// Check every file of a content folder; prints file:line:column: message.
    Lint {
        /// The folder; the built-in content with the overlay of --content if absent.
        folder: Option<PathBuf>,
    },
    /// Run the tests inside the content files.
    Test {
        /// Only those of files with this in their id, name or resource type, without case: `azure-storage`.
        about: Option<String>,
    },
    /// List recommendations, baseline rules, collectors and standards.
    List,
    /// Show a recommendation, a baseline rule, a standard or the fields of a resource type.
    Show {
        /// An id or a type.
        id: String,
    },
    /// Write the generated reference.
    #[command(hide = true)]
    Docs {
        /// The folder to write to.
        #[arg(long)]
        out: PathBuf,
    },
}

#[derive(Args)]
pub(crate) struct Read {
    /// Where the store is kept.
    #[arg(long, env = "SKYWARDEN_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// For people or for machines.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// Only what contains this text.
    pub(crate) text: Option<String>,
}

#[derive(Args)]
pub(crate) struct Exempt {
    /// Where the store is kept.
    #[arg(long, env = "SKYWARDEN_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The recommendation's id.
    pub(crate) recommendation: String,
    /// The resource's id; all resources if absent.
    #[arg(long, value_name = "ID")]
    pub(crate) resource: Option<String>,
    /// One finding of the recommendation (a baseline rule's id).
    #[arg(long, value_name = "ID")]
    pub(crate) finding: Option<String>,
    /// waiver: the risk is accepted, left out of the score; mitigated: solved elsewhere, counts as healthy.
    #[arg(long, value_enum)]
    pub(crate) category: Category,
    /// Why.
    #[arg(long)]
    pub(crate) reason: String,
    /// Until when, RFC 3339 (2027-03-31T00:00:00Z); for ever if absent.
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<skywarden_model::Timestamp>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Category {
    Waiver,
    Mitigated,
}

fn parse_severity(text: &str) -> Result<Severity, String> {
    match text.to_ascii_lowercase().as_str() {
        "low" => Ok(Severity::Low),
        "medium" => Ok(Severity::Medium),
        "high" => Ok(Severity::High),
        "critical" => Ok(Severity::Critical),
        _ => Err("expected low, medium, high or critical".to_owned()),
    }
}

fn parse_connector(text: &str) -> Result<ConnectorId, String> {
    let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    let is_name = !text.is_empty() && text.len() <= 64 && text.chars().all(is_plain);
    let is_taken = [crate::source::HOST, crate::source::SAMPLE].contains(&text);
    match (is_name, is_taken) {
        (true, false) => Ok(ConnectorId::from(text)),
        (true, true) => Err("this name is Skywarden's own".to_owned()),
        (false, _) => Err("expected up to 64 lower-case letters, digits and hyphens".to_owned()),
    }
}
