//! Objects of S3 and what speaks its language, as they are written: told by a queue, or found by listing a bucket. Each object is a stream;
//! those that were read are remembered, since queues give messages more than once.

mod bucket;
mod notice;
mod object;
mod queue;

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use glob::Pattern;
use serde::{Deserialize, Serialize};
use skywarden_cloud::{AwsClient, AwsOptions};

pub use self::notice::{Notice, notices};
use self::{object::Objects, queue::Queue};
use super::{Context, InputError, LogInput, Start};

/// Objects of S3 to read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct S3Settings {
    /// How new objects are noticed.
    pub watch: S3Watch,
    /// Only objects whose keys begin so.
    #[serde(default)]
    pub prefix: String,
    /// Only objects whose keys fit one of these: `*` stands for any letters, `/` among them, `?` for one, `[...]` for one of some. None: all.
    /// CloudTrail's digests and the test files that AWS writes itself are never read.
    #[serde(default)]
    pub keys: Vec<String>,
    /// How to log in.
    #[serde(default)]
    pub login: S3Login,
}

/// How new objects are noticed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum S3Watch {
    /// A queue of SQS tells them.
    Queue(QueueSettings),
    /// A bucket is listed every few minutes.
    Bucket(BucketSettings),
}

/// A queue of SQS that gets notifications of S3: directly, through SNS (wrapped or raw), through EventBridge; or CloudTrail's own through SNS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct QueueSettings {
    /// Its URL: `https://sqs.REGION.amazonaws.com/ACCOUNT/NAME`.
    pub url: String,
    /// For how many seconds a message that is worked on is kept from coming again; while its objects are being read this is extended. If the
    /// process is killed, it comes again after so long. 1 to 43,200.
    #[serde(default = "five_minutes")]
    pub hidden_for: u32,
}

/// A bucket that is listed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct BucketSettings {
    /// Its name.
    pub name: String,
    /// Every how many minutes; 0: always (for tests).
    #[serde(default = "five")]
    pub minutes: u32,
    /// Where to begin with objects that are there already.
    #[serde(default)]
    pub start: Start,
}

/// How to log in to AWS. Without anything: the server's own default (environment, profile, instance role).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct S3Login {
    /// A profile of the shared configuration.
    pub profile: Option<String>,
    /// A file like `~/.aws/credentials`, in which the profile (or `default`) is looked for and nowhere else.
    pub credentials_file: Option<PathBuf>,
    /// A role to assume.
    pub role_arn: Option<String>,
    /// The external id that the role asks for.
    pub external_id: Option<String>,
    /// The region of the queue or the bucket; absent: that in the queue's URL, else the profile's.
    pub region: Option<String>,
    /// Where S3, SQS and STS are, instead of at AWS: MinIO, an emulator, a proxy.
    pub endpoint_url: Option<String>,
}

fn five_minutes() -> u32 {
    300
}

fn five() -> u32 {
    5
}

/// What reads objects.
#[derive(Debug)]
pub(crate) struct S3 {
    settings: S3Settings,
}

/// Which objects are wanted.
#[derive(Debug)]
pub(crate) struct Filter {
    prefix: String,
    keys: Vec<Pattern>,
}

impl S3 {
    pub(crate) fn new(settings: S3Settings) -> Self {
        S3 { settings }
    }
}

#[async_trait]
impl LogInput for S3 {
    async fn run(&mut self, context: &Context) -> Result<(), InputError> {
        let filter = Filter::new(&self.settings.prefix, &self.settings.keys)?;
        let S3Login { profile, credentials_file, role_arn, external_id, region, endpoint_url } = self.settings.login.clone();
        let options = AwsOptions { profile, role_arn, external_id, endpoint_url, home_region: region.clone(), credentials_file };
        let client =
            AwsClient::new(options).await.map_err(|error| InputError::Failed(format!("could not log in to AWS: {error}")))?;
        let objects = Arc::new(Objects::open(client.clone(), context));
        objects.tidy().await?;
        match &self.settings.watch {
            S3Watch::Queue(settings) => {
                let queue =
                    client.queue(&settings.url, region.as_deref()).map_err(|error| InputError::Failed(error.to_string()))?;
                let hidden_for = settings.hidden_for.clamp(1, 43_200);
                Queue { queue, hidden_for, objects, filter: Arc::new(filter) }.run(context).await
            }
            S3Watch::Bucket(settings) => bucket::run(settings, &client, &objects, &filter, context).await,
        }
    }
}

