use std::{os::unix::fs::MetadataExt, sync::Arc};

use serde_json::{Map, Value, json};
use skywarden_model::UnreadableReason;
use uuid::Uuid;

use crate::{
    HostRoot,
    accounts::Names,
    report::Report,
    root::{Reading, failed, not_running},
    text::{self, Mount},
};

/// Who the machine is.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) id: String,
    pub(crate) hostname: String,
}

const FILES: [&str; 48] = [
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
    "/etc/hosts.allow",
    "/etc/hosts.deny",
    "/etc/fstab",
    "/etc/profile",
    "/etc/login.defs",
    "/etc/security",
    "/etc/pam.d",
    "/etc/audit",
    "/var/log/audit",
    "/root",
    "/var/spool/cron",
    "/var/spool/cron/crontabs",
    "/boot/grub/grub.cfg",
    "/boot/grub2/grub.cfg",
    "/boot/grub2/grubenv",
    "/boot/grub2/user.cfg",
    "/tmp",
    "/var/tmp",
    "/var/log",
];

/// Reads identity, operating system and mounts.
pub(crate) fn read(root: &HostRoot, report: &mut Report) -> Identity {
    let hostname = hostname(root);
    let id = machine_id(root).unwrap_or_else(|| if root.is_at_rest() { tree_id(root) } else { hostname.clone() });
    report.set(&["machineId"], id.clone());
    report.set(&["hostname"], hostname.clone());
    report.set(&["collection", "asRoot"], rustix::process::geteuid().is_root());
    report.set(&["collection", "running"], !root.is_at_rest());
    let init = ["/sbin/init", "/usr/sbin/init", "/lib/systemd/systemd", "/usr/lib/systemd/systemd"];
    let (systemd, container) = if root.is_at_rest() {
        // A tree that nothing can start is the file system of a container.
        let has_init = root.any_exists(&init);
        let is_marked = root.exists("/.dockerenv");
        let is_container = match (is_marked, has_init) {
            (Ok(true), _) => Ok(true),
            (Ok(false), has_init) => has_init.map(|has_init| !has_init),
            (Err(reason), _) => Err(reason),
        };
        (root.any_exists(&["/lib/systemd/systemd", "/usr/lib/systemd/systemd"]), is_container)
    } else {
        let marks = ["/.dockerenv", "/run/.containerenv", "/run/systemd/container"];
        (root.exists("/run/systemd/system"), root.any_exists(&marks))
    };
    report.put_known(&["collection", "systemd"], systemd);
    report.put_known(&["collection", "container"], container);
    operating_system(root, report);
    mounts(root, report);
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

/// The same for the same path.
fn tree_id(root: &HostRoot) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("file://{}", root.prefix().display()).as_bytes()).to_string()
}

fn hostname(root: &HostRoot) -> String {
    let read = |path| root.read(path).ok().flatten().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    let folder = || root.prefix().file_name().filter(|_| root.is_at_rest()).map(|name| name.to_string_lossy().into_owned());
    let name = read("/proc/sys/kernel/hostname").or_else(|| read("/etc/hostname")).or_else(folder);
    name.unwrap_or_else(|| "unknown".to_owned())
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
        report.deny(&["os", "architecture"], &not_running("uname"));
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

fn mounts(root: &HostRoot, report: &mut Report) {
    if root.is_at_rest() {
        report.put(&["mounts"], mounts_at_boot(root));
        return report.set(&["mountsFrom"], "/etc/fstab");
    }
    let content = match root.read("/proc/self/mounts") {
        Ok(None) => root.read("/etc/mtab"),
        other => other,
    };
    report.set(&["mountsFrom"], "/proc/self/mounts");
    match content {
        Ok(Some(content)) => report.set(&["mounts"], mount_states(text::mounts(&content))),
        Ok(None) => report.deny(&["mounts"], &failed("open /proc/self/mounts", "the file does not exist")),
        Err(reason) => report.deny(&["mounts"], &reason),
    }
}

/// What a machine with this tree would mount: fstab, and what systemd adds by itself.
fn mounts_at_boot(root: &HostRoot) -> Reading<Map<String, Value>> {
    let table = text::mounts(&root.read("/etc/fstab")?.unwrap_or_default());
    if !table.iter().any(|mount| mount.point == "/") {
        return Err(failed("read /etc/fstab", "it does not even name the root file system, so mounts are decided elsewhere"));
    }
    let mut found = Vec::new();
    if root.any_exists(&["/lib/systemd/systemd", "/usr/lib/systemd/systemd"])? {
        let own = |point: &str| Mount {
            device: "tmpfs".to_owned(),
            point: point.to_owned(),
            fs_type: "tmpfs".to_owned(),
            options: ["rw", "nosuid", "nodev"].map(str::to_owned).into(),
        };
        found.push(own("/dev/shm"));
        let wanted =
            ["/etc/systemd/system/local-fs.target.wants/tmp.mount", "/usr/lib/systemd/system/local-fs.target.wants/tmp.mount"];
        if root.any_exists(&wanted)? {
            found.push(own("/tmp"));
        }
    }
    found.extend(table);
    Ok(Some(mount_states(found)))
}

fn mount_states(mounts: Vec<Mount>) -> Map<String, Value> {
    let mut object = Map::new();
    for mount in mounts {
        let has = |option: &str| mount.options.iter().any(|have| have == option);
        let state = json!({
            "device": mount.device, "fsType": mount.fs_type, "options": mount.options, "noexec": has("noexec"),
            "nosuid": has("nosuid"), "nodev": has("nodev"), "readOnly": has("ro"),
        });
        object.insert(mount.point, state);
    }
    object
}
