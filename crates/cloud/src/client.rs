use std::{
    collections::BTreeMap,
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use aws_credential_types::Credentials;
use bytes::{Bytes, BytesMut};
use tokio::sync::Semaphore;

use crate::{
    RateKey, clean_message,
    credentials::{Login, SharedLogin},
    error_of, is_throttle,
    pace::Pace,
    retry::{RetryPolicy, is_expired, random},
    sign::signature,
};

/// No answer may be longer, unpacked.
pub(crate) const MAX_BODY: usize = 64 << 20;
/// One try may last this long.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Requests under way at once, whoever asks.
pub(crate) const MAX_UNDER_WAY: usize = 64;

/// How to log in to AWS.
#[derive(Debug, Clone, Default)]
pub struct AwsOptions {
    /// A profile of the shared configuration; absent: the default chain (environment, profile, SSO, web identity, instance role).
    pub profile: Option<String>,
    /// A role to assume with what the chain gives.
    pub role_arn: Option<String>,
    /// The external id that the role asks for.
    pub external_id: Option<String>,
    /// Where all services are, instead of at AWS: an emulator or a proxy.
    pub endpoint_url: Option<String>,
    /// The region of the first calls; absent: the profile's, else `us-east-1`.
    pub home_region: Option<String>,
    /// A file of credentials in the form of `~/.aws/credentials`, in which the profile is looked for and nowhere else.
    pub credentials_file: Option<PathBuf>,
}

/// One request, not yet signed.
#[derive(Debug, Clone)]
pub struct AwsHttpRequest {
    /// The service's name in the signature.
    pub signing_name: String,
    /// The region in the signature.
    pub region: String,
    /// The host at AWS; an endpoint URL takes its place.
    pub host: String,
    /// `GET`, `POST`.
    pub method: String,
    /// The path, percent-encoded, with a leading slash.
    pub path: String,
    /// The query, percent-encoded, without question mark.
    pub query: String,
    /// Headers besides `host` and the signature's, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// What it counts against.
    pub rate_key: RateKey,
}

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub struct HttpResponse {
    /// The HTTP status.
    pub status: u16,
    /// Names in lower case; values that are no text are left out.
    pub headers: Vec<(String, String)>,
    /// The body, unpacked.
    pub body: Bytes,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No source of credentials is configured.
    #[error(
        "found no AWS credentials: set AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where an instance role is"
    )]
    NoCredentials,
    /// The endpoint URL is no URL.
    #[error("`{url}` is no endpoint URL: write http://HOST:PORT or https://HOST")]
    Endpoint {
        /// The text that was given.
        url: String,
    },
    /// The cloud does not say where its services are.
    #[error("could not learn from {url} where this Azure's services are: {message}; give the URL of its Azure Resource Manager")]
    AzureCloud {
        /// What was asked.
        url: String,
        /// Why.
        message: String,
    },
    /// What was given to log in to Azure is incomplete.
    #[error("can't log in to Azure: {message}")]
    AzureLogin {
        /// What is missing.
        message: String,
    },
    /// The HTTP client could not be made.
    #[error("could not set up HTTPS: {message}; check that the system's CA certificates are installed")]
    Http {
        /// Why.
        message: String,
    },
}

/// Why a request has no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// There are no credentials, or they can't be renewed.
    #[error(
        "could not get AWS credentials: {message}; log in again (`aws sso login`), or check AWS_PROFILE and the role to assume"
    )]
    Credentials {
        /// Why.
        message: String,
    },
    /// There is no access token for Google Cloud.
    #[error(
        "could not get a Google Cloud access token: {message}; check the service account's key file, or that the machine has one"
    )]
    GcpLogin {
        /// Why.
        message: String,
    },
    /// There is no access token for Azure.
    #[error("could not get an Azure access token: {message}")]
    AzureLogin {
        /// Why, and what to do.
        message: String,
    },
    /// The host has no address.
    #[error("{host} could not be found: {message}")]
    UnknownHost {
        /// The host.
        host: String,
        /// Why.
        message: String,
    },
    /// The connection failed or was cut, again and again.
    #[error("no whole answer from {host} in {n_tries} tries: {message}")]
    Connection {
        /// The host.
        host: String,
        /// How often it was tried.
        n_tries: u32,
        /// The last failure.
        message: String,
    },
    /// The answer is too long to be true.
    #[error("the answer from {host} is longer than {limit} bytes")]
    TooLarge {
        /// The host.
        host: String,
        /// The limit.
        limit: usize,
    },
    /// The request itself is no request.
    #[error("{message}")]
    Request {
        /// Why.
        message: String,
    },
}

