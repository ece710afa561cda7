//! Logging in on another device (RFC 8628): a program shows a code, and a person who is signed in to the console agrees.

use axum::{
    Form, Json,
    extract::{Path, Query, State, rejection::FormRejection, rejection::JsonRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use skywarden_model::Timestamp;
use skywarden_rbac::PrincipalKind;

use super::{
    discovery::tenant_of,
    issue::{self, Refusal},
    token::{Given, enabled, is_own_scope},
};
use crate::{
    AppState, auth,
    error::ApiError,
    people::{Peer, address_of, random_bytes},
    scoped::Scoped,
    v1::Answer,
};

/// A person has this long to agree.
const MINUTES: i64 = 15;
/// Seconds between two questions of the program.
const INTERVAL: u32 = 5;
/// Letters of a code: none that looks like another, and no word comes of them.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// How many of them a code has: 25 thousand million codes.
const N_LETTERS: usize = 8;
/// What logins that are asked for are kept as: by the program's code, and by the person's.
const BY_PROGRAM: &str = "device";
const BY_PERSON: &str = "device-user";

/// The form that begins a login (RFC 8628, section 3.1).
#[derive(Deserialize)]
pub(crate) struct Asked {
    client_id: String,
    scope: Option<String>,
}

/// A login that is asked for.
#[derive(Clone, Serialize, Deserialize)]
struct Login {
    client: String,
    address: String,
    asked_at: Timestamp,
    expires_at: Timestamp,
    /// What the person said: `None` until they do.
    agreed: Option<bool>,
    /// Who agreed.
    principal: Option<String>,
    /// The digest of the program's code.
    program: String,
}

/// `POST /{tenant}/oauth2/v2.0/devicecode`.
pub(crate) async fn begin(
    State(state): State<AppState>,
    peer: Peer,
    Path(tenant): Path<String>,
    headers: HeaderMap,
    form: Result<Form<Asked>, FormRejection>,
) -> Result<Response, ApiError> {
    let base = state.auth.base(&headers)?;
    tenant_of(&state, &tenant)?;
    let asked = match form {
        Ok(Form(asked)) => asked,
        Err(rejection) => return Ok(Refusal::bad("invalid_request", rejection.body_text()).into_response()),
    };
    if let Some(scope) = asked.scope.as_deref()
        && !is_own_scope(&state, scope)
    {
        let message = format!("this server gives tokens for itself, not for `{scope}`");
        return Ok(Refusal::bad("invalid_scope", message).into_response());
    }
    let now = Timestamp::now();
    let expires_at = now.checked_add(SignedDuration::from_mins(MINUTES)).unwrap_or(Timestamp::MAX);
    let (device_code, user_code) = (auth::random_token(), user_code()?);
    let login = Login {
        client: asked.client_id.chars().take(64).collect(),
        address: address_of(&peer).map(|address| address.to_string()).unwrap_or_default(),
        asked_at: now,
        expires_at,
        agreed: None,
        principal: None,
        program: auth::hex_digest(&device_code),
    };
    keep(&state, BY_PROGRAM, &login.program, &login).await?;
    keep(&state, BY_PERSON, &auth::hex_digest(&plain(&user_code)), &login).await?;
    let address = format!("{base}/device");
    let message = format!("To sign in, open {address} in a browser where you are signed in, and enter the code {user_code}");
    Ok(Json(json!({
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": address,
        "verification_url": address,
        "verification_uri_complete": format!("{address}?code={user_code}"),
        "expires_in": MINUTES * 60,
        "interval": INTERVAL,
        "message": message,
    }))
    .into_response())
}

/// What a program gets for its code.
pub(super) async fn given(state: &AppState, base: &str, client: Option<&str>, code: Option<&str>) -> Given {
    let (Some(client), Some(code)) = (client, code) else {
        return Ok(Err(Refusal::bad("invalid_request", "client_id and device_code are needed")));
    };
    let (digest, now) = (auth::hex_digest(code), Timestamp::now());
    let login = read(state.store.once(BY_PROGRAM, &digest, now).await?).filter(|own| own.client == client);
    let Some(login) = login else { return Ok(Err(Refusal::bad("expired_token", "the code is wrong or has expired"))) };
    match (login.agreed, login.principal) {
        (Some(true), Some(principal)) => {
            // Of two that ask at once one gets the tokens.
            if state.store.take_once(BY_PROGRAM, &digest, now).await?.is_none() {
                return Ok(Err(Refusal::bad("expired_token", "the code was used")));
            }
            match enabled(state, &principal, PrincipalKind::User).await? {
                Some(principal) => Ok(Ok(issue::of_person(state, base, &principal, client).await?)),
                None => Ok(Err(Refusal::bad("authorization_declined", "the account is switched off"))),
            }
        }
        (Some(_), _) => Ok(Err(Refusal::bad("authorization_declined", "the person declined"))),
        (None, _) => Ok(Err(Refusal::bad("authorization_pending", "the person has not agreed yet"))),
    }
}

/// The query of `GET /api/v1/device`.
#[derive(Deserialize)]
pub(crate) struct Shown {
    code: String,
}

/// The body of `POST /api/v1/device`.
#[derive(Deserialize)]
pub(crate) struct Said {
    code: String,
    allow: bool,
}

/// `GET /api/v1/device?code=`: what asks.
pub(crate) async fn show(state: Scoped, Query(shown): Query<Shown>) -> Answer {
    state.person()?;
    let digest = auth::hex_digest(&plain(&shown.code));
    let login = read(state.store.once(BY_PERSON, &digest, Timestamp::now()).await?).ok_or_else(no_code)?;
    Ok(Json(json!({
        "clientId": login.client,
        "address": login.address,
        "askedAt": login.asked_at,
        "expiresAt": login.expires_at,
    })))
}

/// `POST /api/v1/device`: agrees or declines.
pub(crate) async fn say(state: Scoped, body: Result<Json<Said>, JsonRejection>) -> Result<StatusCode, ApiError> {
    let principal = state.person()?;
    let Json(said) = body?;
    let digest = auth::hex_digest(&plain(&said.code));
    let login = read(state.store.take_once(BY_PERSON, &digest, Timestamp::now()).await?).ok_or_else(no_code)?;
    let program = login.program.clone();
    let login = Login { agreed: Some(said.allow), principal: Some(principal), ..login };
    keep(&state, BY_PROGRAM, &program, &login).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn keep(state: &AppState, kind: &str, digest: &str, login: &Login) -> Result<(), ApiError> {
    let document: Value = json!(login);
    Ok(state.store.put_once(kind, digest, &document.to_string(), login.expires_at).await?)
}

fn read(document: Option<String>) -> Option<Login> {
    serde_json::from_str(&document?).ok()
}

fn no_code() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "NoSuchCode", "there is no such code, or it has expired; begin again in the program")
}

/// `BCDF-GHJK`.
fn user_code() -> Result<String, ApiError> {
    let mut code = String::with_capacity(N_LETTERS + 1);
    while code.len() < N_LETTERS {
        // 240 is twelve times 20: what is above would make some letters likelier.
        for byte in random_bytes::<16>()?.into_iter().filter(|byte| *byte < 240).take(N_LETTERS - code.len()) {
            code.extend(LETTERS.get(usize::from(byte) % LETTERS.len()).map(|letter| char::from(*letter)));
        }
    }
    code.insert(N_LETTERS / 2, '-');
    Ok(code)
}

/// A code as it is compared: people leave out the hyphen and write small letters.
fn plain(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_of_their_letters_and_compare_as_people_write_them() {
        for _ in 0..100 {
            let code = user_code().unwrap();
            assert_eq!((code.len(), code.find('-')), (9, Some(4)), "{code}");
            assert!(plain(&code).bytes().all(|letter| LETTERS.contains(&letter)), "{code}");
            assert_eq!(plain(&code), plain(&code.to_lowercase().replace('-', " ")));
        }
    }
}
