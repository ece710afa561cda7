use serde_json::Value;

use crate::{
    Catalog, Problem,
    load::{File, kind_of},
    source::Source,
};

/// The files of content/ as JSON, compressed by build.rs.
static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/content.json.zst"));

/// The packed content is at most this long unpacked.
const MAX_BYTES: usize = 64 << 20;

impl Catalog {
    /// The content that is compiled into the program.
    ///
    /// # Errors
    /// If the packed content is damaged or holds a faulty file: the program was built from a tree that CI did not pass.
    pub fn embedded() -> Result<Self, Vec<Problem>> {
        let damaged = |message: String| {
            vec![Problem {
                file: "built-in content".to_owned(),
                line: 1,
                column: 1,
                message,
                help: Some("build the program anew".to_owned()),
            }]
        };
        let unpacked =
            zstd::bulk::decompress(PACKED, MAX_BYTES).map_err(|error| damaged(format!("it could not be unpacked: {error}")))?;
        let packed: Vec<(String, Value)> =
            serde_json::from_slice(&unpacked).map_err(|error| damaged(format!("it is no JSON: {error}")))?;
        let files: Vec<File> = packed
            .into_iter()
            .filter_map(|(path, value)| {
                let kind = kind_of(&path)?;
                Some(File { path, kind, source: Source::without_places(value) })
            })
            .collect();
        let mut catalog = Self::default();
        let mut problems = Vec::new();
        catalog.add(&files, &mut problems);
        if problems.is_empty() { Ok(catalog) } else { Err(problems) }
    }
}
