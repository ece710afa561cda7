//! Programs, roles, tokens and the audit log on the command line.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod running;

use running::{done, refused, skywarden, told};

/// The last word of the line that begins so.
#[track_caller]
fn word(text: &str, start: &str) -> String {
    let line = text.lines().find(|line| line.starts_with(start)).unwrap();
    line.rsplit(' ').next().unwrap().to_owned()
}

#[test]
fn programs_get_roles_and_tokens_and_the_log_says_so() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path();
    refused(data, &["access", "list"], "there is no store");
    assert!(skywarden(data, &["up", "--once"]).status.code().is_some());

    refused(data, &["access", "add-program", "reporter", "--role", "Emperor", "--scope", "/"], "there is no role `Emperor`");
    assert!(done(data, &["access", "list"]).contains("0 rows"), "a role that is not there leaves no program behind");
    let made = done(data, &["access", "add-program", "reporter", "--role", "security reader", "--scope", "/subscriptions/fleet"]);
    let (id, secret) = (word(&made, "client id"), word(&made, "client secret"));
    assert_eq!((id.len(), secret.len()), (36, 43), "{made}");
    refused(data, &["access", "add-program", "Reporter"], "already");
    let usage = skywarden(data, &["access", "grant", "reporter", "--role", "Reader", "--scope", "nowhere"]);
    assert_eq!(usage.status.code(), Some(2), "{}", told(&usage));

    let granted = done(data, &["access", "grant", &id, "--role", "Reader", "--scope", "/"]);
    let held = done(data, &["access", "assignments", "--format", "csv"]);
    assert!(
        held.contains("reporter,Security Reader,/subscriptions/fleet,dana,") && held.contains("reporter,Reader,/,dana,"),
        "{held}"
    );
    let assignment = word(&granted, "reporter holds");
    assert!(done(data, &["access", "revoke", &assignment]).contains("no longer holds"));
    refused(data, &["access", "revoke", &assignment], "there is no role assignment");
    let token = done(data, &["access", "token", "reporter", "--expires", "1"]);
    assert!(token.starts_with("skw_"), "{token}");

    let log = done(data, &["audit", "export"]);
    assert_eq!(log.lines().count(), 6, "{log}");
    assert!(!log.contains(&secret) && !log.contains(token.trim()), "no secret is in the log");
    assert!(done(data, &["audit", "verify"]).starts_with("6 lines, the chain is unbroken"));
    assert!(done(data, &["access", "remove", "reporter"]).contains("is gone"));
    assert!(done(data, &["access", "assignments"]).contains("0 rows"));
    refused(data, &["access", "token", "reporter"], "there is no principal `reporter`");
}
