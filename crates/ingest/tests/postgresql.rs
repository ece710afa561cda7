//! A PostgreSQL server writes its log in all three forms, somebody guesses passwords, and the file input brings what our detections find.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::{
    collections::BTreeSet,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use common::{Server, archived, kind};
use serde_json::json;
use skywarden_content::Catalog;
use skywarden_detect::{Detect, own_rules};

/// A server of this test's own that logs everything to files.
struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
    as_root: bool,
}

impl Postgres {
    #[expect(clippy::zombie_processes, reason = "the watchdog outlives this process: it waits for its end")]
    fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("skypglog").tempdir_in("/tmp").unwrap().keep();
        let is_root = String::from_utf8(Command::new("id").arg("-u").output().unwrap().stdout).unwrap().trim() == "0";
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let postgres = Self { programs: programs(), folder, port, as_root: is_root };
        if is_root {
            // PostgreSQL refuses to run as root; its package brings an account of its own.
            let status = Command::new("chown").arg("postgres").arg(&postgres.folder).status().unwrap();
            assert!(status.success(), "the account postgres");
        }
        let data = postgres.folder.join("data");
        let data = data.display().to_string();
        postgres.run("initdb", &["-D", &data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8"]);
        std::fs::write(Path::new(&data).join("pg_hba.conf"), "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
            .unwrap();
        let settings = [
            format!("listen_addresses='127.0.0.1' port={port} fsync=off unix_socket_directories='{}'", postgres.folder.display()),
            "logging_collector=on log_destination='stderr,csvlog,jsonlog' log_directory=log log_filename='postgresql.log'"
                .to_owned(),
            "log_connections=on log_disconnections=on log_statement=all log_timezone=UTC lc_messages=C".to_owned(),
        ];
        let mut options = String::new();
        for setting in settings.join(" ").split_whitespace() {
            options += &format!("-c {setting} ");
        }
        let log = postgres.folder.join("start").display().to_string();
        postgres.run("pg_ctl", &["-D", &data, "--log", &log, "--options", &options, "--wait", "start"]);
        // The server must not outlive the test: a watchdog stops it and removes its files when this process is gone.
        let stop = format!(
            "tail --pid={} -f /dev/null; {} -D {data} -m immediate stop; rm -rf {}",
            std::process::id(),
            postgres.programs.join("pg_ctl").display(),
            postgres.folder.display()
        );
        let mut watchdog = postgres.command("bash");
        watchdog.args(["-c", &stop]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        postgres
    }

    fn command(&self, program: &str) -> Command {
        let own = self.programs.join(program);
        let program = if own.is_file() { own } else { PathBuf::from(program) };
        if !self.as_root {
            return Command::new(program);
        }
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]).arg(program).current_dir("/tmp");
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        // pg_ctl's server inherits pipes and would keep them open for ever.
        let output = tempfile::NamedTempFile::new().unwrap();
        let mut command = self.command(program);
        command.args(arguments).stdin(Stdio::null()).stdout(output.reopen().unwrap()).stderr(output.reopen().unwrap());
        let status = command.status().unwrap();
        assert!(status.success(), "{program}: {}", std::fs::read_to_string(output.path()).unwrap_or_default());
    }

    /// Runs a statement over the socket, where everybody is let in.
    fn statement(&self, statement: &str) {
        let (host, port) = (self.folder.display().to_string(), self.port.to_string());
        self.run("psql", &["-X", "-q", "-h", &host, "-p", &port, "-U", "postgres", "-c", statement]);
    }

    /// Whether a user is let in over the network with a password.
    fn log_in(&self, user: &str, password: &str) -> bool {
        let mut psql = self.command("psql");
        psql.args(["-X", "-q", "-w", "-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", user, "-d", "postgres", "-c", ""]);
        psql.env("PGPASSWORD", password)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap()
            .success()
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.join("data/log").join(name)
    }
}

fn programs() -> PathBuf {
    let versions =
        Path::new("/usr/lib/postgresql").read_dir().map(|entries| entries.flatten().map(|entry| entry.path().join("bin")));
    let newest = versions.ok().and_then(|folders| folders.filter(|folder| folder.join("initdb").is_file()).max());
    newest.unwrap_or_else(|| panic!("this test needs PostgreSQL's server programs: apt-get install postgresql"))
}

/// The repository's log sources and detections of databases.
fn detect() -> Arc<Detect> {
    let catalog = Catalog::embedded_with_threats().unwrap();
    let (mut rules, refused) = own_rules(&catalog);
    assert!(refused.is_empty(), "{refused:?}");
    rules.retain(|rule| rule.plan.as_ref().is_some_and(|plan| plan == "OpenSourceRelationalDatabases"));
    assert!(rules.len() > 10, "{}", rules.len());
    common::detect_of(&catalog, rules)
}

#[tokio::test(flavor = "multi_thread")]
async fn guessed_passwords_are_found_in_all_forms_of_the_log() {
    let postgres = Postgres::start();
    let detect = detect();
    postgres.statement("create role app login password 'right'");
    let forms = [("postgresql", "log"), ("postgresql-csv", "csv"), ("postgresql-json", "json")];
    let mut running = Vec::new();
    for (source, form) in forms {
        let folder = tempfile::tempdir().unwrap();
        let path = postgres.log(&format!("postgresql.{form}"));
        let settings =
            kind(json!({ "kind": "file", "paths": [path, path.with_extension(format!("{form}.*"))], "lookEvery": 10 }));
        let server = Server::start(folder.path(), &detect, source, &settings).await;
        server.until("the start", |status| status.n_events > 0 && status.behind == Some(0)).await;
        running.push((source, form, folder, settings, server));
    }
    assert!(postgres.log_in("app", "right"), "the password is right");
    for _ in 0..45 {
        assert!(!postgres.log_in("app", "wrong"));
    }
    for user in ["admin", "root", "backup", "oracle", "web", "test", "postgres"] {
        assert!(!postgres.log_in(user, "guessed"));
    }
    postgres.statement("select 'first\nin two lines'");
    // As logrotate does it.
    for (_, form) in forms {
        std::fs::rename(postgres.log(&format!("postgresql.{form}")), postgres.log(&format!("postgresql.{form}.1"))).unwrap();
    }
    postgres.statement("select pg_rotate_logfile()");
    common::until("new files", || forms.iter().all(|(_, form)| postgres.log(&format!("postgresql.{form}")).exists())).await;
    for (source, form, folder, settings, server) in running {
        let mut alerts = vec![Arc::clone(&server.alerts)];
        server.kill().await;
        postgres.statement(&format!("select 'while {form} is away'"));
        let server = Server::start(folder.path(), &detect, source, &settings).await;
        postgres.statement(&format!("select 'last of {form}'"));
        // The status counts what this process saw: what it finds in the journal, and what came since.
        let last = format!("last of {form}");
        common::until("the log to be written", || {
            std::fs::read_to_string(postgres.log(&format!("postgresql.{form}"))).unwrap().contains(&last)
        })
        .await;
        alerts.push(Arc::clone(&server.alerts));
        server.stop().await;
        let server = Server::start(folder.path(), &detect, source, &settings).await;
        let status = server.until("the end", |status| status.behind == Some(0)).await;
        assert_eq!(status.n_bad, 0, "{source}");
        alerts.push(Arc::clone(&server.alerts));
        server.stop().await;
        let all = archived(folder.path()).await;
        let count = |text: &str| all.iter().filter(|record| record.contains(text) && record.contains("statement: ")).count();
        assert_eq!(count(&last), 1, "{source}");
        assert_eq!(count(&format!("while {form} is away")), 1, "{source}");
        let refused = all.iter().filter(|record| record.contains("password authentication failed for user")).count();
        // csvlog and jsonlog hold the detail in the same record; the plain form has it in a line of its own.
        assert_eq!(refused, 52, "{source}: {all:#?}");
        let mut found = BTreeSet::new();
        for held in alerts {
            found.extend(held.lock().unwrap().iter().map(|alert| alert.detection.to_string()));
        }
        // The usual prefix of the plain form has no address of the client, the other forms do.
        let expected = if form == "log" { "SQL.PostgreSQL_BruteForce_ValidUser" } else { "database-brute-force-inside" };
        assert!(found.contains(expected), "{source}: {found:?}");
    }
}
