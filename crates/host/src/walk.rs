use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    sync::Arc,
};

use serde_json::json;
use skywarden_model::{DeniedRead, FieldPath, Resource, Segment, Timestamp, Unreadable, UnreadableKind, UnreadableReason};

use crate::{
    HostRoot, audit,
    report::Report,
    root::{failed, not_yet},
    text,
};

const FIELD: &str = "fileWalk";
const SKIPPED_TYPES: [&str; 22] = [
    "9p",
    "afs",
    "autofs",
    "bpf",
    "ceph",
    "cgroup",
    "cgroup2",
    "cifs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "fuse.sshfs",
    "glusterfs",
    "mqueue",
    "nfs",
    "nfs4",
    "proc",
    "pstore",
    "securityfs",
    "smb3",
    "sysfs",
    "tracefs",
];

/// Bounds of a walk.
#[derive(Debug, Clone)]
pub struct WalkLimits {
    /// At most this many files are looked at; then the walk ends as incomplete.
    pub max_files: u64,
    /// At most this many paths are kept in each list.
    pub max_listed: usize,
}

impl Default for WalkLimits {
    fn default() -> Self {
        Self { max_files: 50_000_000, max_listed: 10_000 }
    }
}

/// How far a walk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalkProgress {
    /// Files looked at so far.
    pub scanned_files: u64,
}

/// What a walk found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalkResult {
    /// Regular files that everybody may write.
    pub world_writable_files: Vec<String>,
    /// Folders that everybody may write and that lack the sticky bit.
    pub world_writable_directories: Vec<String>,
    /// Files whose user or group does not exist.
    pub unowned_files: Vec<String>,
    /// Set-user-id programs.
    pub setuid_files: Vec<String>,
    /// Set-group-id programs.
    pub setgid_files: Vec<String>,
    /// Files looked at.
    pub scanned_files: u64,
    /// Why the lists are not whole; `None` if they are.
    pub incomplete: Option<Arc<UnreadableReason>>,
    /// Why owners could not be judged; `None` if they could.
    pub owners_unknown: Option<Arc<UnreadableReason>>,
}

/// Looks once at every file of the machine's own file systems.
pub fn walk(root: &HostRoot, limits: &WalkLimits, progress: &mut dyn FnMut(WalkProgress)) -> WalkResult {
    let mut result = WalkResult {
        world_writable_files: Vec::new(),
        world_writable_directories: Vec::new(),
        unowned_files: Vec::new(),
        setuid_files: Vec::new(),
        setgid_files: Vec::new(),
        scanned_files: 0,
        incomplete: None,
        owners_unknown: None,
    };
    let ids = known_ids(root).map_err(|reason| result.owners_unknown = Some(reason)).ok();
    let skipped = skipped_folders(root);
    let mut denied = Denied::default();
    let entries = walkdir::WalkDir::new(root.prefix()).follow_links(false).into_iter().filter_entry(|entry| {
        !(entry.file_type().is_dir() && entry.depth() > 0 && skipped.contains(&inside(root, entry.path())))
    });
    for entry in entries {
        if result.scanned_files >= limits.max_files {
            denied.limit = true;
            break;
        }
        let metadata = match entry {
            Ok(entry) => match entry.metadata() {
                Ok(metadata) => (entry, metadata),
                Err(error) => {
                    denied.note(&error);
                    continue;
                }
            },
            Err(error) => {
                denied.note(&error);
                continue;
            }
        };
        result.scanned_files += 1;
        if result.scanned_files.is_multiple_of(4096) {
            progress(WalkProgress { scanned_files: result.scanned_files });
        }
        judge(root, &metadata.0, &metadata.1, ids.as_ref(), limits, &mut denied, &mut result);
    }
    result.incomplete = denied.reason(limits);
    progress(WalkProgress { scanned_files: result.scanned_files });
    result
}

impl WalkResult {
    /// Puts the findings into the machine's resource, in place of "not yet known".
    pub fn apply(&self, resource: &mut Resource, finished_at: Timestamp) {
        let here = field(&[FIELD]);
        resource.unreadable.retain(|unreadable| !here.covers(&unreadable.field));
        let lists = [
            ("worldWritableFiles", &self.world_writable_files, None),
            ("worldWritableDirectories", &self.world_writable_directories, None),
            ("unownedFiles", &self.unowned_files, self.owners_unknown.as_ref()),
            ("setuidFiles", &self.setuid_files, None),
            ("setgidFiles", &self.setgid_files, None),
        ];
        let mut object = json!({ "scannedFiles": self.scanned_files, "finishedAt": finished_at.to_string() });
        for (name, list, reason) in lists {
            if let Some(reason) = reason.or(self.incomplete.as_ref()) {
                resource.unreadable.push(Unreadable { field: field(&[FIELD, name]), reason: Arc::clone(reason) });
            }
            // What was found of an incomplete list is still kept: it is true, only not all.
            if let Some(object) = object.as_object_mut() {
                object.insert(name.to_owned(), json!(list));
            }
        }
        let programs = self.setuid_files.iter().chain(&self.setgid_files);
        match audit::unrecorded(&resource.properties, programs) {
            Some(unrecorded) => {
                if let Some(reason) = &self.incomplete {
                    let field = field(&[FIELD, "unrecordedPrograms"]);
                    resource.unreadable.push(Unreadable { field, reason: Arc::clone(reason) });
                }
                if let Some(object) = object.as_object_mut() {
                    object.insert("unrecordedPrograms".to_owned(), json!(unrecorded));
                }
            }
            None => {
                let reason = failed("compare with the audit rules", "there are none that could be read");
                resource.unreadable.push(Unreadable { field: field(&[FIELD, "unrecordedPrograms"]), reason });
            }
        }
        if let Some(properties) = resource.properties.as_object_mut() {
            properties.insert(FIELD.to_owned(), object);
        }
    }
}

