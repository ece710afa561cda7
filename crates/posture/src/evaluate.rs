use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use skywarden_content::{BaselineRule, Catalog, CompiledRule, Maturity, Recommendation};
use skywarden_inventory::Inventory;
use skywarden_model::{
    Assessment, Cause, CauseCode, Coverage, Evidence, FactSheet, FactTable, FieldPath, Finding, Resource, ResourceId, Status,
    Timestamp, UnreadableReason,
};

use crate::{
    Assessments, Plans,
    exempt::Exempting,
    listing::{is_of_region, of_type},
    shared::Shared,
};

/// Judges every resource by every recommendation of its type of which the plan is on; sorted by resource, then recommendation.
///
/// These are the resources that the run saw; those of failed listings stay, see [`unlisted`].
pub fn evaluate(catalog: &Catalog, plans: &Plans, resources: &[Resource], facts: &FactTable, now: Timestamp) -> Vec<Assessment> {
    let by_type = recommendations_by_type(catalog);
    let mut bench = Bench::new(catalog, plans, now);
    // Resources are sorted and not their assessments, of which there are many times as many; recommendations come in order.
    let mut in_order: Vec<&Resource> = resources.iter().collect();
    in_order.sort_by(|left, right| left.id.cmp(&right.id));
    let mut assessments = Vec::with_capacity(in_order.iter().map(|resource| judging(&by_type, resource).len()).sum());
    for resource in in_order {
        bench.assess(judging(&by_type, resource), resource, facts.get(&resource.id), |own| assessments.push(own));
    }
    assessments
}

/// The same of resources in order of their ids, for those who need the verdicts alone: each resource is opened, judged by facts that are
/// computed for it, and closed. `at` says what is judged.
pub(crate) fn evaluate_each(catalog: &Catalog, at: &At<'_>, inventory: Inventory<'_>, coverage: &[Coverage]) -> Assessments {
    let by_type = recommendations_by_type(catalog);
    let mut bench = Bench::new(catalog, at.plans, at.now);
    // Growing it would take twice as much for a while.
    let judged = |(_, type_name): (usize, &str)| by_type.get(type_name).map_or(0, Vec::len);
    let mut assessments = Assessments::with_capacity(inventory.places().map(judged).sum());
    skywarden_facts::over(inventory, coverage, catalog, |facts| {
        for (place, type_name) in inventory.places() {
            let Some(recommendations) = by_type.get(type_name) else { continue };
            let Some(resource) = inventory.open(place).filter(|own| !at.held_elsewhere.contains(&own.id)) else { continue };
            bench.assess(recommendations, &resource, facts.of(&resource).as_ref(), |mut own| {
                at.exempting.apply(&mut own, &*resource);
                assessments.push(own);
            });
        }
    });
    assessments.shrink_to_fit();
    assessments
}

/// What is judged, and as of when.
pub(crate) struct At<'a> {
    pub(crate) plans: &'a Plans,
    /// Seen, and not judged here.
    pub(crate) held_elsewhere: &'a BTreeSet<ResourceId>,
    /// What people set aside.
    pub(crate) exempting: &'a Exempting<'a>,
    pub(crate) now: Timestamp,
}

/// The verdict on a resource of an earlier run whose listing failed in this one: it stays, and everything about it is Unknown.
pub fn unlisted(catalog: &Catalog, plans: &Plans, resources: &[Resource], coverage: &[Coverage]) -> Vec<Assessment> {
    let by_type = recommendations_by_type(catalog);
    let mut assessments = Vec::new();
    for resource in resources {
        let recommendations = judging(&by_type, resource);
        if recommendations.is_empty() {
            continue;
        }
        let failure = failure_of(resource, coverage);
        let cause = Arc::new(Cause {
            code: CauseCode::NotListed,
            message: failure.map_or_else(|| "it was not seen in the last run".to_owned(), |reason| reason.sentence()),
            permissions: failure.and_then(|reason| reason.permission.clone()).into_iter().collect(),
        });
        for (id, recommendation) in recommendations {
            if !plans.is_on(recommendation.file.plan.as_ref(), resource) {
                continue;
            }
            assessments.push(Assessment {
                recommendation: Arc::clone(id),
                resource: resource.id.clone(),
                status: Status::Unknown,
                cause: Some(Arc::clone(&cause)),
                evidence: Arc::default(),
                findings: Box::default(),
            });
        }
    }
    assessments
}

