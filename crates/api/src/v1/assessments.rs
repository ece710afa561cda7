//! Assessments, by page and as a whole.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::{
    BoxError, Json,
    body::Body,
    extract::Query,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use futures_util::{TryStreamExt as _, stream};
use serde::Deserialize;
use serde_json::json;
use skywarden_content::{Catalog, RecommendationFile};
use skywarden_model::{Severity, Status};
use skywarden_store::{AssessmentQuery, AssessmentRow};

use super::{Answer, DEFAULT_LIMIT};
use crate::{error::ApiError, scoped::Scoped};

/// Rows that an export reads at once.
const BATCH: u32 = 500;

/// The columns of an export as CSV.
const HEAD: [&str; 13] = [
    "status",
    "severity",
    "recommendation",
    "title",
    "resource",
    "name",
    "type",
    "connector",
    "account",
    "location",
    "cause",
    "firstEvaluatedAt",
    "statusChangedAt",
];

/// What of them is wanted; all that is given must hold.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    recommendation: Option<String>,
    severity: Option<Severity>,
    control: Option<String>,
    status: Option<Status>,
    #[serde(rename = "type")]
    type_name: Option<String>,
    connector: Option<String>,
    account: Option<String>,
    location: Option<String>,
    q: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
    #[serde(default)]
    format: Format,
}

/// How an export is written.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    /// An object a line, as the items of a page are.
    #[default]
    Jsonl,
    Csv,
}

impl Asked {
    fn query(self, catalog: &Catalog) -> AssessmentQuery {
        AssessmentQuery {
            recommendations: self.recommendations(catalog),
            status: self.status,
            type_name: self.type_name,
            connector: self.connector,
            account: self.account,
            location: self.location,
            text: self.q,
            cursor: self.cursor,
            limit: self.limit.unwrap_or(DEFAULT_LIMIT),
        }
    }

    /// The recommendations that are meant; `None` is all.
    fn recommendations(&self, catalog: &Catalog) -> Option<BTreeSet<String>> {
        if self.severity.is_none() && self.control.is_none() {
            return self.recommendation.clone().map(|id| [id].into());
        }
        let is_meant = |file: &RecommendationFile| {
            self.recommendation.as_ref().is_none_or(|id| *id == file.id)
                && self.severity.is_none_or(|severity| severity == file.severity)
                && self.control.as_ref().is_none_or(|control| *control == file.control)
        };
        let files = catalog.recommendations.values().map(|own| &own.file);
        Some(files.filter(|file| is_meant(file)).map(|file| file.id.clone()).collect())
    }
}

/// `GET /assessments`: a page, with the counts of all pages.
pub(crate) async fn list(state: Scoped, Query(asked): Query<Asked>) -> Answer {
    let query = asked.query(&state.catalog);
    let page = state.store.assessment_page(&state.filter, &query).await?;
    let counts = state.store.assessment_counts(&state.filter, &query).await?;
    let counts: BTreeMap<String, u64> = counts.into_iter().map(|(status, count)| (status.to_string(), count)).collect();
    let mut answer = json!(page);
    if let Some(members) = answer.as_object_mut() {
        members.insert("counts".to_owned(), json!(counts));
    }
    Ok(Json(answer))
}

/// `GET /assessments/export`: all that a query finds, in the order of its pages and read like them, so that memory holds one page of it
/// however many there are. What a scan changes meanwhile may be told as it was or as it is.
pub(crate) async fn export(state: Scoped, Query(asked): Query<Asked>) -> Result<Response, ApiError> {
    let format = asked.format;
    let query = AssessmentQuery { limit: BATCH, ..asked.query(&state.catalog) };
    let head = match format {
        Format::Jsonl => String::new(),
        Format::Csv => format!("{}\r\n", HEAD.join(",")),
    };
    let state = Arc::new(state);
    let batches = stream::try_unfold((Some(query), Some(head)), move |(query, head)| {
        let state = Arc::clone(&state);
        async move {
            let Some(query) = query else { return Ok(None) };
            let page = state.store.assessment_page(&state.filter, &query).await?;
            let mut text = head.unwrap_or_default();
            match format {
                Format::Jsonl => {
                    for row in &page.items {
                        text.push_str(&json!(row).to_string());
                        text.push('\n');
                    }
                }
                Format::Csv => text.push_str(&csv(&state.catalog, &page.items)?),
            }
            let rest = page.next.map(|next| AssessmentQuery { cursor: Some(next), ..query });
            Ok(Some((text, (rest, None))))
        }
    });
    // The client sees that its answer ends too early.
    let batches = batches.inspect_err(|error: &BoxError| tracing::error!(%error, "an export broke off"));
    let mut response = Body::from_stream(batches).into_response();
    let (content_type, disposition) = match format {
        Format::Jsonl => ("application/x-ndjson", "attachment; filename=\"skywarden-assessments.jsonl\""),
        Format::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"skywarden-assessments.csv\""),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(disposition));
    Ok(response)
}

fn csv(catalog: &Catalog, rows: &[AssessmentRow]) -> Result<String, BoxError> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        let assessment = &row.assessment;
        let file = catalog.recommendations.get(&assessment.recommendation).map(|own| &own.file);
        let cells: [&str; 13] = [
            &assessment.status.to_string(),
            &file.map(|file| file.severity.to_string()).unwrap_or_default(),
            &*assessment.recommendation,
            file.map_or("", |file| file.title.as_str()),
            assessment.resource.as_str(),
            &row.name,
            &row.type_name,
            &row.connector,
            &row.account,
            &row.location,
            assessment.cause.as_ref().map_or("", |cause| cause.message.as_str()),
            &row.first_evaluated_at,
            &row.status_changed_at,
        ];
        writer.write_record(cells.map(skywarden_report::cell))?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}
