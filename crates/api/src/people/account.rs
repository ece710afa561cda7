//! What people change of their own account.

use axum::{Json, extract::rejection::JsonRejection, http::StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use skywarden_model::Timestamp;
use skywarden_store::CredentialKind;

use super::{one_time_codes, passwords, sign_in};
use crate::{auth::Login, error::ApiError, scoped::Scoped};

/// The body of `PUT /session/password`.
#[derive(Deserialize)]
pub(crate) struct Change {
    current: String,
    password: String,
}

/// The body of `PUT /session/totp`.
#[derive(Deserialize)]
pub(crate) struct Code {
    code: String,
}

/// The body of `POST /session/totp/remove`.
#[derive(Deserialize)]
pub(crate) struct Password {
    password: String,
}

type Body<T> = Result<Json<T>, JsonRejection>;

/// `PUT /session/password`: every other session ends.
pub(crate) async fn change_password(state: Scoped, body: Body<Change>) -> Result<StatusCode, ApiError> {
    let principal = state.person()?;
    let Json(change) = body?;
    prove(&state, &principal, change.current).await?;
    passwords::strong_enough(&change.password, &[&state.caller.login_name, &state.caller.name])?;
    let session = match &state.caller.login {
        Login::Session { digest } => Some(digest.as_str()),
        Login::Token(_) => None,
    };
    sign_in::keep_password(&state, &principal, change.password, session, Timestamp::now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /session/totp`.
pub(crate) async fn propose_codes(state: Scoped) -> Result<Json<Value>, ApiError> {
    let principal = state.person()?;
    let credentials = state.store.credentials_of(&principal).await?;
    if !credentials.iter().any(|own| own.kind == CredentialKind::Password) {
        let message = "this account has no password here: one-time codes are its identity provider's affair";
        return Err(ApiError::new(StatusCode::CONFLICT, "NoPassword", message));
    }
    if credentials.iter().any(|own| own.kind == CredentialKind::Totp) {
        let message = "one-time codes are on; switch them off first to set them up anew";
        return Err(ApiError::new(StatusCode::CONFLICT, "CodesAreOn", message));
    }
    let proposal = one_time_codes::propose(&state, &principal, &state.caller.login_name).await?;
    Ok(Json(json!({ "secret": proposal.secret, "uri": proposal.uri, "qr": proposal.qr })))
}

/// `PUT /session/totp`.
pub(crate) async fn switch_codes_on(state: Scoped, body: Body<Code>) -> Result<Json<Value>, ApiError> {
    let principal = state.person()?;
    let Json(Code { code }) = body?;
    let plain: String = code.chars().filter(char::is_ascii_digit).collect();
    let codes = one_time_codes::confirm(&state, &principal, &plain, Timestamp::now()).await?;
    let codes = codes.ok_or_else(|| {
        let message = "this is no code of the new secret at this time; check the clock of the device and try the next one";
        ApiError::new(StatusCode::BAD_REQUEST, "WrongCode", message)
    })?;
    Ok(Json(json!({ "recoveryCodes": codes })))
}

/// `POST /session/totp/remove`.
pub(crate) async fn switch_codes_off(state: Scoped, body: Body<Password>) -> Result<StatusCode, ApiError> {
    let principal = state.person()?;
    let Json(Password { password }) = body?;
    prove(&state, &principal, password).await?;
    one_time_codes::remove(&state, &principal).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// That whoever sits there knows the password: an open screen is not enough. Wrong tries count as those of signing in do.
async fn prove(state: &Scoped, principal: &str, password: String) -> Result<(), ApiError> {
    let now = Timestamp::now();
    let failed = state.store.failed_sign_ins(principal).await?;
    if sign_in::locked_until(failed).is_some_and(|end| now < end) {
        return Err(ApiError::new(StatusCode::TOO_MANY_REQUESTS, "TooManyAttempts", "too many wrong tries; wait and try again"));
    }
    let credentials = state.store.credentials_of(principal).await?;
    let kept = credentials.into_iter().find(|own| own.kind == CredentialKind::Password).map(|own| own.secret);
    state.store.sign_in_failed(principal, now).await?;
    if !state.sign_in.passwords.check(password, kept).await? {
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "SignInFailed", "the current password is wrong"));
    }
    state.store.forget_failed_sign_ins(principal).await?;
    Ok(())
}
