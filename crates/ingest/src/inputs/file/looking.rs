use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs::{File, Metadata},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    FileSettings, MAX_FILES,
    followed::{Followed, Replaced, Start, about, over},
    position::{Packing, Position, Reads},
};
use crate::{
    Batch, End, RefusedText, Texts,
    inputs::{Context, InputError},
};

/// At one look so many bytes are read, of whichever files.
const MAX_BYTES: usize = 32 << 20;

/// Of so many files that were followed and are gone it is known where they stood: a copy of one may turn up.
const MAX_GONE: usize = 200;

/// So many problems are told at once.
const MAX_PROBLEMS: usize = 5;

/// The stream whose position says that the input was run before.
const BEGUN: &str = "";

/// The files of an input while it runs.
pub(super) struct Looking {
    settings: FileSettings,
    context: Context,
    /// By stream.
    open: BTreeMap<String, Followed>,
    /// Where those stand that the last run followed, by stream; after the first look only those that can't be listed.
    known: BTreeMap<String, Position>,
    /// Where those stood that are gone or were written anew, with their streams.
    gone: VecDeque<(String, Position)>,
    /// Copies of files that are followed, by stream.
    copies: BTreeMap<String, Copied>,
    is_first: bool,
    /// The stream that was read last.
    last: Option<String>,
}

/// A copy of a file that is followed: all that it held at a look is read from the original.
#[derive(Debug)]
struct Copied {
    size: u64,
    modified: (i64, i64),
    /// The stream of the original; `None` if that was written anew since.
    original: Option<String>,
}

/// What a look found.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Must be kept before anything else, in this order: what goes on where, if it has another name now.
    pub(super) first: Vec<Batch>,
    /// What was read, by stream.
    pub(super) then: Vec<Vec<Batch>>,
    /// What can't be read now.
    pub(super) problems: Vec<String>,
}

/// A file that stood somewhere and is not found.
struct Missing {
    position: Position,
    n_unread: Option<u64>,
    /// Its stream, if nothing else has it now.
    stream: String,
}

impl Looking {
    pub(super) fn begin(settings: &FileSettings, context: &Context) -> Result<Self, InputError> {
        let positions = context.intake.positions(&context.id);
        let is_first = positions.is_empty();
        let mut known = BTreeMap::new();
        for (stream, position) in positions.into_iter().filter(|(stream, _)| stream != BEGUN) {
            let position = context.read_position(&stream, position)?;
            known.insert(stream, position);
        }
        Ok(Looking {
            settings: settings.clone(),
            context: context.clone(),
            open: BTreeMap::new(),
            known,
            gone: VecDeque::new(),
            copies: BTreeMap::new(),
            is_first,
            last: None,
        })
    }

    /// How many bytes are to be read.
    pub(super) fn behind(&self) -> u64 {
        self.open.values().map(Followed::behind).sum()
    }

    /// Looks for new files and reads some of what is new in all.
    pub(super) fn look(&mut self) -> Result<Looked, InputError> {
        let mut looked = Looked::default();
        let paths = paths(&self.settings.paths, &mut looked.problems)?;
        if paths.len() > MAX_FILES {
            let message =
                format!("{} files fit {}; at most {MAX_FILES} are followed", paths.len(), self.settings.paths.join(", "));
            return Err(InputError::Failed(message));
        }
        let mut there = BTreeSet::new();
        let mut fresh = Vec::new();
        for path in &paths {
            match self.find(path, &mut there) {
                Ok(Some(file)) => fresh.push((path.clone(), file)),
                Ok(None) => {}
                // It went away between listing and looking.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => looked.problems.push(unreadable(path, &error)),
            }
        }
        if there.is_empty() && fresh.is_empty() && looked.problems.is_empty() && self.open.is_empty() {
            looked.problems.push(format!("there is no file {} yet", self.settings.paths.join(", ")));
        }
        let mut copied = BTreeSet::new();
        for (_, file) in &fresh {
            copied.extend(file.metadata().map(|metadata| stream(&metadata)));
        }
        let mut missing = self.find_rotated(&paths, &mut looked);
        self.find_replaced(&mut missing, &mut looked);
        for (path, file) in fresh {
            if let Err(error) = self.begin_with(&path, file, &mut missing, &mut there, &mut looked) {
                looked.problems.push(unreadable(&path, &error));
            }
        }
        self.copies.retain(|stream, _| copied.contains(stream));
        for missing in missing {
            self.find_copy(missing, &mut looked);
        }
        if self.is_first {
            let position = Some(serde_json::json!({ "begun": jiff::Timestamp::now() }));
            let begun = about(&self.context, BEGUN, position, End::Open, Vec::new());
            looked.first.push(Batch { about: begun, texts: Texts::default() });
        }
        self.is_first = false;
        self.read(&there, &mut looked);
        if looked.problems.len() > MAX_PROBLEMS {
            let n_more = looked.problems.len() - MAX_PROBLEMS;
            looked.problems.truncate(MAX_PROBLEMS);
            looked.problems.push(format!("and {n_more} more"));
        }
        Ok(looked)
    }

