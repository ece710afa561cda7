use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use serde_json::{Value, json};
use skywarden_model::{Evidence, Resource, UnreadableKind};

use super::{
    endpoints::{Asked, Endpoint, Unguarded},
    groups::{joined, port_range, source, traffic},
    networks::{ADDRESS_LIST, FIREWALL, FIREWALL_POLICY, Networks, RULE_COLLECTIONS, account_of, folded, pointed, pointed_all},
    rules::{Address, Opening, Origin, Source, is_of_any_tenant},
};
use crate::{
    network::{Traffic, is_internet},
    ports::PortSet,
    read::{self, Why},
    sheet::seen,
};

/// A policy inherits from another, which inherits...; Azure allows one level.
const MAX_POLICIES: usize = 8;

/// What the firewalls of Azure pass on from their public addresses to private ones.
///
/// A firewall answers for what is behind it: the network security groups there see the firewall's own address.
#[derive(Default)]
pub(crate) struct Translations<'a> {
    firewalls: Vec<Firewall<'a>>,
}

struct Firewall<'a> {
    resource: &'a Resource,
    /// Folded; `None`: it lies in a hub of a virtual WAN.
    network: Result<Option<String>, Why>,
    origin: Origin,
    /// By the address that traffic goes to.
    rules: BTreeMap<IpAddr, Vec<Translation>>,
    /// To names, which may be anybody's.
    named: Vec<Translation>,
    /// Why there may be more.
    doubt: Option<Why>,
}

/// A rule with sources that count as the internet.
struct Translation {
    sources: Vec<Origin>,
    traffic: Traffic,
    evidence: Evidence,
    doubt: Option<Why>,
}

impl<'a> Translations<'a> {
    pub(crate) fn new(resources: &[&'a Resource], networks: &Networks<'_>) -> Self {
        Self { firewalls: resources.iter().map(|resource| Firewall::new(resource, networks)).collect() }
    }
}

/// What firewalls pass on to an endpoint.
pub(crate) fn translated_to<'a>(endpoint: &Endpoint<'a>, networks: &Networks<'a>) -> Vec<Opening> {
    let subnet = match endpoint.subnet.clone().and_then(|id| networks.subnet(id)) {
        Ok(subnet) => subnet,
        Err(why) => return vec![endpoint.everything(&Asked::Internet, Some(why))],
    };
    let mut openings = Vec::new();
    // The network's own subscription, and those of the networks that it is peered with, may have firewalls that were not seen.
    let mut unseen = networks.unseen(FIREWALL, account_of(&subnet.network));
    match networks.peers(&subnet.network) {
        Ok(peers) => {
            let accounts: BTreeSet<&str> = peers.iter().map(|peer| account_of(peer)).collect();
            let failed = accounts.into_iter().find_map(|account| networks.index.failures.anywhere(FIREWALL, account));
            unseen = unseen.or(failed);
        }
        Err(why) => unseen = unseen.or(Some(why)),
    }
    openings.extend(unseen.map(|why| endpoint.everything(&Asked::Internet, Some(why))));
    for firewall in &networks.index.translations.firewalls {
        let doubt = match firewall.reaches(&subnet.network, networks) {
            Ok(false) => continue,
            Ok(true) => None,
            Err(why) => Some(why),
        };
        let hit: Vec<&Translation> = match &endpoint.address {
            Address::Known(address) => firewall.rules.get(address).into_iter().flatten().chain(&firewall.named).collect(),
            _ => {
                let ranges = |address: &IpAddr| subnet.ranges.iter().any(|range| range.contains(address));
                let in_subnet = firewall.rules.iter().filter(|(address, _)| ranges(address)).flat_map(|(_, rules)| rules);
                in_subnet.chain(&firewall.named).collect()
            }
        };
        if let Some(why) = &firewall.doubt {
            openings.push(endpoint.everything(&Asked::Internet, Some(Arc::clone(why))));
        }
        if hit.is_empty() {
            continue;
        }
        let address_doubt = match &endpoint.address {
            Address::Known(_) => None,
            Address::Within(_) => None,
            Address::Unknown(why) | Address::Foreign(why) => Some(Arc::clone(why)),
        };
        let through = endpoint.openings(networks, &Asked::Inside(&firewall.origin), &Unguarded::Open(Vec::new()));
        for rule in hit {
            for opening in &through {
                let traffic = opening.traffic.intersection(&rule.traffic);
                if traffic == Traffic::default() {
                    continue;
                }
                let doubts = [&doubt, &rule.doubt, &address_doubt, &opening.doubt];
                let doubt = doubts.into_iter().flatten().next().cloned();
                for origin in &rule.sources {
                    let evidence = std::iter::once(&rule.evidence).chain(&opening.evidence).cloned().collect();
                    openings.push(Opening { origin: origin.clone(), traffic: traffic.clone(), evidence, doubt: doubt.clone() });
                }
            }
        }
    }
    openings
}

