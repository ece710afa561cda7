//! The packet filter, and the tools that manage it.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Map, Value, json};
use skywarden_model::UnreadableReason;

use crate::{
    HostRoot,
    report::Report,
    root::{failed, needs_root, not_running},
    services,
    settings::{is_running, joined, present},
    text,
};

type Fallible<T> = Result<T, Arc<UnreadableReason>>;

/// What a set of rules of nftables or iptables does, whichever of them wrote it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) n_tables: u64,
    pub(crate) input: Option<Verdict>,
    pub(crate) forward: Option<Verdict>,
    pub(crate) output: Option<Verdict>,
    pub(crate) loopback_accepted: bool,
    pub(crate) loopback_forgery_dropped: bool,
    /// What rules for incoming packets name, where the language tells (iptables).
    pub(crate) ports: Vec<Ports>,
}

/// Ports of a protocol, the first and the last of each range; `any` is every protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ports {
    protocol: String,
    ranges: Vec<(u64, u64)>,
}

impl Ports {
    fn parse(protocol: &str, ports: &str) -> Self {
        let range = |part: &str| {
            let (first, last) = part.split_once(':').unwrap_or((part, part));
            Some((first.parse().ok()?, last.parse().ok()?))
        };
        Self { protocol: protocol.to_owned(), ranges: ports.split(',').filter_map(range).collect() }
    }

    fn contain(&self, protocol: &str, port: u64) -> bool {
        let is_protocol = self.protocol == "any" || self.protocol == protocol;
        is_protocol && self.ranges.iter().any(|(first, last)| (*first..=*last).contains(&port))
    }
}

/// What becomes of a packet that no rule speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accept,
    Drop,
}

impl Verdict {
    fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Drop => "drop",
        }
    }
}

/// Reads tools, configuration and, of a running machine, the rules in force.
pub(crate) fn read(root: &HostRoot, report: &mut Report) {
    let tools = [
        ("ufw", "ufw", "ufw.service"),
        ("firewalld", "firewalld", "firewalld.service"),
        ("nftables", "nft", "nftables.service"),
        ("iptables", "iptables", "netfilter-persistent.service"),
    ];
    let found = present(&tools, |(_, program, _)| root.has_program(program)).and_then(|found| {
        let enabled = present(&found, |(_, _, unit)| services::is_enabled(report, unit))?;
        let used = enabled.first().copied().or(found.first()).copied();
        let names: Vec<&str> = enabled.iter().map(|(name, ..)| *name).collect();
        report.set(&["firewall", "enabledTools"], names);
        Ok((found, used))
    });
    match &found {
        Ok((found, used)) => {
            report.set(&["firewall", "backends"], found.iter().map(|(name, ..)| *name).collect::<Vec<_>>());
            report.set(&["firewall", "backend"], used.map_or("none", |(name, ..)| *name));
            let active = used.map_or(Ok(false), |(_, _, unit)| is_running(report, unit));
            report.put_known(&["firewall", "active"], active);
        }
        Err(reason) => {
            ["backends", "backend", "active", "enabledTools"].iter().for_each(|field| report.deny(&["firewall", field], reason));
        }
    }
    let on_disk =
        joined(root, &["/etc/nftables.conf", "/etc/sysconfig/nftables.conf"], &["/etc/nftables.d", "/etc/nftables"], "");
    report.put_known(
        &["firewall", "nftables", "rulesOnDisk"],
        on_disk.as_ref().map(|text| nftables(text).n_tables > 0).map_err(Arc::clone),
    );
    let in_force = if root.is_at_rest() { on_disk.map(|text| nftables(&text)) } else { ruleset(root) };
    put_filter(report, "nftables", in_force.as_ref().map_err(Arc::clone));
    let mut of_iptables = None;
    for (field, command, files) in [
        ("iptables", "iptables-save", ["/etc/iptables/rules.v4", "/etc/sysconfig/iptables"]),
        ("ip6tables", "ip6tables-save", ["/etc/iptables/rules.v6", "/etc/sysconfig/ip6tables"]),
    ] {
        let filter =
            if root.is_at_rest() { joined(root, &files, &[], "").map(|text| iptables(&text)) } else { saved(root, command) };
        put_filter(report, field, filter.as_ref().map_err(Arc::clone));
        let family = if field == "iptables" { Family::V4 } else { Family::V6 };
        let ports = filter.as_ref().map_err(Arc::clone).and_then(|filter| without_rule(report, &filter.ports, family));
        report.put_known(&["firewall", field, "portsWithoutRule"], ports.map(|ports| json!(ports)));
        of_iptables = of_iptables.or(filter.ok());
    }
    // The rules of iptables are rules of the same kernel, if nft is not there to show them all.
    let in_force = in_force.or_else(|reason| of_iptables.filter(|filter| filter.n_tables > 0).ok_or(reason));
    let backend = found.ok().and_then(|(_, used)| used.map(|(name, ..)| *name));
    ufw(root, report);
    firewalld(root, report);
    in_general(root, backend, in_force, report);
}

