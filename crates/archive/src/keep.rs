use std::collections::BTreeMap;

use parquet::file::{reader::FileReader as _, writer::SerializedFileWriter};

use crate::{
    Archive, ArchiveError, FileName, Hour, StoredFile,
    columns::Columns,
    opened::{group, opened},
};

/// Files of an hour that are joined become one of at most so many bytes, packed.
const MAX_JOINED: usize = 256 << 20;

/// Rows of a joined file are packed together when they take so much memory.
const GROUP: usize = 32 << 20;

/// What joining files did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compacted {
    /// How many files there were.
    pub n_before: usize,
    /// How many there are now in their place.
    pub n_after: usize,
}

impl Archive {
    /// Joins the files of each hour that ended before a time (milliseconds since 1970), where there are at least `at_least` of them and
    /// only up to the batch with a number: later ones may be written again.
    ///
    /// A reader that reads the files of a folder while they are joined may see events twice for that moment; [`Self::replay`] does not.
    ///
    /// # Errors
    /// If files can't be read or written. What was read stays then.
    pub async fn compact(&self, before: i64, up_to: u64, at_least: usize) -> Result<Compacted, ArchiveError> {
        let mut hours: BTreeMap<Hour, Vec<FileName>> = BTreeMap::new();
        for StoredFile { hour, name, .. } in self.all_files(None).await? {
            if hour.start().saturating_add(3_600_000) <= before && name.last <= up_to {
                hours.entry(hour).or_default().push(name);
            }
        }
        let mut done = Compacted::default();
        for (hour, mut names) in hours {
            // Left over by somebody who was stopped between writing and removing.
            let covered: Vec<FileName> =
                names.iter().filter(|name| names.iter().any(|other| other.covers(**name))).copied().collect();
            for name in &covered {
                self.remove(&hour, *name).await?;
            }
            names.retain(|name| !covered.contains(name));
            if names.len() >= at_least.max(2) {
                let joined = self.join(&hour, &names).await?;
                done.n_before += joined.n_before;
                done.n_after += joined.n_after;
            }
        }
        Ok(done)
    }

    async fn join(&self, hour: &Hour, names: &[FileName]) -> Result<Compacted, ArchiveError> {
        let mut done = Compacted::default();
        let mut rest = names;
        while !rest.is_empty() {
            let mut file = SerializedFileWriter::new(Vec::new(), self.layout.schema.clone(), self.layout.properties.clone())?;
            let mut columns = Columns::new(&self.layout);
            let mut n = 0;
            // Files are in order of their numbers, and so are their rows.
            for name in rest {
                let (path, bytes) = self.read(hour, *name).await?;
                let reader = opened(&path, bytes)?;
                for number in 0..reader.num_row_groups() {
                    let read = group(&path, &self.layout, &reader, number)?;
                    for row in read.rows() {
                        columns.push([row.seq, row.time, row.received], row.texts.into_iter());
                        if columns.n_bytes() >= GROUP {
                            columns.write(&mut file)?;
                        }
                    }
                }
                n += 1;
                if file.bytes_written() >= MAX_JOINED {
                    break;
                }
            }
            if columns.len() > 0 {
                columns.write(&mut file)?;
            }
            let (joined, after) = rest.split_at(n);
            rest = after;
            done.n_before += joined.len();
            done.n_after += 1;
            let [first, .., last] = joined else { continue };
            let name = FileName { first: first.first, last: last.last };
            self.write(hour, name, file.into_inner()?.into()).await?;
            for name in joined {
                self.remove(hour, *name).await?;
            }
        }
        Ok(done)
    }

    /// Removes the files of hours that ended before a time (milliseconds since 1970), which may be another for each log source, if they
    /// were written before it too: what a clock that is wrong by years says of long ago stays as long as anything that arrives with it.
    /// What says that it happens later than it was written goes by when it was. How many files that were.
    ///
    /// # Errors
    /// If the storage can't be listed or a file can't be removed.
    pub async fn remove_before(&self, before: impl Fn(&str) -> i64) -> Result<usize, ArchiveError> {
        let mut n = 0;
        for StoredFile { hour, name, written, .. } in self.all_files(None).await? {
            let before = before(&hour.source);
            let is_over = hour.start().saturating_add(3_600_000) <= before || hour.start() > written;
            if is_over && written < before {
                self.remove(&hour, name).await?;
                n += 1;
            }
        }
        Ok(n)
    }
}
