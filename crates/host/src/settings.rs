use std::{collections::BTreeMap, sync::Arc};

use serde_json::json;
use skywarden_model::UnreadableReason;

use crate::{
    HostRoot, packages,
    report::Report,
    root::{failed, needs_root, not_yet},
    services, text,
};

type Fallible<T> = Result<T, Arc<UnreadableReason>>;
type Packages<'a> = Fallible<Option<&'a BTreeMap<String, String>>>;

/// Reads what remains: passwords, logging, firewall, protection, banners.
pub(crate) fn read(root: &HostRoot, installed: Packages<'_>, report: &mut Report) {
    login(root, report);
    pam(root, report);
    logging(root, report);
    time(root, report);
    protection(root, installed, report);
    firewall(root, report);
    audit(root, report);
    mandatory_access(root, report);
    disk(root, report);
    banners(root, report);
    let files = [
        ("cron", "installed", "/usr/sbin/cron"),
        ("cron", "allowExists", "/etc/cron.allow"),
        ("cron", "denyExists", "/etc/cron.deny"),
        ("cron", "atInstalled", "/usr/bin/at"),
        ("cron", "atAllowExists", "/etc/at.allow"),
        ("cron", "atDenyExists", "/etc/at.deny"),
    ];
    files.iter().for_each(|(group, field, path)| report.put_known(&[group, field], root.exists(path)));
    grub(root, report);
}

fn login(root: &HostRoot, report: &mut Report) {
    report.put(&["loginDefs"], packages::settings(root, "/etc/login.defs").map(|map| map.map(|map| json!(map))));
    report.put(&["useradd"], root.read("/etc/default/useradd").map(|content| content.map(|c| json!(text::assignments(&c)))));
    match joined(root, &["/etc/profile", "/etc/bash.bashrc", "/etc/bashrc"], &["/etc/profile.d"], ".sh") {
        Ok(scripts) => {
            let umask = text::lines(&scripts).filter_map(|line| line.strip_prefix("umask ")).next_back().map(str::to_owned);
            report.put(&["shell", "umask"], Ok(umask));
            let assigned =
                |line: &str| line.split_once("TMOUT=")?.1.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u64>().ok();
            report.put(&["shell", "timeoutSeconds"], Ok(text::lines(&scripts).filter_map(assigned).next_back()));
            let is_readonly = text::lines(&scripts).any(|line| {
                line.contains("TMOUT")
                    && (line.contains("readonly") || line.contains("typeset -r") || line.contains("declare -r"))
            });
            report.set(&["shell", "timeoutReadonly"], is_readonly);
        }
        Err(reason) => {
            ["umask", "timeoutSeconds", "timeoutReadonly"].iter().for_each(|field| report.deny(&["shell", field], &reason))
        }
    }
    let shells = root.read("/etc/shells").map(|c| text::lines(&c.unwrap_or_default()).any(|line| line.ends_with("/nologin")));
    report.put_known(&["shell", "nologinInShells"], shells);
    match joined(root, &["/etc/security/limits.conf"], &["/etc/security/limits.d"], ".conf") {
        Ok(limits) => {
            let is_zero = text::lines(&limits).any(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                matches!(words.as_slice(), ["*", "hard" | "-", "core", "0"])
            });
            report.set(&["coreDumps", "hardLimitZero"], is_zero);
        }
        Err(reason) => report.deny(&["coreDumps", "hardLimitZero"], &reason),
    }
    let dump = root.read("/proc/sys/fs/suid_dumpable").map(|text| text.map(|text| text.trim().to_owned()));
    report.put(&["coreDumps", "suidDumpable"], dump);
    let core =
        joined(root, &["/etc/systemd/coredump.conf"], &["/etc/systemd/coredump.conf.d"], ".conf").map(|c| text::assignments(&c));
    copy(report, "coreDumps", &core, &[("storage", "Storage"), ("processSizeMax", "ProcessSizeMax")]);
}

