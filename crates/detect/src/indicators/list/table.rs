use jiff::Timestamp;
use skywarden_content::IndicatorKind;

use super::{
    super::{
        Loader,
        guess::{Guessed, guess, refanged},
        label,
    },
    cells,
};
use crate::{Indicator, source::shorten, time::rfc3339};

/// The signs between columns, the likeliest first.
const SIGNS: [char; 4] = [',', ';', '\t', '|'];

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    /// Values of one kind.
    Of(IndicatorKind),
    /// Values of any kind, or of that which the column `Type` names.
    Any,
    Type,
    Labels,
    Confidence,
    From,
    Until,
    Origin,
    Other,
}

/// Names of columns, without signs and in small letters.
const NAMES: &[(Column, &[&str])] = &[
    (
        Column::Of(IndicatorKind::Address),
        &["address", "cidr", "dstip", "ip", "ipaddr", "ipaddress", "ipv4", "ipv6", "network", "prefix", "srcip", "subnet"],
    ),
    (Column::Of(IndicatorKind::Domain), &["domain", "domainname", "fqdn", "host", "hostname"]),
    (Column::Of(IndicatorKind::Url), &["uri", "url"]),
    (Column::Of(IndicatorKind::Hash), &["filehash", "hash", "md5", "md5hash", "sha1", "sha1hash", "sha256", "sha256hash"]),
    (Column::Any, &["indicator", "indicatorvalue", "ioc", "iocvalue", "observable", "value"]),
    (Column::Type, &["indicatortype", "ioctype", "kind", "type"]),
    (Column::Labels, &["category", "categories", "label", "labels", "malware", "tag", "tags", "threat", "threattype"]),
    (Column::Confidence, &["confidence", "confidencelevel"]),
    (Column::From, &["from", "validfrom"]),
    (Column::Until, &["expiration", "expirationdate", "expires", "expiry", "until", "validto", "validuntil"]),
    (Column::Origin, &["origin", "provider", "source"]),
];

/// Words of a column `Type`, without signs and in small letters.
const TYPES: &[(IndicatorKind, &[&str])] = &[
    (
        IndicatorKind::Address,
        &["address", "cidr", "ip", "ipaddress", "ipdst", "ipport", "ipsrc", "ipv4", "ipv4addr", "ipv6", "ipv6addr", "network"],
    ),
    (IndicatorKind::Domain, &["domain", "domainname", "fqdn", "host", "hostname"]),
    (IndicatorKind::Url, &["uri", "url"]),
    (
        IndicatorKind::Hash,
        &["filehashmd5", "filehashsha1", "filehashsha256", "hash", "md5", "md5hash", "sha1", "sha1hash", "sha256", "sha256hash"],
    ),
];

/// What the columns of comma-separated values hold.
#[derive(Debug)]
pub(super) struct Table {
    sign: char,
    columns: Vec<Column>,
}

impl Table {
    /// What a header says; `None` if a line is none.
    pub(super) fn of_header(line: &str) -> Option<Self> {
        let read = |sign: char| -> Option<Vec<Column>> {
            let names = cells(line, sign).ok()?;
            if !names.iter().all(|name| is_name(name)) {
                return None;
            }
            let columns: Vec<Column> = names.iter().map(|name| named(NAMES, name).unwrap_or(Column::Other)).collect();
            columns.iter().any(|column| matches!(column, Column::Of(_) | Column::Any)).then_some(columns)
        };
        SIGNS.into_iter().find_map(|sign| Some(Table { sign, columns: read(sign)? }))
    }

    pub(super) fn n_columns(&self) -> usize {
        self.columns.len()
    }

    /// Whether a line has as many columns.
    pub(super) fn fits(&self, line: &str) -> bool {
        cells(line, self.sign).is_ok_and(|cells| cells.len() == self.columns.len())
    }