    /// Goes on with a file that is followed, or was by the last run; gives one that is new.
    fn find(&mut self, path: &Path, there: &mut BTreeSet<String>) -> io::Result<Option<File>> {
        let metadata = std::fs::metadata(path)?;
        if !metadata.is_file() {
            return Ok(None);
        }
        let stream = stream(&metadata);
        if let Some(followed) = self.open.get_mut(&stream) {
            followed.is_at(path);
            there.insert(stream);
            return Ok(None);
        }
        let file = File::open(path)?;
        // The name may have become that of another file meanwhile.
        let stream = self::stream(&file.metadata()?);
        let Some(known) = self.known.get(&stream) else { return Ok(Some(file)) };
        if !known.fits(&file)? {
            return Ok(Some(file));
        }
        if let Some(known) = self.known.remove(&stream) {
            there.insert(stream.clone());
            self.open.insert(stream, Followed::resume(path, file, known, self.context.kind)?);
        }
        Ok(None)
    }

    /// Files that the last run followed and that no longer fit the paths may stand beside their old name. Those that do not are missing.
    fn find_rotated(&mut self, paths: &BTreeSet<PathBuf>, looked: &mut Looked) -> Vec<Missing> {
        let mut missing = Vec::new();
        for (stream, position) in std::mem::take(&mut self.known) {
            let folder = position.path.parent().map(std::fs::read_dir);
            if let Some(Err(error)) = folder
                && error.kind() != io::ErrorKind::NotFound
            {
                // What can't be listed is not gone.
                looked.problems.push(unreadable(&position.path, &error));
                self.known.insert(stream, position);
                continue;
            }
            let renamed = beside(&position).filter(|path| !paths.contains(path)).find_map(|path| {
                let metadata = std::fs::metadata(&path).ok()?;
                let file = (metadata.is_file() && self::stream(&metadata) == stream).then(|| File::open(&path).ok()).flatten()?;
                let is_same = self::stream(&file.metadata().ok()?) == stream && position.fits(&file).unwrap_or_default();
                is_same.then_some((path, file))
            });
            let resumed =
                renamed.and_then(|(path, file)| Followed::resume(&path, file, position.clone(), self.context.kind).ok());
            match resumed {
                Some(followed) => {
                    self.open.insert(stream, followed);
                }
                None => missing.push(Missing { position, n_unread: None, stream }),
            }
        }
        missing
    }

    /// Looks for files that were cut or written anew since the last look.
    fn find_replaced(&mut self, missing: &mut Vec<Missing>, looked: &mut Looked) {
        for (stream, followed) in &mut self.open {
            match followed.look() {
                Ok(Some(Replaced { position, n_unread })) => {
                    for copy in self.copies.values_mut().filter(|copy| copy.original.as_ref() == Some(stream)) {
                        copy.original = None;
                    }
                    missing.push(Missing { position, n_unread: Some(n_unread), stream: stream.clone() });
                }
                Ok(None) => {}
                Err(error) => looked.problems.push(unreadable(&followed.position().path, &error)),
            }
        }
    }

