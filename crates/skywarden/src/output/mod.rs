//! What a person or a program reads: tables, JSON, CSV.

mod csv;
mod json;
mod safe;
mod table;

pub(crate) use csv::write as write_csv;
pub(crate) use json::write as write_json;
pub(crate) use safe::{cell_for_spreadsheet, text_for_terminal};
pub(crate) use table::{coverage_problems, new_table, percent, score_lines, status_counts, status_word, write as write_table};

/// The JSON Schema of the report that [`write_json`] writes; a test holds reports against it.
pub(crate) const REPORT_SCHEMA: &str = include_str!("report.schema.json");
