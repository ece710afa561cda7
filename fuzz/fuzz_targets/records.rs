//! Records of logs: the first byte chooses a log source, the rest is what is read of it, with all detections.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use skywarden_content::Catalog;
use skywarden_detect::{BadRecord, Clock, Detect, Kinds, Run, correlate, own_rules};
use skywarden_model::Timestamp;

static DETECT: LazyLock<(Detect, Vec<String>, Kinds)> = LazyLock::new(|| {
    let catalog = Catalog::embedded_with_threats().expect("the content is sound");
    let detect = Detect::new(&catalog, own_rules(&catalog).0, &Default::default()).0;
    let sources = detect.sources().map(|source| source.id.to_string()).collect();
    (detect, sources, Kinds::new(catalog.incidents.values()))
});

fn seeds() {
    let (_, sources, _) = &*DETECT;
    let choice = |source: &str| sources.iter().position(|own| own == source).and_then(|place| u8::try_from(place).ok());
    let records =
        skywarden_fuzz::records().into_iter().filter_map(|(source, text)| Some([&[choice(&source)?], text.as_bytes()].concat()));
    skywarden_fuzz::seeds(records.step_by(2));
}

fuzz_target!(init: seeds(), |input: &[u8]| {
    let Some((choice, text)) = input.split_first() else { return };
    let text = String::from_utf8_lossy(text);
    let (detect, sources, kinds) = &*DETECT;
    let source = &sources[usize::from(*choice) % sources.len()];
    let (mut run, mut n_bad) = (Run::default(), 0);
    let mut input = detect.input(source).expect("one of ours");
    detect.feed(&mut run, &mut input, &text, Clock::OfRecords(Timestamp::UNIX_EPOCH), &mut |record: BadRecord| {
        assert!(!record.reason.is_empty());
        n_bad += 1;
    });
    assert_eq!(input.n_bad, n_bad, "every bad record is told");
    assert!(input.n_records >= input.n_bad + input.n_matched);
    let alerts: Vec<_> = run.alerts.all().into_iter().cloned().collect();
    correlate(&alerts, kinds);
});
