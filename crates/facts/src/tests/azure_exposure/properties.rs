use std::net::Ipv4Addr;

use proptest::prelude::*;
use serde_json::{Value, json};
use skywarden_model::Resource;

use super::{super::hide, balanced, behind_firewall, estate, field_of, rule, table};

/// A rule as a person would read it.
#[derive(Debug, Clone)]
struct Plain {
    allows: bool,
    source: &'static str,
    ports: (u16, u16),
    protocol: &'static str,
    destination: &'static str,
}

impl Plain {
    fn written(&self, priority: i64) -> Value {
        let access = if self.allows { "Allow" } else { "Deny" };
        let mut written = rule("r", priority, access, self.source, &format!("{}-{}", self.ports.0, self.ports.1));
        written["properties"]["protocol"] = json!(self.protocol);
        written["properties"]["destinationAddressPrefix"] = json!(self.destination);
        written
    }

    fn matches(&self, address: Ipv4Addr, port: u16, protocol: &str) -> bool {
        let is_from = match self.source {
            "*" | "Internet" => true,
            net => net.parse::<ipnet::Ipv4Net>().is_ok_and(|net| net.contains(&address)),
        };
        let is_to = match self.destination {
            "*" | "VirtualNetwork" => true,
            net => net.parse::<ipnet::Ipv4Net>().unwrap().contains(&Ipv4Addr::new(10, 0, 0, 4)),
        };
        is_from && is_to && (self.protocol == "*" || self.protocol == protocol) && (self.ports.0..=self.ports.1).contains(&port)
    }
}

/// What a group does to one packet: the first rule that matches decides.
fn lets_in(rules: &[Plain], address: Ipv4Addr, port: u16, protocol: &str) -> bool {
    rules.iter().find(|rule| rule.matches(address, port, protocol)).is_some_and(|rule| rule.allows)
}

/// One port of each range that the rules below tell apart.
const CORNERS: [u16; 9] = [0, 20, 22, 23, 443, 500, 1434, 3389, 3390];

const PORTS: [u16; 6] = [22, 80, 443, 1433, 3389, 5986];

fn plain() -> impl Strategy<Value = Plain> {
    // Sources are as wide as the limit or wider, so that one address stands for each range that the limit tells apart.
    let sources = [
        "*",
        "Internet",
        "0.0.0.0/1",
        "128.0.0.0/2",
        "0.0.0.0/0",
        "20.0.0.0/8",
        "21.0.0.0/8",
        "64.0.0.0/3",
        "VirtualNetwork",
        "Sql",
    ];
    let ranges = [(0, 65535), (22, 22), (20, 80), (443, 1433), (1434, 65535), (3389, 3389)];
    let destinations = ["*", "VirtualNetwork", "10.0.0.4/32", "10.0.0.5/32"];
    (
        any::<bool>(),
        prop::sample::select(sources.to_vec()),
        prop::sample::select(ranges.to_vec()),
        prop::sample::select(vec!["Tcp", "*", "Udp"]),
        prop::sample::select(destinations.to_vec()),
    )
        .prop_map(|(allows, source, ports, protocol, destination)| Plain { allows, source, ports, protocol, destination })
}

fn with_rules(own: &[Plain], front: &[Plain]) -> Vec<Resource> {
    let mut estate = estate();
    for (place, rules) in [(3, own), (4, front)] {
        let written: Vec<Value> = rules.iter().zip(100..).map(|(rule, priority)| rule.written(priority)).collect();
        estate[place].properties["securityRules"] = json!(written);
    }
    estate
}

/// The named ports that are open to the internet, and the ranges.
fn open(estate: &[Resource]) -> (Vec<u16>, Vec<ipnet::Ipv4Net>) {
    let table = table(estate, &[]);
    let ports = field_of(&table, &estate[0], "ports").unwrap();
    let ports: Vec<u16> = ports
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_i64)
        .flat_map(|port| if port == -1 { PORTS.to_vec() } else { vec![u16::try_from(port).unwrap()] })
        .filter(|port| PORTS.contains(port))
        .collect();
    let sources = field_of(&table, &estate[0], "sources").unwrap();
    (ports, sources.as_array().unwrap().iter().map(|text| text.as_str().unwrap().parse().unwrap()).collect())
}

