//! Bodies that are posted to an input: the first byte chooses the media type and what records are in it, the rest is the body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skywarden_ingest::{TextKind, inputs::Posted};

const TYPES: [&str; 4] =
    ["application/json", "application/cloudevents+json", "application/cloudevents-batch+json; charset=utf-8", "text/plain"];
const KINDS: [TextKind; 4] = [TextKind::Lines, TextKind::Json, TextKind::Rows, TextKind::Document];

fn seeds() {
    let bodies = [
        "{\"a\":1}",
        "[{\"a\":1},{\"b\":2}]",
        "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\",\"data\":{\"a\":1}}",
        "[{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\",\"data_base64\":\"eyJhIjoxfQ==\"}]",
        "one\ntwo\n",
        "a,b\n1,\"x\ny\"\n",
    ];
    skywarden_fuzz::seeds((0..16).flat_map(|choice| bodies.map(|body| [&[choice], body.as_bytes()].concat())));
}

fuzz_target!(init: seeds(), |input: &[u8]| {
    let Some((choice, body)) = input.split_first() else { return };
    let choice = usize::from(*choice);
    let posted = Posted { content_type: Some(TYPES[choice % 4].to_owned()), body: body.to_vec() };
    match posted.texts(KINDS[choice / 4 % 4]) {
        Ok((given, refused)) => {
            assert!(given.iter().all(|text| !text.trim().is_empty()));
            assert!(refused.iter().all(|refused| !refused.reason.is_empty() && refused.start.len() <= 4 * 200));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
