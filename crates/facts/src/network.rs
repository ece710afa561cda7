use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use ipnet::IpNet;
use serde_json::Value;
use skywarden_inventory::Inventory;
use skywarden_model::{Resource, UnreadableKind};

use crate::{
    ports::PortSet,
    read::{self, Failures, Why},
};

/// A range with a prefix shorter than this counts as the internet: it holds more addresses than any one network owns.
pub(crate) const INTERNET_PREFIX_V4: u8 = 8;
/// The same for IPv6: registries hand /32 to one provider.
pub(crate) const INTERNET_PREFIX_V6: u8 = 32;

const GROUP: &str = "AWS::EC2::SecurityGroup";
const ACL: &str = "AWS::EC2::NetworkAcl";
const TABLE: &str = "AWS::EC2::RouteTable";
const SUBNET: &str = "AWS::EC2::Subnet";

/// Ports by protocol; other protocols than TCP and UDP have none and do not count as exposure.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Traffic {
    pub(crate) tcp: PortSet,
    pub(crate) udp: PortSet,
}

impl Traffic {
    pub(crate) fn all() -> Self {
        Self { tcp: PortSet::all(), udp: PortSet::all() }
    }

    pub(crate) fn union(&self, other: &Self) -> Self {
        Self { tcp: self.tcp.union(&other.tcp), udp: self.udp.union(&other.udp) }
    }

    pub(crate) fn intersection(&self, other: &Self) -> Self {
        Self { tcp: self.tcp.intersection(&other.tcp), udp: self.udp.intersection(&other.udp) }
    }

    pub(crate) fn difference(&self, other: &Self) -> Self {
        Self { tcp: self.tcp.difference(&other.tcp), udp: self.udp.difference(&other.udp) }
    }
}

/// An ingress rule from a range that counts as the internet.
pub(crate) struct Ingress {
    pub(crate) source: IpNet,
    pub(crate) traffic: Traffic,
    pub(crate) path: String,
}

pub(crate) struct Group<'a> {
    pub(crate) resource: &'a Resource,
    pub(crate) rules: Result<Vec<Ingress>, Why>,
    /// A rule whose sources are not known (a prefix list).
    pub(crate) doubt: Option<Why>,
}

pub(crate) struct AclEntry {
    pub(crate) net: IpNet,
    pub(crate) traffic: Traffic,
    pub(crate) action: Action,
    pub(crate) number: i64,
    pub(crate) position: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Allow,
    Deny,
}

pub(crate) struct Acl<'a> {
    pub(crate) resource: &'a Resource,
    pub(crate) entries: Result<Vec<AclEntry>, Why>,
}

pub(crate) struct Route {
    pub(crate) net: IpNet,
    /// An active route to an internet gateway; an egress-only gateway or a NAT gateway lets nobody in.
    pub(crate) to_internet: bool,
    pub(crate) position: usize,
}

pub(crate) struct RouteTable<'a> {
    pub(crate) resource: &'a Resource,
    pub(crate) routes: Result<Vec<Route>, Why>,
    /// A route to an internet gateway whose destination is a prefix list.
    pub(crate) doubt: Option<Why>,
}

/// Everything that traffic passes on its way, indexed once.
pub(crate) struct Network<'a> {
    groups: HashMap<&'a str, Group<'a>>,
    acls: Vec<Acl<'a>>,
    acl_of_subnet: HashMap<&'a str, usize>,
    tables: Vec<RouteTable<'a>>,
    table_of_subnet: HashMap<&'a str, usize>,
    main_table: HashMap<&'a str, usize>,
    vpc_of_subnet: HashMap<&'a str, &'a str>,
    /// By account and region: why a route table's association may not have been seen.
    hidden_associations: BTreeMap<(&'a str, &'a str), Why>,
    failures: &'a Failures<'a>,
}

impl<'a> Network<'a> {
    pub(crate) fn new(inventory: Inventory<'a>, failures: &'a Failures<'a>) -> Self {
        let mut network = Self {
            groups: HashMap::new(),
            acls: Vec::new(),
            acl_of_subnet: HashMap::new(),
            tables: Vec::new(),
            table_of_subnet: HashMap::new(),
            main_table: HashMap::new(),
            vpc_of_subnet: HashMap::new(),
            hidden_associations: BTreeMap::new(),
            failures,
        };
        for (place, type_name) in inventory.places() {
            if ![GROUP, ACL, TABLE, SUBNET].contains(&type_name) {
                continue;
            }
            let Some(resource) = inventory.hold(place) else { continue };
            match type_name {
                GROUP => network.add_group(resource),
                ACL => network.add_acl(resource),
                TABLE => network.add_table(resource),
                _ => {
                    if let (Ok(Some(subnet)), Ok(Some(vpc))) =
                        (read::text(resource, &["SubnetId"]), read::text(resource, &["VpcId"]))
                    {
                        network.vpc_of_subnet.insert(subnet, vpc);
                    }
                }
            }
        }
        network
    }

