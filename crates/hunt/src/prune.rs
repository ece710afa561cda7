//! Which files may hold what a query asks for, by what their folders say.

use std::{collections::HashSet, sync::Arc};

use datafusion::{
    arrow::{
        array::{ArrayRef, BooleanArray, Date32Array, Int64Array, StringArray, TimestampMillisecondArray},
        datatypes::SchemaRef,
    },
    catalog::Session,
    common::{Column, DFSchema, Result, ScalarValue, pruning::PruningStatistics},
    logical_expr::{Expr, utils::conjunction},
    physical_optimizer::pruning::PruningPredicateBuilder,
};
use skywarden_archive::StoredFile;

use crate::table::day;

/// Leaves out the files in which no event can be that all filters hold for. What can't be decided stays.
pub(crate) fn wanted(
    state: &dyn Session,
    columns: &SchemaRef,
    filters: &[Expr],
    files: Vec<StoredFile>,
) -> Result<Vec<StoredFile>> {
    let Some(filter) = conjunction(filters.iter().cloned()) else { return Ok(files) };
    let filter = state.create_physical_expr(filter, &DFSchema::try_from(Arc::clone(columns))?)?;
    let predicate = PruningPredicateBuilder::new().with_file_schema(Arc::clone(columns)).try_build(filter);
    // A filter of which nothing can be said by folders.
    let Ok(predicate) = predicate else { return Ok(files) };
    let is_wanted = predicate.prune(&Folders(&files))?;
    Ok(files.into_iter().zip(is_wanted).filter(|(_, is_wanted)| *is_wanted).map(|(file, _)| file).collect())
}

/// What is known of files without opening them.
struct Folders<'f>(&'f [StoredFile]);

impl Folders<'_> {
    /// The least or the greatest value of a column, whose events lie between the beginning of the hour and so many milliseconds later.
    fn values(&self, column: &str, later: i64) -> Option<ArrayRef> {
        let files = self.0.iter();
        Some(match column {
            "source" => Arc::new(StringArray::from_iter_values(files.map(|file| &file.hour.source))),
            "date" => Arc::new(Date32Array::from_iter_values(files.map(day))),
            "hour" => Arc::new(Int64Array::from_iter_values(files.map(|file| file.hour.hour.rem_euclid(24)))),
            "time" => {
                let times = files.map(|file| file.hour.start().saturating_add(later));
                Arc::new(TimestampMillisecondArray::from_iter_values(times).with_timezone("UTC"))
            }
            _ => return None,
        })
    }
}

impl PruningStatistics for Folders<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(&column.name, 0)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(&column.name, 3_599_999)
    }

    fn num_containers(&self) -> usize {
        self.0.len()
    }

    fn null_counts(&self, _column: &Column) -> Option<ArrayRef> {
        None
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        None
    }

    fn contained(&self, _column: &Column, _values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
