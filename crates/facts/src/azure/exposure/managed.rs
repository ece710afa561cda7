use std::{net::IpAddr, sync::Arc};

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};
use serde_json::{Value, json};
use skywarden_content::{AddressRules, Closing, IfAbsent, Otherwise, ServicePort, Setting, SettingsDoor, SettingsExposure};
use skywarden_model::{Evidence, Resource, UnreadableKind};

use super::{
    endpoints::{Asked, Unguarded},
    gateways::in_subnet,
    gathered::Gathered,
    groups::{joined, net, source},
    networks::Networks,
    rules::{self, Address, ClientPorts, Destination, Opening, Rule, Source, Target},
};
use crate::{
    exposure::narrow_to,
    network::{Action, Traffic, is_internet},
    reach::Family,
    read::{self, Why},
    sheet::{Fact, seen},
};

/// What stands for the addresses of every tenant in evidence and sources.
const ALL_OF_AZURE: &str = "AzureCloud";

/// A managed service that its own settings open or close.
pub(crate) fn managed<'a>(resource: &'a Resource, settings: &SettingsExposure, networks: &Networks<'a>) -> Fact {
    let mut found = Gathered::default();
    let closed = settings.closed_if.iter().map(|closing| closes(resource, closing));
    let closed = match closed.fold(Truth::No, Truth::or) {
        Truth::Yes => return narrow_to(found.into_reach(), Ok(Vec::new())),
        Truth::No => None,
        Truth::Unknown(why) => Some(why),
    };
    let mut families = vec![(Family::V4, None)];
    match any(resource, &settings.ipv6_if) {
        Truth::Yes => families.push((Family::V6, None)),
        Truth::No => {}
        Truth::Unknown(why) => families.push((Family::V6, Some(why))),
    }
    let always = [SettingsDoor {
        only_if: None,
        default_action: None,
        otherwise: Otherwise::Open,
        filtered_if: Vec::new(),
        rules: Vec::new(),
    }];
    let doors = if settings.doors.is_empty() { always.as_slice() } else { settings.doors.as_slice() };
    let switches = settings.closed_if.iter().filter_map(|closing| match closing {
        Closing::One(setting) if setting.absent == IfAbsent::Fails => Some(switch(resource, setting)),
        _ => None,
    });
    let switches: Vec<Evidence> = switches.collect();
    for (family, of_family) in families {
        let before = in_network(resource, settings, family, networks);
        for door in doors {
            let of_door = match door.only_if.as_ref().map(|setting| holds(resource, setting)) {
                Some(Truth::No) => continue,
                Some(Truth::Unknown(why)) => Some(why),
                Some(Truth::Yes) | None => None,
            };
            let mut openings = through_door(resource, door, family);
            if let Some(before) = &before {
                openings = rules::through_both(before, &openings);
            }
            for opening in openings {
                let doubts = [&closed, &of_family, &of_door, &opening.doubt];
                let doubt = doubts.into_iter().flatten().next().cloned();
                let evidence = switches.iter().cloned().chain(opening.evidence).collect();
                found.add(Opening { evidence, doubt, ..opening });
            }
        }
    }
    let mut ports = Vec::new();
    let mut unsure = None;
    for port in &settings.ports {
        match port {
            ServicePort::Always(port) => ports.push(*port),
            ServicePort::While { port, only_if } => match holds(resource, only_if) {
                Truth::Yes => ports.push(*port),
                Truth::No => {}
                Truth::Unknown(why) => unsure = unsure.or(Some(why)),
            },
        }
    }
    if let Some(why) = unsure.filter(|_| !found.is_empty()) {
        found.doubt(why);
    }
    narrow_to(found.into_reach(), Ok(ports))
}

/// What the network security group of its subnet lets in, where it lies in one.
fn in_network<'a>(
    resource: &'a Resource,
    settings: &SettingsExposure,
    family: Family,
    networks: &Networks<'a>,
) -> Option<Vec<Opening>> {
    let path = settings.subnet.as_ref()?;
    let names: Vec<&str> = path.split('.').collect();
    let subnet = read::text(resource, &names).transpose()?;
    let mut endpoint = in_subnet(resource, path.clone(), subnet);
    endpoint.family = family;
    Some(endpoint.openings(networks, &Asked::Internet, &Unguarded::Open(Vec::new())))
}

