use std::{
    borrow::Cow,
    sync::{Arc, OnceLock},
};

use serde::{Deserialize, Serialize};

use super::{Pairs, Raw, ReaderState, Unreadable, as_context};

/// The order of the columns that a header line told, and what stands between them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    columns: Vec<String>,
    delimiter: char,
    /// What is kept beside each record that it told the columns of.
    #[serde(skip)]
    context: OnceLock<Option<Arc<str>>>,
}

impl Header {
    fn new(columns: Vec<String>, delimiter: char) -> Self {
        Header { columns, delimiter, context: OnceLock::new() }
    }

    fn context(&self) -> Option<Arc<str>> {
        let bare = || Header::new(self.columns.clone(), self.delimiter);
        self.context.get_or_init(|| as_context(&ReaderState { header: Some(bare()), call: None })).clone()
    }
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
            *header = Some(Header::new(parts(names, delimiter).map(|name| name.to_string()).collect(), delimiter));
        }
        return;
    }
    if is_header(line, columns, delimiter) {
        *header = Some(Header::new(parts(line, delimiter).map(|name| name.to_string()).collect(), delimiter));
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
    each(Ok(Raw::Pairs(pairs, Cow::Borrowed(line), header.as_ref().and_then(Header::context))));
}

/// Whether a line names columns: it begins with the first one's name, or is all words, of which some are names of columns.
fn is_header(line: &str, columns: &[String], delimiter: char) -> bool {
    let mut words = parts(line, delimiter).peekable();
    if words.peek().is_some_and(|word| columns.first().is_some_and(|first| first == word)) {
        return true;
    }
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphabetic() || b"-_".contains(&byte));
    let mut n_known = 0;
    for word in words {
        if !is_word(&word) {
            return false;
        }
        n_known += usize::from(columns.iter().any(|column| *column == word));
    }
    n_known >= 3
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

/// Takes comma-separated values apart; a value may go over several lines. Without known columns and without a header of another text
/// the first line names them.
pub(crate) fn take_csv<'t>(
    text: &'t str,
    columns: &[String],
    header: Option<&Header>,
    each: &mut dyn FnMut(Result<Raw<'t>, Unreadable>),
) {
    let columns = header.map_or(columns, |header| header.columns.as_slice());
    let has_own_header = columns.is_empty();
    let mut reader = csv::ReaderBuilder::new().has_headers(has_own_header).flexible(true).from_reader(text.as_bytes());
    let names: Vec<String> = if has_own_header {
        match reader.headers() {
            Ok(names) => names.iter().map(str::to_owned).collect(),
            Err(reason) => return each(Err(Unreadable(format!("no header: {reason}")))),
        }
    } else {
        columns.to_vec()
    };
    let told = (has_own_header || header.is_some()).then(|| Header::new(names.clone(), ','));
    for row in reader.records() {
        match row {
            Err(reason) => each(Err(Unreadable(format!("no line of comma-separated values: {reason}")))),
            Ok(row) => {
                let filled = names.iter().zip(row.iter()).filter(|(_, value)| !value.is_empty());
                let pairs: Pairs<'t> =
                    filled.map(|(name, value)| (Cow::Owned(name.clone()), Cow::Owned(value.to_owned()))).collect();
                let line = row.iter().map(quoted).collect::<Vec<_>>().join(",");
                each(Ok(Raw::Pairs(pairs, Cow::Owned(line), told.as_ref().and_then(Header::context))));
            }
        }
    }
}

/// A value as it stands between commas.
fn quoted(value: &str) -> Cow<'_, str> {
    if value.contains([',', '"', '\n', '\r']) {
        Cow::Owned(format!("\"{}\"", value.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str], columns: &[&str], delimiter: char) -> Vec<Result<Vec<(String, String)>, String>> {
        let columns: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
        let (mut header, mut read) = (None, Vec::new());
        for line in lines {
            take(line, &columns, delimiter, &mut header, &mut |raw| {
                read.push(match raw {
                    Ok(Raw::Pairs(pairs, ..)) => {
                        Ok(pairs.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
                    }
                    Ok(Raw::Json(text)) => Err(text.into_owned()),
                    Err(reason) => Err(reason.to_string()),
                });
            });
        }
        read
    }

    fn pairs(pairs: &[(&str, &str)]) -> Result<Vec<(String, String)>, String> {
        Ok(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn headers_of_all_kinds_give_the_order() {
        let known = ["version", "account-id", "srcaddr", "dstaddr"];
        let expected = [pairs(&[("srcaddr", "192.0.2.1"), ("dstaddr", "192.0.2.2"), ("account-id", "1")])];
        for (header, line, delimiter) in [
            ("srcaddr dstaddr account-id tcp-flags", "192.0.2.1 192.0.2.2 1 -", ' '),
            ("#Fields: srcaddr dstaddr account-id x", "192.0.2.1 192.0.2.2 1 -", ' '),
            ("#fields\tsrcaddr\tdstaddr\taccount-id\tx", "192.0.2.1\t192.0.2.2\t1\t(empty)", '\t'),
        ] {
            assert_eq!(read(&[header, line], &known, delimiter), expected, "{header}");
        }
        assert_eq!(
            read(&["2 1 192.0.2.1 -"], &known, ' '),
            [pairs(&[("version", "2"), ("account-id", "1"), ("srcaddr", "192.0.2.1")])]
        );
    }

    #[test]
    fn a_line_of_another_shape_is_told() {
        assert_eq!(read(&["one two three four five"], &["a", "b"], ' '), [Err("5 columns stand where 2 are known".to_owned())]);
    }

    #[test]
    fn values_in_quotes_may_hold_the_delimiter() {
        assert_eq!(
            read(&[r#"x "two \"words\"" z"#], &["a", "b", "c"], ' '),
            [pairs(&[("a", "x"), ("b", "two \"words\""), ("c", "z")])]
        );
    }
}
