use std::{borrow::Cow, net::IpAddr};

use ipnet::IpNet;
use serde_json::{Value, json};
use skywarden_model::Resource;

use super::rules::{self, Address, ClientPorts, Destination, Opening, Rule, Source, Target};
use crate::{
    network::{Action, Traffic},
    ports::PortSet,
    reach::Family,
    read::{self, Why},
    sheet::seen,
};

/// A network security group: what it lets in, the first rule that matches deciding.
pub(crate) struct Group {
    pub(crate) rules: Result<Vec<Rule>, Why>,
    /// What it lets in from the internet over IPv4 and IPv6, where that is the same whoever is behind it.
    common: Option<[Vec<Opening>; 2]>,
}

impl Group {
    pub(crate) fn new(resource: &Resource) -> Self {
        let rules = inbound(resource);
        let common = rules.as_ref().ok().filter(|rules| rules.iter().all(is_for_all)).map(|rules| {
            let message = "no rule asks for it";
            let nowhere = Address::Unknown(read::malformed(resource, "securityRules", message));
            let target = Target { address: nowhere, groups: &Ok(Vec::new()), routed: &Ok(Vec::new()) };
            [Family::V4, Family::V6].map(|family| rules::from_internet(rules, family, &target))
        });
        Self { rules, common }
    }

    /// What it lets in from the internet to the target.
    pub(crate) fn opened_to_internet(&self, family: Family, target: &Target<'_>) -> Result<Cow<'_, [Opening]>, Why> {
        let rules = self.rules.as_ref().map_err(Why::clone)?;
        let is_plain = target.routed.as_ref().is_ok_and(Vec::is_empty);
        Ok(match (&self.common, family) {
            (Some([v4, _]), Family::V4) if is_plain => Cow::Borrowed(v4),
            (Some([_, v6]), Family::V6) if is_plain => Cow::Borrowed(v6),
            _ => Cow::Owned(rules::from_internet(rules, family, target)),
        })
    }
}

/// `Tcp`, `Udp`, `*`; other protocols have no ports and do not count as exposure.
pub(crate) fn traffic(protocol: &str, ports: PortSet) -> Traffic {
    match protocol.to_ascii_lowercase().as_str() {
        "*" | "any" | "all" => Traffic { tcp: ports.clone(), udp: ports },
        "tcp" | "6" => Traffic { tcp: ports, udp: PortSet::default() },
        "udp" | "17" => Traffic { tcp: PortSet::default(), udp: ports },
        _ => Traffic::default(),
    }
}

/// Ports as rules of Azure write them: `*`, `22`, `20-25`.
pub(crate) fn port_range(text: &str) -> Option<PortSet> {
    let text = text.trim();
    if text == "*" || text.eq_ignore_ascii_case("any") {
        return Some(PortSet::all());
    }
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    Some(PortSet::range(from.trim().parse().ok()?, to.trim().parse().ok()?))
}

/// An address or range: `203.0.113.7`, `203.0.113.0/24`.
pub(crate) fn net(text: &str) -> Option<IpNet> {
    let text = text.trim();
    text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok().map(|net| net.trunc())
}

/// What stands for a source in a rule: an address, a range, or a service tag. `None`: it is neither.
pub(crate) fn source(text: &str) -> Option<Source> {
    let text = text.trim();
    if text == "*" || text.eq_ignore_ascii_case("any") {
        return Some(Source::Everyone);
    }
    if let Some(net) = net(text) {
        return Some(Source::Net(net));
    }
    let is_name = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '.' | '_' | '-'));
    match text.to_ascii_lowercase().as_str() {
        "internet" => Some(Source::Internet),
        "virtualnetwork" => Some(Source::Network),
        _ if is_name => Some(Source::Tag(text.into())),
        _ => None,
    }
}

/// Ranges of one rule that lie side by side are one range.
pub(crate) fn joined(sources: Vec<Source>) -> Vec<Source> {
    let nets: Vec<IpNet> =
        sources.iter().filter_map(|source| if let Source::Net(net) = source { Some(*net) } else { None }).collect();
    if nets.len() < 2 {
        return sources;
    }
    let others = sources.into_iter().filter(|source| !matches!(source, Source::Net(_)));
    others.chain(IpNet::aggregate(&nets).into_iter().map(Source::Net)).collect()
}

/// Whether whom it lets in does not depend on who is behind the group.
fn is_for_all(rule: &Rule) -> bool {
    rule.destinations.contains(&Destination::Everything)
        || rule.destinations.iter().all(|destination| *destination == Destination::Elsewhere)
}

