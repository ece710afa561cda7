//! One folder per kind of mistake in tests/errors: wrong content laid over `base`, and the messages that it must give.
//! `SKYWARDEN_BLESS=1` writes the messages; read them before committing.

use std::{env, fs, path::Path};

use skywarden_content::{Catalog, run_tests};

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/errors")
}

#[test]
fn the_base_is_right() {
    let (catalog, problems) = Catalog::load(&folder().join("base"));
    assert!(problems.is_empty(), "{problems:?}");
    let report = run_tests(&catalog);
    assert!(report.failures.is_empty(), "{:?}", report.failures);
    assert_eq!(report.n_passed, 7);
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let mut wrong = Vec::new();
    let mut n_cases = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("base") {
            continue;
        }
        n_cases += 1;
        let (base, _) = Catalog::load(&folder().join("base"));
        let n_before = base.recommendations.len();
        let (catalog, problems) = base.with_overlay(&path);
        let mut messages = String::new();
        for problem in &problems {
            messages.push_str(&format!("{problem}\n"));
            if let Some(help) = &problem.help {
                messages.push_str(&format!("    help: {help}\n"));
            }
        }
        let golden = path.join("expected.txt");
        if env::var_os("SKYWARDEN_BLESS").is_some() {
            fs::write(&golden, &messages).unwrap();
        }
        if messages.is_empty() || fs::read_to_string(&golden).unwrap_or_default() != messages {
            wrong.push(format!("{}\n{messages}", path.display()));
        }
        // Of two files with one id or key the first stays.
        let n_kept = usize::from(["same-id-twice", "assessment-key-twice"].iter().any(|case| path.ends_with(case)));
        if catalog.recommendations.len() != n_before + n_kept {
            wrong.push(format!("{}: a wrong file was not skipped", path.display()));
        }
    }
    assert!(n_cases > 30, "only {n_cases} cases were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
