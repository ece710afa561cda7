//! The tests inside the repository's log sources and detections pass, and everyday events of one raise no other above low.

use skywarden_content::Catalog;

#[test]
fn the_tests_inside_log_sources_and_detections_pass() {
    let catalog = Catalog::embedded_with_tests().unwrap();
    let report = skywarden_detect::run_tests(&catalog);
    assert!(report.failures.is_empty(), "{}", report.failures.join("\n"));
    assert!(report.elsewhere.is_empty(), "{}", report.elsewhere.join("\n"));
    assert!(report.n_passed > 3_000, "{}", report.n_passed);
}
