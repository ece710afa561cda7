//! Standards of one's own and attestations, from import to report, over the sample.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod running;

use std::path::{Path, PathBuf};

use running::{done, refused, skywarden};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/flow/standard")
}

#[test]
fn a_standard_is_imported_attested_and_reported() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path();
    assert!(skywarden(data, &["up", "--once", "--sample"]).status.code().is_some());
    let file = folder().join("house.yaml");
    let name = file.to_str().unwrap();
    assert!(done(data, &["standard", "import", name]).contains("house is kept; of 3 controls 0 passed, 1 failed"));
    let wrong = place.path().join("wrong.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&wrong, text.replace("aws-s3-bucket-public", "aws-s3-bucket-publik")).unwrap();
    let wrong = wrong.to_str().unwrap();
    refused(
        data,
        &["standard", "import", wrong],
        "wrong.yaml:10:74: there is no recommendation or baseline rule `aws-s3-bucket-publik`",
    );
    std::fs::write(wrong, text.replace("id: house", "id: soc-2")).unwrap();
    refused(data, &["standard", "import", wrong], "wrong.yaml:1:1: the id `soc-2` is that of a standard of the content");
    assert!(done(data, &["standard", "list", "house"]).contains("House rules"));

    let found = ["attest", "house", "2.1", "--state", "passed", "--date", "2026-01-31", "--evidence", "All 14 were checked."];
    done(data, &[&found[..], &["--evidence", "https://wiki.example/leavers"]].concat());
    refused(
        data,
        &["attest", "house", "1.1", "--state", "passed", "--evidence", "x"],
        "judged automatically by aws-s3-bucket-public",
    );
    refused(data, &["attest", "house", "2", "--state", "passed", "--evidence", "x"], "is a section");
    refused(data, &["attest", "house", "2.2", "--state", "passed", "--evidence", " "], "needs evidence");
    refused(data, &["attest", "house", "2.2", "--state", "passed", "--evidence", "x", "--account", "none"], "no account `none`");

    let report = done(data, &["report", "--standard", "house", "--format", "csv"]);
    let golden = folder().join("expected.csv");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, &report).unwrap();
    }
    assert_eq!(report, std::fs::read_to_string(&golden).unwrap());
    let html = done(data, &["report", "--standard", "house"]);
    assert!(html.contains("Attested passed on 2026-01-31 by dana") && html.contains("href=\"https://wiki.example/leavers\""));
    let pdf = skywarden(data, &["report", "--standard", "house", "--format", "pdf"]).stdout;
    assert!(pdf.starts_with(b"%PDF-"));

    let record = done(data, &["attestations", "--format", "json"]);
    let id = record.split('"').find(|part| part.len() == 36 && part.contains('-')).unwrap();
    done(data, &["withdraw", id]);
    refused(data, &["withdraw", id], "no attestation");
    assert!(done(data, &["attestations"]).contains("withdrawn"));
    assert!(done(data, &["report", "--standard", "house", "--format", "csv"]).contains("Leavers lose their access,manual,"));

    // What is exported can be imported, also into a content folder.
    let exported = done(data, &["standard", "export", "house"]);
    let overlay = place.path().join("content/standards");
    std::fs::create_dir_all(&overlay).unwrap();
    std::fs::write(overlay.join("house.yaml"), exported).unwrap();
    let content = place.path().join("content");
    let with_content = ["--content", content.to_str().unwrap(), "report", "--standard", "house", "--format", "csv"];
    done(data, &["standard", "remove", "house"]);
    refused(data, &["standard", "remove", "house"], "the store has no standard");
    refused(data, &["standard", "remove", "soc-2"], "comes with the content");
    refused(data, &["report", "--standard", "house"], "there is no standard `house`");
    let laid_over = done(data, &with_content);
    assert!(laid_over.contains("control,house,1.1,Nobody outside reads our buckets,failed,"), "{laid_over}");
    let source = format!("replay:{}", concat!(env!("CARGO_MANIFEST_DIR"), "/../../testkit/estate/recording"));
    let scan = done(data, &["--content", content.to_str().unwrap(), "scan", &source, "--standard", "house", "--format", "csv"]);
    assert!(scan.contains("aws-s3-bucket-public") && !scan.contains("aws-iam"), "a scan judges by what the standard names");
}
