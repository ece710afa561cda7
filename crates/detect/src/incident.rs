use std::collections::{BTreeMap, BTreeSet};

use skywarden_content::{AlertLevel, Intent};

use crate::{Alert, Entity, source::id_of, take::address};

/// Alerts that share somebody belong together if they are no further apart, in milliseconds: a day.
const WINDOW: i64 = 86_400_000;

/// An address from which more actors than this came is that of a gateway, and joins nobody.
const MAX_ACTORS: usize = 5;

/// Alerts of one attack as one story.
#[derive(Debug, Clone)]
pub struct Incident {
    /// The same as long as its first alert is the same.
    pub id: String,
    /// For people.
    pub title: String,
    /// That of its worst alert.
    pub severity: AlertLevel,
    /// Places in the list of alerts, in order of time.
    pub alerts: Vec<usize>,
    /// The steps of the kill chain in the order in which they came, each once.
    pub intents: Vec<Intent>,
    /// Whom at least two of the alerts share.
    pub shared: Vec<Entity>,
}

/// What alerts have in common: kind and id.
type Key = (&'static str, String);

#[derive(Default)]
struct Group {
    alerts: Vec<usize>,
    /// When each was last met.
    met: BTreeMap<Key, i64>,
}

/// Joins alerts that share an actor, a session, an address, a host or a resource within a day; what came of it is an incident if
/// several detections saw several steps of the kill chain, in its order. Each alert is in one incident at most.
pub fn correlate(alerts: &[Alert]) -> Vec<Incident> {
    let mut order: Vec<usize> = (0..alerts.len()).collect();
    order.sort_by_key(|place| alerts.get(*place).map(|alert| (alert.start, alert.id.clone())));
    let gateways = gateways(alerts);
    let mut groups: Vec<Group> = Vec::new();
    for place in order {
        let Some(alert) = alerts.get(place) else { continue };
        let keys = keys(alert, &gateways);
        let (start, end) = (alert.start.as_millisecond(), alert.end.as_millisecond());
        let is_near =
            |group: &Group| keys.iter().any(|key| group.met.get(key).is_some_and(|met| start.saturating_sub(*met) <= WINDOW));
        let (mut joined, apart): (Vec<Group>, Vec<Group>) = groups.into_iter().partition(is_near);
        let mut group = if joined.is_empty() { Group::default() } else { joined.remove(0) };
        for other in joined {
            group.alerts.extend(other.alerts);
            for (key, met) in other.met {
                let held = group.met.entry(key).or_insert(met);
                *held = (*held).max(met);
            }
        }
        group.alerts.push(place);
        for key in keys {
            let held = group.met.entry(key).or_insert(end);
            *held = (*held).max(end);
        }
        groups = apart;
        groups.push(group);
    }
    let mut incidents: Vec<Incident> = groups.into_iter().filter_map(|group| incident(group, alerts)).collect();
    incidents.sort_by(|left, right| (right.severity, &left.id).cmp(&(left.severity, &right.id)));
    incidents
}

fn incident(mut group: Group, alerts: &[Alert]) -> Option<Incident> {
    group.alerts.sort_by_key(|place| alerts.get(*place).map(|alert| (alert.start, alert.id.clone())));
    let members: Vec<&Alert> = group.alerts.iter().filter_map(|place| alerts.get(*place)).collect();
    let detections: BTreeSet<&str> = members.iter().map(|alert| alert.detection.as_ref()).collect();
    let severity = members.iter().map(|alert| alert.severity).max()?;
    let mut intents = Vec::new();
    let mut reached: Option<Intent> = None;
    let mut moves_on = false;
    for alert in &members {
        let earliest = alert.intents.iter().min().copied();
        moves_on |= reached.zip(alert.intents.iter().max().copied()).is_some_and(|(reached, latest)| latest > reached);
        reached = [reached, earliest].into_iter().flatten().min();
        for intent in &alert.intents {
            if !intents.contains(intent) {
                intents.push(*intent);
            }
        }
    }
    if detections.len() < 2 || !moves_on || severity < AlertLevel::Medium {
        return None;
    }
    let shared = shared(&members);
    let first = members.first()?;
    let who = shared.first().map_or_else(
        || first.compromised.clone().unwrap_or_default(),
        |entity| entity.more.get("name").unwrap_or(&entity.id).clone(),
    );
    Some(Incident {
        id: id_of(&format!("incident\n{}", first.id)),
        title: format!("Security incident: {} steps of an attack around {who}", intents.len()),
        severity,
        alerts: group.alerts,
        intents,
        shared,
    })
}

/// Whom at least two alerts share, those of most alerts first.
fn shared(members: &[&Alert]) -> Vec<Entity> {
    let mut counts: BTreeMap<(&str, &str), (usize, &Entity)> = BTreeMap::new();
    for entity in members.iter().flat_map(|alert| &alert.entities).filter(|entity| entity.kind != "cloud-account") {
        counts.entry((entity.kind, &entity.id)).or_insert((0, entity)).0 += 1;
    }
    let mut shared: Vec<(usize, &Entity)> = counts.into_values().filter(|(n, _)| *n > 1).collect();
    shared.sort_by_key(|(n, entity)| (std::cmp::Reverse(*n), entity.kind != "account"));
    shared.into_iter().take(10).map(|(_, entity)| entity.clone()).collect()
}

fn keys(alert: &Alert, gateways: &BTreeSet<String>) -> Vec<Key> {
    let joins = |entity: &&Entity| match entity.kind {
        "account" => !is_everybody(&entity.id),
        "ip" => address(&entity.id).is_some_and(is_public) && !gateways.contains(&entity.id),
        "host" | "session" | "container" | "cloud-resource" | "azure-resource" => Some(&entity.id) != alert.account.as_ref(),
        _ => false,
    };
    alert.entities.iter().filter(joins).map(|entity| (entity.kind, entity.id.to_lowercase())).collect()
}

/// Accounts that everybody uses.
fn is_everybody(id: &str) -> bool {
    let name = id.rsplit('\\').next().unwrap_or(id).to_lowercase();
    [
        "system",
        "root",
        "local service",
        "network service",
        "anonymous logon",
        "anonymous",
        "system:anonymous",
        "nobody",
        "0",
        "s-1-5-18",
    ]
    .contains(&name.as_str())
}

fn is_public(address: std::net::IpAddr) -> bool {
    match address {
        std::net::IpAddr::V4(address) => {
            !(address.is_private() || address.is_loopback() || address.is_link_local() || address.is_unspecified())
        }
        std::net::IpAddr::V6(address) => !(address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()),
    }
}

/// Addresses from which many actors came.
fn gateways(alerts: &[Alert]) -> BTreeSet<String> {
    let mut actors: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for alert in alerts {
        let of = |kind: &'static str| alert.entities.iter().filter(move |entity| entity.kind == kind);
        for address in of("ip") {
            actors.entry(&address.id).or_default().extend(of("account").map(|entity| entity.id.as_str()));
        }
    }
    actors.into_iter().filter(|(_, actors)| actors.len() > MAX_ACTORS).map(|(address, _)| address.to_owned()).collect()
}
