use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use skywarden_model::{Evidence, UnreadableKind};

use crate::{
    network::{Action, INTERNET_PREFIX_V4, INTERNET_PREFIX_V6, Traffic, is_internet},
    ports::PortSet,
    reach::{Family, split},
    read::{self, Why},
};

/// Where traffic comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// A range of addresses.
    Net(IpNet),
    /// The addresses of a service tag from which any tenant can send: what it rents there lies in it.
    Tag(Arc<str>),
    /// Something inside the network that passes traffic on: the address of a firewall.
    Inside(Option<IpAddr>),
}

/// What a rule says about where traffic comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// `*`: everything.
    Everyone,
    /// The service tag `Internet`: every address outside private networks.
    Internet,
    /// The service tag `VirtualNetwork`.
    Network,
    /// Another service tag.
    Tag(Arc<str>),
    Net(IpNet),
}

/// What a rule says about where traffic goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    Everything,
    Net(IpNet),
    /// An application security group, its id folded.
    Group(String),
    /// A service tag of something else.
    Elsewhere,
}

/// Whether a rule is about every port from which a client can send; a client chooses its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientPorts {
    All,
    Some,
}

/// One rule of a list of which the first that matches decides.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) action: Action,
    pub(crate) priority: i64,
    pub(crate) sources: Vec<Source>,
    pub(crate) destinations: Vec<Destination>,
    pub(crate) client_ports: ClientPorts,
    pub(crate) traffic: Traffic,
    /// What is observed where it decides.
    pub(crate) evidence: Evidence,
}

/// What traffic meets: who is asked for, and what is special about the network around.
pub(crate) struct Target<'a> {
    /// Its own private address.
    pub(crate) address: Address,
    /// Its application security groups, folded.
    pub(crate) groups: &'a Result<Vec<String>, Why>,
    /// Ranges of user-defined routes wide enough to be the internet: `VirtualNetwork` holds the prefixes of such routes.
    pub(crate) routed: &'a Result<Vec<IpNet>, Why>,
}

/// Where something lies in its network.
#[derive(Debug, Clone)]
pub(crate) enum Address {
    Known(IpAddr),
    /// Somewhere in these ranges.
    Within(Vec<IpNet>),
    Unknown(Why),
    /// Not its own: what comes keeps another destination.
    Foreign(Why),
}

/// Traffic that is let in, or would be if the doubt were resolved.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Opening {
    pub(crate) origin: Origin,
    pub(crate) traffic: Traffic,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) doubt: Option<Why>,
}

/// Puts rules in the order in which they decide. Equal priorities do not exist in Azure; Deny first makes the order certain.
pub(crate) fn sort(rules: &mut [Rule]) {
    rules.sort_by(|a, b| {
        let key = |rule: &Rule| (rule.priority, rule.action == Action::Allow);
        key(a).cmp(&key(b)).then_with(|| a.evidence.field.cmp(&b.evidence.field))
    });
}

/// What the rules let in from the internet: ranges that count as it, and tags of any tenant.
pub(crate) fn from_internet(rules: &[Rule], family: Family, target: &Target<'_>) -> Vec<Opening> {
    let whole = match family {
        Family::V4 => IpNet::V4(Ipv4Net::default()),
        Family::V6 => IpNet::V6(Ipv6Net::default()),
    };
    let named = rules.iter().flat_map(|rule| &rule.sources).filter_map(|source| match source {
        Source::Net(net) => Some(*net),
        _ => None,
    });
    let mut cuts: Vec<IpNet> = named
        .chain(target.routed.iter().flatten().copied())
        .filter(|net| is_cut(net) && *net != whole && whole.contains(net))
        .collect();
    cuts.sort_unstable();
    cuts.dedup();
    let mut pieces = Vec::new();
    split(whole, &cuts, &mut pieces);

    let mut sure = Vec::new();
    let mut openings = Vec::new();
    for piece in pieces {
        let verdict = decide(rules, &Origin::Net(piece), target);
        if verdict.open != Traffic::default() {
            sure.push((piece, verdict.open, verdict.allowing));
        }
        if let Some((traffic, why)) = verdict.doubtful {
            openings.push(Opening { origin: Origin::Net(piece), traffic, evidence: Vec::new(), doubt: Some(why) });
        }
    }
    openings.extend(joined(rules, &sure));
    let mut tags: Vec<&Arc<str>> = rules
        .iter()
        .filter(|rule| rule.action == Action::Allow)
        .flat_map(|rule| &rule.sources)
        .filter_map(|source| match source {
            Source::Tag(tag) if is_of_any_tenant(tag) => Some(tag),
            _ => None,
        })
        .collect();
    tags.sort_unstable();
    tags.dedup();
    for tag in tags {
        let origin = Origin::Tag(Arc::clone(tag));
        openings.extend(opened(rules, &origin, target));
    }
    openings
}

