//! How programs log in: what a client of Azure asks first, tokens, and what is refused.

use axum::http::StatusCode;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use skywarden_api::OPEN_ROUTES;
use skywarden_model::{Resource, Scope, Timestamp, subscription_id};
use skywarden_rbac::{BuiltIn, Principal, PrincipalState};
use skywarden_store::{Credential, CredentialKind};

use crate::{
    common::{BEARER, Server, TENANT, ask, assign, estate_of, machine, post, program, server},
    people::signed_in,
};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const BASE: &str = "http://127.0.0.1:8470";

async fn open(server: &Server, path: &str) -> (StatusCode, Value) {
    let (status, body) = ask(server, "GET", path, &[], "").await;
    (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
}

async fn token(server: &Server, form: &str) -> (StatusCode, Value) {
    let (status, body) = ask(server, "POST", &format!("/{TENANT}/oauth2/v2.0/token"), &[FORM], form).await;
    (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
}

async fn id_of(server: &Server, name: &str) -> String {
    server.store.principals().await.unwrap().into_iter().find(|own| own.name == name).unwrap().id
}

#[tokio::test]
async fn a_client_finds_everything_here_and_nothing_elsewhere() {
    let server = server().await;
    let (_, endpoints) = open(&server, "/metadata/endpoints?api-version=2022-09-01").await;
    assert_eq!((&endpoints["resourceManager"], &endpoints["authentication"]["audiences"]), (&json!(BASE), &json!([BASE])));
    let (_, configuration) = open(&server, &format!("/{TENANT}/v2.0/.well-known/openid-configuration")).await;
    assert_eq!(configuration["issuer"], format!("{BASE}/{TENANT}/v2.0"));
    for document in [&endpoints, &configuration] {
        let text = document.to_string();
        assert_eq!(text.matches("http").count(), text.matches(BASE).count(), "an address elsewhere in {text}");
    }
    let (_, keys) = open(&server, &format!("/{TENANT}/discovery/v2.0/keys")).await;
    assert_eq!((&keys["keys"][0]["alg"], &keys["keys"][0]["d"]), (&json!("ES256"), &Value::Null), "the public half only");
    assert_eq!(open(&server, "/organizations/v2.0/.well-known/openid-configuration").await.0, StatusCode::OK);
    assert_eq!(open(&server, "/another/v2.0/.well-known/openid-configuration").await.0, StatusCode::NOT_FOUND);
    for (method, path) in OPEN_ROUTES.iter().copied().flatten() {
        let path = path.replace("{tenant}", TENANT);
        let (status, _) = ask(&server, method, &path, &[("host", "evil.example"), FORM], "grant_type=x").await;
        assert_eq!(status, StatusCode::MISDIRECTED_REQUEST, "{path} under another host");
    }
}

#[tokio::test]
async fn a_program_gets_a_token_for_its_secret_and_asks_with_it() {
    let server = server().await;
    program(&server, "reporter", BuiltIn::SecurityReader, "/subscriptions/fleet").await;
    let id = id_of(&server, "reporter").await;
    let form = |more: &str| format!("grant_type=client_credentials&client_id={id}&client_info=1&{more}");
    let scope = "scope=http%3A%2F%2F127.0.0.1%3A8470%2F.default";
    let (status, answer) = token(&server, &form(&format!("client_secret=the-secret&{scope}"))).await;
    assert_eq!((status, &answer["token_type"]), (StatusCode::OK, &json!("Bearer")), "{answer}");
    let bearer = format!("Bearer {}", answer["access_token"].as_str().unwrap());
    let (status, body) = ask(&server, "GET", "/subscriptions?api-version=2022-12-01", &[("authorization", &bearer)], "").await;
    let listed: Value = serde_json::from_str(&body).unwrap();
    let own = subscription_id(&machine().scope).to_string();
    assert_eq!(
        (status, &listed["value"][0]["subscriptionId"], &listed["value"][0]["tenantId"]),
        (StatusCode::OK, &json!(own), &json!(TENANT))
    );
    let (_, body) = ask(&server, "GET", &format!("/subscriptions/{own}/resources"), &[("authorization", &bearer)], "").await;
    assert!(body.contains("machine-1"), "{body}");
    for (filter, code, shows) in [
        ("", StatusCode::OK, true),
        ("resourceType%20eq%20%27Skywarden.Host%2Fmachines%27", StatusCode::OK, true),
        ("resourceType%20eq%20%27Other%2Fthings%27", StatusCode::OK, false),
        ("colour%20eq%20%27x%27", StatusCode::BAD_REQUEST, false),
    ] {
        let path = format!("/subscriptions/{own}/resources?$filter={filter}");
        let (status, body) = ask(&server, "GET", &path, &[("authorization", &bearer)], "").await;
        assert_eq!((status, body.contains("machine-1")), (code, shows), "{filter}: {body}");
    }
    let scores = format!("/%2Fsubscriptions%2F{own}/providers/microsoft.security/SECURESCORES");
    assert_eq!(ask(&server, "GET", &scores, &[("authorization", &bearer)], "").await.0, StatusCode::OK, "as clients spell it");

    // What was issued to it is void once it is switched off.
    let principal = server.store.principal(&id).await.unwrap().unwrap();
    server.store.put_principal(&Principal { state: PrincipalState::Disabled, ..principal }).await.unwrap();
    assert_eq!(ask(&server, "GET", "/subscriptions", &[("authorization", &bearer)], "").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(token(&server, &form(&format!("client_secret=the-secret&{scope}"))).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn resources_and_groups_are_listed_by_what_clients_ask_of_them() {
    let tags = [("env".to_owned(), "prod".to_owned()), ("owner".to_owned(), "ann".to_owned())];
    let like = Resource { location: Some("eu-west-1".to_owned()), tags: tags.into(), ..machine() };
    let server = estate_of(&[("alpha", "a1")], &like).await;
    let scope = Scope { connector: "alpha".into(), account: "a1".into(), resource_group: "machines".into() };
    let own = format!("/subscriptions/{}", subscription_id(&scope));
    let asked = async |list: &str, filter: &str| {
        let filter: String = form_urlencoded::byte_serialize(filter.as_bytes()).collect();
        let (status, answer) = ask(&server, "GET", &format!("{own}/{list}?$filter={filter}"), &[BEARER], "").await;
        assert_eq!(status, StatusCode::OK, "{filter}: {answer}");
        serde_json::from_str::<Value>(&answer).unwrap()["value"].as_array().unwrap().len()
    };
    // As `az resource list` writes them for its options.
    for (filter, n) in [
        ("resourceGroup eq 'MACHINES' and resourceType eq 'Skywarden.Host/machines'", 1),
        ("resourceGroup eq 'others'", 0),
        ("name eq 'alpha-a1'", 1),
        ("name eq 'alpha-a'", 0),
        ("location eq 'eu-west-1'", 1),
        ("location eq 'machines'", 0),
        ("tagname eq 'env' and tagvalue eq 'prod'", 1),
        ("tagname eq 'owner' and tagvalue eq 'ann'", 1),
        ("tagname eq 'env' and tagvalue eq 'ann'", 0),
        ("startswith(tagname, 'own')", 1),
        ("startswith(tagname, 'x')", 0),
    ] {
        assert_eq!(asked("resources", filter).await, n, "{filter}");
    }
    assert_eq!(asked("resourceGroups/machines/resources", "name eq 'alpha-a1'").await, 1);
    assert_eq!((asked("resourceGroups", "").await, asked("resourceGroups", "tagname eq 'env'").await), (1, 0));
}

#[tokio::test]
async fn what_is_wrong_with_a_token_request_is_said_in_oauths_words() {
    let server = server().await;
    program(&server, "reporter", BuiltIn::SecurityReader, "/").await;
    let id = id_of(&server, "reporter").await;
    let of = |id: &str, secret: &str| format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    for (form, error) in [
        (of(&id, "wrong"), "invalid_client"),
        (of("00000000-0000-4000-8000-000000000009", "the-secret"), "invalid_client"),
        (format!("grant_type=client_credentials&client_id={id}"), "invalid_request"),
        (format!("grant_type=password&client_id={id}&username=a&password=b"), "unsupported_grant_type"),
        (format!("{}&scope=https%3A%2F%2Fmanagement.azure.com%2F.default", of(&id, "the-secret")), "invalid_scope"),
        ("x".to_owned(), "invalid_request"),
    ] {
        let (status, answer) = token(&server, &form).await;
        assert!(status.is_client_error() && answer["error"] == error, "{form}: {status} {answer}");
    }
    let (_, wrong) = token(&server, &of(&id, "wrong")).await;
    let (_, unknown) = token(&server, &of("00000000-0000-4000-8000-000000000009", "the-secret")).await;
    assert_eq!(wrong, unknown, "the answer does not tell whether there is such a program");
}

/// The program's side of a certificate: a key, and the certificate in PEM.
fn certificate() -> (rcgen::KeyPair, String) {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let pem = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap().pem();
    (key, pem)
}

#[tokio::test]
async fn a_program_proves_itself_with_its_certificate_once_with_each_assertion() {
    let server = server().await;
    program(&server, "reporter", BuiltIn::SecurityReader, "/").await;
    let id = id_of(&server, "reporter").await;
    let (key, pem) = certificate();
    let path = format!("/api/v1/principals/{id}/credentials");
    let body = json!({ "kind": "Certificate", "name": "c", "expiresInDays": 1, "certificate": pem });
    assert_eq!(post(&server, &path, &body).await.0, StatusCode::CREATED);
    for wrong in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let body = json!({ "kind": "Certificate", "name": "c", "expiresInDays": 1, "certificate": wrong });
        assert_eq!(post(&server, &path, &body).await.0, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let now = Timestamp::now().as_second();
    let audience = format!("{BASE}/{TENANT}/oauth2/v2.0/token");
    let claims = |jti: &str| json!({ "iss": id, "sub": id, "aud": audience, "exp": now + 600, "nbf": now, "jti": jti });
    let signed_by = |key: &rcgen::KeyPair, claims: &Value| {
        let key = EncodingKey::from_ec_pem(key.serialize_pem().as_bytes()).unwrap();
        encode(&Header::new(Algorithm::ES256), claims, &key).unwrap()
    };
    let form = |assertion: &str| {
        let kind = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
        format!("grant_type=client_credentials&client_id={id}&client_assertion_type={kind}&client_assertion={assertion}")
    };
    let good = signed_by(&key, &claims("1"));
    let (status, answer) = token(&server, &form(&good)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let bearer = format!("Bearer {}", answer["access_token"].as_str().unwrap());
    assert_eq!(ask(&server, "GET", "/api/v1/overview", &[("authorization", &bearer)], "").await.0, StatusCode::OK);
    let refused = async |what: &str, assertion: &str| {
        let (status, answer) = token(&server, &form(assertion)).await;
        assert_eq!((status, &answer["error"]), (StatusCode::UNAUTHORIZED, &json!("invalid_client")), "{what}");
    };
    refused("replayed", &good).await;
    refused("signed by another", &signed_by(&certificate().0, &claims("2"))).await;
    for (what, name, value) in [
        ("for another", "aud", json!("https://login.microsoftonline.com/x/oauth2/v2.0/token")),
        ("of another", "sub", json!("00000000-0000-4000-8000-000000000009")),
        ("by another", "iss", json!("00000000-0000-4000-8000-000000000009")),
        ("expired", "exp", json!(now - 1)),
        ("for ever", "exp", json!(now + 1_000_000)),
        ("of tomorrow", "nbf", json!(now + 86_400)),
        ("without an id", "jti", Value::Null),
    ] {
        let mut changed = claims(what);
        changed[name] = value;
        refused(what, &signed_by(&key, &changed)).await;
    }
    let (public, hmac) = (EncodingKey::from_secret(pem.as_bytes()).unwrap(), Header::new(Algorithm::HS256));
    refused("the certificate as a secret", &encode(&hmac, &claims("3"), &public).unwrap()).await;
    let none = URL_SAFE_NO_PAD.encode("{\"alg\":\"none\"}");
    refused("unsigned", &format!("{none}.{}.", URL_SAFE_NO_PAD.encode(claims("4").to_string()))).await;
    refused("nothing", "a.b.c").await;
    // Some clients write times with decimals.
    let mut with_decimals = claims("5");
    with_decimals["exp"] = serde_json::from_str(&format!("{}.75", now + 599)).unwrap();
    assert_eq!(token(&server, &form(&signed_by(&key, &with_decimals))).await.0, StatusCode::OK);
    refused("replayed, with decimals", &signed_by(&key, &with_decimals)).await;
}

#[tokio::test]
async fn a_person_agrees_to_a_program_on_another_device() {
    let server = server().await;
    let (ann, mut browser) = signed_in(&server, "ann").await;
    assign(&server, &ann, BuiltIn::SecurityReader, "/").await;
    let begin = async || {
        let path = format!("/{TENANT}/oauth2/v2.0/devicecode");
        let form = "client_id=the-client&scope=http%3A%2F%2F127.0.0.1%3A8470%2F.default%20offline_access";
        let (status, body) = ask(&server, "POST", &path, &[FORM], form).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        serde_json::from_str::<Value>(&body).unwrap()
    };
    let grant = async |code: &Value, client: &str| {
        let code = code["device_code"].as_str().unwrap();
        let grant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code";
        token(&server, &format!("grant_type={grant}&client_id={client}&device_code={code}")).await
    };
    let asked = begin().await;
    assert_eq!(grant(&asked, "the-client").await.1["error"], "authorization_pending");
    let code = asked["user_code"].as_str().unwrap().to_lowercase().replace('-', " ");
    let (status, shown) = browser.ask("GET", &format!("/api/v1/device?code={}", code.replace(' ', "")), Value::Null).await;
    assert_eq!((status, &shown["clientId"]), (StatusCode::OK, &json!("the-client")));
    let say = json!({ "code": code, "allow": true });
    assert_eq!(post(&server, "/api/v1/device", &say).await.0, StatusCode::FORBIDDEN, "a token agrees to nothing");
    assert_eq!(browser.ask("POST", "/api/v1/device", say.clone()).await.0, StatusCode::NO_CONTENT);
    assert_eq!(browser.ask("POST", "/api/v1/device", say).await.0, StatusCode::NOT_FOUND, "once");
    assert_eq!(grant(&asked, "another-client").await.1["error"], "expired_token");
    let (status, tokens) = grant(&asked, "the-client").await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    assert_eq!(grant(&asked, "the-client").await.1["error"], "expired_token", "once");
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let (_, session) = ask(&server, "GET", "/api/v1/session", &[("authorization", &bearer)], "").await;
    assert!(session.contains(&ann.id), "{session}");
    let id_token = tokens["id_token"].as_str().unwrap().split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(id_token).unwrap()).unwrap();
    assert_eq!((&claims["aud"], &claims["oid"], &claims["tid"]), (&json!("the-client"), &json!(ann.id), &json!(TENANT)));

    // The refresh token goes on, for its client, until its person is switched off.
    let refresh = async |tokens: &Value, client: &str| {
        let given = tokens["refresh_token"].as_str().unwrap();
        token(&server, &format!("grant_type=refresh_token&client_id={client}&refresh_token={given}")).await
    };
    assert_eq!(refresh(&tokens, "another-client").await.1["error"], "invalid_grant");
    let (status, next) = refresh(&tokens, "the-client").await;
    assert_eq!(status, StatusCode::OK, "{next}");
    assert_ne!(next["refresh_token"], tokens["refresh_token"]);
    // An id token is no access token.
    let wrong = format!("Bearer {}", tokens["id_token"].as_str().unwrap());
    assert_eq!(ask(&server, "GET", "/api/v1/session", &[("authorization", &wrong)], "").await.0, StatusCode::UNAUTHORIZED);
    let declined = begin().await;
    let say = json!({ "code": declined["user_code"], "allow": false });
    assert_eq!(browser.ask("POST", "/api/v1/device", say).await.0, StatusCode::NO_CONTENT);
    assert_eq!(grant(&declined, "the-client").await.1["error"], "authorization_declined");
    server.store.put_principal(&Principal { state: PrincipalState::Disabled, ..ann }).await.unwrap();
    assert_eq!(refresh(&next, "the-client").await.1["error"], "invalid_grant");
}

#[tokio::test]
async fn a_program_finds_its_identity_in_its_environment() {
    let server = server().await;
    let bearer = program(&server, "reporter", BuiltIn::Reader, "/").await;
    let secret = bearer.strip_prefix("Bearer ").unwrap();
    let resource = "resource=http%3A%2F%2F127.0.0.1%3A8470";
    let identity = async |header: &str, query: &str| {
        let path = format!("/identity/token?api-version=2019-08-01&{query}");
        let (status, body) = ask(&server, "GET", &path, &[("x-identity-header", header)], "").await;
        (status, serde_json::from_str::<Value>(&body).unwrap_or(Value::String(body)))
    };
    let (status, answer) = identity(secret, resource).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let given = format!("Bearer {}", answer["access_token"].as_str().unwrap());
    assert_eq!(ask(&server, "GET", "/api/v1/overview", &[("authorization", &given)], "").await.0, StatusCode::OK);
    for wrong in ["", "skw_other", "the-token"] {
        assert_eq!(identity(wrong, resource).await.0, StatusCode::UNAUTHORIZED, "{wrong}");
    }
    assert_eq!(identity(secret, "resource=https%3A%2F%2Fmanagement.azure.com").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(identity(secret, &format!("{resource}&client_id=another")).await.0, StatusCode::BAD_REQUEST);
    // A token with limits would lose them.
    let id = id_of(&server, "reporter").await;
    let own = server.store.credentials_of(&id).await.unwrap().into_iter().find(|own| own.kind == CredentialKind::Token).unwrap();
    server.store.put_credential(&Credential { scope: Some("{\"actions\":[]}".to_owned()), ..own }).await.unwrap();
    assert_eq!(identity(secret, resource).await.0, StatusCode::UNAUTHORIZED);
}
