//! The crypto policy of the Red Hat family: which algorithms programs of the whole system may use.

use std::sync::Arc;

use crate::{HostRoot, report::Report, root::failed, text};

/// What a policy allows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) allows_sha1: bool,
    pub(crate) short_macs: Vec<String>,
    pub(crate) ssh_cbc_ciphers: Vec<String>,
    pub(crate) ssh_allows_chacha20: bool,
    pub(crate) ssh_allows_encrypt_then_mac: bool,
}

/// Reads the policy, if the system has them.
pub(crate) fn read(root: &HostRoot, report: &mut Report) {
    if !report.put_installed("cryptoPolicy", root.exists("/etc/crypto-policies/config")) {
        return;
    }
    let config = root.read("/etc/crypto-policies/config");
    let words = config.map(|text| {
        let line = text.as_deref().and_then(|text| text::lines(text).next().map(str::to_owned)).unwrap_or_default();
        line.split(':').map(str::to_owned).collect::<Vec<_>>()
    });
    match words {
        Ok(words) => {
            let mut words = words.into_iter();
            report.put(&["cryptoPolicy", "name"], Ok(words.next()));
            report.set(&["cryptoPolicy", "modules"], words.collect::<Vec<_>>());
        }
        Err(reason) => ["name", "modules"].iter().for_each(|field| report.deny(&["cryptoPolicy", field], &reason)),
    }
    let current = "/etc/crypto-policies/state/CURRENT.pol";
    let state =
        root.read(current).and_then(|text| text.ok_or_else(|| failed(&format!("open {current}"), "the file does not exist")));
    match state.map(|text| policy(&text)) {
        Ok(policy) => {
            report.set(&["cryptoPolicy", "allowsSha1"], policy.allows_sha1);
            report.set(&["cryptoPolicy", "shortMacs"], policy.short_macs);
            report.set(&["cryptoPolicy", "sshCbcCiphers"], policy.ssh_cbc_ciphers);
            report.set(&["cryptoPolicy", "sshAllowsChacha20"], policy.ssh_allows_chacha20);
            report.set(&["cryptoPolicy", "sshAllowsEncryptThenMac"], policy.ssh_allows_encrypt_then_mac);
        }
        Err(reason) => {
            for field in ["allowsSha1", "shortMacs", "sshCbcCiphers", "sshAllowsChacha20", "sshAllowsEncryptThenMac"] {
                report.deny(&["cryptoPolicy", field], &Arc::clone(&reason));
            }
        }
    }
    let own =
        root.read("/etc/sysconfig/sshd").map(|text| text::assignments(&text.unwrap_or_default()).contains_key("CRYPTO_POLICY"));
    report.put_known(&["cryptoPolicy", "sshdGoesItsOwnWay"], own);
}

/// The state file: `name = VALUES`, and `name@SCOPE = VALUES` for some programs only.
pub(crate) fn policy(state: &str) -> Policy {
    let settings = text::assignments(state);
    let list =
        |name: &str| -> Vec<&str> { settings.get(name).map(|value| value.split_whitespace().collect()).unwrap_or_default() };
    let of_ssh = |name: &str| -> Vec<&str> {
        let scopes = ["SSH", "openssh", "openssh-server"];
        let own = scopes.iter().rev().map(|scope| format!("{name}@{scope}")).find(|name| settings.contains_key(name));
        own.map_or_else(|| list(name), |own| list(&own))
    };
    let names = |list: Vec<&str>, keep: fn(&str) -> bool| list.into_iter().filter(|name| keep(name)).map(str::to_owned).collect();
    Policy {
        allows_sha1: list("hash").contains(&"SHA1") || list("sign").iter().any(|name| name.ends_with("-SHA1")),
        short_macs: names(list("mac"), |name| name.ends_with("-64") || name.ends_with("-96")),
        ssh_cbc_ciphers: names(of_ssh("cipher"), |name| name.ends_with("-CBC")),
        ssh_allows_chacha20: of_ssh("cipher").iter().any(|name| name.starts_with("CHACHA20")),
        ssh_allows_encrypt_then_mac: !of_ssh("etm").contains(&"DISABLE_ETM"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_scope_of_ssh_comes_before_what_holds_for_all() {
        let found = policy(
            "# x\nhash = SHA2-256 SHA1\nmac = HMAC-SHA2-256 UMAC-64\ncipher = AES-256-GCM AES-256-CBC CHACHA20-POLY1305\ncipher@SSH = AES-256-GCM AES-128-CBC\netm@SSH = DISABLE_ETM\n",
        );
        let expected = Policy {
            allows_sha1: true,
            short_macs: vec!["UMAC-64".to_owned()],
            ssh_cbc_ciphers: vec!["AES-128-CBC".to_owned()],
            ssh_allows_chacha20: false,
            ssh_allows_encrypt_then_mac: false,
        };
        assert_eq!(found, expected);
        assert!(policy("cipher = CHACHA20-POLY1305\n").ssh_allows_chacha20);
    }

    proptest! {
        #[test]
        fn any_state_is_survived(content in "(?s).{0,200}") {
            policy(&content);
        }
    }
}
