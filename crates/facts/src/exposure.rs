use std::sync::Arc;

use ipnet::IpNet;
use serde_json::{Value, json};
use skywarden_content::ExposurePaths;
use skywarden_model::{Evidence, Resource, UnreadableKind};

use crate::{
    access::lambda_public,
    network::{Network, Traffic},
    ports::PortSet,
    reach::{Family, Flow, Reach, everything, through_groups, through_subnet},
    read::{self, Why},
    sheet::{Fact, seen, unseen},
};

const MANAGEMENT_PORTS: [u16; 4] = [22, 3389, 5985, 5986];

/// Ports of services that hold data or administer a machine; of a range of open ports these are named singly.
const NAMED_PORTS: [u16; 39] = [
    20, 21, 22, 23, 25, 80, 111, 135, 137, 138, 139, 389, 443, 445, 636, 1433, 1434, 1521, 2049, 2375, 2376, 2379, 3306, 3389,
    4333, 5432, 5439, 5500, 5601, 5900, 5985, 5986, 6379, 8080, 9092, 9200, 9300, 11211, 27017,
];

/// How the internet reaches a resource; `paths` are of types whose collectors tell where to look.
pub(crate) fn exposure(resource: &Resource, paths: Option<&ExposurePaths>, network: &Network<'_>) -> Option<Fact> {
    match resource.type_name.as_str() {
        "AWS::EC2::Instance" => Some(fact(&instance(resource, network), &[])),
        "AWS::ElasticLoadBalancingV2::LoadBalancer" => Some(load_balancer(resource, network)),
        "AWS::Lambda::Function" => Some(function(resource)),
        _ => paths.map(|paths| managed(resource, paths, network)),
    }
}

fn instance(resource: &Resource, network: &Network<'_>) -> Reach {
    let mut reach = Reach::default();
    let top_subnet = required(resource, &["SubnetId"]);
    let top_groups = read::list(resource, &["SecurityGroups"]).map(|groups| read::column(groups, "GroupId"));
    let interfaces = read::list(resource, &["NetworkInterfaces"]);
    let public = read::text(resource, &["PublicIpAddress"]);
    match interfaces {
        Ok(interfaces) if !interfaces.is_empty() => {
            for (position, interface) in interfaces.iter().enumerate() {
                let field = |key: &str| interface.get(key).and_then(Value::as_array).map_or(&[] as &[Value], Vec::as_slice);
                let subnet = interface.get("SubnetId").and_then(Value::as_str).map_or_else(|| top_subnet.clone(), Ok);
                let groups = read::column(field("Groups"), "GroupId");
                let groups = if groups.is_empty() { groups_of(top_groups.clone()) } else { Ok(groups) };
                let v4 = std::iter::once(interface)
                    .chain(field("PrivateIpAddresses"))
                    .find_map(|address| address.get("Association").and_then(|it| it.get("PublicIp")).and_then(Value::as_str));
                let v6 = read::column(field("Ipv6Addresses"), "Ipv6Address");
                for (family, address) in [(Family::V4, v4), (Family::V6, v6.first().copied())] {
                    let Some(address) = address else { continue };
                    let path = format!("NetworkInterfaces[{position}]");
                    let first = seen(resource, path, "a public address", json!(address));
                    path_in(
                        &mut reach,
                        network,
                        resource,
                        &Door { family, subnets: vec![subnet.clone()], groups: groups.clone(), first: Some(first), doubt: None },
                    );
                }
            }
        }
        other => {
            let hidden = other.err();
            let groups = groups_of(top_groups);
            let v6 = read::text(resource, &["Ipv6Address"]);
            for (family, address, name) in [(Family::V4, public, "PublicIpAddress"), (Family::V6, v6, "Ipv6Address")] {
                let (first, doubt) = match (address, &hidden) {
                    (Ok(Some(address)), _) => (Some(seen(resource, name, "a public address", json!(address))), None),
                    (Err(why), _) => (None, Some(why)),
                    (Ok(None), Some(why)) => (None, Some(Arc::clone(why))),
                    (Ok(None), None) => continue,
                };
                path_in(
                    &mut reach,
                    network,
                    resource,
                    &Door { family, subnets: vec![top_subnet.clone()], groups: groups.clone(), first, doubt },
                );
            }
            if let Some(why) = hidden {
                // Interfaces that were not seen may lie in other subnets with other groups.
                reach.add(everything(Family::V4, Some(why)));
            }
        }
    }
    reach
}

