use super::{Finding, Sighting, Window};

/// Looks for events that come as regularly as a clock: the standard deviation of the gaps is at most `jitter` of their mean.
pub(crate) fn look(window: &mut Window, sighting: &Sighting<'_>, within: i64, at_least: u32, jitter: f64) -> Option<Finding> {
    let needed = usize::try_from(at_least).unwrap_or(usize::MAX).max(3);
    window.add(sighting.time, sighting.id, 0, within, needed.max(super::MAX_NAMED));
    if window.events.len() < needed || sighting.time < window.quiet_until {
        return None;
    }
    let times: Vec<i64> = window.events.iter().rev().take(needed).map(|(at, ..)| *at).collect();
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of days, far below 2^53")]
    let gaps: Vec<f64> = times.iter().zip(times.iter().skip(1)).map(|(late, early)| late.saturating_sub(*early) as f64).collect();
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    let n = gaps.len() as f64;
    let mean = gaps.iter().sum::<f64>() / n;
    // Several events in one second are a burst and no clock.
    if mean < 1_000.0 {
        return None;
    }
    let deviation = (gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / n).sqrt();
    if deviation > jitter * mean {
        return None;
    }
    window.quiet_until = sighting.time.saturating_add(within);
    let why = format!("{needed} events, {:.0} s apart, regular to {:.1} %", mean / 1_000.0, deviation / mean * 100.0);
    Some(Finding { why, events: window.ids() })
}
