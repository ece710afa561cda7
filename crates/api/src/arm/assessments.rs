use axum::{
    Json,
    extract::{OriginalUri, Path, Query},
};
use serde::Deserialize;
use serde_json::{Value, json};
use skywarden_content::Recommendation;
use skywarden_model::{ArmId, Cause, Finding, Resource, ResourceId, Scope, Severity, Status, native_id_of};
use skywarden_store::{AssessmentQuery, AssessmentRow};

use super::{Answer, descriptions::Descriptions, ground::account, next_link, objects::metadata, subscription::subscription};
use crate::{AppState, error::ApiError, scoped::Scoped};

/// The api-version that links to next pages carry.
const VERSION: &str = "2021-06-01";

/// Rows of a page; the next is behind `nextLink`.
pub(super) const PAGE: u32 = 500;

#[derive(Deserialize)]
pub(crate) struct Paging {
    #[serde(rename = "$skiptoken", alias = "$skipToken")]
    pub(super) skip_token: Option<String>,
}

/// The assessments of a subscription, a page at a time.
pub(crate) async fn of_subscription(
    state: Scoped,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
    OriginalUri(uri): OriginalUri,
) -> Answer {
    let (rows, next) = page(&state, &id, paging).await?;
    let descriptions = Descriptions::of_rows(&state, &rows).await?;
    let value: Vec<Value> = rows.iter().filter_map(|row| assessment_object(&state, &descriptions, row)).collect();
    Ok(Json(next_link(&state, uri.path(), VERSION, &[], value, next)))
}

/// The findings of a subscription: those of one page of its assessments at a time, so a page may be empty.
pub(crate) async fn findings_of_subscription(
    state: Scoped,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
    OriginalUri(uri): OriginalUri,
) -> Answer {
    let (rows, next) = page(&state, &id, paging).await?;
    let value: Vec<Value> = rows.iter().flat_map(|row| finding_objects(&state, row)).collect();
    Ok(Json(next_link(&state, uri.path(), VERSION, &[], value, next)))
}

async fn page(state: &Scoped, id: &str, paging: Paging) -> Result<(Vec<AssessmentRow>, Option<String>), ApiError> {
    let subscription = subscription(state, id).await?;
    let query = AssessmentQuery { cursor: paging.skip_token, limit: PAGE, ..AssessmentQuery::default() };
    let page = state.store.assessment_page(&subscription.filter, &query).await?;
    Ok((page.items, page.next))
}

/// The path of one of our resources, and of what lies at it.
#[derive(Default, Deserialize)]
pub(crate) struct ResourcePath {
    subscription: String,
    group: String,
    connector: String,
    entity: String,
    #[serde(default)]
    pub(super) assessment: String,
    #[serde(default)]
    finding: String,
    #[serde(default)]
    pub(super) report: String,
    #[serde(default)]
    pub(super) software: String,
}

impl ResourcePath {
    pub(super) fn new(subscription: &str, group: &str, connector: &str, entity: &str) -> Self {
        let [subscription, group, connector, entity] = [subscription, group, connector, entity].map(str::to_owned);
        Self { subscription, group, connector, entity, ..Self::default() }
    }
}

pub(crate) async fn of_resource(state: Scoped, Path(path): Path<ResourcePath>) -> Answer {
    let resource = resource(&state, &path).await?;
    let rows = state.store.assessments_on(&state.filter, resource.id.as_str()).await?;
    let descriptions = Descriptions::of_rows(&state, &rows).await?;
    let value: Vec<Value> = rows.iter().filter_map(|row| assessment_object(&state, &descriptions, row)).collect();
    Ok(Json(json!({ "value": value })))
}

pub(crate) async fn one(state: Scoped, Path(path): Path<ResourcePath>) -> Answer {
    let row = row(&state, &path).await?;
    let descriptions = Descriptions::of_rows(&state, std::slice::from_ref(&row)).await?;
    assessment_object(&state, &descriptions, &row).map(Json).ok_or_else(|| ApiError::not_found("such assessment"))
}

pub(crate) async fn findings(state: Scoped, Path(path): Path<ResourcePath>) -> Answer {
    let row = row(&state, &path).await?;
    Ok(Json(json!({ "value": finding_objects(&state, &row) })))
}

pub(crate) async fn finding(state: Scoped, Path(path): Path<ResourcePath>) -> Answer {
    let row = row(&state, &path).await?;
    let known = finding_objects(&state, &row);
    let found = known.into_iter().find(|finding| finding.get("name").and_then(Value::as_str) == Some(path.finding.as_str()));
    found.map(Json).ok_or_else(|| ApiError::not_found("such sub-assessment"))
}

