//! One-time codes that change with the time (TOTP, RFC 6238), and the recovery codes that stand for them.

use jiff::SignedDuration;
use qrcodegen::{QrCode, QrCodeEcc};
use skywarden_model::Timestamp;
use skywarden_store::{Credential, CredentialKind};
use totp_rs::{Algorithm, Builder, Secret, Totp};

use super::credentials::random_bytes;
use crate::{AppState, auth::hex_digest, error::ApiError};

/// Seconds for which a code holds; the one before and the one after are taken too.
const STEP: u64 = 30;
/// Digits of a code.
const DIGITS: u8 = 6;
/// How many recovery codes there are at first.
const N_RECOVERY_CODES: usize = 10;
/// Random bytes of a recovery code; 16 letters of base32.
const RECOVERY_BYTES: usize = 10;
/// Random bytes of the secret: as many as HMAC-SHA-1 uses (RFC 4226, section 4).
const SECRET_BYTES: usize = 20;

/// What is shown to somebody who switches one-time codes on.
pub(crate) struct Proposal {
    /// The secret in base32.
    pub(crate) secret: String,
    /// The same with the account's name, for an app.
    pub(crate) uri: String,
    /// The same as a picture in SVG.
    pub(crate) qr: String,
}

/// The name of the secret from which a principal's codes are made.
fn secret_name(principal: &str) -> String {
    format!("totp/{principal}")
}

/// The name of the secret that is not confirmed yet.
fn proposed_name(principal: &str) -> String {
    format!("totp-new/{principal}")
}

/// Proposes a new secret to a principal; nothing changes until [`confirm`] is told a code of it.
pub(crate) async fn propose(state: &AppState, principal: &str, account: &str) -> Result<Proposal, ApiError> {
    let bytes: [u8; SECRET_BYTES] = random_bytes()?;
    state.vault.put(&proposed_name(principal), &bytes).await?;
    let secret = Secret::from(bytes).to_base32();
    let label = form_urlencoded::byte_serialize(account.as_bytes()).collect::<String>().replace('+', "%20");
    let uri = format!("otpauth://totp/Skywarden:{label}?secret={secret}&issuer=Skywarden&digits={DIGITS}&period={STEP}");
    let qr = picture(&uri).ok_or_else(|| ApiError::bad_request("the account's name is too long for a QR code"))?;
    Ok(Proposal { secret, uri, qr })
}

/// Switches the proposed codes on if this is one of them, and gives the recovery codes, which are shown this once.
pub(crate) async fn confirm(
    state: &AppState,
    principal: &str,
    code: &str,
    now: Timestamp,
) -> Result<Option<Vec<String>>, ApiError> {
    let Some(secret) = state.vault.get(&proposed_name(principal)).await? else { return Ok(None) };
    if !spends(state, principal, &secret, code, now).await? {
        return Ok(None);
    }
    state.vault.put(&secret_name(principal), &secret).await?;
    state.vault.remove(&proposed_name(principal)).await?;
    state.store.remove_credentials_of(principal, CredentialKind::RecoveryCode).await?;
    let mut codes = Vec::with_capacity(N_RECOVERY_CODES);
    for _ in 0..N_RECOVERY_CODES {
        let code = Secret::from(random_bytes::<RECOVERY_BYTES>()?.to_vec()).to_base32().to_lowercase();
        state.store.put_credential(&Credential::new(CredentialKind::RecoveryCode, principal, hex_digest(&code), now)).await?;
        let letters: Vec<char> = code.chars().collect();
        codes.push(letters.chunks(4).map(|part| part.iter().collect::<String>()).collect::<Vec<_>>().join("-"));
    }
    state.store.remove_credentials_of(principal, CredentialKind::Totp).await?;
    // Last: from here on a code is asked for.
    state.store.put_credential(&Credential::new(CredentialKind::Totp, principal, secret_name(principal), now)).await?;
    Ok(Some(codes))
}

/// Whether this is a code of a principal that was not used yet, or a recovery code, which is spent by it.
pub(crate) async fn check(state: &AppState, principal: &str, code: &str, now: Timestamp) -> Result<bool, ApiError> {
    let plain: String = code.chars().filter(|letter| letter.is_ascii_alphanumeric()).collect::<String>().to_lowercase();
    if plain.len() == usize::from(DIGITS) {
        let Some(secret) = state.vault.get(&secret_name(principal)).await? else { return Ok(false) };
        return spends(state, principal, &secret, &plain, now).await;
    }
    let known = state.store.credential_by_secret(CredentialKind::RecoveryCode, &hex_digest(&plain)).await?;
    match known.filter(|own| own.principal == principal) {
        // Of two that use it at once one removes it.
        Some(own) => Ok(state.store.remove_credential(&own.id).await?),
        None => Ok(false),
    }
}

/// Switches the codes of a principal off; says whether they were on.
pub(crate) async fn remove(state: &AppState, principal: &str) -> Result<bool, ApiError> {
    let was_on = state.store.remove_credentials_of(principal, CredentialKind::Totp).await? > 0;
    state.store.remove_credentials_of(principal, CredentialKind::RecoveryCode).await?;
    state.vault.remove(&secret_name(principal)).await?;
    state.vault.remove(&proposed_name(principal)).await?;
    Ok(was_on)
}

/// Whether a code is right now; a code is taken once (RFC 6238, section 5.2).
async fn spends(state: &AppState, principal: &str, secret: &[u8], code: &str, now: Timestamp) -> Result<bool, ApiError> {
    let Some(totp) = totp(secret) else { return Ok(false) };
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let Some(step) = totp.check(code, seconds) else { return Ok(false) };
    let end = now.checked_add(SignedDuration::from_secs(600)).unwrap_or(Timestamp::MAX);
    Ok(state.store.claim_once("totp-step", &hex_digest(&format!("{principal} {step}")), end).await?)
}

fn totp(secret: &[u8]) -> Option<Totp> {
    let secret = Secret::from(secret.to_vec());
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(DIGITS)
        .with_step_duration(STEP)
        .with_skew(1)
        .with_secret(secret)
        .build()
        .ok()
}

/// A QR code in SVG, dark on light whatever the page's colours: scanners need it so.
fn picture(text: &str) -> Option<String> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    const BORDER: i32 = 4;
    let mut path = String::new();
    for row in 0..code.size() {
        for column in (0..code.size()).filter(|column| code.get_module(*column, row)) {
            path.push_str(&format!("M{},{}h1v1h-1z", column + BORDER, row + BORDER));
        }
    }
    let side = code.size() + 2 * BORDER;
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0,0h{side}v{side}h-{side}z\"/><path fill=\"#000\" d=\"{path}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B, of which six digits are shown.
        let totp = totp(b"12345678901234567890").unwrap();
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            assert_eq!(totp.check(code, seconds), Some(seconds / 30), "{seconds}");
            assert_eq!(totp.check(code, seconds + 30), Some(seconds / 30), "a step late");
            assert_eq!(totp.check(code, seconds + 61), None, "too late");
        }
        for wrong in ["", "28708", "2870822", "abcdef", "28 082"] {
            assert_eq!(totp.check(wrong, 59), None, "{wrong}");
        }
    }

    #[test]
    fn the_picture_is_one_of_its_text_alone() {
        let svg = picture("otpauth://totp/Skywarden:ann?secret=AAAA").unwrap();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>") && !svg.contains("otpauth"));
    }
}
