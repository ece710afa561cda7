use axum::{Json, extract::Path};
use serde::Deserialize;
use serde_json::{Value, json};
use skywarden_model::{Coverage, Status};
use skywarden_posture::{ComplianceState, ControlResult, OtherCheck, StandardResult};
use skywarden_store::AssessmentQuery;

use super::{Answer, subscription::subscription};
use crate::{error::ApiError, scoped::Scoped, v1::standards::Judged};

/// The path of a standard, a control of it, a check of that.
#[derive(Deserialize)]
pub(crate) struct StandardPath {
    subscription: String,
    #[serde(default)]
    standard: String,
    #[serde(default)]
    control: String,
    #[serde(default)]
    check: String,
}

/// ARM's states: `Unknown` and `Manual` are controls that cannot be judged automatically, `Unsupported`; `NotApplicable` ones are
/// skipped.
fn arm_state(state: ComplianceState) -> &'static str {
    match state {
        ComplianceState::Passed => "Passed",
        ComplianceState::Failed => "Failed",
        ComplianceState::NotApplicable => "Skipped",
        ComplianceState::Unknown | ComplianceState::Manual => "Unsupported",
    }
}

pub(crate) async fn standards(state: Scoped, Path(path): Path<StandardPath>) -> Answer {
    let value: Vec<Value> = results(&state, &path).await?.iter().map(|result| standard_object(&path, result)).collect();
    Ok(Json(json!({ "value": value })))
}

pub(crate) async fn standard(state: Scoped, Path(path): Path<StandardPath>) -> Answer {
    Ok(Json(standard_object(&path, &result(&state, &path).await?)))
}

pub(crate) async fn controls(state: Scoped, Path(path): Path<StandardPath>) -> Answer {
    let result = result(&state, &path).await?;
    let value: Vec<Value> = leaves(&result.controls).into_iter().map(|control| control_object(&path, control)).collect();
    Ok(Json(json!({ "value": value })))
}

pub(crate) async fn control(state: Scoped, Path(path): Path<StandardPath>) -> Answer {
    let result = result(&state, &path).await?;
    Ok(Json(control_object(&path, leaf(&result, &path)?)))
}

pub(crate) async fn checks(state: Scoped, Path(path): Path<StandardPath>) -> Answer {
    Ok(Json(json!({ "value": check_objects(&state, &path).await? })))
}

pub(crate) async fn check(state: Scoped, Path(path): Path<StandardPath>) -> Answer {
    let known = check_objects(&state, &path).await?;
    let found = known.into_iter().find(|check| check.get("name").and_then(Value::as_str) == Some(path.check.as_str()));
    found.map(Json).ok_or_else(|| ApiError::not_found("such check in this control"))
}

async fn results(state: &Scoped, path: &StandardPath) -> Result<Vec<StandardResult>, ApiError> {
    let subscription = subscription(state, &path.subscription).await?;
    // Nothing that was looked at is neither met nor missed.
    if subscription.score.is_none() {
        return Ok(Vec::new());
    }
    let judged = Judged::read(state, &subscription.filter).await?;
    let standards = judged.standards(state);
    let rolled_up = |id: &str| skywarden_posture::compliance(&standards, id, judged.assessments(), judged.coverage());
    Ok(standards.files().filter_map(|file| rolled_up(&file.id)).collect())
}

async fn result(state: &Scoped, path: &StandardPath) -> Result<StandardResult, ApiError> {
    let judged = judged(state, path).await?;
    let standards = judged.standards(state);
    let result = skywarden_posture::compliance(&standards, &path.standard, judged.assessments(), judged.coverage());
    result.ok_or_else(|| ApiError::not_found("such standard"))
}

async fn judged(state: &Scoped, path: &StandardPath) -> Result<Judged, ApiError> {
    let subscription = subscription(state, &path.subscription).await?;
    if subscription.score.is_none() {
        return Err(ApiError::not_found("standard that was judged in this subscription: nothing was assessed in it yet"));
    }
    Judged::read(state, &subscription.filter).await
}

fn leaves(controls: &[ControlResult]) -> Vec<&ControlResult> {
    let below = |control: &ControlResult| !control.controls.is_empty();
    controls.iter().flat_map(|control| if below(control) { leaves(&control.controls) } else { vec![control] }).collect()
}

fn leaf<'a>(result: &'a StandardResult, path: &StandardPath) -> Result<&'a ControlResult, ApiError> {
    let known = leaves(&result.controls);
    let found = known.into_iter().find(|control| control.id.eq_ignore_ascii_case(&path.control));
    found.ok_or_else(|| ApiError::not_found("such control in this standard"))
}

fn prefix(path: &StandardPath) -> String {
    format!("/subscriptions/{}/providers/Microsoft.Security/regulatoryComplianceStandards", path.subscription)
}

