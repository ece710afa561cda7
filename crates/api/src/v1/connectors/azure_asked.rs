//! What somebody wants to connect of Azure: checked, since it says where this server logs in and with what.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde::Deserialize;
use skywarden_cloud::{
    Secret,
    azure::{AzureCloud, AzureIdentity, AzureLogin},
};
use skywarden_model::setting;

use crate::{caller::Caller, error::ApiError};

/// What only those may do who may give anybody any role: have this server log in with what it has itself.
const ADMINISTRATE: &str = "Microsoft.Authorization/roleAssignments/write";

/// A secret may be so long.
const MAX_SECRET: usize = 16 << 10;

/// Subscriptions that may be named.
const MAX_SUBSCRIPTIONS: usize = 1000;

/// The body of both routes. It has no `Debug`: it holds a secret.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Asked {
    cloud: Option<String>,
    tenant: String,
    login: Way,
    client_id: Option<String>,
    client_secret: Option<String>,
    #[serde(default)]
    subscriptions: Vec<String>,
    management_group: Option<String>,
}

/// How to log in.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Way {
    ClientSecret,
    ManagedIdentity,
    WorkloadIdentity,
    Az,
}

/// The same, checked.
pub(super) struct Wanted {
    pub(super) tenant: String,
    pub(super) cloud: AzureCloud,
    pub(super) login: AzureLogin,
    pub(super) client_id: Option<String>,
    pub(super) subscriptions: Vec<String>,
    pub(super) management_group: Option<String>,
    /// As it is kept.
    cloud_name: Option<String>,
    /// As it is kept; absent where there is a secret.
    way: Option<&'static str>,
}

impl Asked {
    /// Takes what a caller may ask for; `clouds` are those that the settings name beside the three public ones.
    pub(super) fn checked(self, clouds: &[String], caller: &Caller) -> Result<Wanted, ApiError> {
        let tenant = plain("tenant", &self.tenant, "the tenant's id or domain name", is_name)?;
        let client_id = filled(self.client_id).map(|id| plain("clientId", &id, "the application's id", is_guid)).transpose()?;
        let subscriptions = self.subscriptions.iter().map(|id| plain("subscriptions", id, "ids of subscriptions", is_guid));
        let subscriptions = subscriptions.collect::<Result<Vec<_>, _>>()?;
        if subscriptions.len() > MAX_SUBSCRIPTIONS {
            let message = format!("at most {MAX_SUBSCRIPTIONS} subscriptions can be named; name a management group instead");
            return Err(mistake("subscriptions", message));
        }
        let group = filled(self.management_group);
        let group = group.map(|name| plain("managementGroup", &name, "the id of a management group", is_group)).transpose()?;
        let cloud_name = filled(self.cloud).filter(|name| name != "public");
        let cloud = cloud(cloud_name.as_deref(), clouds)?;
        let secret = filled(self.client_secret);
        if self.login != Way::ClientSecret {
            if secret.is_some() {
                return Err(mistake(
                    "clientSecret",
                    "a secret belongs to the login `client-secret` only; leave it out".to_owned(),
                ));
            }
            may_use_servers_login(caller)?;
        }
        let (login, way) = match self.login {
            Way::ClientSecret => (application(client_id.clone(), secret)?, None),
            Way::ManagedIdentity => {
                let identity = client_id.clone().map_or(AzureIdentity::System, AzureIdentity::ClientId);
                (AzureLogin::ManagedIdentity(identity), Some("managed-identity"))
            }
            Way::WorkloadIdentity => {
                let client_id = client_id.clone();
                (AzureLogin::WorkloadIdentity { client_id, token_file: None }, Some("workload-identity"))
            }
            Way::Az => (AzureLogin::AzureCli, Some("az")),
        };
        Ok(Wanted { tenant, cloud, login, client_id, subscriptions, management_group: group, cloud_name, way })
    }
}

impl Wanted {
    pub(super) fn secret(&self) -> Option<&Secret> {
        match &self.login {
            AzureLogin::ClientSecret { secret, .. } => Some(secret),
            _ => None,
        }
    }

    /// The tenant, where its id is known.
    pub(super) fn tenant_id(&self) -> Option<&str> {
        is_guid(&self.tenant).then_some(self.tenant.as_str())
    }

