use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Component, Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use skywarden_model::{UnreadableKind, UnreadableReason};

/// A value that is there, is known to be absent, or could not be read.
pub(crate) type Reading<T> = Result<Option<T>, Arc<UnreadableReason>>;

const FILE_LIMIT: u64 = 16 * 1024 * 1024;
const COMMAND_LIMIT: Duration = Duration::from_secs(5);
const LINK_LIMIT: usize = 40;

/// Folders that the kernel or the running system fills; in a tree at rest they are empty or belong to another machine.
const KERNEL_FOLDERS: [&str; 3] = ["/proc", "/sys", "/run"];

/// The machine's file system: `/` for the live machine, a folder for a tree that holds the files of one.
#[derive(Debug, Clone)]
pub struct HostRoot {
    prefix: PathBuf,
    kind: RootKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RootKind {
    Live,
    AtRest,
    /// A tree with files that imitate those of a kernel.
    #[cfg(test)]
    WithKernelFiles,
}

/// What a command printed.
#[derive(Debug)]
pub(crate) struct CommandOutput {
    pub(crate) text: String,
    pub(crate) succeeded: bool,
}

impl HostRoot {
    /// The machine that this process runs on; commands may be run.
    pub fn live() -> Self {
        Self { prefix: PathBuf::from("/"), kind: RootKind::Live }
    }

    /// A tree at rest below `prefix`; nothing outside it is read, no command is run, what a kernel would tell is unreadable.
    pub fn tree(prefix: impl Into<PathBuf>) -> Self {
        Self { prefix: prefix.into(), kind: RootKind::AtRest }
    }

    #[cfg(test)]
    pub(crate) fn with_kernel_files(prefix: impl Into<PathBuf>) -> Self {
        Self { prefix: prefix.into(), kind: RootKind::WithKernelFiles }
    }

    /// Whether this is the running machine.
    pub fn is_live(&self) -> bool {
        self.kind == RootKind::Live
    }

    /// Whether there is no kernel that could be asked.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.kind == RootKind::AtRest
    }

    /// The folder below which everything is read.
    pub fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// The text of a file, invalid UTF-8 replaced; `None` if it does not exist.
    pub(crate) fn read(&self, path: &str) -> Reading<String> {
        let Some(file) = self.open(path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.take(FILE_LIMIT + 1).read_to_end(&mut bytes).map_err(|error| reason("read", path, &error))?;
        if bytes.len() as u64 > FILE_LIMIT {
            return Err(failed(&format!("read {path}"), "the file is larger than 16 MiB, which is the limit"));
        }
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// An open regular file; `None` if it does not exist.
    pub(crate) fn open(&self, path: &str) -> Reading<File> {
        self.asks_no_kernel("open", path)?;
        let target = match self.resolve(path) {
            Ok(target) => target,
            Err(error) => return absent_or(error, "open", path),
        };
        let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
        match OpenOptions::new().read(true).custom_flags(nonblocking).open(target) {
            Ok(file) => match file.metadata() {
                Ok(metadata) if metadata.is_file() => Ok(Some(file)),
                Ok(_) => Err(failed(&format!("open {path}"), "it is not a regular file")),
                Err(error) => Err(reason("stat", path, &error)),
            },
            Err(error) => absent_or(error, "open", path),
        }
    }

    /// The names in a folder, sorted; `None` if it does not exist.
    pub(crate) fn list(&self, path: &str) -> Reading<Vec<String>> {
        self.asks_no_kernel("list", path)?;
        let entries = match self.resolve(path).and_then(fs::read_dir) {
            Ok(entries) => entries,
            Err(error) => return absent_or(error, "list", path),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| reason("list", path, &error))?;
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(Some(names))
    }

    /// What a path leads to, links followed; `None` if it does not exist.
    pub(crate) fn stat(&self, path: &str) -> Reading<Metadata> {
        self.asks_no_kernel("stat", path)?;
        match self.resolve(path).and_then(fs::metadata) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) => absent_or(error, "stat", path),
        }
    }

