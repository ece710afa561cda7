/// ISO 3166 code, latitude and longitude of the centre of each country, to a degree or so.
static COUNTRIES: &str = include_str!("countries.tsv");

/// Where a country's centre is.
pub(crate) fn centre(code: &str) -> Option<(f64, f64)> {
    COUNTRIES.lines().find_map(|line| {
        let mut parts = line.split('\t');
        if !parts.next()?.eq_ignore_ascii_case(code) {
            return None;
        }
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::{COUNTRIES, centre};

    #[test]
    fn every_line_is_a_place_on_the_globe() {
        for line in COUNTRIES.lines() {
            let code = line.split('\t').next().unwrap();
            let (latitude, longitude) = centre(code).unwrap_or_else(|| panic!("{line}"));
            assert!((-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude), "{line}");
        }
        assert_eq!(centre("fr"), Some((46.0, 2.0)));
    }
}
