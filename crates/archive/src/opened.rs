use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use object_store::path::Path;
use parquet::file::{
    metadata::{ColumnChunkMetaData, RowGroupMetaData},
    reader::{FileReader as _, SerializedFileReader},
};

use crate::{ArchiveError, Layout, columns::Columns};

/// More rows than this no row group of ours has: they are packed by the memory that they take, of which each takes some.
const MAX_ROWS: i64 = 4 << 20;

/// Opens a file whose footer says what can be: the library goes by it, and ends the thread over a place that no file has.
pub(crate) fn opened(path: &Path, bytes: Bytes) -> Result<SerializedFileReader<Bytes>, ArchiveError> {
    let n_bytes = bytes.len();
    let reader = guarded(path, || SerializedFileReader::new(bytes))?;
    for group in reader.metadata().row_groups() {
        check(group, n_bytes).map_err(|reason| ArchiveError::unreadable(path, reason))?;
    }
    Ok(reader)
}

/// Reads a row group of an opened file.
pub(crate) fn group(
    path: &Path,
    layout: &Layout,
    reader: &SerializedFileReader<Bytes>,
    number: usize,
) -> Result<Columns, ArchiveError> {
    guarded(path, || Columns::read(layout, reader.get_row_group(number)?.as_ref()))
}

/// The library panics over some pages that are damaged. That is a file that can't be read, and must not end who reads it.
fn guarded<T>(path: &Path, read: impl FnOnce() -> parquet::errors::Result<T>) -> Result<T, ArchiveError> {
    // What a panic leaves half done is dropped with the reader.
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(outcome) => outcome.map_err(|error| ArchiveError::unreadable(path, error)),
        Err(_) => Err(ArchiveError::unreadable(path, "its pages contradict themselves, so it is damaged")),
    }
}

fn check(group: &RowGroupMetaData, n_bytes: usize) -> Result<(), String> {
    let n_rows = group.num_rows();
    if !(0..=MAX_ROWS).contains(&n_rows) {
        return Err(format!("a row group of {n_rows} rows is none of the archive's, which have at most {MAX_ROWS}"));
    }
    match group.columns().iter().find(|column| !lies_within(column, n_bytes)) {
        Some(column) => Err(format!("its column {} does not lie within its {n_bytes} bytes", column.column_path().string())),
        None => Ok(()),
    }
}

fn lies_within(column: &ColumnChunkMetaData, n_bytes: usize) -> bool {
    let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
    let end = start.checked_add(column.compressed_size());
    let numbers = [start, column.data_page_offset(), column.compressed_size(), column.uncompressed_size(), column.num_values()];
    numbers.iter().all(|number| *number >= 0) && end.and_then(|end| usize::try_from(end).ok()).is_some_and(|end| end <= n_bytes)
}
