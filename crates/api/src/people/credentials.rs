//! Secrets and tokens of programs; and what is the same for everybody's.

use axum::{
    Json,
    extract::{Path, rejection::JsonRejection},
    http::StatusCode,
};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};
use skywarden_model::Timestamp;
use skywarden_rbac::PrincipalKind;
use skywarden_store::{Credential, CredentialKind};

use super::{
    principals::{be_owner, found},
    tokens::TokenLimit,
};
use crate::{
    auth::{API_TOKEN_PREFIX, hex_digest, random_token},
    error::ApiError,
    scoped::Scoped,
    v1::Answer,
};

/// A credential that was just made, and the only copy of its secret.
pub struct NewCredential {
    /// What the store keeps.
    pub credential: Credential,
    /// What its holder keeps.
    pub secret: String,
}

/// Longest life of a credential in days.
pub(super) const MAX_DAYS: i64 = 366;
/// Most letters of its name.
const MAX_NAME: usize = 80;

/// A secret or token of 256 random bits, of which only the digest is kept; `None` without randomness.
pub fn new_credential(kind: CredentialKind, principal: &str, name: &str, days: i64, now: Timestamp) -> Option<NewCredential> {
    let random = random_token();
    if random.is_empty() {
        return None;
    }
    let secret = if kind == CredentialKind::Token { format!("{API_TOKEN_PREFIX}{random}") } else { random };
    let credential = Credential {
        name: name.to_owned(),
        expires_at: now.checked_add(SignedDuration::from_hours(24 * days)).ok(),
        ..Credential::new(kind, principal, hex_digest(&secret), now)
    };
    Some(NewCredential { credential, secret })
}

/// The body of a request for a credential.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Asked {
    kind: Option<CredentialKind>,
    name: String,
    expires_in_days: i64,
    actions: Option<Vec<String>>,
    scope: Option<String>,
    /// Of a certificate: itself, in PEM.
    certificate: Option<String>,
}

impl Asked {
    /// Whether an API token is asked for.
    pub(super) fn is_token(&self) -> bool {
        self.kind.is_none_or(|kind| kind == CredentialKind::Token)
    }
}

/// `GET /principals/{id}/credentials`.
pub(crate) async fn list(state: Scoped, Path(id): Path<String>) -> Answer {
    state.everywhere()?;
    let principal = found(&state, &id).await?;
    Ok(Json(json!({ "items": shown_of(&state, &principal.id).await? })))
}

/// `POST /principals/{id}/credentials`: for programs; people make theirs themselves.
pub(crate) async fn add(
    state: Scoped,
    Path(id): Path<String>,
    body: Result<Json<Asked>, JsonRejection>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    be_owner(&state)?;
    let Json(asked) = body?;
    let principal = found(&state, &id).await?;
    if principal.kind != PrincipalKind::ServicePrincipal {
        return Err(ApiError::bad_request("only programs are given secrets; people sign in and make tokens of their own"));
    }
    make(&state, &principal.id, asked).await
}

/// `DELETE /principals/{id}/credentials/{credential}`.
pub(crate) async fn remove(state: Scoped, Path((id, credential)): Path<(String, String)>) -> Result<StatusCode, ApiError> {
    state.everywhere()?;
    let principal = found(&state, &id).await?;
    remove_of(&state, &principal.id, &credential).await
}