/// The rules about what comes in, its own and Azure's defaults.
fn inbound(resource: &Resource) -> Result<Vec<Rule>, Why> {
    let mut rules = Vec::new();
    for list in ["securityRules", "defaultSecurityRules"] {
        for (place, item) in read::list(resource, &[list])?.iter().enumerate() {
            let wrong = |problem: &str| read::malformed(resource, &format!("{list}[{place}]"), problem);
            let properties = item.get("properties").ok_or_else(|| wrong("a rule has no properties"))?;
            let text = |key: &str| properties.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
            let direction = text("direction").ok_or_else(|| wrong("a rule has no direction"))?;
            if !direction.eq_ignore_ascii_case("Inbound") {
                continue;
            }
            let path = format!("{list}[{place}]");
            rules.push(rule(resource, item, properties, path).map_err(wrong)?);
        }
    }
    // Azure adds these to every group and lets nobody change them; exports often leave them out.
    if read::list(resource, &["defaultSecurityRules"])?.is_empty() {
        for (priority, sources, action) in
            [(65000, vec![Source::Network], Action::Allow), (65500, vec![Source::Everyone], Action::Deny)]
        {
            rules.push(Rule {
                action,
                priority,
                sources,
                destinations: vec![Destination::Everything],
                client_ports: ClientPorts::All,
                traffic: Traffic::all(),
                evidence: seen(resource, "defaultSecurityRules", "a rule that every network security group has", json!(priority)),
            });
        }
    }
    rules::sort(&mut rules);
    Ok(rules)
}

fn rule(resource: &Resource, item: &Value, properties: &Value, path: String) -> Result<Rule, &'static str> {
    let text = |key: &str| properties.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let texts = |one: &str, many: &str| -> Vec<&str> {
        let list = properties.get(many).and_then(Value::as_array).map_or(&[] as &[Value], Vec::as_slice);
        text(one).into_iter().chain(list.iter().filter_map(Value::as_str)).collect()
    };
    let groups = |key: &str| -> Vec<String> {
        let list = properties.get(key).and_then(Value::as_array).map_or(&[] as &[Value], Vec::as_slice);
        read::column(list, "id").into_iter().map(str::to_ascii_lowercase).collect()
    };
    let action = match text("access") {
        Some(access) if access.eq_ignore_ascii_case("Allow") => Action::Allow,
        Some(access) if access.eq_ignore_ascii_case("Deny") => Action::Deny,
        _ => return Err("a rule neither allows nor denies"),
    };
    let priority = properties.get("priority").and_then(Value::as_i64).ok_or("a rule has no priority")?;

    let named = texts("sourceAddressPrefix", "sourceAddressPrefixes");
    // Application security groups hold addresses of the network.
    if named.is_empty() && groups("sourceApplicationSecurityGroups").is_empty() {
        return Err("a rule has no source");
    }
    let sources = named.into_iter().map(source).collect::<Option<Vec<_>>>().ok_or("a source is neither a range nor a tag")?;

    let mut destinations: Vec<Destination> =
        groups("destinationApplicationSecurityGroups").into_iter().map(Destination::Group).collect();
    for name in texts("destinationAddressPrefix", "destinationAddressPrefixes") {
        destinations.push(match source(name).ok_or("a destination is neither a range nor a tag")? {
            Source::Everyone | Source::Network => Destination::Everything,
            Source::Net(net) => Destination::Net(net),
            Source::Internet | Source::Tag(_) => Destination::Elsewhere,
        });
    }
    if destinations.is_empty() {
        return Err("a rule has no destination");
    }
    let ports = |one: &str, many: &str| -> Result<PortSet, &'static str> {
        let named = texts(one, many);
        let ranges = named.iter().map(|text| port_range(text)).collect::<Option<Vec<_>>>().ok_or("a port range is no range")?;
        let ports = ranges.iter().fold(PortSet::default(), |set, range| set.union(range));
        if ports == PortSet::default() { Err("a rule has no ports") } else { Ok(ports) }
    };
    let client_ports = match ports("sourcePortRange", "sourcePortRanges") {
        Ok(ports) if !ports.is_all() => ClientPorts::Some,
        Ok(_) => ClientPorts::All,
        // Rules of exports leave out what stands for everything.
        Err(_) if texts("sourcePortRange", "sourcePortRanges").is_empty() => ClientPorts::All,
        Err(problem) => return Err(problem),
    };
    let protocol = text("protocol").ok_or("a rule has no protocol")?;
    let name = item.get("name").and_then(Value::as_str).map_or(json!(priority), |name| json!(name));
    Ok(Rule {
        action,
        priority,
        sources: joined(sources),
        destinations,
        client_ports,
        traffic: traffic(protocol, ports("destinationPortRange", "destinationPortRanges")?),
        evidence: seen(resource, path, "a network security rule that lets the internet in before any that denies it", name),
    })
}
