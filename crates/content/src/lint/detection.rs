//! What must hold of log sources and detections.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::Value;
use skywarden_sigma::{EngineBuilder, Projection, Rules, parse, parse_selection};

use super::change::change_fields;
use crate::{
    Catalog, Detection, DetectionFile, Detector, LogFormat, LogSourceFile, Made, Problem, Take, TestKind, load::File,
    source::step,
};

/// A log source can be read as it says and its selections are Sigma's.
pub(crate) fn log_source(file: &File, source: &LogSourceFile, problems: &mut Vec<Problem>) {
    for (pointer, text) in [("/title", &source.title), ("/description", &source.description)] {
        if text.trim().is_empty() {
            problems.push(file.problem(pointer, "this text is empty"));
        }
    }
    for (place, pattern) in source.read.patterns.iter().enumerate() {
        regular(file, &pattern.pattern, &format!("/read/patterns/{place}/pattern"), problems);
    }
    if source.read.format == LogFormat::Columns && source.read.columns.is_empty() {
        problems.push(file.problem("/read", "a log of columns names its columns"));
    }
    let mut whens: Vec<(String, &Value)> = Vec::new();
    for (place, view) in source.sigma.iter().enumerate() {
        whens.extend(view.when.as_ref().map(|when| (format!("/sigma/{place}/when"), when)));
        for (name, take) in &view.fields {
            take_is_right(file, take, &format!("/sigma/{place}/fields/{}", step(name)), problems);
        }
    }
    for (place, event) in source.events.iter().enumerate() {
        whens.extend(event.when.as_ref().map(|when| (format!("/events/{place}/when"), when)));
        for (name, take) in &event.set {
            take_is_right(file, take, &format!("/events/{place}/set/{}", step(name)), problems);
        }
    }
    for (pointer, when) in whens {
        let compiled = parse_selection(when).and_then(|selection| {
            let mut projection = Projection::default();
            let condition = EngineBuilder::default().condition(&selection, &mut |_| projection.slot());
            condition.map_err(|error| error.to_string())
        });
        if let Err(message) = compiled {
            problems.push(file.problem(&pointer, message));
        }
    }
    for (place, test) in source.tests.iter().enumerate() {
        if test.record.is_some() == test.line.is_some() {
            problems.push(file.problem(&format!("/tests/{place}"), "a test has a `record` or a `line`"));
        }
    }
    change_fields(file, source, problems);
    if source.tests.is_empty() {
        problems.push(file.problem("/tests", "a log source shows by tests what its records become"));
    }
}

fn take_is_right(file: &File, take: &Take, pointer: &str, problems: &mut Vec<Problem>) {
    match take {
        Take::First(several) => {
            for (place, one) in several.iter().enumerate() {
                take_is_right(file, one, &format!("{pointer}/{place}"), problems);
            }
        }
        Take::Made(made) => {
            let Made { of, value, template, pattern, .. } = made.as_ref();
            if [of.is_some(), value.is_some(), template.is_some()].into_iter().filter(|is_there| *is_there).count() != 1 {
                problems.push(file.problem(pointer, "one of `of`, `value` and `template` says where the value comes from"));
            }
            if let Some(pattern) = pattern {
                regular(file, pattern, &format!("{pointer}/pattern"), problems);
                if !pattern.contains("<value>") {
                    problems.push(file.problem(&format!("{pointer}/pattern"), "no group is called `value`"));
                }
            }
        }
        Take::Constant(_) | Take::Field(_) => {}
    }
}

fn regular(file: &File, pattern: &str, pointer: &str, problems: &mut Vec<Problem>) {
    if let Err(reason) = Regex::new(pattern) {
        problems.push(file.problem(pointer, format!("no regular expression: {reason}")));
    }
}

