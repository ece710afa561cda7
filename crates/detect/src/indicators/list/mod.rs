//! Lists: one value a line, lines of a hosts file, or comma-separated values under a header.

mod table;

use std::{borrow::Cow, net::IpAddr};

use skywarden_content::IndicatorKind;

use super::{
    Loader,
    document::is_uuid,
    guess::{Guessed, guess, range, refanged},
};
use crate::take::address;
use table::Table;

/// A line is read if it is at most so long, in bytes.
const MAX_LINE: usize = 64 << 10;

/// Names of a machine itself, with which hosts files begin.
const LOCAL_NAMES: &[&str] = &["broadcasthost", "local", "localhost", "localhost.localdomain", "localhost4", "localhost6"];

/// Loads all lines. A header names the columns; it may be a comment, the last before the first value.
pub(super) fn load(text: &[u8], loader: &mut Loader<'_>) {
    let mut header = Header::Unknown(None);
    for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let place = format!("line {}", number + 1);
        if line.len() > MAX_LINE {
            loader.refuse(&place, format_args!("the line is longer than {} KiB", MAX_LINE >> 10));
            continue;
        }
        // Comments may be in any encoding; a value with a letter that can't be read is refused as what it looks like.
        let line = String::from_utf8_lossy(line);
        let line = line.trim_start_matches('\u{feff}').trim();
        if let Some(comment) = line.strip_prefix(['#', ';']) {
            if let Header::Unknown(before) = &mut header {
                *before = Table::of_header(comment.trim_start_matches(['#', ' ']))
                    .filter(|table| table.n_columns() > 1)
                    .or(before.take());
            }
            continue;
        }
        if line.is_empty() {
            continue;
        }
        if number == 0 && is_index_of_misp(line) {
            return loader.refuse(&place, "the index of a feed of MISP holds hashes of values, not of files");
        }
        if let Header::Unknown(comment) = header {
            let found = Table::of_header(line);
            let is_header = found.is_some();
            header = match found.or(comment.filter(|table| table.fits(line))) {
                Some(table) => Header::Of(table),
                None => Header::Without,
            };
            if is_header {
                continue;
            }
        }
        match &header {
            Header::Of(table) => table.load_row(line, &place, loader),
            Header::Unknown(_) | Header::Without => load_line(line, &place, loader),
        }
    }
}

/// What is known of the columns.
enum Header {
    /// Before the first value, with what a comment said.
    Unknown(Option<Table>),
    Of(Table),
    Without,
}

/// Whether a line is one of `hashes.csv`: the MD5 of a value and the uuid of its event.
fn is_index_of_misp(line: &str) -> bool {
    line.split_once(',')
        .is_some_and(|(hash, uuid)| hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) && is_uuid(uuid.trim()))
}

fn load_line(line: &str, place: &str, loader: &mut Loader<'_>) {
    let (value, behind) = first_value(line);
    if let Some(names) = names_of_hosts(value, behind) {
        return load_hosts(&names, place, loader);
    }
    // A range may be written with blanks: `198.51.100.0 - 198.51.100.255`.
    let spaced = behind.trim_start().strip_prefix('-').map(|end| format!("{value}-{}", first_value(end.trim_start()).0));
    if let Some(networks) = spaced.as_deref().and_then(range).or_else(|| range(&refanged(value))) {
        return match networks {
            Ok(networks) => {
                networks.iter().for_each(|network| loader.add(place, IndicatorKind::Address, network, loader.plain()))
            }
            Err(reason) => loader.refuse(place, reason),
        };
    }
    load_value(value, place, loader);
}

fn load_value(value: &str, place: &str, loader: &mut Loader<'_>) {
    match guess(&refanged(value)) {
        Ok(Guessed { kind, value, port }) => {
            let mut indicator = loader.plain();
            indicator.labels.extend(port.map(|port| format!("port {port}")));
            loader.add(place, kind, &value, indicator);
        }
        Err(reason) => loader.refuse(place, reason),
    }
}

/// The value at the beginning of a line and what follows it. A URL may hold commas and semicolons, so that it goes to the next
/// blank.
fn first_value(line: &str) -> (&str, &str) {
    let quoted = line.strip_prefix('"').and_then(|rest| rest.split_once('"'));
    if let Some((value, behind)) = quoted {
        return (value.trim(), behind);
    }
    let end = line.find(char::is_whitespace).unwrap_or(line.len());
    let (word, _) = line.split_at_checked(end).unwrap_or((line, ""));
    let value = if word.contains("://") || word.contains("[:]//") {
        word.trim_end_matches([',', ';'])
    } else {
        word.split([',', ';', '#']).next().unwrap_or(word)
    };
    (value, line.get(value.len()..).unwrap_or_default())
}

/// The names of a line of a hosts file, which stand behind an address that leads nowhere.
fn names_of_hosts<'l>(value: &str, behind: &'l str) -> Option<Vec<&'l str>> {
    let address: IpAddr = value.split('%').next()?.parse().ok()?;
    let is_link_local = match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    let is_broadcast = address == IpAddr::from([255; 4]);
    if !(address.is_loopback() || address.is_unspecified() || address.is_multicast() || is_link_local || is_broadcast) {
        return None;
    }
    if !behind.starts_with(char::is_whitespace) {
        return None;
    }
    let names = behind.split(['#', ';']).next().unwrap_or_default().split_whitespace();
    let names: Vec<&str> = names.collect();
    (!names.is_empty()).then_some(names)
}

