//! What each recommendation costs: the place to look when judging gets slower.

use skywarden_content::Catalog;
use skywarden_model::{Snapshot, Status};

use crate::measure::timed;

/// Recommendations printed, the costliest first.
const N_PRINTED: usize = 40;

struct Cost {
    id: String,
    n_resources: usize,
    n_explained: usize,
    verdict: f64,
    explained: f64,
}

/// Judges `n_resources` copies of the sample by each recommendation by itself.
pub(crate) fn costs(catalog: &Catalog, sample: &Snapshot, n_resources: usize) -> anyhow::Result<()> {
    let snapshot = skywarden_testkit::copies(sample, n_resources)?;
    let facts = skywarden_facts::compute(&snapshot.resources, &snapshot.coverage, catalog);
    let mut costs = Vec::new();
    for (id, recommendation) in &catalog.recommendations {
        let Some(rule) = &recommendation.rule else { continue };
        let concerned: Vec<_> =
            snapshot.resources.iter().filter(|resource| resource.type_name.as_str() == recommendation.file.type_name).collect();
        let (verdicts, verdict, _) = timed(|| {
            let verdicts = concerned.iter().map(|resource| rule.verdict(resource, facts.get(&resource.id), snapshot.taken_at));
            verdicts.collect::<Vec<Status>>()
        });
        let explained: Vec<_> = concerned
            .iter()
            .zip(verdicts)
            .filter(|(_, status)| matches!(status, Status::Unhealthy | Status::Unknown))
            .map(|(resource, _)| resource)
            .collect();
        let (_, explaining, _) = timed(|| {
            for resource in &explained {
                std::hint::black_box(rule.explain(resource, facts.get(&resource.id), snapshot.taken_at));
            }
        });
        costs.push(Cost {
            id: id.to_string(),
            n_resources: concerned.len(),
            n_explained: explained.len(),
            verdict,
            explained: explaining,
        });
    }
    costs.sort_by(|left, right| (right.verdict + right.explained).total_cmp(&(left.verdict + left.explained)));
    let (verdicts, explained) =
        costs.iter().fold((0.0, 0.0), |(verdicts, explained), cost| (verdicts + cost.verdict, explained + cost.explained));
    let each = |seconds: f64, n: usize| if n == 0 { 0.0 } else { seconds * 1e6 / n as f64 };
    println!(
        "{:.0} ms CPU of verdicts, {:.0} ms CPU of explanations over {} resources",
        verdicts * 1e3,
        explained * 1e3,
        snapshot.resources.len()
    );
    println!("{:>9} {:>7} {:>9} {:>9} {:>7} {:>9}  recommendation", "verdicts", "n", "us each", "explained", "n", "us each");
    for cost in costs.iter().take(N_PRINTED) {
        println!(
            "{:>6.1} ms {:>7} {:>9.2} {:>6.1} ms {:>7} {:>9.2}  {}",
            cost.verdict * 1e3,
            cost.n_resources,
            each(cost.verdict, cost.n_resources),
            cost.explained * 1e3,
            cost.n_explained,
            each(cost.explained, cost.n_explained),
            cost.id
        );
    }
    Ok(())
}
