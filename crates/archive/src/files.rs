use std::{
    path::{Path as FilePath, PathBuf},
    sync::Arc,
};

use futures_util::TryStreamExt as _;
use jiff::{Timestamp, civil::Date, tz::Offset};
use object_store::{ObjectStore, ObjectStoreExt as _, local::LocalFileSystem, path::Path};

use crate::{ArchiveError, Layout, Packed};

const HOUR: i64 = 3_600_000;

/// Where events are kept.
#[derive(Debug, Clone)]
pub struct Archive {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) layout: Layout,
    /// The folder, if it is one of this machine.
    folder: Option<PathBuf>,
}

/// The events of a log source in an hour of UTC: a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hour {
    /// The log source.
    pub source: String,
    /// Hours since 1970.
    pub hour: i64,
}

/// Which batches a file holds: one, or those from one number to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileName {
    /// The number of the first batch.
    pub first: u64,
    /// Of the last.
    pub last: u64,
}

/// A file as it lies in the storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// The log source and hour of its events.
    pub hour: Hour,
    /// Which batches it holds.
    pub name: FileName,
    /// How large it is.
    pub n_bytes: u64,
    /// When it was written, in milliseconds since 1970.
    pub written: i64,
}

impl StoredFile {
    /// Where it lies in the storage.
    pub fn path(&self) -> Path {
        self.hour.path().join(self.name.text())
    }
}

impl Hour {
    /// The hour of an event's time in milliseconds since 1970.
    pub fn of(source: &str, time: i64) -> Self {
        Hour { source: source.to_owned(), hour: time.div_euclid(HOUR) }
    }

    /// When it begins, in milliseconds since 1970.
    pub fn start(&self) -> i64 {
        self.hour.saturating_mul(HOUR)
    }

    pub(crate) fn path(&self) -> Path {
        let start = Timestamp::from_millisecond(self.start()).unwrap_or(Timestamp::UNIX_EPOCH);
        let start = Offset::UTC.to_datetime(start);
        Path::from(format!("source={}/date={}/hour={:02}", self.source, start.date(), start.hour()))
    }

    /// The hour of a file's path.
    pub(crate) fn parse(path: &Path) -> Option<Self> {
        let parts: Vec<_> = path.parts().collect();
        let [source, date, hour, _] = parts.as_slice() else { return None };
        let source = source.as_ref().strip_prefix("source=")?.to_owned();
        let date: Date = date.as_ref().strip_prefix("date=")?.parse().ok()?;
        let hour: i8 = hour.as_ref().strip_prefix("hour=")?.parse().ok()?;
        let start = Offset::UTC.to_timestamp(date.at(hour.clamp(0, 23), 0, 0, 0)).ok()?.as_millisecond();
        Some(Hour { source, hour: start.div_euclid(HOUR) })
    }
}

impl FileName {
    fn text(self) -> String {
        if self.first == self.last {
            format!("{:012}.parquet", self.first)
        } else {
            format!("{:012}-{:012}.parquet", self.first, self.last)
        }
    }

    pub(crate) fn parse(path: &Path) -> Option<Self> {
        let name = path.filename()?.strip_suffix(".parquet")?;
        let (first, last) = name.split_once('-').unwrap_or((name, name));
        Some(FileName { first: first.parse().ok()?, last: last.parse().ok()? })
    }

    /// Whether all that another file holds is in this one.
    pub(crate) fn covers(self, other: Self) -> bool {
        self != other && self.first <= other.first && other.last <= self.last
    }
}

impl Archive {
    /// An archive in a folder, which is made if it is not there.
    ///
    /// # Errors
    /// If the folder can't be made or used.
    pub fn in_folder(folder: &FilePath, layout: Layout) -> Result<Self, ArchiveError> {
        let failed = |error: std::io::Error| ArchiveError::Folder { path: folder.display().to_string(), error };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let store = LocalFileSystem::new_with_prefix(folder).map_err(ArchiveError::storage("open", &Path::default()))?;
        let store = store.with_automatic_cleanup(true);
        Ok(Archive { store: Arc::new(store), layout, folder: Some(folder.canonicalize().map_err(failed)?) })
    }

    /// An archive in any object storage.
    pub fn in_storage(store: Arc<dyn ObjectStore>, layout: Layout) -> Self {
        Archive { store, layout, folder: None }
    }

    /// An archive that is only read: its folder must be there.
    ///
    /// # Errors
    /// If the folder is not there or can't be used.
    pub fn in_existing_folder(folder: &FilePath, layout: Layout) -> Result<Self, ArchiveError> {
        let failed = |error: std::io::Error| ArchiveError::Folder { path: folder.display().to_string(), error };
        std::fs::read_dir(folder).map_err(failed)?;
        Self::in_folder(folder, layout)
    }

