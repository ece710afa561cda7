//! Rows as columns in memory, and back and forth between these and row groups.

use bytes::Bytes;
use parquet::{
    column::{reader::ColumnReader, writer::ColumnWriter},
    data_type::ByteArray,
    errors::{ParquetError, Result},
    file::{reader::RowGroupReader, writer::SerializedFileWriter},
};

use crate::{Layout, Row, schema::FIRST};

/// Texts of one column.
#[derive(Debug, Default, Clone)]
struct Texts {
    bytes: Vec<u8>,
    /// Where each that is there ends.
    ends: Vec<usize>,
    /// For each row 1 if a text is there, else 0.
    is_there: Vec<i16>,
}

/// Rows of one file that are not packed yet.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    /// `seq`, `time`, `received`.
    numbers: [Vec<i64>; 3],
    /// `event_id`, `class`, those of the layout, `raw`.
    texts: Vec<Texts>,
    n_bytes: usize,
}

/// One row, borrowed from columns.
#[derive(Debug, Clone)]
pub(crate) struct Found<'c> {
    pub(crate) seq: i64,
    pub(crate) time: i64,
    pub(crate) received: i64,
    /// `event_id`, `class`, those of the layout, `raw`.
    pub(crate) texts: Vec<Option<&'c str>>,
}

impl Texts {
    fn push(&mut self, text: Option<&str>) {
        self.is_there.push(i16::from(text.is_some()));
        if let Some(text) = text {
            self.bytes.extend_from_slice(text.as_bytes());
            self.ends.push(self.bytes.len());
        }
    }

    fn take_values(&mut self) -> Vec<ByteArray> {
        let bytes = Bytes::from(std::mem::take(&mut self.bytes));
        let mut start = 0;
        let mut values = Vec::with_capacity(self.ends.len());
        for end in self.ends.drain(..) {
            values.push(ByteArray::from(bytes.slice(start..end)));
            start = end;
        }
        values
    }
}

impl Columns {
    pub(crate) fn new(layout: &Layout) -> Self {
        let n_texts = layout.names.len() + 3;
        Columns { numbers: Default::default(), texts: vec![Texts::default(); n_texts], n_bytes: 0 }
    }

    pub(crate) fn add(&mut self, row: &Row<'_>) {
        let fixed = [Some(row.event_id), Some(row.class)].into_iter();
        let n_own = self.texts.len().saturating_sub(3);
        let own = row.columns.iter().copied().chain(std::iter::repeat(None)).take(n_own);
        self.push([row.seq, row.time, row.received], fixed.chain(own).chain([Some(row.raw)]));
    }

    pub(crate) fn push<'t>(&mut self, numbers: [i64; 3], texts: impl Iterator<Item = Option<&'t str>>) {
        for (column, number) in self.numbers.iter_mut().zip(numbers) {
            column.push(number);
        }
        for (column, text) in self.texts.iter_mut().zip(texts) {
            self.n_bytes += text.map_or(0, str::len) + 8;
            column.push(text);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.numbers.first().map_or(0, Vec::len)
    }

    /// About how much memory the rows take.
    pub(crate) fn n_bytes(&self) -> usize {
        self.n_bytes
    }

    /// Packs all rows as one row group and is empty then.
    pub(crate) fn write(&mut self, file: &mut SerializedFileWriter<Vec<u8>>) -> Result<()> {
        let mut group = file.next_row_group()?;
        let mut numbers = self.numbers.iter_mut();
        let mut texts = self.texts.iter_mut();
        while let Some(mut column) = group.next_column()? {
            match column.untyped() {
                ColumnWriter::Int64ColumnWriter(writer) => {
                    let values = numbers.next().map(std::mem::take).unwrap_or_default();
                    writer.write_batch(&values, None, None)?;
                }
                ColumnWriter::ByteArrayColumnWriter(writer) => {
                    let Some(column) = texts.next() else { break };
                    let is_there = std::mem::take(&mut column.is_there);
                    writer.write_batch(&column.take_values(), Some(&is_there), None)?;
                }
                _ => return Err(ParquetError::General("a column is neither a number nor a text".to_owned())),
            }
            column.close()?;
        }
        group.close()?;
        self.n_bytes = 0;
        Ok(())
    }

    /// Reads a row group, whichever columns of the layout its file has.
    pub(crate) fn read(layout: &Layout, group: &dyn RowGroupReader) -> Result<Self> {
        let mut columns = Columns::new(layout);
        let metadata = group.metadata();
        let n_rows = usize::try_from(metadata.num_rows()).unwrap_or_default();
        let (numbers, texts) = FIRST.split_at(3);
        let text_names = texts.iter().copied().chain(layout.names.iter().map(String::as_str)).chain([crate::schema::RAW]);
        let place = |name: &str| metadata.columns().iter().position(|column| column.column_path().string() == name);
        for (name, column) in numbers.iter().zip(&mut columns.numbers) {
            let found = place(name).ok_or_else(|| ParquetError::General(format!("the column {name} is missing")))?;
            let ColumnReader::Int64ColumnReader(mut reader) = group.get_column_reader(found)? else {
                return Err(ParquetError::General(format!("the column {name} holds no numbers")));
            };
            reader.read_records(n_rows, None, None, column)?;
            if column.len() != n_rows {
                return Err(ParquetError::General(format!("the column {name} has {} of {n_rows} rows", column.len())));
            }
        }
        for (name, column) in text_names.zip(&mut columns.texts) {
            let Some(found) = place(name) else {
                // Written by an earlier version that did not have the column.
                column.is_there = vec![0; n_rows];
                continue;
            };
            let is_optional = metadata.column(found).column_descr().max_def_level() > 0;
            let ColumnReader::ByteArrayColumnReader(mut reader) = group.get_column_reader(found)? else {
                return Err(ParquetError::General(format!("the column {name} holds no texts")));
            };
            let mut values = Vec::new();
            let levels = is_optional.then_some(&mut column.is_there);
            reader.read_records(n_rows, levels, None, &mut values)?;
            if !is_optional {
                column.is_there = vec![1; n_rows];
            }
            let n_there = column.is_there.iter().filter(|is_there| **is_there == 1).count();
            if column.is_there.len() != n_rows || values.len() != n_there {
                return Err(ParquetError::General(format!("the column {name} has {} of {n_there} values", values.len())));
            }
            for value in values {
                if std::str::from_utf8(value.data()).is_err() {
                    return Err(ParquetError::General(format!("the column {name} holds what is no text")));
                }
                column.bytes.extend_from_slice(value.data());
                column.ends.push(column.bytes.len());
            }
        }
        Ok(columns)
    }

    /// All rows in their order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Found<'_>> {
        let mut cursors = vec![(0_usize, 0_usize); self.texts.len()];
        let [seq, time, received] = &self.numbers;
        seq.iter().zip(time).zip(received).enumerate().map(move |(row, ((seq, time), received))| {
            let mut texts = Vec::with_capacity(self.texts.len());
            for (column, (start, n)) in self.texts.iter().zip(&mut cursors) {
                if column.is_there.get(row) != Some(&1) {
                    texts.push(None);
                    continue;
                }
                let end = column.ends.get(*n).copied().unwrap_or(*start);
                texts.push(column.bytes.get(*start..end).and_then(|bytes| std::str::from_utf8(bytes).ok()));
                (*start, *n) = (end, *n + 1);
            }
            Found { seq: *seq, time: *time, received: *received, texts }
        })
    }
}
