use std::collections::BTreeSet;

use super::suggestion;
use crate::{Catalog, ChangeEvents, CollectorFile, LogSourceFile, Problem, load::File, source::step};

/// What `changes` of a collector names is there, and enough to read one resource again.
pub(crate) fn changes(catalog: &Catalog, file: &File, collector: &CollectorFile, problems: &mut Vec<Problem>) {
    let Some(changes) = &collector.changes else {
        for (place, test) in collector.tests.iter().enumerate() {
            if test.record.is_some() || test.again.is_some() {
                problems.push(file.problem(&format!("/tests/{place}"), "without `changes` there is nothing to be tested"));
            }
        }
        return;
    };
    if collector.list.is_none() {
        problems.push(file.problem("/changes", "a type that is not listed is not read again"));
    }
    if let Some(with) = changes.again.as_ref().and_then(|again| again.with.as_ref()) {
        let read = collector.reads.iter().find(|read| read.request.operation == *with);
        if read.is_none_or(|read| read.batch.is_some()) {
            problems.push(file.problem("/changes/again/with", format!("`{with}` is none of the reads of one resource")));
        }
    }
    if changes.again.as_ref().is_some_and(|again| again.many == 0) {
        problems.push(file.problem("/changes/again/many", "a call asks about at least one"));
    }
    for (place, events) in changes.events.iter().enumerate() {
        self::events(catalog, file, collector, (place, events), problems);
    }
    if !collector.tests.iter().any(|test| test.record.is_some()) {
        problems.push(file.problem("/changes", "there is no test with a record"));
    }
}

/// Records tell of changes either by service and operation or by ids, with tests that show which.
pub(crate) fn change_fields(file: &File, source: &LogSourceFile, problems: &mut Vec<Problem>) {
    let Some(changes) = &source.changes else { return };
    let others = [&changes.service, &changes.region, &changes.failed];
    match &changes.by_id {
        None if others.iter().any(|own| own.is_none()) => {
            problems.push(file.problem("/changes", "without `by_id` it needs `service`, `region` and `failed`"));
        }
        None => {}
        Some(_) if others.iter().any(|own| own.is_some()) => {
            problems.push(file.problem("/changes", "with `by_id` nobody asks for `service`, `region` or `failed`"));
        }
        Some(by_id) => {
            if by_id.operations.is_empty() || by_id.succeeded.is_empty() {
                problems.push(file.problem("/changes/by_id", "no operation, or no result, is named"));
            }
            if !source.tests.iter().any(|test| test.changed.is_some()) {
                problems.push(file.problem("/changes", "there is no test with `changed`"));
            }
        }
    }
}

fn events(
    catalog: &Catalog,
    file: &File,
    collector: &CollectorFile,
    (place, events): (usize, &ChangeEvents),
    problems: &mut Vec<Problem>,
) {
    let at = |member: &str| format!("/changes/events/{place}/{member}");
    // Log sources are not there where nothing but assessments is wanted.
    match catalog.log_sources.get(&events.source) {
        Some(source) if source.changes.as_ref().is_none_or(|changes| changes.by_id.is_some()) => {
            let message = format!(
                "the log source `{}` does not say by which service and operation its records tell of changes",
                events.source
            );
            problems.push(file.problem(&at("source"), message));
        }
        None if !catalog.log_sources.is_empty() => {
            let mut problem = file.problem(&at("source"), format!("there is no log source `{}`", events.source));
            problem.help = suggestion(&events.source, catalog.log_sources.keys().map(String::as_str));
            problems.push(problem);
        }
        _ => {}
    }
    for name in events.take.keys().filter(|name| !collector.fields.contains_key(*name)) {
        let pointer = at(&format!("take/{}", step(name)));
        let mut problem = file.problem(&pointer, format!("`{name}` is not among the fields of {}", collector.type_name));
        problem.help = suggestion(name, collector.fields.keys().map(String::as_str));
        problems.push(problem);
    }
    if let Some(parent) = &collector.parent {
        for name in parent.take.keys().filter(|name| !events.take.contains_key(*name)) {
            problems.push(file.problem(&at("take"), format!("it lists below {}, for which it needs `{name}`", parent.type_name)));
        }
    }
    let operations: BTreeSet<&str> = collector
        .list
        .iter()
        .map(|list| list.request.operation.as_str())
        .chain(collector.reads.iter().map(|read| read.request.operation.as_str()))
        .collect();
    for (number, call) in events.calls.iter().enumerate().filter(|(_, call)| !operations.contains(call.as_str())) {
        let mut problem = file.problem(&at(&format!("calls/{number}")), format!("the collector does not call `{call}`"));
        problem.help = suggestion(call, operations.iter().copied());
        problems.push(problem);
    }
    if events.operations.is_empty() {
        problems.push(file.problem(&at("operations"), "no operation is named"));
    }
}
