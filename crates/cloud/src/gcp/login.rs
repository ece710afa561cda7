//! Where access tokens come from, and keeping them fresh. Nothing here implements a `Debug` that could show one.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};

use crate::{
    CallError, clean_message,
    client::{chain, whole},
};

/// Tokens are renewed so long before they expire.
const EARLY: Duration = Duration::from_secs(300);

/// A key's file may be so long.
const MAX_KEY: u64 = 64 << 10;

/// An answer with a token may be so long.
const MAX_ANSWER: usize = 64 << 10;

/// What a token may be used for.
const SCOPE: &str = "https://www.googleapis.com/auth/pubsub";

/// The variable by which Google's own libraries find another metadata server, and the server.
const METADATA: (&str, &str) = ("GCE_METADATA_HOST", "metadata.google.internal");

/// A source of access tokens with the last one that it gave.
pub(crate) struct Login {
    key_file: Option<PathBuf>,
    metadata: String,
    http: reqwest::Client,
    held: Mutex<Option<Token>>,
    /// Held while a renewal is on its way, so that many calls cause one.
    renewal: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Token {
    text: String,
    until: Instant,
}

/// A service account's key, as Google gives it.
#[derive(Deserialize)]
struct Key {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    client_email: String,
    #[serde(default)]
    private_key: String,
    #[serde(default)]
    private_key_id: String,
    #[serde(default)]
    token_uri: String,
}

/// What a service account says of itself (RFC 7523).
#[derive(Serialize)]
struct Claims<'c> {
    iss: &'c str,
    scope: &'c str,
    aud: &'c str,
    iat: i64,
    exp: i64,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_in: u64,
}

impl Login {
    pub(crate) fn new(key_file: Option<PathBuf>, http: reqwest::Client) -> Self {
        let host = std::env::var(METADATA.0).ok().filter(|host| !host.is_empty()).unwrap_or_else(|| METADATA.1.to_owned());
        let metadata = format!("http://{host}");
        Self { key_file, metadata, http, held: Mutex::new(None), renewal: tokio::sync::Mutex::new(()) }
    }

    /// A token that is valid for some minutes.
    pub(crate) async fn token(&self) -> Result<String, CallError> {
        if let Some(valid) = self.valid() {
            return Ok(valid);
        }
        let _one_renewal = self.renewal.lock().await;
        if let Some(valid) = self.valid() {
            return Ok(valid);
        }
        let asked = Instant::now();
        let answer = match &self.key_file {
            Some(file) => self.by_key(&key(file)?).await?,
            None => self.of_machine().await?,
        };
        let token = Token { text: answer.access_token, until: asked + Duration::from_secs(answer.expires_in.min(86_400)) };
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
        Ok(token.text)
    }

    /// Forgets a token that a service has refused, unless it has been renewed meanwhile.
    pub(crate) fn forget(&self, refused: &str) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().is_some_and(|held| held.text == refused) {
            *held = None;
        }
    }

    fn valid(&self) -> Option<String> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().filter(|token| token.until > Instant::now() + EARLY).map(|token| token.text.clone())
    }

    async fn by_key(&self, key: &Key) -> Result<Answer, CallError> {
        let assertion = assertion(key, jiff::Timestamp::now().as_second())?;
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
            .append_pair("assertion", &assertion)
            .finish();
        let asked = self.http.post(&key.token_uri).header("content-type", "application/x-www-form-urlencoded").body(form);
        answer(asked, &key.token_uri).await
    }

    async fn of_machine(&self) -> Result<Answer, CallError> {
        let url = format!("{}/computeMetadata/v1/instance/service-accounts/default/token", self.metadata);
        answer(self.http.get(&url).timeout(Duration::from_secs(10)).header("metadata-flavor", "Google"), &url).await
    }
}

/// Reads a key; anew for each token, so that one that was replaced is used.
fn key(file: &Path) -> Result<Key, CallError> {
    let fail = |reason: String| CallError::GcpLogin { message: format!("{}: {reason}", file.display()) };
    let length = std::fs::metadata(file).map_err(|error| fail(error.to_string()))?.len();
    if length > MAX_KEY {
        return Err(fail(format!("it has {length} bytes and is no key")));
    }
    let bytes = std::fs::read(file).map_err(|error| fail(error.to_string()))?;
    // The parser's message may show a part of the key.
    let key: Key = serde_json::from_slice(&bytes).map_err(|_| fail("it is no JSON of a key".to_owned()))?;
    if key.kind != "service_account" {
        return Err(fail(format!("it is a key of type `{}`; only `service_account` can be used", clean_message(&key.kind))));
    }
    let url = reqwest::Url::parse(&key.token_uri).ok();
    let is_private = url.is_some_and(|url| {
        url.scheme() == "https" || (url.scheme() == "http" && matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]")))
    });
    if !is_private {
        return Err(fail("its `token_uri` is no https URL".to_owned()));
    }
    Ok(key)
}

fn assertion(key: &Key, now: i64) -> Result<String, CallError> {
    let fail = |_| CallError::GcpLogin { message: format!("the private key of {} is none of RSA in PEM", key.client_email) };
    let private = EncodingKey::from_rsa_pem(key.private_key.as_bytes()).map_err(fail)?;
    let mut header = Header::new(Algorithm::RS256);
    header.kid = (!key.private_key_id.is_empty()).then(|| key.private_key_id.clone());
    let claims = Claims { iss: &key.client_email, scope: SCOPE, aud: &key.token_uri, iat: now, exp: now + 3600 };
    jsonwebtoken::encode(&header, &claims, &private).map_err(fail)
}

async fn answer(asked: reqwest::RequestBuilder, url: &str) -> Result<Answer, CallError> {
    let fail = |message: String| CallError::GcpLogin { message: format!("{url}: {message}") };
    let response = asked.send().await.map_err(|error| fail(clean_message(&chain(&error))))?;
    let response = whole(response, url, 1, MAX_ANSWER).await.map_err(|error| fail(error.to_string()))?;
    if response.status != 200 {
        let document: serde_json::Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let text = |name: &str| document.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
        let said = clean_message(&format!("{} {}", text("error"), text("error_description")));
        return Err(fail(format!("status {} {said}", response.status)));
    }
    serde_json::from_slice(&response.body).map_err(|_| fail("the answer has no access token".to_owned()))
}

#[cfg(test)]
#[path = "login_tests.rs"]
mod tests;
