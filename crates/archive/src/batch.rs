use std::collections::BTreeMap;

use bytes::Bytes;
use parquet::file::writer::SerializedFileWriter;

use crate::{ArchiveError, Hour, Layout, Row, columns::Columns};

/// Rows of one file are packed when they take so much memory.
const GROUP: usize = 16 << 20;

/// Rows of all files together that are not packed yet take at most so much memory.
const UNPACKED: usize = 64 << 20;

/// Events that are written together, by log source and hour.
#[derive(Debug)]
pub struct Batch {
    layout: Layout,
    parts: BTreeMap<Hour, Part>,
    n_rows: u64,
    n_unpacked: usize,
}

struct Part {
    columns: Columns,
    file: SerializedFileWriter<Vec<u8>>,
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Part").field("n_rows", &self.columns.len()).finish_non_exhaustive()
    }
}

impl Part {
    fn new(layout: &Layout) -> Result<Self, ArchiveError> {
        let file = SerializedFileWriter::new(Vec::new(), layout.schema.clone(), layout.properties.clone())?;
        Ok(Part { columns: Columns::new(layout), file })
    }
}

impl Batch {
    /// An empty one.
    pub fn new(layout: &Layout) -> Self {
        Batch { layout: layout.clone(), parts: BTreeMap::new(), n_rows: 0, n_unpacked: 0 }
    }

    /// Adds an event.
    ///
    /// # Errors
    /// If rows can't be packed.
    pub fn add(&mut self, row: &Row<'_>) -> Result<(), ArchiveError> {
        let hour = Hour::of(row.source, row.time);
        let part = match self.parts.entry(hour) {
            std::collections::btree_map::Entry::Occupied(part) => part.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => place.insert(Part::new(&self.layout)?),
        };
        let before = part.columns.n_bytes();
        part.columns.add(row);
        self.n_rows += 1;
        self.n_unpacked += part.columns.n_bytes() - before;
        if part.columns.n_bytes() >= GROUP {
            self.n_unpacked -= part.columns.n_bytes();
            part.columns.write(&mut part.file)?;
        } else if self.n_unpacked >= UNPACKED {
            for part in self.parts.values_mut().filter(|part| part.columns.len() > 0) {
                part.columns.write(&mut part.file)?;
            }
            self.n_unpacked = 0;
        }
        Ok(())
    }

    /// How many events it holds.
    pub fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// How much memory it takes, about, in bytes.
    pub fn n_bytes(&self) -> usize {
        self.n_unpacked + self.parts.values().map(|part| part.file.bytes_written()).sum::<usize>()
    }

    /// Packs all that it holds, and is empty then.
    ///
    /// # Errors
    /// If rows can't be packed.
    pub fn pack(&mut self) -> Result<Packed, ArchiveError> {
        let mut files = Vec::new();
        for (hour, mut part) in std::mem::take(&mut self.parts) {
            if part.columns.len() > 0 {
                part.columns.write(&mut part.file)?;
            }
            files.push((hour, Bytes::from(part.file.into_inner()?)));
        }
        (self.n_rows, self.n_unpacked) = (0, 0);
        Ok(Packed { files })
    }
}

/// Files that are ready to be written.
#[derive(Debug, Clone, Default)]
pub struct Packed {
    pub(crate) files: Vec<(Hour, Bytes)>,
}

impl Packed {
    /// How many bytes they have together.
    pub fn n_bytes(&self) -> usize {
        self.files.iter().map(|(_, bytes)| bytes.len()).sum()
    }
}
