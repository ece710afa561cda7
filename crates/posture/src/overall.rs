use std::{collections::BTreeMap, sync::Arc};

use skywarden_model::{ControlScore, Ratio, SecureScore};

use crate::score::{Counts, Weights, as_f64, control_score, coverage, known_of, rounded, sort, total};

/// Several subscriptions together.
///
/// Percentage: `sum(current_i / max_i * weight_i) / sum(weight_i)`, as `reference/defender-features.md` section 1a has it, four
/// decimals. Range: the same over both ends, weighed by all resources that the ends count, and never without the percentage.
/// Controls have the resources of all subscriptions; `current` is the percentage of their points.
pub fn overall_score<'a>(scores: impl IntoIterator<Item = &'a SecureScore>) -> SecureScore {
    let scores: Vec<&SecureScore> = scores.into_iter().collect();
    if let [only] = scores.as_slice() {
        return (*only).clone();
    }
    let weights = Weights {
        judged: scores.iter().map(|score| score.weight).sum(),
        judged_or_unknown: scores.iter().map(|score| score.range_weight).sum(),
    };
    let mut together = total(controls(&scores), weights);
    let parts: Vec<ScorePart> = scores.iter().map(|score| ScorePart::of(score)).collect();
    let outline = outline(&parts);
    together.percentage = outline.percentage;
    together.range = outline.range;
    together.current = together.percentage * together.max;
    together
}

/// What the score of a subscription adds to that of several.
#[derive(Debug, Clone, Copy)]
pub struct ScorePart {
    own: ScoreOutline,
    /// Percentage and both ends of the range count, by these weights.
    is_judged: bool,
    share: f64,
    weight: f64,
    range_weight: f64,
    /// Not even the number of its resources is known.
    hides_all: bool,
    known: u64,
    pairs: u64,
}

/// A score without its points and controls.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreOutline {
    /// See [`SecureScore`].
    pub percentage: Ratio,
    /// See [`SecureScore`].
    pub range: [Ratio; 2],
    /// See [`SecureScore`].
    pub coverage: Ratio,
}

impl ScorePart {
    /// What a score adds.
    pub fn of(score: &SecureScore) -> Self {
        let (known, pairs) = known_of(&score.controls);
        Self {
            own: ScoreOutline { percentage: score.percentage, range: score.range, coverage: score.coverage },
            is_judged: score.max > 0.0 || score.range[1] > 0.0,
            share: if score.max > 0.0 { score.current / score.max } else { 0.0 },
            weight: as_f64(score.weight),
            range_weight: as_f64(score.range_weight),
            hides_all: score.range_weight == 0 && score.controls.iter().any(|control| control.unlisted > 0),
            known,
            pairs,
        }
    }
}

/// The outline of [`overall_score`].
pub fn outline<'a>(parts: impl IntoIterator<Item = &'a ScorePart>) -> ScoreOutline {
    let parts: Vec<&ScorePart> = parts.into_iter().collect();
    if let [only] = parts.as_slice() {
        return only.own;
    }
    let mean = |value: fn(&ScorePart) -> f64, weight: fn(&ScorePart) -> f64| {
        let judged = parts.iter().filter(|part| part.is_judged);
        let (sum, weights) =
            judged.fold((0.0, 0.0), |(sum, weights), part| (sum + value(part) * weight(part), weights + weight(part)));
        if weights > 0.0 { rounded(sum / weights) } else { 0.0 }
    };
    let percentage = mean(|part| part.share, |part| part.weight);
    let [low, high] = if parts.iter().any(|part| part.hides_all) {
        [0.0, 1.0]
    } else {
        [mean(|part| part.own.range[0], |part| part.range_weight), mean(|part| part.own.range[1], |part| part.range_weight)]
    };
    let (known, pairs) = parts.iter().fold((0, 0), |(known, pairs), part| (known + part.known, pairs + part.pairs));
    ScoreOutline { percentage, range: [low.min(percentage), high.max(percentage)], coverage: coverage(known, pairs) }
}

