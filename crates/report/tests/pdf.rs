//! The forms of a report, from a standard that has everything.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, time::Instant};

use serde_json::{Value, json};
use skywarden_content::{Catalog, Recommendation, StandardFile};
use skywarden_model::{Assessment, Attestation, AttestationScope, AttestedEvidence, AttestedState, Severity, Status, Timestamp};
use skywarden_posture::{AccountScope, OtherCheck, Standards};
use skywarden_report::{ControlState, Cover, csv, pdf, standard_report};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
const COVER: Cover<'static> = Cover { scope: "Whole installation", at: Some(NOW) };

fn catalog() -> Catalog {
    let file = json!({ "id": "bucket-private", "title": "Buckets are private", "description": "x", "type": "AWS::S3::Bucket",
        "severity": "High", "control": "c", "categories": [], "threats": [], "effort": "Low", "user_impact": "Low",
        "remediation": { "steps": "x" } });
    let file = serde_json::from_value(file).unwrap();
    let mut catalog = Catalog::default();
    let recommendation = Recommendation { file, key: "k".to_owned(), rule: None };
    catalog.recommendations.insert("bucket-private".into(), recommendation);
    catalog
}

fn standard(controls: &Value) -> StandardFile {
    let file = json!({ "id": "house", "title": "House rules of the Größe & Söhne company", "description": "What we ask of ourselves.",
                       "version": "2026-11", "environments": ["aws"], "controls": controls });
    serde_json::from_value(file).unwrap()
}

fn whole() -> StandardFile {
    standard(&json!([
        { "id": "1", "title": "Storage", "controls": [
            { "id": "1.1", "title": "Nobody outside reads our buckets", "checks": ["bucket-private"] },
            { "id": "1.2", "title": "Policies of the initiative hold", "checks": ["policy", "vanished"] },
            { "id": "ORG-SECURITY-BASELINE/2026/storage.accounts.network_rules.default_action", "title": "A number that is longer than its column is broken and not cut", "checks": ["bucket-private"] },
        ] },
        { "id": "2", "title": "People", "controls": [
            { "id": "2.1", "title": "Leavers lose their access on their last day", "manual": "Compare the list of leavers with the directory." },
            { "id": "2.2", "title": "Everybody has signed the rules for the use of systems: 日本語 and עברית are shown by their codes", "manual": "Look into the personnel files." },
            { "id": "2.3", "title": "Nobody looks at this" },
            { "id": "2.4", "title": "An evidence of several pages", "manual": "Read." },
        ] },
    ]))
}

fn attestation(control: &str, state: AttestedState, text: &str) -> Attestation {
    Attestation {
        id: control.to_owned(),
        standard: "house".to_owned(),
        control: control.to_owned(),
        scope: AttestationScope::Tenant,
        state,
        evidence: AttestedEvidence {
            text: text.to_owned(),
            links: vec!["https://wiki.example/audits/2026/leavers-and-joiners?quarter=3&with=all-the-signatures-of-everybody-in-the-company".to_owned()],
        },
        assessed_on: "2026-10-01".parse().unwrap(),
        expires_at: Some("2027-10-01T00:00:00Z".parse().unwrap()),
        created_at: NOW,
        created_by: "dana".to_owned(),
        withdrawn: None,
    }
}

fn verdicts() -> Vec<Assessment> {
    let verdict = |resource: &str, status| Assessment {
        recommendation: "bucket-private".into(),
        resource: resource.into(),
        status,
        cause: None,
        evidence: [].into(),
        findings: Box::default(),
    };
    vec![verdict("a", Status::Healthy), verdict("b", Status::Unhealthy), verdict("c", Status::Unknown)]
}

/// The whole report in both forms.
fn forms() -> (Vec<u8>, String) {
    let (catalog, file) = (catalog(), whole());
    let mut policy = OtherCheck::new("policy", "Storage accounts refuse traffic by default", Severity::Medium);
    policy.judge("Microsoft.Storage/storageAccounts", "d".into(), Status::Healthy);
    let attestations = [
        attestation("2.1", AttestedState::Passed, "All 14 leavers of the quarter were checked.\nThe list is signed by HR."),
        attestation("2.2", AttestedState::Failed, "=Two files are missing."),
        attestation("2.4", AttestedState::Passed, &"Line of a long protocol that somebody pasted as it was. ".repeat(260)),
    ];
    let account =
        AccountScope { connector: "aws".to_owned(), account: "1".to_owned(), environment: skywarden_model::Environment::Aws };
    let standards =
        Standards::of(&catalog).with_files([&file]).with_checks([&policy]).with_attestations(&attestations, [account], NOW);
    let verdicts = verdicts();
    let report = standard_report(&standards, "house", &verdicts, &[]).unwrap();
    assert_eq!(report.summary.attested, 3);
    let counts: BTreeMap<ControlState, u64> =
        ControlState::ALL.into_iter().map(|state| (state, report.summary.count(state))).collect();
    let expected = [
        (ControlState::Passed, 2),
        (ControlState::Failed, 3),
        (ControlState::Unknown, 1),
        (ControlState::Manual, 0),
        (ControlState::NotCovered, 1),
        (ControlState::NotApplicable, 0),
    ];
    assert_eq!(counts, expected.into());
    (pdf(&report, COVER).unwrap(), String::from_utf8(csv(&report).unwrap()).unwrap())
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    let (first, _) = forms();
    let (second, _) = forms();
    assert!(first.starts_with(b"%PDF-"));
    assert!(first == second, "two runs differ");
}

#[test]
fn a_spreadsheet_tells_evidence_and_date_and_holds_no_formula() {
    let (_, lines) = forms();
    assert!(lines.contains(
        "attestation,house,2.1,whole installation,passed,,,,,,,,2026-10-01,dana,2027-10-01T00:00:00Z,\"All 14 leavers"
    ));
    assert!(lines.contains("'=Two files"), "{lines}");
    assert!(lines.contains("check,house,1.2,No recommendation or baseline rule has this id any more,,,0,0,1,0,vanished,,,,,\n"));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what is measured is the time")]
fn a_thousand_controls_are_many_pages_in_little_time() {
    let controls: Vec<Value> = (0..1000)
        .map(|n| json!({ "id": format!("{n}"), "title": "Nobody outside reads our buckets, nor those of others", "checks": ["bucket-private"] }))
        .collect();
    let (catalog, file) = (catalog(), standard(&json!(controls)));
    let standards = Standards::of(&catalog).with_files([&file]);
    let verdicts = verdicts();
    let report = standard_report(&standards, "house", &verdicts, &[]).unwrap();
    let begin = Instant::now();
    let written = pdf(&report, COVER).unwrap();
    let took = begin.elapsed();
    println!("{} bytes in {took:?}", written.len());
    // Ten times of what an unoptimised build takes.
    assert!(took.as_secs() < 20, "{took:?}");
    let n_pages = written.windows(12).filter(|bytes| bytes == b"/Type /Page\n" || bytes == b"/Type/Page/R").count();
    assert!(n_pages > 20 || n_pages == 0, "{n_pages} pages");
}

#[test]
fn an_empty_installation_has_a_report_too() {
    let (catalog, file) = (catalog(), standard(&json!([{ "id": "1", "title": "t" }])));
    let report = standard_report(&Standards::of(&catalog).with_files([&file]), "house", &[], &[]);
    assert!(pdf(&report.unwrap(), Cover { scope: "Whole installation", at: None }).unwrap().starts_with(b"%PDF-"));
}
