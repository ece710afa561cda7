//! Exemptions of many resources in one request: all of them, or none.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Json,
    extract::rejection::JsonRejection,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::json;
use skywarden_model::{Exemption, ExemptionCategory, ExemptionScope, Status, Timestamp};
use skywarden_store::{AssessmentQuery, AssessmentTarget};

use super::{Decision, check_decision, judge_anew, judge_connectors, may_decide};
use crate::{error::ApiError, scoped::Scoped};

/// Resources that one request may exempt. Whoever means more means every resource, which is one exemption.
const MAX_RESOURCES: usize = 5000;

/// One decision on many resources.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewExemptions {
    recommendation: String,
    /// These ids.
    #[serde(default)]
    resources: Option<BTreeSet<String>>,
    /// What a list of the recommendation's assessments shows under these filters.
    #[serde(default)]
    matching: Option<Matching>,
    category: ExemptionCategory,
    reason: String,
    #[serde(default)]
    expires_at: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Matching {
    #[serde(default)]
    status: Option<Status>,
    #[serde(default)]
    q: Option<String>,
    /// How many assessments the person saw that it would cover: if it is another number by now, nothing is exempted.
    expected: u64,
}

pub(crate) async fn add(state: Scoped, body: Result<Json<NewExemptions>, JsonRejection>) -> Result<Response, ApiError> {
    let Json(new) = body?;
    let now = Timestamp::now();
    check_decision(
        &state,
        &Decision { recommendation: &new.recommendation, reason: &new.reason, expires_at: new.expires_at },
        now,
    )?;
    let targets = targets(&state, &new).await?;
    // What does not apply, or is exempt already, needs no decision.
    let (settled, open): (Vec<_>, Vec<_>) = targets.into_iter().partition(|target| target.status == Status::NotApplicable);
    let exemption = |target: &AssessmentTarget| Exemption {
        id: uuid::Uuid::new_v4().to_string(),
        recommendation: new.recommendation.clone(),
        finding: None,
        scope: ExemptionScope::Resource { id: target.resource.as_str().into() },
        category: new.category,
        reason: new.reason.clone(),
        expires_at: new.expires_at,
        created_at: now,
        created_by: state.caller.name.clone(),
    };
    let exemptions: Vec<Exemption> = open.iter().map(exemption).collect();
    state.store.put_exemptions(&exemptions).await?;
    judge_connectors(&state, &open.into_iter().map(|target| target.connector).collect(), now).await?;
    let ids: Vec<&str> = exemptions.iter().map(|exemption| exemption.id.as_str()).collect();
    Ok((StatusCode::CREATED, Json(json!({ "created": ids.len(), "notApplicable": settled.len(), "ids": ids }))).into_response())
}

async fn targets(state: &Scoped, new: &NewExemptions) -> Result<Vec<AssessmentTarget>, ApiError> {
    let query = AssessmentQuery { recommendation: Some(new.recommendation.clone()), ..AssessmentQuery::default() };
    let wanted = match (&new.resources, &new.matching) {
        (Some(ids), None) if !ids.is_empty() => {
            limit(ids.len())?;
            ids
        }
        (None, Some(matching)) => return targets_matching(state, query, matching).await,
        _ => return Err(ApiError::bad_request("give either `resources`, at least one, or `matching`")),
    };
    let known = state.store.assessment_targets(&state.filter, &query).await?;
    let mut known: BTreeMap<String, AssessmentTarget> =
        known.into_iter().map(|target| (target.resource.clone(), target)).collect();
    let mut targets = Vec::with_capacity(wanted.len());
    for id in wanted {
        let target = known.remove(id);
        targets.push(target.ok_or_else(|| ApiError::bad_request(format!("the recommendation judges no resource `{id}`")))?);
    }
    Ok(targets)
}

async fn targets_matching(
    state: &Scoped,
    mut query: AssessmentQuery,
    matching: &Matching,
) -> Result<Vec<AssessmentTarget>, ApiError> {
    query.status = matching.status;
    query.text.clone_from(&matching.q);
    let targets = state.store.assessment_targets(&state.filter, &query).await?;
    if u64::try_from(targets.len()) != Ok(matching.expected) {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "Changed",
            format!("{} resources match now, not {}; look at them again", targets.len(), matching.expected),
        ));
    }
    limit(targets.len())?;
    Ok(targets)
}

fn limit(n_resources: usize) -> Result<(), ApiError> {
    if n_resources <= MAX_RESOURCES {
        return Ok(());
    }
    Err(ApiError::bad_request(format!(
        "{n_resources} resources are more than the {MAX_RESOURCES} of one request: narrow the filter, or exempt the recommendation everywhere"
    )))
}

/// Exemptions that are to end now.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lifted {
    ids: BTreeSet<String>,
}

pub(crate) async fn lift(state: Scoped, body: Result<Json<Lifted>, JsonRejection>) -> Result<Response, ApiError> {
    let Json(Lifted { ids }) = body?;
    let missing = |id: &str| ApiError::not_found(&format!("exemption `{id}`"));
    let known = state.store.exemptions(&state.filter).await?;
    let mut known: BTreeMap<String, ExemptionScope> = known.into_iter().map(|own| (own.id, own.scope)).collect();
    let mut scopes = Vec::with_capacity(ids.len());
    // Each of them: what the caller does not see must not be lifted beside what they do.
    for id in &ids {
        let scope = known.remove(id).ok_or_else(|| missing(id))?;
        may_decide(&state, &scope).await?;
        scopes.push(scope);
    }
    let ids: Vec<String> = ids.into_iter().collect();
    if let Some(id) = state.store.remove_exemptions(&ids).await? {
        return Err(missing(&id));
    }
    judge_anew(&state, &scopes, Timestamp::now()).await?;
    Ok(Json(json!({ "lifted": ids.len() })).into_response())
}
