//! What alerts have in common: the keys by which they are joined.

use std::{collections::BTreeSet, net::IpAddr};

use skywarden_content::{Intent, Shared};

use super::AlertFacts;
use crate::take::address;

/// Most values of what is shared that one alert has; the first in order.
const MAX_VALUES: usize = 100;

/// An id of a session that is shorter than this is a number that its machine counts up.
const SHORT_SESSION: usize = 12;

/// What joins alerts whatever their kind.
const GENERAL: [(&str, Shared); 4] =
    [("actor", Shared::Actor), ("address", Shared::Address), ("resource", Shared::Resource), ("session", Shared::Session)];

/// The keys of an alert, whatever its kind.
pub(super) fn keys(alert: &AlertFacts) -> BTreeSet<String> {
    GENERAL
        .into_iter()
        .flat_map(|(name, shared)| values(alert, shared).into_iter().map(move |value| format!("{name}\n{value}")))
        .collect()
}

/// The key of an address: more than some actors make it a gateway.
pub(super) fn key_of_address(address: &str) -> String {
    format!("address\n{address}")
}

/// Whether many actors who share this key have nothing to do with each other.
pub(super) fn is_open_to_many(key: &str) -> bool {
    key.starts_with("address\n") || key.starts_with("session\n")
}

/// Who came, by which gateways are told. Whoever tries the names of many is one.
pub(super) fn visitor(alert: &AlertFacts) -> Option<String> {
    const TRIES: [Intent; 4] = [Intent::Unknown, Intent::PreAttack, Intent::Probing, Intent::CredentialAccess];
    let got_in = alert.intents.iter().any(|intent| !TRIES.contains(intent));
    alert.actor.as_ref().filter(|_| got_in).map(|actor| actor.to_lowercase())
}

/// What an alert has of something that alerts may share.
pub(super) fn values(alert: &AlertFacts, shared: Shared) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = match shared {
        Shared::Actor => actor(alert),
        Shared::Address => lower(alert, "ip").filter(|ip| address(ip).is_some_and(is_public)).collect(),
        Shared::Resource => {
            let containers = lower(alert, "container").map(|id| scoped(alert, id));
            resources(alert).chain(hosts(alert)).chain(containers).collect()
        }
        Shared::Host => hosts(alert).collect(),
        Shared::Cluster => clusters(alert),
        Shared::Process => lower(alert, "process").filter(|line| is_telling(line)).collect(),
        Shared::Session => sessions(alert),
        Shared::Domain => lower(alert, "dns").filter(|name| name.contains('.')).collect(),
        Shared::Account => alert.account.iter().map(|account| account.to_lowercase()).collect(),
        Shared::Detection => BTreeSet::from([alert.detection.clone()]),
        Shared::Technique => {
            alert.techniques.iter().filter_map(|technique| technique.split('.').next()).map(str::to_owned).collect()
        }
    };
    // Lines are what tells the parts of a key apart.
    if found.iter().any(|value| value.contains('\n')) {
        found = found.iter().map(|value| value.replace('\n', " ")).collect();
    }
    while found.len() > MAX_VALUES {
        found.pop_last();
    }
    found
}

/// What tells the resource in danger from others.
pub(super) fn resource_in_danger(alert: &AlertFacts) -> Option<String> {
    let own = alert.compromised.as_ref().map(|id| id.to_lowercase());
    own.map(|id| machine_of(&id).map(str::to_owned).unwrap_or(id)).or_else(|| hosts(alert).next())
}

fn lower(alert: &AlertFacts, kind: &str) -> impl Iterator<Item = String> {
    alert.of_kind(kind).map(|party| party.id.trim().to_lowercase()).filter(|id| !id.is_empty())
}

fn actor(alert: &AlertFacts) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for party in alert.of_kind("account") {
        let id = party.id.trim().to_lowercase();
        if is_everybody(&id) {
            continue;
        }
        // One log names a person by a number and the mail address, the next by the mail address only.
        let name = party.name.as_ref().map(|name| name.to_lowercase());
        found.extend(name.filter(|name| name.contains('@') && !name.contains(' ')));
        if is_local(&id) {
            // Of a machine's own log the account is the machine.
            found.extend(alert.account.as_ref().map(|account| format!("{}\\{id}", account.to_lowercase())));
        } else {
            found.insert(id);
        }
    }
    // Whoever was changed may be who acts next.
    found.extend(lower(alert, "cloud-resource").filter(|id| is_identity(id)));
    found
}

/// Resources that are neither the whole account nor everybody's.
fn resources(alert: &AlertFacts) -> impl Iterator<Item = String> {
    let account = alert.account.as_ref().map(|account| account.to_lowercase());
    let all = lower(alert, "cloud-resource").chain(lower(alert, "azure-resource"));
    let own = all.filter(move |id| Some(id) != account.as_ref() && !is_identity(id) && !is_of_all(id));
    own.map(|id| scoped(alert, id))
}

