//! What changes in Azure is read again and judged while the server runs: told by the activity log, or by Resource Graph.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what a test asks for is there, or the test fails")]

use std::{
    collections::BTreeMap,
    fmt::Debug,
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::Path,
    process::{Child, Command},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde_json::{Value, json};
use skywarden_model::{ListOutcome, Resource};
use skywarden_store::{ChangePoll, ScopeFilter, Store};
use skywarden_testkit::azure::{Answer, Estate, Matching, Server, ServerOptions};

const ALL: ScopeFilter = ScopeFilter::All;
const SSH: &str = "azure-network-nsg-ssh-internet";
const PATIENCE: Duration = Duration::from_secs(180);

/// A tenant that is connected, and `skywarden up` on it.
struct Running {
    server: Server,
    estate: Estate,
    store: Store,
    data: tempfile::TempDir,
    child: Child,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    /// With a file as the activity log, or without any log.
    async fn start(poll_seconds: &str, log: Option<&str>) -> Self {
        let estate = Estate::sample().unwrap();
        let server = Server::start(estate.clone(), ServerOptions::default()).await.unwrap();
        let data = tempfile::tempdir().unwrap();
        let program = estate.program("connector").unwrap();
        let secret = data.path().join("secret");
        fs::write(&secret, program.secret.unwrap()).unwrap();
        let secret = secret.display().to_string();
        let login = ["--cloud", server.url(), "--tenant", estate.tenant(), "--client-id", &program.client_id];
        let rest = ["--client-secret-file", &secret, "--name", "cloud", "--poll-seconds", poll_seconds];
        let mut connect = skywarden(data.path());
        connect.args(["connect", "azure"]).args(login).args(rest);
        let connected = tokio::task::spawn_blocking(move || connect.output().unwrap()).await.unwrap();
        assert!(connected.status.success(), "{}", String::from_utf8_lossy(&connected.stderr));
        if let Some(log) = log {
            let path = data.path().join(log);
            File::create(&path).unwrap();
            let settings = format!(
                "[[logs.inputs]]\nid = \"activity\"\nsource = \"azure-activity\"\nfrom.kind = \"file\"\nfrom.paths = [{:?}]\n\
                 from.lookEvery = 200\n",
                path.display().to_string()
            );
            fs::write(data.path().join("settings.toml"), settings).unwrap();
        }
        let out = File::create(data.path().join("up.log")).unwrap();
        let mut command = skywarden(data.path());
        command.args(["up", "--listen", "127.0.0.1:0", "--every", "600"]);
        let child = command.stdout(out.try_clone().unwrap()).stderr(out).spawn().unwrap();
        let store = Store::open_file(&data.path().join("skywarden.db")).await.unwrap();
        let running = Self { server, estate, store, data, child };
        running.until("the server is up", async || running.printed().contains("kept in")).await;
        running.server.forget_calls();
        running
    }

    fn printed(&self) -> String {
        fs::read_to_string(self.data.path().join("up.log")).unwrap()
    }

    /// Waits until something holds.
    async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let begin = Instant::now();
        while !holds().await {
            assert!(begin.elapsed() < PATIENCE, "{what}: it never was so\n{}", self.printed());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Writes records of the activity log, as a diagnostic setting writes them.
    fn record(&self, log: &str, operation: &str, id: &str, times: usize) {
        let mut file = OpenOptions::new().append(true).open(self.data.path().join(log)).unwrap();
        let mut text = String::new();
        for number in 0..times {
            let record = json!({
                "time": Timestamp::now().to_string(), "resourceId": id.to_uppercase(), "operationName": operation.to_uppercase(),
                "category": "Administrative", "resultType": "Success", "resultSignature": "OK.", "level": "Information",
                "correlationId": format!("{number}-{operation}-{id}"), "callerIpAddress": "192.0.2.10",
                "tenantId": self.estate.tenant(), "eventDataId": format!("{} {number} {id}", Timestamp::now()),
            });
            text += &format!("{record}\n");
        }
        file.write_all(text.as_bytes()).unwrap();
    }

    /// The calls so far but logins.
    fn calls(&self) -> Vec<String> {
        let calls = self.server.calls().into_iter().filter(|call| !call.path.ends_with("/token"));
        calls.map(|call| format!("{} {}", call.method, call.path)).collect()
    }

    async fn status(&self, recommendation: &str, resource: &str) -> Option<String> {
        let rows = self.store.assessments_on(&ALL, &resource.to_lowercase()).await.unwrap();
        let own = rows.into_iter().find(|row| *row.assessment.recommendation == *recommendation)?;
        Some(format!("{:?}", own.assessment.status))
    }

    async fn is_there(&self, id: &str) -> bool {
        let (id, type_name) = (id.to_lowercase(), self.server_type(id));
        let types = [type_name.as_str().into()].into();
        self.store.seen_of_types(&ALL, "cloud", &types).await.unwrap().iter().any(|own| own.id.as_str() == id)
    }

    /// The type of an id, as collectors spell it.
    fn server_type(&self, id: &str) -> String {
        let known = ["Microsoft.Storage/storageAccounts", "Microsoft.Authorization/roleAssignments"];
        let folded = id.to_lowercase();
        known.into_iter().find(|own| folded.contains(&format!("/providers/{}/", own.to_lowercase()))).unwrap().to_owned()
    }

    fn id(&self, rest: &str) -> String {
        format!("/subscriptions/{}/resourceGroups/{rest}", self.estate.subscriptions()[0])
    }

    fn group(&self) -> String {
        self.id("rg-data/providers/Microsoft.Network/networkSecurityGroups/nsg-data")
    }

    /// The rule for SSH gets another source.
    fn let_in(&self, source: &str) {
        let mut group = self.server.object(&self.group()).unwrap();
        let rules = group["properties"]["securityRules"].as_array_mut().unwrap();
        let rule = rules.iter_mut().find(|rule| rule["name"] == "allow-ssh-bastion").unwrap();
        rule["properties"]["sourceAddressPrefix"] = json!(source);
        self.server.put(&group).unwrap();
    }

    /// All that is known of the tenant, and every verdict.
    async fn known(&self) -> (BTreeMap<String, Resource>, BTreeMap<(String, String), String>) {
        let coverage = self.store.coverage_of(&ALL, "cloud").await.unwrap();
        let types = coverage.into_iter().map(|own| own.type_name).collect();
        let seen = self.store.seen_of_types(&ALL, "cloud", &types).await.unwrap();
        let seen: BTreeMap<String, Resource> = seen.into_iter().map(|own| (own.id.to_string(), own)).collect();
        let verdicts = self.store.assessments(&ALL).await.unwrap().into_iter();
        let verdicts = verdicts.filter(|row| seen.contains_key(row.assessment.resource.as_str())).map(|row| {
            let key = (row.assessment.resource.to_string(), row.assessment.recommendation.to_string());
            (key, format!("{:?}", row.assessment.status))
        });
        let verdicts = verdicts.collect();
        (seen, verdicts)
    }

    async fn poll(&self) -> Option<ChangePoll> {
        self.store.change_polls(&ALL).await.unwrap().remove("cloud")
    }
}

/// The binary on a data folder.
fn skywarden(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_skywarden"));
    command.env_remove("SKYWARDEN_CONTENT").env("SKYWARDEN_DATA", data).env("AWS_EC2_METADATA_DISABLED", "true");
    command.env("SKYWARDEN_LOG", "warn,skywarden::changes=info");
    command
}

#[track_caller]
fn assert_same<K: Ord + Debug, V: PartialEq + Debug>(before: &BTreeMap<K, V>, after: &BTreeMap<K, V>) {
    let gone: Vec<&K> = before.keys().filter(|key| !after.contains_key(key)).collect();
    let new: Vec<&K> = after.keys().filter(|key| !before.contains_key(key)).collect();
    let other: Vec<(&K, &V, &V)> =
        before.iter().filter_map(|(key, own)| Some((key, own, after.get(key)?))).filter(|(_, own, other)| own != other).collect();
    assert!(gone.is_empty() && new.is_empty() && other.is_empty(), "gone: {gone:#?}\nnew: {new:#?}\nother: {other:#?}");
}

fn until_status<'r>(running: &'r Running, status: &'r str) -> impl AsyncFn() -> bool + 'r {
    async move || running.status(SSH, &running.group()).await.as_deref() == Some(status)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_activity_log_tells_is_read_again() {
    const LOG: &str = "activity.jsonl";
    let running = Running::start("0", Some(LOG)).await;
    let group = running.group();
    running.until("the group is healthy at first", until_status(&running, "Healthy")).await;

    // Whatever is told of and has not changed stays as a scan read it.
    let before = running.known().await;
    for id in before.0.keys().filter(|id| id.starts_with("/subscriptions/")) {
        running.record(LOG, "A.B/c/write", id, 1);
    }
    running.until("changes wait", async || running.store.next_change().await.unwrap().is_some()).await;
    running.until("all was read again", async || running.store.next_change().await.unwrap().is_none()).await;
    assert!(running.calls().len() > 100, "{:?}", running.calls());
    let after = running.known().await;
    assert_same(&before.0, &after.0);
    assert_same(&before.1, &after.1);
    running.server.forget_calls();

    // A rule is written: the group of which it is a part is read, and nothing else.
    running.let_in("*");
    let rule = format!("{group}/securityRules/allow-ssh-bastion");
    running.record(LOG, "Microsoft.Network/networkSecurityGroups/securityRules/write", &rule, 1);
    running.until("an open port is told", until_status(&running, "Unhealthy")).await;
    assert!(running.calls().len() <= 2, "{:?}", running.calls());

    // A burst is one read, or two where it came in two parts.
    running.server.forget_calls();
    running.let_in("10.0.0.0/8");
    running.record(LOG, "Microsoft.Network/networkSecurityGroups/write", &group, 1000);
    running.until("a port that was closed is told", until_status(&running, "Healthy")).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(running.calls().len() <= 4, "{:?}", running.calls());

    // A record of a deletion is not believed; Azure's own word is.
    let account = running.id("rg-web/providers/Microsoft.Storage/storageAccounts/stfernhollowassets");
    assert!(running.is_there(&account).await);
    running.record(LOG, "Microsoft.Network/networkSecurityGroups/delete", &group, 1);
    running.server.delete(&account).unwrap();
    running.record(LOG, "Microsoft.Storage/storageAccounts/delete", &account, 1);
    running.until("an account that was deleted is gone", async || !running.is_there(&account).await).await;
    running.until("the group is still there", until_status(&running, "Healthy")).await;

    // A role is assigned.
    let role = "/providers/Microsoft.Authorization/roleAssignments/2f2f2f2f-0000-4000-8000-00000000abcd";
    let (own, scope) = (running.id(&format!("rg-web{role}")), running.id("rg-web"));
    let subscription = &running.estate.subscriptions()[0];
    let owner = format!(
        "/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
    );
    let assignment: Value = json!({ "id": own, "properties": {
        "roleDefinitionId": owner, "principalId": "55555555-aaaa-4bbb-8ccc-dddddddddddd", "principalType": "User", "scope": scope } });
    running.server.put(&assignment).unwrap();
    running.record(LOG, "Microsoft.Authorization/roleAssignments/write", &own, 1);
    running.until("an assignment of a role is there", async || running.is_there(&own).await).await;

    // What may not be read any more stays as it was known, and the coverage says why.
    running.let_in("*");
    running.server.fault(Matching::path(&group), Answer::error(403, "AuthorizationFailed", "no"), 100);
    running.record(LOG, "Microsoft.Network/networkSecurityGroups/write", &group, 1);
    let is_told = async || {
        let coverage = running.store.coverage_of(&ALL, "cloud").await.unwrap();
        let groups = coverage.iter().filter(|own| own.type_name.as_str() == "Microsoft.Network/networkSecurityGroups");
        groups
            .into_iter()
            .any(|own| matches!(&own.outcome, ListOutcome::Partial { reason, .. } if reason.code == "AuthorizationFailed"))
    };
    running.until("what was refused is told", is_told).await;
    assert_eq!(running.status(SSH, &group).await.as_deref(), Some("Healthy"), "what is known stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_is_found_without_a_log() {
    let running = Running::start("1", None).await;
    running.until("the group is healthy at first", until_status(&running, "Healthy")).await;
    running.until("Azure was asked", async || running.poll().await.is_some_and(|poll| poll.error.is_none())).await;
    running.server.forget_calls();
    running.let_in("*");
    running.until("an open port is told", until_status(&running, "Unhealthy")).await;
    let (queries, others): (Vec<String>, Vec<String>) =
        running.calls().into_iter().partition(|call| call.starts_with("POST") && call.ends_with("/resources"));
    assert!(!queries.is_empty() && others.len() <= 2, "{queries:?} {others:?}");

    // A poll that is refused is told, and the next one that is not finds what happened meanwhile.
    let query = || Matching::path("*/providers/Microsoft.ResourceGraph/resources*").body("resourcechanges");
    running.server.fault(query(), Answer::error(403, "AuthorizationFailed", "no"), 3);
    let is_refused =
        async || running.poll().await.and_then(|poll| poll.error).is_some_and(|error| error.contains("AuthorizationFailed"));
    running.until("a refusal is told", is_refused).await;
    running.let_in("10.0.0.0/8");
    running.until("a port that was closed is told", until_status(&running, "Healthy")).await;
    assert_eq!(running.poll().await.unwrap().error, None);
}
