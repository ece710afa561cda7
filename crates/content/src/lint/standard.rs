//! What must hold of a standard: its ids, its texts, the checks that its controls name.

use std::collections::BTreeSet;

use super::suggestion;
use crate::{Catalog, ComplianceControl, Maturity, Problem, StandardFile, load::File};

/// Where standards are shown.
const ENVIRONMENTS: [&str; 5] = ["aws", "host", "azure", "gcp", "kubernetes"];

/// A standard's id is part of addresses and names of files.
const MAX_ID: usize = 64;

/// No control id stands twice, nothing is empty, every environment is one.
pub(crate) fn standard(file: &File, standard: &StandardFile, problems: &mut Vec<Problem>) {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    // A path of two dots would lead elsewhere.
    let is_dots = standard.id.chars().all(|letter| letter == '.');
    if is_dots || standard.id.len() > MAX_ID || !standard.id.chars().all(is_plain) {
        let message = format!("a standard's id has 1 to {MAX_ID} letters, digits, points, hyphens and underscores");
        problems.push(file.problem("/id", message));
    }
    if standard.title.trim().is_empty() {
        problems.push(file.problem("/title", "this text is empty"));
    }
    if standard.controls.is_empty() {
        problems.push(file.problem("/controls", "a standard has at least one control"));
    }
    for (index, environment) in standard.environments.iter().enumerate() {
        if !ENVIRONMENTS.contains(&environment.as_str()) {
            let message = format!("there is no environment `{environment}`");
            let mut problem = file.problem(&format!("/environments/{index}"), message);
            problem.help = suggestion(environment, ENVIRONMENTS.into_iter());
            problems.push(problem);
        }
    }
    let mut seen = BTreeSet::new();
    walk(&standard.controls, "", &mut |control, pointer| {
        if control.id.trim().is_empty() {
            problems.push(file.problem(&format!("{pointer}/id"), "this id is empty"));
        } else if !seen.insert(control.id.clone()) {
            problems.push(file.problem(pointer, format!("the control id `{}` stands twice", control.id)));
        }
        if control.title.trim().is_empty() {
            problems.push(file.problem(&format!("{pointer}/title"), "this text is empty"));
        }
        if control.manual.is_some() && !control.checks.is_empty() {
            let message = "a control that names checks is judged by them; leave out `manual` or `checks`";
            problems.push(file.problem(&format!("{pointer}/manual"), message));
        }
    });
}

/// Every check that a control names exists and judges something.
pub(crate) fn checks(catalog: &Catalog, file: &File, standard: &StandardFile, problems: &mut Vec<Problem>) {
    walk(&standard.controls, "", &mut |control, pointer| {
        for (index, check) in control.checks.iter().enumerate() {
            let pointer = format!("{pointer}/checks/{index}");
            let ids = catalog.current_ids(check);
            if ids.is_empty() {
                let mut problem = file.problem(&pointer, format!("there is no recommendation or baseline rule `{check}`"));
                let rules = catalog.baselines.values().flat_map(|rules| rules.keys());
                problem.help = suggestion(check, catalog.recommendations.keys().chain(rules).map(AsRef::as_ref));
                problems.push(problem);
            }
            let is_off =
                |id: &str| catalog.recommendations.get(id).is_some_and(|known| known.file.maturity == Maturity::Deprecated);
            if ids.iter().any(|id| is_off(id)) {
                problems.push(file.problem(&pointer, format!("`{check}` is deprecated or switched off, so it judges nothing")));
            }
        }
    });
}

fn walk(controls: &[ComplianceControl], above: &str, visit: &mut impl FnMut(&ComplianceControl, &str)) {
    for (index, control) in controls.iter().enumerate() {
        let pointer = format!("{above}/controls/{index}");
        visit(control, &pointer);
        walk(&control.controls, &pointer, visit);
    }
}
