use std::sync::atomic::{AtomicU64, Ordering};

use skywarden_detect::Place;

/// Bits for each place that is known when the filter is made: of places that are not there, one in two hundred is taken for one.
const BITS_PER_PLACE: u64 = 16;

/// 1 MB, and 32 MB.
const BITS: [u64; 2] = [1 << 23, 1 << 28];

/// Bits that are set for each place.
const N_PROBES: u64 = 4;

/// Which places something may be remembered for (a Bloom filter): most entities of most events are new to most detections, and asking the
/// file for each of them costs more than all else.
#[derive(Debug)]
pub(crate) struct Places {
    words: Box<[AtomicU64]>,
    /// One less than the number of bits, which is a power of two.
    mask: u64,
}

impl Places {
    /// With room for about so many and as many again that come later.
    pub(crate) fn for_about(n: u64) -> Self {
        let [least, most] = BITS;
        let n_bits = n.saturating_mul(2 * BITS_PER_PLACE).clamp(least, most).next_power_of_two();
        let n_words = usize::try_from(n_bits / 64).unwrap_or(1);
        Places { words: (0..n_words).map(|_| AtomicU64::new(0)).collect(), mask: n_bits - 1 }
    }

    /// Notes that something is remembered for a place.
    pub(crate) fn add(&self, place: Place) {
        for bit in self.bits(place) {
            if let Some(word) = self.word(bit) {
                word.fetch_or(1 << (bit % 64), Ordering::Relaxed);
            }
        }
    }

    /// Whether something may be remembered for a place; if not, nothing is.
    pub(crate) fn may_have(&self, place: Place) -> bool {
        self.bits(place).all(|bit| self.word(bit).is_none_or(|word| word.load(Ordering::Relaxed) & (1 << (bit % 64)) != 0))
    }

    fn word(&self, bit: u64) -> Option<&AtomicU64> {
        self.words.get(usize::try_from(bit / 64).ok()?)
    }

    /// The key is a hash already; mixed with the detection's number it gives two more, whose sums give the bits.
    fn bits(&self, place: Place) -> impl Iterator<Item = u64> + use<> {
        let first = mixed(place.key ^ (u64::from(place.of) << 32));
        let second = mixed(first) | 1;
        let mask = self.mask;
        (0..N_PROBES).map(move |n| first.wrapping_add(n.wrapping_mul(second)) & mask)
    }
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): each bit of the outcome depends on each bit of the number.
fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_found_and_little_else() {
        let places = Places::for_about(100_000);
        let place = |of: u32, key: u64| Place { of, key };
        for key in 0..100_000 {
            places.add(place(7, key));
        }
        assert!((0..100_000).all(|key| places.may_have(place(7, key))));
        let n_wrong =
            (0..100_000).filter(|key| places.may_have(place(8, *key)) || places.may_have(place(7, key + 1_000_000))).count();
        assert!(n_wrong < 200, "{n_wrong} of 200,000");
    }
}
