//! Messages of a queue that speak of objects of S3: a notice names a bucket and a key, or the message is refused with a reason.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skywarden_ingest::inputs::notices;

fuzz_target!(|body: &str| {
    match notices(body) {
        Ok(found) => assert!(found.len() <= 10_000 && found.iter().all(|notice| !notice.bucket.is_empty() && !notice.key.is_empty())),
        Err(reason) => assert!(!reason.is_empty()),
    }
});