fn through_door(resource: &Resource, door: &SettingsDoor, family: Family) -> Vec<Opening> {
    let target = Target {
        address: Address::Unknown(read::malformed(resource, "address", "no rule asks for it")),
        groups: &Ok(Vec::new()),
        routed: &Ok(Vec::new()),
    };
    let everyone = |evidence: Evidence| Rule {
        action: Action::Allow,
        priority: i64::MAX,
        sources: vec![Source::Everyone],
        destinations: vec![Destination::Everything],
        client_ports: ClientPorts::All,
        traffic: Traffic::all(),
        evidence,
    };
    let in_doubt = |why: &Why| {
        let all = [everyone(seen(resource, "address", "", Value::Null))];
        let openings = rules::from_internet(&all, family, &target).into_iter();
        openings.map(|opening| Opening { evidence: Vec::new(), doubt: Some(Arc::clone(why)), ..opening }).collect::<Vec<_>>()
    };
    let mut all = Vec::new();
    let mut n_rules = 0;
    let mut hidden: Option<Why> = None;
    let mut doubts = Vec::new();
    for list in &door.rules {
        match address_rules(resource, list) {
            Ok((rules, n)) => {
                all.extend(rules);
                n_rules += n;
            }
            // Rules that only allow cannot close what is open without them.
            Err(why) if list.action.is_none() => {
                doubts.extend(in_doubt(&why));
                hidden = Some(why);
            }
            Err(why) => return in_doubt(&why),
        }
    }
    rules::sort(&mut all);
    match default_action(resource, door, n_rules, hidden) {
        Ok(Some(evidence)) => {
            all.push(everyone(evidence));
            doubts.clear();
        }
        Ok(None) => {}
        Err(why) => doubts.extend(in_doubt(&why)),
    }
    let mut openings = rules::from_internet(&all, family, &target);
    openings.extend(doubts);
    openings
}

/// What shows that addresses that no rule names get in; `None`: they do not.
fn default_action(
    resource: &Resource,
    door: &SettingsDoor,
    n_rules: usize,
    hidden: Option<Why>,
) -> Result<Option<Evidence>, Why> {
    let expected = "addresses that no rule names get in";
    if let Some(path) = &door.default_action {
        let names: Vec<&str> = path.split('.').collect();
        match read::text(resource, &names)? {
            Some(action) if action.eq_ignore_ascii_case("Allow") => {
                return Ok(Some(seen(resource, path, expected, json!(action))));
            }
            Some(action) if action.eq_ignore_ascii_case("Deny") => return Ok(None),
            Some(_) => return Err(read::malformed(resource, path, "it is neither `Allow` nor `Deny`")),
            None => {}
        }
    }
    match any(resource, &door.filtered_if) {
        Truth::Yes => return Ok(None),
        Truth::Unknown(why) if door.otherwise != Otherwise::Closed => return Err(why),
        Truth::Unknown(_) | Truth::No => {}
    }
    let list = door.rules.first().map(|rules| rules.list.clone());
    let path = door.default_action.clone().or(list).unwrap_or_else(|| "provisioningState".to_owned());
    let shown = |value: Value| Some(seen(resource, &path, expected, value));
    match (door.otherwise, n_rules, hidden) {
        (Otherwise::Closed, ..) => Ok(None),
        (Otherwise::Open, ..) => Ok(shown(Value::Null)),
        (Otherwise::OpenWithoutRules, 1.., _) => Ok(None),
        (Otherwise::OpenWithoutRules, 0, Some(why)) => Err(why),
        (Otherwise::OpenWithoutRules, 0, None) => Ok(shown(json!([]))),
    }
}

/// The rules of a list about addresses, and how many elements it has.
fn address_rules(resource: &Resource, list: &AddressRules) -> Result<(Vec<Rule>, usize), Why> {
    let names: Vec<&str> = list.list.split('.').collect();
    let items = read::list(resource, &names)?;
    let mut found = Vec::new();
    for (place, item) in items.iter().enumerate() {
        let path = format!("{}[{place}]", list.list);
        let wrong = |problem: &str| read::malformed(resource, &path, problem);
        let is_there = |path: &String| at(item, path).is_some_and(|value| !is_empty(value));
        let text = |path: &Option<String>| path.as_ref().and_then(|path| at(item, path)).and_then(Value::as_str).map(str::trim);
        if list.narrowed_by.iter().any(is_there) {
            continue;
        }
        let range = if list.range.is_none() && list.start.is_none() { item.as_str() } else { text(&list.range) };
        let pair = text(&list.start).zip(text(&list.end)).or_else(|| range.and_then(|range| range.split_once('-')));
        let all_of_azure = list.all_of_azure.as_deref().and_then(net);
        let is_azure = |text: &str| all_of_azure.is_some() && net(text) == all_of_azure;
        let sources = match (pair, range.filter(|range| !range.is_empty())) {
            (Some((first, last)), _) if is_azure(first) && is_azure(last) => vec![Source::Tag(ALL_OF_AZURE.into())],
            (Some((first, last)), _) if first.trim().parse::<IpAddr>().is_ok() => {
                pair_of(first, last).ok_or_else(|| wrong("its addresses are no range"))?
            }
            (_, Some(range)) if is_azure(range) => vec![Source::Tag(ALL_OF_AZURE.into())],
            (_, Some(range)) => {
                let ranges: Option<Vec<Source>> = range.split(',').map(source).collect();
                ranges.ok_or_else(|| wrong("it is neither a range nor a service tag"))?
            }
            // A rule about a subnet lets in nothing from outside, and keeps nothing of it out.
            (_, None) if list.instead.iter().any(is_there) => continue,
            _ => return Err(wrong("it has no address")),
        };
        let action = match text(&list.action) {
            Some(action) if action.eq_ignore_ascii_case("Deny") => Action::Deny,
            Some(action) if !action.is_empty() && !action.eq_ignore_ascii_case("Allow") => {
                return Err(wrong("it neither allows nor denies"));
            }
            _ => Action::Allow,
        };
        let priority = list.priority.as_ref().and_then(|path| at(item, path)).and_then(Value::as_i64);
        let shown = pair.map_or_else(|| json!(range), |(first, last)| json!(format!("{first}-{last}")));
        let expected = if sources == [Source::Tag(ALL_OF_AZURE.into())] {
            "a rule that lets in all of Azure, whichever tenant sends"
        } else {
            "a rule that lets in addresses"
        };
        found.push(Rule {
            action,
            priority: priority.unwrap_or(i64::MAX),
            sources: joined(sources),
            destinations: vec![Destination::Everything],
            client_ports: ClientPorts::All,
            traffic: Traffic::all(),
            evidence: seen(resource, path, expected, shown),
        });
    }
    Ok((found, items.len()))
}

