use std::collections::BTreeSet;

use skywarden_content::Catalog;
use skywarden_model::{Assessment, Coverage, Exemption, FactTable, Resource, SecureScore, Snapshot, Timestamp};

/// Resources with their facts, verdicts and score.
pub(crate) struct Assessed {
    pub(crate) resources: Vec<Resource>,
    /// Ids of those that stay from an earlier run without having been seen in this one.
    pub(crate) stale: BTreeSet<String>,
    pub(crate) coverage: Vec<Coverage>,
    pub(crate) facts: FactTable,
    pub(crate) assessments: Vec<Assessment>,
    pub(crate) score: SecureScore,
}

/// What is remembered of earlier runs and decided by people.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) resources: Vec<Resource>,
    pub(crate) exemptions: Vec<Exemption>,
}

/// Runs the posture flow over a snapshot: resources -> facts -> assessments -> exemptions -> score.
pub(crate) fn assess(catalog: &Catalog, snapshot: Snapshot, known: &Known, now: Timestamp) -> Assessed {
    let stale = skywarden_posture::not_listed(&known.resources, &snapshot);
    let Snapshot { mut resources, coverage, .. } = snapshot;
    resources.sort_by(|left, right| left.id.cmp(&right.id));
    resources.dedup_by(|left, right| left.id == right.id);
    let facts = skywarden_facts::compute(&resources, &coverage);
    let mut assessments = skywarden_posture::evaluate(catalog, &resources, &facts, now);
    assessments.extend(skywarden_posture::unlisted(catalog, &stale, &coverage));
    assessments.sort_by(|left, right| (&left.resource, &left.recommendation).cmp(&(&right.resource, &right.recommendation)));
    let stale_ids = stale.iter().map(|resource| resource.id.to_string()).collect();
    resources.extend(stale);
    skywarden_posture::apply_exemptions(&mut assessments, &resources, &known.exemptions, now);
    let score = skywarden_posture::secure_score(catalog, &assessments, &coverage);
    Assessed { resources, stale: stale_ids, coverage, facts, assessments, score }
}
