use serde::{Deserialize, Serialize};
use skywarden_content::Step;

use super::{Finding, Sighting, Window};

/// How far the events of one key have come.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// For each step, its events.
    steps: Vec<Window>,
    quiet_until: i64,
}

/// Looks for selections one after the other: a step counts from the moment at which the one before it was complete.
pub(crate) fn look(
    progress: &mut Progress,
    sighting: &Sighting<'_>,
    within: i64,
    steps: &[Step],
    holds: &mut dyn FnMut(&str) -> bool,
    within_text: &str,
) -> Option<Finding> {
    progress.steps.resize_with(steps.len(), Window::default);
    // The last steps first, so that one event is not taken for two steps.
    for (place, step) in steps.iter().enumerate().rev() {
        if !holds(&step.selection) {
            continue;
        }
        let is_reached = place == 0
            || progress.steps.iter().zip(steps).take(place).all(|(window, step)| {
                let since = sighting.time.saturating_sub(within);
                let n = window.events.iter().filter(|(at, ..)| *at > since && *at <= sighting.time).count();
                n >= usize::try_from(step.at_least).unwrap_or(usize::MAX)
            });
        if !is_reached {
            continue;
        }
        let needed = usize::try_from(step.at_least).unwrap_or(usize::MAX);
        let Some(window) = progress.steps.get_mut(place) else { continue };
        window.add(sighting.time, sighting.id, 0, within, needed.max(super::MAX_NAMED));
        if place + 1 < steps.len() || window.events.len() < needed {
            return None;
        }
        if sighting.time < progress.quiet_until {
            return None;
        }
        progress.quiet_until = sighting.time.saturating_add(within);
        let events: Vec<String> = progress.steps.iter().flat_map(Window::ids).collect();
        progress.steps.clear();
        let names: Vec<String> = steps
            .iter()
            .map(
                |step| if step.at_least > 1 { format!("{} x {}", step.at_least, step.selection) } else { step.selection.clone() },
            )
            .collect();
        return Some(Finding { why: format!("in this order within {within_text}: {}", names.join(", then ")), events });
    }
    None
}

/// Looks for all of several selections within a time, in whatever order.
pub(crate) fn look_together(
    progress: &mut Progress,
    sighting: &Sighting<'_>,
    within: i64,
    selections: &[String],
    holds: &mut dyn FnMut(&str) -> bool,
    within_text: &str,
) -> Option<Finding> {
    progress.steps.resize_with(selections.len(), Window::default);
    let mut is_one = false;
    for (selection, window) in selections.iter().zip(&mut progress.steps) {
        if holds(selection) {
            is_one = true;
            window.add(sighting.time, sighting.id, 0, within, super::MAX_NAMED);
        }
    }
    // On either side: an event of long ago is not together with those of today.
    let is_near = |at: i64| at > sighting.time.saturating_sub(within) && at < sighting.time.saturating_add(within);
    let are_all = progress.steps.iter().all(|window| window.events.iter().any(|(at, ..)| is_near(*at)));
    if !is_one || !are_all || sighting.time < progress.quiet_until {
        return None;
    }
    progress.quiet_until = sighting.time.saturating_add(within);
    let mut events: Vec<String> = progress.steps.iter().flat_map(Window::ids).collect();
    events.dedup();
    progress.steps.clear();
    Some(Finding { why: format!("all of these within {within_text}: {}", selections.join(", ")), events })
}
