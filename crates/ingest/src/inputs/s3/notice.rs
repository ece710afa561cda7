//! What messages say of new objects. Shapes: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
//! (S3), https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html (EventBridge),
//! https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html (SNS around either),
//! https://docs.aws.amazon.com/awscloudtrail/latest/userguide/configure-sns-notifications-for-cloudtrail.html (CloudTrail's own).

use serde::Deserialize;
use skywarden_cloud::decoded_key;

/// A message wraps another at most so often: EventBridge within SNS within SNS.
const MAX_DEPTH: u32 = 3;

/// A message speaks of at most so many objects.
const MAX_OBJECTS: usize = 10_000;

/// An object that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Where the bucket is, if that is said.
    pub region: Option<String>,
    /// The name of the bucket, never empty.
    pub bucket: String,
    /// The object's key as it is, never empty.
    pub key: String,
    /// The entity tag, if that is said.
    pub etag: Option<String>,
}

/// All shapes at once: each has members of its own.
#[derive(Deserialize)]
struct Message {
    #[serde(rename = "Records")]
    records: Option<Vec<Record>>,
    /// S3's test of a new notification.
    #[serde(rename = "Event")]
    event: Option<String>,
    /// What SNS wraps.
    #[serde(rename = "Type")]
    kind: Option<String>,
    #[serde(rename = "Message")]
    message: Option<String>,
    #[serde(rename = "detail-type")]
    detail_type: Option<String>,
    region: Option<String>,
    detail: Option<Detail>,
    #[serde(rename = "s3Bucket")]
    s3_bucket: Option<String>,
    #[serde(rename = "s3ObjectKey")]
    s3_object_key: Option<OneOrMany>,
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "eventName")]
    event_name: Option<String>,
    #[serde(rename = "awsRegion")]
    aws_region: Option<String>,
    s3: Option<Detail>,
}