fn pam(root: &HostRoot, report: &mut Report) {
    let folder = |name: &str| format!("/etc/security/{name}.conf");
    for name in ["faillock", "pwhistory", "pwquality"] {
        let parts = format!("/etc/security/{name}.conf.d");
        let read = joined(root, &[&folder(name)], &[&parts], ".conf").map(|content| json!(text::assignments(&content)));
        report.put_known(&["pam", name], read);
    }
    let fields = ["faillockEnabled", "pwqualityEnabled", "pwhistoryEnabled", "nullok", "rememberedPasswords", "passwordHash"];
    let stacks = ["/etc/pam.d/common-auth", "/etc/pam.d/common-password", "/etc/pam.d/system-auth", "/etc/pam.d/password-auth"];
    let content = joined(root, &stacks, &[], "");
    match content {
        Ok(content) if content.trim().is_empty() => {
            let reason = failed("read /etc/pam.d", "there are no common PAM stacks that we know");
            fields.iter().for_each(|field| report.deny(&["pam", field], &reason));
        }
        Ok(content) => {
            let has = |word: &str| text::lines(&content).any(|line| line.contains(word));
            report.set(&["pam", "faillockEnabled"], has("pam_faillock.so"));
            report.set(&["pam", "pwqualityEnabled"], has("pam_pwquality.so"));
            report.set(&["pam", "pwhistoryEnabled"], has("pam_pwhistory.so"));
            report.set(
                &["pam", "nullok"],
                text::lines(&content).any(|line| line.contains("pam_unix.so") && line.contains("nullok")),
            );
            let words = || text::lines(&content).flat_map(str::split_whitespace);
            let remembered = words().filter_map(|word| word.strip_prefix("remember=")?.parse::<u64>().ok()).max();
            report.put(&["pam", "rememberedPasswords"], Ok(remembered));
            let known = ["yescrypt", "gost_yescrypt", "sha512", "sha256", "blowfish", "bigcrypt", "md5"];
            let hash = text::lines(&content)
                .filter(|line| line.starts_with("password") && line.contains("pam_unix.so"))
                .flat_map(str::split_whitespace)
                .find(|word| known.contains(word));
            report.put(&["pam", "passwordHash"], Ok(hash));
        }
        Err(reason) => fields.iter().for_each(|field| report.deny(&["pam", field], &reason)),
    }
}

fn logging(root: &HostRoot, report: &mut Report) {
    let journal = joined(
        root,
        &["/etc/systemd/journald.conf"],
        &["/usr/lib/systemd/journald.conf.d", "/etc/systemd/journald.conf.d"],
        ".conf",
    )
    .map(|content| text::assignments(&content));
    copy(
        report,
        "journald",
        &journal,
        &[("storage", "Storage"), ("compress", "Compress"), ("forwardToSyslog", "ForwardToSyslog")],
    );
    let has_folder = root.exists("/var/log/journal");
    let is_persistent = journal.and_then(|journal| match journal.get("Storage").map(String::as_str) {
        Some("persistent") => Ok(true),
        Some("volatile" | "none") => Ok(false),
        _ => has_folder,
    });
    report.put_known(&["journald", "persistent"], is_persistent);
    if !report.put_installed("rsyslog", root.has_program("rsyslogd")) {
        return;
    }
    match joined(root, &["/etc/rsyslog.conf"], &["/etc/rsyslog.d"], ".conf") {
        Ok(content) => {
            let mode = text::lines(&content).filter_map(|line| line.strip_prefix("$FileCreateMode")).next_back();
            report.put(&["rsyslog", "fileCreateMode"], Ok(mode.map(|mode| mode.trim().to_owned())));
            let inputs =
                ["$ModLoad imtcp", "$ModLoad imudp", "$InputTCPServerRun", "$UDPServerRun", "type=\"imtcp\"", "type=\"imudp\""];
            let is_open = text::lines(&content).any(|line| inputs.iter().any(|word| line.contains(word)));
            report.set(&["rsyslog", "remoteInput"], is_open);
            let targets: Vec<&str> = text::lines(&content)
                .filter(|line| line.contains("omfwd") || line.split_whitespace().nth(1).is_some_and(|word| word.starts_with('@')))
                .collect();
            report.set(&["rsyslog", "remoteTargets"], targets);
        }
        Err(reason) => {
            ["fileCreateMode", "remoteInput", "remoteTargets"].iter().for_each(|field| report.deny(&["rsyslog", field], &reason))
        }
    }
}

