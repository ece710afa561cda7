//! A journal that a journald of this test's own writes, and programs in place of journalctl for what goes wrong; auditd's files.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, LazyLock},
};

use common::{Server, archived, dead_letters, kind};
use serde_json::{Value, json};
use skywarden_detect::Detect;

static DETECT: LazyLock<Arc<Detect>> = LazyLock::new(common::detect);

const JOURNALD: &str = "/usr/lib/systemd/systemd-journald";

/// A journal of its own, in a namespace; removed at the end.
struct Journal {
    namespace: String,
    journald: Option<Child>,
}

impl Journal {
    fn new() -> Self {
        let mut journal = Journal { namespace: format!("skytest{}", std::process::id()), journald: None };
        journal.start();
        journal
    }

    fn start(&mut self) {
        let mut journald = Command::new(JOURNALD);
        journald.arg(&self.namespace).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.journald = Some(journald.spawn().unwrap());
    }

    fn end(&mut self) {
        if let Some(mut journald) = self.journald.take() {
            journald.kill().unwrap();
            journald.wait().unwrap();
        }
    }

    fn socket(&self) -> PathBuf {
        PathBuf::from(format!("/run/systemd/journal.{}/dev-log", self.namespace))
    }

    fn log(&self, program: &str, text: &str) {
        let mut logger = Command::new("logger");
        logger.arg("--socket").arg(self.socket()).args(["--socket-errors=on", "--tag", program, text]);
        assert!(logger.status().unwrap().success());
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.end();
        let machine = fs::read_to_string("/etc/machine-id").unwrap_or_default();
        let folder = format!("{}.{}", machine.trim(), self.namespace);
        for path in [Path::new("/var/log/journal").join(&folder), Path::new("/run/log/journal").join(&folder)] {
            let _ = fs::remove_dir_all(path);
        }
        let _ = fs::remove_dir_all(format!("/run/systemd/journal.{}", self.namespace));
    }
}

