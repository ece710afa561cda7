use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use skywarden_model::Timestamp;

/// The key with which an installation signs its tokens: ECDSA over P-256 with SHA-256 (`ES256`, RFC 7518).
pub struct TokenKey {
    signing: EncodingKey,
    checking: DecodingKey,
    id: String,
    /// The public key's coordinates in base64url.
    x: String,
    y: String,
}

/// Why a key can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenKeyError {
    /// The operating system gave none.
    #[error("could not make a key to sign tokens with: {0}")]
    Make(rcgen::Error),
    /// It is no such key.
    #[error("it is no P-256 key in PKCS #8 PEM: {0}")]
    Read(String),
}

/// What a token says of its holder, in the words of Entra's access tokens.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// Who signed it.
    pub(crate) iss: String,
    /// For whom: this server.
    pub(crate) aud: String,
    /// The principal.
    pub(crate) oid: String,
    pub(crate) sub: String,
    /// The program that asked.
    pub(crate) appid: String,
    pub(crate) tid: String,
    /// What people call the principal.
    pub(crate) name: String,
    pub(crate) iat: i64,
    pub(crate) nbf: i64,
    pub(crate) exp: i64,
    /// Tells tokens apart.
    pub(crate) jti: String,
}

/// What a program is told of the person it asks for (OpenID Connect Core 1.0, section 2).
#[derive(Debug, Clone, Serialize)]
pub(crate) struct IdClaims {
    pub(crate) iss: String,
    /// For whom: the program.
    pub(crate) aud: String,
    pub(crate) sub: String,
    pub(crate) oid: String,
    pub(crate) tid: String,
    pub(crate) preferred_username: String,
    pub(crate) name: String,
    pub(crate) iat: i64,
    pub(crate) nbf: i64,
    pub(crate) exp: i64,
    pub(crate) ver: String,
}

/// Clocks may differ by this many seconds.
const LEEWAY: i64 = 30;

impl TokenKey {
    /// A new key in PKCS #8 PEM, to be kept where only the server reads it.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn generate() -> Result<String, TokenKeyError> {
        Ok(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(TokenKeyError::Make)?.serialize_pem())
    }

    /// Reads a key.
    ///
    /// # Errors
    /// If it is another kind of key or none.
    pub fn from_pem(pem: &str) -> Result<Self, TokenKeyError> {
        let unreadable = |error: &dyn std::fmt::Display| TokenKeyError::Read(error.to_string());
        let pair = KeyPair::from_pkcs8_pem_and_sign_algo(pem, &PKCS_ECDSA_P256_SHA256).map_err(|error| unreadable(&error))?;
        let signing = EncodingKey::from_ec_pem(pem.as_bytes()).map_err(|error| unreadable(&error))?;
        // An uncompressed point: 4, then both coordinates of 32 bytes.
        let point = pair.public_key_raw();
        let (x, y) = match (point.get(1..33), point.get(33..65)) {
            (Some(x), Some(y)) => (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y)),
            _ => return Err(TokenKeyError::Read("its public half is no point of P-256".to_owned())),
        };
        let checking = DecodingKey::from_ec_components(&x, &y).map_err(|error| unreadable(&error))?;
        let id = URL_SAFE_NO_PAD.encode(Sha256::digest(point));
        Ok(Self { signing, checking, id, x, y })
    }

    /// The public half as a JSON Web Key (RFC 7517).
    pub(crate) fn public(&self) -> Value {
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id, "x": self.x, "y": self.y })
    }

    pub(crate) fn sign(&self, claims: &impl Serialize) -> Result<String, jsonwebtoken::errors::Error> {
        let header = Header { kid: Some(self.id.clone()), ..Header::new(Algorithm::ES256) };
        encode(&header, claims, &self.signing)
    }

    /// What a token says, if this key signed it, with its algorithm and no other, for one of these audiences, and it is its time.
    pub(crate) fn check(&self, token: &str, audiences: &[String], now: Timestamp) -> Option<Claims> {
        let mut rules = Validation::new(Algorithm::ES256);
        rules.set_audience(audiences);
        rules.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
        // The time is judged below: the library would look at a clock of its own.
        rules.validate_exp = false;
        rules.validate_nbf = false;
        let claims = decode::<Claims>(token, &self.checking, &rules).ok()?.claims;
        let is_its_time = claims.nbf <= now.as_second() + LEEWAY && now.as_second() < claims.exp;
        let is_own = audiences.iter().any(|own| claims.iss == issuer(own, &claims.tid));
        (is_its_time && is_own).then_some(claims)
    }
}

