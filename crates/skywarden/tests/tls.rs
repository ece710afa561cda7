//! `skywarden up` as a browser meets it: its address, its certificate, what it refuses.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io::{BufRead as _, BufReader},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::Arc,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use sha2::{Digest as _, Sha256};

struct Up {
    process: Child,
    /// Kept open: the server goes on printing.
    output: BufReader<ChildStdout>,
    /// What it printed from its address on.
    lines: Vec<String>,
}

impl Up {
    fn start(data: &Path, arguments: &[&str]) -> Self {
        let arguments = [arguments, &["--listen", "127.0.0.1:0"]].concat();
        let mut process = command(data, &arguments).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut up = Self { process, output, lines: Vec::new() };
        while !up.lines.last().is_some_and(|line| line.contains("API token")) {
            let mut line = String::new();
            assert_ne!(up.output.read_line(&mut line).unwrap(), 0, "it ended after {:?}", up.lines);
            if line.starts_with("Open ") || !up.lines.is_empty() {
                up.lines.push(line.trim().to_owned());
            }
        }
        up
    }

    /// The address and port, and the path of the login.
    fn login(&self, scheme: &str) -> (String, String) {
        let url = self.lines.first().unwrap().strip_prefix(&format!("Open {scheme}://")).unwrap();
        let (host, path) = url.split_once('/').unwrap();
        (host.to_owned(), format!("/{path}"))
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skywarden"));
    command.arg("up").args(arguments).arg("--data").arg(data).env_remove("SKYWARDEN_CONTENT");
    command
}

/// What `up` says when it does not start.
fn refusal(data: &Path, arguments: &[&str]) -> String {
    let output = command(data, arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    // Nothing was assessed for nothing.
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

fn ask(mut stream: impl std::io::Read + std::io::Write, host: &str, path: &str) -> String {
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn secure(address: &str, name: &str, authority: &CertificateDer<'static>) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(config), ServerName::try_from(name.to_owned()).unwrap()).unwrap();
    StreamOwned::new(connection, TcpStream::connect(address).unwrap())
}

#[test]
fn up_prints_an_https_address_and_how_to_know_its_ca() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(folder.path(), &[]);
    let (address, path) = up.login("https");
    let authority = CertificateDer::from_pem_file(folder.path().join("tls/ca.pem")).unwrap();
    let pairs: Vec<String> = Sha256::digest(&authority).iter().map(|byte| format!("{byte:02X}")).collect();
    let (fingerprint, file) = (up.lines.get(1).unwrap(), up.lines.get(2).unwrap());
    assert!(fingerprint.ends_with(&format!(": {}", pairs.join(":"))), "{fingerprint}");
    assert!(file.ends_with(&folder.path().join("tls/ca.pem").display().to_string()), "{file}");
    let answer = ask(secure(&address, "localhost", &authority), &address.replace("127.0.0.1", "localhost"), "/healthz");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let answer = ask(secure(&address, "127.0.0.1", &authority), &address, &path);
    assert!(answer.starts_with("HTTP/1.1 303") && answer.contains("skywarden_session="), "{answer}");
    let hint = ask(TcpStream::connect(&address).unwrap(), &address, "/");
    assert!(hint.starts_with("HTTP/1.1 400") && hint.contains(&format!("use https://{address}")), "{hint}");
}

#[test]
fn up_serves_plain_http_on_loopback_if_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(folder.path(), &["--no-tls"]);
    let (address, path) = up.login("http");
    let answer = ask(TcpStream::connect(&address).unwrap(), &address, &path);
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    assert!(!folder.path().join("tls").exists());
}

#[test]
fn plain_http_off_loopback_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let error = refusal(folder.path(), &["--no-tls", "--listen", address]);
        assert!(error.contains("--no-tls is for loopback addresses only") && error.contains(address), "{error}");
    }
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(Up::start(folder.path(), &[]));
    let tls = folder.path().join("tls");
    let (certificate, key) = (tls.join("server.pem"), tls.join("ca.key"));
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let error = refusal(folder.path(), &["--tls-certificate", certificate, "--tls-key", key]);
    assert!(error.contains("do not belong together"), "{error}");
    let output = command(folder.path(), &["--tls-certificate", certificate]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}