fn time(root: &HostRoot, report: &mut Report) {
    let known = [
        ("chrony", "chronyd", "chrony.service"),
        ("systemd-timesyncd", "", "systemd-timesyncd.service"),
        ("ntp", "ntpd", "ntp.service"),
    ];
    let timesyncd = ["/lib/systemd/systemd-timesyncd", "/usr/lib/systemd/systemd-timesyncd"];
    let installed = present(
        &known,
        |(_, program, _)| {
            if program.is_empty() { root.any_exists(&timesyncd) } else { root.has_program(program) }
        },
    );
    match installed {
        Ok(installed) => {
            report.set(&["timeSync", "installed"], installed.iter().map(|(name, ..)| *name).collect::<Vec<_>>());
            report.set(&["timeSync", "service"], installed.first().map_or("none", |(name, ..)| *name));
            let active = installed.first().map_or(Ok(false), |(_, _, unit)| is_running(report, unit));
            report.put_known(&["timeSync", "active"], active);
        }
        Err(reason) => ["installed", "service", "active"].iter().for_each(|field| report.deny(&["timeSync", field], &reason)),
    }
    match root.run("timedatectl", &["show", "-p", "NTPSynchronized", "--value"]) {
        Ok(Some(output)) if output.succeeded => report.set(&["timeSync", "synchronized"], output.text.trim() == "yes"),
        Ok(_) => report.deny(&["timeSync", "synchronized"], &not_yet("timedatectl show", "systemd does not answer here")),
        Err(reason) => report.deny(&["timeSync", "synchronized"], &reason),
    }
    let files =
        ["/etc/chrony/chrony.conf", "/etc/chrony.conf", "/etc/ntp.conf", "/etc/ntpsec/ntp.conf", "/etc/systemd/timesyncd.conf"];
    let folders = ["/etc/chrony/conf.d", "/etc/chrony/sources.d", "/etc/systemd/timesyncd.conf.d"];
    let servers = joined(root, &files, &folders, "").map(|content| {
        text::lines(&content).any(|line| ["server ", "pool ", "NTP=", "FallbackNTP="].iter().any(|word| line.starts_with(word)))
    });
    report.put_known(&["timeSync", "serversConfigured"], servers);
}

fn protection(root: &HostRoot, installed: Packages<'_>, report: &mut Report) {
    let known = [
        ("ClamAV", "clamav-daemon", "/usr/sbin/clamd", "clamav-daemon.service"),
        ("CrowdStrike Falcon", "falcon-sensor", "/opt/CrowdStrike/falconctl", "falcon-sensor.service"),
        ("Microsoft Defender for Endpoint", "mdatp", "/opt/microsoft/mdatp/sbin/wdavdaemon", "mdatp.service"),
        ("SentinelOne", "sentinelagent", "/opt/sentinelone/bin/sentinelctl", "sentinelone.service"),
        ("Sophos", "sophos-av", "/opt/sophos-spl/bin", "sophos-spl.service"),
        ("Trend Micro", "ds-agent", "/opt/ds_agent/ds_agent", "ds_agent.service"),
        ("Wazuh", "wazuh-agent", "/var/ossec/bin/wazuh-agentd", "wazuh-agent.service"),
    ];
    let mut denied = None;
    let mut found = Vec::new();
    for (product, package, path, unit) in known {
        let has_package = installed.as_ref().map(|names| names.is_some_and(|names| names.contains_key(package)));
        match (has_package, root.exists(path)) {
            (Ok(true), _) | (_, Ok(true)) => found.push((product, unit)),
            (Ok(false), Ok(false)) => {}
            (Err(reason), _) => denied = Some(Arc::clone(reason)),
            (_, Err(reason)) => denied = Some(reason),
        }
    }
    match (found.first(), denied) {
        (None, Some(reason)) => report.deny(&["endpointProtection"], &reason),
        (None, None) => {
            report
                .set(&["endpointProtection"], json!({ "product": "none", "products": [], "installed": false, "active": false }));
        }
        (Some((product, _)), _) => {
            report.set(&["endpointProtection", "product"], *product);
            report.set(&["endpointProtection", "products"], found.iter().map(|(product, _)| *product).collect::<Vec<_>>());
            report.set(&["endpointProtection", "installed"], true);
            let states: Vec<_> = found.iter().map(|(_, unit)| services::is_active(report, unit)).collect();
            let is_active = states.iter().any(|state| matches!(state, Ok(Some(true))));
            match states.into_iter().find_map(Result::err).filter(|_| !is_active) {
                Some(reason) => report.deny(&["endpointProtection", "active"], &reason),
                None => report.set(&["endpointProtection", "active"], is_active),
            }
        }
    }
    let tools = [("aide", "aide"), ("tripwire", "tripwire")];
    let tool = match present(&tools, |(_, program)| root.has_program(program)) {
        Ok(found) => found.first().map(|(name, _)| *name),
        Err(reason) => return report.deny(&["integrity"], &reason),
    };
    report.set(&["integrity", "product"], tool.unwrap_or("none"));
    report.set(&["integrity", "installed"], tool.is_some());
    let Some(tool) = tool else { return report.set(&["integrity", "scheduled"], false) };
    let timers = ["dailyaidecheck.timer", "aidecheck.timer", "aide-check.timer"];
    let is_timed = match present(&timers, |unit| services::is_enabled(report, unit)) {
        Ok(enabled) => !enabled.is_empty(),
        Err(reason) => return report.deny(&["integrity", "scheduled"], &reason),
    };
    let folders = ["/etc/cron.d", "/etc/cron.daily", "/etc/cron.weekly"];
    let scheduled = joined(root, &["/etc/crontab", "/var/spool/cron/crontabs/root"], &folders, "");
    report.put_known(
        &["integrity", "scheduled"],
        scheduled.map(|jobs| is_timed || text::lines(&jobs).any(|line| line.contains(tool))),
    );
}

