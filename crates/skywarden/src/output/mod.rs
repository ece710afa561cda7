//! What a person or a program reads: tables, JSON, CSV, SARIF, OCSF, HTML.

mod csv;
#[cfg(test)]
mod hostile;
mod html;
mod joined;
mod json;
pub(crate) mod ocsf;
mod safe;
mod sarif;
mod table;

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use anyhow::Context as _;

pub(crate) use csv::write as write_csv;
pub(crate) use html::{write as write_html, write_standard as write_standard_html};
pub(crate) use joined::found;
pub(crate) use json::write as write_json;
pub(crate) use ocsf::write as write_ocsf;
pub(crate) use safe::text_for_terminal;
pub(crate) use sarif::write as write_sarif;
pub(crate) use table::{coverage_problems, new_table, percent, score_lines, status_counts, status_word, write as write_table};

/// Writes to a file, or to the terminal.
pub(crate) fn write_to(file: Option<&Path>, write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let Some(file) = file else {
        let mut out = BufWriter::new(std::io::stdout().lock());
        write(&mut out)?;
        return out.flush().context("could not write to standard output");
    };
    let handle = File::create(file).with_context(|| format!("could not create {}", file.display()))?;
    let mut out = BufWriter::new(handle);
    write(&mut out).and_then(|()| Ok(out.flush()?)).with_context(|| format!("could not write {}", file.display()))
}

/// The JSON Schema of the report that [`write_json`] writes; a test holds reports against it.
pub(crate) const REPORT_SCHEMA: &str = include_str!("report.schema.json");
