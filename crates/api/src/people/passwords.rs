use argon2::{
    Argon2,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use axum::http::StatusCode;
use tokio::sync::Semaphore;
use zxcvbn::{Score, zxcvbn};

use crate::error::ApiError;

/// Checks and keeps passwords with argon2id, in the parameters of its library (19 MiB, two passes; RFC 9106 and OWASP's least).
pub struct Passwords {
    /// Each takes a core and 19 MiB while it is checked: only some at once.
    gate: Semaphore,
    /// What a password is checked against where there is none, so that both take the same time.
    nobody: String,
}

/// Fewest letters of a password.
const MIN_LETTERS: usize = 12;
/// Most letters of a password.
const MAX_LETTERS: usize = 256;
/// How much of it is judged for strength: the time grows with the square.
const JUDGED_LETTERS: usize = 64;
/// How many are checked at once.
const AT_ONCE: usize = 2;

impl Passwords {
    /// Ready to check; `None` if there is no randomness.
    pub fn new() -> Option<Self> {
        Some(Self { gate: Semaphore::new(AT_ONCE), nobody: hashed(&crate::random_token())? })
    }

    /// What is kept of a password: an argon2id text with its salt.
    pub(crate) async fn keep(&self, password: String) -> Result<String, ApiError> {
        let _turn = self.gate.acquire().await.map_err(|_| failed())?;
        tokio::task::spawn_blocking(move || hashed(&password)).await.ok().flatten().ok_or_else(failed)
    }

    /// Whether a password is the one that is kept. Takes as long where none is.
    pub(crate) async fn check(&self, password: String, kept: Option<String>) -> Result<bool, ApiError> {
        let _turn = self.gate.acquire().await.map_err(|_| failed())?;
        let is_known = kept.is_some();
        let kept = kept.unwrap_or_else(|| self.nobody.clone());
        let is_right = tokio::task::spawn_blocking(move || {
            let Ok(kept) = PasswordHash::new(&kept) else { return false };
            Argon2::default().verify_password(password.as_bytes(), &kept).is_ok()
        });
        Ok(is_right.await.map_err(|_| failed())? && is_known)
    }
}

/// Refuses a password that is too short, too long, or among the first 10^8 that somebody would guess who knows these words.
pub(crate) fn strong_enough(password: &str, known: &[&str]) -> Result<(), ApiError> {
    let weak = |why: String| Err(ApiError::new(StatusCode::BAD_REQUEST, "PasswordTooWeak", why));
    let n_letters = password.chars().count();
    if !(MIN_LETTERS..=MAX_LETTERS).contains(&n_letters) {
        return weak(format!("a password has {MIN_LETTERS} to {MAX_LETTERS} letters; this one has {n_letters}"));
    }
    let judged: String = password.chars().take(JUDGED_LETTERS).collect();
    let known: Vec<&str> = known.iter().copied().chain(["skywarden"]).collect();
    let entropy = zxcvbn(&judged, &known);
    if entropy.score() >= Score::Three {
        return Ok(());
    }
    let why = entropy.feedback().and_then(|feedback| feedback.warning().map(|warning| warning.to_string()));
    weak(format!("this password is soon guessed: {}", why.unwrap_or_else(|| "add another word or two.".to_owned())))
}

fn hashed(password: &str) -> Option<String> {
    Argon2::default().hash_password(password.as_bytes()).ok().map(|hash| hash.to_string())
}

fn failed() -> ApiError {
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "PasswordFailed", "the password could not be checked; try again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_that_is_kept_is_right() {
        let passwords = Passwords::new().unwrap();
        let kept = passwords.keep("correct horse battery".to_owned()).await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert_ne!(kept, passwords.keep("correct horse battery".to_owned()).await.unwrap(), "each has a salt of its own");
        let check = async |password: &str, kept: Option<&str>| {
            passwords.check(password.to_owned(), kept.map(str::to_owned)).await.unwrap()
        };
        assert!(check("correct horse battery", Some(&kept)).await);
        assert!(!check("correct horse batterz", Some(&kept)).await);
        assert!(!check("correct horse battery", None).await);
        assert!(!check("", Some("")).await);
    }

    #[test]
    fn what_is_soon_guessed_is_refused() {
        let is_strong = |password: &str| strong_enough(password, &["ann.smith", "Ann Smith"]).is_ok();
        for weak in ["", "short", "passwordpassword", "123456789012", "ann.smith1234", "aaaaaaaaaaaaaaaa", "qwertyuiop12"] {
            assert!(!is_strong(weak), "{weak}");
        }
        assert!(!is_strong(&"x9!".repeat(100)), "300 letters");
        for strong in ["tangled-otter-7-violin", "q8Zr!mTx02Lw", "vier grüne Regenschirme"] {
            assert!(is_strong(strong), "{strong}");
        }
    }
}
