//! The ARM face and `/api/v1`: authentication, routes, answers made for their reader.
//!
//! Every route but `/login` and `/healthz` requires a login; a test walks all of them. Nothing here judges a resource: it shows
//! what `posture` found and the store keeps.

mod arm;
mod auth;
mod error;
mod v1;

use std::{sync::Arc, time::Duration};

use axum::{Router, http::StatusCode, middleware, routing::get};
use skywarden_content::Catalog;
use skywarden_store::Store;
use tower_http::{limit::RequestBodyLimitLayer, set_header::SetResponseHeaderLayer, timeout::TimeoutLayer};

pub use auth::{Auth, random_token};

/// What every route needs.
#[derive(Clone)]
pub struct AppState {
    /// Where the state is kept.
    pub store: Store,
    /// The content.
    pub catalog: Arc<Catalog>,
    /// Who may ask.
    pub auth: Arc<Auth>,
}

/// A request's body is at most this long.
const MAX_BODY: usize = 1 << 20;

/// A request takes at most this long.
const MAX_TIME: Duration = Duration::from_secs(60);

/// The paths of every route that requires a login, with their methods; the test that walks them reads it.
pub const ROUTES: &[(&str, &str)] = &[
    ("GET", "/"),
    ("GET", "/api/v1/overview"),
    ("GET", "/api/v1/recommendations"),
    ("GET", "/api/v1/recommendations/{id}"),
    ("GET", "/api/v1/resources"),
    ("GET", "/api/v1/resource"),
    ("GET", "/api/v1/coverage"),
    ("GET", "/api/v1/compliance"),
    ("GET", "/api/v1/compliance/{id}"),
    ("GET", "/api/v1/changes"),
    ("GET", "/api/v1/exemptions"),
    ("POST", "/api/v1/exemptions"),
    ("DELETE", "/api/v1/exemptions/{id}"),
    ("GET", "/subscriptions/{subscription}/providers/Microsoft.Security/secureScores"),
    ("GET", "/subscriptions/{subscription}/providers/Microsoft.Security/secureScores/ascScore"),
    ("GET", "/subscriptions/{subscription}/providers/Microsoft.Security/secureScoreControls"),
    ("GET", "/subscriptions/{subscription}/providers/Microsoft.Security/assessments"),
    ("GET", "/providers/Microsoft.Security/assessmentMetadata"),
];

/// The whole server.
pub fn router(state: AppState) -> Router {
    let protected = Router::new()
        .route("/", get(v1::index))
        .nest("/api/v1", v1::routes())
        .merge(arm::routes())
        .fallback(arm::not_available)
        .layer(middleware::from_fn_with_state(state.clone(), auth::require_login));
    let header = |name: &'static str, value: &'static str| {
        SetResponseHeaderLayer::overriding(axum::http::HeaderName::from_static(name), axum::http::HeaderValue::from_static(value))
    };
    Router::new()
        .route("/login", get(auth::log_in))
        .route("/healthz", get(|| async { "ok\n" }))
        .merge(protected)
        .layer(header("x-content-type-options", "nosniff"))
        .layer(header("x-frame-options", "DENY"))
        .layer(header("referrer-policy", "no-referrer"))
        .layer(header("cache-control", "no-store"))
        .layer(header(
            "content-security-policy",
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
        ))
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, MAX_TIME))
        .with_state(state)
}

/// Serves the router on a listener until `until` is done.
///
/// # Errors
/// If accepting connections fails for good.
pub async fn serve(
    listener: tokio::net::TcpListener,
    router: Router,
    until: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router).with_graceful_shutdown(until).await
}
