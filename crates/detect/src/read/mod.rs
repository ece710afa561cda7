//! From a text to records.

mod columns;
mod json;
mod pairs;
mod syslog;

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use regex::Regex;
use serde::{Deserialize, Serialize};
use skywarden_content::{Envelope, LogFormat, LogSourceFile};

pub(crate) use columns::Header;
pub(crate) use json::Expand;

/// The named texts of one record of a log of lines.
pub(crate) type Pairs<'t> = Vec<(Cow<'t, str>, Cow<'t, str>)>;

/// One record as it was read.
#[derive(Debug)]
pub(crate) enum Raw<'t> {
    /// A JSON text.
    Json(Cow<'t, str>),
    /// A line taken apart, the line, and what the reader knew besides it, as [`ReaderState`] in JSON, if that mattered.
    Pairs(Pairs<'t>, Cow<'t, str>, Option<Arc<str>>),
}

/// Takes the records out of texts of one log source.
#[derive(Debug)]
pub(crate) enum Reader {
    Json(Expand),
    Text { envelope: Option<Envelope>, patterns: Vec<Pattern> },
    Pairs { envelope: Option<Envelope> },
    Columns { columns: Vec<String>, delimiter: char },
    Csv { columns: Vec<String> },
}

#[derive(Debug)]
pub(crate) struct Pattern {
    name: String,
    program: Option<String>,
    regex: Regex,
}

/// What a reader remembers of a file between its lines.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(crate) struct ReaderState {
    /// The order of the columns, if a header told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    header: Option<Header>,
    /// The fields of the last system call, by its serial number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    call: Option<(String, BTreeMap<String, String>)>,
}

/// Why a text is no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

impl Reader {
    /// The reader that a log source asks for.
    ///
    /// # Errors
    /// If a pattern is no regular expression.
    pub(crate) fn new(file: &LogSourceFile) -> Result<Self, String> {
        let read = &file.read;
        Ok(match read.format {
            LogFormat::Json => Reader::Json(Expand::new(read)),
            LogFormat::Text => Reader::Text {
                envelope: read.envelope,
                patterns: read
                    .patterns
                    .iter()
                    .map(|pattern| {
                        let regex =
                            Regex::new(&pattern.pattern).map_err(|reason| format!("the pattern `{}`: {reason}", pattern.name))?;
                        Ok(Pattern { name: pattern.name.clone(), program: pattern.program.clone(), regex })
                    })
                    .collect::<Result<_, String>>()?,
            },
            LogFormat::Pairs => Reader::Pairs { envelope: read.envelope },
            LogFormat::Columns => Reader::Columns {
                columns: read.columns.clone(),
                delimiter: read.delimiter.as_deref().and_then(|text| text.chars().next()).unwrap_or(' '),
            },
            LogFormat::Csv => Reader::Csv { columns: read.columns.clone() },
        })
    }

    /// Whether a record may go over several lines, so that a file is no sequence of lines.
    pub(crate) fn spans_lines(&self) -> bool {
        matches!(self, Reader::Csv { .. })
    }

    /// Whether what the columns of a document are stands in its first line.
    pub(crate) fn has_own_header(&self) -> bool {
        matches!(self, Reader::Csv { columns } if columns.is_empty())
    }

    /// Whether its records are JSON.
    pub(crate) fn is_json(&self) -> bool {
        matches!(self, Reader::Json(_))
    }

    /// Takes the records out of one line, or of a whole document.
    pub(crate) fn records<'t>(&self, text: &'t str, state: &mut ReaderState, each: &mut dyn FnMut(Result<Raw<'t>, Unreadable>)) {
        match self {
            Reader::Json(expand) => expand.records(text, each),
            Reader::Text { envelope, patterns } => {
                for line in lines(text) {
                    let mut pairs = Pairs::new();
                    let message = syslog::open(*envelope, line, &mut pairs);
                    match_patterns(patterns, &message, &mut pairs);
                    pairs.push(("message".into(), message));
                    each(Ok(Raw::Pairs(pairs, Cow::Borrowed(line), None)));
                }
            }
            Reader::Pairs { envelope } => {
                for line in lines(text) {
                    let mut pairs = Pairs::new();
                    let message = syslog::open(*envelope, line, &mut pairs);
                    let known = match pairs::take(&message, &mut pairs, &mut state.call) {
                        pairs::Taken::Alone => None,
                        pairs::Taken::WithCall => as_context(&ReaderState { header: None, call: state.call.clone() }),
                    };
                    pairs.push(("message".into(), message));
                    each(Ok(Raw::Pairs(pairs, Cow::Borrowed(line), known)));
                }
            }
            Reader::Columns { columns, delimiter } => {
                for line in lines(text) {
                    columns::take(line, columns, *delimiter, &mut state.header, each);
                }
            }
            Reader::Csv { columns } => columns::take_csv(text, columns, state.header.as_ref(), each),
        }
    }

    /// Takes a record that was kept apart again: its text, and what the reader knew besides it.
    pub(crate) fn kept<'t>(&self, text: &'t str, known: Option<&str>, each: &mut dyn FnMut(Result<Raw<'t>, Unreadable>)) {
        let state = known.map_or_else(|| Ok(ReaderState::default()), serde_json::from_str);
        match (self, state) {
            // It was taken out of its document before.
            (Reader::Json(_), _) => each(Ok(Raw::Json(Cow::Borrowed(text)))),
            (_, Ok(mut state)) => self.records(text, &mut state, each),
            (_, Err(reason)) => each(Err(Unreadable(format!("what was kept beside it can't be read: {reason}")))),
        }
    }
}

/// What a reader knew, to be kept beside a record.
fn as_context(state: &ReaderState) -> Option<Arc<str>> {
    serde_json::to_string(state).ok().map(Arc::from)
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| line.trim_end_matches('\r')).filter(|line| !line.trim().is_empty())
}

fn match_patterns<'t>(patterns: &[Pattern], message: &str, pairs: &mut Pairs<'t>) {
    let program = pairs.iter().find(|(name, _)| name == "program").map(|(_, program)| program.to_string());
    for pattern in patterns {
        let is_other = pattern.program.is_some() && pattern.program.as_deref() != program.as_deref();
        let Some(found) = (if is_other { None } else { pattern.regex.captures(message) }) else { continue };
        pairs.push(("event".into(), Cow::Owned(pattern.name.clone())));
        for name in pattern.regex.capture_names().flatten() {
            if let Some(group) = found.name(name) {
                pairs.push((Cow::Owned(name.to_owned()), Cow::Owned(group.as_str().to_owned())));
            }
        }
        return;
    }
}
