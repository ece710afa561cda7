//! AppArmor and SELinux: what the kernel enforces and what the files say.

use std::sync::Arc;

use skywarden_model::UnreadableReason;

use crate::{
    HostRoot,
    report::Report,
    root::{Reading, failed},
    text,
};

type Fallible<T> = Result<T, Arc<UnreadableReason>>;

/// Profiles are files of at most this depth below /etc/apparmor.d: local parts and abstractions are no profiles.
const NO_PROFILES: [&str; 6] = ["abi", "abstractions", "cache", "disable", "force-complain", "local"];

/// Reads both systems.
pub(crate) fn read(root: &HostRoot, boot_arguments: &Reading<Vec<String>>, report: &mut Report) {
    apparmor(root, boot_arguments, report);
    selinux(root, boot_arguments, report);
}

fn has_word(arguments: &Reading<Vec<String>>, words: &[&str]) -> Fallible<bool> {
    let of = |list: &Vec<String>| list.iter().any(|word| words.contains(&word.as_str()));
    arguments.as_ref().map_err(Arc::clone).map(|list| list.as_ref().is_some_and(of))
}

fn apparmor(root: &HostRoot, boot_arguments: &Reading<Vec<String>>, report: &mut Report) {
    report.put_known(&["apparmor", "installed"], root.has_program("apparmor_parser"));
    let enabled = root.read("/sys/module/apparmor/parameters/enabled").map(|text| text.is_some_and(|text| text.trim() == "Y"));
    report.put_known(&["apparmor", "enabled"], enabled.clone());
    report.put_known(
        &["apparmor", "disabledAtBoot"],
        has_word(boot_arguments, &["apparmor=0", "security=selinux", "security=none"]),
    );
    report.put_known(&["apparmor", "complainingFiles"], complaining(root));
    report.put_known(&["apparmor", "disabledFiles"], root.list("/etc/apparmor.d/disable").map(Option::unwrap_or_default));
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
}

/// Profiles whose file, or a link in force-complain, makes them report only.
fn complaining(root: &HostRoot) -> Fallible<Vec<String>> {
    let mut found = root.list("/etc/apparmor.d/force-complain")?.unwrap_or_default();
    for name in root.list("/etc/apparmor.d")?.unwrap_or_default() {
        let path = format!("/etc/apparmor.d/{name}");
        if NO_PROFILES.contains(&name.as_str()) || !root.stat(&path)?.is_some_and(|metadata| metadata.is_file()) {
            continue;
        }
        if is_complaining(&root.read(&path)?.unwrap_or_default()) && !found.contains(&name) {
            found.push(name);
        }
    }
    Ok(found)
}

/// Whether a profile has the flag `complain`.
pub(crate) fn is_complaining(profile: &str) -> bool {
    text::lines(profile).any(|line| {
        let Some((_, rest)) = line.split_once("flags=") else { return false };
        let flags = rest.trim_start_matches('(').split([')', '{']).next().unwrap_or_default();
        flags.split([',', ' ']).any(|flag| flag == "complain")
    })
}

fn selinux(root: &HostRoot, boot_arguments: &Reading<Vec<String>>, report: &mut Report) {
    let enforce = root.read("/sys/fs/selinux/enforce");
    report.put_known(&["selinux", "enabled"], enforce.as_ref().map(Option::is_some).map_err(Arc::clone));
    let is_enabled = matches!(enforce, Ok(Some(_)));
    report.put_known(&["selinux", "enforcing"], enforce.map(|text| text.is_some_and(|text| text.trim() == "1")));
    let config = root.read("/etc/selinux/config").map(|text| text.map(|text| text::assignments(&text)));
    for (field, key) in [("configuredMode", "SELINUX"), ("policyType", "SELINUXTYPE")] {
        let of = config.as_ref().map_err(Arc::clone).map(|config| config.as_ref().and_then(|map| map.get(key).cloned()));
        report.put(&["selinux", field], of);
    }
    report.put_known(&["selinux", "disabledAtBoot"], has_word(boot_arguments, &["selinux=0", "enforcing=0"]));
    report.put_known(&["selinux", "unconfinedProcesses"], if is_enabled { unconfined(root) } else { Ok(Vec::new()) });
}

/// Names of the processes that run as a service without a domain of their own.
fn unconfined(root: &HostRoot) -> Fallible<Vec<String>> {
    let mut found = Vec::new();
    for pid in root.list("/proc")?.unwrap_or_default().into_iter().filter(|name| name.chars().all(|c| c.is_ascii_digit())) {
        let Some(label) = root.read(&format!("/proc/{pid}/attr/current"))? else { continue };
        if label.split(':').nth(2) == Some("unconfined_service_t") {
            let name = root.read(&format!("/proc/{pid}/comm"))?.unwrap_or_default();
            found.push(name.trim().to_owned());
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn flags_tell_whether_a_profile_only_reports() {
        assert!(is_complaining("#x\nprofile a /usr/bin/a flags=(attach_disconnected,complain) {\n"));
        assert!(is_complaining("/usr/bin/b flags=(complain) {"));
        assert!(!is_complaining("# flags=(complain)\n/usr/bin/b flags=(unconfined) { # complain"));
    }

    proptest! {
        #[test]
        fn any_profile_is_survived(content in "(?s).{0,200}") {
            is_complaining(&content);
        }
    }
}
