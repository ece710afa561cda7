//! A service on this machine for tests.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

/// Answers the n-th request with the n-th text, the last one for ever; hangs up after each and keeps what was asked.
pub(super) struct Fake {
    /// `http://127.0.0.1:PORT`
    pub(super) url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    pub(super) async fn start(answers: Vec<String>) -> Self {
        Self::start_with(|_| answers).await
    }

    /// One whose answers hold its own address.
    pub(super) async fn start_with(answers: impl FnOnce(&str) -> Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers = answers(&url);
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (mut seen, mut part) = (String::new(), vec![0; 16384]);
                loop {
                    let n = stream.read(&mut part).await.unwrap_or_default();
                    seen.push_str(&String::from_utf8_lossy(&part[..n]));
                    let (head, body) = seen.split_once("\r\n\r\n").unwrap_or((&seen, ""));
                    let mut lines = head.lines();
                    let length = lines.find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
                    if n == 0 || (seen.contains("\r\n\r\n") && body.len() >= length.unwrap_or(0)) {
                        break;
                    }
                }
                let number = {
                    let mut log = log.lock().unwrap();
                    log.push(seen);
                    log.len() - 1
                };
                let _ = stream.write_all(answers[number.min(answers.len() - 1)].as_bytes()).await;
            }
        });
        Self { url, asked }
    }

    /// All requests, head and body.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    pub(super) fn n_asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// The form of the n-th request.
    pub(super) fn form(&self, number: usize) -> std::collections::BTreeMap<String, String> {
        let asked = self.asked()[number].clone();
        let (_, body) = asked.split_once("\r\n\r\n").unwrap();
        form_urlencoded::parse(body.as_bytes()).into_owned().collect()
    }
}

pub(super) fn answer(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}", body.len())
}

/// What Entra ID answers.
pub(super) fn token(text: &str, seconds: u64) -> String {
    let body =
        serde_json::json!({ "token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": text });
    answer(200, "content-type: application/json\r\n", &body.to_string())
}

/// What Entra ID answers if it refuses.
pub(super) fn refusal(description: &str) -> String {
    let body = serde_json::json!({ "error": "invalid_client", "error_description": description, "error_codes": [7_000_215] });
    answer(401, "content-type: application/json\r\n", &body.to_string())
}
