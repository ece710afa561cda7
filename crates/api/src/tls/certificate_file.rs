use std::{
    fmt::Write as _,
    fs,
    os::unix::fs::MetadataExt as _,
    path::Path,
    time::{Duration, SystemTime},
};

use rustls::{
    InconsistentKeys,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    sign::CertifiedKey,
};
use sha2::{Digest as _, Sha256};
use x509_parser::{certificate::X509Certificate, prelude::FromDer as _, time::ASN1Time};

use super::CertificateError;

const CERTIFICATE: &str = "certificate";
const CERTIFICATE_ADVICE: &str = "the server's own certificate comes first, then those that signed it";
const KEY: &str = "private key";
const KEY_ADVICE: &str =
    "give a PKCS#8, PKCS#1 or SEC1 key without a passphrase (`openssl pkey -in KEY -out PLAIN` takes it away)";

/// No certificate or key is longer.
const MAX_LENGTH: u64 = 1 << 20;

/// The SHA-256 of the first certificate in a file, as browsers and `openssl x509 -fingerprint -sha256` show it.
///
/// # Errors
/// If the file has no certificate.
pub fn fingerprint(certificate: &Path) -> Result<String, CertificateError> {
    let chain = read_chain(certificate)?;
    let mut text = String::new();
    for byte in chain.first().map(Sha256::digest).unwrap_or_default() {
        let separator = if text.is_empty() { "" } else { ":" };
        // Writing to a text can't fail.
        let _ = write!(text, "{separator}{byte:02X}");
    }
    Ok(text)
}

/// A certificate and its key, if they are usable now.
pub(crate) fn read_pair(certificate: &Path, key: &Path, now: SystemTime) -> Result<CertifiedKey, CertificateError> {
    let chain = read_chain(certificate)?;
    if let Some(first) = chain.first() {
        check_time(certificate, &parse(certificate, first)?, now)?;
    }
    let text = read_key(key)?;
    let secret = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|error| not_a_key(key, &error))?;
    let provider = rustls::crypto::ring::default_provider();
    CertifiedKey::from_der(chain, secret, &provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            CertificateError::Mismatch { certificate: certificate.to_path_buf(), key: key.to_path_buf() }
        }
        error => not_a_key(key, &error),
    })
}

/// The certificates of a file, at least one.
pub(crate) fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let text = read(path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match chain {
        Ok(chain) if chain.is_empty() => Err(not_a_certificate(path, "nothing begins with `-----BEGIN CERTIFICATE-----`")),
        Ok(chain) => Ok(chain),
        Err(error) => Err(not_a_certificate(path, error)),
    }
}

/// A key's text, if only its owner may read it.
pub(crate) fn read_key(path: &Path) -> Result<String, CertificateError> {
    let metadata = fs::metadata(path).map_err(|source| CertificateError::Read { path: path.to_path_buf(), source })?;
    // As PostgreSQL does: a key of root's may be read by a group, such as Debian's ssl-cert.
    let forbidden = if metadata.uid() == 0 { 0o037 } else { 0o077 };
    if metadata.mode() & forbidden != 0 {
        return Err(CertificateError::Exposed { path: path.to_path_buf(), mode: metadata.mode() & 0o7777 });
    }
    read(path)
}

pub(crate) fn parse<'a>(path: &Path, certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, CertificateError> {
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(|error| not_a_certificate(path, error))?;
    Ok(parsed)
}

/// When a certificate ends.
pub(crate) fn end(certificate: &X509Certificate<'_>) -> SystemTime {
    let seconds = certificate.validity().not_after.timestamp();
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}

fn check_time(path: &Path, certificate: &X509Certificate<'_>, now: SystemTime) -> Result<(), CertificateError> {
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let now = ASN1Time::from_timestamp(i64::try_from(seconds).unwrap_or(i64::MAX)).unwrap_or_else(|_| ASN1Time::now());
    let (path, validity) = (path.to_path_buf(), certificate.validity());
    if validity.not_after < now {
        return Err(CertificateError::Expired { path, at: validity.not_after.to_string() });
    }
    if now < validity.not_before {
        return Err(CertificateError::Early { path, at: validity.not_before.to_string() });
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, CertificateError> {
    let told = |source| CertificateError::Read { path: path.to_path_buf(), source };
    let length = fs::metadata(path).map_err(told)?.len();
    if length > MAX_LENGTH {
        return Err(told(std::io::Error::other(format!("its {length} bytes are too many for certificates or a key"))));
    }
    fs::read_to_string(path).map_err(told)
}

fn not_a_certificate(path: &Path, why: impl ToString) -> CertificateError {
    CertificateError::Content { path: path.to_path_buf(), wanted: CERTIFICATE, why: why.to_string(), advice: CERTIFICATE_ADVICE }
}

fn not_a_key(path: &Path, why: &impl ToString) -> CertificateError {
    CertificateError::Content { path: path.to_path_buf(), wanted: KEY, why: why.to_string(), advice: KEY_ADVICE }
}
