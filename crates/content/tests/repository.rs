//! The content of the repository loads without problems, its tests pass, and what is built in is the same.

use std::path::Path;

use skywarden_content::{Catalog, run_tests};

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../content")
}

#[test]
fn the_content_has_no_problems() {
    let (_, problems) = Catalog::load(&folder());
    let texts: Vec<String> =
        problems.iter().map(|problem| format!("{problem} ({})", problem.help.as_deref().unwrap_or(""))).collect();
    assert!(texts.is_empty(), "{}", texts.join("\n"));
}

#[test]
fn the_tests_inside_the_content_pass() {
    let (catalog, _) = Catalog::load(&folder());
    let report = run_tests(&catalog);
    let failures: Vec<String> = report.failures.iter().map(ToString::to_string).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(report.n_passed > 0);
}

#[test]
fn the_built_in_catalog_is_the_folder() {
    let (loaded, _) = Catalog::load(&folder());
    let embedded = Catalog::embedded().unwrap();
    assert_eq!(loaded.recommendations.keys().collect::<Vec<_>>(), embedded.recommendations.keys().collect::<Vec<_>>());
    assert_eq!(loaded.collectors.keys().collect::<Vec<_>>(), embedded.collectors.keys().collect::<Vec<_>>());
    assert_eq!(loaded.standards.keys().collect::<Vec<_>>(), embedded.standards.keys().collect::<Vec<_>>());
    assert_eq!(loaded.plans.keys().collect::<Vec<_>>(), embedded.plans.keys().collect::<Vec<_>>());
    assert!(loaded.plans.len() > 10);
    let with_threats = Catalog::embedded_with_threats().unwrap();
    assert_eq!(loaded.incidents.keys().collect::<Vec<_>>(), with_threats.incidents.keys().collect::<Vec<_>>());
    assert!(loaded.incidents.len() > 20);
    assert!(embedded.incidents.is_empty(), "few commands need them");
    assert_eq!(loaded.controls.len(), embedded.controls.len());
    let rules = |catalog: &Catalog| catalog.baselines.values().flat_map(|rules| rules.keys().cloned()).collect::<Vec<_>>();
    assert_eq!(rules(&loaded), rules(&embedded));
    let n_tests = |catalog: &Catalog| catalog.recommendations.values().map(|known| known.file.tests.len()).sum::<usize>();
    assert_eq!(n_tests(&Catalog::embedded_with_tests().unwrap()), n_tests(&loaded));
    assert_eq!(n_tests(&embedded), 0);
}
