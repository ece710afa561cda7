//! The input of Kafka against Tansu, a broker that speaks its protocol and keeps messages in memory.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod queues;

use std::{collections::BTreeMap, net::Ipv4Addr, path::Path, sync::Arc};

use queues::{Desk, Server, certificates, free_port, message};
use rskafka::{
    chrono::Utc,
    client::{
        Client, ClientBuilder, Credentials, SaslConfig,
        partition::{Compression, UnknownTopicHandling},
    },
    record::Record,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

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

/// What stands before a broker: Tansu takes no key for TLS and keeps no user beyond its end, so that this does both.
#[derive(Clone)]
enum Door {
    Open,
    /// TLS, and SASL PLAIN for one user.
    Locked(TlsAcceptor),
}

/// What SASL PLAIN says for the user that may come in.
const KEY: &[u8] = b"\0$ConnectionString\0Endpoint=secret-1";

impl Way {
    async fn to(broker: u16, door: Door) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (is_cut, mut cut) = watch::channel(false);
        let task = tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                if *cut.borrow_and_update() {
                    continue;
                }
                let (mut cut, door) = (cut.clone(), door.clone());
                tokio::spawn(async move {
                    let Ok(mut broker) = TcpStream::connect((Ipv4Addr::LOCALHOST, broker)).await else { return };
                    let pass = async {
                        match door {
                            Door::Open => tokio::io::copy_bidirectional(&mut client, &mut broker).await.map(drop),
                            Door::Locked(tls) => pass_locked(tls.accept(client).await?, broker).await,
                        }
                    };
                    tokio::select! {
                        _ = pass => {}
                        _ = cut.wait_for(|is_cut| *is_cut) => {}
                    }
                });
            }
        });
        Way { port, is_cut, task }
    }
}

