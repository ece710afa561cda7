//! Signing in at an identity provider.

use std::collections::BTreeSet;

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, header},
    response::{Html, IntoResponse as _, Redirect, Response},
};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};
use skywarden_model::Timestamp;
use skywarden_rbac::{Principal, PrincipalKind, PrincipalState};
use skywarden_store::StoreError;
use uuid::Uuid;

use super::{
    provider::{Pending, Person},
    sign_in::{self, Peer},
};
use crate::{AppState, auth, error::ApiError, scoped::Scoped, v1::Answer};

/// A person has this long to sign in at the provider.
const MINUTES: i64 = 10;
/// What sign-ins that have begun are kept as.
const PENDING: &str = "provider-sign-in";

/// What a provider sends back (RFC 6749, sections 4.1.2 and 4.1.2.1).
#[derive(Deserialize)]
pub(crate) struct Back {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// `GET /api/v1/identity-providers`.
pub(crate) async fn list(state: Scoped) -> Answer {
    state.everywhere()?;
    let row = |own: &super::IdentityProvider| {
        let settings = own.settings();
        json!({
            "id": settings.id,
            "name": settings.name,
            "issuer": settings.issuer,
            "clientId": settings.client_id,
            "scopes": settings.scopes,
            "groupsClaim": settings.groups_claim,
            "source": "file",
        })
    };
    Ok(Json(json!({ "items": state.sign_in.providers.values().map(row).collect::<Vec<Value>>() })))
}

/// `GET /sign-in/{provider}`: sends the browser there.
pub(crate) async fn start(
    State(state): State<AppState>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let base = state.auth.base(&headers)?;
    let provider = state.sign_in.providers.get(&id).ok_or_else(|| ApiError::not_found("such identity provider"))?;
    let begun = match provider.begin(&back(&base, &id)).await {
        Ok(begun) => begun,
        Err(error) => return Ok(failed(&error)),
    };
    let browser = auth::random_token();
    let pending = Pending { provider: id, nonce: begun.nonce, verifier: begun.verifier, browser: auth::hex_digest(&browser) };
    let document = serde_json::to_string(&pending).map_err(|error| ApiError::bad_request(error.to_string()))?;
    let end = Timestamp::now().checked_add(SignedDuration::from_mins(MINUTES)).unwrap_or(Timestamp::MAX);
    state.store.put_once(PENDING, &auth::hex_digest(&begun.state), &document, end).await?;
    let mut response = Redirect::to(&begun.address).into_response();
    response.headers_mut().insert(header::SET_COOKIE, cookie(&state, &browser, MINUTES * 60)?);
    Ok(response)
}

/// `GET /sign-in/{provider}/callback`: the browser comes back.
pub(crate) async fn callback(
    State(state): State<AppState>,
    peer: Peer,
    Path(id): Path<String>,
    headers: HeaderMap,
    Query(answer): Query<Back>,
) -> Result<Response, ApiError> {
    let base = state.auth.base(&headers)?;
    let now = Timestamp::now();
    let provider = state.sign_in.providers.get(&id).ok_or_else(|| ApiError::not_found("such identity provider"))?;
    let given = answer.state.unwrap_or_default();
    let document = state.store.take_once(PENDING, &auth::hex_digest(&given), now).await?;
    let pending = document.and_then(|document| serde_json::from_str::<Pending>(&document).ok());
    let browser = auth::session_cookie(&headers, cookie_name(&state)).map(auth::hex_digest);
    let pending = pending.filter(|own| own.provider == id && Some(&own.browser) == browser.as_ref());
    let Some(pending) = pending else {
        return Ok(failed(&"this sign-in did not begin in this browser, or took too long; try again"));
    };
    if let Some(error) = answer.error {
        let said = answer.error_description.unwrap_or(error);
        return Ok(failed(&format!("{} says: {said}", provider.name())));
    }
    let person = match provider.end(&back(&base, &id), answer.code.unwrap_or_default(), pending).await {
        Ok(person) => person,
        Err(error) => {
            tracing::warn!(provider = id, %error, "a sign-in failed");
            return Ok(failed(&error));
        }
    };
    let principal = account(&state, &id, person, now).await?;
    if principal.state == PrincipalState::Disabled {
        sign_in::log(&state, sign_in::SIGN_IN, &principal, &peer, "Failed (401)", json!({ "with": id }), now).await?;
        return Ok(failed(&"your account is switched off here; ask an administrator"));
    }
    let opened = sign_in::welcome(&state, &principal, &headers, &peer, json!({ "with": id }), now).await?;
    // The session's cookie is not sent on a way that began at another site: the page goes on by itself.
    let page =
        "<!doctype html><meta http-equiv=\"refresh\" content=\"0;url=/\"><title>Skywarden</title><p><a href=\"/\">Go on</a></p>";
    let mut response = Html(page).into_response();
    response.headers_mut().append(header::SET_COOKIE, opened.cookie);
    response.headers_mut().append(header::SET_COOKIE, cookie(&state, "", 0)?);
    Ok(response)
}

/// The account of a person, made when they come first: it has no role but those of its groups. Groups are taken from the claims anew
/// each time.
async fn account(state: &AppState, provider: &str, person: Person, now: Timestamp) -> Result<Principal, ApiError> {
    let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{} {}", person.issuer, person.subject).as_bytes()).to_string();
    let mut principal = match state.store.principal(&id).await? {
        Some(known) => known,
        None => Principal {
            id,
            kind: PrincipalKind::User,
            name: plain(&person.name),
            display_name: String::new(),
            state: PrincipalState::Enabled,
            created_at: now,
            provider: None,
        },
    };
    principal.display_name = plain(&person.display_name);
    principal.provider = Some(provider.to_owned());
    match state.store.put_principal(&principal).await {
        // Somebody else has the name: theirs it stays, and both can be told apart.
        Err(StoreError::NameTaken { .. }) => {
            principal.name = format!("{} ({provider}, {})", plain(&person.name), plain(&person.subject));
            state.store.put_principal(&principal).await?;
        }
        other => other?,
    }
    let mut groups = BTreeSet::new();
    for named in &person.groups {
        let group = state.store.principal_named(PrincipalKind::Group, named).await?;
        let own = group.filter(|own| own.provider.as_deref().is_none_or(|meant| meant == provider));
        groups.extend(own.map(|own| own.id));
    }
    state.store.set_groups(&principal.id, &groups).await?;
    Ok(principal)
}

/// A name from outside as it is kept.
fn plain(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_control()).take(128).collect()
}

/// Where a provider sends the browser back to.
fn back(base: &str, id: &str) -> String {
    format!("{base}/sign-in/{id}/callback")
}

/// Back to the page of signing in, which says why.
fn failed(why: &dyn std::fmt::Display) -> Response {
    let why: String = form_urlencoded::byte_serialize(why.to_string().as_bytes()).collect();
    Redirect::to(&format!("/sign-in?error={why}")).into_response()
}

fn cookie_name(state: &AppState) -> &'static str {
    match state.auth.scheme() {
        auth::Scheme::Http => "skywarden_sign_in",
        auth::Scheme::Https => "__Host-skywarden_sign_in",
    }
}

/// The cookie that ties a sign-in to the browser that began it. It must come with the way back from another site: Lax.
fn cookie(state: &AppState, value: &str, seconds: i64) -> Result<HeaderValue, ApiError> {
    let (name, flags) = (cookie_name(state), state.auth.scheme().cookie_flags());
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{flags}");
    HeaderValue::from_str(&text).map_err(|_| ApiError::bad_request("no sign-in could be begun; try again"))
}
