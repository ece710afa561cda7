use serde_json::Value;

use crate::{
    Catalog,
    load::{File, kind_of},
    source::Source,
};

/// The files of content/ as JSON, compressed by build.rs.
static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/content.json.zst"));

/// The packed content is at most this long unpacked.
const MAX_BYTES: usize = 64 << 20;

impl Catalog {
    /// The content that is compiled into the program; CI has linted it, so problems can only mean a damaged build.
    pub fn embedded() -> Self {
        let mut catalog = Self::default();
        let mut problems = Vec::new();
        let unpacked = zstd::bulk::decompress(PACKED, MAX_BYTES).unwrap_or_default();
        let packed: Vec<(String, Value)> = serde_json::from_slice(&unpacked).unwrap_or_default();
        let files: Vec<File> = packed
            .into_iter()
            .filter_map(|(path, value)| {
                let kind = kind_of(&path)?;
                Some(File { path, kind, source: Source::without_places(value) })
            })
            .collect();
        catalog.add(&files, &mut problems);
        catalog
    }
}
