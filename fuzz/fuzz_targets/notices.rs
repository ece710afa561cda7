//! Messages of a queue that speak of objects of S3: a notice names a bucket and a key, or the message is refused with a reason.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skywarden_ingest::inputs::notices;

fn seeds() {
    let event = r#"{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","awsRegion":"us-east-1","s3":{"bucket":{"name":"b"},"object":{"key":"logs/a+b%2Bc.gz","size":7,"eTag":"0c"}}}]}"#;
    let bridge = r#"{"detail-type":"Object Created","source":"aws.s3","region":"us-east-1","detail":{"bucket":{"name":"b"},"object":{"key":"k","size":1,"etag":"0c"}}}"#;
    let told = serde_json::json!({ "Type": "Notification", "Message": event }).to_string();
    skywarden_fuzz::seeds([
        event,
        bridge,
        &told,
        r#"{"Event":"s3:TestEvent","Bucket":"b"}"#,
        r#"{"s3Bucket":"b","s3ObjectKey":["a","c"]}"#,
    ]);
}

fuzz_target!(init: seeds(), |body: &str| {
    match notices(body) {
        Ok(found) => assert!(found.len() <= 10_000 && found.iter().all(|notice| !notice.bucket.is_empty() && !notice.key.is_empty())),
        Err(reason) => assert!(!reason.is_empty()),
    }
});
