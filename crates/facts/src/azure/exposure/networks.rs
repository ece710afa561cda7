use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
    rc::Rc,
    sync::Arc,
};

use ipnet::IpNet;
use serde_json::Value;
use skywarden_inventory::{Inventory, Passing};
use skywarden_model::{Resource, UnreadableKind, subscription_of};

use super::{
    balancers::Balancer,
    firewalls::Translations,
    groups::{Group, net},
    managers::Managers,
    routes::Routes,
};
use crate::{
    lately::Lately,
    read::{self, Failures, Why},
};

pub(crate) const GROUP: &str = "Microsoft.Network/networkSecurityGroups";
pub(crate) const INTERFACE: &str = "Microsoft.Network/networkInterfaces";
pub(crate) const PUBLIC_ADDRESS: &str = "Microsoft.Network/publicIPAddresses";
pub(crate) const NETWORK: &str = "Microsoft.Network/virtualNetworks";
pub(crate) const SUBNET: &str = "Microsoft.Network/virtualNetworks/subnets";
pub(crate) const ROUTE_TABLE: &str = "Microsoft.Network/routeTables";
pub(crate) const BALANCER: &str = "Microsoft.Network/loadBalancers";
pub(crate) const GATEWAY: &str = "Microsoft.Network/applicationGateways";
pub(crate) const FIREWALL: &str = "Microsoft.Network/azureFirewalls";
pub(crate) const FIREWALL_POLICY: &str = "Microsoft.Network/firewallPolicies";
pub(crate) const RULE_COLLECTIONS: &str = "Microsoft.Network/firewallPolicies/ruleCollectionGroups";
pub(crate) const ADDRESS_LIST: &str = "Microsoft.Network/ipGroups";
pub(crate) const MANAGER: &str = "Microsoft.Network/networkManagers";
pub(crate) const MACHINE: &str = "Microsoft.Compute/virtualMachines";
pub(crate) const SCALE_SET: &str = "Microsoft.Compute/virtualMachineScaleSets";

/// A subnet, and what guards it.
pub(crate) struct Subnet {
    /// The network that it lies in.
    pub(crate) network: String,
    pub(crate) group: Option<Box<str>>,
    pub(crate) table: Option<Box<str>>,
    pub(crate) ranges: Vec<IpNet>,
}

/// Everything of Azure that traffic passes on its way, as one resource is asked about: interfaces and addresses, of which there are many,
/// are opened in passing.
#[derive(Clone, Copy)]
pub(crate) struct Networks<'a> {
    pub(crate) index: &'a Index<'a>,
    passing: &'a Passing,
}

/// The same, indexed once by folded id.
pub(crate) struct Index<'a> {
    inventory: Inventory<'a>,
    /// Places of those that are opened when something leads to them.
    places: HashMap<Cow<'a, str>, usize>,
    groups: Lately<Group>,
    subnets: HashMap<String, Result<Subnet, Why>>,
    /// By network: the networks that it is peered with.
    peers: BTreeMap<String, Result<BTreeSet<String>, Why>>,
    tables: Lately<Result<Routes, Why>>,
    balancers: Lately<Result<Balancer, Why>>,
    /// By network and address: the pools of load balancers that name a backend by its address.
    addressed_pools: BTreeMap<(String, IpAddr), Vec<String>>,
    /// By address: the interfaces that have it; only of addresses that pools name.
    addressed_interfaces: BTreeMap<IpAddr, Vec<(usize, usize)>>,
    /// By scale set: the machines that are in it.
    members: BTreeMap<String, Vec<usize>>,
    pub(crate) translations: Translations<'a>,
    pub(crate) managers: Managers<'a>,
    pub(crate) failures: &'a Failures<'a>,
}

impl<'a> Index<'a> {
    pub(crate) fn new(inventory: Inventory<'a>, failures: &'a Failures<'a>) -> Self {
        let mut index = Self {
            inventory,
            places: HashMap::new(),
            groups: Lately::default(),
            subnets: HashMap::new(),
            peers: BTreeMap::new(),
            tables: Lately::default(),
            balancers: Lately::default(),
            addressed_pools: BTreeMap::new(),
            addressed_interfaces: BTreeMap::new(),
            members: BTreeMap::new(),
            translations: Translations::default(),
            managers: Managers::default(),
            failures,
        };
        let mut firewalls = Vec::new();
        for (place, type_name) in inventory.places() {
            index.add(place, type_name, &mut firewalls);
        }
        firewalls.sort_unstable_by(|a: &&Resource, b| a.id.cmp(&b.id));
        index.translations = Translations::new(&firewalls, &index.seen_by(&Passing::new()));
        index.add_addresses();
        let in_order = |place: &usize| inventory.id(*place);
        index.members.values_mut().for_each(|members| members.sort_unstable_by_key(in_order));
        index
    }

    /// For one resource that is asked about.
    pub(crate) fn seen_by<'s>(&'s self, passing: &'s Passing) -> Networks<'s> {
        Networks { index: self, passing }
    }

