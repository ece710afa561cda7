//! The ARM face and `/api/v1`: authentication, routes, answers made for their reader.
//!
//! Every route but `/login`, `/healthz` and the console's static files requires a login; a test walks all of them. Nothing here judges a resource: it shows
//! what `posture` found and the store keeps.

mod arm;
mod auth;
mod console;
mod error;
mod page;
mod tls;
mod v1;

use std::{sync::Arc, time::Duration};

use axum::{Router, extract::DefaultBodyLimit, http::StatusCode, middleware, routing::get};
use skywarden_content::Catalog;
use skywarden_store::Store;
use tower_http::{limit::RequestBodyLimitLayer, set_header::SetResponseHeaderLayer, timeout::TimeoutLayer};

pub use auth::{Auth, random_token};
pub use console::{Console, StaticFile};
pub use tls::{AUTHORITY_FILE, CertificateError, Name, Names, Protection, Tls, fingerprint, serve};

/// What every route needs.
#[derive(Clone)]
pub struct AppState {
    /// Where the state is kept.
    pub store: Store,
    /// The content.
    pub catalog: Arc<Catalog>,
    /// Who may ask.
    pub auth: Arc<Auth>,
    /// The console's files; `None` in a build without.
    pub console: Option<Console>,
}

/// A request's body is at most this long.
const MAX_BODY: usize = 1 << 20;

/// That of a request that brings policies: all that Azure has built in are 30 MB.
const MAX_IMPORT: usize = 64 << 20;

/// A request takes at most this long.
const MAX_TIME: Duration = Duration::from_secs(60);

/// The paths of every route that requires a login, with their methods; the test that walks them reads it.
pub const ROUTES: &[(&str, &str)] = &[
    ("GET", "/api/v1/overview"),
    ("GET", "/api/v1/recommendations"),
    ("GET", "/api/v1/recommendations/{id}"),
    ("GET", "/api/v1/assessments"),
    ("GET", "/api/v1/resources"),
    ("GET", "/api/v1/resources/facets"),
    ("GET", "/api/v1/resource"),
    ("GET", "/api/v1/coverage"),
    ("GET", "/api/v1/compliance"),
    ("GET", "/api/v1/compliance/{id}"),
    ("GET", "/api/v1/compliance/{id}/history"),
    ("GET", "/api/v1/compliance/{id}/report"),
    ("GET", "/api/v1/compliance/{id}/attestations"),
    ("POST", "/api/v1/compliance/{id}/attestations"),
    ("DELETE", "/api/v1/compliance/{id}/attestations/{attestation}"),
    ("GET", "/api/v1/checks"),
    ("GET", "/api/v1/standards/{id}"),
    ("PUT", "/api/v1/standards/{id}"),
    ("DELETE", "/api/v1/standards/{id}"),
    ("GET", "/api/v1/changes"),
    ("GET", "/api/v1/exemptions"),
    ("POST", "/api/v1/exemptions"),
    ("DELETE", "/api/v1/exemptions/{id}"),
    ("POST", "/api/v1/exemptions/bulk"),
    ("POST", "/api/v1/exemptions/lift"),
    ("GET", "/api/v1/connectors"),
    ("DELETE", "/api/v1/connectors/{id}"),
    ("GET", "/api/v1/missing-permissions"),
    ("GET", "/api/v1/policy"),
    ("GET", "/api/v1/policy/assignment"),
    ("GET", "/api/v1/policy/definitions"),
    ("GET", "/api/v1/policy/definition"),
    ("GET", "/api/v1/policy/scope"),
    ("GET", "/api/v1/policy/states"),
    ("GET", "/api/v1/policy/history"),
    ("DELETE", "/api/v1/policy/object"),
    ("GET", "/api/v1/policy/export"),
    ("POST", "/api/v1/policy/try"),
    ("POST", "/api/v1/policy/import"),
    ("POST", "/subscriptions/{subscription}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions"),
    ("POST", "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions"),
    (
        "POST",
        "/providers/Microsoft.Management/managementGroups/{group}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions",
    ),
    ("GET", "/subscriptions/{subscription}/providers/Microsoft.Security/secureScores"),
    ("GET", "/subscriptions/{subscription}/providers/Microsoft.Security/secureScores/{score}"),
    ("GET", "/subscriptions/{subscription}/providers/Microsoft.Security/secureScores/{score}/secureScoreControls"),
    ("GET", "/subscriptions/{subscription}/providers/Microsoft.Security/secureScoreControls"),
    ("GET", "/subscriptions/{subscription}/providers/Microsoft.Security/secureScoreControlDefinitions"),
    ("GET", "/subscriptions/{subscription}/providers/Microsoft.Security/assessments"),
    ("GET", "/subscriptions/{subscription}/providers/Microsoft.Security/subAssessments"),
    ("GET", "/subscriptions/{subscription}/providers/Microsoft.Security/assessmentMetadata"),
    ("GET", "/subscriptions/{subscription}/providers/Microsoft.Security/assessmentMetadata/{assessment}"),
    ("GET", "/subscriptions/{subscription}/providers/Microsoft.Security/regulatoryComplianceStandards"),
    ("GET", "/subscriptions/{subscription}/providers/Microsoft.Security/regulatoryComplianceStandards/{standard}"),
    (
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.Security/regulatoryComplianceStandards/{standard}/regulatoryComplianceControls",
    ),
    (
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.Security/regulatoryComplianceStandards/{standard}/regulatoryComplianceControls/{control}",
    ),
    (
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.Security/regulatoryComplianceStandards/{standard}/regulatoryComplianceControls/{control}/regulatoryComplianceAssessments",
    ),
    (
        "GET",
        "/subscriptions/{subscription}/providers/Microsoft.Security/regulatoryComplianceStandards/{standard}/regulatoryComplianceControls/{control}/regulatoryComplianceAssessments/{check}",
    ),
    (
        "GET",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Security/securityConnectors/{connector}/securityEntityData/{entity}/providers/Microsoft.Security/assessments",
    ),
    (
        "GET",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Security/securityConnectors/{connector}/securityEntityData/{entity}/providers/Microsoft.Security/assessments/{assessment}",
    ),
    (
        "GET",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Security/securityConnectors/{connector}/securityEntityData/{entity}/providers/Microsoft.Security/assessments/{assessment}/subAssessments",
    ),
    (
        "GET",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Security/securityConnectors/{connector}/securityEntityData/{entity}/providers/Microsoft.Security/assessments/{assessment}/subAssessments/{finding}",
    ),
    ("GET", "/providers/Microsoft.Security/secureScoreControlDefinitions"),
    ("GET", "/providers/Microsoft.Security/assessmentMetadata"),
    ("GET", "/providers/Microsoft.Security/assessmentMetadata/{assessment}"),
];

