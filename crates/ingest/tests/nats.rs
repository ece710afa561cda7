//! The input of NATS against NATS's own server.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod queues;

use std::path::Path;

use async_nats::jetstream;
use queues::{Desk, Server, certificates, free_port, message};
use serde_json::{Value, json};

/// A server that keeps its streams in a folder.
struct Nats {
    folder: tempfile::TempDir,
    port: u16,
    server: Option<Server>,
    /// More of its configuration.
    more: String,
}

impl Nats {
    async fn start(more: &str) -> Self {
        let mut nats = Nats { folder: tempfile::tempdir().unwrap(), port: free_port(), server: None, more: more.to_owned() };
        nats.start_again().await;
        nats
    }

    /// The same with the certificates of a server.
    async fn with_certificates(more: impl FnOnce(&Path) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        certificates(folder.path());
        let more = more(folder.path());
        let mut nats = Nats { folder, port: free_port(), server: None, more };
        nats.start_again().await;
        nats
    }

    async fn start_again(&mut self) {
        let folder = self.folder.path();
        let text = format!(
            "listen: 127.0.0.1:{}\njetstream {{ store_dir: {}, sync_interval: always }}\nmax_payload: 8MB\n{}\n",
            self.port,
            folder.join("store").display(),
            self.more
        );
        std::fs::write(folder.join("nats.conf"), text).unwrap();
        let arguments = ["--config".to_owned(), folder.join("nats.conf").display().to_string()];
        self.server = Some(Server::start("nats-server", &arguments, self.port, &folder.join("log")).await);
    }

    fn kill(&mut self) {
        self.server.take().unwrap().kill();
    }

    fn url(&self) -> String {
        format!("nats://localhost:{}", self.port)
    }

    async fn streams(&self) -> jetstream::Context {
        jetstream::new(async_nats::connect(self.url()).await.unwrap())
    }

    /// A desk that reads from here.
    fn desk(&self, more: Value) -> Desk {
        let mut kind = json!({ "kind": "nats", "servers": [self.url()] });
        kind.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Desk::new(kind)
    }
}

async fn make_stream(streams: &jetstream::Context) -> jetstream::stream::Stream {
    let config = jetstream::stream::Config {
        name: "LOGS".to_owned(),
        subjects: vec!["logs.>".to_owned(), "other.>".to_owned()],
        ..Default::default()
    };
    streams.create_stream(config).await.unwrap()
}

