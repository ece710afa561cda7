//! Parsers of the small formats under `/etc`; pure.

use std::collections::BTreeMap;

/// A line of a passwd file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Passwd {
    pub(crate) name: String,
    pub(crate) password: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) home: String,
    pub(crate) shell: String,
}

/// A line of a group file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) gid: u32,
    pub(crate) members: Vec<String>,
}

/// A line of a shadow file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shadow {
    pub(crate) hash: String,
    pub(crate) last_change: Option<i64>,
    pub(crate) min_days: Option<i64>,
    pub(crate) max_days: Option<i64>,
    pub(crate) warn_days: Option<i64>,
    pub(crate) inactive_days: Option<i64>,
}

/// A mounted file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    pub(crate) device: String,
    pub(crate) point: String,
    pub(crate) fs_type: String,
    pub(crate) options: Vec<String>,
}

/// What a set of sudoers files says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sudoers {
    pub(crate) nopasswd: Vec<String>,
    pub(crate) no_authenticate: Vec<String>,
    pub(crate) use_pty: bool,
    pub(crate) logfile: Option<String>,
    pub(crate) timestamp_timeout: Option<String>,
    pub(crate) includes: Vec<String>,
}

/// Lines without comments and blank lines.
pub(crate) fn lines(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

pub(crate) fn passwd(text: &str) -> Vec<Passwd> {
    lines(text)
        .filter_map(|line| {
            let mut parts = line.split(':');
            let name = parts.next()?.to_owned();
            let password = parts.next()?.to_owned();
            let uid = parts.next()?.parse().ok()?;
            let gid = parts.next()?.parse().ok()?;
            parts.next()?;
            let home = parts.next()?.to_owned();
            let shell = parts.next().unwrap_or_default().to_owned();
            Some(Passwd { name, password, uid, gid, home, shell })
        })
        .collect()
}

pub(crate) fn groups(text: &str) -> Vec<Group> {
    lines(text)
        .filter_map(|line| {
            let mut parts = line.split(':');
            let name = parts.next()?.to_owned();
            parts.next()?;
            let gid = parts.next()?.parse().ok()?;
            let members =
                parts.next().unwrap_or_default().split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
            Some(Group { name, gid, members })
        })
        .collect()
}

pub(crate) fn shadow(text: &str) -> BTreeMap<String, Shadow> {
    lines(text)
        .filter_map(|line| {
            let mut parts = line.split(':');
            let name = parts.next()?.to_owned();
            let hash = parts.next()?.to_owned();
            let mut days = || parts.next().and_then(|part| part.parse().ok());
            let (last_change, min_days, max_days, warn_days, inactive_days) = (days(), days(), days(), days(), days());
            Some((name, Shadow { hash, last_change, min_days, max_days, warn_days, inactive_days }))
        })
        .collect()
}

impl Shadow {
    /// `*` and `!` never match a password; a `!` before a hash locks it.
    pub(crate) fn is_locked(&self) -> bool {
        self.hash.starts_with(['!', '*'])
    }

    /// The hash's algorithm; `none` where there is no usable hash.
    pub(crate) fn algorithm(&self) -> &'static str {
        let hash = self.hash.trim_start_matches('!');
        match hash {
            "" | "*" | "x" => "none",
            _ if hash.starts_with("$y$") => "yescrypt",
            _ if hash.starts_with("$gy$") => "gost-yescrypt",
            _ if hash.starts_with("$7$") => "scrypt",
            _ if hash.starts_with("$6$") => "sha512",
            _ if hash.starts_with("$5$") => "sha256",
            _ if hash.starts_with("$2") => "bcrypt",
            _ if hash.starts_with("$1$") => "md5",
            _ if hash.starts_with('*') => "none",
            _ if hash.len() == 13 || hash.starts_with('_') => "des",
            _ => "unknown",
        }
    }
}

pub(crate) fn mounts(text: &str) -> Vec<Mount> {
    lines(text)
        .filter_map(|line| {
            let mut parts = line.split_ascii_whitespace();
            let device = unescape_octal(parts.next()?);
            let point = unescape_octal(parts.next()?);
            let fs_type = parts.next()?.to_owned();
            let options = parts.next()?.split(',').map(str::to_owned).collect();
            Some(Mount { device, point, fs_type, options })
        })
        .collect()
}

