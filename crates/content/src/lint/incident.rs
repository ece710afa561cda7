//! What must hold of a kind of incident.

use std::collections::BTreeSet;

use super::{duration, suggestion};
use crate::{AlertFilter, AlertLevel, Catalog, IncidentKindFile, Problem, Scenario, TestKind, incident::is_like, load::File};

/// Most steps of a scenario.
const MAX_STEPS: usize = 8;

/// Longest time between two alerts of a scenario, in seconds: seven days.
const MAX_WITHIN: i64 = 7 * 86_400;

/// What the entities of a test's alerts may be.
const ENTITIES: [&str; 12] = [
    "account",
    "ip",
    "host",
    "process",
    "file",
    "dns",
    "url",
    "cloud-resource",
    "azure-resource",
    "cloud-account",
    "container",
    "session",
];

/// Texts are there, what is named exists, lengths of time are such, and tests show an attack and a near miss.
pub(crate) fn incident(catalog: &Catalog, file: &File, kind: &IncidentKindFile, problems: &mut Vec<Problem>) {
    let steps = kind.remediation.first().map_or("", String::as_str);
    for (pointer, text) in [("/title", kind.title.as_str()), ("/description", &kind.description), ("/remediation", steps)] {
        if text.trim().is_empty() {
            problems.push(file.problem(pointer, "this text is empty"));
        }
    }
    if kind.severity.is_some_and(|severity| severity < AlertLevel::Medium) {
        problems.push(file.problem("/severity", "what matters less than medium is no incident"));
    }
    if kind.scenarios.is_empty() {
        problems.push(file.problem("/scenarios", "there is no scenario"));
    }
    for (place, scenario) in kind.scenarios.iter().enumerate() {
        self::scenario(catalog, file, scenario, &format!("/scenarios/{place}"), problems);
    }
    tests(catalog, file, kind, problems);
}

fn scenario(catalog: &Catalog, file: &File, scenario: &Scenario, pointer: &str, problems: &mut Vec<Problem>) {
    if scenario.title.trim().is_empty() {
        problems.push(file.problem(&format!("{pointer}/title"), "this text is empty"));
    }
    let different: BTreeSet<_> = scenario.same.iter().collect();
    if different.is_empty() || different.len() < scenario.same.len() {
        problems.push(file.problem(&format!("{pointer}/same"), "`same` names what alerts share, each once"));
    }
    within(file, &scenario.within, &format!("{pointer}/within"), problems);
    if scenario.steps.is_empty() || scenario.steps.len() > MAX_STEPS {
        problems.push(file.problem(&format!("{pointer}/steps"), format!("a scenario has 1 to {MAX_STEPS} steps")));
    }
    let n_alerts: u64 = scenario.steps.iter().map(|step| u64::from(step.at_least)).sum();
    let n_different = scenario.steps.iter().map(|step| step.different_detections.max(step.different_resources)).max();
    if n_alerts < 2 && n_different < Some(2) {
        problems.push(file.problem(&format!("{pointer}/steps"), "one alert alone is no incident"));
    }
    for (place, step) in scenario.steps.iter().enumerate() {
        let pointer = format!("{pointer}/steps/{place}");
        if step.at_least == 0 || step.different_detections == 0 || step.different_resources == 0 {
            problems.push(file.problem(&pointer, "a step asks for at least one alert, detection and resource"));
        }
        if step.any_of.is_empty() {
            problems.push(file.problem(&format!("{pointer}/any_of"), "a step says which alerts it means"));
        }
        for (place, filter) in step.any_of.iter().enumerate() {
            self::filter(catalog, file, filter, &format!("{pointer}/any_of/{place}"), problems);
        }
    }
}

fn filter(catalog: &Catalog, file: &File, filter: &AlertFilter, pointer: &str, problems: &mut Vec<Problem>) {
    if *filter == AlertFilter::default() {
        problems.push(file.problem(pointer, "this means every alert"));
    }
    for (place, plan) in filter.plans.iter().enumerate().filter(|(_, plan)| !catalog.plans.contains_key(*plan)) {
        let mut problem = file.problem(&format!("{pointer}/plans/{place}"), format!("there is no plan `{plan}`"));
        problem.help = suggestion(plan, catalog.plans.keys().map(String::as_str));
        problems.push(problem);
    }
    for (name, patterns) in [("detections", &filter.detections), ("except", &filter.except)] {
        for (place, pattern) in patterns.iter().enumerate() {
            if catalog.detections.keys().any(|detection| is_like(detection, pattern)) {
                continue;
            }
            let mut problem = file.problem(&format!("{pointer}/{name}/{place}"), format!("no detection is called `{pattern}`"));
            problem.help = suggestion(pattern, catalog.detections.keys().map(String::as_str));
            problems.push(problem);
        }
    }
    for (place, technique) in filter.techniques.iter().enumerate() {
        let is_one = technique.strip_prefix('T').is_some_and(|number| {
            number.split('.').count() <= 2
                && number.split('.').all(|part| part.len() >= 3 && part.chars().all(|digit| digit.is_ascii_digit()))
        });
        if !is_one {
            let message = format!("`{technique}` is no technique such as T1496 or T1078.004");
            problems.push(file.problem(&format!("{pointer}/techniques/{place}"), message));
        }
    }
    for (place, _) in filter.words.iter().enumerate().filter(|(_, word)| word.trim().is_empty()) {
        problems.push(file.problem(&format!("{pointer}/words/{place}"), "this word is empty"));
    }
}

fn tests(catalog: &Catalog, file: &File, kind: &IncidentKindFile, problems: &mut Vec<Problem>) {
    for wanted in [TestKind::Attack, TestKind::NearMiss] {
        if !kind.tests.iter().any(|test| test.kind == wanted) {
            problems.push(file.problem("/tests", format!("there is no test of the kind {wanted:?}")));
        }
    }
    for (place, test) in kind.tests.iter().enumerate() {
        if kind.tests.iter().take(place).any(|other| other.name == test.name) {
            problems.push(file.problem(&format!("/tests/{place}/name"), "another test has this name"));
        }
        for (number, alert) in test.alerts.iter().enumerate() {
            let pointer = format!("/tests/{place}/alerts/{number}");
            if !catalog.detections.contains_key(&alert.detection) {
                let message = format!("no detection is called `{}`", alert.detection);
                let mut problem = file.problem(&format!("{pointer}/detection"), message);
                problem.help = suggestion(&alert.detection, catalog.detections.keys().map(String::as_str));
                problems.push(problem);
            }
            if let Some(after) = alert.after.as_ref().filter(|after| duration(after).is_none()) {
                let message = format!("`{after}` is no length of time such as 30s, 10m, 2h, 14d");
                problems.push(file.problem(&format!("{pointer}/after"), message));
            }
            for name in alert.entities.keys().filter(|name| !ENTITIES.contains(&name.as_str())) {
                let mut problem = file.problem(&format!("{pointer}/entities"), format!("no entity is a `{name}`"));
                problem.help = suggestion(name, ENTITIES.iter().copied());
                problems.push(problem);
            }
        }
    }
}

fn within(file: &File, length: &str, pointer: &str, problems: &mut Vec<Problem>) {
    match duration(length) {
        None => {
            problems.push(file.problem(pointer, format!("`{length}` is no length of time such as 30s, 10m, 2h, 14d")));
        }
        Some(seconds) if seconds > MAX_WITHIN => problems.push(file.problem(pointer, "alerts more than 7d apart are forgotten")),
        Some(_) => {}
    }
}