    /// Begins with a file that is new, unless its content is that of one which is followed, or was.
    fn begin_with(
        &mut self,
        path: &Path,
        file: File,
        missing: &mut Vec<Missing>,
        there: &mut BTreeSet<String>,
        looked: &mut Looked,
    ) -> io::Result<()> {
        let metadata = file.metadata()?;
        let stream = stream(&metadata);
        if self.open.contains_key(&stream) {
            there.insert(stream);
            return Ok(());
        }
        for place in 0..missing.len() {
            let is_copy = missing.get(place).map(|missing| missing.position.is_copied_to(path, &file)).transpose()?;
            if is_copy == Some(true) {
                let Missing { position, stream: old, .. } = missing.remove(place);
                self.inherit(path, file, &position, looked)?;
                looked.first.extend(self.ended(&old, Vec::new()));
                there.insert(stream);
                return Ok(());
            }
        }
        let (size, modified) = (metadata.size(), (metadata.mtime(), metadata.mtime_nsec()));
        // As long as the original is there, all is read from it.
        let is_known = self.copies.get(&stream).is_some_and(|copy| {
            let is_there = copy.original.as_ref().is_some_and(|original| self.open.contains_key(original));
            is_there && (copy.size, copy.modified) == (size, modified)
        });
        if is_known {
            return Ok(());
        }
        for (original, followed) in &self.open {
            if followed.is_being_copied(path, &file)? {
                let copied = Copied { size, modified, original: Some(original.clone()) };
                self.copies.insert(stream, copied);
                return Ok(());
            }
        }
        let mut given: Option<&Position> = None;
        for (old, position) in &self.gone {
            // It was out of sight for a while, or it is a copy; of several, that of which more was read says where to go on.
            let is_same = *old == stream && matches!(position.reads, Reads::Lines | Reads::LongLine) && position.fits(&file)?;
            let is_more = given.is_none_or(|given| given.offset < position.offset);
            if is_more && (is_same || position.is_copied_to(path, &file)?) {
                given = Some(position);
            }
        }
        if let Some(position) = given.cloned() {
            self.inherit(path, file, &position, looked)?;
            there.insert(stream);
            return Ok(());
        }
        let start = match (self.copies.remove(&stream), self.is_first) {
            (Some(copied), _) if Packing::of(path) == Packing::Plain => Start::At(copied.size),
            (_, true) => self.settings.start.into(),
            (_, false) => Start::At(0),
        };
        let followed = Followed::begin(path, file, start, self.context.kind)?;
        if start != Start::At(0) {
            looked.then.push(vec![followed.stands(&self.context, &stream)]);
        }
        there.insert(stream.clone());
        self.open.insert(stream, followed);
        Ok(())
    }

    /// Goes on with a copy where the original stood.
    fn inherit(&mut self, path: &Path, file: File, original: &Position, looked: &mut Looked) -> io::Result<()> {
        let stream = stream(&file.metadata()?);
        let followed = Followed::inherit(path, file, original, self.context.kind)?;
        looked.first.push(followed.stands(&self.context, &stream));
        self.open.insert(stream, followed);
        Ok(())
    }

    /// Looks beside a file that is gone for a copy that does not fit the paths; what is not found is told.
    fn find_copy(&mut self, missing: Missing, looked: &mut Looked) {
        let Missing { position, n_unread, stream } = missing;
        if self.is_copy_open(&position) {
            looked.first.extend(self.ended(&stream, Vec::new()));
            return;
        }
        let copy = beside(&position).find_map(|path| {
            let file = File::open(&path).ok()?;
            let is_other = !self.open.contains_key(&self::stream(&file.metadata().ok()?));
            (is_other && position.is_copied_to(&path, &file).unwrap_or_default()).then_some((path, file))
        });
        if let Some((path, file)) = copy
            && self.inherit(&path, file, &position, looked).is_ok()
        {
            looked.first.extend(self.ended(&stream, Vec::new()));
            return;
        }
        let is_lost = match n_unread {
            Some(n_unread) => n_unread > 0,
            // One in which nothing stood when it was last seen is like one that came and went while nobody looked: what was copied of it is
            // read as a file of its own.
            None => position.whole.is_none() && !position.saw_nothing(),
        };
        let refused = is_lost.then(|| {
            let path = position.path.display();
            let how_many = n_unread.map_or_else(String::new, |n| format!(" ({n} bytes at the least)"));
            let reason = format!(
                "{path} was removed or written anew before all of it was read; what stood in it behind byte {}{how_many} is not known",
                position.offset
            );
            tracing::warn!(input = %self.context.id, reason, "lines of a file are lost");
            RefusedText { reason, start: String::new() }
        });
        looked.first.extend(self.ended(&stream, refused.into_iter().collect()));
        self.forget(stream, position);
    }