/// A connection to AWS: credentials, signing, retries, rate limits.
#[derive(Clone)]
pub struct AwsClient {
    login: SharedLogin,
    http: reqwest::Client,
    /// Gives bodies as they were stored, packed ones packed.
    plain_http: reqwest::Client,
    pub(crate) endpoint: Option<Endpoint>,
    home_region: Arc<str>,
    pace: Arc<Pace>,
    /// Where buckets are that are not in the region where they were looked for.
    pub(crate) bucket_regions: Arc<Mutex<BTreeMap<String, String>>>,
    under_way: Arc<Semaphore>,
    retry: RetryPolicy,
    max_body: usize,
}

/// An endpoint URL, taken apart.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    /// `http://127.0.0.1:5000/base`, without a slash at the end.
    pub(crate) base: String,
    pub(crate) authority: String,
    /// An emulator on this machine has no rate limits to respect.
    pub(crate) is_loopback: bool,
}

impl AwsClient {
    /// Finds credentials' source and sets up HTTPS; makes no call yet, except for what the chain needs to find its source.
    ///
    /// # Errors
    /// If nothing can give credentials, the endpoint is no URL, or HTTPS can't be set up.
    pub async fn new(options: AwsOptions) -> Result<Self, ConnectError> {
        let endpoint = options.endpoint_url.as_deref().map(Endpoint::parse).transpose()?;
        let login = Login::new(&options).await?;
        let home_region = options.home_region.as_deref().or(login.region()).unwrap_or("us-east-1").into();
        Self::with_login(Arc::new(login), endpoint, home_region)
    }

    /// The region of the first calls.
    pub fn home_region(&self) -> &str {
        &self.home_region
    }

    /// Signs and sends a request; tries again where that may help: throttling, server errors, broken connections, expired
    /// credentials. What is left after the last try is the answer, also if its status is an error.
    ///
    /// # Errors
    /// If there is no whole answer.
    pub async fn send(&self, request: &AwsHttpRequest) -> Result<HttpResponse, CallError> {
        self.send_through(&self.http, request).await
    }

    /// The same; the body is given as it was sent, packed if it is packed.
    pub(crate) async fn send_plain(&self, request: &AwsHttpRequest) -> Result<HttpResponse, CallError> {
        self.send_through(&self.plain_http, request).await
    }

