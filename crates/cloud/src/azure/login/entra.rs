//! Tokens of Entra ID for applications and for people: what `azure_identity` does, with its words made ours.

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;
use azure_core::{
    credentials::{Secret as CoreSecret, TokenCredential},
    http::ClientMethodOptions,
};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertion, ClientAssertionCredential, ClientAssertionCredentialOptions,
    ClientSecretCredential, ClientSecretCredentialOptions, Executor,
};

use super::{Token, transport::options};
use crate::{Secret, clean_message};

/// Entra ID as one application or person knows it.
pub(super) struct Entra<'s> {
    /// Without a slash at the end.
    pub(super) authority: &'s str,
    pub(super) tenant: &'s str,
    pub(super) http: &'s reqwest::Client,
}

/// A signed text that is shown to Entra ID and to nobody else.
struct Assertion(String);

// A credential is made for each token: those of `azure_identity` keep tokens and can't be made to forget one that was refused.
impl Entra<'_> {
    pub(super) async fn by_secret(&self, client_id: &str, secret: &Secret, audience: &str) -> Result<Token, String> {
        let settings = ClientSecretCredentialOptions { client_options: options(self.authority, self.http, secret.text()) };
        let core_secret = CoreSecret::new(secret.text().to_owned());
        let made = ClientSecretCredential::new(self.tenant, client_id.to_owned(), core_secret, Some(settings));
        let credential = made.map_err(|error| told(&error, secret.text()))?;
        token(&*credential, audience, secret.text()).await
    }

    /// By what the application, or another issuer for it, has signed.
    pub(super) async fn by_assertion(&self, client_id: &str, assertion: String, audience: &str) -> Result<Token, String> {
        let settings = ClientAssertionCredentialOptions { client_options: options(self.authority, self.http, &assertion) };
        let shown = Assertion(assertion.clone());
        let made = ClientAssertionCredential::new(self.tenant.to_owned(), client_id.to_owned(), shown, Some(settings));
        let credential = made.map_err(|error| told(&error, &assertion))?;
        token(&*credential, audience, &assertion).await
    }

    /// Where assertions are shown.
    pub(super) fn token_endpoint(&self) -> String {
        format!("{}/{}/oauth2/v2.0/token", self.authority, self.tenant)
    }
}

/// Asks the command line of Azure.
pub(super) async fn by_cli(tenant: Option<&str>, executor: Arc<dyn Executor>, audience: &str) -> Result<Token, String> {
    let tenant_id = tenant.map(str::to_owned);
    let settings = AzureCliCredentialOptions { tenant_id, executor: Some(executor), ..AzureCliCredentialOptions::default() };
    let credential = AzureCliCredential::new(Some(settings)).map_err(|error| told(&error, ""))?;
    token(&*credential, audience, "").await
}

async fn token(credential: &dyn TokenCredential, audience: &str, secret: &str) -> Result<Token, String> {
    let asked = Instant::now();
    let scope = format!("{audience}/.default");
    let given = credential.get_token(&[&scope], None).await.map_err(|error| told(&error, secret))?;
    let seconds = given.expires_on.unix_timestamp() - jiff::Timestamp::now().as_second();
    Ok(Token::lasting(given.token.secret().to_owned(), asked, seconds))
}

/// The reason alone: the credential's name and the address of its manual say nothing to people.
fn told(error: &azure_core::Error, secret: &str) -> String {
    let text = error.to_string();
    let text = text.split_once("\nTo troubleshoot").map_or(text.as_str(), |(text, _)| text);
    let text = text.split_once("authentication failed.").map_or(text, |(_, text)| text);
    if secret.is_empty() { clean_message(text) } else { clean_message(&text.replace(secret, "[removed]")) }
}

#[async_trait]
impl ClientAssertion for Assertion {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        Ok(self.0.clone())
    }
}

impl std::fmt::Debug for Assertion {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Assertion")
    }
}
