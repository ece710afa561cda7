//! How programs prove who they are.

use axum::http::{HeaderMap, header};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::SignedDuration;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use skywarden_model::Timestamp;
use skywarden_rbac::{Principal, PrincipalKind};
use skywarden_store::{Credential, CredentialKind};
use x509_parser::{pem::Pem, public_key::PublicKey};

use super::token::enabled;
use crate::{AppState, auth, error::ApiError};

/// The type of an assertion that is a signed token (RFC 7523, section 2.2).
pub(super) const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What a program proves itself with.
pub(super) enum Proof<'p> {
    /// A secret.
    Secret(&'p str),
    /// A token that it signed with the key of its certificate, for one of these audiences.
    Assertion {
        /// The token.
        assertion: &'p str,
        /// Whom it may be meant for.
        audiences: Vec<String>,
    },
}

/// What an assertion says (RFC 7523, section 3).
#[derive(Deserialize)]
struct Assertion {
    iss: String,
    sub: String,
    /// Seconds since 1970, which may have decimals (RFC 7519, section 2: NumericDate).
    exp: f64,
    nbf: Option<f64>,
    jti: Option<String>,
}

/// An assertion holds for at most this many seconds: until then its id is remembered.
const LONGEST_ASSERTION: f64 = 3600.0;
/// Clocks may differ by this many seconds.
const LEEWAY: f64 = 60.0;
/// Longest assertion that is looked at.
const MAX_ASSERTION: usize = 8 << 10;

/// Whom an assertion may be meant for: the token endpoint, under either name of the tenant, or the issuer.
pub(super) fn audiences(base: &str, named: &str, tenant: &str) -> Vec<String> {
    let of = |tenant: &str| [format!("{base}/{tenant}/oauth2/v2.0/token"), format!("{base}/{tenant}/v2.0")];
    of(named).into_iter().chain(of(tenant)).collect()
}

/// The program that a proof is of; `None` whatever is wrong.
pub(super) async fn proved(state: &AppState, id: &str, proof: Proof<'_>, now: Timestamp) -> Result<Option<Principal>, ApiError> {
    let id = match &proof {
        // An assertion says itself whose it is.
        Proof::Assertion { assertion, .. } if id.is_empty() => unchecked_subject(assertion).unwrap_or_default(),
        _ => id.to_lowercase(),
    };
    let principal = enabled(state, &id, PrincipalKind::ServicePrincipal).await?;
    let credentials = state.store.credentials_of(&id).await?;
    let valid = credentials.iter().filter(|own| own.expires_at.is_none_or(|end| now < end));
    let found = match &proof {
        Proof::Secret(secret) => {
            let digest = auth::hex_digest(secret);
            let is_right = |own: &&Credential| auth::same(own.secret.as_bytes(), digest.as_bytes());
            valid.filter(|own| own.kind == CredentialKind::Secret).find(is_right)
        }
        Proof::Assertion { assertion, audiences } => {
            let mut certificates = valid.filter(|own| own.kind == CredentialKind::Certificate);
            let Some((own, said)) = certificates.find_map(|own| Some((own, said(assertion, &own.secret, audiences)?))) else {
                return Ok(None);
            };
            if !holds(&said, &id, now) || !is_first(state, &said, now).await? {
                return Ok(None);
            }
            Some(own)
        }
    };
    let (Some(principal), Some(credential)) = (principal, found) else { return Ok(None) };
    state.store.touch_credential(&credential.id, now).await?;
    Ok(Some(principal))
}

/// What an assertion says, if the key of a certificate signed it.
fn said(assertion: &str, certificate: &str, audiences: &[String]) -> Option<Assertion> {
    if assertion.len() > MAX_ASSERTION {
        return None;
    }
    let (key, algorithms) = key_of(certificate)?;
    // Which of the key's own algorithms; another kind of key has none of them, and "none" and HMAC are among no key's.
    let algorithm = decode_header(assertion).ok()?.alg;
    if !algorithms.contains(&algorithm) {
        return None;
    }
    let mut rules = Validation::new(algorithm);
    rules.set_audience(audiences);
    rules.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    // The time is judged by its reader: the library would look at a clock of its own.
    rules.validate_exp = false;
    rules.validate_nbf = false;
    decode::<Assertion>(assertion, &key, &rules).ok().map(|token| token.claims)
}

