//! Threat intelligence: any bytes are read without loss of order, what was read is stored and read again as the same, and a
//! pattern of STIX that is printed is parsed to the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skywarden_detect::{
    Intelligence,
    indicators::{Feed, MAX_TOLD, Pattern, read},
};

fn seeds() {
    skywarden_fuzz::seeds([
        r#"{"type":"bundle","objects":[{"type":"malware","id":"malware--1","name":"Driftwood"},{"type":"indicator","id":"indicator--1","pattern_type":"stix","confidence":80,"pattern":"[ipv4-addr:value ISSUBSET '198.51.100.0/24' OR domain-name:value = 'stix.example']","valid_from":"2026-02-01T00:00:00Z","valid_until":"2026-04-01T00:00:00Z"},{"type":"relationship","id":"relationship--1","relationship_type":"indicates","source_ref":"indicator--1","target_ref":"malware--1"}]}"#,
        r#"{"Event":{"info":"Phishing","Attribute":[{"type":"url","to_ids":true,"value":"http://misp.example/Login","Tag":[{"name":"phishing"}]},{"type":"filename|sha256","to_ids":true,"value":"a.exe|a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"}],"Object":[{"Attribute":[{"type":"ip-dst|port","to_ids":true,"value":"198.51.100.1|80"}]}]}}"#,
        "domain,tags,expires\ntable.example,c2,2026-03-05\n",
        "# a list\n198.51.100.1\n2001:db8::/32\nhxxp://bad[.]example/x\n",
        "[file:hashes.'SHA-256' = 'a1' AND file:name MATCHES '^x'] FOLLOWEDBY [url:value LIKE 'http://%'] WITHIN 5 SECONDS",
        "[process:command_line IN ('a', 'b') START t'2026-01-01T00:00:00Z' STOP t'2026-02-01T00:00:00Z'] REPEATS 2 TIMES",
        "127.0.0.1 bad.example # hosts\n0.0.0.0 worse.example\n",
        "a;b;c\n\"x;y\";198.51.100.7;2026-01-01\n",
    ]);
}

fuzz_target!(init: seeds(), |input: &[u8]| {
    let (mut known, mut again) = (Intelligence::default(), Intelligence::default());
    let loaded = read(input, Feed { name: "fuzz", labels: &[] }, &mut known);
    assert!(known.len() <= loaded.n_indicators());
    assert_eq!(loaded.unusable.len(), loaded.n_unusable.min(MAX_TOLD));
    let lines: String = known.entries().iter().map(|entry| serde_json::to_string(entry).expect("plain data") + "\n").collect();
    let stored = read(lines.as_bytes(), Feed::default(), &mut again);
    assert_eq!((again.entries(), stored.n_unusable), (known.entries(), 0));
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(pattern) = Pattern::parse(text) {
        assert_eq!(Pattern::parse(&pattern.to_string()), Ok(pattern));
    }
});