/// A detection is a rule of Sigma that can be used on events that some log source has.
pub(crate) fn detection(catalog: &Catalog, file: &File, detection: &Detection, problems: &mut Vec<Problem>) {
    let Detection { file: own, plan } = detection;
    let stem = file.path.rsplit('/').next().and_then(|name| name.strip_suffix(".yaml")).unwrap_or_default();
    if own.name != stem {
        problems.push(file.problem("/name", format!("the name `{}` is not the file's name `{stem}`", own.name)));
    }
    if !catalog.plans.is_empty() && !catalog.plans.contains_key(plan) {
        let mut problem = file.problem("", format!("there is no plan `{plan}`, whose folder this is"));
        problem.help = super::suggestion(plan, catalog.plans.keys().map(String::as_str));
        problems.push(problem);
    }
    let steps = own.skywarden.remediation.first().map_or("", String::as_str);
    for (pointer, text) in [("/title", own.title.as_str()), ("/description", &own.description), ("/skywarden/remediation", steps)]
    {
        if text.trim().is_empty() {
            problems.push(file.problem(pointer, "this text is empty"));
        }
    }
    if own.skywarden.intents.is_empty() {
        problems.push(file.problem("/skywarden/intents", "an alert has a place in the kill chain"));
    }
    let selections = rule(file, own, problems);
    log_source_is_known(catalog, file, own, problems);
    if let Some(detector) = &own.skywarden.detector {
        for (name, length) in lengths(detector) {
            if duration(length).is_none() {
                let message = format!("`{length}` is no length of time such as 30s, 10m, 2h, 14d");
                problems.push(file.problem(&format!("/skywarden/detector/{name}"), message));
            }
        }
        if let Detector::Sequence { steps, .. } = detector {
            for (place, step) in steps.iter().enumerate().filter(|(_, step)| !selections.contains(&step.selection)) {
                let message = format!("there is no selection `{}`", step.selection);
                problems.push(file.problem(&format!("/skywarden/detector/steps/{place}/selection"), message));
            }
        }
        if let Detector::Together { selections: wanted, .. } = detector {
            for (place, wanted) in wanted.iter().enumerate().filter(|(_, wanted)| !selections.contains(*wanted)) {
                let message = format!("there is no selection `{wanted}`");
                problems.push(file.problem(&format!("/skywarden/detector/selections/{place}"), message));
            }
        }
    }
    for kind in [TestKind::Attack, TestKind::NearMiss, TestKind::Benign] {
        if !own.skywarden.tests.iter().any(|test| test.kind == kind) {
            problems.push(file.problem("/skywarden/tests", format!("there is no test of the kind {kind:?}")));
        }
    }
}

/// Checks the rule and gives the names of its selections.
fn rule(file: &File, own: &DetectionFile, problems: &mut Vec<Problem>) -> BTreeSet<String> {
    let Rules { mut rules, refused, .. } = parse(&own.sigma_text());
    for reason in refused {
        problems.push(file.problem("/detection", format!("no rule of Sigma: {reason}")));
    }
    let Some(rule) = rules.pop() else { return BTreeSet::new() };
    let mut projection = Projection::default();
    if let Err(error) = EngineBuilder::default().rule(&rule.detection, &[], &[], &mut |_| projection.slot()) {
        problems.push(file.problem(&format!("/detection/{}", step(&error.selection)), error.to_string()));
    }
    rule.detection.named.keys().cloned().collect()
}

fn log_source_is_known(catalog: &Catalog, file: &File, own: &DetectionFile, problems: &mut Vec<Problem>) {
    let wanted = |name: &str| own.sigma.get("logsource").and_then(|source| source.get(name)).and_then(Value::as_str);
    if wanted("product") == Some("ocsf") {
        return;
    }
    let fits = |wanted: Option<&str>, own: &Option<String>| wanted.is_none_or(|wanted| own.as_deref() == Some(wanted));
    let is_known = catalog.log_sources.values().flat_map(|source| &source.sigma).any(|view| {
        fits(wanted("product"), &view.product)
            && fits(wanted("category"), &view.category)
            && fits(wanted("service"), &view.service)
    });
    if !is_known {
        let named = own.sigma.get("logsource").map(ToString::to_string).unwrap_or_default();
        problems.push(file.problem("/logsource", format!("no log source has records of {named}")));
    }
}

/// The lengths of time in a detector, with their names.
fn lengths(detector: &Detector) -> Vec<(&'static str, &str)> {
    match detector {
        Detector::Threshold { within, .. }
        | Detector::Sequence { within, .. }
        | Detector::Together { within, .. }
        | Detector::Beacon { within, .. }
        | Detector::GeneratedName { within, .. } => vec![("within", within)],
        Detector::FirstSeen { learn, remember, .. } | Detector::Rare { learn, remember, .. } => {
            vec![("learn", learn), ("remember", remember)]
        }
        Detector::Volume { within, learn, remember, .. } => vec![("within", within), ("learn", learn), ("remember", remember)],
        Detector::Travel { .. } | Detector::Indicator { .. } => Vec::new(),
    }
}

/// A length of time in seconds: `30s`, `10m`, `2h`, `14d`, `2w`.
pub fn duration(text: &str) -> Option<i64> {
    let unit = text.chars().last()?;
    let number: i64 = text.strip_suffix(unit)?.parse().ok().filter(|number| *number > 0)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    number.checked_mul(seconds)
}