fn firewall(root: &HostRoot, report: &mut Report) {
    let tools = [
        ("ufw", "ufw", "ufw.service"),
        ("firewalld", "firewalld", "firewalld.service"),
        ("nftables", "nft", "nftables.service"),
        ("iptables", "iptables", "netfilter-persistent.service"),
    ];
    let found = present(&tools, |(_, program, _)| root.has_program(program)).and_then(|found| {
        let enabled = present(&found, |(_, _, unit)| services::is_enabled(report, unit))?;
        let used = enabled.first().copied().or(found.first()).copied();
        Ok((found, used))
    });
    match found {
        Ok((found, used)) => {
            report.set(&["firewall", "backends"], found.iter().map(|(name, ..)| *name).collect::<Vec<_>>());
            report.set(&["firewall", "backend"], used.map_or("none", |(name, ..)| *name));
            let active = used.map_or(Ok(false), |(_, _, unit)| is_running(report, unit));
            report.put_known(&["firewall", "active"], active);
        }
        Err(reason) => {
            ["backends", "backend", "active"].iter().for_each(|field| report.deny(&["firewall", field], &reason));
        }
    }
    let fields = ["rulesPresent", "defaultInputPolicy", "defaultForwardPolicy"];
    let is_root = rustix::process::geteuid().is_root();
    let reason = match root.run("nft", &["list", "ruleset"]) {
        Ok(Some(output)) if output.succeeded && is_root => {
            report.set(&["firewall", "rulesPresent"], output.text.lines().any(|line| line.trim_start().starts_with("chain ")));
            for (field, hook) in [("defaultInputPolicy", "hook input"), ("defaultForwardPolicy", "hook forward")] {
                let lines = output.text.lines().filter(|line| line.contains(hook));
                let is_drop = lines.clone().any(|line| line.contains("policy drop"));
                report.set(&["firewall", field], if is_drop { "drop" } else { "accept" });
            }
            return;
        }
        Ok(Some(_)) if !is_root => needs_root("nft list ruleset", "the kernel's packet filter shows itself to root only"),
        Ok(Some(_)) => failed("nft list ruleset", "nft ended with an error"),
        Ok(None) if !root.is_live() => not_yet("nft list ruleset", "this is a copied tree, not the running machine"),
        Ok(None) if !is_root => {
            needs_root("nft list ruleset", "the packet filter shows itself to root only; nft is not installed either")
        }
        Ok(None) => failed("nft list ruleset", "nft is not installed; install nftables so that the kernel's rules can be listed"),
        Err(reason) => reason,
    };
    fields.iter().for_each(|field| report.deny(&["firewall", field], &reason));
}

