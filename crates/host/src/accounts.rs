use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Map, Value, json};
use skywarden_model::{Timestamp, UnreadableReason};

use crate::{
    HostRoot, homes,
    report::Report,
    root::Reading,
    text::{self, Group, Passwd, Shadow, Sudoers},
};

const SHADOW_FIELDS: [&str; 9] = [
    "locked",
    "passwordSet",
    "passwordEmpty",
    "passwordHash",
    "passwordMaxDays",
    "passwordMinDays",
    "passwordWarnDays",
    "passwordInactiveDays",
    "passwordLastChange",
];
const MAY_HAVE_SHELL: [&str; 4] = ["root", "sync", "shutdown", "halt"];

/// Names of users and groups by id.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) users: BTreeMap<u32, String>,
    pub(crate) groups: BTreeMap<u32, String>,
}

/// Reads users, groups, homes, sudo and su.
pub(crate) fn read(root: &HostRoot, now: Timestamp, report: &mut Report) -> Names {
    let users = root.read("/etc/passwd").map(|content| content.map(|content| text::passwd(&content)));
    let groups = root.read("/etc/group").map(|content| content.map(|content| text::groups(&content)));
    // The tools of shadow-utils take 1000 where the file or the setting is missing.
    let uid_min = root
        .read("/etc/login.defs")
        .map(|content| content.and_then(|content| text::words(&content).get("UID_MIN")?.parse().ok()).unwrap_or(1000));
    let mut names = Names::default();
    match (&users, &groups, &uid_min) {
        (Ok(Some(users)), Ok(Some(groups)), Ok(uid_min)) => {
            names.users = users.iter().rev().map(|user| (user.uid, user.name.clone())).collect();
            names.groups = groups.iter().rev().map(|group| (group.gid, group.name.clone())).collect();
            let shadow =
                root.read("/etc/shadow").map(|content| content.map(|content| text::shadow(&content)).unwrap_or_default());
            users_and_groups(users, groups, &shadow, *uid_min, report);
            changed_in_future(users, &shadow, now, report);
            homes::read(root, users, *uid_min, report);
        }
        _ => {
            let reason = users.err().or(groups.err()).or(uid_min.err()).unwrap_or_else(|| {
                crate::root::failed("open /etc/passwd and /etc/group", "one of them does not exist, so accounts are unknown")
            });
            ["users", "groups", "accounts", "homes"].iter().for_each(|field| report.deny(&[field], &reason));
        }
    }
    sudo(root, report);
    let su = root.read("/etc/pam.d/su").map(|content| {
        let content = content.unwrap_or_default();
        text::lines(&content).any(|line| line.starts_with("auth") && line.contains("pam_wheel.so") && line.contains("use_uid"))
    });
    report.put_known(&["su", "restrictedByWheel"], su);
    names
}

