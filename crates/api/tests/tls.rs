//! A server under TLS, asked by real clients.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    fs::{self, Permissions},
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::{Router, extract::ConnectInfo, routing::get};
use reqwest::{Certificate, Client, ClientBuilder, Version, tls};
use skywarden_api::{AUTHORITY_FILE, Name, Names, Protection, Tls, serve};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{Notify, oneshot},
    task::JoinHandle,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A folder with a CA and a server certificate of its own.
struct Own(TempDir);

impl Own {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Tls::own(&folder.path().join("tls"), names(&[]), SystemTime::now()).unwrap();
        Self(folder)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join("tls").join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.file(name)).unwrap()
    }

    /// Certificate and key of the server in files of somebody else's.
    fn copy_to(&self, folder: &Path) -> (PathBuf, PathBuf) {
        let (certificate, key) = (folder.join("mine.pem"), folder.join("mine.key"));
        fs::copy(self.file("server.pem"), &certificate).unwrap();
        fs::copy(self.file("server.key"), &key).unwrap();
        (certificate, key)
    }

    /// A client that trusts this CA only, and has no connections yet.
    fn client(&self, address: SocketAddr) -> Client {
        builder(address).tls_certs_only([Certificate::from_pem(&self.read(AUTHORITY_FILE)).unwrap()]).build().unwrap()
    }
}

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<std::io::Result<()>>,
}

impl Server {
    async fn start(protection: Protection) -> Self {
        let peer = get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() });
        Self::start_with(protection, Router::new().route("/", peer)).await
    }

    async fn start_with(protection: Protection, router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let until = async { stopped.await.unwrap_or_default() };
        Self { address, stop, ended: tokio::spawn(serve(listener, protection, router, until)) }
    }

    fn url(&self, host: &str) -> String {
        format!("https://{host}:{}/", self.address.port())
    }

    async fn answer(&self, client: &Client) -> Result<String, reqwest::Error> {
        client.get(self.url("127.0.0.1")).send().await?.text().await
    }
}

fn names(asked: &[&str]) -> Names {
    Names { host: "keeper".to_owned(), asked: asked.iter().map(|name| name.parse().unwrap()).collect::<BTreeSet<Name>>() }
}

fn own(own: &Own) -> Protection {
    Protection::Tls(Arc::new(Tls::own(&own.file(""), names(&[]), SystemTime::now()).unwrap()))
}

fn builder(address: SocketAddr) -> ClientBuilder {
    // Fails if another test was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = ["localhost", "keeper", "sky.example"]
        .into_iter()
        .fold(Client::builder(), |builder, name| builder.resolve(name, address));
    builder.no_proxy().timeout(Duration::from_secs(60))
}

fn causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text
}

fn refusal(tls: Result<Tls, skywarden_api::CertificateError>) -> String {
    tls.err().unwrap().to_string()
}

#[tokio::test]
async fn who_trusts_the_ca_is_answered_under_every_name() {
    let files = Own::new();
    let server = Server::start(own(&files)).await;
    let client = files.client(server.address);
    for name in ["127.0.0.1", "localhost", "keeper"] {
        let response = client.get(server.url(name)).send().await.unwrap();
        assert_eq!(response.version(), Version::HTTP_11);
        assert_eq!(response.text().await.unwrap(), "127.0.0.1", "{name}");
    }
    let error = client.get(server.url("sky.example")).send().await.unwrap_err();
    assert!(causes(&error).contains("not valid for name"), "{}", causes(&error));
    let authority = Certificate::from_pem(&files.read(AUTHORITY_FILE)).unwrap();
    let old = builder(server.address).tls_certs_only([authority]).max_tls_version(tls::Version::TLS_1_2).build().unwrap();
    assert_eq!(server.answer(&old).await.unwrap(), "127.0.0.1");
}

#[tokio::test]
async fn who_does_not_trust_the_ca_goes_away() {
    let (files, other) = (Own::new(), Own::new());
    let server = Server::start(own(&files)).await;
    for stranger in [other.client(server.address), builder(server.address).build().unwrap()] {
        let error = server.answer(&stranger).await.unwrap_err();
        assert!(causes(&error).contains("invalid peer certificate"), "{}", causes(&error));
    }
}

#[tokio::test]
async fn silent_clients_hold_up_nobody() {
    let files = Own::new();
    let server = Server::start(own(&files)).await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(server.address).await.unwrap());
    }
    let mut stuck = TcpStream::connect(server.address).await.unwrap();
    stuck.write_all(&[0x16, 3, 1]).await.unwrap();
    assert_eq!(server.answer(&files.client(server.address)).await.unwrap(), "127.0.0.1");
    drop((silent, stuck));
}

