use std::{collections::BTreeMap, os::unix::fs::MetadataExt, sync::Arc};

use serde_json::{Map, Value, json};
use skywarden_model::UnreadableReason;

use crate::{HostRoot, accounts::Names, report::Report, root::failed, text};

/// Who the machine is.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) id: String,
    pub(crate) hostname: String,
}

/// Settings of the kernel that rules look at.
const SYSCTL: [&str; 46] = [
    "dev.tty.ldisc_autoload",
    "fs.protected_fifos",
    "fs.protected_hardlinks",
    "fs.protected_regular",
    "fs.protected_symlinks",
    "fs.suid_dumpable",
    "kernel.core_pattern",
    "kernel.core_uses_pid",
    "kernel.dmesg_restrict",
    "kernel.kexec_load_disabled",
    "kernel.kptr_restrict",
    "kernel.modules_disabled",
    "kernel.perf_event_paranoid",
    "kernel.randomize_va_space",
    "kernel.sysrq",
    "kernel.unprivileged_bpf_disabled",
    "kernel.yama.ptrace_scope",
    "net.core.bpf_jit_harden",
    "net.ipv4.conf.all.accept_redirects",
    "net.ipv4.conf.all.accept_source_route",
    "net.ipv4.conf.all.forwarding",
    "net.ipv4.conf.all.log_martians",
    "net.ipv4.conf.all.rp_filter",
    "net.ipv4.conf.all.secure_redirects",
    "net.ipv4.conf.all.send_redirects",
    "net.ipv4.conf.default.accept_redirects",
    "net.ipv4.conf.default.accept_source_route",
    "net.ipv4.conf.default.log_martians",
    "net.ipv4.conf.default.rp_filter",
    "net.ipv4.conf.default.secure_redirects",
    "net.ipv4.conf.default.send_redirects",
    "net.ipv4.icmp_echo_ignore_broadcasts",
    "net.ipv4.icmp_ignore_bogus_error_responses",
    "net.ipv4.ip_forward",
    "net.ipv4.tcp_rfc1337",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_timestamps",
    "net.ipv6.conf.all.accept_ra",
    "net.ipv6.conf.all.accept_redirects",
    "net.ipv6.conf.all.accept_source_route",
    "net.ipv6.conf.all.disable_ipv6",
    "net.ipv6.conf.all.forwarding",
    "net.ipv6.conf.default.accept_ra",
    "net.ipv6.conf.default.accept_redirects",
    "net.ipv6.conf.default.accept_source_route",
    "net.ipv6.conf.default.disable_ipv6",
];

const FILES: [&str; 33] = [
    "/etc/passwd",
    "/etc/passwd-",
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/group",
    "/etc/group-",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/security/opasswd",
    "/etc/shells",
    "/etc/ssh/sshd_config",
    "/etc/ssh/sshd_config.d",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/crontab",
    "/etc/cron.hourly",
    "/etc/cron.daily",
    "/etc/cron.weekly",
    "/etc/cron.monthly",
    "/etc/cron.yearly",
    "/etc/cron.d",
    "/etc/cron.allow",
    "/etc/cron.deny",
    "/etc/at.allow",
    "/etc/at.deny",
    "/etc/motd",
    "/etc/issue",
    "/etc/issue.net",
    "/etc/hosts",
    "/boot/grub/grub.cfg",
    "/boot/grub2/grub.cfg",
    "/tmp",
    "/var/log",
];

const MODULES: [&str; 14] = [
    "cramfs",
    "dccp",
    "firewire-core",
    "freevxfs",
    "hfs",
    "hfsplus",
    "jffs2",
    "overlay",
    "rds",
    "sctp",
    "squashfs",
    "tipc",
    "udf",
    "usb-storage",
];