impl Door {
    fn locked(folder: &Path) -> Self {
        let certificate = CertificateDer::from_pem_file(folder.join("server.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
        Door::Locked(TlsAcceptor::from(Arc::new(config)))
    }
}

/// Passes on nothing but what versions the broker has, until the user has shown who it is (KIP-43 and KIP-152).
async fn pass_locked(mut client: impl AsyncRead + AsyncWrite + Unpin, mut broker: TcpStream) -> std::io::Result<()> {
    let mut is_in = false;
    while !is_in {
        let request = frame(&mut client).await?;
        let (api, correlation) = (u16::from_be_bytes([request[0], request[1]]), &request[4..8]);
        let answer = match api {
            // ApiVersions
            18 => {
                write_frame(&mut broker, &request).await?;
                frame(&mut broker).await?
            }
            // SaslHandshake 1: no error, one mechanism.
            17 => [correlation, &[0, 0, 0, 0, 0, 1, 0, 5], b"PLAIN"].concat(),
            // SaslAuthenticate 2: the error, no message, no bytes, no limit of time.
            36 => {
                is_in = request.windows(KEY.len()).any(|part| part == KEY);
                let error = if is_in { [0, 0] } else { [0, 58] };
                [correlation, &[0], &error, &[0, 1], &[0; 8], &[0]].concat()
            }
            _ => return Ok(()),
        };
        write_frame(&mut client, &answer).await?;
    }
    tokio::io::copy_bidirectional(&mut client, &mut broker).await.map(drop)
}

async fn frame(from: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(from.read_u32().await?).unwrap()];
    from.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn write_frame(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> std::io::Result<()> {
    to.write_u32(u32::try_from(bytes.len()).unwrap()).await?;
    to.write_all(bytes).await?;
    to.flush().await
}

impl Drop for Way {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Kafka {
    async fn start() -> Self {
        Self::behind(Door::Open).await
    }

    async fn behind(door: Door) -> Self {
        let port = free_port();
        let way = Way::to(port, door).await;
        let arguments = vec![
            "broker".to_owned(),
            format!("--listener-url=tcp://127.0.0.1:{port}"),
            format!("--advertised-listener-url=tcp://localhost:{}", way.port),
            "--storage-engine=memory://test/".to_owned(),
        ];
        let mut kafka = Kafka { folder: tempfile::tempdir().unwrap(), port, way, server: None, arguments };
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

/// One by one: Tansu counts the last batch as one message when it is asked where a partition ends.
async fn publish_each(client: &Client, numbers: impl IntoIterator<Item = u64>) {
    for n in numbers {
        publish(client, 0, [n], 0).await;
    }
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
        publish(&client, part % 2, u64::try_from(part).unwrap() * 100..u64::try_from(part + 1).unwrap() * 100, 4_000).await;
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
    let all = [Compression::NoCompression, Compression::Gzip, Compression::Lz4, Compression::Snappy, Compression::Zstd];
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
    publish_each(&client, 0..5).await;
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
    publish_each(&kafka.client().await, 10..13).await;
    running.until_problem("all before 10 was read already").await;
    running.until_texts(13).await;
    running.stop().await;
    assert_eq!(desk.numbers().await, (0..13).collect::<Vec<u64>>());
    let told = desk.dead_letters();
    assert!(told.lines().count() == 1 && told.contains("made anew"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_decoded_is_told_and_what_stands_around_it_is_read() {
    let kafka = Kafka::start().await;
    let client = kafka.client().await;
    make_topic(&client, "logs", 1).await;
    publish(&client, 0, 0..3, 0).await;
    write_at_no_time(kafka.port, 5).await;
    publish(&client, 0, 3..5, 0).await;
    let desk = kafka.desk(json!({}));
    let running = desk.start().await;
    running.until_texts(5).await;
    running.until_well().await;
    running.stop().await;
    assert_eq!(desk.numbers().await, [0, 1, 2, 3, 4]);
    let told = desk.dead_letters();
    assert!(told.lines().count() == 1 && told.contains("offsets 3 to 7 of logs/0 can't be decoded"), "{told}");
}

/// Writes a batch of so many messages whose time is past the end of all calendars, which only a client does that wants to do harm.
async fn write_at_no_time(broker: u16, n_messages: u8) {
    let mut records = Vec::new();
    for number in 0..n_messages {
        // Length 8 (as all numbers here twice itself), attributes, time, offset, no key, a value of 1 byte, no headers.
        records.extend([14, 0, 0, number * 2, 1, 2, b'x', 0]);
    }
    let time = i64::MAX.to_be_bytes();
    let mut checked = vec![0, 0];
    checked.extend((u32::from(n_messages) - 1).to_be_bytes());
    checked.extend([time, time].concat());
    // No producer: its id, epoch and sequence.
    checked.extend([0xff; 14]);
    checked.extend(u32::from(n_messages).to_be_bytes());
    checked.extend(records);
    // The offset is the broker's to give; length, epoch, the format, the checksum.
    let length = u32::try_from(checked.len()).unwrap() + 9;
    let batch = [&[0; 8], &length.to_be_bytes()[..], &[0; 4], &[2], &crc32c(&checked).to_be_bytes(), &checked].concat();
    let length = u32::try_from(batch.len()).unwrap().to_be_bytes();
    // Produce 3 from nobody, in no transaction, to be confirmed by all within 5 s: one topic with one partition.
    let head = [0, 0, 0, 3, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0x13, 0x88, 0, 0, 0, 1, 0, 4];
    let request = [&head[..], b"logs", &[0, 0, 0, 1, 0, 0, 0, 0], &length, &batch].concat();
    let mut broker = TcpStream::connect((Ipv4Addr::LOCALHOST, broker)).await.unwrap();
    write_frame(&mut broker, &request).await.unwrap();
    let answer = frame(&mut broker).await.unwrap();
    // Behind the number of the request, one topic with its name, one partition with its number.
    assert_eq!(answer[22..24], [0, 0], "it was refused: {answer:?}");
}

fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_and_a_password_that_is_never_told() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let at = |name: &str| folder.path().join(name);
    let kafka = Kafka::behind(Door::locked(folder.path())).await;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(at("ca.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let user = Credentials::new("$ConnectionString".to_owned(), "Endpoint=secret-1".to_owned());
    let client = ClientBuilder::new(vec![kafka.address()]).tls_config(Arc::new(config)).sasl_config(SaslConfig::Plain(user));
    let client = client.build().await.unwrap();
    make_topic(&client, "logs", 1).await;
    publish(&client, 0, [7], 0).await;
    std::fs::write(at("password"), "Endpoint=secret-2\n").unwrap();
    let desk = kafka.desk(json!({
        "tls": { "caFile": at("ca.pem") },
        "sasl": { "username": "$ConnectionString", "passwordFile": at("password") },
    }));
    let running = desk.start().await;
    let told = running.until_problem("could not connect to Kafka").await;
    assert!(!told.contains("secret") && told.to_lowercase().contains("sasl"), "{told}");
    std::fs::write(at("password"), "Endpoint=secret-1\n").unwrap();
    running.until_texts(1).await;
    running.until_well().await;
    running.stop().await;
    assert_eq!(desk.numbers().await, [7]);
    let other = kafka.desk(json!({ "tls": {} }));
    let running = other.start().await;
    running.until_problem("certificate").await;
    running.stop().await;
}
