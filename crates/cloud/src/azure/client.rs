//! Sends one request to Azure and gives its answer.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::sync::Semaphore;

use crate::{
    CallError, ConnectError, HttpResponse, RateKey,
    azure::{
        AzureError, AzureOptions,
        address::url_of,
        cloud::{Endpoints, Service},
        login::Login,
        quota::{Quota, may_pass, retry_after},
    },
    client::{MAX_BODY, MAX_UNDER_WAY, call_error, chain, http_client, whole},
    pace::Pace,
    retry::{RetryPolicy, random},
};

/// Which of Azure's two interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AzurePlane {
    /// Azure Resource Manager, Resource Graph included.
    Arm,
    /// Microsoft Graph: the directory.
    Graph,
}

/// One request; it must only read, since it may be sent more than once.
#[derive(Debug, Clone)]
pub struct AzureRequest {
    /// To whom.
    pub plane: AzurePlane,
    /// `GET`, `POST`.
    pub method: String,
    /// The path with a leading slash, percent-encoded, or the whole URL that an answer has named for what follows (`nextLink`).
    pub path: String,
    /// The query, not yet encoded; added to that of the path.
    pub query: Vec<(String, String)>,
    /// Headers besides those of login and content: `consistencylevel` of Microsoft Graph.
    pub headers: Vec<(String, String)>,
    /// What to send.
    pub body: Option<Value>,
    /// What it counts against: the account is the subscription, or the tenant for what is asked of all of them; Resource Graph has one
    /// key, whoever's resources it is asked for.
    pub rate_key: RateKey,
}

/// A connection to Azure: access tokens, retries, rate limits.
#[derive(Clone)]
pub struct AzureClient {
    http: reqwest::Client,
    endpoints: Arc<Endpoints>,
    login: Arc<Login>,
    pace: Arc<Pace>,
    quota: Arc<Quota>,
    under_way: Arc<Semaphore>,
    retry: RetryPolicy,
    max_body: usize,
}

impl AzureClient {
    /// Finds out how to log in and where the services are; only a cloud that is given by URL is asked for that, nobody logs in yet.
    ///
    /// # Errors
    /// If the login lacks something, the cloud does not say where its services are, or HTTPS can't be set up.
    pub async fn new(options: &AzureOptions) -> Result<Self, ConnectError> {
        let http = http_client().build().map_err(|error| ConnectError::Http { message: chain(&error) })?;
        let endpoints = Endpoints::of(&options.cloud, &http).await?;
        let login = Login::new(options, &endpoints, &http)?;
        Ok(Self::with(http, endpoints, login))
    }

    /// Sends a request; tries again where that may help: throttling, server errors, broken connections, a refused token. What is left
    /// after the last try is the answer, also if its status is an error (see [`AzureError::check`]).
    ///
    /// # Errors
    /// If there is no whole answer, no token, or the request leads to another host.
    pub async fn send(&self, request: &AzureRequest) -> Result<HttpResponse, CallError> {
        let service = self.service(request.plane)?;
        let url = url_of(service, &request.path, &request.query)?;
        let begin = Instant::now();
        let mut in_line = Duration::ZERO;
        let (mut n_tries, mut was_renewed) = (0, false);
        loop {
            let came = Instant::now();
            self.wait(&request.rate_key).await;
            in_line += came.elapsed();
            let token = self.login.token(&service.audience).await?;
            n_tries += 1;
            let result = self.try_once(request, &url, &token, n_tries).await;
            let wait_for = match &result {
                Ok(response) => {
                    self.quota.learn(&request.rate_key, response);
                    if response.status == 401 && !was_renewed {
                        was_renewed = true;
                        self.login.forget(&service.audience, &token);
                        continue;
                    }
                    if response.status == 401 && has_claims_challenge(response) {
                        return Err(self.login.ended(&service.base));
                    }
                    let error = if response.status < 400 { AzureError::default() } else { AzureError::of(response) };
                    if !may_pass(response.status) && !error.is_throttled() {
                        return result;
                    }
                    tracing::debug!(
                        host = url.host_str(),
                        status = response.status,
                        code = error.code,
                        n_tries,
                        "to come back later"
                    );
                    retry_after(response)
                }
                Err(CallError::Connection { message, .. }) => {
                    tracing::debug!(host = url.host_str(), message, n_tries, "the connection failed");
                    None
                }
                Err(_) => return result,
            };
            match self.retry.wait(n_tries, begin.elapsed().saturating_sub(in_line), wait_for, random()) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return result,
            }
        }
    }

    /// The URL of Azure Resource Manager, without a slash at its end.
    pub fn arm_url(&self) -> &str {
        &self.endpoints.arm.base
    }

    /// Whether the cloud has a Microsoft Graph.
    pub fn has_graph(&self) -> bool {
        self.endpoints.graph.is_some()
    }

    fn with(http: reqwest::Client, endpoints: Endpoints, login: Login) -> Self {
        Self {
            http,
            endpoints: Arc::new(endpoints),
            login: Arc::new(login),
            pace: Arc::default(),
            quota: Arc::default(),
            under_way: Arc::new(Semaphore::new(MAX_UNDER_WAY)),
            retry: RetryPolicy::STANDARD,
            max_body: MAX_BODY,
        }
    }

    fn service(&self, plane: AzurePlane) -> Result<&Service, CallError> {
        match plane {
            AzurePlane::Arm => Ok(&self.endpoints.arm),
            AzurePlane::Graph => self.endpoints.graph.as_ref().ok_or_else(|| CallError::Request {
                message: format!("the Azure of {} names no Microsoft Graph", self.endpoints.arm.base),
            }),
        }
    }

    /// What the service has said holds everywhere; our own limit not for an emulator on this machine.
    async fn wait(&self, key: &RateKey) {
        self.quota.wait(key).await;
        if !self.endpoints.is_loopback {
            self.pace.wait(key).await;
        }
    }

    async fn try_once(
        &self,
        request: &AzureRequest,
        url: &reqwest::Url,
        token: &str,
        n_tries: u32,
    ) -> Result<HttpResponse, CallError> {
        let host = url.host_str().unwrap_or_default();
        let method = reqwest::Method::from_bytes(request.method.as_bytes())
            .map_err(|_| CallError::Request { message: format!("`{}` is no HTTP method", request.method) })?;
        let mut builder = self.http.request(method, url.clone()).bearer_auth(token).header("accept", "application/json");
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        if let Some(body) = &request.body {
            builder = builder.header("content-type", "application/json").body(body.to_string());
        }
        // Never closed, so it can't fail; if it did, the call would merely not be counted.
        let _permit = self.under_way.acquire().await;
        let response = builder.send().await.map_err(|error| call_error(host, n_tries, &error.without_url()))?;
        whole(response, host, n_tries, self.max_body).await
    }
}

impl fmt::Debug for AzureClient {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AzureClient").field("endpoints", &self.endpoints).field("login", &self.login).finish_non_exhaustive()
    }
}

/// Continuous access evaluation: the service takes no token that does not answer its new claims.
fn has_claims_challenge(response: &HttpResponse) -> bool {
    let challenges = response.headers.iter().filter(|(name, _)| name == "www-authenticate");
    challenges.map(|(_, value)| value).any(|value| value.contains("insufficient_claims") || value.contains("claims="))
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