    /// What is kept of it: where it leads, never a secret.
    pub(super) fn settings(&self, tenant: &str) -> BTreeMap<String, String> {
        let named = [
            (setting::ACCOUNT, Some(tenant.to_owned())),
            (setting::CLIENT_ID, self.client_id.clone()),
            (setting::LOGIN, self.way.map(str::to_owned)),
            (setting::CLOUD, self.cloud_name.clone()),
            (setting::SUBSCRIPTIONS, (!self.subscriptions.is_empty()).then(|| self.subscriptions.join(","))),
            (setting::MANAGEMENT_GROUP, self.management_group.clone()),
        ];
        named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

fn application(client_id: Option<String>, secret: Option<String>) -> Result<AzureLogin, ApiError> {
    let client_id = client_id.ok_or_else(|| mistake("clientId", "give the id of the application to log in as".to_owned()))?;
    let secret = secret.ok_or_else(|| mistake("clientSecret", "give the secret of the application".to_owned()))?;
    if secret.len() > MAX_SECRET {
        return Err(mistake("clientSecret", format!("a secret has at most {MAX_SECRET} bytes; is this one?")));
    }
    Ok(AzureLogin::ClientSecret { client_id, secret: Secret::new(secret) })
}

fn may_use_servers_login(caller: &Caller) -> Result<(), ApiError> {
    if caller.grants.allow_everywhere(ADMINISTRATE) {
        return Ok(());
    }
    let message = "only administrators of the installation (Owner over all of it) may have this server log in with an identity of its own; \
                   log in with an application and its secret, or ask one of them";
    Err(ApiError::new(StatusCode::FORBIDDEN, "AuthorizationFailed", message))
}

/// A cloud to which a secret may be sent.
fn cloud(name: Option<&str>, clouds: &[String]) -> Result<AzureCloud, ApiError> {
    let Some(name) = name else { return Ok(AzureCloud::default()) };
    let cloud = AzureCloud::by_name(name).ok_or_else(|| {
        mistake("cloud", "the cloud is `public`, `government`, `china`, or the URL of an Azure Resource Manager".to_owned())
    })?;
    let is_named = |url: &str| clouds.iter().any(|own| own.trim_end_matches('/') == url.trim_end_matches('/'));
    match &cloud {
        AzureCloud::Other(url) if !cloud.is_on_this_machine() && !is_named(url) => {
            let message = "this Azure Resource Manager is not one that secrets may be sent to; whoever runs this server names it under \
                           `azureClouds` in settings.toml";
            Err(ApiError::new(StatusCode::FORBIDDEN, "CloudNotNamed", message).with_target("cloud".to_owned()))
        }
        _ => Ok(cloud),
    }
}

fn filled(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// A part of an address, which must not lead elsewhere.
fn plain(target: &str, text: &str, what: &str, fits: fn(&str) -> bool) -> Result<String, ApiError> {
    let text = text.trim();
    if fits(text) { Ok(text.to_lowercase()) } else { Err(mistake(target, format!("`{target}` has to be {what}"))) }
}

fn is_guid(text: &str) -> bool {
    let is_right = |(place, byte): (usize, u8)| match place {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(is_right)
}

fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    is_guid(text)
        || (text.len() <= 253
            && text.contains('.')
            && !text.contains("..")
            && text.bytes().all(is_plain)
            && !text.starts_with('.'))
}

fn is_group(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_().".contains(&byte);
    !text.is_empty() && text.len() <= 90 && text.bytes().all(is_plain) && !text.bytes().all(|byte| byte == b'.')
}

fn mistake(target: &str, message: String) -> ApiError {
    ApiError::bad_request(message).with_target(target.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_to_the_public_clouds_to_this_machine_and_to_what_the_settings_name() {
        for name in [None, Some("government"), Some("china"), Some("http://127.0.0.1:9"), Some("https://stack.example/")] {
            assert!(cloud(name, &["https://stack.example".to_owned()]).is_ok(), "{name:?}");
        }
        for name in ["https://evil.example", "https://stack.example.evil.example", "http://127.0.0.1.evil.example", "moon"] {
            assert!(cloud(Some(name), &["https://stack.example".to_owned()]).is_err(), "{name}");
        }
    }

    #[test]
    fn what_becomes_part_of_an_address_is_plain() {
        assert!(is_name("contoso.onmicrosoft.com") && is_name("22222222-2222-2222-2222-222222222222"));
        for text in ["", "common", "a/../b.c", "a.b?x=1", "..", ".a", "a.b#c"] {
            assert!(!is_name(text), "{text}");
        }
        assert!(is_group("Tenant Root".replace(' ', "-").as_str()) && !is_group("..") && !is_group("a/b"));
        assert!(!is_guid("2222222222222222-2222-2222-222222222") && !is_guid("x"));
    }
}
