//! The identity of the machine that this runs on.
//!
//! `azure_identity` 1.0 does not know servers with Azure Arc, hides why the metadata service refuses, and can't be told where it is.

use std::{
    path::{Component, Path, PathBuf},
    time::{Duration, Instant},
};

use reqwest::Url;
use serde::Deserialize;

use super::{Token, certificate::contents, transport::answer, variables::Variables};
use crate::{
    ConnectError, HttpResponse,
    azure::{
        AzureError, AzureIdentity,
        cloud::{address_of, is_loopback, is_private},
    },
    client::{call_error, chain, http_client, whole},
    retry::RetryPolicy,
};

/// Where a virtual machine finds its metadata service.
const IMDS: &str = "http://169.254.169.254";

/// Where the agent of Azure Arc keeps the files with which a program shows that it may read them.
const ARC_KEYS: &str = "/var/opt/azcmagent/tokens";

/// A key of the agent of Azure Arc is at most so long.
const MAX_ARC_KEY: usize = 4096;

/// The first token of a machine takes some seconds.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where there is such a service it is near; elsewhere nobody may answer at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How a machine gives tokens.
pub(super) struct Machine {
    variables: Variables,
    /// Never through a proxy: these addresses mean this machine.
    http: reqwest::Client,
    arc_keys: PathBuf,
}

/// How long to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// The machine is known to have an identity; its service may be starting.
    Known,
    /// There may be none.
    Probe,
}

/// Times come as numbers and as texts with numbers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(i64),
    Text(String),
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_in: Option<Number>,
    expires_on: Option<Number>,
}

impl Machine {
    /// # Errors
    /// If HTTPS can't be set up.
    pub(super) fn new(variables: Variables) -> Result<Self, ConnectError> {
        let http = http_client().no_proxy().connect_timeout(CONNECT_TIMEOUT).build();
        let http = http.map_err(|error| ConnectError::Http { message: chain(&error) })?;
        Ok(Self { variables, http, arc_keys: ARC_KEYS.into() })
    }

    #[cfg(test)]
    pub(super) fn with_arc_keys(self, arc_keys: PathBuf) -> Self {
        Self { arc_keys, ..self }
    }

    pub(super) async fn token(&self, identity: &AzureIdentity, audience: &str, patience: Patience) -> Result<Token, String> {
        let asked = Instant::now();
        let variable = |name: &str| self.variables.get(name);
        let response =
            match (variable("IDENTITY_ENDPOINT"), variable("IDENTITY_HEADER")) {
                (Some(_), Some(_)) if variable("IDENTITY_SERVER_THUMBPRINT").is_some() => {
                    return Err("managed identities of Service Fabric are not supported; use a certificate or workload identity"
                        .to_owned());
                }
                (Some(endpoint), Some(header)) => self.of_app_service(endpoint, header, identity, audience).await?,
                (Some(endpoint), None) => self.of_arc(endpoint, identity, audience).await?,
                (None, _) if variable("MSI_ENDPOINT").is_some() => {
                    return Err("managed identities by `MSI_ENDPOINT` (Cloud Shell, Azure ML) are not supported; use `az login`"
                        .to_owned());
                }
                (None, _) => self.of_virtual_machine(identity, audience, patience).await?,
            };
        token_of(&response, asked)
    }

    async fn of_virtual_machine(
        &self,
        identity: &AzureIdentity,
        audience: &str,
        patience: Patience,
    ) -> Result<HttpResponse, String> {
        let host = self.variables.get("AZURE_POD_IDENTITY_AUTHORITY_HOST").unwrap_or(IMDS);
        let base = near(host, "AZURE_POD_IDENTITY_AUTHORITY_HOST")?;
        let mut query = vec![("api-version", "2018-02-01"), ("resource", audience)];
        match identity {
            AzureIdentity::System => {}
            AzureIdentity::ClientId(id) => query.push(("client_id", id)),
            AzureIdentity::ObjectId(id) => query.push(("object_id", id)),
            AzureIdentity::ResourceId(id) => query.push(("msi_res_id", id)),
        }
        let url = with_query(base.join("/metadata/identity/oauth2/token").map_err(|error| error.to_string())?, &query);
        let retry = match patience {
            Patience::Known => RetryPolicy::LOGIN,
            Patience::Probe => RetryPolicy { max_tries: 1, ..RetryPolicy::LOGIN },
        };
        answer(&retry, || self.http.get(url.clone()).header("metadata", "true").timeout(TIMEOUT)).await
    }

