//! Where packages come from, and whether their signatures are asked for.

use std::{os::unix::fs::MetadataExt, sync::Arc};

use skywarden_model::UnreadableReason;

use crate::{HostRoot, report::Report, settings::joined, text};

type Fallible<T> = Result<T, Arc<UnreadableReason>>;

/// Reads the sources of apt and dnf.
pub(crate) fn read(root: &HostRoot, report: &mut Report) {
    let has_apt = root.has_program("apt-get");
    if report.put_installed("apt", has_apt) {
        apt(root, report);
    }
    let has_dnf = root.any_exists(&["/usr/bin/dnf", "/usr/bin/dnf5", "/usr/bin/yum", "/usr/bin/microdnf"]);
    if report.put_installed("dnf", has_dnf) {
        dnf(root, report);
    }
}

fn apt(root: &HostRoot, report: &mut Report) {
    let lists = joined(root, &["/etc/apt/sources.list"], &["/etc/apt/sources.list.d"], ".list");
    let stanzas = joined(root, &[], &["/etc/apt/sources.list.d"], ".sources");
    let entries = lists.and_then(|lists| Ok(apt_entries(&lists, &stanzas?)));
    let named = |keep: fn(&AptSource) -> bool| {
        entries
            .as_ref()
            .map_err(Arc::clone)
            .map(|entries| entries.iter().filter(|source| keep(source)).map(|source| source.uri.clone()).collect::<Vec<_>>())
    };
    report.put_known(&["apt", "unverifiedSources"], named(|source| source.is_unverified));
    report.put_known(&["apt", "sourcesWithoutOwnKey"], named(|source| !source.has_key));
    let config = joined(root, &["/etc/apt/apt.conf"], &["/etc/apt/apt.conf.d"], "");
    report.put_known(&["apt", "unverifiedAllowed"], config.map(|config| allows_unverified(&config)));
    report.put_known(
        &["apt", "looseKeyFiles"],
        loose_keys(root, &["/etc/apt/trusted.gpg.d", "/etc/apt/keyrings", "/usr/share/keyrings"]),
    );
}

/// A source of packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AptSource {
    pub(crate) uri: String,
    pub(crate) is_unverified: bool,
    pub(crate) has_key: bool,
}

/// The sources of one-line files and of stanzas.
pub(crate) fn apt_entries(lists: &str, stanzas: &str) -> Vec<AptSource> {
    let mut found = Vec::new();
    for line in text::lines(lists).filter(|line| line.starts_with("deb")) {
        let (options, rest) = match line.split_once('[').and_then(|(_, rest)| rest.split_once(']')) {
            Some((options, rest)) => (options, rest),
            None => ("", line.split_once(char::is_whitespace).map_or("", |(_, rest)| rest)),
        };
        let Some(uri) = rest.split_whitespace().next() else { continue };
        let has = |name: &str| options.split_whitespace().any(|option| option == name);
        found.push(AptSource {
            uri: uri.to_owned(),
            is_unverified: has("trusted=yes") || has("allow-insecure=yes"),
            has_key: options.contains("signed-by="),
        });
    }
    for stanza in stanzas.split("\n\n") {
        let get = |name: &str| {
            let of = |line: &str| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name).then(|| value.trim().to_ascii_lowercase())
            };
            stanza.lines().find_map(of)
        };
        if get("Enabled").as_deref() == Some("no") {
            continue;
        }
        let is_yes = |name: &str| get(name).as_deref() == Some("yes");
        for uri in get("URIs").unwrap_or_default().split_whitespace() {
            found.push(AptSource {
                uri: uri.to_owned(),
                is_unverified: is_yes("Trusted") || is_yes("Allow-Insecure"),
                has_key: get("Signed-By").is_some(),
            });
        }
    }
    found
}

/// Whether apt's configuration lets packages through whose origin nobody vouches for.
pub(crate) fn allows_unverified(config: &str) -> bool {
    let words = ["AllowUnauthenticated", "AllowInsecureRepositories", "AllowDowngradeToInsecureRepositories"];
    text::lines(config).filter(|line| !line.starts_with("//")).any(|line| {
        let is_on = ["\"true\"", "\"1\"", "\"yes\"", " true;", " 1;"].iter().any(|value| line.contains(value));
        is_on && words.iter().any(|word| line.contains(word))
    })
}

