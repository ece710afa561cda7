use std::{collections::BTreeMap, io::Read as _};

use serde_json::Value;

use crate::{
    Catalog, Problem,
    load::{Care, File, kind_of},
    source::Source,
};

/// The files of content/ as JSON, compressed by build.rs, without the tests inside them.
static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/content.json.zst"));

/// The tests inside those files, which few commands need.
static PACKED_TESTS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tests.json.zst"));

/// The packed content is at most this long unpacked.
const MAX_BYTES: u64 = 64 << 20;

impl Catalog {
    /// The content that is compiled into the program, without its tests and not linted: CI has done that.
    ///
    /// # Errors
    /// If the packed content is damaged or holds a file that can't be used: the program was built from a tree that CI did not pass.
    pub fn embedded() -> Result<Self, Vec<Problem>> {
        build(unpack(PACKED)?, Care::Trust)
    }

    /// The content that is compiled into the program with the tests inside its files, linted.
    ///
    /// # Errors
    /// If the packed content is damaged or holds a faulty file.
    pub fn embedded_with_tests() -> Result<Self, Vec<Problem>> {
        let mut files = unpack(PACKED)?;
        let mut tests: BTreeMap<String, Value> = unpack(PACKED_TESTS)?.into_iter().collect();
        for (path, file) in &mut files {
            if let (Value::Object(members), Some(tests)) = (file, tests.remove(path)) {
                members.insert("tests".to_owned(), tests);
            }
        }
        build(files, Care::Lint)
    }
}

fn unpack(packed: &[u8]) -> Result<Vec<(String, Value)>, Vec<Problem>> {
    let damaged = |message: String| {
        vec![Problem {
            file: "built-in content".to_owned(),
            line: 1,
            column: 1,
            message,
            help: Some("build the program anew".to_owned()),
        }]
    };
    let mut unpacked = Vec::new();
    let reader = zstd::Decoder::new(packed).map_err(|error| damaged(format!("it could not be unpacked: {error}")))?;
    reader.take(MAX_BYTES).read_to_end(&mut unpacked).map_err(|error| damaged(format!("it could not be unpacked: {error}")))?;
    serde_json::from_slice(&unpacked).map_err(|error| damaged(format!("it is no JSON: {error}")))
}

fn build(packed: Vec<(String, Value)>, care: Care) -> Result<Catalog, Vec<Problem>> {
    let file = |(path, value): (String, Value)| {
        let kind = kind_of(&path)?;
        Some(File { path, kind, source: Source::without_places(value) })
    };
    let files: Vec<File> = packed.into_iter().filter_map(file).collect();
    let mut catalog = Catalog::default();
    let mut problems = Vec::new();
    catalog.add(&files, care, &mut problems);
    if problems.is_empty() { Ok(catalog) } else { Err(problems) }
}
