use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use serde_json::{Value, json};
use skywarden_model::{Evidence, Resource, UnreadableKind};

use super::{
    endpoints::{Asked, Endpoint, Unguarded},
    groups::traffic,
    networks::{BALANCER, INTERFACE, Networks, SCALE_SET, folded, pointed, pointed_all},
    rules::Opening,
    sku::unguarded,
};
use crate::{
    network::Traffic,
    ports::PortSet,
    read::{self, Why},
    sheet::seen,
};

/// A load balancer: which ports of its public addresses lead to which ports of whom.
///
/// It passes traffic on as it came, so that the network security groups of what is behind it see the client's address.
pub(crate) struct Balancer {
    ways: Vec<Way>,
    /// By what an address configuration names (a pool, a NAT rule, a NAT pool; folded): the places of its ways.
    by_name: BTreeMap<String, Vec<usize>>,
    /// Pools, folded, with their members.
    pools: BTreeMap<String, Value>,
    unguarded: Unguarded,
}

/// A rule from a public address.
struct Way {
    front: Traffic,
    back: Traffic,
    /// The pools, or the one configuration, that it leads to; folded.
    pools: Vec<String>,
    configuration: Option<String>,
    translation: Translation,
    evidence: Evidence,
}

/// What becomes of the destination of traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Translation {
    /// It is the private address behind the balancer.
    Private,
    /// It stays the public address.
    Floating,
}

/// What comes to an endpoint by a balancer.
pub(crate) struct Led {
    pub(crate) traffic: Traffic,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) unguarded: Unguarded,
    pub(crate) translation: Translation,
}

impl Balancer {
    pub(crate) fn new(resource: &Resource) -> Result<Self, Why> {
        let mut balancer =
            Self { ways: Vec::new(), by_name: BTreeMap::new(), pools: BTreeMap::new(), unguarded: unguarded(resource) };
        let mut public = BTreeMap::new();
        for (place, item) in read::list(resource, &["frontendIPConfigurations"])?.iter().enumerate() {
            let wrong = |problem| read::malformed(resource, &format!("frontendIPConfigurations[{place}]"), problem);
            let id = item.get("id").and_then(Value::as_str).ok_or_else(|| wrong("it has no id"))?;
            let properties = item.get("properties").ok_or_else(|| wrong("it has no properties"))?;
            let address = ["publicIPAddress", "publicIPPrefix"].into_iter().find_map(|member| pointed(properties, member));
            public.insert(folded(id), address);
        }
        for item in read::list(resource, &["backendAddressPools"])? {
            if let Some(id) = item.get("id").and_then(Value::as_str) {
                balancer.pools.insert(id.to_ascii_lowercase(), item.get("properties").cloned().unwrap_or_default());
            }
        }
        for list in ["loadBalancingRules", "inboundNatRules", "inboundNatPools"] {
            for (place, item) in read::list(resource, &[list])?.iter().enumerate() {
                let path = format!("{list}[{place}]");
                let wrong = |problem: &str| read::malformed(resource, &path, problem);
                let properties = item.get("properties").ok_or_else(|| wrong("it has no properties"))?;
                let frontend = pointed(properties, "frontendIPConfiguration").ok_or_else(|| wrong("it names no frontend"))?;
                let address = public.get(&folded(frontend)).ok_or_else(|| wrong("its frontend does not exist"))?;
                let Some(address) = address else { continue };
                let id = item.get("id").and_then(Value::as_str).ok_or_else(|| wrong("it has no id"))?;
                let way = way(resource, &path, properties, address).map_err(wrong)?;
                let names = way.pools.iter().cloned().chain([id.to_ascii_lowercase()]);
                for name in names {
                    balancer.by_name.entry(name).or_default().push(balancer.ways.len());
                }
                balancer.ways.push(way);
            }
        }
        Ok(balancer)
    }

    /// The backends that pools name by network and address, each with the id of its pool.
    pub(crate) fn addressed(&self) -> impl Iterator<Item = ((String, IpAddr), String)> {
        let backends =
            self.pools.iter().flat_map(|(pool, properties)| backends(properties).map(move |it| (pool, properties, it)));
        backends.filter_map(|(pool, properties, backend)| {
            let address = backend.get("ipAddress")?.as_str()?.parse().ok()?;
            Some(((network_of(properties, backend)?, address), pool.clone()))
        })
    }

    fn led(&self, name: &str) -> impl Iterator<Item = Led> {
        let places = self.by_name.get(name).into_iter().flatten();
        places.filter_map(|place| self.ways.get(*place)).map(|way| Led {
            traffic: way.back.clone(),
            evidence: vec![way.evidence.clone()],
            unguarded: self.unguarded.clone(),
            translation: way.translation,
        })
    }
}

