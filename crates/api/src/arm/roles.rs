//! `Microsoft.Authorization` role definitions and role assignments, api-version 2022-04-01.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use skywarden_model::Timestamp;
use skywarden_policy::Scope;
use skywarden_rbac::{Role, RoleAssignment, RoleKind, built_in_roles};
use skywarden_store::{NewAssignment, ScopeFilter};

use super::{Answer, subscription::of_filter};
use crate::{error::ApiError, scoped::Scoped};

/// What a path of this face may begin with: the scope that it is about.
#[derive(Deserialize)]
pub(crate) struct ScopePath {
    management_group: Option<String>,
    subscription: Option<String>,
    group: Option<String>,
    #[serde(default)]
    name: String,
}

impl ScopePath {
    fn scope(&self) -> Scope {
        match (&self.management_group, &self.subscription, &self.group) {
            (Some(name), _, _) => Scope::ManagementGroup(name.to_lowercase()),
            (None, Some(subscription), Some(group)) => Scope::ResourceGroup(subscription.to_lowercase(), group.to_lowercase()),
            (None, Some(subscription), None) => Scope::Subscription(subscription.to_lowercase()),
            (None, None, _) => Scope::Tenant,
        }
    }
}

pub(crate) async fn definitions(state: Scoped, Path(path): Path<ScopePath>) -> Answer {
    let scope = seen(&state, &path).await?;
    let value: Vec<Value> = roles(&state).await?.iter().map(|role| definition(&scope, role)).collect();
    Ok(Json(json!({ "value": value })))
}

pub(crate) async fn one_definition(state: Scoped, Path(path): Path<ScopePath>) -> Answer {
    let scope = seen(&state, &path).await?;
    let roles = roles(&state).await?;
    let found = roles.iter().find(|role| role.id.eq_ignore_ascii_case(&path.name));
    found.map(|role| Json(definition(&scope, role))).ok_or_else(|| ApiError::not_found("such role definition"))
}

/// What a client gives to make a role of its own, or to change it.
#[derive(Deserialize)]
pub(crate) struct NewRole {
    properties: Value,
}

pub(crate) async fn define(
    state: Scoped,
    Path(path): Path<ScopePath>,
    body: Result<Json<NewRole>, JsonRejection>,
) -> Result<Response, ApiError> {
    let scope = seen(&state, &path).await?;
    let Json(new) = body?;
    let id = guid(&path.name)?;
    let role = Role::parse(&id, RoleKind::Custom, &new.properties).map_err(|error| ApiError::bad_request(error.to_string()))?;
    let known = roles(&state).await?.into_iter().find(|own| own.id == role.id);
    // A role counts wherever it may be assigned, and until now wherever it might have been.
    let before = known.iter().flat_map(|own| &own.assignable_scopes);
    for own in role.assignable_scopes.iter().chain(before) {
        state.may_at(DEFINE, own)?;
    }
    state.store.put_role(&role).await?;
    let status = if known.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Json(definition(&scope, &role))).into_response())
}

pub(crate) async fn undefine(state: Scoped, Path(path): Path<ScopePath>) -> Result<Response, ApiError> {
    let scope = seen(&state, &path).await?;
    let known = roles(&state).await?.into_iter().find(|own| own.id.eq_ignore_ascii_case(&path.name));
    let known = known.ok_or_else(|| ApiError::not_found("such role definition"))?;
    for own in &known.assignable_scopes {
        state.may_at(UNDEFINE, own)?;
    }
    if known.kind == RoleKind::BuiltIn {
        let message = format!("the role `{}` comes with the product and can't be removed", known.name);
        return Err(ApiError::new(StatusCode::CONFLICT, "RoleDefinitionBuiltIn", message));
    }
    state.store.remove_role(&known.id).await?;
    Ok(Json(definition(&scope, &known)).into_response())
}

/// The assignments at a scope, above it and below it, as far as the caller sees them.
pub(crate) async fn assignments(state: Scoped, Path(path): Path<ScopePath>) -> Answer {
    let scope = seen(&state, &path).await?;
    let all = state.store.role_assignments().await?;
    let value: Vec<Value> =
        all.iter().filter(|own| state.sees(&own.scope) && state.are_related(&own.scope, &scope)).map(assignment).collect();
    Ok(Json(json!({ "value": value })))
}

pub(crate) async fn one_assignment(state: Scoped, Path(path): Path<ScopePath>) -> Answer {
    let known = assignment_at(&state, &path).await?;
    Ok(Json(assignment(&known)))
}