/// Makes a credential of a principal.
pub(super) async fn make(state: &Scoped, principal: &str, asked: Asked) -> Result<(StatusCode, Json<Value>), ApiError> {
    let kind = asked.kind.unwrap_or(CredentialKind::Token);
    if let (CredentialKind::Certificate, Some(certificate)) = (kind, &asked.certificate) {
        return keep_certificate(state, principal, &asked.name, certificate).await;
    }
    if !matches!(kind, CredentialKind::Token | CredentialKind::Secret) {
        return Err(ApiError::bad_request("`kind` is Token, Secret, or Certificate with a `certificate`"));
    }
    let name = asked.name.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME {
        return Err(ApiError::bad_request(format!("`name` has 1 to {MAX_NAME} letters")));
    }
    if !(1..=MAX_DAYS).contains(&asked.expires_in_days) {
        return Err(ApiError::bad_request(format!("`expiresInDays` is 1 to {MAX_DAYS}")));
    }
    let limit = TokenLimit::asked(asked.actions, asked.scope)?;
    if kind == CredentialKind::Secret && limit != TokenLimit::none() {
        return Err(ApiError::bad_request("a secret has no limits of its own: give the program fewer roles, or make a token"));
    }
    let made = new_credential(kind, principal, name, asked.expires_in_days, Timestamp::now());
    let NewCredential { credential, secret } = made.ok_or_else(|| {
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "NoRandomness", "the operating system gave no random bytes; try again")
    })?;
    let credential = Credential { scope: limit.text(), ..credential };
    state.store.put_credential(&credential).await?;
    Ok((StatusCode::CREATED, Json(json!({ "credential": shown(&credential), "secret": secret }))))
}

/// Keeps a certificate; it holds until it ends itself.
async fn keep_certificate(
    state: &Scoped,
    principal: &str,
    name: &str,
    certificate: &str,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let credential = new_certificate(principal, name, certificate, Timestamp::now()).ok_or_else(|| {
        let message = "`certificate` is one in PEM with an RSA key of at least 2048 bits or a P-256 key, and has not ended";
        ApiError::bad_request(message)
    })?;
    state.store.put_credential(&credential).await?;
    Ok((StatusCode::CREATED, Json(json!({ "credential": shown(&credential), "secret": null }))))
}

/// A certificate with whose key a program signs assertions; `None` if it is none that can be used, or has ended.
pub fn new_certificate(principal: &str, name: &str, certificate: &str, now: Timestamp) -> Option<Credential> {
    let end = Timestamp::from_second(crate::identity::client::certificate_end(certificate)?).ok()?;
    let credential = Credential {
        name: name.trim().chars().take(MAX_NAME).collect(),
        expires_at: Some(end),
        ..Credential::new(CredentialKind::Certificate, principal, certificate.to_owned(), now)
    };
    (now < end).then_some(credential)
}

/// Removes a credential that its holder or an administrator sees.
pub(super) async fn remove_of(state: &Scoped, principal: &str, id: &str) -> Result<StatusCode, ApiError> {
    let known = state.store.credential(id).await?;
    let own = known.filter(|own| own.principal == principal && is_shown(own));
    let own = own.ok_or_else(|| ApiError::not_found("such credential"))?;
    state.store.remove_credential(&own.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The secrets, certificates and tokens of a principal.
pub(super) async fn shown_of(state: &Scoped, principal: &str) -> Result<Vec<Value>, ApiError> {
    let credentials = state.store.credentials_of(principal).await?;
    Ok(credentials.iter().filter(|own| is_shown(own)).map(shown).collect())
}

/// Random bytes.
pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N], ApiError> {
    let mut bytes = [0; N];
    let filled = getrandom::fill(&mut bytes);
    filled.map(|()| bytes).map_err(|error| {
        tracing::error!(%error, "no random bytes");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "NoRandomness", "the operating system gave no random bytes; try again")
    })
}

/// Passwords and one-time codes have ways of their own.
fn is_shown(credential: &Credential) -> bool {
    matches!(
        credential.kind,
        CredentialKind::Token | CredentialKind::Secret | CredentialKind::Certificate | CredentialKind::RefreshToken
    )
}

fn shown(credential: &Credential) -> Value {
    let limit = TokenLimit::kept(credential.scope.as_deref()).unwrap_or_default();
    json!({
        "id": credential.id,
        "kind": credential.kind.name(),
        "name": credential.name,
        "createdAt": credential.created_at,
        "expiresAt": credential.expires_at,
        "lastUsedAt": credential.last_used_at,
        "actions": limit.actions(),
        "scope": limit.scope(),
    })
}
