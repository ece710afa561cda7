use std::collections::{BTreeMap, BTreeSet};

use skywarden_content::Catalog;
use skywarden_model::{Assessment, Coverage, Exemption, FactTable, Resource, SecureScore, Snapshot, Timestamp};

use crate::{apply_exemptions, evaluate, exempt::under_current_ids, not_listed, overall_score, score_by_subscription, unlisted};

/// Resources with their facts, verdicts and scores.
#[derive(Debug)]
pub struct Assessed {
    /// Those of the snapshot, in order of their ids, then those that stay from an earlier run.
    pub resources: Vec<Resource>,
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
}

/// What is remembered of earlier runs and decided by people.
#[derive(Debug, Default)]
pub struct Known {
    /// The connector's resources after the last run.
    pub resources: Vec<Resource>,
    /// Every exemption.
    pub exemptions: Vec<Exemption>,
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
    let mut assessments = evaluate(catalog, &resources, &facts, taken_at);
    if !stale.is_empty() {
        assessments.extend(unlisted(catalog, &stale, &coverage));
        assessments.sort_by(|left, right| (&left.resource, &left.recommendation).cmp(&(&right.resource, &right.recommendation)));
    }
    let stale_ids = stale.iter().map(|resource| resource.id.to_string()).collect();
    resources.extend(stale);
    let exemptions = under_current_ids(catalog, &known.exemptions);
    apply_exemptions(&mut assessments, &resources, &exemptions, now);
    let scores = score_by_subscription(catalog, &connector, &resources, &assessments, &coverage);
    let score = overall_score(scores.values());
    Assessed { taken_at, resources, stale: stale_ids, coverage, facts, assessments, scores, score }
}
