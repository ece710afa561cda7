//! Kernel settings, kernel modules, arguments of the boot loader.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::json;
use skywarden_model::UnreadableReason;

use crate::{
    HostRoot,
    report::Report,
    root::{Reading, failed, not_running},
    text,
};

type Fallible<T> = Result<T, Arc<UnreadableReason>>;

/// Settings that rules look at, and what the kernel takes where nobody sets them. No value: it depends on how the kernel was
/// built, or distributions change it.
const SETTINGS: [(&str, Option<&str>); 47] = [
    ("dev.tty.ldisc_autoload", None),
    ("fs.protected_fifos", Some("0")),
    ("fs.protected_hardlinks", None),
    ("fs.protected_regular", Some("0")),
    ("fs.protected_symlinks", None),
    ("fs.suid_dumpable", Some("0")),
    ("kernel.core_pattern", None),
    ("kernel.core_uses_pid", Some("0")),
    ("kernel.dmesg_restrict", None),
    ("kernel.kexec_load_disabled", Some("0")),
    ("kernel.kptr_restrict", None),
    ("kernel.modules_disabled", Some("0")),
    ("kernel.perf_event_paranoid", None),
    ("kernel.randomize_va_space", Some("2")),
    ("kernel.sysrq", None),
    ("kernel.unprivileged_bpf_disabled", None),
    ("kernel.yama.ptrace_scope", None),
    ("net.core.bpf_jit_harden", Some("0")),
    ("net.ipv4.conf.all.accept_redirects", Some("1")),
    ("net.ipv4.conf.all.accept_source_route", Some("0")),
    ("net.ipv4.conf.all.bootp_relay", Some("0")),
    ("net.ipv4.conf.all.forwarding", Some("0")),
    ("net.ipv4.conf.all.log_martians", Some("0")),
    ("net.ipv4.conf.all.rp_filter", Some("0")),
    ("net.ipv4.conf.all.secure_redirects", Some("1")),
    ("net.ipv4.conf.all.send_redirects", Some("1")),
    ("net.ipv4.conf.default.accept_redirects", Some("1")),
    ("net.ipv4.conf.default.accept_source_route", Some("1")),
    ("net.ipv4.conf.default.log_martians", Some("0")),
    ("net.ipv4.conf.default.rp_filter", Some("0")),
    ("net.ipv4.conf.default.secure_redirects", Some("1")),
    ("net.ipv4.conf.default.send_redirects", Some("1")),
    ("net.ipv4.icmp_echo_ignore_broadcasts", Some("1")),
    ("net.ipv4.icmp_ignore_bogus_error_responses", Some("1")),
    ("net.ipv4.ip_forward", Some("0")),
    ("net.ipv4.tcp_rfc1337", Some("0")),
    ("net.ipv4.tcp_syncookies", Some("1")),
    ("net.ipv4.tcp_timestamps", Some("1")),
    ("net.ipv6.conf.all.accept_ra", Some("1")),
    ("net.ipv6.conf.all.accept_redirects", Some("1")),
    ("net.ipv6.conf.all.accept_source_route", Some("0")),
    ("net.ipv6.conf.all.disable_ipv6", Some("0")),
    ("net.ipv6.conf.all.forwarding", Some("0")),
    ("net.ipv6.conf.default.accept_ra", Some("1")),
    ("net.ipv6.conf.default.accept_redirects", Some("1")),
    ("net.ipv6.conf.default.accept_source_route", Some("0")),
    ("net.ipv6.conf.default.disable_ipv6", Some("0")),
];

const MODULES: [&str; 24] = [
    "appletalk",
    "atm",
    "ax25",
    "can",
    "cramfs",
    "dccp",
    "firewire-core",
    "freevxfs",
    "hfs",
    "hfsplus",
    "jffs2",
    "ksmbd",
    "n-hdlc",
    "netrom",
    "overlay",
    "rds",
    "rose",
    "sctp",
    "squashfs",
    "tipc",
    "udf",
    "usb-storage",
    "vivid",
    "x25",
];

/// Reads settings and modules; answers the boot arguments, which others judge.
pub(crate) fn read(root: &HostRoot, report: &mut Report) -> Reading<Vec<String>> {
    settings(root, report);
    modules(root, report);
    let arguments = boot_arguments(root);
    report.put(&["bootArguments"], arguments.clone());
    arguments
}

