use std::{ffi::OsString, path::Path};

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::json;

use super::*;
use crate::{
    Secret,
    azure::{
        AzureIdentity, AzureLogin,
        cloud::Service,
        fake::{Fake, answer, refusal, token},
    },
};

/// The key that all of the certificates here belong to; made for tests, no directory knows it.
const PUBLIC: &str = include_str!("../gcp/testdata/key.pub.pem");
/// `openssl x509 -in cert.pem -outform DER | openssl dgst -sha256 -binary | basenc --base64url`
const THUMBPRINT: &str = "njbSVe0i_UjXN_tQuiFVmOfqd0via3gh0PXJShS9y8Q";

const ARM: &str = "https://management.lab.example";
const SECRET: &str = "s3cr~t.of_the-application";

fn testdata(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/azure/testdata").join(name)
}

fn made(kind: AzureLogin, authority: &str, variables: &[(&str, &str)]) -> Result<Login, ConnectError> {
    let service = Service { base: ARM.into(), audience: ARM.into() };
    let endpoints = Endpoints { authority: authority.to_owned(), arm: service, graph: None, is_loopback: true };
    let http = crate::client::http_client().build().unwrap();
    let options = AzureOptions { login: kind, ..AzureOptions::default() };
    Login::with(&options, &endpoints, &http, Variables::of(variables))
}

fn login(kind: AzureLogin, authority: &str, variables: &[(&str, &str)]) -> Login {
    made(kind, authority, variables).unwrap()
}

fn secret() -> AzureLogin {
    AzureLogin::ClientSecret { client_id: "app".into(), secret: Secret::new(SECRET) }
}

fn certificate(name: &str) -> AzureLogin {
    let password = (name == "modern.pfx").then(|| Secret::new("letmein"));
    AzureLogin::ClientCertificate { client_id: "app".into(), file: testdata(name), password }
}

const TENANT: (&str, &str) = ("AZURE_TENANT_ID", "11111111-2222-3333-4444-555555555555");

/// A folder in which `az` is found, and `PATH` that starts with it.
fn az(files: &[(&str, &str)]) -> (tempfile::TempDir, OsString) {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(testdata("az.sh"), folder.path().join("az")).unwrap();
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let mut path = folder.path().as_os_str().to_owned();
    path.push(":/usr/bin:/bin");
    (folder, path)
}

fn az_answer(token: &str) -> String {
    let until = jiff::Timestamp::now().as_second() + 3600;
    json!({ "accessToken": token, "expiresOn": "2040-01-01 00:00:00.000000", "expires_on": until, "tokenType": "Bearer" })
        .to_string()
}

fn machine_answer(token: &str) -> String {
    let until = (jiff::Timestamp::now().as_second() + 3600).to_string();
    let body = json!({ "access_token": token, "expires_on": until, "resource": ARM, "token_type": "Bearer" });
    answer(200, "", &body.to_string())
}

