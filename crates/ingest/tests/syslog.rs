//! Syslog is sent by `logger` of util-linux and by clients of the tests' own: over TCP each message comes once, over UDP what does not
//! come is counted.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use std::{
    collections::BTreeSet,
    io::Write as _,
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    path::Path,
    process::Command,
    sync::{Arc, LazyLock},
    time::Duration,
};

use common::{Server, archived, dead_letters, kind};
use serde_json::json;
use skywarden_detect::Detect;
use tokio::io::AsyncWriteExt as _;

static DETECT: LazyLock<Arc<Detect>> = LazyLock::new(common::detect);

/// A port that nobody uses now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// An input that listens, and where.
struct Place {
    folder: tempfile::TempDir,
    settings: serde_json::Value,
    port: u16,
}

impl Place {
    fn new(how: &str) -> Self {
        let port = free_port();
        Place { folder: tempfile::tempdir().unwrap(), settings: json!({ "kind": "syslog", how: [port] }), port }
    }

    fn with(mut self, name: &str, value: serde_json::Value) -> Self {
        self.settings[name] = value;
        self
    }

    async fn start(&self) -> Server {
        let server = Server::start(self.folder.path(), &DETECT, "lines", &kind(self.settings.clone())).await;
        server.until("that it listens", |status| status.behind.is_some()).await;
        server
    }

    fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address()).unwrap()
    }

    /// The real program that administrators use.
    fn logger(&self, arguments: &[&str]) {
        let port = self.port.to_string();
        let mut logger = Command::new("logger");
        logger.args(["--server", "127.0.0.1", "--port", &port, "--tag", "sshd"]).args(arguments);
        let output = logger.output().unwrap_or_else(|error| panic!("logger of util-linux: {error}"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    async fn archived(&self) -> Vec<String> {
        archived(self.folder.path()).await
    }

    fn letters(&self) -> Vec<serde_json::Value> {
        dead_letters(self.folder.path())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logger_is_understood_in_all_its_ways() {
    let udp = Place::new("udp");
    let server = udp.start().await;
    udp.logger(&["--udp", "--rfc3164", "one"]);
    udp.logger(&["--udp", "--rfc5424", "--priority", "auth.info", "two"]);
    server.until_texts(2).await;
    server.stop().await;
    let all = udp.archived().await;
    assert!(all[0].starts_with("<13>") && all[0].ends_with("sshd: one"), "{all:?}");
    assert!(all[1].starts_with("<38>1 ") && all[1].ends_with("two"), "{all:?}");

    let tcp = Place::new("tcp");
    let server = tcp.start().await;
    let file = tcp.folder.path().join("lines");
    std::fs::write(&file, "three\nfour\n").unwrap();
    let file = file.display().to_string();
    tcp.logger(&["--tcp", "--rfc5424", "--file", &file]);
    tcp.logger(&["--tcp", "--octet-count", "--rfc3164", "--file", &file]);
    server.until_texts(4).await;
    server.stop().await;
    let all = tcp.archived().await;
    let ends: Vec<&str> = all.iter().map(|text| text.rsplit(' ').next().unwrap()).collect();
    assert_eq!(ends, ["three", "four", "three", "four"], "{all:?}");
    assert!(all.iter().all(|text| text.starts_with("<13>")), "{all:?}");
    assert_eq!(tcp.letters().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_lines_come_once_each() {
    let place = Place::new("tcp");
    let server = place.start().await;
    let mut senders = Vec::new();
    for part in 0..4 {
        let mut stream = place.connect();
        senders.push(std::thread::spawn(move || {
            let mut text = String::new();
            for n in 0..25_000 {
                let line = format!("<13>Mar  1 10:00:00 host app: {part}-{n}");
                // Two count, two do not.
                text += &if part % 2 == 0 { format!("{line}\n") } else { format!("{} {line}", line.len()) };
            }
            for piece in text.as_bytes().chunks(10_007) {
                stream.write_all(piece).unwrap();
            }
        }));
    }
    for sender in senders {
        sender.join().unwrap();
    }
    server.until_texts(100_000).await;
    server.stop().await;
    let all = place.archived().await;
    let distinct: BTreeSet<&str> = all.iter().map(|text| text.rsplit(' ').next().unwrap()).collect();
    assert_eq!((all.len(), distinct.len()), (100_000, 100_000));
    assert_eq!(place.letters().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_datagrams_arrives_or_is_counted() {
    // So small that the kernel must drop some.
    let place = Place::new("udp").with("receiveBuffer", json!(4_096));
    let server = place.start().await;
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let n_sent = 30_000_u64;
    for n in 0..n_sent {
        socket.send_to(format!("<13>{n} {}", "x".repeat(300)).as_bytes(), place.address()).unwrap();
    }
    let n_dropped = |reason: &str| reason.split(' ').next().unwrap().parse::<u64>().unwrap();
    let status = server
        .until("that all are accounted for", |status| {
            let dropped = status.problem.as_ref().map_or(0, |problem| n_dropped(&problem.reason));
            status.n_texts + dropped >= n_sent
        })
        .await;
    let reason = status.problem.unwrap().reason;
    assert!(reason.contains("dropped by the kernel since"), "{reason}");
    assert_eq!(status.n_texts + n_dropped(&reason), n_sent);
    server.stop().await;
    assert_eq!(u64::try_from(place.archived().await.len()).unwrap(), status.n_texts);
    let lost: u64 = place.letters().iter().map(|letter| n_dropped(letter["reason"].as_str().unwrap())).sum();
    assert_eq!(lost, n_dropped(&reason), "what is lost is written down");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_survives_a_kill_and_senders_find_it_again() {
    let place = Place::new("tcp");
    let server = place.start().await;
    let mut stream = place.connect();
    stream.write_all(b"<1>one\n<1>two\n").unwrap();
    server.until_texts(2).await;
    server.kill().await;
    let server = place.start().await;
    // The old connection is gone, which its client sees.
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    assert!(matches!(std::io::Read::read(&mut stream, &mut [0]), Ok(0) | Err(_)));
    place.connect().write_all(b"<1>three\n").unwrap();
    server.until_texts(3).await;
    server.stop().await;
    assert_eq!(place.archived().await, ["<1>one", "<1>two", "<1>three"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_mixed_slow_or_cut_is_told_and_others_go_on() {
    let place = Place::new("tcp").with("messageWithin", json!(1));
    let server = place.start().await;
    let mut slow = place.connect();
    slow.write_all(b"<1>slow").unwrap();
    let mut long = place.connect();
    long.write_all(&[b"<1>".as_slice(), &vec![b'x'; 1 << 20], b"\n<1>behind\n"].concat()).unwrap();
    let mut mixed = place.connect();
    mixed.write_all(b"4 <1>a<1>b\n4 <1>c12 <1>cut").unwrap();
    drop(mixed);
    server.until("all of that", |status| status.n_texts == 5 && status.n_bad == 4).await;
    // Bytes that come one by one do not keep a message open for ever.
    assert!(matches!(std::io::Read::read(&mut slow, &mut [0]), Ok(0) | Err(_)), "it was closed");
    server.stop().await;
    let all: BTreeSet<String> = place.archived().await.into_iter().collect();
    assert_eq!(all, ["<1>a", "<1>b", "<1>c", "<1>behind", "<1>slow"].map(str::to_owned).into());
    let letters: Vec<String> = place.letters().iter().map(|letter| letter["reason"].as_str().unwrap().to_owned()).collect();
    for reason in ["too long", "some do not", "in the middle", "not complete in time"] {
        assert!(letters.iter().any(|letter| letter.contains(reason)), "{reason}: {letters:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn drops_of_bytes_do_not_hold_a_connection() {
    let place = Place::new("tcp").with("messageWithin", json!(1));
    let server = place.start().await;
    let mut stream = place.connect();
    let began = std::time::Instant::now();
    stream.write_all(b"<1>").unwrap();
    while stream.write_all(b"x").is_ok() {
        assert!(began.elapsed() < Duration::from_secs(30), "it is still open");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    server.until("that it is told", |status| status.n_bad == 1).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_limited() {
    let place = Place::new("tcp").with("maxConnections", json!(2));
    let server = place.start().await;
    let mut held: Vec<TcpStream> = (0..2).map(|_| place.connect()).collect();
    for stream in &mut held {
        stream.write_all(b"<1>held\n").unwrap();
    }
    server.until_texts(2).await;
    let mut third = place.connect();
    assert!(matches!(std::io::Read::read(&mut third, &mut [0]), Ok(0) | Err(_)));
    let status = server.until("that it is told", |status| status.problem.is_some()).await;
    assert!(status.problem.unwrap().reason.contains("maxConnections"));
    held.clear();
    // A place is free once the end of a connection was read.
    let began = std::time::Instant::now();
    while server.status().n_texts < 3 {
        assert!(began.elapsed() < Duration::from_secs(30));
        let _ = place.connect().write_all(b"<1>again\n");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_go_to_the_log_source_of_their_program() {
    let routes = json!([{ "program": "api*", "source": "calls" }, { "facility": "local7", "source": "nowhere" }]);
    let place = Place::new("udp").with("routes", routes);
    let server = place.start().await;
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for text in [
        "<13>Mar  1 10:00:00 host app: a line",
        "<13>Mar  1 10:00:00 host api-server[7]: {\"call\":\"a\"}",
        "<190>Mar  1 10:00:00 host switch: link up",
    ] {
        socket.send_to(text.as_bytes(), place.address()).unwrap();
    }
    server.until("all three", |status| status.n_texts == 3 && status.behind == Some(0)).await;
    server.stop().await;
    assert_eq!(place.archived().await.first().unwrap(), "<13>Mar  1 10:00:00 host app: a line");
    let reasons: Vec<String> =
        place.letters().iter().map(|letter| format!("{} {}", letter["source"], letter["reason"])).collect();
    // The log source `calls` of this test takes no headers off.
    assert!(reasons.iter().any(|reason| reason.contains("calls")), "{reasons:?}");
    assert!(reasons.iter().any(|reason| reason.contains("there is no log source `nowhere`")), "{reasons:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_is_told_with_what_to_do() {
    let place = Place::new("tcp");
    let taken = TcpListener::bind(place.address()).unwrap();
    let server = Server::start(place.folder.path(), &DETECT, "lines", &kind(place.settings.clone())).await;
    let status = server.until("the problem", |status| status.problem.is_some()).await;
    let reason = status.problem.unwrap().reason;
    assert!(reason.contains("syslog over TCP") && reason.contains("another program"), "{reason}");
    drop(taken);
    server.until("that it listens", |status| status.behind.is_some() && status.problem.is_none()).await;
    server.stop().await;
}

/// A CA, and what it signs.
struct Authority {
    certificate: rcgen::Certificate,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        Authority { certificate, issuer: rcgen::Issuer::new(parameters, key) }
    }

    /// Writes a certificate and its key.
    fn sign(&self, name: &str, certificate: &Path, key: &Path) {
        let parameters = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        let own = rcgen::KeyPair::generate().unwrap();
        std::fs::write(certificate, parameters.signed_by(&own, &self.issuer).unwrap().pem()).unwrap();
        std::fs::write(key, own.serialize_pem()).unwrap();
    }
}

/// Sends over TLS with a client certificate, or without one.
async fn send_tls(address: SocketAddr, ca: &Authority, own: Option<(&Path, &Path)>, bytes: &[u8]) -> std::io::Result<()> {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
    let mut roots = rustls::RootCertStore::empty();
    roots.add(ca.certificate.der().clone()).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match own {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = vec![CertificateDer::from_pem_file(certificate).unwrap()];
            config.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key).unwrap()).unwrap()
        }
    };
    let stream = tokio::net::TcpStream::connect(address).await?;
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let mut stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    stream.write_all(bytes).await?;
    stream.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_asks_clients_who_they_are_and_takes_new_certificates() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (ca, other) = (Authority::new(), Authority::new());
    ca.sign("localhost", &path("server.pem"), &path("server.key"));
    ca.sign("client", &path("client.pem"), &path("client.key"));
    other.sign("client", &path("other.pem"), &path("other.key"));
    std::fs::write(path("ca.pem"), ca.certificate.pem()).unwrap();
    let files = json!({ "certificateFile": path("server.pem"), "keyFile": path("server.key"), "clientCaFile": path("ca.pem") });
    let place = Place::new("tls").with("tlsFiles", files);
    let server = place.start().await;
    let client = (path("client.pem"), path("client.key"));
    let client = Some((client.0.as_path(), client.1.as_path()));
    let stranger = (path("other.pem"), path("other.key"));
    send_tls(place.address(), &ca, client, b"6 <1>one8 <1>two\n3").await.unwrap();
    server.until_texts(2).await;
    // With TLS 1.3 a client learns only later that it was refused.
    let _ = send_tls(place.address(), &ca, None, b"<1>nobody\n").await;
    let _ = send_tls(place.address(), &ca, Some((&stranger.0, &stranger.1)), b"<1>stranger\n").await;
    let status = server.until("that they are told", |status| status.problem.is_some()).await;
    assert!(status.problem.unwrap().reason.contains("handshakes of TLS failed"));
    place.connect().write_all(b"<1>plain\n").unwrap();
    // A certificate of another CA is used as soon as it is there.
    other.sign("localhost", &path("server.pem"), &path("server.key"));
    send_tls(place.address(), &other, client, b"<1>new\n").await.unwrap();
    server.until_texts(3).await;
    server.stop().await;
    // Records of this log source are lines.
    assert_eq!(place.archived().await, ["<1>one", "<1>two", "3", "<1>new"]);
    assert_eq!(place.letters().len(), 0);
}
