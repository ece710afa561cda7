//! Objects of a bucket, told by a queue or listed, come once each: over moto's S3, SQS, SNS, EventBridge and IAM.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod clouds;

use std::{
    io::Write as _,
    sync::Arc,
    sync::{LazyLock, Mutex, Weak},
};

use clouds::{Door, Emulator, Running, archived, dead_letters, expected, lines, record};
use serde_json::{Value, json};
use skywarden_cloud::{AwsClient, AwsHttpRequest, AwsOptions, HttpResponse, RateKey};

const REGION: &str = "eu-west-1";
const ACCOUNT: &str = "123456789012";

/// A user of AWS who sets things up, and the file that they log in with.
struct User {
    client: AwsClient,
    credentials: tempfile::NamedTempFile,
}

impl User {
    async fn new(url: &str, key: &str, secret: &str) -> Self {
        let mut credentials = tempfile::NamedTempFile::new().unwrap();
        write!(credentials, "[logs]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n").unwrap();
        let options = AwsOptions {
            profile: Some("logs".into()),
            credentials_file: Some(credentials.path().to_owned()),
            endpoint_url: Some(url.to_owned()),
            home_region: Some(REGION.into()),
            ..AwsOptions::default()
        };
        User { client: AwsClient::new(options).await.unwrap(), credentials }
    }

    async fn any(emulator: &Emulator) -> Self {
        Self::new(&emulator.url, "AKIAIOSFODNN7EXAMPLE", "testing").await
    }