/// The fields that hold for every tool.
fn in_general(root: &HostRoot, backend: Option<&str>, in_force: Fallible<Filter>, report: &mut Report) {
    let get = |report: &Report, [tool, field]: [&str; 2]| {
        let firewall = report.properties.get("firewall")?;
        firewall.get(tool)?.get(field)?.as_str().map(str::to_owned)
    };
    let fields = ["rulesPresent", "defaultInputPolicy", "defaultForwardPolicy"];
    if root.is_at_rest() {
        let (input, forward) = match backend {
            Some("ufw") => (get(report, ["ufw", "input"]), get(report, ["ufw", "forward"])),
            Some("nftables") => (get(report, ["nftables", "input"]), get(report, ["nftables", "forward"])),
            Some("iptables") => (get(report, ["iptables", "input"]), get(report, ["iptables", "forward"])),
            _ => (None, None),
        };
        report.deny(&["firewall", "rulesPresent"], &not_running("nft list ruleset"));
        for (field, policy) in [("defaultInputPolicy", input), ("defaultForwardPolicy", forward)] {
            let missing = || failed("read the firewall's files", "they do not say what becomes of packets that no rule names");
            report.put_known(&["firewall", field], policy.ok_or_else(missing));
        }
        return;
    }
    match in_force {
        Ok(filter) => {
            report.set(
                &["firewall", "rulesPresent"],
                filter.input.is_some() || filter.forward.is_some() || filter.output.is_some(),
            );
            for (field, verdict) in [("defaultInputPolicy", filter.input), ("defaultForwardPolicy", filter.forward)] {
                report.set(&["firewall", field], verdict.unwrap_or(Verdict::Accept).name());
            }
        }
        Err(reason) => fields.iter().for_each(|field| report.deny(&["firewall", field], &reason)),
    }
}

fn ruleset(root: &HostRoot) -> Fallible<Filter> {
    let is_root = rustix::process::geteuid().is_root();
    match root.run("nft", &["list", "ruleset"])? {
        Some(output) if output.succeeded && is_root => Ok(nftables(&output.text)),
        _ if !is_root => Err(needs_root("nft list ruleset", "the kernel's packet filter shows itself to root only")),
        Some(_) => Err(failed("nft list ruleset", "nft ended with an error")),
        None => {
            Err(failed("nft list ruleset", "nft is not installed; install nftables so that the kernel's rules can be listed"))
        }
    }
}

fn saved(root: &HostRoot, command: &str) -> Fallible<Filter> {
    let is_root = rustix::process::geteuid().is_root();
    match root.run(command, &[])? {
        Some(output) if output.succeeded && is_root => Ok(iptables(&output.text)),
        Some(_) if !is_root => Err(needs_root(command, "the kernel's packet filter shows itself to root only")),
        Some(_) => Err(failed(command, "it ended with an error")),
        None => Err(failed(command, "it is not installed")),
    }
}

fn put_filter(report: &mut Report, name: &str, filter: Fallible<&Filter>) {
    match filter {
        Ok(filter) => {
            report.set(&["firewall", name, "tables"], filter.n_tables);
            for (field, verdict) in [("input", filter.input), ("forward", filter.forward), ("output", filter.output)] {
                report.put(&["firewall", name, field], Ok(verdict.map(Verdict::name)));
            }
            report.set(&["firewall", name, "loopbackAccepted"], filter.loopback_accepted);
            report.set(&["firewall", name, "loopbackForgeryDropped"], filter.loopback_forgery_dropped);
        }
        Err(reason) => {
            for field in ["tables", "input", "forward", "output", "loopbackAccepted", "loopbackForgeryDropped"] {
                report.deny(&["firewall", name, field], &reason);
            }
        }
    }
}

