//! Making, changing and removing policy objects: through the same door as the console's import.

use axum::{
    Json,
    extract::{Path, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde_json::{Map, Value, json};
use skywarden_model::Timestamp;
use skywarden_policy::{CompileError, Library, ObjectKind, PolicyObject, PolicyType};

use super::{
    check,
    objects::no_such,
    place::{Place, PolicyPath},
    shape::{member, refused, shaped},
};
use crate::{
    error::ApiError,
    scoped::Scoped,
    v1::{may_set_aside, take, take_away},
};

type Body = Result<Json<Value>, JsonRejection>;

/// Makes an object, or replaces it.
pub(crate) async fn put(kind: ObjectKind, state: Scoped, Path(path): Path<PolicyPath>, body: Body) -> Result<Response, ApiError> {
    let kept = state.store.policy_library().await?;
    let place = Place::of(&state, &kept.library, &path).await?;
    state.may_within(&kind.write_action(), &place.chain, &described(&place))?;
    let Json(body) = body.map_err(|rejection| invalid(rejection.body_text()))?;
    let known = known(&kept.library, kind, &place, &path.name);
    let id = known.clone().unwrap_or_else(|| place.id(kind.type_name(), &path.name));
    let document = document(&state, &kept.library, kind, &id, &body)?;
    write(&state, &kept.library, kind, &place, &id, document).await
}

/// Changes what a patch of an exemption may change, and leaves the rest.
pub(crate) async fn patch(
    kind: ObjectKind,
    state: Scoped,
    Path(path): Path<PolicyPath>,
    body: Body,
) -> Result<Response, ApiError> {
    let kept = state.store.policy_library().await?;
    let place = Place::of(&state, &kept.library, &path).await?;
    state.may_within(&kind.write_action(), &place.chain, &described(&place))?;
    let Json(body) = body.map_err(|rejection| invalid(rejection.body_text()))?;
    let id =
        known(&kept.library, kind, &place, &path.name).ok_or_else(|| no_such(kind, &place.id(kind.type_name(), &path.name)))?;
    let mut whole = shaped(&kept.library, kind, &id).unwrap_or_default();
    let changes = member(&body, "properties").and_then(Value::as_object).ok_or_else(|| invalid("`properties` is missing"))?;
    for (key, value) in changes {
        if !PATCHED.iter().any(|own| own.eq_ignore_ascii_case(key)) {
            return Err(invalid(format!("`{key}` is not changed by a PATCH; {} are", PATCHED.join(" and "))));
        }
        if let Some(properties) = whole.get_mut("properties").and_then(Value::as_object_mut) {
            properties.retain(|own, _| !own.eq_ignore_ascii_case(key));
            properties.insert(key.clone(), value.clone());
        }
    }
    let document = document(&state, &kept.library, kind, &id, &whole)?;
    let mut response = write(&state, &kept.library, kind, &place, &id, document).await?;
    *response.status_mut() = StatusCode::OK;
    Ok(response)
}

/// What Azure's PATCH of an exemption changes.
const PATCHED: [&str; 2] = ["resourceSelectors", "assignmentScopeValidation"];

/// Takes an object away; that it is not there is no mistake.
pub(crate) async fn delete(kind: ObjectKind, state: Scoped, Path(path): Path<PolicyPath>) -> Result<Response, ApiError> {
    let kept = state.store.policy_library().await?;
    let place = Place::of(&state, &kept.library, &path).await?;
    state.may_within(&kind.delete_action(), &place.chain, &described(&place))?;
    let Some(id) = known(&kept.library, kind, &place, &path.name) else { return Ok(StatusCode::NO_CONTENT.into_response()) };
    check::unused(&state, &kept.library, kind, &id)?;
    let before = shaped(&kept.library, kind, &id);
    match take_away(&state, &[id]).await? {
        Some(_) => Ok(Json(before).into_response()),
        None => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

async fn write(
    state: &Scoped,
    library: &Library,
    kind: ObjectKind,
    place: &Place,
    id: &str,
    document: Value,
) -> Result<Response, ApiError> {
    let object =
        PolicyObject::parse(&document).map_err(|errors| refused(code(kind, &errors), &format!("the {kind} `{id}`"), &errors))?;
    may_set_aside(state, &object)?;
    let lies_at_tenant = place.prefix.is_empty();
    let made_by = match &object {
        PolicyObject::Definition(own) => Some(own.policy_type),
        PolicyObject::Initiative(own) => Some(own.policy_type),
        _ => None,
    };
    if made_by.is_some_and(|own| own != PolicyType::Custom) && !lies_at_tenant {
        let message = format!("the {kind} `{id}` is refused: `policyType` is `Custom` for what is made here");
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "InvalidPolicyType", message));
    }
    check::linked(state, library, place, &object, &document)?;
    let is_new = library.document(id).is_none();
    if is_new || library.document(id).is_some_and(|before| without_stamps(before) != without_stamps(&document)) {
        take(state, &[(object, document)]).await?;
    }
    let kept = state.store.policy_library().await?;
    let shown = shaped(&kept.library, kind, id).ok_or_else(|| no_such(kind, id))?;
    // Azure answers these two with 201 always, and its clients take nothing else.
    let is_created = is_new || matches!(kind, ObjectKind::Definition | ObjectKind::Assignment);
    Ok((if is_created { StatusCode::CREATED } else { StatusCode::OK }, Json(shown)).into_response())
}

/// The document that is kept of what a client sent: under the id of the path, with who wrote it and when.
fn document(state: &Scoped, library: &Library, kind: ObjectKind, id: &str, body: &Value) -> Result<Value, ApiError> {
    let Some(Value::Object(properties)) = member(body, "properties") else {
        return Err(invalid(format!("`properties` of the {kind} is missing or no object")));
    };
    let mut properties = properties.clone();
    properties.retain(|key, value| !value.is_null() && !key.eq_ignore_ascii_case("scope"));
    let before = shaped(library, kind, id);
    let of_before = |pointer: &str| before.as_ref().and_then(|own| own.pointer(pointer)).cloned();
    let (by, now) = (json!(state.caller.id), json!(Timestamp::now()));
    let mut stamps = Map::new();
    if before.is_some() {
        for key in ["createdBy", "createdOn"] {
            stamps.insert(key.to_owned(), of_before(&format!("/properties/metadata/{key}")).unwrap_or_default());
        }
        stamps.extend([("updatedBy".to_owned(), by), ("updatedOn".to_owned(), now)]);
    } else {
        let none = [("updatedBy".to_owned(), Value::Null), ("updatedOn".to_owned(), Value::Null)];
        stamps.extend([("createdBy".to_owned(), by), ("createdOn".to_owned(), now)].into_iter().chain(none));
    }
    let key =
        properties.keys().find(|own| own.eq_ignore_ascii_case("metadata")).cloned().unwrap_or_else(|| "metadata".to_owned());
    let metadata = properties.entry(key).or_insert_with(|| json!({}));
    let Some(metadata) = metadata.as_object_mut() else { return Err(invalid("`metadata` is an object")) };
    metadata.retain(|own, _| !STAMPS.iter().any(|stamp| stamp.eq_ignore_ascii_case(own)));
    metadata.extend(stamps);
    let mut document = Map::new();
    document.insert("id".to_owned(), json!(id));
    document.insert("name".to_owned(), json!(id.rsplit('/').next()));
    document.insert("type".to_owned(), json!(kind.type_name()));
    for key in ["location", "identity"] {
        if let Some(value) = member(body, key).filter(|_| kind == ObjectKind::Assignment) {
            document.insert(key.to_owned(), value.clone());
        }
    }
    document.insert("properties".to_owned(), Value::Object(properties));
    Ok(Value::Object(document))
}

/// Who wrote an object and when.
const STAMPS: [&str; 4] = ["createdBy", "createdOn", "updatedBy", "updatedOn"];

/// A document without them: the same again is no change.
fn without_stamps(document: &Value) -> Value {
    let mut own = document.clone();
    if let Some(metadata) = own.pointer_mut("/properties/metadata").and_then(Value::as_object_mut) {
        metadata.retain(|key, _| !STAMPS.contains(&key.as_str()));
    }
    own
}

/// The id of an object that is there, as it was written.
fn known(library: &Library, kind: ObjectKind, place: &Place, name: &str) -> Option<String> {
    let found = place.ids(kind.type_name(), name).into_iter().find_map(|id| shaped(library, kind, &id));
    found.and_then(|own| own.get("id").and_then(Value::as_str).map(str::to_owned))
}

/// Azure's code for the mistakes of a document.
fn code(kind: ObjectKind, errors: &[CompileError]) -> &'static str {
    let lies_in = |part: &str| errors.iter().any(|error| error.pointer.to_ascii_lowercase().contains(part));
    match kind {
        ObjectKind::Definition if lies_in("/policyrule") => "InvalidPolicyRule",
        ObjectKind::Definition | ObjectKind::Initiative if lies_in("/parameters") => "InvalidPolicyParameters",
        ObjectKind::Definition => "InvalidPolicyDefinition",
        ObjectKind::Initiative => "InvalidPolicySetDefinition",
        ObjectKind::Assignment => "InvalidPolicyAssignment",
        ObjectKind::Exemption => "InvalidPolicyExemption",
        ObjectKind::Attestation | ObjectKind::ManagementGroup => "InvalidRequest",
    }
}

fn described(place: &Place) -> String {
    if place.prefix.is_empty() { "the whole installation".to_owned() } else { place.prefix.clone() }
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "InvalidRequestContent", message)
}