/// The public key of a certificate in PEM, with what it may sign by.
fn key_of(certificate: &str) -> Option<(DecodingKey, &'static [Algorithm])> {
    let pem = Pem::iter_from_buffer(certificate.as_bytes()).next()?.ok()?;
    let certificate = pem.parse_x509().ok()?;
    match certificate.public_key().parsed().ok()? {
        PublicKey::RSA(key) => {
            let plain = |bytes: &[u8]| {
                let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
                let own = bytes.get(start..).unwrap_or_default();
                base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(own)
            };
            // Below 2048 bits a key can be broken.
            if key.key_size() < 2048 {
                return None;
            }
            let key = DecodingKey::from_rsa_components(&plain(key.modulus), &plain(key.exponent)).ok()?;
            Some((key, &[Algorithm::RS256, Algorithm::PS256]))
        }
        PublicKey::EC(point) => {
            let [4, point @ ..] = point.data() else { return None };
            let (x, y) = point.split_at_checked(32).filter(|(_, y)| y.len() == 32)?;
            let encoded = |part: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(part);
            Some((DecodingKey::from_ec_components(&encoded(x), &encoded(y)).ok()?, &[Algorithm::ES256]))
        }
        _ => None,
    }
}

/// When a certificate in PEM ends, in seconds since 1970, if it is one whose key can prove something here.
pub(crate) fn certificate_end(certificate: &str) -> Option<i64> {
    key_of(certificate)?;
    let pem = Pem::iter_from_buffer(certificate.as_bytes()).next()?.ok()?;
    Some(pem.parse_x509().ok()?.validity().not_after.timestamp())
}

/// Whether an assertion is of this program and its time is now.
fn holds(said: &Assertion, id: &str, now: Timestamp) -> bool {
    let second = now.as_duration().as_secs_f64();
    let is_own = said.iss.eq_ignore_ascii_case(id) && said.sub.eq_ignore_ascii_case(id);
    let has_begun = said.nbf.is_none_or(|start| start <= second + LEEWAY);
    is_own && has_begun && second < said.exp && said.exp <= second + LONGEST_ASSERTION + LEEWAY
}

/// Whether an assertion was not used before (RFC 7523, section 3, number 7).
async fn is_first(state: &AppState, said: &Assertion, now: Timestamp) -> Result<bool, ApiError> {
    let Some(id) = &said.jti else { return Ok(false) };
    // `holds` has it within an hour.
    let left =
        SignedDuration::try_from_secs_f64(said.exp - now.as_duration().as_secs_f64() + 1.0).unwrap_or(SignedDuration::ZERO);
    let end = now.checked_add(left).unwrap_or(Timestamp::MAX);
    Ok(state.store.claim_once("assertion", &auth::hex_digest(&format!("{} {id}", said.iss)), end).await?)
}

/// Whose an assertion says it is, before anything of it is believed.
fn unchecked_subject(assertion: &str) -> Option<String> {
    let body = assertion.split('.').nth(1)?;
    let body = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(body).ok()?;
    let said: serde_json::Value = serde_json::from_slice(&body).ok()?;
    Some(said.get("sub")?.as_str()?.to_lowercase())
}

/// Id and secret of `Authorization: Basic` (RFC 6749, section 2.3.1).
pub(super) fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let decoded = STANDARD.decode(value.strip_prefix("Basic ")?).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (id, secret) = text.split_once(':')?;
    let plain = |text: &str| {
        let pair = format!("x={text}");
        form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned())
    };
    Some((plain(id)?, plain(secret)?))
}
