use std::collections::BTreeMap;

use serde_json::{Value, json};
use skywarden_model::{Evidence, Resource};

use super::{
    endpoints::{Asked, Endpoint, Unguarded},
    networks::{Networks, folded, pointed},
    rules::{Address, Opening},
};
use crate::{
    network::Traffic,
    ports::PortSet,
    reach::Family,
    read::{self, Why},
    sheet::seen,
};

/// What an application gateway lets in, and the ports of its public listeners.
///
/// Without a network security group its subnet is open, whatever the SKU of its address. What lies behind it is reached through the
/// gateway alone: its web application firewall is named in the chain.
pub(crate) fn openings<'a>(resource: &'a Resource, networks: &Networks<'a>) -> Result<(Vec<Opening>, Vec<u16>), Why> {
    let mut public = BTreeMap::new();
    for (place, item) in read::list(resource, &["frontendIPConfigurations"])?.iter().enumerate() {
        let address = item.get("properties").and_then(|properties| pointed(properties, "publicIPAddress"));
        if let (Some(id), Some(address)) = (item.get("id").and_then(Value::as_str), address) {
            public.insert(folded(id), (place, address));
        }
    }
    let mut ports = BTreeMap::new();
    for item in read::list(resource, &["frontendPorts"])? {
        let port = item.pointer("/properties/port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
        if let Some((id, port)) = item.get("id").and_then(Value::as_str).zip(port) {
            ports.insert(folded(id), port);
        }
    }
    let guards = firewalls(resource);
    let mut openings = Vec::new();
    let mut own_ports = Vec::new();
    for list in ["httpListeners", "listeners"] {
        for (place, item) in read::list(resource, &[list])?.iter().enumerate() {
            let path = format!("{list}[{place}]");
            let wrong = |problem| read::malformed(resource, &path, problem);
            let properties = item.get("properties").ok_or_else(|| wrong("it has no properties"))?;
            let frontend = pointed(properties, "frontendIPConfiguration").ok_or_else(|| wrong("it names no frontend"))?;
            let Some((frontend, address)) = public.get(&folded(frontend)) else { continue };
            let port = pointed(properties, "frontendPort").and_then(|id| ports.get(&folded(id)).copied());
            let port = port.ok_or_else(|| wrong("its port is not among `frontendPorts`"))?;
            own_ports.push(port);
            let first = [
                seen(resource, format!("frontendIPConfigurations[{frontend}]"), "a public address", json!(address)),
                seen(resource, path.clone(), "a listener at a public address", json!(port)),
            ];
            let own = item.pointer("/properties/firewallPolicy/id").map(|policy| {
                seen(
                    resource,
                    format!("{path}.properties.firewallPolicy.id"),
                    "a web application firewall looks at it",
                    policy.clone(),
                )
            });
            let traffic = Traffic { tcp: PortSet::range(port, port), udp: PortSet::default() };
            for endpoint in subnets(resource)? {
                for opening in endpoint.openings(networks, &Asked::Internet, &Unguarded::Open(Vec::new())) {
                    let traffic = opening.traffic.intersection(&traffic);
                    let guards = own.iter().chain(&guards).take(1);
                    let evidence = first.iter().chain(guards).cloned().chain(opening.evidence).collect();
                    openings.push(Opening { traffic, evidence, ..opening });
                }
            }
        }
    }
    Ok((openings, own_ports))
}

/// The web application firewall before all listeners.
fn firewalls(resource: &Resource) -> Vec<Evidence> {
    let policy = read::get(resource, &["firewallPolicy", "id"]).ok().flatten().map(|id| ("firewallPolicy.id", id));
    let enabled = read::get(resource, &["webApplicationFirewallConfiguration", "enabled"]).ok().flatten();
    let enabled =
        enabled.filter(|enabled| **enabled == json!(true)).map(|it| ("webApplicationFirewallConfiguration.enabled", it));
    let found = policy.or(enabled);
    found
        .into_iter()
        .map(|(field, value)| seen(resource, field, "a web application firewall looks at it", value.clone()))
        .collect()
}

/// The subnets that it lies in, as places that traffic comes to.
fn subnets(resource: &Resource) -> Result<Vec<Endpoint<'_>>, Why> {
    let items = read::list(resource, &["gatewayIPConfigurations"])?;
    let endpoints = items.iter().enumerate().map(|(place, item)| {
        let path = format!("gatewayIPConfigurations[{place}]");
        let properties = item.get("properties").ok_or_else(|| read::malformed(resource, &path, "it has no properties"))?;
        let subnet = pointed(properties, "subnet").ok_or_else(|| read::malformed(resource, &path, "it names no subnet"));
        Ok(in_subnet(resource, path, subnet))
    });
    let endpoints: Vec<Endpoint<'_>> = endpoints.collect::<Result<_, Why>>()?;
    if endpoints.is_empty() {
        Err(read::malformed(resource, "gatewayIPConfigurations", "it lies in no subnet"))
    } else {
        Ok(endpoints)
    }
}

/// A service of Azure that lies somewhere in a subnet.
pub(crate) fn in_subnet<'a>(resource: &'a Resource, path: String, subnet: Result<&'a str, Why>) -> Endpoint<'a> {
    let address = Address::Unknown(read::malformed(resource, &path, "the service's own address is not told"));
    Endpoint {
        resource,
        path,
        properties: &Value::Null,
        family: Family::V4,
        subnet,
        address,
        group: Ok(None),
        application_groups: Ok(Vec::new()),
    }
}
