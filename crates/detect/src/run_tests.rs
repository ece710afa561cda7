use std::{collections::BTreeMap, sync::Arc};

use jiff::{Timestamp, ToSpan as _};
use serde_json::Value;
use skywarden_content::{
    AlertLevel, Catalog, Detection, DetectionTest, LogSourceFile, LogSourceTest, TestEvent, TestKind, duration,
};
use skywarden_sigma::Placeholders;

use crate::{
    Alert, Clock, Detect, Event, Indicator, Intelligence, LogSource, Rule, Run,
    change::run_change_tests,
    event::text_of,
    incident::run_incident_tests,
    read::ReaderState,
    rule::own_rules,
    source::{Compiled, serves, shorten},
};

/// What the tests inside log sources, detections and kinds of incidents gave.
#[derive(Debug, Default)]
pub struct TestReport {
    /// Tests that gave what they expect.
    pub n_passed: usize,
    /// What the others gave, a sentence each.
    pub failures: Vec<String>,
    /// Alerts above low that a detection raises on everyday events which another one shows to be none of its own.
    pub elsewhere: Vec<String>,
}

impl TestReport {
    pub(crate) fn add(&mut self, of: &str, test: &str, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => self.n_passed += 1,
            Err(message) => self.failures.push(format!("{of}: `{test}`: {message}")),
        }
    }
}

/// Runs every test of every log source, detection and kind of incident.
pub fn run_tests(catalog: &Catalog) -> TestReport {
    let mut report = TestReport::default();
    for file in catalog.log_sources.values() {
        match LogSource::new(file, &[], &Placeholders::new(), Compiled::ForRules, &mut Vec::new()) {
            Err(reason) => report.failures.push(format!("{}: {reason}", file.id)),
            Ok(source) => {
                for test in &file.tests {
                    report.add(&file.id, &test.name, of_source(&source, test));
                }
            }
        }
    }
    run_change_tests(catalog, &mut report);
    let (rules, refused) = own_rules(catalog);
    report.failures.extend(refused.iter().map(|refused| format!("{}: {}", refused.rule, refused.reason)));
    run_incident_tests(catalog, &rules, &mut report);
    let (detect, refused) = Detect::new(catalog, rules, &Placeholders::new());
    report.failures.extend(refused.iter().map(|refused| format!("{}: {}", refused.rule, refused.reason)));
    let own: Vec<(String, Vec<String>)> =
        detect.rules().iter().map(|rule| (rule.name.to_string(), sources_of(catalog, rule))).collect();
    for (name, sources) in own {
        let Some(detection) = catalog.detections.get(&name) else { continue };
        for test in &detection.file.skywarden.tests {
            let outcome = of_detection(&detect, detection, &sources, test);
            if let Ok(others) = &outcome
                && test.kind == TestKind::Benign
            {
                report.elsewhere.extend(others.iter().map(|other| format!("{name}: `{}`: raises {other}", test.name)));
            }
            report.add(&name, &test.name, outcome.map(|_| ()));
        }
    }
    report
}

/// The log sources that have records for a rule.
pub(crate) fn sources_of(catalog: &Catalog, rule: &Rule) -> Vec<String> {
    let is_fit = |file: &&LogSourceFile| rule.sigma.as_ref().is_some_and(|sigma| serves(file, &sigma.logsource));
    catalog.log_sources.values().filter(is_fit).map(|file| file.id.clone()).collect()
}

fn of_source(source: &LogSource, test: &LogSourceTest) -> Result<(), String> {
    let text = match (&test.record, &test.line) {
        (Some(record), _) => record.to_string(),
        (None, line) => line.clone().unwrap_or_default(),
    };
    let mut events: Vec<Result<Event, String>> = Vec::new();
    let now = Timestamp::new(1_798_761_600, 0).map_err(|error| error.to_string())?;
    let (mut scratch, mut buffer, mut fired) = Default::default();
    source.reader.records(&text, &mut ReaderState::default(), &mut |raw| {
        let read = raw.map_err(|reason| reason.to_string()).and_then(|raw| {
            let record = source.record(&raw).map_err(|reason| reason.to_string())?;
            let time = source.time(&record, now);
            let mut seen = source.look(record, &mut scratch, &mut buffer, &mut fired);
            source.find_event(&mut seen, &mut scratch);
            Ok(source.event(&seen, raw.text(), time))
        });
        events.push(read);
    });
    let event = match events.pop() {
        None => return Err("no record was read".to_owned()),
        Some(event) => event?,
    };
    let ocsf = event.to_ocsf();
    for (name, expected) in &test.expect {
        let got = match name.as_str() {
            "account" => event.account.clone().map(Value::String),
            "resource" => event.resource.clone().map(Value::String),
            "id" => Some(Value::String(event.id.clone())),
            "class" => Some(Value::String(event.class.name.to_owned())),
            "time" => event.time.map(|time| match expected {
                Value::Number(_) => time.as_millisecond().into(),
                _ => time.to_string().into(),
            }),
            _ => event.fields.get(name).cloned().or_else(|| at_path(&ocsf, name).cloned()),
        };
        let is_right = match &got {
            None => expected.is_null(),
            Some(got) => {
                got == expected
                    || text_of(got).is_some_and(|text| Some(text) == text_of(expected))
                    || (name == "time" && same_instant(got, expected))
            }
        };
        if !is_right {
            let got = got.map_or_else(|| "nothing".to_owned(), |got| got.to_string());
            return Err(format!("`{name}` should be {expected} and is {}", shorten(&got, 300)));
        }
    }
    Ok(())
}