/// Reads identity, operating system, kernel settings, mounts and modules.
pub(crate) fn read(root: &HostRoot, report: &mut Report) -> Identity {
    let hostname = hostname(root);
    let id = machine_id(root).unwrap_or_else(|| hostname.clone());
    report.set(&["machineId"], id.clone());
    report.set(&["hostname"], hostname.clone());
    report.set(&["collection", "asRoot"], rustix::process::geteuid().is_root());
    report.put_known(&["collection", "systemd"], root.exists("/run/systemd/system"));
    let container = root.any_exists(&["/.dockerenv", "/run/.containerenv", "/run/systemd/container"]);
    report.put_known(&["collection", "container"], container);
    operating_system(root, report);
    sysctl(root, report);
    mounts(root, report);
    modules(root, report);
    Identity { id, hostname }
}

/// Reads the state of the files that benchmarks name.
pub(crate) fn read_files(root: &HostRoot, names: &Names, report: &mut Report) {
    for path in FILES {
        match root.stat(path) {
            Ok(None) => report.set(&["files", path, "exists"], false),
            Ok(Some(metadata)) => {
                report.set(&["files", path], file_state(metadata.mode(), metadata.uid(), metadata.gid(), names))
            }
            Err(reason) => report.deny(&["files", path], &reason),
        }
    }
    let keys = root.list("/etc/ssh").map(Option::unwrap_or_default);
    let (mut private, mut public) = (Vec::new(), Vec::new());
    let outcome = keys.and_then(|keys| {
        for name in keys.iter().filter(|name| name.starts_with("ssh_host_")) {
            let path = format!("/etc/ssh/{name}");
            let Some(metadata) = root.stat(&path)? else { continue };
            let (mode, is_root) = (metadata.mode(), metadata.uid() == 0);
            let is_key_group = names.groups.get(&metadata.gid()).is_some_and(|group| group == "ssh_keys");
            if name.ends_with("_key") && (!is_root || mode & 0o037 != 0 || (mode & 0o040 != 0 && !is_key_group)) {
                private.push(path);
            } else if name.ends_with(".pub") && (!is_root || mode & 0o022 != 0) {
                public.push(path);
            }
        }
        Ok(())
    });
    match outcome {
        Ok(()) => {
            report.set(&["sshHostKeys", "privateKeysTooOpen"], private);
            report.set(&["sshHostKeys", "publicKeysTooOpen"], public);
        }
        Err(reason) => report.deny(&["sshHostKeys"], &reason),
    }
}

fn file_state(mode: u32, uid: u32, gid: u32, names: &Names) -> Value {
    let bit = |mask: u32| mode & mask != 0;
    let mut state = json!({
        "exists": true, "mode": format!("{:04o}", mode & 0o7777), "uid": uid, "gid": gid,
        "groupReadable": bit(0o040), "groupWritable": bit(0o020), "groupExecutable": bit(0o010),
        "otherReadable": bit(0o004), "otherWritable": bit(0o002), "otherExecutable": bit(0o001), "stickyBit": bit(0o1000),
    });
    if let Some(object) = state.as_object_mut() {
        let owner = names.users.get(&uid).map(|name| ("owner", name));
        let group = names.groups.get(&gid).map(|name| ("group", name));
        for (field, name) in owner.into_iter().chain(group) {
            object.insert(field.to_owned(), json!(name));
        }
    }
    state
}

fn machine_id(root: &HostRoot) -> Option<String> {
    ["/etc/machine-id", "/var/lib/dbus/machine-id", "/sys/class/dmi/id/product_uuid"].iter().find_map(|path| {
        let content = root.read(path).ok()??;
        let id = content.trim();
        let is_id = id.len() >= 32 && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        is_id.then(|| id.to_ascii_lowercase())
    })
}

fn hostname(root: &HostRoot) -> String {
    let read = |path| root.read(path).ok().flatten().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    read("/proc/sys/kernel/hostname").or_else(|| read("/etc/hostname")).unwrap_or_else(|| "unknown".to_owned())
}

