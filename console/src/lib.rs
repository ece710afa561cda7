//! The web console's files, built by npm (see build.rs) and packed into the program.

/// One file of the console.
#[derive(Debug, Clone, Copy)]
pub struct File {
    /// Its path, without a leading slash: `index.html`, `assets/index-C0FFEE.js`. Names below `assets/` hold a hash of the content.
    pub path: &'static str,
    /// Its media type.
    pub content_type: &'static str,
    /// Its content, compressed by gzip.
    pub gzip: &'static [u8],
}

static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The page that all addresses of the console begin with.
pub const INDEX: &str = "index.html";

/// The file at a path.
pub fn file(path: &str) -> Option<&'static File> {
    let place = FILES.binary_search_by(|file| file.path.cmp(path)).ok()?;
    FILES.get(place)
}