    pub(crate) fn group(&self, id: &str, near: &Resource) -> Result<&Group<'a>, Why> {
        self.groups.get(id).ok_or_else(|| self.missing(GROUP, id, near))
    }

    pub(crate) fn acl(&self, subnet: &str, near: &Resource) -> Result<&Acl<'a>, Why> {
        let position = self.acl_of_subnet.get(subnet);
        position.and_then(|position| self.acls.get(*position)).ok_or_else(|| self.missing(ACL, subnet, near))
    }

    /// The subnet's own route table, else its network's main one.
    pub(crate) fn table(&self, subnet: &str, near: &Resource) -> Result<&RouteTable<'a>, Why> {
        if let Some(table) = self.table_of_subnet.get(subnet).and_then(|position| self.tables.get(*position)) {
            return Ok(table);
        }
        // An association that was not seen would come before the main table.
        if let Some(why) = self.failures.near(TABLE, near) {
            return Err(why);
        }
        if let Some(why) = self.hidden_associations.get(&(&*near.scope.account, &*near.scope.resource_group)) {
            return Err(Arc::clone(why));
        }
        let vpc = match self.vpc_of_subnet.get(subnet) {
            Some(vpc) => *vpc,
            None => read::text(near, &["VpcId"])?.ok_or_else(|| self.missing(SUBNET, subnet, near))?,
        };
        let position = self.main_table.get(vpc);
        position.and_then(|position| self.tables.get(*position)).ok_or_else(|| self.missing(TABLE, vpc, near))
    }

    fn missing(&self, type_name: &str, id: &str, near: &Resource) -> Why {
        self.failures.near(type_name, near).unwrap_or_else(|| {
            read::why(UnreadableKind::NotYetKnown, &format!("find {type_name} of {id}"), "the snapshot does not hold it")
        })
    }

    fn add_group(&mut self, resource: &'a Resource) {
        let Ok(Some(id)) = read::text(resource, &["GroupId"]) else { return };
        let mut doubt = None;
        let rules = read::list(resource, &["IpPermissions"]).and_then(|items| {
            let mut rules = Vec::new();
            for (position, item) in items.iter().enumerate() {
                let traffic = group_traffic(resource, item)?;
                if traffic == Traffic::default() {
                    continue;
                }
                if item.get("PrefixListIds").and_then(Value::as_array).is_some_and(|lists| !lists.is_empty()) {
                    let message = "the addresses of a prefix list are not collected";
                    doubt = Some(read::why(UnreadableKind::NotYetKnown, "ec2:GetManagedPrefixListEntries", message));
                }
                for (list, key) in [("IpRanges", "CidrIp"), ("Ipv6Ranges", "CidrIpv6")] {
                    let ranges = item.get(list).and_then(Value::as_array).map_or(&[] as &[Value], Vec::as_slice);
                    for (nth, range) in ranges.iter().enumerate() {
                        let source = cidr(resource, range.get(key))?;
                        if is_internet(&source) {
                            let path = format!("IpPermissions[{position}].{list}[{nth}].{key}");
                            rules.push(Ingress { source, traffic: traffic.clone(), path });
                        }
                    }
                }
            }
            Ok(rules)
        });
        self.groups.insert(id, Group { resource, rules, doubt });
    }

    fn add_acl(&mut self, resource: &'a Resource) {
        let entries = read::list(resource, &["Entries"]).and_then(|items| {
            let mut entries = Vec::new();
            for (position, item) in items.iter().enumerate() {
                match item.get("Egress").and_then(Value::as_bool) {
                    Some(true) => continue,
                    Some(false) => entries.push(acl_entry(resource, item, position)?),
                    None => return Err(read::malformed(resource, "Entries", "an entry has no direction")),
                }
            }
            entries.sort_by_key(|entry| entry.number);
            Ok(entries)
        });
        if let Ok(items) = read::list(resource, &["Associations"]) {
            for subnet in read::column(items, "SubnetId") {
                self.acl_of_subnet.insert(subnet, self.acls.len());
            }
        }
        self.acls.push(Acl { resource, entries });
    }

    fn add_table(&mut self, resource: &'a Resource) {
        let mut doubt = None;
        let routes = read::list(resource, &["Routes"]).and_then(|items| {
            let mut routes = Vec::new();
            for (position, item) in items.iter().enumerate() {
                let text = |key: &str| item.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
                let to_internet =
                    text("GatewayId").is_some_and(|id| id.starts_with("igw-")) && text("State") != Some("blackhole");
                let destination = item.get("DestinationCidrBlock").or_else(|| item.get("DestinationIpv6CidrBlock"));
                if text("DestinationPrefixListId").is_some() {
                    if to_internet {
                        let message = "the addresses of a prefix list are not collected";
                        doubt = Some(read::why(UnreadableKind::NotYetKnown, "ec2:GetManagedPrefixListEntries", message));
                    }
                    continue;
                }
                routes.push(Route { net: cidr(resource, destination)?, to_internet, position });
            }
            Ok(routes)
        });
        match read::list(resource, &["Associations"]) {
            Ok(items) => {
                for subnet in read::column(items, "SubnetId") {
                    self.table_of_subnet.insert(subnet, self.tables.len());
                }
                let is_main = items.iter().any(|item| item.get("Main").and_then(Value::as_bool) == Some(true));
                if is_main && let Ok(Some(vpc)) = read::text(resource, &["VpcId"]) {
                    self.main_table.insert(vpc, self.tables.len());
                }
            }
            Err(why) => {
                let place = (&*resource.scope.account, &*resource.scope.resource_group);
                self.hidden_associations.entry(place).or_insert(why);
            }
        }
        self.tables.push(RouteTable { resource, routes, doubt });
    }
}

