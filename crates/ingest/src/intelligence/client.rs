//! One request to a TAXII 2.1 server.

use std::{fmt, time::Duration};

use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};
use reqwest::{
    Response, StatusCode, Url,
    header::{ACCEPT, CONTENT_TYPE, LOCATION, RETRY_AFTER},
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::TaxiiSettings;
use crate::inputs::secret;

/// What TAXII 2.1 is asked with and answers with.
const MEDIA_TYPE: &str = "application/taxii+json;version=2.1";

/// So many objects are asked for at once; servers give fewer if they like.
const PAGE: &str = "1000";

/// An answer is at most so long when it is unpacked, in bytes.
const MAX_ANSWER: usize = 64 << 20;

/// A page takes at most this long.
const MAX_TIME: Duration = Duration::from_secs(120);

/// A name for a page is at most so long.
const MAX_NEXT: usize = 4_096;

/// Asks one collection.
pub(super) struct Client<'s> {
    http: reqwest::Client,
    settings: &'s TaxiiSettings,
    url: &'s Url,
    secret: Option<String>,
}

/// Why a server gave no page.
#[derive(Debug)]
pub(super) struct Refusal {
    /// For people.
    reason: String,
    /// How long the server wants to be left alone.
    pub(super) wait: Option<Duration>,
}

/// Some objects of a collection.
pub(super) struct Page {
    pub(super) objects: Vec<Box<RawValue>>,
    pub(super) more: bool,
    /// By what name to ask for what follows.
    pub(super) next: Option<String>,
    /// When the last of them was added to the collection.
    pub(super) last_added: Option<String>,
}

/// An envelope of TAXII 2.1.
#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    more: bool,
    #[serde(default)]
    next: Option<String>,
    #[serde(default)]
    objects: Vec<Box<RawValue>>,
}

/// What TAXII says of an error.
#[derive(Deserialize)]
struct Trouble {
    title: String,
    #[serde(default)]
    description: String,
}

