//! The input of Kafka against Tansu, a broker that speaks its protocol and keeps messages in memory.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod queues;

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use queues::{Desk, Server, certificates, free_port, message};
use rskafka::{
    chrono::Utc,
    client::{
        Client, ClientBuilder,
        partition::{Compression, UnknownTopicHandling},
    },
    record::Record,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// A broker, and the way to it, which can be cut.
struct Kafka {
    folder: tempfile::TempDir,
    port: u16,
    way: Way,
    server: Option<Server>,
    arguments: Vec<String>,
}

/// Passes on bytes between clients and a broker, as a network does.
struct Way {
    port: u16,
    is_cut: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Way {
    async fn to(broker: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (is_cut, mut cut) = watch::channel(false);
        let task = tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                if *cut.borrow_and_update() {
                    continue;
                }
                let mut cut = cut.clone();
                tokio::spawn(async move {
                    let Ok(mut broker) = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, broker)).await else { return };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut client, &mut broker) => {}
                        _ = cut.wait_for(|is_cut| *is_cut) => {}
                    }
                });
            }
        });
        Way { port, is_cut, task }
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Kafka {
    async fn start() -> Self {
        Self::with(tempfile::tempdir().unwrap(), &[]).await
    }

    async fn with(folder: tempfile::TempDir, more: &[String]) -> Self {
        let port = free_port();
        let way = Way::to(port).await;
        let mut arguments = vec![
            "broker".to_owned(),
            format!("--listener-url=tcp://127.0.0.1:{port}"),
            format!("--advertised-listener-url=tcp://localhost:{}", way.port),
            "--storage-engine=memory://test/".to_owned(),
        ];
        arguments.extend_from_slice(more);
        let mut kafka = Kafka { folder, port, way, server: None, arguments };
        kafka.start_again().await;
        kafka
    }

    async fn start_again(&mut self) {
        self.server = Some(Server::start("tansu", &self.arguments, self.port, &self.folder.path().join("log")).await);
    }

    /// Ends the broker and with it all that it keeps.
    fn kill(&mut self) {
        self.server.take().unwrap().kill();
    }

    fn address(&self) -> String {
        format!("localhost:{}", self.way.port)
    }

    async fn client(&self) -> Client {
        ClientBuilder::new(vec![self.address()]).build().await.unwrap()
    }

    /// A desk that reads from here.
    fn desk(&self, more: Value) -> Desk {
        let mut kind = json!({ "kind": "kafka", "brokers": [self.address()], "topics": ["logs"], "lookEvery": 1 });
        kind.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Desk::new(kind)
    }
}

async fn make_topic(client: &Client, name: &str, n_partitions: i32) {
    client.controller_client().unwrap().create_topic(name, n_partitions, 1, 5_000).await.unwrap();
}

async fn write(client: &Client, topic: &str, partition: i32, values: Vec<Option<Vec<u8>>>, compression: Compression) {
    let partition = client.partition_client(topic, partition, UnknownTopicHandling::Retry).await.unwrap();
    let record = |value| Record { key: None, value, headers: BTreeMap::new(), timestamp: Utc::now() };
    partition.produce(values.into_iter().map(record).collect(), compression).await.unwrap();
}

