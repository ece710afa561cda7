use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde_json::Value;
use skywarden_model::{Evidence, Resource, UnreadableKind};

use super::{
    networks::{Networks, Subnet, pointed, pointed_all},
    routes::Routes,
    rules::{self, Address, Opening, Origin, Target},
};
use crate::{
    network::Traffic,
    reach::Family,
    read::{self, Why},
};

/// One private address of an interface, or of the interfaces that a scale set makes, and what stands before it.
#[derive(Clone)]
pub(crate) struct Endpoint<'a> {
    /// The interface or the scale set.
    pub(crate) resource: &'a Resource,
    /// The configuration, where it is written below the properties: `ipConfigurations[0]`.
    pub(crate) path: String,
    pub(crate) properties: &'a Value,
    pub(crate) family: Family,
    pub(crate) subnet: Result<&'a str, Why>,
    pub(crate) address: Address,
    /// The interface's own network security group.
    pub(crate) group: Result<Option<&'a str>, Why>,
    /// Its application security groups, folded.
    pub(crate) application_groups: Result<Vec<String>, Why>,
}

/// What comes through where no network security group is.
#[derive(Clone)]
pub(crate) enum Unguarded {
    /// Everything: basic addresses and balancers are open; what shows that it is one.
    Open(Vec<Evidence>),
    /// Nothing: all others are closed.
    Closed,
    Unknown(Why),
}

/// Whose traffic is asked about.
pub(crate) enum Asked<'a> {
    Internet,
    /// Something inside the network that passes traffic on.
    Inside(&'a Origin),
}

impl<'a> Endpoint<'a> {
    /// The endpoints of an interface, in the order of its configurations.
    pub(crate) fn of_interface(resource: &'a Resource) -> Result<Vec<Self>, Why> {
        let group = id_at(resource, "networkSecurityGroup");
        let items = read::list(resource, &["ipConfigurations"])?;
        let endpoints = items.iter().enumerate().map(|(place, item)| {
            let path = format!("ipConfigurations[{place}]");
            let properties = item.get("properties").ok_or_else(|| read::malformed(resource, &path, "it has no properties"))?;
            Ok(Self::new(resource, path, properties, group.clone()))
        });
        endpoints.collect()
    }

    /// The endpoints that the interfaces of a scale set's machines have.
    pub(crate) fn of_scale_set(resource: &'a Resource) -> Result<Vec<Self>, Why> {
        let base = ["virtualMachineProfile", "networkProfile", "networkInterfaceConfigurations"];
        let mut endpoints = Vec::new();
        for (place, item) in read::list(resource, &base)?.iter().enumerate() {
            let path = format!("{}[{place}]", base.join("."));
            let wrong = |problem| read::malformed(resource, &path, problem);
            let interface = item.get("properties").ok_or_else(|| wrong("it has no properties"))?;
            let items = interface.get("ipConfigurations").and_then(Value::as_array);
            for (nth, item) in items.ok_or_else(|| wrong("it has no address configurations"))?.iter().enumerate() {
                let properties = item.get("properties").ok_or_else(|| wrong("an address configuration has no properties"))?;
                let path = format!("{path}.properties.ipConfigurations[{nth}]");
                endpoints.push(Self::new(resource, path, properties, Ok(pointed(interface, "networkSecurityGroup"))));
            }
        }
        Ok(endpoints)
    }

    fn new(resource: &'a Resource, path: String, properties: &'a Value, group: Result<Option<&'a str>, Why>) -> Self {
        let text = |key: &str| properties.get(key).and_then(Value::as_str);
        let is_v6 = text("privateIPAddressVersion").is_some_and(|version| version.eq_ignore_ascii_case("IPv6"));
        let address = match text("privateIPAddress").and_then(|text| text.parse().ok()) {
            Some(address) => Address::Known(address),
            None => {
                let operation = format!("read the private address of {path} of {}", resource.id);
                Address::Unknown(read::why(UnreadableKind::NotYetKnown, &operation, "it has none yet"))
            }
        };
        let subnet = pointed(properties, "subnet").ok_or_else(|| read::malformed(resource, &path, "it names no subnet"));
        let groups = pointed_all(properties, "applicationSecurityGroups").into_iter().map(str::to_ascii_lowercase).collect();
        Self {
            resource,
            path,
            properties,
            family: if is_v6 { Family::V6 } else { Family::V4 },
            subnet,
            address,
            group,
            application_groups: Ok(groups),
        }
    }

