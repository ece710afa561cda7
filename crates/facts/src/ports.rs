/// A set of ports as sorted, disjoint, non-adjacent inclusive ranges.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PortSet(Vec<(u16, u16)>);

impl PortSet {
    pub(crate) fn all() -> Self {
        Self(vec![(0, u16::MAX)])
    }

    pub(crate) fn range(from: u16, to: u16) -> Self {
        if from > to { Self::default() } else { Self(vec![(from, to)]) }
    }

    pub(crate) fn contains(&self, port: u16) -> bool {
        self.0.iter().any(|(from, to)| (*from..=*to).contains(&port))
    }

    /// Its ranges in order, both ends inside.
    pub(crate) fn ranges(&self) -> &[(u16, u16)] {
        &self.0
    }

    /// The port, where there is a single one.
    pub(crate) fn only(&self) -> Option<u16> {
        match self.0.as_slice() {
            [(from, to)] if from == to => Some(*from),
            _ => None,
        }
    }

    /// Every port that traffic can use; port 0 is reserved, so its absence does not matter.
    pub(crate) fn is_all(&self) -> bool {
        matches!(self.0.as_slice(), [(0 | 1, u16::MAX)])
    }

    pub(crate) fn union(&self, other: &Self) -> Self {
        let mut ranges: Vec<_> = self.0.iter().chain(&other.0).copied().collect();
        ranges.sort_unstable();
        let mut merged: Vec<(u16, u16)> = Vec::with_capacity(ranges.len());
        for (from, to) in ranges {
            match merged.last_mut() {
                Some(last) if u32::from(from) <= u32::from(last.1) + 1 => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        Self(merged)
    }

    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let mut ranges = Vec::new();
        for (from, to) in &self.0 {
            for (other_from, other_to) in &other.0 {
                let (low, high) = (*from.max(other_from), *to.min(other_to));
                if low <= high {
                    ranges.push((low, high));
                }
            }
        }
        Self(ranges)
    }

    pub(crate) fn difference(&self, other: &Self) -> Self {
        let mut left = self.0.clone();
        for (cut_from, cut_to) in &other.0 {
            let mut next = Vec::with_capacity(left.len() + 1);
            for (from, to) in left {
                if *cut_to < from || *cut_from > to {
                    next.push((from, to));
                    continue;
                }
                if from < *cut_from {
                    next.push((from, cut_from.saturating_sub(1)));
                }
                if to > *cut_to {
                    next.push((cut_to.saturating_add(1), to));
                }
            }
            left = next;
        }
        Self(left)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sets() -> impl Strategy<Value = PortSet> {
        prop::collection::vec((any::<u16>(), 0_u16..3000), 0..6).prop_map(|ranges| {
            ranges.into_iter().fold(PortSet::default(), |set, (from, n)| set.union(&PortSet::range(from, from.saturating_add(n))))
        })
    }

    proptest! {
        #[test]
        fn membership_follows_the_operations(a in sets(), b in sets(), port: u16) {
            prop_assert_eq!(a.union(&b).contains(port), a.contains(port) || b.contains(port));
            prop_assert_eq!(a.intersection(&b).contains(port), a.contains(port) && b.contains(port));
            prop_assert_eq!(a.difference(&b).contains(port), a.contains(port) && !b.contains(port));
        }

        #[test]
        fn set_laws_hold(a in sets(), b in sets()) {
            prop_assert_eq!(a.union(&b), b.union(&a));
            prop_assert_eq!(a.intersection(&b), b.intersection(&a));
            prop_assert_eq!(a.difference(&b).union(&a.intersection(&b)), a.clone());
            prop_assert_eq!(a.difference(&a), PortSet::default());
            prop_assert_eq!(PortSet::all().difference(&PortSet::all().difference(&a)), a);
        }
    }
}
