//! Who may ask: a bearer token (command line, scripts) or a session cookie (console), and only under the expected host names.

use std::sync::Mutex;

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};
use sha2::{Digest as _, Sha256};

use skywarden_model::Timestamp;
use skywarden_rbac::PrincipalState;
use skywarden_store::CredentialKind;

use crate::{AppState, caller::Caller, error::ApiError, identity::TokenKey};

/// Who may ask, and under which addresses; of secrets only their SHA-256 is kept.
pub struct Auth {
    api_token: [u8; 32],
    one_time: Mutex<Option<[u8; 32]>>,
    sessions: Mutex<Vec<[u8; 32]>>,
    hosts: Vec<String>,
    scheme: Scheme,
    tenant: String,
    key: TokenKey,
}

/// What [`Auth`] is made from.
pub struct AuthSettings<'a> {
    /// Opens everything as a bearer.
    pub api_token: &'a str,
    /// Opens one session and is then spent.
    pub one_time: &'a str,
    /// The names (with port) under which the server answers, against DNS rebinding.
    pub hosts: Vec<String>,
    /// How they are reached.
    pub scheme: Scheme,
    /// The installation's tenant, a GUID.
    pub tenant: String,
    /// What tokens are signed with.
    pub key: TokenKey,
}

/// How a server is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// In plain text.
    Http,
    /// Over TLS: cookies are sent over nothing else.
    Https,
}

/// At most this many sessions at once; the oldest goes first.
const MAX_SESSIONS: usize = 64;

/// What an API token begins with, so that it is told from a signed one, and found by those who look for leaked secrets.
pub const API_TOKEN_PREFIX: &str = "skw_";

impl Auth {
    /// Nobody is logged in yet.
    pub fn new(settings: AuthSettings<'_>) -> Self {
        Self {
            api_token: digest(settings.api_token),
            one_time: Mutex::new(Some(digest(settings.one_time))),
            sessions: Mutex::new(Vec::new()),
            hosts: settings.hosts,
            scheme: settings.scheme,
            tenant: settings.tenant,
            key: settings.key,
        }
    }

    /// The installation's tenant.
    pub(crate) fn tenant(&self) -> &str {
        &self.tenant
    }

    pub(crate) fn token_key(&self) -> &TokenKey {
        &self.key
    }

    /// The addresses for which tokens are given and taken.
    pub(crate) fn audiences(&self) -> Vec<String> {
        self.hosts.iter().map(|host| self.scheme.address(host)).collect()
    }

    /// The address under which a request came.
    pub(crate) fn base(&self, headers: &HeaderMap) -> Result<String, ApiError> {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let known = self.hosts.iter().find(|known| known.eq_ignore_ascii_case(host)).ok_or_else(unknown_host)?;
        Ok(self.scheme.address(known))
    }

    pub(crate) fn is_known_host(&self, headers: &HeaderMap) -> bool {
        self.base(headers).is_ok()
    }

    /// Whether the installation itself asks: its token, or a session that its address opened.
    fn is_installation(&self, headers: &HeaderMap) -> bool {
        if let Some(token) = bearer(headers) {
            return same(&digest(token), &self.api_token);
        }
        let Some(session) = session_cookie(headers, self.scheme.cookie()) else { return false };
        let session = digest(session);
        lock(&self.sessions).iter().any(|known| same(known, &session))
    }

    /// Spends the one-time token and opens a session; `None` if it is wrong or was used before.
    fn open_session(&self, token: &str) -> Option<String> {
        let mut one_time = lock(&self.one_time);
        if !one_time.as_ref().is_some_and(|expected| same(expected, &digest(token))) {
            return None;
        }
        *one_time = None;
        let session = random_token();
        let mut sessions = lock(&self.sessions);
        if sessions.len() >= MAX_SESSIONS {
            sessions.remove(0);
        }
        sessions.push(digest(&session));
        Some(session)
    }
}

impl Scheme {
    /// The name of the session's cookie. Under TLS browsers take one of this prefix from this host only, and never without TLS
    /// (RFC 6265bis, section 4.1.3).
    fn cookie(self) -> &'static str {
        match self {
            Self::Http => "skywarden_session",
            Self::Https => "__Host-skywarden_session",
        }
    }

    /// The address of a host.
    pub fn address(self, host: &str) -> String {
        match self {
            Self::Http => format!("http://{host}"),
            Self::Https => format!("https://{host}"),
        }
    }
}

/// 256 random bits in base64url.
///
/// An empty text if the operating system gives no randomness, which no token equals.
pub fn random_token() -> String {
    use base64::Engine as _;
    let mut bytes = [0u8; 32];
    if getrandom::fill(&mut bytes).is_err() {
        return String::new();
    }
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn unknown_host() -> ApiError {
    ApiError::new(StatusCode::MISDIRECTED_REQUEST, "UnknownHost", "this server does not answer under that host name")
}

/// Who sends a request; refuses unknown hosts, requests without a valid login, and changes from other sites.
pub(crate) async fn authenticate(state: &AppState, method: &Method, headers: &HeaderMap) -> Result<Caller, ApiError> {
    if !state.auth.is_known_host(headers) {
        return Err(unknown_host());
    }
    let caller = caller(state, headers).await?.ok_or_else(|| {
        ApiError::new(
            StatusCode::UNAUTHORIZED,
            "AuthenticationFailed",
            "log in with the address that `skywarden up` printed, or send `Authorization: Bearer` with an API token, a token of this server's token endpoint, or the one in the data folder's file `api-token`",
        )
    })?;
    let is_change = !matches!(*method, Method::GET | Method::HEAD);
    if is_change && !is_same_origin(headers) {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "CrossSite",
            "a change must come from the console itself or carry a bearer token",
        ));
    }
    Ok(caller)
}