async fn publish(client: &Client, partition: i32, numbers: impl IntoIterator<Item = u64>, longer: usize) {
    let values = numbers.into_iter().map(|n| Some(message(n, longer).into_bytes())).collect();
    write(client, "logs", partition, values, Compression::NoCompression).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_message_is_taken_once_whoever_is_killed() {
    let kafka = Kafka::start().await;
    let client = kafka.client().await;
    make_topic(&client, "logs", 2).await;
    for part in 0..20 {
        publish(&client, part % 2, u64::try_from(part).unwrap() * 100..u64::try_from(part + 1).unwrap() * 100, 2_000).await;
    }
    let desk = kafka.desk(json!({}));
    let running = desk.start().await;
    running.until("something to wait at the source", |status| status.behind.is_some_and(|n| n > 0 && n <= 2_000)).await;
    running.kill().await;
    let running = desk.start().await;
    running.until_well().await;
    running.kill().await;
    publish(&client, 0, 2_000..2_100, 0).await;
    let running = desk.start().await;
    running.until_texts(100).await;
    running.until_well().await;
    kafka.way.is_cut.send(true).unwrap();
    running.until_problem("could not").await;
    kafka.way.is_cut.send(false).unwrap();
    publish(&kafka.client().await, 1, 2_100..2_200, 0).await;
    running.until_texts(200).await;
    running.until_well().await;
    running.stop().await;
    let mut numbers = desk.numbers().await;
    numbers.sort_unstable();
    assert_eq!(numbers, (0..2_200).collect::<Vec<u64>>());
    assert_eq!(desk.dead_letters(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_compression_is_read_and_a_bad_message_lies_with_the_dead_letters() {
    let kafka = Kafka::start().await;
    let client = kafka.client().await;
    make_topic(&client, "logs", 1).await;
    let all =
        [Compression::NoCompression, Compression::Gzip, Compression::Lz4, Compression::Snappy, Compression::Zstd];
    for (n, compression) in (0..).zip(all) {
        let values = vec![Some(message(2 * n, 500).into_bytes()), Some(message(2 * n + 1, 500).into_bytes())];
        write(&client, "logs", 0, values, compression).await;
    }
    let two_lines = format!("{}\n{}\n", message(10, 0), message(11, 0)).into_bytes();
    let values = vec![Some(b"{ this is no JSON".to_vec()), None, Some(two_lines)];
    write(&client, "logs", 0, values, Compression::NoCompression).await;
    let desk = kafka.desk(json!({}));
    let running = desk.start().await;
    running.until("13 texts, one of them bad", |status| status.n_texts == 13 && status.n_bad == 1).await;
    running.until_well().await;
    running.stop().await;
    assert_eq!(desk.numbers().await, (0..12).collect::<Vec<u64>>());
    let told = desk.dead_letters();
    assert!(told.lines().count() == 1 && told.contains("this is no JSON") && told.contains("logs/0"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_that_are_found_later_are_read_from_their_beginning() {
    let kafka = Kafka::start().await;
    let client = kafka.client().await;
    make_topic(&client, "logs", 1).await;
    publish(&client, 0, 0..5, 0).await;
    let desk = kafka.desk(json!({ "topics": ["logs", "later"], "start": "new" }));
    let running = desk.start().await;
    running.until_problem("there is no topic later").await;
    running.until("the partition to be read", |_| running.position("logs/0").is_some_and(|at| at["offset"] == 5)).await;
    make_topic(&client, "later", 3).await;
    for n in 5..8 {
        let partition = i32::try_from(n).unwrap() - 5;
        write(&client, "later", partition, vec![Some(message(n, 0).into_bytes())], Compression::NoCompression).await;
    }
    running.until_texts(3).await;
    running.until_well().await;
    running.stop().await;
    publish(&client, 0, 8..10, 0).await;
    let running = desk.start().await;
    running.until_texts(2).await;
    running.stop().await;
    let mut numbers = desk.numbers().await;
    numbers.sort_unstable();
    assert_eq!(numbers, [5, 6, 7, 8, 9]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_was_made_anew_is_told_and_read_whole() {
    let mut kafka = Kafka::start().await;
    make_topic(&kafka.client().await, "logs", 1).await;
    publish(&kafka.client().await, 0, 0..10, 0).await;
    let desk = kafka.desk(json!({}));
    let running = desk.start().await;
    running.until_texts(10).await;
    running.until_well().await;
    // It keeps messages in memory only.
    kafka.kill();
    running.until_problem("could not").await;
    kafka.start_again().await;
    make_topic(&kafka.client().await, "logs", 1).await;
    publish(&kafka.client().await, 0, 10..13, 0).await;
    running.until_problem("logs/0 ends with offset 2, and 9 was read already").await;
    running.until_texts(13).await;
    running.stop().await;
    assert_eq!(desk.numbers().await, (0..13).collect::<Vec<u64>>());
    let told = desk.dead_letters();
    assert!(told.lines().count() == 1 && told.contains("made anew"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_were_removed_before_they_were_read_are_counted() {
    let kafka = Kafka::start().await;
    let client = kafka.client().await;
    make_topic(&client, "logs", 1).await;
    publish(&client, 0, 0..4, 0).await;
    let desk = kafka.desk(json!({}));
    let running = desk.start().await;
    running.until_texts(4).await;
    running.stop().await;
    publish(&client, 0, 4..10, 0).await;
    publish(&client, 0, 10..12, 0).await;
    let partition = client.partition_client("logs", 0, UnknownTopicHandling::Retry).await.unwrap();
    partition.delete_records(10, 5_000).await.unwrap();
    let running = desk.start().await;
    running.until_texts(2).await;
    running.until_problem("6 messages of logs/0 (offsets 4 to 9)").await;
    running.stop().await;
    assert_eq!(desk.numbers().await, [0, 1, 2, 3, 10, 11]);
    assert_eq!(desk.dead_letters().lines().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_and_a_password_that_is_never_told() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let at = |name: &str| folder.path().join(name);
    let tls = [
        "--authentication".to_owned(),
        format!("--cert={}", at("server.pem").display()),
        format!("--key={}", at("server.key").display()),
    ];
    let (ca, password) = (at("ca.pem"), at("password"));
    let kafka = Kafka::with(folder, &tls).await;
    std::fs::write(&password, "secret-2").unwrap();
    let desk = kafka.desk(json!({
        "tls": { "caFile": ca },
        "sasl": { "mechanism": "scram-sha-256", "username": "reader", "passwordFile": password },
    }));
    let running = desk.start().await;
    let told = running.until_problem("could not connect to Kafka").await;
    assert!(!told.contains("secret"), "{told}");
    running.stop().await;
}