fn audit(root: &HostRoot, report: &mut Report) {
    let installed = root.has_program("auditd");
    let command_line =
        root.read("/proc/cmdline").map(|line| line.unwrap_or_default().split_whitespace().any(|word| word == "audit=1"));
    let is_known = installed.is_ok();
    let is_installed = report.put_installed("auditd", installed);
    report.put_known(&["auditd", "enabledAtBoot"], command_line);
    if !is_known {
        return;
    }
    if !is_installed {
        report.set(&["auditd", "enabled"], false);
        return report.set(&["auditd", "active"], false);
    }
    report.put_known(&["auditd", "enabled"], services::is_enabled(report, "auditd.service"));
    report.put_known(&["auditd", "active"], is_running(report, "auditd.service"));
    match joined(root, &[], &["/etc/audit/rules.d"], ".rules") {
        Ok(content) => {
            let rules: Vec<&str> = text::lines(&content).collect();
            let after = |flag: &str| -> Vec<String> {
                let mut found = Vec::new();
                for rule in &rules {
                    let words: Vec<&str> = rule.split_whitespace().collect();
                    for pair in words.windows(2) {
                        if let [first, second] = pair
                            && *first == flag
                        {
                            found.extend(second.split(',').map(str::to_owned));
                        }
                    }
                }
                found
            };
            let mut watched = after("-w");
            watched.extend(after("-F").into_iter().filter_map(|text| Some(text.strip_prefix("path=")?.to_owned())));
            report.set(&["auditd", "watchedPaths"], watched);
            report.set(&["auditd", "auditedSyscalls"], after("-S"));
            report.set(&["auditd", "immutable"], rules.last() == Some(&"-e 2"));
            report.set(&["auditd", "rules"], rules);
        }
        Err(reason) => {
            ["rules", "watchedPaths", "auditedSyscalls", "immutable"]
                .iter()
                .for_each(|field| report.deny(&["auditd", field], &reason));
        }
    }
    let config = root.read("/etc/audit/auditd.conf").map(|content| {
        let settings = text::assignments(&content.unwrap_or_default());
        json!(settings.into_iter().map(|(key, value)| (key.to_ascii_lowercase(), value)).collect::<BTreeMap<_, _>>())
    });
    report.put_known(&["auditd", "config"], config);
}

fn mandatory_access(root: &HostRoot, report: &mut Report) {
    report.put_known(&["apparmor", "installed"], root.has_program("apparmor_parser"));
    let enabled = root.read("/sys/module/apparmor/parameters/enabled").map(|text| text.is_some_and(|text| text.trim() == "Y"));
    report.put_known(&["apparmor", "enabled"], enabled.clone());
    let fields = ["profilesLoaded", "profilesEnforcing", "profilesComplaining"];
    match root.read("/sys/kernel/security/apparmor/profiles") {
        Ok(Some(list)) => {
            let count = |mode: &str| list.lines().filter(|line| line.ends_with(mode)).count();
            report.set(&["apparmor", "profilesLoaded"], list.lines().count());
            report.set(&["apparmor", "profilesEnforcing"], count("(enforce)"));
            report.set(&["apparmor", "profilesComplaining"], count("(complain)"));
        }
        Ok(None) if matches!(enabled, Ok(false)) => fields.iter().for_each(|field| report.set(&["apparmor", field], 0)),
        Ok(None) => {
            let missing = || failed("open /sys/kernel/security/apparmor/profiles", "securityfs is not mounted");
            let reason = enabled.err().unwrap_or_else(missing);
            fields.iter().for_each(|field| report.deny(&["apparmor", field], &reason));
        }
        Err(reason) => fields.iter().for_each(|field| report.deny(&["apparmor", field], &reason)),
    }
    let enforce = root.read("/sys/fs/selinux/enforce");
    report.put_known(&["selinux", "enabled"], enforce.as_ref().map(Option::is_some).map_err(Arc::clone));
    report.put_known(&["selinux", "enforcing"], enforce.map(|text| text.is_some_and(|text| text.trim() == "1")));
    let configured =
        root.read("/etc/selinux/config").map(|text| text.and_then(|text| text::assignments(&text).remove("SELINUX")));
    report.put(&["selinux", "configuredMode"], configured);
}

fn disk(root: &HostRoot, report: &mut Report) {
    let device = root.read("/proc/self/mounts").map(|table| {
        text::mounts(&table.unwrap_or_default()).into_iter().rfind(|mount| mount.point == "/").map(|mount| mount.device)
    });
    report.put(&["diskEncryption", "rootDevice"], device.clone());
    match (encrypted_devices(root), device) {
        (Ok(encrypted), Ok(device)) => {
            report.set(&["diskEncryption", "encryptedDevices"], encrypted.clone());
            let device = device.filter(|device| device.starts_with("/dev/"));
            let is_mapped =
                device.as_ref().is_some_and(|device| device.starts_with("/dev/mapper/") || device.starts_with("/dev/dm-"));
            let is_crypt = device.as_ref().is_some_and(|device| encrypted.contains(device));
            match device {
                Some(_) if is_crypt => report.set(&["diskEncryption", "rootEncrypted"], true),
                Some(_) if !is_mapped => report.set(&["diskEncryption", "rootEncrypted"], false),
                _ => {
                    let message =
                        "the root file system does not lie directly on a disk (a container, an image or a logical volume)";
                    report.deny(&["diskEncryption", "rootEncrypted"], &failed("look up the root device in /sys/block", message));
                }
            }
        }
        (encrypted, device) => {
            if let Some(reason) = encrypted.as_ref().err().cloned().or(device.err()) {
                report.deny(&["diskEncryption", "rootEncrypted"], &reason);
            }
            report.put_known(&["diskEncryption", "encryptedDevices"], encrypted);
        }
    }
}