    /// Whether a path exists, as itself or as a link.
    pub(crate) fn exists(&self, path: &str) -> Result<bool, Arc<UnreadableReason>> {
        self.asks_no_kernel("stat", path)?;
        match self.resolve_folder_of(path).and_then(fs::symlink_metadata) {
            Ok(_) => Ok(true),
            Err(error) => absent_or::<()>(error, "stat", path).map(|found| found.is_some()),
        }
    }

    /// Whether one of the paths exists; denied only if none of the others does.
    pub(crate) fn any_exists(&self, paths: &[&str]) -> Result<bool, Arc<UnreadableReason>> {
        let mut denied = None;
        for path in paths {
            match self.exists(path) {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(reason) => denied = Some(reason),
            }
        }
        denied.map_or(Ok(false), Err)
    }

    /// Where a link points, as written; `None` if there is no such link.
    pub(crate) fn link(&self, path: &str) -> Option<String> {
        self.resolve_folder_of(path).and_then(fs::read_link).ok().map(|target| target.to_string_lossy().into_owned())
    }

    /// A program in the usual folders; `None` if it is in none, denied only if it is in none that could be looked into.
    pub(crate) fn program(&self, name: &str) -> Reading<String> {
        let mut denied = None;
        for folder in ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin"] {
            let path = format!("{folder}/{name}");
            match self.exists(&path) {
                Ok(true) => return Ok(Some(path)),
                Ok(false) => {}
                Err(reason) => denied = Some(reason),
            }
        }
        denied.map_or(Ok(None), Err)
    }

    /// Whether a program is in the usual folders.
    pub(crate) fn has_program(&self, name: &str) -> Result<bool, Arc<UnreadableReason>> {
        self.program(name).map(|path| path.is_some())
    }

    /// Runs a program of the live machine; `None` if it is not installed or this is not the live machine.
    pub(crate) fn run(&self, name: &str, arguments: &[&str]) -> Reading<CommandOutput> {
        if !self.is_live() {
            return Ok(None);
        }
        let Some(program) = self.program(name)? else { return Ok(None) };
        let operation = format!("{name} {}", arguments.join(" "));
        let child = Command::new(program)
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| reason("run", &operation, &error))?;
        finish(child, &operation).map(Some)
    }

    fn asks_no_kernel(&self, verb: &str, path: &str) -> Result<(), Arc<UnreadableReason>> {
        if self.is_at_rest() && is_of_kernel(path) { Err(not_running(&format!("{verb} {path}"))) } else { Ok(()) }
    }

    fn join(&self, path: &str) -> PathBuf {
        self.prefix.join(path.trim_start_matches('/'))
    }

    /// The path with the links of its folders followed, but not that of its last part.
    fn resolve_folder_of(&self, path: &str) -> io::Result<PathBuf> {
        match path.trim_end_matches('/').rsplit_once('/') {
            Some((folder, name)) if !self.is_live() => Ok(self.resolve(folder)?.join(name)),
            _ => Ok(self.join(path)),
        }
    }

    /// Follows links inside the tree, so that an absolute link of a copied tree does not lead out of it.
    fn resolve(&self, path: &str) -> io::Result<PathBuf> {
        if self.is_live() {
            return Ok(self.join(path));
        }
        let mut pending: Vec<PathBuf> = vec![PathBuf::from(path)];
        let mut inside = PathBuf::new();
        let mut n_links = 0;
        while let Some(next) = pending.pop() {
            let mut parts = next.components();
            let Some(part) = parts.next() else { continue };
            let rest = parts.as_path().to_path_buf();
            if !rest.as_os_str().is_empty() {
                pending.push(rest);
            }
            match part {
                Component::RootDir => inside = PathBuf::new(),
                Component::ParentDir => {
                    inside.pop();
                }
                Component::Normal(name) => {
                    inside.push(name);
                    if let Ok(target) = fs::read_link(self.prefix.join(&inside)) {
                        n_links += 1;
                        if n_links > LINK_LIMIT {
                            return Err(io::Error::from(io::ErrorKind::InvalidInput));
                        }
                        inside.pop();
                        pending.push(target);
                    }
                }
                Component::CurDir | Component::Prefix(_) => {}
            }
        }
        // A link may lead there too, and a tree that serves as a chroot often has the kernel of its host mounted.
        if self.is_at_rest() && is_of_kernel(&format!("/{}", inside.to_string_lossy())) {
            return Err(io::Error::from(io::ErrorKind::Unsupported));
        }
        Ok(self.prefix.join(inside))
    }
}