/// Pieces that let the same port in make up ranges together, port by port as far as rules tell ports apart.
fn joined(rules: &[Rule], pieces: &[(IpNet, Traffic, Vec<usize>)]) -> Vec<Opening> {
    let mut open: BTreeMap<IpNet, Traffic> = BTreeMap::new();
    if let [(net, traffic, _)] = pieces {
        open.extend(is_internet(net).then(|| (*net, traffic.clone())));
    } else {
        let tcp: Vec<(IpNet, &PortSet)> = pieces.iter().map(|(net, traffic, _)| (*net, &traffic.tcp)).collect();
        let udp: Vec<(IpNet, &PortSet)> = pieces.iter().map(|(net, traffic, _)| (*net, &traffic.udp)).collect();
        for (net, ports) in together(&tcp) {
            open.entry(net).or_default().tcp = ports;
        }
        for (net, ports) in together(&udp) {
            open.entry(net).or_default().udp = ports;
        }
    }
    let opening = |(net, traffic): (IpNet, Traffic)| {
        let parts = pieces.iter().filter(|(part, ..)| net.contains(part));
        let places: BTreeSet<usize> = parts.flat_map(|(.., allowing)| allowing.iter().copied()).collect();
        let opens = |rule: &&Rule| rule.traffic.intersection(&traffic) != Traffic::default();
        let deciding = places.iter().filter_map(|place| rules.get(*place)).filter(opens);
        let evidence = deciding.map(|rule| rule.evidence.clone()).collect();
        Opening { origin: Origin::Net(net), traffic, evidence, doubt: None }
    };
    open.into_iter().map(opening).collect()
}

/// The ranges that count as the internet, each with the ports that are open in all of it.
fn together(pieces: &[(IpNet, &PortSet)]) -> BTreeMap<IpNet, PortSet> {
    let mut open: BTreeMap<IpNet, PortSet> = BTreeMap::new();
    for (from, to) in alike(pieces.iter().map(|(_, ports)| *ports)) {
        let nets: Vec<IpNet> = pieces.iter().filter(|(_, ports)| ports.contains(from)).map(|(net, _)| *net).collect();
        for net in IpNet::aggregate(&nets).into_iter().filter(is_internet) {
            let ports = open.entry(net).or_default();
            *ports = ports.union(&PortSet::range(from, to));
        }
    }
    open
}

/// The ranges of ports that no set of several tells apart.
fn alike<'a>(sets: impl Iterator<Item = &'a PortSet>) -> Vec<(u16, u16)> {
    let mut starts = BTreeSet::from([0]);
    for (from, to) in sets.flat_map(PortSet::ranges) {
        starts.insert(*from);
        starts.extend(to.checked_add(1));
    }
    let ends = starts.iter().skip(1).map(|next| next.saturating_sub(1)).chain([u16::MAX]);
    starts.iter().copied().zip(ends).collect()
}

/// What the rules let in from one origin.
pub(crate) fn opened(rules: &[Rule], origin: &Origin, target: &Target<'_>) -> Vec<Opening> {
    let verdict = decide(rules, origin, target);
    let evidence = verdict.allowing.iter().filter_map(|place| rules.get(*place)).map(|rule| rule.evidence.clone()).collect();
    let sure = Opening { origin: origin.clone(), traffic: verdict.open, evidence, doubt: None };
    let doubtful = verdict.doubtful.map(|(traffic, why)| Opening {
        origin: origin.clone(),
        traffic,
        evidence: Vec::new(),
        doubt: Some(why),
    });
    std::iter::once(sure).filter(|opening| opening.traffic != Traffic::default()).chain(doubtful).collect()
}

/// What gets through both.
pub(crate) fn through_both(first: &[Opening], second: &[Opening]) -> Vec<Opening> {
    let mut both = Vec::new();
    for a in first {
        for b in second {
            let Some(origin) = common(&a.origin, &b.origin) else { continue };
            let traffic = a.traffic.intersection(&b.traffic);
            if traffic == Traffic::default() {
                continue;
            }
            let doubt = a.doubt.clone().or_else(|| b.doubt.clone()).or_else(|| partly(&a.origin, &b.origin));
            let evidence = a.evidence.iter().chain(&b.evidence).cloned().collect();
            both.push(Opening { origin, traffic, evidence, doubt });
        }
    }
    both
}

/// Whether any tenant can send from the addresses of a service tag: `AzureCloud` and its regions hold what is rented there.
///
/// Tags of single services are narrower than the house's limit.
pub(crate) fn is_of_any_tenant(tag: &str) -> bool {
    tag.split('.').next().is_some_and(|first| first.eq_ignore_ascii_case("AzureCloud"))
}