    async fn of_app_service(
        &self,
        endpoint: &str,
        header: &str,
        identity: &AzureIdentity,
        audience: &str,
    ) -> Result<HttpResponse, String> {
        let mut query = vec![("api-version", "2019-08-01"), ("resource", audience)];
        match identity {
            AzureIdentity::System => {}
            AzureIdentity::ClientId(id) => query.push(("client_id", id)),
            AzureIdentity::ObjectId(id) => query.push(("principal_id", id)),
            AzureIdentity::ResourceId(id) => query.push(("mi_res_id", id)),
        }
        let url = with_query(near(endpoint, "IDENTITY_ENDPOINT")?, &query);
        let asked =
            answer(&RetryPolicy::LOGIN, || self.http.get(url.clone()).header("x-identity-header", header).timeout(TIMEOUT));
        asked.await.map_err(|reason| reason.replace(header, "[removed]"))
    }

    /// The agent names a file that only those may read who may have a token; its content is shown to it.
    async fn of_arc(&self, endpoint: &str, identity: &AzureIdentity, audience: &str) -> Result<HttpResponse, String> {
        if *identity != AzureIdentity::System {
            return Err("a server with Azure Arc has one identity only, its own".to_owned());
        }
        let base = Url::parse(endpoint).ok().filter(is_loopback);
        let base = base.ok_or_else(|| {
            format!("`IDENTITY_ENDPOINT`, `{endpoint}`, is not on this machine, where the agent of Azure Arc is")
        })?;
        let url = with_query(base, &[("api-version", "2019-11-01"), ("resource", audience)]);
        let request = || self.http.get(url.clone()).header("metadata", "true").timeout(TIMEOUT);
        let host = url.host_str().unwrap_or_default();
        let fail = |error: reqwest::Error| call_error(host, 1, &error.without_url()).to_string();
        let challenged = request().send().await.map_err(fail)?;
        let challenged = whole(challenged, host, 1, super::transport::MAX_ANSWER).await.map_err(|error| error.to_string())?;
        if challenged.status != 401 {
            return Err(format!("the agent of Azure Arc: {}", AzureError::of(&challenged)));
        }
        let challenge = challenged.header("www-authenticate").unwrap_or_default();
        let file = challenge.split_once("realm=").map(|(_, file)| Path::new(file.trim().trim_matches('"')));
        let file = file.filter(|file| self.is_arc_key(file));
        let file = file.ok_or_else(|| format!("the agent of Azure Arc names no key below {}", self.arc_keys.display()))?;
        let key = contents(file).map_err(|reason| format!("{reason}; the user must be in the group `himds`"))?;
        let key = String::from_utf8(key).ok().filter(|key| (1..=MAX_ARC_KEY).contains(&key.trim().len()));
        let key = key.ok_or_else(|| format!("{} is no key of the agent of Azure Arc", file.display()))?;
        let authorization = format!("Basic {}", key.trim());
        let asked = answer(&RetryPolicy::LOGIN, || request().header("authorization", &authorization)).await;
        asked.map_err(|reason| reason.replace(key.trim(), "[removed]"))
    }

    /// Else the agent, or what listens in its place, could have any file sent to it.
    fn is_arc_key(&self, file: &Path) -> bool {
        let is_plain = file.components().all(|component| matches!(component, Component::RootDir | Component::Normal(_)));
        is_plain && file.parent() == Some(self.arc_keys.as_path()) && file.extension().is_some_and(|extension| extension == "key")
    }
}

fn token_of(response: &HttpResponse, asked: Instant) -> Result<Token, String> {
    let answer: Answer = serde_json::from_slice(&response.body)
        .map_err(|_| "the machine's metadata service answered without a token".to_owned())?;
    let now = jiff::Timestamp::now().as_second();
    let until = answer.expires_on.and_then(Number::value).map(|until| until - now);
    let seconds = answer.expires_in.and_then(Number::value).or(until);
    let seconds = seconds.ok_or_else(|| "the machine's metadata service does not say how long its token lives".to_owned())?;
    Ok(Token::lasting(answer.access_token, asked, seconds))
}

impl Number {
    fn value(self) -> Option<i64> {
        match self {
            Number::Number(number) => Some(number),
            Number::Text(text) => text.trim().parse().ok(),
        }
    }
}

/// A URL that stays on this machine or on the link between it and its host, or is encrypted.
fn near(text: &str, variable: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_| format!("`{variable}`, `{text}`, is no URL"))?;
    let is_link_local = match address_of(&url) {
        Some(std::net::IpAddr::V4(address)) => address.is_link_local(),
        Some(std::net::IpAddr::V6(_)) | None => false,
    };
    if url.scheme() == "http" && is_link_local || is_private(&url) {
        return Ok(url);
    }
    Err(format!("`{variable}`, `{text}`, leads away from this machine without encryption"))
}

fn with_query(mut url: Url, pairs: &[(&str, &str)]) -> Url {
    url.query_pairs_mut().extend_pairs(pairs);
    url
}
