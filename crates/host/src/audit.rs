//! The audit daemon: its rules as what they record, its settings, and who may touch its files.

use std::{
    collections::{BTreeMap, BTreeSet},
    os::unix::fs::MetadataExt,
    sync::Arc,
};

use serde_json::{Value, json};
use skywarden_model::UnreadableReason;

use crate::{
    HostRoot,
    report::Report,
    root::{Reading, failed},
    services, text,
};

type Fallible<T> = Result<T, Arc<UnreadableReason>>;

const RULE_FIELDS: [&str; 9] = [
    "rules",
    "watchedPaths",
    "auditedSyscalls",
    "immutable",
    "switchedOff",
    "watches",
    "calls",
    "refusals",
    "recordsActsAsOthers",
];
const TOOLS: [&str; 6] = ["auditctl", "auditd", "augenrules", "aureport", "ausearch", "autrace"];

/// What a set of rules records.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Recorded {
    /// Paths of which changes are recorded.
    pub(crate) changes: BTreeSet<String>,
    /// Programs of which each start is recorded.
    pub(crate) starts: BTreeSet<String>,
    /// Architecture and name of system calls.
    calls: BTreeSet<(String, String)>,
    /// Architecture, name and error of system calls that are recorded when they are refused.
    refusals: BTreeSet<(String, String, String)>,
    /// Architectures for which programs are recorded that run with the rights of another user.
    acts_as_others: BTreeSet<String>,
    /// A rule excludes every task.
    pub(crate) switched_off: bool,
}

/// Reads what there is of the audit daemon.
pub(crate) fn read(root: &HostRoot, boot_arguments: &Reading<Vec<String>>, report: &mut Report) {
    let installed = root.has_program("auditd");
    let is_known = installed.is_ok();
    let is_installed = report.put_installed("auditd", installed);
    boot(boot_arguments, report);
    if !is_known {
        return;
    }
    if !is_installed {
        report.set(&["auditd", "enabled"], false);
        return report.set(&["auditd", "active"], false);
    }
    report.put_known(&["auditd", "enabled"], services::is_enabled(report, "auditd.service"));
    report.put_known(&["auditd", "active"], services::is_active(report, "auditd.service").map(|state| state.unwrap_or(false)));
    match rule_files(root) {
        Ok(content) => rules(&content, report),
        Err(reason) => RULE_FIELDS.iter().for_each(|field| report.deny(&["auditd", field], &reason)),
    }
    let config = root.read("/etc/audit/auditd.conf").map(|content| {
        let settings = text::assignments(&content.unwrap_or_default());
        settings.into_iter().map(|(key, value)| (key.to_ascii_lowercase(), value)).collect::<BTreeMap<_, _>>()
    });
    files(root, &config, report);
    report.put_known(&["auditd", "config"], config.map(|config| json!(config)));
}

fn boot(arguments: &Reading<Vec<String>>, report: &mut Report) {
    let value = |name: &str| {
        let of = |words: &Vec<String>| words.iter().rev().find_map(|word| word.strip_prefix(name).map(str::to_owned));
        arguments.as_ref().map_err(Arc::clone).map(|words| words.as_ref().and_then(of))
    };
    report.put_known(&["auditd", "enabledAtBoot"], value("audit=").map(|value| value.as_deref() == Some("1")));
    let limit = value("audit_backlog_limit=").map(|value| value.and_then(|value| value.parse::<u64>().ok()));
    report.put(&["auditd", "backlogLimitAtBoot"], limit);
}

/// What augenrules puts together; `audit.rules` counts only where there are no parts.
fn rule_files(root: &HostRoot) -> Fallible<String> {
    let mut content = String::new();
    let names = root.list("/etc/audit/rules.d")?.unwrap_or_default();
    for name in names.iter().filter(|name| name.ends_with(".rules")) {
        content.push_str(&root.read(&format!("/etc/audit/rules.d/{name}"))?.unwrap_or_default());
        content.push('\n');
    }
    if content.is_empty() {
        content = root.read("/etc/audit/audit.rules")?.unwrap_or_default();
    }
    Ok(content)
}

