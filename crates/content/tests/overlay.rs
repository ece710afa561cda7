//! A user's folder over a catalog.

use std::{fs, path::Path};

use skywarden_content::{Catalog, Maturity, Problem};
use skywarden_model::Severity;

fn overlaid(files: &[(&str, &str)]) -> std::io::Result<(Catalog, Vec<Problem>)> {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/errors/base");
    let folder = tempfile::tempdir()?;
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        fs::write(path, text)?;
    }
    let (catalog, problems) = Catalog::load(&base);
    assert!(problems.is_empty(), "{problems:?}");
    Ok(catalog.with_overlay(folder.path()))
}

#[test]
fn an_override_changes_what_it_names_and_nothing_else() {
    let text = "id: bucket-locked\nseverity: Low\nmaturity: preview\nparameters: { Limit: 5 }\n";
    let (catalog, problems) = overlaid(&[("overrides/bucket-locked.yaml", text)]).unwrap();
    assert_eq!(problems, []);
    let changed = &catalog.recommendations["bucket-locked"];
    assert_eq!(changed.file.severity, Severity::Low);
    assert_eq!(changed.file.maturity, Maturity::Preview);
    assert_eq!(changed.file.title, "Buckets are locked");
    assert_eq!(changed.rule.as_ref().unwrap().parameters["limit"], 5);
}

#[test]
fn a_recommendation_and_a_baseline_rule_can_be_switched_off() {
    let (catalog, problems) = overlaid(&[
        ("overrides/bucket-locked.yaml", "id: bucket-locked\nenabled: false\n"),
        ("overrides/bucket-named.yaml", "id: bucket-named\nenabled: false\n"),
    ])
    .unwrap();
    assert_eq!(problems, []);
    assert_eq!(catalog.recommendations["bucket-locked"].file.maturity, Maturity::Deprecated);
    assert!(catalog.baselines["linux"].is_empty());
}

#[test]
fn an_override_of_a_former_id_changes_all_that_have_its_place() {
    let text = "id: bucket-shut\nseverity: Low\n";
    let (catalog, problems) = overlaid(&[("overrides/bucket-shut.yaml", text)]).unwrap();
    assert_eq!(problems, []);
    assert_eq!(catalog.recommendations["bucket-locked"].file.severity, Severity::Low);
    assert_eq!(catalog.baselines["linux"]["bucket-named"].file.severity, Severity::Low);
    assert_eq!(catalog.current_ids("bucket-locked"), ["bucket-locked".into()]);
    assert!(catalog.current_ids("bucket-unheard").is_empty());
}

#[test]
fn a_wrong_override_changes_nothing() {
    let text = "id: bucket-locked\nseverity: Low\nparameters: { limit: many }\n";
    let (catalog, problems) = overlaid(&[("overrides/bucket-locked.yaml", text)]).unwrap();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(catalog.recommendations["bucket-locked"].file.severity, Severity::High);
}

#[test]
fn a_file_replaces_the_one_of_the_same_id() {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/errors/base/recommendations/aws/s3/bucket-locked.yaml");
    let text = fs::read_to_string(base).unwrap().replace("Buckets are locked", "Our buckets are locked");
    let (catalog, problems) = overlaid(&[("recommendations/own/bucket-locked.yaml", &text)]).unwrap();
    assert_eq!(problems, []);
    assert_eq!(catalog.recommendations["bucket-locked"].file.title, "Our buckets are locked");
    assert_eq!(catalog.recommendations.len(), 1);
}

#[test]
fn a_folder_that_is_not_there_is_a_problem() {
    let (_, problems) = Catalog::default().with_overlay(Path::new("/nonexistent/content"));
    assert_eq!(problems.len(), 1);
}

#[test]
fn a_standard_of_the_folder_names_its_checks_and_a_wrong_one_leaves_what_was_there() {
    let standard = |id: &str, check: &str| {
        format!(
            "id: {id}\ntitle: Ours\ndescription: x\nversion: '1'\nenvironments: [aws]\n\
             controls: [{{ id: '1.1', title: Locked, checks: [{check}] }}]\n"
        )
    };
    let (right, wrong) = (standard("own", "bucket-locked"), standard("house", "bucket-lockd"));
    let (catalog, problems) = overlaid(&[("standards/own.yaml", &right), ("standards/house.yaml", &wrong)]).unwrap();
    assert_eq!(problems.iter().map(|problem| problem.file.as_str()).collect::<Vec<_>>(), ["standards/house.yaml"]);
    assert_eq!(catalog.standards["own"].controls[0].checks, ["bucket-locked"]);
    assert_eq!(catalog.standards["house"].title, "House rules");
}
