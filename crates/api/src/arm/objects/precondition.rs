//! `If-Match` and `If-None-Match`.

use axum::http::{HeaderMap, HeaderName, StatusCode, header};

use crate::error::ApiError;

/// That a change may be made to what is there, of which this is the etag; `None` is nothing.
///
/// # Errors
/// 412 if the client expects something else.
pub(super) fn check(headers: &HeaderMap, etag: Option<&str>) -> Result<(), ApiError> {
    let is_named = |name: HeaderName| {
        let text = headers.get(name)?.to_str().ok()?.to_owned();
        let mut named = text.split(',').map(|own| own.trim().trim_start_matches("W/").trim_matches('"').to_owned());
        Some(etag.is_some_and(|etag| named.any(|own| own == "*" || own == etag)))
    };
    let problem = if is_named(header::IF_MATCH) == Some(false) {
        match etag {
            Some(etag) => format!("the object was changed by somebody else: its etag is \"{etag}\" now; read it again"),
            None => "there is no such object, and the request asks to change one (`If-Match`)".to_owned(),
        }
    } else if is_named(header::IF_NONE_MATCH) == Some(true) {
        "there is such an object already, and the request asks to make one (`If-None-Match`)".to_owned()
    } else {
        return Ok(());
    };
    Err(ApiError::new(StatusCode::PRECONDITION_FAILED, "PreconditionFailed", problem))
}

/// Whether the client expects anything.
pub(super) fn is_given(headers: &HeaderMap) -> bool {
    headers.contains_key(header::IF_MATCH) || headers.contains_key(header::IF_NONE_MATCH)
}
