use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ipnet::IpNet;
use serde_json::json;
use skywarden_model::{Evidence, Resource};

use crate::{
    network::{Acl, AclEntry, Action, INTERNET_PREFIX_V4, INTERNET_PREFIX_V6, Network, Route, RouteTable, Traffic, is_internet},
    ports::PortSet,
    read::Why,
    sheet::seen,
};

/// The chain names the first flows; an estate's widest group can have hundreds.
const MAX_EVIDENCE_FLOWS: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

/// Traffic from the internet that gets to the resource, or would if the doubt were resolved.
pub(crate) struct Flow {
    pub(crate) source: IpNet,
    pub(crate) traffic: Traffic,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) doubt: Option<Why>,
}

/// All that reaches one resource.
#[derive(Default)]
pub(crate) struct Reach {
    pub(crate) sources: Vec<IpNet>,
    /// Sources that are no ranges: service tags of Azure from which any tenant can send.
    pub(crate) named: BTreeSet<Arc<str>>,
    pub(crate) traffic: Traffic,
    pub(crate) evidence: Vec<Evidence>,
    /// Why there may be more.
    pub(crate) doubts: Vec<Why>,
    n_flows: usize,
}

impl Reach {
    pub(crate) fn add(&mut self, flow: Flow) {
        if flow.traffic == Traffic::default() {
            return;
        }
        if let Some(doubt) = flow.doubt {
            self.doubt(doubt);
            return;
        }
        self.sources.push(flow.source);
        self.take(&flow.traffic, flow.evidence);
    }

    /// Traffic from a source that has a name and no range.
    pub(crate) fn add_named(&mut self, name: Arc<str>, traffic: &Traffic, evidence: Vec<Evidence>) {
        self.named.insert(name);
        self.take(traffic, evidence);
    }

    pub(crate) fn doubt(&mut self, doubt: Why) {
        if !self.doubts.contains(&doubt) {
            self.doubts.push(doubt);
        }
    }

    fn take(&mut self, traffic: &Traffic, evidence: Vec<Evidence>) {
        self.traffic = self.traffic.union(traffic);
        if self.n_flows < MAX_EVIDENCE_FLOWS {
            self.evidence.extend(evidence);
        }
        self.n_flows += 1;
    }
}

/// What the security groups let in. No group at all lets everything in (a network load balancer without groups).
pub(crate) fn through_groups(
    network: &Network<'_>,
    groups: &Result<Vec<&str>, Why>,
    family: Family,
    near: &Resource,
) -> Vec<Flow> {
    let ids = match groups {
        Err(why) => return vec![everything(family, Some(Arc::clone(why)))],
        Ok(ids) if ids.is_empty() => return vec![everything(family, None)],
        Ok(ids) => ids,
    };
    let mut flows = Vec::new();
    for id in ids {
        let group = match network.group(id, near) {
            Ok(group) => group,
            Err(why) => {
                flows.push(everything(family, Some(why)));
                continue;
            }
        };
        if let Some(why) = &group.doubt {
            flows.push(everything(family, Some(Arc::clone(why))));
        }
        match &group.rules {
            Err(why) => flows.push(everything(family, Some(Arc::clone(why)))),
            Ok(rules) => flows.extend(rules.iter().filter(|rule| family_of(&rule.source) == family).map(|rule| Flow {
                source: rule.source,
                traffic: rule.traffic.clone(),
                evidence: vec![seen(
                    group.resource,
                    rule.path.clone(),
                    "a security group rule that lets the internet in",
                    json!(rule.source.to_string()),
                )],
                doubt: None,
            })),
        }
    }
    flows
}

/// What of a flow gets through the subnet's route table and network ACL.
///
/// A network ACL is stateless; its outbound rules for the answers are not looked at, because blocking all ephemeral ports
/// is rare and a client may choose its port.
pub(crate) fn through_subnet(network: &Network<'_>, subnet: &Result<&str, Why>, flow: &Flow, near: &Resource) -> Vec<Flow> {
    let (table, acl) = match subnet {
        Ok(subnet) => (network.table(subnet, near), network.acl(subnet, near)),
        Err(why) => (Err(Arc::clone(why)), Err(Arc::clone(why))),
    };
    let mut cuts: Vec<IpNet> = Vec::new();
    if let Ok(RouteTable { routes: Ok(routes), .. }) = table {
        cuts.extend(routes.iter().map(|route| route.net));
    }
    if let Ok(Acl { entries: Ok(entries), .. }) = acl {
        cuts.extend(entries.iter().map(|entry| entry.net));
    }
    cuts.retain(|cut| *cut != flow.source && flow.source.contains(cut));
    cuts.sort_unstable();
    cuts.dedup();
    let mut pieces = Vec::new();
    split(flow.source, &cuts, &mut pieces);

    let mut open: BTreeMap<Traffic, (Vec<IpNet>, Vec<Evidence>)> = BTreeMap::new();
    let mut doubtful = Vec::new();
    for piece in pieces {
        let (through, route_doubt) = match route(&table, &piece) {
            Routed::No => continue,
            Routed::Yes(route) => (Some(route), None),
            Routed::Unknown(why) => (None, Some(why)),
        };
        let (traffic, entries, acl_doubt) = match &acl {
            Err(why) | Ok(Acl { entries: Err(why), .. }) => (flow.traffic.clone(), Vec::new(), Some(Arc::clone(why))),
            Ok(Acl { entries: Ok(entries), .. }) => {
                let (traffic, entries) = through_acl(entries, &piece, &flow.traffic);
                (traffic, entries, None)
            }
        };
        if traffic == Traffic::default() {
            continue;
        }
        if let Some(doubt) = flow.doubt.clone().or(route_doubt).or(acl_doubt) {
            doubtful.push(Flow { source: piece, traffic, evidence: Vec::new(), doubt: Some(doubt) });
            continue;
        }
        // The chain is written once for each kind of traffic: pieces can be many.
        let (pieces, _) = open.entry(traffic).or_insert_with(|| {
            let route = table.as_ref().ok().zip(through).map(|(table, route)| route_evidence(table, route));
            let entries = acl.iter().flat_map(|acl| entries.iter().map(|entry| entry_evidence(acl, entry)));
            (Vec::new(), route.into_iter().chain(flow.evidence.clone()).chain(entries).collect())
        });
        pieces.push(piece);
    }
    let mut flows = doubtful;
    for (traffic, (pieces, evidence)) in open {
        for source in IpNet::aggregate(&pieces).into_iter().filter(is_internet) {
            flows.push(Flow { source, traffic: traffic.clone(), evidence: evidence.clone(), doubt: None });
        }
    }
    flows
}

