//! Signing in at an identity provider: a real one, oidc-provider from npm.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Lines},
    process::{Child, ChildStdout, Command, Stdio},
};

use axum::http::StatusCode;
use serde_json::{Value, json};
use skywarden_api::{IdentityProvider, ProviderSettings};
use skywarden_model::Timestamp;
use skywarden_rbac::{BuiltIn, Principal, PrincipalKind, PrincipalState};

use crate::common::{Server, assign, empty_with, send};

const BACK: &str = "http://127.0.0.1:8470/sign-in/corp/callback";

/// The provider's process.
struct Provider {
    process: Child,
    /// Kept open: it goes on printing.
    _output: Lines<BufReader<ChildStdout>>,
    issuer: String,
}

impl Provider {
    fn start() -> Self {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oidc");
        let is_installed = std::path::Path::new(folder).join("node_modules/oidc-provider").is_dir();
        assert!(is_installed, "oidc-provider is not installed: run `cargo xtask test`, or `npm ci` in {folder}");
        let mut node = Command::new("node");
        node.args(["provider.mjs", BACK]).current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = node.spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
        let issuer = output.by_ref().map_while(Result::ok).find(|line| line.starts_with("http://")).unwrap();
        Self { process, _output: output, issuer }
    }

    /// A server at which one can sign in there, with some settings changed.
    async fn server(&self, changed: Value) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "the-client-secret\n").unwrap();
        let mut settings = json!({ "id": "corp", "name": "Corp", "issuer": self.issuer, "clientId": "skywarden",
            "clientSecretFile": file, "scopes": ["profile", "email", "groups"], "allowPrivateAddresses": true });
        settings.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
        let settings: ProviderSettings = serde_json::from_value(settings).unwrap();
        empty_with(vec![IdentityProvider::new(settings).unwrap()]).await
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// A browser that keeps cookies of both sides.
#[derive(Default)]
struct Browser {
    of_provider: BTreeMap<String, String>,
    of_server: BTreeMap<String, String>,
}

fn joined(cookies: &BTreeMap<String, String>) -> String {
    cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
}

fn keep<'h>(cookies: &mut BTreeMap<String, String>, set: impl Iterator<Item = &'h str>) {
    for text in set {
        let (name, value) = text.split(';').next().unwrap().split_once('=').unwrap();
        if value.is_empty() {
            cookies.remove(name)
        } else {
            cookies.insert(name.to_owned(), value.to_owned())
        };
    }
}

impl Browser {
    /// Asks the server; gives the status, where it leads to, and the page.
    async fn ask(&mut self, server: &Server, path: &str) -> (StatusCode, String, String) {
        let cookie = joined(&self.of_server);
        // It comes from the provider's site, as a browser says.
        let headers = [("cookie", cookie.as_str()), ("sec-fetch-site", "cross-site")];
        let answer = send(server, "GET", path, &headers, Vec::new()).await;
        keep(&mut self.of_server, answer.headers().get_all("set-cookie").iter().map(|set| set.to_str().unwrap()));
        let location = answer.headers().get("location").map(|own| own.to_str().unwrap().to_owned()).unwrap_or_default();
        let status = answer.status();
        let page = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status, location, String::from_utf8(page.to_vec()).unwrap())
    }

    /// Goes to the provider, signs in there and agrees; gives the path with which it sends the browser back.
    async fn sign_in_there(&mut self, issuer: &str, address: &str, login: &str) -> String {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let (mut address, mut form) = (address.to_owned(), None);
        for _ in 0..20 {
            let request = match form.take() {
                Some(body) => {
                    let form_type = ("content-type", "application/x-www-form-urlencoded");
                    client.post(&address).header(form_type.0, form_type.1).body(body)
                }
                None => client.get(&address),
            };
            let answer = request.header("cookie", joined(&self.of_provider)).send().await.unwrap();
            let sets: Vec<String> =
                answer.headers().get_all("set-cookie").iter().map(|set| set.to_str().unwrap().to_owned()).collect();
            keep(&mut self.of_provider, sets.iter().map(String::as_str));
            if let Some(location) = answer.headers().get("location") {
                let location = location.to_str().unwrap();
                if let Some(query) = location.strip_prefix(BACK) {
                    return format!("/sign-in/corp/callback{query}");
                }
                address = if location.starts_with('/') { format!("{issuer}{location}") } else { location.to_owned() };
                continue;
            }
            let status = answer.status();
            let page = answer.text().await.unwrap();
            let attribute =
                |before: &str| page.split_once(before).and_then(|(_, rest)| rest.split('"').next().map(str::to_owned));
            let action = attribute("action=\"").unwrap_or_else(|| panic!("{status}: {page}"));
            let prompt = attribute("name=\"prompt\" value=\"").unwrap();
            form = Some(format!("prompt={prompt}&login={login}&password=any"));
            address = if action.starts_with('/') { format!("{issuer}{action}") } else { action };
        }
        panic!("the provider never sent the browser back");
    }

    /// The whole way; gives what the server answers in the end.
    async fn sign_in(&mut self, server: &Server, provider: &Provider, login: &str) -> (StatusCode, String, String) {
        let (status, address, _) = self.ask(server, "/sign-in/corp").await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{address}");
        assert!(address.starts_with(&provider.issuer), "{address}");
        let back = self.sign_in_there(&provider.issuer, &address, login).await;
        self.ask(server, &back).await
    }

    async fn session(&mut self, server: &Server) -> Value {
        let (_, _, body) = self.ask(server, "/api/v1/session").await;
        serde_json::from_str(&body).unwrap()
    }
}

