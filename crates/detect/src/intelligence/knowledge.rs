use std::sync::Arc;

use skywarden_content::IndicatorKind;

use super::Intelligence;

/// So many feeds say in an alert what they know of a value.
const MAX_TELLING: usize = 3;

/// What all feeds know together. A clone shares what they hold, so that one feed is replaced without reading the others again.
#[derive(Debug, Clone, Default)]
pub struct Knowledge(Vec<Arc<Intelligence>>);

impl Knowledge {
    /// What several feeds know; the first ones are told first.
    pub fn new(feeds: Vec<Arc<Intelligence>>) -> Self {
        Knowledge(feeds)
    }

    /// What is known of a text at an instant, for people.
    pub(crate) fn find(&self, text: &str, kinds: &[IndicatorKind], labels: &[String], time: i64) -> Option<String> {
        let told = self.0.iter().filter_map(|feed| feed.find(text, kinds, labels, time));
        let told: Vec<String> = told.take(MAX_TELLING).collect();
        if told.is_empty() { None } else { Some(told.join("; ")) }
    }
}

impl From<Intelligence> for Knowledge {
    fn from(feed: Intelligence) -> Self {
        Knowledge(vec![Arc::new(feed)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Indicator;

    #[test]
    fn each_feed_that_knows_a_value_says_so() {
        let feed = |origin: &str, label: &str| {
            let mut known = Intelligence::default();
            let indicator =
                Indicator { labels: vec![label.to_owned()], origins: vec![origin.to_owned()], ..Indicator::default() };
            known.add(IndicatorKind::Domain, "bad.example", indicator).unwrap();
            Arc::new(known)
        };
        let known = Knowledge::new(vec![feed("one", "c2"), Arc::default(), feed("two", "tor"), feed("three", "c2")]);
        let find = |labels: &[String]| known.find("bad.example", &[IndicatorKind::Domain], labels, 0);
        assert_eq!(find(&[]).as_deref(), Some("known as c2 (says one); known as tor (says two); known as c2 (says three)"));
        assert_eq!(find(&["tor".to_owned()]).as_deref(), Some("known as tor (says two)"));
        assert_eq!(find(&["scanner".to_owned()]), None);
        assert_eq!(Knowledge::default().find("bad.example", &[IndicatorKind::Domain], &[], 0), None);
    }
}