/// Why a resource was not listed: the failure of its own region, else that of another listing of its type in its account.
fn failure_of<'a>(resource: &Resource, coverage: &'a [Coverage]) -> Option<&'a UnreadableReason> {
    let failed = || of_type(coverage, resource).filter(|entry| entry.list_failure().is_some());
    let entry = failed().find(|entry| is_of_region(entry, resource)).or_else(|| failed().next())?;
    entry.list_failure().map(AsRef::as_ref)
}

type ByType<'a> = BTreeMap<&'a str, Vec<(&'a Arc<str>, &'a Recommendation)>>;

/// The recommendations that a resource is judged by.
fn judging<'t, 'a>(by_type: &'t ByType<'a>, resource: &Resource) -> &'t [(&'a Arc<str>, &'a Recommendation)] {
    by_type.get(resource.type_name.as_str()).map_or(&[], Vec::as_slice)
}

fn recommendations_by_type(catalog: &Catalog) -> ByType<'_> {
    let mut by_type = ByType::new();
    for (id, recommendation) in &catalog.recommendations {
        if recommendation.file.maturity != Maturity::Deprecated {
            by_type.entry(&recommendation.file.type_name).or_default().push((id, recommendation));
        }
    }
    by_type
}

/// What judging one resource after the other needs.
struct Bench<'a> {
    catalog: &'a Catalog,
    plans: &'a Plans,
    now: Timestamp,
    /// Type -> field, as evidence writes it -> the call that reads it. Looking one up anew costs as much as a verdict.
    sources: BTreeMap<&'a str, HashMap<Arc<str>, Option<Arc<str>>>>,
    /// One for all verdicts that have it.
    does_not_apply: Arc<Cause>,
    shared: Shared,
}

impl<'a> Bench<'a> {
    fn new(catalog: &'a Catalog, plans: &'a Plans, now: Timestamp) -> Self {
        Self {
            catalog,
            plans,
            now,
            sources: BTreeMap::new(),
            does_not_apply: Arc::new(Cause::does_not_apply()),
            shared: Shared::default(),
        }
    }