impl<'a> Firewall<'a> {
    fn new(resource: &'a Resource, networks: &Networks<'_>) -> Self {
        let configurations = read::list(resource, &["ipConfigurations"]);
        let subnet = configurations.as_ref().ok().and_then(|items| {
            items.iter().find_map(|item| pointed(item.get("properties")?, "subnet")).map(str::to_ascii_lowercase)
        });
        let inside = configurations.as_ref().ok().and_then(|items| {
            let mut addresses =
                items.iter().filter_map(|item| item.pointer("/properties/privateIPAddress")?.as_str()?.parse().ok());
            addresses.next()
        });
        let network = configurations
            .as_ref()
            .map_err(Why::clone)
            .map(|_| subnet)
            .map(|subnet| subnet.and_then(|id| id.split_once("/subnets/").map(|(network, _)| network.to_owned())));
        let mut firewall = Self {
            resource,
            network,
            origin: Origin::Inside(inside),
            rules: BTreeMap::new(),
            named: Vec::new(),
            doubt: configurations.err(),
        };
        let mut seen_policies = BTreeSet::new();
        let mut next = match read::list(resource, &["natRuleCollections"]) {
            Err(why) => {
                firewall.doubt = Some(why);
                None
            }
            Ok(collections) => {
                for (place, collection) in collections.iter().enumerate() {
                    firewall.take(
                        resource,
                        &format!("natRuleCollections[{place}].properties"),
                        collection.get("properties"),
                        networks,
                    );
                }
                match super::endpoints::id_at(resource, "firewallPolicy") {
                    Ok(id) => id.map(|id| folded(id).into_owned()),
                    Err(why) => {
                        firewall.doubt = Some(why);
                        None
                    }
                }
            }
        };
        while let Some(id) = next.take() {
            if !seen_policies.insert(id.clone()) || seen_policies.len() > MAX_POLICIES {
                break;
            }
            match networks.resource(FIREWALL_POLICY, &id) {
                Ok(policy) => {
                    firewall.take_policy(policy, networks);
                    match super::endpoints::id_at(policy, "basePolicy") {
                        Ok(base) => next = base.map(|id| folded(id).into_owned()),
                        Err(why) => firewall.doubt = Some(why),
                    }
                }
                Err(why) => firewall.doubt = Some(why),
            }
        }
        firewall
    }

    /// Whether it can pass traffic on into a network: its own, or one that is peered with it.
    fn reaches(&self, network: &str, networks: &Networks<'_>) -> Result<bool, Why> {
        let peers = networks.peers(network)?;
        let Some(own) = self.network.as_ref().map_err(Why::clone)? else {
            // A hub's own network belongs to Microsoft and is in no listing.
            let Some(hub) = peers.iter().find(|peer| !networks.has_network(peer)) else { return Ok(false) };
            let message = format!("{network} is peered with {hub}, which was not seen and may be the firewall's hub");
            return Err(read::why(UnreadableKind::NotYetKnown, &format!("find the hub of {}", self.resource.id), &message));
        };
        Ok(own == network || peers.contains(own) || networks.peers(own).is_ok_and(|peers| peers.contains(network)))
    }

    /// The groups of rule collections of a policy: below it as whole objects, or resources of their own that it points at.
    fn take_policy(&mut self, policy: &Resource, networks: &Networks<'_>) {
        let groups = match read::list(policy, &["ruleCollectionGroups"]) {
            Ok(groups) => groups,
            Err(why) => {
                self.doubt = Some(why);
                return;
            }
        };
        for (place, group) in groups.iter().enumerate() {
            let (resource, path, properties) = match (group.get("properties"), group.get("id").and_then(Value::as_str)) {
                (Some(properties), _) => (policy, format!("ruleCollectionGroups[{place}].properties."), properties),
                (None, Some(id)) => match networks.resource(RULE_COLLECTIONS, id) {
                    Ok(own) => match read::get(own, &["ruleCollections"]) {
                        Ok(_) => (own, String::new(), &own.properties),
                        Err(why) => {
                            self.doubt = Some(why);
                            continue;
                        }
                    },
                    Err(why) => {
                        self.doubt = Some(why);
                        continue;
                    }
                },
                (None, None) => {
                    self.doubt = Some(read::malformed(policy, "ruleCollectionGroups", "a group is empty"));
                    continue;
                }
            };
            let collections = properties.get("ruleCollections").and_then(Value::as_array).into_iter().flatten();
            for (nth, collection) in collections.enumerate() {
                self.take(resource, &format!("{path}ruleCollections[{nth}]"), Some(collection), networks);
            }
        }
    }