/// What a client gives to assign a role.
#[derive(Deserialize)]
pub(crate) struct Asked {
    properties: AskedProperties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AskedProperties {
    role_definition_id: String,
    principal_id: String,
}

pub(crate) async fn assign(
    state: Scoped,
    Path(path): Path<ScopePath>,
    body: Result<Json<Asked>, JsonRejection>,
) -> Result<Response, ApiError> {
    let scope = seen(&state, &path).await?;
    state.may_at(ASSIGN, &scope)?;
    let Json(new) = body?;
    let id = guid(&path.name)?;
    let wanted = new.properties.role_definition_id.rsplit('/').next().unwrap_or_default();
    let roles = roles(&state).await?;
    let role = roles.iter().find(|role| role.id.eq_ignore_ascii_case(wanted));
    let role = role.ok_or_else(|| ApiError::bad_request(format!("there is no role definition `{wanted}`")))?;
    if !role.assignable_scopes.iter().any(|own| state.lies_in(&scope, own)) {
        return Err(ApiError::bad_request(format!("the role `{}` can't be assigned at {scope}", role.name)));
    }
    let principal = state.store.principal(&new.properties.principal_id.to_lowercase()).await?;
    let principal =
        principal.ok_or_else(|| ApiError::bad_request(format!("there is no principal `{}`", new.properties.principal_id)))?;
    let own = RoleAssignment {
        id,
        principal: principal.id,
        principal_kind: principal.kind,
        role: role.id.clone(),
        scope,
        created_at: Timestamp::now(),
        created_by: state.caller.id.clone(),
    };
    match state.store.put_role_assignment(&own).await? {
        NewAssignment::Kept => Ok((StatusCode::CREATED, Json(assignment(&own))).into_response()),
        NewAssignment::Exists { id } if id == own.id => Ok(Json(assignment(&own)).into_response()),
        NewAssignment::Exists { id } => {
            let message = format!("the principal holds that role there already: {id}");
            Err(ApiError::new(StatusCode::CONFLICT, "RoleAssignmentExists", message))
        }
        NewAssignment::IdTaken => {
            let message = format!("`{}` is another role assignment, and one can't be changed", own.id);
            Err(ApiError::new(StatusCode::CONFLICT, "RoleAssignmentUpdateNotPermitted", message))
        }
        NewAssignment::NoSuchRole => Err(ApiError::bad_request(format!("there is no role definition `{wanted}`"))),
    }
}

pub(crate) async fn unassign(state: Scoped, Path(path): Path<ScopePath>) -> Result<Response, ApiError> {
    let known = assignment_at(&state, &path).await?;
    state.may_at(UNASSIGN, &known.scope)?;
    state.store.remove_role_assignment(&known.id).await?;
    Ok(Json(assignment(&known)).into_response())
}

const DEFINE: &str = "Microsoft.Authorization/roleDefinitions/write";
const UNDEFINE: &str = "Microsoft.Authorization/roleDefinitions/delete";
const ASSIGN: &str = "Microsoft.Authorization/roleAssignments/write";
const UNASSIGN: &str = "Microsoft.Authorization/roleAssignments/delete";

/// The assignment of a path; its scope has to be the path's own.
async fn assignment_at(state: &Scoped, path: &ScopePath) -> Result<RoleAssignment, ApiError> {
    let scope = seen(state, path).await?;
    let all = state.store.role_assignments().await?;
    let found = all.into_iter().find(|own| own.id.eq_ignore_ascii_case(&path.name) && own.scope == scope);
    found.ok_or_else(|| ApiError::not_found("such role assignment at this scope"))
}

/// The name of a role definition or assignment.
fn guid(name: &str) -> Result<String, ApiError> {
    let id = uuid::Uuid::parse_str(name);
    id.map(|id| id.to_string()).map_err(|_| ApiError::bad_request(format!("`{name}` is no GUID, which names of roles are")))
}

/// The scope of a path, if it is there and concerns the caller.
async fn seen(state: &Scoped, path: &ScopePath) -> Result<Scope, ApiError> {
    let scope = path.scope();
    let is_there = match &path.subscription {
        Some(subscription) => is_known(state, subscription).await?,
        None => true,
    };
    if is_there && state.sees(&scope) { Ok(scope) } else { Err(ApiError::not_found("such scope")) }
}

/// Whether anything is known of a subscription: it was assessed, lies in a management group, or somebody holds a role in it.
async fn is_known(state: &Scoped, subscription: &str) -> Result<bool, ApiError> {
    if of_filter(state, &ScopeFilter::All, subscription).await?.is_some() {
        return Ok(true);
    }
    let scope = Scope::Subscription(subscription.to_lowercase());
    let kept = state.store.policy_library().await?;
    let is_placed = kept.library.governance.hierarchy.placed().any(|own| *own == scope);
    Ok(is_placed || state.store.role_assignments().await?.iter().any(|own| state.lies_in(&own.scope, &scope)))
}

async fn roles(state: &Scoped) -> Result<Vec<Arc<Role>>, ApiError> {
    let mut roles = built_in_roles().to_vec();
    roles.extend(state.store.custom_roles().await?);
    Ok(roles)
}

fn definition(scope: &Scope, role: &Role) -> Value {
    json!({ "id": format!("{}/providers/Microsoft.Authorization/roleDefinitions/{}", prefix(scope), role.id), "name": role.id,
            "type": "Microsoft.Authorization/roleDefinitions", "properties": role.properties() })
}

/// The id of an assignment in ARM.
pub(crate) fn assignment_id(own: &RoleAssignment) -> String {
    format!("{}/providers/Microsoft.Authorization/roleAssignments/{}", prefix(&own.scope), own.id)
}

fn assignment(own: &RoleAssignment) -> Value {
    json!({
        "id": assignment_id(own),
        "name": own.id,
        "type": "Microsoft.Authorization/roleAssignments",
        "properties": {
            "roleDefinitionId": format!("{}/providers/Microsoft.Authorization/roleDefinitions/{}", prefix(&own.scope), own.role),
            "principalId": own.principal,
            "principalType": own.principal_kind.name(),
            "scope": own.scope.to_string(),
            "condition": null,
            "conditionVersion": null,
            "createdOn": own.created_at,
            "updatedOn": own.created_at,
            "createdBy": own.created_by,
            "updatedBy": own.created_by,
        }
    })
}

/// A scope as the beginning of an id.
fn prefix(scope: &Scope) -> String {
    if *scope == Scope::Tenant { String::new() } else { scope.to_string() }
}