fn rules(content: &str, report: &mut Report) {
    let lines: Vec<&str> = text::lines(content).collect();
    let after = |flag: &str| -> Vec<String> {
        let mut found = Vec::new();
        for rule in &lines {
            let words: Vec<&str> = rule.split_whitespace().collect();
            for pair in words.windows(2) {
                if let [first, second] = pair
                    && *first == flag
                {
                    found.extend(second.split(',').map(str::to_owned));
                }
            }
        }
        found
    };
    let mut watched = after("-w");
    watched.extend(after("-F").into_iter().filter_map(|text| Some(text.strip_prefix("path=")?.to_owned())));
    report.set(&["auditd", "watchedPaths"], watched);
    report.set(&["auditd", "auditedSyscalls"], after("-S"));
    report.set(&["auditd", "immutable"], lines.last() == Some(&"-e 2"));
    report.set(&["auditd", "rules"], json!(lines));
    let recorded = recorded(content);
    report.set(&["auditd", "switchedOff"], recorded.switched_off);
    report.set(&["auditd", "watches"], serde_json::Map::new());
    for path in recorded.changes.union(&recorded.starts) {
        let state = json!({ "changes": recorded.changes.contains(path), "starts": recorded.starts.contains(path) });
        report.set(&["auditd", "watches", path], state);
    }
    let both = |has: &dyn Fn(&str) -> bool| has("b64") && has("b32");
    let names: BTreeSet<&String> = recorded.calls.iter().map(|(_, name)| name).collect();
    let calls: BTreeMap<&String, bool> =
        names.into_iter().map(|name| (name, both(&|arch| recorded.calls.contains(&(arch.to_owned(), name.clone()))))).collect();
    report.set(&["auditd", "calls"], json!(calls));
    let names: BTreeSet<&String> = recorded.refusals.iter().map(|(_, name, _)| name).collect();
    let refusals: BTreeMap<&String, bool> = names
        .into_iter()
        .map(|name| {
            let has = |arch: &str, error: &str| recorded.refusals.contains(&(arch.to_owned(), name.clone(), error.to_owned()));
            (name, both(&|arch| has(arch, "EACCES") && has(arch, "EPERM")))
        })
        .collect();
    report.set(&["auditd", "refusals"], json!(refusals));
    report.set(&["auditd", "recordsActsAsOthers"], both(&|arch| recorded.acts_as_others.contains(arch)));
}

/// What rules record. A rule with a condition that we do not know records less than it seems to, so it does not count.
pub(crate) fn recorded(content: &str) -> Recorded {
    let mut all = Recorded::default();
    for line in text::lines(content) {
        rule(line, &mut all);
    }
    if all.switched_off {
        return Recorded { switched_off: true, ..Recorded::default() };
    }
    all
}

fn rule(line: &str, all: &mut Recorded) {
    let mut words = line.split_whitespace();
    let (mut watch, mut permissions) = (None, "rwxa");
    let (mut lists, mut arch, mut error): (Vec<&str>, &str, Option<&str>) = (Vec::new(), "b64", None);
    let mut calls: Vec<&str> = Vec::new();
    let (mut is_narrow, mut compares_users) = (false, false);
    while let Some(flag) = words.next() {
        let Some(value) = words.next() else { break };
        match flag {
            "-w" => watch = Some(value),
            "-p" => permissions = value,
            "-a" | "-A" => lists = value.split(',').collect(),
            "-S" => calls.extend(value.split(',')),
            "-C" if matches!(value, "euid!=uid" | "uid!=euid") => compares_users = true,
            "-k" => {}
            "-F" => match value.split_once('=').map(|(name, value)| (name.trim_end_matches(['!', '>', '<']), name, value)) {
                Some(("arch", "arch", value)) => arch = value,
                Some(("perm", "perm", value)) => permissions = value,
                Some(("path" | "dir", "path" | "dir", value)) => watch = Some(value),
                Some(("exit", "exit", value)) => error = Some(value.trim_start_matches('-')),
                Some(("key", "key", _)) => {}
                Some(("auid", "auid!", "unset" | "-1" | "4294967295")) => {}
                Some(("auid", "auid>", value)) => is_narrow |= value.parse::<u32>().map_or(true, |uid| uid > 1000),
                _ => is_narrow = true,
            },
            _ => is_narrow = true,
        }
    }
    let is_watch = watch.is_some() && (lists.is_empty() || (lists.contains(&"always") && lists.contains(&"exit")));
    if lists.contains(&"never") && lists.contains(&"task") {
        all.switched_off |= !is_narrow && calls.is_empty();
    } else if is_narrow {
    } else if let Some(path) = watch.filter(|_| is_watch) {
        if compares_users || error.is_some() || !(calls.is_empty() || calls == ["all"]) {
            return;
        }
        let path = if path.len() > 1 { path.trim_end_matches('/') } else { path };
        if permissions.contains('w') && permissions.contains('a') {
            all.changes.insert(path.to_owned());
        }
        if permissions.contains('x') {
            all.starts.insert(path.to_owned());
        }
    } else if lists.contains(&"always") && lists.contains(&"exit") {
        for call in calls {
            match error {
                _ if compares_users => {
                    if call == "execve" && error.is_none() {
                        all.acts_as_others.insert(arch.to_owned());
                    }
                }
                Some(error) => {
                    all.refusals.insert((arch.to_owned(), call.to_owned(), error.to_owned()));
                }
                None => {
                    all.calls.insert((arch.to_owned(), call.to_owned()));
                }
            }
        }
    }
}

