//! What a test of a login found: what may be read where, what stays unknown for what is missing, and how to mend it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use skywarden_collect::{AzureNeeds, AzureProbe, AzureRights};
use skywarden_content::Catalog;
use skywarden_model::UnreadableReason;

use super::azure_asked::Wanted;

/// The file that the custom role is kept in.
const ROLE_FILE: &str = "skywarden-reader.json";

pub(super) fn told(catalog: &Catalog, wanted: &Wanted, probe: &AzureProbe) -> Value {
    let needs = AzureNeeds::of(catalog);
    let scopes = scopes(wanted, probe);
    let subscriptions: Vec<Value> =
        probe.subscriptions.iter().map(|(id, rights)| subscription(catalog, &needs, id, rights)).collect();
    let directory: Vec<Value> = probe
        .directory
        .iter()
        .map(|(permission, failure)| {
            let types = needs.directory.get(permission);
            json!({
                "permission": permission,
                "granted": failure.is_none(),
                "reason": failure.as_ref().map(UnreadableReason::sentence),
                "recommendations": judged(catalog, types).len(),
            })
        })
        .collect();
    let unseen = probe.unseen.iter().map(|(id, reason)| json!({ "id": id, "reason": reason.sentence() }));
    json!({
        "tenant": probe.tenant,
        "actions": needs.actions.len(),
        "subscriptions": subscriptions,
        "unseen": unseen.collect::<Vec<_>>(),
        "directory": directory,
        "role": needs.role(&scopes),
        "commands": commands(wanted, &scopes),
    })
}

fn subscription(catalog: &Catalog, needs: &AzureNeeds, id: &str, rights: &AzureRights) -> Value {
    let missing = match rights {
        AzureRights::Unknown(reason) => {
            return json!({ "id": id, "state": "notKnown", "reason": reason.sentence(), "missing": [], "recommendations": Value::Null });
        }
        AzureRights::Missing(missing) => missing,
    };
    let mut all: BTreeSet<&str> = BTreeSet::new();
    let rows: Vec<Value> = missing
        .iter()
        .map(|action| {
            let types = needs.actions.get(action);
            let own = judged(catalog, types);
            let n_own = own.len();
            all.extend(own);
            json!({ "permission": action, "types": types, "recommendations": n_own })
        })
        .collect();
    let state = if missing.is_empty() { "complete" } else { "incomplete" };
    json!({ "id": id, "state": state, "reason": Value::Null, "missing": rows, "recommendations": all.len() })
}

/// The recommendations that judge resources of some types.
fn judged<'c>(catalog: &'c Catalog, types: Option<&'c BTreeSet<String>>) -> BTreeSet<&'c str> {
    let mut found = BTreeSet::new();
    for type_name in types.into_iter().flatten() {
        found.extend(catalog.recommendations_for(type_name).map(|own| own.file.id.as_str()));
    }
    found
}

/// Where the role is to be assigned: the management group, else what was asked for, else what is seen.
fn scopes(wanted: &Wanted, probe: &AzureProbe) -> Vec<String> {
    if let Some(group) = &wanted.management_group {
        return vec![format!("/providers/Microsoft.Management/managementGroups/{group}")];
    }
    let ids: BTreeSet<&String> =
        wanted.subscriptions.iter().chain(probe.subscriptions.keys()).chain(probe.unseen.keys()).collect();
    ids.into_iter().map(|id| format!("/subscriptions/{id}")).collect()
}

/// What somebody who may assign roles runs.
fn commands(wanted: &Wanted, scopes: &[String]) -> Vec<String> {
    let who = wanted.client_id.as_deref().unwrap_or("OBJECT-ID-OF-THE-IDENTITY");
    let make = format!("az role definition create --role-definition {ROLE_FILE}");
    let assign = scopes
        .iter()
        .map(|scope| format!("az role assignment create --assignee {who} --role \"Skywarden Reader\" --scope {scope}"));
    std::iter::once(make).chain(assign).collect()
}