#[tokio::test]
async fn the_oldest_of_too_many_handshakes_gives_way() {
    let files = Own::new();
    let server = Server::start(own(&files)).await;
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(TcpStream::connect(server.address).await.unwrap());
    }
    assert_eq!(server.answer(&files.client(server.address)).await.unwrap(), "127.0.0.1");
    assert_eq!(silent.first_mut().unwrap().read(&mut [0]).await.unwrap(), 0);
    // That it is open says that nobody was cut off for being slow yet.
    let young = silent.get(200).unwrap().try_read(&mut [0]).unwrap_err();
    assert_eq!(young.kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_shakes_hands_or_asks_is_cut_off() {
    let files = Own::new();
    for (protection, beginning) in [(own(&files), &b"\x16"[..]), (Protection::None, b"GET / HT")] {
        let server = Server::start(protection).await;
        let mut silent = TcpStream::connect(server.address).await.unwrap();
        assert_eq!(silent.read(&mut [0]).await.unwrap(), 0);
        let mut slow = TcpStream::connect(server.address).await.unwrap();
        slow.write_all(beginning).await.unwrap();
        // It ends: with nothing, or with a reset, depending on what the server had read.
        assert!(matches!(slow.read(&mut [0]).await, Ok(0) | Err(_)));
    }
}

#[tokio::test]
async fn plain_http_is_told_where_https_is() {
    let files = Own::new();
    let server = Server::start(own(&files)).await;
    let plain = builder(server.address).build().unwrap();
    let response = plain.post(format!("http://{}/", server.address)).body(vec![b'a'; 10_000]).send().await.unwrap();
    assert_eq!(response.status(), 400);
    assert_eq!(response.text().await.unwrap(), format!("This is an HTTPS server: use https://{}\n", server.address));
}

#[tokio::test]
async fn without_tls_it_is_plain_http() {
    let server = Server::start(Protection::None).await;
    let plain = builder(server.address).build().unwrap();
    assert_eq!(plain.get(format!("http://{}/", server.address)).send().await.unwrap().text().await.unwrap(), "127.0.0.1");
}

#[tokio::test]
async fn a_request_that_is_being_answered_ends_before_the_server_does() {
    let files = Own::new();
    let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = {
        let (entered, release) = (Arc::clone(&entered), Arc::clone(&release));
        get(move || async move {
            entered.notify_one();
            release.notified().await;
            "done"
        })
    };
    let server = Server::start_with(own(&files), Router::new().route("/", slow)).await;
    let (client, url) = (files.client(server.address), server.url("localhost"));
    let asked = tokio::spawn(async move { client.get(url).send().await.unwrap().text().await.unwrap() });
    entered.notified().await;
    server.stop.send(()).unwrap();
    // The listener is closed at once.
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!server.ended.is_finished());
    release.notify_one();
    assert_eq!(asked.await.unwrap(), "done");
    server.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn replaced_files_are_used_for_new_connections() {
    let (first, second) = (Own::new(), Own::new());
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = first.copy_to(folder.path());
    let tls = Tls::given(&certificate, &key, SystemTime::now()).unwrap();
    let server = Server::start(Protection::Tls(Arc::new(tls))).await;
    let kept = first.client(server.address);
    server.answer(&kept).await.unwrap();
    second.copy_to(folder.path());
    server.answer(&second.client(server.address)).await.unwrap();
    server.answer(&first.client(server.address)).await.unwrap_err();
    // What was open stays open.
    server.answer(&kept).await.unwrap();
}

#[tokio::test]
async fn a_broken_replacement_changes_nothing_until_it_is_mended() {
    let (first, second) = (Own::new(), Own::new());
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = first.copy_to(folder.path());
    let tls = Tls::given(&certificate, &key, SystemTime::now()).unwrap();
    let server = Server::start(Protection::Tls(Arc::new(tls))).await;
    fs::write(&certificate, "no certificate").unwrap();
    server.answer(&first.client(server.address)).await.unwrap();
    fs::remove_file(&certificate).unwrap();
    server.answer(&first.client(server.address)).await.unwrap();
    // Of another pair than the key.
    fs::copy(second.file("server.pem"), &certificate).unwrap();
    server.answer(&first.client(server.address)).await.unwrap();
    fs::copy(second.file("server.key"), &key).unwrap();
    server.answer(&second.client(server.address)).await.unwrap();
}

#[tokio::test]
async fn our_own_certificate_is_renewed_while_the_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    let files = Own(folder);
    let tls = Tls::own(&files.file(""), names(&[]), SystemTime::now() - 380 * DAY).unwrap();
    let (authority, before) = (files.read(AUTHORITY_FILE), files.read("server.pem"));
    let server = Server::start(Protection::Tls(Arc::new(tls))).await;
    server.answer(&files.client(server.address)).await.unwrap();
    assert_ne!(files.read("server.pem"), before);
    assert_eq!(files.read(AUTHORITY_FILE), authority);
}