/// One address in each /8 below the reserved ones.
fn addresses() -> impl Iterator<Item = Ipv4Addr> {
    (0..224).map(|first| Ipv4Addr::new(first, 7, 7, 7))
}

/// Estates of which every link may be open or closed.
fn estates() -> impl Strategy<Value = Vec<Resource>> {
    (0..4_usize, any::<[bool; 5]>(), prop::collection::vec(plain(), 0..3)).prop_map(|(kind, open, rules)| {
        let mut estate = match kind {
            0 => balanced("Basic"),
            1 => balanced("Standard"),
            2 => behind_firewall(),
            _ => estate(),
        };
        let written: Vec<Value> = rules.iter().zip(100..).map(|(rule, priority)| rule.written(priority)).collect();
        if open[0] {
            estate[3].properties["securityRules"] = json!(written);
        }
        if open[1] {
            estate[1].properties["networkSecurityGroup"] = Value::Null;
        }
        if open[2] {
            estate[5].properties["subnets"][0]["properties"]["networkSecurityGroup"] = Value::Null;
        }
        if open[3] {
            let table = super::spelled("Microsoft.Network/routeTables/t");
            estate[5].properties["subnets"][0]["properties"]["routeTable"] = table;
            let hop = if open[4] { "None" } else { "VirtualAppliance" };
            let routes = json!({"routes": [{"properties": {"addressPrefix": "0.0.0.0/0", "nextHopType": hop}}]});
            estate.push(super::arm("Microsoft.Network/routeTables", "t", routes));
        }
        estate
    })
}

const FIELDS: [&str; 18] = [
    "networkProfile",
    "networkProfile.networkInterfaces",
    "networkSecurityGroup",
    "ipConfigurations",
    "ipConfigurations[*].properties.publicIPAddress",
    "securityRules",
    "securityRules[*].properties.access",
    "subnets",
    "subnets[*].properties.networkSecurityGroup",
    "virtualNetworkPeerings",
    "routes",
    "frontendIPConfigurations",
    "inboundNatRules",
    "loadBalancingRules",
    "natRuleCollections",
    "firewallPolicy",
    "ruleCollectionGroups",
    "networkManagerEffectiveSecurityAdminRules",
];

