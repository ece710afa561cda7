//! Assessments that clients write on a resource, `Microsoft.Security/assessments` 2021-06-01: the verdicts of checks that are not
//! Skywarden's own.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde::Deserialize as _;
use serde_json::{Map, Value, json};
use skywarden_model::{Actual, ArmId, Assessment, Cause, CauseCode, Evidence, Resource, Status, Timestamp};
use skywarden_store::{ScopeFilter, WrittenAssessment, WrittenDetails};

use super::{
    assessments::{ResourcePath, assessment_object, native_of},
    descriptions::Descriptions,
    objects::{
        check::{checked, refused},
        describe::body,
        kind::{Field, Shape, optional, read_only, required},
        metadata,
    },
};
use crate::{error::ApiError, scoped::Scoped};

const ASSESSMENT: &[Field] = &[
    required(
        "status",
        Shape::Object(&[
            required("code", Shape::OneOf(&["Healthy", "Unhealthy", "NotApplicable"])),
            optional("cause", Shape::Text(260)),
            optional("description", Shape::Text(4096)),
            read_only("firstEvaluationDate"),
            read_only("statusChangeDate"),
        ]),
    ),
    optional("resourceDetails", Shape::Free),
    optional("additionalData", Shape::Free),
    optional("metadata", Shape::Object(metadata::METADATA)),
    read_only("displayName"),
    read_only("links"),
];

/// Members of `additionalData` at most, and bytes of each.
const MAX_DATA: usize = 100;
const MAX_DATUM: usize = 4096;

/// What evidence names as its source.
const SOURCE: &str = "Microsoft.Security/assessments/write";

type Body = Result<Json<Value>, JsonRejection>;

/// What `PUT` takes, as a JSON Schema.
pub(crate) fn described() -> Value {
    body(ASSESSMENT)
}

pub(crate) async fn put(state: Scoped, Path(path): Path<ResourcePath>, body: Body) -> Result<Response, ApiError> {
    let resource = target(&state, &path).await?;
    let key = metadata::name(&state, &path.assessment)?;
    let Json(body) = body?;
    let given = body.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    let members = checked(ASSESSMENT, &given, "properties").map_err(refused)?;
    of_this_resource(&members, &resource)?;
    let details = details(&members)?;
    let assessment = assessment(&members, &details, &key, &resource)?;
    let (connector, account) = (resource.scope.connector.as_str(), resource.scope.account.as_ref());
    metadata::ensured(&state, connector, account, &key, members.get("metadata").and_then(Value::as_object)).await?;
    let status = match state.store.write_assessment(&assessment, &details, Timestamp::now()).await? {
        WrittenAssessment::Created => StatusCode::CREATED,
        WrittenAssessment::Replaced => StatusCode::OK,
        WrittenAssessment::Refused => return Err(ApiError::not_found("such resource")),
    };
    let row = state.store.assessment(&ScopeFilter::All, resource.id.as_str(), &key).await?;
    // Another may have removed it by now.
    let row = row.ok_or_else(|| ApiError::not_found("such assessment"))?;
    let descriptions = Descriptions::of_rows(&state, std::slice::from_ref(&row)).await?;
    let object = assessment_object(&state, &descriptions, &row).ok_or_else(|| ApiError::not_found("such assessment"))?;
    Ok((status, Json(object)).into_response())
}

pub(crate) async fn delete(state: Scoped, Path(path): Path<ResourcePath>) -> Result<StatusCode, ApiError> {
    let resource = target(&state, &path).await?;
    let key = metadata::name(&state, &path.assessment)?;
    let was_there = state.store.remove_written_assessment(&resource.id, &key, Timestamp::now()).await?;
    Ok(if was_there { StatusCode::OK } else { StatusCode::NO_CONTENT })
}

/// The resource of a path, on which the caller may do what is asked.
async fn target(state: &Scoped, path: &ResourcePath) -> Result<Resource, ApiError> {
    let (arm_id, native) = native_of(path)?;
    let missing = || ApiError::not_found("such resource");
    let (resource, _) = state.store.resource(&ScopeFilter::All, native.as_str()).await?.ok_or_else(missing)?;
    if !ArmId::of(&resource).as_str().eq_ignore_ascii_case(&arm_id) {
        return Err(missing());
    }
    state.on_resource(&resource)?;
    Ok(resource)
}

/// That `resourceDetails`, if it names a resource, names this one.
fn of_this_resource(members: &Map<String, Value>, resource: &Resource) -> Result<(), ApiError> {
    let details = members.get("resourceDetails").and_then(Value::as_object);
    let named = details.and_then(|own| own.get("id").or_else(|| own.get("Id"))).and_then(Value::as_str);
    let arm_id = ArmId::of(resource);
    match named {
        Some(id) if !id.eq_ignore_ascii_case(arm_id.as_str()) && id != resource.id.as_str() => {
            let message = format!(
                "`properties.resourceDetails.id` is {id}, and the address names {arm_id}; leave it out, or send the same"
            );
            Err(ApiError::bad_request(message).with_target("properties.resourceDetails.id".to_owned()))
        }
        _ => Ok(()),
    }
}

fn details(members: &Map<String, Value>) -> Result<WrittenDetails, ApiError> {
    let text = |name: &str| members.get("status").and_then(|own| own.get(name)).and_then(Value::as_str).map(str::to_owned);
    let mut additional_data = BTreeMap::new();
    for (name, value) in members.get("additionalData").and_then(Value::as_object).into_iter().flatten() {
        let text = value.as_str().filter(|text| text.len() <= MAX_DATUM && name.len() <= MAX_DATUM);
        let text = text.filter(|_| additional_data.len() < MAX_DATA).ok_or_else(|| {
            let message =
                format!("`properties.additionalData` has at most {MAX_DATA} members, each a text of at most {MAX_DATUM} bytes");
            ApiError::bad_request(message).with_target("properties.additionalData".to_owned())
        })?;
        additional_data.insert(name.clone(), text.to_owned());
    }
    Ok(WrittenDetails { cause: text("cause"), description: text("description"), additional_data })
}

fn assessment(
    members: &Map<String, Value>,
    details: &WrittenDetails,
    key: &str,
    resource: &Resource,
) -> Result<Assessment, ApiError> {
    let code = members.get("status").and_then(|own| own.get("code")).unwrap_or(&Value::Null);
    let status = Status::deserialize(code).map_err(|error| ApiError::bad_request(error.to_string()))?;
    let said = details.description.clone().or_else(|| details.cause.clone());
    let does_not_apply = || Cause { code: CauseCode::DoesNotApply, message: said.unwrap_or_default(), permissions: Vec::new() };
    // The verdict is the observation: what it rests on is the client's to say, in words.
    let observed = Evidence {
        field: "status.code".into(),
        expected: "equals Unhealthy".into(),
        actual: Actual::Value(json!(status)),
        source: Some(SOURCE.into()),
    };
    let applies = status != Status::NotApplicable;
    Ok(Assessment {
        recommendation: key.into(),
        resource: resource.id.clone(),
        status,
        cause: (!applies).then(does_not_apply).map(Into::into),
        evidence: if applies { [observed].into() } else { [].into() },
        findings: Box::default(),
    })
}