/// The paths under which the kernel's encrypted volumes are mounted.
fn encrypted_devices(root: &HostRoot) -> Fallible<Vec<String>> {
    let names = root.list("/sys/block")?.ok_or_else(|| failed("list /sys/block", "the folder does not exist"))?;
    let mut encrypted = Vec::new();
    for name in names {
        let uuid = root.read(&format!("/sys/block/{name}/dm/uuid"))?.unwrap_or_default();
        if uuid.starts_with("CRYPT-") {
            let mapped = root.read(&format!("/sys/block/{name}/dm/name"))?.unwrap_or_default();
            encrypted.push(format!("/dev/mapper/{}", mapped.trim()));
        }
    }
    Ok(encrypted)
}

/// Whether a unit runs; false if there is no such unit.
fn is_running(report: &Report, unit: &str) -> Fallible<bool> {
    services::is_active(report, unit).map(|state| state.unwrap_or(false))
}

/// Those of which the question is answered with yes; fails if one could not be answered.
fn present<T>(known: &[T], is_there: impl Fn(&T) -> Fallible<bool>) -> Fallible<Vec<&T>> {
    let mut found = Vec::new();
    for candidate in known {
        if is_there(candidate)? {
            found.push(candidate);
        }
    }
    Ok(found)
}

fn banners(root: &HostRoot, report: &mut Report) {
    let system =
        report.properties.get("os").and_then(|os| os.get("id")).and_then(|id| id.as_str()).unwrap_or_default().to_owned();
    let mut telling = Vec::new();
    let mut denied = None;
    for (field, path) in [("motd", "/etc/motd"), ("issue", "/etc/issue"), ("issueNet", "/etc/issue.net")] {
        let content = root.read(path);
        match &content {
            Ok(Some(content)) => {
                let has_escape = ["\\m", "\\r", "\\s", "\\v"].iter().any(|escape| content.contains(escape));
                if has_escape || (!system.is_empty() && content.to_ascii_lowercase().contains(&system)) {
                    telling.push(path);
                }
            }
            Ok(None) => {}
            Err(reason) => denied = Some(Arc::clone(reason)),
        }
        report.put(&["banner", field], content);
    }
    report.put_known(&["banner", "disclosesSystem"], denied.map_or(Ok(telling), Err));
}

fn grub(root: &HostRoot, report: &mut Report) {
    let paths = ["/boot/grub/grub.cfg", "/boot/grub2/grub.cfg"];
    let installed = root.any_exists(&paths);
    let is_installed = matches!(installed, Ok(true));
    report.put_known(&["grub", "installed"], installed);
    if is_installed {
        let config = joined(root, &paths, &[], "").map(|content| {
            text::lines(&content).any(|line| line.starts_with("set superusers")) && content.contains("password_pbkdf2")
        });
        report.put_known(&["grub", "passwordSet"], config);
    }
}

/// The texts of files and of the files in folders with this ending, in order; what does not exist is left out.
fn joined(root: &HostRoot, files: &[&str], folders: &[&str], ending: &str) -> Fallible<String> {
    let mut all = String::new();
    let mut add = |path: &str| -> Fallible<()> {
        if let Some(content) = root.read(path)? {
            all.push_str(&content);
            all.push('\n');
        }
        Ok(())
    };
    for path in files {
        add(path)?;
    }
    for folder in folders {
        for name in root.list(folder)?.unwrap_or_default().iter().filter(|name| name.ends_with(ending)) {
            add(&format!("{folder}/{name}"))?;
        }
    }
    Ok(all)
}

fn copy(report: &mut Report, group: &str, settings: &Fallible<BTreeMap<String, String>>, fields: &[(&str, &str)]) {
    for (field, key) in fields {
        match settings {
            Ok(settings) => report.put(&[group, field], Ok(settings.get(*key).cloned())),
            Err(reason) => report.deny(&[group, field], reason),
        }
    }
}
