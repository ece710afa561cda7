use std::{io, path::PathBuf};

/// Why a certificate could not be made, read or used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file could not be read.
    #[error("could not read {}: {source}; check that it is there and that the user who runs Skywarden may read it", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file or folder could not be written.
    #[error("could not write {}: {source}; check that its folder may be written to and has space", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds something else.
    #[error("{} holds no {wanted} in PEM: {why}; {advice}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        wanted: &'static str,
        /// Why it is none.
        why: String,
        /// What to do.
        advice: &'static str,
    },
    /// A private key is not private.
    #[error("the key {} may be read or written by others (mode {mode:04o}); run `chmod 600 {}`", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Two files of different pairs.
    #[error(
        "the certificate {} and the key {} do not belong together; give the key that this certificate was issued for",
        certificate.display(),
        key.display()
    )]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// It has ended.
    #[error("the certificate {} expired on {at}; put a newer one there", path.display())]
    Expired {
        /// The file.
        path: PathBuf,
        /// When.
        at: String,
    },
    /// It has not begun.
    #[error("the certificate {} is not valid before {at}; check the clock of this machine, or wait", path.display())]
    Early {
        /// The file.
        path: PathBuf,
        /// When it begins.
        at: String,
    },
    /// The CA's certificate is there, its key isn't, and something has to be signed.
    #[error(
        "a new server certificate is needed, and the key {} of the CA is missing; put it back, or delete {} to have a new CA made, \
         which has to be trusted anew",
        key.display(),
        certificate.display()
    )]
    NoAuthorityKey {
        /// Where the key should be.
        key: PathBuf,
        /// The CA's certificate.
        certificate: PathBuf,
    },
    /// A certificate could not be made.
    #[error("could not make a certificate: {0}; check the names given with --name and --listen")]
    Make(#[from] rcgen::Error),
    /// TLS could not be set up.
    #[error("could not set up TLS: {0}")]
    Unusable(rustls::Error),
}
