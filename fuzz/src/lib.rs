//! What the targets share: where their first inputs come from.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The variable by which `cargo xtask fuzz` names the folder for first inputs.
const FOLDER: &str = "SKYWARDEN_FUZZ_SEEDS";

/// A longer input is cut by the fuzzer, in bytes.
pub const MAX_INPUT: usize = 4096;

/// First inputs of a target beyond this many cost more time than they bring.
const MAX_SEEDS: usize = 2_000;

/// Writes first inputs into the folder that `cargo xtask fuzz` reads beside the corpus; does nothing if it names none. What is longer
/// than an input may be is left out.
///
/// # Panics
/// If a file can't be written.
pub fn seeds<S: AsRef<[u8]>>(seeds: impl IntoIterator<Item = S>) {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let fitting = seeds.into_iter().filter(|seed| seed.as_ref().len() <= MAX_INPUT);
    for (number, seed) in fitting.take(MAX_SEEDS).enumerate() {
        fs::write(folder.join(format!("{number:05}")), seed).expect("the folder of first inputs is writable");
    }
}

/// The texts of all files below a folder of the repository whose names end so, in order of their paths.
///
/// # Panics
/// If a folder or file can't be read.
pub fn texts(folder: &str, ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder), ending, &mut found);
    found
}

fn walk(folder: &Path, ending: &str, found: &mut Vec<String>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            walk(&path, ending, found);
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())));
        }
    }
}

/// A new folder for files, in memory where the system has such a place.
///
/// # Panics
/// If none can be made.
pub fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a folder for files")
}

/// Bytes of which some are changed: where (two bytes) and what, again and again.
pub fn changed(bytes: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    for [high, low, value] in changes.as_chunks().0 {
        let place = usize::from(u16::from_be_bytes([*high, *low]));
        if let Some(byte) = changed.len().checked_sub(1).and_then(|last| changed.get_mut(place.min(last))) {
            *byte = *value;
        }
    }
    changed
}

/// Files of content as JSON, in order of their paths.
///
/// # Panics
/// If one is no YAML.
pub fn documents(folder: &str) -> Vec<serde_json::Value> {
    let parsed =
        |text: String| skywarden_content::Source::parse(&text).unwrap_or_else(|error| panic!("{folder}: {}", error.message));
    texts(folder, ".yaml").into_iter().map(|text| parsed(text).value).collect()
}

/// The records in the tests of log sources and detections, with the log source of each where it is said.
pub fn records() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for file in documents("content/log-sources") {
        let source = file["id"].as_str().unwrap_or_default();
        for test in file["tests"].as_array().into_iter().flatten() {
            found.extend(texts_of(test).map(|text| (source.to_owned(), text)));
        }
    }
    for file in documents("content/detections") {
        for test in file["skywarden"]["tests"].as_array().into_iter().flatten() {
            for event in test["events"].as_array().into_iter().flatten() {
                let source = event["source"].as_str().unwrap_or_default();
                found.extend(texts_of(event).map(|text| (source.to_owned(), text)));
            }
        }
    }
    found
}

fn texts_of(test: &serde_json::Value) -> impl Iterator<Item = String> {
    let list = |name: &str| test[name].as_array().into_iter().flatten();
    let records = test.get("record").into_iter().chain(list("records")).map(ToString::to_string);
    let lines = test.get("line").into_iter().chain(list("lines")).filter_map(|line| line.as_str().map(str::to_owned));
    records.chain(lines)
}
