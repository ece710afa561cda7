//! Reads the facts of the machine it runs on. Never touches the network.
//!
//! [`collect`] fills the schema `content/collectors/host/machine.yaml`; [`walk`] goes over all files in the background.

mod accounts;
mod audit;
mod crypto;
mod desktop;
mod firewall;
mod homes;
mod kernel;
mod logs;
mod mandatory;
mod packages;
mod pam;
mod report;
mod root;
mod services;
mod settings;
mod sockets;
mod sources;
mod sshd;
mod system;
#[cfg(test)]
mod tests;
mod text;
mod version;
mod walk;

use skywarden_model::{Carried, ConnectorId, Coverage, ListOutcome, Resource, Scope, Snapshot, Timestamp, TypeName};

pub use root::HostRoot;
pub use version::compare_versions;
pub use walk::{WalkLimits, WalkProgress, WalkResult, walk};

/// The type of the resource that [`collect`] answers.
pub const MACHINE_TYPE: &str = "Skywarden.Host/machines";

/// The account of every machine's scope.
pub const MACHINE_ACCOUNT: &str = "fleet";

/// Reads the machine: one resource; what could not be read is listed with its reason.
pub fn collect(root: &HostRoot, now: Timestamp, connector: ConnectorId) -> Snapshot {
    let mut report = report::Report::default();
    let identity = system::read(root, &mut report);
    let boot_arguments = kernel::read(root, &mut report);
    let names = accounts::read(root, now, &mut report);
    let installed = packages::read(root, now, &mut report);
    services::read(root, &mut report);
    sockets::read(root, &names, &mut report);
    system::read_files(root, &names, &mut report);
    sshd::read(root, &mut report);
    settings::read(root, installed.as_ref().map(Option::as_ref).map_err(std::sync::Arc::clone), &mut report);
    pam::read(root, &mut report);
    firewall::read(root, &mut report);
    audit::read(root, &boot_arguments, &mut report);
    mandatory::read(root, &boot_arguments, &mut report);
    sources::read(root, &mut report);
    crypto::read(root, &mut report);
    desktop::read(root, &mut report);
    logs::read(root, &mut report);
    walk::not_walked(root, &mut report);
    let resource = Resource {
        id: identity.id.into(),
        type_name: MACHINE_TYPE.into(),
        name: identity.hostname,
        scope: Scope { connector: connector.clone(), account: MACHINE_ACCOUNT.into(), resource_group: "machines".into() },
        location: None,
        tags: Default::default(),
        envelope: Default::default(),
        properties: serde_json::Value::Object(report.properties),
        unreadable: report.unreadable,
        carried: Carried::All,
    };
    let coverage = Coverage {
        type_name: TypeName::from(MACHINE_TYPE),
        account: MACHINE_ACCOUNT.into(),
        region: "global".into(),
        outcome: ListOutcome::Complete { n_resources: 1 },
        denied: walk::denied_reads(&resource.unreadable),
    };
    Snapshot { connector, taken_at: now, resources: vec![resource], coverage: vec![coverage] }
}
