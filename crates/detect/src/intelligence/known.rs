use std::{
    collections::{BTreeSet, hash_map::Entry},
    hash::Hash,
    net::IpAddr,
    sync::Arc,
};

use ipnet::IpNet;
use rustc_hash::FxHashMap;

use super::{Added, Indicator};

/// Something is known of a value in at most so many times that do not meet.
const MAX_TIMES: usize = 16;

/// So many labels of a value are kept.
const MAX_LABELS: usize = 32;

/// So many letters of a label are kept.
const MAX_LABEL: usize = 100;

/// So many origins of a value are kept.
const MAX_ORIGINS: usize = 8;

/// So many letters of an origin are kept.
const MAX_ORIGIN: usize = 200;

/// What is known of a value in one time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Statement {
    /// In milliseconds since 1970; `i64::MIN` if it has no beginning.
    pub(super) from: i64,
    /// The first instant that it does not hold; `i64::MAX` if it has no end.
    pub(super) until: i64,
    /// The number of its labels and origins.
    pub(super) names: u32,
    /// From 0 to 100.
    pub(super) confidence: Option<u8>,
}

/// What is known of a value: in most cases one statement.
#[derive(Debug, Clone)]
pub(super) struct Known {
    first: Statement,
    others: Vec<Statement>,
}

/// Networks by their length, so that a look-up asks once for each length that there is.
#[derive(Debug, Clone, Default)]
pub(super) struct Networks {
    known: FxHashMap<IpNet, Known>,
    lengths_v4: BTreeSet<u8>,
    lengths_v6: BTreeSet<u8>,
}

/// Labels and origins, each combination once: millions of indicators share a few.
#[derive(Debug, Clone, Default)]
pub(super) struct NameTable {
    names: Vec<Arc<Names>>,
    numbers: FxHashMap<Arc<Names>, u32>,
}

/// Labels and origins, in order.
type Names = (Vec<String>, Vec<String>);

/// What may still be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// Values of which nothing is known.
    ForNew,
    /// Only more on values of which something is known.
    ForKnown,
}

/// Adds a statement on a value.
pub(super) fn put<K: Eq + Hash>(
    map: &mut FxHashMap<K, Known>,
    key: K,
    statement: Statement,
    names: &mut NameTable,
    room: Room,
) -> Result<Added, String> {
    match map.entry(key) {
        Entry::Occupied(mut known) => known.get_mut().add(statement, names).map(|()| Added::Joined),
        Entry::Vacant(_) if room == Room::ForKnown => Err("there is no room for more indicators".to_owned()),
        Entry::Vacant(free) => {
            free.insert(Known { first: statement, others: Vec::new() });
            Ok(Added::New)
        }
    }
}

impl Statement {
    pub(super) fn holds_at(&self, time: i64) -> bool {
        self.from <= time && time < self.until
    }

    /// Whether there is no instant between their times.
    fn meets(&self, other: &Statement) -> bool {
        self.from <= other.until && other.from <= self.until
    }

    fn joined(self, other: Statement, names: &mut NameTable) -> Statement {
        Statement {
            from: self.from.min(other.from),
            until: self.until.max(other.until),
            names: names.union(self.names, other.names),
            confidence: self.confidence.max(other.confidence),
        }
    }
}

impl Known {
    pub(super) fn statements(&self) -> impl Iterator<Item = &Statement> {
        std::iter::once(&self.first).chain(&self.others)
    }

    pub(super) fn first(&self, fits: &dyn Fn(&Statement) -> bool) -> Option<&Statement> {
        self.statements().find(|statement| fits(statement))
    }

    fn add(&mut self, statement: Statement, names: &mut NameTable) -> Result<(), String> {
        let (meeting, apart): (Vec<_>, Vec<_>) = self.statements().copied().partition(|held| held.meets(&statement));
        if meeting.is_empty() && apart.len() >= MAX_TIMES {
            return Err(format!("it is known in {MAX_TIMES} times already"));
        }
        // INVARIANT: times that are held never meet, so that the joined one meets none of those apart.
        self.first = meeting.into_iter().fold(statement, |joined, held| joined.joined(held, names));
        self.others = apart;
        Ok(())
    }
}

impl Networks {
    pub(super) fn put(
        &mut self,
        network: IpNet,
        statement: Statement,
        names: &mut NameTable,
        room: Room,
    ) -> Result<Added, String> {
        let added = put(&mut self.known, network, statement, names, room)?;
        match network {
            IpNet::V4(_) => self.lengths_v4.insert(network.prefix_len()),
            IpNet::V6(_) => self.lengths_v6.insert(network.prefix_len()),
        };
        Ok(added)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&IpNet, &Known)> {
        self.known.iter()
    }

    /// The networks that hold an address, the smallest first.
    pub(super) fn around(&self, address: IpAddr) -> impl Iterator<Item = &Known> {
        let lengths = if address.is_ipv4() { &self.lengths_v4 } else { &self.lengths_v6 };
        lengths.iter().rev().filter_map(move |length| self.known.get(&IpNet::new(address, *length).ok()?.trunc()))
    }
}

impl NameTable {
    /// The number of labels and origins, which are put in order, shortened, and each kept once.
    pub(super) fn number(&mut self, labels: Vec<String>, origins: Vec<String>) -> u32 {
        // What is kept is kept the same when it is stored and read again.
        let kept = |text: &str, most: usize| text.trim().chars().take(most).collect::<String>().trim_end().to_owned();
        let labels = labels.iter().map(|label| kept(&label.to_lowercase(), MAX_LABEL));
        let origins = origins.iter().map(|origin| kept(origin, MAX_ORIGIN));
        let in_order = |texts: &mut dyn Iterator<Item = String>, most: usize| -> Vec<String> {
            texts.filter(|text| !text.is_empty()).collect::<BTreeSet<_>>().into_iter().take(most).collect()
        };
        let names = (in_order(&mut { labels }, MAX_LABELS), in_order(&mut { origins }, MAX_ORIGINS));
        if let Some(number) = self.numbers.get(&names) {
            return *number;
        }
        let names = Arc::new(names);
        // INVARIANT: a statement brings at most two new combinations, and no text is long enough for a billion statements.
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(Arc::clone(&names));
        self.numbers.insert(names, number);
        number
    }

    /// The labels and origins of a statement.
    pub(super) fn of(&self, statement: &Statement) -> (&[String], &[String]) {
        self.get(statement.names)
    }

    /// A statement in full.
    pub(super) fn indicator(&self, statement: &Statement) -> Indicator {
        let (labels, origins) = self.of(statement);
        Indicator {
            labels: labels.to_vec(),
            origins: origins.to_vec(),
            from: Some(statement.from).filter(|from| *from != i64::MIN),
            until: Some(statement.until).filter(|until| *until != i64::MAX),
            confidence: statement.confidence,
        }
    }

    fn union(&mut self, one: u32, other: u32) -> u32 {
        if one == other {
            return one;
        }
        let ((labels, origins), (more_labels, more_origins)) = (self.get(one), self.get(other));
        let (labels, origins) = ([labels, more_labels].concat(), [origins, more_origins].concat());
        self.number(labels, origins)
    }

    fn get(&self, number: u32) -> (&[String], &[String]) {
        let names = usize::try_from(number).ok().and_then(|place| self.names.get(place));
        names.map_or((&[], &[]), |names| (&names.0, &names.1))
    }
}
