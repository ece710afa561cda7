use std::collections::{BTreeMap, BTreeSet};

use skywarden_content::Catalog;
use skywarden_inventory::Resources;
use skywarden_model::{
    Assessment, Coverage, Exemption, FactTable, Placed, Resource, ResourceHead, ResourceId, SecureScore, Snapshot, Timestamp,
};

use crate::{
    Assessments, Plans, apply_exemptions, evaluate,
    evaluate::{At, evaluate_each},
    exempt::{Exempting, under_current_ids},
    listing::not_among,
    not_listed, overall_score, score_by_subscription,
    shared::Shared,
    unlisted,
};

/// Resources with their facts, verdicts and scores.
#[derive(Debug)]
pub struct Assessed<R = Resource, A = Vec<Assessment>> {
    /// Those of the snapshot, in order of their ids, then those that stay from an earlier run.
    pub resources: Vec<R>,
    /// Those of the snapshot that another connector holds, whose they are: seen, and not judged here.
    pub held_elsewhere: Vec<R>,
    /// Ids of those that stay without having been seen.
    pub stale: BTreeSet<String>,
    /// One entry per listing of the snapshot.
    pub coverage: Vec<Coverage>,
    /// What was computed from the resources.
    pub facts: FactTable,
    /// Recommendation by resource, in order of (resource, recommendation).
    pub assessments: A,
    /// When the snapshot was taken.
    pub taken_at: Timestamp,
    /// By (connector, account).
    pub scores: BTreeMap<(String, String), SecureScore>,
    /// All of them together.
    pub score: SecureScore,
    /// What was switched on.
    pub plans: Plans,
}

/// What is remembered of earlier runs and decided by people.
#[derive(Debug, Default)]
pub struct Known {
    /// The connector's resources after the last run; those that this one saw may be left out.
    pub resources: Vec<Resource>,
    /// Every exemption.
    pub exemptions: Vec<Exemption>,
    /// Ids of what this connector sees and another holds, whose it is: facts may rest on these, verdicts are given there.
    pub held_elsewhere: BTreeSet<ResourceId>,
    /// Which plans are on: what belongs to one that is off is not judged.
    pub plans: Plans,
}

/// What a report says: verdicts and the heads of what they are about.
pub type Reported = Assessed<ResourceHead, Assessments>;

/// The same for a report, which shows verdicts alone: facts and what resources consist of, most of the memory of an assessment,
/// are there for one resource at a time, so that [`Assessed::facts`] comes back empty and of resources their heads.
/// Resources that another connector holds are left out.
pub fn assess_for_report(catalog: &Catalog, snapshot: Snapshot<Resources>, known: &Known, now: Timestamp) -> Reported {
    let Snapshot { connector, taken_at, mut resources, coverage } = snapshot;
    resources.sort();
    let held = resources.held();
    let inventory = resources.inventory(&held);
    let ids = inventory.places().filter_map(|(place, _)| inventory.id(place)).map(|id| id.as_str());
    let stale = not_among(&known.resources, ids, &coverage);
    let exemptions = under_current_ids(catalog, &known.exemptions);
    let exempting = Exempting::at(&exemptions, now);
    let at = At { plans: &known.plans, held_elsewhere: &known.held_elsewhere, exempting: &exempting, now: taken_at };
    let mut assessments = evaluate_each(catalog, &at, inventory, &coverage);
    drop(held);
    let mut shared = Shared::default();
    let mut heads =
        resources.into_heads(|resource| (!known.held_elsewhere.contains(&resource.id)).then(|| shared.head(&resource)));
    if !stale.is_empty() {
        let mut unknown = unlisted(catalog, &known.plans, &stale, &coverage);
        apply_exemptions(&mut unknown, &stale, &exemptions, now);
        assessments.extend(unknown);
        assessments.sort();
    }
    let stale_ids = stale.iter().map(|resource| resource.id.to_string()).collect();
    heads.extend(stale.iter().map(|resource| shared.head(resource)));
    let scores = score_by_subscription(catalog, &known.plans, &connector, &heads, &assessments, &coverage);
    Assessed {
        taken_at,
        resources: heads,
        held_elsewhere: Vec::new(),
        stale: stale_ids,
        coverage,
        facts: FactTable::new(),
        assessments,
        score: overall_score(scores.values()),
        scores,
        plans: known.plans.clone(),
    }
}

fn sort(assessments: &mut [Assessment]) {
    assessments.sort_by(|left, right| (&left.resource, &left.recommendation).cmp(&(&right.resource, &right.recommendation)));
}

/// The posture flow over a snapshot: resources -> facts -> assessments -> exemptions -> score.
///
/// Ages are judged as of the instant when the snapshot was taken; exemptions are those that hold `now`.
pub fn assess(catalog: &Catalog, snapshot: Snapshot, known: &Known, now: Timestamp) -> Assessed {
    let stale = not_listed(&known.resources, &snapshot);
    let Snapshot { connector, taken_at, mut resources, coverage } = snapshot;
    resources.sort_by(|left, right| left.id.cmp(&right.id));
    resources.dedup_by(|left, right| left.id == right.id);
    let facts = skywarden_facts::compute(&resources, &coverage, catalog);
    let held_elsewhere = resources.extract_if(.., |resource| known.held_elsewhere.contains(&resource.id)).collect();
    let mut assessments = evaluate(catalog, &known.plans, &resources, &facts, taken_at);
    if !stale.is_empty() {
        assessments.extend(unlisted(catalog, &known.plans, &stale, &coverage));
        sort(&mut assessments);
    }
    let stale_ids = stale.iter().map(|resource| resource.id.to_string()).collect();
    resources.extend(stale);
    let exemptions = under_current_ids(catalog, &known.exemptions);
    apply_exemptions(&mut assessments, &resources, &exemptions, now);
    let scores = score_by_subscription(catalog, &known.plans, &connector, &resources, &assessments, &coverage);
    let score = overall_score(scores.values());
    let plans = known.plans.clone();
    Assessed { taken_at, resources, held_elsewhere, stale: stale_ids, coverage, facts, assessments, scores, score, plans }
}

impl Reported {
    /// Leaves out resources that another account's assessment has, with their verdicts; scores are counted anew.
    pub fn leave_out(&mut self, catalog: &Catalog, ids: &BTreeSet<ResourceId>) {
        let Some(connector) = self.resources.first().map(|resource| resource.scope().connector.clone()) else { return };
        if !self.resources.iter().any(|resource| ids.contains(resource.id())) {
            return;
        }
        self.held_elsewhere.extend(self.resources.extract_if(.., |resource| ids.contains(resource.id())));
        self.stale.retain(|id| !ids.contains(id.as_str()));
        self.assessments.retain(|assessment| !ids.contains(assessment.resource));
        self.scores = score_by_subscription(catalog, &self.plans, &connector, &self.resources, &self.assessments, &self.coverage);
        self.score = overall_score(self.scores.values());
    }
}
