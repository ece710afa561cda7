use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use jiff::Timestamp;

/// All files that are named, and those below folders, in order.
pub(crate) fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let mut below = Vec::new();
            walk(path, 0, &mut below)?;
            below.sort();
            files.extend(below);
        } else {
            anyhow::ensure!(path == Path::new("-") || path.exists(), "there is no file or folder {}", path.display());
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    anyhow::ensure!(depth < 32, "{} is nested too deeply", folder.display());
    let entries = std::fs::read_dir(folder).with_context(|| format!("could not list {}", folder.display()))?;
    for entry in entries {
        let path = entry.with_context(|| format!("could not list {}", folder.display()))?.path();
        if path.is_dir() {
            walk(&path, depth + 1, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// When a file was last written.
pub(crate) fn modified(file: &Path) -> Option<Timestamp> {
    Timestamp::try_from(std::fs::metadata(file).ok()?.modified().ok()?).ok()
}

/// Opens a file, or standard input for `-`.
pub(crate) fn open(path: &Path) -> anyhow::Result<Box<dyn Read + Send>> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin()));
    }
    Ok(Box::new(File::open(path).with_context(|| format!("could not open {}", path.display()))?))
}
