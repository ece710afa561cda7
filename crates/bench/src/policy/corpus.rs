//! Azure's own definitions: reading all of them, and judging one resource by all of them.

use std::{
    hint::black_box,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde_json::{Map, Value, json};
use skywarden_model::{Carried, Resource, Scope, Timestamp};
use skywarden_policy::{Definition, NoNeighbours};
use skywarden_rule::{Input, Parameters};

use crate::{
    measure::{median, timed},
    policy::RUNS,
};

/// Prints what the cases about Azure's definitions take.
pub(crate) fn costs(folder: &Path) -> anyhow::Result<()> {
    let documents = paths(folder)?.iter().map(|path| document(path)).collect::<anyhow::Result<Vec<Value>>>()?;
    let (rules, _): (Vec<&Value>, Vec<&Value>) =
        documents.iter().partition(|document| document.pointer("/properties/policyRule").is_some());
    let mut times = Vec::with_capacity(RUNS);
    let mut definitions = Vec::new();
    for _ in 0..RUNS {
        let (parsed, cpu, _) = timed(|| rules.iter().map(|document| Definition::parse(document)).collect::<Result<Vec<_>, _>>());
        definitions = parsed.map_err(|errors| anyhow::anyhow!("{errors:?}"))?;
        times.push(cpu);
    }
    println!("{} definitions compiled: {:.3} s CPU", definitions.len(), median(times));
    all_on_one(&definitions)
}

fn all_on_one(definitions: &[Definition]) -> anyhow::Result<()> {
    const ROUNDS: usize = 20;
    let none = Parameters::new();
    let bound: Vec<_> = definitions.iter().filter_map(|definition| definition.bind(&none).ok()).collect();
    let resource = account();
    let now = Timestamp::UNIX_EPOCH;
    let input = Input { resource: &resource, facts: None, parameters: &none, around: None, now };
    let mut times = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let ((), cpu, _) = timed(|| {
            for _ in 0..ROUNDS {
                for bound in &bound {
                    black_box(bound.judge(&input, &NoNeighbours));
                }
            }
        });
        times.push(cpu / ROUNDS as f64);
    }
    println!("one resource by {} definitions without a filter of types: {:.3} ms CPU", bound.len(), median(times) * 1e3);
    Ok(())
}

/// The paths of the JSON documents below a folder, in order.
pub(crate) fn paths(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| format!("could not read {}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    Ok(paths)
}

/// One of those documents.
pub(crate) fn document(path: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
    serde_json::from_str(text.trim_start_matches('\u{feff}')).with_context(|| format!("{} is no JSON", path.display()))
}

fn account() -> Resource {
    let id = "/subscriptions/s1/resourceGroups/rg1/providers/Microsoft.Storage/storageAccounts/fernhollow";
    Resource {
        id: id.into(),
        type_name: "Microsoft.Storage/storageAccounts".into(),
        name: "fernhollow".to_owned(),
        scope: Scope { connector: "azure".into(), account: "s1".into(), resource_group: "rg1".into() },
        location: Some("westeurope".to_owned()),
        tags: [("env".to_owned(), "prod".to_owned())].into(),
        envelope: Map::from_iter([
            ("kind".to_owned(), json!("StorageV2")),
            ("sku".to_owned(), json!({ "name": "Standard_LRS" })),
        ]),
        properties: json!({
            "supportsHttpsTrafficOnly": true,
            "minimumTlsVersion": "TLS1_2",
            "allowBlobPublicAccess": false,
            "allowSharedKeyAccess": true,
            "publicNetworkAccess": "Enabled",
            "networkAcls": { "bypass": "AzureServices", "defaultAction": "Allow", "ipRules": [], "virtualNetworkRules": [] },
            "encryption": { "keySource": "Microsoft.Storage", "services": { "blob": { "enabled": true, "keyType": "Account" } } },
            "privateEndpointConnections": [],
        }),
        unreadable: Vec::new(),
        carried: Carried::All,
    }
}