/// Who may read the records and change rules, settings and tools.
fn files(root: &HostRoot, config: &Fallible<BTreeMap<String, String>>, report: &mut Report) {
    let names = |folder: &str, ending: &str| -> Fallible<Vec<String>> {
        let names = root.list(folder)?.unwrap_or_default();
        Ok(names.into_iter().filter(|name| name.ends_with(ending)).map(|name| format!("{folder}/{name}")).collect())
    };
    let log = config.as_ref().map_err(Arc::clone).map(|config| {
        let file = config.get("log_file").map_or("/var/log/audit/audit.log", String::as_str);
        file.rsplit_once('/').map_or("/var/log/audit", |(folder, _)| folder).to_owned()
    });
    let group = config.as_ref().map_err(Arc::clone).map(|config| config.get("log_group").cloned());
    let records = log.clone().and_then(|folder| names(&folder, ""));
    put_loose(root, "logs", records, 0o137, report);
    let folder_mode = log.and_then(|folder| Ok(root.stat(&folder)?.map(|metadata| metadata.mode() & 0o027 != 0)));
    report.put(&["auditd", "logFolderTooOpen"], folder_mode);
    report.put(&["auditd", "logGroup"], group);
    let settings = names("/etc/audit", ".conf").and_then(|mut all| {
        all.extend(names("/etc/audit", ".rules")?);
        all.extend(names("/etc/audit/rules.d", ".rules")?);
        Ok(all)
    });
    put_loose(root, "config", settings, 0o137, report);
    let mut tools = Ok(Vec::new());
    for tool in TOOLS {
        match (&mut tools, root.program(tool)) {
            (Ok(found), Ok(path)) => found.extend(path),
            (tools, Err(reason)) => *tools = Err(reason),
            (Err(_), Ok(_)) => {}
        }
    }
    put_loose(root, "tools", tools, 0o022, report);
}

/// `auditd.WHATTooOpen`, `auditd.WHATWrongOwner` and `auditd.WHATWrongGroup`.
fn put_loose(root: &HostRoot, what: &str, paths: Fallible<Vec<String>>, mask: u32, report: &mut Report) {
    let fields = ["TooOpen", "WrongOwner", "WrongGroup"].map(|end| format!("{what}{end}"));
    let outcome = paths.and_then(|paths| {
        let mut found = [Vec::new(), Vec::new(), Vec::new()];
        for path in paths {
            let metadata = root.stat(&path)?.ok_or_else(|| failed(&format!("stat {path}"), "it vanished while we looked"))?;
            if !metadata.is_file() {
                continue;
            }
            let is_bad = [metadata.mode() & mask != 0, metadata.uid() != 0, metadata.gid() != 0];
            for (list, is_bad) in found.iter_mut().zip(is_bad) {
                if is_bad {
                    list.push(path.clone());
                }
            }
        }
        Ok(found)
    });
    match outcome {
        Ok(lists) => {
            for (field, list) in fields.iter().zip(lists) {
                report.set(&["auditd", field], list);
            }
        }
        Err(reason) => fields.iter().for_each(|field| report.deny(&["auditd", field], &reason)),
    }
}

