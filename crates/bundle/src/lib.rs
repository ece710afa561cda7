//! Azure Policy objects in folders and zip archives, as Azure writes them: from files to objects and back. Does no I/O.

mod archive;
mod export;
mod import;
mod recommendation;

pub use archive::{ArchiveError, pack, unpack};
pub use export::files;
pub use import::{Bundle, Problem, read};
pub use recommendation::{NotPolicy, definition_of};

/// A file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path within the bundle, with `/` between the parts.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// A file of a bundle is at most this long.
pub const MAX_FILE: u64 = 32 << 20;

/// All files of a bundle together are at most this long.
pub const MAX_BUNDLE: u64 = 1 << 30;

/// A bundle has at most so many files.
pub const MAX_FILES: usize = 200_000;
