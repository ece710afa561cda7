//! What is kept of a record is enough to look at it again, whatever its log source.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use jiff::Timestamp;
use skywarden_content::Catalog;
use skywarden_detect::{BadRecord, COLUMNS, CONTEXT, Clock, Detect, Kept, Row, Run, Sink};

/// A row that borrows nothing.
#[derive(Debug, Clone, PartialEq)]
struct Own {
    id: String,
    time: Timestamp,
    class: &'static str,
    columns: Vec<Option<String>>,
    raw: String,
}

#[derive(Default)]
struct Rows {
    rows: Vec<Own>,
    bad: Vec<String>,
}

impl Sink for Rows {
    fn row(&mut self, row: &Row<'_>) {
        self.rows.push(Own {
            id: row.id().into_owned(),
            time: row.time,
            class: row.class.name,
            columns: row.columns.iter().map(|column| column.as_deref().map(str::to_owned)).collect(),
            raw: row.raw.to_owned(),
        });
    }

    fn bad(&mut self, record: BadRecord) {
        self.bad.push(record.reason);
    }
}

fn detect(catalog: &Catalog, id: &str) -> Detect {
    let mut own = Catalog::default();
    own.log_sources.insert(id.to_owned(), catalog.log_sources.get(id).unwrap().clone());
    let (detect, refused) = Detect::with_rows(&own, Vec::new(), &Default::default());
    assert!(refused.is_empty(), "{refused:?}");
    detect
}

/// Takes rows out of texts, then out of what is kept of these rows.
fn twice(detect: &Detect, id: &str, texts: &[String]) -> (Rows, Rows) {
    let received: Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
    let (mut run, mut first, mut second) = (Run::default(), Rows::default(), Rows::default());
    let mut input = detect.input(id).unwrap();
    for text in texts {
        detect.feed(&mut run, &mut input, text, Clock::OfRecords(received), &mut first);
    }
    let context = COLUMNS.iter().position(|(name, _)| *name == CONTEXT).unwrap();
    let mut input = detect.input(id).unwrap();
    for row in &first.rows {
        let context = row.columns.get(context).and_then(Option::as_deref);
        let kept = Kept { text: &row.raw, context, time: row.time, received };
        detect.feed_kept(&mut run, &mut input, &kept, &mut second);
    }
    (first, second)
}

#[test]
fn records_of_every_log_source_are_the_same_again() {
    let catalog = Catalog::embedded_with_tests().unwrap();
    let mut n_rows = 0;
    for (id, file) in &catalog.log_sources {
        let texts: Vec<String> = file
            .tests
            .iter()
            .map(|test| test.record.as_ref().map_or_else(|| test.line.clone().unwrap_or_default(), ToString::to_string))
            .collect();
        let (first, second) = twice(&detect(&catalog, id), id, &texts);
        assert!(!first.rows.is_empty(), "{id}");
        assert_eq!(second.bad, Vec::<String>::new(), "{id}");
        assert_eq!(first.rows, second.rows, "{id}");
        n_rows += first.rows.len();
    }
    assert!(n_rows > 250, "{n_rows}");
}

#[test]
fn headers_quotes_and_system_calls_before_a_record_are_kept_with_it() {
    let catalog = Catalog::embedded_with_threats().unwrap();
    let cases = [
        (
            "aws-vpc-flow",
            "srcaddr dstaddr dstport action start end account-id\n192.0.2.1 192.0.2.9 22 REJECT 1772359200 1772359260 111122223333",
            Some("192.0.2.1"),
        ),
        (
            "linux-auditd",
            "type=SYSCALL msg=audit(1772359200.123:7): arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=2 auid=1000 uid=0 \
             tty=pts0 ses=3 comm=\"cat\" exe=\"/usr/bin/cat\" key=\"x\"\ntype=PATH msg=audit(1772359200.123:7): item=0 \
             name=\"/etc/shadow\" nametype=NORMAL",
            None,
        ),
    ];
    for (id, text, source) in cases {
        let (first, second) = twice(&detect(&catalog, id), id, &[text.to_owned()]);
        assert_eq!(first.bad, Vec::<String>::new(), "{id}");
        assert_eq!(first.rows, second.rows, "{id}");
        let last = first.rows.last().unwrap_or_else(|| panic!("{id} has no row"));
        assert!(last.columns.last().unwrap().is_some(), "{id} keeps what its reader knew: {last:?}");
        assert!(source.is_none() || last.columns.iter().any(|column| column.as_deref() == source), "{last:?}");
    }
    // A value with a comma, a quote and a line break.
    let mut own = Catalog::default();
    let file = "id: sheet\ntitle: \"Sheet\"\ndescription: \"Values.\"\nread: { format: csv }\nevents: []\n";
    let source = skywarden_content::Source::parse(file).unwrap_or_else(|error| panic!("{}", error.message));
    own.log_sources.insert("sheet".to_owned(), serde_json::from_value(source.value).unwrap());
    let (detect, refused) = Detect::with_rows(&own, Vec::new(), &Default::default());
    assert!(refused.is_empty(), "{refused:?}");
    let (first, second) = twice(&detect, "sheet", &["who,what\nanna,\"one, \"\"two\"\"\nthree\"\nben,x\n".to_owned()]);
    assert_eq!(first.rows.iter().map(|row| row.raw.as_str()).collect::<Vec<_>>(), ["anna,\"one, \"\"two\"\"\nthree\"", "ben,x"]);
    assert_eq!((first.rows, Vec::<String>::new()), (second.rows, second.bad));
}
