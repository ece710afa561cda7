use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde_json::{Value, json};
use skywarden_model::{Evidence, Resource, ResourceId};

use super::{
    groups::net,
    rules::{Opening, Origin},
};
use crate::{
    network::{Traffic, is_internet},
    reach::{Family, split},
    read::{self, Why},
    sheet::seen_of,
};

/// A route table, as far as it is about answers to the internet.
///
/// Traffic that comes in by a public address or a load balancer does not follow the subnet's routes; answers do. A route to `None`
/// swallows them, so that nothing can be used. A default route to an appliance or an on-premises network sends them elsewhere: what
/// comes in still arrives, and whether the answer finds its way depends on that appliance, so such a route closes nothing here.
pub(crate) struct Routes {
    id: ResourceId,
    routes: Vec<Route>,
}

struct Route {
    net: IpNet,
    hop: Hop,
    place: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Hop {
    Internet,
    /// `None`: what goes there is dropped.
    Nowhere,
    /// An appliance, a gateway, the network itself.
    Elsewhere,
}

impl Routes {
    pub(crate) fn new(resource: &Resource) -> Result<Self, Why> {
        let mut routes = Vec::new();
        for (place, item) in read::list(resource, &["routes"])?.iter().enumerate() {
            let text = |key: &str| item.get("properties").and_then(|it| it.get(key)).and_then(Value::as_str);
            let wrong = |problem| read::malformed(resource, &format!("routes[{place}]"), problem);
            let prefix = text("addressPrefix").ok_or_else(|| wrong("a route has no destination"))?;
            let hop = match text("nextHopType").ok_or_else(|| wrong("a route has no next hop"))?.to_ascii_lowercase().as_str() {
                "internet" => Hop::Internet,
                "none" => Hop::Nowhere,
                _ => Hop::Elsewhere,
            };
            // Any other destination is a service tag, narrower than what counts as the internet.
            if let Some(net) = net(prefix) {
                routes.push(Route { net, hop, place });
            }
        }
        Ok(Self { id: resource.id.clone(), routes })
    }

    /// Wide ranges that go elsewhere: the service tag `VirtualNetwork` may hold them.
    pub(crate) fn routed(&self) -> Vec<IpNet> {
        let elsewhere = self.routes.iter().filter(|route| route.hop == Hop::Elsewhere);
        let mut nets: Vec<IpNet> = elsewhere.map(|route| route.net).filter(is_internet).collect();
        nets.sort_unstable();
        nets
    }

    /// What is answered, where anything is not; the longest prefix decides.
    pub(crate) fn answered(&self, family: Family) -> Option<Vec<Opening>> {
        let whole = match family {
            Family::V4 => IpNet::V4(Ipv4Net::default()),
            Family::V6 => IpNet::V6(Ipv6Net::default()),
        };
        let own: Vec<&Route> = self.routes.iter().filter(|route| whole.contains(&route.net)).collect();
        if own.iter().all(|route| route.hop != Hop::Nowhere) {
            return None;
        }
        let mut cuts: Vec<IpNet> = own.iter().map(|route| route.net).filter(|net| *net != whole).collect();
        cuts.sort_unstable();
        cuts.dedup();
        let mut pieces = Vec::new();
        split(whole, &cuts, &mut pieces);
        pieces.retain(|piece| {
            let best = own.iter().filter(|route| route.net.contains(piece)).max_by_key(|route| route.net.prefix_len());
            best.is_none_or(|route| route.hop != Hop::Nowhere)
        });
        let opening = |net| Opening { origin: Origin::Net(net), traffic: Traffic::all(), evidence: Vec::new(), doubt: None };
        Some(IpNet::aggregate(&pieces).into_iter().filter(is_internet).map(opening).collect())
    }

    /// The route by which answers leave in another way than they came, if there is one.
    pub(crate) fn detour(&self) -> Option<Evidence> {
        let route = self
            .routes
            .iter()
            .filter(|route| route.hop == Hop::Elsewhere && is_internet(&route.net))
            .min_by_key(|it| it.place)?;
        let field = format!("routes[{}]", route.place);
        Some(seen_of(&self.id, field, "a route that sends answers elsewhere but keeps nothing out", json!(route.net.to_string())))
    }
}
