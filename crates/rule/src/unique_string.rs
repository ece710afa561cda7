//! ARM's `uniqueString`: thirteen characters that are the same for the same texts.

/// MurmurHash3's constants for 32-bit lanes.
const LANES: (u32, u32) = (0x239b_961b, 0xab0e_9789);

/// The text that ARM makes of texts: a hash of 64 bits, after MurmurHash3 with two lanes, in Base32 of lower case.
///
/// Checked against what ARM itself answered for `uniqueString('aaa')`.
pub(crate) fn unique_string(parts: &[impl AsRef<str>]) -> String {
    const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    const LENGTH: u32 = 13;
    let joined = parts.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join("-");
    let hash = hash(joined.as_bytes());
    let digit = |place: u32| {
        let five_bits = hash.wrapping_shl(place * 5) >> 59;
        let digit = usize::try_from(five_bits).ok().and_then(|place| DIGITS.get(place));
        digit.map_or('a', |digit| char::from(*digit))
    };
    (0..LENGTH).map(digit).collect()
}

fn hash(bytes: &[u8]) -> u64 {
    let (mut one, mut two) = (0_u32, 0_u32);
    let mut blocks = bytes.chunks_exact(8);
    for block in &mut blocks {
        let (low, high) = block.split_at(4);
        one ^= first_lane(word(low));
        one = one.rotate_left(19).wrapping_add(two).wrapping_mul(5).wrapping_add(0x561c_cd1b);
        two ^= second_lane(word(high));
        two = two.rotate_left(13).wrapping_add(one).wrapping_mul(5).wrapping_add(0x0bca_a747);
    }
    let rest = blocks.remainder();
    let (low, high) = rest.split_at(rest.len().min(4));
    one ^= first_lane(word(low));
    two ^= second_lane(word(high));
    #[expect(clippy::cast_possible_truncation, reason = "the hash takes the length's lower half")]
    let length = bytes.len() as u32;
    (one, two) = mixed(one ^ length, two ^ length);
    (one, two) = mixed(finished(one), finished(two));
    u64::from(two) << 32 | u64::from(one)
}

/// Up to four bytes, the lowest first.
fn word(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte))
}

fn first_lane(word: u32) -> u32 {
    word.wrapping_mul(LANES.0).rotate_left(15).wrapping_mul(LANES.1)
}

fn second_lane(word: u32) -> u32 {
    word.wrapping_mul(LANES.1).rotate_left(17).wrapping_mul(LANES.0)
}

fn mixed(one: u32, two: u32) -> (u32, u32) {
    let one = one.wrapping_add(two);
    (one, two.wrapping_add(one))
}

fn finished(lane: u32) -> u32 {
    let lane = (lane ^ lane >> 16).wrapping_mul(0x85eb_ca6b);
    let lane = (lane ^ lane >> 13).wrapping_mul(0xc2b2_ae35);
    lane ^ lane >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_arm_answers() {
        assert_eq!(unique_string(&["aaa"]), "zavj67f3en4hc");
    }

    #[test]
    fn texts_are_joined_by_hyphens_and_every_length_differs() {
        assert_eq!(unique_string(&["foo", "bar"]), unique_string(&["foo-bar"]));
        let all: std::collections::BTreeSet<String> = (0..40).map(|length| unique_string(&["x".repeat(length)])).collect();
        assert_eq!(all.len(), 40);
        assert!(all.iter().all(|text| text.len() == 13));
    }
}
