use axum::{
    Form, Json,
    extract::{Path, State, rejection::FormRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use skywarden_model::Timestamp;
use skywarden_rbac::{Principal, PrincipalKind, PrincipalState};
use skywarden_store::CredentialKind;

use super::{
    client::{self, Proof},
    device,
    discovery::tenant_of,
    issue::{self, Refusal},
};
use crate::{AppState, auth, error::ApiError};

/// The form of a token request (RFC 6749, section 4.4; RFC 7523, section 2.2; RFC 8628, section 3.4).
#[derive(Deserialize)]
pub(crate) struct TokenRequest {
    grant_type: String,
    client_id: Option<String>,
    client_secret: Option<String>,
    client_assertion_type: Option<String>,
    client_assertion: Option<String>,
    device_code: Option<String>,
    refresh_token: Option<String>,
    scope: Option<String>,
    resource: Option<String>,
}

/// The name of the device grant.
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What the token endpoint answers: what it gives, or why it gives nothing.
pub(super) type Given = Result<Result<serde_json::Value, Refusal>, ApiError>;

/// `POST /{tenant}/oauth2/v2.0/token`.
pub(crate) async fn token(
    State(state): State<AppState>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
    form: Result<Form<TokenRequest>, FormRejection>,
) -> Result<Response, ApiError> {
    let base = state.auth.base(&headers)?;
    tenant_of(&state, &tenant)?;
    let request = match form {
        Ok(Form(request)) => request,
        Err(rejection) => return Ok(Refusal::bad("invalid_request", rejection.body_text()).into_response()),
    };
    if let Some(asked) = request.scope.as_deref().or(request.resource.as_deref())
        && !is_own_scope(&state, asked)
    {
        let message = format!("this server gives tokens for itself, not for `{asked}`");
        return Ok(Refusal::bad("invalid_scope", message).into_response());
    }
    let given = match request.grant_type.as_str() {
        "client_credentials" => for_program(&state, &base, &tenant, &headers, &request).await?,
        "refresh_token" => refreshed(&state, &base, &request).await?,
        // The name that older clients have for it.
        DEVICE_CODE | "device_code" => {
            device::given(&state, &base, request.client_id.as_deref(), request.device_code.as_deref()).await?
        }
        other => Err(Refusal::bad(
            "unsupported_grant_type",
            format!("`{other}` is no grant of this server; it takes client_credentials, {DEVICE_CODE} and refresh_token"),
        )),
    };
    Ok(given.map_or_else(Refusal::into_response, |tokens| Json(tokens).into_response()))
}

async fn for_program(state: &AppState, base: &str, tenant: &str, headers: &HeaderMap, request: &TokenRequest) -> Given {
    let basic = client::basic(headers);
    let (id, proof) = match (&request.client_id, &request.client_secret, &request.client_assertion, &basic) {
        (Some(id), Some(secret), _, _) => (id.as_str(), Proof::Secret(secret)),
        (id, None, Some(assertion), _) => {
            let kind = request.client_assertion_type.as_deref().unwrap_or_default();
            if kind != client::ASSERTION {
                return Ok(Err(Refusal::bad("invalid_request", format!("client_assertion_type must be {}", client::ASSERTION))));
            }
            let id = id.as_deref().unwrap_or_default();
            (id, Proof::Assertion { assertion, audiences: client::audiences(base, tenant, state.auth.tenant()) })
        }
        (_, _, _, Some((id, secret))) => (id.as_str(), Proof::Secret(secret)),
        _ => return Ok(Err(Refusal::bad("invalid_request", "client_id with client_secret or client_assertion are needed"))),
    };
    match client::proved(state, id, proof, Timestamp::now()).await? {
        Some(principal) => Ok(Ok(issue::of_program(state, base, &principal)?)),
        None => Ok(Err(Refusal {
            status: StatusCode::UNAUTHORIZED,
            error: "invalid_client",
            description: "the client id or what it proves itself with is wrong or has expired".to_owned(),
        })),
    }
}

/// New tokens for an old refresh token, which ends: who finds a used one gets nothing for it.
async fn refreshed(state: &AppState, base: &str, request: &TokenRequest) -> Given {
    let refused = || Ok(Err(Refusal::bad("invalid_grant", "the refresh token is wrong or has expired; log in again")));
    let (Some(client), Some(token)) = (&request.client_id, &request.refresh_token) else {
        return Ok(Err(Refusal::bad("invalid_request", "client_id and refresh_token are needed")));
    };
    let now = Timestamp::now();
    let known = state.store.credential_by_secret(CredentialKind::RefreshToken, &auth::hex_digest(token)).await?;
    let Some(known) = known.filter(|own| own.name == *client && own.expires_at.is_some_and(|end| now < end)) else {
        return refused();
    };
    let principal = state.store.principal(&known.principal).await?;
    let Some(principal) = principal.filter(|own| own.state == PrincipalState::Enabled) else { return refused() };
    // Clients that run side by side share one: it ends a while later.
    let end = now.checked_add(jiff::SignedDuration::from_mins(GRACE_MINUTES)).unwrap_or(Timestamp::MAX);
    let expires_at = known.expires_at.map(|own| own.min(end));
    state.store.put_credential(&skywarden_store::Credential { expires_at, last_used_at: Some(now), ..known }).await?;
    Ok(Ok(issue::of_person(state, base, &principal, client).await?))
}

/// A refresh token that was used holds for so long still.
const GRACE_MINUTES: i64 = 10;

/// A principal that may log in, of a kind.
pub(super) async fn enabled(state: &AppState, id: &str, kind: PrincipalKind) -> Result<Option<Principal>, ApiError> {
    let known = state.store.principal(&id.to_lowercase()).await?;
    Ok(known.filter(|own| own.kind == kind && own.state == PrincipalState::Enabled))
}

/// Whether a scope (`https://HOST/.default`) or a resource is this server.
pub(super) fn is_own_scope(state: &AppState, asked: &str) -> bool {
    let known = ["openid", "profile", "offline_access"];
    let mut parts = asked.split_ascii_whitespace().filter(|part| !known.contains(part)).peekable();
    parts.peek().is_some()
        && parts.all(|part| {
            let audience = part.strip_suffix("/.default").unwrap_or(part).trim_end_matches('/');
            state.auth.audiences().iter().any(|own| own.eq_ignore_ascii_case(audience))
        })
}