    /// What its network security groups and its subnet let through; security admin rules, where there may be some, leave it open.
    pub(crate) fn openings(&self, networks: &Networks<'a>, asked: &Asked<'_>, unguarded: &Unguarded) -> Vec<Opening> {
        let subnet = self.subnet.clone().and_then(|id| networks.subnet(id));
        let network = subnet.as_ref().ok().map(|subnet| subnet.network.as_str());
        if let Some(why) = network.and_then(|network| networks.admin_doubt(network)) {
            return vec![self.everything(asked, Some(why))];
        }
        let table = subnet.clone().and_then(|subnet| subnet.table.as_deref().map(|id| networks.table(id)).transpose());
        let table = match &table {
            Ok(Some(table)) => (**table).as_ref().map(Some).map_err(Why::clone),
            Ok(None) => Ok(None),
            Err(why) => Err(Arc::clone(why)),
        };
        let routed = table.clone().map(|table| table.map(Routes::routed).unwrap_or_default());
        let address = match (&self.address, &subnet) {
            (Address::Unknown(_), Ok(Subnet { ranges, .. })) if !ranges.is_empty() => Address::Within(ranges.clone()),
            (address, _) => address.clone(),
        };
        let target = Target { address, groups: &self.application_groups, routed: &routed };
        let of_subnet = subnet.clone().map(|subnet| subnet.group.as_deref());

        let mut openings: Option<Vec<Opening>> = None;
        for group in [&of_subnet, &self.group] {
            let through = match group {
                Ok(None) => continue,
                Ok(Some(id)) => self.through_group(networks, id, asked, &target),
                Err(why) => vec![self.everything(asked, Some(Arc::clone(why)))],
            };
            openings = Some(openings.map_or_else(|| through.clone(), |before| rules::through_both(&before, &through)));
        }
        let mut openings = openings.unwrap_or_else(|| match unguarded {
            Unguarded::Open(evidence) => vec![Opening { evidence: evidence.clone(), ..self.everything(asked, None) }],
            Unguarded::Closed => Vec::new(),
            Unguarded::Unknown(why) => vec![self.everything(asked, Some(Arc::clone(why)))],
        });
        if matches!(asked, Asked::Internet) {
            match &table {
                Ok(None) => {}
                Ok(Some(table)) => {
                    if let Some(answered) = table.answered(self.family) {
                        openings = rules::through_both(&openings, &answered);
                    }
                    let detour = table.detour();
                    openings.iter_mut().for_each(|opening| opening.evidence.extend(detour.clone()));
                }
                Err(why) => openings.iter_mut().for_each(|opening| opening.doubt = Some(Arc::clone(why))),
            }
        }
        openings
    }

    /// Whether neither its interface nor its subnet has a network security group.
    pub(crate) fn is_without_group(&self, networks: &Networks<'a>) -> Result<bool, Why> {
        let of_subnet = self.subnet.clone().and_then(|id| networks.subnet(id)).map(|subnet| subnet.group.as_deref());
        match (&self.group, of_subnet) {
            (Ok(Some(_)), _) | (_, Ok(Some(_))) => Ok(false),
            (Ok(None), Ok(None)) => Ok(true),
            (Err(why), _) => Err(Arc::clone(why)),
            (_, Err(why)) => Err(why),
        }
    }

    /// The same, reached under the public address: a floating address is not translated to the private one.
    pub(crate) fn floating(&self) -> Self {
        let operation = format!("compare destinations with what comes to {} of {}", self.path, self.resource.id);
        let message = "a floating address keeps the public address as destination";
        Self { address: Address::Foreign(read::why(UnreadableKind::NotYetKnown, &operation, message)), ..self.clone() }
    }

    /// All traffic that is asked about.
    pub(crate) fn everything(&self, asked: &Asked<'_>, doubt: Option<Why>) -> Opening {
        let origin = match (asked, self.family) {
            (Asked::Inside(origin), _) => (*origin).clone(),
            (Asked::Internet, Family::V4) => Origin::Net(IpNet::V4(Ipv4Net::default())),
            (Asked::Internet, Family::V6) => Origin::Net(IpNet::V6(Ipv6Net::default())),
        };
        Opening { origin, traffic: Traffic::all(), evidence: Vec::new(), doubt }
    }

    fn through_group(&self, networks: &Networks<'a>, id: &str, asked: &Asked<'_>, target: &Target<'_>) -> Vec<Opening> {
        let openings = networks.group(id).and_then(|group| match asked {
            Asked::Internet => group.opened_to_internet(self.family, target).map(|openings| openings.into_owned()),
            Asked::Inside(origin) => group.rules.as_ref().map(|rules| rules::opened(rules, origin, target)).map_err(Why::clone),
        });
        openings.unwrap_or_else(|why| vec![self.everything(asked, Some(why))])
    }
}

/// The id that a member below `properties` points at; `None` when it is known to point at nothing.
pub(crate) fn id_at<'a>(resource: &'a Resource, member: &str) -> Result<Option<&'a str>, Why> {
    match read::get(resource, &[member])? {
        None => Ok(None),
        Some(pointer) => {
            let id = pointer.get("id").and_then(Value::as_str).filter(|id| !id.is_empty());
            id.map(Some).ok_or_else(|| read::malformed(resource, member, "it has no id"))
        }
    }
}
