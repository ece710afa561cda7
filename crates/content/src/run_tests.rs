//! Runs the tests inside the content files.

use std::{fmt, sync::Arc};

use litemap::LiteMap;
use serde_json::{Map, Value};
use skywarden_model::{
    Carried, Evidence, Fact, FactSheet, Resource, Scope, Status, Timestamp, Unreadable, UnreadableKind, UnreadableReason,
};

use crate::{Catalog, CompiledRule, Expectation, TestCase};

/// What the tests inside the content gave.
#[derive(Debug, Default)]
pub struct TestReport {
    /// Tests that gave the verdict that they expect.
    pub n_passed: usize,
    /// The others.
    pub failures: Vec<TestFailure>,
}

/// A test that gave another verdict than it expects.
#[derive(Debug)]
pub struct TestFailure {
    /// The recommendation or baseline rule.
    pub id: String,
    /// The test's name.
    pub test: String,
    /// What it expects.
    pub expected: Status,
    /// What it got.
    pub got: Status,
    /// What decided.
    pub evidence: Vec<Evidence>,
}

impl fmt::Display for TestFailure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: `{}` should be {} and is {}", self.id, self.test, self.expected, self.got)?;
        for evidence in &self.evidence {
            write!(out, "\n    {} {} (found {:?})", evidence.field, evidence.expected, evidence.actual)?;
        }
        Ok(())
    }
}

/// Runs every test of every recommendation and baseline rule of a catalog.
pub fn run_tests(catalog: &Catalog) -> TestReport {
    let mut report = TestReport::default();
    for recommendation in catalog.recommendations.values() {
        let file = &recommendation.file;
        if let Some(rule) = &recommendation.rule {
            run_file(&file.id, &file.type_name, rule, &file.tests, &mut report);
        }
    }
    for rule in catalog.baselines.values().flat_map(|rules| rules.values()) {
        run_file(&rule.file.id, &rule.file.type_name, &rule.rule, &rule.file.tests, &mut report);
    }
    report
}

fn run_file(id: &str, type_name: &str, rule: &CompiledRule, tests: &[TestCase], report: &mut TestReport) {
    for test in tests {
        let resource = resource(type_name, test);
        let facts = FactSheet { values: facts_of(test), unreadable: unreadable(test, "facts."), ..FactSheet::default() };
        let mut parameters = rule.parameters.clone();
        parameters.extend(test.parameters.clone());
        let now = test.now.as_deref().unwrap_or("2026-01-01T00:00:00Z").parse().unwrap_or(Timestamp::UNIX_EPOCH);
        let (got, _, evidence) = rule.explain_with(&parameters, &resource, Some(&facts), now);
        let expected = match test.expect {
            Expectation::Healthy => Status::Healthy,
            Expectation::Unhealthy => Status::Unhealthy,
            Expectation::NotApplicable => Status::NotApplicable,
            Expectation::Unknown => Status::Unknown,
        };
        if got == expected {
            report.n_passed += 1;
        } else {
            report.failures.push(TestFailure { id: id.to_owned(), test: test.name.clone(), expected, got, evidence });
        }
    }
}

fn resource(type_name: &str, test: &TestCase) -> Resource {
    Resource {
        id: "test".into(),
        type_name: type_name.into(),
        name: "test".to_owned(),
        scope: Scope { connector: "test".into(), account: "123456789012".into(), resource_group: "test".into() },
        location: test.location.clone(),
        tags: test.tags.clone(),
        envelope: Map::new(),
        properties: Value::Object(test.given.clone()),
        unreadable: unreadable(test, "properties."),
        carried: Carried::All,
    }
}

fn facts_of(test: &TestCase) -> LiteMap<Arc<str>, Fact> {
    let fields =
        |fields: &Map<String, Value>| fields.iter().map(|(field, value)| (field.as_str().into(), value.clone())).collect();
    test.facts.iter().map(|(name, own)| (name.as_str().into(), fields(own))).collect()
}

fn unreadable(test: &TestCase, prefix: &str) -> Vec<Unreadable> {
    let reason = Arc::new(UnreadableReason {
        kind: UnreadableKind::Denied,
        operation: "read it in the test".to_owned(),
        permission: Some("test:Read".to_owned()),
        code: "AccessDenied".to_owned(),
        message: String::new(),
    });
    let fields = test.unknown.iter().filter(|field| field.starts_with(prefix)).filter_map(|field| field.parse().ok());
    fields.map(|field| Unreadable { field, reason: reason.clone() }).collect()
}
