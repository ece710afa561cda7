//! Signing in with a name and a password, and what is known before.

use std::net::{IpAddr, SocketAddr};

use axum::{
    Extension, Json,
    extract::{ConnectInfo, State, rejection::JsonRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use skywarden_model::Timestamp;
use skywarden_rbac::{Principal, PrincipalKind, PrincipalState};
use skywarden_store::{AuditEntry, Credential, CredentialKind, FailedSignIns, Store, StoreError};

use super::{
    one_time_codes, passwords,
    session::{self, Opened},
};
use crate::{
    AppState,
    auth::{self, Login},
    caller::Caller,
    error::ApiError,
};

/// Where a request comes from; tests have no connection.
pub(crate) type Peer = Option<Extension<ConnectInfo<SocketAddr>>>;

/// The address of where a request comes from.
pub(crate) fn address_of(peer: &Peer) -> Option<IpAddr> {
    peer.as_ref().map(|Extension(ConnectInfo(peer))| peer.ip())
}

/// What the log calls a sign-in.
pub(crate) const SIGN_IN: &str = "Skywarden.Account/signIn/action";

/// This many wrong tries in a row are free; after each further one it takes longer until the next.
const FREE_TRIES: u32 = 5;
/// The wait after those, in seconds; it doubles with each.
const FIRST_WAIT: i64 = 30;
/// The longest wait, in seconds.
const LONGEST_WAIT: i64 = 3600;
/// An invitation holds for this many hours.
const INVITATION_HOURS: i64 = 72;
/// What invitations are kept as.
const INVITATION: &str = "invitation";

/// The body of `POST /api/v1/sign-in`.
#[derive(Deserialize)]
pub(crate) struct Attempt {
    name: String,
    password: String,
    code: Option<String>,
}

/// The body of `POST /api/v1/password`.
#[derive(Deserialize)]
pub(crate) struct NewPassword {
    code: String,
    password: String,
}

/// What is kept of an invitation: it is void once the password was changed in another way.
#[derive(Serialize, Deserialize)]
struct Invitation {
    principal: String,
    password: Option<String>,
}

/// `GET /api/v1/sign-in`: in which ways one can.
pub(crate) async fn options(State(state): State<AppState>, headers: HeaderMap) -> Result<Json<Value>, ApiError> {
    state.auth.base(&headers)?;
    let has_accounts = state.store.has_accounts().await?;
    let providers: Vec<Value> =
        state.sign_in.providers.values().map(|own| json!({ "id": own.id(), "name": own.name() })).collect();
    Ok(Json(json!({
        "local": has_accounts,
        "firstRun": !has_accounts && providers.is_empty(),
        "providers": providers,
    })))
}

/// `POST /api/v1/sign-in`.
pub(crate) async fn sign_in(
    State(state): State<AppState>,
    peer: Peer,
    headers: HeaderMap,
    body: Result<Json<Attempt>, JsonRejection>,
) -> Result<Response, ApiError> {
    let Attempt { name, password, code } = opened(&state, &headers, body)?;
    let now = Timestamp::now();
    let name = name.trim();
    let known = state.store.principal_named(PrincipalKind::User, name).await?;
    let known = known.filter(|own| own.state == PrincipalState::Enabled && own.provider.is_none());
    // Names that nobody has are counted like others, so that a lock tells nothing.
    let counted = known.as_ref().map_or_else(|| auth::hex_digest(&name.to_lowercase()), |own| own.id.clone());
    let before = state.store.failed_sign_ins(&counted).await?;
    if let Some(wait) = wait(before, now) {
        return Ok(too_many(wait));
    }
    // Counted before it is checked: of many at once each knows which one it is.
    let counts = state.store.sign_in_failed(&counted, now).await?;
    if counts.count > FREE_TRIES && counts.count > before.count + 1 {
        return Ok(too_many(FIRST_WAIT));
    }
    let credentials = state.store.credentials_of(&counted).await?;
    let kept = credentials.iter().find(|own| own.kind == CredentialKind::Password).map(|own| own.secret.clone());
    let is_right = state.sign_in.passwords.check(password, kept).await?;
    let Some(principal) = known.filter(|_| is_right) else { return refused(&state, &counted, name, &peer, now).await };
    if credentials.iter().any(|own| own.kind == CredentialKind::Totp) {
        let Some(code) = code.filter(|code| !code.trim().is_empty()) else {
            // The password was right: this was no wrong try, but it is no sign-in either.
            state.store.take_back_failed_sign_in(&counted).await?;
            return Err(ApiError::new(StatusCode::UNAUTHORIZED, "CodeRequired", "enter the one-time code of your app as well"));
        };
        if !one_time_codes::check(&state, &principal.id, &code, now).await? {
            return refused(&state, &counted, name, &peer, now).await;
        }
    }
    let opened = welcome(&state, &principal, &headers, &peer, json!({ "with": "password" }), now).await?;
    let session = welcomed(&state, principal, &opened).await?;
    Ok(([(header::SET_COOKIE, opened.cookie)], Json(json!({ "session": session }))).into_response())
}

/// `POST /api/v1/password`: sets the password of whoever was invited.
pub(crate) async fn set_password(
    State(state): State<AppState>,
    peer: Peer,
    headers: HeaderMap,
    body: Result<Json<NewPassword>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let NewPassword { code, password } = opened(&state, &headers, body)?;
    let now = Timestamp::now();
    let spent = || {
        let message = "this invitation was used already, has ended or is wrong; ask whoever sent it for another";
        ApiError::new(StatusCode::UNAUTHORIZED, "InvitationSpent", message)
    };
    passwords::strong_enough(&password, &[])?;
    let digest = auth::hex_digest(&code);
    let document = state.store.take_once(INVITATION, &digest, now).await?.ok_or_else(spent)?;
    let invitation: Invitation = serde_json::from_str(&document).map_err(|_| spent())?;
    let principal = state.store.principal(&invitation.principal).await?.ok_or_else(spent)?;
    if password_id(&state.store, &principal.id).await? != invitation.password {
        return Err(spent());
    }
    if let Err(weak) = passwords::strong_enough(&password, &[&principal.name, &principal.display_name]) {
        // It is not spent by a password that is refused.
        state.store.put_once(INVITATION, &digest, &document, invitation_end(now)).await?;
        return Err(weak);
    }
    keep_password(&state, &principal.id, password, None, now).await?;
    log(&state, "Skywarden.Account/password/write", &principal, &peer, "Succeeded", json!({ "with": "invitation" }), now).await?;
    Ok(Json(json!({ "name": principal.name })))
}

/// What lets somebody set their password.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewInvitation {
    /// The path of the console, with the only copy of its code.
    pub path: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Makes an invitation to set a password; it works once, and is void when the password changes in another way.
///
/// # Errors
/// If the store fails.
pub async fn invite(store: &Store, principal: &str, now: Timestamp) -> Result<NewInvitation, StoreError> {
    let code = auth::random_token();
    let document = json!(Invitation { principal: principal.to_owned(), password: password_id(store, principal).await? });
    let expires_at = invitation_end(now);
    store.put_once(INVITATION, &auth::hex_digest(&code), &document.to_string(), expires_at).await?;
    Ok(NewInvitation { path: format!("/set-password?code={code}"), expires_at })
}

/// Replaces the password of a principal: its sessions end, but the one with this digest, and a lock is lifted.
pub(crate) async fn keep_password(
    state: &AppState,
    principal: &str,
    password: String,
    session: Option<&str>,
    now: Timestamp,
) -> Result<(), ApiError> {
    let secret = state.sign_in.passwords.keep(password).await?;
    state.store.remove_credentials_of(principal, CredentialKind::Password).await?;
    state.store.put_credential(&Credential::new(CredentialKind::Password, principal, secret, now)).await?;
    state.store.remove_sessions_of(principal, session).await?;
    // What programs hold for the person was given under the old password.
    state.store.remove_credentials_of(principal, CredentialKind::RefreshToken).await?;
    state.store.forget_failed_sign_ins(principal).await?;
    Ok(())
}

/// Until when a principal can't sign in.
pub(crate) fn locked_until(failed: FailedSignIns) -> Option<Timestamp> {
    let beyond = failed.count.checked_sub(FREE_TRIES)?;
    let seconds = FIRST_WAIT.saturating_mul(1_i64.checked_shl(beyond.min(32)).unwrap_or(i64::MAX)).min(LONGEST_WAIT);
    failed.last_at?.checked_add(SignedDuration::from_secs(seconds)).ok()
}

/// Opens a session for somebody who has proved who they are, and writes that down.
pub(crate) async fn welcome(
    state: &AppState,
    principal: &Principal,
    headers: &HeaderMap,
    peer: &Peer,
    details: Value,
    now: Timestamp,
) -> Result<Opened, ApiError> {
    let opened = session::open(state, &principal.id, headers, address_of(peer), now).await?;
    state.store.sign_in_succeeded(&principal.id, now).await?;
    log(state, SIGN_IN, principal, peer, "Succeeded", details, now).await?;
    Ok(opened)
}

/// What a browser is told of its session that was opened.
pub(crate) async fn welcomed(state: &AppState, principal: Principal, opened: &Opened) -> Result<Value, ApiError> {
    let grants = state.store.grants_of(&principal.id).await?;
    let caller = Caller::of(principal, grants, Login::Session { digest: opened.digest.clone() });
    session::shown(state, &caller).await
}

/// Writes what somebody did to their own account into the audit log.
pub(crate) async fn log(
    state: &AppState,
    action: &str,
    principal: &Principal,
    peer: &Peer,
    outcome: &str,
    details: Value,
    now: Timestamp,
) -> Result<(), ApiError> {
    let entry = AuditEntry {
        at: now,
        principal: principal.id.clone(),
        principal_name: principal.display_name.clone(),
        action: action.to_owned(),
        target: format!("/api/v1/principals/{}", principal.id),
        outcome: outcome.to_owned(),
        address: address_of(peer).map(|address| address.to_string()).unwrap_or_default(),
        details,
    };
    state.store.append_audit(&entry).await?;
    Ok(())
}

/// The body of a request without a login, if it came to a host of this server and not from another site.
fn opened<T>(state: &AppState, headers: &HeaderMap, body: Result<Json<T>, JsonRejection>) -> Result<T, ApiError> {
    state.auth.base(headers)?;
    auth::refuse_other_sites(headers)?;
    let Json(body) = body?;
    Ok(body)
}

/// How many seconds are left until the next try.
fn wait(failed: FailedSignIns, now: Timestamp) -> Option<i64> {
    let left = locked_until(failed)?.as_second() - now.as_second();
    (left > 0).then_some(left)
}

fn too_many(seconds: i64) -> Response {
    let message = format!("too many wrong tries; the next one is possible in {seconds} seconds");
    let mut response = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "TooManyAttempts", message).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// The same words whatever was wrong.
async fn refused(state: &AppState, principal: &str, name: &str, peer: &Peer, now: Timestamp) -> Result<Response, ApiError> {
    // Names that nobody has stay out of the log: whoever guesses would fill it.
    if let Some(principal) = state.store.principal(principal).await? {
        log(state, SIGN_IN, &principal, peer, "Failed (401)", json!({}), now).await?;
    }
    tracing::warn!(?name, address = ?address_of(peer), "a sign-in failed");
    Err(ApiError::new(StatusCode::UNAUTHORIZED, "SignInFailed", "the name, the password or the code is wrong"))
}

async fn password_id(store: &Store, principal: &str) -> Result<Option<String>, StoreError> {
    let credentials = store.credentials_of(principal).await?;
    Ok(credentials.into_iter().find(|own| own.kind == CredentialKind::Password).map(|own| own.id))
}

fn invitation_end(now: Timestamp) -> Timestamp {
    now.checked_add(SignedDuration::from_hours(INVITATION_HOURS)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_an_hour() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let left = |count, now| wait(FailedSignIns { count, last_at: Some(at(1000)) }, at(now));
        assert_eq!((left(0, 1000), left(4, 1000)), (None, None));
        assert_eq!((left(5, 1000), left(5, 1029), left(5, 1030)), (Some(30), Some(1), None));
        assert_eq!((left(6, 1000), left(7, 1000), left(11, 1000)), (Some(60), Some(120), Some(1920)));
        assert_eq!((left(12, 1000), left(60, 1000), left(u32::MAX, 1000)), (Some(3600), Some(3600), Some(3600)));
    }
}
