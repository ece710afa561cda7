//! People: the first account, signing in and out, what is refused, one-time codes, invitations, tokens.

use axum::http::StatusCode;
use serde_json::{Value, json};
use skywarden_api::hex_digest;
use skywarden_model::Timestamp;
use skywarden_rbac::{BuiltIn, Principal, PrincipalKind, PrincipalState};
use skywarden_store::{AuditQuery, Credential, CredentialKind};
use totp_rs::{Builder, Secret};

use crate::common::{BEARER, JSON, Server, ask, assign, get, post, program, send, server};

const PASSWORD: &str = "tangled-otter-7-violin";
const SAME_ORIGIN: (&str, &str) = ("sec-fetch-site", "same-origin");

/// A browser: it keeps a cookie and says where its requests come from.
pub(crate) struct Browser<'s> {
    server: &'s Server,
    cookie: String,
}

impl<'s> Browser<'s> {
    pub(crate) fn new(server: &'s Server) -> Self {
        Self { server, cookie: String::new() }
    }

    pub(crate) async fn ask(&mut self, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
        let cookie = self.cookie.clone();
        let response =
            send(self.server, method, path, &[JSON, SAME_ORIGIN, ("cookie", &cookie)], body.to_string().into_bytes()).await;
        for set in response.headers().get_all("set-cookie") {
            let text = set.to_str().unwrap();
            assert!(text.contains("HttpOnly") && text.contains("SameSite="), "{text}");
            let pair = text.split(';').next().unwrap();
            if pair.starts_with("skywarden_session=") {
                self.cookie = pair.to_owned();
            }
        }
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    async fn sign_in(&mut self, name: &str, password: &str, code: Option<&str>) -> (StatusCode, String) {
        let (status, body) =
            self.ask("POST", "/api/v1/sign-in", json!({ "name": name, "password": password, "code": code })).await;
        (status, body.pointer("/error/code").and_then(Value::as_str).unwrap_or_default().to_owned())
    }

    async fn session(&mut self) -> Option<Value> {
        let (status, body) = self.ask("GET", "/api/v1/session", Value::Null).await;
        status.is_success().then_some(body)
    }
}

/// A user with a password.
async fn user(server: &Server, name: &str) -> Principal {
    let principal = Principal {
        id: uuid::Uuid::new_v4().to_string(),
        kind: PrincipalKind::User,
        name: name.to_owned(),
        display_name: name.to_owned(),
        state: PrincipalState::Enabled,
        created_at: Timestamp::UNIX_EPOCH,
        provider: None,
    };
    server.store.put_principal(&principal).await.unwrap();
    let invitation = skywarden_api::invite(&server.store, &principal.id, Timestamp::now()).await.unwrap();
    let (_, code) = invitation.path.split_once("code=").unwrap();
    let (status, body) =
        Browser::new(server).ask("POST", "/api/v1/password", json!({ "code": code, "password": PASSWORD })).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    principal
}

/// A user with a password, and their browser.
pub(crate) async fn signed_in<'s>(server: &'s Server, name: &str) -> (Principal, Browser<'s>) {
    let principal = user(server, name).await;
    let mut browser = Browser::new(server);
    assert_eq!(browser.sign_in(name, PASSWORD, None).await.0, StatusCode::OK);
    (principal, browser)
}

/// The code of a secret in base32 that is shown a number of steps from now.
fn code(secret: &str, steps: i64) -> String {
    let totp = Builder::new().with_secret(Secret::try_from_base32(secret).unwrap()).build().unwrap();
    let at = Timestamp::now().as_second() + 30 * steps;
    totp.generate(u64::try_from(at).unwrap()).to_string()
}