/// Marks the walk's fields as not yet known.
pub(crate) fn not_walked(root: &HostRoot, report: &mut Report) {
    let message = if root.is_at_rest() {
        "the files were not walked; ask for it with --walk"
    } else {
        "the walk runs in the background and has not finished yet"
    };
    report.deny(&[FIELD], &not_yet("walk all files", message));
}

/// One entry per reason, for the coverage.
pub(crate) fn denied_reads(unreadable: &[Unreadable]) -> Vec<DeniedRead> {
    let mut reads: BTreeMap<Arc<UnreadableReason>, Vec<FieldPath>> = BTreeMap::new();
    for entry in unreadable {
        reads.entry(Arc::clone(&entry.reason)).or_default().push(entry.field.clone());
    }
    reads.into_iter().map(|(reason, fields)| DeniedRead { fields, n_resources: 1, reason }).collect()
}

#[derive(Debug, Default)]
struct Denied {
    n_denied: u64,
    n_failed: u64,
    first: Option<String>,
    limit: bool,
    is_full: bool,
}

impl Denied {
    fn note(&mut self, error: &walkdir::Error) {
        let kind = error.io_error().map(std::io::Error::kind);
        match kind {
            // It vanished while we walked.
            Some(std::io::ErrorKind::NotFound) => return,
            Some(std::io::ErrorKind::PermissionDenied) => self.n_denied += 1,
            _ => self.n_failed += 1,
        }
        self.first.get_or_insert_with(|| error.path().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default());
    }

    fn reason(self, limits: &WalkLimits) -> Option<Arc<UnreadableReason>> {
        let first = self.first.unwrap_or_default();
        let (kind, permission, message) = if self.n_denied > 0 {
            (
                UnreadableKind::Denied,
                Some("root".to_owned()),
                format!("{} folders are closed, the first is {first}", self.n_denied),
            )
        } else if self.limit {
            (UnreadableKind::Truncated, None, format!("it ended after {} files, which is the limit", limits.max_files))
        } else if self.is_full {
            (UnreadableKind::Truncated, None, format!("a list has more than {} entries, which is the limit", limits.max_listed))
        } else if self.n_failed > 0 {
            (UnreadableKind::Failed, None, format!("{} files could not be read, the first is {first}", self.n_failed))
        } else {
            return None;
        };
        let message = message.chars().take(300).collect();
        Some(Arc::new(UnreadableReason {
            kind,
            operation: "walk all files".to_owned(),
            permission,
            code: String::new(),
            message,
        }))
    }
}

fn field(steps: &[&str]) -> FieldPath {
    FieldPath::from_segments(std::iter::once(&"properties").chain(steps).map(|step| Segment::Key((*step).into())).collect())
}

type Ids = (BTreeSet<u32>, BTreeSet<u32>);

fn known_ids(root: &HostRoot) -> Result<Ids, Arc<UnreadableReason>> {
    let missing = |path: &str| failed(&format!("open {path}"), "the file does not exist");
    let users = root.read("/etc/passwd")?.ok_or_else(|| missing("/etc/passwd"))?;
    let groups = root.read("/etc/group")?.ok_or_else(|| missing("/etc/group"))?;
    let uids = text::passwd(&users).iter().map(|user| user.uid).collect();
    Ok((uids, text::groups(&groups).iter().map(|group| group.gid).collect()))
}

fn skipped_folders(root: &HostRoot) -> BTreeSet<String> {
    let mut skipped: BTreeSet<String> = ["/proc", "/sys", "/dev"].map(str::to_owned).into();
    let table = root.read("/proc/self/mounts").ok().flatten().unwrap_or_default();
    let foreign =
        text::mounts(&table).into_iter().filter(|mount| SKIPPED_TYPES.contains(&mount.fs_type.as_str()) && mount.point != "/");
    skipped.extend(foreign.map(|mount| mount.point));
    skipped
}

fn inside(root: &HostRoot, path: &Path) -> String {
    let rest = path.strip_prefix(root.prefix()).unwrap_or(path).to_string_lossy();
    format!("/{rest}")
}

fn judge(
    root: &HostRoot,
    entry: &walkdir::DirEntry,
    metadata: &fs::Metadata,
    ids: Option<&Ids>,
    limits: &WalkLimits,
    denied: &mut Denied,
    result: &mut WalkResult,
) {
    let kind = metadata.file_type();
    let mode = metadata.mode();
    let mut keep = |list: &mut Vec<String>| {
        if list.len() < limits.max_listed {
            list.push(inside(root, entry.path()));
        } else {
            denied.is_full = true;
        }
    };
    if ids.is_some_and(|(users, groups)| !users.contains(&metadata.uid()) || !groups.contains(&metadata.gid())) {
        keep(&mut result.unowned_files);
    }
    if kind.is_dir() && mode & 0o1002 == 0o002 {
        keep(&mut result.world_writable_directories);
    }
    if kind.is_file() {
        if mode & 0o002 != 0 {
            keep(&mut result.world_writable_files);
        }
        if mode & 0o4000 != 0 {
            keep(&mut result.setuid_files);
        }
        if mode & 0o2000 != 0 {
            keep(&mut result.setgid_files);
        }
    }
}