    /// Makes the assessments of a resource by every recommendation of its type of which the plan is on.
    fn assess(
        &mut self,
        recommendations: &[(&Arc<str>, &'a Recommendation)],
        resource: &Resource,
        facts: Option<&FactSheet>,
        mut put: impl FnMut(Assessment),
    ) {
        for (id, recommendation) in recommendations {
            if !self.plans.is_on(recommendation.file.plan.as_ref(), resource) {
                continue;
            }
            put(self.assess_by(id, recommendation, resource, facts));
        }
    }

    fn assess_by(
        &mut self,
        id: &Arc<str>,
        recommendation: &'a Recommendation,
        resource: &Resource,
        facts: Option<&FactSheet>,
    ) -> Assessment {
        let mut assessment = Assessment {
            recommendation: Arc::clone(id),
            resource: resource.id.clone(),
            status: Status::NotApplicable,
            cause: None,
            evidence: Arc::default(),
            findings: Box::default(),
        };
        let type_name = recommendation.file.type_name.as_str();
        if let Some(rule) = &recommendation.rule {
            (assessment.status, assessment.cause, assessment.evidence) = self.judge(rule, type_name, resource, facts);
            return assessment;
        }
        let findings_from = recommendation.file.findings_from.as_ref();
        let baseline = findings_from.and_then(|findings| self.catalog.baselines.get(&findings.baseline));
        let plans = self.plans;
        let rules = baseline.into_iter().flatten().filter(|(_, rule)| {
            rule.file.type_name == resource.type_name.as_str() && plans.is_on(rule.file.plan.as_ref(), resource)
        });
        assessment.findings = rules.map(|(id, rule)| self.finding(id, rule, resource, facts)).collect();
        crate::exempt::settle_by_findings(&mut assessment);
        assessment
    }

    fn finding(&mut self, id: &Arc<str>, rule: &'a BaselineRule, resource: &Resource, facts: Option<&FactSheet>) -> Finding {
        let (status, cause, evidence) = self.judge(&rule.rule, &rule.file.type_name, resource, facts);
        let title = rule.file.title.as_str().into();
        Finding { id: Arc::clone(id), title, severity: rule.file.severity, status, cause, evidence }
    }

    /// The verdict, explained only where it has to be: explaining costs several times the verdict, and what is healthy or does
    /// not apply by the thousand says so by itself.
    fn judge(
        &mut self,
        rule: &CompiledRule,
        type_name: &'a str,
        resource: &Resource,
        facts: Option<&FactSheet>,
    ) -> (Status, Option<Arc<Cause>>, Arc<[Evidence]>) {
        match rule.verdict(resource, facts, self.now) {
            Status::Healthy => (Status::Healthy, None, Arc::default()),
            Status::NotApplicable => (Status::NotApplicable, Some(Arc::clone(&self.does_not_apply)), Arc::default()),
            status @ (Status::Unhealthy | Status::Unknown) => {
                let (_, cause, evidence) = rule.explain(resource, facts, self.now);
                let evidence = self.with_sources(type_name, with_chains(evidence, facts));
                (status, cause.map(|cause| self.shared.cause(cause)), self.shared.evidence(evidence))
            }
        }
    }

    /// Names the call that read each field, where the collector's spec tells; facts are read by none.
    fn with_sources(&mut self, type_name: &'a str, mut evidence: Vec<Evidence>) -> Vec<Evidence> {
        let known = self.sources.entry(type_name).or_default();
        for entry in &mut evidence {
            if entry.source.is_some() || fact_of(&entry.field).is_some() {
                continue;
            }
            entry.source = match known.get(&entry.field) {
                Some(source) => source.clone(),
                None => {
                    let field = without_positions(&entry.field);
                    let source = field.and_then(|field| self.catalog.source_of(type_name, &field)).map(Arc::from);
                    known.insert(Arc::clone(&entry.field), source.clone());
                    source
                }
            };
        }
        evidence
    }
}

/// Entries of evidence at most, with the chains of facts.
const MAX_EVIDENCE: usize = 40;

/// Adds to each fact that decided the chain of observations that it rests on.
fn with_chains(evidence: Vec<Evidence>, facts: Option<&FactSheet>) -> Vec<Evidence> {
    let Some(sheet) = facts.filter(|_| evidence.iter().any(|entry| fact_of(&entry.field).is_some())) else { return evidence };
    let mut whole: Vec<Evidence> = Vec::new();
    let mut told: Vec<String> = Vec::new();
    for entry in evidence {
        let fact = fact_of(&entry.field).filter(|fact| !told.iter().any(|known| known == fact)).map(str::to_owned);
        whole.push(entry);
        if let Some(fact) = fact {
            whole.extend(sheet.evidence.get(fact.as_str()).into_iter().flatten().cloned());
            told.push(fact);
        }
    }
    whole.truncate(MAX_EVIDENCE);
    whole
}

/// The fact that a field belongs to: `access` of `facts.access.public`.
fn fact_of(field: &str) -> Option<&str> {
    let rest = field.strip_prefix("facts.")?;
    rest.split(['.', '[']).next()
}

/// `properties.a[2].b` as the path `properties.a[*].b`.
fn without_positions(field: &str) -> Option<FieldPath> {
    let mut text = String::with_capacity(field.len());
    let mut rest = field;
    while let Some((before, after)) = rest.split_once('[') {
        text.push_str(before);
        let (inside, tail) = after.split_once(']')?;
        let is_position = !inside.is_empty() && inside.bytes().all(|byte| byte.is_ascii_digit());
        text.push_str(if is_position { "[*]" } else { "[" });
        if !is_position {
            text.push_str(inside);
            text.push(']');
        }
        rest = tail;
    }
    text.push_str(rest);
    text.parse().ok()
}