/// Whole accounts, subscriptions and projects, and what AWS itself owns.
fn is_of_all(id: &str) -> bool {
    let n_steps = id.split('/').filter(|step| !step.is_empty()).count();
    id.contains("::aws:")
        || (id.starts_with("/subscriptions/") || id.starts_with("/tenants/") || id.starts_with("projects/")) && n_steps <= 2
        || id.starts_with("//cloudresourcemanager.googleapis.com/")
        || id.starts_with("arn:") && id.ends_with(":root")
}

/// An id that only tells things within an account apart, with the account.
fn scoped(alert: &AlertFacts, id: String) -> String {
    let is_whole = ["arn:", "/subscriptions/", "//", "projects/", "https://"].iter().any(|start| id.starts_with(start));
    match &alert.account {
        Some(account) if !is_whole && !id.contains('@') => format!("{}/{id}", account.to_lowercase()),
        _ => id,
    }
}

/// Machines by their names, and by the ids of instances, which many of them have for a name.
fn hosts(alert: &AlertFacts) -> impl Iterator<Item = String> {
    let named =
        lower(alert, "host").filter(|name| !["localhost", "localhost.localdomain", "-", "unknown"].contains(&name.as_str()));
    let resources = lower(alert, "cloud-resource").chain(lower(alert, "azure-resource"));
    named.chain(resources.filter_map(|id| machine_of(&id).map(str::to_owned)))
}

/// The machine that a resource's id names.
fn machine_of(id: &str) -> Option<&str> {
    let is_machine = id.starts_with("arn:") && id.contains(":instance/") || id.contains("/microsoft.compute/virtualmachines/");
    is_machine.then(|| id.rsplit('/').next()).flatten().filter(|name| !name.is_empty())
}

/// Whether a process is told by more than the name of a program that every machine has.
fn is_telling(line: &str) -> bool {
    const EVERYWHERE: [&str; 8] =
        ["/usr/", "/bin/", "/sbin/", "/lib/", "/opt/", "c:\\windows\\", "c:\\program files\\", "c:\\program files (x86)\\"];
    line.contains(' ') || line.contains(['/', '\\']) && !EVERYWHERE.iter().any(|start| line.starts_with(start))
}

fn clusters(alert: &AlertFacts) -> BTreeSet<String> {
    let own =
        alert.account.as_ref().filter(|_| alert.plan.as_deref() == Some("Containers")).map(|account| account.to_lowercase());
    let is_account = |id: &String| id.len() == 12 && id.chars().all(|digit| digit.is_ascii_digit());
    let mut found: BTreeSet<String> = own.into_iter().filter(|id| !is_account(id)).collect();
    let named = resources(alert).filter(|id| {
        id.starts_with("arn:") && id.contains(":eks:") && id.contains(":cluster/")
            || id.contains("/managedclusters/")
            || id.starts_with("//container.googleapis.com/")
    });
    found.extend(named);
    found
}

fn sessions(alert: &AlertFacts) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for id in lower(alert, "session") {
        // The id of a program that many people log in with.
        if id.ends_with(".apps.googleusercontent.com") {
            continue;
        }
        if id.len() >= SHORT_SESSION {
            found.insert(id);
        } else {
            found.extend(hosts(alert).map(|host| format!("{host}/{id}")));
        }
    }
    found
}

/// Accounts that everybody uses, and programs of a cloud itself.
fn is_everybody(id: &str) -> bool {
    let name = id.rsplit('\\').next().unwrap_or(id);
    const NAMES: [&str; 15] = [
        "",
        "-",
        "system",
        "root",
        "local service",
        "network service",
        "anonymous logon",
        "anonymous",
        "system:anonymous",
        "system:unauthenticated",
        "nobody",
        "0",
        "s-1-5-18",
        "s-1-5-19",
        "s-1-5-20",
    ];
    NAMES.contains(&name) || name.ends_with(".amazonaws.com")
}

/// Accounts of which each machine or cluster has its own under the same name.
fn is_local(id: &str) -> bool {
    const NAMES: [&str; 20] = [
        "admin",
        "administrator",
        "azureuser",
        "centos",
        "daemon",
        "debian",
        "ec2-user",
        "guest",
        "mysql",
        "nginx",
        "oracle",
        "postgres",
        "apache",
        "sa",
        "test",
        "ubuntu",
        "user",
        "www-data",
        "git",
        "deploy",
    ];
    NAMES.contains(&id) || id.starts_with("system:") || id.len() < 3 || id.chars().all(|digit| digit.is_ascii_digit())
}

/// Resources that are somebody.
fn is_identity(id: &str) -> bool {
    id.starts_with("arn:") && id.contains(":iam::") && id.contains(":user/")
        || id.contains('@') && !id.contains('/') && !id.contains(':')
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            !(address.is_private() || address.is_loopback() || address.is_link_local() || address.is_unspecified())
        }
        IpAddr::V6(address) => !(address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()),
    }
}
