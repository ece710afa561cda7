use axum::{
    Form, Json,
    extract::{Path, State, rejection::FormRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::json;
use skywarden_model::Timestamp;
use skywarden_rbac::{Principal, PrincipalKind, PrincipalState};
use skywarden_store::CredentialKind;

use super::{
    discovery::tenant_of,
    keys::{Claims, issuer},
};
use crate::{AppState, auth, error::ApiError};

/// A token is valid for this long, in seconds.
const LIFETIME: i64 = 3600;

/// The form of a token request (RFC 6749, section 4.4).
#[derive(Deserialize)]
pub(crate) struct TokenRequest {
    grant_type: String,
    client_id: Option<String>,
    client_secret: Option<String>,
    scope: Option<String>,
    resource: Option<String>,
}

/// A refusal in OAuth's shape (RFC 6749, section 5.2).
struct Refusal {
    status: StatusCode,
    error: &'static str,
    description: String,
}

/// `POST /{tenant}/oauth2/v2.0/token`.
pub(crate) async fn token(
    State(state): State<AppState>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
    form: Result<Form<TokenRequest>, FormRejection>,
) -> Result<Response, ApiError> {
    let base = state.auth.base(&headers)?;
    let tenant = tenant_of(&state, &tenant)?;
    let refused = |error, description: String| {
        let refusal = Refusal { status: StatusCode::BAD_REQUEST, error, description };
        Ok(refusal.into_response())
    };
    let request = match form {
        Ok(Form(request)) => request,
        Err(rejection) => return refused("invalid_request", rejection.body_text()),
    };
    if request.grant_type != "client_credentials" {
        let message = format!("`{}` is no grant of this server; it takes client_credentials", request.grant_type);
        return refused("unsupported_grant_type", message);
    }
    if let Some(asked) = request.scope.as_deref().or(request.resource.as_deref())
        && !is_own_scope(&state, asked)
    {
        return refused("invalid_scope", format!("this server gives tokens for itself, not for `{asked}`"));
    }
    let basic = basic(&headers);
    let given = match (&request.client_id, &request.client_secret, &basic) {
        (Some(id), Some(secret), _) => Some((id.as_str(), secret.as_str())),
        (_, _, Some((id, secret))) => Some((id.as_str(), secret.as_str())),
        _ => None,
    };
    let Some((id, secret)) = given else {
        return refused("invalid_request", "client_id and client_secret are needed".to_owned());
    };
    let now = Timestamp::now();
    let principal = match service_principal(&state, id, secret, now).await? {
        Ok(principal) => principal,
        Err(refusal) => return Ok(refusal.into_response()),
    };
    let second = now.as_second();
    let claims = Claims {
        iss: issuer(&base, tenant),
        aud: base,
        oid: principal.id.clone(),
        sub: principal.id.clone(),
        appid: principal.id,
        tid: tenant.to_owned(),
        name: principal.display_name,
        iat: second,
        nbf: second,
        exp: second + LIFETIME,
        jti: auth::random_token(),
    };
    let token = state.auth.token_key().sign(&claims).map_err(|error| {
        tracing::error!(%error, "a token could not be signed");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "TokenFailed", "the token could not be signed; see the server's log")
    })?;
    Ok(Json(json!({ "token_type": "Bearer", "expires_in": LIFETIME, "ext_expires_in": LIFETIME, "access_token": token }))
        .into_response())
}

/// The service principal whose id and secret are right; whatever is wrong, the words are the same.
async fn service_principal(
    state: &AppState,
    id: &str,
    secret: &str,
    now: Timestamp,
) -> Result<Result<Principal, Refusal>, ApiError> {
    let refused = || {
        let description = "the client id or the secret is wrong, or the secret has expired".to_owned();
        Err(Refusal { status: StatusCode::UNAUTHORIZED, error: "invalid_client", description })
    };
    let id = id.to_lowercase();
    let known = state.store.principal(&id).await?;
    let credentials = state.store.credentials_of(&id).await?;
    let digest = auth::hex_digest(secret);
    let right = credentials.iter().find(|own| {
        own.kind == CredentialKind::Secret
            && own.expires_at.is_none_or(|end| now < end)
            && auth::same(own.secret.as_bytes(), digest.as_bytes())
    });
    let is_meant = |own: &Principal| own.kind == PrincipalKind::ServicePrincipal && own.state == PrincipalState::Enabled;
    match (known.filter(is_meant), right) {
        (Some(principal), Some(credential)) => {
            state.store.touch_credential(&credential.id, now).await?;
            Ok(Ok(principal))
        }
        _ => Ok(refused()),
    }
}

/// Whether a scope (`https://HOST/.default`) or a resource is this server.
fn is_own_scope(state: &AppState, asked: &str) -> bool {
    let known = ["openid", "profile", "offline_access"];
    let mut parts = asked.split_ascii_whitespace().filter(|part| !known.contains(part)).peekable();
    parts.peek().is_some()
        && parts.all(|part| {
            let audience = part.strip_suffix("/.default").unwrap_or(part).trim_end_matches('/');
            state.auth.audiences().iter().any(|own| own.eq_ignore_ascii_case(audience))
        })
}

/// Id and secret of `Authorization: Basic` (RFC 6749, section 2.3.1).
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let decoded = STANDARD.decode(value.strip_prefix("Basic ")?).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (id, secret) = text.split_once(':')?;
    let plain = |text: &str| {
        let pair = format!("x={text}");
        form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned())
    };
    Some((plain(id)?, plain(secret)?))
}

impl Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.error, "error_description": self.description });
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Basic realm=\"token\""));
        }
        response
    }
}
