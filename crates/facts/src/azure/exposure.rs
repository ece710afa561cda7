//! How the internet reaches what lies in networks of Azure, and its managed services.
//!
//! Traffic comes to a private address by a public address of its own, by a load balancer, or by a firewall that translates
//! addresses; on the way the network security groups of the subnet and of the interface both have to let it in. A NAT gateway and
//! Azure Bastion let nobody in. Routes that lead to an appliance close nothing (`routes`). What an appliance that is no service of
//! Azure passes on is not seen, nor what comes by an application gateway, which is exposed itself.

mod balancers;
mod endpoints;
mod firewalls;
mod gateways;
mod gathered;
mod groups;
mod managed;
mod managers;
mod networks;
mod routes;
mod rules;
mod sku;

use std::sync::Arc;

use serde_json::{Value, json};
use skywarden_content::SettingsExposure;
use skywarden_model::{Resource, UnreadableKind};

pub(crate) use self::networks::{Index, Networks};
use self::{
    balancers::Translation,
    endpoints::{Asked, Endpoint, Unguarded},
    gathered::Gathered,
    networks::{BALANCER, GATEWAY, INTERFACE, MACHINE, PUBLIC_ADDRESS, SCALE_SET, pointed},
    rules::Opening,
};
use crate::{
    exposure::fact,
    read::{self, Why},
    sheet::{Fact, seen},
};

/// Machines of the classic deployment model: their endpoints are not read.
const CLASSIC_MACHINE: &str = "Microsoft.ClassicCompute/virtualMachines";

/// How the internet reaches a resource of Azure; `settings` are of types whose collectors tell which of them decide.
pub(crate) fn exposure<'a>(resource: &'a Resource, settings: Option<&SettingsExposure>, networks: &Networks<'a>) -> Option<Fact> {
    match resource.type_name.as_str() {
        MACHINE => Some(machine(resource, networks)),
        SCALE_SET => Some(fact(&scale_set(resource, networks).into_reach(), &[])),
        INTERFACE => Some(interface(resource, networks)),
        BALANCER => Some(with_ports(balancers::own_openings(resource, networks))),
        GATEWAY => Some(with_ports(gateways::openings(resource, networks))),
        CLASSIC_MACHINE => {
            let message = "the endpoints of classic machines are not read; Azure has retired them";
            let mut found = Gathered::default();
            found.doubt(read::why(UnreadableKind::NotCarried, &format!("read the endpoints of {}", resource.id), message));
            Some(fact(&found.into_reach(), &[]))
        }
        _ => settings.map(|settings| managed::managed(resource, settings, networks)),
    }
}

fn machine<'a>(resource: &'a Resource, networks: &Networks<'a>) -> Fact {
    let (endpoints, doubts) = endpoints_of(resource, networks);
    guarded(&endpoints, doubts, networks)
}

fn interface<'a>(resource: &'a Resource, networks: &Networks<'a>) -> Fact {
    match Endpoint::of_interface(resource) {
        Ok(endpoints) => guarded(&endpoints, Vec::new(), networks),
        Err(why) => guarded(&[], vec![why], networks),
    }
}

/// What reaches some endpoints, and whether they have public addresses and network security groups at all.
fn guarded<'a>(endpoints: &[Endpoint<'a>], doubts: Vec<Why>, networks: &Networks<'a>) -> Fact {
    let mut found = Gathered::default();
    endpoints.iter().for_each(|endpoint| add(&mut found, endpoint, networks));
    let any = |answers: Vec<Result<bool, Why>>| {
        if answers.iter().any(|answer| matches!(answer, Ok(true))) {
            return Ok(json!(true));
        }
        match answers.into_iter().find_map(Result::err).or_else(|| doubts.first().cloned()) {
            Some(why) => Err(why),
            None => Ok(json!(false)),
        }
    };
    let public = any(endpoints.iter().map(|endpoint| has_public_address(endpoint, networks)).collect());
    let without_group = any(endpoints.iter().map(|endpoint| endpoint.is_without_group(networks)).collect());
    doubts.into_iter().for_each(|why| found.doubt(why));
    let mut fact = fact(&found.into_reach(), &[]);
    fact.set("publicAddress", public);
    fact.set("withoutGroup", without_group);
    fact
}

/// Whether an endpoint has a public address of its own, or one of a load balancer that leads to it.
fn has_public_address<'a>(endpoint: &Endpoint<'a>, networks: &Networks<'a>) -> Result<bool, Why> {
    if own_address(endpoint, networks).is_some() {
        return Ok(true);
    }
    let (led, doubts) = balancers::led_to(endpoint, networks);
    match doubts.into_iter().next() {
        Some(why) if led.is_empty() => Err(why),
        _ => Ok(!led.is_empty()),
    }
}

fn add_machine<'a>(found: &mut Gathered, resource: &'a Resource, networks: &Networks<'a>) {
    let (endpoints, doubts) = endpoints_of(resource, networks);
    endpoints.iter().for_each(|endpoint| add(found, endpoint, networks));
    doubts.into_iter().for_each(|why| found.doubt(why));
}

