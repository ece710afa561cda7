use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use serde::{Deserialize, Serialize};
use tokio_rustls::TlsAcceptor;

/// Who the input is, and who may connect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TlsFiles {
    /// A PEM file with the certificate and those of the CAs between it and the root. Looked at again when it changes.
    pub certificate_file: PathBuf,
    /// A PEM file with its private key.
    pub key_file: PathBuf,
    /// A PEM file with CAs: only clients with a certificate of one of them may connect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_ca_file: Option<PathBuf>,
}

/// Begins TLS on connections with what the files hold now.
pub(crate) struct Acceptor {
    files: TlsFiles,
    held: TlsAcceptor,
    stamps: Vec<Option<SystemTime>>,
}

impl Acceptor {
    pub(crate) fn open(files: TlsFiles) -> Result<Self, String> {
        Ok(Acceptor { stamps: files.stamps(), held: files.acceptor()?, files })
    }

    /// What begins TLS; and what is wrong with files that changed, in which case it goes on with what they held before.
    pub(crate) fn current(&mut self) -> (TlsAcceptor, Option<String>) {
        let stamps = self.files.stamps();
        if stamps == self.stamps {
            return (self.held.clone(), None);
        }
        match self.files.acceptor() {
            Ok(acceptor) => {
                (self.held, self.stamps) = (acceptor, stamps);
                (self.held.clone(), None)
            }
            Err(reason) => (self.held.clone(), Some(format!("{reason}; what was there before is used"))),
        }
    }
}

impl TlsFiles {
    fn stamps(&self) -> Vec<Option<SystemTime>> {
        let files = [Some(&self.certificate_file), Some(&self.key_file), self.client_ca_file.as_ref()];
        let modified = |path: &PathBuf| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        files.into_iter().flatten().map(modified).collect()
    }

    fn acceptor(&self) -> Result<TlsAcceptor, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let certificates = certificates(&self.certificate_file)?;
        let key =
            PrivateKeyDer::from_pem_file(&self.key_file).map_err(|error| unusable("private key", &self.key_file, &error))?;
        let verifier = match &self.client_ca_file {
            None => WebPkiClientVerifier::no_client_auth(),
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for certificate in self::certificates(path)? {
                    roots.add(certificate).map_err(|error| unusable("CA of clients", path, &error))?;
                }
                let built = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
                built.map_err(|error| unusable("CA of clients", path, &error))?
            }
        };
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| error.to_string())?
            .with_client_cert_verifier(verifier)
            .with_single_cert(certificates, key)
            .map_err(|error| unusable("certificate", &self.certificate_file, &error))?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = read.map_err(|error| unusable("certificate", path, &error))?;
    if certificates.is_empty() {
        return Err(format!("there is no certificate in {}", path.display()));
    }
    Ok(certificates)
}

fn unusable(what: &str, path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("could not use the {what} in {}: {error}", path.display())
}