/// A managed service with a flag for a public address.
fn managed(resource: &Resource, paths: &ExposurePaths, network: &Network<'_>) -> Fact {
    let mut reach = Reach::default();
    let operation = format!("read {} of {}", paths.public, resource.id);
    let names: Vec<&str> = paths.public.split('.').collect();
    let is_public = |value: &Value| match value {
        Value::Bool(flag) => *flag,
        Value::String(text) => paths.public_values.iter().any(|public| public == text),
        _ => false,
    };
    let (first, doubt) = match read::get(resource, &names) {
        Ok(Some(value)) if is_public(value) => (Some(seen(resource, &paths.public, "a public address", value.clone())), None),
        Ok(Some(_)) => return fact(&reach, &[]),
        Ok(None) => (None, Some(read::why(UnreadableKind::NotYetKnown, &operation, "it has no value"))),
        Err(why) => (None, Some(why)),
    };
    let ports = ports(resource, paths);
    let texts = |path: &String| read::texts(resource, path);
    let groups = paths.security_groups.as_ref().map(texts).transpose();
    let subnets = paths.subnets.as_ref().map(texts).transpose();
    let groups = match &groups {
        Ok(None) => Ok(Vec::new()),
        Ok(Some(groups)) => groups_of(Ok(groups.iter().map(String::as_str).collect())),
        Err(why) => Err(Arc::clone(why)),
    };
    // The instance, or its standby after a failover, is in any of the group's subnets.
    let subnets: Option<Vec<Result<&str, Why>>> = match &subnets {
        Ok(None) => None,
        Ok(Some(ids)) if ids.is_empty() => {
            Some(vec![Err(read::malformed(resource, paths.subnets.as_deref().unwrap_or_default(), "it names no subnet"))])
        }
        Ok(Some(ids)) => Some(ids.iter().map(|id| Ok(id.as_str())).collect()),
        Err(why) => Some(vec![Err(Arc::clone(why))]),
    };
    match subnets {
        Some(subnets) => {
            let is_dual =
                read::text(resource, &["NetworkType"]).map(|kind| kind.is_some_and(|kind| kind.eq_ignore_ascii_case("dual")));
            path_of_families(&mut reach, network, resource, Door { family: Family::V4, subnets, groups, first, doubt }, is_dual);
        }
        None => {
            for mut flow in through_groups(network, &groups, Family::V4, resource) {
                flow.doubt = doubt.clone().or(flow.doubt);
                flow.evidence.splice(0..0, first.clone());
                reach.add(flow);
            }
        }
    }
    narrow_to(reach, ports)
}

/// The ports that a managed service listens on.
fn ports(resource: &Resource, paths: &ExposurePaths) -> Result<Vec<u16>, Why> {
    let told = paths.ports.as_ref().map(|path| read::texts(resource, path)).transpose()?.unwrap_or_default();
    let mut ports: Vec<u16> = told.iter().filter_map(|port| port.parse().ok()).filter(|port| *port > 0).collect();
    if ports.is_empty() {
        ports.extend(paths.default_port);
    }
    if ports.is_empty() {
        return Err(read::why(UnreadableKind::NotYetKnown, "read its ports", "it has no port yet"));
    }
    Ok(ports)
}