#[test]
fn what_is_good_stays_as_it_is() {
    let files = Own::new();
    let before = (files.read(AUTHORITY_FILE), files.read("server.pem"));
    Tls::own(&files.file(""), names(&[]), SystemTime::now() + 360 * DAY).unwrap();
    assert_eq!((files.read(AUTHORITY_FILE), files.read("server.pem")), before);
}

#[tokio::test]
async fn a_name_that_the_ca_may_not_sign_for_gets_a_new_ca() {
    let files = Own::new();
    let authority = files.read(AUTHORITY_FILE);
    let tls = Tls::own(&files.file(""), names(&["sky.example"]), SystemTime::now()).unwrap();
    assert_ne!(files.read(AUTHORITY_FILE), authority);
    let server = Server::start(Protection::Tls(Arc::new(tls))).await;
    let client = files.client(server.address);
    client.get(server.url("sky.example")).send().await.unwrap();
    client.get(server.url("localhost")).send().await.unwrap();
}

#[test]
fn names_that_the_ca_may_sign_for_get_a_new_server_certificate_only() {
    let files = Own::new();
    let (authority, before) = (files.read(AUTHORITY_FILE), files.read("server.pem"));
    Tls::own(&files.file(""), names(&["127.0.0.7", "api.keeper"]), SystemTime::now()).unwrap();
    assert_ne!(files.read("server.pem"), before);
    assert_eq!(files.read(AUTHORITY_FILE), authority);
    // A container has another host name each time; nobody has to trust anew for that.
    let moved = Names { host: "moved".to_owned(), asked: BTreeSet::new() };
    Tls::own(&files.file(""), moved, SystemTime::now()).unwrap();
    assert_eq!(files.read(AUTHORITY_FILE), authority);
}

#[test]
fn a_ca_at_its_end_is_replaced() {
    let files = Own::new();
    let authority = files.read(AUTHORITY_FILE);
    Tls::own(&files.file(""), names(&[]), SystemTime::now() + 3640 * DAY).unwrap();
    assert_ne!(files.read(AUTHORITY_FILE), authority);
}

#[test]
fn a_server_pair_that_fell_apart_is_made_anew() {
    let (files, other) = (Own::new(), Own::new());
    fs::copy(other.file("server.key"), files.file("server.key")).unwrap();
    Tls::own(&files.file(""), names(&[]), SystemTime::now()).unwrap();
    fs::remove_file(files.file("server.pem")).unwrap();
    Tls::own(&files.file(""), names(&[]), SystemTime::now()).unwrap();
}

#[test]
fn the_key_of_the_ca_is_needed_only_to_sign() {
    let files = Own::new();
    fs::remove_file(files.file("ca.key")).unwrap();
    Tls::own(&files.file(""), names(&[]), SystemTime::now()).unwrap();
    let error = refusal(Tls::own(&files.file(""), names(&[]), SystemTime::now() + 380 * DAY));
    assert!(error.contains("ca.key of the CA is missing; put it back"), "{error}");
}

#[test]
fn keys_are_their_owners_alone() {
    let files = Own::new();
    let mode = |name: &str| fs::metadata(files.file(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!([mode(""), mode("ca.key"), mode("server.key")], [0o700, 0o600, 0o600]);
    assert_eq!([mode("ca.pem"), mode("server.pem")], [0o644, 0o644]);
}

#[test]
fn what_is_wrong_with_given_files_is_said() {
    let (first, second) = (Own::new(), Own::new());
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = first.copy_to(folder.path());
    let now = SystemTime::now();
    let error = refusal(Tls::given(&certificate, &second.file("server.key"), now));
    assert!(error.contains("mine.pem and the key") && error.contains("do not belong together"), "{error}");
    let error = refusal(Tls::given(&certificate, &key, now + 400 * DAY));
    assert!(error.contains("mine.pem expired on"), "{error}");
    let error = refusal(Tls::given(&certificate, &key, now - DAY));
    assert!(error.contains("mine.pem is not valid before"), "{error}");
    let error = refusal(Tls::given(&key, &key, now));
    assert!(error.contains("mine.key holds no certificate in PEM"), "{error}");
    let error = refusal(Tls::given(&certificate, &folder.path().join("none.key"), now));
    assert!(error.contains("could not read") && error.contains("none.key"), "{error}");
    fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    let error = refusal(Tls::given(&certificate, &key, now));
    assert!(error.contains("(mode 0644); run `chmod 600 "), "{error}");
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    fs::write(&key, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n").unwrap();
    let error = refusal(Tls::given(&certificate, &key, now));
    assert!(error.contains("holds no private key in PEM") && error.contains("without a passphrase"), "{error}");
}
