//! `Microsoft.Security/assessmentMetadata` of clients' own: what they call the assessments that they write, and what these mean.

use axum::http::StatusCode;
use serde_json::{Map, Value};
use skywarden_model::Timestamp;
use skywarden_policy::Scope;
use skywarden_store::{ASSESSMENT_METADATA, ArmObject, ArmScope, Expected};

use super::{
    KINDS,
    answer::Shown,
    handlers::MAX_OBJECTS,
    kind::{Field, Shape, optional, read_only, required},
    target::Target,
};
use crate::{
    arm::{assessments::by_key, id_of},
    error::ApiError,
    scoped::Scoped,
};

/// Its members; those that the product says itself are passed over.
pub(crate) const METADATA: &[Field] = &[
    required("displayName", Shape::Text(512)),
    optional("description", Shape::Text(16_384)),
    optional("remediationDescription", Shape::Text(16_384)),
    optional(
        "categories",
        Shape::List(&Shape::OneOf(&["Compute", "Networking", "Data", "IdentityAndAccess", "IoT", "Container", "AppServices"])),
    ),
    required("severity", Shape::OneOf(&["Low", "Medium", "High", "Critical"])),
    optional("userImpact", Shape::OneOf(LEVELS)),
    optional("implementationEffort", Shape::OneOf(LEVELS)),
    optional(
        "threats",
        Shape::List(&Shape::OneOf(&[
            "accountBreach",
            "dataExfiltration",
            "dataSpillage",
            "maliciousInsider",
            "elevationOfPrivilege",
            "threatResistance",
            "missingCoverage",
            "denialOfService",
        ])),
    ),
    optional("preview", Shape::Flag),
    required("assessmentType", Shape::OneOf(&["CustomerManaged"])),
    read_only("policyDefinitionId"),
    read_only("publishDates"),
    read_only("plannedDeprecationDate"),
    read_only("tactics"),
    read_only("techniques"),
];

const LEVELS: &[&str] = &["Low", "Moderate", "High"];

/// The action that writing it takes.
const WRITE: &str = "Microsoft.Security/assessmentMetadata/write";

/// The key of an assessment that clients may write: a GUID in small letters, and none of the catalog's.
///
/// # Errors
/// 400 if it is no GUID, 409 if the assessment is built in.
pub(crate) fn name(state: &Scoped, given: &str) -> Result<String, ApiError> {
    if let Some(own) = by_key(state, given) {
        let message = format!(
            "`{given}` is the built-in assessment \"{}\", which cannot be written or removed; choose another GUID for one of your own",
            own.file.title
        );
        return Err(ApiError::new(StatusCode::CONFLICT, "BuiltInAssessment", message));
    }
    let guid = uuid::Uuid::try_parse(given).ok().map(|own| own.to_string());
    guid.filter(|own| own.eq_ignore_ascii_case(given)).ok_or_else(|| {
        let message = format!("`{given}` is no key of an assessment: it is a GUID, as `ca039e75-a276-4175-aebc-bcd41e4b14b7`");
        ApiError::bad_request(message).with_target("name".to_owned())
    })
}

/// Those that clients wrote at an account, in order of their keys.
pub(crate) async fn all_in(state: &Scoped, connector: &str, account: &str) -> Result<Vec<Value>, ApiError> {
    let scope = ArmScope::subscription(connector, account);
    let objects = state.store.all_arm_objects_at(&state.filter, ASSESSMENT_METADATA, &scope).await?;
    Ok(objects.into_iter().filter_map(|own| value(own, connector, account)).collect())
}

/// The one with a key that a client wrote at an account.
pub(crate) async fn one_in(state: &Scoped, connector: &str, account: &str, key: &str) -> Result<Option<Value>, ApiError> {
    let scope = ArmScope::subscription(connector, account);
    let found = state.store.arm_object(&state.filter, ASSESSMENT_METADATA, &scope, key).await?;
    Ok(found.and_then(|own| value(own, connector, account)))
}

/// What is kept at an account of the assessments with a key, once it is there: what came with an assessment is written if nothing was.
///
/// # Errors
/// 400 if there is none and none came; 409 if what came says something else than what is there; 403 if the caller may not write it.
pub(crate) async fn ensured(
    state: &Scoped,
    connector: &str,
    account: &str,
    key: &str,
    came: Option<&Map<String, Value>>,
) -> Result<(), ApiError> {
    let scope = ArmScope::subscription(connector, account);
    let subscription = id_of(connector, account);
    let known = state.store.arm_object(&state.filter, ASSESSMENT_METADATA, &scope, key).await?;
    let document = match (known, came.map(|own| Value::Object(own.clone()))) {
        (Some(_), None) => return Ok(()),
        (Some(known), Some(came)) if known.document == came => return Ok(()),
        (Some(_), Some(_)) => {
            let message = format!(
                "the metadata of `{key}` in subscription {subscription} says something else than `properties.metadata`; change it at its own address, or leave it out here"
            );
            return Err(ApiError::new(StatusCode::CONFLICT, "Conflict", message).with_target("properties.metadata".to_owned()));
        }
        (None, None) => {
            let message = format!(
                "there is no assessment metadata `{key}` in subscription {subscription}; write it first, with PUT /subscriptions/{subscription}/providers/Microsoft.Security/assessmentMetadata/{key}, or send it as `properties.metadata`"
            );
            return Err(ApiError::bad_request(message).with_target("properties.metadata".to_owned()));
        }
        (None, Some(came)) => came,
    };
    let by_own_name = state.may_at(WRITE, &Scope::Subscription(account.to_lowercase()));
    by_own_name.or_else(|_| state.may_at(WRITE, &Scope::Subscription(subscription)))?;
    if state.store.count_arm_objects(ASSESSMENT_METADATA, &scope).await? >= MAX_OBJECTS {
        let message = format!("the subscription has {MAX_OBJECTS} assessment metadata of its own already, more are not kept");
        return Err(ApiError::new(StatusCode::CONFLICT, "TooManyObjects", message));
    }
    // Whoever wrote it in between described it; the assessment stands under that.
    state.store.put_arm_object(ASSESSMENT_METADATA, &scope, key, &document, Expected::Absent, Timestamp::now()).await?;
    Ok(())
}

fn value(object: ArmObject, connector: &str, account: &str) -> Option<Value> {
    let kind = KINDS.iter().find(|kind| kind.collection == ASSESSMENT_METADATA)?;
    let target = Target::at_account(connector, account);
    Some(Shown::kept(object, None).value(kind, &target, None))
}