fn load_balancer(resource: &Resource, network: &Network<'_>) -> Fact {
    let mut reach = Reach::default();
    let (first, doubt) = match read::text(resource, &["Scheme"]) {
        Ok(Some("internet-facing")) => (Some(seen(resource, "Scheme", "a public address", json!("internet-facing"))), None),
        Ok(Some(_)) => return fact(&reach, &[]),
        // A gateway load balancer has no scheme and no address of its own.
        Ok(None) if read::text(resource, &["Type"]) == Ok(Some("gateway")) => return fact(&reach, &[]),
        Ok(None) => (None, Some(read::malformed(resource, "Scheme", "it has no value"))),
        Err(why) => (None, Some(why)),
    };
    let subnets = subnets(resource, &["AvailabilityZones"], "SubnetId");
    let is_network = read::text(resource, &["Type"]).map(|kind| kind == Some("network"));
    let groups = read::list(resource, &["SecurityGroups"]).map(|groups| read::column(groups, "SecurityGroup"));
    let groups = match (groups, is_network) {
        // Only a network load balancer can be without groups; then it filters nothing.
        (Ok(_), Ok(true)) if read::list(resource, &["SecurityGroups"]).is_ok_and(<[Value]>::is_empty) => Ok(Vec::new()),
        (Ok(_), _) => {
            groups_of(read::list(resource, &["SecurityGroups"]).map(|groups| groups.iter().filter_map(Value::as_str).collect()))
        }
        (Err(why), _) => Err(why),
    };
    let is_dual = read::text(resource, &["IpAddressType"]).map(|kind| kind.is_some_and(|kind| kind.starts_with("dualstack")));
    path_of_families(&mut reach, network, resource, Door { family: Family::V4, subnets, groups, first, doubt }, is_dual);
    let ports = read::list(resource, &["Listeners"]).and_then(|listeners| {
        let port_of = |listener: &Value| listener.get("Port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
        let ports: Option<Vec<u16>> = listeners.iter().map(port_of).collect();
        ports.ok_or_else(|| read::malformed(resource, "Listeners", "a listener has no port"))
    });
    narrow_to(reach, ports)
}

/// The function's policy decides: a URL without authentication still needs a statement that lets everyone call it.
fn function(resource: &Resource) -> Fact {
    let mut reach = Reach::default();
    let url = read::text(resource, &["FunctionUrlConfig", "AuthType"]);
    let first = match &url {
        Ok(Some(kind)) => Some(seen(resource, "FunctionUrlConfig.AuthType", "a URL without authentication", json!(kind))),
        _ => None,
    };
    match lambda_public(resource) {
        Ok(None) => {}
        Ok(Some(evidence)) => {
            for family in [Family::V4, Family::V6] {
                let mut flow = everything(family, None);
                flow.evidence = first.iter().cloned().chain([evidence.clone()]).collect();
                reach.add(flow);
            }
        }
        Err(why) => reach.add(everything(Family::V4, Some(why))),
    }
    narrow_to(reach, Ok(vec![443]))
}

/// One way in: an address, where it lies and what guards it.
#[derive(Clone)]
struct Door<'a> {
    family: Family,
    subnets: Vec<Result<&'a str, Why>>,
    groups: Result<Vec<&'a str>, Why>,
    first: Option<Evidence>,
    doubt: Option<Why>,
}

/// The way over IPv4, and over IPv6 where the resource has both; where that could not be read, the second is in doubt.
fn path_of_families(reach: &mut Reach, network: &Network<'_>, resource: &Resource, door: Door<'_>, is_dual: Result<bool, Why>) {
    path_in(reach, network, resource, &door);
    match is_dual {
        Ok(false) => {}
        Ok(true) => path_in(reach, network, resource, &Door { family: Family::V6, ..door }),
        Err(why) => path_in(reach, network, resource, &Door { family: Family::V6, doubt: Some(why), ..door }),
    }
}

fn path_in(reach: &mut Reach, network: &Network<'_>, resource: &Resource, door: &Door<'_>) {
    for flow in through_groups(network, &door.groups, door.family, resource) {
        let flow = Flow { doubt: door.doubt.clone().or_else(|| flow.doubt.clone()), ..flow };
        for subnet in &door.subnets {
            for mut open in through_subnet(network, subnet, &flow, resource) {
                open.evidence.splice(0..0, door.first.clone());
                reach.add(open);
            }
        }
    }
}

