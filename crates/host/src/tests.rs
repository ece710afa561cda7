//! Small trees in temporary folders, read as machines.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use crate::{HostRoot, WalkLimits, collect, walk};
use serde_json::{Value, json};
use skywarden_model::{Resource, Timestamp, UnreadableKind};

fn now() -> Timestamp {
    "2026-11-24T00:00:00Z".parse().unwrap()
}

fn write(root: &Path, path: &str, content: &str) {
    let target = root.join(path.trim_start_matches('/'));
    fs::create_dir_all(target.parent().unwrap()).unwrap();
    fs::write(target, content).unwrap();
}

fn machine(root: &Path) -> Resource {
    let mut snapshot = collect(&HostRoot::tree(root), now(), "host".into());
    assert_eq!(snapshot.resources.len(), 1);
    snapshot.resources.remove(0)
}

fn reason(machine: &Resource, field: &str) -> Option<UnreadableKind> {
    let field = field.parse().unwrap();
    machine.unreadable.iter().find(|entry| entry.field.covers(&field)).map(|entry| entry.reason.kind)
}

fn debian() -> tempfile::TempDir {
    let tree = tempfile::tempdir().unwrap();
    let root = tree.path();
    write(root, "/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
    write(root, "/etc/hostname", "web-1\n");
    write(root, "/usr/lib/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
    symlink("/usr/lib/os-release", root.join("etc/os-release")).unwrap();
    write(
        root,
        "/etc/passwd",
        "root:x:0:0::/root:/bin/bash\ntoor:x:0:0::/root:/bin/bash\nann:x:1000:1000::/home/ann:/bin/bash\n",
    );
    write(root, "/etc/group", "root:x:0:\nann:x:1000:\n");
    write(root, "/etc/shadow", "root:*:19000:0:99999:7:::\nann::19000:0:90:7:::\n");
    write(root, "/usr/sbin/sshd", "");
    write(root, "/etc/ssh/sshd_config", "Include /etc/ssh/sshd_config.d/*.conf\nPermitRootLogin yes\n");
    write(root, "/etc/ssh/sshd_config.d/50-x.conf", "PermitRootLogin no\nCiphers aes128-ctr,aes128-cbc\n");
    write(root, "/var/lib/dpkg/status", "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2-1\n");
    write(root, "/lib/systemd/system/cron.service", "");
    fs::create_dir_all(root.join("etc/systemd/system/multi-user.target.wants")).unwrap();
    symlink("/lib/systemd/system/cron.service", root.join("etc/systemd/system/multi-user.target.wants/cron.service")).unwrap();
    tree
}

#[test]
fn a_machine_is_one_resource_with_its_facts() {
    let tree = debian();
    let machine = machine(tree.path());
    assert_eq!(machine.id.as_str(), "0123456789abcdef0123456789abcdef");
    assert_eq!((machine.name.as_str(), &*machine.scope.account, &*machine.scope.resource_group), ("web-1", "fleet", "machines"));
    let properties = &machine.properties;
    assert_eq!(properties["os"]["family"], "debian");
    assert_eq!(properties["packageNames"], json!({ "bash": "5.2-1" }));
    assert_eq!(properties["accounts"]["uidZeroUsers"], json!(["root", "toor"]));
    assert_eq!(properties["accounts"]["emptyPasswordUsers"], json!(["ann"]));
    assert_eq!(properties["sshd"]["effective"]["permitrootlogin"], "no");
    assert_eq!(properties["sshd"]["effective"]["maxauthtries"], "6");
    assert_eq!(properties["sshd"]["weakCiphers"], json!(["aes128-cbc"]));
    assert_eq!(properties["services"]["cron.service"]["enabled"], true);
    assert_eq!(properties["files"]["/etc/gshadow"], json!({ "exists": false }));
}

#[test]
fn what_is_not_known_is_unreadable_rather_than_false() {
    let tree = debian();
    let machine = machine(tree.path());
    assert_eq!(reason(&machine, "properties.services['cron.service'].active"), Some(UnreadableKind::NotCarried));
    assert_eq!(machine.properties["services"]["cron.service"].get("active"), None);
    assert_eq!(reason(&machine, "properties.updates.pending"), Some(UnreadableKind::NotYetKnown));
    assert_eq!(reason(&machine, "properties.fileWalk.setuidFiles"), Some(UnreadableKind::NotYetKnown));
    assert_eq!(reason(&machine, "properties.sshd.effective.macs"), Some(UnreadableKind::NotYetKnown));
    assert_eq!(reason(&machine, "properties.listening"), Some(UnreadableKind::NotCarried));
    assert!(reason(&machine, "properties.firewall.rulesPresent").is_some());
}

/// A folder that is a link to itself can't be looked into, whoever looks.
fn close(root: &Path, folder: &str) {
    let target = root.join(folder);
    fs::remove_dir_all(&target).or_else(|_| fs::remove_file(&target)).ok();
    fs::create_dir_all(target.parent().unwrap()).unwrap();
    symlink(target.file_name().unwrap(), &target).unwrap();
}

#[test]
fn programs_that_could_not_be_looked_for_are_not_taken_as_absent() {
    let tree = debian();
    close(tree.path(), "usr/local/bin");
    let machine = machine(tree.path());
    assert_eq!(machine.properties["sshd"]["installed"], true);
    for field in [
        "auditd.installed",
        "auditd.active",
        "sudoers.installed",
        "rsyslog.installed",
        "apparmor.installed",
        "integrity.installed",
        "integrity.scheduled",
        "firewall.backends",
        "firewall.backend",
        "firewall.active",
        "timeSync.installed",
        "timeSync.active",
        "updates.unattendedEnabled",
    ] {
        assert_eq!(reason(&machine, &format!("properties.{field}")), Some(UnreadableKind::Failed), "{field}");
        let (group, name) = field.split_once('.').unwrap();
        assert_eq!(machine.properties.get(group).and_then(|group| group.get(name)), None, "{field}");
    }
}

#[test]
fn services_packages_and_settings_that_could_not_be_read_decide_nothing() {
    let tree = debian();
    write(tree.path(), "/usr/sbin/auditd", "");
    write(tree.path(), "/usr/sbin/ufw", "");
    close(tree.path(), "etc/systemd/system");
    close(tree.path(), "var/lib/dpkg/status");
    close(tree.path(), "etc/login.defs");
    close(tree.path(), "sys/module");
    let machine = collect(&HostRoot::with_kernel_files(tree.path()), now(), "host".into()).resources.remove(0);
    for field in [
        "services",
        "auditd.enabled",
        "auditd.active",
        "firewall.active",
        "endpointProtection",
        "accounts",
        "apparmor.profilesLoaded",
    ] {
        assert_eq!(reason(&machine, &format!("properties.{field}")), Some(UnreadableKind::Failed), "{field}");
    }
    assert_eq!(machine.properties["auditd"]["installed"], true);
}

#[test]
fn a_row_of_sockets_that_can_not_be_understood_hides_no_listener() {
    let tree = debian();
    let header = "  sl  local_address rem_address   st\n";
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        write(tree.path(), &format!("/proc/net/{table}"), header);
    }
    let machine = || collect(&HostRoot::with_kernel_files(tree.path()), now(), "host".into()).resources.remove(0);
    assert_eq!(machine().properties["listening"], json!([]));
    write(tree.path(), "/proc/net/tcp", &format!("{header}   0: nonsense\n"));
    let machine = machine();
    assert_eq!(reason(&machine, "properties.listening"), Some(UnreadableKind::Failed));
    assert_eq!(machine.properties.get("listening"), None);
}

#[test]
fn an_os_release_without_settings_is_unreadable() {
    let tree = debian();
    write(tree.path(), "/usr/lib/os-release", "\u{1}garbage\n");
    assert_eq!(reason(&machine(tree.path()), "properties.os.id"), Some(UnreadableKind::Failed));
}

#[test]
fn an_empty_tree_claims_nothing() {
    let tree = tempfile::tempdir().unwrap();
    let machine = machine(tree.path());
    for field in ["packages", "users", "accounts", "listening", "mounts", "os.id", "pam.nullok"] {
        assert!(reason(&machine, &format!("properties.{field}")).is_some(), "{field}");
        let top = field.split('.').next().unwrap();
        let inner = field.split('.').nth(1).map_or(machine.properties.get(top), |part| machine.properties[top].get(part));
        assert_eq!(inner, None, "{field}");
    }
}

#[test]
fn a_link_of_a_copied_tree_does_not_lead_out_of_it() {
    let tree = debian();
    let outside = tempfile::NamedTempFile::new().unwrap();
    fs::write(outside.path(), "outside").unwrap();
    symlink(outside.path(), tree.path().join("etc/issue")).unwrap();
    symlink("../../../../../../../../etc/hostname", tree.path().join("etc/motd")).unwrap();
    symlink("issue.net", tree.path().join("etc/issue.net")).unwrap();
    let machine = machine(tree.path());
    assert_eq!(machine.properties["banner"].get("issue"), None);
    assert_eq!(machine.properties["banner"]["motd"], "web-1\n");
    assert_eq!(reason(&machine, "properties.banner.issueNet"), Some(UnreadableKind::Failed));
}

#[test]
fn fresh_package_lists_give_pending_updates_and_old_ones_do_not() {
    let tree = debian();
    let list = "/var/lib/apt/lists/deb.debian.org_debian-security_dists_bookworm-security_main_binary-amd64_Packages";
    write(tree.path(), list, "Package: bash\nVersion: 5.2-1+deb12u1\nArchitecture: amd64\n");
    let backports = "/var/lib/apt/lists/deb.debian.org_debian_dists_bookworm-backports";
    write(tree.path(), &format!("{backports}_InRelease"), "Origin: Debian\nNotAutomatic: yes\n");
    write(tree.path(), &format!("{backports}_main_binary-amd64_Packages"), "Package: bash\nVersion: 9\nArchitecture: amd64\n");
    let fetched = Timestamp::now();
    let read = |now| collect(&HostRoot::tree(tree.path()), now, "host".into()).resources.remove(0);
    let fresh = read(fetched);
    let expected = json!([{ "name": "bash", "installed": "5.2-1", "candidate": "5.2-1+deb12u1", "security": true }]);
    assert_eq!(fresh.properties["updates"]["pending"], expected);
    assert_eq!(fresh.properties["updates"]["securityPendingCount"], 1);
    let old = read(Timestamp::from_second(fetched.as_second() + 8 * 86_400).unwrap());
    assert_eq!(reason(&old, "properties.updates.pending"), Some(UnreadableKind::NotYetKnown));
    assert_eq!(old.properties["updates"].get("pending"), None);
}

#[test]
fn the_walk_finds_what_everybody_may_write_and_fills_the_resource() {
    let tree = debian();
    let chmod = |path: &str, mode: u32| {
        write(tree.path(), path, "");
        fs::set_permissions(tree.path().join(path.trim_start_matches('/')), fs::Permissions::from_mode(mode)).unwrap();
    };
    chmod("/srv/open", 0o666);
    chmod("/srv/su", 0o4755);
    chmod("/proc/open", 0o666);
    let result = walk(&HostRoot::tree(tree.path()), &WalkLimits::default(), &mut |_| {});
    assert_eq!(result.world_writable_files, ["/srv/open"]);
    assert_eq!(result.setuid_files, ["/srv/su"]);
    assert_eq!(result.incomplete, None);
    let mut machine = machine(tree.path());
    result.apply(&mut machine, now());
    assert_eq!(machine.properties["fileWalk"]["worldWritableFiles"], json!(["/srv/open"]));
    assert_eq!(reason(&machine, "properties.fileWalk.setuidFiles"), None);

    let short = walk(&HostRoot::tree(tree.path()), &WalkLimits { max_files: 3, max_listed: 10 }, &mut |_| {});
    short.apply(&mut machine, now());
    assert_eq!(reason(&machine, "properties.fileWalk.worldWritableFiles"), Some(UnreadableKind::Truncated));
}

#[test]
fn hostile_content_is_survived() {
    let tree = debian();
    let garbage: Vec<u8> = (0..=255_u8).cycle().take(5000).collect();
    // No link among these: writing through an absolute one would change the machine that runs the test.
    for path in ["etc/passwd", "etc/shadow", "etc/ssh/sshd_config", "var/lib/dpkg/status", "usr/lib/os-release"] {
        let target = tree.path().join(path);
        assert!(fs::canonicalize(&target).unwrap().starts_with(fs::canonicalize(tree.path()).unwrap()));
        fs::write(target, &garbage).unwrap();
    }
    let machine = machine(tree.path());
    assert!(matches!(machine.properties, Value::Object(_)));
}

#[test]
fn a_tree_at_rest_asks_no_kernel_even_if_one_is_mounted_there() {
    let tree = debian();
    write(tree.path(), "/proc/sys/net/ipv4/ip_forward", "1\n");
    write(tree.path(), "/proc/cmdline", "audit=1\n");
    write(tree.path(), "/proc/self/mounts", "x /tmp tmpfs rw 0 0\n");
    symlink("../proc/self/mounts", tree.path().join("etc/mtab")).unwrap();
    write(tree.path(), "/etc/sysctl.d/x.conf", "net.ipv4.conf.*.rp_filter = 1\n");
    let machine = machine(tree.path());
    for field in ["sysctl['net.ipv4.ip_forward']", "kernelModules.udf.loaded", "os.kernel", "kernelCommandLine"] {
        assert_eq!(reason(&machine, &format!("properties.{field}")), Some(UnreadableKind::NotCarried), "{field}");
    }
    let settings = &machine.properties["kernelSettings"];
    assert_eq!(settings["net.ipv4.ip_forward"], "0", "the default of every kernel, not the value of the one mounted there");
    assert_eq!(settings["net.ipv4.conf.all.rp_filter"], "1");
    assert_eq!(settings.get("kernel.yama.ptrace_scope"), None);
    assert_eq!(reason(&machine, "properties.bootArguments"), Some(UnreadableKind::Failed));
    assert_eq!(reason(&machine, "properties.mounts"), Some(UnreadableKind::Failed));
    assert_eq!(machine.properties["collection"]["running"], false);
}

#[test]
fn files_of_a_tree_say_what_will_be_mounted_loaded_and_started() {
    let tree = debian();
    write(tree.path(), "/usr/lib/systemd/systemd", "");
    write(tree.path(), "/etc/fstab", "/dev/a / ext4 defaults 0 1\ntmpfs /tmp tmpfs nodev,noexec 0 0\n");
    write(tree.path(), "/lib/modules/6.1/modules.dep", "kernel/udf.ko:\nkernel/hfs.ko:\n");
    write(tree.path(), "/etc/modprobe.d/x.conf", "install udf /bin/false\n");
    write(tree.path(), "/etc/default/grub", "GRUB_CMDLINE_LINUX=\"audit=1 audit_backlog_limit=8192\"\n");
    let machine = machine(tree.path());
    let properties = &machine.properties;
    assert_eq!((&properties["mounts"]["/tmp"]["noexec"], &properties["mounts"]["/tmp"]["nosuid"]), (&json!(true), &json!(false)));
    assert_eq!(properties["mounts"]["/dev/shm"]["nosuid"], true);
    assert_eq!(properties["mounts"].get("/var"), None);
    let modules = &properties["kernelModules"];
    let usable = |name: &str| modules[name]["usable"].clone();
    assert_eq!((usable("udf"), usable("hfs"), usable("cramfs")), (json!(false), json!(true), json!(false)));
    assert_eq!(properties["auditd"]["enabledAtBoot"], true);
    assert_eq!(properties["auditd"]["backlogLimitAtBoot"], 8192);
    assert_eq!(
        (&properties["services"]["cron.service"]["inUse"], &properties["services"]["cron.service"]["ready"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(reason(&machine, "properties.services['cron.service'].active"), Some(UnreadableKind::NotCarried));
}

#[test]
fn homes_and_logs_that_are_open_are_named() {
    let tree = debian();
    let chmod = |path: &str, mode: u32| {
        write(tree.path(), path, "");
        fs::set_permissions(tree.path().join(path.trim_start_matches('/')), fs::Permissions::from_mode(mode)).unwrap();
    };
    chmod("/home/ann/.bashrc", 0o666);
    chmod("/home/ann/.bash_history", 0o644);
    chmod("/home/ann/.profile", 0o644);
    chmod("/var/log/app/x.log", 0o644);
    chmod("/var/log/wtmp", 0o664);
    chmod("/var/log/closed", 0o640);
    symlink("/var/log/app/x.log", tree.path().join("var/log/link")).unwrap();
    write(tree.path(), "/root/.profile", "PATH=.:/opt/bin\numask 077\n");
    let machine = machine(tree.path());
    let homes = &machine.properties["homes"];
    assert_eq!(homes["dotFilesTooOpen"], json!(["/home/ann/.bashrc"]));
    assert_eq!(homes["privateFilesTooOpen"], json!(["/home/ann/.bash_history"]));
    assert_eq!(machine.properties["logFiles"]["tooOpen"], json!(["/var/log/app/x.log"]));
    assert_eq!(machine.properties["rootAccount"], json!({ "umask": "077", "pathProblems": [".: it is not an absolute path"] }));
    close(tree.path(), "var/log/app");
    assert_eq!(reason(&self::machine(tree.path()), "properties.logFiles.tooOpen"), None, "a link is no folder to look into");
}

#[test]
fn the_settings_in_a_stack_come_before_those_of_the_file() {
    let tree = debian();
    write(tree.path(), "/etc/security/pwquality.conf", "minlen = 8\ndifok = 3\n");
    write(tree.path(), "/etc/security/pwhistory.conf", "remember = 24\n");
    let stack = "password requisite pam_pwquality.so minlen=14 enforce_for_root\npassword required pam_pwhistory.so use_authtok\n@include more\n";
    write(tree.path(), "/etc/pam.d/common-password", stack);
    write(
        tree.path(),
        "/etc/pam.d/more",
        "password [success=1 default=ignore] pam_unix.so sha512 use_authtok\n@include common-password\n",
    );
    let pam = &machine(tree.path()).properties["pam"];
    assert_eq!(pam["pwquality"], json!({ "minlen": "14", "difok": "3", "enforce_for_root": "true" }));
    assert_eq!((&pam["rememberedPasswords"], &pam["passwordHash"]), (&json!(24), &json!("sha512")));
    assert_eq!((&pam["unixTakesTypedPassword"], &pam["pwhistoryTakesTypedPassword"]), (&json!(true), &json!(true)));
    assert_eq!((&pam["faillockEnabled"], &pam["unixEnabled"]), (&json!(false), &json!(false)));
}
