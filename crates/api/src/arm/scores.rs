use axum::{Json, extract::Path};
use serde_json::{Value, json};
use skywarden_content::SecurityControl;
use skywarden_model::ControlScore;

use super::{
    Answer,
    ground::account,
    subscription::{Subscription, subscription},
};
use crate::{error::ApiError, scoped::Scoped};

/// The only score that there is.
const SCORE: &str = "ascScore";

pub(crate) async fn list(state: Scoped, Path(id): Path<String>) -> Answer {
    let subscription = subscription(&state, &id).await?;
    Ok(Json(json!({ "value": score_object(&subscription).into_iter().collect::<Vec<_>>() })))
}

pub(crate) async fn one(state: Scoped, Path((id, score)): Path<(String, String)>) -> Answer {
    is_known(&score)?;
    let score = score_object(&subscription(&state, &id).await?);
    score.map(Json).ok_or_else(|| ApiError::not_found("secure score of this subscription: nothing was assessed in it yet"))
}

pub(crate) async fn controls(state: Scoped, Path(id): Path<String>) -> Answer {
    let subscription = subscription(&state, &id).await?;
    let judged = |control: &&ControlScore| control.healthy + control.unhealthy > 0;
    let controls = subscription.score.iter().flat_map(|score| &score.controls);
    let value: Vec<Value> = controls.filter(judged).map(|control| control_object(&state, &subscription.id, control)).collect();
    Ok(Json(json!({ "value": value })))
}

pub(crate) async fn controls_of(state: Scoped, Path((id, score)): Path<(String, String)>) -> Answer {
    is_known(&score)?;
    controls(state, Path(id)).await
}

pub(crate) async fn definitions(state: Scoped) -> Answer {
    let value: Vec<Value> = state.catalog.controls.iter().map(|control| definition(&state, control)).collect();
    Ok(Json(json!({ "value": value })))
}

pub(crate) async fn definitions_in(state: Scoped, Path(id): Path<String>) -> Answer {
    account(&state, &id).await?;
    definitions(state).await
}

fn is_known(score: &str) -> Result<(), ApiError> {
    if score.eq_ignore_ascii_case(SCORE) { Ok(()) } else { Err(ApiError::not_found("such secure score; its name is ascScore")) }
}

fn score_object(subscription: &Subscription) -> Option<Value> {
    let score = subscription.score.as_ref()?;
    Some(json!({
        "id": format!("/subscriptions/{}/providers/Microsoft.Security/secureScores/{SCORE}", subscription.id),
        "name": SCORE,
        "type": "Microsoft.Security/secureScores",
        "properties": {
            "displayName": "ASC score",
            "score": { "max": score.max, "current": round_two(score.current), "percentage": score.percentage },
            "weight": score.weight,
        }
    }))
}

fn control_object(state: &Scoped, subscription: &str, control: &ControlScore) -> Value {
    let known = state.catalog.control(&control.id);
    let key = known.map(|control| control.key.clone()).unwrap_or_default();
    json!({
        "id": format!("/subscriptions/{subscription}/providers/Microsoft.Security/secureScores/{SCORE}/secureScoreControls/{key}"),
        "name": key,
        "type": "Microsoft.Security/secureScores/secureScoreControls",
        "properties": {
            "displayName": control.title,
            "healthyResourceCount": control.healthy,
            "unhealthyResourceCount": control.unhealthy,
            "notApplicableResourceCount": control.not_applicable + control.unknown,
            "score": { "max": control.max, "current": round_two(control.current), "percentage": control.percentage },
            "weight": control.healthy + control.unhealthy,
            "definition": known.map(|control| definition(state, control)),
        }
    })
}

fn definition(state: &Scoped, control: &SecurityControl) -> Value {
    let recommendations = state.catalog.recommendations.values().filter(|known| known.file.control == control.id);
    let assessments: Vec<Value> = recommendations
        .map(|known| json!({ "id": format!("/providers/Microsoft.Security/assessmentMetadata/{}", known.key) }))
        .collect();
    json!({
        "id": format!("/providers/Microsoft.Security/secureScoreControlDefinitions/{}", control.key),
        "name": control.key,
        "type": "Microsoft.Security/secureScoreControlDefinitions",
        "properties": {
            "displayName": control.title,
            "maxScore": control.max_score,
            "source": { "sourceType": "BuiltIn" },
            "assessmentDefinitions": assessments,
        }
    })
}

fn round_two(points: f64) -> f64 {
    (points * 100.0).round() / 100.0
}
