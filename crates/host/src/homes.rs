//! Homes of people and of root, and the settings of shells in them.

use std::{collections::BTreeMap, os::unix::fs::MetadataExt, sync::Arc};

use skywarden_model::UnreadableReason;

use crate::{
    HostRoot,
    accounts::{is_login_shell, is_system},
    report::Report,
    root::failed,
    settings::joined,
    text::{self, Passwd},
};

type Fallible<T> = Result<T, Arc<UnreadableReason>>;

const MAX_ENTRIES: usize = 10_000;
/// Files that say who may log in without a password, or that leave passwords lying about.
const DANGEROUS: [&str; 4] = [".rhosts", ".forward", ".netrc", ".shosts"];
/// Files that nobody but their owner should read.
const PRIVATE: [&str; 5] = [".bash_history", ".netrc", ".pgpass", ".my.cnf", ".git-credentials"];
const DOT_FILE_FIELDS: [&str; 3] = ["dotFilesTooOpen", "dotFilesWrongOwner", "privateFilesTooOpen"];

/// Reads the homes of everybody who can log in.
pub(crate) fn read(root: &HostRoot, users: &[Passwd], uid_min: u32, report: &mut Report) {
    let (mut missing, mut open, mut foreign, mut dangerous) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut denied: Option<Arc<UnreadableReason>> = None;
    let mut dangerous_denied: Option<Arc<UnreadableReason>> = None;
    let people: Vec<&Passwd> =
        users.iter().filter(|user| is_login_shell(&user.shell) && (!is_system(user, uid_min) || user.uid == 0)).collect();
    for user in &people {
        match root.stat(&user.home) {
            Ok(Some(metadata)) if metadata.is_dir() => {
                if metadata.mode() & 0o027 != 0 {
                    open.push(user.home.clone());
                }
                if metadata.uid() != user.uid {
                    foreign.push(user.home.clone());
                }
            }
            Ok(_) => missing.push(user.name.clone()),
            Err(reason) => denied = Some(reason),
        }
        for name in DANGEROUS {
            let path = format!("{}/{name}", user.home.trim_end_matches('/'));
            match root.exists(&path) {
                Ok(true) => dangerous.push(path),
                Ok(false) => {}
                Err(reason) => dangerous_denied = Some(reason),
            }
        }
    }
    for (field, list, denied) in [
        ("missing", missing, &denied),
        ("tooOpen", open, &denied),
        ("wrongOwner", foreign, &denied),
        ("dangerousFiles", dangerous, &dangerous_denied),
    ] {
        match denied {
            Some(reason) => report.deny(&["homes", field], reason),
            None => report.set(&["homes", field], list),
        }
    }
    match dot_files(root, &people) {
        Ok(lists) => {
            for (field, list) in DOT_FILE_FIELDS.iter().zip(lists) {
                report.set(&["homes", field], list);
            }
        }
        Err(reason) => DOT_FILE_FIELDS.iter().for_each(|field| report.deny(&["homes", field], &reason)),
    }
    of_root(root, report);
}

/// Dot files that others may write, that belong to somebody else, and secrets that others may read.
fn dot_files(root: &HostRoot, people: &[&Passwd]) -> Fallible<[Vec<String>; 3]> {
    let (mut open, mut foreign, mut private) = (Vec::new(), Vec::new(), Vec::new());
    for user in people {
        let home = user.home.trim_end_matches('/');
        let names = root.list(&user.home)?.unwrap_or_default();
        if names.len() > MAX_ENTRIES {
            return Err(failed(&format!("list {home}"), "it holds more than 10000 entries, which is the limit"));
        }
        for name in names.iter().filter(|name| name.starts_with('.')) {
            let path = format!("{home}/{name}");
            if root.link(&path).is_some() {
                continue;
            }
            let Some(metadata) = root.stat(&path)?.filter(std::fs::Metadata::is_file) else { continue };
            if metadata.mode() & 0o022 != 0 {
                open.push(path.clone());
            }
            if metadata.uid() != user.uid || metadata.gid() != user.gid {
                foreign.push(path.clone());
            }
            if PRIVATE.contains(&name.as_str()) && metadata.mode() & 0o177 != 0 {
                private.push(path);
            }
        }
    }
    Ok([open, foreign, private])
}

fn of_root(root: &HostRoot, report: &mut Report) {
    let shells = joined(root, &["/root/.profile", "/root/.bash_profile", "/root/.bashrc"], &[], "");
    let umask = shells.as_ref().map_err(Arc::clone).map(|content| {
        text::lines(content).filter_map(|line| line.strip_prefix("umask ")).next_back().map(|value| value.trim().to_owned())
    });
    report.put(&["rootAccount", "umask"], umask);
    let problems = shells.and_then(|content| {
        let defaults = root.read("/etc/login.defs")?.map(|content| text::words(&content)).unwrap_or_default();
        let mut problems = BTreeMap::new();
        for folder in search_path(&content, defaults.get("ENV_SUPATH").map(String::as_str)) {
            if !folder.starts_with('/') {
                problems.insert(folder, "it is not an absolute path");
                continue;
            }
            let Some(metadata) = root.stat(&folder)? else { continue };
            if !metadata.is_dir() {
                problems.insert(folder, "it is no folder");
            } else if metadata.uid() != 0 {
                problems.insert(folder, "it does not belong to root");
            } else if metadata.mode() & 0o022 != 0 {
                problems.insert(folder, "others than root may write there");
            }
        }
        Ok(problems.into_iter().map(|(folder, why)| format!("{folder}: {why}")).collect::<Vec<_>>())
    });
    report.put_known(&["rootAccount", "pathProblems"], problems);
}

/// The folders in which root's shell looks for programs: those that its own files add, and the default of logins.
pub(crate) fn search_path(shells: &str, default: Option<&str>) -> Vec<String> {
    let mut found = Vec::new();
    let assigned = text::lines(shells).filter_map(|line| line.trim_start_matches("export ").strip_prefix("PATH="));
    for value in assigned.chain(default.map(|value| value.trim_start_matches("PATH="))) {
        for folder in value.trim_matches(['"', '\'']).split(':') {
            let folder = folder.trim_matches(['"', '\'']);
            // What a variable holds is not known here; the folders that are written out are.
            if !folder.contains('$') && !found.iter().any(|known| known == folder) {
                found.push(folder.to_owned());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_search_path_keeps_what_is_written_out() {
        let found =
            search_path("# PATH=/x\nexport PATH=\"$PATH:.:/opt/bin\"\nPATH=/opt/bin::/sbin\n", Some("PATH=/usr/sbin:/sbin"));
        assert_eq!(found, [".", "/opt/bin", "", "/sbin", "/usr/sbin"]);
    }

    proptest! {
        #[test]
        fn any_shell_file_is_survived(content in "(?s).{0,200}", odd in "(PATH=|export |:|\"|\\$|/|\n){0,40}") {
            search_path(&content, Some(&odd));
            search_path(&odd, None);
        }
    }
}