    /// The storage, for those who read files themselves.
    pub fn storage(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.store)
    }

    /// The log sources that it has folders of, in order.
    ///
    /// # Errors
    /// If the storage can't be listed.
    pub async fn sources(&self) -> Result<Vec<String>, ArchiveError> {
        let root = Path::default();
        let listed = self.store.list_with_delimiter(None).await.map_err(ArchiveError::storage("list", &root))?;
        let names = listed.common_prefixes.iter().filter_map(|folder| folder.filename()?.strip_prefix("source="));
        let mut sources: Vec<String> = names.map(str::to_owned).collect();
        sources.sort();
        Ok(sources)
    }

    /// Which columns its files get.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Writes packed events under a number; what was written under it before is replaced where this has events of the same log source
    /// and hour. They survive the loss of power.
    ///
    /// # Errors
    /// If a file can't be written; others may be there then, and writing them again replaces them.
    pub async fn put(&self, number: u64, packed: &Packed) -> Result<(), ArchiveError> {
        for (hour, bytes) in &packed.files {
            self.write(hour, FileName { first: number, last: number }, bytes.clone()).await?;
        }
        Ok(())
    }

    pub(crate) async fn write(&self, hour: &Hour, name: FileName, bytes: bytes::Bytes) -> Result<(), ArchiveError> {
        let path = hour.path().join(name.text());
        self.store.put(&path, bytes.into()).await.map_err(ArchiveError::storage("write", &path))?;
        self.make_durable(&path)
    }

    /// Files of this machine lie in its memory until they are asked to be on the disk.
    fn make_durable(&self, path: &Path) -> Result<(), ArchiveError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let file = folder.join(path.as_ref());
        let failed = |error| ArchiveError::Folder { path: file.display().to_string(), error };
        std::fs::File::open(&file).and_then(|file| file.sync_all()).map_err(failed)?;
        // The names of the file and of the folders that may be new.
        for above in file.ancestors().skip(1).take(4) {
            std::fs::File::open(above).and_then(|folder| folder.sync_all()).map_err(failed)?;
        }
        Ok(())
    }

    /// All files of some log source, or of all, in order of their hours and numbers, without those whose events are in another file as
    /// well. What is not named as the archive names its files (`hour=7` for `hour=07`) is none of them.
    ///
    /// # Errors
    /// If the storage can't be listed.
    pub async fn files(&self, source: Option<&str>) -> Result<Vec<StoredFile>, ArchiveError> {
        let mut files = self.all_files(source).await?;
        let all = files.clone();
        let mut hours = all.chunk_by(|left, right| left.hour == right.hour).peekable();
        files.retain(|file| {
            while hours.next_if(|hour| hour.first().is_some_and(|first| first.hour != file.hour)).is_some() {}
            let same_hour = hours.peek().copied().unwrap_or_default();
            !same_hour.iter().any(|other| other.name.covers(file.name))
        });
        Ok(files)
    }

    pub(crate) async fn all_files(&self, source: Option<&str>) -> Result<Vec<StoredFile>, ArchiveError> {
        let prefix = source.map(|source| Path::from(format!("source={source}")));
        let listed = self.store.list(prefix.as_ref());
        let listed: Vec<_> = listed.try_collect().await.map_err(ArchiveError::storage("list", &prefix.unwrap_or_default()))?;
        let mut files: Vec<StoredFile> = listed
            .iter()
            .filter_map(|object| {
                let (hour, name) = (Hour::parse(&object.location)?, FileName::parse(&object.location)?);
                let written = object.last_modified.timestamp_millis();
                Some(StoredFile { hour, name, n_bytes: object.size, written }).filter(|file| file.path() == object.location)
            })
            .collect();
        files.sort_by(|left, right| (&left.hour, left.name).cmp(&(&right.hour, right.name)));
        Ok(files)
    }

    pub(crate) async fn remove(&self, hour: &Hour, name: FileName) -> Result<(), ArchiveError> {
        let path = hour.path().join(name.text());
        match self.store.delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(ArchiveError::storage("remove", &path)(error)),
        }
    }

    pub(crate) async fn read(&self, hour: &Hour, name: FileName) -> Result<(Path, bytes::Bytes), ArchiveError> {
        let path = hour.path().join(name.text());
        let found = self.store.get(&path).await.map_err(ArchiveError::storage("read", &path))?;
        let bytes = found.bytes().await.map_err(ArchiveError::storage("read", &path))?;
        Ok((path, bytes))
    }
}
