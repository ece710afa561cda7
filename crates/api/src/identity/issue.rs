//! The answer of the token endpoint.

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use serde_json::{Value, json};
use skywarden_model::Timestamp;
use skywarden_rbac::Principal;
use skywarden_store::{Credential, CredentialKind};

use super::keys::{Claims, IdClaims, issuer};
use crate::{AppState, auth, error::ApiError};

/// An access token is valid for this long, in seconds.
const LIFETIME: i64 = 3600;
/// A refresh token is valid for this many days after it was last used.
const REFRESH_DAYS: i64 = 14;

/// A refusal in OAuth's shape (RFC 6749, section 5.2).
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) error: &'static str,
    pub(super) description: String,
}

impl Refusal {
    /// That the request is no good.
    pub(super) fn bad(error: &'static str, description: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error, description: description.into() }
    }

    pub(super) fn into_response(self) -> Response {
        let body = json!({ "error": self.error, "error_description": self.description });
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Basic realm=\"token\""));
        }
        response
    }
}

/// An access token for a principal, and when it ends, in seconds since 1970. `client`: the program that holds it.
pub(super) fn access_token(state: &AppState, base: &str, principal: &Principal, client: &str) -> Result<(String, i64), ApiError> {
    let second = Timestamp::now().as_second();
    let tenant = state.auth.tenant();
    let claims = Claims {
        iss: issuer(base, tenant),
        aud: base.to_owned(),
        oid: principal.id.clone(),
        sub: principal.id.clone(),
        appid: client.to_owned(),
        tid: tenant.to_owned(),
        name: principal.display_name.clone(),
        iat: second,
        nbf: second,
        exp: second + LIFETIME,
        jti: auth::random_token(),
    };
    Ok((state.auth.token_key().sign(&claims).map_err(unsigned)?, claims.exp))
}

/// What a program gets that asks for itself.
pub(super) fn of_program(state: &AppState, base: &str, principal: &Principal) -> Result<Value, ApiError> {
    let (token, _) = access_token(state, base, principal, &principal.id)?;
    Ok(json!({ "token_type": "Bearer", "expires_in": LIFETIME, "ext_expires_in": LIFETIME, "access_token": token }))
}

/// What a program gets that asks for a person: a refresh token too, and who they are.
pub(super) async fn of_person(state: &AppState, base: &str, principal: &Principal, client: &str) -> Result<Value, ApiError> {
    let now = Timestamp::now();
    let (token, end) = access_token(state, base, principal, client)?;
    let tenant = state.auth.tenant();
    let id = IdClaims {
        iss: issuer(base, tenant),
        aud: client.to_owned(),
        sub: principal.id.clone(),
        oid: principal.id.clone(),
        tid: tenant.to_owned(),
        preferred_username: principal.name.clone(),
        name: principal.display_name.clone(),
        iat: now.as_second(),
        nbf: now.as_second(),
        exp: end,
        ver: "2.0".to_owned(),
    };
    let refresh = auth::random_token();
    let credential = Credential {
        name: client.to_owned(),
        expires_at: now.checked_add(SignedDuration::from_hours(24 * REFRESH_DAYS)).ok(),
        ..Credential::new(CredentialKind::RefreshToken, &principal.id, auth::hex_digest(&refresh), now)
    };
    state.store.put_credential(&credential).await?;
    let client_info = json!({ "uid": principal.id, "utid": tenant }).to_string();
    Ok(json!({
        "token_type": "Bearer",
        "scope": format!("{base}/.default openid profile offline_access"),
        "expires_in": LIFETIME,
        "ext_expires_in": LIFETIME,
        "access_token": token,
        "refresh_token": refresh,
        "id_token": state.auth.token_key().sign(&id).map_err(unsigned)?,
        "client_info": URL_SAFE_NO_PAD.encode(client_info),
    }))
}

fn unsigned(error: jsonwebtoken::errors::Error) -> ApiError {
    tracing::error!(%error, "a token could not be signed");
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "TokenFailed", "the token could not be signed; see the server's log")
}