    fn add(&mut self, place: usize, type_name: &str, firewalls: &mut Vec<&'a Resource>) {
        let inventory = self.inventory;
        let Some(id) = inventory.id(place).map(|id| folded(id.as_str())) else { return };
        match type_name {
            NETWORK => {
                if let Some(resource) = inventory.open(place) {
                    self.add_network(&resource);
                }
                self.places.insert(id, place);
            }
            SUBNET => {
                let network = id.split_once("/subnets/").map(|(network, _)| network.to_owned());
                if let (Some(network), Some(resource)) = (network, inventory.open(place)) {
                    self.subnets.insert(id.into_owned(), subnet_of(&resource, &resource.properties, network));
                }
            }
            BALANCER => {
                let Some(resource) = inventory.open(place) else { return };
                for (key, pool) in Balancer::new(&resource).iter().flat_map(Balancer::addressed) {
                    self.addressed_pools.entry(key).or_default().push(pool);
                }
                self.places.insert(id, place);
            }
            MANAGER => {
                if let Some(resource) = inventory.hold(place) {
                    self.managers.add(resource);
                }
            }
            MACHINE => {
                let resource = inventory.open(place);
                if let Some(Ok(Some(set))) = resource.as_deref().map(|own| read::text(own, &["virtualMachineScaleSet", "id"])) {
                    self.members.entry(set.to_ascii_lowercase()).or_default().push(place);
                }
            }
            FIREWALL => firewalls.extend(inventory.hold(place)),
            GROUP | ROUTE_TABLE | INTERFACE | PUBLIC_ADDRESS | FIREWALL_POLICY | RULE_COLLECTIONS | ADDRESS_LIST | SCALE_SET => {
                self.places.insert(id, place);
            }
            _ => {}
        }
    }

    fn add_network(&mut self, resource: &Resource) {
        let network = folded(resource.id.as_str()).into_owned();
        for item in read::list(resource, &["subnets"]).unwrap_or_default() {
            let id = item.get("id").and_then(Value::as_str).map(str::to_ascii_lowercase).or_else(|| {
                let name = item.get("name").and_then(Value::as_str)?;
                Some(format!("{network}/subnets/{}", name.to_ascii_lowercase()))
            });
            if let (Some(id), Some(properties)) = (id, item.get("properties")) {
                self.subnets.insert(id, subnet_of(resource, properties, network.clone()));
            }
        }
        let peers = read::list(resource, &["virtualNetworkPeerings"]).map(|items| {
            let remote = |item: &Value| Some(item.pointer("/properties/remoteVirtualNetwork/id")?.as_str()?.to_ascii_lowercase());
            items.iter().filter_map(remote).collect()
        });
        self.peers.insert(network, peers);
    }

    fn add_addresses(&mut self) {
        let wanted: BTreeSet<IpAddr> = self.addressed_pools.keys().map(|(_, address)| *address).collect();
        if wanted.is_empty() {
            return;
        }
        let inventory = self.inventory;
        for (place, _) in inventory.places().filter(|(_, type_name)| *type_name == INTERFACE) {
            let Some(resource) = inventory.open(place) else { continue };
            for (nth, item) in read::list(&resource, &["ipConfigurations"]).unwrap_or_default().iter().enumerate() {
                let address = item.pointer("/properties/privateIPAddress").and_then(Value::as_str);
                if let Some(address) = address.and_then(|text| text.parse().ok()).filter(|address| wanted.contains(address)) {
                    self.addressed_interfaces.entry(address).or_default().push((place, nth));
                }
            }
        }
        let in_order = |(place, nth): &(usize, usize)| (inventory.id(*place), *nth);
        self.addressed_interfaces.values_mut().for_each(|all| all.sort_by_key(in_order));
    }
}

