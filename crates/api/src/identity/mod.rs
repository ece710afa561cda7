//! What clients of Azure ask before they are logged in: where everything is, and a token.

pub(crate) mod client;
pub(crate) mod device;
mod discovery;
mod issue;
mod keys;
mod managed;
mod token;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};

pub use keys::{TokenKey, TokenKeyError};

use crate::AppState;

/// Routes that need no login, methods and paths: they are how one logs in.
pub(crate) const OPEN_ROUTES: &[(&str, &str)] = &[
    ("GET", "/metadata/endpoints"),
    ("GET", "/{tenant}/v2.0/.well-known/openid-configuration"),
    ("GET", "/{tenant}/discovery/v2.0/keys"),
    ("POST", "/{tenant}/oauth2/v2.0/token"),
    ("POST", "/{tenant}/oauth2/v2.0/devicecode"),
    ("GET", "/identity/token"),
];

/// A token request is at most this long: anybody may send one.
const MAX_FORM: usize = 16 << 10;

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/metadata/endpoints", get(discovery::endpoints))
        .route("/{tenant}/v2.0/.well-known/openid-configuration", get(discovery::openid_configuration))
        .route("/{tenant}/discovery/v2.0/keys", get(discovery::keys))
        .route("/{tenant}/oauth2/v2.0/token", post(token::token))
        .route("/{tenant}/oauth2/v2.0/devicecode", post(device::begin))
        .route("/identity/token", get(managed::token))
        .layer(DefaultBodyLimit::max(MAX_FORM))
}
