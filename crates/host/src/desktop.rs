//! The graphical login and the settings that it imposes on desktops; radio interfaces; crash reports.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::json;
use skywarden_model::UnreadableReason;

use crate::{HostRoot, report::Report, settings::joined, text};

type Fallible<T> = Result<T, Arc<UnreadableReason>>;

/// Reads what there is of a desktop.
pub(crate) fn read(root: &HostRoot, report: &mut Report) {
    let programs = ["/usr/sbin/gdm3", "/usr/sbin/gdm", "/usr/bin/gdm"];
    if report.put_installed("graphicalLogin", root.any_exists(&programs)) {
        let files = ["/etc/gdm3/custom.conf", "/etc/gdm3/daemon.conf", "/etc/gdm/custom.conf"];
        let xdmcp = joined(root, &files, &[], "").map(|content| {
            text::sections(&content).iter().any(|(section, key, value)| {
                section == "xdmcp" && key.eq_ignore_ascii_case("enable") && value.eq_ignore_ascii_case("true")
            })
        });
        report.put_known(&["graphicalLogin", "remoteLogins"], xdmcp);
        match dconf(root) {
            Ok((settings, locks)) => {
                report.set(&["graphicalLogin", "settings"], json!(settings));
                report.set(&["graphicalLogin", "locks"], json!(locks));
            }
            Err(reason) => {
                ["settings", "locks"].iter().for_each(|field| report.deny(&["graphicalLogin", field], &reason));
            }
        }
    }
    report.put_known(&["network", "radioInterfaces"], radio(root));
    let apport = root
        .read("/etc/default/apport")
        .map(|text| text.map(|text| text::assignments(&text).get("enabled").is_none_or(|value| value != "0")));
    report.put(&["crashReports", "enabled"], apport);
}

type Dconf = (BTreeMap<String, String>, Vec<String>);

/// Settings and locks of the system's databases.
fn dconf(root: &HostRoot) -> Fallible<Dconf> {
    let (mut settings, mut locks) = (BTreeMap::new(), Vec::new());
    for folder in root.list("/etc/dconf/db")?.unwrap_or_default().iter().filter(|name| name.ends_with(".d")) {
        let folder = format!("/etc/dconf/db/{folder}");
        for name in root.list(&folder)?.unwrap_or_default() {
            let path = format!("{folder}/{name}");
            if name == "locks" {
                for lock in root.list(&path)?.unwrap_or_default() {
                    let content = root.read(&format!("{path}/{lock}"))?.unwrap_or_default();
                    locks.extend(text::lines(&content).map(|line| line.trim_start_matches('/').to_owned()));
                }
            } else {
                settings.extend(keyfile(&root.read(&path)?.unwrap_or_default()));
            }
        }
    }
    locks.sort();
    locks.dedup();
    Ok((settings, locks))
}

/// Settings by path, without the type before a number and the quotes around a text.
pub(crate) fn keyfile(content: &str) -> BTreeMap<String, String> {
    text::sections(content)
        .into_iter()
        .map(|(section, key, value)| {
            let value = value.trim_start_matches("uint32 ").trim().trim_matches(['"', '\'']).to_owned();
            (format!("{section}/{key}"), value)
        })
        .collect()
}

fn radio(root: &HostRoot) -> Fallible<Vec<String>> {
    let mut found = Vec::new();
    for name in root.list("/sys/class/net")?.unwrap_or_default() {
        if root.exists(&format!("/sys/class/net/{name}/wireless"))? || root.exists(&format!("/sys/class/net/{name}/phy80211"))? {
            found.push(name);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_lose_their_type_and_quotes() {
        let found = keyfile(
            "[org/gnome/desktop/session]\nidle-delay=uint32 900\n[org/gnome/login-screen]\nbanner-message-text='Keep out'\n",
        );
        assert_eq!(found["org/gnome/desktop/session/idle-delay"], "900");
        assert_eq!(found["org/gnome/login-screen/banner-message-text"], "Keep out");
    }

    proptest! {
        #[test]
        fn any_keyfile_is_survived(content in "(?s).{0,200}") {
            keyfile(&content);
        }
    }
}
