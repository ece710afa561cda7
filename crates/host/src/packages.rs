use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    sync::Arc,
};

use serde_json::{Value, json};
use skywarden_model::{Timestamp, UnreadableReason};

use crate::{
    HostRoot,
    report::Report,
    root::{Reading, failed, not_yet},
    text,
    version::compare_versions,
};

const LISTS: &str = "/var/lib/apt/lists";
const LISTS_MAX_AGE_SECONDS: i64 = 7 * 24 * 3600;

/// An installed package.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) arch: String,
    pub(crate) source: String,
    pub(crate) source_version: String,
}

/// A newer version that a package list offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) version: String,
    pub(crate) is_security: bool,
}

/// Reads packages and pending updates; answers the names of the installed packages, if they could be read.
pub(crate) fn read(root: &HostRoot, now: Timestamp, report: &mut Report) -> Reading<BTreeMap<String, String>> {
    let (manager, packages) = installed(root);
    report.set(&["packageManager"], manager);
    report.set(&["updates", "manager"], if manager == "dpkg" { "apt" } else { manager });
    let names = match &packages {
        Ok(packages) => {
            let list: Vec<Value> = packages
                .iter()
                .map(|package| {
                    json!({ "name": package.name, "version": package.version, "arch": package.arch,
                        "source": package.source, "sourceVersion": package.source_version })
                })
                .collect();
            let names: BTreeMap<String, String> =
                packages.iter().map(|package| (package.name.clone(), package.version.clone())).collect();
            report.set(&["packages"], list);
            report.set(&["packageNames"], json!(names));
            Ok(Some(names))
        }
        Err(reason) => {
            report.deny(&["packages"], reason);
            report.deny(&["packageNames"], reason);
            Err(Arc::clone(reason))
        }
    };
    updates(root, now, manager, &packages, report);
    names
}

fn installed(root: &HostRoot) -> (&'static str, Result<Vec<Package>, Arc<UnreadableReason>>) {
    match root.read("/var/lib/dpkg/status") {
        Ok(Some(status)) => return ("dpkg", Ok(dpkg_status(&status))),
        Err(reason) => return ("dpkg", Err(reason)),
        Ok(None) => {}
    }
    match root.read("/lib/apk/db/installed") {
        Ok(Some(database)) => return ("apk", Ok(apk_installed(&database))),
        Err(reason) => return ("apk", Err(reason)),
        Ok(None) => {}
    }
    if root.any_exists(&["/var/lib/rpm", "/usr/lib/sysimage/rpm"]).unwrap_or(true) {
        let format = "%{NAME}\\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\\t%{ARCH}\\t%{SOURCERPM}\\n";
        return match root.run("rpm", &["-qa", "--qf", format]) {
            Ok(Some(output)) if output.succeeded => ("rpm", Ok(rpm_list(&output.text))),
            Ok(Some(_)) => ("rpm", Err(failed("rpm -qa", "rpm ended with an error"))),
            Ok(None) => ("rpm", Err(failed("rpm -qa", "there is an rpm database but rpm cannot be run here; install rpm"))),
            Err(reason) => ("rpm", Err(reason)),
        };
    }
    ("none", Err(failed("read the package database", "neither dpkg, apk nor rpm has a database on this machine")))
}