async fn publish(streams: &jetstream::Context, numbers: impl IntoIterator<Item = u64>, longer: usize) {
    for n in numbers {
        streams.publish("logs.a", message(n, longer).into()).await.unwrap().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_message_of_a_stream_is_taken_once_whoever_is_killed() {
    let mut nats = Nats::start("").await;
    let streams = nats.streams().await;
    make_stream(&streams).await;
    publish(&streams, 0..3_000, 1_000).await;
    let desk = nats.desk(json!({ "stream": "LOGS" }));
    let running = desk.start().await;
    let status = running.until("something to wait at the source", |status| status.behind.is_some_and(|n| n > 0)).await;
    assert!(status.behind.is_some_and(|behind| behind <= 3_000), "{status:?}");
    running.kill().await;
    let running = desk.start().await;
    running.until_well().await;
    running.kill().await;
    publish(&streams, 3_000..3_100, 0).await;
    let running = desk.start().await;
    running.until_texts(100).await;
    running.until_well().await;
    nats.kill();
    running.until_problem("NATS").await;
    nats.start_again().await;
    publish(&streams, 3_100..3_200, 0).await;
    running.until_texts(200).await;
    running.until_well().await;
    running.stop().await;
    assert_eq!(desk.numbers().await, (0..3_200).collect::<Vec<u64>>());
    assert_eq!(desk.dead_letters(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_removed_before_it_was_read_is_told_and_a_new_stream_is_read_whole() {
    let nats = Nats::start("").await;
    let streams = nats.streams().await;
    let stream = make_stream(&streams).await;
    publish(&streams, 0..10, 0).await;
    let desk = nats.desk(json!({ "stream": "LOGS" }));
    let running = desk.start().await;
    running.until_texts(10).await;
    running.stop().await;
    publish(&streams, 10..17, 0).await;
    stream.purge().await.unwrap();
    publish(&streams, 17..20, 0).await;
    let running = desk.start().await;
    running.until_texts(3).await;
    running.until_problem("up to 7 messages of the stream LOGS (11 to 17)").await;
    // While it is read.
    streams.delete_stream("LOGS").await.unwrap();
    make_stream(&streams).await;
    publish(&streams, 20..25, 0).await;
    running.until_texts(8).await;
    running.until_problem("made anew").await;
    running.stop().await;
    assert_eq!(desk.numbers().await, (0..10).chain(17..25).collect::<Vec<u64>>());
    let told = desk.dead_letters();
    assert_eq!(told.lines().count(), 2, "{told}");
    assert!(told.contains("up to 7 messages") && told.contains("made anew"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_message_lies_with_the_dead_letters_and_a_long_one_is_taken() {
    let nats = Nats::start("").await;
    let streams = nats.streams().await;
    make_stream(&streams).await;
    publish(&streams, [1], 0).await;
    streams.publish("logs.a", "{ this is no JSON".into()).await.unwrap().await.unwrap();
    publish(&streams, [2], 3 << 20).await;
    streams.publish("logs.a", format!("{}\n{}\n", message(3, 0), message(4, 0)).into()).await.unwrap().await.unwrap();
    let desk = nats.desk(json!({ "stream": "LOGS" }));
    let running = desk.start().await;
    running.until("five texts, one of them bad", |status| status.n_texts == 5 && status.n_bad == 1).await;
    running.stop().await;
    assert_eq!(desk.numbers().await, [1, 2, 3, 4]);
    let told = desk.dead_letters();
    assert!(told.lines().count() == 1 && told.contains("this is no JSON") && told.contains("LOGS"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_subjects_that_are_wanted_are_taken_and_only_new_messages_if_so_asked() {
    let nats = Nats::start("").await;
    let streams = nats.streams().await;
    make_stream(&streams).await;
    publish(&streams, 0..5, 0).await;
    let desk = nats.desk(json!({ "stream": "LOGS", "subjects": ["logs.b", "other.>"], "start": "new" }));
    let running = desk.start().await;
    running.until_well().await;
    running.kill().await;
    for (n, subject) in [(5, "logs.b"), (6, "logs.a"), (7, "other.x.y"), (8, "other.z")] {
        streams.publish(subject, message(n, 0).into()).await.unwrap().await.unwrap();
    }
    let running = desk.start().await;
    running.until_texts(3).await;
    running.until_well().await;
    running.stop().await;
    assert_eq!(desk.numbers().await, [5, 7, 8]);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_other_subjects_that_are_removed_are_no_loss() {
    let nats = Nats::start("").await;
    let streams = nats.streams().await;
    let stream = make_stream(&streams).await;
    let desk = nats.desk(json!({ "stream": "LOGS", "subjects": ["other.x"] }));
    let running = desk.start().await;
    running.until_well().await;
    publish(&streams, 0..9, 0).await;
    // It looks at the stream from time to time.
    let is_behind_others = || running.position("LOGS").is_some_and(|position| position["sequence"] == 9);
    running.until("the position to pass others' messages", |_| is_behind_others()).await;
    stream.purge().await.unwrap();
    streams.publish("other.x", message(9, 0).into()).await.unwrap().await.unwrap();
    running.until_texts(1).await;
    running.stop().await;
    let running = desk.start().await;
    running.until_well().await;
    running.stop().await;
    assert_eq!((desk.numbers().await, desk.dead_letters()), (vec![9], String::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn subjects_are_listened_to_and_what_came_while_away_is_told_as_lost() {
    let mut nats = Nats::start("").await;
    let desk = nats.desk(json!({ "subjects": ["plain.>", "more"] }));
    let running = desk.start().await;
    running.until("it to listen", |status| status.n_failures == 0).await;
    let client = async_nats::connect(nats.url()).await.unwrap();
    for n in 0..50 {
        client.publish(if n % 2 == 0 { "plain.a" } else { "more" }, message(n, 0).into()).await.unwrap();
    }
    client.publish("others", message(99, 0).into()).await.unwrap();
    client.flush().await.unwrap();
    running.until_texts(50).await;
    nats.kill();
    running.until_problem("what is published meanwhile is lost").await;
    nats.start_again().await;
    running.until_problem("is lost: the connection was").await;
    let client = async_nats::connect(nats.url()).await.unwrap();
    client.publish("plain.a", message(50, 0).into()).await.unwrap();
    client.flush().await.unwrap();
    running.until_texts(51).await;
    running.stop().await;
    let mut numbers = desk.numbers().await;
    numbers.sort_unstable();
    assert_eq!(numbers, (0..51).collect::<Vec<u64>>());
    let told = desk.dead_letters();
    assert!(told.lines().count() == 1 && told.contains("what was published from"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_with_a_certificate_of_ours_and_a_password_that_is_never_told() {
    let nats = Nats::with_certificates(|folder| {
        let at = |name: &str| folder.join(name).display().to_string();
        format!(
            "tls {{ cert_file: {}, key_file: {}, ca_file: {}, verify: true }}\nauthorization {{ user: reader, password: secret-1 }}",
            at("server.pem"),
            at("server.key"),
            at("ca.pem")
        )
    })
    .await;
    let at = |name: &str| nats.folder.path().join(name);
    let client = async_nats::ConnectOptions::new()
        .add_root_certificates(at("ca.pem"))
        .add_client_certificate(at("client.pem"), at("client.key"))
        .user_and_password("reader".to_owned(), "secret-1".to_owned());
    let streams = jetstream::new(client.connect(nats.url()).await.unwrap());
    make_stream(&streams).await;
    publish(&streams, 0..3, 0).await;
    std::fs::write(at("password"), "secret-2\n").unwrap();
    let desk = nats.desk(json!({
        "stream": "LOGS",
        "login": { "password": { "user": "reader", "passwordFile": at("password") } },
        "tls": { "caFile": at("ca.pem"), "certificateFile": at("client.pem"), "keyFile": at("client.key") },
    }));
    let running = desk.start().await;
    let told = running.until_problem("authorization").await;
    assert!(!told.contains("secret"), "{told}");
    // The file is read anew at each attempt.
    std::fs::write(at("password"), "secret-1\n").unwrap();
    running.until_texts(3).await;
    running.until_well().await;
    running.stop().await;
    let other = nats.desk(json!({ "stream": "LOGS", "tls": {} }));
    let running = other.start().await;
    running.until_problem("certificate").await;
    running.stop().await;
    assert_eq!((desk.numbers().await, other.numbers().await), (vec![0, 1, 2], Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_nkeys_log_in_and_what_a_user_may_not_do_is_told() {
    let nats = Nats::start("authorization { token: token-1 }").await;
    let token = nats.folder.path().join("token");
    std::fs::write(&token, "token-1").unwrap();
    let streams = jetstream::new(async_nats::ConnectOptions::with_token("token-1".to_owned()).connect(nats.url()).await.unwrap());
    make_stream(&streams).await;
    publish(&streams, 0..3, 0).await;
    let desk = nats.desk(json!({ "stream": "LOGS", "login": { "tokenFile": token } }));
    let running = desk.start().await;
    running.until_texts(3).await;
    running.stop().await;

    let nats = Nats::start(
        "authorization { users: [ { nkey: UBHWWDCUY6L7BZQAU47X3AAATXMNHDYT2KCZ5TM5RPB3SNFVZI433F2T, permissions: { subscribe: \
         { allow: [\"_INBOX.>\", \"open\"] } } } ] }",
    )
    .await;
    let seed = nats.folder.path().join("seed");
    std::fs::write(&seed, "SUAK5MEYRJ3SRROJKYA6VXBIRNNHTLDCGJHCRTZ2Q6MD3IG52ACOXA55KQ\n").unwrap();
    let closed = nats.desk(json!({ "subjects": ["open", "closed"], "login": { "nkeyFile": seed } }));
    let running = closed.start().await;
    running.until_problem("closed").await;
    running.stop().await;
    let missing = nats.desk(json!({ "stream": "NONE", "login": { "nkeyFile": seed } }));
    let running = missing.start().await;
    running.until_problem("find the stream `NONE`").await;
    running.stop().await;
}