fn standard_object(path: &StandardPath, result: &StandardResult) -> Value {
    let count = |wanted: &str| -> u64 {
        let of = result.controls_by_state.iter().filter(|(state, _)| arm_state(**state) == wanted);
        of.map(|(_, count)| count).sum()
    };
    json!({
        "id": format!("{}/{}", prefix(path), result.id),
        "name": result.id,
        "type": "Microsoft.Security/regulatoryComplianceStandards",
        "properties": {
            "state": arm_state(result.state),
            "passedControls": count("Passed"),
            "failedControls": count("Failed"),
            "skippedControls": count("Skipped"),
            "unsupportedControls": count("Unsupported"),
        }
    })
}

fn control_object(path: &StandardPath, control: &ControlResult) -> Value {
    json!({
        "id": format!("{}/{}/regulatoryComplianceControls/{}", prefix(path), path.standard, control.id),
        "name": control.id,
        "type": "Microsoft.Security/regulatoryComplianceStandards/regulatoryComplianceControls",
        "properties": {
            "description": control.title,
            "state": arm_state(control.state),
            "passedAssessments": control.passed,
            "failedAssessments": control.failed,
            "skippedAssessments": control.not_applicable + control.unknown,
        }
    })
}

/// One entry per check of a control, with the resources of the recommendation by verdict.
async fn check_objects(state: &Scoped, path: &StandardPath) -> Result<Vec<Value>, ApiError> {
    let subscription = subscription(state, &path.subscription).await?;
    let judged = judged(state, path).await?;
    let standards = judged.standards(state);
    let result = skywarden_posture::compliance(&standards, &path.standard, judged.assessments(), judged.coverage());
    let result = result.ok_or_else(|| ApiError::not_found("such standard"))?;
    let control = leaf(&result, path)?;
    let counts = state.store.recommendation_counts(&subscription.filter, &AssessmentQuery::default()).await?;
    let coverage = state.store.coverage(&subscription.filter).await?;
    let mut objects = Vec::new();
    for check in &control.checks {
        if let Some((key, own)) = check.strip_prefix("custom:").zip(standards.other_check(check)) {
            objects.push(custom_object(path, control, key, own));
            continue;
        }
        // A baseline rule is a finding of a recommendation and has no assessment of its own.
        let Some(known) = state.catalog.recommendations.get(check.as_str()) else { continue };
        let count = counts.iter().find(|count| count.recommendation == *check).cloned().unwrap_or_default();
        // A listing that failed hides resources: what is left of them must not pass, nor be skipped.
        let is_hidden = |entry: &Coverage| entry.list_failure().is_some() && entry.type_name.as_str() == known.file.type_name;
        let hidden = u64::from(coverage.iter().any(is_hidden));
        let arm_state = match (count.unhealthy, count.unknown + hidden, count.healthy) {
            (1.., _, _) => "Failed",
            (0, 1.., _) => "Unsupported",
            (0, 0, 1..) => "Passed",
            (0, 0, 0) => "Skipped",
        };
        objects.push(json!({
            "id": format!("{}/{}/regulatoryComplianceControls/{}/regulatoryComplianceAssessments/{}",
                          prefix(path), path.standard, control.id, known.key),
            "name": known.key,
            "type": "Microsoft.Security/regulatoryComplianceStandards/regulatoryComplianceControls/regulatoryComplianceAssessments",
            "properties": {
                "description": known.file.title,
                "assessmentType": "Assessment",
                "assessmentDetailsLink": format!("/recommendations/{}", known.file.id),
                "state": arm_state,
                "passedResources": count.healthy,
                "failedResources": count.unhealthy,
                "skippedResources": count.not_applicable,
                "unsupportedResources": count.unknown,
            }
        }));
    }
    Ok(objects)
}

/// The entry of a custom recommendation, whose verdicts are the states of its policy.
fn custom_object(path: &StandardPath, control: &ControlResult, key: &str, check: &OtherCheck) -> Value {
    let count = |wanted: Status| check.verdicts.iter().filter(|(_, status)| *status == wanted).count();
    let (healthy, unhealthy, unknown) = (count(Status::Healthy), count(Status::Unhealthy), count(Status::Unknown));
    let arm_state = match (unhealthy, unknown, healthy) {
        (1.., _, _) => "Failed",
        (0, 1.., _) => "Unsupported",
        (0, 0, 1..) => "Passed",
        (0, 0, 0) => "Skipped",
    };
    json!({
        "id": format!("{}/{}/regulatoryComplianceControls/{}/regulatoryComplianceAssessments/{key}",
                      prefix(path), path.standard, control.id),
        "name": key,
        "type": "Microsoft.Security/regulatoryComplianceStandards/regulatoryComplianceControls/regulatoryComplianceAssessments",
        "properties": {
            "description": check.title,
            "assessmentType": "Assessment",
            "state": arm_state,
            "passedResources": healthy,
            "failedResources": unhealthy,
            "skippedResources": count(Status::NotApplicable),
            "unsupportedResources": unknown,
        }
    })
}
