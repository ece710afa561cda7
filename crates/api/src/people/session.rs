//! The session of a browser: who is signed in, what they may do, where else they are.

use std::{collections::BTreeSet, net::IpAddr};

use axum::{
    Json,
    extract::Path,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use jiff::SignedDuration;
use serde_json::{Value, json};
use skywarden_model::Timestamp;
use skywarden_rbac::PrincipalKind;
use skywarden_store::{CredentialKind, Session};

use crate::{
    AppState, ROUTES,
    auth::{self, Login},
    caller::{Caller, INSTALLATION},
    error::ApiError,
    routes::{OF_TENANT, OWN},
    scoped::Scoped,
    v1::Answer,
};

/// A session ends after this many hours, whatever is done in it.
const HOURS: i64 = 12;

/// At most this many sessions of one principal; the oldest ends first.
const MAX_SESSIONS: usize = 64;

/// What a browser calls itself is kept up to this many letters.
const MAX_AGENT: usize = 200;

/// A session that was opened.
pub(crate) struct Opened {
    /// The header that gives it to the browser.
    pub(crate) cookie: HeaderValue,
    /// What the store knows it by.
    pub(crate) digest: String,
}

/// Opens a session for a principal. The session that the browser came with ends: nobody goes on
/// in one that somebody else may know.
pub(crate) async fn open(
    state: &AppState,
    principal: &str,
    headers: &HeaderMap,
    address: Option<IpAddr>,
    now: Timestamp,
) -> Result<Opened, ApiError> {
    if let Some(old) = auth::session_cookie(headers, state.auth.scheme().cookie()) {
        state.store.remove_session(&auth::hex_digest(old)).await?;
    }
    let random = auth::random_token();
    let end = now.checked_add(SignedDuration::from_hours(HOURS)).unwrap_or(Timestamp::MAX);
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let session = Session {
        digest: auth::hex_digest(&random),
        principal: principal.to_owned(),
        created_at: now,
        expires_at: end,
        last_seen_at: now,
        address: address.map(|address| address.to_string()).unwrap_or_default(),
        agent: agent.chars().take(MAX_AGENT).collect(),
    };
    if random.is_empty() {
        return Err(no_session());
    }
    state.store.remove_expired_sessions(now).await?;
    state.store.put_session(&session).await?;
    for old in state.store.sessions_of(principal).await?.into_iter().skip(MAX_SESSIONS) {
        state.store.remove_session(&old.digest).await?;
    }
    Ok(Opened { cookie: cookie(state, &random, HOURS * 3600)?, digest: session.digest })
}

/// `GET /session`.
pub(crate) async fn show(state: Scoped) -> Answer {
    Ok(Json(shown(&state, &state.caller).await?))
}

/// `DELETE /session`: signs out.
pub(crate) async fn end(state: Scoped) -> Result<Response, ApiError> {
    if let Login::Session { digest } = &state.caller.login {
        state.store.remove_session(digest).await?;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().insert(header::SET_COOKIE, cookie(&state, "", 0)?);
    Ok(response)
}

/// `GET /session/sessions`.
pub(crate) async fn list(state: Scoped) -> Answer {
    let now = Timestamp::now();
    let sessions = state.store.sessions_of(&state.caller.id).await?;
    let items: Vec<Value> = sessions.iter().filter(|own| auth::is_alive(own, now)).map(|own| row(own, &state.caller)).collect();
    Ok(Json(json!({ "items": items })))
}

/// `DELETE /session/sessions/{id}`.
pub(crate) async fn end_one(state: Scoped, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let sessions = state.store.sessions_of(&state.caller.id).await?;
    let found = sessions.iter().find(|own| public_id(own) == id).ok_or_else(|| ApiError::not_found("such session"))?;
    state.store.remove_session(&found.digest).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the console knows of who is signed in.
pub(crate) async fn shown(state: &AppState, caller: &Caller) -> Result<Value, ApiError> {
    let kind = if caller.id == INSTALLATION { "Installation" } else { caller.kind.map_or("Installation", PrincipalKind::name) };
    let credentials = state.store.credentials_of(&caller.id).await?;
    let n_of = |kind: CredentialKind| credentials.iter().filter(|own| own.kind == kind).count();
    let expires_at = match &caller.login {
        Login::Session { digest } => state.store.session(digest, Timestamp::now()).await?.map(|own| own.expires_at),
        _ => None,
    };
    let roles: Vec<Value> = caller
        .grants
        .held()
        .map(|(scope, role)| json!({ "role": role.id, "roleName": role.name, "scope": scope.to_string() }))
        .collect();
    let actions = || ROUTES.iter().map(|route| route.action.as_str()).filter(|action| !action.starts_with(OWN));
    let may_everywhere: BTreeSet<&str> = actions().filter(|action| caller.grants.allow_everywhere(action)).collect();
    let is_of_tenant = |action: &str| OF_TENANT.iter().any(|start| action.starts_with(start));
    let is_allowed =
        |action: &&str| may_everywhere.contains(action) || (!is_of_tenant(action) && caller.grants.allow_somewhere(action));
    let may: BTreeSet<&str> = actions().filter(is_allowed).collect();
    Ok(json!({
        "id": caller.id,
        "name": caller.login_name,
        "displayName": caller.name,
        "kind": kind,
        "provider": caller.provider,
        "expiresAt": expires_at,
        "password": n_of(CredentialKind::Password) > 0,
        "totp": n_of(CredentialKind::Totp) > 0,
        "recoveryCodesLeft": n_of(CredentialKind::RecoveryCode),
        "firstRun": caller.id == INSTALLATION && !state.store.has_accounts().await?,
        "roles": roles,
        "may": may,
        "mayEverywhere": may_everywhere,
        "version": env!("CARGO_PKG_VERSION"),
    }))
}

/// The header that gives a browser its session, or takes it with an empty one.
fn cookie(state: &AppState, session: &str, seconds: i64) -> Result<HeaderValue, ApiError> {
    let scheme = state.auth.scheme();
    let text =
        format!("{}={session}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{}", scheme.cookie(), scheme.cookie_flags());
    HeaderValue::from_str(&text).map_err(|_| no_session())
}

fn row(session: &Session, caller: &Caller) -> Value {
    let is_current = matches!(&caller.login, Login::Session { digest } if *digest == session.digest);
    json!({
        "id": public_id(session),
        "createdAt": session.created_at,
        "lastSeenAt": session.last_seen_at,
        "expiresAt": session.expires_at,
        "address": session.address,
        "agent": session.agent,
        "current": is_current,
    })
}

/// What a session is called where others read: from it nobody gets its cookie, nor what the store keeps of that.
fn public_id(session: &Session) -> String {
    auth::hex_digest(&session.digest).chars().take(16).collect()
}

fn no_session() -> ApiError {
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "SessionFailed", "no session could be opened; try again")
}