impl Way {
    /// What has to come to the balancer so that this comes out behind it; a rule for all ports leaves them as they are.
    fn before(&self, traffic: &Traffic) -> Traffic {
        let open = traffic.intersection(&self.back);
        let ports = |back: &PortSet, front: &PortSet, open: &PortSet| {
            if back.is_all() {
                front.intersection(open)
            } else if *open == PortSet::default() {
                PortSet::default()
            } else {
                front.clone()
            }
        };
        Traffic { tcp: ports(&self.back.tcp, &self.front.tcp, &open.tcp), udp: ports(&self.back.udp, &self.front.udp, &open.udp) }
    }
}

/// The ways by which balancers lead to an endpoint, and why there may be more.
pub(crate) fn led_to(endpoint: &Endpoint<'_>, networks: &Networks<'_>) -> (Vec<Led>, Vec<Why>) {
    let mut led = Vec::new();
    let mut doubts = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for member in ["loadBalancerBackendAddressPools", "loadBalancerInboundNatRules", "loadBalancerInboundNatPools"] {
        names.extend(pointed_all(endpoint.properties, member).into_iter().map(str::to_ascii_lowercase));
    }
    let subnet = endpoint.subnet.as_ref().ok().and_then(|id| networks.subnet(id).ok());
    if let super::rules::Address::Known(address) = &endpoint.address
        && let Some(subnet) = subnet
    {
        names.extend(networks.addressed_pools(&subnet.network, *address).iter().cloned());
    }
    names.sort_unstable();
    names.dedup();
    for name in &names {
        let id = balancer_of(name);
        match networks.balancer(id).as_deref() {
            Ok(Ok(balancer)) => led.extend(balancer.led(name)),
            Ok(Err(why)) | Err(why) => doubts.push(Arc::clone(why)),
        }
    }
    // A pool that was not seen may name the endpoint by its address.
    doubts.extend(networks.unseen(BALANCER, &endpoint.resource.scope.account));
    (led, doubts)
}

/// What of its own public ports a balancer passes on to something that lets it in.
pub(crate) fn own_openings<'a>(resource: &'a Resource, networks: &Networks<'a>) -> Result<(Vec<Opening>, Vec<u16>), Why> {
    let balancer = networks.balancer(resource.id.as_str())?;
    let balancer = (*balancer).as_ref().map_err(Why::clone)?;
    let mut openings = Vec::new();
    let mut ports = Vec::new();
    let mut members: BTreeMap<&str, Vec<Result<Endpoint<'a>, Why>>> = BTreeMap::new();
    for way in &balancer.ways {
        ports.extend(single_ports(&way.front));
        let own = way.configuration.iter().map(|id| endpoints(id, networks)).collect::<Vec<_>>();
        let mut behind: Vec<&Result<Endpoint<'a>, Why>> = own.iter().flatten().collect();
        for pool in &way.pools {
            let missing = || read::malformed(resource, "backendAddressPools", "a rule names a pool that does not exist");
            let properties = balancer.pools.get(pool).ok_or_else(missing)?;
            members.entry(pool).or_insert_with(|| pool_members(properties, networks));
        }
        behind.extend(way.pools.iter().filter_map(|pool| members.get(pool.as_str())).flatten());
        for endpoint in behind {
            match endpoint {
                Err(why) => openings.push(Opening {
                    origin: super::rules::Origin::Net(ipnet::IpNet::V4(ipnet::Ipv4Net::default())),
                    traffic: way.front.clone(),
                    evidence: Vec::new(),
                    doubt: Some(Arc::clone(why)),
                }),
                Ok(endpoint) => {
                    let floating = (way.translation == Translation::Floating).then(|| endpoint.floating());
                    let endpoint = floating.as_ref().unwrap_or(endpoint);
                    for opening in endpoint.openings(networks, &Asked::Internet, &balancer.unguarded) {
                        let evidence = std::iter::once(way.evidence.clone()).chain(opening.evidence).collect();
                        openings.push(Opening { traffic: way.before(&opening.traffic), evidence, ..opening });
                    }
                }
            }
        }
    }
    Ok((openings, ports))
}

fn way(resource: &Resource, path: &str, properties: &Value, address: &str) -> Result<Way, &'static str> {
    let port = |key: &str| properties.get(key).and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
    // Port 0 means all of them.
    let range = |port: u16| if port == 0 { PortSet::all() } else { PortSet::range(port, port) };
    let back = range(port("backendPort").ok_or("it has no backend port")?);
    let front = match (port("frontendPort"), port("frontendPortRangeStart"), port("frontendPortRangeEnd")) {
        (_, Some(from), Some(to)) if from > 0 => PortSet::range(from, to),
        (Some(port), ..) => range(port),
        _ => return Err("it has no frontend port"),
    };
    let protocol = properties.get("protocol").and_then(Value::as_str).ok_or("it has no protocol")?;
    let mut pools = pointed_all(properties, "backendAddressPools");
    pools.extend(pointed(properties, "backendAddressPool"));
    let mut pools: Vec<String> = pools.into_iter().map(str::to_ascii_lowercase).collect();
    pools.sort_unstable();
    pools.dedup();
    let expected = "a rule from a public address of the load balancer";
    let evidence = seen(resource, path.to_owned(), expected, json!(address));
    let is_floating = properties.get("enableFloatingIP").and_then(Value::as_bool) == Some(true);
    Ok(Way {
        translation: if is_floating { Translation::Floating } else { Translation::Private },
        front: traffic(protocol, front),
        back: traffic(protocol, back),
        pools,
        configuration: pointed(properties, "backendIPConfiguration").map(str::to_ascii_lowercase),
        evidence,
    })
}

