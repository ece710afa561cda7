//! Google Cloud: access tokens of a service account's key or of the machine, and subscriptions of Pub/Sub.

mod login;
mod pubsub;

use std::{
    fmt,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::Value;

pub use pubsub::{PulledMessage, Subscription};

use self::login::Login;
use crate::{
    CallError, ConnectError, HttpResponse, OperationError, clean_message,
    client::{Endpoint, MAX_BODY, call_error, chain, http_client, whole},
    operation::json,
    retry::{RetryPolicy, random},
};

/// How to log in to Google Cloud.
#[derive(Debug, Clone, Default)]
pub struct GcpOptions {
    /// A service account's key as Google gives it (JSON); absent: the machine's own service account, asked for at the metadata server.
    pub key_file: Option<PathBuf>,
    /// Where the service is, instead of at Google. Nobody logs in over plain http: that is an emulator.
    pub endpoint_url: Option<String>,
}

/// A connection to Google Cloud: access tokens, retries.
#[derive(Clone)]
pub struct GcpClient {
    http: reqwest::Client,
    login: Option<Arc<Login>>,
    endpoint: Option<Endpoint>,
    retry: RetryPolicy,
}

/// One request.
pub(crate) struct Asked<'a> {
    /// `pubsub.subscriptions.pull`, as the permission is named.
    pub(crate) operation: &'static str,
    /// The host at Google.
    pub(crate) host: &'static str,
    /// The path with a leading slash, percent-encoded.
    pub(crate) path: &'a str,
    /// What to send.
    pub(crate) body: &'a Value,
    /// One try may last this long.
    pub(crate) timeout: Duration,
}

impl GcpClient {
    /// Finds out how to log in; makes no call yet.
    ///
    /// # Errors
    /// If the endpoint is no URL, or HTTPS can't be set up.
    pub fn new(options: &GcpOptions) -> Result<Self, ConnectError> {
        let endpoint = options.endpoint_url.as_deref().map(Endpoint::parse).transpose()?;
        let http = http_client().build().map_err(|error| ConnectError::Http { message: chain(&error) })?;
        let is_emulator = endpoint.as_ref().is_some_and(|endpoint| endpoint.base.starts_with("http://"));
        let login = (!is_emulator).then(|| Arc::new(Login::new(options.key_file.clone(), http.clone())));
        Ok(Self { http, login, endpoint, retry: RetryPolicy::STANDARD })
    }

    /// Posts JSON and gives the JSON of the answer; tries again where that may help.
    pub(crate) async fn post(&self, asked: Asked<'_>) -> Result<Value, OperationError> {
        let failed = OperationError::call(asked.operation);
        let response = self.send(&asked).await.map_err(failed)?;
        if response.status < 300 {
            return json(asked.operation, &response);
        }
        let (code, message) = error_of(&response);
        Err(OperationError::Refused { operation: asked.operation, status: response.status, code, message })
    }

    async fn send(&self, asked: &Asked<'_>) -> Result<HttpResponse, CallError> {
        let begin = Instant::now();
        let (mut n_tries, mut was_renewed) = (0, false);
        loop {
            let token = match &self.login {
                Some(login) => Some(login.token().await?),
                None => None,
            };
            n_tries += 1;
            let result = self.try_once(asked, token.as_deref(), n_tries).await;
            let retry_after = match &result {
                Ok(response) if response.status == 401 && !was_renewed && token.is_some() => {
                    was_renewed = true;
                    if let Some((login, token)) = self.login.as_ref().zip(token.as_deref()) {
                        login.forget(token);
                    }
                    continue;
                }
                Ok(response) if response.status == 429 || response.status >= 500 => response.retry_after(),
                Err(CallError::Connection { .. }) => None,
                Ok(_) | Err(_) => return result,
            };
            match self.retry.wait(n_tries, begin.elapsed(), retry_after, random()) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return result,
            }
        }
    }

    async fn try_once(&self, asked: &Asked<'_>, token: Option<&str>, n_tries: u32) -> Result<HttpResponse, CallError> {
        let (base, host) = match &self.endpoint {
            Some(endpoint) => (endpoint.base.clone(), endpoint.authority.as_str()),
            None => (format!("https://{}", asked.host), asked.host),
        };
        let mut builder = self.http.post(format!("{base}{}", asked.path)).timeout(asked.timeout);
        builder = builder.header("content-type", "application/json").body(asked.body.to_string());
        if let Some(token) = token {
            builder = builder.bearer_auth(token);
        }
        let response = builder.send().await.map_err(|error| call_error(host, n_tries, &error))?;
        whole(response, host, n_tries, MAX_BODY).await
    }
}

impl fmt::Debug for GcpClient {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("GcpClient").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// Google's code (`PERMISSION_DENIED`) and message.
fn error_of(response: &HttpResponse) -> (String, String) {
    let document: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let text = |name: &str| document.pointer(name).and_then(Value::as_str).unwrap_or_default();
    (text("/error/status").to_owned(), clean_message(text("/error/message")))
}
