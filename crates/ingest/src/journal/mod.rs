//! What was taken in and is not yet safe elsewhere: batches in files of a folder, each file named by the number of its first batch.

mod frame;

use std::{
    fs::{File, OpenOptions},
    io::{BufReader, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use frame::{HEAD, Head};

use crate::{Batch, error::IngestError};

/// A new file is begun behind so many bytes.
const SEGMENT: u64 = 64 << 20;

/// The journal's end, where batches are added.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    file: File,
    n_bytes: u64,
    next: u64,
    buffer: Vec<u8>,
}

/// A batch with its number, or why it is lost.
pub type JournalBatch = (u64, Result<Batch, String>);

impl Journal {
    /// Opens the journal of a folder, which is made if it is not there. A batch at its end that was not written whole was never
    /// confirmed to anybody, and is cut off. `each` gets all batches from a number on.
    ///
    /// # Errors
    /// If the folder or its files can't be read or written, or a file is missing between others.
    pub fn open(
        folder: &Path,
        from: u64,
        each: &mut dyn FnMut(JournalBatch) -> Result<(), IngestError>,
    ) -> Result<Self, IngestError> {
        std::fs::create_dir_all(folder).map_err(IngestError::file("make the folder", folder))?;
        let segments = segments(folder)?;
        let mut next = from;
        for (place, first) in segments.iter().enumerate() {
            let until = segments.get(place + 1);
            if until.is_some_and(|until| *until <= from) {
                continue;
            }
            if *first > next {
                return Err(IngestError::Gap { folder: folder.to_owned(), from: next, until: *first });
            }
            next = *first;
            let path = segment(folder, *first);
            let whole = read(&path, &mut next, from, each)?;
            let length = std::fs::metadata(&path).map_err(IngestError::file("look at", &path))?.len();
            if whole < length {
                if let Some(until) = until {
                    return Err(IngestError::Damaged { path, at: whole, until: *until });
                }
                tracing::warn!(path = %path.display(), at = whole, "a batch that was not written whole is cut off");
                let file = OpenOptions::new().write(true).open(&path).map_err(IngestError::file("open", &path))?;
                file.set_len(whole).and_then(|()| file.sync_all()).map_err(IngestError::file("cut", &path))?;
            }
        }
        let current = match segments.last() {
            Some(last) if next >= from => *last,
            // What lies before `from` is safe elsewhere, and may have been removed.
            _ => from,
        };
        next = next.max(from);
        let (file, n_bytes) = append_to(&segment(folder, current))?;
        Ok(Journal { folder: folder.to_owned(), file, n_bytes, next, buffer: Vec::new() })
    }

    /// Adds batches so that they survive the end of the process and of the machine's power. The number of the first.
    ///
    /// # Errors
    /// If they can't be written: none of them is taken then.
    pub fn append(&mut self, batches: &[Batch]) -> Result<u64, IngestError> {
        if self.n_bytes >= SEGMENT {
            (self.file, self.n_bytes) = append_to(&segment(&self.folder, self.next))?;
        }
        self.buffer.clear();
        for batch in batches {
            frame::write(batch, &mut self.buffer).map_err(|error| IngestError::Batch(error.to_string()))?;
        }
        let written = self.file.write_all(&self.buffer).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Half a frame must not stand before the next one.
            let cut = self.file.set_len(self.n_bytes).and_then(|()| self.file.seek(SeekFrom::End(0)));
            let path = segment(&self.folder, self.next);
            cut.map_err(IngestError::file("cut", &path))?;
            return Err(IngestError::file("write", &path)(error));
        }
        self.n_bytes += u64::try_from(self.buffer.len()).unwrap_or(u64::MAX);
        let first = self.next;
        self.next += u64::try_from(batches.len()).unwrap_or_default();
        Ok(first)
    }

    /// The number that the next batch gets.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Removes files that hold only batches before a number.
    ///
    /// # Errors
    /// If the folder can't be listed or a file can't be removed.
    pub(crate) fn forget(folder: &Path, before: u64) -> Result<(), IngestError> {
        let segments = segments(folder)?;
        for (first, until) in segments.iter().zip(segments.iter().skip(1)) {
            if *until <= before {
                let path = segment(folder, *first);
                std::fs::remove_file(&path).map_err(IngestError::file("remove", &path))?;
            }
        }
        Ok(())
    }
}

/// The numbers of the first batches of all files, in order.
fn segments(folder: &Path) -> Result<Vec<u64>, IngestError> {
    let mut numbers = Vec::new();
    let entries = std::fs::read_dir(folder).map_err(IngestError::file("list", folder))?;
    for entry in entries {
        let name = entry.map_err(IngestError::file("list", folder))?.file_name();
        let number: Option<u64> =
            name.to_str().and_then(|name| name.strip_suffix(".journal")).and_then(|number| number.parse().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn segment(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:020}.journal"))
}

fn append_to(path: &Path) -> Result<(File, u64), IngestError> {
    let is_new = !path.exists();
    let file = OpenOptions::new().append(true).create(true).open(path).map_err(IngestError::file("open", path))?;
    if is_new && let Some(folder) = path.parent() {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(IngestError::file("write", folder))?;
    }
    let length = file.metadata().map_err(IngestError::file("look at", path))?.len();
    Ok((file, length))
}

/// Reads the frames of a file; how many of its bytes are whole frames.
fn read(
    path: &Path,
    next: &mut u64,
    from: u64,
    each: &mut dyn FnMut(JournalBatch) -> Result<(), IngestError>,
) -> Result<u64, IngestError> {
    let mut reader = BufReader::with_capacity(1 << 18, File::open(path).map_err(IngestError::file("open", path))?);
    let length = reader.get_ref().metadata().map_err(IngestError::file("look at", path))?.len();
    let mut whole = 0_u64;
    let mut packed = Vec::new();
    loop {
        let mut head = [0; HEAD];
        let fits = whole + 8 <= length;
        if !fits || reader.read_exact(&mut head).is_err() {
            return Ok(whole);
        }
        let Some(head) = Head::read(&head) else { return Ok(whole) };
        let end = whole + 8 + u64::try_from(head.length).unwrap_or(u64::MAX);
        if end > length {
            return Ok(whole);
        }
        packed.resize(head.length, 0);
        reader.read_exact(&mut packed).map_err(IngestError::file("read", path))?;
        match head.batch(&packed) {
            Ok(batch) if *next >= from => each((*next, Ok(batch)))?,
            Ok(_) => {}
            // The last one may be there in length and not in content, if the power went.
            Err(_) if end == length => return Ok(whole),
            Err(reason) if *next >= from => {
                each((*next, Err(format!("{} at byte {whole}: {reason}", path.display()))))?;
            }
            Err(_) => {}
        }
        *next += 1;
        whole = end;
    }
}
