use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use skywarden_detect::{
    Intelligence,
    indicators::{Feed, Loaded, MAX_TEXT, read},
};

use super::{FeedSettings, FilesSettings, Look, Reading};

/// So many files are read; more are a mistake in the paths.
const MAX_FILES: usize = 10_000;

/// Folders are opened so deep.
const MAX_DEPTH: usize = 32;

/// Files of indicators, read again when one changes.
pub(super) struct Files {
    id: String,
    labels: Vec<String>,
    least_confidence: u8,
    paths: Vec<PathBuf>,
    every: Duration,
    /// The files as they were when all of them were last read.
    read: Option<Vec<Stamp>>,
}

/// By what a change of a file is known.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    path: PathBuf,
    modified: Option<SystemTime>,
    n_bytes: u64,
}

impl Files {
    pub(super) fn new(feed: &FeedSettings, files: &FilesSettings, every: Duration) -> Self {
        Files {
            id: feed.id.clone(),
            labels: feed.labels(),
            least_confidence: feed.min_confidence,
            paths: files.paths.clone(),
            every,
            read: None,
        }
    }

    /// How often to look.
    pub(super) fn every(&self) -> Duration {
        self.every
    }

    /// Reads all files if one changed since they were last read, for at most so many indicators. Once all were read, a file that can't
    /// be read leaves what was known as it was; before that, what can be read is better than nothing.
    pub(super) fn look(&mut self, room: usize) -> Look {
        let (found, mut problems) = self.list();
        if problems.is_empty() && self.read.as_ref() == Some(&found) {
            return Look::unchanged(self.every);
        }
        let mut known = Intelligence::at_least(self.least_confidence).with_room_for(room);
        let mut loaded = Loaded::default();
        for Stamp { path, .. } in &found {
            if !problems.is_empty() && self.read.is_some() {
                break;
            }
            let text = File::open(path).and_then(|file| crate::unpacked(file, MAX_TEXT));
            match text {
                Ok(text) => {
                    let feed = Feed { name: &self.id, labels: &self.labels };
                    loaded.add(&path.display().to_string(), read(&text, feed, &mut known));
                }
                Err(error) => problems.push(format!("could not read {}: {error}", path.display())),
            }
        }
        if let Some(first) = problems.first() {
            let more = problems.len() - 1;
            let more = if more == 0 { String::new() } else { format!(" (and {more} more like this)") };
            let (stays, reading) = match self.read {
                Some(_) => ("all that its files said before stays in force", None),
                None => ("the others are in force", Some(Reading { known, loaded, at: Timestamp::now() })),
            };
            let problem = format!("{first}{more}; {stays}. Mend the file, or take it out of `from.paths`");
            return Look { reading, problem: Some(problem), wait: self.every };
        }
        self.read = Some(found);
        Look { reading: Some(Reading { known, loaded, at: Timestamp::now() }), problem: None, wait: self.every }
    }

    /// The files in order, and what could not be listed.
    fn list(&self) -> (Vec<Stamp>, Vec<String>) {
        let (mut found, mut problems) = (Vec::new(), Vec::new());
        for path in &self.paths {
            let outcome = fs::metadata(path).and_then(|metadata| {
                if metadata.is_dir() {
                    return walk(path, 0, &mut found);
                }
                found.push(Stamp::of(path.clone(), &metadata));
                Ok(())
            });
            if let Err(error) = outcome {
                problems.push(format!("could not look at {}: {error}", path.display()));
            }
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        found.dedup_by(|a, b| a.path == b.path);
        (found, problems)
    }
}

impl Stamp {
    fn of(path: PathBuf, metadata: &fs::Metadata) -> Self {
        Stamp { path, modified: metadata.modified().ok(), n_bytes: metadata.len() }
    }
}

/// All files below a folder but those whose names begin with a dot: so are those named that are not finished.
fn walk(folder: &Path, depth: usize, found: &mut Vec<Stamp>) -> std::io::Result<()> {
    if depth >= MAX_DEPTH {
        return Err(std::io::Error::other("its folders are nested too deeply"));
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        let metadata = fs::metadata(&path)?;
        if metadata.is_dir() {
            walk(&path, depth + 1, found)?;
        } else if found.len() >= MAX_FILES {
            return Err(std::io::Error::other(format!("there are more than {MAX_FILES} files")));
        } else if metadata.is_file() {
            found.push(Stamp::of(path, &metadata));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(paths: &[&Path]) -> Files {
        let feed = serde_json::json!({ "id": "own", "labels": [" C2 "], "from": { "kind": "files", "paths": paths } });
        let feed: FeedSettings = serde_json::from_value(feed).unwrap();
        let super::super::FeedKind::Files(settings) = &feed.from else { unreachable!("they are files") };
        Files::new(&feed, settings, Duration::from_secs(1))
    }

    fn values(look: &Look) -> Vec<String> {
        let reading = look.reading.as_ref();
        reading.into_iter().flat_map(|reading| reading.known.entries()).map(|entry| entry.value).collect()
    }

    #[test]
    fn files_are_read_again_when_one_changes_and_what_fails_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (list, below) = (folder.path().join("list.txt"), folder.path().join("below"));
        fs::create_dir(&below).unwrap();
        fs::write(&list, "198.51.100.7\nwrong\n").unwrap();
        fs::write(below.join("a.txt"), "a.example\n").unwrap();
        fs::write(below.join(".b.txt"), "b.example\n").unwrap();
        let mut feed = files(&[&list, &below, &list]);
        let look = feed.look(10);
        assert_eq!((values(&look), &look.problem), (vec!["198.51.100.7".to_owned(), "a.example".to_owned()], &None));
        let reading = look.reading.unwrap();
        assert_eq!(reading.known.entries()[0].indicator.labels, ["c2"]);
        assert_eq!((reading.loaded.n_unusable, reading.loaded.unusable.len()), (1, 1));
        assert!(reading.loaded.unusable[0].place.contains("list.txt, line 2"));
        assert!(feed.look(10).reading.is_none(), "nothing changed");
        fs::remove_file(below.join("a.txt")).unwrap();
        assert_eq!(values(&feed.look(10)), ["198.51.100.7"], "what leaves a folder is gone");
        fs::remove_file(&list).unwrap();
        let look = feed.look(10);
        assert!(look.reading.is_none() && look.problem.as_ref().is_some_and(|told| told.contains("list.txt")), "named and gone");
        fs::write(&list, "198.51.100.8\n198.51.100.9\n").unwrap();
        let look = feed.look(1);
        assert_eq!((values(&look).len(), look.problem), (1, None), "there is room for one");
        assert_eq!(look.reading.unwrap().loaded.n_unusable, 1);
    }

    #[test]
    fn before_all_could_be_read_once_what_can_be_is() {
        let folder = tempfile::tempdir().unwrap();
        let (list, missing) = (folder.path().join("list.txt"), folder.path().join("missing.txt"));
        fs::write(&list, "198.51.100.7\n").unwrap();
        let mut feed = files(&[&missing, &list]);
        let look = feed.look(10);
        assert_eq!(values(&look), ["198.51.100.7"]);
        assert!(look.problem.unwrap().contains("missing.txt"));
        fs::write(&missing, "a.example\n").unwrap();
        let look = feed.look(10);
        assert_eq!((values(&look).len(), look.problem), (2, None));
    }
}