    /// Whether a file that is followed is a copy of one that stood somewhere: one that a run before began with and did not end.
    fn is_copy_open(&self, position: &Position) -> bool {
        self.open.values().any(|followed| {
            let path = &followed.position().path;
            position.may_be_copied_to(path)
                && File::open(path).is_ok_and(|file| position.is_copied_to(path, &file).unwrap_or_default())
        })
    }

    /// Ends a stream; if another file has it now, that begins where it stands.
    fn ended(&self, stream: &str, refused: Vec<RefusedText>) -> Vec<Batch> {
        let mut ended = over(&self.context, stream, refused);
        let Some(followed) = self.open.get(stream) else { return vec![ended] };
        let now = followed.stands(&self.context, stream);
        ended.about.position = now.about.position;
        vec![ended]
    }

    fn forget(&mut self, stream: String, position: Position) {
        self.gone.push_back((stream, position));
        if self.gone.len() > MAX_GONE {
            self.gone.pop_front();
        }
    }

    /// Reads on in all files, beginning behind the one that was read last.
    fn read(&mut self, there: &BTreeSet<String>, looked: &mut Looked) {
        let behind = |stream: &&String| self.last.as_ref().is_some_and(|last| *stream > last);
        let (later, earlier): (Vec<&String>, Vec<&String>) = self.open.keys().partition(behind);
        let order: Vec<String> = later.into_iter().chain(earlier).cloned().collect();
        let patience = Duration::from_millis(self.settings.patience);
        let mut n_bytes = 0;
        for stream in order {
            let Some(followed) = self.open.get_mut(&stream) else { continue };
            match followed.read(&self.context, &stream, there.contains(&stream), patience) {
                Ok(read) => {
                    n_bytes += read.batches.iter().map(|batch| batch.texts.n_bytes()).sum::<usize>();
                    if !read.batches.is_empty() {
                        looked.then.push(read.batches);
                    }
                    if read.is_over
                        && let Some(ended) = self.open.remove(&stream)
                    {
                        self.forget(stream.clone(), ended.position().clone());
                    }
                }
                Err(error) => looked.problems.push(unreadable(&followed.position().path, &error)),
            }
            self.last = Some(stream);
            if n_bytes >= MAX_BYTES {
                break;
            }
        }
    }
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            format!("could not read {}: {error}; let the user of skywarden read it", path.display())
        }
        _ => format!("could not read {}: {error}", path.display()),
    }
}

/// What tells a file from others whatever its name.
fn stream(metadata: &Metadata) -> String {
    format!("{}-{}", metadata.dev(), metadata.ino())
}

/// Files of the folder of one, in order, whose names begin like its name without what is behind the last dot.
fn beside(position: &Position) -> impl Iterator<Item = PathBuf> {
    let stem = position.path.file_stem().unwrap_or_default().to_owned();
    let entries = position.path.parent().and_then(|folder| std::fs::read_dir(folder).ok()).into_iter().flatten().flatten();
    let fitting = entries.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(stem.as_encoded_bytes()));
    let all: BTreeSet<PathBuf> = fitting.map(|entry| entry.path()).collect();
    all.into_iter()
}

/// All files that paths stand for, in order.
fn paths(patterns: &[String], problems: &mut Vec<String>) -> Result<BTreeSet<PathBuf>, InputError> {
    let mut all = BTreeSet::new();
    for pattern in patterns {
        let path = Path::new(pattern);
        let pattern = if path.is_dir() {
            format!("{}/**/*", glob::Pattern::escape(pattern))
        } else if pattern.contains(['*', '?', '[']) && !path.exists() {
            pattern.clone()
        } else {
            all.insert(path.to_owned());
            continue;
        };
        let found = glob::glob(&pattern).map_err(|error| InputError::Failed(format!("the path `{pattern}`: {error}")))?;
        for path in found {
            match path {
                Ok(path) => {
                    all.insert(path);
                }
                Err(error) if error.error().kind() == io::ErrorKind::NotFound => {}
                Err(error) => problems.push(unreadable(error.path(), error.error())),
            }
        }
    }
    Ok(all)
}
