//! The ARM face and `/api/v1`: authentication, routes, answers made for their reader.
//!
//! Every route but `/login`, `/healthz`, [`OPEN_ROUTES`] and the console's static files requires a login and a role that allows its
//! action ([`ROUTES`], ADR 17), or touches one's own account only; tests walk all of them. Nothing here judges a resource: it shows what `posture` found and the store keeps.

mod arm;
mod auth;
mod caller;
mod console;
mod error;
mod identity;
mod limits;
mod long_body;
mod odata;
mod openapi;
mod outbound;
mod page;
mod people;
mod routes;
mod scoped;
mod scores;
mod tls;
mod v1;

use std::sync::Arc;

use axum::{Router, extract::DefaultBodyLimit, http::StatusCode, middleware, routing::get};
use skywarden_content::Catalog;
use skywarden_ingest::Desk;
use skywarden_store::{Remembered, Store, Vault};
use tower_http::{limit::RequestBodyLimitLayer, set_header::SetResponseHeaderLayer, timeout::TimeoutLayer};

pub use auth::{API_TOKEN_PREFIX, Auth, AuthSettings, Scheme, hex_digest, random_token};
pub use console::{Console, StaticFile};
pub use identity::{TokenKey, TokenKeyError};
pub use limits::{LimitSettings, Limits, Rate};
pub use openapi::{OpenApi, openapi};
pub use outbound::OutboundError;
pub use people::{
    IdentityProvider, NewCredential, NewInvitation, Passwords, ProviderError, ProviderSettings, SignIn, invite, new_certificate,
    new_credential,
};
pub use routes::{ROUTES, Route};
pub use tls::{AUTHORITY_FILE, CertificateError, Name, Names, Protection, Tls, fingerprint, serve};

/// What every route needs.
#[derive(Clone)]
pub struct AppState {
    /// Where the state is kept.
    pub store: Store,
    /// The content.
    pub catalog: Arc<Catalog>,
    /// Secrets.
    pub vault: Vault,
    /// Who may ask.
    pub auth: Arc<Auth>,
    /// How people sign in.
    pub sign_in: Arc<SignIn>,
    /// How often one may ask.
    pub limits: Arc<Limits>,
    /// The console's files; `None` in a build without.
    pub console: Option<Console>,
    /// What overviews said, until the estate changes.
    pub overviews: Remembered<serde_json::Value>,
    /// Where logs come in; `None` if the settings name no input.
    pub logs: Option<Desk>,
    /// URLs of Azure Resource Managers, beside those of the three public clouds, that logins may be sent to.
    pub azure_clouds: Arc<[String]>,
}

/// Routes that need no login, methods and paths: they are how one logs in.
pub const OPEN_ROUTES: &[&[(&str, &str)]] = &[identity::OPEN_ROUTES, people::OPEN_ROUTES];

/// The whole server.
pub fn router(state: AppState) -> Router {
    let LimitSettings { body, import, time, .. } = state.limits.settings;
    let mut protected = Router::new().nest("/api/v1", v1::routes()).merge(arm::routes());
    if state.console.is_none() {
        protected = protected.route("/", get(page::index));
    }
    let long = Router::new().nest("/api/v1", v1::long_routes()).layer(DefaultBodyLimit::disable());
    let protected = protected
        .layer(RequestBodyLimitLayer::new(body))
        .layer(middleware::from_fn_with_state(body, long_body::refuse))
        .merge(long.layer(RequestBodyLimitLayer::new(import)));
    let protected = protected.layer(middleware::from_fn_with_state(state.clone(), scoped::authorize));
    let overriding = |name: &'static str, value: &'static str| {
        SetResponseHeaderLayer::overriding(axum::http::HeaderName::from_static(name), axum::http::HeaderValue::from_static(value))
    };
    let no_store = axum::http::HeaderValue::from_static("no-store");
    let open = Router::new().route("/login", get(auth::log_in)).merge(identity::routes()).merge(people::open_routes());
    let open = open.layer(middleware::from_fn_with_state(state.clone(), limits::of_strangers));
    let routed = Router::new()
        .merge(open)
        .route("/healthz", get(|| async { "ok\n" }))
        .merge(protected)
        .fallback(console::fallback)
        .layer(overriding("x-content-type-options", "nosniff"))
        .layer(overriding("x-frame-options", "DENY"))
        .layer(overriding("referrer-policy", "no-referrer"))
        .layer(SetResponseHeaderLayer::if_not_present(axum::http::header::CACHE_CONTROL, no_store))
        .layer(overriding("content-security-policy", POLICY))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, time))
        .layer(middleware::map_response(error::in_shape))
        .with_state(state);
    // Around the whole, since a path is spelled before it is routed.
    Router::new().fallback_service(tower::util::MapRequest::new(routed, arm::canonical))
}

/// Pages run the console's own scripts only and ask this server only. Fluent UI writes its styles into the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