fn controls(scores: &[&SecureScore]) -> Vec<ControlScore> {
    type Merged = (Arc<str>, f64, Counts);
    let mut merged: BTreeMap<&str, Merged> = BTreeMap::new();
    for control in scores.iter().flat_map(|score| &score.controls) {
        let (_, _, counts) =
            merged.entry(&control.id).or_insert_with(|| (Arc::clone(&control.title), control.max, Counts::default()));
        counts.healthy += control.healthy;
        counts.unhealthy += control.unhealthy;
        counts.unknown += control.unknown;
        counts.not_applicable += control.not_applicable;
        counts.unlisted += control.unlisted;
    }
    let mut controls: Vec<ControlScore> =
        merged.into_iter().map(|(id, (title, max, counts))| control_score(id, &title, max, counts)).collect();
    sort(&mut controls);
    controls
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn score(healthy: u64, unhealthy: u64, unknown: u64) -> SecureScore {
        let counts = Counts { healthy, unhealthy, unknown, ..Counts::default() };
        let weights = Weights { judged: healthy + unhealthy, judged_or_unknown: healthy + unhealthy + unknown };
        total(vec![control_score("a", "A", 4.0, counts)], weights)
    }

    #[test]
    fn subscriptions_weigh_by_their_resources() {
        let overall = overall_score([&score(1, 0, 0), &score(0, 3, 0)]);
        assert_eq!((overall.percentage, overall.weight), (0.25, 4));
        assert_eq!((overall.current, overall.max), (1.0, 4.0));
    }

    #[test]
    fn a_subscription_of_which_nothing_could_be_listed_leaves_everything_open() {
        let hidden = Counts { unknown: 1, unlisted: 1, ..Counts::default() };
        let hidden = total(vec![control_score("a", "A", 4.0, hidden)], Weights::default());
        assert_eq!(overall_score([&score(9, 1, 0), &hidden]).range, [0.0, 1.0]);
    }

    #[test]
    fn none_is_nothing() {
        let none = overall_score([]);
        assert_eq!((none.percentage, none.max, none.coverage), (0.0, 0.0, 1.0));
        assert_eq!(outline([]), ScoreOutline { percentage: 0.0, range: [0.0, 0.0], coverage: 1.0 });
    }

    proptest! {
        #[test]
        fn the_outline_is_that_of_the_whole(subscriptions in proptest::collection::vec((0u64..20, 0u64..20, 0u64..20), 0..5)) {
            let scores: Vec<SecureScore> = subscriptions.iter().map(|(h, u, k)| score(*h, *u, *k)).collect();
            let whole = overall_score(&scores);
            let parts: Vec<ScorePart> = scores.iter().map(ScorePart::of).collect();
            let ScoreOutline { percentage, range, coverage } = outline(&parts);
            prop_assert_eq!((percentage, range, coverage), (whole.percentage, whole.range, whole.coverage));
        }

        #[test]
        fn refusing_a_read_never_makes_the_whole_look_better(
            subscriptions in proptest::collection::vec((0u64..20, 0u64..20, 0u64..20), 2..5),
            refused in 0usize..5,
        ) {
            let refused = refused % subscriptions.len();
            let overall = |counts: &[(u64, u64, u64)]| {
                let scores: Vec<SecureScore> = counts.iter().map(|(h, u, k)| score(*h, *u, *k)).collect();
                overall_score(&scores)
            };
            let before = overall(&subscriptions);
            let mut fewer = subscriptions.clone();
            let (healthy, unhealthy, unknown) = &mut fewer[refused];
            let seen = if *unhealthy > 0 { unhealthy } else { healthy };
            if *seen > 0 {
                *seen -= 1;
                *unknown += 1;
            }
            let after = overall(&fewer);
            // The percentage itself is among what was judged, which the ends are stretched to.
            prop_assert!(after.range[0] <= before.range[0].max(after.percentage) + 1e-9);
            prop_assert!(after.range[0] <= after.percentage && after.percentage <= after.range[1]);
        }
    }
}