/// Narrower ranges neither open nor close what counts as the internet.
fn is_cut(net: &IpNet) -> bool {
    match net {
        IpNet::V4(net) => net.prefix_len() <= INTERNET_PREFIX_V4,
        IpNet::V6(net) => net.prefix_len() <= INTERNET_PREFIX_V6,
    }
}

fn common(a: &Origin, b: &Origin) -> Option<Origin> {
    match (a, b) {
        (Origin::Net(a), Origin::Net(b)) if a.contains(b) => Some(Origin::Net(*b)),
        (Origin::Net(a), Origin::Net(b)) if b.contains(a) => Some(Origin::Net(*a)),
        (Origin::Tag(tag), Origin::Tag(other)) if covers(other, tag) => Some(Origin::Tag(Arc::clone(tag))),
        (Origin::Tag(tag), Origin::Tag(other)) if covers(tag, other) => Some(Origin::Tag(Arc::clone(other))),
        (Origin::Tag(tag), Origin::Net(IpNet::V4(_))) | (Origin::Net(IpNet::V4(_)), Origin::Tag(tag)) => {
            Some(Origin::Tag(Arc::clone(tag)))
        }
        (Origin::Inside(a), Origin::Inside(b)) if a == b => Some(Origin::Inside(*a)),
        _ => None,
    }
}

/// Why it is not known whether a range holds any address of a tag; the whole internet does.
fn partly(a: &Origin, b: &Origin) -> Option<Why> {
    let (tag, net) = match (a, b) {
        (Origin::Tag(tag), Origin::Net(net)) | (Origin::Net(net), Origin::Tag(tag)) => (tag, net),
        _ => return None,
    };
    let message = "the addresses of service tags are not collected";
    (net.prefix_len() > 0).then(|| read::why(UnreadableKind::NotYetKnown, &format!("resolve the service tag {tag}"), message))
}

/// Whether a tag holds what another holds: `AzureCloud` holds `AzureCloud.westeurope`.
fn covers(tag: &str, other: &str) -> bool {
    let rest = other.get(..tag.len()).filter(|start| start.eq_ignore_ascii_case(tag)).and_then(|_| other.get(tag.len()..));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

struct Verdict {
    open: Traffic,
    /// The places of the rules that open it.
    allowing: Vec<usize>,
    doubtful: Option<(Traffic, Why)>,
}

/// The first rule that matches a port decides; what none matches is denied.
fn decide(rules: &[Rule], origin: &Origin, target: &Target<'_>) -> Verdict {
    let mut left = Traffic::all();
    let mut verdict = Verdict { open: Traffic::default(), allowing: Vec::new(), doubtful: None };
    // What a rule may have denied before: whatever allows it later does so in doubt.
    let mut shaky: Option<(Traffic, Why)> = None;
    // What is denied to some ports of clients: a rule that allows others may or may not open it.
    let mut denied_to_some = Traffic::default();
    for (place, rule) in rules.iter().enumerate() {
        let hit = left.intersection(&rule.traffic);
        if hit == Traffic::default() {
            continue;
        }
        match (rule.action, rule.client_ports, matches(rule, origin, target)) {
            (_, _, Match::No) => {}
            // A client sends from a port that is not denied.
            (Action::Deny, ClientPorts::Some, _) => denied_to_some = denied_to_some.union(&hit),
            (Action::Deny, ClientPorts::All, Match::Maybe(why)) => add(&mut shaky, &hit, &why),
            (Action::Deny, ClientPorts::All, Match::Yes) => left = left.difference(&hit),
            (Action::Allow, _, Match::Maybe(why)) => add(&mut verdict.doubtful, &hit, &why),
            (Action::Allow, client_ports, Match::Yes) => {
                let mut sure = hit.clone();
                if client_ports == ClientPorts::Some && hit.intersection(&denied_to_some) != Traffic::default() {
                    let operation = format!("compare the ports of clients in {}", rule.evidence.field);
                    let why = read::why(UnreadableKind::Failed, &operation, "another rule denies some of them before");
                    add(&mut verdict.doubtful, &hit.intersection(&denied_to_some), &why);
                    sure = sure.difference(&denied_to_some);
                }
                if let Some((traffic, why)) = &shaky {
                    let doubtful = sure.intersection(traffic);
                    if doubtful != Traffic::default() {
                        add(&mut verdict.doubtful, &doubtful, why);
                        sure = sure.difference(traffic);
                    }
                }
                if sure != Traffic::default() {
                    left = left.difference(&sure);
                    verdict.open = verdict.open.union(&sure);
                    verdict.allowing.push(place);
                }
            }
        }
    }
    verdict.doubtful = verdict.doubtful.and_then(|(traffic, why)| {
        let rest = traffic.difference(&verdict.open);
        (rest != Traffic::default()).then_some((rest, why))
    });
    verdict
}

fn add(sum: &mut Option<(Traffic, Why)>, traffic: &Traffic, why: &Why) {
    let (all, _) = sum.get_or_insert_with(|| (Traffic::default(), Arc::clone(why)));
    *all = all.union(traffic);
}

enum Match {
    Yes,
    No,
    Maybe(Why),
}

impl Match {
    fn of(is_match: bool) -> Self {
        if is_match { Self::Yes } else { Self::No }
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::Maybe(why), _) | (_, Self::Maybe(why)) => Self::Maybe(why),
            _ => Self::No,
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Maybe(why), _) | (_, Self::Maybe(why)) => Self::Maybe(why),
            _ => Self::Yes,
        }
    }
}

