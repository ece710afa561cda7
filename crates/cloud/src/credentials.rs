//! Where credentials come from, and keeping them fresh. Nothing here implements a `Debug` that could show one.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use aws_config::{
    BehaviorVersion, Region, SdkConfig, profile::ProfileFileCredentialsProvider, provider_config::ProviderConfig,
    sts::AssumeRoleProvider,
};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials as _, SharedCredentialsProvider},
};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_smithy_http_client::{Builder, tls};

use crate::{AwsOptions, CallError, ConnectError, clean_message, client::chain};

/// Credentials are renewed this long before they expire, so that a request on its way does not expire.
const EARLY: Duration = Duration::from_secs(300);

/// A source of credentials with the last ones that it gave.
pub(crate) struct Login {
    provider: SharedCredentialsProvider,
    held: Mutex<Option<Credentials>>,
    /// Held while a renewal is on its way, so that many calls cause one.
    renewal: tokio::sync::Mutex<()>,
    region: Option<String>,
}

impl Login {
    /// Finds out where credentials come from; asks for none yet.
    pub(crate) async fn new(options: &AwsOptions) -> Result<Self, ConnectError> {
        let http = Builder::new().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http);
        if let Some(profile) = &options.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &options.home_region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(url) = &options.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        let mut config = loader.load().await;
        let region = config.region().map(ToString::to_string);
        if region.is_none() {
            // STS can't be called without one.
            config = config.into_builder().region(Region::new("us-east-1")).build();
        }
        if let Some(file) = &options.credentials_file {
            let provider = of_file(file, options.profile.as_deref(), &config);
            config = config.into_builder().credentials_provider(provider).build();
        }
        let provider = match &options.role_arn {
            Some(role) => assume(role, options.external_id.as_deref(), &config).await,
            None => config.credentials_provider().ok_or(ConnectError::NoCredentials)?,
        };
        Ok(Self { provider, held: Mutex::new(None), renewal: tokio::sync::Mutex::new(()), region })
    }

    /// The region that the profile or environment names.
    pub(crate) fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Credentials that are valid for some minutes.
    pub(crate) async fn credentials(&self) -> Result<Credentials, CallError> {
        if let Some(valid) = self.valid() {
            return Ok(valid);
        }
        let _one_renewal = self.renewal.lock().await;
        if let Some(valid) = self.valid() {
            return Ok(valid);
        }
        let fresh = self
            .provider
            .provide_credentials()
            .await
            .map_err(|error| CallError::Credentials { message: clean_message(&chain(&error)) })?;
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(fresh.clone());
        Ok(fresh)
    }

    /// Forgets the credentials that a service has called expired, unless they have been renewed meanwhile.
    pub(crate) fn forget(&self, expired: &Credentials) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().is_some_and(|held| {
            held.access_key_id() == expired.access_key_id() && held.session_token() == expired.session_token()
        }) {
            *held = None;
        }
    }

    fn valid(&self) -> Option<Credentials> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let credentials = held.as_ref()?;
        let is_valid = credentials.expiry().is_none_or(|expiry| expiry > SystemTime::now() + EARLY);
        is_valid.then(|| credentials.clone())
    }
}

#[cfg(test)]
impl Login {
    pub(crate) fn with(provider: impl aws_credential_types::provider::ProvideCredentials + 'static) -> Arc<Self> {
        Arc::new(Self {
            provider: SharedCredentialsProvider::new(provider),
            held: Mutex::new(None),
            renewal: tokio::sync::Mutex::new(()),
            region: None,
        })
    }
}

/// What a profile of one file gives: neither the environment nor the machine is asked.
fn of_file(file: &Path, profile: Option<&str>, config: &SdkConfig) -> SharedCredentialsProvider {
    let files = EnvConfigFiles::builder().with_file(EnvConfigFileKind::Credentials, file).build();
    let mut settings = ProviderConfig::default().with_region(config.region().cloned());
    if let Some(http) = config.http_client() {
        settings = settings.with_http_client(http);
    }
    let profile = profile.unwrap_or("default");
    let provider =
        ProfileFileCredentialsProvider::builder().configure(&settings).profile_files(files).profile_name(profile).build();
    SharedCredentialsProvider::new(provider)
}

async fn assume(role: &str, external_id: Option<&str>, config: &SdkConfig) -> SharedCredentialsProvider {
    let mut builder = AssumeRoleProvider::builder(role).session_name("skywarden").configure(config);
    if let Some(external_id) = external_id {
        builder = builder.external_id(external_id);
    }
    SharedCredentialsProvider::new(builder.build().await)
}

/// Shared by every call of a client.
pub(crate) type SharedLogin = Arc<Login>;
