//! What must hold of a risk factor.

use skywarden_model::{FieldPath, Segment};

use super::{below, suggestion};
use crate::{Catalog, Expectation, Problem, RiskFactor, load::File};

/// Texts are there, its condition reads what resources of many types have, and tests show it holding, not holding and unknown.
pub(crate) fn risk_factor(
    catalog: &Catalog,
    file: &File,
    RiskFactor { file: factor, holds_if }: &RiskFactor,
    problems: &mut Vec<Problem>,
) {
    for (pointer, text) in [("/title", &factor.title), ("/because", &factor.because), ("/description", &factor.description)] {
        if text.trim().is_empty() {
            problems.push(file.problem(pointer, "this text is empty"));
        }
    }
    if file.source.value.get("holds_if").is_none() && factor.tags.is_empty() {
        problems.push(file.problem("", "neither `holds_if` nor `tags` says when it holds"));
    }
    for (index, tag) in factor.tags.iter().enumerate() {
        if tag.names.is_empty() || tag.values.is_empty() {
            problems.push(
                file.problem(&format!("/tags/{index}"), "a tag says something by its name and its value; one of them is missing"),
            );
        }
    }
    for used in holds_if.iter().flat_map(|rule| rule.fields()) {
        if let Err((message, help)) = known(catalog, &used.path) {
            let mut problem = file.problem(&format!("/holds_if{}", used.pointer), message);
            problem.help = help;
            problems.push(problem);
        }
    }
    for wanted in [Expectation::Healthy, Expectation::Unhealthy, Expectation::Unknown] {
        if !factor.tests.iter().any(|test| test.expect == wanted) {
            problems.push(file.problem("/tests", format!("there is no test that expects {wanted:?}")));
        }
    }
    for (index, test) in factor.tests.iter().enumerate() {
        let pointer = format!("/tests/{index}");
        if factor.tests.iter().take(index).any(|other| other.name == test.name) {
            problems.push(file.problem(&format!("{pointer}/name"), "another test has this name"));
        }
        for (place, unknown) in test.unknown.iter().enumerate() {
            let path = unknown.parse::<FieldPath>().map_err(|error| (error.to_string(), None));
            if let Err((message, help)) = path.and_then(|path| known(catalog, &path)) {
                let mut problem = file.problem(&format!("{pointer}/unknown/{place}"), message);
                problem.help = help;
                problems.push(problem);
            }
        }
    }
}

/// Tags, location and facts are what resources of any type may have.
fn known(catalog: &Catalog, path: &FieldPath) -> Result<(), (String, Option<String>)> {
    let Some((Segment::Key(first), rest)) = path.segments().split_first() else { return Ok(()) };
    match (first.to_ascii_lowercase().as_str(), rest.split_first()) {
        ("tags" | "location" | "type", _) => Ok(()),
        ("facts", Some((Segment::Key(name), rest))) => {
            match catalog.facts.values().find(|fact| fact.id.eq_ignore_ascii_case(name)) {
                Some(fact) => below(&fact.fields, rest, &path.to_string()),
                None => Err((format!("there is no fact `{name}`"), suggestion(name, catalog.facts.keys().map(String::as_str)))),
            }
        }
        _ => Err((
            format!("`{path}` is no field of every type"),
            Some("a risk factor reads `tags.`, `facts.`, `location` and `type`".to_owned()),
        )),
    }
}
