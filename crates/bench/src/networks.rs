//! What exposure in networks of Azure costs, and how it grows.

use serde_json::{Value, json};
use skywarden_facts::Knowledge;
use skywarden_model::{Carried, Coverage, ListOutcome, Resource, Scope};

use crate::measure::{memory_mb, peak_mb, timed};

const ACCOUNT: &str = "5e0f1c3a-0000-4000-8000-000000000001";
const PER_SUBNET: usize = 20;
const SUBNETS: usize = 10;
const PER_POOL: usize = 100;

/// Prints what the facts of an estate of so many interfaces cost, each on a machine, with a twentieth as many groups.
pub(crate) fn costs(sizes: &[usize]) -> anyhow::Result<()> {
    for size in sizes {
        let resources = estate(*size);
        let coverage = coverage(&resources);
        let before = memory_mb()?;
        println!("\n{size} interfaces among {} resources, {before} MB", resources.len());
        let (facts, cpu, wall) = timed(|| skywarden_facts::compute(&resources, &coverage, Knowledge::default()));
        let exposed = |id: &str| facts.get(id).and_then(|sheet| sheet.field("exposure", "internet")).cloned();
        let of_machines = resources.iter().filter(|it| it.type_name.as_str() == "Microsoft.Compute/virtualMachines");
        let (mut n_open, mut n_closed, mut n_unknown) = (0, 0, 0);
        for machine in of_machines {
            match exposed(machine.id.as_str()) {
                Some(Value::Bool(true)) => n_open += 1,
                Some(_) => n_closed += 1,
                None => n_unknown += 1,
            }
        }
        println!(
            "facts {:>9.0} ms CPU {:>9.0} ms {:>7.2} us CPU each; {} MB kept, {} MB at most",
            cpu * 1e3,
            wall * 1e3,
            cpu * 1e6 / *size as f64,
            memory_mb()?.saturating_sub(before),
            peak_mb()?.saturating_sub(before)
        );
        println!("machines: {n_open} exposed, {n_closed} not, {n_unknown} unknown");
    }
    Ok(())
}

/// Machines in networks with a group at each subnet and at each interface; a fifth have public addresses, a tenth lie behind
/// balancers, and firewalls in a hub that is peered with all networks lead to some.
fn estate(n_interfaces: usize) -> Vec<Resource> {
    let n_groups = (n_interfaces / 20).max(1);
    let n_networks = n_interfaces.div_ceil(PER_SUBNET * SUBNETS);
    let mut resources: Vec<Resource> = (0..n_groups).map(group).collect();
    for network in 0..n_networks {
        let name = format!("net{network}");
        let subnets: Vec<Value> = (0..SUBNETS)
            .map(|subnet| {
                json!({"name": format!("s{subnet}"), "id": id("Microsoft.Network/virtualNetworks", &format!("{name}/subnets/s{subnet}")),
                    "properties": {"addressPrefix": format!("10.{}.{subnet}.0/24", network % 250),
                    "networkSecurityGroup": {"id": id("Microsoft.Network/networkSecurityGroups", &format!("nsg{}", (network * SUBNETS + subnet) % n_groups))},
                    "routeTable": {"id": id("Microsoft.Network/routeTables", &format!("rt{}", network % 50))}}})
            })
            .collect();
        let hub = json!({"properties": {"remoteVirtualNetwork": {"id": id("Microsoft.Network/virtualNetworks", "hub")}}});
        resources.push(made(
            "Microsoft.Network/virtualNetworks",
            &name,
            json!({"subnets": subnets, "virtualNetworkPeerings": [hub]}),
        ));
    }
    resources.push(made("Microsoft.Network/virtualNetworks", "hub", json!({"subnets": [], "virtualNetworkPeerings": []})));
    for table in 0..50 {
        let routes = json!({"routes": [{"properties": {"addressPrefix": "10.0.0.0/8", "nextHopType": "VirtualAppliance"}},
            {"properties": {"addressPrefix": "192.168.0.0/16", "nextHopType": "None"}}]});
        resources.push(made("Microsoft.Network/routeTables", &format!("rt{table}"), routes));
    }
    for firewall in 0..10 {
        resources.push(self::firewall(firewall));
    }
    for place in 0..n_interfaces {
        interface(place, n_groups, &mut resources);
    }
    for balancer in 0..(n_interfaces / 10).div_ceil(PER_POOL) {
        resources.push(self::balancer(balancer));
    }
    resources
}

fn interface(place: usize, n_groups: usize, resources: &mut Vec<Resource>) {
    let (network, subnet, host) = (place / (PER_SUBNET * SUBNETS), place / PER_SUBNET % SUBNETS, place % PER_SUBNET + 4);
    let subnet_id = id("Microsoft.Network/virtualNetworks", &format!("net{network}/subnets/s{subnet}"));
    let mut configuration = json!({"privateIPAddress": format!("10.{}.{subnet}.{host}", network % 250),
        "privateIPAddressVersion": "IPv4", "subnet": {"id": subnet_id}});
    let members = configuration.as_object_mut();
    if place.is_multiple_of(5) {
        let name = format!("pip{place}");
        if let Some(members) = members {
            members.insert("publicIPAddress".to_owned(), json!({"id": id("Microsoft.Network/publicIPAddresses", &name)}));
        }
        let mut address = made("Microsoft.Network/publicIPAddresses", &name, json!({"ipAddress": "203.0.113.9"}));
        address.envelope.insert("sku".to_owned(), json!({"name": "Standard"}));
        resources.push(address);
    } else if place % 10 == 1
        && let Some(members) = members
    {
        let pool = format!("lb{}/backendAddressPools/pool", place / 10 / PER_POOL);
        members
            .insert("loadBalancerBackendAddressPools".to_owned(), json!([{"id": id("Microsoft.Network/loadBalancers", &pool)}]));
    }
    let group = id("Microsoft.Network/networkSecurityGroups", &format!("nsg{}", place * 7 % n_groups));
    let properties =
        json!({"networkSecurityGroup": {"id": group}, "ipConfigurations": [{"name": "ip", "properties": configuration}]});
    resources.push(made("Microsoft.Network/networkInterfaces", &format!("nic{place}"), properties));
    let own = json!([{"id": id("Microsoft.Network/networkInterfaces", &format!("nic{place}"))}]);
    let properties = json!({"networkProfile": {"networkInterfaces": own}});
    resources.push(made("Microsoft.Compute/virtualMachines", &format!("vm{place}"), properties));
}

