use skywarden_content::Catalog;
use skywarden_model::{Assessment, Coverage, Exemption, FactTable, Resource, SecureScore, Snapshot, Timestamp};

/// Resources with their facts, verdicts and score.
pub(crate) struct Assessed {
    pub(crate) resources: Vec<Resource>,
    pub(crate) coverage: Vec<Coverage>,
    pub(crate) facts: FactTable,
    pub(crate) assessments: Vec<Assessment>,
    pub(crate) score: SecureScore,
}

/// Runs the posture flow over snapshots: resources -> facts -> assessments -> exemptions -> score.
pub(crate) fn assess(catalog: &Catalog, snapshots: Vec<Snapshot>, exemptions: &[Exemption], now: Timestamp) -> Assessed {
    let mut resources = Vec::new();
    let mut coverage = Vec::new();
    for snapshot in snapshots {
        resources.extend(snapshot.resources);
        coverage.extend(snapshot.coverage);
    }
    resources.sort_by(|left, right| left.id.cmp(&right.id));
    resources.dedup_by(|left, right| left.id == right.id);
    let facts = skywarden_facts::compute(&resources, &coverage);
    let mut assessments = skywarden_posture::evaluate(catalog, &resources, &facts, now);
    skywarden_posture::apply_exemptions(&mut assessments, &resources, exemptions, now);
    let score = skywarden_posture::secure_score(catalog, &assessments, &coverage);
    Assessed { resources, coverage, facts, assessments, score }
}
