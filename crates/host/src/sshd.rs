use std::{collections::BTreeMap, os::unix::fs::MetadataExt, sync::Arc};

use serde_json::json;
use skywarden_model::UnreadableReason;

use crate::{HostRoot, report::Report, root::not_yet, text};

/// A keyword, the field of its weak entries, and what is weak.
type Algorithms = (&'static str, &'static str, fn(&str) -> bool);
type Include<'a> = &'a mut dyn FnMut(&str, &mut Config) -> Result<(), Arc<UnreadableReason>>;

const INCLUDE_DEPTH: usize = 16;

/// What applies where no file says otherwise; algorithm lists are left out, since they depend on the build.
const DEFAULTS: [(&str, &str); 36] = [
    ("addressfamily", "any"),
    ("allowagentforwarding", "yes"),
    ("allowtcpforwarding", "yes"),
    ("banner", "none"),
    ("clientalivecountmax", "3"),
    ("clientaliveinterval", "0"),
    ("compression", "yes"),
    ("disableforwarding", "no"),
    ("gatewayports", "no"),
    ("gssapiauthentication", "no"),
    ("hostbasedauthentication", "no"),
    ("ignorerhosts", "yes"),
    ("ignoreuserknownhosts", "no"),
    ("kbdinteractiveauthentication", "yes"),
    ("kerberosauthentication", "no"),
    ("logingracetime", "120"),
    ("loglevel", "INFO"),
    ("maxauthtries", "6"),
    ("maxsessions", "10"),
    ("maxstartups", "10:30:100"),
    ("passwordauthentication", "yes"),
    ("permitemptypasswords", "no"),
    ("permitrootlogin", "prohibit-password"),
    ("permittty", "yes"),
    ("permittunnel", "no"),
    ("permituserenvironment", "no"),
    ("permituserrc", "yes"),
    ("port", "22"),
    ("printlastlog", "yes"),
    ("pubkeyauthentication", "yes"),
    ("strictmodes", "yes"),
    ("syslogfacility", "AUTH"),
    ("tcpkeepalive", "yes"),
    ("usedns", "no"),
    ("usepam", "no"),
    ("x11forwarding", "no"),
];
const ALGORITHMS: [Algorithms; 3] = [
    ("ciphers", "weakCiphers", is_weak_cipher),
    ("macs", "weakMacs", is_weak_mac),
    ("kexalgorithms", "weakKeyExchange", is_weak_exchange),
];

/// What configuration files say, outside `Match` blocks.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) settings: BTreeMap<String, String>,
    pub(crate) n_match: u64,
}

/// Reads the SSH server's effective settings.
pub(crate) fn read(root: &HostRoot, report: &mut Report) {
    if !report.put_installed("sshd", root.has_program("sshd")) {
        return;
    }
    report.put_known(&["sshd", "partsTooOpen"], open_parts(root));
    let mut config = Config::default();
    let files = from_file(root, "/etc/ssh/sshd_config", 0, &mut config);
    let printed = root.run("sshd", &["-T"]).ok().flatten().filter(|output| output.succeeded && !output.text.is_empty());
    let (source, is_printed) = match &printed {
        Some(_) => ("sshd -T", true),
        None => ("configuration files and built-in defaults", false),
    };
    match (&printed, &files) {
        (Some(output), _) => {
            let mut settings = BTreeMap::new();
            for line in output.text.lines() {
                if let Some((key, value)) = setting(line) {
                    add(&mut settings, key, value);
                }
            }
            config.settings = settings;
        }
        (None, Err(reason)) => {
            for field in ["source", "effective", "weakCiphers", "weakMacs", "weakKeyExchange", "restrictsUsers", "matchBlocks"] {
                report.deny(&["sshd", field], reason);
            }
            return;
        }
        (None, Ok(())) => {
            for (key, value) in DEFAULTS {
                config.settings.entry(key.to_owned()).or_insert_with(|| value.to_owned());
            }
        }
    }
    report.set(&["sshd", "source"], source);
    for (key, field, is_weak) in ALGORITHMS {
        match config.settings.get(key).filter(|list| is_printed || !list.starts_with(['+', '-', '^'])) {
            Some(list) => report.set(&["sshd", field], list.split(',').filter(|name| is_weak(name)).collect::<Vec<_>>()),
            None => {
                let reason =
                    not_yet("sshd -T", "the built-in algorithms depend on the build; run as root so that sshd can print them");
                report.deny(&["sshd", field], &reason);
                report.deny(&["sshd", "effective", key], &reason);
                config.settings.remove(key);
            }
        }
    }
    let users = ["allowusers", "allowgroups", "denyusers", "denygroups"];
    report.set(&["sshd", "restrictsUsers"], users.iter().any(|key| config.settings.contains_key(*key)));
    report.set(&["sshd", "effective"], json!(config.settings));
    report.put_known(&["sshd", "matchBlocks"], files.map(|()| config.n_match));
}

