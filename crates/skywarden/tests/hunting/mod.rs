//! An archive as a server writes it: events of three log sources through the whole way in.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Command, Output},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use skywarden_archive::{Archive, Layout};
use skywarden_content::Catalog;
use skywarden_detect::{Alert, COLUMNS, Detect, Kinds, own_rules};
use skywarden_ingest::{About, Batch, End, Found, Ingest, Keeper, Pace, Parts, Texts};

/// The log sources of which there are events.
pub(crate) const SOURCES: [&str; 3] = ["aws-cloudtrail", "aws-vpc-flow", "linux-auth"];

/// How many events there are of each.
pub(crate) const EACH: u32 = 1_200;

/// Alerts by their ids, as they were kept last.
#[derive(Debug, Default, Clone)]
struct Kept(Arc<Mutex<BTreeMap<String, Alert>>>);

impl Keeper for Kept {
    fn keep(&mut self, found: &Found) -> Result<(), String> {
        self.0.lock().unwrap().extend(found.alerts.iter().map(|alert| (alert.id.clone(), alert.clone())));
        Ok(())
    }
}

/// Runs the binary.
pub(crate) fn skywarden(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skywarden"));
    command.args(arguments).env_remove("SKYWARDEN_CONTENT").env_remove("SKYWARDEN_DATA").output().unwrap()
}

/// The rows that a query finds in an archive.
pub(crate) fn hunt(archive: &Path, sql: &str) -> Vec<Value> {
    let output = skywarden(&["hunt", sql, "--archive", archive.to_str().unwrap(), "--format", "json"]);
    assert!(output.status.success(), "{sql}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(crate) fn archive(folder: &Path) -> Archive {
    Archive::in_folder(folder, Layout::new(COLUMNS.map(|(name, _)| name)).unwrap()).unwrap()
}

/// Takes all events in and gives the alerts that they raised.
pub(crate) async fn take_in(folder: &Path) -> BTreeMap<String, Alert> {
    let catalog = Catalog::embedded_with_threats().unwrap();
    let mut used = Catalog::default();
    used.log_sources.extend(SOURCES.map(|id| (id.to_owned(), catalog.log_sources.get(id).unwrap().clone())));
    let (detect, _) = Detect::with_rows(&used, own_rules(&catalog).0, &Default::default());
    let kept = Kept::default();
    let parts = Parts {
        folder: folder.join("ingest"),
        detect: Arc::new(detect),
        known: Default::default(),
        kinds: Kinds::default(),
        archive: archive(&folder.join("archive")),
        keeper: Box::new(kept.clone()),
        // Many small files, as under load.
        pace: Pace { every: Duration::ZERO, every_with_alerts: Duration::ZERO },
    };
    let ingest = Ingest::start(parts).await.unwrap();
    let intake = ingest.intake().clone();
    // Log sources in turn, so that the order of arrival is none of time.
    for start in (0..EACH).step_by(200) {
        for source in SOURCES {
            let mut texts: Vec<String> = (start..start + 200).map(|n| event(source, n)).collect();
            if source == "aws-vpc-flow" && start == 0 {
                texts.insert(
                    0,
                    "account-id interface-id srcaddr dstaddr srcport dstport protocol bytes start end action".to_owned(),
                );
            }
            let about = About {
                input: Arc::from(source),
                stream: "one".to_owned(),
                source: Arc::from(source),
                received: "2026-03-02T00:00:00Z".parse().unwrap(),
                position: Some(start.into()),
                end: End::Open,
                refused: Vec::new(),
            };
            let batch = Batch { about, texts: texts.iter().map(String::as_str).collect::<Texts>() };
            intake.keep(batch).await.unwrap();
        }
    }
    drop(intake);
    ingest.stop().await.unwrap();
    let kept = kept.0.lock().unwrap();
    kept.clone()
}

/// Event `n` of a log source: nine seconds after the one before, from 10:00 on, so that there are three hours.
fn event(source: &str, n: u32) -> String {
    let (hour, minute, second) = (10 + n * 9 / 3_600, n * 9 / 60 % 60, n * 9 % 60);
    match source {
        "aws-cloudtrail" => call(n, &format!("2026-03-01T{hour:02}:{minute:02}:{second:02}Z")),
        "aws-vpc-flow" => {
            let start = 1_772_359_200 + u64::from(n) * 9;
            let (port, action) = if n % 7 == 3 { (3_389, "REJECT") } else { (443, "ACCEPT") };
            let bytes = if n == 700 { 9_000_000_000 } else { u64::from(n) * 10 };
            let from = n % 50;
            format!(
                "111122223333 eni-0a1b2c3d 10.0.0.{from} 198.51.100.{} 40000 {port} 6 {bytes} {start} {} {action}",
                n % 9,
                start + 60
            )
        }
        _ => {
            let process = 1_000 + n;
            let what = match n % 6 {
                0..=2 => format!("Failed password for root from 203.0.113.{} port 4{n:04} ssh2", n % 3),
                3 => format!("Accepted publickey for anna from 192.0.2.10 port 5{n:04} ssh2"),
                4 => "pam_unix(sshd:session): session opened for user anna(uid=1000) by (uid=0)".to_owned(),
                _ => format!("Invalid user admin{} from 203.0.113.7 port 4{n:04}", n % 20),
            };
            format!("2026-03-01T{hour:02}:{minute:02}:{second:02}+00:00 web1 sshd[{process}]: {what}")
        }
    }
}

fn call(n: u32, time: &str) -> String {
    let (user, key) = (format!("user{:02}", n % 20), format!("AKIAEXAMPLE{:09}", n % 20));
    let (service, name, more) = match n {
        777 => ("cloudtrail", "StopLogging", r#","requestParameters":{"name":"main"}"#),
        800 => ("iam", "CreateAccessKey", r#","requestParameters":{"userName":"user01"}"#),
        _ if n % 25 == 4 => {
            ("s3", "GetObject", r#","errorCode":"AccessDenied","requestParameters":{"bucketName":"payroll","key":"2026.csv"}"#)
        }
        _ if n.is_multiple_of(2) => ("ec2", "DescribeInstances", r#","requestParameters":null"#),
        _ => ("sts", "GetCallerIdentity", r#","requestParameters":null"#),
    };
    let mfa = !n.is_multiple_of(10);
    format!(
        r#"{{"eventVersion":"1.10","userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/{user}","accountId":"111122223333","accessKeyId":"{key}","userName":"{user}","sessionContext":{{"attributes":{{"mfaAuthenticated":"{mfa}"}}}}}},"eventTime":"{time}","eventSource":"{service}.amazonaws.com","eventName":"{name}","awsRegion":"eu-central-1","sourceIPAddress":"192.0.2.{}","userAgent":"aws-cli/2.15"{more},"eventID":"00000000-0000-4000-8000-{n:012}","readOnly":true,"eventType":"AwsApiCall","recipientAccountId":"111122223333"}}"#,
        n % 20
    )
}
