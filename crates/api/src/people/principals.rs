//! Users, groups and programs, for whoever looks after them.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, rejection::JsonRejection},
    http::StatusCode,
};
use serde::Deserialize;
use serde_json::{Value, json};
use skywarden_model::Timestamp;
use skywarden_policy::Scope;
use skywarden_rbac::{Principal, PrincipalKind, PrincipalState, Role, RoleAssignment, built_in_roles};
use skywarden_store::{CredentialKind, PrincipalFacts};

use super::{one_time_codes, sign_in};
use crate::{AppState, arm::assignment_id, error::ApiError, scoped::Scoped, v1::Answer};

/// The body of `POST /principals`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct New {
    kind: PrincipalKind,
    name: String,
    #[serde(default)]
    display_name: String,
    /// Of a group: the identity provider whose claims name it; any, if it is absent.
    provider: Option<String>,
}

/// The body of `PATCH /principals/{id}`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Change {
    display_name: Option<String>,
    state: Option<PrincipalState>,
}

type Body<T> = Result<Json<T>, JsonRejection>;

/// Most letters of a name.
const MAX_NAME: usize = 128;

/// `GET /principals`.
pub(crate) async fn list(state: Scoped) -> Answer {
    state.everywhere()?;
    let principals = state.store.principals().await?;
    let known = Known::read(&state, &principals).await?;
    let items: Vec<Value> = principals.iter().map(|own| known.shown(own)).collect();
    Ok(Json(json!({ "items": items })))
}

/// `GET /principals/{id}`.
pub(crate) async fn one(state: Scoped, Path(id): Path<String>) -> Answer {
    state.everywhere()?;
    let principal = found(&state, &id).await?;
    Ok(Json(shown(&state, &principal).await?))
}

/// `POST /principals`: a user gets an invitation to set a password.
pub(crate) async fn add(state: Scoped, body: Body<New>) -> Result<(StatusCode, Json<Value>), ApiError> {
    be_owner(&state)?;
    let Json(new) = body?;
    if let Some(provider) = &new.provider
        && (new.kind != PrincipalKind::Group || !state.sign_in.providers.contains_key(provider))
    {
        let message = format!("`provider`: only groups have one, and `{provider}` must be one of this server's");
        return Err(ApiError::bad_request(message));
    }
    let now = Timestamp::now();
    let name = named(&new.name)?;
    let principal = Principal {
        id: uuid::Uuid::new_v4().to_string(),
        kind: new.kind,
        display_name: titled(&new.display_name, &name)?,
        name,
        state: PrincipalState::Enabled,
        created_at: now,
        provider: new.provider,
    };
    state.store.put_principal(&principal).await?;
    let invitation = match principal.kind {
        PrincipalKind::User => json!(sign_in::invite(&state.store, &principal.id, now).await?),
        PrincipalKind::Group | PrincipalKind::ServicePrincipal => Value::Null,
    };
    let shown = shown(&state, &principal).await?;
    Ok((StatusCode::CREATED, Json(json!({ "principal": shown, "invitation": invitation }))))
}

/// `PATCH /principals/{id}`.
pub(crate) async fn change(state: Scoped, Path(id): Path<String>, body: Body<Change>) -> Answer {
    state.everywhere()?;
    let Json(change) = body?;
    let mut principal = found(&state, &id).await?;
    if let Some(title) = &change.display_name {
        principal.display_name = titled(title, &principal.name)?;
    }
    if let Some(new) = change.state {
        if new == PrincipalState::Disabled {
            be_another(&state, &principal)?;
        }
        principal.state = new;
    }
    state.store.put_principal(&principal).await?;
    if principal.state == PrincipalState::Disabled {
        state.store.remove_sessions_of(&principal.id, None).await?;
    }
    Ok(Json(shown(&state, &principal).await?))
}

