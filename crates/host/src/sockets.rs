use std::{
    collections::BTreeMap,
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::unix::fs::MetadataExt,
};

use serde_json::{Value, json};
use skywarden_model::{UnreadableKind, UnreadableReason};

use crate::{HostRoot, accounts::Names, report::Report, root::failed};

/// A socket that waits for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listener {
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    pub(crate) uid: u32,
    pub(crate) inode: u64,
}

/// Reads the listening sockets and who holds them.
pub(crate) fn read(root: &HostRoot, names: &Names, report: &mut Report) {
    let mut found = Vec::new();
    for protocol in ["tcp", "tcp6", "udp", "udp6"] {
        let path = format!("/proc/net/{protocol}");
        match root.read(&path) {
            Ok(Some(table)) => match listeners(&table) {
                Some(rows) => found.extend(rows.into_iter().map(|listener| (protocol, listener))),
                None => {
                    return report.deny(&["listening"], &failed(&format!("read {path}"), "a row of it could not be understood"));
                }
            },
            Ok(None) if protocol.ends_with('6') => {}
            Ok(None) => return report.deny(&["listening"], &failed(&format!("open {path}"), "the file does not exist")),
            Err(reason) => return report.deny(&["listening"], &reason),
        }
    }
    let (holders, n_denied) = holders(root);
    let mut is_incomplete = false;
    let list: Vec<Value> = found
        .iter()
        .map(|(protocol, listener)| {
            let mut object = json!({
                "protocol": protocol, "address": listener.address.to_string(), "port": listener.port, "uid": listener.uid,
                "loopback": listener.address.to_canonical().is_loopback(),
            });
            if let Some(fields) = object.as_object_mut() {
                if let Some(user) = names.users.get(&listener.uid) {
                    fields.insert("user".to_owned(), json!(user));
                }
                match holders.get(&listener.inode) {
                    Some((pid, process)) => {
                        fields.insert("pid".to_owned(), json!(pid));
                        fields.insert("process".to_owned(), json!(process));
                    }
                    None => is_incomplete |= n_denied > 0,
                }
            }
            object
        })
        .collect();
    report.set(&["listening"], list);
    if is_incomplete {
        let reason = std::sync::Arc::new(UnreadableReason {
            kind: UnreadableKind::Denied,
            operation: "list /proc/PID/fd".to_owned(),
            permission: Some("root or CAP_SYS_PTRACE".to_owned()),
            code: "EACCES".to_owned(),
            message: "the open files of some processes are closed to this user".to_owned(),
        });
        report.deny(&["listening", "*", "process"], &reason);
        report.deny(&["listening", "*", "pid"], &reason);
    }
}

/// The listening rows of a table of `/proc/net`: TCP in state LISTEN, UDP without a peer. `None` if a row can't be understood:
/// it might be the one that listens.
pub(crate) fn listeners(table: &str) -> Option<Vec<Listener>> {
    let mut found = Vec::new();
    for line in table.lines().skip(1) {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let (local, remote, state) = (words.get(1)?, words.get(2)?, words.get(3)?);
        let (address, port) = local.split_once(':')?;
        let listener = Listener {
            address: address_of(address)?,
            port: u16::from_str_radix(port, 16).ok()?,
            uid: words.get(7)?.parse().ok()?,
            inode: words.get(9)?.parse().ok()?,
        };
        if *state == "0A" || (*state == "07" && remote.ends_with(":0000")) {
            found.push(listener);
        }
    }
    Some(found)
}

/// The kernel prints each 32-bit word in the machine's byte order.
fn address_of(hex: &str) -> Option<IpAddr> {
    let words: Vec<u32> = (0..hex.len() / 8)
        .map(|index| hex.get(index * 8..index * 8 + 8).and_then(|word| u32::from_str_radix(word, 16).ok()))
        .collect::<Option<_>>()?;
    match words.as_slice() {
        [word] if hex.len() == 8 => Some(IpAddr::V4(Ipv4Addr::from(word.to_ne_bytes()))),
        [_, _, _, _] if hex.len() == 32 => {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
            Some(IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)))
        }
        _ => None,
    }
}

/// Process id and name by socket inode, and how many processes were closed to us.
fn holders(root: &HostRoot) -> (BTreeMap<u64, (u32, String)>, usize) {
    let mut holders = BTreeMap::new();
    let mut n_denied = 0;
    let Ok(Some(names)) = root.list("/proc") else { return (holders, 1) };
    for pid in names.iter().filter_map(|name| name.parse::<u32>().ok()) {
        let folder = format!("/proc/{pid}/fd");
        let entries = match root.list(&folder) {
            Ok(entries) => entries.unwrap_or_default(),
            Err(_) => {
                n_denied += 1;
                continue;
            }
        };
        for entry in entries {
            let Some(target) = root.link(&format!("{folder}/{entry}")) else { continue };
            let inode =
                target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')).and_then(|text| text.parse().ok());
            if let Some(inode) = inode {
                holders.entry(inode).or_insert_with(|| {
                    let name = root.read(&format!("/proc/{pid}/comm")).ok().flatten().unwrap_or_default();
                    (pid, name.trim().to_owned())
                });
            }
        }
    }
    // A kernel that hides foreign processes (hidepid) shows no folder that could be denied.
    if root.is_live()
        && fs::metadata("/proc/1").is_ok_and(|metadata| metadata.uid() != rustix::process::geteuid().as_raw())
        && n_denied == 0
    {
        n_denied = usize::from(!rustix::process::geteuid().is_root());
    }
    (holders, n_denied)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   0: 0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 x\n   1: 00000000:1F90 0100007F:0001 01 00000000:00000000 00:00000000 00000000  0        0 1 1 x\n";

    #[test]
    fn only_listening_rows_count() {
        let found = listeners(TABLE).unwrap();
        let expected = Listener { address: IpAddr::V4(Ipv4Addr::LOCALHOST), port: 22, uid: 1000, inode: 4242 };
        assert_eq!(found, [expected]);
        assert_eq!(address_of("00000000000000000000000001000000"), Some(IpAddr::V6(Ipv6Addr::LOCALHOST)));
    }

    proptest! {
        #[test]
        fn any_table_is_survived(table in "(?s).{0,200}", hex in ".{0,40}") {
            listeners(&table);
            address_of(&hex);
        }
    }
}
