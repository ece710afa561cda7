//! Content that users bring in a folder: the first byte says what the file is, the rest is its text, which lies beside sound files.
//! Mistakes are told with their places; of what has none the tests run.
#![no_main]

use std::{fs, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use skywarden_content::{Catalog, Source, run_tests};

const FOLDERS: [&str; 14] = [
    "recommendations/aws/x",
    "risk-factors",
    "standards",
    "facts/aws",
    "secrets",
    "plans",
    "baselines/linux",
    "log-sources",
    "detections/Dns",
    "incidents",
    "overrides",
    "collectors/aws/x",
    "collectors/aws/services",
    "score",
];

/// What other files name.
const BESIDE: [&str; 5] = [
    "score/secure-score.yaml",
    "plans/Dns.yaml",
    "log-sources/dns-query.yaml",
    "collectors/aws/services/ec2.yaml",
    "collectors/aws/ec2/volume.yaml",
];

static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = skywarden_fuzz::folder();
    let content = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../content");
    for path in BESIDE {
        if let Ok(text) = fs::read(content.join(path)) {
            let to = folder.path().join(path);
            fs::create_dir_all(to.parent().expect("it lies in a folder")).expect("a folder");
            fs::write(to, text).expect("a file");
        }
    }
    folder
});

fn seeds() {
    let mut seeds = Vec::new();
    for (place, folder) in FOLDERS.iter().enumerate() {
        let folder = match *folder {
            "recommendations/aws/x" => "recommendations/aws",
            "collectors/aws/x" => "collectors/aws/ec2",
            other => other,
        };
        if folder == "overrides" {
            continue;
        }
        let texts = skywarden_fuzz::texts(&format!("content/{folder}"), ".yaml");
        let fitting = texts.into_iter().filter(|text| text.len() < skywarden_fuzz::MAX_INPUT);
        seeds.extend(fitting.step_by(5).take(12).map(|text| [&[u8::try_from(place).expect("few")], text.as_bytes()].concat()));
    }
    seeds.push(b"\x0aid: dns-query\nseverity: high\nenabled: false\n".to_vec());
    skywarden_fuzz::seeds(seeds);
}

fuzz_target!(init: seeds(), |input: &[u8]| {
    let Some((choice, text)) = input.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    if let Ok(source) = Source::parse(text) {
        assert!(source.place("/id/x").0 > 0);
    }
    let id = text.lines().find_map(|line| line.strip_prefix("id: ")).unwrap_or_default();
    let id: String = id.chars().filter(|letter| letter.is_ascii_alphanumeric() || "-.".contains(*letter)).take(60).collect();
    let folder = FOLDER.path().join(FOLDERS[usize::from(*choice) % FOLDERS.len()]);
    let file = folder.join(format!("{}.yaml", if id.trim_matches('.').is_empty() { "x" } else { &id }));
    if file.exists() {
        return;
    }
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(&file, text).expect("a file");
    let (catalog, problems) = Catalog::load(FOLDER.path());
    fs::remove_file(&file).expect("it was there");
    for problem in &problems {
        assert!(!problem.message.is_empty() && problem.line > 0 && problem.column > 0, "{problem:?}");
        assert!(usize::try_from(problem.line).is_ok_and(|line| line <= text.len() + 500), "{problem:?}");
    }
    run_tests(&catalog);
});