/// `DELETE /principals/{id}`.
pub(crate) async fn remove(state: Scoped, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    state.everywhere()?;
    let principal = found(&state, &id).await?;
    be_another(&state, &principal)?;
    state.store.remove_principal(&principal.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /principals/{id}/invitation`.
pub(crate) async fn invite(state: Scoped, Path(id): Path<String>) -> Answer {
    be_owner(&state)?;
    let principal = found(&state, &id).await?;
    if principal.kind != PrincipalKind::User || principal.provider.is_some() {
        return Err(ApiError::bad_request("only users with an account of this installation have a password to set"));
    }
    Ok(Json(json!(sign_in::invite(&state.store, &principal.id, Timestamp::now()).await?)))
}

/// `POST /principals/{id}/unlock`.
pub(crate) async fn unlock(state: Scoped, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    state.everywhere()?;
    let principal = found(&state, &id).await?;
    state.store.forget_failed_sign_ins(&principal.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /principals/{id}/totp`.
pub(crate) async fn remove_codes(state: Scoped, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    be_owner(&state)?;
    let principal = found(&state, &id).await?;
    one_time_codes::remove(&state, &principal.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /principals/{id}/sessions`.
pub(crate) async fn end_sessions(state: Scoped, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    state.everywhere()?;
    let principal = found(&state, &id).await?;
    state.store.remove_sessions_of(&principal.id, None).await?;
    state.store.remove_credentials_of(&principal.id, CredentialKind::RefreshToken).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The principal of an id.
pub(super) async fn found(state: &AppState, id: &str) -> Result<Principal, ApiError> {
    state.store.principal(&id.to_lowercase()).await?.ok_or_else(|| ApiError::not_found("such principal"))
}

/// That the caller could give anybody any role anyway: whoever makes somebody's credentials can be them.
pub(super) fn be_owner(state: &Scoped) -> Result<(), ApiError> {
    state.everywhere()?;
    state.may_at("Microsoft.Authorization/roleAssignments/write", &Scope::Tenant)
}

/// A name to sign in with, without blanks around it.
pub(super) fn named(name: &str) -> Result<String, ApiError> {
    let name = name.trim();
    let is_plain = name.chars().all(|letter| !letter.is_control() && !is_invisible(letter));
    if name.is_empty() || name.chars().count() > MAX_NAME || !is_plain {
        return Err(ApiError::bad_request(format!("`name` has 1 to {MAX_NAME} visible letters")));
    }
    Ok(name.to_owned())
}

/// What people call somebody; the name if nothing is said.
pub(super) fn titled(title: &str, name: &str) -> Result<String, ApiError> {
    let title = title.trim();
    if title.chars().count() > MAX_NAME || title.chars().any(|letter| letter.is_control() || is_invisible(letter)) {
        return Err(ApiError::bad_request(format!("`displayName` has at most {MAX_NAME} visible letters")));
    }
    Ok(if title.is_empty() { name.to_owned() } else { title.to_owned() })
}

/// Letters that make one name look like another: marks of direction and of no width.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn be_another(state: &Scoped, principal: &Principal) -> Result<(), ApiError> {
    if principal.id != state.caller.id {
        return Ok(());
    }
    let message = "this is your own account; somebody else has to do that";
    Err(ApiError::new(StatusCode::CONFLICT, "OwnAccount", message))
}

async fn shown(state: &Scoped, principal: &Principal) -> Result<Value, ApiError> {
    let principals = state.store.principals().await?;
    Ok(Known::read(state, &principals).await?.shown(principal))
}

/// What is shown beside a principal's name, of all of them.
struct Known {
    facts: BTreeMap<String, PrincipalFacts>,
    groups: BTreeMap<String, String>,
    roles: BTreeMap<String, Vec<(RoleAssignment, String)>>,
    now: Timestamp,
}

impl Known {
    async fn read(state: &Scoped, principals: &[Principal]) -> Result<Self, ApiError> {
        let custom = state.store.custom_roles().await?;
        let named: BTreeMap<&str, &Role> =
            built_in_roles().iter().chain(&custom).map(|role| (role.id.as_str(), &**role)).collect();
        let mut roles: BTreeMap<String, Vec<(RoleAssignment, String)>> = BTreeMap::new();
        for assignment in state.store.role_assignments().await? {
            let name = named.get(assignment.role.as_str()).map_or_else(|| assignment.role.clone(), |role| role.name.clone());
            roles.entry(assignment.principal.clone()).or_default().push((assignment, name));
        }
        let groups = principals.iter().filter(|own| own.kind == PrincipalKind::Group);
        Ok(Self {
            facts: state.store.principal_facts().await?,
            groups: groups.map(|own| (own.id.clone(), own.display_name.clone())).collect(),
            roles,
            now: Timestamp::now(),
        })
    }

    fn shown(&self, principal: &Principal) -> Value {
        let facts = self.facts.get(&principal.id).cloned().unwrap_or_default();
        let groups: Vec<Value> = facts.groups.iter().map(|id| json!({ "id": id, "displayName": self.groups.get(id) })).collect();
        let roles: Vec<Value> = self.roles.get(&principal.id).into_iter().flatten().map(held).collect();
        json!({
            "id": principal.id,
            "kind": principal.kind.name(),
            "name": principal.name,
            "displayName": principal.display_name,
            "state": principal.state,
            "createdAt": principal.created_at,
            "provider": principal.provider,
            "totp": facts.totp,
            "lockedUntil": sign_in::locked_until(facts.failed).filter(|end| self.now < *end),
            "lastSignInAt": facts.last_sign_in_at,
            "groups": groups,
            "roles": roles,
        })
    }
}

fn held((assignment, name): &(RoleAssignment, String)) -> Value {
    json!({
        "assignment": assignment_id(assignment),
        "role": assignment.role,
        "roleName": name,
        "scope": assignment.scope.to_string(),
    })
}
