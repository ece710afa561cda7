/// Whether the longest label of a name looks made by a program: long, of many different letters, and unlike words.
///
/// Three signs of four must be there: high entropy, few vowels or many, long runs of consonants, digits among the letters.
pub(crate) fn looks_generated(name: &str) -> bool {
    let labels: Vec<&str> = name.trim_end_matches('.').split('.').collect();
    // The top level says nothing.
    let label = labels.iter().rev().skip(1).copied().max_by_key(|label| label.len()).unwrap_or_default();
    let label = label.to_lowercase();
    // Punycode and hyphenated words are written by people.
    if label.len() < 10 || label.starts_with("xn--") || label.matches('-').count() > 1 {
        return false;
    }
    let letters: Vec<char> = label.chars().filter(char::is_ascii_alphanumeric).collect();
    let share = |wanted: &dyn Fn(char) -> bool| ratio(letters.iter().filter(|letter| wanted(**letter)).count(), letters.len());
    let vowels = share(&|letter| "aeiouy".contains(letter));
    let digits = share(&|letter| letter.is_ascii_digit());
    let mut run = 0;
    let mut longest = 0;
    for letter in &letters {
        run = if letter.is_ascii_digit() || "aeiouy".contains(*letter) { 0 } else { run + 1 };
        longest = longest.max(run);
    }
    let signs = [entropy(&letters) >= 3.1, !(0.25..=0.6).contains(&vowels), longest >= 5, (0.1..0.9).contains(&digits)];
    signs.into_iter().filter(|sign| *sign).count() >= 3
}

/// Bits a letter.
pub(crate) fn entropy(letters: &[char]) -> f64 {
    let mut counts = std::collections::BTreeMap::new();
    for letter in letters {
        *counts.entry(letter).or_insert(0_usize) += 1;
    }
    counts.values().map(|count| ratio(*count, letters.len())).map(|share| -share * share.log2()).sum()
}

#[expect(clippy::cast_precision_loss, reason = "letters of one name")]
fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::looks_generated;

    #[test]
    fn names_of_people_are_told_from_those_of_programs() {
        for name in ["xjw3kq9vbz2plm.example", "qhtzvkpdwrnx.info.", "a8f3k2lq9zx7vb1.net"] {
            assert!(looks_generated(name), "{name}");
        }
        for name in [
            "www.wikipedia.org",
            "documentation.example.com",
            "login.microsoftonline.com",
            "stackoverflow.com",
            "internationalbusiness.com",
        ] {
            assert!(!looks_generated(name), "{name}");
        }
    }
}
