//! `If-Match` and `If-None-Match`.

use axum::http::{HeaderMap, HeaderName, StatusCode, header};

use crate::error::ApiError;

/// That a change may be made to what is there, of which this is the etag; `None` is nothing.
///
/// # Errors
/// 412 if the client expects something else, 400 if what it expects can't be read.
pub(in crate::arm) fn check(headers: &HeaderMap, etag: Option<&str>) -> Result<(), ApiError> {
    let named = |name: HeaderName| -> Result<Option<bool>, ApiError> {
        let mut is_named = None;
        for value in headers.get_all(&name) {
            // A condition that can't be read is none that holds, and none that can be passed over.
            let text = value.to_str().map_err(|_| ApiError::bad_request(format!("`{name}` holds what no etag has")))?;
            let mut named = text.split(',').map(|own| own.trim().trim_start_matches("W/").trim_matches('"'));
            let is_here = etag.is_some_and(|etag| named.any(|own| own == "*" || own == etag));
            is_named = Some(is_here || is_named == Some(true));
        }
        Ok(is_named)
    };
    let problem = if named(header::IF_MATCH)? == Some(false) {
        match etag {
            Some(etag) => format!("the object was changed by somebody else: its etag is \"{etag}\" now; read it again"),
            None => "there is no such object, and the request asks to change one (`If-Match`)".to_owned(),
        }
    } else if named(header::IF_NONE_MATCH)? == Some(true) {
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

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn checked(name: HeaderName, values: &[&[u8]], etag: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&name, HeaderValue::from_bytes(value).unwrap());
        }
        check(&headers, etag).is_ok()
    }

    #[test]
    fn a_condition_holds_for_what_it_names_and_is_never_passed_over() {
        let (given, none) = (header::IF_MATCH, header::IF_NONE_MATCH);
        for (values, holds) in [
            (&[b"\"a\"".as_slice()] as &[&[u8]], true),
            (&[b"\"b\", W/\"a\""], true),
            (&[b"\"b\"", b"\"a\""], true),
            (&[b"*"], true),
            (&[b"\"b\""], false),
            (&[b"\xff"], false),
        ] {
            assert_eq!(checked(given.clone(), values, Some("a")), holds, "{values:?}");
        }
        assert!(!checked(given, &[b"*"], None) && checked(none.clone(), &[b"*"], None));
        assert!(!checked(none.clone(), &[b"*"], Some("a")) && !checked(none, &[b"\xff"], Some("a")));
    }
}
