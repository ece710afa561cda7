//! Recordings that people replay (`replay:FOLDER`): the input is lines of one, behind that which says whose account it is.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use skywarden_collect::{CollectOptions, NoProgress, Replay, collect_aws};
use skywarden_content::Catalog;
use skywarden_model::Timestamp;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::embedded().expect("the content is sound"));

const IDENTITY: &str = r#"{"service":"sts","operation":"GetCallerIdentity","region":"us-east-1","status":200,"body":"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:root</Arn><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"}"#;

fn seeds() {
    LazyLock::force(&CATALOG);
    let recorded = skywarden_fuzz::texts("testkit/estate/recording", ".jsonl");
    let lines = recorded.iter().flat_map(|text| text.lines()).filter(|line| line.len() < skywarden_fuzz::MAX_INPUT);
    skywarden_fuzz::seeds(lines.step_by(4).take(300));
}

fuzz_target!(init: seeds(), |input: &[u8]| {
    let replay = match Replay::from_lines([IDENTITY.as_bytes(), b"\n", input].concat()) {
        Ok(replay) => replay,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut options = CollectOptions::new("fuzz".into());
    options.regions = Some(vec!["us-east-1".to_owned()]);
    match runtime.block_on(collect_aws(&*CATALOG, Arc::new(replay), options, &NoProgress, Timestamp::UNIX_EPOCH)) {
        Ok(snapshot) => {
            assert!(snapshot.resources.windows(2).all(|pair| pair[0].id < pair[1].id), "sorted, none twice");
            let unreadable = snapshot.resources.iter().flat_map(|resource| &resource.unreadable);
            assert!(unreadable.into_iter().all(|entry| !entry.reason.message.is_empty() || !entry.reason.code.is_empty()));
        }
        // The input may say that the account is another, or none.
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
