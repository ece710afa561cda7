//! Who may ask: a bearer token (command line, scripts) or a session cookie (console), and only under the expected host names.

use std::sync::Mutex;

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};
use sha2::{Digest as _, Sha256};

use crate::{AppState, caller::Caller, error::ApiError};

const COOKIE: &str = "skywarden_session";

/// The secrets of one installation, kept as SHA-256 only.
pub struct Auth {
    api_token: [u8; 32],
    one_time: Mutex<Option<[u8; 32]>>,
    sessions: Mutex<Vec<[u8; 32]>>,
    hosts: Vec<String>,
}

/// At most this many sessions at once; the oldest goes first.
const MAX_SESSIONS: usize = 64;

impl Auth {
    /// `api_token` opens everything as a bearer; `one_time` opens one session and is then spent; `hosts` are the names
    /// (with port) under which the server answers, against DNS rebinding.
    pub fn new(api_token: &str, one_time: &str, hosts: Vec<String>) -> Self {
        Self {
            api_token: digest(api_token),
            one_time: Mutex::new(Some(digest(one_time))),
            sessions: Mutex::new(Vec::new()),
            hosts,
        }
    }

    pub(crate) fn is_known_host(&self, headers: &HeaderMap) -> bool {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
    }

    fn is_authentic(&self, headers: &HeaderMap) -> bool {
        let bearer = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        if let Some(token) = bearer {
            return same(&digest(token), &self.api_token);
        }
        let Some(session) = session_cookie(headers) else { return false };
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
    if !state.auth.is_authentic(headers) {
        return Err(ApiError::new(
            StatusCode::UNAUTHORIZED,
            "AuthenticationFailed",
            "log in with the address that `skywarden up` printed, or send `Authorization: Bearer` with the token of the data folder's file `api-token`",
        ));
    }
    let is_change = !matches!(*method, Method::GET | Method::HEAD);
    if is_change && !is_same_origin(headers) {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "CrossSite",
            "a change must come from the console itself or carry a bearer token",
        ));
    }
    Ok(Caller::installation())
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
    if state.auth.is_authentic(&headers) {
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
    if let Ok(cookie) = HeaderValue::from_str(&format!("{COOKIE}={session}; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200")) {
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

fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    cookies.split(';').find_map(|cookie| cookie.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// Compares without stopping at the first difference.
fn same(left: &[u8; 32], right: &[u8; 32]) -> bool {
    left.iter().zip(right).fold(0, |difference, (left, right)| difference | (left ^ right)) == 0
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_time_token_opens_one_session() {
        let auth = Auth::new("api", "once", vec![]);
        assert!(auth.open_session("other").is_none());
        let session = auth.open_session("once").unwrap();
        assert!(auth.open_session("once").is_none());
        let mut headers = HeaderMap::new();
        assert!(!auth.is_authentic(&headers));
        headers.insert(header::COOKIE, format!("a=b; {COOKIE}={session}").parse().unwrap());
        assert!(auth.is_authentic(&headers));
    }

    #[test]
    fn a_bearer_token_must_be_the_installations_own() {
        let auth = Auth::new("api", "once", vec![]);
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, "Bearer api".parse().unwrap());
        assert!(auth.is_authentic(&headers));
        headers.insert(header::AUTHORIZATION, "Bearer apj".parse().unwrap());
        assert!(!auth.is_authentic(&headers));
        headers.insert(header::AUTHORIZATION, "Bearer ".parse().unwrap());
        assert!(!auth.is_authentic(&headers));
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