/// A rule set in the language of nft. A chain whose last rule drops or rejects without a condition drops.
pub(crate) fn nftables(content: &str) -> Filter {
    let mut filter = Filter::default();
    let mut chain: Option<(String, Verdict)> = None;
    let mut hooks: Vec<(String, Verdict)> = Vec::new();
    let broken_up = content.replace('{', "{\n").replace('}', "\n}\n").replace(';', "\n");
    for line in text::lines(&broken_up) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["table", ..] => filter.n_tables += 1,
            ["type", _, "hook", hook, ..] => chain = Some(((*hook).to_owned(), Verdict::Accept)),
            ["policy", policy, ..] => {
                if let Some((_, verdict)) = &mut chain {
                    *verdict = if *policy == "drop" { Verdict::Drop } else { Verdict::Accept };
                }
            }
            ["}"] => hooks.extend(chain.take()),
            ["drop" | "reject", ..] | ["counter", .., "drop" | "reject"] => {
                if let Some((_, verdict)) = &mut chain {
                    *verdict = Verdict::Drop;
                }
            }
            _ => {
                let is_input = chain.as_ref().is_some_and(|(hook, _)| hook == "input");
                let on_loopback = ["iif lo", "iif \"lo\"", "iifname lo", "iifname \"lo\""].iter().any(|part| line.contains(part));
                let ends = |verdict: &str| words.last() == Some(&verdict);
                if is_input && on_loopback && ends("accept") && !line.contains("saddr") {
                    filter.loopback_accepted = true;
                }
                let is_forged = line.contains("ip saddr 127.0.0.0/8") || line.contains("ip daddr 127.0.0.0/8");
                if is_input && is_forged && (ends("drop") || line.contains("reject")) {
                    filter.loopback_forgery_dropped = true;
                }
            }
        }
    }
    hooks.extend(chain);
    for (hook, verdict) in hooks {
        let place = match hook.as_str() {
            "input" => &mut filter.input,
            "forward" => &mut filter.forward,
            "output" => &mut filter.output,
            _ => continue,
        };
        // Several chains of one hook are all passed: one that drops is enough.
        if *place != Some(Verdict::Drop) {
            *place = Some(verdict);
        }
    }
    filter
}