/// Keys that others than root may change.
fn loose_keys(root: &HostRoot, folders: &[&str]) -> Fallible<Vec<String>> {
    let mut found = Vec::new();
    for folder in folders {
        for name in root.list(folder)?.unwrap_or_default() {
            let path = format!("{folder}/{name}");
            let Some(metadata) = root.stat(&path)? else { continue };
            if metadata.uid() != 0 || metadata.mode() & 0o022 != 0 {
                found.push(path);
            }
        }
    }
    Ok(found)
}

fn dnf(root: &HostRoot, report: &mut Report) {
    let main = joined(root, &["/etc/dnf/dnf.conf", "/etc/yum.conf"], &[], "");
    let is_on = |content: &str, key: &str| {
        let found = text::sections(content).into_iter().rfind(|(section, name, _)| section == "main" && name == key);
        found.map(|(_, _, value)| is_true(&value))
    };
    for (field, key) in
        [("gpgCheck", "gpgcheck"), ("localPackageCheck", "localpkg_gpgcheck"), ("repositoryCheck", "repo_gpgcheck")]
    {
        report.put(&["dnf", field], main.as_ref().map_err(Arc::clone).map(|content| is_on(content, key)));
    }
    let unchecked = joined(root, &[], &["/etc/yum.repos.d"], ".repo").map(|content| unchecked_repositories(&content));
    report.put_known(&["dnf", "uncheckedRepositories"], unchecked);
    report.put_known(&["dnf", "looseKeyFiles"], loose_keys(root, &["/etc/pki/rpm-gpg"]));
}

fn is_true(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "1" | "yes" | "true" | "on")
}

/// Repositories that are in use and switch the check of signatures off.
pub(crate) fn unchecked_repositories(content: &str) -> Vec<String> {
    let settings = text::sections(content);
    let mut found = Vec::new();
    for (section, key, value) in &settings {
        let is_off = settings.iter().any(|(other, key, value)| other == section && key == "enabled" && !is_true(value));
        if key == "gpgcheck" && !is_true(value) && !is_off && !found.contains(section) {
            found.push(section.clone());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sources_of_both_forms_tell_whether_they_are_checked() {
        let lists =
            "# deb http://x y z\ndeb [trusted=yes arch=amd64] http://a.test/ stable main\ndeb-src http://b.test/ stable main\n";
        let stanzas = "Types: deb\nURIs: https://c.test/ https://d.test/\nSigned-By: /k.gpg\n\nTypes: deb\nEnabled: no\nURIs: https://e.test/\n\nURIs: https://f.test/\nTrusted: yes\n";
        let seen: Vec<_> = apt_entries(lists, stanzas).into_iter().map(|s| (s.uri, s.is_unverified, s.has_key)).collect();
        let expected = [
            ("http://a.test/", true, false),
            ("http://b.test/", false, false),
            ("https://c.test/", false, true),
            ("https://d.test/", false, true),
            ("https://f.test/", true, false),
        ];
        assert_eq!(seen, expected.map(|(uri, unverified, key)| (uri.to_owned(), unverified, key)));
    }

    #[test]
    fn switches_that_let_anything_in_are_seen() {
        assert!(allows_unverified("APT::Get::AllowUnauthenticated \"true\";\n"));
        assert!(!allows_unverified("// APT::Get::AllowUnauthenticated \"true\";\nAPT::Get::AllowUnauthenticated \"false\";\n"));
        let repositories = "[a]\nenabled=1\ngpgcheck=0\n[b]\ngpgcheck=1\n[c]\nenabled=0\ngpgcheck=0\n";
        assert_eq!(unchecked_repositories(repositories), ["a"]);
    }

    proptest! {
        #[test]
        fn any_source_is_survived(content in "(?s).{0,200}", odd in "(deb |\\[|\\]|trusted=yes|URIs: |Trusted: yes|\n|gpgcheck=0| ){0,40}") {
            for content in [&content, &odd] {
                apt_entries(content, content);
                allows_unverified(content);
                unchecked_repositories(content);
            }
        }
    }
}
