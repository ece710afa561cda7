//! A PostgreSQL server of the tests' own: one cluster per test process, a private socket, one database per test.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

use skywarden_store::{Store, StoreUrl};
use tempfile::TempDir;

static CLUSTER: LazyLock<Cluster> = LazyLock::new(Cluster::start);
static N_DATABASES: AtomicU32 = AtomicU32::new(0);

/// A fresh PostgreSQL store.
pub(crate) async fn postgres() -> Store {
    Store::open(&StoreUrl::Postgres(postgres_url())).await.unwrap()
}

/// The address of a fresh PostgreSQL database.
pub(crate) fn postgres_url() -> String {
    let name = format!("test_{}", N_DATABASES.fetch_add(1, Ordering::Relaxed));
    let socket = CLUSTER.folder.display();
    CLUSTER.run("createdb", &["--host", &socket.to_string(), "--username", "skywarden", &name]);
    let encoded = socket.to_string().replace('/', "%2F");
    format!("postgres://skywarden@{encoded}/{name}")
}

/// A fresh SQLite store, and its folder.
pub(crate) async fn sqlite() -> (Store, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_file(&folder.path().join("store.db")).await.unwrap();
    (store, folder)
}

struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    as_root: bool,
}

impl Cluster {
    #[expect(clippy::zombie_processes, reason = "the watchdog outlives this process: it waits for its end")]
    fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("skypg").tempdir_in("/tmp").unwrap().keep();
        let as_root = is_root();
        let cluster = Self { programs: programs(), folder, as_root };
        if as_root {
            // PostgreSQL refuses to run as root; its package brings an account of its own.
            checked("chown", Command::new("chown").arg("postgres").arg(&cluster.folder).output());
        }
        let data = cluster.folder.join("data").display().to_string();
        cluster
            .run("initdb", &["--pgdata", &data, "--username", "skywarden", "--auth", "trust", "--no-sync", "--encoding", "UTF8"]);
        let options = format!("-c listen_addresses='' -c fsync=off -c unix_socket_directories='{}'", cluster.folder.display());
        let log = cluster.folder.join("log").display().to_string();
        cluster.run("pg_ctl", &["--pgdata", &data, "--log", &log, "--options", &options, "--wait", "start"]);
        // The server must not outlive the tests: a watchdog stops it and removes its files when this process is gone.
        let stop = format!(
            "tail --pid={} -f /dev/null; {} -D {data} -m immediate stop; rm -rf {}",
            std::process::id(),
            cluster.programs.join("pg_ctl").display(),
            cluster.folder.display()
        );
        let mut watchdog = cluster.command("bash");
        watchdog
            .args(["-c", &stop])
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        watchdog.spawn().unwrap();
        cluster
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
        // pg_ctl's server inherits the pipes and would keep them open for ever.
        let output = tempfile::NamedTempFile::new().unwrap();
        let file = output.reopen().unwrap();
        let mut command = self.command(program);
        let status = command
            .args(arguments)
            .stdin(std::process::Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .status()
            .unwrap();
        let text = std::fs::read_to_string(output.path()).unwrap_or_default();
        assert!(status.success(), "{program} failed: {text}");
    }
}

fn checked(what: &str, output: std::io::Result<Output>) {
    let output = output.unwrap();
    assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim() == "0"
}

fn programs() -> PathBuf {
    let versions =
        Path::new("/usr/lib/postgresql").read_dir().map(|entries| entries.flatten().map(|entry| entry.path().join("bin")));
    let newest = versions.ok().and_then(|folders| folders.filter(|folder| folder.join("initdb").is_file()).max());
    newest.expect("the store's tests need PostgreSQL's server programs: apt-get install postgresql")
}