    async fn send_through(&self, http: &reqwest::Client, request: &AwsHttpRequest) -> Result<HttpResponse, CallError> {
        let begin = Instant::now();
        let mut n_tries = 0;
        let mut was_renewed = false;
        loop {
            if !self.endpoint.as_ref().is_some_and(|endpoint| endpoint.is_loopback) {
                self.pace.wait(&request.rate_key).await;
            }
            let credentials = self.login.credentials().await?;
            n_tries += 1;
            let result = self.try_once(http, request, &credentials, n_tries).await;
            let retry_after = match &result {
                Ok(response) if response.status < 400 => return result,
                Ok(response) => {
                    let code = error_of(response.header("x-amzn-errortype"), &response.body).code;
                    if is_expired(&code) && !was_renewed {
                        was_renewed = true;
                        self.login.forget(&credentials);
                        continue;
                    }
                    if response.status < 500 && !is_throttle(response.status, &code) {
                        return result;
                    }
                    if code.is_empty() && n_tries >= self.retry.max_tries_without_code {
                        return result;
                    }
                    tracing::debug!(host = %request.host, status = response.status, code, n_tries, "asked to come back later");
                    response.retry_after()
                }
                Err(CallError::Connection { message, .. }) => {
                    tracing::debug!(host = %request.host, message, n_tries, "the connection failed");
                    None
                }
                Err(_) => return result,
            };
            match self.retry.wait(n_tries, begin.elapsed(), retry_after, random()) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return result,
            }
        }
    }

    fn with_login(login: SharedLogin, endpoint: Option<Endpoint>, home_region: Arc<str>) -> Result<Self, ConnectError> {
        let failed = |error: reqwest::Error| ConnectError::Http { message: chain(&error) };
        let http = http_client().build().map_err(failed)?;
        let plain_http = http_client().no_gzip().build().map_err(failed)?;
        Ok(Self {
            login,
            http,
            plain_http,
            endpoint,
            home_region,
            pace: Arc::default(),
            bucket_regions: Arc::default(),
            under_way: Arc::new(Semaphore::new(MAX_UNDER_WAY)),
            retry: RetryPolicy::STANDARD,
            max_body: MAX_BODY,
        })
    }

    async fn try_once(
        &self,
        http: &reqwest::Client,
        request: &AwsHttpRequest,
        credentials: &Credentials,
        n_tries: u32,
    ) -> Result<HttpResponse, CallError> {
        let fail = |message: String| CallError::Request { message };
        let (base, authority) = match &self.endpoint {
            Some(endpoint) => (endpoint.base.clone(), endpoint.authority.as_str()),
            None => (format!("https://{}", request.host), request.host.as_str()),
        };
        let mut url = format!("{base}{}", request.path);
        if !request.query.is_empty() {
            url.push('?');
            url.push_str(&request.query);
        }
        let method = reqwest::Method::from_bytes(request.method.as_bytes())
            .map_err(|_| fail(format!("`{}` is no HTTP method", request.method)))?;
        let mut builder = http.request(method, &url).body(request.body.clone());
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        for (name, value) in signature(request, &url, authority, credentials)? {
            builder = builder.header(name, value);
        }
        // Never closed, so it can't fail; if it did, the call would merely not be counted.
        let _permit = self.under_way.acquire().await;
        let response = builder.send().await.map_err(|error| call_error(authority, n_tries, &error))?;
        whole(response, authority, n_tries, self.max_body).await
    }
}

/// How all clients of ours are set up.
pub(crate) fn http_client() -> reqwest::ClientBuilder {
    // Fails if a provider is already installed, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .timeout(TIMEOUT)
        .connect_timeout(Duration::from_secs(10))
        // A signature holds for one host; a redirect is an answer to look at.
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("skywarden/", env!("CARGO_PKG_VERSION")))
}

/// Reads an answer to its end.
pub(crate) async fn whole(
    mut response: reqwest::Response,
    host: &str,
    n_tries: u32,
    limit: usize,
) -> Result<HttpResponse, CallError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| call_error(host, n_tries, &error))? {
        if body.len() + chunk.len() > limit {
            return Err(CallError::TooLarge { host: host.to_owned(), limit });
        }
        body.extend_from_slice(&chunk);
    }
    let headers = response
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect();
    Ok(HttpResponse { status: response.status().as_u16(), headers, body: body.freeze() })
}

impl HttpResponse {
    /// A header's value by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// `Retry-After` in seconds or as a date.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let value = self.header("retry-after")?.trim();
        if let Ok(seconds) = value.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let until = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
        until.duration_since(jiff::Timestamp::now()).try_into().ok()
    }
}

impl fmt::Debug for AwsClient {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AwsClient")
            .field("home_region", &self.home_region)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl Endpoint {
    pub(crate) fn parse(text: &str) -> Result<Self, ConnectError> {
        let fail = || ConnectError::Endpoint { url: text.to_owned() };
        let url = reqwest::Url::parse(text).map_err(|_| fail())?;
        let host = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https")).ok_or_else(fail)?;
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let base = format!("{}://{authority}{}", url.scheme(), url.path().trim_end_matches('/'));
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        Ok(Self { base, is_loopback: host == "localhost" || address.is_ok_and(|address| address.is_loopback()), authority })
    }
}

pub(crate) fn call_error(host: &str, n_tries: u32, error: &reqwest::Error) -> CallError {
    let message = clean_message(&chain(error));
    // There is no type for it; a name that does not resolve will not resolve on the next try either.
    if error.is_connect() && message.contains("dns error") {
        return CallError::UnknownHost { host: host.to_owned(), message };
    }
    CallError::Connection { host: host.to_owned(), n_tries, message }
}

/// An error with its causes; the outermost alone says little.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests;