/// `\040` and its like, as the kernel writes blanks in mount points.
fn unescape_octal(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if let [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] = rest {
            bytes.push((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'));
            rest = after;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `KEY value` lines, as in login.defs; the last one of a key counts.
pub(crate) fn words(text: &str) -> BTreeMap<String, String> {
    lines(text)
        .map(|line| {
            let line = line.split('#').next().unwrap_or_default().trim();
            let (key, value) = line.split_once(|c: char| c.is_whitespace()).unwrap_or((line, ""));
            (key.to_owned(), value.trim().to_owned())
        })
        .filter(|(key, _)| !key.is_empty())
        .collect()
}

/// `key = value` lines; a key alone is a switch: `true`. Section headings are skipped; quotes are taken off.
pub(crate) fn assignments(text: &str) -> BTreeMap<String, String> {
    lines(text)
        .filter(|line| !line.starts_with('[') && !line.starts_with(';'))
        .map(|line| {
            let (key, value) = line.split_once('=').unwrap_or((line, "true"));
            (key.trim().to_owned(), value.trim().trim_matches(['"', '\'']).to_owned())
        })
        .filter(|(key, _)| !key.is_empty())
        .collect()
}

/// `key = value` lines with the `[section]` above them, in order.
pub(crate) fn sections(text: &str) -> Vec<(String, String, String)> {
    let mut section = String::new();
    let mut found = Vec::new();
    for line in lines(text).filter(|line| !line.starts_with(';')) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.trim().clone_into(&mut section);
        } else if let Some((key, value)) = line.split_once('=') {
            found.push((section.clone(), key.trim().to_owned(), value.trim().to_owned()));
        }
    }
    found
}

/// Adds what one sudoers file says.
pub(crate) fn sudoers(text: &str, into: &mut Sudoers) {
    let joined = text.replace("\\\n", " ");
    for raw in joined.lines() {
        let line = raw.trim();
        let include = ["@includedir", "#includedir", "@include", "#include"]
            .iter()
            .find_map(|word| line.strip_prefix(word).filter(|rest| rest.starts_with([' ', '\t'])));
        if let Some(path) = include {
            into.includes.push(path.trim().to_owned());
            continue;
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.contains("NOPASSWD:") {
            into.nopasswd.push(line.to_owned());
        }
        if line.contains("!authenticate") {
            into.no_authenticate.push(line.to_owned());
        }
        if let Some(rest) = line.strip_prefix("Defaults") {
            for setting in rest.split(',').map(str::trim) {
                let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
                let value = value.trim().trim_matches('"').to_owned();
                match key.trim() {
                    "use_pty" => into.use_pty = true,
                    "!use_pty" => into.use_pty = false,
                    "logfile" => into.logfile = Some(value),
                    "timestamp_timeout" => into.timestamp_timeout = Some(value),
                    _ => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accounts_are_read_and_broken_lines_are_left_out() {
        let users = passwd("root:x:0:0:root:/root:/bin/bash\nbroken\nann:x:1000:1000::/home/ann:\n");
        assert_eq!(users.iter().map(|user| (user.name.as_str(), user.uid)).collect::<Vec<_>>(), [("root", 0), ("ann", 1000)]);
        assert_eq!(groups("sudo:x:27:ann,bob\n")[0].members, ["ann", "bob"]);
    }

    #[test]
    fn shadow_hashes_are_named_but_locks_are_seen() {
        let entries = shadow(
            "a:$y$j9T$x:19000:0:99999:7:::\nb:!$6$x$y:1::::::\nc:*:1::::::\nd::1::::::\ne:$1$x$y:1::::::\nf:abcdefghijklm:1::::::\n",
        );
        let seen: Vec<_> = entries.values().map(|entry| (entry.algorithm(), entry.is_locked())).collect();
        assert_eq!(
            seen,
            [("yescrypt", false), ("sha512", true), ("none", true), ("none", false), ("md5", false), ("des", false)]
        );
        assert_eq!(entries["a"].max_days, Some(99_999));
        assert_eq!(entries["b"].max_days, None);
    }

    #[test]
    fn mount_points_with_blanks_are_unescaped() {
        let found = mounts("/dev/sda1 /mnt/a\\040b ext4 rw,nodev 0 0\nshort line\n");
        assert_eq!((found.len(), found[0].point.as_str()), (1, "/mnt/a b"));
        assert_eq!(found[0].options, ["rw", "nodev"]);
    }

    #[test]
    fn settings_keep_the_last_value() {
        assert_eq!(words("# c\nUMASK\t022\nUMASK 027 # why\n")["UMASK"], "027");
        let map = assignments("[Journal]\n#Storage=auto\nStorage = persistent\neven_deny_root\nNAME=\"x y\"\n");
        assert_eq!(
            (map["Storage"].as_str(), map["even_deny_root"].as_str(), map["NAME"].as_str()),
            ("persistent", "true", "x y")
        );
        assert_eq!(map.len(), 3);
    }

    #[test]
    fn settings_keep_their_section() {
        let found = sections("a=1\n[xdmcp]\n# x=1\nEnable = true\nalone\n[]\nb=2=3\n");
        let seen: Vec<_> = found.iter().map(|(s, k, v)| (s.as_str(), k.as_str(), v.as_str())).collect();
        assert_eq!(seen, [("", "a", "1"), ("xdmcp", "Enable", "true"), ("", "b", "2=3")]);
    }

    #[test]
    fn sudoers_tell_who_needs_no_password() {
        let mut found = Sudoers::default();
        let content = "# NOPASSWD: in a comment\nDefaults use_pty, logfile=\"/var/log/sudo.log\"\nann ALL=(ALL) \\\n NOPASSWD: ALL\n@includedir /etc/sudoers.d\n#include extra\n";
        sudoers(content, &mut found);
        assert_eq!(found.nopasswd.len(), 1);
        assert!(found.use_pty);
        assert_eq!(found.logfile.as_deref(), Some("/var/log/sudo.log"));
        assert_eq!(found.includes, ["/etc/sudoers.d", "extra"]);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "(?s).{0,200}", odd in "[a-z:=\\\\#0-9 \n,$!*@]{0,120}") {
            for text in [&text, &odd] {
                passwd(text);
                groups(text);
                shadow(text).values().for_each(|entry| { entry.algorithm(); });
                mounts(text);
                words(text);
                assignments(text);
                sections(text);
                sudoers(text, &mut Sudoers::default());
            }
        }
    }
}
