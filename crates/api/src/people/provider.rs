//! Identity providers: OpenID Connect, the code flow with PKCE.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use openidconnect::{
    AdditionalClaims, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, IdTokenFields, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
    StandardErrorResponse, StandardTokenResponse, TokenResponse as _,
    core::{
        CoreAuthDisplay, CoreAuthPrompt, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
        CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreResponseType, CoreRevocableToken,
        CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::outbound::{Outbound, Reach};

/// How an identity provider is reached.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProviderSettings {
    /// What addresses call it: small letters, digits and hyphens.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Its issuer: `https://login.example.com/realms/corp`. What it says of itself is read from there.
    pub issuer: String,
    /// What it calls this installation.
    pub client_id: String,
    /// The file that holds the secret of that; absent for a public client.
    pub client_secret_file: Option<std::path::PathBuf>,
    /// What is asked for beside `openid`.
    #[serde(default = "usual_scopes")]
    pub scopes: Vec<String>,
    /// The claim that names a person's groups.
    #[serde(default = "usual_groups_claim")]
    pub groups_claim: String,
    /// Whether it may be on this machine or in a private network.
    #[serde(default)]
    pub allow_private_addresses: bool,
    /// A file of certificate authorities in PEM that vouch for it, beside those of the machine.
    pub authorities_file: Option<std::path::PathBuf>,
}

/// An identity provider.
pub struct IdentityProvider {
    settings: ProviderSettings,
    secret: Option<String>,
    outbound: Outbound,
    /// What it says of itself, as it was last read.
    metadata: Mutex<Option<(Instant, Arc<CoreProviderMetadata>)>>,
}

/// Why nobody can sign in there.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The settings are wrong.
    #[error("identity provider `{id}`: {why}")]
    Settings {
        /// The provider.
        id: String,
        /// What is wrong.
        why: String,
    },
    /// A file could not be read.
    #[error("identity provider `{id}`: could not read {file}: {source}")]
    File {
        /// The provider.
        id: String,
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// It could not be asked, or its answer is no good.
    #[error("{name} could not be asked: {why}")]
    Asking {
        /// What people call it.
        name: String,
        /// Why.
        why: String,
    },
    /// What it says of the person does not hold.
    #[error("what {name} says of you can't be relied on: {why}")]
    Claims {
        /// What people call it.
        name: String,
        /// Why.
        why: String,
    },
}

/// What is kept between the two halves of a sign-in.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) provider: String,
    pub(super) nonce: String,
    pub(super) verifier: String,
    /// The digest of the cookie of the browser that began.
    pub(super) browser: String,
}

/// A sign-in that begins.
pub(super) struct Beginning {
    /// Where the browser goes.
    pub(super) address: String,
    /// What comes back with it.
    pub(super) state: String,
    pub(super) nonce: String,
    pub(super) verifier: String,
}

/// Who came back.
#[derive(Debug)]
pub(super) struct Person {
    /// The issuer, and its id for the person: the two together never change.
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) name: String,
    pub(super) display_name: String,
    pub(super) groups: Vec<String>,
}

/// Claims that the standard has no word for.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct OtherClaims(BTreeMap<String, Value>);

impl AdditionalClaims for OtherClaims {}

type Fields = IdTokenFields<
    OtherClaims,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

type ProviderClient = Client<
    OtherClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// What a provider says of itself is read again after so many seconds: its keys change.
const METADATA_SECONDS: u64 = 600;

impl IdentityProvider {
    /// Reads the files that the settings name; asks nothing yet.
    ///
    /// # Errors
    /// If a setting is no good or a file can't be read.
    pub fn new(settings: ProviderSettings) -> Result<Self, ProviderError> {
        let wrong = |why: String| ProviderError::Settings { id: settings.id.clone(), why };
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if settings.id.is_empty() || settings.id.len() > 40 || !settings.id.bytes().all(is_plain) {
            return Err(wrong("`id` has 1 to 40 small letters, digits and hyphens".to_owned()));
        }
        let issuer = reqwest::Url::parse(&settings.issuer).map_err(|error| wrong(format!("`issuer`: {error}")))?;
        let is_plain_text = issuer.scheme() == "http" && settings.allow_private_addresses;
        if issuer.scheme() != "https" && !is_plain_text {
            return Err(wrong("`issuer` begins with https:// (http:// with allowPrivateAddresses only)".to_owned()));
        }
        let secret = settings.client_secret_file.as_ref().map(|file| read(&settings.id, file)).transpose()?;
        let authorities = settings.authorities_file.as_ref().map(|file| read(&settings.id, file)).transpose()?;
        let reach = if settings.allow_private_addresses { Reach::Everywhere } else { Reach::Public };
        let outbound = Outbound::new(reach, authorities.as_deref().map(str::as_bytes))
            .map_err(|error| wrong(format!("`authoritiesFile`: {error}")))?;
        let secret = secret.map(|secret| secret.trim().to_owned());
        Ok(Self { settings, secret, outbound, metadata: Mutex::new(None) })
    }