    /// The rules of a collection that translate destinations, in the spelling of firewalls and of policies.
    fn take(&mut self, resource: &Resource, path: &str, collection: Option<&Value>, networks: &Networks<'_>) {
        let Some(collection) = collection else { return };
        let is_translating =
            collection.pointer("/action/type").and_then(Value::as_str).is_some_and(|action| action.eq_ignore_ascii_case("Dnat"));
        if !is_translating {
            return;
        }
        for (place, rule) in collection.get("rules").and_then(Value::as_array).into_iter().flatten().enumerate() {
            let path = format!("{path}.rules[{place}]");
            let (translation, target) = match translation(resource, &path, rule, networks) {
                Ok(Some(found)) => found,
                Ok(None) => continue,
                Err(problem) => {
                    self.doubt = Some(read::malformed(resource, &path, problem));
                    continue;
                }
            };
            match target {
                Some(address) => self.rules.entry(address).or_default().push(translation),
                None => self.named.push(translation),
            }
        }
    }
}

/// What a rule passes on and to which address; `None`: nothing from the internet.
fn translation(
    resource: &Resource,
    path: &str,
    rule: &Value,
    networks: &Networks<'_>,
) -> Result<Option<(Translation, Option<IpAddr>)>, &'static str> {
    let texts = |key: &str| -> Vec<&str> {
        rule.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let text = |key: &str| rule.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let mut doubt = None;
    let mut sources = Vec::new();
    for name in texts("sourceAddresses") {
        sources.push(source(name).ok_or("a source is neither a range nor a tag")?);
    }
    let groups = rule.get("sourceIpGroups").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let groups = groups.chain(pointed_all(rule, "sourceIpGroups"));
    for id in groups {
        match networks.resource(ADDRESS_LIST, id).and_then(|list| read::list(list, &["ipAddresses"])) {
            Ok(addresses) => {
                sources.extend(addresses.iter().filter_map(Value::as_str).filter_map(source));
            }
            Err(why) => doubt = Some(why),
        }
    }
    let mut origins: Vec<Origin> = joined(sources).into_iter().filter_map(internet).collect();
    if origins.is_empty() && doubt.is_some() {
        origins.extend(internet(Source::Everyone));
    }
    if origins.is_empty() {
        return Ok(None);
    }
    // A rule that is open for certain needs no list that could not be read.
    if origins.iter().any(|origin| matches!(origin, Origin::Net(net) if net.prefix_len() == 0))
        && !texts("sourceAddresses").is_empty()
    {
        doubt = None;
    }
    let port = match rule.get("translatedPort") {
        Some(Value::String(port)) => port_range(port),
        Some(Value::Number(port)) => port_range(&port.to_string()),
        _ => None,
    };
    let ports = port.ok_or("it has no translated port")?;
    let mut protocols = texts("ipProtocols");
    protocols.extend(texts("protocols"));
    let traffic = protocols.iter().fold(Traffic::default(), |all, protocol| all.union(&traffic(protocol, ports.clone())));
    if traffic == Traffic::default() || ports == PortSet::default() {
        return Ok(None);
    }
    let target = match (text("translatedAddress"), text("translatedFqdn")) {
        (Some(address), _) => Some(address.parse().map_err(|_| "its translated address is no address")?),
        (None, Some(_)) => None,
        (None, None) => return Err("it is translated to nothing"),
    };
    if target.is_none() {
        let message = "it passes traffic on to a name, which may be anybody's in reach";
        doubt = Some(read::why(UnreadableKind::NotYetKnown, &format!("resolve {path} of {}", resource.id), message));
    }
    let expected = "a rule of a firewall that passes traffic from a public address on";
    let shown = json!({ "destinationAddresses": texts("destinationAddresses"), "destinationPorts": texts("destinationPorts") });
    let evidence = seen(resource, path.to_owned(), expected, shown);
    Ok(Some((Translation { sources: origins, traffic, evidence, doubt }, target)))
}

/// A source that counts as the internet.
fn internet(source: Source) -> Option<Origin> {
    match source {
        Source::Everyone | Source::Internet => Some(Origin::Net(ipnet::IpNet::V4(ipnet::Ipv4Net::default()))),
        Source::Net(net) if is_internet(&net) => Some(Origin::Net(net)),
        Source::Tag(tag) if is_of_any_tenant(&tag) => Some(Origin::Tag(tag)),
        Source::Net(_) | Source::Tag(_) | Source::Network => None,
    }
}
