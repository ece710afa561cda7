//! What a refusal is documented as.

use serde_json::{Map, Value, json};

/// Status, name and description of every refusal that a route may answer.
const ERRORS: [(u16, &str, &str); 11] = [
    (400, "BadRequest", "The request is wrong: a parameter or the body can't be understood, or asks for what can't be."),
    (401, "Unauthorized", "There is no login, or it does not hold."),
    (403, "Forbidden", "The caller's roles do not allow the action there, or a change comes from another site."),
    (404, "NotFound", "There is no such thing, or the caller may not see it; FeatureNotAvailable: it is not built."),
    (409, "Conflict", "It does not go with what is there."),
    (412, "PreconditionFailed", "It is not what `If-Match` or `If-None-Match` expect."),
    (413, "TooLarge", "The body is too long."),
    (415, "UnsupportedMediaType", "The body is of a kind that is not taken."),
    (421, "MisdirectedRequest", "The server does not answer under that host name."),
    (429, "TooManyRequests", "Too many requests; `Retry-After` says for how many seconds to wait."),
    (503, "Unavailable", "It took too long."),
];

/// Those that every route may answer.
const ALWAYS: [u16; 7] = [400, 401, 403, 404, 421, 429, 503];

/// Those of routes that take a body, besides.
const WITH_BODY: [u16; 2] = [413, 415];

/// Whether a request has a body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    Taken,
    None,
}

/// The responses that [`of`] refers to.
pub(super) fn responses() -> Map<String, Value> {
    let content = json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } });
    let response =
        |(_, name, about): &(u16, &str, &str)| ((*name).to_owned(), json!({ "description": about, "content": content }));
    ERRORS.iter().map(response).collect()
}

/// The refusals of a route by status.
pub(super) fn of(body: Body, more: &[u16]) -> Map<String, Value> {
    let is_meant =
        |status: &u16| ALWAYS.contains(status) || more.contains(status) || (body == Body::Taken && WITH_BODY.contains(status));
    let refer =
        |(status, name, _): &(u16, &str, &str)| (status.to_string(), json!({ "$ref": format!("#/components/responses/{name}") }));
    ERRORS.iter().filter(|(status, _, _)| is_meant(status)).map(refer).collect()
}

/// Whether a status is one that can be documented.
pub(super) fn is_known(status: u16) -> bool {
    ERRORS.iter().any(|(known, _, _)| *known == status)
}
