use std::{borrow::Cow, collections::BTreeMap};

use super::Pairs;

/// Fields of a system call that the later lines of the same event take over.
const CARRIED: &[&str] = &[
    "exe", "comm", "uid", "auid", "euid", "gid", "ppid", "pid", "tty", "ses", "success", "key", "syscall", "AUID", "UID", "EUID",
    "SYSCALL",
];

/// Fields that the audit daemon writes in hex if they hold a blank, a quote or a control character.
const MAYBE_HEX: &[&str] = &["proctitle", "name", "exe", "comm", "cwd", "cmd", "acct", "data", "key"];

/// What stands before the fields of an enriched line.
const ENRICHED: char = '\u{1d}';

/// What a line was taken apart with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Only itself.
    Alone,
    /// Fields of the system call before it.
    WithCall,
}

/// Takes `key=value` apart, as the Linux audit daemon writes it.
pub(crate) fn take<'t>(message: &str, pairs: &mut Pairs<'t>, call: &mut Option<(String, BTreeMap<String, String>)>) -> Taken {
    let start = pairs.len();
    let mut found = Vec::new();
    fields(message, &mut found);
    let record_type = found.iter().find(|(name, ..)| name == "type").map(|(_, value, _)| value.clone()).unwrap_or_default();
    for (name, value, is_quoted) in found {
        if name == "msg" && value.starts_with("audit(") {
            let inside = value.trim_start_matches("audit(").trim_end_matches([':', ')']);
            let (time, serial) = inside.split_once(':').unwrap_or((inside, ""));
            pairs.push(("time".into(), Cow::Owned(time.to_owned())));
            pairs.push(("serial".into(), Cow::Owned(serial.to_owned())));
            continue;
        }
        let is_argument =
            record_type == "EXECVE" && name.strip_prefix('a').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let may_be_hex = !is_quoted && (MAYBE_HEX.contains(&name.as_str()) || is_argument);
        let value = if may_be_hex { from_hex(&value).unwrap_or(value) } else { value };
        if name == "msg" {
            // Of a program of user space: the fields lie in quotes.
            let mut inner = Vec::new();
            fields(&value, &mut inner);
            for (name, value, is_quoted) in inner {
                let value =
                    if !is_quoted && MAYBE_HEX.contains(&name.as_str()) { from_hex(&value).unwrap_or(value) } else { value };
                pairs.push((Cow::Owned(name), Cow::Owned(value)));
            }
            continue;
        }
        pairs.push((Cow::Owned(name), Cow::Owned(value)));
    }
    let own = pairs.split_at(start).1;
    let value_of = |name: &str| own.iter().find(|(own, _)| own == name).map(|(_, value)| value.to_string());
    let mut added: Vec<(Cow<'t, str>, Cow<'t, str>)> = Vec::new();
    if record_type == "EXECVE" {
        let arguments: Vec<String> = (0..).map_while(|number| value_of(&format!("a{number}"))).collect();
        if !arguments.is_empty() {
            added.push(("argv".into(), Cow::Owned(arguments.join(" "))));
        }
    }
    let mut taken = Taken::Alone;
    if let Some(serial) = value_of("serial") {
        let serial = format!("{}:{serial}", value_of("node").unwrap_or_default());
        if record_type == "SYSCALL" {
            let fields = CARRIED.iter().filter_map(|name| value_of(name).map(|value| ((*name).to_owned(), value)));
            *call = Some((serial, fields.collect()));
        } else if let Some((of, fields)) = call
            && *of == serial
        {
            for name in CARRIED {
                if let Some(value) = fields.get(*name).filter(|_| value_of(name).is_none()) {
                    added.push(((*name).into(), Cow::Owned(value.clone())));
                    taken = Taken::WithCall;
                }
            }
        }
    }
    pairs.extend(added);
    taken
}

/// Name, value, and whether the value stood in quotes.
fn fields(text: &str, found: &mut Vec<(String, String, bool)>) {
    let mut rest = text;
    while let Some(equals) = rest.find('=') {
        let (before, after) = rest.split_at(equals);
        let is_gap = |character: char| character.is_whitespace() || character == ENRICHED || character == ',';
        let name = before.rsplit(is_gap).next().unwrap_or_default();
        let after = after.get(1..).unwrap_or_default();
        let (value, is_quoted, left) = match after.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let inside = after.get(1..).unwrap_or_default();
                match inside.split_once(quote) {
                    Some((value, left)) => (value, true, left),
                    None => (inside, true, ""),
                }
            }
            _ => {
                let end = after.find(|character: char| character.is_whitespace() || character == ENRICHED).unwrap_or(after.len());
                let (value, left) = after.split_at(end);
                (value, false, left)
            }
        };
        if !name.is_empty() {
            found.push((name.to_owned(), value.to_owned(), is_quoted));
        }
        rest = left;
    }
}

/// A text in hex; `None` if it is not.
fn from_hex(text: &str) -> Option<String> {
    if text.len() < 2
        || !text.len().is_multiple_of(2)
        || !text.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte))
    {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 2);
    for place in (0..text.len()).step_by(2) {
        let byte = u8::from_str_radix(text.get(place..place + 2)?, 16).ok()?;
        bytes.push(if byte == 0 { b' ' } else { byte });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use rustc_hash::FxHashMap;

    use super::*;

    fn read(lines: &[&str]) -> Vec<FxHashMap<String, String>> {
        let mut call = None;
        lines
            .iter()
            .map(|line| {
                let mut pairs = Pairs::new();
                take(line, &mut pairs, &mut call);
                pairs.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
            })
            .collect()
    }

    #[test]
    fn lines_of_one_event_know_who_called() {
        let read = read(&[
            r#"type=SYSCALL msg=audit(1772366400.123:4567): arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=9 auid=1000 uid=0 comm="bash" exe="/usr/bin/bash""#,
            r#"type=EXECVE msg=audit(1772366400.123:4567): argc=3 a0="bash" a1="-c" a2=6375726C2078"#,
            r#"type=EXECVE msg=audit(1772366400.200:4568): argc=1 a0="ls""#,
        ]);
        assert_eq!(read[0]["serial"], "4567");
        assert_eq!(read[1]["argv"], "bash -c curl x");
        assert_eq!(read[1]["exe"], "/usr/bin/bash");
        assert_eq!(read[1]["auid"], "1000");
        assert!(!read[2].contains_key("exe"), "of another event");
    }

    #[test]
    fn programs_of_user_space_have_their_fields_in_quotes() {
        let read = read(&[
            "type=USER_CMD msg=audit(1772366400.1:1): pid=7 uid=1000 msg='cwd=\"/\" cmd=6C73202F exe=\"/usr/bin/sudo\" res=success'\u{1d}UID=\"anna\"",
        ]);
        assert_eq!(read[0]["cmd"], "ls /");
        assert_eq!(read[0]["res"], "success");
        assert_eq!(read[0]["UID"], "anna");
    }
}
