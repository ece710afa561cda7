use std::collections::{BTreeMap, BTreeSet};

use skywarden_content::Catalog;
use skywarden_model::{Assessment, Coverage, Exemption, FactTable, Resource, ResourceId, SecureScore, Snapshot, Timestamp};

use crate::{
    Plans, apply_exemptions, evaluate, evaluate::evaluate_and_release, exempt::under_current_ids, not_listed, overall_score,
    score_by_subscription, unlisted,
};

/// Resources with their facts, verdicts and scores.
#[derive(Debug)]
pub struct Assessed {
    /// Those of the snapshot, in order of their ids, then those that stay from an earlier run.
    pub resources: Vec<Resource>,
    /// Those of the snapshot that another connector holds, whose they are: seen, and not judged here.
    pub held_elsewhere: Vec<Resource>,
    /// Ids of those that stay without having been seen.
    pub stale: BTreeSet<String>,
    /// One entry per listing of the snapshot.
    pub coverage: Vec<Coverage>,
    /// What was computed from the resources.
    pub facts: FactTable,
    /// Recommendation by resource, in order of (resource, recommendation).
    pub assessments: Vec<Assessment>,
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
    /// The connector's resources after the last run.
    pub resources: Vec<Resource>,
    /// Every exemption.
    pub exemptions: Vec<Exemption>,
    /// Ids of what this connector sees and another holds, whose it is: facts may rest on these, verdicts are given there.
    pub held_elsewhere: BTreeSet<ResourceId>,
    /// Which plans are on: what belongs to one that is off is not judged.
    pub plans: Plans,
}

/// The posture flow over a snapshot: resources -> facts -> assessments -> exemptions -> score.
///
/// Ages are judged as of the instant when the snapshot was taken; exemptions are those that hold `now`.
pub fn assess(catalog: &Catalog, snapshot: Snapshot, known: &Known, now: Timestamp) -> Assessed {
    assess_keeping(Keep::Everything, catalog, snapshot, known, now)
}

/// The same for a report, which shows verdicts alone: facts and what resources consist of, most of the memory of an assessment,
/// are released as soon as they have been judged, so that [`Assessed::facts`] and the resources' properties come back empty.
pub fn assess_for_report(catalog: &Catalog, snapshot: Snapshot, known: &Known, now: Timestamp) -> Assessed {
    assess_keeping(Keep::Verdicts, catalog, snapshot, known, now)
}

#[derive(Clone, Copy)]
enum Keep {
    Everything,
    Verdicts,
}

fn assess_keeping(keep: Keep, catalog: &Catalog, snapshot: Snapshot, known: &Known, now: Timestamp) -> Assessed {
    let stale = not_listed(&known.resources, &snapshot);
    let Snapshot { connector, taken_at, mut resources, coverage } = snapshot;
    resources.sort_by(|left, right| left.id.cmp(&right.id));
    resources.dedup_by(|left, right| left.id == right.id);
    let mut facts = skywarden_facts::compute(&resources, &coverage, catalog);
    let held_elsewhere = resources.extract_if(.., |resource| known.held_elsewhere.contains(&resource.id)).collect();
    let mut assessments = match keep {
        Keep::Everything => evaluate(catalog, &known.plans, &resources, &facts, taken_at),
        Keep::Verdicts => evaluate_and_release(catalog, &known.plans, &mut resources, std::mem::take(&mut facts), taken_at),
    };
    if !stale.is_empty() {
        assessments.extend(unlisted(catalog, &known.plans, &stale, &coverage));
        assessments.sort_by(|left, right| (&left.resource, &left.recommendation).cmp(&(&right.resource, &right.recommendation)));
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

impl Assessed {
    /// Leaves out resources that another account's assessment has, with their verdicts; scores are counted anew.
    pub fn leave_out(&mut self, catalog: &Catalog, ids: &BTreeSet<ResourceId>) {
        let Some(connector) = self.resources.first().map(|resource| resource.scope.connector.clone()) else { return };
        if !self.resources.iter().any(|resource| ids.contains(&resource.id)) {
            return;
        }
        self.held_elsewhere.extend(self.resources.extract_if(.., |resource| ids.contains(&resource.id)));
        self.stale.retain(|id| !ids.contains(id.as_str()));
        self.assessments.retain(|assessment| !ids.contains(&assessment.resource));
        self.scores = score_by_subscription(catalog, &self.plans, &connector, &self.resources, &self.assessments, &self.coverage);
        self.score = overall_score(self.scores.values());
    }
}