/// Parts of the configuration that others than root may read or change.
fn open_parts(root: &HostRoot) -> Result<Vec<String>, Arc<UnreadableReason>> {
    let mut found = Vec::new();
    for name in root.list("/etc/ssh/sshd_config.d")?.unwrap_or_default().iter().filter(|name| name.ends_with(".conf")) {
        let path = format!("/etc/ssh/sshd_config.d/{name}");
        let Some(metadata) = root.stat(&path)? else { continue };
        if metadata.uid() != 0 || metadata.gid() != 0 || metadata.mode() & 0o077 != 0 {
            found.push(path);
        }
    }
    Ok(found)
}

/// Adds what a text says; the first value of a keyword counts, as sshd has it. `include` is called for each `Include`.
pub(crate) fn parse(content: &str, config: &mut Config, include: Include<'_>) -> Result<(), Arc<UnreadableReason>> {
    let mut is_conditional = false;
    for line in text::lines(content) {
        let Some((key, value)) = setting(line) else { continue };
        match key.as_str() {
            "match" if value.eq_ignore_ascii_case("all") => is_conditional = false,
            "match" => {
                is_conditional = true;
                config.n_match += 1;
            }
            _ if is_conditional => {}
            "include" => {
                for pattern in value.split_whitespace() {
                    include(pattern, config)?;
                }
            }
            _ => add(&mut config.settings, key, value),
        }
    }
    Ok(())
}

fn from_file(root: &HostRoot, path: &str, depth: usize, config: &mut Config) -> Result<(), Arc<UnreadableReason>> {
    let Some(content) = root.read(path)?.filter(|_| depth < INCLUDE_DEPTH) else { return Ok(()) };
    parse(&content, config, &mut |pattern, config| {
        for path in expand(root, pattern)? {
            from_file(root, &path, depth + 1, config)?;
        }
        Ok(())
    })
}

/// The files of an include pattern with wildcards in its last part.
fn expand(root: &HostRoot, pattern: &str) -> Result<Vec<String>, Arc<UnreadableReason>> {
    let pattern = pattern.trim_matches('"');
    let path = if pattern.starts_with('/') { pattern.to_owned() } else { format!("/etc/ssh/{pattern}") };
    let Some((folder, file)) = path.rsplit_once('/').filter(|(_, file)| file.contains('*')) else { return Ok(vec![path]) };
    let (start, end) = file.split_once('*').unwrap_or((file, ""));
    let fits = |name: &String| name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end);
    let names = root.list(folder)?.unwrap_or_default();
    Ok(names.into_iter().filter(|name| !name.starts_with('.')).filter(fits).map(|name| format!("{folder}/{name}")).collect())
}

