//! Logs of CloudTrail that are made here, and the server's path that takes them in.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use skywarden_archive::{Archive, Layout};
use skywarden_content::Catalog;
use skywarden_detect::{COLUMNS, Detect, Kinds, own_rules};
use skywarden_ingest::{
    Found, Ingest, InputStatus, Keeper, Pace, Parts, TextKind,
    inputs::{Context, FileSettings, InputKind, Start, Stop, supervise},
};
use skywarden_model::Timestamp;
use skywarden_store::Store;
use tokio::runtime::Handle;

use crate::measure::cpu_seconds;

/// The log source.
pub(crate) const SOURCE: &str = "aws-cloudtrail";

/// One event in so many is an attack: less than one in a hundred.
pub(crate) const ATTACK_EVERY: u64 = 500;

/// The file in a folder of logs that says that no more is written.
pub(crate) const DONE: &str = "done";

/// Everyday events with an attack now and then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Events {
    /// So many users take their turns; an attacker is one of their own.
    pub(crate) n_users: u64,
    /// So many access keys and addresses take theirs.
    pub(crate) n_keys: u64,
}

impl Events {
    /// A record of about 1,200 bytes. One in 500 stops a trail, by somebody of their own.
    pub(crate) fn event(self, n: u64) -> String {
        let is_attack = n % ATTACK_EVERY == 7;
        let (service, name, read_only) = if is_attack {
            ("cloudtrail", "StopLogging", false)
        } else {
            match n % 4 {
                0 => ("ec2", "DescribeInstances", true),
                1 => ("s3", "GetBucketLocation", true),
                2 => ("sts", "GetCallerIdentity", true),
                _ => ("dynamodb", "DescribeTable", true),
            }
        };
        let user = if is_attack { format!("attacker{n:08}") } else { format!("service{:03}", n % self.n_users) };
        let key = n % self.n_keys;
        let (hour, minute, second) = (n / 3_600 % 24, n / 60 % 60, n % 60);
        let day = 1 + n / 86_400;
        let parameters = if is_attack { r#"{"name":"main-trail"}"# } else { "null" };
        format!(
            r#"{{"eventVersion":"1.10","userIdentity":{{"type":"IAMUser","principalId":"AIDA{key:016}","arn":"arn:aws:iam::111122223333:user/{user}","accountId":"111122223333","accessKeyId":"AKIA{key:016}","userName":"{user}","sessionContext":{{"attributes":{{"mfaAuthenticated":"true","creationDate":"2026-03-{day:02}T00:00:00Z"}}}}}},"eventTime":"2026-03-{day:02}T{hour:02}:{minute:02}:{second:02}Z","eventSource":"{service}.amazonaws.com","eventName":"{name}","awsRegion":"eu-central-1","sourceIPAddress":"10.{}.{}.{}","userAgent":"aws-sdk-go-v2/1.24.0 os/linux lang/go#1.21.5 md/GOOS#linux md/GOARCH#amd64 api/{service}#1.141.0","requestParameters":{parameters},"responseElements":null,"requestID":"5c0f6d3e-{:04x}-4a3b-9d1e-{n:012x}","eventID":"{}","readOnly":{read_only},"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management","tlsDetails":{{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"{service}.eu-central-1.amazonaws.com"}},"additionalEventData":{{"SignatureVersion":"SigV4","CipherSuite":"ECDHE-RSA-AES128-GCM-SHA256","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","bytesTransferredOut":{n}}}}}"#,
            key % 250,
            key / 250 % 250,
            key % 200 + 1,
            n % 65_536,
            id(n),
        )
    }
}

/// The id of an event.
pub(crate) fn id(n: u64) -> String {
    format!("0e7c1a52-{:04x}-4c1d-8f2a-{n:012x}", n % 65_536)
}

/// What one process took in.
pub(crate) struct TakenIn {
    /// How the input stood at the end.
    pub(crate) status: InputStatus,
    /// Seconds of CPU from the first event to the last checkpoint.
    pub(crate) cpu: f64,
}

/// Takes in `logs/trail.log*` of a folder until `done` lies there and nothing is left: journal, detection, archive and store.
pub(crate) async fn take_in(folder: &Path, detect: Arc<Detect>, kinds: Kinds) -> anyhow::Result<TakenIn> {
    let store = Store::open_file(&folder.join("skywarden.db")).await?;
    let parts = Parts {
        folder: folder.join("ingest"),
        detect: Arc::clone(&detect),
        known: Default::default(),
        kinds,
        archive: archive(folder)?,
        keeper: Box::new(StoreKeeper { store, runtime: Handle::current() }),
        pace: Pace::default(),
    };
    let began = cpu_seconds();
    let ingest = Ingest::start(parts).await?;
    let (stop, listener) = Stop::new();
    let source = detect.source(SOURCE).with_context(|| format!("there is no log source {SOURCE}"))?;
    let context = Context {
        id: "soak".into(),
        source: Arc::clone(&source.id),
        kind: TextKind::of(source),
        intake: ingest.intake().clone(),
        stop: listener,
    };
    let paths = vec![logs(folder).join("trail.log*").display().to_string()];
    let settings = FileSettings { look_every: 50, ..FileSettings::following(paths, Start::Beginning) };
    let input = tokio::spawn(supervise(InputKind::File(settings).open(), context));
    let mut n_idle = 0;
    while n_idle < 40 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        ensure!(!ingest.has_ended(), "detection ended");
        let status = ingest.statuses().all().remove("soak").unwrap_or_default();
        let is_idle = folder.join(DONE).exists() && status.behind == Some(0);
        n_idle = if is_idle { n_idle + 1 } else { 0 };
    }
    let status = ingest.statuses().all().remove("soak").unwrap_or_default();
    stop.send_replace(true);
    input.await?;
    ingest.stop().await?;
    Ok(TakenIn { status, cpu: cpu_seconds() - began })
}

/// Where the logs of a folder lie.
pub(crate) fn logs(folder: &Path) -> PathBuf {
    folder.join("logs")
}

/// The log source with one in so many of our detections of it, and the kinds of incidents.
pub(crate) fn detect(one_in: usize) -> anyhow::Result<(Arc<Detect>, Kinds)> {
    let mut catalog = Catalog::embedded_with_threats().map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
    let kinds = Kinds::new(catalog.incidents.values());
    catalog.log_sources.retain(|id, _| id == SOURCE);
    let (rules, _) = own_rules(&catalog);
    let rules = rules.into_iter().step_by(one_in).collect();
    let (detect, refused) = Detect::with_rows(&catalog, rules, &Default::default());
    ensure!(refused.is_empty(), "{refused:?}");
    Ok((Arc::new(detect), kinds))
}

/// The archive of a folder.
pub(crate) fn archive(folder: &Path) -> anyhow::Result<Archive> {
    Ok(Archive::in_folder(&folder.join("archive"), Layout::new(COLUMNS.map(|(name, _)| name))?)?)
}

struct StoreKeeper {
    store: Store,
    runtime: Handle,
}

impl Keeper for StoreKeeper {
    fn keep(&mut self, found: &Found) -> Result<(), String> {
        let catalog = Catalog::default();
        let incidents = (found.incidents.as_slice(), found.gone.as_slice());
        let kept = self.store.keep_found(&catalog, &found.alerts, incidents, ("host", "soak"), Timestamp::now());
        self.runtime.block_on(kept).map_err(|error| error.to_string())
    }
}