/// A reason of class [`UnreadableKind::Failed`].
pub(crate) fn failed(operation: &str, message: &str) -> Arc<UnreadableReason> {
    because(UnreadableKind::Failed, operation, message)
}

/// A reason of class [`UnreadableKind::NotYetKnown`].
pub(crate) fn not_yet(operation: &str, message: &str) -> Arc<UnreadableReason> {
    because(UnreadableKind::NotYetKnown, operation, message)
}

fn is_of_kernel(path: &str) -> bool {
    let is_in = |folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    KERNEL_FOLDERS.iter().any(|folder| is_in(folder))
}

/// The reason for what only a running machine could tell.
pub(crate) fn not_running(operation: &str) -> Arc<UnreadableReason> {
    because(UnreadableKind::NotCarried, operation, "a directory tree has no running kernel")
}

/// A reason of class [`UnreadableKind::Denied`] that root would lift.
pub(crate) fn needs_root(operation: &str, message: &str) -> Arc<UnreadableReason> {
    Arc::new(UnreadableReason {
        kind: UnreadableKind::Denied,
        operation: operation.to_owned(),
        permission: Some("root".to_owned()),
        code: "EACCES".to_owned(),
        message: message.to_owned(),
    })
}

fn because(kind: UnreadableKind, operation: &str, message: &str) -> Arc<UnreadableReason> {
    Arc::new(UnreadableReason {
        kind,
        operation: operation.to_owned(),
        permission: None,
        code: String::new(),
        message: message.to_owned(),
    })
}

fn reason(verb: &str, path: &str, error: &io::Error) -> Arc<UnreadableReason> {
    let is_denied = error.kind() == io::ErrorKind::PermissionDenied;
    Arc::new(UnreadableReason {
        kind: if is_denied { UnreadableKind::Denied } else { UnreadableKind::Failed },
        operation: format!("{verb} {path}"),
        permission: is_denied.then(|| "root".to_owned()),
        code: error.raw_os_error().map(errno_name).unwrap_or_default(),
        message: error.to_string().chars().take(300).collect(),
    })
}

fn errno_name(code: i32) -> String {
    match code {
        1 => "EPERM".to_owned(),
        5 => "EIO".to_owned(),
        13 => "EACCES".to_owned(),
        40 => "ELOOP".to_owned(),
        other => format!("errno {other}"),
    }
}

fn absent_or<T>(error: io::Error, verb: &str, path: &str) -> Reading<T> {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(None),
        io::ErrorKind::Unsupported => Err(not_running(&format!("{verb} {path}"))),
        _ => Err(reason(verb, path, &error)),
    }
}

fn finish(mut child: Child, operation: &str) -> Result<CommandOutput, Arc<UnreadableReason>> {
    let deadline = Instant::now() + COMMAND_LIMIT;
    let (sender, receiver) = mpsc::channel();
    let output = child.stdout.take();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let result = output.map(|pipe| pipe.take(FILE_LIMIT).read_to_end(&mut bytes));
        let is_whole = matches!(result, Some(Ok(_)));
        // The receiver is gone only after the time limit, when nobody wants the text any more.
        let _ = sender.send((bytes, is_whole));
    });
    let answer = receiver.recv_timeout(COMMAND_LIMIT);
    let (_keep, tick) = mpsc::channel::<()>();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Some(status),
            Ok(None) if answer.is_ok() && Instant::now() < deadline => {
                let _ = tick.recv_timeout(Duration::from_millis(2));
            }
            Ok(None) | Err(_) => break None,
        }
    };
    let Some(status) = status else {
        let _ = child.kill();
        let _ = child.wait();
        return Err(failed(operation, "it did not end within 5 seconds"));
    };
    match answer {
        Ok((bytes, true)) => {
            Ok(CommandOutput { text: String::from_utf8_lossy(&bytes).into_owned(), succeeded: status.success() })
        }
        _ => Err(failed(operation, "its output could not be read to the end")),
    }
}