#[derive(Deserialize)]
struct Detail {
    bucket: Option<Bucket>,
    object: Option<Object>,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
struct Object {
    key: String,
    #[serde(alias = "eTag")]
    etag: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// The objects that a message says were written, at most 10,000; none if it speaks of something else that S3 does.
///
/// # Errors
/// If it is no message of this kind.
pub fn notices(body: &str) -> Result<Vec<Notice>, String> {
    read(body, MAX_DEPTH)
}

fn read(body: &str, depth: u32) -> Result<Vec<Notice>, String> {
    let message: Message = serde_json::from_str(body).map_err(|error| format!("it is no notification of S3: {error}"))?;
    let detail = message.detail;
    let found = match message {
        Message { event: Some(event), .. } if event == "s3:TestEvent" => Vec::new(),
        Message { kind: Some(_), message: Some(inner), .. } => match depth.checked_sub(1) {
            Some(depth) => read(&inner, depth)?,
            None => return Err("it wraps messages too deep".to_owned()),
        },
        Message { detail_type: Some(kind), region, .. } => match (kind.as_str(), detail) {
            ("Object Created", Some(detail)) => vec![detail.notice(region, str::to_owned)?],
            (kind, _) if kind.starts_with("Object ") => Vec::new(),
            (kind, _) => return Err(format!("it is an event `{kind}` and none of S3")),
        },
        Message { records: Some(records), .. } if !records.is_empty() => {
            let mut found = Vec::new();
            for record in records {
                let (Some(name), Some(detail)) = (record.event_name, record.s3) else {
                    return Err("it has a record that is none of S3".to_owned());
                };
                // Others say that objects were removed, restored, tagged.
                if name.trim_start_matches("s3:").starts_with("ObjectCreated:") {
                    found.push(detail.notice(record.aws_region, decoded_key)?);
                }
            }
            found
        }
        Message { s3_bucket: Some(bucket), s3_object_key: Some(keys), .. } => {
            let keys = match keys {
                OneOrMany::One(key) => vec![key],
                OneOrMany::Many(keys) => keys,
            };
            keys.into_iter().map(|key| Notice { region: None, bucket: bucket.clone(), key, etag: None }).collect()
        }
        _ => return Err("it is no notification of S3, SNS, EventBridge or CloudTrail".to_owned()),
    };
    if found.iter().any(|notice| notice.bucket.is_empty() || notice.key.is_empty()) {
        return Err("it names no bucket or no object".to_owned());
    }
    if found.len() > MAX_OBJECTS {
        return Err(format!("it speaks of more than {MAX_OBJECTS} objects"));
    }
    Ok(found)
}

impl Detail {
    fn notice(self, region: Option<String>, key: impl Fn(&str) -> String) -> Result<Notice, String> {
        let (Some(bucket), Some(object)) = (self.bucket, self.object) else {
            return Err("it names no bucket or no object".to_owned());
        };
        let etag = object.etag.map(|etag| etag.trim_matches('"').to_owned()).filter(|etag| !etag.is_empty());
        Ok(Notice { region: region.filter(|region| !region.is_empty()), bucket: bucket.name, key: key(&object.key), etag })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn direct(name: &str) -> serde_json::Value {
        json!({ "Records": [{
            "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-west-1", "eventTime": "2026-11-29T10:00:00.000Z", "eventName": name,
            "s3": { "s3SchemaVersion": "1.0", "configurationId": "logs", "bucket": { "name": "logs", "arn": "arn:aws:s3:::logs" },
                "object": { "key": "a+b/c%2Bd%C3%BC.gz", "size": 7, "eTag": "0c", "sequencer": "0055" } },
        }] })
    }

    fn expected(key: &str) -> Vec<Notice> {
        vec![Notice { region: Some("eu-west-1".into()), bucket: "logs".into(), key: key.into(), etag: Some("0c".into()) }]
    }

    fn wrapped(inner: &serde_json::Value) -> serde_json::Value {
        json!({ "Type": "Notification", "MessageId": "1", "TopicArn": "arn:aws:sns:eu-west-1:123456789012:logs", "Message": inner.to_string() })
    }

    #[test]
    fn every_way_to_a_queue_gives_the_same_object() {
        let created = direct("ObjectCreated:Put");
        let bridge = json!({
            "version": "0", "id": "1", "detail-type": "Object Created", "source": "aws.s3", "account": "123456789012", "region": "eu-west-1",
            "resources": ["arn:aws:s3:::logs"], "detail": { "version": "0", "bucket": { "name": "logs" },
                "object": { "key": "a b/c+dü.gz", "size": 7, "etag": "0c", "sequencer": "0055" }, "reason": "PutObject" },
        });
        for message in [&created, &wrapped(&created), &wrapped(&wrapped(&created)), &bridge, &wrapped(&bridge)] {
            assert_eq!(notices(&message.to_string()).unwrap(), expected("a b/c+dü.gz"), "{message}");
        }
        let trail = json!({ "s3Bucket": "logs", "s3ObjectKey": ["AWSLogs/1/x+y.json.gz", "AWSLogs/1/z.json.gz"] });
        let found = notices(&wrapped(&trail).to_string()).unwrap();
        let keys: Vec<&str> = found.iter().map(|notice| notice.key.as_str()).collect();
        assert_eq!(keys, ["AWSLogs/1/x+y.json.gz", "AWSLogs/1/z.json.gz"]);
    }

    #[test]
    fn what_says_nothing_of_new_objects_is_no_error() {
        let test =
            json!({ "Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-11-29T10:00:00.000Z", "Bucket": "logs" });
        let deleted = json!({ "detail-type": "Object Deleted", "source": "aws.s3", "detail": { "bucket": { "name": "logs" } } });
        for message in [&test, &wrapped(&test), &direct("ObjectRemoved:Delete"), &deleted] {
            assert_eq!(notices(&message.to_string()).unwrap(), [], "{message}");
        }
    }

    #[test]
    fn other_shapes_are_told() {
        let deep = wrapped(&wrapped(&wrapped(&wrapped(&direct("ObjectCreated:Put")))));
        let instance = json!({ "detail-type": "EC2 Instance State-change Notification", "detail": {} });
        for (body, reason) in [
            ("hello".to_owned(), "no notification"),
            ("{}".to_owned(), "no notification"),
            ("[1]".to_owned(), "no notification"),
            (r#"{"Records":[]}"#.to_owned(), "no notification"),
            (r#"{"Records":[{"kinesis":{}}]}"#.to_owned(), "none of S3"),
            (r#"{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"}}}]}"#.to_owned(), "no object"),
            (r#"{"s3Bucket":"","s3ObjectKey":["k"]}"#.to_owned(), "no bucket"),
            (r#"{"s3Bucket":"b","s3ObjectKey":["k",""]}"#.to_owned(), "no object"),
            (instance.to_string(), "none of S3"),
            (deep.to_string(), "too deep"),
        ] {
            let told = notices(&body).unwrap_err();
            assert!(told.contains(reason), "{body}: {told}");
        }
    }

    proptest! {
        #[test]
        fn no_message_breaks_it(body in "\\PC{0,200}", key in "\\PC{1,20}") {
            let _ = notices(&body);
            let mut message = direct("ObjectCreated:Put");
            message["Records"][0]["s3"]["object"]["key"] = key.into();
            prop_assert!(notices(&message.to_string()).is_ok_and(|found| found.len() == 1));
        }
    }
}
