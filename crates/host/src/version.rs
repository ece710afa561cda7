use std::cmp::Ordering;

/// Compares two Debian package versions: `[epoch:]upstream[-revision]`.
pub fn compare_versions(left: &str, right: &str) -> Ordering {
    let (left_epoch, left_rest) = epoch(left);
    let (right_epoch, right_rest) = epoch(right);
    let (left_upstream, left_revision) = left_rest.rsplit_once('-').unwrap_or((left_rest, ""));
    let (right_upstream, right_revision) = right_rest.rsplit_once('-').unwrap_or((right_rest, ""));
    compare_numbers(left_epoch.as_bytes(), right_epoch.as_bytes())
        .then_with(|| compare_parts(left_upstream.as_bytes(), right_upstream.as_bytes()))
        .then_with(|| compare_parts(left_revision.as_bytes(), right_revision.as_bytes()))
}

fn epoch(version: &str) -> (&str, &str) {
    match version.split_once(':') {
        Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => (epoch, rest),
        _ => ("", version),
    }
}

/// Text and numbers by turns, as deb-version(7) has it: `~` sorts before the end, letters before other characters.
fn compare_parts(mut left: &[u8], mut right: &[u8]) -> Ordering {
    while !left.is_empty() || !right.is_empty() {
        loop {
            let (left_weight, right_weight) = (weight(left.first()), weight(right.first()));
            if left_weight == 0 && right_weight == 0 {
                break;
            }
            if left_weight != right_weight {
                return left_weight.cmp(&right_weight);
            }
            left = left.split_first().map_or(left, |(_, rest)| rest);
            right = right.split_first().map_or(right, |(_, rest)| rest);
        }
        let (left_digits, left_rest) = digits(left);
        let (right_digits, right_rest) = digits(right);
        let order = compare_numbers(left_digits, right_digits);
        if order.is_ne() {
            return order;
        }
        (left, right) = (left_rest, right_rest);
    }
    Ordering::Equal
}

fn weight(byte: Option<&u8>) -> i32 {
    match byte {
        None => 0,
        Some(byte) if byte.is_ascii_digit() => 0,
        Some(b'~') => -1,
        Some(byte) if byte.is_ascii_alphabetic() => i32::from(*byte),
        Some(byte) => i32::from(*byte) + 256,
    }
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, &[]))
}

/// Numbers of any length, compared without converting them.
fn compare_numbers(left: &[u8], right: &[u8]) -> Ordering {
    let (left, right) = (without_zeros(left), without_zeros(right));
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

fn without_zeros(mut digits: &[u8]) -> &[u8] {
    while let Some((b'0', rest)) = digits.split_first() {
        digits = rest;
    }
    digits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn versions_sort_as_dpkg_sorts_them() {
        let rising = [
            "0~~",
            "0~~a",
            "0~",
            "0",
            "0a",
            "0+",
            "1.0~rc1-1",
            "1.0-1",
            "1.0-1+deb12u1",
            "1.0-1+deb12u2",
            "1.0-1+deb12u10",
            "1.0-2",
            "1.0.1-1",
            "1.2-1",
            "1.10-1",
            "1:0.1-1",
            "2:0-1",
        ];
        for (position, left) in rising.iter().enumerate() {
            for (other, right) in rising.iter().enumerate() {
                assert_eq!(compare_versions(left, right), position.cmp(&other), "{left} {right}");
            }
        }
        assert_eq!(compare_versions("1.0", "1.0-0"), Ordering::Equal);
        assert_eq!(compare_versions("0:1.00", "1.0"), Ordering::Equal);
    }

    proptest! {
        #[test]
        fn the_order_is_total(a in "[0-9a-c:.+~-]{0,12}", b in "[0-9a-c:.+~-]{0,12}", c in "[0-9a-c:.+~-]{0,12}") {
            prop_assert_eq!(compare_versions(&a, &a), Ordering::Equal);
            prop_assert_eq!(compare_versions(&a, &b), compare_versions(&b, &a).reverse());
            if compare_versions(&a, &b).is_le() && compare_versions(&b, &c).is_le() {
                prop_assert!(compare_versions(&a, &c).is_le());
            }
        }

        #[test]
        fn any_text_is_compared(a in ".{0,30}", b in ".{0,30}") {
            let _ = compare_versions(&a, &b);
        }
    }
}