/// Who signs the tokens of a tenant.
pub(crate) fn issuer(base: &str, tenant: &str) -> String {
    format!("{base}/{tenant}/v2.0")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "https://127.0.0.1:8470";

    fn key() -> TokenKey {
        TokenKey::from_pem(&TokenKey::generate().unwrap()).unwrap()
    }

    fn claims() -> Claims {
        Claims {
            iss: issuer(BASE, "t"),
            aud: BASE.to_owned(),
            oid: "p".to_owned(),
            sub: "p".to_owned(),
            appid: "p".to_owned(),
            tid: "t".to_owned(),
            name: "n".to_owned(),
            iat: 1000,
            nbf: 1000,
            exp: 4600,
            jti: "j".to_owned(),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_token_holds_for_its_time_and_audience_and_by_its_key_only() {
        let (key, audiences) = (key(), [BASE.to_owned()]);
        let token = key.sign(&claims()).unwrap();
        assert_eq!(key.check(&token, &audiences, at(2000)).map(|claims| claims.oid).as_deref(), Some("p"));
        assert!(key.check(&token, &audiences, at(969)).is_none(), "before its time");
        assert!(key.check(&token, &audiences, at(4600)).is_none(), "expired");
        assert!(key.check(&token, &["https://elsewhere".to_owned()], at(2000)).is_none(), "another audience");
        assert!(self::key().check(&token, &audiences, at(2000)).is_none(), "another key");
        let foreign = Claims { iss: "https://login.microsoftonline.com/t/v2.0".to_owned(), ..claims() };
        assert!(key.check(&key.sign(&foreign).unwrap(), &audiences, at(2000)).is_none(), "another issuer");
        let (start, signature) = token.rsplit_once('.').unwrap();
        let (header, _) = start.split_once('.').unwrap();
        let forged = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&Claims { oid: "q".to_owned(), ..claims() }).unwrap());
        assert!(key.check(&format!("{header}.{forged}.{signature}"), &audiences, at(2000)).is_none(), "changed claims");
    }

    #[test]
    fn no_other_algorithm_is_taken() {
        let (key, audiences) = (key(), [BASE.to_owned()]);
        // The public key as the secret of HMAC, and no signature at all: the two ways to confuse a checker.
        let public = serde_json::to_vec(&key.public()).unwrap();
        for secret in [public.as_slice(), key.x.as_bytes()] {
            let secret = EncodingKey::from_secret(secret).unwrap();
            let confused = encode(&Header::new(Algorithm::HS256), &claims(), &secret).unwrap();
            assert!(key.check(&confused, &audiences, at(2000)).is_none());
        }
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let body = part(serde_json::to_value(claims()).unwrap());
        for algorithm in ["none", "None", "ES256", "HS256", "RS256", "EdDSA"] {
            let token = format!("{}.{body}.", part(json!({ "alg": algorithm, "typ": "JWT" })));
            assert!(key.check(&token, &audiences, at(2000)).is_none(), "{algorithm} without a signature");
        }
    }

    #[test]
    fn another_kind_of_key_is_refused() {
        assert!(TokenKey::from_pem("").is_err());
        let ed = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap().serialize_pem();
        assert!(TokenKey::from_pem(&ed).is_err());
    }
}
