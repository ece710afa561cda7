//! Who may ask: a bearer token (command line, scripts) or a session cookie (console), and only under the expected host names.

use std::sync::Mutex;

use axum::{
    extract::State,
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};
use jiff::SignedDuration;
use sha2::{Digest as _, Sha256};

use skywarden_model::Timestamp;
use skywarden_rbac::PrincipalState;
use skywarden_store::{CredentialKind, Session};

use crate::{
    AppState,
    caller::{Caller, INSTALLATION},
    error::ApiError,
    identity::TokenKey,
    people::{Peer, TokenLimit, address_of, open_session},
};

/// Who may ask, and under which addresses; of secrets only their SHA-256 is kept.
pub struct Auth {
    api_token: [u8; 32],
    one_time: Mutex<Option<[u8; 32]>>,
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

/// How a caller proved who it is.
#[derive(Debug, Clone)]
pub(crate) enum Login {
    /// A browser that is signed in, by the digest of its cookie.
    Session {
        /// What the store knows the session by.
        digest: String,
    },
    /// A token, with the limits that it has.
    Token(TokenLimit),
}

/// A session in which nothing was asked for so many hours has ended.
const IDLE_HOURS: i64 = 2;

/// What an API token begins with, so that it is told from a signed one, and found by those who look for leaked secrets.
pub const API_TOKEN_PREFIX: &str = "skw_";

impl Auth {
    /// Nobody is logged in yet.
    pub fn new(settings: AuthSettings<'_>) -> Self {
        Self {
            api_token: digest(settings.api_token),
            one_time: Mutex::new(Some(digest(settings.one_time))),
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

    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether this is the installation's own token.
    fn is_api_token(&self, token: &str) -> bool {
        same(&digest(token), &self.api_token)
    }

    /// Spends the one-time token; `false` if it is wrong or was used before.
    fn spend_one_time(&self, token: &str) -> bool {
        let mut one_time = lock(&self.one_time);
        if !one_time.as_ref().is_some_and(|expected| same(expected, &digest(token))) {
            return false;
        }
        *one_time = None;
        true
    }
}

impl Scheme {
    /// The name of the session's cookie. Under TLS browsers take one of this prefix from this host only, and never without TLS
    /// (RFC 6265bis, section 4.1.3).
    pub(crate) fn cookie(self) -> &'static str {
        match self {
            Self::Http => "skywarden_session",
            Self::Https => "__Host-skywarden_session",
        }
    }

    /// What follows the other attributes of every cookie.
    pub(crate) fn cookie_flags(self) -> &'static str {
        match self {
            Self::Http => "",
            Self::Https => "; Secure",
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
    // A bearer token can't be sent by another site; a cookie can.
    if is_change && matches!(caller.login, Login::Session { .. }) && !is_same_origin(headers) {
        return Err(other_site());
    }
    Ok(caller)
}

/// Refuses what a browser says comes from another site. Programs say nothing of that.
pub(crate) fn refuse_other_sites(headers: &HeaderMap) -> Result<(), ApiError> {
    let is_told = headers.contains_key("sec-fetch-site") || headers.contains_key(header::ORIGIN);
    if is_told && !is_same_origin(headers) { Err(other_site()) } else { Ok(()) }
}

fn other_site() -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "CrossSite", "a change must come from the console itself or carry a bearer token")
}

/// The principal that a request comes from; `None` without a valid login.
async fn caller(state: &AppState, headers: &HeaderMap) -> Result<Option<Caller>, ApiError> {
    let now = Timestamp::now();
    // What is sent as a bearer decides, whatever cookie comes with it.
    let (id, login) = match bearer(headers) {
        Some(token) if state.auth.is_api_token(token) => return Ok(Some(Caller::installation(Login::Token(TokenLimit::none())))),
        Some(token) => match token_login(state, token, now).await? {
            Some(known) => known,
            None => return Ok(None),
        },
        None => match session_login(state, headers, now).await? {
            Some((id, login)) if id == INSTALLATION => return Ok(Some(Caller::installation(login))),
            Some(known) => known,
            None => return Ok(None),
        },
    };
    let principal = state.store.principal(&id).await?.filter(|own| own.state == PrincipalState::Enabled);
    let Some(principal) = principal else { return Ok(None) };
    let grants = state.store.grants_of(&principal.id).await?;
    Ok(Some(Caller::of(principal, grants, login)))
}

/// Whose token it is.
async fn token_login(state: &AppState, token: &str, now: Timestamp) -> Result<Option<(String, Login)>, ApiError> {
    if !token.starts_with(API_TOKEN_PREFIX) {
        let claims = state.auth.key.check(token, &state.auth.audiences(), now).filter(|claims| claims.tid == state.auth.tenant);
        return Ok(claims.map(|claims| (claims.oid, Login::Token(TokenLimit::none()))));
    }
    let known = state.store.credential_by_secret(CredentialKind::Token, &hex_digest(token)).await?;
    let Some(known) = known.filter(|own| own.expires_at.is_none_or(|end| now < end)) else { return Ok(None) };
    let Some(limit) = TokenLimit::kept(known.scope.as_deref()) else {
        // Half a limit would be none.
        tracing::error!(token = known.id, "the limits of a token can't be read; it is refused");
        return Ok(None);
    };
    state.store.touch_credential(&known.id, now).await?;
    Ok(Some((known.principal, Login::Token(limit))))
}

/// Whose session it is.
async fn session_login(state: &AppState, headers: &HeaderMap, now: Timestamp) -> Result<Option<(String, Login)>, ApiError> {
    let Some(cookie) = session_cookie(headers, state.auth.scheme.cookie()) else { return Ok(None) };
    let Some(session) = state.store.session(&hex_digest(cookie), now).await?.filter(|own| is_alive(own, now)) else {
        return Ok(None);
    };
    state.store.touch_session(&session.digest, now).await?;
    Ok(Some((session.principal, Login::Session { digest: session.digest })))
}

/// Whether a session has not ended and was used lately.
pub(crate) fn is_alive(session: &Session, now: Timestamp) -> bool {
    let idle_end = session.last_seen_at.checked_add(SignedDuration::from_hours(IDLE_HOURS)).unwrap_or(Timestamp::MAX);
    now < session.expires_at && now < idle_end
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// `GET /login?token=...`: opens a session of the installation and goes to the console.
pub(crate) async fn log_in(
    State(state): State<AppState>,
    peer: Peer,
    headers: HeaderMap,
    axum::extract::Query(query): axum::extract::Query<LoginQuery>,
) -> Result<Response, ApiError> {
    if !state.auth.is_known_host(&headers) {
        return Err(unknown_host());
    }
    let now = Timestamp::now();
    // A person who follows the printed address a second time in the same browser is already logged in.
    let known = session_login(&state, &headers, now).await?;
    if known.is_some_and(|(id, _)| id == INSTALLATION) {
        return Ok(Redirect::to("/").into_response());
    }
    if !state.auth.spend_one_time(&query.token) {
        return Err(ApiError::new(
            StatusCode::UNAUTHORIZED,
            "LoginTokenSpent",
            "this login address was used already or is wrong; sign in with your account, or start `skywarden up` again for a new one",
        ));
    }
    let opened = open_session(&state, INSTALLATION, &headers, address_of(&peer), now).await?;
    let mut response = Redirect::to("/").into_response();
    response.headers_mut().insert(header::SET_COOKIE, opened.cookie);
    Ok(response)
}

/// The query of `/login`.
#[derive(serde::Deserialize)]
pub(crate) struct LoginQuery {
    #[serde(default)]
    token: String,
}

/// The browser's word for where a request comes from.
fn is_same_origin(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin")
}

pub(crate) fn session_cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
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
    fn the_one_time_token_is_spent_once() {
        let auth = auth();
        assert!(!auth.spend_one_time("other"));
        assert!(auth.spend_one_time("once"));
        assert!(!auth.spend_one_time("once"));
        assert!(auth.is_api_token("api") && !auth.is_api_token("apj") && !auth.is_api_token(""));
    }

    #[test]
    fn a_session_ends_after_its_time_and_when_nothing_is_asked() {
        let at = |hours: i64| Timestamp::from_second(hours * 3600).unwrap();
        let session = Session {
            digest: String::new(),
            principal: String::new(),
            created_at: at(0),
            expires_at: at(12),
            last_seen_at: at(11),
            address: String::new(),
            agent: String::new(),
        };
        assert!(is_alive(&session, at(11)));
        assert!(!is_alive(&session, at(12)));
        assert!(!is_alive(&Session { last_seen_at: at(3), ..session }, at(5)));
    }

    #[test]
    fn a_change_comes_from_the_console_itself() {
        let mut headers = HeaderMap::new();
        assert!(!is_same_origin(&headers));
        assert!(refuse_other_sites(&headers).is_ok(), "a program");
        for site in ["cross-site", "same-site", "none"] {
            headers.insert("sec-fetch-site", site.parse().unwrap());
            assert!(!is_same_origin(&headers) && refuse_other_sites(&headers).is_err(), "{site}");
        }
        headers.insert("sec-fetch-site", "same-origin".parse().unwrap());
        assert!(is_same_origin(&headers) && refuse_other_sites(&headers).is_ok());
        headers.remove("sec-fetch-site");
        headers.insert(header::ORIGIN, "https://evil.example".parse().unwrap());
        assert!(refuse_other_sites(&headers).is_err(), "a browser that says no more than its origin");
    }
}