fn load_hosts(names: &[&str], place: &str, loader: &mut Loader<'_>) {
    for name in names {
        let small = name.to_lowercase();
        let is_local = LOCAL_NAMES.contains(&small.as_str()) || small.starts_with("ip6-");
        if is_local || address(&small).is_some() {
            loader.leave_out("a name of the machine itself");
        } else {
            loader.add(place, IndicatorKind::Domain, &refanged(name), loader.plain());
        }
    }
}

/// Takes a line of comma-separated values apart; a value in quotes may hold the sign, and a quote as two.
fn cells(line: &str, sign: char) -> Result<Vec<Cow<'_, str>>, String> {
    let mut cells = Vec::new();
    let mut rest = Some(line);
    while let Some(text) = rest {
        let trimmed = text.trim_start_matches([' ', '\u{feff}']);
        let (cell, behind) = match trimmed.strip_prefix('"') {
            Some(inner) => {
                let (cell, behind) = quoted(inner).ok_or("a quote has no end")?;
                (Cow::Owned(cell), behind.trim_start_matches(' '))
            }
            None => {
                let (cell, _) = text.split_once(sign).unwrap_or((text, ""));
                (Cow::Borrowed(cell.trim()), text.get(cell.len()..).unwrap_or_default())
            }
        };
        cells.push(cell);
        rest = match behind.strip_prefix(sign) {
            Some(behind) => Some(behind),
            None if behind.is_empty() => None,
            None => return Err(format!("`{sign}` is missing behind a quote")),
        };
    }
    Ok(cells)
}

fn quoted(inner: &str) -> Option<(String, &str)> {
    let (mut cell, mut rest) = (String::new(), inner);
    loop {
        let (before, behind) = rest.split_once('"')?;
        cell.push_str(before);
        match behind.strip_prefix('"') {
            Some(more) => {
                cell.push('"');
                rest = more;
            }
            None => return Some((cell.trim().to_owned(), behind)),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        Entry, Intelligence,
        indicators::{Feed, Loaded, read},
    };

    fn load(text: &[u8]) -> (Vec<Entry>, Loaded) {
        let mut known = Intelligence::default();
        let loaded = read(text, Feed { name: "the list", labels: &[] }, &mut known);
        (known.entries(), loaded)
    }

    fn values(text: &str) -> Vec<String> {
        load(text.as_bytes()).0.into_iter().map(|entry| entry.value).collect()
    }

    #[test]
    fn values_stand_before_comments() {
        for (line, expected) in [
            ("198.51.100.7", "198.51.100.7"),
            ("  198.51.100.7\r", "198.51.100.7"),
            ("198.51.100.0/24 ; SBL1 said so", "198.51.100.0/24"),
            ("198.51.100.7,scanner,2026", "198.51.100.7"),
            ("198.51.100.7;scanner", "198.51.100.7"),
            ("198.51.100.7# scanner", "198.51.100.7"),
            ("198.51.100[.]7\tseen", "198.51.100.7"),
            ("\"bad.example\",\"x\"", "bad.example"),
            ("hxxps://bad[.]example/a,b;c phishing", "https://bad.example/a,b;c"),
            ("http://bad.example/x, phishing", "http://bad.example/x"),
            ("198.51.100.0-198.51.100.127", "198.51.100.0/25"),
            ("198.51.100.0 - 198.51.100.127 a net", "198.51.100.0/25"),
            ("0.0.0.0 bad.example", "bad.example"),
            ("127.0.0.1\tBad.Example # ads", "bad.example"),
            (":: bad.example", "bad.example"),
            ("\u{feff}bad.example", "bad.example"),
            ("A1B2C3D4E5F60718293A4B5C6D7E8F90  a.exe", "a1b2c3d4e5f60718293a4b5c6d7e8f90"),
        ] {
            assert_eq!(values(line), [expected], "{line}");
            assert_eq!(values(&format!("# a list\n; of bad ones\n\n{line}\n")), [expected], "{line}");
        }
        assert_eq!(values("0.0.0.0 a.example b.example"), ["a.example", "b.example"]);
        assert_eq!(load(b"198.51.100.7:4444").0[0].indicator.labels, ["port 4444"]);
    }

    #[test]
    fn a_wrong_line_is_told_and_loses_no_other() {
        let text = b"good.example\nnothing\n10.0.0.0-10.0.0.9\n127.0.0.1 localhost\n\
                     \xff\xfe.example\n198.51.100.9-198.51.100.8\nalso.example\n";
        let (entries, loaded) = load(&[text.as_slice(), &vec![b'x'; super::MAX_LINE + 1], b"\nlast.example"].concat());
        let values: Vec<&str> = entries.iter().map(|entry| entry.value.as_str()).collect();
        assert_eq!(values, ["also.example", "good.example", "last.example"]);
        let places: Vec<&str> = loaded.unusable.iter().map(|one| one.place.as_str()).collect();
        assert_eq!(places, ["line 2", "line 3", "line 3", "line 5", "line 6", "line 8"], "{loaded:?}");
        assert_eq!(loaded.left_out.get("a name of the machine itself"), Some(&1));
        assert_eq!(entries[0].indicator.origins, ["the list"]);
    }

    #[test]
    fn lists_may_begin_as_json_does() {
        assert_eq!(values("[2001:db8::7]:443\nbad.example\n"), ["2001:db8::7", "bad.example"]);
        assert_eq!(values("[a header]\nbad.example\n"), ["bad.example"]);
    }

    #[test]
    fn the_index_of_a_misp_feed_is_no_list_of_hashes() {
        let (entries, loaded) = load(b"a1b2c3d4e5f60718293a4b5c6d7e8f90,5b8e2f1a-1111-4222-8333-444455556666\n");
        assert!(entries.is_empty() && loaded.unusable[0].reason.contains("index"), "{loaded:?}");
    }
}
