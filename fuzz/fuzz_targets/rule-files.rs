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

fuzz_target!(|input: &str| {
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