/// A principal that can hold roles.
async fn known(server: &Server, kind: PrincipalKind, name: &str, provider: Option<&str>) -> Principal {
    let principal = Principal {
        id: uuid::Uuid::new_v4().to_string(),
        kind,
        name: name.to_owned(),
        display_name: name.to_owned(),
        state: PrincipalState::Enabled,
        created_at: Timestamp::UNIX_EPOCH,
        provider: provider.map(str::to_owned),
    };
    server.store.put_principal(&principal).await.unwrap();
    principal
}

#[tokio::test]
async fn a_person_signs_in_with_pkce_and_has_the_roles_of_their_groups() {
    let provider = Provider::start();
    let server = provider.server(json!({})).await;
    let auditors = known(&server, PrincipalKind::Group, "auditors", None).await;
    let elsewhere = known(&server, PrincipalKind::Group, "others", Some("another")).await;
    assign(&server, &auditors, BuiltIn::SecurityReader, "/").await;
    assign(&server, &elsewhere, BuiltIn::Owner, "/").await;
    let mut browser = Browser::default();
    let (_, address, _) = browser.ask(&server, "/sign-in/corp").await;
    for part in ["code_challenge_method=S256", "code_challenge=", "nonce=", "state=", "response_type=code"] {
        assert!(address.contains(part), "{part} in {address}");
    }
    let (status, _, page) = browser.sign_in(&server, &provider, "ann").await;
    assert_eq!(status, StatusCode::OK, "{page}");
    assert!(page.contains("http-equiv=\"refresh\""), "{page}");
    let session = browser.session(&server).await;
    assert_eq!(
        (&session["name"], &session["displayName"], &session["provider"]),
        (&json!("ann@example.com"), &json!("Ann Example"), &json!("corp"))
    );
    let roles: Vec<&str> = session["roles"].as_array().unwrap().iter().map(|own| own["roleName"].as_str().unwrap()).collect();
    assert_eq!(roles, ["Security Reader"], "the group of another provider is not theirs");

    // Coming again is the same account; a group that the claims no longer name is left.
    let first = session["id"].clone();
    assert_eq!(Browser::default().sign_in(&server, &provider, "ann").await.0, StatusCode::OK);
    let people = server.store.principals().await.unwrap();
    assert_eq!(people.iter().filter(|own| own.kind == PrincipalKind::User).count(), 1);
    server.store.set_groups(first.as_str().unwrap(), &[elsewhere.id].into()).await.unwrap();
    Browser::default().sign_in(&server, &provider, "ann").await;
    assert_eq!(server.store.groups_of(first.as_str().unwrap()).await.unwrap(), [auditors.id].into());
    // A password can't be tried on it: it has none here.
    let body = json!({ "name": "ann@example.com", "password": "tangled-otter-7-violin" }).to_string();
    let answer = send(&server, "POST", "/api/v1/sign-in", &[("content-type", "application/json")], body.into_bytes()).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_name_that_is_taken_stays_with_who_has_it() {
    let provider = Provider::start();
    let server = provider.server(json!({})).await;
    let local = known(&server, PrincipalKind::User, "Bob", None).await;
    assign(&server, &local, BuiltIn::Owner, "/").await;
    let mut browser = Browser::default();
    browser.sign_in(&server, &provider, "bob").await;
    let session = browser.session(&server).await;
    assert_ne!(session["id"], local.id);
    assert_eq!((&session["name"], &session["roles"]), (&json!("bob (corp, bob)"), &json!([])));
    assert_eq!(session["displayName"], "Bob Example", "without the control character");
    // Whoever is switched off stays out, whatever the provider says.
    let mut own = server.store.principal(session["id"].as_str().unwrap()).await.unwrap().unwrap();
    own.state = PrincipalState::Disabled;
    server.store.put_principal(&own).await.unwrap();
    let (status, location, _) = Browser::default().sign_in(&server, &provider, "bob").await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert!(location.starts_with("/sign-in?error=your+account+is+switched+off"), "{location}");
}

#[tokio::test]
async fn a_way_back_is_taken_once_by_the_browser_that_began() {
    let provider = Provider::start();
    let server = provider.server(json!({})).await;
    let mut browser = Browser::default();
    let (_, address, _) = browser.ask(&server, "/sign-in/corp").await;
    let back = browser.sign_in_there(&provider.issuer, &address, "ann").await;
    let refused = |(status, location, _): (StatusCode, String, String)| {
        assert_eq!(status, StatusCode::SEE_OTHER);
        assert!(location.starts_with("/sign-in?error=this+sign-in+did+not+begin+in+this+browser"), "{location}");
    };
    // Another browser, which an attacker would have follow their own way back.
    let mut victim = Browser::default();
    victim.ask(&server, "/sign-in/corp").await;
    refused(victim.ask(&server, &back).await);
    // That spent it.
    refused(browser.ask(&server, &back).await);
    let (_, address, _) = browser.ask(&server, "/sign-in/corp").await;
    let back = browser.sign_in_there(&provider.issuer, &address, "ann").await;
    let changed = back.replace("state=", "state=x");
    refused(browser.ask(&server, &changed).await);
    assert_eq!(browser.ask(&server, &back).await.0, StatusCode::OK);
    refused(browser.ask(&server, &back).await);
    // A code of somebody else's sign-in does not fit this one's verifier.
    let (_, first, _) = browser.ask(&server, "/sign-in/corp").await;
    let of_first = browser.sign_in_there(&provider.issuer, &first, "ann").await;
    let mut other = Browser::default();
    let (_, second, _) = other.ask(&server, "/sign-in/corp").await;
    let of_second = other.sign_in_there(&provider.issuer, &second, "bob").await;
    let code = |path: &str| path.split_once("code=").unwrap().1.split('&').next().unwrap().to_owned();
    let mixed = of_first.replace(&code(&of_first), &code(&of_second));
    let (status, location, _) = browser.ask(&server, &mixed).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert!(location.contains("error=Corp+could+not+be+asked"), "{location}");
    let (_, _, body) = browser.ask(&server, "/sign-in/none").await;
    assert!(body.contains("ResourceNotFound"), "{body}");
    let (_, location, _) = browser.ask(&server, "/sign-in/corp/callback?error=access_denied&state=x").await;
    assert!(location.starts_with("/sign-in?error="), "{location}");
}

#[tokio::test]
async fn a_provider_in_a_private_network_is_asked_only_where_that_is_allowed() {
    let provider = Provider::start();
    let https = provider.issuer.replace("http://", "https://");
    let server = provider.server(json!({ "allowPrivateAddresses": false, "issuer": https })).await;
    let (status, location, _) = Browser::default().ask(&server, "/sign-in/corp").await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert!(location.contains("private+network"), "{location}");
    // A secret that is wrong is told by the provider, not by us.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "another").unwrap();
    let server = provider.server(json!({ "clientSecretFile": file })).await;
    let (_, location, _) = Browser::default().sign_in(&server, &provider, "ann").await;
    assert!(location.contains("error=Corp+could+not+be+asked"), "{location}");
    assert!(!location.contains("another"), "{location}");
}

#[test]
fn settings_that_are_no_good_are_told() {
    let error = |changed: Value| {
        let mut settings = json!({ "id": "corp", "name": "Corp", "issuer": "https://login.example.com", "clientId": "x" });
        settings.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
        let settings: ProviderSettings = serde_json::from_value(settings).unwrap();
        IdentityProvider::new(settings).err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(error(json!({})), "");
    for (changed, word) in [
        (json!({ "id": "Corp" }), "`id`"),
        (json!({ "id": "../x" }), "`id`"),
        (json!({ "issuer": "login" }), "`issuer`"),
        (json!({ "issuer": "http://login.example.com" }), "https://"),
        (json!({ "issuer": "file:///etc/passwd" }), "https://"),
        (json!({ "clientSecretFile": "/nowhere" }), "/nowhere"),
        (json!({ "authoritiesFile": "/nowhere" }), "/nowhere"),
    ] {
        let told = error(changed);
        assert!(told.contains(word), "{word}: {told}");
    }
}
