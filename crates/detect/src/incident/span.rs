use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// An address from which more actors than this came is that of a gateway, and joins nobody.
const MAX_ACTORS: usize = 5;

/// A time in which alerts of one key follow each other closely.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Span {
    /// When the first alert begins, in milliseconds.
    start: i64,
    /// When the last one ends.
    pub(super) end: i64,
    /// One of its alerts, by which its group is found.
    pub(super) anchor: String,
    /// Who came; those more than make a gateway are not kept.
    actors: BTreeSet<String>,
    /// Whether its alerts were joined.
    pub(super) joins: bool,
}

/// The spans of each key, in order of time. Which alerts lie in one span does not depend on the order in which they come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Spans {
    by_key: BTreeMap<String, Vec<Span>>,
}

/// What an alert brings to a span.
pub(super) struct Visit<'a> {
    pub(super) id: &'a str,
    pub(super) start: i64,
    pub(super) end: i64,
    /// Who came, if that tells anything.
    pub(super) actor: Option<String>,
}

impl Spans {
    /// Puts an alert in the span of a key that is no further from it than a time, which may make one of several. `change` gets
    /// that span and the anchors of those that were there before.
    pub(super) fn visit<T>(
        &mut self,
        key: &str,
        visit: &Visit<'_>,
        within: i64,
        change: impl FnOnce(&mut Span, Vec<String>) -> T,
    ) -> T {
        let spans = self.by_key.entry(key.to_owned()).or_default();
        let is_near =
            |span: &Span| span.start <= visit.end.saturating_add(within) && span.end >= visit.start.saturating_sub(within);
        let mut span = Span {
            start: visit.start,
            end: visit.end,
            anchor: visit.id.to_owned(),
            actors: visit.actor.iter().cloned().collect(),
            joins: false,
        };
        let mut anchors = Vec::new();
        let (near, apart): (Vec<Span>, Vec<Span>) = std::mem::take(spans).into_iter().partition(is_near);
        for other in near {
            span.start = span.start.min(other.start);
            span.end = span.end.max(other.end);
            span.joins |= other.joins;
            span.actors.extend(other.actors);
            span.anchor.clone_from(&other.anchor);
            anchors.push(other.anchor);
        }
        while span.actors.len() > MAX_ACTORS + 1 {
            span.actors.pop_last();
        }
        let changed = change(&mut span, anchors);
        *spans = apart;
        let place = spans.partition_point(|other| other.start < span.start);
        spans.insert(place, span);
        changed
    }

    /// The span of a key in which an alert lies.
    pub(super) fn at(&self, key: &str, start: i64) -> Option<&Span> {
        self.by_key.get(key)?.iter().find(|span| span.start <= start && start <= span.end)
    }

    /// The same, to be changed.
    pub(super) fn at_mut(&mut self, key: &str, start: i64) -> Option<&mut Span> {
        self.by_key.get_mut(key)?.iter_mut().find(|span| span.start <= start && start <= span.end)
    }

    /// Keeps the spans that are meant.
    pub(super) fn retain(&mut self, mut is_kept: impl FnMut(&Span) -> bool) {
        self.by_key.retain(|_, spans| {
            spans.retain(&mut is_kept);
            !spans.is_empty()
        });
    }
}

impl Span {
    /// Whether more actors came than one person has.
    pub(super) fn is_gateway(&self) -> bool {
        self.actors.len() > MAX_ACTORS
    }
}
