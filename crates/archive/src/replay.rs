use std::{cmp::Reverse, collections::BinaryHeap, ops::Range};

use parquet::file::{metadata::RowGroupMetaData, reader::FileReader as _, statistics::Statistics};

use crate::{
    Archive, ArchiveError, FileName, Hour, StoredFile,
    opened::{group, opened},
};

/// An event as it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedEvent {
    /// Its number in the order of arrival.
    pub seq: i64,
    /// When it happened, in milliseconds since 1970.
    pub time: i64,
    /// When it arrived, in milliseconds since 1970.
    pub received: i64,
    /// The log source.
    pub source: String,
    /// What tells it from all others.
    pub event_id: String,
    /// The texts of the layout's columns, in their order.
    pub columns: Vec<Option<String>>,
    /// The record as it was read.
    pub raw: String,
}

/// A file of which the events from some place on are still to come.
struct Open {
    hour: Hour,
    name: FileName,
    group: usize,
    /// The events of the row group that is read, the next one last.
    events: Vec<ArchivedEvent>,
}

impl Archive {
    /// Gives the events of some log source, or of all, that happened within a range (milliseconds since 1970), in the order in which they
    /// arrived. `each` says whether to go on. Files are read one row group at a time and closed in between.
    ///
    /// # Errors
    /// If the storage can't be listed or a file can't be read.
    pub async fn replay(
        &self,
        source: Option<&str>,
        range: Range<i64>,
        each: &mut (dyn FnMut(ArchivedEvent) -> bool + Send),
    ) -> Result<(), ArchiveError> {
        let is_wanted = |hour: &Hour| hour.start() < range.end && hour.start().saturating_add(3_600_000) > range.start;
        // The least number of the next event of each file; files that are not opened yet stand with the least of their first row group.
        let mut heap = BinaryHeap::new();
        let mut open: Vec<Open> = Vec::new();
        let files = self.files(source).await?;
        for StoredFile { hour, name, .. } in files.into_iter().filter(|file| is_wanted(&file.hour)) {
            let (path, bytes) = self.read(&hour, name).await?;
            let reader = opened(&path, bytes)?;
            if let Some(first) = reader.metadata().row_groups().first() {
                heap.push(Reverse((least(first), open.len())));
                open.push(Open { hour, name, group: 0, events: Vec::new() });
            }
        }
        while let Some(Reverse((_, place))) = heap.pop() {
            let Some(file) = open.get_mut(place) else { continue };
            if file.events.is_empty() {
                // Row groups without an event of the range are passed over.
                while file.events.is_empty() && self.read_group(file, &range).await? {}
                heap.extend(file.events.last().map(|event| Reverse((event.seq, place))));
                continue;
            }
            let next = heap.peek().map_or(i64::MAX, |Reverse((seq, _))| *seq);
            let mut seq = 0;
            while file.events.last().is_some_and(|event| event.seq <= next) {
                let Some(event) = file.events.pop() else { break };
                seq = event.seq;
                if !each(event) {
                    return Ok(());
                }
            }
            heap.push(Reverse((file.events.last().map_or(seq, |event| event.seq), place)));
        }
        Ok(())
    }

    /// Reads the next row group of a file; whether there was one.
    async fn read_group(&self, file: &mut Open, range: &Range<i64>) -> Result<bool, ArchiveError> {
        let (path, bytes) = self.read(&file.hour, file.name).await?;
        let reader = opened(&path, bytes)?;
        if file.group >= reader.num_row_groups() {
            return Ok(false);
        }
        let columns = group(&path, &self.layout, &reader, file.group)?;
        file.group += 1;
        let wanted = columns.rows().filter(|row| range.contains(&row.time));
        file.events = wanted
            .map(|row| ArchivedEvent {
                seq: row.seq,
                time: row.time,
                received: row.received,
                source: file.hour.source.clone(),
                event_id: row.texts.first().copied().flatten().unwrap_or_default().to_owned(),
                columns: own_columns(&row.texts).iter().map(|text| text.map(str::to_owned)).collect(),
                raw: row.texts.last().copied().flatten().unwrap_or_default().to_owned(),
            })
            .collect();
        file.events.reverse();
        Ok(true)
    }
}

/// The texts of the layout's columns: after `event_id` and `class`, before `raw`.
fn own_columns<'t, 'c>(texts: &'t [Option<&'c str>]) -> &'t [Option<&'c str>] {
    texts.get(2..texts.len().saturating_sub(1)).unwrap_or_default()
}

/// The least number of an event in a row group: they are in order.
fn least(group: &RowGroupMetaData) -> i64 {
    match group.columns().first().and_then(|column| column.statistics()) {
        Some(Statistics::Int64(numbers)) => numbers.min_opt().copied().unwrap_or(i64::MIN),
        _ => i64::MIN,
    }
}