/// The principal that a request comes from; `None` without a valid login.
async fn caller(state: &AppState, headers: &HeaderMap) -> Result<Option<Caller>, ApiError> {
    if state.auth.is_installation(headers) {
        return Ok(Some(Caller::installation()));
    }
    let Some(token) = bearer(headers) else { return Ok(None) };
    let now = Timestamp::now();
    let id = if token.starts_with(API_TOKEN_PREFIX) {
        let known = state.store.credential_by_secret(CredentialKind::Token, &hex_digest(token)).await?;
        let Some(known) = known.filter(|own| own.expires_at.is_none_or(|end| now < end)) else { return Ok(None) };
        state.store.touch_credential(&known.id, now).await?;
        known.principal
    } else {
        match state.auth.key.check(token, &state.auth.audiences(), now) {
            Some(claims) if claims.tid == state.auth.tenant => claims.oid,
            _ => return Ok(None),
        }
    };
    let principal = state.store.principal(&id).await?.filter(|own| own.state == PrincipalState::Enabled);
    let Some(principal) = principal else { return Ok(None) };
    let grants = state.store.grants_of(&principal.id).await?;
    Ok(Some(Caller { id: principal.id, name: principal.display_name, grants }))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// `GET /login?token=...`: opens a session and goes to the console.
pub(crate) async fn log_in(
    State(state): State<AppState>,
    headers: HeaderMap,
    axum::extract::Query(query): axum::extract::Query<LoginQuery>,
) -> Response {
    if !state.auth.is_known_host(&headers) {
        return unknown_host().into_response();
    }
    // A person who follows the printed address a second time in the same browser is already logged in.
    if state.auth.is_installation(&headers) {
        return Redirect::to("/").into_response();
    }
    let session = state.auth.open_session(&query.token).filter(|session| !session.is_empty());
    let Some(session) = session else {
        return ApiError::new(
            StatusCode::UNAUTHORIZED,
            "LoginTokenSpent",
            "this login address was used already or is wrong; start `skywarden up` again for a new one",
        )
        .into_response();
    };
    let mut response = Redirect::to("/").into_response();
    let secure = if state.auth.scheme == Scheme::Https { "; Secure" } else { "" };
    let name = state.auth.scheme.cookie();
    let cookie = format!("{name}={session}; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// The query of `/login`.
#[derive(serde::Deserialize)]
pub(crate) struct LoginQuery {
    #[serde(default)]
    token: String,
}

/// A bearer token can't be sent by another site; a cookie can, so a change with a cookie needs the browser's word for its origin.
fn is_same_origin(headers: &HeaderMap) -> bool {
    if headers.contains_key(header::AUTHORIZATION) {
        return true;
    }
    headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin")
}

fn session_cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    cookies.split(';').find_map(|cookie| cookie.trim().strip_prefix(name)?.strip_prefix('='))
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// The SHA-256 of a secret as the store keeps it.
pub fn hex_digest(secret: &str) -> String {
    digest(secret).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares without stopping at the first difference; the length is no secret.
pub(crate) fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |difference, (left, right)| difference | (left ^ right)) == 0
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auth() -> Auth {
        let key = TokenKey::from_pem(&TokenKey::generate().unwrap()).unwrap();
        Auth::new(AuthSettings {
            api_token: "api",
            one_time: "once",
            hosts: vec![],
            scheme: Scheme::Http,
            tenant: String::new(),
            key,
        })
    }

    #[test]
    fn the_one_time_token_opens_one_session() {
        let auth = auth();
        assert!(auth.open_session("other").is_none());
        let session = auth.open_session("once").unwrap();
        assert!(auth.open_session("once").is_none());
        let mut headers = HeaderMap::new();
        assert!(!auth.is_installation(&headers));
        headers.insert(header::COOKIE, format!("a=b; {}={session}", Scheme::Http.cookie()).parse().unwrap());
        assert!(auth.is_installation(&headers));
    }

    #[test]
    fn a_bearer_token_must_be_the_installations_own() {
        let auth = auth();
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, "Bearer api".parse().unwrap());
        assert!(auth.is_installation(&headers));
        headers.insert(header::AUTHORIZATION, "Bearer apj".parse().unwrap());
        assert!(!auth.is_installation(&headers));
        headers.insert(header::AUTHORIZATION, "Bearer ".parse().unwrap());
        assert!(!auth.is_installation(&headers));
    }

    #[test]
    fn a_cookie_does_not_authorise_changes_from_other_sites() {
        let mut headers = HeaderMap::new();
        assert!(!is_same_origin(&headers));
        headers.insert("sec-fetch-site", "cross-site".parse().unwrap());
        assert!(!is_same_origin(&headers));
        headers.insert("sec-fetch-site", "same-origin".parse().unwrap());
        assert!(is_same_origin(&headers));
    }
}