/// Programs with special rights of which the rules do not record each start; `None` if the rules are not known.
pub(crate) fn unrecorded<'a>(properties: &Value, programs: impl Iterator<Item = &'a String>) -> Option<Vec<&'a String>> {
    let watches = properties.get("auditd")?.get("watches")?;
    let is_recorded = |path: &String| {
        let own = watches.get(path.as_str()).and_then(|watch| watch.get("starts")).and_then(Value::as_bool);
        own.unwrap_or(false)
    };
    Some(programs.filter(|path| !is_recorded(path)).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rules_are_taken_for_what_they_record() {
        let found = recorded(
            "-w /etc/sudoers -p wa -k scope\n-w /etc/hosts -p r\n-a always,exit -F dir=/etc/apparmor.d/ -F perm=wa\n\
             -a always,exit -F arch=b64 -S chmod,fchmod -F auid>=1000 -F auid!=unset -F key=perm\n\
             -a always,exit -F arch=b32 -S chmod -F auid>=1000 -F auid!=4294967295\n\
             -a exit,always -F arch=b64 -S mount -F uid=33\n\
             -a always,exit -F arch=b64 -C euid!=uid -F auid!=unset -S execve -k others\n\
             -a always,exit -F arch=b64 -S open -F exit=-EACCES\n\
             -a always,exit -F path=/usr/bin/su -F perm=x -F auid>=1000 -F auid!=-1\n",
        );
        assert_eq!(found.changes.iter().map(String::as_str).collect::<Vec<_>>(), ["/etc/apparmor.d", "/etc/sudoers"]);
        assert_eq!(found.starts.iter().map(String::as_str).collect::<Vec<_>>(), ["/usr/bin/su"]);
        let call = |arch: &str, name: &str| found.calls.contains(&(arch.to_owned(), name.to_owned()));
        assert!(call("b64", "chmod") && call("b32", "chmod") && call("b64", "fchmod") && !call("b32", "fchmod"));
        assert!(!call("b64", "mount"), "it records one user only");
        assert!(!call("b64", "execve") && found.acts_as_others.contains("b64"));
        assert!(found.refusals.contains(&("b64".to_owned(), "open".to_owned(), "EACCES".to_owned())));
    }

    #[test]
    fn one_rule_can_switch_all_off() {
        let found = recorded("-a never,task\n-w /etc/sudoers -p wa\n");
        assert_eq!(found, Recorded { switched_off: true, ..Recorded::default() });
    }

    #[test]
    fn programs_without_a_rule_are_named() {
        let programs = ["/usr/bin/su".to_owned(), "/usr/bin/at".to_owned()];
        let properties = json!({ "auditd": { "watches": { "/usr/bin/su": { "changes": false, "starts": true } } } });
        assert_eq!(unrecorded(&properties, programs.iter()), Some(vec![&programs[1]]));
        assert_eq!(unrecorded(&json!({ "auditd": {} }), programs.iter()), None);
    }

    proptest! {
        #[test]
        fn any_rules_are_survived(content in "(?s).{0,200}", odd in "(-[waAFSCpk] |[a-z0-9!=<>/,]{1,8} |\n){0,40}") {
            for content in [&content, &odd] {
                recorded(content);
            }
        }

        #[test]
        fn more_rules_record_no_less(first in "(-w /[a-c] -p [wax]{1,3}\n|-a always,exit -S [a-c] -F arch=b(32|64)\n){0,6}", second in "(-w /[a-c] -p [wax]{1,3}\n|-a always,exit -S [a-c] -F [a-z]{2}=1\n){0,6}") {
            let (less, more) = (recorded(&first), recorded(&format!("{first}{second}")));
            prop_assert!(less.changes.is_subset(&more.changes) && less.starts.is_subset(&more.starts));
            prop_assert!(less.calls.is_subset(&more.calls));
        }
    }
}