    /// Loads one row.
    pub(super) fn load_row(&self, line: &str, place: &str, loader: &mut Loader<'_>) {
        let cells = match cells(line, self.sign) {
            Ok(cells) => cells,
            Err(reason) => return loader.refuse(place, reason),
        };
        if cells.len() != self.columns.len() {
            return loader
                .refuse(place, format_args!("{} columns stand where the header has {}", cells.len(), self.columns.len()));
        }
        let filled: Vec<(Column, &str)> =
            self.columns.iter().copied().zip(cells.iter().map(AsRef::as_ref)).filter(|(_, cell)| is_filled(cell)).collect();
        let values = match values(&filled) {
            Ok(values) => values,
            Err(reason) => return loader.refuse(place, reason),
        };
        let indicator = match described(&filled, loader) {
            Ok(indicator) => indicator,
            Err(reason) => return loader.refuse(place, reason),
        };
        // A row that names a file, the URL that it came from and its host calls the narrowest bad: the host may be everybody's.
        let narrowest = values.iter().map(|value| value.kind).max();
        for Guessed { kind, value, port } in values {
            if Some(kind) == narrowest {
                let mut indicator = indicator.clone();
                indicator.labels.extend(port.map(|port| format!("port {port}")));
                loader.add(place, kind, &value, indicator);
            } else {
                loader.leave_out("beside a narrower value of its row");
            }
        }
    }
}

fn values(filled: &[(Column, &str)]) -> Result<Vec<Guessed>, String> {
    let kind = filled.iter().find(|(column, _)| *column == Column::Type).map(|(_, word)| *word);
    let mut values = Vec::new();
    for (column, text) in filled {
        let value = refanged(text);
        match (column, kind) {
            (Column::Of(kind), _) => values.push(of_kind(*kind, value)),
            (Column::Any, None) => values.push(guess(&value)?),
            (Column::Any, Some(word)) => {
                let kind =
                    named(TYPES, word).ok_or_else(|| format!("events are not searched for the type `{}`", shorten(word, 40)))?;
                values.push(of_kind(kind, value));
            }
            _ => {}
        }
    }
    if values.is_empty() { Err("the row has no value".to_owned()) } else { Ok(values) }
}

/// A value whose kind is told; only the port is taken off.
fn of_kind(kind: IndicatorKind, value: String) -> Guessed {
    match guess(&value) {
        Ok(guessed) if guessed.kind == kind => guessed,
        _ => Guessed { kind, value, port: None },
    }
}

fn described(filled: &[(Column, &str)], loader: &Loader<'_>) -> Result<Indicator, String> {
    let mut indicator = loader.plain();
    let mut labels = Vec::new();
    for (column, text) in filled {
        match column {
            Column::Labels => labels.extend(text.split([',', ';', '|']).map(|label| label.trim().to_owned())),
            Column::Confidence => {
                let confidence = text.trim_end_matches('%').parse().ok().filter(|confidence| *confidence <= 100);
                indicator.confidence =
                    Some(confidence.ok_or_else(|| format!("the confidence `{}` is no number from 0 to 100", shorten(text, 40)))?);
            }
            Column::From => indicator.from = Some(time(text)?),
            Column::Until => indicator.until = Some(time(text)?),
            Column::Origin => indicator.origins = vec![(*text).to_owned()],
            Column::Of(_) | Column::Any | Column::Type | Column::Other => {}
        }
    }
    label::with_own_words(&mut labels);
    indicator.labels.extend(labels);
    Ok(indicator)
}

/// A time of RFC 3339, a day (its first instant), or seconds since 1970.
fn time(text: &str) -> Result<i64, String> {
    let seconds =
        text.parse().ok().filter(|_| (9..=10).contains(&text.len())).and_then(|seconds| Timestamp::from_second(seconds).ok());
    seconds.or_else(|| rfc3339(text)).map(Timestamp::as_millisecond).ok_or_else(|| format!("`{}` is no time", shorten(text, 40)))
}

/// What tables write where there is nothing.
fn is_filled(cell: &str) -> bool {
    !["", "-", "none", "null", "n/a"].contains(&cell.to_lowercase().as_str())
}

/// Whether a cell may be the name of a column: a word or a few. A comment in prose is none, and neither is a value.
fn is_name(cell: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || " _-.()/%".contains(letter);
    cell.len() <= 40 && cell.split_whitespace().count() <= 3 && cell.chars().all(is_part) && guess(&refanged(cell)).is_err()
}

fn named<T: Copy>(table: &[(T, &[&str])], name: &str) -> Option<T> {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect();
    table.iter().find(|(_, names)| names.contains(&plain.as_str())).map(|(meant, _)| *meant)
}

#[cfg(test)]
mod tests {
    use crate::{
        Entry, Intelligence,
        indicators::{Feed, Loaded, read},
    };

    fn load(text: &str) -> (Vec<Entry>, Loaded) {
        let mut known = Intelligence::default();
        let loaded = read(text.as_bytes(), Feed { name: "the table", labels: &[] }, &mut known);
        (known.entries(), loaded)
    }

