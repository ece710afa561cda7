use std::{collections::BTreeMap, sync::Arc};

use serde_json::json;
use skywarden_model::UnreadableReason;

use crate::{
    HostRoot, packages,
    report::Report,
    root::{failed, not_yet},
    services, text,
};

type Fallible<T> = Result<T, Arc<UnreadableReason>>;
type Packages<'a> = Fallible<Option<&'a BTreeMap<String, String>>>;

/// Reads what remains: passwords, logging, firewall, protection, banners.
pub(crate) fn read(root: &HostRoot, installed: Packages<'_>, report: &mut Report) {
    login(root, report);
    logging(root, report);
    time(root, report);
    protection(root, installed, report);
    disk(root, report);
    banners(root, report);
    let files = [
        ("cron", "allowExists", "/etc/cron.allow"),
        ("cron", "denyExists", "/etc/cron.deny"),
        ("cron", "atInstalled", "/usr/bin/at"),
        ("cron", "atAllowExists", "/etc/at.allow"),
        ("cron", "atDenyExists", "/etc/at.deny"),
    ];
    files.iter().for_each(|(group, field, path)| report.put_known(&[group, field], root.exists(path)));
    report.put_known(&["cron", "installed"], root.any_exists(&["/usr/sbin/cron", "/usr/sbin/crond"]));
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
    let collection = report.properties.get("collection");
    let has_systemd = collection.and_then(|collection| collection.get("systemd")).and_then(serde_json::Value::as_bool);
    let is_persistent = journal.and_then(|journal| match journal.get("Storage").map(String::as_str) {
        // Where systemd is not the init system there is no journal, whatever its files say.
        _ if has_systemd == Some(false) => Ok(false),
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
            let reads_journal = text::lines(&content).any(|line| line.contains("imjournal"));
            report.set(&["rsyslog", "readsJournal"], reads_journal);
            let targets: Vec<&str> = text::lines(&content)
                .filter(|line| line.contains("omfwd") || line.split_whitespace().nth(1).is_some_and(|word| word.starts_with('@')))
                .collect();
            report.set(&["rsyslog", "remoteTargets"], targets);
        }
        Err(reason) => ["fileCreateMode", "remoteInput", "remoteTargets", "readsJournal"]
            .iter()
            .for_each(|field| report.deny(&["rsyslog", field], &reason)),
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
    let chrony = joined(root, &["/etc/chrony/chrony.conf", "/etc/chrony.conf"], &[], "").and_then(|config| {
        let defaults = joined(root, &["/etc/default/chrony", "/etc/sysconfig/chronyd"], &[], "")?;
        let of_config = text::lines(&config).find_map(|line| line.strip_prefix("user ")).map(|user| user.trim().to_owned());
        let words: Vec<&str> = defaults.split(['=', '"', '\'', ' ', '\n']).collect();
        let of_options = words.windows(2).find(|pair| pair.first() == Some(&"-u")).and_then(|pair| pair.get(1));
        Ok(of_options.map(|user| (*user).to_owned()).or(of_config))
    });
    report.put(&["timeSync", "chronyUser"], chrony);
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
    if tool == "aide" {
        let config = joined(root, &["/etc/aide/aide.conf", "/etc/aide.conf"], &["/etc/aide/aide.conf.d", "/etc/aide.conf.d"], "");
        report.put_known(&["integrity", "unwatchedAuditTools"], config.map(|config| unwatched_tools(&config)));
    }
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
pub(crate) fn is_running(report: &Report, unit: &str) -> Fallible<bool> {
    services::is_active(report, unit).map(|state| state.unwrap_or(false))
}

/// The audit tools of which no line of aide's configuration names the strong hash.
pub(crate) fn unwatched_tools(config: &str) -> Vec<&'static str> {
    let tools = ["auditctl", "auditd", "augenrules", "aureport", "ausearch", "autrace"];
    let is_watched = |tool: &&str| {
        text::lines(config).any(|line| {
            let mut words = line.split_whitespace();
            let path = words.next().unwrap_or_default();
            path.rsplit('/').next() == Some(*tool) && words.any(|attributes| attributes.split('+').any(|name| name == "sha512"))
        })
    };
    tools.into_iter().filter(|tool| !is_watched(tool)).collect()
}

/// Those of which the question is answered with yes; fails if one could not be answered.
pub(crate) fn present<T>(known: &[T], is_there: impl Fn(&T) -> Fallible<bool>) -> Fallible<Vec<&T>> {
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
pub(crate) fn joined(root: &HostRoot, files: &[&str], folders: &[&str], ending: &str) -> Fallible<String> {
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

pub(crate) fn copy(report: &mut Report, group: &str, settings: &Fallible<BTreeMap<String, String>>, fields: &[(&str, &str)]) {
    for (field, key) in fields {
        match settings {
            Ok(settings) => report.put(&[group, field], Ok(settings.get(*key).cloned())),
            Err(reason) => report.deny(&[group, field], reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_watched_if_its_content_is() {
        let config = "# /sbin/aureport p+sha512\n/sbin/auditctl p+i+sha512\n/sbin/auditd p+i+n\n";
        assert_eq!(unwatched_tools(config), ["auditd", "augenrules", "aureport", "ausearch", "autrace"]);
    }
}
