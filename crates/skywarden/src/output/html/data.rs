//! The assessments as compact JSON: every text once, everything else its position; lists by column.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::{Value, json};
use skywarden_content::{Catalog, Remediation};
use skywarden_model::{Actual, Cause, Evidence, Finding, Status};
use skywarden_posture::Reported;

use super::escape::visible;
use crate::output::joined::{Join, described};

/// Texts, each kept once.
#[derive(Default)]
struct Texts {
    positions: BTreeMap<String, usize>,
    all: Vec<String>,
}

impl Texts {
    /// The position of a text from outside, made visible.
    fn of(&mut self, text: &str) -> usize {
        self.exact(visible(text))
    }

    /// The position of a text of the catalog, whose line breaks are meant.
    fn exact(&mut self, text: String) -> usize {
        if let Some(position) = self.positions.get(&text) {
            return *position;
        }
        let position = self.all.len();
        self.all.push(text.clone());
        self.positions.insert(text, position);
        position
    }
}

/// Lists of evidence, each kept once: most resources of a type fail or pass in the same way.
#[derive(Default)]
struct EvidenceLists {
    positions: BTreeMap<Vec<usize>, usize>,
    all: Vec<Vec<usize>>,
}

impl EvidenceLists {
    fn of(&mut self, evidence: &[Evidence], texts: &mut Texts) -> usize {
        let mut list = Vec::with_capacity(evidence.len() * 4);
        for entry in evidence {
            let actual = match &entry.actual {
                Actual::Value(value) => value.to_string(),
                Actual::Absent => "absent".to_owned(),
                Actual::Unreadable(reason) => reason.sentence(),
            };
            list.extend([
                texts.of(&entry.field),
                texts.of(&entry.expected),
                texts.of(&actual),
                texts.of(entry.source.as_deref().unwrap_or_default()),
            ]);
        }
        if let Some(position) = self.positions.get(&list) {
            return *position;
        }
        let position = self.all.len();
        self.all.push(list.clone());
        self.positions.insert(list, position);
        position
    }
}

/// Verdicts by column; a position in one is the verdict's number.
#[derive(Default)]
struct Verdicts {
    check: Vec<usize>,
    status: Vec<usize>,
    cause: Vec<usize>,
    evidence: Vec<usize>,
}

impl Verdicts {
    fn push(&mut self, check: usize, status: Status, cause: usize, evidence: usize) {
        self.check.push(check);
        self.status.push(status_number(status));
        self.cause.push(cause);
        self.evidence.push(evidence);
    }

    fn into_json(self) -> Value {
        json!({ "check": self.check, "status": self.status, "cause": self.cause, "evidence": self.evidence })
    }
}

/// What page.js reads; its names are explained there.
pub(super) fn compact(catalog: &Catalog, assessed: &Reported) -> anyhow::Result<Value> {
    let (mut texts, mut lists) = (Texts::default(), EvidenceLists::default());
    // Position 0 is the empty text: no cause, no permission.
    let none = texts.exact(String::new());
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    let mut columns = [const { Vec::new() }; 5];
    for (number, resource) in assessed.resources.iter().enumerate() {
        numbers.insert(resource.id.as_str(), number);
        let region = resource.location.as_deref().unwrap_or(&resource.scope.resource_group);
        let cells = [resource.id.as_str(), &resource.name, resource.type_name.as_str(), &resource.scope.account, region];
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.push(texts.of(cell));
        }
    }
    let [ids, names, types, accounts, regions] = columns;
    let mut checks = Checks::default();
    let (mut verdicts, mut findings) = (Verdicts::default(), Verdicts::default());
    let (mut resources, mut first_finding) = (Vec::new(), vec![0]);
    for joined in Join::of(catalog, assessed).iter() {
        let assessment = joined?.assessment;
        let check = checks.of(catalog, assessment.recommendation, &mut texts)?;
        let cause = cause_of(assessment.cause, &mut texts, none);
        verdicts.push(check, assessment.status, cause, lists.of(assessment.evidence, &mut texts));
        resources.push(numbers.get(assessment.resource.as_str()).copied().context("an assessment without resource")?);
        for Finding { id, status, cause, evidence, .. } in assessment.findings {
            let check = checks.of(catalog, id, &mut texts)?;
            let cause = cause_of(cause.as_deref(), &mut texts, none);
            findings.push(check, *status, cause, lists.of(evidence, &mut texts));
        }
        first_finding.push(findings.check.len());
    }
    Ok(json!({
        "resources": { "id": ids, "name": names, "type": types, "account": accounts, "region": regions },
        "checks": checks.all,
        "assessments": verdicts.into_json(),
        "assessmentResource": resources,
        "firstFinding": first_finding,
        "findings": findings.into_json(),
        "evidence": lists.all,
        "texts": texts.all,
    }))
}

/// Recommendations and baseline rules that judged something.
#[derive(Default)]
struct Checks {
    positions: BTreeMap<String, usize>,
    all: Vec<Value>,
}

impl Checks {
    fn of(&mut self, catalog: &Catalog, id: &str, texts: &mut Texts) -> anyhow::Result<usize> {
        if let Some(position) = self.positions.get(id) {
            return Ok(*position);
        }
        let Some(known) = described(catalog, id) else {
            anyhow::bail!("the catalog lacks `{id}`, of which there is a verdict");
        };
        let Remediation { steps, cli, terraform, links } = known.remediation;
        let controls: Vec<String> =
            known.compliance.iter().flat_map(|(standard, ids)| ids.iter().map(move |id| format!("{standard} {id}"))).collect();
        let mut text = |text: &str| texts.exact(text.trim().to_owned());
        let check = json!([
            text(known.id),
            text(known.title),
            severity_number(known.severity),
            text(known.description),
            text(steps),
            text(cli.as_deref().unwrap_or_default()),
            text(terraform.as_deref().unwrap_or_default()),
            links,
            controls,
        ]);
        let position = self.all.len();
        self.all.push(check);
        self.positions.insert(id.to_owned(), position);
        Ok(position)
    }
}

fn cause_of(cause: Option<&Cause>, texts: &mut Texts, none: usize) -> usize {
    let Some(cause) = cause else { return none };
    match cause.permissions.as_slice() {
        [] => texts.of(&cause.message),
        permissions => texts.of(&format!("{}; missing permission {}", cause.message, permissions.join(", "))),
    }
}

/// The order in which a person wants to see them.
fn status_number(status: Status) -> usize {
    match status {
        Status::Unhealthy => 0,
        Status::Unknown => 1,
        Status::Healthy => 2,
        Status::NotApplicable => 3,
    }
}

fn severity_number(severity: skywarden_model::Severity) -> usize {
    match severity {
        skywarden_model::Severity::Critical => 0,
        skywarden_model::Severity::High => 1,
        skywarden_model::Severity::Medium => 2,
        skywarden_model::Severity::Low => 3,
    }
}