/// The arguments that the kernel runs with, or of a tree those that the boot loader is configured to give.
fn boot_arguments(root: &HostRoot) -> Reading<Vec<String>> {
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    if !root.is_at_rest() {
        return Ok(root.read("/proc/cmdline")?.map(|line| words(&line)));
    }
    let mut found: Option<Vec<String>> = None;
    let parts = root.list("/etc/default/grub.d")?.unwrap_or_default();
    let parts = parts.iter().filter(|name| name.ends_with(".cfg")).map(|name| format!("/etc/default/grub.d/{name}"));
    for path in std::iter::once("/etc/default/grub".to_owned()).chain(parts) {
        let Some(content) = root.read(&path)? else { continue };
        let settings = text::assignments(&content);
        for key in ["GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT"] {
            found.get_or_insert_default().extend(settings.get(key).map(|line| words(line)).unwrap_or_default());
        }
    }
    if let Some(line) = root.read("/etc/kernel/cmdline")? {
        found.get_or_insert_default().extend(words(&line));
    }
    for name in root.list("/boot/loader/entries")?.unwrap_or_default().iter().filter(|name| name.ends_with(".conf")) {
        let entry = root.read(&format!("/boot/loader/entries/{name}"))?.unwrap_or_default();
        let options = text::lines(&entry).find_map(|line| line.strip_prefix("options "));
        found.get_or_insert_default().extend(options.map(words).unwrap_or_default());
    }
    match found {
        Some(arguments) => Ok(Some(arguments)),
        None => Err(failed("read the boot loader's configuration", "the tree holds none, so the kernel's arguments are unknown")),
    }
}

fn settings(root: &HostRoot, report: &mut Report) {
    let configured = configured(root);
    for (key, default) in SETTINGS {
        let running = root.read(&format!("/proc/sys/{}", key.replace('.', "/")));
        let running = running.map(|text| text.map(|text| text.trim().to_owned()));
        if !root.is_at_rest() {
            report.put(&["kernelSettings", key], running.clone());
        } else {
            let value = match &configured {
                Ok(settings) => match settings.get(key).map(String::as_str).or(default) {
                    Some(value) => Ok(value),
                    None => Err(not_running(&format!("read {key}, which no file sets"))),
                },
                Err(reason) => Err(Arc::clone(reason)),
            };
            report.put_known(&["kernelSettings", key], value);
        }
        report.put(&["sysctl", key], running);
    }
    report.put_known(&["sysctlConfigured"], configured.map(|settings| json!(settings)));
}

/// The settings that are applied at boot: of files with the same name only the last folder's counts; later names win.
fn configured(root: &HostRoot) -> Fallible<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    let folders = ["/usr/lib/sysctl.d", "/usr/local/lib/sysctl.d", "/run/sysctl.d", "/etc/sysctl.d"];
    for folder in folders.into_iter().filter(|folder| !(root.is_at_rest() && folder.starts_with("/run/"))) {
        for name in root.list(folder)?.unwrap_or_default().into_iter().filter(|name| name.ends_with(".conf")) {
            let path = format!("{folder}/{name}");
            files.insert(name, path);
        }
    }
    let mut content = String::new();
    for path in files.into_values().chain(["/etc/sysctl.conf".to_owned()]) {
        content.push_str(&root.read(&path)?.unwrap_or_default());
        content.push('\n');
    }
    Ok(sysctl_lines(&content))
}

/// Settings by name. A pattern sets those known settings that no line names itself; `-NAME` alone takes one out of patterns.
pub(crate) fn sysctl_lines(content: &str) -> BTreeMap<String, String> {
    let mut named = BTreeMap::new();
    let mut patterns: Vec<(String, String)> = Vec::new();
    let mut excluded = Vec::new();
    for line in text::lines(content).filter(|line| !line.starts_with(';')) {
        let Some((key, value)) = line.split_once('=') else {
            excluded.extend(line.strip_prefix('-').map(|key| key.trim().replace('/', ".")));
            continue;
        };
        let key = key.trim().trim_start_matches('-').replace('/', ".");
        let value = value.trim().to_owned();
        if key.contains('*') {
            patterns.push((key, value));
        } else if !key.is_empty() {
            named.insert(key, value);
        }
    }
    for (pattern, value) in patterns {
        let Some((start, end)) = pattern.split_once('*') else { continue };
        let fits = |key: &&str| key.len() >= start.len() + end.len() && key.starts_with(start) && key.ends_with(end);
        for key in SETTINGS.iter().map(|(key, _)| *key).filter(fits) {
            if !excluded.iter().any(|name| name == key) {
                named.entry(key.to_owned()).or_insert_with(|| value.clone());
            }
        }
    }
    named
}

