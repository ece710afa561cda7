//! The server under TLS: connections, the certificate that they are answered with, and where it comes from.

mod authority;
mod certificate_file;
mod error;
mod issue;
mod name;
mod serve;

use std::{
    fmt,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock, TryLockError},
    time::{Duration, SystemTime},
};

use rustls::{
    ServerConfig,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

pub use certificate_file::fingerprint;
pub use error::CertificateError;
pub use issue::AUTHORITY_FILE;
pub use name::{Name, Names};
pub use serve::{Protection, serve};

use issue::issue;

/// When a certificate could not be renewed, it is tried again after this time.
const RETRY: Duration = Duration::from_secs(3600);

/// A certificate that is read anew when its files change, and made anew before it ends if it is our own.
pub struct Tls {
    config: Arc<ServerConfig>,
    current: Arc<Current>,
    certificate: PathBuf,
    key: PathBuf,
    seen: Mutex<Seen>,
}

impl Tls {
    /// A certificate of the installation's own CA in `folder`, both made if they are missing.
    ///
    /// # Errors
    /// If they can't be made, read or used.
    pub fn own(folder: &Path, names: Names, now: SystemTime) -> Result<Self, CertificateError> {
        let issued = issue(folder, &names, now)?;
        let renewal = Renewal { folder: folder.to_path_buf(), names, due: issued.renew_at };
        Self::new(issued.certificate, issued.key, Some(renewal), now)
    }

    /// A certificate that somebody else issued: the server's own first in its file, then those that signed it.
    ///
    /// # Errors
    /// If the files can't be read or used.
    pub fn given(certificate: &Path, key: &Path, now: SystemTime) -> Result<Self, CertificateError> {
        Self::new(certificate.to_path_buf(), key.to_path_buf(), None, now)
    }

    fn new(certificate: PathBuf, key: PathBuf, renewal: Option<Renewal>, now: SystemTime) -> Result<Self, CertificateError> {
        // Before the files are read: a change between the two is seen the next time.
        let stamps = [Stamp::of(&certificate), Stamp::of(&key)];
        let pair = certificate_file::read_pair(&certificate, &key, now)?;
        let current = Arc::new(Current(RwLock::new(Arc::new(pair))));
        let config = server_config(Arc::clone(&current)).map_err(CertificateError::Unusable)?;
        let seen = Mutex::new(Seen { stamps, renewal });
        Ok(Self { config: Arc::new(config), current, certificate, key, seen })
    }

    /// What new connections are answered with.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// Renews what is due and reads what has changed; where that fails, what was there stays and the log says why.
    pub(crate) fn refresh(&self, now: SystemTime) {
        let mut seen = match self.seen.try_lock() {
            Ok(seen) => seen,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Another connection is at it. Nobody waits for a slow disk to learn of a certificate that may be new.
            Err(TryLockError::WouldBlock) => return,
        };
        if let Some(renewal) = seen.renewal.as_mut().filter(|renewal| renewal.due <= now) {
            renewal.due = match issue(&renewal.folder, &renewal.names, now) {
                Ok(issued) => issued.renew_at,
                Err(error) => {
                    tracing::warn!("the certificate could not be renewed: {error}");
                    now + RETRY
                }
            };
        }
        let stamps = [Stamp::of(&self.certificate), Stamp::of(&self.key)];
        if stamps == seen.stamps {
            return;
        }
        seen.stamps = stamps;
        match certificate_file::read_pair(&self.certificate, &self.key, now) {
            Ok(pair) => {
                *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
                tracing::info!("the new certificate in {} is used from now on", self.certificate.display());
            }
            Err(error) => tracing::warn!("the certificate that was read before stays in use: {error}"),
        }
    }
}

/// What was last seen of the files, and when the certificate has to be made anew.
struct Seen {
    stamps: [Option<Stamp>; 2],
    renewal: Option<Renewal>,
}

/// When and for whom our own certificate is made anew.
struct Renewal {
    folder: PathBuf,
    names: Names,
    due: SystemTime,
}

/// What tells that a file is another one or was written to.
#[derive(PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// `None` where there is no such file, or none that may be looked at.
    fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

/// The certificate that is in use.
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Current")
    }
}

fn server_config(current: Arc<Current>) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = [&rustls::version::TLS13, &rustls::version::TLS12];
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)?
        .with_no_client_auth()
        .with_cert_resolver(current);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