fn matches(rule: &Rule, origin: &Origin, target: &Target<'_>) -> Match {
    let sources = rule.sources.iter().map(|source| is_from(source, origin, rule.action, target.routed));
    let from = sources.fold(Match::No, Match::or);
    if matches!(from, Match::No) {
        return Match::No;
    }
    let destinations = rule.destinations.iter().map(|destination| is_to(destination, target));
    from.and(destinations.fold(Match::No, Match::or))
}

fn is_from(source: &Source, origin: &Origin, action: Action, routed: &Result<Vec<IpNet>, Why>) -> Match {
    let in_route = |is_in: bool| {
        let message = "`VirtualNetwork` may hold the default route that the subnet's route table has";
        if is_in {
            Match::Maybe(read::why(UnreadableKind::NotYetKnown, "resolve the service tag VirtualNetwork", message))
        } else {
            Match::No
        }
    };
    match (source, origin) {
        (Source::Everyone, _) => Match::Yes,
        (Source::Internet, origin) => Match::of(!matches!(origin, Origin::Inside(_))),
        (Source::Network, Origin::Inside(_)) => Match::Yes,
        (Source::Network, origin) => match routed {
            Ok(routes) => in_route(match origin {
                Origin::Net(net) => routes.iter().any(|route| route.contains(net)),
                _ => !routes.is_empty(),
            }),
            Err(why) => Match::Maybe(Arc::clone(why)),
        },
        (Source::Tag(tag), Origin::Tag(origin)) => Match::of(covers(tag, origin)),
        (Source::Tag(_), _) => Match::No,
        (Source::Net(net), Origin::Net(origin)) => Match::of(net.contains(origin)),
        (Source::Net(net), Origin::Inside(Some(address))) => Match::of(net.contains(address)),
        (Source::Net(net), Origin::Inside(None)) if net.prefix_len() > 0 => {
            Match::Maybe(read::why(UnreadableKind::NotYetKnown, "find the private address of a firewall", "it has none yet"))
        }
        (Source::Net(net), Origin::Inside(None)) => Match::of(matches!(net, IpNet::V4(_))),
        (Source::Net(net), Origin::Tag(_)) if net.prefix_len() == 0 => Match::of(matches!(net, IpNet::V4(_))),
        // Wide ranges hold some of the tag's addresses: what they allow counts as itself, what they deny leaves an open question.
        (Source::Net(net), Origin::Tag(tag)) if action == Action::Deny && is_internet(net) => {
            let message = "the addresses of service tags are not collected";
            Match::Maybe(read::why(UnreadableKind::NotYetKnown, &format!("resolve the service tag {tag}"), message))
        }
        (Source::Net(_), Origin::Tag(_)) => Match::No,
    }
}

fn is_to(destination: &Destination, target: &Target<'_>) -> Match {
    match (destination, &target.address) {
        (Destination::Everything, _) => Match::Yes,
        (Destination::Elsewhere, _) => Match::No,
        (Destination::Group(group), _) => match target.groups {
            Ok(groups) => Match::of(groups.contains(group)),
            Err(why) => Match::Maybe(Arc::clone(why)),
        },
        (Destination::Net(net), Address::Known(address)) => Match::of(net.contains(address)),
        (Destination::Net(net), Address::Within(ranges)) => {
            if !ranges.is_empty() && ranges.iter().all(|range| net.contains(range)) {
                Match::Yes
            } else if ranges.iter().any(|range| net.contains(range) || range.contains(net)) {
                let message = "its private address in the subnet is not told";
                Match::Maybe(read::why(UnreadableKind::NotYetKnown, "compare a rule's destination", message))
            } else {
                Match::No
            }
        }
        (Destination::Net(net), Address::Unknown(why) | Address::Foreign(why)) => {
            if net.prefix_len() == 0 {
                Match::Yes
            } else {
                Match::Maybe(Arc::clone(why))
            }
        }
    }
}
