use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What is kept of a collection is at most so long, in bytes.
pub(super) const MAX_KEPT: usize = 256 << 20;

/// What was fetched of a collection, so that an outage or a restart loses nothing: a line that says how far, then an object a line.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) mark: Mark,
    objects: BTreeMap<String, Object>,
    n_bytes: usize,
}

/// How far a collection was fetched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Mark {
    /// Where the objects are from.
    pub(super) url: String,
    /// What was added to the collection after this is not fetched yet, as the server writes times; nothing is, if absent.
    pub(super) added_after: Option<String>,
    /// When all of the collection was last asked for.
    pub(super) whole: Option<Timestamp>,
    /// When the server was last asked for what is kept here.
    pub(super) read: Timestamp,
}

#[derive(Debug, PartialEq, Eq)]
struct Object {
    modified: Option<Timestamp>,
    /// On one line.
    text: Box<str>,
}

/// What tells an object from others, and its versions from each other.
#[derive(Deserialize)]
struct Head {
    id: Option<String>,
    modified: Option<String>,
}

impl Kept {
    /// Reads a file; `None` if there is none.
    pub(super) fn read(path: &Path) -> io::Result<Option<Self>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut text = String::new();
        // The mark and a line feed for each object come on top.
        let most = u64::try_from(2 * MAX_KEPT).unwrap_or(u64::MAX);
        file.take(most).read_to_string(&mut text)?;
        let mut lines = text.lines();
        let mark = serde_json::from_str(lines.next().unwrap_or_default())?;
        let mut kept = Kept { mark, ..Kept::default() };
        for line in lines {
            kept.add(serde_json::from_str(line)?).map_err(io::Error::other)?;
        }
        Ok(Some(kept))
    }

    /// Adds an object, or a newer version of one; whether anything changed.
    pub(super) fn add(&mut self, raw: &RawValue) -> Result<bool, String> {
        // JSON has line ends only between its parts.
        let text = raw.get().replace(['\n', '\r'], " ");
        let head = serde_json::from_str::<Head>(&text).ok();
        let modified = head.as_ref().and_then(|head| head.modified.as_ref()?.parse().ok());
        let id = head.and_then(|head| head.id).unwrap_or_else(|| text.clone());
        let object = Object { modified, text: text.into_boxed_str() };
        let held = self.objects.get(&id);
        if held.is_some_and(|held| held.modified > object.modified || *held == object) {
            return Ok(false);
        }
        let n_bytes = self.n_bytes - held.map_or(0, |held| held.text.len()) + object.text.len();
        if n_bytes > MAX_KEPT {
            return Err(format!("has more than {} MiB of objects; ask for a smaller collection", MAX_KEPT >> 20));
        }
        self.n_bytes = n_bytes;
        self.objects.insert(id, object);
        Ok(true)
    }

    /// Adds all objects of another; whether anything changed.
    pub(super) fn add_all(&mut self, other: Kept) -> Result<bool, String> {
        let mut has_changed = false;
        for object in other.objects.into_values() {
            let raw = RawValue::from_string(object.text.into_string()).map_err(|error| error.to_string())?;
            has_changed |= self.add(&raw)?;
        }
        Ok(has_changed)
    }

    pub(super) fn holds_the_same(&self, other: &Kept) -> bool {
        self.objects == other.objects
    }

    pub(super) fn len(&self) -> usize {
        self.objects.len()
    }

    /// The objects, one a line, in the order of their ids.
    pub(super) fn text(&self) -> String {
        let mut text = String::with_capacity(self.n_bytes + self.objects.len());
        for object in self.objects.values() {
            text.push_str(&object.text);
            text.push('\n');
        }
        text
    }

    /// Puts this in the place of what a file holds, whole or not at all.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let new = path.with_extension("new");
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        let mut out = BufWriter::new(file);
        serde_json::to_writer(&mut out, &self.mark)?;
        out.write_all(b"\n")?;
        for object in self.objects.values() {
            out.write_all(object.text.as_bytes())?;
            out.write_all(b"\n")?;
        }
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&new, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn the_newest_version_of_each_object_is_kept_through_a_file() {
        let mut kept = Kept { mark: Mark { url: "http://x/".to_owned(), ..Mark::default() }, ..Kept::default() };
        let version = |modified: &str| raw(&format!("{{\"id\": \"a\",\n \"modified\": \"{modified}\"}}"));
        assert_eq!(kept.add(&version("2026-01-02T00:00:00.000Z")), Ok(true));
        assert_eq!(kept.add(&version("2026-01-02T00:00:00.000Z")), Ok(false), "the same");
        assert_eq!(kept.add(&version("2026-01-01T00:00:00Z")), Ok(false), "older");
        assert_eq!(kept.add(&version("2026-01-02T00:00:00.5Z")), Ok(true));
        assert_eq!((kept.add(&raw("7")), kept.add(&raw("7")), kept.len()), (Ok(true), Ok(false), 2));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("below/a.jsonl");
        assert!(Kept::read(&path).unwrap().is_none());
        kept.write(&path).unwrap();
        let again = Kept::read(&path).unwrap().unwrap();
        assert!(again.holds_the_same(&kept) && again.mark == kept.mark && again.n_bytes == kept.n_bytes);
        assert_eq!(again.text().lines().count(), 2);
        for damaged in ["", "{}\n", "{\"url\":\"x\"\n"] {
            fs::write(&path, damaged).unwrap();
            assert!(Kept::read(&path).is_err(), "{damaged}");
        }
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("{\"cut");
        fs::write(&path, text).unwrap();
        assert!(Kept::read(&path).is_err());
    }
}