fn operating_system(root: &HostRoot, report: &mut Report) {
    let release = match root.read("/etc/os-release") {
        Ok(None) => root.read("/usr/lib/os-release"),
        other => other,
    };
    match release {
        Ok(Some(content)) => {
            let release = text::assignments(&content);
            let get = |key: &str| release.get(key).cloned();
            // os-release(5): `linux` where the file does not say; a file that says nothing at all is damaged.
            if !["ID", "NAME", "PRETTY_NAME", "VERSION_ID"].iter().any(|key| release.contains_key(*key)) {
                return deny_release(report, &failed("read /etc/os-release", "it names no system"));
            }
            let id = get("ID").unwrap_or_else(|| "linux".to_owned());
            let like: Vec<String> = get("ID_LIKE").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
            report.set(&["os", "family"], family(&id, &like));
            report.set(&["os", "id"], id);
            report.set(&["os", "idLike"], like);
            report.put(&["os", "versionId"], Ok(get("VERSION_ID")));
            report.put(&["os", "prettyName"], Ok(get("PRETTY_NAME")));
        }
        Ok(None) => deny_release(report, &failed("open /etc/os-release", "the file does not exist")),
        Err(reason) => deny_release(report, &reason),
    }
    report.put(&["os", "kernel"], root.read("/proc/sys/kernel/osrelease").map(|text| text.map(|text| text.trim().to_owned())));
    if root.is_live() {
        report.set(&["os", "architecture"], rustix::system::uname().machine().to_string_lossy().into_owned());
    } else {
        report.deny(&["os", "architecture"], &failed("uname", "this is a copied tree, not the running machine"));
    }
    let uptime = root.read("/proc/uptime").map(|text| text.and_then(|text| text.split('.').next()?.trim().parse::<u64>().ok()));
    report.put(&["os", "uptimeSeconds"], uptime);
    report.put(&["kernelCommandLine"], root.read("/proc/cmdline").map(|text| text.map(|text| text.trim().to_owned())));
}

fn deny_release(report: &mut Report, reason: &Arc<UnreadableReason>) {
    ["id", "idLike", "versionId", "prettyName", "family"].iter().for_each(|field| report.deny(&["os", field], reason));
}

fn family(id: &str, like: &[String]) -> &'static str {
    let known = [
        ("debian", "debian"),
        ("ubuntu", "debian"),
        ("rhel", "rhel"),
        ("fedora", "rhel"),
        ("centos", "rhel"),
        ("amzn", "rhel"),
        ("alpine", "alpine"),
        ("suse", "suse"),
        ("sles", "suse"),
        ("arch", "arch"),
    ];
    std::iter::once(id)
        .chain(like.iter().map(String::as_str))
        .find_map(|word| known.iter().find(|(name, _)| *name == word).map(|(_, family)| *family))
        .unwrap_or("other")
}

fn sysctl(root: &HostRoot, report: &mut Report) {
    for key in SYSCTL {
        let value = root.read(&format!("/proc/sys/{}", key.replace('.', "/")));
        report.put(&["sysctl", key], value.map(|text| text.map(|text| text.trim().to_owned())));
    }
    match configured(root) {
        Ok(settings) => report.set(&["sysctlConfigured"], json!(settings)),
        Err(reason) => report.deny(&["sysctlConfigured"], &reason),
    }
}

/// The settings that are applied at boot: of files with the same name only the first folder's counts; later names win.
fn configured(root: &HostRoot) -> Result<BTreeMap<String, String>, Arc<UnreadableReason>> {
    let mut files = BTreeMap::new();
    for folder in ["/usr/lib/sysctl.d", "/run/sysctl.d", "/etc/sysctl.d"] {
        for name in root.list(folder)?.unwrap_or_default().into_iter().filter(|name| name.ends_with(".conf")) {
            let path = format!("{folder}/{name}");
            files.insert(name, path);
        }
    }
    let mut settings = BTreeMap::new();
    for path in files.into_values().chain(["/etc/sysctl.conf".to_owned()]) {
        let Some(content) = root.read(&path)? else { continue };
        for (key, value) in text::assignments(&content) {
            settings.insert(key.trim_start_matches('-').replace('/', "."), value);
        }
    }
    Ok(settings)
}