/// All traffic of a family, from everywhere.
pub(crate) fn everything(family: Family, doubt: Option<Why>) -> Flow {
    let source = match family {
        Family::V4 => IpNet::V4(ipnet::Ipv4Net::default()),
        Family::V6 => IpNet::V6(ipnet::Ipv6Net::default()),
    };
    Flow { source, traffic: Traffic { tcp: PortSet::all(), udp: PortSet::all() }, evidence: Vec::new(), doubt }
}

enum Routed<'a> {
    Yes(&'a Route),
    No,
    Unknown(Why),
}

/// Where answers to the range go: the longest prefix decides, and a blackhole swallows them.
fn route<'a>(table: &Result<&'a RouteTable<'_>, Why>, piece: &IpNet) -> Routed<'a> {
    let (routes, doubt) = match table {
        Ok(RouteTable { routes: Ok(routes), doubt, .. }) => (routes, doubt),
        Err(why) | Ok(RouteTable { routes: Err(why), .. }) => return Routed::Unknown(Arc::clone(why)),
    };
    let best = routes.iter().filter(|route| route.net.contains(piece)).max_by_key(|route| route.net.prefix_len());
    match (best, doubt) {
        (Some(route), _) if route.to_internet => Routed::Yes(route),
        (_, Some(why)) => Routed::Unknown(Arc::clone(why)),
        _ => Routed::No,
    }
}

/// The entries in the order of their numbers, the first that matches a port decides; what none matches is denied.
fn through_acl<'a>(entries: &'a [AclEntry], piece: &IpNet, traffic: &Traffic) -> (Traffic, Vec<&'a AclEntry>) {
    let mut left = traffic.clone();
    let mut allowed = Traffic::default();
    let mut deciding = Vec::new();
    for entry in entries.iter().filter(|entry| entry.net.contains(piece)) {
        let hit = Traffic { tcp: left.tcp.intersection(&entry.traffic.tcp), udp: left.udp.intersection(&entry.traffic.udp) };
        if hit == Traffic::default() {
            continue;
        }
        left = Traffic { tcp: left.tcp.difference(&hit.tcp), udp: left.udp.difference(&hit.udp) };
        if entry.action == Action::Allow {
            allowed = Traffic { tcp: allowed.tcp.union(&hit.tcp), udp: allowed.udp.union(&hit.udp) };
            deciding.push(entry);
        }
    }
    (allowed, deciding)
}

fn route_evidence(table: &RouteTable<'_>, route: &Route) -> Evidence {
    let field = format!("Routes[{}]", route.position);
    seen(table.resource, field, "an active route to an internet gateway", json!(route.net.to_string()))
}

fn entry_evidence(acl: &Acl<'_>, entry: &AclEntry) -> Evidence {
    let expected = "a network ACL rule that lets the traffic in before any that denies it";
    seen(acl.resource, format!("Entries[{}]", entry.position), expected, json!(entry.number))
}

/// Cuts a range so that no piece straddles a cut, down to the width below which a range is no longer the internet.
pub(crate) fn split(range: IpNet, cuts: &[IpNet], pieces: &mut Vec<IpNet>) {
    let limit = match range {
        IpNet::V4(_) => INTERNET_PREFIX_V4,
        IpNet::V6(_) => INTERNET_PREFIX_V6,
    };
    let inside: Vec<IpNet> = cuts.iter().copied().filter(|cut| *cut != range && range.contains(cut)).collect();
    let next = range.prefix_len().saturating_add(1);
    let halves = match range {
        IpNet::V4(range) => range.subnets(next).map(|halves| halves.map(IpNet::V4).collect::<Vec<_>>()),
        IpNet::V6(range) => range.subnets(next).map(|halves| halves.map(IpNet::V6).collect::<Vec<_>>()),
    };
    match halves {
        Ok(halves) if !inside.is_empty() && range.prefix_len() < limit => {
            for half in halves {
                split(half, &inside, pieces);
            }
        }
        _ => pieces.push(range),
    }
}

fn family_of(net: &IpNet) -> Family {
    match net {
        IpNet::V4(_) => Family::V4,
        IpNet::V6(_) => Family::V6,
    }
}