fn same_instant(got: &Value, expected: &Value) -> bool {
    let instant = |value: &Value| value.as_str().and_then(crate::time::rfc3339);
    instant(got).is_some() && instant(got) == instant(expected)
}

fn at_path<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(value, |value, member| value.get(member))
}

/// Runs one test with all rules, of which only one's alerts count; the others that are above low come back.
fn of_detection(detect: &Detect, detection: &Detection, sources: &[String], test: &DetectionTest) -> Result<Vec<String>, String> {
    let start = Timestamp::new(1_772_323_200, 0).map_err(|error| error.to_string())?;
    let (run, looked) = played(detect, sources, test, start)?;
    let n_expected = if test.kind == TestKind::Attack { test.alerts.unwrap_or(1) } else { 0 };
    let (own, others): (Vec<&Alert>, Vec<&Alert>) =
        run.alerts.all().into_iter().partition(|alert| alert.detection.as_ref() == detection.file.name);
    let n = own.len();
    if n == n_expected {
        let others = others.into_iter().filter(|alert| alert.severity > AlertLevel::Low);
        return Ok(others.map(|alert| format!("{} ({:?})", alert.detection, alert.severity)).collect());
    }
    let first = own.first().map(|alert| {
        let evidence: Vec<String> =
            alert.evidence.iter().map(|evidence| format!("{} {}", evidence.field, evidence.expected)).collect();
        let why = alert.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        format!("; the first because {}{why}", evidence.join(", "))
    });
    Err(format!(
        "{n} alerts of {} and not {n_expected} ({looked} records looked at){}",
        detection.file.name,
        first.unwrap_or_default()
    ))
}

/// Feeds the events of a test, the first at an instant where it names none. What came of it, and how many records were looked at.
pub(crate) fn played(detect: &Detect, sources: &[String], test: &DetectionTest, start: Timestamp) -> Result<(Run, u64), String> {
    let mut known = Intelligence::default();
    for indicator in &test.intelligence {
        let labels = indicator.labels.iter().map(|label| label.to_lowercase()).collect();
        known.add(indicator.kind, &indicator.value, Indicator { labels, ..Indicator::default() })?;
    }
    let mut run = Run::knowing(Arc::new(known.into()));
    let mut inputs = BTreeMap::new();
    let mut time = start;
    let mut bad = None;
    for (place, event) in test.events.iter().enumerate() {
        if let Some(at) = &event.at {
            time = crate::time::rfc3339(at).ok_or_else(|| format!("`{at}` is no time"))?;
        }
        let source = source_of(sources, event)?;
        let every = match &event.every {
            None => 1,
            Some(every) => duration(every).ok_or_else(|| format!("`{every}` is no length of time"))?,
        };
        if !inputs.contains_key(&source) {
            let input = detect.input(&source).ok_or_else(|| format!("there is no log source `{source}`"))?;
            inputs.insert(source.clone(), input);
        }
        let Some(input) = inputs.get_mut(&source) else { continue };
        let format = detect.source(&source).and_then(LogSource::time_format).cloned();
        let n = event.repeat.unwrap_or(1);
        for number in 0..n {
            for text in texts_of(event) {
                let has_time = text.contains("${time}");
                let written = format.as_ref().map_or_else(|| time.to_string(), |format| format.write(time));
                let text = numbered(&text.replace("${time}", &written), number);
                let clock = if has_time { Clock::OfRecords(time) } else { Clock::At(time) };
                let mut failed = |record: crate::BadRecord| bad = bad.take().or(Some((place, record)));
                detect.feed(&mut run, input, &text, clock, &mut failed);
            }
            time = time.checked_add(every.seconds()).map_err(|error| error.to_string())?;
        }
    }
    if let Some((place, record)) = bad {
        return Err(format!("event {place} can't be read: {} ({})", record.reason, record.start));
    }
    let n_records = inputs.values().map(|input| input.n_records).sum();
    Ok((run, n_records))
}

/// The log source of an event: the one that it names, or the only one that has the rule's records.
fn source_of(sources: &[String], event: &TestEvent) -> Result<String, String> {
    match (&event.source, sources) {
        (Some(source), _) => Ok(source.clone()),
        (None, [only]) => Ok(only.clone()),
        (None, []) => Err("no log source has records for this rule".to_owned()),
        (None, several) => Err(format!("`source` says which of {} the event is of", several.join(", "))),
    }
}

fn texts_of(event: &TestEvent) -> Vec<String> {
    let records = event.record.iter().chain(&event.records).map(Value::to_string);
    records.chain(event.line.iter().chain(&event.lines).cloned()).collect()
}

/// A text with `${n}` and `${n:a,b,c}` filled in.
fn numbered(text: &str, number: u32) -> String {
    let mut out = text.replace("${n}", &number.to_string());
    while let Some((before, rest)) = out.split_once("${n:") {
        let Some((list, after)) = rest.split_once('}') else { break };
        let items: Vec<&str> = list.split(',').map(str::trim).collect();
        let place = usize::try_from(number).unwrap_or_default() % items.len().max(1);
        out = format!("{before}{}{after}", items.get(place).copied().unwrap_or_default());
    }
    out
}