/// The private addresses of a machine, and why some may not be known.
fn endpoints_of<'a>(resource: &'a Resource, networks: &Networks<'a>) -> (Vec<Endpoint<'a>>, Vec<Why>) {
    let (mut endpoints, mut doubts) = (Vec::new(), Vec::new());
    match read::list(resource, &["networkProfile", "networkInterfaces"]) {
        Err(why) => doubts.push(why),
        Ok(items) => {
            for (place, item) in items.iter().enumerate() {
                let path = format!("networkProfile.networkInterfaces[{place}]");
                let id = item.get("id").and_then(Value::as_str);
                let id = id.ok_or_else(|| read::malformed(resource, &path, "it has no id"));
                match id.and_then(|id| networks.resource(INTERFACE, id)).and_then(Endpoint::of_interface) {
                    Ok(own) => endpoints.extend(own),
                    Err(why) => doubts.push(why),
                }
            }
        }
    }
    (endpoints, doubts)
}

/// What reaches the machines that it makes by its profile, and those that were put into it.
fn scale_set<'a>(resource: &'a Resource, networks: &Networks<'a>) -> Gathered {
    let mut found = Gathered::default();
    match Endpoint::of_scale_set(resource) {
        Ok(endpoints) => endpoints.iter().for_each(|endpoint| add(&mut found, endpoint, networks)),
        Err(why) => found.doubt(why),
    }
    let mode = read::text(resource, &["orchestrationMode"]);
    if mode.as_ref().is_ok_and(|mode| mode.is_none_or(|mode| mode.eq_ignore_ascii_case("Uniform"))) {
        return found;
    }
    for member in networks.members(resource.id.as_str()) {
        add_machine(&mut found, member, networks);
    }
    if let Some(why) = networks.unseen(MACHINE, &resource.scope.account) {
        found.doubt(why);
    }
    found
}

/// All that reaches one endpoint.
fn add<'a>(found: &mut Gathered, endpoint: &Endpoint<'a>, networks: &Networks<'a>) {
    if let Some((unguarded, first)) = own_address(endpoint, networks) {
        for opening in endpoint.openings(networks, &Asked::Internet, &unguarded) {
            let evidence = std::iter::once(first.clone()).chain(opening.evidence).collect();
            found.add(Opening { evidence, ..opening });
        }
    }
    let (led, doubts) = balancers::led_to(endpoint, networks);
    for way in led {
        let floating = (way.translation == Translation::Floating).then(|| endpoint.floating());
        let endpoint = floating.as_ref().unwrap_or(endpoint);
        for opening in endpoint.openings(networks, &Asked::Internet, &way.unguarded) {
            let traffic = opening.traffic.intersection(&way.traffic);
            let evidence = way.evidence.iter().cloned().chain(opening.evidence).collect();
            found.add(Opening { traffic, evidence, ..opening });
        }
    }
    for why in doubts {
        for opening in endpoint.openings(networks, &Asked::Internet, &Unguarded::Unknown(Arc::clone(&why))) {
            found.add(Opening { doubt: Some(Arc::clone(&why)), ..opening });
        }
    }
    for opening in firewalls::translated_to(endpoint, networks) {
        found.add(opening);
    }
}

/// The public address of an endpoint itself, and what it lets in where no network security group is.
fn own_address<'a>(endpoint: &Endpoint<'a>, networks: &Networks<'a>) -> Option<(Unguarded, skywarden_model::Evidence)> {
    let (id, member) = match pointed(endpoint.properties, "publicIPAddress") {
        Some(id) => (id, "publicIPAddress"),
        None => {
            let made = endpoint.properties.get("publicIPAddressConfiguration").filter(|made| !made.is_null())?;
            let path = format!("{}.properties.publicIPAddressConfiguration", endpoint.path);
            let name = made.get("name").cloned().unwrap_or(Value::Null);
            let first = seen(endpoint.resource, path.clone(), "a public address for each machine", name);
            let unguarded = match made.pointer("/sku/name").and_then(Value::as_str) {
                Some(sku) if sku.eq_ignore_ascii_case("Basic") => {
                    let field = format!("{path}.sku.name");
                    let expected = "basic, which is open where no network security group is";
                    Unguarded::Open(vec![seen(endpoint.resource, field, expected, json!(sku))])
                }
                Some(_) => Unguarded::Closed,
                None => Unguarded::Unknown(read::malformed(endpoint.resource, &path, "the address has no SKU")),
            };
            return Some((unguarded, first));
        }
    };
    let unguarded = networks.resource(PUBLIC_ADDRESS, id).map_or_else(Unguarded::Unknown, sku::unguarded);
    let field = format!("{}.properties.{member}.id", endpoint.path);
    Some((unguarded, seen(endpoint.resource, field, "a public address", json!(id))))
}

/// What reaches something that has its own ports.
fn with_ports(openings: Result<(Vec<Opening>, Vec<u16>), Why>) -> Fact {
    let mut found = Gathered::default();
    match openings {
        Ok((openings, ports)) => {
            openings.into_iter().for_each(|opening| found.add(opening));
            fact(&found.into_reach(), &ports)
        }
        Err(why) => {
            found.doubt(why);
            fact(&found.into_reach(), &[])
        }
    }
}
