use std::io::{Cursor, Read as _, Write as _};

use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter, result::ZipError, write::SimpleFileOptions};

use crate::{File, MAX_BUNDLE, MAX_FILE, MAX_FILES};

/// Why an archive can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It is none, or it is damaged.
    #[error("it is no zip archive that can be read: {0}")]
    Zip(#[from] ZipError),
    /// A member can't be unpacked.
    #[error("`{name}` in it can't be unpacked: {source}")]
    Member {
        /// The member.
        name: String,
        /// Why.
        source: std::io::Error,
    },
    /// It holds more than is taken.
    #[error("it holds more than is taken: {0}")]
    TooMuch(String),
}

/// The JSON and YAML files in a zip archive, in order of their names.
///
/// # Errors
/// If it is damaged, or holds more than [`MAX_FILES`] files, [`MAX_FILE`] bytes in one or [`MAX_BUNDLE`] in all.
pub fn unpack(bytes: &[u8]) -> Result<Vec<File>, ArchiveError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes))?;
    if archive.len() > MAX_FILES {
        return Err(ArchiveError::TooMuch(format!("{} files, of at most {MAX_FILES}", archive.len())));
    }
    let mut files = Vec::new();
    let mut n_bytes = 0;
    for position in 0..archive.len() {
        let mut member = archive.by_index(position)?;
        let name = member.name()?.into_owned();
        if member.is_dir() || !is_document(&name) {
            continue;
        }
        // What the archive says of a member's length need not be true.
        let mut content = Vec::new();
        let read = member.by_ref().take(MAX_FILE + 1).read_to_end(&mut content);
        n_bytes += read.map_err(|source| ArchiveError::Member { name: name.clone(), source })? as u64;
        if content.len() as u64 > MAX_FILE {
            return Err(ArchiveError::TooMuch(format!("`{name}` is longer than {MAX_FILE} bytes")));
        }
        if n_bytes > MAX_BUNDLE {
            return Err(ArchiveError::TooMuch(format!("more than {MAX_BUNDLE} bytes")));
        }
        files.push(File { name, bytes: content });
    }
    files.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(files)
}

/// A zip archive of files, the same bytes for the same files.
///
/// # Errors
/// If a file is too long for the format.
pub fn pack(files: &[File]) -> Result<Vec<u8>, ArchiveError> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options =
        SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).last_modified_time(DateTime::default());
    for file in files {
        archive.start_file(file.name.as_str(), options)?;
        archive.write_all(&file.bytes).map_err(|source| ArchiveError::Member { name: file.name.clone(), source })?;
    }
    Ok(archive.finish()?.into_inner())
}

/// Whether a file may hold policies.
pub(crate) fn is_document(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    // Archives made on a Mac hold a shadow of each file.
    let is_shadow = name.starts_with("__macosx/") || name.rsplit('/').next().is_some_and(|last| last.starts_with("._"));
    !is_shadow && [".json", ".yaml", ".yml"].iter().any(|end| name.ends_with(end))
}
