use std::{path::PathBuf, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use serde::{Deserialize, Serialize};

use super::{InputError, secret};

/// How a server is known and how it knows us.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ClientTlsSettings {
    /// A PEM file with the authorities that are trusted; those of the system if absent.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// A PEM file with the certificate that is shown to the server, and those between it and its authority.
    #[serde(default)]
    pub certificate_file: Option<PathBuf>,
    /// A PEM file with the key of that certificate.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
}

impl ClientTlsSettings {
    /// Reads the files. TLS 1.2 and 1.3, with ring.
    pub(super) async fn config(&self) -> Result<ClientConfig, InputError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(unusable)?;
        let builder = builder.with_root_certificates(self.roots().await?);
        match (&self.certificate_file, &self.key_file) {
            (None, None) => Ok(builder.with_no_client_auth()),
            (Some(certificate), Some(key)) => {
                let pem = secret::read("certificate", certificate).await?;
                let mut chain = Vec::new();
                for one in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                    chain.push(one.map_err(|error| unreadable(certificate, &error))?);
                }
                let pem = secret::read("key", key).await?;
                let own = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|error| unreadable(key, &error))?;
                builder.with_client_auth_cert(chain, own).map_err(|error| unreadable(certificate, &error))
            }
            _ => Err(InputError::Failed("`certificateFile` and `keyFile` of TLS belong together: give both or none".to_owned())),
        }
    }

    async fn roots(&self) -> Result<RootCertStore, InputError> {
        let mut roots = RootCertStore::empty();
        let Some(path) = &self.ca_file else {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            if roots.is_empty() {
                let reasons: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
                let message = format!("this system has no trusted certificates ({}); set `caFile`", reasons.join("; "));
                return Err(InputError::Failed(message));
            }
            return Ok(roots);
        };
        let pem = secret::read("authorities", path).await?;
        for one in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            roots.add(one.map_err(|error| unreadable(path, &error))?).map_err(|error| unreadable(path, &error))?;
        }
        if roots.is_empty() {
            return Err(InputError::Failed(format!("{} holds no certificate in PEM", path.display())));
        }
        Ok(roots)
    }
}

fn unusable(error: rustls::Error) -> InputError {
    InputError::Failed(format!("TLS can't be used: {error}"))
}

fn unreadable(path: &std::path::Path, error: &dyn std::fmt::Display) -> InputError {
    InputError::Failed(format!("{} can't be used for TLS: {error}", path.display()))
}
