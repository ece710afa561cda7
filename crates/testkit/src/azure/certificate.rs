use std::{fs, path::Path, sync::Arc};

use anyhow::Context as _;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, pem::PemObject as _},
};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use x509_parser::pem::Pem;

/// A server's certificate for loopback, and the authority that signed it.
pub(crate) struct Identity {
    pub(crate) config: Arc<ServerConfig>,
    /// PEM, for clients to trust.
    pub(crate) authority: String,
}

impl Identity {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let authority_key = KeyPair::generate()?;
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "Skywarden test authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority_pem = authority.self_signed(&authority_key)?.pem();
        let issuer = Issuer::from_ca_cert_pem(&authority_pem, authority_key)?;
        let key = KeyPair::generate()?;
        let mut server = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()])?;
        server.distinguished_name.push(DnType::CommonName, "arm-server");
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.use_authority_key_identifier_extension = true;
        let certificate = server.signed_by(&key, &issuer)?;
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
        Ok(Self { config: Arc::new(config), authority: authority_pem })
    }
}

/// A certificate with which a program may sign what it logs in with.
pub(crate) struct Registered {
    key: DecodingKey,
    /// As `x5t#S256` names it.
    thumbprint: String,
}

/// Why an assertion is not good.
pub(crate) enum BadAssertion {
    /// It is no token, or its signature is of no registered certificate.
    Signature,
    /// It is for another address.
    Audience(String),
    /// It is of another program.
    Issuer,
    Expired,
}

#[derive(Deserialize)]
struct Assertion {
    aud: String,
    iss: String,
    sub: String,
    /// Some clients write a fraction.
    exp: f64,
}

impl Registered {
    /// Reads the first certificate of a PEM file; a key beside it is passed over.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let pem = fs::read(path).with_context(|| format!("could not read the certificate {}", path.display()))?;
        let mut blocks = Pem::iter_from_buffer(&pem).filter_map(Result::ok);
        let block = blocks.find(|block| block.label == "CERTIFICATE");
        let block = block.with_context(|| format!("{} has no certificate", path.display()))?;
        let certificate =
            block.parse_x509().with_context(|| format!("{} has no certificate that can be read", path.display()))?;
        let key = DecodingKey::from_rsa_der(&certificate.public_key().subject_public_key.data);
        Ok(Self { key, thumbprint: BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&block.contents)) })
    }
}

/// Checks what a program signed: by one of its certificates, for this address, not too long ago.
pub(crate) fn check(
    registered: &[Registered],
    assertion: &str,
    app_id: &str,
    address: &str,
    now: i64,
) -> Result<(), BadAssertion> {
    let header = decode_header(assertion).map_err(|_| BadAssertion::Signature)?;
    if !matches!(header.alg, Algorithm::RS256 | Algorithm::PS256) {
        return Err(BadAssertion::Signature);
    }
    let mut validation = Validation::new(header.alg);
    validation.validate_exp = false;
    validation.validate_aud = false;
    let is_named =
        |own: &&Registered| header.x5t_s256.as_ref().is_none_or(|thumbprint| thumbprint.trim_end_matches('=') == own.thumbprint);
    let claims = registered.iter().filter(is_named).find_map(|own| decode::<Assertion>(assertion, &own.key, &validation).ok());
    let claims = claims.ok_or(BadAssertion::Signature)?.claims;
    if !claims.aud.eq_ignore_ascii_case(address) {
        return Err(BadAssertion::Audience(claims.aud));
    }
    if claims.iss != app_id || claims.sub != app_id {
        return Err(BadAssertion::Issuer);
    }
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
    if claims.exp <= now as f64 {
        return Err(BadAssertion::Expired);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_signed_by_a_registered_certificate_is_good_for_its_address_only() {
        let path = crate::azure::folder().join("login/connector.pem");
        let registered = [Registered::read(&path).unwrap()];
        let pem = fs::read_to_string(&path).unwrap();
        let key = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
        for algorithm in [Algorithm::RS256, Algorithm::PS256] {
            let claims = json!({"aud": "https://a/token", "iss": "app", "sub": "app", "exp": 100.0});
            let assertion = encode(&Header::new(algorithm), &claims, &key).unwrap();
            let check = |app: &str, address: &str, now| check(&registered, &assertion, app, address, now);
            assert!(check("app", "https://a/token", 99).is_ok());
            assert!(matches!(check("app", "https://b/token", 99), Err(BadAssertion::Audience(_))));
            assert!(matches!(check("other", "https://a/token", 99), Err(BadAssertion::Issuer)));
            assert!(matches!(check("app", "https://a/token", 100), Err(BadAssertion::Expired)));
            let other = assertion.replacen('e', "f", 1);
            assert!(matches!(super::check(&registered, &other, "app", "https://a/token", 99), Err(BadAssertion::Signature)));
        }
    }
}
