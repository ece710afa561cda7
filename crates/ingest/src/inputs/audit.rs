//! The audit log of Linux on this machine: `audit.log` and its rotated files, as auditd writes them. They are followed as files are; what
//! one record says in several lines is put together by the log source's reader.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{FileSettings, Start};

/// What auditd writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AuditSettings {
    /// The file, as `log_file` in auditd.conf names it. Only root may read its folder unless `log_group` there says who else.
    #[serde(default = "the_usual_path")]
    pub path: PathBuf,
    /// Where to begin when the input is first run.
    #[serde(default)]
    pub start: Start,
}

fn the_usual_path() -> PathBuf {
    PathBuf::from("/var/log/audit/audit.log")
}

impl AuditSettings {
    /// The files to follow. auditd keeps rotated ones beside the newest (`audit.log.1` is the newest of them), which are followed too: after
    /// several rotations while nobody looked nothing is missing.
    pub(crate) fn files(&self) -> FileSettings {
        let path = glob::Pattern::escape(&self.path.display().to_string());
        FileSettings::following(vec![path.clone(), format!("{path}.[0-9]*")], self.start)
    }
}
