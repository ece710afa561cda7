//! The stacks of PAM and the settings of their modules.

use std::sync::Arc;

use serde_json::json;
use skywarden_model::UnreadableReason;

use crate::{HostRoot, report::Report, root::failed, settings::joined, text};

type Fallible<T> = Result<T, Arc<UnreadableReason>>;

const INCLUDE_DEPTH: usize = 8;
const FIELDS: [&str; 10] = [
    "unixEnabled",
    "faillockEnabled",
    "pwqualityEnabled",
    "pwhistoryEnabled",
    "nullok",
    "rememberedPasswords",
    "passwordHash",
    "unixRemembers",
    "unixTakesTypedPassword",
    "pwhistoryTakesTypedPassword",
];

/// One line of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) kind: String,
    pub(crate) control: String,
    pub(crate) module: String,
    pub(crate) arguments: Vec<String>,
}

/// Reads the stacks that logins and password changes go through.
pub(crate) fn read(root: &HostRoot, report: &mut Report) {
    let mut steps: Fallible<Vec<Step>> = Ok(Vec::new());
    for name in ["common-auth", "common-account", "common-password", "system-auth", "password-auth"] {
        let Ok(found) = &mut steps else { break };
        if let Err(reason) = gather(root, name, 0, found) {
            steps = Err(reason);
        }
    }
    let steps = steps.and_then(|steps| {
        if steps.is_empty() { Err(failed("read /etc/pam.d", "there are no common PAM stacks that we know")) } else { Ok(steps) }
    });
    for name in ["faillock", "pwhistory", "pwquality"] {
        let (file, parts) = (format!("/etc/security/{name}.conf"), format!("/etc/security/{name}.conf.d"));
        let effective = joined(root, &[], &[&parts], ".conf").and_then(|parts| {
            let main = joined(root, &[&file], &[], "")?;
            let mut settings = text::assignments(&format!("{parts}\n{main}"));
            // What stands in the stack itself comes before the file; without stacks the file is all that is known.
            for step in steps.iter().flatten().filter(|step| step.module == format!("pam_{name}.so")) {
                settings.extend(step.arguments.iter().map(|argument| setting(argument)));
            }
            Ok(settings)
        });
        report.put_known(&["pam", name], effective.map(|settings| json!(settings)));
    }
    match steps {
        Ok(steps) => judge(&steps, report),
        Err(reason) => FIELDS.iter().for_each(|field| report.deny(&["pam", field], &reason)),
    }
    if let Ok(Some(state)) = root.read("/etc/authselect/authselect.conf") {
        let profile = text::lines(&state).next().map(str::to_owned);
        report.put(&["pam", "authselectProfile"], Ok(profile));
    }
}

fn judge(steps: &[Step], report: &mut Report) {
    let of = |kind: &'static str, module: &'static str| {
        steps.iter().filter(move |step| step.module == module && (kind.is_empty() || step.kind == kind))
    };
    let takes = |step: &Step, word: &str| step.arguments.iter().any(|argument| argument == word);
    let has_unix =
        ["auth", "account", "password"].iter().all(|kind| steps.iter().any(|s| s.module == "pam_unix.so" && s.kind == *kind));
    report.set(&["pam", "unixEnabled"], has_unix);
    let is_checked = of("auth", "pam_faillock.so").any(|step| takes(step, "preauth"));
    let is_counted = of("auth", "pam_faillock.so").any(|step| takes(step, "authfail"));
    report.set(&["pam", "faillockEnabled"], is_checked && is_counted);
    report.set(&["pam", "pwqualityEnabled"], of("password", "pam_pwquality.so").next().is_some());
    let has_history = of("password", "pam_pwhistory.so").next().is_some();
    report.set(&["pam", "pwhistoryEnabled"], has_history);
    report.set(&["pam", "nullok"], of("", "pam_unix.so").any(|step| takes(step, "nullok")));
    report.set(
        &["pam", "pwhistoryTakesTypedPassword"],
        of("password", "pam_pwhistory.so").all(|step| takes(step, "use_authtok")) && has_history,
    );
    report.set(&["pam", "unixTakesTypedPassword"], of("password", "pam_unix.so").all(|step| takes(step, "use_authtok")));
    let number = |step: &Step| step.arguments.iter().find_map(|word| word.strip_prefix("remember=")?.parse::<u64>().ok());
    let of_unix = of("password", "pam_unix.so").filter_map(number).max();
    report.set(&["pam", "unixRemembers"], of_unix.is_some());
    let from_file = report.properties.get("pam").and_then(|pam| pam.get("pwhistory")?.get("remember")?.as_str()?.parse().ok());
    let of_history = from_file.filter(|_| has_history);
    report.put(&["pam", "rememberedPasswords"], Ok(of_history.max(of_unix)));
    let known = ["yescrypt", "gost_yescrypt", "sha512", "sha256", "blowfish", "bigcrypt", "md5"];
    let hash = of("password", "pam_unix.so").flat_map(|step| &step.arguments).find(|word| known.contains(&word.as_str()));
    report.put(&["pam", "passwordHash"], Ok(hash.cloned()));
}

