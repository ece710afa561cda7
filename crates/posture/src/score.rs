use std::collections::{BTreeMap, BTreeSet, HashMap};

use skywarden_content::{Catalog, Maturity, PlanNeed};
use skywarden_model::{
    Assessment, AssessmentRef, ConnectorId, ControlScore, Coverage, Placed, Ratio, ResourceId, SecureScore, Status,
};

use crate::{
    Plans,
    standing::{counted, worse},
};

#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) healthy: u64,
    pub(crate) unhealthy: u64,
    pub(crate) unknown: u64,
    pub(crate) not_applicable: u64,
    /// Listings that failed, which hide any number of resources; counted in `unknown` too.
    pub(crate) unlisted: u64,
}

/// How many resources a score speaks about.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Weights {
    pub(crate) judged: u64,
    pub(crate) judged_or_unknown: u64,
}

/// The secure score of the resources that the assessments are about; formulas at [`SecureScore`] and [`ControlScore`].
pub fn secure_score(catalog: &Catalog, assessments: &[Assessment], coverage: &[Coverage]) -> SecureScore {
    score_of(catalog, &judged_types(catalog, |_| true), assessments, coverage)
}

/// The score of what is known of one (connector, account), where plans may be off.
pub fn score_in<'a>(
    catalog: &'a Catalog,
    plans: &Plans,
    (connector, account): (&str, &str),
    assessments: impl IntoIterator<Item: Into<AssessmentRef<'a>>>,
    coverage: impl IntoIterator<Item = &'a Coverage>,
) -> SecureScore {
    let judged_types = judged_types(catalog, |need| plans.is_on_in(need, connector, account));
    score_of(catalog, &judged_types, assessments, coverage)
}

fn score_of<'a>(
    catalog: &'a Catalog,
    judged_types: &JudgedTypes<'_>,
    assessments: impl IntoIterator<Item: Into<AssessmentRef<'a>>>,
    coverage: impl IntoIterator<Item = &'a Coverage>,
) -> SecureScore {
    let mut assessments: Vec<AssessmentRef<'_>> = assessments.into_iter().map(Into::into).collect();
    assessments.sort_by(|left, right| left.resource.cmp(right.resource));
    let mut tally = Tally::default();
    for_each_resource(catalog, assessments, |_, standings| tally.count(standings));
    tally.score(catalog, judged_types, coverage)
}

/// How one resource stands, by control: worst first, see [`worse`].
type Standings<'a> = BTreeMap<&'a str, Status>;

/// How resources stand in the controls in which they are judged, one after the other; assessments of a resource follow one another.
fn for_each_resource<'a, 'v>(
    catalog: &'a Catalog,
    assessments: impl IntoIterator<Item: Into<AssessmentRef<'v>>>,
    mut take: impl FnMut(&ResourceId, Standings<'a>),
) {
    let mut assessments = assessments.into_iter().map(Into::into).peekable();
    while let Some(first) = assessments.next() {
        let mut standings = Standings::new();
        add(catalog, &first, &mut standings);
        while let Some(next) = assessments.next_if(|next| next.resource == first.resource) {
            add(catalog, &next, &mut standings);
        }
        take(first.resource, standings);
    }
}

fn add<'a>(catalog: &'a Catalog, assessment: &AssessmentRef<'_>, standings: &mut Standings<'a>) {
    let Some(recommendation) = catalog.recommendations.get(assessment.recommendation) else { return };
    if recommendation.file.maturity != Maturity::Stable {
        return;
    }
    let standing = counted(assessment.status, assessment.cause);
    let entry = standings.entry(&recommendation.file.control).or_insert(standing);
    *entry = worse(standing, *entry);
}

/// How the resources of a score stand.
#[derive(Default)]
struct Tally<'a> {
    by_control: BTreeMap<&'a str, Counts>,
    weights: Weights,
}

impl<'a> Tally<'a> {
    /// Counts one resource.
    fn count(&mut self, standings: Standings<'a>) {
        let (mut is_judged, mut is_seen) = (false, false);
        for (control, standing) in standings {
            let counts = self.by_control.entry(control).or_default();
            match standing {
                Status::Healthy => counts.healthy += 1,
                Status::Unhealthy => counts.unhealthy += 1,
                Status::Unknown => counts.unknown += 1,
                Status::NotApplicable => counts.not_applicable += 1,
            }
            is_judged |= matches!(standing, Status::Healthy | Status::Unhealthy);
            is_seen |= standing != Status::NotApplicable;
        }
        self.weights.judged += u64::from(is_judged);
        self.weights.judged_or_unknown += u64::from(is_seen);
    }

    fn score<'c>(
        &self,
        catalog: &Catalog,
        judged_types: &JudgedTypes<'_>,
        coverage: impl IntoIterator<Item = &'c Coverage>,
    ) -> SecureScore {
        let unlisted = unlisted_types(coverage);
        let mut controls = Vec::new();
        for control in &catalog.controls {
            let mut counts = self.by_control.get(control.id.as_str()).copied().unwrap_or_default();
            counts.unlisted = unlisted_in(judged_types, &control.id, &unlisted);
            counts.unknown += counts.unlisted;
            if counts.healthy + counts.unhealthy + counts.unknown > 0 {
                controls.push(control_score(&control.id, &control.title, f64::from(control.max_score), counts));
            }
        }
        sort(&mut controls);
        total(controls, self.weights)
    }
}

