//! Answers of clouds that no collector reads: pages of lists of S3, errors of any service, keys as they stand in notifications.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skywarden_cloud::{clean_message, decoded_key, error_of, listed_page};

fn seeds() {
    skywarden_fuzz::seeds([
        "<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>1a&amp;b=</NextContinuationToken>\
         <Contents><Key>logs/a+b%2Bc.gz</Key><LastModified>2026-11-29T10:00:00.000Z</LastModified><ETag>&quot;0c&quot;</ETag>\
         <Size>7</Size></Contents><CommonPrefixes><Prefix>logs/x%26/</Prefix></CommonPrefixes></ListBucketResult>",
        "<Error><Code>AccessDenied</Code><Message>Access &#68;enied</Message></Error>",
        "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>",
        r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified queue does not exist."}"#,
        r#"{"error":{"code":403,"message":"denied","status":"PERMISSION_DENIED"}}"#,
    ]);
}

fuzz_target!(init: seeds(), |body: &[u8]| {
    match listed_page(body) {
        Ok(page) => assert!(page.objects.len() + page.folders.len() <= body.len() / 10),
        Err(reason) => assert!(!reason.is_empty()),
    }
    for error_type in [None, Some("a#B:c")] {
        let error = error_of(error_type, body);
        // A message is told to people and stands in logs.
        assert!(error.message.len() <= 4_096, "{} bytes of a message", error.message.len());
    }
    if let Ok(text) = std::str::from_utf8(body) {
        assert!(decoded_key(text).len() <= 3 * text.len());
        let cleaned = clean_message(text);
        assert!(cleaned.len() <= 4_096, "{} bytes of a message", cleaned.len());
    }
});
