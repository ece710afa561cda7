//! Instants of a history that is shown as a line.

use std::collections::BTreeSet;

use skywarden_model::{SignedDuration, Timestamp};

/// Points that are shown; older ones are thinned out evenly.
const MAX_POINTS: usize = 400;

/// Connectors are assessed one after the other: what is no further apart belongs to one round, whose last instant counts.
const ROUND: SignedDuration = SignedDuration::from_secs(60);

/// The ends of the rounds that instants belong to, oldest first, the last one always among them.
pub(super) fn rounds<'a>(instants: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let instants: Vec<&str> = instants.collect::<BTreeSet<_>>().into_iter().collect();
    let step = instants.len().div_ceil(MAX_POINTS).max(1);
    let mut kept = Vec::new();
    for (index, at) in instants.iter().enumerate() {
        let next = instants.get(index + 1);
        let is_end_of_round = next.is_none_or(|next| apart(at, next) > ROUND);
        if next.is_none() || (index % step == 0 && is_end_of_round) {
            kept.push(*at);
        }
    }
    kept
}

fn apart(earlier: &str, later: &str) -> SignedDuration {
    match (earlier.parse::<Timestamp>(), later.parse::<Timestamp>()) {
        (Ok(earlier), Ok(later)) => later.duration_since(earlier),
        // What is no instant stands alone.
        _ => SignedDuration::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::rounds;

    #[test]
    fn a_run_over_several_connectors_is_one_point_and_the_last_is_kept() {
        let instants = ["2026-11-24T08:00:00Z", "2026-11-24T08:00:40Z", "2026-11-24T09:00:00Z", "2026-11-24T09:00:10Z"];
        assert_eq!(rounds(instants.into_iter()), [instants[1], instants[3]]);
    }
}
