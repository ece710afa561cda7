//! `Microsoft.Security/softwareInventories`, api-version 2021-05-01-preview: the packages of machines, as their package manager
//! lists them. What could not be read, and what nobody reads, is no empty list.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{OriginalUri, Path, Query},
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};
use skywarden_model::{ArmId, FieldPath, Resource};
use skywarden_store::ResourceQuery;

use super::{
    Answer,
    assessments::{Paging, ResourcePath, resource},
    ground::account,
    next_link, not_available,
};
use crate::{error::ApiError, scoped::Scoped};

const VERSION: &str = "2021-05-01-preview";

/// The type of which software is read.
const MACHINES: &str = "Skywarden.Host/machines";

/// Machines of a page: each has thousands of packages at most.
const MACHINES_AT_ONCE: u32 = 20;

/// What is known of a machine's software.
enum Software {
    /// By the name in its address.
    Read(BTreeMap<String, Value>),
    /// For this reason it is not known.
    NotRead(String),
}

/// The software of a subscription's machines: that of a page of machines at a time. Machines of which it could not be read are
/// named in the header `warning`.
pub(crate) async fn of_subscription(
    state: Scoped,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, ApiError> {
    let (connector, account) = account(&state, &id).await?;
    let is_first = paging.skip_token.is_none();
    let query = ResourceQuery {
        type_name: Some(MACHINES.to_owned()),
        connector: Some(connector),
        account: Some(account),
        cursor: paging.skip_token,
        limit: MACHINES_AT_ONCE,
        ..ResourceQuery::default()
    };
    let page = state.store.resources(&state.filter, &query).await?;
    if is_first && page.items.is_empty() {
        return Err(not_available(&uri));
    }
    let (mut value, mut not_read) = (Vec::new(), Vec::new());
    for machine in &page.items {
        match software(machine) {
            Software::Read(own) => value.extend(own.into_values()),
            Software::NotRead(_) => not_read.push(machine.id.as_str()),
        }
    }
    if is_first && page.next.is_none() && not_read.len() == page.items.len() {
        return Err(not_read_of(&format!("none of the {} machines", page.items.len()), "see their health reports"));
    }
    let mut answer = Json(next_link(&state, uri.path(), VERSION, &[], value, page.next)).into_response();
    let note = format!(
        "299 skywarden \"the software of {} machines of this page could not be read: {}\"",
        not_read.len(),
        not_read.join(", ")
    );
    // A name that fits in no header is told by the machine's own list and health report.
    if let Ok(note) = HeaderValue::from_str(&note)
        && !not_read.is_empty()
    {
        answer.headers_mut().insert(header::WARNING, note);
    }
    Ok(answer)
}

pub(crate) async fn of_resource(state: Scoped, Path(path): Path<ResourcePath>, OriginalUri(uri): OriginalUri) -> Answer {
    let own = of_machine(&state, &path, &uri).await?;
    Ok(Json(json!({ "value": own.into_values().collect::<Vec<_>>() })))
}

pub(crate) async fn one(state: Scoped, Path(path): Path<ResourcePath>, OriginalUri(uri): OriginalUri) -> Answer {
    let mut own = of_machine(&state, &path, &uri).await?;
    own.remove(&path.software).map(Json).ok_or_else(|| ApiError::not_found("such software"))
}

async fn of_machine(state: &Scoped, path: &ResourcePath, uri: &Uri) -> Result<BTreeMap<String, Value>, ApiError> {
    let machine = resource(state, path).await?;
    if machine.type_name.as_str() != MACHINES {
        return Err(not_available(uri));
    }
    match software(&machine) {
        Software::Read(own) => Ok(own),
        Software::NotRead(reason) => Err(not_read_of(machine.id.as_str(), &reason)),
    }
}

fn not_read_of(what: &str, reason: &str) -> ApiError {
    let message = format!("the software of {what} could not be read: {reason}");
    ApiError::new(StatusCode::NOT_FOUND, "SoftwareNotRead", message)
}

fn software(machine: &Resource) -> Software {
    let packages = machine.properties.get("packages").and_then(Value::as_array);
    let field: Option<FieldPath> = "properties.packages".parse().ok();
    let failure = machine.unreadable.iter().find(|own| field.as_ref().is_some_and(|field| own.field.covers(field)));
    let (Some(packages), None) = (packages, failure) else {
        let reason = failure.map(|own| own.reason.sentence());
        return Software::NotRead(reason.unwrap_or_else(|| "it was not read when the machine was".to_owned()));
    };
    let id = ArmId::of(machine);
    let platform = machine.properties.pointer("/os/id").cloned().unwrap_or_else(|| json!("Linux"));
    // A package of two architectures is one piece of software.
    let mut found = BTreeMap::new();
    for package in packages {
        let text = |name: &str| package.get(name).and_then(Value::as_str).unwrap_or_default();
        let name = format!("{}_{}", text("name"), text("version"));
        let object = json!({
            "id": format!("{id}/providers/Microsoft.Security/softwareInventories/{name}"),
            "name": name,
            "type": "Microsoft.Security/softwareInventories",
            "properties": { "deviceId": machine.id, "osPlatform": platform, "softwareName": text("name"), "version": text("version") },
        });
        found.insert(name, object);
    }
    Software::Read(found)
}