fn users_and_groups(
    users: &[Passwd],
    groups: &[Group],
    shadow: &Result<BTreeMap<String, Shadow>, Arc<UnreadableReason>>,
    uid_min: u32,
    report: &mut Report,
) {
    let list: Vec<Value> = users
        .iter()
        .map(|user| {
            let mut object = user_object(user, uid_min);
            if let Ok(shadow) = shadow {
                add_shadow(&mut object, user, shadow.get(&user.name));
            }
            Value::Object(object)
        })
        .collect();
    report.set(&["users"], list);
    let group_list: Vec<Value> =
        groups.iter().map(|group| json!({ "name": group.name, "gid": group.gid, "members": group.members })).collect();
    report.set(&["groups"], group_list);

    let gids: BTreeSet<u32> = groups.iter().map(|group| group.gid).collect();
    let named =
        |keep: &dyn Fn(&Passwd) -> bool| users.iter().filter(|user| keep(user)).map(|user| user.name.clone()).collect::<Vec<_>>();
    let is_system = |user: &Passwd| is_system(user, uid_min);
    let set = |report: &mut Report, field: &str, value: Value| report.set(&["accounts", field], value);
    set(report, "uidZeroUsers", json!(named(&|user| user.uid == 0)));
    set(report, "duplicateUids", json!(repeated(users.iter().map(|user| user.uid))));
    set(report, "duplicateNames", json!(repeated(users.iter().map(|user| &user.name))));
    set(report, "duplicateGids", json!(repeated(groups.iter().map(|group| group.gid))));
    set(report, "duplicateGroupNames", json!(repeated(groups.iter().map(|group| &group.name))));
    set(report, "missingGroups", json!(named(&|user| !gids.contains(&user.gid))));
    set(report, "shadowedPasswords", json!(users.iter().all(|user| user.password == "x")));
    let may_login =
        |user: &Passwd| is_system(user) && is_login_shell(&user.shell) && !MAY_HAVE_SHELL.contains(&user.name.as_str());
    set(report, "systemUsersWithShell", json!(named(&may_login)));
    set(report, "gidZeroUsers", json!(named(&|user| user.gid == 0)));
    let of_zero: Vec<&str> = groups.iter().filter(|group| group.gid == 0).map(|group| group.name.as_str()).collect();
    set(report, "gidZeroGroups", json!(of_zero));
    if let Some(gid) = users.iter().find(|user| user.name == "root").map(|user| user.gid) {
        set(report, "rootGid", json!(gid));
    }
    let shadow_gid = groups.iter().find(|group| group.name == "shadow");
    let mut members: Vec<String> = shadow_gid.map(|group| group.members.clone()).unwrap_or_default();
    members.extend(named(&|user| shadow_gid.is_some_and(|group| group.gid == user.gid)));
    set(report, "shadowGroupMembers", json!(members));

    match shadow {
        Ok(shadow) => {
            let entry = |user: &Passwd| shadow.get(&user.name);
            let is_empty = |user: &Passwd| {
                user.password.is_empty() || (user.password == "x" && entry(user).is_some_and(|e| e.hash.is_empty()))
            };
            set(report, "emptyPasswordUsers", json!(named(&is_empty)));
            set(
                report,
                "weakHashUsers",
                json!(named(&|user| entry(user).is_some_and(|e| matches!(e.algorithm(), "md5" | "des")))),
            );
            let unlocked = |user: &Passwd| is_system(user) && user.name != "root" && entry(user).is_some_and(|e| !e.is_locked());
            set(report, "systemUsersUnlocked", json!(named(&unlocked)));
        }
        Err(reason) => {
            SHADOW_FIELDS.iter().for_each(|field| report.deny(&["users", "*", field], reason));
            let fields = ["emptyPasswordUsers", "weakHashUsers", "systemUsersUnlocked"];
            fields.iter().for_each(|field| report.deny(&["accounts", field], reason));
        }
    }
}

/// An account of which the password was changed tomorrow never expires in time.
fn changed_in_future(
    users: &[Passwd],
    shadow: &Result<BTreeMap<String, Shadow>, Arc<UnreadableReason>>,
    now: Timestamp,
    report: &mut Report,
) {
    let today = now.as_second().div_euclid(86_400);
    let found = shadow.as_ref().map_err(Arc::clone).map(|shadow| {
        let is_future =
            |user: &&Passwd| shadow.get(&user.name).and_then(|entry| entry.last_change).is_some_and(|day| day > today);
        users.iter().filter(is_future).map(|user| user.name.clone()).collect::<Vec<_>>()
    });
    report.put_known(&["accounts", "passwordsChangedInFuture"], found);
}

fn user_object(user: &Passwd, uid_min: u32) -> Map<String, Value> {
    Map::from_iter([
        ("name".to_owned(), json!(user.name)),
        ("uid".to_owned(), json!(user.uid)),
        ("gid".to_owned(), json!(user.gid)),
        ("home".to_owned(), json!(user.home)),
        ("shell".to_owned(), json!(user.shell)),
        ("loginShell".to_owned(), json!(is_login_shell(&user.shell))),
        ("system".to_owned(), json!(is_system(user, uid_min))),
    ])
}

