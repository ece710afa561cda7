use std::collections::BTreeMap;

use axum::{
    Json,
    body::Bytes,
    extract::Query,
    http::header,
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use skywarden_bundle::{Bundle, File, Problem};
use skywarden_model::Timestamp;
use skywarden_policy::{ObjectKind, PolicyObject};
use skywarden_store::{ObjectChange, PolicyRun};

use super::assignments::ById;
use crate::{AppState, error::ApiError, scoped::Scoped, v1::Answer};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ImportQuery {
    /// Only tell what would be taken.
    #[serde(default)]
    dry_run: bool,
}

/// Takes objects in Azure's JSON (one, a list, a page), in YAML, or a zip archive of such files.
pub(crate) async fn import(state: Scoped, Query(query): Query<ImportQuery>, body: Bytes) -> Answer {
    let files = if body.starts_with(b"PK\x03\x04") {
        skywarden_bundle::unpack(&body).map_err(|error| ApiError::bad_request(error.to_string()))?
    } else {
        let first = body.iter().find(|byte| !byte.is_ascii_whitespace() && ![0xef, 0xbb, 0xbf].contains(*byte));
        let is_json = first.is_some_and(|byte| matches!(byte, b'{' | b'[') || *byte >= 0xfe);
        vec![File { name: if is_json { "request.json" } else { "request.yaml" }.to_owned(), bytes: body.to_vec() }]
    };
    let bundle = skywarden_bundle::read(files);
    for (object, _) in &bundle.objects {
        state.may_at(&object.kind().write_action(), &object.governed_at())?;
        may_set_aside(&state, object)?;
    }
    let mut answer = told(&bundle);
    if !query.dry_run && !bundle.objects.is_empty() {
        let (change, run) = take(&state, &bundle.objects).await?;
        let more = json!({
            "change": { "added": change.n_added, "changed": change.n_changed, "same": change.n_same },
            "judged": { "resources": run.n_resources, "states": run.n_states, "changed": run.n_written },
        });
        answer = super::assignments::with(answer, more);
    }
    Ok(Json(answer))
}

/// What Azure asks for at an assignment of whoever exempts something from it.
const EXEMPT: &str = "Microsoft.Authorization/policyAssignments/exempt/action";

/// That an exemption is from an assignment that the caller may exempt from: else whoever holds a subscription would lift in it what a
/// management group above assigned.
pub(crate) fn may_set_aside(state: &Scoped, object: &PolicyObject) -> Result<(), ApiError> {
    match object {
        PolicyObject::Exemption(own) => state.may_at(EXEMPT, &ObjectKind::Assignment.place(&own.assignment_id)),
        _ => Ok(()),
    }
}

/// Writes objects, each of which was read without a mistake and may be written by the caller, and judges anew what they touch.
pub(crate) async fn take(state: &AppState, objects: &[(PolicyObject, Value)]) -> Result<(ObjectChange, PolicyRun), ApiError> {
    let change = state.store.put_policies(objects).await?;
    let run = state.store.judge_all_policies(&state.catalog, Timestamp::now()).await?;
    Ok((change, run))
}

/// Takes objects away and judges anew what rested on them; `None` if there was none of them.
pub(crate) async fn take_away(state: &AppState, ids: &[String]) -> Result<Option<PolicyRun>, ApiError> {
    if state.store.remove_policies(ids).await?.n_removed == 0 {
        return Ok(None);
    }
    Ok(Some(state.store.judge_all_policies(&state.catalog, Timestamp::now()).await?))
}

fn told(bundle: &Bundle) -> Value {
    let mut read: BTreeMap<&str, u64> = BTreeMap::new();
    for (object, _) in &bundle.objects {
        *read.entry(object.kind().name()).or_default() += 1;
    }
    let ids: Vec<&str> = bundle.objects.iter().take(1000).map(|(object, _)| object.id()).collect();
    let problems: Vec<Value> = bundle.problems.iter().take(1000).map(problem).collect();
    json!({ "read": read, "ids": ids, "problems": problems, "problemCount": bundle.problems.len(), "ignored": bundle.ignored })
}

pub(super) fn problem(problem: &Problem) -> Value {
    json!({ "file": problem.file, "line": problem.place.map(|(line, _)| line), "column": problem.place.map(|(_, column)| column),
            "pointer": problem.pointer, "message": problem.message, "help": problem.help })
}

/// Everything that the caller may see as a zip archive.
pub(crate) async fn export(state: Scoped) -> Result<Response, ApiError> {
    let kept = state.store.policy_library().await?;
    let seen = kept.library.documents().filter(|(id, kind, _)| state.sees(&kind.place(id)));
    let files = skywarden_bundle::files(seen.map(|(_, kind, document)| (kind, document)));
    let archive = skywarden_bundle::pack(&files).map_err(|error| ApiError::bad_request(error.to_string()))?;
    let headers =
        [(header::CONTENT_TYPE, "application/zip"), (header::CONTENT_DISPOSITION, "attachment; filename=\"policies.zip\"")];
    Ok((headers, archive).into_response())
}

/// Takes an object away and judges anew.
pub(crate) async fn remove(state: Scoped, Query(query): Query<ById>) -> Answer {
    let kept = state.store.policy_library().await?;
    let wanted = query.id.to_lowercase();
    let known = kept.library.documents().find(|(id, _, _)| *id == wanted).map(|(id, kind, _)| (kind, id));
    let (kind, id) = known.filter(|(kind, id)| state.sees(&kind.place(id))).ok_or_else(|| ApiError::not_found("such object"))?;
    state.may_at(&kind.delete_action(), &kind.governed_at(id))?;
    let run = take_away(&state, &[query.id]).await?.ok_or_else(|| ApiError::not_found("such object"))?;
    Ok(Json(json!({ "judged": { "resources": run.n_resources, "states": run.n_states, "changed": run.n_written } })))
}
