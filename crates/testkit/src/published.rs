//! What Azure publishes: definitions and initiatives in a folder of JSON files, and a resource to judge by them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde_json::{Map, Value, json};
use skywarden_model::{Carried, Resource, Scope};

/// The JSON files below a folder, in order.
///
/// # Errors
/// If a folder can't be read.
pub fn paths(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let doing = || format!("could not read {}", folder.display());
        for entry in fs::read_dir(&folder).with_context(doing)? {
            let path = entry.with_context(doing)?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// One of those documents.
///
/// # Errors
/// If the file can't be read or is no JSON.
pub fn document(path: &Path) -> anyhow::Result<Value> {
    let text = fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
    serde_json::from_str(text.trim_start_matches('\u{feff}')).with_context(|| format!("{} is no JSON", path.display()))
}

/// The definitions and initiatives by their names.
///
/// # Errors
/// If a file can't be read or is no JSON.
pub fn by_name(folder: &Path) -> anyhow::Result<BTreeMap<String, Value>> {
    let mut found = BTreeMap::new();
    for path in paths(folder)? {
        // Another cloud of Azure's, with older copies under the same names.
        if path.components().any(|part| part.as_os_str() == "Azure Government") {
            continue;
        }
        let document = document(&path)?;
        if let Some(name) = document.get("name").and_then(Value::as_str) {
            found.insert(name.to_owned(), document);
        }
    }
    Ok(found)
}

/// A storage account.
pub fn account() -> Resource {
    let id = "/subscriptions/s1/resourceGroups/rg1/providers/Microsoft.Storage/storageAccounts/fernhollow";
    Resource {
        id: id.into(),
        type_name: "Microsoft.Storage/storageAccounts".into(),
        name: "fernhollow".to_owned(),
        scope: Scope { connector: "azure".into(), account: "s1".into(), resource_group: "rg1".into() },
        location: Some("westeurope".to_owned()),
        tags: BTreeMap::from([("env".to_owned(), "prod".to_owned())]),
        envelope: Map::from_iter([
            ("kind".to_owned(), json!("StorageV2")),
            ("sku".to_owned(), json!({ "name": "Standard_LRS", "tier": "Standard" })),
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
