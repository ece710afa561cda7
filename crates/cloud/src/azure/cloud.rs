//! Which Azure: where its services are and for whom tokens are asked.

use std::net::IpAddr;

use reqwest::Url;
use serde::Deserialize;

use crate::{ConnectError, azure::login::answer, clean_message, retry::RetryPolicy};

/// One of the Azure clouds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AzureCloud {
    /// Azure as most have it.
    #[default]
    Public,
    /// Azure Government (US).
    Government,
    /// Azure operated by 21Vianet (China).
    China,
    /// Any other, by the URL of its Azure Resource Manager, which is asked for the rest: Azure Stack, a sovereign cloud, an emulator.
    Other(String),
}

impl AzureCloud {
    /// A cloud by its name (`AzureCloud`, `public`, `AzureUSGovernment`, `government`, `AzureChinaCloud`, `china`, in any case) or by the
    /// URL of its Azure Resource Manager; absent if it is neither.
    pub fn by_name(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "public" | "azurecloud" | "azurepubliccloud" => Some(Self::Public),
            "government" | "azureusgovernment" | "azureusgovernmentcloud" => Some(Self::Government),
            "china" | "azurechinacloud" => Some(Self::China),
            url if url.starts_with("https://") || url.starts_with("http://") => Some(Self::Other(name.to_owned())),
            _ => None,
        }
    }

    /// Whether it is an Azure Resource Manager on this machine.
    pub fn is_on_this_machine(&self) -> bool {
        matches!(self, Self::Other(url) if Url::parse(url).is_ok_and(|url| is_loopback(&url)))
    }
}

/// One service of a cloud.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    /// Where it is, without a slash at the end.
    pub(crate) base: String,
    /// For whom its tokens are; as the cloud spells it, slash at the end included.
    pub(crate) audience: String,
}

/// Where a cloud's services are.
#[derive(Debug, Clone)]
pub(crate) struct Endpoints {
    /// Entra ID, without a slash at the end.
    pub(crate) authority: String,
    pub(crate) arm: Service,
    /// Absent in clouds without Microsoft Graph.
    pub(crate) graph: Option<Service>,
    /// An emulator on this machine has no rate limits to respect.
    pub(crate) is_loopback: bool,
}

/// What `GET /metadata/endpoints` says of a cloud.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    authentication: Authentication,
    resource_manager: Option<String>,
    microsoft_graph_resource_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authentication {
    login_endpoint: String,
    audiences: Vec<String>,
}

impl Endpoints {
    /// Those of a cloud; only one that is not known by name is asked.
    ///
    /// # Errors
    /// If the cloud does not say where its services are, or says it of places where a token may not be sent.
    pub(crate) async fn of(cloud: &AzureCloud, http: &reqwest::Client) -> Result<Self, ConnectError> {
        let known = |authority: &str, arm: &str, graph: &str| Self {
            authority: authority.to_owned(),
            arm: Service { base: arm.to_owned(), audience: arm.to_owned() },
            graph: Some(Service { base: graph.to_owned(), audience: graph.to_owned() }),
            is_loopback: false,
        };
        match cloud {
            AzureCloud::Public => {
                Ok(known("https://login.microsoftonline.com", "https://management.azure.com", "https://graph.microsoft.com"))
            }
            AzureCloud::Government => Ok(known(
                "https://login.microsoftonline.us",
                "https://management.usgovcloudapi.net",
                "https://graph.microsoft.us",
            )),
            AzureCloud::China => Ok(known(
                "https://login.chinacloudapi.cn",
                "https://management.chinacloudapi.cn",
                "https://microsoftgraph.chinacloudapi.cn",
            )),
            AzureCloud::Other(url) => Self::asked(url, http).await,
        }
    }

    async fn asked(url: &str, http: &reqwest::Client) -> Result<Self, ConnectError> {
        let arm = base_of(url).ok_or_else(|| ConnectError::Endpoint { url: url.to_owned() })?;
        let asked = format!("{arm}/metadata/endpoints?api-version=2022-09-01");
        let fail = |message: String| ConnectError::AzureCloud { url: asked.clone(), message };
        let response = answer(&RetryPolicy::LOGIN, || http.get(&asked)).await.map_err(fail)?;
        let metadata = own_metadata(&response.body, &arm).map_err(fail)?;
        Self::parse(metadata, arm).map_err(fail)
    }

    fn parse(metadata: Metadata, arm: String) -> Result<Self, String> {
        let place = |name: &str, url: &str| {
            let base = base_of(url).ok_or_else(|| format!("its `{name}`, `{}`, is no https URL", clean_message(url)))?;
            // Else a server in the network could have secrets sent to whatever listens on this machine, in the clear.
            if base.starts_with("http://") && !arm.starts_with("http://") {
                return Err(format!("its `{name}`, `{base}`, is not encrypted"));
            }
            Ok(base)
        };
        let authority = place("authentication.loginEndpoint", &metadata.authentication.login_endpoint)?;
        let audiences = &metadata.authentication.audiences;
        let own = |audience: &&String| audience.trim_end_matches('/').eq_ignore_ascii_case(&arm);
        let audience = audiences.iter().find(own).or(audiences.first());
        let audience = audience.filter(|audience| Url::parse(audience).is_ok());
        let audience = audience.ok_or("its `authentication.audiences` names none")?.clone();
        let graph = match metadata.microsoft_graph_resource_id.filter(|url| !url.is_empty()) {
            Some(url) => Some(Service { base: place("microsoftGraphResourceId", &url)?, audience: url }),
            None => None,
        };
        let is_loopback = Url::parse(&arm).is_ok_and(|url| is_loopback(&url));
        Ok(Self { authority, arm: Service { base: arm, audience }, graph, is_loopback })
    }
}

/// The answer is one cloud, or a list of clouds of which the one that we asked is ours.
fn own_metadata(body: &[u8], arm: &str) -> Result<Metadata, String> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Answer {
        One(Metadata),
        Many(Vec<Metadata>),
    }
    let answer: Answer = serde_json::from_slice(body).map_err(|_| {
        "the answer is no JSON with `authentication.loginEndpoint` and `authentication.audiences`; is it an Azure Resource Manager?"
            .to_owned()
    })?;
    match answer {
        Answer::One(metadata) => Ok(metadata),
        Answer::Many(many) => {
            let is_own = |metadata: &Metadata| metadata.resource_manager.as_deref().and_then(base_of).as_deref() == Some(arm);
            many.into_iter()
                .find(is_own)
                .ok_or_else(|| format!("none of the clouds in the answer has `{arm}` as `resourceManager`"))
        }
    }
}

/// A URL without slashes at its end, if it is one that secrets may be sent to: https, or http on this machine.
fn base_of(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let has_more = url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some();
    if has_more || !is_private(&url) {
        return None;
    }
    Some(url.as_str().trim_end_matches('/').to_owned())
}

/// Whether what is sent there can't be read on the way.
pub(crate) fn is_private(url: &Url) -> bool {
    url.host_str().is_some() && (url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url)))
}

/// Whether it is on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    address_of(url).is_some_and(|address| address.is_loopback()) || url.host_str() == Some("localhost")
}

/// The address, where the URL has one in place of a name.
pub(crate) fn address_of(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_matches(['[', ']']).parse().ok()
}

#[cfg(test)]
#[path = "cloud_tests.rs"]
mod tests;