#[tokio::test]
async fn the_first_account_is_made_from_the_printed_address_and_owns_everything() {
    let server = server().await;
    let mut stranger = Browser::new(&server);
    let (_, options) = stranger.ask("GET", "/api/v1/sign-in", Value::Null).await;
    assert_eq!((&options["firstRun"], &options["local"]), (&json!(true), &json!(false)));
    let first = json!({ "name": "ann", "displayName": "Ann", "password": PASSWORD });
    assert_eq!(stranger.ask("POST", "/api/v1/set-up", first.clone()).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(post(&server, "/api/v1/set-up", &first).await.0, StatusCode::CONFLICT, "a token is no browser");

    let mut browser = Browser::new(&server);
    assert_eq!(browser.ask("GET", "/login?token=once", Value::Null).await.0, StatusCode::SEE_OTHER);
    let session = browser.session().await.unwrap();
    assert_eq!((&session["kind"], &session["firstRun"]), (&json!("Installation"), &json!(true)));
    let weak = json!({ "name": "ann", "password": "annannannann" });
    let (status, answer) = browser.ask("POST", "/api/v1/set-up", weak).await;
    assert_eq!((status, &answer["error"]["code"]), (StatusCode::BAD_REQUEST, &json!("PasswordTooWeak")));
    let (status, answer) = browser.ask("POST", "/api/v1/set-up", first.clone()).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let session = browser.session().await.unwrap();
    assert_eq!(answer, session, "what the console goes on with");
    assert_eq!(
        (&session["name"], &session["kind"], &session["firstRun"], &session["roles"][0]["roleName"]),
        (&json!("ann"), &json!("User"), &json!(false), &json!("Owner"))
    );
    assert_eq!(browser.ask("POST", "/api/v1/set-up", first).await.0, StatusCode::CONFLICT, "once");
    assert_eq!(browser.ask("GET", "/api/v1/principals", Value::Null).await.0, StatusCode::OK);
    let (_, options) = stranger.ask("GET", "/api/v1/sign-in", Value::Null).await;
    assert_eq!((&options["firstRun"], &options["local"]), (&json!(false), &json!(true)));
}

#[tokio::test]
async fn whoever_signs_in_sees_what_their_roles_allow_until_they_sign_out() {
    let server = server().await;
    let ann = user(&server, "Ann").await;
    let mut browser = Browser::new(&server);
    assert_eq!(browser.sign_in(" ann ", PASSWORD, None).await.0, StatusCode::OK, "a name is one in any case");
    let session = browser.session().await.unwrap();
    assert_eq!((&session["id"], &session["may"].as_array().unwrap().is_empty()), (&json!(ann.id), &true));
    assert_eq!(browser.ask("GET", "/api/v1/principals", Value::Null).await.0, StatusCode::FORBIDDEN);
    assign(&server, &ann, BuiltIn::SecurityReader, "/").await;
    let (_, overview) = browser.ask("GET", "/api/v1/overview", Value::Null).await;
    assert_eq!(overview["resources"], 1);
    let may = async |browser: &mut Browser<'_>, action: &str| {
        browser.session().await.unwrap()["may"].as_array().unwrap().contains(&json!(action))
    };
    assert!(may(&mut browser, "Microsoft.Security/assessments/read").await);
    assert!(!may(&mut browser, "Microsoft.Security/pricings/write").await);
    let bob = signed_in(&server, "bob").await;
    assign(&server, &bob.0, BuiltIn::Owner, "/subscriptions/fleet").await;
    let mut below = bob.1;
    assert!(may(&mut below, "Microsoft.Security/pricings/write").await);
    assert!(!may(&mut below, "Microsoft.Authorization/auditLog/read").await, "the log is the tenant's");
    let everywhere = |session: &Value| session["mayEverywhere"].as_array().unwrap().clone();
    assert!(everywhere(&below.session().await.unwrap()).is_empty(), "a role at a subscription allows nothing at the tenant");
    let session = browser.session().await.unwrap();
    assert!(everywhere(&session).contains(&json!("Microsoft.Security/assessments/read")));
    assert_eq!(session["version"], env!("CARGO_PKG_VERSION"));
    let held = browser.cookie.clone();
    assert_eq!(browser.ask("DELETE", "/api/v1/session", Value::Null).await.0, StatusCode::NO_CONTENT);
    assert_eq!(browser.cookie, "skywarden_session=");
    browser.cookie = held;
    assert!(browser.session().await.is_none(), "the old cookie opens nothing");
    let log = server.store.audit(&AuditQuery { limit: 10, ..AuditQuery::default() }).await.unwrap();
    let is_hers = |line: &&skywarden_store::AuditLine| line.entry.principal == ann.id;
    let hers: Vec<_> = log.iter().filter(is_hers).map(|line| (line.entry.action.as_str(), line.entry.outcome.as_str())).collect();
    assert!(hers.contains(&("Skywarden.Account/signIn/action", "Succeeded")), "{hers:?}");
}

