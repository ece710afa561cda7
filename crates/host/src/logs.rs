//! Who may read the log files.

use std::os::unix::fs::MetadataExt;

use crate::{
    HostRoot,
    report::Report,
    root::{Reading, failed},
};

const FOLDER: &str = "/var/log";
const MAX_DEPTH: usize = 8;
const MAX_FILES: usize = 50_000;

/// Reads the modes of all files below the folder of logs.
pub(crate) fn read(root: &HostRoot, report: &mut Report) {
    report.put(&["logFiles", "tooOpen"], too_open(root));
}

fn too_open(root: &HostRoot) -> Reading<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![(FOLDER.to_owned(), 0_usize)];
    let mut n_files = 0_usize;
    while let Some((folder, depth)) = folders.pop() {
        for name in root.list(&folder)?.unwrap_or_default() {
            n_files += 1;
            if n_files > MAX_FILES {
                return Err(failed("list /var/log", "it holds more than 50000 files, which is the limit"));
            }
            let path = format!("{folder}/{name}");
            // A link says nothing about who may read; what it leads to is judged where it lies.
            if root.link(&path).is_some() {
                continue;
            }
            let Some(metadata) = root.stat(&path)? else { continue };
            if metadata.is_dir() && depth < MAX_DEPTH {
                folders.push((path, depth + 1));
            } else if metadata.is_file() && metadata.mode() & forbidden(&name) != 0 {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(Some(found))
}

/// Mode bits that a log should not have. The records of logins are read by ordinary programs such as `who`.
pub(crate) fn forbidden(name: &str) -> u32 {
    let is_login_record = ["lastlog", "wtmp", "btmp", "faillog"].iter().any(|start| name.starts_with(start));
    if is_login_record || name == "README" { 0o113 } else { 0o137 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_logins_may_be_read_by_all() {
        assert_eq!(0o664 & forbidden("wtmp.1"), 0);
        assert_ne!(0o644 & forbidden("syslog"), 0);
        assert_eq!(0o640 & forbidden("syslog"), 0);
    }
}
