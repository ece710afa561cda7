//! Threat intelligence: any bytes are read without loss of order, what was read is stored and read again as the same, and a
//! pattern of STIX that is printed is parsed to the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skywarden_detect::{
    Intelligence,
    indicators::{Feed, MAX_TOLD, Pattern, read},
};

fuzz_target!(|input: &[u8]| {
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