fn any_json() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "*",
        "Allow",
        "Deny",
        "Inbound",
        "Internet",
        "0.0.0.0/0",
        "22",
        "22-",
        "Tcp",
        "é%",
        "",
        "None",
        "/subscriptions/5e0f1c3a-0000-4000-8000-000000000001/resourcegroups/web/providers/microsoft.network/virtualnetworks/net/subnets/front",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        words.prop_map(Value::from)
    ];
    let keys = prop::sample::select(vec![
        "id",
        "properties",
        "securityRules",
        "defaultSecurityRules",
        "direction",
        "access",
        "priority",
        "protocol",
        "sourceAddressPrefix",
        "destinationAddressPrefix",
        "destinationPortRange",
        "ipConfigurations",
        "publicIPAddress",
        "subnet",
        "subnets",
        "routes",
        "addressPrefix",
        "nextHopType",
        "frontendIPConfigurations",
        "loadBalancingRules",
        "inboundNatRules",
        "backendAddressPools",
        "loadBalancerBackendAddresses",
        "ruleCollectionGroups",
        "ruleCollections",
        "rules",
        "action",
        "type",
        "natRuleCollections",
        "virtualMachineProfile",
        "networkProfile",
        "networkInterfaces",
        "networkManagerScopes",
    ]);
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(keys.clone().prop_map(str::to_owned), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn single_packets_are_judged_alike(
        own in prop::collection::vec(plain(), 0..6),
        front in prop::collection::vec(plain(), 0..6),
    ) {
        let (ports, sources) = open(&with_rules(&own, &front));
        let by = |address, port, protocol| lets_in(&own, address, port, protocol) && lets_in(&front, address, port, protocol);
        let gets_in = |address, port| by(address, port, "Tcp") || by(address, port, "Udp");
        for port in PORTS {
            // A single /8 is not the internet, so it takes two that lie side by side and are aligned.
            let wide = (0..112_u8).any(|half| {
                [0, 1].into_iter().all(|one| gets_in(Ipv4Addr::new(2 * half + one, 7, 7, 7), port))
            });
            if wide {
                prop_assert!(ports.contains(&port), "{} should be open", port);
            }
            if ports.contains(&port) {
                prop_assert!(addresses().any(|address| gets_in(address, port)), "{} should be closed", port);
            }
        }
        for source in sources {
            let inside: Vec<_> = addresses().filter(|address| source.contains(address)).collect();
            prop_assert!(inside.iter().all(|address| CORNERS.iter().any(|port| gets_in(*address, *port))), "{}", source);
        }
    }

    #[test]
    fn allowing_more_never_narrows_and_denying_more_never_widens(
        own in prop::collection::vec(plain(), 0..5),
        front in prop::collection::vec(plain(), 0..5),
        more in plain(),
        place: prop::sample::Index,
    ) {
        let mut changed = own.clone();
        changed.insert(place.index(own.len() + 1), more.clone());
        let (before, _) = open(&with_rules(&own, &front));
        let (after, _) = open(&with_rules(&changed, &front));
        let (less, all) = if more.allows { (before, after) } else { (after, before) };
        for port in less {
            prop_assert!(all.contains(&port));
        }
    }

    #[test]
    fn an_unreadable_field_never_turns_a_verdict_round(
        estate in estates(),
        hidden in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(FIELDS.to_vec())), 1..4),
    ) {
        let before = table(&estate, &[]);
        let mut less = estate.clone();
        for (index, field) in hidden {
            hide(index.get_mut(less.as_mut_slice()), field);
        }
        for (id, sheet) in &table(&less, &[]) {
            for (fact, fields) in &sheet.values {
                for (field, value) in fields {
                    prop_assert_eq!(Some(value), before[id].field(fact, field), "{} {} {}", id, fact, field);
                }
            }
        }
    }

    #[test]
    fn a_listing_that_failed_never_turns_a_verdict_round(
        estate in estates(),
        gone in any::<prop::sample::Index>(),
    ) {
        let before = table(&estate, &[]);
        let mut less = estate.clone();
        let gone = less.remove(gone.index(estate.len()));
        for (id, sheet) in &table(&less, &[gone.type_name.as_str()]) {
            for (fact, fields) in &sheet.values {
                for (field, value) in fields {
                    prop_assert_eq!(Some(value), before[id].field(fact, field), "{} without {}: {} {}", id, gone.id, fact, field);
                }
            }
        }
    }

    #[test]
    fn the_order_of_resources_and_rules_does_not_matter(estate in estates(), seed: u64) {
        let mut turned = estate.clone();
        turned.reverse();
        let half = usize::try_from(seed % 5).unwrap();
        turned.rotate_left(half);
        prop_assert_eq!(table(&estate, &[]), table(&turned, &[]));
        let verdicts = |estate: &[Resource]| table(estate, &[]).into_values().map(|sheet| sheet.values).collect::<Vec<_>>();
        let before = verdicts(&estate);
        for place in [3, 4] {
            turned = estate.clone();
            if let Some(rules) = turned[place].properties["securityRules"].as_array_mut() {
                rules.reverse();
            }
            prop_assert_eq!(&before, &verdicts(&turned));
        }
    }

    #[test]
    fn no_json_makes_it_panic(properties in any_json(), other in any_json()) {
        let kinds = super::LISTED.iter().chain(&["Microsoft.Network/virtualNetworks/subnets", "Microsoft.ClassicCompute/virtualMachines"]);
        let mut resources = estate();
        for kind in kinds {
            resources.push(super::arm(kind, "made", properties.clone()));
            resources.push(super::arm(kind, "other", other.clone()));
        }
        for resource in resources.iter_mut().take(6) {
            if let (Some(own), Some(made)) = (resource.properties.as_object_mut(), properties.as_object()) {
                own.extend(made.clone());
            }
        }
        table(&resources, &[]);
    }
}
