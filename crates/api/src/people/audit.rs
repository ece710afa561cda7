//! The audit log.

use axum::{
    Json,
    body::Body,
    extract::Query,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;
use skywarden_store::AuditQuery;

use crate::{error::ApiError, scoped::Scoped, v1::Answer};

/// Lines of a page, and of what is read at once for an export.
const BATCH: u32 = 500;

/// The query of `GET /audit`.
#[derive(Deserialize)]
pub(crate) struct Asked {
    top: Option<u32>,
    before: Option<u64>,
    principal: Option<String>,
    action: Option<String>,
    target: Option<String>,
}

/// `GET /audit`, newest first.
pub(crate) async fn list(state: Scoped, Query(asked): Query<Asked>) -> Answer {
    state.everywhere()?;
    let limit = asked.top.unwrap_or(50).clamp(1, BATCH);
    let some = |text: Option<String>| text.filter(|text| !text.is_empty());
    let query = AuditQuery {
        before: asked.before,
        principal: some(asked.principal),
        action: some(asked.action),
        target: some(asked.target),
        limit,
    };
    let lines = state.store.audit(&query).await?;
    let is_full = u32::try_from(lines.len()).is_ok_and(|n_lines| n_lines == limit);
    let next = lines.last().filter(|last| is_full && last.number > 1).map(|last| last.number);
    Ok(Json(json!({ "items": lines, "next": next })))
}

/// `GET /audit/verification`: recomputes the chain.
pub(crate) async fn verification(state: Scoped) -> Answer {
    state.everywhere()?;
    Ok(Json(match state.store.verify_audit().await? {
        Ok(proof) => json!({ "intact": true, "lines": proof.n_lines, "newestHash": proof.newest, "firstBroken": null }),
        Err(broken) => json!({ "intact": false, "firstBroken": broken.number, "why": broken.why }),
    }))
}

/// `GET /audit/export`: all of it as JSON lines, oldest first, a batch at a time.
pub(crate) async fn export(state: Scoped) -> Result<Response, ApiError> {
    state.everywhere()?;
    let store = state.store.clone();
    let batches = stream::try_unfold(1, move |next| {
        let store = store.clone();
        async move {
            let lines = store.audit_from(next, BATCH).await?;
            let Some(last) = lines.last() else { return Ok(None) };
            let after = last.number + 1;
            let mut text = String::new();
            for line in &lines {
                text.push_str(&json!(line).to_string());
                text.push('\n');
            }
            Ok::<_, skywarden_store::StoreError>(Some((text, after)))
        }
    });
    let mut response = Body::from_stream(batches).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"skywarden-audit.jsonl\""));
    Ok(response)
}