fn pool_members<'a>(properties: &Value, networks: &Networks<'a>) -> Vec<Result<Endpoint<'a>, Why>> {
    let mut ids: Vec<String> =
        pointed_all(properties, "backendIPConfigurations").into_iter().map(str::to_ascii_lowercase).collect();
    let mut members = Vec::new();
    for backend in backends(properties) {
        if let Some(id) = pointed(backend, "networkInterfaceIPConfiguration") {
            ids.push(id.to_ascii_lowercase());
            continue;
        }
        let address = backend.get("ipAddress").and_then(Value::as_str).and_then(|text| text.parse::<IpAddr>().ok());
        let Some((network, address)) = network_of(properties, backend).zip(address) else { continue };
        let found = networks.addressed_interfaces(address).find_map(|(interface, place)| {
            let endpoint = Endpoint::of_interface(interface).ok()?.into_iter().nth(place)?;
            let is_there = endpoint.subnet.as_ref().ok().and_then(|id| networks.subnet(id).ok())?.network == network;
            is_there.then_some(endpoint)
        });
        let message = "no interface with this address was seen in the network";
        members.push(found.ok_or_else(|| {
            read::why(UnreadableKind::NotYetKnown, &format!("find what has the address {address} in {network}"), message)
        }));
    }
    ids.sort_unstable();
    ids.dedup();
    // All machines of a scale set are alike: they are looked at once.
    let mut last = "";
    for id in &ids {
        let set = id.split_once("/virtualmachines/").map_or(id.as_str(), |(set, _)| set);
        if set != last {
            members.extend(endpoints(id, networks));
        }
        last = set;
    }
    members
}

/// The endpoints that an id of an address configuration stands for: one, or those of all machines of a scale set.
fn endpoints<'a>(id: &str, networks: &Networks<'a>) -> Vec<Result<Endpoint<'a>, Why>> {
    let wrong = || read::why(UnreadableKind::Failed, &format!("find {id}"), "this is no id of an address configuration");
    let found = if let Some((set, _)) = id.split_once("/virtualmachines/").filter(|(set, _)| is_scale_set(set)) {
        networks.resource(SCALE_SET, set).and_then(Endpoint::of_scale_set)
    } else {
        id.split_once("/ipconfigurations/").ok_or_else(wrong).and_then(|(interface, name)| {
            let interface = networks.resource(INTERFACE, interface)?;
            let items = read::list(interface, &["ipConfigurations"])?;
            let is_named =
                |item: &Value| item.get("name").and_then(Value::as_str).is_some_and(|it| it.eq_ignore_ascii_case(name));
            let place = items.iter().position(is_named).ok_or_else(|| networks.missing(INTERFACE, id))?;
            Ok(Endpoint::of_interface(interface)?.into_iter().skip(place).take(1).collect())
        })
    };
    match found {
        Ok(endpoints) => endpoints.into_iter().map(Ok).collect(),
        Err(why) => vec![Err(why)],
    }
}

fn is_scale_set(id: &str) -> bool {
    id.contains("/virtualmachinescalesets/")
}

fn backends(properties: &Value) -> impl Iterator<Item = &Value> {
    let list = properties.get("loadBalancerBackendAddresses").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(|item| item.get("properties"))
}

/// The network of a backend that is named by its address.
fn network_of(properties: &Value, backend: &Value) -> Option<String> {
    let subnet =
        pointed(backend, "subnet").and_then(|id| id.to_ascii_lowercase().split_once("/subnets/").map(|it| it.0.to_owned()));
    let own =
        || pointed(backend, "virtualNetwork").or_else(|| pointed(properties, "virtualNetwork")).map(str::to_ascii_lowercase);
    subnet.or_else(own)
}

/// The balancer of a pool, a rule or a NAT pool.
fn balancer_of(name: &str) -> &str {
    ["/backendaddresspools/", "/inboundnatrules/", "/inboundnatpools/"]
        .into_iter()
        .find_map(|below| name.split_once(below))
        .map_or(name, |(balancer, _)| balancer)
}

fn single_ports(traffic: &Traffic) -> Vec<u16> {
    [&traffic.tcp, &traffic.udp].into_iter().filter_map(PortSet::only).collect()
}
