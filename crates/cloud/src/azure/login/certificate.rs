//! An application's certificate, and what it signs with it (RFC 7523).

use std::{io::Read as _, path::Path};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::Secret;

/// A file with a certificate, a key or a token may be so long.
const MAX_FILE: u64 = 64 << 10;

/// What is signed is believed for so many seconds.
const LIFE: i64 = 600;

/// A certificate with its key.
pub(super) struct Certificate {
    key: EncodingKey,
    /// SHA-256 of the certificate, in base64url.
    thumbprint: String,
}

/// What an application says of itself.
#[derive(Serialize)]
struct Claims<'c> {
    aud: &'c str,
    iss: &'c str,
    sub: &'c str,
    jti: String,
    nbf: i64,
    iat: i64,
    exp: i64,
}

impl Certificate {
    /// Reads a file in PEM or PFX.
    pub(super) fn read(file: &Path, password: Option<&Secret>) -> Result<Self, String> {
        let bytes = contents(file)?;
        let is_pem = bytes.windows(11).any(|window| window == b"-----BEGIN ");
        let read = if is_pem { Self::of_pem(&bytes) } else { Self::of_pfx(&bytes, password) };
        read.map_err(|reason| format!("{}: {reason}", file.display()))
    }

    /// What the application says of itself to one endpoint, signed.
    pub(super) fn assertion(&self, client_id: &str, endpoint: &str, now: i64) -> Result<String, String> {
        let mut header = Header::new(Algorithm::PS256);
        header.x5t_s256 = Some(self.thumbprint.clone());
        let jti = uuid::Uuid::new_v4().to_string();
        let claims = Claims { aud: endpoint, iss: client_id, sub: client_id, jti, nbf: now, iat: now, exp: now + LIFE };
        jsonwebtoken::encode(&header, &claims, &self.key)
            .map_err(|_| "the certificate's private key is no usable RSA key".to_owned())
    }

    fn of_pem(bytes: &[u8]) -> Result<Self, String> {
        let certificate = CertificateDer::from_pem_slice(bytes).map_err(|_| "it has no certificate in PEM".to_owned())?;
        let is_encrypted = bytes.windows(21).any(|window| window == b"ENCRYPTED PRIVATE KEY");
        let key = PrivateKeyDer::from_pem_slice(bytes).map_err(|_| match is_encrypted {
            true => "its private key is encrypted; give a PFX file with its password, or a key without one".to_owned(),
            false => "it has no private key in PEM; put the key beside the certificate in the same file".to_owned(),
        })?;
        let key = match &key {
            PrivateKeyDer::Pkcs1(der) => EncodingKey::from_rsa_der(der.secret_pkcs1_der()),
            PrivateKeyDer::Pkcs8(der) => of_pkcs8(der.secret_pkcs8_der())?,
            _ => return Err(NOT_RSA.to_owned()),
        };
        Ok(Self { key, thumbprint: thumbprint(&certificate) })
    }

    fn of_pfx(bytes: &[u8], password: Option<&Secret>) -> Result<Self, String> {
        let text = password.map(Secret::text).unwrap_or_default();
        let store = p12_keystore::KeyStore::from_pkcs12(bytes, text, p12_keystore::Pkcs12ImportPolicy::Relaxed)
            .map_err(|_| "it is neither PEM nor a PFX file that the password opens".to_owned())?;
        let (_, chain) = store.private_key_chain().ok_or_else(|| "it has no private key".to_owned())?;
        let certificate = chain.certs().first().ok_or_else(|| "it has no certificate that belongs to its key".to_owned())?;
        Ok(Self { key: of_pkcs8(chain.key().as_der())?, thumbprint: thumbprint(certificate.as_der()) })
    }
}

const NOT_RSA: &str = "its private key is not RSA, which alone Entra ID takes";

/// A short file, whole.
pub(super) fn contents(file: &Path) -> Result<Vec<u8>, String> {
    let fail = |reason: String| format!("{}: {reason}", file.display());
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).map_err(|error| fail(error.to_string()))?;
    opened.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|error| fail(error.to_string()))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(fail(format!("it is longer than {MAX_FILE} bytes")));
    }
    Ok(bytes)
}

fn thumbprint(certificate: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(certificate))
}

/// The key's own form is taken in PEM only.
fn of_pkcs8(der: &[u8]) -> Result<EncodingKey, String> {
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines(&STANDARD.encode(der)));
    EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(|_| NOT_RSA.to_owned())
}

fn lines(text: &str) -> String {
    let mut broken = String::with_capacity(text.len() + text.len() / 64 + 1);
    for (position, character) in text.chars().enumerate() {
        if position > 0 && position % 64 == 0 {
            broken.push('\n');
        }
        broken.push(character);
    }
    broken
}
