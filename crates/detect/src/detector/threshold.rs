use std::collections::BTreeSet;

use super::{Finding, Sighting, Window};
use crate::memory::hash_of;

/// Counts events, or different values of a field, within a time. Says so once, then again only after that time.
pub(crate) fn look(
    window: &mut Window,
    sighting: &Sighting<'_>,
    within: i64,
    at_least: u32,
    distinct: Option<&str>,
    within_text: &str,
) -> Option<Finding> {
    let value = match distinct {
        None => 0,
        Some(field) => {
            let text = (sighting.field)(field)?.to_lowercase();
            hash_of([text.as_str()].into_iter())
        }
    };
    let needed = usize::try_from(at_least).unwrap_or(usize::MAX);
    // Of each value the newest is enough, which a late event is not.
    let is_late = distinct.is_some() && window.events.iter().any(|(at, _, known)| *known == value && *at > sighting.time);
    if !is_late {
        if distinct.is_some() {
            window.events.retain(|(.., known)| *known != value);
        }
        window.add(sighting.time, sighting.id, value, within, needed.max(super::MAX_NAMED));
    }
    if sighting.time < window.quiet_until {
        return None;
    }
    let n = match distinct {
        None => window.events.len(),
        Some(_) => window.events.iter().map(|(.., value)| *value).collect::<BTreeSet<_>>().len(),
    };
    if n < needed {
        return None;
    }
    window.quiet_until = sighting.time.saturating_add(within);
    let why = match distinct {
        None if n == 1 => format!("the first such event in {within_text}"),
        None => format!("{n} such events within {within_text}"),
        Some(field) => format!("{n} different values of {field} within {within_text}"),
    };
    Some(Finding { why, events: window.ids() })
}