fn gather(root: &HostRoot, name: &str, depth: usize, into: &mut Vec<Step>) -> Fallible<()> {
    if depth > INCLUDE_DEPTH || name.contains('/') {
        return Ok(());
    }
    let Some(content) = root.read(&format!("/etc/pam.d/{name}"))? else { return Ok(()) };
    for step in stack(&content) {
        match step.control.as_str() {
            "@include" | "include" | "substack" => gather(root, &step.module, depth + 1, into)?,
            _ => into.push(step),
        }
    }
    Ok(())
}

/// The lines of a stack; an `@include` is a step whose module is the other stack.
pub(crate) fn stack(content: &str) -> Vec<Step> {
    let joined = content.replace("\\\n", " ");
    text::lines(&joined).filter_map(step).collect()
}

fn step(line: &str) -> Option<Step> {
    let line = line.split('#').next().unwrap_or_default();
    let (kind, rest) = line.split_once(char::is_whitespace)?;
    let rest = rest.trim_start();
    if kind == "@include" {
        let step = Step { kind: String::new(), control: kind.to_owned(), module: rest.trim().to_owned(), arguments: Vec::new() };
        return Some(step);
    }
    let (control, rest) = match rest.strip_prefix('[') {
        Some(inside) => inside.split_once(']')?,
        None => rest.split_once(char::is_whitespace)?,
    };
    let mut words = rest.split_whitespace();
    let module = words.next()?;
    Some(Step {
        kind: kind.trim_start_matches('-').to_owned(),
        control: control.to_owned(),
        module: module.rsplit('/').next().unwrap_or(module).to_owned(),
        arguments: words.map(|word| word.trim_matches(['[', ']']).to_owned()).collect(),
    })
}

fn setting(argument: &str) -> (String, String) {
    match argument.split_once('=') {
        Some((key, value)) => (key.to_owned(), value.to_owned()),
        None => (argument.to_owned(), "true".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_stack_is_read_with_brackets_and_continued_lines() {
        let steps = stack(
            "# c\nauth [success=1 default=ignore] pam_unix.so nullok # why\n-password required \\\n /lib/security/pam_pwhistory.so remember=24 use_authtok\n@include common-session\nauth substack other\nbroken\n",
        );
        let seen: Vec<_> = steps.iter().map(|s| (s.kind.as_str(), s.control.as_str(), s.module.as_str())).collect();
        assert_eq!(
            seen,
            [
                ("auth", "success=1 default=ignore", "pam_unix.so"),
                ("password", "required", "pam_pwhistory.so"),
                ("", "@include", "common-session"),
                ("auth", "substack", "other"),
            ]
        );
        let settings: Vec<_> = steps[1].arguments.iter().map(|argument| setting(argument)).collect();
        assert_eq!(settings, [("remember".into(), "24".into()), ("use_authtok".into(), "true".into())]);
    }

    proptest! {
        #[test]
        fn any_stack_is_survived(content in "(?s).{0,200}", odd in "(auth|password|\\[|\\]|=| |\n|pam_unix.so|\\\\|#){0,40}") {
            for content in [&content, &odd] {
                for step in stack(content) {
                    step.arguments.iter().for_each(|argument| { setting(argument); });
                }
            }
        }
    }
}
