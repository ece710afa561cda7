use std::borrow::Cow;

use super::{Pairs, Raw, Unreadable};

/// The order of the columns that a header line told, and what stands between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    columns: Vec<String>,
    delimiter: char,
}

/// Takes one line of columns apart. Lines that begin with `#` are headers or remarks, as W3C logs and Zeek have them.
pub(crate) fn take<'t>(
    line: &'t str,
    columns: &[String],
    delimiter: char,
    header: &mut Option<Header>,
    each: &mut dyn FnMut(Result<Raw<'t>, Unreadable>),
) {
    if let Some(remark) = line.strip_prefix('#') {
        let remark = remark.trim_start();
        let fields = remark.strip_prefix("Fields:").map(|rest| (rest, ' '));
        if let Some((names, delimiter)) = fields.or_else(|| remark.strip_prefix("fields\t").map(|rest| (rest, '\t'))) {
            *header = Some(Header { columns: parts(names, delimiter).map(|name| name.to_string()).collect(), delimiter });
        }
        return;
    }
    if let Some(first) = columns.first()
        && parts(line, delimiter).next().as_deref() == Some(first)
    {
        *header = Some(Header { columns: parts(line, delimiter).map(|name| name.to_string()).collect(), delimiter });
        return;
    }
    let (columns, delimiter) =
        header.as_ref().map_or((columns, delimiter), |header| (header.columns.as_slice(), header.delimiter));
    let values: Vec<Cow<'t, str>> = parts(line, delimiter).collect();
    if values.len() > columns.len() || values.len() * 2 < columns.len() {
        let message = format!("{} columns stand where {} are known", values.len(), columns.len());
        each(Err(Unreadable(message)));
        return;
    }
    let pairs: Pairs<'t> = columns
        .iter()
        .zip(values)
        .filter(|(_, value)| value != "-" && value != "(empty)")
        .map(|(name, value)| (Cow::Owned(name.clone()), value))
        .collect();
    each(Ok(Raw::Pairs(pairs, Cow::Borrowed(line))));
}

/// The parts of a line; those in quotes may hold the delimiter.
fn parts(line: &str, delimiter: char) -> impl Iterator<Item = Cow<'_, str>> {
    let mut rest = Some(line.trim_matches(|character| character == ' ' || character == '\r'));
    std::iter::from_fn(move || {
        let text = rest?;
        // Several blanks are one delimiter; two tabs have an empty value between them.
        let text = if delimiter == ' ' { text.trim_start_matches(' ') } else { text };
        if let Some(quoted) = text.strip_prefix('"') {
            let end = closing_quote(quoted);
            let (inside, after) = quoted.split_at_checked(end).unwrap_or((quoted, ""));
            let after = after.strip_prefix('"').unwrap_or(after);
            rest = after.split_once(delimiter).map(|(_, after)| after);
            return Some(if inside.contains('\\') { Cow::Owned(inside.replace("\\\"", "\"")) } else { Cow::Borrowed(inside) });
        }
        match text.split_once(delimiter) {
            Some((part, after)) => {
                rest = Some(after);
                Some(Cow::Borrowed(part))
            }
            None => {
                rest = None;
                Some(Cow::Borrowed(text))
            }
        }
    })
}

fn closing_quote(text: &str) -> usize {
    let mut escaped = false;
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            b'\\' => escaped = !escaped,
            b'"' if !escaped => return place,
            _ => escaped = false,
        }
    }
    text.len()
}

/// Takes comma-separated values apart; a value may go over several lines.
pub(crate) fn take_csv<'t>(text: &'t str, columns: &[String], each: &mut dyn FnMut(Result<Raw<'t>, Unreadable>)) {
    let mut reader = csv::ReaderBuilder::new().has_headers(columns.is_empty()).flexible(true).from_reader(text.as_bytes());
    let names: Vec<String> = if columns.is_empty() {
        match reader.headers() {
            Ok(names) => names.iter().map(str::to_owned).collect(),
            Err(reason) => return each(Err(Unreadable(format!("no header: {reason}")))),
        }
    } else {
        columns.to_vec()
    };
    for row in reader.records() {
        match row {
            Err(reason) => each(Err(Unreadable(format!("no line of comma-separated values: {reason}")))),
            Ok(row) => {
                let filled = names.iter().zip(row.iter()).filter(|(_, value)| !value.is_empty());
                let pairs: Pairs<'t> =
                    filled.map(|(name, value)| (Cow::Owned(name.clone()), Cow::Owned(value.to_owned()))).collect();
                let line = row.iter().collect::<Vec<_>>().join(",");
                each(Ok(Raw::Pairs(pairs, Cow::Owned(line))));
            }
        }
    }
}