/// Whether a range is wide enough to be the internet and holds addresses of it.
pub(crate) fn is_internet(net: &IpNet) -> bool {
    match net {
        // 224.0.0.0/3 is multicast and reserved.
        IpNet::V4(net) => net.prefix_len() < INTERNET_PREFIX_V4 && (net.prefix_len() < 3 || net.network().octets()[0] < 224),
        // 2000::/3 is all of the global unicast space; fc00::/7 is private.
        IpNet::V6(net) => net.prefix_len() < INTERNET_PREFIX_V6 && (net.prefix_len() < 3 || net.network().octets()[0] >> 5 == 1),
    }
}

fn group_traffic(resource: &Resource, rule: &Value) -> Result<Traffic, Why> {
    let ports = match (rule.get("FromPort").and_then(Value::as_i64), rule.get("ToPort").and_then(Value::as_i64)) {
        (None | Some(-1), None | Some(-1)) => PortSet::all(),
        (Some(from), Some(to)) => port_range(from, to),
        _ => return Err(read::malformed(resource, "IpPermissions", "a rule has half a port range")),
    };
    traffic(rule.get("IpProtocol"), ports).ok_or_else(|| read::malformed(resource, "IpPermissions", "a rule has no protocol"))
}

fn acl_entry(resource: &Resource, item: &Value, position: usize) -> Result<AclEntry, Why> {
    let wrong = |problem| read::malformed(resource, "Entries", problem);
    let ports = match item.get("PortRange").filter(|range| !range.is_null()) {
        None => PortSet::all(),
        Some(range) => match (range.get("From").and_then(Value::as_i64), range.get("To").and_then(Value::as_i64)) {
            (Some(from), Some(to)) => port_range(from, to),
            (None, None) => PortSet::all(),
            _ => return Err(wrong("an entry has half a port range")),
        },
    };
    let action = match item.get("RuleAction").and_then(Value::as_str) {
        Some("allow") => Action::Allow,
        Some("deny") => Action::Deny,
        _ => return Err(wrong("an entry neither allows nor denies")),
    };
    Ok(AclEntry {
        net: cidr(resource, item.get("CidrBlock").or_else(|| item.get("Ipv6CidrBlock")))?,
        traffic: traffic(item.get("Protocol"), ports).ok_or_else(|| wrong("an entry has no protocol"))?,
        action,
        number: item.get("RuleNumber").and_then(Value::as_i64).ok_or_else(|| wrong("an entry has no number"))?,
        position,
    })
}

fn traffic(protocol: Option<&Value>, ports: PortSet) -> Option<Traffic> {
    Some(match protocol?.as_str()? {
        "-1" => Traffic { tcp: PortSet::all(), udp: PortSet::all() },
        "tcp" | "6" => Traffic { tcp: ports, udp: PortSet::default() },
        "udp" | "17" => Traffic { tcp: PortSet::default(), udp: ports },
        _ => Traffic::default(),
    })
}

fn port_range(from: i64, to: i64) -> PortSet {
    if from == -1 || to == -1 {
        return PortSet::all();
    }
    let port = |port: i64| u16::try_from(port.clamp(0, i64::from(u16::MAX))).unwrap_or(u16::MAX);
    PortSet::range(port(from), port(to))
}

fn cidr(resource: &Resource, value: Option<&Value>) -> Result<IpNet, Why> {
    let text = value.and_then(Value::as_str);
    let net = text.and_then(|text| text.parse::<IpNet>().ok()).map(|net| net.trunc());
    net.ok_or_else(|| read::malformed(resource, "address range", "it is not CIDR notation"))
}
