//! Event log files of Windows, from the file to the alert.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;
use skywarden_evtx::writer::{Content, Datum, Element, Event, Left, LogWriter, Part, event};

/// 2024-01-17T21:20:00Z.
const TICKS: u64 = 133_500_000_000_000_000;

fn detect(file: &Path, source: &str, more: &[&str]) -> Output {
    let file = file.to_str().unwrap();
    let arguments = [&["detect", file, "--source", source, "--format", "json"], more].concat();
    Command::new(env!("CARGO_BIN_EXE_skywarden")).args(arguments).env_remove("SKYWARDEN_CONTENT").output().unwrap()
}

fn alerts(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout.clone()).unwrap();
    let mut found: Vec<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["kind"] != "incident")
        .filter_map(|line| line["detection"].as_str().map(str::to_owned))
        .collect();
    found.sort();
    found
}

fn security(id: u16, record: u64, data: &[(&str, Datum)]) -> Content {
    let provider = "Microsoft-Windows-Security-Auditing";
    let ticks = TICKS + record * 10_000_000;
    event(&Event { provider, id, channel: "Security", computer: "DC01.corp.example", ticks, record }, data)
}

fn who() -> Vec<(&'static str, Datum)> {
    let text = |text: &str| Datum::Text(text.to_owned());
    vec![
        ("SubjectUserSid", Datum::Sid(5, vec![21, 1_004_336_348, 1_177_238_915, 682_003_330, 1104])),
        ("SubjectUserName", text("anna")),
        ("SubjectDomainName", text("CORP")),
        ("SubjectLogonId", Datum::Hex64(0x3_e7a1)),
    ]
}

/// The Security log was cleared: the event log's own provider writes it under `UserData`.
fn cleared(record: u64) -> Content {
    let text = |name: &str, text: &str| Part::Element(Element::new(name, vec![Part::Text(text.to_owned())]));
    let attribute = |text: &str| vec![Part::Text(text.to_owned())];
    let system = Element::new(
        "System",
        vec![
            Part::Element(Element::new("Provider", Vec::new()).with("Name", attribute("Microsoft-Windows-Eventlog"))),
            Part::Element(Element::new("EventID", vec![Part::Hole(0)])),
            Part::Element(Element::new("TimeCreated", Vec::new()).with("SystemTime", vec![Part::Hole(1)])),
            Part::Element(Element::new("EventRecordID", vec![Part::Hole(2)])),
            text("Channel", "Security"),
            text("Computer", "DC01.corp.example"),
        ],
    );
    let by = vec![text("SubjectUserName", "anna"), text("SubjectDomainName", "CORP"), text("SubjectLogonId", "0x3e7a1")];
    let what = Element::new("UserData", vec![Part::Element(Element::new("LogFileCleared", by))]);
    let values = vec![Datum::U16(1102), Datum::FileTime(TICKS + record * 10_000_000), Datum::U64(record)];
    Content::Instance(Element::new("Event", vec![Part::Element(system), Part::Element(what)]), values)
}

#[test]
fn an_attack_in_an_event_log_raises_alerts() {
    let mut log = LogWriter::starting_at(1);
    for record in 1..400u64 {
        let content = match record {
            200 => security(
                4794,
                record,
                &[who(), vec![("Workstation", Datum::Text("DC01".to_owned())), ("Status", Datum::Hex32(0))]].concat(),
            ),
            300 => cleared(record),
            _ => security(4634, record, &[("TargetUserName", Datum::Text("bo".to_owned())), ("LogonType", Datum::U32(3))]),
        };
        log.add(TICKS + record * 10_000_000, &content).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    // What a file is tells its start, not its name.
    let file = folder.path().join("collected.bin");
    let mut bytes = log.file(Left::Closed);
    std::fs::write(&file, &bytes).unwrap();
    let expected = ["an-event-log-was-cleared", "windows-dsrm-password-reset"];
    for source in ["windows-security", "windows-eventlog"] {
        let output = detect(&file, source, &[]);
        assert_eq!(alerts(&output), expected, "{source}");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains(&format!("399 records of {source}")) && told.contains("0 could not be read"), "{told}");
    }
    // The second record is damaged.
    let second = (4096 + 513..bytes.len()).find(|at| bytes.get(*at..).unwrap().starts_with(&[0x2a, 0x2a, 0, 0])).unwrap();
    *bytes.get_mut(second + 24).unwrap() = 0x7f;
    std::fs::write(&file, &bytes).unwrap();
    let letters = folder.path().join("bad.jsonl");
    let output = detect(&file, "windows-security", &["--dead-letter", letters.to_str().unwrap()]);
    assert_eq!(alerts(&output), expected);
    let letters = std::fs::read_to_string(&letters).unwrap();
    assert!(letters.contains("the checksum of its records is wrong"), "{letters}");
    assert!(
        letters.contains(&format!("record 2 in chunk 0 at byte {second}: 0x7f is no token that may stand there")),
        "{letters}"
    );
}
