//! The report of a compliance standard: what its forms are made of, and the forms that command line and API share, CSV and PDF.
//!
//! Pure: the same report gives the same bytes. Knows no store and no server, and no report of a scan.

mod csv;
mod pdf;
mod standard;
pub mod words;

pub use csv::{cell, csv};
pub use pdf::{Cover, pdf};
pub use standard::{CheckEntry, ControlEntry, ControlState, StandardReport, StandardSummary, described, standard_report};

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The lines of a spreadsheet.
    #[error("the report could not be written as CSV: {0}")]
    Csv(#[from] ::csv::Error),
    /// The font that is built in.
    #[error("the font of PDF reports is damaged; build the program anew")]
    Font,
    /// The pages.
    #[error("the report could not be written as PDF: {0}")]
    Pdf(String),
}
