//! How `azure_identity` reaches Entra ID: through our own HTTP client, retries and limits.

use std::{fmt, sync::Arc, time::Instant};

use async_trait::async_trait;
use azure_core::{
    cloud::{CloudConfiguration, CustomConfiguration},
    error::{Error, ErrorKind},
    http::{AsyncRawResponse, Body, ClientOptions, HttpClient, Request, RetryOptions, Transport, headers::Headers},
};
use serde::Deserialize;

use crate::{
    CallError, HttpResponse, Secret,
    azure::{
        AzureError,
        quota::{may_pass, retry_after},
    },
    client::{call_error, whole},
    retry::{RetryPolicy, random},
};

/// An answer may be so long.
pub(super) const MAX_ANSWER: usize = 64 << 10;

/// Sends what `azure_identity` asks.
struct Sender {
    http: reqwest::Client,
    /// `azure_identity` takes https alone; an emulator on this machine is asked without.
    is_plain: bool,
    /// `azure_core` logs errors, so what Entra ID repeats of it is taken out before.
    secret: Secret,
    retry: RetryPolicy,
}

/// What there must be in an answer. `azure_identity` would take its absence for an empty token.
#[derive(Deserialize)]
struct Answer {
    #[expect(dead_code, reason = "only looked at for being there")]
    access_token: String,
    #[expect(dead_code, reason = "only looked at for being there")]
    expires_in: u32,
}

/// What the credentials of `azure_identity` are set up with.
pub(super) fn options(authority: &str, http: &reqwest::Client, secret: &str) -> ClientOptions {
    let mut configuration = CustomConfiguration::default();
    let plain = authority.strip_prefix("http://");
    configuration.authority_host = plain.map_or_else(|| authority.to_owned(), |rest| format!("https://{rest}"));
    let sender = Sender { http: http.clone(), is_plain: plain.is_some(), secret: Secret::new(secret), retry: RetryPolicy::LOGIN };
    ClientOptions {
        cloud: Some(Arc::new(CloudConfiguration::Custom(configuration))),
        retry: RetryOptions::none(),
        transport: Some(Transport::new(Arc::new(sender))),
        ..ClientOptions::default()
    }
}

#[async_trait]
impl HttpClient for Sender {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let fail = |message: String| Error::with_message(ErrorKind::Credential, message.replace(self.secret.text(), "[removed]"));
        let mut url = request.url().clone();
        if self.is_plain {
            url.set_scheme("http").map_err(|()| fail(format!("`{url}` can't be asked without encryption")))?;
        }
        let Body::Bytes(body) = request.body() else { return Err(fail("a request without an end".to_owned())) };
        let response = answer(&self.retry, || {
            let mut builder = self.http.post(url.clone()).body(body.clone());
            for (name, value) in request.headers().iter() {
                builder = builder.header(name.as_str(), value.as_str());
            }
            builder
        });
        let response = response.await.map_err(fail)?;
        if serde_json::from_slice::<Answer>(&response.body).is_err() {
            return Err(fail(format!("{} answered without a token", host_of(&url))));
        }
        Ok(AsyncRawResponse::from_bytes(response.status.into(), Headers::new(), response.body))
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Sender")
    }
}

/// Asks until there is an answer that further tries would not change; one whose status is an error is told in words.
pub(in crate::azure) async fn answer(
    retry: &RetryPolicy,
    request: impl Fn() -> reqwest::RequestBuilder + Send + Sync,
) -> Result<HttpResponse, String> {
    let begin = Instant::now();
    let mut n_tries = 0;
    loop {
        n_tries += 1;
        let result = once(request(), n_tries).await;
        let wait_for = match &result {
            Ok((_, response)) if response.status == 200 => {
                return result.map(|(_, response)| response).map_err(|error| error.to_string());
            }
            // 410: the metadata service of a machine is being renewed.
            Ok((_, response)) if may_pass(response.status) || response.status == 410 => Some(retry_after(response)),
            Err(CallError::Connection { .. }) => Some(None),
            Ok(_) | Err(_) => None,
        };
        let wait = wait_for.and_then(|wait_for| retry.wait(n_tries, begin.elapsed(), wait_for, random()));
        match (wait, result) {
            (Some(wait), _) => tokio::time::sleep(wait).await,
            (None, Ok((host, response))) => return Err(format!("{host}: {}", AzureError::of(&response))),
            (None, Err(error)) => return Err(error.to_string()),
        }
    }
}

async fn once(request: reqwest::RequestBuilder, n_tries: u32) -> Result<(String, HttpResponse), CallError> {
    let (client, request) = request.build_split();
    // Only the host: the rest of an address may hold more than should be shown.
    let request = request.map_err(|_| CallError::Request { message: "the request has no valid address".to_owned() })?;
    let host = host_of(request.url());
    let response = client.execute(request).await.map_err(|error| call_error(&host, n_tries, &error.without_url()))?;
    let response = whole(response, &host, n_tries, MAX_ANSWER).await?;
    Ok((host, response))
}

fn host_of(url: &reqwest::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}