/// The order of controls in a score: most points first.
pub(crate) fn sort(controls: &mut [ControlScore]) {
    controls.sort_by(|left, right| right.max.total_cmp(&left.max).then_with(|| left.id.cmp(&right.id)));
}

/// The score of each (connector, account) of which a resource is known or a listing was tried; what was listed belongs to
/// `connector`, and assessments of a resource follow one another. A failed listing hides nothing of what belongs to a plan that is off.
pub fn score_by_subscription<'a, R: Placed>(
    catalog: &Catalog,
    plans: &Plans,
    connector: &ConnectorId,
    resources: &[R],
    assessments: impl IntoIterator<Item: Into<AssessmentRef<'a>>>,
    coverage: &[Coverage],
) -> BTreeMap<(String, String), SecureScore> {
    let mut owner: HashMap<&str, (&str, &str)> = HashMap::with_capacity(resources.len());
    let mut tallies: BTreeMap<(&str, &str), Tally<'_>> = BTreeMap::new();
    for resource in resources {
        let scope = resource.scope();
        let subscription = (scope.connector.as_str(), &*scope.account);
        owner.insert(resource.id().as_str(), subscription);
        tallies.entry(subscription).or_default();
    }
    for entry in coverage {
        tallies.entry((connector.as_str(), &entry.account)).or_default();
    }
    for_each_resource(catalog, assessments, |resource, standings| {
        if let Some(tally) = owner.get(resource.as_str()).and_then(|subscription| tallies.get_mut(subscription)) {
            tally.count(standings);
        }
    });
    let mut covered: BTreeMap<&str, Vec<&Coverage>> = BTreeMap::new();
    for entry in coverage {
        covered.entry(&entry.account).or_default().push(entry);
    }
    let mut scores = BTreeMap::new();
    for ((connector, account), tally) in tallies {
        let own_coverage = covered.get(account).into_iter().flatten().copied();
        let judged_types = judged_types(catalog, |need| plans.is_on_in(need, connector, account));
        scores.insert((connector.to_owned(), account.to_owned()), tally.score(catalog, &judged_types, own_coverage));
    }
    scores
}

/// Types of which a listing failed, with how many listings.
pub(crate) fn unlisted_types<'a>(coverage: impl IntoIterator<Item = &'a Coverage>) -> BTreeMap<&'a str, u64> {
    let mut types = BTreeMap::new();
    for entry in coverage.into_iter().filter(|entry| entry.list_failure().is_some()) {
        *types.entry(entry.type_name.as_str()).or_default() += 1;
    }
    types
}

/// The types of which something counts in a control, by control.
type JudgedTypes<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

fn judged_types(catalog: &Catalog, is_on: impl Fn(Option<&PlanNeed>) -> bool) -> JudgedTypes<'_> {
    let mut types = JudgedTypes::new();
    for recommendation in catalog.recommendations.values().filter(|known| known.file.maturity == Maturity::Stable) {
        if !is_on(recommendation.file.plan.as_ref()) {
            continue;
        }
        types.entry(&recommendation.file.control).or_default().insert(&recommendation.file.type_name);
    }
    types
}

/// How many failed listings hide resources of a control.
fn unlisted_in(judged_types: &JudgedTypes<'_>, control: &str, unlisted: &BTreeMap<&str, u64>) -> u64 {
    let Some(types) = judged_types.get(control) else { return 0 };
    unlisted.iter().filter(|(type_name, _)| types.contains(*type_name)).map(|(_, count)| count).sum()
}

pub(crate) fn control_score(id: &str, title: &str, max: f64, counts: Counts) -> ControlScore {
    let (healthy, unhealthy, unknown) = (as_f64(counts.healthy), as_f64(counts.unhealthy), as_f64(counts.unknown));
    let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
    let judged = healthy + unhealthy;
    let all = judged + unknown;
    let range = if counts.unlisted > 0 { [0.0, max] } else { [max * share(healthy, all), max * share(healthy + unknown, all)] };
    ControlScore {
        id: id.into(),
        title: title.into(),
        max,
        current: max * share(healthy, judged),
        percentage: rounded(share(healthy, judged)),
        range,
        potential_increase: max * share(unhealthy, judged),
        healthy: counts.healthy,
        unhealthy: counts.unhealthy,
        unknown: counts.unknown,
        unlisted: counts.unlisted,
        not_applicable: counts.not_applicable,
    }
}