fn subnets<'a>(resource: &'a Resource, path: &[&str], key: &str) -> Vec<Result<&'a str, Why>> {
    match read::list(resource, path).map(|items| read::column(items, key)) {
        Err(why) => vec![Err(why)],
        Ok(ids) if ids.is_empty() => vec![Err(read::malformed(resource, &path.join("."), "it names no subnet"))],
        Ok(ids) => ids.into_iter().map(Ok).collect(),
    }
}

/// Every network interface has a group; a list without one was not understood.
fn groups_of(groups: Result<Vec<&str>, Why>) -> Result<Vec<&str>, Why> {
    groups.and_then(|ids| {
        if ids.is_empty() {
            let message = "the resource names no security group";
            return Err(read::why(UnreadableKind::NotYetKnown, "read its security groups", message));
        }
        Ok(ids)
    })
}

fn required<'a>(resource: &'a Resource, path: &[&str]) -> Result<&'a str, Why> {
    read::text(resource, path)?.ok_or_else(|| read::malformed(resource, &path.join("."), "it has no value"))
}

/// What is left when the resource listens on these ports only.
pub(crate) fn narrow_to(mut reach: Reach, ports: Result<Vec<u16>, Why>) -> Fact {
    match ports {
        Ok(ports) => {
            let set = ports.iter().fold(PortSet::default(), |set, port| set.union(&PortSet::range(*port, *port)));
            reach.traffic.tcp = reach.traffic.tcp.intersection(&set);
            reach.traffic.udp = reach.traffic.udp.intersection(&set);
            if ports.is_empty() {
                reach.doubts.clear();
            }
            if reach.traffic == Traffic::default() {
                reach.sources.clear();
                reach.named.clear();
            }
            fact(&reach, &ports)
        }
        Err(why) => {
            if reach.traffic != Traffic::default() || !reach.doubts.is_empty() {
                reach.doubts.insert(0, why);
            }
            reach.traffic = Traffic::default();
            reach.sources.clear();
            reach.named.clear();
            fact(&reach, &[])
        }
    }
}

pub(crate) fn fact(reach: &Reach, own_ports: &[u16]) -> Fact {
    let mut fact = Fact::default();
    let open = |port: u16| reach.traffic.tcp.contains(port) || reach.traffic.udp.contains(port);
    let all = reach.traffic.tcp.is_all() || reach.traffic.udp.is_all();
    let sources = IpNet::aggregate(&reach.sources);
    let v6 = sources.iter().any(|net| matches!(net, IpNet::V6(_)));
    let doubt = reach.doubts.first();
    // A doubt is about more exposure, so what is exposed for certain stays decided.
    let decided = |value: Value, is_most: bool| match doubt {
        Some(why) if !is_most => Err(Arc::clone(why)),
        _ => Ok(value),
    };
    let mut ports: Vec<u16> = NAMED_PORTS.iter().chain(own_ports).copied().filter(|port| open(*port)).collect();
    ports.sort_unstable();
    ports.dedup();
    let management: Vec<u16> = MANAGEMENT_PORTS.into_iter().filter(|port| open(*port)).collect();
    let internet = !sources.is_empty() || !reach.named.is_empty();
    // What the whole internet reaches, any tenant does.
    let is_whole = sources.iter().any(|net| net.prefix_len() == 0);
    let mut texts: Vec<String> = sources.iter().map(ToString::to_string).collect();
    texts.extend(reach.named.iter().filter(|_| !is_whole).map(ToString::to_string));
    fact.set("internet", decided(json!(internet), internet));
    fact.set("ports", decided(if all { json!([-1]) } else { json!(ports) }, all));
    fact.set("managementPorts", decided(json!(management), management.len() == MANAGEMENT_PORTS.len()));
    fact.set("allPorts", decided(json!(all), all));
    fact.set("ipv6", decided(json!(v6), v6));
    fact.set("sources", decided(json!(texts), false));
    for evidence in &reach.evidence {
        fact.observe(evidence.clone());
    }
    if let Some(why) = doubt {
        fact.observe(unseen("facts.exposure", "what the internet may reach", why));
    }
    fact
}
