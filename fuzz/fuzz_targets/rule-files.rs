//! Files of Sigma: rules, correlations and filters, several in a file. The input is the file, a NUL, and a record that rules look at.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use skywarden_content::{LogSourceFile, Source};
use skywarden_detect::{BadRecord, Clock, Detect, PublicRules, Run};
use skywarden_model::Timestamp;

static SOURCE: LazyLock<LogSourceFile> = LazyLock::new(|| {
    let text = "id: calls\ntitle: Calls\ndescription: Calls.\nread: { format: json }\ntime: { field: at, format: rfc3339 }\n\
                sigma: [ { product: test, service: calls } ]\nevents: [ { class: api_activity, set: { actor.user.name: user } } ]\n";
    let source = Source::parse(text).unwrap_or_else(|error| panic!("{}", error.message));
    serde_json::from_value(source.value).expect("a log source")
});

fn seeds() {
    let record = r#"{"at":"2026-03-01T00:00:00Z","user":"ann","eventName":"x","CommandLine":"a b"}"#;
    let files =
        skywarden_fuzz::texts("content/detections", ".yaml").into_iter().step_by(6).map(|file| format!("{file}\0{record}"));
    let several = "title: a\nid: 6b0dd26b-2d4e-4b4d-9f3c-000000000001\nname: a\nlogsource: { product: test, service: calls }\ndetection:\n  s: { user|startswith: an }\n  condition: s\n---\n\
        title: b\ncorrelation:\n  type: event_count\n  rules: [a]\n  group-by: [user]\n  timespan: 5m\n  condition: { gte: 2 }\n---\n\
        title: c\nlogsource: { product: test }\nfilter:\n  rules: [a]\n  selection: { user: bob }\n  condition: not selection\n";
    skywarden_fuzz::seeds(files.chain([format!("{several}\0{record}")]));
}

fuzz_target!(init: seeds(), |input: &str| {
    let (file, record) = input.split_once('\0').unwrap_or((input, "{}"));
    let mut public = PublicRules::default();
    public.add("file", file);
    let (mut rules, refused) = public.finish();
    assert!(refused.iter().all(|refused| !refused.reason.is_empty()));
    // Whatever they are for, they look at the same records.
    for sigma in rules.iter_mut().filter_map(|rule| rule.sigma.as_mut()) {
        (sigma.logsource.product, sigma.logsource.service) = (Some("test".to_owned()), Some("calls".to_owned()));
        sigma.logsource.category = None;
    }
    let (detect, _) = Detect::of_sources([&*SOURCE], rules, &Default::default());
    let (mut run, mut reader) = (Run::default(), detect.input("calls").expect("the only one"));
    for _ in 0..3 {
        detect.feed(&mut run, &mut reader, record, Clock::OfRecords(Timestamp::UNIX_EPOCH), &mut |_: BadRecord| {});
    }
    assert!(reader.n_matched <= reader.n_records);
});