/// What iptables-save prints; only the table `filter` counts.
pub(crate) fn iptables(content: &str) -> Filter {
    let mut filter = Filter::default();
    let mut is_filter = false;
    for line in text::lines(content) {
        if let Some(table) = line.strip_prefix('*') {
            filter.n_tables += 1;
            is_filter = table == "filter";
            continue;
        }
        if !is_filter {
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let drops = words.windows(2).any(|pair| matches!(pair, ["-j", "DROP" | "REJECT"]));
        match words.as_slice() {
            [chain, policy, ..] if chain.starts_with(':') => {
                let verdict = if *policy == "DROP" { Verdict::Drop } else { Verdict::Accept };
                match *chain {
                    ":INPUT" => filter.input = Some(verdict),
                    ":FORWARD" => filter.forward = Some(verdict),
                    ":OUTPUT" => filter.output = Some(verdict),
                    _ => {}
                }
            }
            ["-A", "INPUT", "-i", "lo", "-j", "ACCEPT"] => filter.loopback_accepted = true,
            ["-A", "INPUT", rest @ ..] if rest.iter().any(|word| word.starts_with("--dport")) => {
                let after = |flags: &[&str]| {
                    rest.windows(2).find_map(|pair| match pair {
                        [flag, value] if flags.contains(flag) => Some(*value),
                        _ => None,
                    })
                };
                filter
                    .ports
                    .push(Ports::parse(after(&["-p"]).unwrap_or("any"), after(&["--dport", "--dports"]).unwrap_or_default()));
            }
            ["-A", "INPUT", "-s", "127.0.0.0/8" | "::1" | "::1/128", ..] if drops => filter.loopback_forgery_dropped = true,
            _ => {}
        }
    }
    filter
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

/// Ports that are open to the network and that no rule speaks of.
fn without_rule(report: &Report, named: &[Ports], family: Family) -> Fallible<BTreeSet<String>> {
    let missing = || failed("list the sockets", "they could not be read, so it is not known which ports are open");
    let listening = report.properties.get("listening").and_then(Value::as_array).ok_or_else(missing)?;
    let mut open = BTreeSet::new();
    for socket in listening.iter().filter(|socket| socket.get("loopback") == Some(&Value::Bool(false))) {
        let port = socket.get("port").and_then(Value::as_u64).unwrap_or_default();
        let protocol = socket.get("protocol").and_then(Value::as_str).unwrap_or_default();
        let is_meant = match family {
            // A socket of IPv6 takes connections over IPv4 too.
            Family::V4 => true,
            Family::V6 => protocol.ends_with('6'),
        };
        let protocol = protocol.trim_end_matches('6');
        if is_meant && !named.iter().any(|ports| ports.contain(protocol, port)) {
            open.insert(format!("{port}/{protocol}"));
        }
    }
    Ok(open)
}

fn ufw(root: &HostRoot, report: &mut Report) {
    let mut ports = None;
    let outcome = root.has_program("ufw").and_then(|is_installed| {
        let mut object = Map::from_iter([("installed".to_owned(), Value::from(is_installed))]);
        if !is_installed {
            return Ok(object);
        }
        let main = text::assignments(&root.read("/etc/ufw/ufw.conf")?.unwrap_or_default());
        let defaults = text::assignments(&root.read("/etc/default/ufw")?.unwrap_or_default());
        let before = root.read("/etc/ufw/before.rules")?.unwrap_or_default();
        let user = joined(root, &["/etc/ufw/user.rules", "/etc/ufw/user6.rules"], &[], "")?;
        object.insert("enabled".to_owned(), json!(main.get("ENABLED").is_some_and(|value| value.eq_ignore_ascii_case("yes"))));
        for (field, key) in
            [("input", "DEFAULT_INPUT_POLICY"), ("forward", "DEFAULT_FORWARD_POLICY"), ("output", "DEFAULT_OUTPUT_POLICY")]
        {
            if let Some(policy) = defaults.get(key) {
                object.insert(field.to_owned(), json!(policy.to_ascii_lowercase()));
            }
        }
        let accepts = text::lines(&before).any(|line| line == "-A ufw-before-input -i lo -j ACCEPT");
        object.insert("loopbackAccepted".to_owned(), json!(accepts));
        let rules = ufw_rules(&user);
        let is_forgery = |rule: &UfwRule| rule.source == "127.0.0.0/8" && rule.action != "allow" && rule.ports.ranges.is_empty();
        object.insert("loopbackForgeryDropped".to_owned(), json!(rules.iter().any(is_forgery)));
        ports = Some(rules.into_iter().map(|rule| rule.ports).collect::<Vec<_>>());
        Ok(object)
    });
    match outcome {
        Ok(object) => {
            report.set(&["firewall", "ufw"], object);
            if let Some(ports) = ports {
                report.put_known(
                    &["firewall", "ufw", "portsWithoutRule"],
                    without_rule(report, &ports, Family::V4).map(|ports| json!(ports)),
                );
            }
        }
        Err(reason) => report.deny(&["firewall", "ufw"], &reason),
    }
}

/// A rule that ufw keeps as a comment above what it makes of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UfwRule {
    pub(crate) action: String,
    ports: Ports,
    source: String,
}

pub(crate) fn ufw_rules(content: &str) -> Vec<UfwRule> {
    let mut rules = Vec::new();
    for line in content.lines() {
        let Some(rest) = line.strip_prefix("### tuple ### ") else { continue };
        let words: Vec<&str> = rest.split_whitespace().collect();
        let [action, protocol, ports, _, _, source, ..] = words.as_slice() else { continue };
        rules.push(UfwRule {
            action: action.split('_').next().unwrap_or_default().to_owned(),
            ports: Ports::parse(protocol, ports),
            source: (*source).to_owned(),
        });
    }
    rules
}

fn firewalld(root: &HostRoot, report: &mut Report) {
    let outcome = root.has_program("firewalld").and_then(|is_installed| {
        let mut object = Map::from_iter([("installed".to_owned(), Value::from(is_installed))]);
        if !is_installed {
            return Ok(object);
        }
        let config = text::assignments(&root.read("/etc/firewalld/firewalld.conf")?.unwrap_or_default());
        let zone = config.get("DefaultZone").map_or("public", String::as_str);
        object.insert("defaultZone".to_owned(), json!(zone));
        let trusted = joined(root, &["/etc/firewalld/zones/trusted.xml"], &[], "")?;
        object.insert("loopbackAccepted".to_owned(), json!(trusted.contains("interface name=\"lo\"")));
        let forged = ["source address=\"127.0.0.1\"", "source address=\"127.0.0.0/8\""];
        object.insert(
            "loopbackForgeryDropped".to_owned(),
            json!(forged.iter().any(|rule| trusted.contains(rule)) && trusted.contains("<drop/>")),
        );
        Ok(object)
    });
    match outcome {
        Ok(object) => report.set(&["firewall", "firewalld"], object),
        Err(reason) => report.deny(&["firewall", "firewalld"], &reason),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_rule_set_of_nft_is_read_on_many_lines_and_on_one() {
        let long = "table inet filter {\n chain input {\n  type filter hook input priority filter; policy drop;\n  iif \"lo\" accept\n  ip saddr 127.0.0.0/8 counter packets 0 bytes 0 drop\n  tcp dport 22 accept\n }\n chain forward { type filter hook forward priority 0; policy accept; }\n}\n";
        let expected = Filter {
            n_tables: 1,
            input: Some(Verdict::Drop),
            forward: Some(Verdict::Accept),
            output: None,
            loopback_accepted: true,
            loopback_forgery_dropped: true,
            ports: Vec::new(),
        };
        assert_eq!(nftables(long), expected);
        let last = nftables("table ip x { chain y { type filter hook output priority 0; accept; counter reject; }; }");
        assert_eq!(last.output, Some(Verdict::Drop));
        assert_eq!(nftables("chain y { tcp dport 1 drop; }").input, None);
    }

    #[test]
    fn only_the_filter_table_of_iptables_counts() {
        let text = "*nat\n:INPUT DROP [0:0]\nCOMMIT\n*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n-A INPUT -i lo -j ACCEPT\n-A INPUT -s 127.0.0.0/8 -j DROP\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n";
        let filter = iptables(text);
        assert_eq!((filter.input, filter.forward, filter.output), (Some(Verdict::Accept), Some(Verdict::Drop), None));
        assert!(filter.loopback_accepted && filter.loopback_forgery_dropped);
        assert!(filter.ports[0].contain("tcp", 22) && !filter.ports[0].contain("udp", 22));
    }

    #[test]
    fn rules_of_ufw_name_ports() {
        let rules = ufw_rules(
            "### tuple ### allow tcp 22,8000:8010 0.0.0.0/0 any 0.0.0.0/0 in\n### tuple ### deny any any 0.0.0.0/0 any 127.0.0.0/8 in\n### tuple ### short\n",
        );
        assert_eq!(rules.len(), 2);
        assert!(
            rules[0].ports.contain("tcp", 22)
                && rules[0].ports.contain("tcp", 8005)
                && !rules[0].ports.contain("udp", 22)
                && !rules[1].ports.contain("tcp", 22)
        );
        assert_eq!((rules[1].action.as_str(), rules[1].source.as_str()), ("deny", "127.0.0.0/8"));
    }

    proptest! {
        #[test]
        fn any_rules_are_survived(content in "(?s).{0,200}", odd in "(table |chain |\\{|\\}|;|type filter hook input |policy drop|drop|iif lo accept|\n|### tuple ### |allow |22:|,| ){0,40}") {
            for content in [&content, &odd] {
                nftables(content);
                iptables(content);
                ufw_rules(content).iter().for_each(|rule| { rule.ports.contain("tcp", 22); });
            }
        }
    }
}