/// The resource of a path; a path with another subscription, group or connector than the resource's own finds nothing.
pub(super) async fn resource(state: &Scoped, path: &ResourcePath) -> Result<Resource, ApiError> {
    let (arm_id, native) = native_of(path)?;
    let missing = || ApiError::not_found("such resource");
    let (resource, _) = state.store.resource(&state.filter, native.as_str()).await?.ok_or_else(missing)?;
    if ArmId::of(&resource).as_str().eq_ignore_ascii_case(&arm_id) { Ok(resource) } else { Err(missing()) }
}

/// The id of ARM that a path begins with, and the native one inside it.
pub(super) fn native_of(path: &ResourcePath) -> Result<(String, ResourceId), ApiError> {
    let ResourcePath { subscription, group, connector, entity, .. } = path;
    let arm_id = format!(
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Security/securityConnectors/{connector}/securityEntityData/{entity}"
    );
    let native = native_id_of(&arm_id).map_err(|_| ApiError::not_found("such resource"))?;
    Ok((arm_id, native))
}

async fn row(state: &Scoped, path: &ResourcePath) -> Result<AssessmentRow, ApiError> {
    let resource = resource(state, path).await?;
    let found = state.store.assessment(&state.filter, resource.id.as_str(), &id_by_key(state, &path.assessment)).await?;
    found.ok_or_else(|| ApiError::not_found("such assessment"))
}

/// The key of an assessment that a resource has, as the recommendation spells it.
pub(super) async fn key_of(state: &Scoped, resource: &Resource, given: &str) -> Result<String, ApiError> {
    let found = state.store.assessment(&state.filter, resource.id.as_str(), &id_by_key(state, given)).await?;
    found.ok_or_else(|| ApiError::not_found("such assessment"))?;
    Ok(by_key(state, given).map_or_else(|| given.to_lowercase(), |recommendation| recommendation.key.clone()))
}

pub(super) fn by_key<'a>(state: &'a AppState, key: &str) -> Option<&'a Recommendation> {
    state.catalog.recommendations.values().find(|recommendation| recommendation.key.eq_ignore_ascii_case(key))
}

/// The id under which assessments with a key are kept: the recommendation's, or for those that clients write the key itself.
pub(super) fn id_by_key(state: &AppState, key: &str) -> String {
    by_key(state, key).map_or_else(|| key.to_lowercase(), |recommendation| recommendation.file.id.clone())
}

pub(super) fn arm_id(row: &AssessmentRow) -> ArmId {
    let scope = Scope {
        connector: row.connector.as_str().into(),
        account: row.account.as_str().into(),
        resource_group: row.location.as_str().into(),
    };
    ArmId::of_parts(&row.assessment.resource, &scope)
}

pub(super) fn assessment_object(state: &Scoped, descriptions: &Descriptions, row: &AssessmentRow) -> Option<Value> {
    let described = descriptions.of(&state.catalog, row)?;
    let arm_id = arm_id(row);
    let is_unknown = row.assessment.status == Status::Unknown;
    let more = row.written.as_ref().map(|own| json!(own.additional_data));
    let more = more.unwrap_or_else(|| if is_unknown { json!({ "verdict": "Unknown" }) } else { json!({}) });
    Some(json!({
        "id": format!("{arm_id}/providers/Microsoft.Security/assessments/{}", described.key),
        "name": described.key,
        "type": "Microsoft.Security/assessments",
        "properties": {
            "displayName": described.title,
            "resourceDetails": { "source": source_of(&row.type_name), "id": arm_id.as_str() },
            "status": status(row),
            "additionalData": more,
        }
    }))
}

/// ARM has no Unknown: NotApplicable with cause `Unreadable`, the missing permission in the description.
fn status(row: &AssessmentRow) -> Value {
    let assessment = &row.assessment;
    let code = if assessment.status == Status::Unknown { Status::NotApplicable } else { assessment.status };
    let mut status =
        json!({ "code": code, "firstEvaluationDate": row.first_evaluated_at, "statusChangeDate": row.status_changed_at });
    if let Some(members) = status.as_object_mut() {
        match &row.written {
            None => members.extend(cause(assessment.status, assessment.cause.as_deref())),
            Some(written) => {
                let texts = [("cause", &written.cause), ("description", &written.description)];
                members.extend(texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), json!(text.as_ref()?)))));
            }
        }
    }
    status
}

fn cause(status: Status, cause: Option<&Cause>) -> serde_json::Map<String, Value> {
    let mut members = serde_json::Map::new();
    if let Some(cause) = cause {
        let name = if status == Status::Unknown { json!("Unreadable") } else { json!(cause.code) };
        members.insert("cause".to_owned(), name);
        members.insert("description".to_owned(), json!(cause.message));
    }
    members
}

