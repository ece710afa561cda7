use axum::{
    Json,
    extract::{Path, State},
    http::HeaderMap,
};
use serde_json::{Value, json};

use super::keys::issuer;
use crate::{AppState, error::ApiError};

/// `GET /metadata/endpoints`: where a cloud has what. Everything is here: a client that is pointed at this server asks no other.
pub(crate) async fn endpoints(State(state): State<AppState>, headers: HeaderMap) -> Result<Json<Value>, ApiError> {
    let base = state.auth.base(&headers)?;
    let host = base.split_once("://").map_or(base.as_str(), |(_, host)| host).to_owned();
    let names = [
        "acrLoginServer",
        "sqlServerHostname",
        "keyVaultDns",
        "storage",
        "storageSyncEndpointSuffix",
        "mhsmDns",
        "mysqlServerEndpoint",
        "postgresqlServerEndpoint",
        "mariadbServerEndpoint",
        "synapseAnalytics",
        "attestationEndpoint",
        "azureDataLakeStoreFileSystem",
        "azureDataLakeAnalyticsCatalogAndJob",
        "azureFrontDoorEndpointSuffix",
    ];
    let suffixes: serde_json::Map<String, Value> = names.iter().map(|name| ((*name).to_owned(), json!(host))).collect();
    Ok(Json(json!({
        "name": "Skywarden",
        "portal": base,
        "authentication": { "loginEndpoint": base, "audiences": [base], "tenant": "common", "identityProvider": "AAD" },
        "resourceManager": base,
        "graph": base,
        "graphAudience": base,
        "microsoftGraphResourceId": base,
        "sqlManagement": base,
        "gallery": base,
        "batch": base,
        "media": base,
        "vmImageAliasDoc": base,
        "activeDirectoryDataLake": base,
        "suffixes": suffixes,
    })))
}

/// The names under which clients ask for a tenant that they do not know.
const ANY_TENANT: [&str; 3] = ["common", "organizations", "consumers"];

/// `GET /{tenant}/v2.0/.well-known/openid-configuration` (OpenID Connect Discovery 1.0).
pub(crate) async fn openid_configuration(
    State(state): State<AppState>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let base = state.auth.base(&headers)?;
    let tenant = tenant_of(&state, &tenant)?;
    let at = |path: &str| format!("{base}/{tenant}/{path}");
    Ok(Json(json!({
        "issuer": issuer(&base, tenant),
        "token_endpoint": at("oauth2/v2.0/token"),
        "authorization_endpoint": at("oauth2/v2.0/authorize"),
        "device_authorization_endpoint": at("oauth2/v2.0/devicecode"),
        "end_session_endpoint": at("oauth2/v2.0/logout"),
        "jwks_uri": at("discovery/v2.0/keys"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "PS256", "ES256"],
        "grant_types_supported": ["client_credentials", "urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
        "response_types_supported": ["code", "id_token"],
        "response_modes_supported": ["query"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "scopes_supported": ["openid", "profile", "offline_access"],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "nbf", "oid", "tid", "name"],
        "tenant_region_scope": null,
    })))
}

/// `GET /{tenant}/discovery/v2.0/keys`: what tokens are checked with (RFC 7517).
pub(crate) async fn keys(
    State(state): State<AppState>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    state.auth.base(&headers)?;
    tenant_of(&state, &tenant)?;
    Ok(Json(json!({ "keys": [state.auth.token_key().public()] })))
}

/// The installation's tenant, under its id or a name for any.
pub(super) fn tenant_of<'s>(state: &'s AppState, named: &str) -> Result<&'s str, ApiError> {
    let own = state.auth.tenant();
    let is_own = named.eq_ignore_ascii_case(own) || ANY_TENANT.iter().any(|any| any.eq_ignore_ascii_case(named));
    if is_own { Ok(own) } else { Err(ApiError::not_found(&format!("such tenant; this installation's is {own}"))) }
}