async fn failure(login: &Login) -> String {
    login.token(ARM).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_secret_asks_for_a_token_and_keeps_it() {
    let entra = Fake::start(vec![token("one", 3600), token("two", 3600), token("three", 3600)]).await;
    let login = login(secret(), &entra.url, &[TENANT]);
    assert_eq!(login.token(ARM).await.unwrap(), "one");
    assert_eq!(login.token(ARM).await.unwrap(), "one");
    assert!(entra.asked()[0].starts_with("POST /11111111-2222-3333-4444-555555555555/oauth2/v2.0/token "), "{:?}", entra.asked());
    let form = entra.form(0);
    let of = |name: &str| form.get(name).map(String::as_str);
    assert_eq!((of("grant_type"), of("client_id"), of("client_secret")), (Some("client_credentials"), Some("app"), Some(SECRET)));
    assert_eq!(of("scope"), Some("https://management.lab.example/.default"));
    assert_eq!(login.token("https://graph.lab.example").await.unwrap(), "two", "each audience has its own");
    login.forget(ARM, "another");
    assert_eq!(login.token(ARM).await.unwrap(), "one");
    login.forget(ARM, "one");
    assert_eq!(login.token(ARM).await.unwrap(), "three");
}

#[tokio::test]
async fn many_callers_cause_one_renewal_and_one_failure() {
    let entra = Fake::start(vec![token("one", 3600)]).await;
    let good = Arc::new(login(secret(), &entra.url, &[TENANT]));
    let refusing = Fake::start(vec![refusal("AADSTS7000215: no")]).await;
    let bad = Arc::new(login(secret(), &refusing.url, &[TENANT]));
    for (login, expected) in [(good, true), (bad, false)] {
        let calls: Vec<_> =
            (0..20).map(|_| Arc::clone(&login)).map(|login| tokio::spawn(async move { login.token(ARM).await })).collect();
        for call in calls {
            assert_eq!(call.await.unwrap().is_ok(), expected);
        }
    }
    assert_eq!((entra.n_asked(), refusing.n_asked()), (1, 1));
}

#[tokio::test]
async fn a_token_that_has_run_out_is_asked_for_again() {
    let entra = Fake::start(vec![token("gone", 0), token("short", 200), token("long", 3600)]).await;
    let login = login(secret(), &entra.url, &[TENANT]);
    let mut given = Vec::new();
    for _ in 0..3 {
        given.push(login.token(ARM).await.unwrap());
    }
    assert_eq!(given, ["gone", "short", "short"], "a short life is used by half");
    let (asked, life) = (Instant::now(), |seconds| Token::lasting(String::new(), Instant::now(), seconds));
    assert!(
        life(3600).fresh_until < asked + Duration::from_secs(3301) && life(3600).fresh_until > asked + Duration::from_secs(3200)
    );
    assert!(life(i64::MAX).until < asked + Duration::from_secs(86_401) && life(-5).until <= Instant::now());
}

#[tokio::test]
async fn a_hiccup_does_not_end_a_token_that_still_lives() {
    let entra = Fake::start(vec![refusal("AADSTS90033: a transient error")]).await;
    let login = login(secret(), &entra.url, &[TENANT]);
    let now = Instant::now();
    *lock(&login.held(ARM).token) = Some(Token { text: "old".into(), fresh_until: now, until: now + Duration::from_secs(100) });
    assert_eq!(login.token(ARM).await.unwrap(), "old");
    assert_eq!(login.token(ARM).await.unwrap(), "old");
    assert_eq!(entra.n_asked(), 1);
}

#[tokio::test]
async fn a_certificate_signs_what_the_application_says_of_itself() {
    for name in ["pem", "modern.pfx", "legacy.pfx"] {
        let folder = tempfile::tempdir().unwrap();
        let mut kind = certificate(name);
        if let (AzureLogin::ClientCertificate { file, .. }, "pem") = (&mut kind, name) {
            *file = folder.path().join("both.pem");
            let both = [include_str!("testdata/cert.pem"), include_str!("../gcp/testdata/key.pem")].concat();
            std::fs::write(file, both).unwrap();
        }
        let entra = Fake::start(vec![token("one", 3600)]).await;
        let login = login(kind, &entra.url, &[TENANT]);
        assert_eq!(login.token(ARM).await.unwrap(), "one", "{name}");
        let form = entra.form(0);
        assert_eq!(form["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        assert_eq!((form["grant_type"].as_str(), form["client_id"].as_str()), ("client_credentials", "app"));
        let mut validation = Validation::new(Algorithm::PS256);
        validation.set_audience(&[format!("{}/{}/oauth2/v2.0/token", entra.url, TENANT.1)]);
        let public = DecodingKey::from_rsa_pem(PUBLIC.as_bytes()).unwrap();
        let said = jsonwebtoken::decode::<serde_json::Value>(&form["client_assertion"], &public, &validation).unwrap();
        assert_eq!(said.header.x5t_s256.as_deref(), Some(THUMBPRINT), "{name}");
        assert_eq!((&said.claims["iss"], &said.claims["sub"]), (&json!("app"), &json!("app")));
        assert_eq!(said.claims["exp"].as_i64().unwrap() - said.claims["nbf"].as_i64().unwrap(), 600);
        assert!(said.claims["jti"].as_str().unwrap().len() > 30);
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_s_file_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let key = include_str!("../gcp/testdata/key.pem");
    let cert = include_str!("testdata/cert.pem");
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    for (content, reason) in [
        (key.to_owned(), "no certificate"),
        (cert.to_owned(), "no private key"),
        (format!("{cert}{encrypted}"), "is encrypted"),
        (format!("{cert}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), "RSA"),
        ("x".repeat(70_000), "longer than"),
        ("secret".to_owned(), "neither PEM nor a PFX"),
    ] {
        let file = folder.path().join("app.pem");
        std::fs::write(&file, content).unwrap();
        let kind = AzureLogin::ClientCertificate { client_id: "app".into(), file, password: None };
        let error = failure(&login(kind, "http://127.0.0.1:9", &[TENANT])).await;
        assert!(error.contains(reason) && error.contains("app.pem") && error.contains("client certificate"), "{error}");
    }
    let wrong = AzureLogin::ClientCertificate {
        client_id: "app".into(),
        file: testdata("modern.pfx"),
        password: Some(Secret::new("no")),
    };
    assert!(failure(&login(wrong, "http://127.0.0.1:9", &[TENANT])).await.contains("the password"));
}

#[tokio::test]
async fn a_federated_token_is_read_anew_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "first\n").unwrap();
    let entra = Fake::start(vec![token("one", 3600), token("two", 3600)]).await;
    let variables = [TENANT, ("AZURE_CLIENT_ID", "app"), ("AZURE_FEDERATED_TOKEN_FILE", file.to_str().unwrap())];
    let kind = AzureLogin::WorkloadIdentity { client_id: None, token_file: None };
    let login = login(kind, &entra.url, &variables);
    login.token(ARM).await.unwrap();
    std::fs::write(&file, "second").unwrap();
    login.forget(ARM, "one");
    assert_eq!(login.token(ARM).await.unwrap(), "two");
    assert_eq!((entra.form(0)["client_assertion"].as_str(), entra.form(1)["client_assertion"].as_str()), ("first", "second"));
    std::fs::remove_file(&file).unwrap();
    login.forget(ARM, "two");
    assert!(failure(&login).await.contains(file.to_str().unwrap()));
}

#[tokio::test]
async fn a_virtual_machine_gives_its_own_or_an_assigned_identity() {
    let again = answer(503, "retry-after: 0\r\n", "");
    let imds = Fake::start(vec![again, machine_answer("vm")]).await;
    let variables = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", imds.url.as_str())];
    for (identity, part) in [
        (AzureIdentity::System, ""),
        (AzureIdentity::ClientId("c".into()), "&client_id=c"),
        (AzureIdentity::ObjectId("o".into()), "&object_id=o"),
        (AzureIdentity::ResourceId("/x".into()), "&msi_res_id=%2Fx"),
    ] {
        let login = login(AzureLogin::ManagedIdentity(identity), "http://127.0.0.1:9", &variables);
        assert_eq!(login.token(ARM).await.unwrap(), "vm");
        let asked = imds.asked().pop().unwrap();
        let path = format!(
            "GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.lab.example{part} "
        );
        assert!(asked.starts_with(&path) && asked.contains("metadata: true"), "{asked}");
    }
    let none = answer(400, "", r#"{"error":"invalid_request","error_description":"Identity not found"}"#);
    let none = Fake::start(vec![none]).await;
    let variables = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", none.url.as_str())];
    let error = failure(&login(AzureLogin::ManagedIdentity(AzureIdentity::System), "http://127.0.0.1:9", &variables)).await;
    assert!(error.contains("Identity not found") && error.contains("managed identity"), "{error}");
    assert_eq!(none.n_asked(), 1);
}

#[tokio::test]
async fn an_app_service_is_asked_with_its_header() {
    let service = Fake::start(vec![machine_answer("app"), answer(500, "", "the header is h3ader")]).await;
    let endpoint = format!("{}/msi/token", service.url);
    let variables = [("IDENTITY_ENDPOINT", endpoint.as_str()), ("IDENTITY_HEADER", "h3ader")];
    let identity = AzureIdentity::ObjectId("o".into());
    let login = login(AzureLogin::ManagedIdentity(identity), "http://127.0.0.1:9", &variables);
    assert_eq!(login.token(ARM).await.unwrap(), "app");
    let asked = service.asked()[0].clone();
    assert!(asked.starts_with("GET /msi/token?api-version=2019-08-01&") && asked.contains("&principal_id=o "), "{asked}");
    assert!(asked.contains("x-identity-header: h3ader"), "{asked}");
}

#[tokio::test]
async fn a_server_with_azure_arc_shows_that_it_may_read_the_agent_s_key() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("1.key");
    std::fs::write(&key, "k3y").unwrap();
    std::fs::write(folder.path().join("shadow"), "k3y").unwrap();
    let challenge = |file: &str| answer(401, &format!("www-authenticate: Basic realm={file}\r\n"), "");
    let arc = Fake::start(vec![challenge(key.to_str().unwrap()), machine_answer("arc")]).await;
    let at = |fake: &Fake, identity: AzureIdentity| {
        let endpoint = format!("{}/metadata/identity/oauth2/token", fake.url);
        let variables = [("IDENTITY_ENDPOINT", endpoint.as_str()), ("IMDS_ENDPOINT", fake.url.as_str())];
        let mut login = login(AzureLogin::ManagedIdentity(identity), "http://127.0.0.1:9", &variables);
        login.source = login.source.with_arc_keys(folder.path().to_owned());
        login
    };
    assert_eq!(at(&arc, AzureIdentity::System).token(ARM).await.unwrap(), "arc");
    assert!(arc.asked()[1].contains("authorization: Basic k3y"), "{:?}", arc.asked());
    assert!(failure(&at(&arc, AzureIdentity::ClientId("c".into()))).await.contains("one identity only"));
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for foreign in ["/etc/shadow".to_owned(), file("shadow"), file("../1.key"), file("x/1.key"), String::new()] {
        let thief = Fake::start(vec![challenge(&foreign)]).await;
        let error = failure(&at(&thief, AzureIdentity::System)).await;
        assert!(error.contains("names no key below"), "{foreign}: {error}");
        assert_eq!(thief.n_asked(), 1, "nothing was shown");
    }
}

#[tokio::test]
async fn no_identity_is_asked_for_away_from_the_machine() {
    for variables in [
        &[("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://evil.example")][..],
        &[("IDENTITY_ENDPOINT", "http://evil.example/"), ("IDENTITY_HEADER", "h3ader")],
        &[("IDENTITY_ENDPOINT", "http://evil.example/"), ("IMDS_ENDPOINT", "http://evil.example/")],
        &[("IDENTITY_ENDPOINT", "https://x.example/"), ("IDENTITY_HEADER", "h3ader"), ("IDENTITY_SERVER_THUMBPRINT", "t")],
        &[("MSI_ENDPOINT", "http://127.0.0.1:9/")],
    ] {
        let error = failure(&login(AzureLogin::ManagedIdentity(AzureIdentity::System), "http://127.0.0.1:9", variables)).await;
        assert!((error.contains("machine") || error.contains("not supported")) && !error.contains("h3ader"), "{error}");
    }
}

#[tokio::test]
async fn az_is_asked_for_its_login() {
    let (folder, path) = az(&[("answer", &az_answer("mine"))]);
    let options = AzureOptions { login: AzureLogin::AzureCli, tenant: Some("contoso.example".into()), ..AzureOptions::default() };
    let endpoints = Endpoints {
        authority: String::new(),
        arm: Service { base: ARM.into(), audience: ARM.into() },
        graph: None,
        is_loopback: true,
    };
    let http = crate::client::http_client().build().unwrap();
    let mut login = Login::with(&options, &endpoints, &http, Variables::default()).unwrap();
    login.source = login.source.with_az(path);
    assert_eq!(login.token(ARM).await.unwrap(), "mine");
    let asked = std::fs::read_to_string(folder.path().join("asked")).unwrap();
    assert_eq!(
        asked,
        "account get-access-token -o json --scope https://management.lab.example/.default --tenant contoso.example\n"
    );
}

#[tokio::test]
async fn what_is_wrong_with_az_is_told() {
    for (files, reason) in [
        (&[("error", "ERROR: Please run 'az login' to setup account.")][..], "Please run 'az login'"),
        (&[("answer", r#"{"accessToken":"s3cr3t","tokenType":"Bearer"}"#)], "2.54"),
        (&[("answer", r#"{"accessToken":{"s3cr3t":1}}"#)], "no token"),
    ] {
        let (_folder, path) = az(files);
        let mut login = login(AzureLogin::AzureCli, "", &[]);
        login.source = login.source.with_az(path);
        let error = failure(&login).await;
        assert!(error.contains(reason) && !error.contains("s3cr3t"), "{error}");
    }
    let mut login = login(AzureLogin::AzureCli, "", &[]);
    login.source = login.source.with_az("/nowhere".into());
    assert!(failure(&login).await.contains("az not found on PATH"));
}

#[tokio::test]
async fn the_default_is_the_first_that_is_there_and_stays_with_it() {
    let none = Fake::start(vec![answer(404, "", "")]).await;
    let variables = [("AZURE_POD_IDENTITY_AUTHORITY_HOST", none.url.as_str())];
    let (folder, path) = az(&[("error", "Please run 'az login'")]);
    let mut login = login(AzureLogin::Default, "http://127.0.0.1:9", &variables);
    login.source = login.source.with_az(path);
    let error = failure(&login).await;
    for part in
        ["environment: neither", "workload identity: AZURE_FEDERATED_TOKEN_FILE", "managed identity: 127.0.0.1", "az: Please"]
    {
        assert!(error.contains(part), "{part} is not in {error}");
    }
    std::fs::remove_file(folder.path().join("error")).unwrap();
    std::fs::write(folder.path().join("answer"), az_answer("mine")).unwrap();
    *lock(&login.held(ARM).failed) = None;
    assert_eq!(login.token(ARM).await.unwrap(), "mine");
    assert_eq!(login.source.name(), "az");
    login.forget(ARM, "mine");
    login.token(ARM).await.unwrap();
    assert_eq!(none.n_asked(), 2, "the machine is not asked again");
}

#[tokio::test]
async fn a_login_that_is_configured_and_refused_is_not_replaced_by_another() {
    let entra = Fake::start(vec![refusal("AADSTS7000222: The provided client secret keys are expired.\r\nTrace ID: 1")]).await;
    let (folder, path) = az(&[("answer", &az_answer("somebody"))]);
    let variables = [TENANT, ("AZURE_CLIENT_ID", "app"), ("AZURE_CLIENT_SECRET", SECRET)];
    let mut login = login(AzureLogin::Default, &entra.url, &variables);
    login.source = login.source.with_az(path);
    let error = failure(&login).await;
    assert!(
        error.contains("client secret: ") && error.contains("AADSTS7000222: The provided") && error.contains("expired"),
        "{error}"
    );
    assert!(!folder.path().join("asked").exists());
}

#[tokio::test]
async fn what_entra_answers_is_told_and_tried_again_where_that_helps() {
    let busy = answer(503, "retry-after: 0\r\n", "");
    let entra = Fake::start(vec![busy, token("one", 3600)]).await;
    assert_eq!(login(secret(), &entra.url, &[TENANT]).token(ARM).await.unwrap(), "one");
    for (said, reason) in [
        (refusal("AADSTS700016: Application with identifier 'app' was not found"), "AADSTS700016"),
        (answer(200, "", "<html>Sign in</html>"), "without a token"),
        (answer(200, "", r#"{"access_token":7}"#), "without a token"),
        (answer(403, "", "<title>Blocked by policy</title>"), "Blocked by policy"),
        (answer(302, "location: https://evil.example/\r\n", ""), "302"),
        (answer(400, "", &"x".repeat(70_000)), "longer than"),
    ] {
        let entra = Fake::start(vec![said]).await;
        let error = failure(&login(secret(), &entra.url, &[TENANT])).await;
        assert!(error.contains(reason) && error.contains("client secret: ") && !error.contains("aka.ms"), "{error}");
        assert_eq!(entra.n_asked(), 1);
    }
}

#[test]
fn what_is_missing_is_told_before_anything_is_asked() {
    let empty = AzureLogin::ClientSecret { client_id: "app".into(), secret: Secret::new("") };
    let odd = AzureLogin::ClientSecret { client_id: "app/../x".into(), secret: Secret::new("x") };
    let workload = AzureLogin::WorkloadIdentity { client_id: Some("app".into()), token_file: None };
    for (kind, variables, reason) in [
        (secret(), &[][..], "AZURE_TENANT_ID"),
        (secret(), &[("AZURE_TENANT_ID", "a/b")], "no id or domain name"),
        (empty, &[TENANT], "the secret is empty"),
        (odd, &[TENANT], "no id of an application"),
        (workload, &[TENANT], "AZURE_FEDERATED_TOKEN_FILE"),
    ] {
        let error = made(kind, "http://127.0.0.1:9", variables).err().unwrap().to_string();
        assert!(error.contains(reason) && error.starts_with("can't log in to Azure"), "{error}");
    }
}

/// A place where all that is logged comes together.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_secret_assertion_or_token_is_ever_shown() {
    const TOKEN: &str = "t0ken.of_the-service";
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
    let _logged = tracing::subscriber::set_default(subscriber);
    let folder = tempfile::tempdir().unwrap();
    let federated = folder.path().join("token");
    std::fs::write(&federated, "f3derated").unwrap();
    let arc_key = folder.path().join("1.key");
    std::fs::write(&arc_key, "k3y").unwrap();
    let challenge = answer(401, &format!("www-authenticate: Basic realm={}\r\n", arc_key.display()), "");
    let gives = || token(TOKEN, 3600);
    // Whoever refuses repeats what was sent, as bad services do.
    let repeats = |sent: &str| answer(400, "", &json!({ "error": "x", "error_description": format!("no: {sent}") }).to_string());
    let workload = AzureLogin::WorkloadIdentity { client_id: Some("app".into()), token_file: Some(federated) };
    let managed = || AzureLogin::ManagedIdentity(AzureIdentity::System);
    let cases: Vec<(AzureLogin, &str, Vec<String>)> = vec![
        (secret(), "entra", vec![gives(), repeats(SECRET)]),
        (certificate("modern.pfx"), "entra", vec![gives(), repeats("x")]),
        (workload, "entra", vec![gives(), repeats("f3derated")]),
        (managed(), "imds", vec![machine_answer(TOKEN), repeats("x")]),
        (managed(), "app", vec![machine_answer(TOKEN), repeats("h3ader")]),
        (managed(), "arc", vec![challenge.clone(), machine_answer(TOKEN), challenge, repeats("k3y")]),
        (AzureLogin::AzureCli, "az", vec![gives()]),
        (AzureLogin::Default, "default", vec![gives(), repeats(SECRET)]),
    ];
    let mut shown = String::new();
    for (kind, how, answers) in cases {
        let fake = Fake::start(answers).await;
        let variables = match how {
            "imds" => vec![("AZURE_POD_IDENTITY_AUTHORITY_HOST", fake.url.as_str())],
            "app" => vec![("IDENTITY_ENDPOINT", fake.url.as_str()), ("IDENTITY_HEADER", "h3ader")],
            "arc" => vec![("IDENTITY_ENDPOINT", fake.url.as_str())],
            "default" => vec![TENANT, ("AZURE_CLIENT_ID", "app"), ("AZURE_CLIENT_SECRET", SECRET)],
            _ => vec![TENANT],
        };
        shown.push_str(&format!("{kind:?}"));
        let (az_folder, path) = az(&[("answer", &az_answer(TOKEN))]);
        let mut login = login(kind, &fake.url, &variables);
        login.source = login.source.with_az(path).with_arc_keys(folder.path().to_owned());
        assert_eq!(login.token(ARM).await.unwrap(), TOKEN, "{how}");
        shown.push_str(&format!("{login:?} {:?}", login.ended(ARM)));
        login.forget(ARM, TOKEN);
        std::fs::write(az_folder.path().join("error"), "no").unwrap();
        let error = login.token(ARM).await.unwrap_err();
        shown.push_str(&format!("{error} {error:?}"));
        if how == "entra" || how == "default" {
            let form = fake.form(1);
            let sent = form.get("client_assertion").or(form.get("client_secret")).unwrap();
            let signature = sent.rsplit('.').next().unwrap();
            assert!(!shown.contains(signature), "{how}: {shown}");
            let logged = String::from_utf8_lossy(&lock(&log.0)).into_owned();
            assert!(!logged.contains(signature), "{how}: {:?}", logged.lines().find(|line| line.contains(signature)));
        }
    }
    let logged = String::from_utf8_lossy(&lock(&log.0)).into_owned();
    assert!(logged.len() > 1000, "what libraries log is there: {logged}");
    for text in [SECRET, TOKEN, "f3derated", "h3ader", "k3y", "letmein"] {
        assert!(!shown.contains(text), "{text} is shown in {shown}");
        assert!(!logged.contains(text), "{text} is logged");
    }
}