/// The whole server.
pub fn router(state: AppState) -> Router {
    let mut protected = Router::new().nest("/api/v1", v1::routes()).merge(arm::routes());
    if state.console.is_none() {
        protected = protected.route("/", get(page::index));
    }
    let long = Router::new().nest("/api/v1", v1::long_routes()).layer(DefaultBodyLimit::disable());
    let protected =
        protected.layer(RequestBodyLimitLayer::new(MAX_BODY)).merge(long.layer(RequestBodyLimitLayer::new(MAX_IMPORT)));
    let protected = protected.layer(middleware::from_fn_with_state(state.clone(), auth::require_login));
    let overriding = |name: &'static str, value: &'static str| {
        SetResponseHeaderLayer::overriding(axum::http::HeaderName::from_static(name), axum::http::HeaderValue::from_static(value))
    };
    let no_store = axum::http::HeaderValue::from_static("no-store");
    Router::new()
        .route("/login", get(auth::log_in))
        .route("/healthz", get(|| async { "ok\n" }))
        .merge(protected)
        .fallback(console::fallback)
        .layer(overriding("x-content-type-options", "nosniff"))
        .layer(overriding("x-frame-options", "DENY"))
        .layer(overriding("referrer-policy", "no-referrer"))
        .layer(SetResponseHeaderLayer::if_not_present(axum::http::header::CACHE_CONTROL, no_store))
        .layer(overriding("content-security-policy", POLICY))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, MAX_TIME))
        .with_state(state)
}

/// Pages run the console's own scripts only and ask this server only. Fluent UI writes its styles into the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
