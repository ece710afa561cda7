//! The console's pages: static files that hold no data, so they need no login; what they show they ask of the API, which does.

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};

use crate::{AppState, arm, auth, error::ApiError};

/// A file that the server hands out.
#[derive(Debug, Clone, Copy)]
pub struct StaticFile {
    /// Its media type.
    pub content_type: &'static str,
    /// Its content, compressed by gzip.
    pub gzip: &'static [u8],
}

/// The console: finds a file by its path without leading slash; `index.html` must be there.
pub type Console = fn(&str) -> Option<StaticFile>;

/// A file that changes its name whenever its content changes may be kept by browsers.
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Answers what no other route does: the console's files, its addresses, and "not available".
pub(crate) async fn fallback(State(state): State<AppState>, request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let Some(console) = state.console.filter(|_| is_read && !is_api(path)) else {
        let refusal = auth::authenticate(&state, request.method(), request.headers()).await.err();
        return refusal.unwrap_or_else(|| arm::not_available(request.uri())).into_response();
    };
    if !state.auth.is_known_host(request.headers()) {
        return auth::unknown_host().into_response();
    }
    if let Some(file) = console(path).filter(|_| !path.is_empty()) {
        return answer(&request, file, path.starts_with("assets/"));
    }
    // Ids in the addresses of pages may hold dots; only what lies below assets/ is a file and nothing else.
    match console("index.html").filter(|_| !path.starts_with("assets/")) {
        Some(index) => answer(&request, index, false),
        None => ApiError::not_found("such page").into_response(),
    }
}

/// Addresses of the API are never pages, so that a wrong one is an error and not a page.
fn is_api(path: &str) -> bool {
    ["api", "subscriptions", "providers", "tenants", "metadata"]
        .contains(&path.split('/').next().unwrap_or_default().to_ascii_lowercase().as_str())
}

fn answer(request: &Request, file: StaticFile, is_kept: bool) -> Response {
    let accepted = request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !accepted.contains("gzip") {
        return ApiError::new(
            StatusCode::NOT_ACCEPTABLE,
            "GzipNeeded",
            "the console's files are sent in gzip; accept that encoding",
        )
        .into_response();
    }
    let mut response = Response::new(Body::from(file.gzip));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.content_type));
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    if is_kept {
        headers.insert(header::CACHE_CONTROL, KEPT);
    }
    response
}