pub(crate) fn total(controls: Vec<ControlScore>, weights: Weights) -> SecureScore {
    let judged = |control: &&ControlScore| control.healthy + control.unhealthy > 0;
    let seen = |control: &&ControlScore| control.healthy + control.unhealthy + control.unknown > 0;
    let (current, max) =
        controls.iter().filter(judged).fold((0.0, 0.0), |(current, max), control| (current + control.current, max + control.max));
    let (low, high, widest) = controls.iter().filter(seen).fold((0.0, 0.0, 0.0), |(low, high, widest), control| {
        let [from, to] = control.range;
        (low + from, high + to, widest + control.max)
    });
    let (known, pairs) = known_of(&controls);
    let share = |part: f64, whole: f64| if whole > 0.0 { rounded(part / whole) } else { 0.0 };
    let percentage = share(current, max);
    let range = [share(low, widest), share(high, widest)];
    let coverage = coverage(known, pairs);
    let Weights { judged: weight, judged_or_unknown: range_weight } = weights;
    SecureScore { current, max, percentage, weight, range_weight, coverage, range, controls }
}

/// Pairs of a resource and a control with points: those that were judged, and those of which it is known that they are there.
pub(crate) fn known_of(controls: &[ControlScore]) -> (u64, u64) {
    controls.iter().filter(|control| control.max > 0.0).fold((0, 0), |(known, pairs), control| {
        let own = control.healthy + control.unhealthy;
        (known + own, pairs + own + control.unknown)
    })
}

pub(crate) fn coverage(known: u64, pairs: u64) -> Ratio {
    if pairs > 0 { rounded(as_f64(known) / as_f64(pairs)) } else { 1.0 }
}

pub(crate) fn rounded(ratio: f64) -> Ratio {
    (ratio * 10_000.0).round() / 10_000.0
}

#[expect(clippy::cast_precision_loss, reason = "counts of resources are far below 2^52")]
pub(crate) fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counts(healthy: u64, unhealthy: u64, unknown: u64) -> Counts {
        Counts { healthy, unhealthy, unknown, ..Counts::default() }
    }

    /// The documented example: maximum 6, 4 healthy of 78 resources.
    #[test]
    fn four_of_seventy_eight_healthy_at_six_points_give_0_31() {
        let control = control_score("c", "C", 6.0, counts(4, 74, 0));
        assert_eq!(format!("{:.2}", control.current), "0.31");
        assert_eq!(format!("{:.4}", control.current / 4.0), "0.0769");
    }

    /// The documented example: 23.53 points of 39.
    #[test]
    fn points_over_maximum_have_four_decimals() {
        assert_eq!(rounded(23.53 / 39.0), 0.6033);
    }

    #[test]
    fn a_control_of_which_nothing_is_known_widens_the_range_only() {
        let known = control_score("a", "A", 4.0, counts(1, 1, 0));
        let before = total(vec![known.clone()], Weights::default());
        let after = total(vec![known, control_score("b", "B", 4.0, counts(0, 0, 1))], Weights::default());
        assert_eq!((before.percentage, before.range), (0.5, [0.5, 0.5]));
        assert_eq!((after.percentage, after.range), (0.5, [0.25, 0.75]));
        assert!(after.coverage < 1.0);
    }

    #[test]
    fn a_listing_that_failed_may_hide_any_number_of_resources() {
        let hidden = Counts { unlisted: 1, ..counts(9, 0, 1) };
        let score = total(vec![control_score("a", "A", 4.0, hidden)], Weights::default());
        assert_eq!((score.percentage, score.range), (1.0, [0.0, 1.0]));
    }

    proptest! {
        #[test]
        fn refusing_a_listing_never_makes_the_score_look_better(
            seen in (0u64..20, 0u64..20),
            hidden in (0u64..200, 0u64..200),
            other in (0u64..20, 0u64..20, 0u64..20),
        ) {
            let other = || control_score("b", "B", 6.0, counts(other.0, other.1, other.2));
            let listed = counts(seen.0 + hidden.0, seen.1 + hidden.1, 0);
            let refused = Counts { unlisted: 1, ..counts(seen.0, seen.1, 1) };
            let before = total(vec![control_score("a", "A", 4.0, listed), other()], Weights::default());
            let after = total(vec![control_score("a", "A", 4.0, refused), other()], Weights::default());
            prop_assert!(after.range[0] <= before.range[0]);
            prop_assert!(after.range[1] >= before.range[1]);
        }

        #[test]
        fn refusing_a_read_never_makes_the_score_look_better(
            verdicts in proptest::collection::vec((0u64..20, 0u64..20, 0u64..20, 1u32..10), 1..5),
            refused in 0usize..5,
        ) {
            let score = |verdicts: &[(u64, u64, u64, u32)]| {
                let controls = verdicts.iter().map(|(h, u, k, max)| control_score("c", "C", f64::from(*max), counts(*h, *u, *k))).collect();
                total(controls, Weights::default())
            };
            let before = score(&verdicts);
            let mut fewer = verdicts.clone();
            let refused = refused % fewer.len();
            let (healthy, unhealthy, unknown, _) = &mut fewer[refused];
            if *unhealthy > 0 {
                *unhealthy -= 1;
                *unknown += 1;
            } else if *healthy > 0 {
                *healthy -= 1;
                *unknown += 1;
            }
            let after = score(&fewer);
            prop_assert!(after.range[0] <= before.range[0]);
            prop_assert!(after.range[1] >= before.range[1]);
            prop_assert!(after.range[0] <= after.percentage && after.percentage <= after.range[1]);
        }
    }
}