#[tokio::test]
async fn a_session_that_somebody_planted_is_not_gone_on_with() {
    let server = server().await;
    user(&server, "ann").await;
    let mut attacker = Browser::new(&server);
    attacker.sign_in("ann", PASSWORD, None).await;
    let planted = attacker.cookie.clone();
    let mut victim = Browser { server: &server, cookie: planted.clone() };
    victim.sign_in("ann", PASSWORD, None).await;
    assert_ne!(victim.cookie, planted);
    assert!(victim.session().await.is_some());
    assert!(attacker.session().await.is_none(), "the planted session has ended");
    // One that the server never gave is no session either.
    let mut made_up = Browser { server: &server, cookie: "skywarden_session=chosen".to_owned() };
    made_up.sign_in("ann", PASSWORD, None).await;
    assert_ne!(made_up.cookie, "skywarden_session=chosen");
}

#[tokio::test]
async fn wrong_tries_lock_and_tell_nothing() {
    let server = server().await;
    let ann = user(&server, "ann").await;
    let mut browser = Browser::new(&server);
    let refused = (StatusCode::UNAUTHORIZED, "SignInFailed".to_owned());
    let locked = (StatusCode::TOO_MANY_REQUESTS, "TooManyAttempts".to_owned());
    for name in ["ann", "nobody"] {
        for _ in 0..5 {
            assert_eq!(browser.sign_in(name, "wrong-wrong-wrong", None).await, refused, "{name}");
        }
        assert_eq!(browser.sign_in(name, PASSWORD, None).await, locked, "{name}: the right one too");
    }
    let principal = get(&server, &format!("/api/v1/principals/{}", ann.id)).await;
    assert!(principal["lockedUntil"].is_string(), "{principal}");
    assert_eq!(post(&server, &format!("/api/v1/principals/{}/unlock", ann.id), &json!({})).await.0, StatusCode::NO_CONTENT);
    assert_eq!(browser.sign_in("ann", PASSWORD, None).await.0, StatusCode::OK);
    let log = server.store.audit(&AuditQuery { limit: 100, ..AuditQuery::default() }).await.unwrap();
    let n_failed =
        |name: &str| log.iter().filter(|line| line.entry.outcome == "Failed (401)" && line.entry.principal_name == name).count();
    assert_eq!((n_failed("ann"), n_failed("nobody")), (5, 0), "what nobody is called does not fill the log");
}

#[tokio::test]
async fn many_guesses_at_once_are_not_many_tries() {
    let server = server().await;
    user(&server, "ann").await;
    let one = async || Browser::new(&server).sign_in("ann", "wrong-wrong-wrong", None).await.0;
    let guesses = futures_util::future::join_all((0..40).map(|_| one())).await;
    let n_tried = guesses.iter().filter(|status| **status == StatusCode::UNAUTHORIZED).count();
    assert!((1..=6).contains(&n_tried), "{n_tried} were checked");
}

