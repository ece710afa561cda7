use std::{
    io::{BufWriter, IsTerminal as _, StdoutLock, Write as _},
    time::Instant,
};

use serde::{Serializer as _, ser::SerializeMap as _};
use serde_json::Value;
use skywarden_archive::Archive;
use skywarden_hunt::{Column, Hunt, HuntError};

use crate::{
    arguments::{HuntArguments, HuntFormat},
    output::{new_table, text_for_terminal},
};

/// A table shows so many rows unless it is told otherwise: all of its rows are in memory at once.
const ROWS_OF_TABLE: usize = 100;

/// Of a value a table shows so many characters.
const CELL: usize = 300;

/// Answers what is asked and prints it while it is found. `known` gives the log sources that there are, with or without events.
pub(crate) async fn ask(
    arguments: &HuntArguments,
    archive: &Archive,
    known: impl Fn() -> anyhow::Result<Vec<String>>,
) -> anyhow::Result<()> {
    let started = Instant::now();
    let Some(sql) = &arguments.sql else { return schema(&open(archive, &known()?).await?, arguments.format) };
    let mut answer = match open(archive, &[]).await?.query(sql).await {
        // It may name a log source of which no event came yet. To know all takes longer than most answers.
        Err(HuntError::Sql { .. }) => open(archive, &known()?).await?.query(sql).await?,
        other => other?,
    };
    let most = match (arguments.limit, arguments.format) {
        (Some(limit), _) => limit,
        (None, HuntFormat::Table) => ROWS_OF_TABLE,
        (None, HuntFormat::Json | HuntFormat::Csv) => usize::MAX,
    };
    let mut printer = Printer::new(arguments.format, &answer.columns())?;
    let (mut n_rows, mut has_more) = (0, false);
    while let Some(rows) = answer.next().await? {
        rows.each(most - n_rows, |row| printer.row(&row))?;
        has_more = n_rows + rows.len() > most;
        n_rows = (n_rows + rows.len()).min(most);
        if has_more {
            break;
        }
    }
    printer.finish()?;
    let more = if has_more { " shown; there are more (--limit N, or --format json or csv)" } else { "" };
    let plural = if n_rows == 1 { "" } else { "s" };
    eprintln!("{n_rows} row{plural}{more}, {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

async fn open(archive: &Archive, known: &[String]) -> Result<Hunt, HuntError> {
    Hunt::open(archive, known.iter().map(String::as_str)).await
}

/// Writes rows in one of the formats.
enum Printer {
    Table(comfy_table::Table),
    Json(Vec<String>, BufWriter<StdoutLock<'static>>),
    Csv(Box<csv::Writer<StdoutLock<'static>>>),
}

impl Printer {
    fn new(format: HuntFormat, columns: &[Column]) -> anyhow::Result<Self> {
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        Ok(match format {
            HuntFormat::Table => {
                let header: Vec<String> = names.iter().map(|name| text_for_terminal(name, CELL)).collect();
                let header: Vec<&str> = header.iter().map(String::as_str).collect();
                let mut table = new_table(&header);
                // Where nobody says how wide it is, lines are as long as what they hold.
                if !std::io::stdout().is_terminal() {
                    table.set_content_arrangement(comfy_table::ContentArrangement::Disabled);
                }
                Printer::Table(table)
            }
            HuntFormat::Json => Printer::Json(names, BufWriter::new(std::io::stdout().lock())),
            HuntFormat::Csv => {
                let mut writer = csv::Writer::from_writer(std::io::stdout().lock());
                writer.write_record(&names)?;
                Printer::Csv(Box::new(writer))
            }
        })
    }

    fn row(&mut self, row: &[Value]) -> anyhow::Result<()> {
        match self {
            Printer::Table(table) => {
                table.add_row(row.iter().map(|value| text_for_terminal(&text(value), CELL)));
            }
            Printer::Json(names, out) => {
                let mut line = serde_json::Serializer::new(&mut *out);
                let mut members = line.serialize_map(Some(names.len()))?;
                for (name, value) in names.iter().zip(row) {
                    members.serialize_entry(name, value)?;
                }
                members.end()?;
                out.write_all(b"\n")?;
            }
            Printer::Csv(writer) => writer.write_record(row.iter().map(|value| match value {
                // A spreadsheet takes some texts for formulas.
                Value::String(text) => skywarden_report::cell(text),
                other => text(other),
            }))?,
        }
        Ok(())
    }

    fn finish(self) -> anyhow::Result<()> {
        match self {
            Printer::Table(table) => writeln!(std::io::stdout(), "{table}")?,
            Printer::Json(_, mut out) => out.flush()?,
            Printer::Csv(mut writer) => writer.flush()?,
        }
        Ok(())
    }
}

/// A value without the quotes of JSON; nothing where there is none.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Tables and columns. All tables have the same columns, so for people these stand once.
fn schema(hunt: &Hunt, format: HuntFormat) -> anyhow::Result<()> {
    let mut names = vec!["table".to_owned(), "source".to_owned()];
    if format != HuntFormat::Table {
        names.extend(["column".to_owned(), "kind".to_owned()]);
    }
    let columns =
        |names: Vec<String>| -> Vec<Column> { names.into_iter().map(|name| Column { name, kind: "text".to_owned() }).collect() };
    let mut printer = Printer::new(format, &columns(names))?;
    for table in hunt.tables() {
        let source = table.source.clone().unwrap_or_else(|| "all log sources".to_owned());
        let own = [Value::String(table.name.clone()), Value::String(source)];
        if format == HuntFormat::Table {
            printer.row(&own)?;
            continue;
        }
        for column in &table.columns {
            let more = [Value::String(column.name.clone()), Value::String(column.kind.clone())];
            printer.row(&[own.clone(), more].concat())?;
        }
    }
    printer.finish()?;
    if format == HuntFormat::Table {
        let mut printer = Printer::new(format, &columns(vec!["column of each table".to_owned(), "kind".to_owned()]))?;
        for column in hunt.tables().first().map(|table| table.columns.as_slice()).unwrap_or_default() {
            printer.row(&[Value::String(column.name.clone()), Value::String(column.kind.clone())])?;
        }
        printer.finish()?;
    }
    Ok(())
}
