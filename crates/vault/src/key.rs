use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305,
    aead::{Aead as _, Payload},
};
use sha2::{Digest as _, Sha256};

/// A key of 256 bits that seals with XChaCha20-Poly1305 (RFC 8439 with the extended nonce, so that random nonces never meet).
pub struct SecretKey {
    id: String,
    bytes: [u8; KEY_LENGTH],
}

/// Why something could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes: {0}")]
    Randomness(getrandom::Error),
    /// It is no key.
    #[error("a key is 32 random bytes in base64url, 43 letters; this is something else ({0} letters)")]
    NoKey(usize),
    /// It was not sealed by this crate.
    #[error("it is no sealed text")]
    NotSealed,
    /// It was sealed under another key.
    #[error("it is sealed under the key {sealed_under}, and this is {given}")]
    OtherKey {
        /// The id of the key that opens it.
        sealed_under: String,
        /// The id of the key that was tried.
        given: String,
    },
    /// It was changed after it was sealed, or stands in another place than that which it was sealed for.
    #[error("it was changed after it was sealed, or it belongs elsewhere")]
    Damaged,
}

const KEY_LENGTH: usize = 32;
const NONCE_LENGTH: usize = 24;

/// What a sealed text begins with; a change of the cipher is another number.
const VERSION: &str = "v1";

impl SecretKey {
    /// A new key.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn generate() -> Result<Self, VaultError> {
        let mut bytes = [0; KEY_LENGTH];
        getrandom::fill(&mut bytes).map_err(VaultError::Randomness)?;
        Ok(Self::of(bytes))
    }

    /// Reads what [`SecretKey::to_text`] wrote; blanks around it do not matter.
    ///
    /// # Errors
    /// If it is something else.
    pub fn from_text(text: &str) -> Result<Self, VaultError> {
        let text = text.trim();
        let decoded = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| VaultError::NoKey(text.len()))?;
        Ok(Self::of(decoded.try_into().map_err(|_| VaultError::NoKey(text.len()))?))
    }

    /// The key itself, in base64url.
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes)
    }

    /// What it is known by; tells nothing of the key.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Seals a secret for one place: `v1.KEY.NONCE-AND-CIPHER`. Whoever copies it to another place can't open it there.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn seal(&self, place: &str, secret: &[u8]) -> Result<String, VaultError> {
        let mut nonce = [0; NONCE_LENGTH];
        getrandom::fill(&mut nonce).map_err(VaultError::Randomness)?;
        let payload = Payload { msg: secret, aad: place.as_bytes() };
        let sealed = self.cipher().encrypt(&nonce.into(), payload).map_err(|_| VaultError::Damaged)?;
        let whole = [nonce.as_slice(), &sealed].concat();
        Ok(format!("{VERSION}.{}.{}", self.id, URL_SAFE_NO_PAD.encode(whole)))
    }

    /// Opens what was sealed for a place.
    ///
    /// # Errors
    /// If it is no sealed text, is sealed under another key, was changed, or belongs elsewhere.
    pub fn open(&self, place: &str, sealed: &str) -> Result<Vec<u8>, VaultError> {
        let (key, body) = parts(sealed).ok_or(VaultError::NotSealed)?;
        if key != self.id {
            return Err(VaultError::OtherKey { sealed_under: key.to_owned(), given: self.id.clone() });
        }
        let whole = URL_SAFE_NO_PAD.decode(body).map_err(|_| VaultError::NotSealed)?;
        let (nonce, message) = whole.split_first_chunk::<NONCE_LENGTH>().ok_or(VaultError::NotSealed)?;
        let payload = Payload { msg: message, aad: place.as_bytes() };
        self.cipher().decrypt(&(*nonce).into(), payload).map_err(|_| VaultError::Damaged)
    }

    fn of(bytes: [u8; KEY_LENGTH]) -> Self {
        let digest = Sha256::new().chain_update(b"skywarden key ").chain_update(bytes).finalize();
        let id = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self { id, bytes }
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.bytes.into())
    }
}

/// The id of the key under which a text is sealed; `None` if it is no sealed text.
pub fn sealed_under(sealed: &str) -> Option<&str> {
    parts(sealed).map(|(key, _)| key)
}

fn parts(sealed: &str) -> Option<(&str, &str)> {
    sealed.strip_prefix(VERSION)?.strip_prefix('.')?.split_once('.')
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SecretKey").field("id", &self.id).finish_non_exhaustive()
    }
}