/// The packages of a dpkg status file whose state is installed.
pub(crate) fn dpkg_status(status: &str) -> Vec<Package> {
    let mut packages = Vec::new();
    for stanza in status.split("\n\n") {
        let mut package = Package::default();
        let mut is_installed = false;
        for line in stanza.lines().filter(|line| !line.starts_with([' ', '\t'])) {
            let Some((key, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            match key {
                "Package" => package.name = value.to_owned(),
                "Version" => package.version = value.to_owned(),
                "Architecture" => package.arch = value.to_owned(),
                "Source" => {
                    let (name, version) = value.split_once(' ').unwrap_or((value, ""));
                    package.source = name.to_owned();
                    package.source_version = version.trim_matches(['(', ')']).to_owned();
                }
                "Status" => is_installed = value.split_ascii_whitespace().nth(2) == Some("installed"),
                _ => {}
            }
        }
        if is_installed && !package.name.is_empty() {
            packages.push(with_source(package));
        }
    }
    packages.sort();
    packages
}

/// The packages of an apk database.
pub(crate) fn apk_installed(database: &str) -> Vec<Package> {
    let mut packages = Vec::new();
    for stanza in database.split("\n\n") {
        let mut package = Package::default();
        for line in stanza.lines() {
            match line.split_once(':') {
                Some(("P", value)) => package.name = value.to_owned(),
                Some(("V", value)) => package.version = value.to_owned(),
                Some(("A", value)) => package.arch = value.to_owned(),
                Some(("o", value)) => package.source = value.to_owned(),
                _ => {}
            }
        }
        if !package.name.is_empty() {
            packages.push(with_source(package));
        }
    }
    packages.sort();
    packages
}

fn rpm_list(output: &str) -> Vec<Package> {
    let mut packages: Vec<Package> = output
        .lines()
        .filter_map(|line| {
            let mut parts = line.split('\t');
            let name = parts.next()?.to_owned();
            let version = parts.next()?.trim_start_matches("0:").to_owned();
            let arch = parts.next()?.to_owned();
            let source = parts.next()?.trim_end_matches(".src.rpm");
            let source = source.rsplitn(3, '-').last().unwrap_or_default().to_owned();
            Some(with_source(Package { name, version, arch, source, source_version: String::new() }))
        })
        .collect();
    packages.sort();
    packages
}

fn with_source(mut package: Package) -> Package {
    if package.source.is_empty() {
        package.source.clone_from(&package.name);
    }
    if package.source_version.is_empty() {
        package.source_version.clone_from(&package.version);
    }
    package
}

fn updates(
    root: &HostRoot,
    now: Timestamp,
    manager: &str,
    packages: &Result<Vec<Package>, Arc<UnreadableReason>>,
    report: &mut Report,
) {
    let pending = ["pending", "pendingCount", "securityPendingCount"];
    let is_dpkg = manager == "dpkg";
    if is_dpkg {
        report.put_known(&["updates", "rebootRequired"], root.any_exists(&["/run/reboot-required", "/var/run/reboot-required"]));
        report.put_known(&["updates", "unattendedEnabled"], unattended(root));
    } else {
        let reason = failed("read the update settings", "only apt's settings are understood so far");
        report.deny(&["updates", "rebootRequired"], &reason);
        report.deny(&["updates", "unattendedEnabled"], &reason);
    }
    let found = match packages {
        Ok(packages) if is_dpkg => apt_pending(root, now, packages, report),
        Ok(_) => {
            let reason = failed("compare with the package lists", "only apt's package lists are understood so far");
            report.deny(&["updates", "lastCheckedAt"], &reason);
            Err(reason)
        }
        Err(reason) => {
            report.deny(&["updates", "lastCheckedAt"], reason);
            Err(Arc::clone(reason))
        }
    };
    match found {
        Ok(list) => {
            let n_security = list.iter().filter(|update| update.get("security") == Some(&Value::Bool(true))).count();
            report.set(&["updates", "pendingCount"], list.len());
            report.set(&["updates", "securityPendingCount"], n_security);
            report.set(&["updates", "pending"], list);
        }
        Err(reason) => pending.iter().for_each(|field| report.deny(&["updates", field], &reason)),
    }
}

fn unattended(root: &HostRoot) -> Result<bool, Arc<UnreadableReason>> {
    if !root.has_program("unattended-upgrade")? {
        return Ok(false);
    }
    let mut is_on = false;
    for name in root.list("/etc/apt/apt.conf.d")?.unwrap_or_default() {
        let Some(text) = root.read(&format!("/etc/apt/apt.conf.d/{name}"))? else { continue };
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
            if let Some(value) = line.strip_prefix("APT::Periodic::Unattended-Upgrade") {
                is_on = value.trim().trim_matches(['"', ';', ' ']) != "0";
            }
        }
    }
    Ok(is_on)
}

fn apt_pending(
    root: &HostRoot,
    now: Timestamp,
    packages: &[Package],
    report: &mut Report,
) -> Result<Vec<Value>, Arc<UnreadableReason>> {
    let names = root.list(LISTS)?.unwrap_or_default();
    let mut lists = Vec::new();
    for name in names.iter().filter(|name| name.contains("_Packages")) {
        if !is_optional(root, &names, name)? {
            lists.push(name);
        }
    }
    if lists.is_empty() {
        let reason = not_yet("read /var/lib/apt/lists", "there are no package lists; run `apt-get update`");
        report.deny(&["updates", "lastCheckedAt"], &reason);
        return Err(reason);
    }
    // The lists themselves carry the server's time; these change whenever apt fetches.
    let stamps = ["/var/lib/apt/periodic/update-success-stamp", "/var/lib/apt/lists/partial", LISTS];
    let checked = stamps
        .iter()
        .filter_map(|path| root.stat(path).ok().flatten()?.modified().ok())
        .filter_map(|time| Timestamp::try_from(time).ok())
        .max()
        .ok_or_else(|| failed("stat /var/lib/apt/lists", "the time of the last fetch could not be read"))?;
    report.set(&["updates", "lastCheckedAt"], checked.to_string());
    if now.as_second() - checked.as_second() > LISTS_MAX_AGE_SECONDS {
        return Err(not_yet("read /var/lib/apt/lists", "the package lists are older than 7 days; run `apt-get update`"));
    }
    let wanted: BTreeMap<&str, &Package> = packages.iter().map(|package| (package.name.as_str(), package)).collect();
    let mut candidates = BTreeMap::new();
    for name in lists {
        let is_security = name.contains("security");
        with_list(root, name, &mut |reader| offered(reader, &wanted, is_security, &mut candidates))?;
    }
    Ok(candidates
        .into_iter()
        .filter_map(|(name, candidate)| {
            let package = wanted.get(name.as_str())?;
            Some(json!({ "name": name, "installed": package.version, "candidate": candidate.version, "security": candidate.is_security }))
        })
        .collect())
}

/// Lists of a release that apt does not install from by itself (backports, experimental).
fn is_optional(root: &HostRoot, names: &[String], list: &str) -> Result<bool, Arc<UnreadableReason>> {
    for name in names {
        let prefix = name.strip_suffix("InRelease").or_else(|| name.strip_suffix("Release"));
        if !prefix.is_some_and(|prefix| list.starts_with(prefix)) {
            continue;
        }
        let text = root.read(&format!("{LISTS}/{name}"))?.unwrap_or_default();
        if text.lines().take(40).any(|line| line.eq_ignore_ascii_case("NotAutomatic: yes")) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Collects, for each wanted package, the highest offered version above the installed one.
pub(crate) fn offered(
    reader: &mut dyn BufRead,
    wanted: &BTreeMap<&str, &Package>,
    is_security: bool,
    into: &mut BTreeMap<String, Candidate>,
) -> std::io::Result<()> {
    let (mut package, mut version, mut arch) = (None, String::new(), String::new());
    let mut line = Vec::new();
    loop {
        line.clear();
        let n_read = reader.read_until(b'\n', &mut line)?;
        if n_read <= 1 {
            if let Some(found) = package.take() {
                consider(found, &version, &arch, is_security, into);
            }
            version.clear();
            arch.clear();
            if n_read == 0 {
                return Ok(());
            }
        } else if let Some(name) = line.strip_prefix(b"Package: ") {
            package = wanted.get(String::from_utf8_lossy(name).trim()).copied();
        } else if let Some(value) = line.strip_prefix(b"Version: ").filter(|_| package.is_some()) {
            version = String::from_utf8_lossy(value).trim().to_owned();
        } else if let Some(value) = line.strip_prefix(b"Architecture: ").filter(|_| package.is_some()) {
            arch = String::from_utf8_lossy(value).trim().to_owned();
        }
    }
}

fn consider(package: &Package, version: &str, arch: &str, is_security: bool, into: &mut BTreeMap<String, Candidate>) {
    let fits = arch == package.arch || arch == "all" || package.arch == "all";
    if version.is_empty() || !fits || compare_versions(version, &package.version).is_le() {
        return;
    }
    let known = into.get(&package.name);
    // An update fixes security holes if any version between the installed one and the candidate came from a security list.
    let is_security = is_security || known.is_some_and(|known| known.is_security);
    let best =
        known.map(|known| known.version.as_str()).filter(|known| compare_versions(known, version).is_gt()).unwrap_or(version);
    let candidate = Candidate { version: best.to_owned(), is_security };
    into.insert(package.name.clone(), candidate);
}

type Consumer<'a> = &'a mut dyn FnMut(&mut dyn BufRead) -> std::io::Result<()>;

/// Streams a package list; apt's own helper unpacks compressed ones.
fn with_list(root: &HostRoot, name: &str, consume: Consumer<'_>) -> Result<(), Arc<UnreadableReason>> {
    let path = format!("{LISTS}/{name}");
    let broken = |error: std::io::Error| failed(&format!("read {path}"), &error.to_string());
    if name.ends_with("_Packages") {
        let Some(file) = root.open(&path)? else { return Ok(()) };
        return consume(&mut BufReader::with_capacity(1 << 16, file)).map_err(broken);
    }
    let helper = "/usr/lib/apt/apt-helper";
    if !root.is_live() || !root.exists(helper)? {
        return Err(failed(&format!("read {path}"), "the list is compressed and apt-helper cannot be run here"));
    }
    let mut child = Command::new(helper)
        .args(["cat-file", &path])
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(broken)?;
    let outcome = child.stdout.take().map_or(Ok(()), |pipe| consume(&mut BufReader::with_capacity(1 << 16, pipe)));
    let status = child.wait().map_err(broken)?;
    outcome.map_err(broken)?;
    if status.success() { Ok(()) } else { Err(failed(&format!("apt-helper cat-file {path}"), "it ended with an error")) }
}

/// The keys of `/etc/login.defs` and its like.
pub(crate) fn settings(root: &HostRoot, path: &str) -> Reading<BTreeMap<String, String>> {
    Ok(root.read(path)?.map(|content| text::words(&content)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STATUS: &str = "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2-1\nDescription: x\n Package: no\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n\nPackage: libc6\nStatus: hold ok installed\nArchitecture: amd64\nSource: glibc (2.36-9)\nVersion: 2.36-9+b1\n";

    #[test]
    fn only_installed_packages_are_listed() {
        let packages = dpkg_status(STATUS);
        assert_eq!(packages.iter().map(|package| package.name.as_str()).collect::<Vec<_>>(), ["bash", "libc6"]);
        assert_eq!((packages[1].source.as_str(), packages[1].source_version.as_str()), ("glibc", "2.36-9"));
        assert_eq!(packages[0].source, "bash");
    }

    #[test]
    fn apk_packages_are_read() {
        let packages = apk_installed("C:Q1\nP:musl\nV:1.2.4-r2\nA:x86_64\no:musl\n\nP:busybox\nV:1.36\nA:x86_64\n");
        assert_eq!(packages.len(), 2);
        assert_eq!(packages[1].version, "1.2.4-r2");
    }

    #[test]
    fn the_highest_version_wins_and_other_architectures_do_not_count() {
        let packages = dpkg_status(STATUS);
        let wanted = packages.iter().map(|package| (package.name.as_str(), package)).collect();
        let mut found = BTreeMap::new();
        let security = "Package: bash\nVersion: 5.2-2\nArchitecture: amd64\n\nPackage: bash\nVersion: 9\nArchitecture: arm64\n";
        let main =
            "Package: bash\nVersion: 5.2-3\nArchitecture: amd64\n\nPackage: libc6\nVersion: 2.36-9\nArchitecture: amd64\n\n";
        offered(&mut security.as_bytes(), &wanted, true, &mut found).unwrap();
        offered(&mut main.as_bytes(), &wanted, false, &mut found).unwrap();
        assert_eq!(found, BTreeMap::from([("bash".to_owned(), Candidate { version: "5.2-3".to_owned(), is_security: true })]));
    }

    proptest! {
        #[test]
        fn any_database_is_survived(text in "(?s).{0,200}") {
            dpkg_status(&text);
            apk_installed(&text);
            rpm_list(&text);
            offered(&mut text.as_bytes(), &BTreeMap::new(), false, &mut BTreeMap::new()).unwrap();
        }
    }
}