/// The ranges between two addresses.
fn pair_of(first: &str, last: &str) -> Option<Vec<Source>> {
    let (first, last) = (first.trim().parse::<IpAddr>().ok()?, last.trim().parse::<IpAddr>().ok()?);
    if first > last {
        return None;
    }
    let (nets, n) = match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => {
            let n = u64::from(u32::from(last)) - u64::from(u32::from(first)) + 1;
            (Ipv4Subnets::new(first, last, 0).map(IpNet::V4).collect::<Vec<_>>(), n)
        }
        (IpAddr::V6(first), IpAddr::V6(last)) => (Ipv6Subnets::new(first, last, 0).map(IpNet::V6).collect(), 0),
        _ => return None,
    };
    let mut sources: Vec<Source> = nets.iter().copied().map(Source::Net).collect();
    // A range that begins and ends inside others may be wide although none of its aligned parts is.
    if n > 1 << 24
        && !nets.iter().any(is_internet)
        && let Some(around) = nets.iter().min_by_key(|net| net.prefix_len()).and_then(|net| {
            let IpNet::V4(net) = net else { return None };
            ipnet::Ipv4Net::new(net.network(), crate::network::INTERNET_PREFIX_V4 - 1).ok()
        })
    {
        sources.push(Source::Net(IpNet::V4(around.trunc())));
    }
    Some(sources)
}

/// What a setting says of a resource.
enum Truth {
    Yes,
    No,
    Unknown(Why),
}

impl Truth {
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::Unknown(why), _) | (_, Self::Unknown(why)) => Self::Unknown(why),
            _ => Self::No,
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Unknown(why), _) | (_, Self::Unknown(why)) => Self::Unknown(why),
            _ => Self::Yes,
        }
    }
}

fn closes(resource: &Resource, closing: &Closing) -> Truth {
    match closing {
        Closing::One(setting) => holds(resource, setting),
        Closing::All { all } => all.iter().map(|setting| holds(resource, setting)).fold(Truth::Yes, Truth::and),
    }
}

fn any(resource: &Resource, settings: &[Setting]) -> Truth {
    settings.iter().map(|setting| holds(resource, setting)).fold(Truth::No, Truth::or)
}

fn holds(resource: &Resource, setting: &Setting) -> Truth {
    let names: Vec<&str> = setting.path.split('.').collect();
    let value = match read::get(resource, &names) {
        Ok(value) => value.filter(|value| !is_empty(value)),
        Err(why) => return Truth::Unknown(why),
    };
    let Some(value) = value else {
        return match setting.absent {
            IfAbsent::Holds => Truth::Yes,
            IfAbsent::Fails => Truth::No,
            IfAbsent::Unknown => {
                let operation = format!("read {} of {}", setting.path, resource.id);
                Truth::Unknown(read::why(UnreadableKind::NotYetKnown, &operation, "it has no value"))
            }
        };
    };
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    let is_one = setting.is.iter().any(|wanted| wanted == "*" || (!text.is_empty() && wanted.eq_ignore_ascii_case(&text)));
    if is_one { Truth::Yes } else { Truth::No }
}

/// What shows that a switch is not set.
fn switch(resource: &Resource, setting: &Setting) -> Evidence {
    let names: Vec<&str> = setting.path.split('.').collect();
    let value = read::get(resource, &names).ok().flatten().cloned().unwrap_or_default();
    seen(resource, &setting.path, "public access that is not switched off", value)
}

fn at<'a>(item: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(item, |value, name| value.get(name))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
