use datafusion::{
    arrow::{
        array::RecordBatch,
        datatypes::{DataType, SchemaRef},
    },
    physical_plan::SendableRecordBatchStream,
};
use futures_util::StreamExt as _;
use serde_json::Value;

use crate::{HuntError, Table, value::values};

/// The rows that a query finds, as they are found.
pub struct Answer {
    first: Option<RecordBatch>,
    stream: SendableRecordBatchStream,
    sql: String,
    tables: Vec<Table>,
}

/// A column of a table or of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds: `text`, `number`, `time`, `date`, `true or false`, or what SQL calls it.
    pub kind: String,
}

/// Some rows of an answer.
#[derive(Debug)]
pub struct Rows(RecordBatch);

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("sql", &self.sql).finish_non_exhaustive()
    }
}

impl Answer {
    pub(crate) fn new(first: Option<RecordBatch>, stream: SendableRecordBatchStream, sql: &str, tables: Vec<Table>) -> Self {
        Answer { first, stream, sql: sql.to_owned(), tables }
    }

    /// The columns of each row.
    pub fn columns(&self) -> Vec<Column> {
        columns_of(&self.stream.schema())
    }

    /// The next rows, if there are more.
    ///
    /// # Errors
    /// If a file can't be read (joined or removed since the query began, for one), a value can't be computed, or memory ends.
    pub async fn next(&mut self) -> Result<Option<Rows>, HuntError> {
        let next = match self.first.take() {
            Some(first) => Some(Ok(first)),
            None => self.stream.next().await,
        };
        next.transpose().map(|batch| batch.map(Rows)).map_err(|error| HuntError::of(&error, &self.sql, &self.tables))
    }
}

impl Rows {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.num_rows()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Calls for each of the first `most` rows with a value for each column: texts, numbers, `true` and `false`, `null`, lists and
    /// objects; times in RFC 3339 in UTC, dates as `2026-11-29`.
    ///
    /// # Errors
    /// What `each` says, or if a value can't be shown.
    pub fn each<E: From<HuntError>>(&self, most: usize, mut each: impl FnMut(Vec<Value>) -> Result<(), E>) -> Result<(), E> {
        let columns: Vec<_> = self.0.columns().iter().map(values).collect::<Result<_, HuntError>>()?;
        (0..self.len().min(most)).try_for_each(|row| {
            let row: Result<Vec<Value>, HuntError> = columns.iter().map(|column| column(row)).collect();
            each(row?)
        })
    }
}

/// The columns in words of people.
pub(crate) fn columns_of(schema: &SchemaRef) -> Vec<Column> {
    let kind = |kind: &DataType| match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".to_owned(),
        kind if kind.is_numeric() => "number".to_owned(),
        DataType::Timestamp(..) => "time".to_owned(),
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::Boolean => "true or false".to_owned(),
        other => other.to_string(),
    };
    schema.fields().iter().map(|field| Column { name: field.name().clone(), kind: kind(field.data_type()) }).collect()
}
