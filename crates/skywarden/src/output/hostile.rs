//! Estates whose names try to be more than names, in every format.

use std::{collections::BTreeMap, io::Write};

use serde_json::{Value, json};
use skywarden_content::Catalog;
use skywarden_model::{Carried, Coverage, ListOutcome, Resource, Scope, Snapshot, Timestamp};
use skywarden_posture::{Known, Reported, assess_for_report};

const NAMES: [&str; 9] = [
    "<img src=x onerror=\"window.wasRun=1\">",
    "</script><script>window.wasRun=1</script>",
    "<!--<script>",
    "=HYPERLINK(\"http://127.0.0.1/\",\"click\")",
    "\u{1b}[2J\u{1b}]0;title\u{7}bell",
    "right\u{202e}tfel",
    "quote\"'`\\ and \n line",
    "[click](http://127.0.0.1/) {0}",
    "javascript:window.wasRun=1",
];

fn estate(catalog: &Catalog) -> Reported {
    let resources: Vec<Resource> = NAMES.iter().enumerate().map(|(number, name)| bucket(number, name)).collect();
    let coverage = vec![Coverage {
        type_name: "AWS::S3::Bucket".into(),
        account: "<i>1</i>".into(),
        region: "<b>global</b>".into(),
        outcome: ListOutcome::Complete { n_resources: resources.len() as u64 },
        denied: Vec::new(),
    }];
    let taken_at: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
    let snapshot = Snapshot { connector: "<u>c</u>".into(), taken_at, resources, coverage };
    assess_for_report(catalog, snapshot.with(Into::into), &Known::default(), taken_at)
}

fn bucket(number: usize, name: &str) -> Resource {
    Resource {
        id: format!("hostile-{number}-{name}").into(),
        type_name: "AWS::S3::Bucket".into(),
        name: name.to_owned(),
        scope: Scope { connector: "<u>c</u>".into(), account: "<i>1</i>".into(), resource_group: "<b>r</b>".into() },
        location: None,
        tags: BTreeMap::from([("<script>window.wasRun=1</script>".to_owned(), name.to_owned())]),
        envelope: serde_json::Map::new(),
        properties: json!({ "Name": name, "Policy": { "Statement": [{ "Effect": "Allow", "Principal": "*", "Action": name }] } }),
        unreadable: Vec::new(),
        carried: Carried::All,
    }
}

type Writer = fn(&Catalog, &Reported, &mut dyn Write) -> anyhow::Result<()>;

fn written(write: Writer) -> String {
    let catalog = Catalog::embedded().unwrap();
    let mut text = Vec::new();
    write(&catalog, &estate(&catalog), &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn html_shows_them_as_text() {
    let page = written(super::write_html);
    for wanted in ["&lt;u&gt;c&lt;/u&gt; &lt;i&gt;1&lt;/i&gt;", "\\u003c/script>", "hostile-8-javascript"] {
        assert!(page.contains(wanted), "{wanted} is not in the page");
    }
    for refused in ["<img", "<i>1", "<b>r", "<u>", "<!--", "<script>window", "\u{1b}", "\u{7}", "\u{202e}"] {
        assert!(!page.contains(refused), "{refused} is in the page");
    }
    // The data and the page's own script, nothing else.
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("</script").count(), 2);
    assert_eq!(page.matches("<style").count(), 1);
    let markup = page.split("<script").next().unwrap();
    let tags = markup.split("</style>").nth(1).unwrap().split('<').filter_map(|part| part.split_once('>')).map(|(tag, _)| tag);
    for tag in tags {
        // Between the quotes are values; what is left are names.
        let names: String = tag.split('"').step_by(2).collect();
        assert!(!names.contains(" style=") && !names.contains(" on"), "a style or a handler in <{tag}>");
    }
}

#[test]
fn html_loads_nothing() {
    let page = written(super::write_html);
    let markup = page.split("<script").next().unwrap();
    for refused in ["src=", "url(", "@import", "http:", "https:", "<link", "<iframe", "<base"] {
        assert!(!markup.contains(refused), "{refused} is in the page");
    }
    assert!(page.contains("default-src 'none'; script-src 'sha256-"), "{markup}");
}

#[test]
fn sarif_keeps_ids_and_makes_no_links() {
    let log: Value = serde_json::from_str(&written(super::write_sarif)).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let of = |number: usize| {
        let id = format!("hostile-{number}-{}", NAMES[number]);
        let is_own = move |result: &&Value| result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == id.as_str();
        results.iter().find(is_own).unwrap()
    };
    for number in 0..NAMES.len() {
        let uri = of(number)["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap();
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-._~%/".contains(letter);
        assert!(uri.chars().all(is_plain), "{uri}");
        assert_eq!(uri.split('/').count(), 4, "{uri}");
    }
    let message = of(7)["message"]["text"].as_str().unwrap();
    assert!(!message.contains("](") && message.contains("{{0}}"), "{message}");
}

#[test]
fn ocsf_is_a_line_for_each_and_keeps_what_was_there() {
    let text = written(super::write_ocsf);
    for (number, name) in NAMES.iter().enumerate() {
        let id = format!("hostile-{number}-{name}");
        let own = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let own: Vec<Value> = own.filter(|line| line["resources"][0]["uid"] == id.as_str()).collect();
        assert!(!own.is_empty(), "{id}");
        assert!(own.iter().all(|line| line["resources"][0]["name"] == *name), "{id}");
    }
}
