//! Who there is, how they sign in, what they hold: what Azure keeps in Entra and ARM has no word for.

mod account;
mod audit;
mod credentials;
mod one_time_codes;
mod passwords;
mod principals;
mod provider;
mod provider_sign_in;
mod session;
mod set_up;
mod sign_in;
mod tokens;

use std::collections::BTreeMap;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{delete, get, post, put},
};

pub(crate) use credentials::random_bytes;
pub(crate) use session::open as open_session;
pub(crate) use sign_in::{Peer, address_of};
pub(crate) use tokens::TokenLimit;

pub use credentials::{NewCredential, new_certificate, new_credential};
pub use passwords::Passwords;
pub use provider::{IdentityProvider, ProviderError, ProviderSettings};
pub use sign_in::{NewInvitation, invite};

use crate::AppState;

/// What signing in needs beside the store.
pub struct SignIn {
    passwords: Passwords,
    providers: BTreeMap<String, IdentityProvider>,
}

impl SignIn {
    /// Accounts of the installation, and those of some identity providers.
    pub fn new(passwords: Passwords, providers: Vec<IdentityProvider>) -> Self {
        Self { passwords, providers: providers.into_iter().map(|own| (own.id().to_owned(), own)).collect() }
    }
}

/// Routes that need no login, methods and paths: they are how one signs in.
pub(crate) const OPEN_ROUTES: &[(&str, &str)] = &[
    ("GET", "/api/v1/sign-in"),
    ("POST", "/api/v1/sign-in"),
    ("POST", "/api/v1/password"),
    ("GET", "/sign-in/{provider}"),
    ("GET", "/sign-in/{provider}/callback"),
];

/// What is sent without a login is at most this long.
const MAX_OPEN_BODY: usize = 16 << 10;

/// The routes of [`OPEN_ROUTES`].
pub(crate) fn open_routes() -> Router<AppState> {
    Router::new()
        .route("/api/v1/sign-in", get(sign_in::options).post(sign_in::sign_in))
        .route("/api/v1/password", post(sign_in::set_password))
        .route("/sign-in/{provider}", get(provider_sign_in::start))
        .route("/sign-in/{provider}/callback", get(provider_sign_in::callback))
        .layer(DefaultBodyLimit::max(MAX_OPEN_BODY))
}

/// Those below `/api/v1` that need one.
pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/session", get(session::show).delete(session::end))
        .route("/session/sessions", get(session::list))
        .route("/session/sessions/{id}", delete(session::end_one))
        .route("/session/password", put(account::change_password))
        .route("/session/totp", post(account::propose_codes).put(account::switch_codes_on))
        .route("/session/totp/remove", post(account::switch_codes_off))
        .route("/session/tokens", get(tokens::list).post(tokens::add))
        .route("/session/tokens/{id}", delete(tokens::remove))
        .route("/device", get(crate::identity::device::show).post(crate::identity::device::say))
        .route("/set-up", post(set_up::set_up))
        .route("/principals", get(principals::list).post(principals::add))
        .route("/principals/{id}", get(principals::one).patch(principals::change).delete(principals::remove))
        .route("/principals/{id}/invitation", post(principals::invite))
        .route("/principals/{id}/unlock", post(principals::unlock))
        .route("/principals/{id}/totp", delete(principals::remove_codes))
        .route("/principals/{id}/sessions", delete(principals::end_sessions))
        .route("/principals/{id}/credentials", get(credentials::list).post(credentials::add))
        .route("/principals/{id}/credentials/{credential}", delete(credentials::remove))
        .route("/identity-providers", get(provider_sign_in::list))
        .route("/audit", get(audit::list))
        .route("/audit/verification", get(audit::verification))
        .route("/audit/export", get(audit::export))
}
