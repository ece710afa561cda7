//! Where logs come from: how each input is doing, and what is posted to those that take posts.

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, header},
    routing::post,
};
use serde_json::{Value, json};
use skywarden_ingest::{Desk, IngestError, InputFacts, InputStatus, inputs::Posted};
use skywarden_model::Timestamp;

use super::Answer;
use crate::{AppState, error::ApiError, scoped::Scoped};

/// An input that has brought nothing for so long is quiet, in seconds.
const QUIET: i64 = 900;

/// So many of the last texts that could not be read are shown.
const N_BAD_LINES: usize = 20;

pub(super) fn long_routes() -> Router<AppState> {
    Router::new().route("/logInputs/{input}/events", post(take))
}

/// Every input. They belong to the installation, and so does what lies with the dead letters.
pub(crate) async fn list(state: Scoped) -> Answer {
    state.everywhere()?;
    let Some(desk) = state.logs.clone() else {
        return Ok(Json(json!({ "since": Timestamp::now(), "items": [], "problems": [] })));
    };
    let catalog = state.catalog.clone();
    let answer = tokio::task::spawn_blocking(move || {
        let title = |source: &str| catalog.log_sources.get(source).map_or_else(|| source.to_owned(), |file| file.title.clone());
        let now = Timestamp::now();
        let inputs = desk.inputs();
        let items: Vec<Value> =
            inputs.iter().map(|(facts, status)| input(&desk, facts, status, &title(&facts.source), now)).collect();
        let shared = desk.shared();
        let problems = shared.iter().filter_map(|(what, status)| {
            let problem = status.problem.as_ref()?;
            Some(json!({ "what": what, "reason": problem.reason, "since": problem.since }))
        });
        json!({ "since": desk.since(), "items": items, "problems": problems.collect::<Vec<_>>() })
    });
    Ok(Json(
        answer
            .await
            .map_err(|_| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "Failed", "the inputs could not be looked at"))?,
    ))
}

fn input(desk: &Desk, facts: &InputFacts, status: &InputStatus, title: &str, now: Timestamp) -> Value {
    let is_quiet = |last: Timestamp| now.as_second() - last.as_second() > QUIET;
    let state = match (&status.problem, status.last_received) {
        (Some(_), _) => "Failing",
        (None, None) => "NothingYet",
        (None, Some(last)) if is_quiet(last) => "Quiet",
        (None, Some(_)) => "Reading",
    };
    let letters = desk.dead_letters(&facts.id, N_BAD_LINES);
    let unread = letters.as_ref().err().map(|error| format!("the dead letters can't be read: {error}"));
    let letters = letters.unwrap_or_default();
    let bad_lines = letters
        .iter()
        .map(|letter| json!({ "at": letter.received, "stream": letter.stream, "reason": letter.reason, "text": letter.start }));
    // Thousandths of a second say more than anybody knows.
    let lag = status.lag.map(|lag| (lag + 500).div_euclid(1_000));
    json!({
        "id": facts.id,
        "source": facts.source,
        "sourceTitle": title,
        "from": facts.kind,
        "takesPosts": desk.is_open(&facts.id),
        "state": state,
        "nTexts": status.n_texts,
        "nBytes": status.n_bytes,
        "nEvents": status.n_events,
        "nRepeated": status.n_repeated,
        "nBad": status.n_bad,
        "perSecond": status.rate.per_second(now),
        "lagSeconds": lag,
        "behind": status.behind,
        "lastReceived": status.last_received,
        "lastEvent": status.last_event,
        "problem": status.problem,
        "nFailures": status.n_failures,
        "badLines": bad_lines.collect::<Vec<_>>(),
        "badLinesUnread": unread,
    })
}

/// Takes in what is posted: it is safe when the answer comes.
pub(crate) async fn take(
    state: Scoped,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Answer {
    state.everywhere()?;
    let desk = state.logs.clone().filter(|desk| desk.is_open(&id)).ok_or_else(|| ApiError::not_found("such input to post to"))?;
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = body.map_err(|rejection| ApiError::new(rejection.status(), "InvalidRequest", rejection.body_text()))?;
    let taken = desk.take(&id, Posted { content_type, body: body.to_vec() }).await.map_err(|error| match error {
        IngestError::Post(error) => ApiError::bad_request(error.to_string()),
        IngestError::NoInput(_) => ApiError::not_found("such input to post to"),
        error => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "NotKept", format!("{error}; send it again")),
    })?;
    Ok(Json(json!({ "taken": taken.n_taken, "refused": taken.n_refused })))
}