    async fn send(
        &self,
        service: &str,
        method: &str,
        path: &str,
        query: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> HttpResponse {
        let request = AwsHttpRequest {
            signing_name: service.into(),
            region: REGION.into(),
            host: format!("{service}.{REGION}.amazonaws.com"),
            method: method.into(),
            path: path.into(),
            query: query.into(),
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: body.to_vec().into(),
            rate_key: RateKey { account: "".into(), region: REGION.into(), service: service.into(), per_second: 0.0 },
        };
        let response = self.client.send(&request).await.unwrap();
        assert!(response.status < 300, "{service} {method} {path} {query}: {}", String::from_utf8_lossy(&response.body));
        response
    }

    async fn json(&self, service: &str, target: &str, body: Value) -> Value {
        let headers = [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", target)];
        let response = self.send(service, "POST", "/", "", &headers, body.to_string().as_bytes()).await;
        serde_json::from_slice(&response.body).unwrap_or_default()
    }

    async fn query(&self, service: &str, parameters: &[(&str, &str)]) -> String {
        let form = form(parameters);
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let response = self.send(service, "POST", "/", "", &headers, form.as_bytes()).await;
        String::from_utf8(response.body.to_vec()).unwrap()
    }

    async fn bucket(&self, name: &str) {
        let place =
            format!("<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>");
        self.send("s3", "PUT", &format!("/{name}"), "", &[], place.as_bytes()).await;
    }

    /// `path` is the bucket and the key, encoded.
    async fn put(&self, path: &str, body: &[u8]) {
        self.send("s3", "PUT", &format!("/{path}"), "", &[], body).await;
    }

    /// Its URL.
    async fn queue(&self, name: &str) -> String {
        self.json("sqs", "AmazonSQS.CreateQueue", json!({ "QueueName": name })).await["QueueUrl"].as_str().unwrap().to_owned()
    }

    async fn tell(&self, queue: &str, body: &str) {
        self.json("sqs", "AmazonSQS.SendMessage", json!({ "QueueUrl": queue, "MessageBody": body })).await;
    }

    /// How many messages a queue holds, hidden ones too.
    async fn held(&self, queue: &str) -> u64 {
        let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
        let answer =
            self.json("sqs", "AmazonSQS.GetQueueAttributes", json!({ "QueueUrl": queue, "AttributeNames": names })).await;
        names.iter().map(|name| answer["Attributes"][name].as_str().unwrap().parse::<u64>().unwrap()).sum()
    }

    async fn until_empty(&self, queue: &str) {
        for _ in 0..600 {
            if self.held(queue).await == 0 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("messages are left in {queue}");
    }

    /// Sends what happens in a bucket to where `configuration` says.
    async fn notify(&self, bucket: &str, configuration: &str) {
        let body = format!("<NotificationConfiguration>{configuration}</NotificationConfiguration>");
        self.send("s3", "PUT", &format!("/{bucket}"), "notification", &[], body.as_bytes()).await;
    }

    /// A bucket of which a queue is told; the queue's URL.
    async fn told_bucket(&self, name: &str) -> String {
        self.bucket(name).await;
        let queue = self.queue(name).await;
        let arn = format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}");
        let event = "<Event>s3:ObjectCreated:*</Event>";
        self.notify(name, &format!("<QueueConfiguration><Id>logs</Id><Queue>{arn}</Queue>{event}</QueueConfiguration>")).await;
        queue
    }

    /// Settings of an input that watches something at a URL.
    fn input(&self, url: &str, watch: &Value) -> Value {
        let login =
            json!({ "profile": "logs", "credentialsFile": self.credentials.path(), "region": REGION, "endpointUrl": url });
        json!({ "id": "test", "source": "calls", "from": { "kind": "s3", "watch": watch, "login": login } })
    }
}

fn form(parameters: &[(&str, &str)]) -> String {
    let encoded = |text: &str| -> String {
        text.bytes()
            .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
            .collect()
    };
    parameters.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect::<Vec<_>>().join("&")
}

/// One emulator serves all tests that run at a time.
fn aws() -> Arc<Emulator> {
    static RUNNING: LazyLock<Mutex<Weak<Emulator>>> = LazyLock::new(Mutex::default);
    let mut running = RUNNING.lock().unwrap();
    running.upgrade().unwrap_or_else(|| {
        let emulator = Arc::new(Emulator::start("aws"));
        *running = Arc::downgrade(&emulator);
        emulator
    })
}

fn packed(text: &str) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(text.as_bytes()).unwrap();
    packer.finish().unwrap()
}

fn watch_queue(url: &str) -> Value {
    json!({ "queue": { "url": url, "hiddenFor": 2 } })
}

fn created(bucket: &str, key: &str) -> String {
    let object = json!({ "key": key, "size": 1, "eTag": "0123456789abcdef0123456789abcdef", "sequencer": "0055AED6DCD90281E5" });
    let s3 = json!({ "s3SchemaVersion": "1.0", "configurationId": "c", "bucket": { "name": bucket, "arn": format!("arn:aws:s3:::{bucket}") }, "object": object });
    let record = json!({ "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": REGION, "eventName": "ObjectCreated:Put", "s3": s3 });
    json!({ "Records": [record] }).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_that_a_queue_tells_come_once() {
    let emulator = aws();
    let user = User::any(&emulator).await;
    let queue = user.told_bucket("direct").await;
    user.put("direct/plain.jsonl", lines("plain", 100).as_bytes()).await;
    // As CloudTrail writes: one document, packed, and said to be packed.
    let document = format!(r#"{{"Records":[{},{}]}}"#, record("trail", 0), record("trail", 1));
    let gzip = [("content-encoding", "gzip"), ("content-type", "application/json")];
    user.send("s3", "PUT", "/direct/AWSLogs/trail.json.gz", "", &gzip, &packed(&document)).await;
    user.put("direct/x.zst", &zstd::encode_all(lines("zstd", 10).as_bytes(), 3).unwrap()).await;
    user.put("direct/a%20b%2Bc%20%C3%BC%26%3D.jsonl", lines("letters", 3).as_bytes()).await;
    user.put("direct/empty.jsonl", b"").await;
    user.put("direct/AWSLogs/CloudTrail-Digest/eu-west-1/x.json.gz", &packed("{}")).await;
    // Several parts.
    let n = 200_000;
    user.put("direct/large.jsonl", lines("large", n).as_bytes()).await;
    let running = Running::start(tempfile::tempdir().unwrap(), user.input(&emulator.url, &watch_queue(&queue))).await;
    // A document is one text.
    let n_texts = u64::try_from(100 + 1 + 10 + 3 + n).unwrap();
    let status = running.until_texts(n_texts).await;
    assert!(status.behind.is_some(), "it is told how many messages are waiting");
    user.until_empty(&queue).await;
    // Two messages may speak of one object, and one may come again after days.
    user.tell(&queue, &created("direct", "plain.jsonl")).await;
    user.put("direct/last.jsonl", lines("last", 1).as_bytes()).await;
    running.until_texts(n_texts + 1).await;
    user.until_empty(&queue).await;
    let folder = running.stop().await;
    let again = Running::start(folder, user.input(&emulator.url, &watch_queue(&queue))).await;
    user.tell(&queue, &created("direct", "a+b%2Bc+%C3%BC%26%3D.jsonl")).await;
    user.until_empty(&queue).await;
    let folder = again.stop().await;
    let wanted = [("plain", 100), ("trail", 2), ("zstd", 10), ("letters", 3), ("large", n), ("last", 1)];
    assert!(archived(folder.path()).await == expected(&wanted), "each record once");
    assert_eq!(dead_letters(folder.path()), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_and_event_buses_bring_the_same() {
    let emulator = aws();
    let user = User::any(&emulator).await;
    let queue = user.queue("around").await;
    let queue_arn = format!("arn:aws:sqs:{REGION}:{ACCOUNT}:around");
    for (bucket, is_raw) in [("wrapped", "false"), ("raw", "true")] {
        user.bucket(bucket).await;
        user.query("sns", &[("Action", "CreateTopic"), ("Version", "2010-03-31"), ("Name", bucket)]).await;
        let topic = format!("arn:aws:sns:{REGION}:{ACCOUNT}:{bucket}");
        let subscribe = [
            ("Action", "Subscribe"),
            ("Version", "2010-03-31"),
            ("TopicArn", &*topic),
            ("Protocol", "sqs"),
            ("Endpoint", &*queue_arn),
            ("Attributes.entry.1.key", "RawMessageDelivery"),
            ("Attributes.entry.1.value", is_raw),
        ];
        user.query("sns", &subscribe).await;
        let event = "<Event>s3:ObjectCreated:*</Event>";
        user.notify(bucket, &format!("<TopicConfiguration><Id>t</Id><Topic>{topic}</Topic>{event}</TopicConfiguration>")).await;
    }
    user.bucket("bridged").await;
    user.notify("bridged", "<EventBridgeConfiguration/>").await;
    let pattern =
        json!({ "source": ["aws.s3"], "detail-type": ["Object Created"], "detail": { "bucket": { "name": ["bridged"] } } });
    user.json("events", "AWSEvents.PutRule", json!({ "Name": "logs", "EventPattern": pattern.to_string(), "State": "ENABLED" }))
        .await;
    user.json("events", "AWSEvents.PutTargets", json!({ "Rule": "logs", "Targets": [{ "Id": "1", "Arn": queue_arn }] })).await;
    for bucket in ["wrapped", "raw", "bridged"] {
        user.put(&format!("{bucket}/a%20b.jsonl"), lines(bucket, 5).as_bytes()).await;
    }
    assert!(user.held(&queue).await >= 3);
    let running = Running::start(tempfile::tempdir().unwrap(), user.input(&emulator.url, &watch_queue(&queue))).await;
    running.until_texts(15).await;
    user.until_empty(&queue).await;
    let folder = running.stop().await;
    assert_eq!(archived(folder.path()).await, expected(&[("wrapped", 5), ("raw", 5), ("bridged", 5)]));
    assert_eq!(dead_letters(folder.path()), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_t_be_read_is_told_once_and_loses_nothing_else() {
    let emulator = aws();
    let user = User::any(&emulator).await;
    let queue = user.told_bucket("bad").await;
    user.tell(&queue, "hello").await;
    user.tell(&queue, &created("bad", "vanished%20one.jsonl")).await;
    let whole = packed(&lines("cut", 50_000));
    user.put("bad/cut.gz", &whole[..whole.len() / 2]).await;
    user.put("bad/mixed.jsonl", format!("{}\nno json\n{}\n", record("good", 0), record("good", 1)).as_bytes()).await;
    let running = Running::start(tempfile::tempdir().unwrap(), user.input(&emulator.url, &watch_queue(&queue))).await;
    running.until("four that are bad", |status| status.n_bad >= 4).await;
    user.until_empty(&queue).await;
    let folder = running.stop().await;
    let mut told = dead_letters(folder.path());
    told.sort();
    assert_eq!(told.len(), 4, "{told:?}");
    for reason in [
        "is no notification of S3",
        "s3://bad/vanished one.jsonl is not there any more (NoSuchKey)",
        "reading stopped behind",
        "expected",
    ] {
        assert!(told.iter().any(|(told, _)| told.contains(reason)), "{reason} is not in {told:?}");
    }
    assert!(told.iter().any(|(_, start)| start == "hello"), "{told:?}");
    let found = archived(folder.path()).await;
    assert_eq!(found.iter().filter(|raw| raw.contains("good")).count(), 2);
    let n_cut = found.iter().filter(|raw| raw.contains("cut")).count();
    assert!(n_cut > 1_000 && n_cut < 50_000, "{n_cut} records are before the damage");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_within_an_object_goes_on_there() {
    let emulator = aws();
    let user = User::any(&emulator).await;
    let queue = user.told_bucket("killed").await;
    let n = 300_000;
    user.put("killed/large.jsonl", lines("large", n).as_bytes()).await;
    let door = Door::before(&emulator).await;
    let settings = user.input(&door.url, &watch_queue(&queue));
    // Two parts pass, and the end of the object does not.
    door.close_after(6 << 20);
    let mut running = Running::start(tempfile::tempdir().unwrap(), settings.clone()).await;
    let first = running.until("some texts", |status| status.n_texts > 1_000).await.n_texts;
    let folder = running.kill().await;
    // The journal's own are looked at again, then it goes on from the object's start and passes over what was given.
    door.close_after(14 << 20);
    running = Running::start(folder, settings.clone()).await;
    let second = running.until("more texts", |status| status.n_texts > first).await.n_texts;
    let folder = running.kill().await;
    door.open();
    running = Running::start(folder, settings).await;
    user.until_empty(&queue).await;
    let all = u64::try_from(n).unwrap();
    assert!(first < all && second < all, "{first} {second}");
    running.until_texts(all).await;
    assert_eq!(running.status().n_texts, all);
    let folder = running.stop().await;
    assert!(archived(folder.path()).await == expected(&[("large", n)]), "each record once");
    assert_eq!(dead_letters(folder.path()), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_goes_away_and_comes_back_loses_nothing() {
    let emulator = aws();
    let user = User::any(&emulator).await;
    let queue = user.told_bucket("away").await;
    let door = Door::before(&emulator).await;
    user.put("away/1.jsonl", lines("before", 5).as_bytes()).await;
    let running = Running::start(tempfile::tempdir().unwrap(), user.input(&door.url, &watch_queue(&queue))).await;
    running.until_texts(5).await;
    door.close_after(0);
    user.put("away/2.jsonl", lines("meanwhile", 5).as_bytes()).await;
    let problem = running.until("a problem", |status| status.problem.is_some()).await.problem.unwrap().reason;
    assert!(problem.contains("no whole answer from 127.0.0.1"), "{problem}");
    door.open();
    running.until_texts(10).await;
    running.until("no problem", |status| status.problem.is_none()).await;
    user.until_empty(&queue).await;
    let folder = running.stop().await;
    assert_eq!(archived(folder.path()).await, expected(&[("before", 5), ("meanwhile", 5)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_permission_is_named_and_what_it_kept_back_comes_later() {
    // Policies and signatures are looked at from now on, by all of its services.
    let emulator = Emulator::start("aws");
    let admin = User::any(&emulator).await;
    let queue = admin.told_bucket("denied").await;
    let create = |action: &'static str| [("Action", action), ("Version", "2010-05-08"), ("UserName", "reader")];
    admin.query("iam", &create("CreateUser")).await;
    let keys = admin.query("iam", &create("CreateAccessKey")).await;
    let between = |from: &str| keys.split(from).nth(1).unwrap().split('<').next().unwrap().to_owned();
    let (key, secret) = (between("<AccessKeyId>"), between("<SecretAccessKey>"));
    admin.put("denied/plus%2Bund%20%C3%BC.jsonl", lines("kept-back", 5).as_bytes()).await;
    let allow = |actions: Value| {
        let statement = json!({ "Effect": "Allow", "Action": actions, "Resource": "*" });
        json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
    };
    // moto looks for the batch's own name, which AWS's policies don't have.
    let of_queue = [
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:DeleteMessageBatch",
        "sqs:ChangeMessageVisibility",
        "sqs:GetQueueAttributes",
    ];
    let of_both: Vec<&str> = of_queue.into_iter().chain(["s3:GetObject"]).collect();
    let policy = |document: String| {
        let admin = &admin;
        async move {
            let put = [
                ("Action", "PutUserPolicy"),
                ("Version", "2010-05-08"),
                ("UserName", "reader"),
                ("PolicyName", "p"),
                ("PolicyDocument", &*document),
            ];
            admin.query("iam", &put).await;
        }
    };
    policy(allow(json!(of_queue))).await;
    let auth = |count: &'static str| {
        let url = format!("{}/moto-api/reset-auth", emulator.url);
        async move { post(&url, count).await }
    };
    auth("0").await;
    let user = User::new(&emulator.url, &key, &secret).await;
    let running = Running::start(tempfile::tempdir().unwrap(), user.input(&emulator.url, &watch_queue(&queue))).await;
    let problem = running.until("a problem", |status| status.problem.is_some()).await.problem.unwrap().reason;
    assert!(problem.contains("s3://denied/plus+und ü.jsonl") && problem.contains("s3:GetObject"), "{problem}");
    assert_eq!(running.status().n_texts, 0);
    auth("inf").await;
    policy(allow(json!(of_both))).await;
    auth("0").await;
    running.until_texts(5).await;
    running.until("no problem", |status| status.problem.is_none()).await;
    let folder = running.stop().await;
    assert_eq!(archived(folder.path()).await, expected(&[("kept-back", 5)]));
    let wrong = User::new(&emulator.url, &key, "another secret").await;
    let running = Running::start(folder, wrong.input(&emulator.url, &watch_queue(&queue))).await;
    let problem = running.until("a problem", |status| status.problem.is_some()).await.problem.unwrap().reason;
    assert!(problem.contains("Signature") && !problem.contains("another secret"), "{problem}");
    running.stop().await;
}

/// Says something to the emulator itself.
async fn post(url: &str, body: &str) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (host, path) = url.trim_start_matches("http://").split_once('/').unwrap();
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let request = format!("POST /{path} HTTP/1.0\r\nhost: {host}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains(" 200 "), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_is_listed_brings_each_object_once() {
    let emulator = aws();
    let user = User::any(&emulator).await;
    user.bucket("listed").await;
    let today = jiff::Timestamp::now().strftime("%Y/%m/%d").to_string();
    let day = |region: &str, day: &str| format!("listed/AWSLogs/1/CloudTrail/{region}/{day}");
    user.put(&format!("{}/b.json.gz", day("eu-west-1", &today)), &packed(&lines("eu", 3))).await;
    user.put(&format!("{}/b.json.gz", day("us-east-1", "2020/01/01")), &packed(&lines("us", 3))).await;
    user.put("listed/AWSLogs/1/CloudTrail-Digest/eu-west-1/2026/11/29/x.json.gz", &packed("{}")).await;
    user.put("listed/other/flat.jsonl", lines("flat", 3).as_bytes()).await;
    let watch = json!({ "bucket": { "name": "listed", "minutes": 0 } });
    let settings = user.input(&emulator.url, &watch);
    let running = Running::start(tempfile::tempdir().unwrap(), settings.clone()).await;
    running.until_texts(9).await;
    // Later in time and earlier in order.
    user.put(&format!("{}/a.json.gz", day("eu-west-1", &today)), &packed(&lines("late", 2))).await;
    user.put("listed/other/at-first.jsonl", lines("early", 2).as_bytes()).await;
    running.until_texts(13).await;
    running.until("nothing is waiting", |status| status.behind == Some(0) && status.problem.is_none()).await;
    let running = Running::start(running.kill().await, settings.clone()).await;
    user.put("listed/other/zzz.jsonl", lines("after", 2).as_bytes()).await;
    running.until_texts(15).await;
    // An object beside the folders: all is one part from now on, of which what was read is known though it is forgotten one by one.
    user.put("listed/beside.jsonl", lines("beside", 2).as_bytes()).await;
    let running = Running::start(running.kill().await, settings.clone()).await;
    running.until_texts(17).await;
    let folder = running.stop().await;
    let wanted = [("eu", 3), ("us", 3), ("flat", 3), ("late", 2), ("early", 2), ("after", 2), ("beside", 2)];
    assert_eq!(archived(folder.path()).await, expected(&wanted));
    assert_eq!(dead_letters(folder.path()), []);

    let watch = json!({ "bucket": { "name": "listed", "minutes": 0, "start": "end" } });
    let only_new = Running::start(tempfile::tempdir().unwrap(), user.input(&emulator.url, &watch)).await;
    only_new.until("it was listed", |status| status.behind == Some(0)).await;
    // Times of S3 are whole seconds.
    let second = jiff::Timestamp::now().as_second();
    while jiff::Timestamp::now().as_second() < second + 1 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    user.put("listed/other/new.jsonl", lines("new", 2).as_bytes()).await;
    only_new.until_texts(2).await;
    let folder = only_new.stop().await;
    assert_eq!(archived(folder.path()).await, expected(&[("new", 2)]));
}