impl<'s> Client<'s> {
    /// Reads secrets and certificates, which may have changed.
    pub(super) async fn new(settings: &'s TaxiiSettings, url: &'s Url) -> Result<Self, Refusal> {
        let own = |reason: String| Refusal { reason, wait: None };
        // Fails if a provider is already installed, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .timeout(MAX_TIME)
            .connect_timeout(Duration::from_secs(10))
            // A login holds for one host; a redirect is an answer to look at.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("skywarden/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = &settings.ca_file {
            let unusable = |error: &dyn fmt::Display| own(format!("{} holds no authorities in PEM: {error}", path.display()));
            let pem = secret::read("authorities", path).await.map_err(|error| own(error.to_string()))?;
            let found = reqwest::Certificate::from_pem_bundle(pem.as_bytes()).map_err(|error| unusable(&error))?;
            if found.is_empty() {
                return Err(unusable(&"there is no certificate in it"));
            }
            builder = found.into_iter().fold(builder, reqwest::ClientBuilder::add_root_certificate);
        }
        let http = builder.build().map_err(|error| own(format!("no client for HTTP can be made: {}", chain(&error))))?;
        let file = settings.password_file.as_ref().map(|path| ("password", path));
        let secret = match file.or(settings.token_file.as_ref().map(|path| ("token", path))) {
            None => None,
            Some((what, path)) => Some(secret::read(what, path).await.map_err(|error| own(error.to_string()))?),
        };
        Ok(Client { http, settings, url, secret })
    }

    /// Asks for what was added after a time; with the name of a page for that page.
    pub(super) async fn page(&self, after: Option<&str>, next: Option<&str>) -> Result<Page, Refusal> {
        let mut url = self.url.clone();
        url.query_pairs_mut()
            .append_pair("limit", PAGE)
            .extend_pairs(after.map(|after| ("added_after", after)))
            .extend_pairs(next.map(|next| ("next", next)));
        let mut request = self.http.get(url).header(ACCEPT, MEDIA_TYPE);
        if let Some(secret) = &self.secret {
            request = match &self.settings.username {
                Some(username) => request.basic_auth(username, Some(secret)),
                None => request.bearer_auth(secret),
            };
        }
        let answer = request.send().await.map_err(|error| self.refusal(&format!("can't be asked: {}", chain(&error))))?;
        if answer.status() != StatusCode::OK {
            return Err(self.refused(answer).await);
        }
        let kind = header(&answer, CONTENT_TYPE.as_str()).unwrap_or_default().to_ascii_lowercase();
        if !kind.starts_with("application/taxii+json") && !kind.starts_with("application/json") {
            let kind: String = kind.chars().take(80).collect();
            return Err(self.refusal(&format!("answers with `{kind}`, which is not TAXII 2.1; check `from.url`")));
        }
        let last = header(&answer, "x-taxii-date-added-last").or(header(&answer, "x-taxii-date-added-first"));
        let last = last.filter(|last| last.parse::<Timestamp>().is_ok()).map(str::to_owned);
        let body = self.whole(answer).await?;
        let envelope: Envelope = serde_json::from_slice(&body)
            .map_err(|error| self.refusal(&format!("answers with what is no envelope of TAXII 2.1: {error}")))?;
        let Envelope { more, next, objects } = envelope;
        if next.as_ref().is_some_and(|next| next.len() > MAX_NEXT) {
            return Err(self.refusal(&format!("names the next page with more than {MAX_NEXT} letters")));
        }
        Ok(Page { objects, more, next, last_added: last })
    }

    /// That the server did something that can't be used.
    pub(super) fn refusal(&self, what: &str) -> Refusal {
        Refusal { reason: format!("the TAXII server of {} {what}", self.url), wait: None }
    }

    async fn refused(&self, answer: Response) -> Refusal {
        let status = answer.status();
        let wait = header(&answer, RETRY_AFTER.as_str()).and_then(retry_after);
        let location = header(&answer, LOCATION.as_str()).map(|location| location.chars().take(200).collect::<String>());
        let login = match (&self.settings.username, &self.settings.password_file, &self.settings.token_file) {
            (Some(username), Some(file), _) => format!("the user name `{username}` and the password in {}", file.display()),
            (_, _, Some(file)) => format!("the token in {}", file.display()),
            _ => "being asked without a login; give `from.username` and `from.passwordFile`, or `from.tokenFile`".to_owned(),
        };
        let what = match status {
            StatusCode::UNAUTHORIZED => format!("refuses {login}"),
            StatusCode::FORBIDDEN => "does not let this login read the collection; ask its operator for that".to_owned(),
            StatusCode::NOT_FOUND => "knows no such collection; check `from.url` and `from.collection`".to_owned(),
            StatusCode::NOT_ACCEPTABLE | StatusCode::UNSUPPORTED_MEDIA_TYPE => "does not speak TAXII 2.1".to_owned(),
            StatusCode::TOO_MANY_REQUESTS => "was asked too often; set a longer `from.everyMinutes` if that stays so".to_owned(),
            _ if status.is_redirection() => {
                format!("sends elsewhere, which is not followed; set `from.url` to {}", location.unwrap_or_default())
            }
            _ => "could not answer".to_owned(),
        };
        let said = match self.whole(answer).await {
            Ok(body) => serde_json::from_slice::<Trouble>(&body).ok(),
            Err(_) => None,
        };
        let said = said.map(|Trouble { title, description }| {
            let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
            let text: String = format!("{title} {description}").trim().chars().map(plain).take(200).collect();
            format!(", it says: {text}")
        });
        Refusal { wait, ..self.refusal(&format!("{what} (status {}{})", status.as_u16(), said.unwrap_or_default())) }
    }

    async fn whole(&self, mut answer: Response) -> Result<Vec<u8>, Refusal> {
        let mut body = Vec::new();
        loop {
            match answer.chunk().await {
                Ok(None) => return Ok(body),
                Ok(Some(chunk)) if body.len() + chunk.len() > MAX_ANSWER => {
                    return Err(self.refusal(&format!("answers with more than {} MiB at once", MAX_ANSWER >> 20)));
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Err(error) => return Err(self.refusal(&format!("breaks off its answer: {}", chain(&error)))),
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.reason)
    }
}

fn header<'a>(answer: &'a Response, name: &str) -> Option<&'a str> {
    answer.headers().get(name)?.to_str().ok()
}

/// `Retry-After` in seconds or as a date.
fn retry_after(value: &str) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DateTimeParser::new().parse_timestamp(value.trim()).ok()?;
    until.duration_since(Timestamp::now()).try_into().ok()
}

/// An error with its causes, without the address, which stands before it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = String::new();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = if text.is_empty() { inner.to_string() } else { format!("{text}: {inner}") };
        cause = inner.source();
    }
    if text.is_empty() { error.to_string() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_says_how_long_to_wait_in_seconds_or_as_a_date() {
        assert_eq!(retry_after(" 120 "), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("soon"), None);
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), None, "which is over");
        assert!(retry_after("Thu, 31 Dec 9998 23:59:59 GMT").is_some_and(|wait| wait > Duration::from_secs(1 << 30)));
    }
}