    #[test]
    fn columns_are_found_by_their_names() {
        for text in [
            "value,type,tags,confidence,valid_until,valid_from,source\n\
             bad.example,domain,\"c2, Own\",80,2026-06-01,2026-01-01T00:00:00Z,us\n",
            "\"Value\";\"Type\";\"Labels\";\"Confidence\";\"Expires\";\"From\";\"Origin\"\n\
             \"bad[.]example\";\"FQDN\";\"cnc|own\";\"80%\";\"1780272000\";\"2026-01-01\";\"us\"\n",
            "# made by us\n# domain\ttags\tconfidence\tvalid until\tvalid from\tsource\n\
             bad.example\tc2;own\t80\t2026-06-01\t2026-01-01\tus\n",
        ] {
            let (entries, loaded) = load(text);
            assert_eq!((entries.len(), loaded.n_unusable), (1, 0), "{text}: {loaded:?}");
            let known = &entries[0].indicator;
            assert!(known.labels.contains(&"c2".to_owned()) && known.labels.contains(&"own".to_owned()), "{text}: {known:?}");
            assert_eq!(
                (known.confidence, known.from, known.until),
                (Some(80), Some(1_767_225_600_000), Some(1_780_272_000_000)),
                "{text}"
            );
            assert_eq!(known.origins, ["us"], "{text}");
        }
    }

    #[test]
    fn of_a_row_the_narrowest_counts() {
        let hash = "a1b2c3d4e5f60718293a4b5c6d7e8f90";
        let text = format!(
            "ip,host,url,md5\n198.51.100.7,host.example,http://host.example/x,\n\
             ,host.example,http://host.example/y,{hash}\n198.51.100.8,,,-\n"
        );
        let (entries, loaded) = load(&text);
        let values: Vec<&str> = entries.iter().map(|entry| entry.value.as_str()).collect();
        assert_eq!(values, ["198.51.100.8", "http://host.example/x", hash]);
        assert_eq!(loaded.left_out.get("beside a narrower value of its row"), Some(&4));
    }

    #[test]
    fn a_column_of_any_kind_and_one_with_a_port() {
        let (entries, loaded) = load("indicator\nbad.example\n198.51.100.0/24\nhxxp://bad.example/x\n");
        assert_eq!((entries.len(), loaded.n_unusable), (3, 0), "{loaded:?}");
        let (entries, _) = load("ioc_value,ioc_type\n198.51.100.7:443,ip:port\n");
        assert_eq!(
            (entries[0].value.as_str(), entries[0].indicator.labels.as_slice()),
            ("198.51.100.7", &["port 443".to_owned()][..])
        );
    }

    #[test]
    fn a_wrong_row_is_told_and_loses_no_other() {
        let (entries, loaded) = load(
            "value,type,confidence,expires\n\"bad.example,domain,1,\nbad.example,domain\n\
             bad.example,yara,1,\nbad.example,domain,much,\n\
             bad.example,domain,1,soon\n,domain,1,\nbad.example,ip,1,\n\"x\"y,domain,1,\ngood.example,domain,,2026-01-01\n",
        );
        assert_eq!(entries.iter().map(|entry| entry.value.as_str()).collect::<Vec<_>>(), ["good.example"]);
        let told: Vec<String> = loaded.unusable.iter().map(ToString::to_string).collect();
        for (line, part) in [
            (2, "no end"),
            (3, "2 columns"),
            (4, "`yara`"),
            (5, "confidence"),
            (6, "no time"),
            (7, "no value"),
            (8, "neither"),
            (9, "missing"),
        ] {
            assert!(
                told.iter().any(|told| told.starts_with(&format!("line {line}:")) && told.contains(part)),
                "{line}: {told:?}"
            );
        }
        assert_eq!(told.len(), 8);
    }

    #[test]
    fn prose_and_values_are_no_header() {
        for text in [
            "# Source: a list of ip, domain and url that we keep\nbad.example\n",
            "# ip, domain\nbad.example\n",
            "bad.example,domain\n",
            "198.51.100.7,url\n",
            "# x\n# i:p\ty\nbad.example\n",
        ] {
            let (entries, loaded) = load(text);
            assert_eq!((entries.len(), loaded.n_unusable), (1, 0), "{text}: {loaded:?}");
        }
        let (entries, loaded) = load("a\ti:\u{a1}p\nbad.example\n");
        assert_eq!((entries.len(), loaded.n_unusable), (1, 1), "{loaded:?}");
    }
}
