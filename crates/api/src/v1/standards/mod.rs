//! Standards: how they stand, their trees, their history, their reports; those of one's own; what people attested.

pub(crate) mod attestations;
pub(crate) mod custom;
mod history;
mod tree;

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Json,
    extract::{Path, Query},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::json;
use skywarden_model::{Assessment, Coverage, Timestamp};
use skywarden_posture::{Standards, standard_states};
use skywarden_report::{Cover, ReportError, StandardReport, standard_report};
use skywarden_store::{OwnStandards, ScopeFilter};

use self::tree::{ControlState, Origin, Tree};
use super::{Answer, scope::ScopeQuery};
use crate::{AppState, error::ApiError, scoped::Scoped};

pub(crate) use history::history;

/// What the roll-ups of a reader need.
pub(crate) struct Judged {
    own: OwnStandards,
    assessments: Vec<Assessment>,
    coverage: Vec<Coverage>,
}

impl Judged {
    pub(crate) async fn read(state: &Scoped, filter: &ScopeFilter) -> Result<Self, ApiError> {
        let rows = state.store.assessments(filter).await?;
        Ok(Self {
            own: state.store.own_standards(filter).await?,
            assessments: rows.into_iter().map(|row| row.assessment).collect(),
            coverage: state.store.coverage(filter).await?,
        })
    }

    /// The same for one standard: accounts in which it is not there are left out.
    async fn read_for(state: &Scoped, filter: &ScopeFilter, id: &str) -> Result<Self, ApiError> {
        let own = state.store.own_standards(filter).await?;
        let narrowed = own.narrowed(filter, &state.catalog, id, Timestamp::now());
        Self::read(state, narrowed.as_ref().unwrap_or(filter)).await
    }

    pub(crate) fn standards<'a>(&'a self, state: &'a AppState) -> Standards<'a> {
        self.own.with(&state.catalog, Timestamp::now())
    }

    fn report<'a>(&'a self, standards: &Standards<'a>, id: &str) -> Result<StandardReport<'a>, ApiError> {
        let report = standard_report(standards, id, &self.assessments, &self.coverage);
        report.ok_or_else(|| ApiError::not_found("such standard"))
    }

    pub(crate) fn assessments(&self) -> &[Assessment] {
        &self.assessments
    }

    pub(crate) fn coverage(&self) -> &[Coverage] {
        &self.coverage
    }
}

fn origin(state: &Scoped, own: &OwnStandards, id: &str) -> Origin {
    if own.is_custom(&state.catalog, id) { Origin::Installation } else { Origin::Elsewhere }
}

pub(crate) async fn list(state: Scoped, Query(scope): Query<ScopeQuery>) -> Answer {
    let filter = scope.filter(&state).await?;
    let judged = Judged::read(&state, &filter).await?;
    let standards = judged.standards(&state);
    let mut all = standard_states(&standards, &judged.assessments, &judged.coverage);
    // What is there in a part of the accounts (plans are off elsewhere, or it is not assigned there) is rolled up over that part.
    let mut parts: Vec<(ScopeFilter, BTreeSet<&str>)> = Vec::new();
    for file in standards.files() {
        let Some(part) = judged.own.narrowed(&filter, &state.catalog, &file.id, Timestamp::now()) else { continue };
        match parts.iter_mut().find(|(known, _)| *known == part) {
            Some((_, ids)) => drop(ids.insert(&file.id)),
            None => parts.push((part, BTreeSet::from([file.id.as_str()]))),
        }
    }
    let mut read = Vec::new();
    for (part, ids) in parts {
        read.push((Judged::read(&state, &part).await?, ids));
    }
    for (part, ids) in &read {
        let of_part = standard_states(&part.standards(&state), &part.assessments, &part.coverage);
        all.extend(of_part.into_iter().filter(|(id, _)| ids.contains(id)));
    }
    let mut items = Vec::new();
    for (id, states) in all {
        let Some(file) = standards.get(id) else { continue };
        let mut by_state: BTreeMap<ControlState, u64> = BTreeMap::new();
        tree::walk(&file.controls, &mut |control| {
            let own_id = control.id.as_str();
            if let Some(own) = states.controls.get(own_id) {
                let is_for_person = || control.manual.is_some() || states.unattested.contains(own_id);
                *by_state.entry(skywarden_report::ControlState::of(*own, is_for_person).into()).or_default() += 1;
            }
        });
        items.push(json!({ "id": id, "title": file.title, "description": file.description, "version": file.version,
                           "environments": file.environments, "custom": origin(&state, &judged.own, id) == Origin::Installation,
                           "state": states.state, "controlsByState": by_state,
                           "percentage": tree::percentage(&by_state) }));
    }
    Ok(Json(json!({ "items": items })))
}

pub(crate) async fn one(state: Scoped, Path(id): Path<String>, Query(scope): Query<ScopeQuery>) -> Answer {
    let judged = Judged::read_for(&state, &scope.filter(&state).await?, &id).await?;
    let standards = judged.standards(&state);
    let report = judged.report(&standards, &id)?;
    let file = standards.get(&id).ok_or_else(|| ApiError::not_found("such standard"))?;
    Ok(Json(json!(Tree::new(file, &report, origin(&state, &judged.own, &id)))))
}

/// The form of a report.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Csv,
    Pdf,
    Html,
}

#[derive(Deserialize)]
pub(crate) struct ReportQuery {
    #[serde(default)]
    format: Format,
    connector: Option<String>,
    account: Option<String>,
}

pub(crate) async fn report(
    state: Scoped,
    Path(id): Path<String>,
    Query(query): Query<ReportQuery>,
) -> Result<Response, ApiError> {
    let scope = ScopeQuery::new(query.connector, query.account);
    let filter = scope.filter(&state).await?;
    let judged = Judged::read_for(&state, &filter, &id).await?;
    let standards = judged.standards(&state);
    let report = judged.report(&standards, &id)?;
    let failed = |error: ReportError| {
        tracing::error!(%error, "a report could not be written");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "ReportFailed", "the report could not be written; see the server's log")
    };
    let (kind, ending, body) = match query.format {
        Format::Csv => ("text/csv; charset=utf-8", "csv", skywarden_report::csv(&report).map_err(failed)?),
        Format::Pdf => {
            // The report is as old as the oldest run that it rests on.
            let assessed = state.store.assessed(&filter).await?;
            let at = assessed.iter().filter_map(|own| own.at.parse::<Timestamp>().ok()).min();
            let words = scope.words();
            ("application/pdf", "pdf", skywarden_report::pdf(&report, Cover { scope: &words, at }).map_err(failed)?)
        }
        Format::Html => {
            return Err(ApiError::new(
                StatusCode::NOT_FOUND,
                "FeatureNotAvailable",
                "this server writes reports of a standard as CSV and PDF only; `skywarden report` writes HTML",
            ));
        }
    };
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}.{ending}\"", file_name(&id))),
    ];
    Ok((headers, body).into_response())
}

/// An id as a header and every file system can hold it.
fn file_name(id: &str) -> String {
    let is_plain = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    id.chars().map(|letter| if is_plain(&letter) { letter } else { '_' }).collect()
}
