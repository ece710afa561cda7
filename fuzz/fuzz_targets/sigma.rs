//! Rules and records: the input is a rule of Sigma, a NUL, and a record. Compiling and matching end, and a rule and its negation never
//! agree.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skywarden_sigma::{EngineBuilder, Projection, Scratch, parse};

fn seeds() {
    let record = r#"{"eventName":"DeleteTrail","userIdentity":{"type":"Root","arn":"a"},"list":[1,"x",{"y":null}]}"#;
    let files = skywarden_fuzz::texts("content/detections", ".yaml");
    // What is ours in a file no rule of Sigma has.
    let rules = files.iter().map(|file| file.split("\nskywarden:").next().unwrap_or_default());
    skywarden_fuzz::seeds(rules.step_by(3).map(|rule| format!("{rule}\n\0{record}")));
}

fuzz_target!(init: seeds(), |input: &[u8]| {
    let Ok(input) = std::str::from_utf8(input) else { return };
    let (rule, record) = input.split_once('\0').unwrap_or((input, "{}"));
    let Some(rule) = parse(rule).rules.pop() else { return };
    let mut projection = Projection::default();
    let mut known = std::collections::BTreeMap::new();
    let mut builder = EngineBuilder::default();
    let compiled = builder.rule(&rule.detection, &[], &[], &mut |name| match name {
        None => projection.everything(),
        Some(name) => *known.entry(name.to_owned()).or_insert_with(|| {
            let slot = projection.slot();
            projection.take(slot, 0, name);
            slot
        }),
    });
    let (Ok(id), Ok(engine)) = (compiled, builder.build(&|_| false)) else { return };
    let Ok(record) = projection.read(record) else { return };
    let (mut scratch, mut fired) = (Scratch::default(), Vec::new());
    engine.start(&record, &mut scratch);
    engine.finish(&record, &mut scratch, &mut fired);
    assert!(fired.len() <= 1);
    if !fired.is_empty() {
        engine.reasons(id, &record, &mut scratch);
    }
});
