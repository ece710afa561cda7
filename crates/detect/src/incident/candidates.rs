use std::collections::BTreeMap;

use super::kind::Steps;

/// Most alerts before and after one that are looked at together with it; of more, the nearest.
const MAX_NEAR: usize = 200;

/// An alert that counts for steps of a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) id: String,
    /// In milliseconds.
    pub(super) start: i64,
    /// In milliseconds.
    pub(super) end: i64,
    pub(super) steps: Steps,
}

/// Under each key of a scenario the alerts that count.
#[derive(Debug, Clone, Default)]
pub(super) struct Candidates {
    by_key: BTreeMap<String, BTreeMap<String, Candidate>>,
}

impl Candidates {
    pub(super) fn put(&mut self, key: &str, candidate: Candidate) {
        self.by_key.entry(key.to_owned()).or_default().insert(candidate.id.clone(), candidate);
    }

    pub(super) fn remove(&mut self, key: &str, id: &str) {
        if let Some(candidates) = self.by_key.get_mut(key) {
            candidates.remove(id);
            if candidates.is_empty() {
                self.by_key.remove(key);
            }
        }
    }

    /// Those between which and a time there is no more than so much, in order of their ends.
    pub(super) fn near(&self, key: &str, (start, end): (i64, i64), within: i64) -> Vec<&Candidate> {
        let all = self.by_key.get(key).into_iter().flat_map(BTreeMap::values);
        let is_near = |other: &&Candidate| other.start <= end.saturating_add(within) && other.end >= start.saturating_sub(within);
        let (mut before, mut after): (Vec<&Candidate>, Vec<&Candidate>) =
            all.filter(is_near).partition(|other| other.start <= start);
        before.sort_by_key(|other| (std::cmp::Reverse(other.start), &other.id));
        after.sort_by_key(|other| (other.start, &other.id));
        let mut near: Vec<&Candidate> = before.into_iter().take(MAX_NEAR).chain(after.into_iter().take(MAX_NEAR)).collect();
        near.sort_by_key(|other| (other.end, &other.id));
        near
    }
}

/// Of alerts in order of their ends the largest sets in which no two are further apart than so much.
pub(super) fn windows<'c>(near: &'c [&'c Candidate], within: i64) -> impl Iterator<Item = Vec<&'c Candidate>> {
    near.iter().enumerate().map(move |(place, first)| {
        let rest = near.iter().skip(place).copied();
        rest.filter(|other| other.start <= first.end.saturating_add(within)).collect()
    })
}
