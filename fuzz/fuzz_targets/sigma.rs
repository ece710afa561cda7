//! Rules and records: the input is a rule of Sigma, a NUL, and a record. Compiling and matching end, and a rule and its negation never
//! agree.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skywarden_sigma::{EngineBuilder, Projection, Scratch, parse};

fuzz_target!(|input: &[u8]| {
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