#[tokio::test]
async fn one_time_codes_are_asked_for_and_taken_once() {
    let server = server().await;
    let ann = user(&server, "ann").await;
    let mut browser = Browser::new(&server);
    browser.sign_in("ann", PASSWORD, None).await;
    let (_, proposal) = browser.ask("POST", "/api/v1/session/totp", Value::Null).await;
    let secret = proposal["secret"].as_str().unwrap().to_owned();
    assert!(proposal["uri"].as_str().unwrap().starts_with("otpauth://totp/Skywarden:ann?secret="), "{proposal}");
    assert_eq!(browser.session().await.unwrap()["totp"], false, "not before it is confirmed");
    let (status, _) = browser.ask("PUT", "/api/v1/session/totp", json!({ "code": "000000" })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (status, on) = browser.ask("PUT", "/api/v1/session/totp", json!({ "code": code(&secret, -1) })).await;
    assert_eq!(status, StatusCode::OK, "{on}");
    let recovery: Vec<&str> = on["recoveryCodes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap()).collect();
    assert_eq!(recovery.len(), 10);

    let mut other = Browser::new(&server);
    assert_eq!(other.sign_in("ann", PASSWORD, None).await.1, "CodeRequired");
    assert_eq!(other.sign_in("ann", PASSWORD, Some("000000")).await.1, "SignInFailed");
    let used = code(&secret, -1);
    assert_eq!(other.sign_in("ann", PASSWORD, Some(&used)).await.1, "SignInFailed", "the code that switched them on");
    let next = code(&secret, 0);
    assert_eq!(other.sign_in("ann", PASSWORD, Some(&next)).await.0, StatusCode::OK);
    assert_eq!(other.sign_in("ann", PASSWORD, Some(&next)).await.1, "SignInFailed", "replayed");
    assert_eq!(other.sign_in("ann", PASSWORD, Some(recovery[0])).await.0, StatusCode::OK);
    assert_eq!(other.sign_in("ann", PASSWORD, Some(recovery[0])).await.1, "SignInFailed", "a recovery code is spent");
    assert_eq!(other.sign_in("ann", PASSWORD, Some(&recovery[1].to_uppercase().replace('-', " "))).await.0, StatusCode::OK);
    assert_eq!(other.session().await.unwrap()["recoveryCodesLeft"], 8);
    // Nothing of the secret stands in the store in the clear.
    let kept = server.store.credentials_of(&ann.id).await.unwrap();
    assert!(!format!("{:?}", kept.iter().map(|own| &own.secret).collect::<Vec<_>>()).contains(&secret));
    let off = json!({ "password": "wrong-wrong-wrong" });
    assert_eq!(other.ask("POST", "/api/v1/session/totp/remove", off).await.0, StatusCode::UNAUTHORIZED);
    let off = json!({ "password": PASSWORD });
    assert_eq!(other.ask("POST", "/api/v1/session/totp/remove", off).await.0, StatusCode::NO_CONTENT);
    assert_eq!(Browser::new(&server).sign_in("ann", PASSWORD, None).await.0, StatusCode::OK);
}

#[tokio::test]
async fn wrong_codes_lock_although_the_password_is_right() {
    let server = server().await;
    user(&server, "ann").await;
    let mut browser = Browser::new(&server);
    browser.sign_in("ann", PASSWORD, None).await;
    let (_, proposal) = browser.ask("POST", "/api/v1/session/totp", Value::Null).await;
    let on = json!({ "code": code(proposal["secret"].as_str().unwrap(), -1) });
    assert_eq!(browser.ask("PUT", "/api/v1/session/totp", on).await.0, StatusCode::OK);
    let mut guesser = Browser::new(&server);
    let mut answers = Vec::new();
    for _ in 0..6 {
        // Asking for the code in between forgets no wrong one.
        guesser.sign_in("ann", PASSWORD, None).await;
        answers.push(guesser.sign_in("ann", PASSWORD, Some("123456")).await.1);
    }
    assert_eq!(answers.last().unwrap(), "TooManyAttempts", "{answers:?}");
}

#[tokio::test]
async fn an_invitation_works_once_and_ends_with_the_password() {
    let server = server().await;
    let (status, made) =
        post(&server, "/api/v1/principals", &json!({ "kind": "User", "name": "bob", "displayName": "Bob B." })).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let id = made["principal"]["id"].as_str().unwrap();
    let code_of = |invitation: &Value| invitation["path"].as_str().unwrap().split_once("code=").unwrap().1.to_owned();
    let first = code_of(&made["invitation"]);
    let (_, second) = post(&server, &format!("/api/v1/principals/{id}/invitation"), &json!({})).await;
    let set = async |code: &str, password: &str| {
        let body = json!({ "code": code, "password": password });
        Browser::new(&server).ask("POST", "/api/v1/password", body).await
    };
    assert_eq!(set("made-up", PASSWORD).await.0, StatusCode::UNAUTHORIZED);
    let (_, weak) = set(&first, "short").await;
    assert_eq!(weak["error"]["code"], "PasswordTooWeak");
    let (_, weak) = set(&first, "Bob B.Bob B.Bob B.").await;
    assert_eq!(weak["error"]["code"], "PasswordTooWeak");
    assert_eq!(set(&first, PASSWORD).await, (StatusCode::OK, json!({ "name": "bob" })), "a refused one spends nothing");
    assert_eq!(set(&first, PASSWORD).await.0, StatusCode::UNAUTHORIZED, "twice");
    assert_eq!(set(&code_of(&second), PASSWORD).await.0, StatusCode::UNAUTHORIZED, "the password is another since");
    let mut browser = Browser::new(&server);
    assert_eq!(browser.sign_in("bob", PASSWORD, None).await.0, StatusCode::OK);
    let (_, third) = post(&server, &format!("/api/v1/principals/{id}/invitation"), &json!({})).await;
    assert_eq!(set(&code_of(&third), "violin-otter-7-tangled").await.0, StatusCode::OK);
    assert!(browser.session().await.is_none(), "sessions end with the password that opened them");
    assert_eq!(browser.sign_in("bob", PASSWORD, None).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(post(&server, "/api/v1/principals", &json!({ "kind": "User", "name": "BOB" })).await.0, StatusCode::CONFLICT);
    for name in ["", " ", "a\u{202e}b", "a\nb", &"x".repeat(129)] {
        let (status, _) = post(&server, "/api/v1/principals", &json!({ "kind": "User", "name": name })).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{name:?}");
    }
}

#[tokio::test]
async fn a_password_is_changed_by_who_knows_it() {
    let server = server().await;
    user(&server, "ann").await;
    let (mut here, mut elsewhere) = (Browser::new(&server), Browser::new(&server));
    here.sign_in("ann", PASSWORD, None).await;
    elsewhere.sign_in("ann", PASSWORD, None).await;
    let (_, sessions) = here.ask("GET", "/api/v1/session/sessions", Value::Null).await;
    assert_eq!(sessions["items"].as_array().unwrap().len(), 2);
    assert!(!sessions.to_string().contains(&hex_digest(here.cookie.split_once('=').unwrap().1)), "no digest is shown");
    let change = |current: &str, password: &str| json!({ "current": current, "password": password });
    let put = "/api/v1/session/password";
    assert_eq!(here.ask("PUT", put, change("wrong-wrong-wrong", "violin-otter-7-tangled")).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(here.ask("PUT", put, change(PASSWORD, "ann-ann-ann-ann")).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(here.ask("PUT", put, change(PASSWORD, "violin-otter-7-tangled")).await.0, StatusCode::NO_CONTENT);
    assert!(here.session().await.is_some());
    assert!(elsewhere.session().await.is_none());
    let (_, sessions) = here.ask("GET", "/api/v1/session/sessions", Value::Null).await;
    let own = sessions["items"][0]["id"].as_str().unwrap();
    assert_eq!(here.ask("DELETE", "/api/v1/session/sessions/none", Value::Null).await.0, StatusCode::NOT_FOUND);
    assert_eq!(here.ask("DELETE", &format!("/api/v1/session/sessions/{own}"), Value::Null).await.0, StatusCode::NO_CONTENT);
    assert!(here.session().await.is_none());
}

#[tokio::test]
async fn a_token_may_at_most_what_it_says_and_its_owner_may() {
    let server = server().await;
    let ann = user(&server, "ann").await;
    assign(&server, &ann, BuiltIn::Owner, "/").await;
    let mut browser = Browser::new(&server);
    browser.sign_in("ann", PASSWORD, None).await;
    let tokens = "/api/v1/session/tokens";
    let make = |actions: Value, scope: Value| json!({ "name": "t", "expiresInDays": 30, "actions": actions, "scope": scope });
    let mut bearer = async |actions: Value, scope: Value| {
        let (status, made) = browser.ask("POST", tokens, make(actions, scope)).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        format!("Bearer {}", made["secret"].as_str().unwrap())
    };
    let reader = bearer(json!(["*/read"]), Value::Null).await;
    let elsewhere = bearer(Value::Null, json!("/subscriptions/00000000-0000-4000-8000-00000000000a")).await;
    let there = bearer(json!(["Microsoft.Security/*"]), json!("/subscriptions/fleet")).await;
    let nothing = bearer(json!([]), Value::Null).await;
    let with =
        async |bearer: &str, method: &str, path: &str| ask(&server, method, path, &[("authorization", bearer), JSON], "{}").await;
    assert_eq!(with(&reader, "GET", "/api/v1/principals").await.0, StatusCode::OK);
    assert_eq!(with(&reader, "POST", "/api/v1/principals").await.0, StatusCode::FORBIDDEN);
    for (token, n_resources) in [(&reader, 1), (&elsewhere, 0), (&there, 1), (&nothing, 0)] {
        let (_, body) = with(token, "GET", "/api/v1/resources").await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["items"].as_array().unwrap().len(), n_resources, "{body}");
    }
    assert_eq!(with(&there, "GET", "/api/v1/principals").await.0, StatusCode::FORBIDDEN);
    assert_eq!(with(&there, "POST", "/api/v1/exemptions").await.0, StatusCode::FORBIDDEN);
    assert_eq!(with(&elsewhere, "POST", "/api/v1/principals").await.0, StatusCode::FORBIDDEN);
    // What a token was limited to it can't lift.
    assert_eq!(with(&reader, "POST", tokens).await.0, StatusCode::FORBIDDEN);
    for (actions, scope) in [(json!(["a b"]), Value::Null), (Value::Null, json!("nowhere"))] {
        assert_eq!(browser.ask("POST", tokens, make(actions, scope)).await.0, StatusCode::BAD_REQUEST);
    }
    let (_, listed) = browser.ask("GET", tokens, Value::Null).await;
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.len(), 4);
    assert!(items.iter().any(|own| own["lastUsedAt"].is_string()) && !listed.to_string().contains("skw_"));
    for own in items {
        let path = format!("{tokens}/{}", own["id"].as_str().unwrap());
        assert_eq!(browser.ask("DELETE", &path, Value::Null).await.0, StatusCode::NO_CONTENT);
    }
    assert_eq!(with(&reader, "GET", "/api/v1/overview").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn limits_of_a_token_that_can_not_be_read_refuse_it() {
    let server = server().await;
    let bearer = program(&server, "reporter", BuiltIn::Reader, "/").await;
    let id = get(&server, "/api/v1/principals").await["items"][0]["id"].as_str().unwrap().to_owned();
    let token =
        server.store.credentials_of(&id).await.unwrap().into_iter().find(|own| own.kind == CredentialKind::Token).unwrap();
    let ask_with = async || ask(&server, "GET", "/api/v1/overview", &[("authorization", bearer.as_str())], "").await.0;
    assert_eq!(ask_with().await, StatusCode::OK);
    for scope in ["{", "{\"only\":1}", "{\"scope\":\"nowhere\"}", "{\"actions\":[\"a b\"]}"] {
        server.store.put_credential(&Credential { scope: Some(scope.to_owned()), ..token.clone() }).await.unwrap();
        assert_eq!(ask_with().await, StatusCode::UNAUTHORIZED, "{scope}");
    }
}

#[tokio::test]
async fn whoever_looks_after_people_does_not_become_them() {
    let server = server().await;
    let role = json!({ "properties": { "roleName": "Desk", "type": "CustomRole", "description": "", "assignableScopes": ["/"],
        "permissions": [{ "actions": ["Microsoft.Authorization/principals/*", "*/read"], "notActions": [], "dataActions": [], "notDataActions": [] }] } });
    let id = "00000000-0000-4000-8000-0000000000aa";
    let path = format!("/providers/Microsoft.Authorization/roleDefinitions/{id}");
    assert_eq!(ask(&server, "PUT", &path, &[BEARER, JSON], &role.to_string()).await.0, StatusCode::CREATED);
    let ann = user(&server, "ann").await;
    assign(&server, &ann, BuiltIn::Owner, "/").await;
    let bob = user(&server, "bob").await;
    let held = json!({ "properties": { "roleDefinitionId": path, "principalId": bob.id } });
    let assignment = "/providers/Microsoft.Authorization/roleAssignments/00000000-0000-4000-8000-0000000000ab";
    assert_eq!(ask(&server, "PUT", assignment, &[BEARER, JSON], &held.to_string()).await.0, StatusCode::CREATED);
    let mut desk = Browser::new(&server);
    desk.sign_in("bob", PASSWORD, None).await;
    for (method, tail) in [("POST", "/invitation"), ("DELETE", "/totp"), ("POST", "/credentials")] {
        let path = format!("/api/v1/principals/{}{tail}", ann.id);
        assert_eq!(desk.ask(method, &path, json!({ "name": "x", "expiresInDays": 1 })).await.0, StatusCode::FORBIDDEN, "{tail}");
    }
    let renamed = desk.ask("PATCH", &format!("/api/v1/principals/{}", ann.id), json!({ "displayName": "Ann A." })).await;
    assert_eq!((renamed.0, &renamed.1["displayName"]), (StatusCode::OK, &json!("Ann A.")));
    let own = format!("/api/v1/principals/{}", bob.id);
    assert_eq!(desk.ask("DELETE", &own, Value::Null).await.0, StatusCode::CONFLICT, "oneself");
    assert_eq!(desk.ask("PATCH", &own, json!({ "state": "Disabled" })).await.0, StatusCode::CONFLICT);
}

#[tokio::test]
async fn who_is_switched_off_is_out_at_once() {
    let server = server().await;
    let ann = user(&server, "ann").await;
    let mut browser = Browser::new(&server);
    browser.sign_in("ann", PASSWORD, None).await;
    let path = format!("/api/v1/principals/{}", ann.id);
    assert_eq!(ask(&server, "PATCH", &path, &[BEARER, JSON], "{\"state\":\"Disabled\"}").await.0, StatusCode::OK);
    assert!(browser.session().await.is_none());
    assert_eq!(browser.sign_in("ann", PASSWORD, None).await.1, "SignInFailed");
    assert_eq!(ask(&server, "DELETE", &path, &[BEARER], "").await.0, StatusCode::NO_CONTENT);
    assert_eq!(ask(&server, "GET", &path, &[BEARER], "").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn other_sites_can_neither_sign_anybody_in_nor_change_anything() {
    let server = server().await;
    let ann = user(&server, "ann").await;
    assign(&server, &ann, BuiltIn::Owner, "/").await;
    let mut browser = Browser::new(&server);
    browser.sign_in("ann", PASSWORD, None).await;
    let body = json!({ "name": "ann", "password": PASSWORD }).to_string();
    for origin in [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.example")] {
        let (status, _) = ask(&server, "POST", "/api/v1/sign-in", &[JSON, origin], &body).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{origin:?}");
        let cookie = ("cookie", browser.cookie.as_str());
        let (status, _) = ask(&server, "POST", "/api/v1/principals", &[JSON, origin, cookie], "{}").await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{origin:?}");
        // An `Authorization` that is no login does not make it a program's request.
        let headers = [JSON, origin, cookie, ("authorization", "Basic eDp5")];
        assert_eq!(ask(&server, "POST", "/api/v1/principals", &headers, "{}").await.0, StatusCode::FORBIDDEN, "{origin:?}");
    }
    // A form of another site can't say that it sends JSON.
    let form = ("content-type", "text/plain");
    assert_eq!(ask(&server, "POST", "/api/v1/sign-in", &[form], &body).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_log_is_paged_verified_and_exported_and_holds_what_was_sent_as_data() {
    let server = server().await;
    for name in ["one", "two\r\nFAKE line", "three"] {
        program(&server, name, BuiltIn::Reader, "/").await;
        let id = get(&server, "/api/v1/principals").await["items"][0]["id"].as_str().unwrap().to_owned();
        let title = json!({ "displayName": "x" }).to_string();
        let path = format!("/api/v1/principals/{id}?note=%0d%0aFAKE");
        assert_eq!(ask(&server, "PATCH", &path, &[BEARER, JSON], &title).await.0, StatusCode::OK);
    }
    let page = get(&server, "/api/v1/audit?top=2").await;
    assert_eq!((page["items"].as_array().unwrap().len(), &page["next"]), (2, &json!(2)));
    let rest = get(&server, "/api/v1/audit?top=2&before=2").await;
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next"]), (1, &Value::Null));
    let verified = get(&server, "/api/v1/audit/verification").await;
    assert_eq!((&verified["intact"], &verified["lines"]), (&json!(true), &json!(3)));
    assert_eq!(verified["newestHash"], page["items"][0]["hash"]);
    let (status, export) = ask(&server, "GET", "/api/v1/audit/export", &[BEARER], "").await;
    let lines: Vec<Value> = export.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((status, lines.len()), (StatusCode::OK, 3));
    assert_eq!(lines.first().unwrap()["details"]["query"], "note=%0d%0aFAKE");
}
