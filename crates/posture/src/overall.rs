use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use skywarden_model::{ControlScore, Ratio, SecureScore};

use crate::score::{Counts, Weights, as_f64, control_score, coverage, known_of, rounded, sort, total};

/// What the score of a subscription adds to that of several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScorePart {
    /// See [`SecureScore`].
    pub current: f64,
    /// See [`SecureScore`].
    pub max: f64,
    /// What is left of the score without its points and controls.
    #[serde(flatten)]
    pub outline: ScoreOutline,
    /// See [`SecureScore`].
    pub weight: u64,
    /// See [`SecureScore`].
    pub range_weight: u64,
    /// Pairs of a resource and a control with points that were judged.
    pub known: u64,
    /// Pairs of a resource and a control with points of which it is known that they are there.
    pub pairs: u64,
    /// Not even the number of its resources is known.
    pub hides_all: bool,
}

/// A score without its points and controls.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ScoreOutline {
    /// See [`SecureScore`].
    pub percentage: Ratio,
    /// See [`SecureScore`].
    pub range: [Ratio; 2],
    /// See [`SecureScore`].
    pub coverage: Ratio,
}

/// The resources of a control in one subscription: the part of a [`ControlScore`] that sums are made of.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ControlPart<'d> {
    #[serde(borrow)]
    id: Cow<'d, str>,
    #[serde(borrow)]
    title: Cow<'d, str>,
    max: f64,
    healthy: u64,
    unhealthy: u64,
    unknown: u64,
    #[serde(default)]
    unlisted: u64,
    #[serde(default)]
    not_applicable: u64,
}

/// The resources of each control in several subscriptions.
#[derive(Debug, Default)]
pub struct ControlSums(BTreeMap<String, (Arc<str>, f64, Counts)>);

/// Several subscriptions together: see [`overall_of`].
pub fn overall_score<'a>(scores: impl IntoIterator<Item = &'a SecureScore>) -> SecureScore {
    let mut sums = ControlSums::default();
    let mut parts = Vec::new();
    for score in scores {
        parts.push(ScorePart::of(score));
        sums.add_all(score);
    }
    overall_of(&parts, &sums)
}

/// Several subscriptions together, from what each adds.
///
/// Percentage: `sum(current_i / max_i * weight_i) / sum(weight_i)`, as `reference/defender-features.md` section 1a has it, four
/// decimals. Range: the same over both ends, weighed by all resources that the ends count, and never without the percentage.
/// Controls have the resources of all subscriptions; `current` is the percentage of their points. One alone is as it is.
pub fn overall_of<'a>(parts: impl IntoIterator<Item = &'a ScorePart>, sums: &ControlSums) -> SecureScore {
    let parts: Vec<&ScorePart> = parts.into_iter().collect();
    let weights = Weights {
        judged: parts.iter().map(|part| part.weight).sum(),
        judged_or_unknown: parts.iter().map(|part| part.range_weight).sum(),
    };
    let mut together = total(sums.controls(), weights);
    if parts.len() != 1 {
        let outline = outline(parts);
        together.percentage = outline.percentage;
        together.range = outline.range;
        together.current = together.percentage * together.max;
    }
    together
}

/// The outline of [`overall_of`].
pub fn outline<'a>(parts: impl IntoIterator<Item = &'a ScorePart>) -> ScoreOutline {
    let parts: Vec<&ScorePart> = parts.into_iter().collect();
    if let [only] = parts.as_slice() {
        return only.outline;
    }
    let mean = |value: fn(&ScorePart) -> f64, weight: fn(&ScorePart) -> u64| {
        let (sum, weights) = parts.iter().filter(|part| part.is_judged()).fold((0.0, 0.0), |(sum, weights), part| {
            let weight = as_f64(weight(part));
            (sum + value(part) * weight, weights + weight)
        });
        if weights > 0.0 { rounded(sum / weights) } else { 0.0 }
    };
    let percentage = mean(ScorePart::share, |part| part.weight);
    let [low, high] = if parts.iter().any(|part| part.hides_all) {
        [0.0, 1.0]
    } else {
        let end = |value: fn(&ScorePart) -> f64| mean(value, |part| part.range_weight);
        [end(|part| part.outline.range[0]), end(|part| part.outline.range[1])]
    };
    let (known, pairs) = parts.iter().fold((0, 0), |(known, pairs), part| (known + part.known, pairs + part.pairs));
    ScoreOutline { percentage, range: [low.min(percentage), high.max(percentage)], coverage: coverage(known, pairs) }
}

impl ScorePart {
    /// What a score adds.
    pub fn of(score: &SecureScore) -> Self {
        let (known, pairs) = known_of(&score.controls);
        Self {
            current: score.current,
            max: score.max,
            outline: ScoreOutline { percentage: score.percentage, range: score.range, coverage: score.coverage },
            weight: score.weight,
            range_weight: score.range_weight,
            known,
            pairs,
            hides_all: score.range_weight == 0 && score.controls.iter().any(|control| control.unlisted > 0),
        }
    }

    /// Whether the percentage and both ends of the range count.
    fn is_judged(&self) -> bool {
        self.max > 0.0 || self.outline.range[1] > 0.0
    }

    fn share(&self) -> f64 {
        if self.max > 0.0 { self.current / self.max } else { 0.0 }
    }
}

impl ControlSums {
    /// Adds the controls of a subscription's score.
    pub fn add_all(&mut self, score: &SecureScore) {
        for control in &score.controls {
            self.add(&ControlPart::of(control));
        }
    }

    /// Adds a control of a subscription. Where subscriptions differ in its title or points, those of the first count.
    pub fn add(&mut self, control: &ControlPart<'_>) {
        if !self.0.contains_key(&*control.id) {
            let none = (Arc::from(&*control.title), control.max, Counts::default());
            self.0.insert(control.id.clone().into_owned(), none);
        }
        let Some((_, _, counts)) = self.0.get_mut(&*control.id) else { return };
        counts.healthy += control.healthy;
        counts.unhealthy += control.unhealthy;
        counts.unknown += control.unknown;
        counts.not_applicable += control.not_applicable;
        counts.unlisted += control.unlisted;
    }

    fn controls(&self) -> Vec<ControlScore> {
        let own = self.0.iter();
        let mut controls: Vec<ControlScore> =
            own.map(|(id, (title, max, counts))| control_score(id, title, *max, *counts)).collect();
        sort(&mut controls);
        controls
    }
}

impl<'d> ControlPart<'d> {
    fn of(control: &'d ControlScore) -> Self {
        Self {
            id: Cow::Borrowed(&control.id),
            title: Cow::Borrowed(&control.title),
            max: control.max,
            healthy: control.healthy,
            unhealthy: control.unhealthy,
            unknown: control.unknown,
            unlisted: control.unlisted,
            not_applicable: control.not_applicable,
        }
    }
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
        assert_eq!(outline(&[]), ScoreOutline { percentage: 0.0, range: [0.0, 0.0], coverage: 1.0 });
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