    /// What addresses call it.
    pub fn id(&self) -> &str {
        &self.settings.id
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    pub(super) fn settings(&self) -> &ProviderSettings {
        &self.settings
    }

    /// Begins a sign-in that comes back to an address of this server.
    pub(super) async fn begin(&self, back: &str) -> Result<Beginning, ProviderError> {
        let client = self.client(back).await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = openidconnect::AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let mut request = client.authorize_url(flow, CsrfToken::new_random, Nonce::new_random).set_pkce_challenge(challenge);
        for scope in &self.settings.scopes {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        let (address, state, nonce) = request.url();
        Ok(Beginning {
            address: address.to_string(),
            state: state.secret().clone(),
            nonce: nonce.secret().clone(),
            verifier: verifier.secret().clone(),
        })
    }

    /// Ends a sign-in: trades the code for what the provider says of the person, and checks that it is meant for us, signed by it, of
    /// this sign-in, and its time.
    pub(super) async fn end(&self, back: &str, code: String, pending: Pending) -> Result<Person, ProviderError> {
        let client = self.client(back).await?;
        let traded = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|error| self.asking(&error))?
            .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier))
            .request_async(&self.outbound)
            .await
            .map_err(|error| self.asking(&error))?;
        let token = traded.id_token().ok_or_else(|| self.claims("it sent no ID token"))?;
        let claims = token
            .claims(&client.id_token_verifier(), &Nonce::new(pending.nonce))
            .map_err(|error| self.claims(&error.to_string()))?;
        let text = |value: Option<&str>| value.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let subject = claims.subject().to_string();
        let name = text(claims.preferred_username().map(|name| name.as_str()))
            .or_else(|| text(claims.email().map(|email| email.as_str())))
            .unwrap_or_else(|| subject.clone());
        let display_name = text(claims.name().and_then(|name| name.get(None)).map(|name| name.as_str()));
        let groups = match claims.additional_claims().0.get(&self.settings.groups_claim) {
            Some(Value::Array(groups)) => groups.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            Some(Value::String(group)) => vec![group.clone()],
            _ => Vec::new(),
        };
        Ok(Person {
            issuer: claims.issuer().to_string(),
            subject,
            display_name: display_name.unwrap_or_else(|| name.clone()),
            name,
            groups,
        })
    }

    async fn client(&self, back: &str) -> Result<ProviderClient, ProviderError> {
        let metadata = self.metadata().await?;
        let secret = self.secret.clone().map(ClientSecret::new);
        let back = RedirectUrl::new(back.to_owned()).map_err(|error| self.asking(&error))?;
        let client = Client::from_provider_metadata((*metadata).clone(), ClientId::new(self.settings.client_id.clone()), secret);
        Ok(client.set_redirect_uri(back))
    }

    async fn metadata(&self) -> Result<Arc<CoreProviderMetadata>, ProviderError> {
        let mut kept = self.metadata.lock().await;
        if let Some((at, metadata)) = kept.as_ref()
            && at.elapsed().as_secs() < METADATA_SECONDS
        {
            return Ok(Arc::clone(metadata));
        }
        let issuer = IssuerUrl::new(self.settings.issuer.clone()).map_err(|error| self.asking(&error))?;
        let read = CoreProviderMetadata::discover_async(issuer, &self.outbound).await.map_err(|error| self.asking(&error))?;
        let metadata = Arc::new(read);
        *kept = Some((Instant::now(), Arc::clone(&metadata)));
        Ok(metadata)
    }

    fn asking(&self, error: &dyn std::error::Error) -> ProviderError {
        ProviderError::Asking { name: self.settings.name.clone(), why: whole(error) }
    }

    fn claims(&self, why: &str) -> ProviderError {
        ProviderError::Claims { name: self.settings.name.clone(), why: why.to_owned() }
    }
}

/// An error with those that it comes from.
fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(own) = source {
        let more = own.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = own.source();
    }
    text
}

fn read(id: &str, file: &std::path::Path) -> Result<String, ProviderError> {
    std::fs::read_to_string(file).map_err(|source| ProviderError::File {
        id: id.to_owned(),
        file: file.display().to_string(),
        source,
    })
}

fn usual_scopes() -> Vec<String> {
    vec!["profile".to_owned(), "email".to_owned()]
}

fn usual_groups_claim() -> String {
    "groups".to_owned()
}