/// Twenty rules of the usual kinds; a tenth of the groups name addresses of their own.
fn group(place: usize) -> Resource {
    let rules: Vec<Value> = (0..20)
        .map(|nth| {
            let source = match (nth + place) % 6 {
                0 => "Internet".to_owned(),
                1 => format!("198.51.{nth}.0/24"),
                2 => "VirtualNetwork".to_owned(),
                3 => format!("{}.0.0.0/6", nth * 4),
                4 => "AzureCloud".to_owned(),
                _ => "10.0.0.0/8".to_owned(),
            };
            let destination = if place.is_multiple_of(10) && nth < 3 { format!("10.0.{nth}.4/32") } else { "*".to_owned() };
            json!({"name": format!("r{nth}"), "properties": {"priority": 100 + nth, "direction": "Inbound", "protocol": "Tcp",
                "access": if nth % 4 == 3 { "Deny" } else { "Allow" }, "sourceAddressPrefix": source, "sourcePortRange": "*",
                "destinationAddressPrefix": destination, "destinationPortRange": format!("{}", 20 + nth * 37)}})
        })
        .collect();
    made("Microsoft.Network/networkSecurityGroups", &format!("nsg{place}"), json!({ "securityRules": rules }))
}

fn firewall(place: usize) -> Resource {
    let rules: Vec<Value> = (0..100)
        .map(|nth| {
            json!({"protocols": ["TCP"], "sourceAddresses": ["*"], "destinationAddresses": ["203.0.113.1"],
                "destinationPorts": [format!("{}", 1000 + nth)], "translatedPort": "443",
                "translatedAddress": format!("10.{place}.{}.{}", nth % SUBNETS, 4 + nth / SUBNETS)})
        })
        .collect();
    let subnet = id("Microsoft.Network/virtualNetworks", "hub/subnets/AzureFirewallSubnet");
    made(
        "Microsoft.Network/azureFirewalls",
        &format!("fw{place}"),
        json!({"ipConfigurations": [{"properties": {"privateIPAddress": "172.16.0.4", "subnet": {"id": subnet}}}],
        "natRuleCollections": [{"properties": {"action": {"type": "Dnat"}, "rules": rules}}]}),
    )
}

fn balancer(place: usize) -> Resource {
    let below = |part: &str| json!(id("Microsoft.Network/loadBalancers", &format!("lb{place}/{part}")));
    let member = |nth: usize| {
        let name = format!("nic{}/ipConfigurations/ip", (place * PER_POOL + nth) * 10 + 1);
        json!({"id": id("Microsoft.Network/networkInterfaces", &name)})
    };
    let address = id("Microsoft.Network/publicIPAddresses", "pip0");
    let properties = json!({
        "frontendIPConfigurations": [{"id": below("frontendIPConfigurations/f"), "properties": {"publicIPAddress": {"id": address}}}],
        "backendAddressPools": [{"id": below("backendAddressPools/pool"),
            "properties": {"backendIPConfigurations": (0..PER_POOL).map(member).collect::<Vec<_>>()}}],
        "inboundNatRules": [], "loadBalancingRules": [{"id": below("loadBalancingRules/r"), "properties": {
            "frontendIPConfiguration": {"id": below("frontendIPConfigurations/f")}, "protocol": "Tcp",
            "backendAddressPool": {"id": below("backendAddressPools/pool")}, "frontendPort": 80, "backendPort": 57}}]});
    let mut balancer = made("Microsoft.Network/loadBalancers", &format!("lb{place}"), properties);
    balancer.envelope.insert("sku".to_owned(), json!({"name": "Standard"}));
    balancer
}

/// An id as ARM spells it.
fn id(kind: &str, name: &str) -> String {
    format!("/subscriptions/{ACCOUNT}/resourceGroups/Web/providers/{kind}/{name}")
}

fn made(kind: &str, name: &str, properties: Value) -> Resource {
    Resource {
        id: id(kind, name).to_ascii_lowercase().into(),
        type_name: kind.into(),
        name: name.to_owned(),
        scope: Scope { connector: "azure".into(), account: ACCOUNT.into(), resource_group: "web".into() },
        properties,
        carried: Carried::All,
        ..Resource::unknown()
    }
}

fn coverage(resources: &[Resource]) -> Vec<Coverage> {
    let mut kinds: Vec<&str> = resources.iter().map(|resource| resource.type_name.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let of_kind = |kind: &str| Coverage {
        type_name: kind.into(),
        account: ACCOUNT.into(),
        region: "global".into(),
        outcome: ListOutcome::Complete { n_resources: 1 },
        denied: Vec::new(),
    };
    kinds.into_iter().map(of_kind).collect()
}
