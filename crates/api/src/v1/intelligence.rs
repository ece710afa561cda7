//! What is known to be bad, and where from: how each feed of threat intelligence is doing.

use axum::Json;
use serde_json::{Value, json};
use skywarden_content::IndicatorKind;
use skywarden_ingest::intelligence::{FeedFacts, FeedStatus};

use super::Answer;
use crate::scoped::Scoped;

/// Every feed. They belong to the installation.
pub(crate) async fn list(state: Scoped) -> Answer {
    state.everywhere()?;
    let feeds = state.logs.as_ref().map(|desk| desk.feeds()).unwrap_or_default();
    let items: Vec<Value> = feeds.iter().map(|(facts, status)| feed(facts, status)).collect();
    Ok(Json(json!({ "items": items })))
}

fn feed(facts: &FeedFacts, status: &FeedStatus) -> Value {
    let state = match (&status.problem, status.last_read) {
        (Some(_), _) => "Failing",
        (None, None) => "NothingYet",
        (None, Some(_)) => "Current",
    };
    // Nothing until the feed was read: that is not none.
    let n = |kind: IndicatorKind| status.n_by_kind.get(&kind);
    let left_out = status.left_out.iter().map(|(reason, count)| json!({ "reason": reason, "count": count }));
    let unusable = status.unusable.iter().map(|one| json!({ "place": one.place, "reason": one.reason }));
    json!({
        "id": facts.id,
        "kind": facts.kind,
        "state": state,
        "nAddresses": n(IndicatorKind::Address),
        "nDomains": n(IndicatorKind::Domain),
        "nUrls": n(IndicatorKind::Url),
        "nHashes": n(IndicatorKind::Hash),
        "leftOut": left_out.collect::<Vec<_>>(),
        "nUnusable": status.n_unusable,
        "unusable": unusable.collect::<Vec<_>>(),
        "lastRead": status.last_read,
        "problem": status.problem,
        "nFailures": status.n_failures,
    })
}
