//! The first account.

use axum::{
    Json,
    extract::rejection::JsonRejection,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::json;
use skywarden_model::Timestamp;
use skywarden_policy::Scope;
use skywarden_rbac::{BuiltIn, Principal, PrincipalKind, PrincipalState, RoleAssignment};

use super::{
    passwords,
    principals::{named, titled},
    sign_in,
};
use crate::{auth::Login, caller::INSTALLATION, error::ApiError, scoped::Scoped};

/// The body of `POST /set-up`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct First {
    name: String,
    #[serde(default)]
    display_name: String,
    password: String,
}

/// `POST /set-up`: makes the first account, Owner of everything, and goes on as it.
pub(crate) async fn set_up(
    state: Scoped,
    peer: sign_in::Peer,
    headers: HeaderMap,
    body: Result<Json<First>, JsonRejection>,
) -> Result<Response, ApiError> {
    let Json(first) = body?;
    let is_installation = state.caller.id == INSTALLATION && matches!(state.caller.login, Login::Session { .. });
    if !is_installation || state.store.has_accounts().await? {
        let message = "the first account is made in the session of the address that `skywarden up` prints, while nobody has one";
        return Err(ApiError::new(StatusCode::CONFLICT, "AlreadySetUp", message));
    }
    let name = named(&first.name)?;
    let principal = Principal {
        id: uuid::Uuid::new_v4().to_string(),
        kind: PrincipalKind::User,
        display_name: titled(&first.display_name, &name)?,
        name,
        state: PrincipalState::Enabled,
        created_at: Timestamp::now(),
        provider: None,
    };
    passwords::strong_enough(&first.password, &[&principal.name, &principal.display_name])?;
    let now = principal.created_at;
    state.store.put_principal(&principal).await?;
    let assignment = RoleAssignment {
        id: uuid::Uuid::new_v4().to_string(),
        principal: principal.id.clone(),
        principal_kind: principal.kind,
        role: BuiltIn::Owner.id().to_owned(),
        scope: Scope::Tenant,
        created_at: now,
        created_by: INSTALLATION.to_owned(),
    };
    state.store.put_role_assignment(&assignment).await?;
    sign_in::keep_password(&state, &principal.id, first.password, None, now).await?;
    let opened = sign_in::welcome(&state, &principal, &headers, &peer, json!({ "with": "set-up" }), now).await?;
    let session = sign_in::welcomed(&state, principal, &opened).await?;
    Ok((StatusCode::CREATED, [(header::SET_COOKIE, opened.cookie)], Json(session)).into_response())
}
