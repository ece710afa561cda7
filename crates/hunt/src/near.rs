//! Names that somebody may have meant.

/// So many names are told.
const MOST: usize = 3;

/// The names that are most like one, the nearest first; none if all are very different.
pub(crate) fn near<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
    let name = name.to_lowercase();
    let mut found: Vec<(usize, &str)> = known
        .into_iter()
        .filter_map(|known| {
            let distance = distance(&name, known);
            let is_part = name.len() >= 3 && (known.contains(&name) || (known.len() >= 3 && name.contains(known)));
            let most = (name.chars().count().max(known.chars().count()) / 3).max(1);
            (distance <= most || is_part).then_some((distance, known))
        })
        .collect();
    found.sort();
    found.dedup();
    found.into_iter().take(MOST).map(|(_, known)| known).collect()
}

/// How many characters must be added, left out or changed.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (place, character) in left.chars().enumerate() {
        let mut diagonal = place;
        let mut before = place + 1;
        let mut next = vec![before];
        for (other, above) in right.iter().zip(row.iter().skip(1)) {
            let changed = diagonal + usize::from(*other != character);
            before = changed.min(above + 1).min(before + 1);
            diagonal = *above;
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_and_shortened_names_are_found_and_others_not() {
        let known = ["operation", "actor", "actor_name", "src_ip", "account"];
        assert_eq!(near("operaton", known), ["operation"]);
        assert_eq!(near("Actr", known), ["actor"]);
        assert_eq!(near("ip_src", known), Vec::<&str>::new());
        assert_eq!(near("actors", known), ["actor"]);
        assert_eq!(near("zebra", known), Vec::<&str>::new());
        assert_eq!((distance("", "abc"), distance("abc", "abd"), distance("kitten", "sitting")), (3, 1, 3));
    }
}
