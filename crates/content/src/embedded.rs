use std::{collections::BTreeMap, io::Read as _};

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::{
    Catalog, DetectionTest, Problem, RecommendationFile,
    load::{Care, File, Kind, kind_of},
    source::Source,
};

/// The files of content/ as JSON, compressed by build.rs, without the tests inside them.
static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/content.json.zst"));

/// Log sources, detections and kinds of incidents in the same form.
static PACKED_THREATS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/threats.json.zst"));

/// The tests inside those files, which few commands need.
static PACKED_TESTS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tests.json.zst"));

/// The packed content is at most this long unpacked.
const MAX_BYTES: u64 = 64 << 20;

impl Catalog {
    /// The content that is compiled into the program, without its tests and not linted: CI has done that. Log sources,
    /// detections and kinds of incidents are left out, and so are those of a folder that is laid over it.
    ///
    /// # Errors
    /// If the packed content is damaged or holds a file that can't be used: the program was built from a tree that CI did not pass.
    pub fn embedded() -> Result<Self, Vec<Problem>> {
        Self::trusted(&[PACKED])
    }

    /// The same with log sources, detections and kinds of incidents.
    ///
    /// # Errors
    /// If the packed content is damaged or holds a file that can't be used.
    pub fn embedded_with_threats() -> Result<Self, Vec<Problem>> {
        let mut catalog = Self::trusted(&[PACKED, PACKED_THREATS])?;
        catalog.holds_threats = true;
        Ok(catalog)
    }

    fn trusted(packed: &[&[u8]]) -> Result<Self, Vec<Problem>> {
        let unpacked: Vec<Vec<u8>> = packed.iter().map(|packed| unpack(packed)).collect::<Result<_, _>>()?;
        let mut files: BTreeMap<Kind, Vec<(&str, &RawValue)>> = BTreeMap::new();
        for unpacked in &unpacked {
            for (path, text) in listed::<&RawValue>(unpacked)? {
                if let Some(kind) = kind_of(path) {
                    files.entry(kind).or_default().push((path, text));
                }
            }
        }
        let mut catalog = Self::default();
        let mut problems = Vec::new();
        for (kind, files) in files {
            // Facts may rest on each other. All else is parsed one by one: the whole content as JSON takes several times the memory
            // of the catalog.
            let at_once = if kind == Kind::Fact { files.len() } else { 1 };
            for files in files.chunks(at_once) {
                let parsed: Result<Vec<File>, _> = files.iter().map(|(path, text)| file(path, kind, text)).collect();
                catalog.add(&parsed?, Care::Trust, &mut problems);
            }
        }
        if problems.is_empty() { Ok(catalog) } else { Err(problems) }
    }

    /// The content that is compiled into the program with the tests inside its files, linted.
    ///
    /// # Errors
    /// If the packed content is damaged or holds a faulty file.
    pub fn embedded_with_tests() -> Result<Self, Vec<Problem>> {
        let (unpacked, threats, unpacked_tests) = (unpack(PACKED)?, unpack(PACKED_THREATS)?, unpack(PACKED_TESTS)?);
        let mut tests: BTreeMap<&str, Value> = listed(&unpacked_tests)?.into_iter().collect();
        let mut files = Vec::new();
        for (path, text) in listed::<&RawValue>(&unpacked)?.into_iter().chain(listed(&threats)?) {
            let Some(kind) = kind_of(path) else { continue };
            let mut file = file(path, kind, text)?;
            let holder = if kind == Kind::Detection { "/skywarden" } else { "" };
            if let (Some(Value::Object(members)), Some(tests)) = (file.source.value.pointer_mut(holder), tests.remove(path)) {
                members.insert("tests".to_owned(), tests);
            }
            files.push(file);
        }
        let mut catalog = Self { holds_threats: true, ..Self::default() };
        let mut problems = Vec::new();
        catalog.add(&files, Care::Lint, &mut problems);
        if problems.is_empty() { Ok(catalog) } else { Err(problems) }
    }
}

impl DetectionTest {
    /// The tests inside the detections of a plan that are compiled into the program, by the detection's name.
    ///
    /// # Errors
    /// If the packed content is damaged or holds a faulty file.
    pub fn embedded(plan: &str) -> Result<BTreeMap<String, Vec<Self>>, Vec<Problem>> {
        let unpacked = unpack(PACKED_TESTS)?;
        let mut tests = BTreeMap::new();
        for (path, text) in listed::<&RawValue>(&unpacked)? {
            let name = path.strip_prefix("detections/").and_then(|path| path.split_once('/'));
            let Some((_, file)) = name.filter(|(folder, _)| *folder == plan) else { continue };
            let own = serde_json::from_str(text.get()).map_err(|error| damaged(format!("{path}: {error}")))?;
            tests.insert(file.trim_end_matches(".yaml").to_owned(), own);
        }
        Ok(tests)
    }
}

impl RecommendationFile {
    /// The recommendations that are compiled into the program, as they are written: with their conditions and tests, which a
    /// catalog does not keep.
    ///
    /// # Errors
    /// If the packed content is damaged or holds a faulty file.
    pub fn embedded() -> Result<Vec<Self>, Vec<Problem>> {
        let (unpacked, unpacked_tests) = (unpack(PACKED)?, unpack(PACKED_TESTS)?);
        let mut tests: BTreeMap<&str, Value> = listed(&unpacked_tests)?.into_iter().collect();
        let mut files = Vec::new();
        for (path, text) in
            listed::<&RawValue>(&unpacked)?.into_iter().filter(|(path, _)| kind_of(path) == Some(Kind::Recommendation))
        {
            let mut document = file(path, Kind::Recommendation, text)?.source.value;
            if let (Value::Object(members), Some(tests)) = (&mut document, tests.remove(path)) {
                members.insert("tests".to_owned(), tests);
            }
            let parsed = serde_json::from_value(document).map_err(|error| damaged(format!("{path}: {error}")))?;
            files.push(parsed);
        }
        Ok(files)
    }
}

fn file(path: &str, kind: Kind, text: &RawValue) -> Result<File, Vec<Problem>> {
    let value = serde_json::from_str(text.get()).map_err(|error| damaged(format!("{path} is no JSON: {error}")))?;
    Ok(File { path: path.to_owned(), kind, source: Source::without_places(value) })
}

fn listed<'a, T: Deserialize<'a>>(unpacked: &'a [u8]) -> Result<Vec<(&'a str, T)>, Vec<Problem>> {
    serde_json::from_slice(unpacked).map_err(|error| damaged(format!("it is no JSON: {error}")))
}

fn unpack(packed: &[u8]) -> Result<Vec<u8>, Vec<Problem>> {
    let mut unpacked = Vec::new();
    let reader = zstd::Decoder::new(packed).map_err(|error| damaged(format!("it could not be unpacked: {error}")))?;
    reader.take(MAX_BYTES).read_to_end(&mut unpacked).map_err(|error| damaged(format!("it could not be unpacked: {error}")))?;
    Ok(unpacked)
}

fn damaged(message: String) -> Vec<Problem> {
    vec![Problem {
        file: "built-in content".to_owned(),
        line: 1,
        column: 1,
        message,
        help: Some("build the program anew".to_owned()),
    }]
}