fn finding_objects(state: &Scoped, row: &AssessmentRow) -> Vec<Value> {
    let Some(recommendation) = state.catalog.recommendations.get(&row.assessment.recommendation) else { return Vec::new() };
    let arm_id = arm_id(row);
    let of = |finding: &Finding| {
        let rule = state.catalog.baselines.values().find_map(|rules| rules.get(&finding.id));
        let mut status = json!({ "code": finding_code(finding.status), "severity": arm_severity(finding.severity) });
        if let Some(members) = status.as_object_mut() {
            members.extend(cause(finding.status, finding.cause.as_deref()));
        }
        json!({
            "id": format!("{arm_id}/providers/Microsoft.Security/assessments/{}/subAssessments/{}", recommendation.key, finding.id),
            "name": finding.id,
            "type": "Microsoft.Security/assessments/subAssessments",
            "properties": {
                "id": finding.id,
                "displayName": finding.title,
                "status": status,
                "remediation": rule.map(|rule| rule.file.remediation.steps.clone()),
                "description": rule.map(|rule| rule.file.description.clone()),
                "timeGenerated": row.status_changed_at,
                "resourceDetails": { "source": source_of(&row.type_name), "id": arm_id.as_str() },
            }
        })
    };
    row.assessment.findings.iter().map(of).collect()
}

/// ARM's sub-assessments know Healthy, Unhealthy and NotApplicable.
fn finding_code(status: Status) -> Status {
    if status == Status::Unknown { Status::NotApplicable } else { status }
}

/// ARM's sub-assessments know Low, Medium and High.
fn arm_severity(severity: Severity) -> Severity {
    if severity == Severity::Critical { Severity::High } else { severity }
}

/// What the types of Azure begin with that recommendations judge.
const AZURE: &str = "Microsoft.";

pub(super) fn source_of(type_name: &str) -> &'static str {
    if type_name.starts_with("AWS::") {
        return "Aws";
    }
    let is_azure = type_name.get(..AZURE.len()).is_some_and(|start| start.eq_ignore_ascii_case(AZURE));
    if is_azure { "Azure" } else { "OnPremise" }
}

pub(crate) async fn all_metadata(state: Scoped) -> Answer {
    let value: Vec<Value> = state.catalog.recommendations.values().map(metadata_object).collect();
    Ok(Json(json!({ "value": value })))
}

pub(crate) async fn metadata(state: Scoped, Path(key): Path<String>) -> Answer {
    let known = by_key(&state, &key).ok_or_else(|| ApiError::not_found("such assessment metadata"))?;
    Ok(Json(metadata_object(known)))
}

pub(crate) async fn all_metadata_in(state: Scoped, Path(id): Path<String>) -> Answer {
    let (connector, account) = account(&state, &id).await?;
    let mut value: Vec<Value> = state.catalog.recommendations.values().map(metadata_object).collect();
    value.extend(metadata::all_in(&state, &connector, &account).await?);
    Ok(Json(json!({ "value": value })))
}

pub(crate) async fn metadata_in(state: Scoped, Path((id, key)): Path<(String, String)>) -> Answer {
    let (connector, account) = account(&state, &id).await?;
    match metadata::one_in(&state, &connector, &account, &key).await? {
        Some(own) => Ok(Json(own)),
        None => metadata(state, Path(key)).await,
    }
}

fn metadata_object(recommendation: &Recommendation) -> Value {
    let file = &recommendation.file;
    json!({
        "id": format!("/providers/Microsoft.Security/assessmentMetadata/{}", recommendation.key),
        "name": recommendation.key,
        "type": "Microsoft.Security/assessmentMetadata",
        "properties": {
            "displayName": file.title,
            "description": file.description,
            "remediationDescription": file.remediation.steps,
            "categories": file.categories,
            "severity": file.severity,
            "userImpact": file.user_impact,
            "implementationEffort": file.effort,
            "threats": file.threats,
            "preview": file.maturity == skywarden_content::Maturity::Preview,
            "assessmentType": "BuiltIn",
        }
    })
}

#[cfg(test)]
mod tests {
    use super::source_of;

    #[test]
    fn what_is_azures_is_told_by_its_namespace() {
        for (type_name, source) in [
            ("AWS::S3::Bucket", "Aws"),
            ("Microsoft.Storage/storageAccounts", "Azure"),
            ("microsoft.sql/servers", "Azure"),
            ("Skywarden.Host/machines", "OnPremise"),
            ("networking.k8s.io/v1/Ingress", "OnPremise"),
        ] {
            assert_eq!(source_of(type_name), source, "{type_name}");
        }
    }
}
