use serde::{Deserialize, Serialize};

use super::{Finding, Sighting};
use crate::memory::{Cold, Kept};

/// Nearer places never count: addresses are placed no better than that.
const NEAR: f64 = 500.0;

/// Where somebody was last is remembered so long, in milliseconds: after 30 days any place can be reached.
const REMEMBERED: i64 = 30 * 86_400_000;

/// Where somebody was last.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LastPlace {
    time: i64,
    latitude: f64,
    longitude: f64,
    name: String,
    id: String,
}

/// The fields that say where an event came from.
pub(crate) const FIELDS: [&str; 4] =
    ["src_endpoint.location.country", "src_endpoint.location.lat", "src_endpoint.location.long", "src_endpoint.location.city"];

/// Compares the place of an event with the last one of the same entity.
pub(crate) fn look(
    (places, cold): (&mut Kept<LastPlace>, &mut Cold),
    key: u64,
    sighting: &Sighting<'_>,
    faster_than: f64,
) -> Option<Finding> {
    let number = |name: &str| (sighting.field)(name).and_then(|text| text.parse::<f64>().ok());
    let [country, latitude, longitude, city] = FIELDS;
    let country = (sighting.field)(country);
    let own = number(latitude).zip(number(longitude));
    let (latitude, longitude) = own.or_else(|| country.as_deref().and_then(crate::country::centre))?;
    let name = (sighting.field)(city).or(country).unwrap_or_else(|| format!("{latitude}, {longitude}"));
    let place = LastPlace { time: sighting.time, latitude, longitude, name, id: sighting.id.to_owned() };
    let before = places.get(key, cold).map(|(_, before)| before.clone());
    // A late event does not say where somebody was last.
    if before.as_ref().is_none_or(|before| before.time <= place.time) {
        places.put(key, sighting.time.saturating_add(REMEMBERED), place.clone());
    }
    let before = before?;
    let distance = kilometres((before.latitude, before.longitude), (latitude, longitude));
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of days, far below 2^53")]
    let hours = sighting.time.abs_diff(before.time) as f64 / 3_600_000.0;
    // Two places at once are as impossible as it gets; a second is the least that logs tell apart.
    let speed = distance / hours.max(1.0 / 3_600.0);
    if distance < NEAR || speed <= faster_than {
        return None;
    }
    let why = format!("from {} to {}: {distance:.0} km within {:.1} hours", before.name, place.name, hours);
    Some(Finding { why, events: vec![before.id, place.id] })
}

/// The great circle between two places.
fn kilometres((from_latitude, from_longitude): (f64, f64), (to_latitude, to_longitude): (f64, f64)) -> f64 {
    let (from, to) = (from_latitude.to_radians(), to_latitude.to_radians());
    let (latitude, longitude) = (to - from, (to_longitude - from_longitude).to_radians());
    let chord = (latitude / 2.0).sin().powi(2) + from.cos() * to.cos() * (longitude / 2.0).sin().powi(2);
    2.0 * 6_371.0 * chord.sqrt().clamp(0.0, 1.0).asin()
}

#[cfg(test)]
mod tests {
    use super::kilometres;

    #[test]
    fn distances_are_those_of_the_globe() {
        let (berlin, new_york) = ((52.52, 13.405), (40.713, -74.006));
        assert!((kilometres(berlin, new_york) - 6_385.0).abs() < 30.0);
        assert!(kilometres(berlin, berlin) < 1e-6);
    }
}