/// The `MESSAGE` of each record.
async fn messages(folder: &Path) -> Vec<String> {
    let message = |record: &String| serde_json::from_str::<Value>(record).unwrap()["MESSAGE"].as_str().unwrap().to_owned();
    archived(folder).await.iter().map(message).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_a_real_journal_come_once() {
    let id = Command::new("id").arg("-u").output().unwrap();
    assert!(Path::new(JOURNALD).exists(), "there is no {JOURNALD}: run `cargo xtask test`, or `sudo apt-get install systemd`");
    assert!(id.stdout == b"0\n", "only root may run a journald: run this test with sudo");
    let mut journal = Journal::new();
    common::until("the socket", || journal.socket().exists()).await;
    journal.log("sshd", "before anybody looked");
    let folder = tempfile::tempdir().unwrap();
    let settings = kind(json!({
        "kind": "journald", "namespace": journal.namespace, "identifiers": ["sshd", "sudo"], "priority": "info", "start": "end"
    }));
    common::until("the first entry", || {
        let mut journalctl = Command::new("journalctl");
        let output = journalctl.args(["--output=cat", "--identifier=sshd", "--namespace", &journal.namespace]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).contains("before anybody looked")
    })
    .await;
    let server = Server::start(folder.path(), &DETECT, "lines", &settings).await;
    server.until("that it runs", |status| status.behind.is_some()).await;
    journal.log("sshd", "one");
    journal.log("cron", "of another program");
    journal.log("sudo", "two ü");
    let status = server.until_texts(2).await;
    assert_eq!((status.problem, status.n_bad), (None, 0));
    server.kill().await;
    journal.log("sshd", "while nobody looked");
    let server = Server::start(folder.path(), &DETECT, "lines", &settings).await;
    journal.log("sshd", "three");
    // journald itself ends and comes back, with another file or not.
    common::until_archived(folder.path(), &server, "three").await;
    journal.end();
    journal.start();
    common::until("that somebody listens", || {
        Command::new("logger")
            .arg("--socket")
            .arg(journal.socket())
            .args(["--socket-errors=on", "--tag", "cron", "x"])
            .stderr(Stdio::null())
            .status()
            .unwrap()
            .success()
    })
    .await;
    journal.log("sshd", "four");
    common::until_archived(folder.path(), &server, "four").await;
    for n in 0..200 {
        journal.log("sudo", &format!("many {n}"));
    }
    common::until_archived(folder.path(), &server, "many 199").await;
    server.stop().await;
    let mut expected = ["one", "two ü", "while nobody looked", "three", "four"].map(str::to_owned).to_vec();
    expected.extend((0..200).map(|n| format!("many {n}")));
    assert_eq!(messages(folder.path()).await, expected);
}

/// A program that is run in place of journalctl.
fn program(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("journalctl");
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_may_not_be_read_is_told_with_the_group() {
    let folder = tempfile::tempdir().unwrap();
    let program = program(folder.path(), "echo 'No journal files were opened due to insufficient permissions.' >&2; exit 1");
    let server = Server::start(folder.path(), &DETECT, "lines", &kind(json!({ "kind": "journald", "command": [program] }))).await;
    let status = server.until("the problem", |status| status.problem.is_some()).await;
    let reason = status.problem.unwrap().reason;
    assert!(reason.contains("usermod --append --groups systemd-journal") && reason.contains("exit status: 1"), "{reason}");
    server.stop().await;

    let nothing = json!({ "kind": "journald", "command": ["/nowhere/journalctl"] });
    let server = Server::start(folder.path(), &DETECT, "lines", &kind(nothing)).await;
    let status = server.until("the problem", |status| status.problem.is_some()).await;
    let reason = status.problem.unwrap().reason;
    assert!(reason.contains("/nowhere/journalctl") && reason.contains("no systemd"), "{reason}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_entry_is_told_and_reading_goes_on_behind_the_last_cursor() {
    let folder = tempfile::tempdir().unwrap();
    let script = r#"for argument; do case "$argument" in --after-cursor=*) after=${argument#*=};; esac; done
echo "$@" >> "$0.arguments"
case "$after" in
  '') echo '{"__CURSOR":"c1","MESSAGE":"one"}'; echo 'no entry'; echo '{"__CURSOR":"c2","MESSAGE":"two"}'; printf '{"__CURSOR":"c3","MESS' ;;
  c2) echo '{"__CURSOR":"c3","MESSAGE":"three"}'; sleep 1000 ;;
  *) echo "unexpected $after" >&2 ;;
esac"#;
    let program = program(folder.path(), script);
    let settings = json!({ "kind": "journald", "command": [program], "units": ["ssh*"], "directory": "/host/var/log/journal" });
    let server = Server::start(folder.path(), &DETECT, "lines", &kind(settings)).await;
    server.until("the first end", |status| status.n_texts == 2 && status.problem.is_some()).await;
    server.until("the rest", |status| status.n_texts == 3 && status.problem.is_none()).await;
    server.stop().await;
    assert_eq!(messages(folder.path()).await, ["one", "two", "three"]);
    let letters = dead_letters(folder.path());
    assert_eq!(letters.iter().map(|letter| letter["start"].as_str().unwrap()).collect::<Vec<_>>(), ["no entry"]);
    let arguments = fs::read_to_string(folder.path().join("journalctl.arguments")).unwrap();
    assert!(arguments.lines().all(|line| line.contains("--unit=ssh* --directory /host/var/log/journal --follow")), "{arguments}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_is_followed_over_its_rotations() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.log");
    let line = |n: usize| format!("type=USER_AUTH msg=audit(1767261600.123:{n}): pid=7 uid=0 msg='op=PAM:authentication'\n");
    fs::write(&path, line(1)).unwrap();
    let settings = kind(json!({ "kind": "audit", "path": path }));
    let server = Server::start(folder.path(), &DETECT, "lines", &settings).await;
    server.until_texts(1).await;
    server.kill().await;
    // auditd rotates twice while nobody looks.
    for n in 2..4 {
        fs::write(&path, format!("{}{}", fs::read_to_string(&path).unwrap(), line(n * 10))).unwrap();
        if n == 3 {
            fs::rename(folder.path().join("audit.log.1"), folder.path().join("audit.log.2")).unwrap();
        }
        fs::rename(&path, folder.path().join("audit.log.1")).unwrap();
        fs::write(&path, line(n)).unwrap();
    }
    let server = Server::start(folder.path(), &DETECT, "lines", &settings).await;
    common::until_archived(folder.path(), &server, ":3)").await;
    server.stop().await;
    let mut all = archived(folder.path()).await;
    all.sort();
    let mut expected: Vec<String> = [1, 2, 3, 20, 30].map(|n| line(n).trim_end().to_owned()).to_vec();
    expected.sort();
    assert_eq!(all, expected);
}
