//! Connectors: what they cover, how their last reading went, what they lack.

pub(crate) mod azure;
mod azure_asked;
mod azure_told;
pub(crate) mod defender;

use std::collections::{BTreeMap, BTreeSet};

use axum::{Json, extract::Path, http::StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use skywarden_model::{Connector, Coverage, Environment, Timestamp, UnreadableKind, setting};
use skywarden_posture::ScorePart;
use skywarden_store::{AccountCount, Attempt, ChangePoll, ConnectorCoverage, CoverageCounts, ScorePoint};

use super::{
    Answer,
    missing::{permissions_of, reasons_of},
};
use crate::{arm, error::ApiError, scoped::Scoped};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConnectorRow<'a> {
    id: &'a str,
    display_name: &'a str,
    environment: Environment,
    sample: bool,
    /// The organisation that the account came with.
    #[serde(skip_serializing_if = "Option::is_none")]
    member_of: Option<&'a str>,
    /// Whether it leads to the accounts of an organisation and has nothing of its own.
    organization: bool,
    accounts: Vec<Account<'a>>,
    /// How the last reading went; absent where nothing was ever tried, as with a recording.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<Value>,
    /// How asking the provider for changes went, where that is done between readings.
    #[serde(skip_serializing_if = "Option::is_none")]
    poll: Option<Value>,
    /// When what is shown of it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    taken_at: Option<Timestamp>,
    coverage: CoverageCounts,
    /// Why listings and reads failed.
    failures: Vec<Failure<'a>>,
    /// Permissions whose lack explains some of that.
    missing_permissions: usize,
}

#[derive(Serialize)]
struct Account<'a> {
    account: &'a str,
    resources: u64,
    /// The score's percentage, where there is one.
    score: Option<f64>,
}

/// One way of failing, with how many listings and reads failed so.
#[derive(Serialize)]
struct Failure<'a> {
    kind: UnreadableKind,
    code: &'a str,
    /// Listings and reads.
    count: u64,
    /// One of them, in the provider's words.
    example: String,
}

pub(crate) async fn list(state: Scoped) -> Answer {
    let connectors = state.store.connectors(&state.filter).await?;
    let attempts = state.store.attempts(&state.filter).await?;
    let polls = state.store.change_polls(&state.filter).await?;
    let coverage = state.store.connector_coverage(&state.filter).await?;
    let counts = state.store.account_counts(&state.filter).await?;
    let scores = state.score_parts(Timestamp::MAX, Timestamp::MAX).await?.latest;
    let row = |connector| {
        row(
            connector,
            (attempts.get(id_of(connector)), polls.get(id_of(connector))),
            coverage.get(id_of(connector)),
            &counts,
            &scores,
        )
    };
    let items: Vec<ConnectorRow<'_>> = connectors.iter().map(row).collect();
    Ok(Json(json!({ "items": items })))
}

fn id_of(connector: &Connector) -> &str {
    connector.id.as_str()
}

fn row<'a>(
    connector: &'a Connector,
    (attempt, poll): (Option<&Attempt>, Option<&ChangePoll>),
    coverage: Option<&'a ConnectorCoverage>,
    counts: &'a [AccountCount],
    scores: &'a [ScorePoint<ScorePart>],
) -> ConnectorRow<'a> {
    let entries = coverage.map(|own| own.entries.as_slice()).unwrap_or_default();
    let permissions: BTreeSet<&str> = entries.iter().flat_map(permissions_of).collect();
    ConnectorRow {
        id: id_of(connector),
        display_name: &connector.display_name,
        environment: connector.environment,
        sample: connector.sample,
        member_of: connector.setting(setting::MEMBER_OF),
        organization: connector.is_organization(),
        accounts: accounts(id_of(connector), counts, scores),
        attempt: attempt.map(|own| json!({ "at": own.at, "succeededAt": own.succeeded_at, "error": own.error })),
        poll: poll.map(|own| json!({ "at": own.at, "error": own.error })),
        taken_at: coverage.and_then(|own| own.taken_at),
        coverage: CoverageCounts::of(entries),
        failures: failures(entries),
        missing_permissions: permissions.len(),
    }
}

fn accounts<'a>(connector: &str, counts: &'a [AccountCount], scores: &'a [ScorePoint<ScorePart>]) -> Vec<Account<'a>> {
    let mut accounts: BTreeMap<&str, (u64, Option<f64>)> = BTreeMap::new();
    for count in counts.iter().filter(|count| count.connector == connector) {
        accounts.entry(&count.account).or_default().0 = count.n_resources;
    }
    for point in scores.iter().filter(|point| point.connector == connector) {
        accounts.entry(&point.account).or_default().1 = (point.score.max > 0.0).then_some(point.score.outline.percentage);
    }
    accounts.into_iter().map(|(account, (resources, score))| Account { account, resources, score }).collect()
}

/// The ways of failing, the most frequent first.
fn failures(entries: &[Coverage]) -> Vec<Failure<'_>> {
    let mut by_way: BTreeMap<(UnreadableKind, &str), (u64, String)> = BTreeMap::new();
    for reason in entries.iter().flat_map(reasons_of) {
        let own = by_way.entry((reason.kind, &reason.code)).or_insert_with(|| (0, reason.sentence()));
        own.0 += 1;
    }
    let failure = |((kind, code), (count, example))| Failure { kind, code, count, example };
    let mut failures: Vec<Failure<'_>> = by_way.into_iter().map(failure).collect();
    failures.sort_by(|left, right| (right.count, left.kind, left.code).cmp(&(left.count, right.kind, right.code)));
    failures
}

pub(crate) async fn disconnect(state: Scoped, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let known = state.store.connectors(&state.filter).await?;
    let Some(connector) = known.iter().find(|own| own.id.as_str() == id) else {
        return Err(ApiError::not_found("such connector"));
    };
    arm::check_member(&state, connector).await?;
    if state.everywhere().is_err() {
        // With a connector goes all that it reads.
        let accounts = state.store.accounts_with(&id).await?;
        accounts.iter().try_for_each(|(connector, account)| state.in_account(connector, account))?;
    }
    let was_there = state.store.remove_connector(&id).await?;
    if was_there { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::not_found("such connector")) }
}