impl<'a> Networks<'a> {
    pub(crate) fn resource(&self, type_name: &str, id: &str) -> Result<&'a Resource, Why> {
        let place = self.place(type_name, id);
        let found = place.and_then(|place| self.index.inventory.open_in(place, self.passing));
        found.ok_or_else(|| self.missing(type_name, id))
    }

    pub(crate) fn group(&self, id: &str) -> Result<Rc<Group>, Why> {
        self.lately(&self.index.groups, GROUP, id, Group::new)
    }

    fn lately<T>(&self, lately: &Lately<T>, type_name: &str, id: &str, read: impl FnOnce(&Resource) -> T) -> Result<Rc<T>, Why> {
        let place = self.place(type_name, id);
        let own = place.and_then(|place| lately.of(place, || self.index.inventory.open(place).as_deref().map(read)));
        own.ok_or_else(|| self.missing(type_name, id))
    }

    fn place(&self, type_name: &str, id: &str) -> Option<usize> {
        let place = *self.index.places.get(&*folded(id))?;
        (self.index.inventory.type_name(place)?.as_str() == type_name).then_some(place)
    }

    pub(crate) fn table(&self, id: &str) -> Result<Rc<Result<Routes, Why>>, Why> {
        self.lately(&self.index.tables, ROUTE_TABLE, id, Routes::new)
    }

    pub(crate) fn balancer(&self, id: &str) -> Result<Rc<Result<Balancer, Why>>, Why> {
        self.lately(&self.index.balancers, BALANCER, id, Balancer::new)
    }

    pub(crate) fn subnet(&self, id: &str) -> Result<&'a Subnet, Why> {
        let id = folded(id);
        if let Some(subnet) = self.index.subnets.get(&*id) {
            return subnet.as_ref().map_err(Why::clone);
        }
        let Some((network, _)) = id.split_once("/subnets/") else {
            return Err(read::why(UnreadableKind::Failed, &format!("find subnet {id}"), "this is no id of a subnet"));
        };
        read::list(self.resource(NETWORK, network)?, &["subnets"])?;
        Err(self.missing(NETWORK, &id))
    }

    /// The networks with which one exchanges traffic directly.
    pub(crate) fn peers(&self, network: &str) -> Result<&'a BTreeSet<String>, Why> {
        let peers = self.index.peers.get(&*folded(network)).ok_or_else(|| self.missing(NETWORK, network))?;
        peers.as_ref().map_err(Why::clone)
    }

    pub(crate) fn has_network(&self, id: &str) -> bool {
        self.index.peers.contains_key(id)
    }

    pub(crate) fn members(&self, scale_set: &str) -> impl Iterator<Item = &'a Resource> {
        let (index, passing) = (self.index, self.passing);
        let places = index.members.get(&*folded(scale_set)).into_iter().flatten();
        places.filter_map(move |place| index.inventory.open_in(*place, passing))
    }

    pub(crate) fn addressed_pools(&self, network: &str, address: IpAddr) -> &'a [String] {
        self.index.addressed_pools.get(&(network.to_owned(), address)).map_or(&[], Vec::as_slice)
    }

    /// The interfaces with an address, each with the place of its configuration, whatever network they lie in.
    pub(crate) fn addressed_interfaces(&self, address: IpAddr) -> impl Iterator<Item = (&'a Resource, usize)> {
        let (index, passing) = (self.index, self.passing);
        let found = index.addressed_interfaces.get(&address).into_iter().flatten();
        found.filter_map(move |(place, nth)| Some((index.inventory.open_in(*place, passing)?, *nth)))
    }

    /// Why there may be resources of a type in a subscription that were not seen.
    pub(crate) fn unseen(&self, type_name: &str, account: &str) -> Option<Why> {
        let failed = self.index.failures.anywhere(type_name, account);
        failed.or_else(|| (!self.index.failures.is_listed(type_name, account)).then(|| not_listed(type_name, account, type_name)))
    }

    /// Why something that is pointed at is not there: its listing failed, was not made, or was complete without it.
    pub(crate) fn missing(&self, type_name: &str, id: &str) -> Why {
        let id = folded(id);
        let account = account_of(&id);
        self.index.failures.anywhere(type_name, account).unwrap_or_else(|| {
            if self.index.failures.is_listed(type_name, account) {
                let message = "it is pointed at, but a complete listing does not hold it: it was made or removed meanwhile";
                read::why(UnreadableKind::NotYetKnown, &format!("find {id}"), message)
            } else {
                not_listed(type_name, account, &id)
            }
        })
    }
}

/// An id as it is compared: ARM tells ids apart without case.
pub(crate) fn folded(id: &str) -> Cow<'_, str> {
    if id.bytes().any(|byte| byte.is_ascii_uppercase()) { Cow::Owned(id.to_ascii_lowercase()) } else { Cow::Borrowed(id) }
}

/// The subscription of a folded id.
pub(crate) fn account_of(id: &str) -> &str {
    subscription_of(id).unwrap_or_default()
}

/// The id in a member that points at something: `{ "id": ... }`.
pub(crate) fn pointed<'a>(properties: &'a Value, member: &str) -> Option<&'a str> {
    properties.get(member)?.get("id")?.as_str().filter(|id| !id.is_empty())
}

/// The ids in a list of pointers.
pub(crate) fn pointed_all<'a>(properties: &'a Value, member: &str) -> Vec<&'a str> {
    properties.get(member).and_then(Value::as_array).map(|items| read::column(items, "id")).unwrap_or_default()
}

fn not_listed(type_name: &str, account: &str, what: &str) -> Why {
    let message = format!("{type_name} was not listed in subscription {account}");
    read::why(UnreadableKind::NotCarried, &format!("find {what}"), &message)
}

fn subnet_of(resource: &Resource, properties: &Value, network: String) -> Result<Subnet, Why> {
    if let Some(entry) = resource.unreadable.first().filter(|_| resource.type_name.as_str() == SUBNET) {
        return Err(Arc::clone(&entry.reason));
    }
    let many = properties.get("addressPrefixes").and_then(Value::as_array).into_iter().flatten();
    let ranges = properties.get("addressPrefix").into_iter().chain(many).filter_map(Value::as_str).filter_map(net).collect();
    let at = |member: &str| pointed(properties, member).map(Into::into);
    Ok(Subnet { network, group: at("networkSecurityGroup"), table: at("routeTable"), ranges })
}