fn mounts(root: &HostRoot, report: &mut Report) {
    let content = match root.read("/proc/self/mounts") {
        Ok(None) => root.read("/etc/mtab"),
        other => other,
    };
    match content {
        Ok(Some(content)) => {
            let mut object = Map::new();
            for mount in text::mounts(&content) {
                let has = |option: &str| mount.options.iter().any(|have| have == option);
                let state = json!({
                    "device": mount.device, "fsType": mount.fs_type, "options": mount.options, "noexec": has("noexec"),
                    "nosuid": has("nosuid"), "nodev": has("nodev"), "readOnly": has("ro"),
                });
                object.insert(mount.point.clone(), state);
            }
            report.set(&["mounts"], object);
        }
        Ok(None) => report.deny(&["mounts"], &failed("open /proc/self/mounts", "the file does not exist")),
        Err(reason) => report.deny(&["mounts"], &reason),
    }
}

fn modules(root: &HostRoot, report: &mut Report) {
    let same = |name: &str| name.replace('-', "_");
    let loaded = root.read("/proc/modules");
    let kernel = root.read("/proc/sys/kernel/osrelease").ok().flatten().unwrap_or_default();
    let folder = format!("/lib/modules/{}", kernel.trim());
    let mut available = root.read(&format!("{folder}/modules.dep"));
    if matches!(available, Ok(None)) {
        available = Err(failed(&format!("open {folder}/modules.dep"), "the running kernel's modules are not visible here"));
    }
    let rules = modprobe(root);
    for name in MODULES {
        match &loaded {
            Ok(Some(list)) => {
                let is_loaded = list.lines().any(|line| line.split(' ').next().map(same) == Some(same(name)));
                report.set(&["kernelModules", name, "loaded"], is_loaded);
            }
            Ok(None) => report.deny(&["kernelModules", name, "loaded"], &failed("open /proc/modules", "the file does not exist")),
            Err(reason) => report.deny(&["kernelModules", name, "loaded"], reason),
        }
        match &available {
            Ok(list) => {
                let wanted = same(name);
                let is_there = list.as_deref().unwrap_or_default().lines().any(|line| {
                    let path = line.split(':').next().unwrap_or_default();
                    let file = path.rsplit('/').next().unwrap_or_default();
                    same(file.split('.').next().unwrap_or_default()) == wanted
                });
                report.set(&["kernelModules", name, "available"], is_there);
            }
            Err(reason) => report.deny(&["kernelModules", name, "available"], reason),
        }
        match &rules {
            Ok(rules) => {
                let words: Vec<Vec<&str>> = text::lines(rules).map(|line| line.split_whitespace().collect()).collect();
                let is_named = |verb: &str, words: &[&str]| matches!(words, [first, module, ..] if *first == verb && same(module) == same(name));
                report.set(&["kernelModules", name, "blacklisted"], words.iter().any(|words| is_named("blacklist", words)));
                let is_disabled = words.iter().any(|words| {
                    is_named("install", words) && words.get(2).is_some_and(|to| to.ends_with("/false") || to.ends_with("/true"))
                });
                report.set(&["kernelModules", name, "installDisabled"], is_disabled);
            }
            Err(reason) => {
                report.deny(&["kernelModules", name, "blacklisted"], reason);
                report.deny(&["kernelModules", name, "installDisabled"], reason);
            }
        }
    }
}

fn modprobe(root: &HostRoot) -> Result<String, Arc<UnreadableReason>> {
    let mut rules = String::new();
    for folder in ["/usr/lib/modprobe.d", "/lib/modprobe.d", "/etc/modprobe.d"] {
        for name in root.list(folder)?.unwrap_or_default().iter().filter(|name| name.ends_with(".conf")) {
            rules.push_str(&root.read(&format!("{folder}/{name}"))?.unwrap_or_default());
            rules.push('\n');
        }
    }
    Ok(rules)
}