fn add_shadow(object: &mut Map<String, Value>, user: &Passwd, entry: Option<&Shadow>) {
    let is_empty = user.password.is_empty() || (user.password == "x" && entry.is_some_and(|entry| entry.hash.is_empty()));
    let algorithm = entry.map_or("none", Shadow::algorithm);
    let is_locked = !is_empty && entry.is_none_or(Shadow::is_locked);
    object.insert("locked".to_owned(), json!(is_locked));
    object.insert("passwordSet".to_owned(), json!(!is_locked && algorithm != "none"));
    object.insert("passwordEmpty".to_owned(), json!(is_empty));
    object.insert("passwordHash".to_owned(), json!(algorithm));
    let Some(entry) = entry else { return };
    let days = [
        ("passwordMaxDays", entry.max_days),
        ("passwordMinDays", entry.min_days),
        ("passwordWarnDays", entry.warn_days),
        ("passwordInactiveDays", entry.inactive_days),
    ];
    for (name, value) in days {
        if let Some(value) = value {
            object.insert(name.to_owned(), json!(value));
        }
    }
    let changed =
        entry.last_change.and_then(|days| days.checked_mul(86_400)).and_then(|second| Timestamp::from_second(second).ok());
    if let Some(changed) = changed {
        object.insert("passwordLastChange".to_owned(), json!(changed.to_string()));
    }
}

pub(crate) fn is_login_shell(shell: &str) -> bool {
    !matches!(shell.rsplit('/').next(), Some("nologin" | "false"))
}

pub(crate) fn is_system(user: &Passwd, uid_min: u32) -> bool {
    user.uid < uid_min || user.uid == 65_534
}

fn repeated<T: Ord>(items: impl Iterator<Item = T>) -> BTreeSet<T> {
    let mut seen = BTreeSet::new();
    let mut twice = BTreeSet::new();
    for item in items {
        if seen.contains(&item) {
            twice.insert(item);
        } else {
            seen.insert(item);
        }
    }
    twice
}

fn sudo(root: &HostRoot, report: &mut Report) {
    if !report.put_installed("sudoers", root.has_program("sudo")) {
        return;
    }
    match read_sudoers(root) {
        Ok(None) => {}
        Ok(Some(sudoers)) => {
            report.set(&["sudoers", "nopasswdEntries"], sudoers.nopasswd);
            report.set(&["sudoers", "noAuthenticateEntries"], sudoers.no_authenticate);
            report.set(&["sudoers", "usePty"], sudoers.use_pty);
            report.set(&["sudoers", "includes"], sudoers.includes);
            report.put(&["sudoers", "logfile"], Ok(sudoers.logfile));
            let minutes = sudoers.timestamp_timeout.and_then(|text| text.parse::<f64>().ok());
            report.put(&["sudoers", "timestampTimeoutMinutes"], Ok(minutes));
        }
        Err(reason) => {
            for field in ["nopasswdEntries", "noAuthenticateEntries", "usePty", "logfile", "timestampTimeoutMinutes", "includes"]
            {
                report.deny(&["sudoers", field], &reason);
            }
        }
    }
}

fn read_sudoers(root: &HostRoot) -> Reading<Sudoers> {
    let Some(main) = root.read("/etc/sudoers")? else { return Ok(None) };
    let mut sudoers = Sudoers::default();
    text::sudoers(&main, &mut sudoers);
    let mut n_done = 0;
    // Includes may include; the limit breaks circles.
    while let Some(include) = sudoers.includes.get(n_done).cloned().filter(|_| n_done < 64) {
        n_done += 1;
        let path = if include.starts_with('/') { include } else { format!("/etc/{include}") };
        if root.stat(&path)?.is_some_and(|metadata| metadata.is_dir()) {
            let names = root.list(&path)?.unwrap_or_default();
            for name in names.iter().filter(|name| !name.contains('.') && !name.ends_with('~')) {
                text::sudoers(&root.read(&format!("{path}/{name}"))?.unwrap_or_default(), &mut sudoers);
            }
        } else {
            text::sudoers(&root.read(&path)?.unwrap_or_default(), &mut sudoers);
        }
    }
    Ok(Some(sudoers))
}