impl Filter {
    pub(crate) fn new(prefix: &str, keys: &[String]) -> Result<Self, InputError> {
        let mut patterns = Vec::with_capacity(keys.len());
        for key in keys {
            let pattern = Pattern::new(key).map_err(|error| InputError::Failed(format!("the key pattern `{key}`: {error}")))?;
            patterns.push(pattern);
        }
        Ok(Filter { prefix: prefix.to_owned(), keys: patterns })
    }

    /// Whether an object is wanted. What AWS writes beside logs is not: digests of CloudTrail, files that test whether it may write, folders.
    pub(crate) fn wants(&self, key: &str) -> bool {
        let is_log = !key.contains("/CloudTrail-Digest/")
            && !key.ends_with('/')
            && !key.ends_with("/ELBAccessLogTestFile")
            && !key.ends_with("/ConfigWritabilityCheckFile");
        is_log && key.starts_with(&self.prefix) && (self.keys.is_empty() || self.keys.iter().any(|pattern| pattern.matches(key)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::inputs::{InputKind, InputSettings};

    #[test]
    fn settings_are_read_and_what_is_unknown_is_refused() {
        let settings = json!({ "id": "trail", "source": "aws-cloudtrail", "from": {
            "kind": "s3", "watch": { "queue": { "url": "https://sqs.eu-west-1.amazonaws.com/123456789012/logs" } },
            "prefix": "AWSLogs/", "keys": ["*.json.gz"], "login": { "roleArn": "arn:aws:iam::123456789012:role/logs", "externalId": "x" },
        } });
        let read: InputSettings = serde_json::from_value(settings.clone()).unwrap();
        let InputKind::S3(s3) = &read.from else { unreachable!() };
        let S3Watch::Queue(queue) = &s3.watch else { unreachable!() };
        assert_eq!((queue.hidden_for, s3.login.external_id.as_deref()), (300, Some("x")));
        let bucket = json!({ "bucket": { "name": "logs" } });
        for (path, value, is_one) in [
            ("/from/watch", bucket, true),
            ("/from/watch", json!({}), false),
            ("/from/watch", json!({ "bucket": { "name": "b", "days": 1 } }), false),
            ("/from/login", json!({ "secret": "x" }), false),
        ] {
            let mut changed = settings.clone();
            *changed.pointer_mut(path).unwrap() = value;
            assert_eq!(serde_json::from_value::<InputSettings>(changed).is_ok(), is_one, "{path}");
        }
    }

    #[test]
    fn only_wanted_objects_are_read() {
        let filter = Filter::new("AWSLogs/", &["*CloudTrail*.json.gz".to_owned()]).unwrap();
        let day = "123456789012/CloudTrail/eu-west-1/2026/11/29";
        assert!(filter.wants(&format!("AWSLogs/{day}/x.json.gz")));
        assert!(!filter.wants(&format!("other/{day}/x.json.gz")) && !filter.wants(&format!("AWSLogs/{day}/x.csv")));
        assert!(!filter.wants("AWSLogs/1/CloudTrail-Digest/eu-west-1/2026/11/29/x.json.gz"));
        let all = Filter::new("", &[]).unwrap();
        assert!(all.wants("x") && !all.wants("folder/") && !all.wants("AWSLogs/1/ELBAccessLogTestFile"));
        assert!(Filter::new("", &["[".to_owned()]).is_err());
    }
}