fn modules(root: &HostRoot, report: &mut Report) {
    let loaded =
        root.read("/proc/modules").and_then(|list| list.ok_or_else(|| failed("open /proc/modules", "the file does not exist")));
    let available = available(root);
    let rules = modprobe(root);
    for name in MODULES {
        let is_loaded = loaded
            .as_ref()
            .map_err(Arc::clone)
            .map(|list| list.lines().any(|line| line.split(' ').next().map(same) == Some(same(name))));
        let is_available = available.as_ref().map_err(Arc::clone).map(|list| names_module(list, name));
        let is_named =
            |verb: &str, words: &[&str]| matches!(words, [first, module, ..] if *first == verb && same(module) == same(name));
        let rules: Fallible<Vec<Vec<&str>>> = rules
            .as_ref()
            .map_err(Arc::clone)
            .map(|rules| text::lines(rules).map(|line| line.split_whitespace().collect()).collect());
        let is_blacklisted = rules.clone().map(|rules| rules.iter().any(|words| is_named("blacklist", words)));
        let is_disabled = rules.map(|rules| {
            rules.iter().any(|words| {
                is_named("install", words) && words.get(2).is_some_and(|to| to.ends_with("/false") || to.ends_with("/true"))
            })
        });
        let may_load = match (&is_disabled, &is_available) {
            (Ok(true), _) | (_, Ok(false)) => Ok(false),
            (Ok(false), Ok(true)) => Ok(true),
            (Err(reason), _) | (_, Err(reason)) => Err(Arc::clone(reason)),
        };
        let usable = match (&is_loaded, may_load) {
            (Ok(true), _) | (_, Ok(true)) => Ok(true),
            // Nothing is loaded in a tree; what its files allow is all that there is.
            (_, may_load) if root.is_at_rest() => may_load,
            (Ok(false), may_load) => may_load,
            (Err(reason), _) => Err(Arc::clone(reason)),
        };
        report.put_known(&["kernelModules", name, "loaded"], is_loaded);
        report.put_known(&["kernelModules", name, "available"], is_available);
        report.put_known(&["kernelModules", name, "blacklisted"], is_blacklisted);
        report.put_known(&["kernelModules", name, "installDisabled"], is_disabled);
        report.put_known(&["kernelModules", name, "usable"], usable);
    }
}

fn same(name: &str) -> String {
    name.replace('-', "_")
}

/// Whether a modules.dep file lists a module.
pub(crate) fn names_module(list: &str, name: &str) -> bool {
    let wanted = same(name);
    list.lines().any(|line| {
        let file = line.split(':').next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
        same(file.split('.').next().unwrap_or_default()) == wanted
    })
}

/// The module lists of the running kernel, or of all kernels of a tree.
fn available(root: &HostRoot) -> Fallible<String> {
    let mut lists = String::new();
    let folders = if root.is_at_rest() {
        root.list("/lib/modules")?.unwrap_or_default()
    } else {
        vec![root.read("/proc/sys/kernel/osrelease").ok().flatten().unwrap_or_default().trim().to_owned()]
    };
    let mut n_lists = 0_usize;
    for folder in folders {
        let path = format!("/lib/modules/{folder}/modules.dep");
        match root.read(&path)? {
            Some(list) => {
                n_lists += 1;
                lists.push_str(&list);
                lists.push('\n');
            }
            None if root.is_at_rest() => {}
            None => return Err(failed(&format!("open {path}"), "the running kernel's modules are not visible here")),
        }
    }
    if n_lists == 0 {
        return Err(failed("list /lib/modules", "the tree holds no kernel, so it is not known which modules there will be"));
    }
    Ok(lists)
}

fn modprobe(root: &HostRoot) -> Fallible<String> {
    let mut rules = String::new();
    for folder in ["/usr/lib/modprobe.d", "/lib/modprobe.d", "/etc/modprobe.d"] {
        for name in root.list(folder)?.unwrap_or_default().iter().filter(|name| name.ends_with(".conf")) {
            rules.push_str(&root.read(&format!("{folder}/{name}"))?.unwrap_or_default());
            rules.push('\n');
        }
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pattern_sets_what_no_line_names_or_excludes() {
        let content = "net.ipv4.conf.*.rp_filter = 1\n-net.ipv4.conf.all.rp_filter\nnet/ipv4/conf/all/log_martians=1\n; x = 1\n-fs.suid_dumpable = 2\n";
        let found = sysctl_lines(content);
        assert_eq!(found.get("net.ipv4.conf.default.rp_filter").map(String::as_str), Some("1"));
        assert_eq!(found.get("net.ipv4.conf.all.rp_filter"), None);
        assert_eq!(found.get("net.ipv4.conf.all.log_martians").map(String::as_str), Some("1"));
        assert_eq!(found.get("fs.suid_dumpable").map(String::as_str), Some("2"));
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn modules_are_found_by_file_name() {
        let list = "kernel/drivers/usb/storage/usb-storage.ko.xz: kernel/x.ko\nkernel/net/can/can.ko:\n";
        assert!(names_module(list, "usb-storage") && names_module(list, "can") && !names_module(list, "x"));
    }

    proptest! {
        #[test]
        fn any_settings_are_survived(content in "(?s).{0,200}", odd in "[a-z.*/=\\- \n]{0,120}") {
            for content in [&content, &odd] {
                sysctl_lines(content);
                names_module(content, "can");
            }
        }
    }
}