/// A keyword in lower case under its present name, and its value.
fn setting(line: &str) -> Option<(String, String)> {
    let (key, value) = line.trim().split_once(|c: char| c.is_whitespace() || c == '=')?;
    let value = value.trim_start_matches(|c: char| c.is_whitespace() || c == '=').trim().trim_matches('"');
    let key = key.to_ascii_lowercase();
    let key = if key == "challengeresponseauthentication" { "kbdinteractiveauthentication".to_owned() } else { key };
    let value = match (key.as_str(), value) {
        ("permitrootlogin", "without-password") => "prohibit-password".to_owned(),
        ("logingracetime" | "clientaliveinterval", time) => seconds(time).unwrap_or_else(|| time.to_owned()),
        _ => value.to_owned(),
    };
    (!key.is_empty() && !value.is_empty()).then_some((key, value))
}

/// `1h30m` as seconds.
fn seconds(time: &str) -> Option<String> {
    let (mut total, mut number) = (0_u64, None::<u64>);
    for c in time.chars() {
        let factor = match c.to_ascii_lowercase() {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 604_800,
            _ => {
                number = Some(number.unwrap_or_default().checked_mul(10)?.checked_add(u64::from(c.to_digit(10)?))?);
                continue;
            }
        };
        total = total.checked_add(number.take()?.checked_mul(factor)?)?;
    }
    Some(total.checked_add(number.unwrap_or_default())?.to_string())
}

/// Most keywords keep their first value; these gather all.
fn add(settings: &mut BTreeMap<String, String>, key: String, value: String) {
    let gathers =
        ["port", "listenaddress", "hostkey", "acceptenv", "allowusers", "allowgroups", "denyusers", "denygroups", "subsystem"];
    match settings.get_mut(&key) {
        None => {
            settings.insert(key, value);
        }
        Some(known) if gathers.contains(&key.as_str()) => {
            known.push(' ');
            known.push_str(&value);
        }
        Some(_) => {}
    }
}

fn is_weak_cipher(name: &str) -> bool {
    name.ends_with("-cbc") || name.starts_with("arcfour") || name.starts_with("rijndael-cbc") || name.contains("3des")
}

fn is_weak_mac(name: &str) -> bool {
    name.contains("md5") || name.contains("ripemd160") || name.contains("sha1") || name.starts_with("umac-64")
}

fn is_weak_exchange(name: &str) -> bool {
    name.ends_with("-sha1") || name.contains("group1-")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(content: &str) -> Config {
        let mut config = Config::default();
        parse(content, &mut config, &mut |pattern, config| {
            config.settings.entry(format!("seen {pattern}")).or_default();
            Ok(())
        })
        .unwrap();
        config
    }

    #[test]
    fn the_first_value_counts_and_match_blocks_do_not() {
        let config = parsed(
            "# x\nInclude a.conf b.conf\nPermitRootLogin no\npermitrootlogin yes\nPort 22\nPort=2222\nLoginGraceTime 1m30s\nMatch User x\nMaxAuthTries 9\nMatch all\nX11Forwarding yes\n",
        );
        let get = |key: &str| config.settings.get(key).map(String::as_str);
        assert_eq!(get("permitrootlogin"), Some("no"));
        assert_eq!(get("port"), Some("22 2222"));
        assert_eq!(get("logingracetime"), Some("90"));
        assert_eq!(get("maxauthtries"), None);
        assert_eq!(get("x11forwarding"), Some("yes"));
        assert!(get("seen a.conf").is_some() && get("seen b.conf").is_some());
        assert_eq!(config.n_match, 1);
    }

    #[test]
    fn weak_algorithms_are_known() {
        assert!(
            is_weak_cipher("aes128-cbc")
                && is_weak_mac("hmac-sha1-etm@openssh.com")
                && is_weak_exchange("diffie-hellman-group14-sha1")
        );
        assert!(!is_weak_cipher("aes128-ctr") && !is_weak_mac("hmac-sha2-256") && !is_weak_exchange("curve25519-sha256"));
    }

    proptest! {
        #[test]
        fn any_configuration_is_survived(content in "(?s).{0,200}") {
            parsed(&content);
        }
    }
}
