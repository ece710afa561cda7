//! Runs the tests inside the content files.

use std::fmt;

use skywarden_model::{Evidence, Status};

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
    /// The recommendation, risk factor or baseline rule.
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

/// Runs every test of every recommendation, risk factor and baseline rule of a catalog.
pub fn run_tests(catalog: &Catalog) -> TestReport {
    let mut report = TestReport::default();
    for recommendation in catalog.recommendations.values() {
        let file = &recommendation.file;
        if let Some(rule) = &recommendation.rule {
            run_file(&file.id, &file.type_name, rule, &file.tests, &mut report);
        }
    }
    for factor in catalog.risk_factors.values() {
        for test in &factor.file.tests {
            let got = factor.verdict(&test.resource("any"), Some(&test.fact_sheet()), test.instant());
            report.note(&factor.file.id, test, got, Vec::new());
        }
    }
    for rule in catalog.baselines.values().flat_map(|rules| rules.values()) {
        run_file(&rule.file.id, &rule.file.type_name, &rule.rule, &rule.file.tests, &mut report);
    }
    report
}

fn run_file(id: &str, type_name: &str, rule: &CompiledRule, tests: &[TestCase], report: &mut TestReport) {
    for test in tests {
        let (resource, facts) = (test.resource(type_name), test.fact_sheet());
        let mut parameters = rule.parameters.clone();
        parameters.extend(test.parameters.clone());
        let (got, _, evidence) = rule.explain_with(&parameters, &resource, Some(&facts), test.instant());
        report.note(id, test, got, evidence);
    }
}

impl TestReport {
    /// Notes what a test gave.
    fn note(&mut self, id: &str, test: &TestCase, got: Status, evidence: Vec<Evidence>) {
        let expected = match test.expect {
            Expectation::Healthy => Status::Healthy,
            Expectation::Unhealthy => Status::Unhealthy,
            Expectation::NotApplicable => Status::NotApplicable,
            Expectation::Unknown => Status::Unknown,
        };
        if got == expected {
            self.n_passed += 1;
        } else {
            self.failures.push(TestFailure { id: id.to_owned(), test: test.name.clone(), expected, got, evidence });
        }
    }
}
