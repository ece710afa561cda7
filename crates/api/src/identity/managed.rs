//! The endpoint of managed identities, for programs that look for `IDENTITY_ENDPOINT` and `IDENTITY_HEADER` in their environment.

use axum::{
    Json,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
};
use serde::Deserialize;
use serde_json::{Value, json};
use skywarden_model::Timestamp;
use skywarden_rbac::PrincipalKind;
use skywarden_store::CredentialKind;

use super::{
    issue,
    token::{enabled, is_own_scope},
};
use crate::{
    AppState,
    auth::{self, API_TOKEN_PREFIX},
    error::ApiError,
    people::TokenLimit,
};

/// The query of such a request, in the version of App Service (2019-08-01).
#[derive(Deserialize)]
pub(crate) struct Asked {
    resource: Option<String>,
    client_id: Option<String>,
}

/// `GET /identity/token`: a token for the program whose API token the header `X-IDENTITY-HEADER` holds.
pub(crate) async fn token(
    State(state): State<AppState>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Json<Value>, ApiError> {
    let base = state.auth.base(&headers)?;
    let refused = || {
        let message =
            "the header X-IDENTITY-HEADER holds no API token without limits of a program; `skywarden access token` makes one";
        ApiError::new(StatusCode::UNAUTHORIZED, "AuthenticationFailed", message)
    };
    let given = headers.get("x-identity-header").and_then(|given| given.to_str().ok()).unwrap_or_default();
    if !given.starts_with(API_TOKEN_PREFIX) {
        return Err(refused());
    }
    let now = Timestamp::now();
    let known = state.store.credential_by_secret(CredentialKind::Token, &auth::hex_digest(given)).await?;
    let known = known.filter(|own| own.expires_at.is_none_or(|end| now < end));
    // The token that is given has no limits: one that has some would lose them.
    let known = known.filter(|own| TokenLimit::kept(own.scope.as_deref()) == Some(TokenLimit::none())).ok_or_else(refused)?;
    let principal = enabled(&state, &known.principal, PrincipalKind::ServicePrincipal).await?.ok_or_else(refused)?;
    if asked.client_id.is_some_and(|id| !id.eq_ignore_ascii_case(&principal.id)) {
        return Err(ApiError::bad_request("`client_id` is another program than the one whose token this is"));
    }
    let resource = asked.resource.unwrap_or_default();
    if !is_own_scope(&state, &resource) {
        return Err(ApiError::bad_request(format!("`resource`: this server gives tokens for itself, not for `{resource}`")));
    }
    state.store.touch_credential(&known.id, now).await?;
    let (token, end) = issue::access_token(&state, &base, &principal, &principal.id)?;
    Ok(Json(json!({
        "access_token": token,
        "expires_on": end.to_string(),
        "resource": resource,
        "token_type": "Bearer",
        "client_id": principal.id,
    })))
}
