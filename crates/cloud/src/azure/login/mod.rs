//! Where access tokens come from, and keeping them fresh. Nothing here implements a `Debug` that could show one.

mod certificate;
mod cli;
mod entra;
mod managed;
mod member;
mod transport;
mod variables;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

pub(super) use self::transport::answer;
use self::{member::Source, variables::Variables};
use crate::{
    CallError, ConnectError,
    azure::{AzureOptions, cloud::Endpoints},
};

/// Tokens are renewed so long before they expire, or at half of their time if that is shorter.
const EARLY: Duration = Duration::from_secs(300);

/// A login that has failed is not tried again for so long: many calls that wait for one token would otherwise fail one by one.
const PATIENCE: Duration = Duration::from_secs(10);

/// A token and until when it is used.
#[derive(Clone)]
struct Token {
    text: String,
    fresh_until: Instant,
    until: Instant,
}

/// A source of access tokens with the last ones that it gave, one for each audience.
pub(crate) struct Login {
    source: Source,
    held: Mutex<BTreeMap<String, Arc<Held>>>,
}

/// What is held for one audience.
#[derive(Default)]
struct Held {
    token: Mutex<Option<Token>>,
    failed: Mutex<Option<(Instant, CallError)>>,
    /// Held while a renewal is on its way, so that many calls cause one.
    renewal: tokio::sync::Mutex<()>,
}

impl Login {
    /// Finds out where tokens come from; asks for none yet.
    ///
    /// # Errors
    /// If the login lacks something.
    pub(crate) fn new(options: &AzureOptions, endpoints: &Endpoints, http: &reqwest::Client) -> Result<Self, ConnectError> {
        Self::with(options, endpoints, http, Variables::of_process())
    }

    fn with(
        options: &AzureOptions,
        endpoints: &Endpoints,
        http: &reqwest::Client,
        variables: Variables,
    ) -> Result<Self, ConnectError> {
        Ok(Self { source: Source::new(options, endpoints, http, variables)?, held: Mutex::default() })
    }

    /// A token that is valid for some time.
    pub(crate) async fn token(&self, audience: &str) -> Result<String, CallError> {
        let held = self.held(audience);
        if let Some(valid) = held.fresh() {
            return Ok(valid);
        }
        let _one_renewal = held.renewal.lock().await;
        if let Some(valid) = held.fresh() {
            return Ok(valid);
        }
        if let Some(error) = held.recent_failure() {
            return held.valid().ok_or(error);
        }
        match self.source.token(audience).await {
            Ok(token) => {
                let text = token.text.clone();
                *lock(&held.token) = Some(token);
                Ok(text)
            }
            Err(error) => {
                *lock(&held.failed) = Some((Instant::now(), error.clone()));
                // An old token outlives a hiccup of the one who gives new ones.
                held.valid().ok_or(error)
            }
        }
    }

    /// Forgets a token that a service has refused, unless it has been renewed meanwhile.
    pub(crate) fn forget(&self, audience: &str, refused: &str) {
        let held = self.held(audience);
        let mut token = lock(&held.token);
        if token.as_ref().is_some_and(|token| token.text == refused) {
            *token = None;
        }
    }

    /// What to say when a service takes no token of this login any more.
    pub(crate) fn ended(&self, service: &str) -> CallError {
        let message = format!(
            "{service} no longer accepts the login ({}): it was revoked or must meet a new condition; {}",
            self.source.name(),
            self.source.advice()
        );
        CallError::AzureLogin { message }
    }

    fn held(&self, audience: &str) -> Arc<Held> {
        Arc::clone(lock(&self.held).entry(audience.to_owned()).or_default())
    }
}

impl Held {
    fn fresh(&self) -> Option<String> {
        lock(&self.token).as_ref().filter(|token| token.fresh_until > Instant::now()).map(|token| token.text.clone())
    }

    fn valid(&self) -> Option<String> {
        lock(&self.token).as_ref().filter(|token| token.until > Instant::now()).map(|token| token.text.clone())
    }

    fn recent_failure(&self) -> Option<CallError> {
        let failed = lock(&self.failed);
        failed.as_ref().filter(|(since, _)| since.elapsed() < PATIENCE).map(|(_, error)| error.clone())
    }
}

impl Token {
    /// One that lives for so many seconds from when it was asked for; at most a day is believed.
    fn lasting(text: String, asked: Instant, seconds: i64) -> Self {
        let life = Duration::from_secs(seconds.clamp(0, 86_400).unsigned_abs());
        Self { text, fresh_until: asked + life.saturating_sub(EARLY).max(life / 2), until: asked + life }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Login").field(&self.source.name()).finish()
    }
}

/// A panic while it was held can't leave a token half written.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "../login_tests.rs"]
mod tests;
