//! Azure from login to inventory, against a server that speaks its protocol: what is there, and its bad days.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what a test asks for is there, or the test fails")]

mod running;

use std::{collections::BTreeMap, fs, path::Path};

use running::{done, refused, skywarden, told};
use serde_json::{Value, json};
use skywarden_store::{AlertQuery, AlertStatus, ScopeFilter, Store};
use skywarden_testkit::azure::{Answer, Estate, Matching, Quota, Server, ServerOptions, folder};
use tokio::runtime::Runtime;

/// What gives another verdict when the estate's keys and secrets are older; none of it counts for the score.
const BY_THE_CLOCK: [&str; 3] = ["azure-keyvault-key-age", "azure-keyvault-secret-age", "azure-keyvault-secret-expiring"];

/// A server with its estate, and a data folder with the secrets of who logs in.
struct Azure {
    server: Server,
    estate: Estate,
    data: tempfile::TempDir,
    // After the server, which runs on it.
    runtime: Runtime,
}

impl Azure {
    fn start(options: ServerOptions) -> Self {
        let runtime = Runtime::new().unwrap();
        let estate = Estate::sample().unwrap();
        let server = runtime.block_on(Server::start(estate.clone(), options)).unwrap();
        Self { server, estate, data: tempfile::tempdir().unwrap(), runtime }
    }

    fn data(&self) -> &Path {
        self.data.path()
    }

    /// A command with the login of a program of the estate.
    fn arguments(&self, words: &[&str], program: &str) -> Vec<String> {
        let program = self.estate.program(program).unwrap();
        let secret = self.data().join("secret");
        fs::write(&secret, program.secret.unwrap()).unwrap();
        let words = words.iter().map(|word| (*word).to_owned());
        let login = ["--cloud", self.server.url(), "--tenant", self.estate.tenant(), "--client-id", &program.client_id];
        let login = login.map(str::to_owned).into_iter().chain(["--client-secret-file".to_owned(), secret.display().to_string()]);
        words.chain(login).collect()
    }

    fn scan(&self, program: &str) -> Value {
        let arguments = self.arguments(&["scan", "azure", "--format", "json"], program);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = skywarden(self.data(), &arguments);
        assert!(output.status.success(), "{}", told(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn connect(&self, program: &str) -> String {
        let arguments = self.arguments(&["connect", "azure", "--name", "cloud"], program);
        done(self.data(), &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Ids of the resources that the store has, one call of the command.
    fn inventory(&self) -> Vec<String> {
        let text = done(self.data(), &["inventory", "--format", "json"]);
        let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
        let ids =
            rows.iter().map(|row| row.as_object().unwrap().values().filter_map(Value::as_str).collect::<Vec<_>>().join(" "));
        ids.filter(|row| row.contains("/subscriptions/")).collect()
    }

    /// How many rows the estate's files of the table `resources` have, by type in lower case.
    fn written(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for entry in fs::read_dir(folder()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let file: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
            if file["table"] != "resources" {
                continue;
            }
            for object in file["objects"].as_array().into_iter().flatten() {
                let type_name = match object["type"].as_str() {
                    Some(own) => own.to_lowercase(),
                    None => type_of(object["id"].as_str().unwrap()),
                };
                *counts.entry(type_name).or_default() += 1;
            }
        }
        counts
    }
}

/// After a change of the estate or of content that is meant: `UPDATE_GOLDEN=1 cargo test -p skywarden --test azure`.
fn assert_golden(name: &str, found: &Value) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/flow/azure").join(name);
    let found = serde_json::to_string_pretty(found).unwrap() + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, &found).unwrap();
    }
    assert_eq!(found, fs::read_to_string(&file).unwrap_or_default(), "{}", file.display());
}

/// The type that an id names.
fn type_of(id: &str) -> String {
    let id = id.to_lowercase();
    let (_, rest) = id.rsplit_once("/providers/").unwrap();
    let steps: Vec<&str> = rest.split('/').collect();
    let names = steps.iter().skip(1).step_by(2);
    steps.iter().take(1).chain(names).copied().collect::<Vec<_>>().join("/")
}

fn outcomes<'v>(scan: &'v Value, type_name: &str) -> Vec<&'v Value> {
    let entries = scan["coverage"].as_array().unwrap().iter();
    entries.filter(|entry| entry["type"] == type_name).map(|entry| &entry["outcome"]).collect()
}

#[test]
fn counts_equal_the_servers() {
    let azure = Azure::start(ServerOptions::default());
    let scan = azure.scan("connector");
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    for resource in scan["resources"].as_array().unwrap() {
        *found.entry(resource["type"].as_str().unwrap().to_lowercase()).or_default() += 1;
    }
    let written = azure.written();
    assert_eq!(written.values().sum::<u64>(), azure.estate.n_resources() as u64);
    for (type_name, n) in written {
        assert_eq!(found.get(&type_name), Some(&n), "{type_name}");
    }
}

#[test]
fn the_estate_is_read_whole_and_judged_as_before() {
    let scan = Azure::start(ServerOptions::default()).scan("connector");
    let coverage = scan["coverage"].as_array().unwrap();
    let unread: Vec<&Value> =
        coverage.iter().filter(|entry| entry["outcome"]["state"] != "complete" || entry.get("denied").is_some()).collect();
    assert!(unread.is_empty(), "the estate answers all that collectors ask for: {unread:?}");
    let mut verdicts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut recommendations: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for assessment in scan["assessments"].as_array().unwrap() {
        let (id, status) = (assessment["recommendation"].as_str().unwrap(), assessment["status"].as_str().unwrap());
        if BY_THE_CLOCK.contains(&id) {
            continue;
        }
        *verdicts.entry(status).or_default() += 1;
        *recommendations.entry(id).or_default().entry(status).or_default() += 1;
    }
    let mut resources: BTreeMap<&str, u64> = BTreeMap::new();
    for resource in scan["resources"].as_array().unwrap() {
        *resources.entry(resource["type"].as_str().unwrap()).or_default() += 1;
    }
    let score = &scan["secureScore"];
    assert_golden(
        "estate.json",
        &json!({
            "resources": resources,
            "verdicts": verdicts,
            "score": { "current": score["current"], "max": score["max"], "percentage": score["percentage"] },
            "recommendations": recommendations,
        }),
    );
}

#[test]
fn throttling_is_waited_out() {
    let queries = Quota { calls: 2, window: std::time::Duration::from_secs(1) };
    let azure = Azure::start(ServerOptions { queries, ..ServerOptions::default() });
    azure.server.fault(Matching::path("*/blobServices/default"), Answer::throttled(1), 1);
    azure.server.fault(Matching::path("*/providers/Microsoft.ResourceGraph/resources"), Answer::throttled(1), 1);
    let scan = azure.scan("connector");
    let accounts = outcomes(&scan, "Microsoft.Storage/storageAccounts");
    assert!(!accounts.is_empty() && accounts.iter().all(|outcome| outcome["state"] == "complete"), "{accounts:?}");
    let account = scan["coverage"].as_array().unwrap().iter().find(|entry| entry["type"] == "Microsoft.Storage/storageAccounts");
    let denied = account.unwrap()["denied"].as_array().cloned().unwrap_or_default();
    assert!(denied.iter().all(|read| read["reason"]["kind"] != "throttled"), "{denied:?}");
}

#[test]
fn what_may_not_be_read_names_the_missing_action() {
    let azure = Azure::start(ServerOptions::default());
    let scan = azure.scan("partial");
    let vaults = outcomes(&scan, "Microsoft.KeyVault/vaults");
    assert_eq!(vaults.len(), 1, "it sees one subscription");
    assert_eq!(
        (&vaults[0]["state"], &vaults[0]["reason"]["permission"]),
        (&json!("failed"), &json!("Microsoft.KeyVault/vaults/read"))
    );
    let asked = azure.connect("partial");
    assert!(asked.contains("Microsoft.KeyVault/vaults/read") && asked.contains("stay unknown"), "{asked}");
}

#[test]
fn a_subscription_that_disappears_takes_its_resources_along_only_if_azure_says_that_it_is_gone() {
    let azure = Azure::start(ServerOptions::default());
    azure.connect("connector");
    done(azure.data(), &["up", "--once"]);
    let subscriptions = azure.estate.subscriptions();
    let (first, second) = (&subscriptions[0], &subscriptions[1]);
    let of = |rows: &[String], subscription: &str| rows.iter().filter(|row| row.contains(subscription)).count();
    let before = azure.inventory();
    let (n_first, n_second) = (of(&before, first), of(&before, second));
    assert!(n_first > 0 && n_second > 0, "{before:?}");

    let own = json!({ "id": format!("/subscriptions/{first}"), "subscriptionId": first, "tenantId": azure.estate.tenant(), "displayName": "p", "state": "Enabled" });
    let listed = || Answer::json(200, &json!({ "value": [own] }));
    azure.server.fault(Matching::path("/subscriptions"), listed(), 2);
    azure.server.fault(Matching::path(&format!("/subscriptions/{second}")), Answer::error(403, "AuthorizationFailed", "no"), 1);
    let output = skywarden(azure.data(), &["up", "--once"]);
    assert!(told(&output).contains("AuthorizationFailed"), "{}", told(&output));
    let unseen = azure.inventory();
    assert_eq!((of(&unseen, first), of(&unseen, second)), (n_first, n_second), "nothing is said to be gone");

    azure.server.fault(
        Matching::path(&format!("/subscriptions/{second}")),
        Answer::error(404, "SubscriptionNotFound", "gone"),
        1,
    );
    done(azure.data(), &["up", "--once"]);
    let after = azure.inventory();
    assert_eq!((of(&after, first), of(&after, second)), (n_first, 0), "it is gone");
}

#[test]
fn a_namespace_that_is_not_registered_and_a_bad_login_are_told_for_what_they_are() {
    let azure = Azure::start(ServerOptions::default());
    let scan = azure.scan("connector");
    let failed: Vec<String> = scan["coverage"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["outcome"]["state"] != "complete")
        .map(|entry| entry["outcome"].to_string())
        .collect();
    assert!(!failed.iter().any(|outcome| outcome.contains("MissingSubscriptionRegistration")), "{failed:?}");
    let arguments = azure.arguments(&["scan", "azure"], "expired");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    refused(azure.data(), &arguments, "AADSTS");
}

#[test]
fn a_connector_keeps_its_secret_sealed_and_takes_it_along() {
    let azure = Azure::start(ServerOptions::default());
    azure.connect("connector");
    let secret = azure.estate.program("connector").unwrap().secret.unwrap();
    for entry in fs::read_dir(azure.data()).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().is_some_and(|name| name == "secret") {
            continue;
        }
        let bytes = fs::read(&path).unwrap_or_default();
        let is_in = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
        assert!(!is_in, "{} holds the secret", path.display());
    }
    assert!(!done(azure.data(), &["connectors"]).contains(&secret));
    done(azure.data(), &["disconnect", "cloud"]);
    let keys = done(azure.data(), &["keys", "list"]);
    assert!(keys.is_empty() || keys.contains("seals 0") || keys.contains("seals 1"), "{keys}");
}

#[test]
fn a_recorded_run_is_judged_again_without_azure() {
    let azure = Azure::start(ServerOptions::default());
    let recording = azure.data().join("recording");
    let arguments =
        azure.arguments(&["scan", "azure", "--format", "json", "--record", &recording.display().to_string()], "connector");
    let live: Value =
        serde_json::from_str(&done(azure.data(), &arguments.iter().map(String::as_str).collect::<Vec<_>>())).unwrap();
    let source = format!("replay:{}", recording.display());
    let again: Value = serde_json::from_str(&done(azure.data(), &["scan", &source, "--format", "json"])).unwrap();
    assert_eq!(again["secureScore"], live["secureScore"]);
    assert_eq!(again["coverage"], live["coverage"]);
    let bytes = fs::read(recording.join("arm.jsonl")).unwrap();
    assert!(!String::from_utf8_lossy(&bytes).contains("Bearer"), "no token is recorded");
}

#[test]
fn what_defender_says_is_shown_beside_ours() {
    let azure = Azure::start(ServerOptions::default());
    azure.connect("connector");
    done(azure.data(), &["up", "--once"]);
    refused(azure.data(), &["adopt", "azure", "--kept"], "never asked");
    let adopt = |more: &[&str]| done(azure.data(), &[&["adopt", "azure"], more].concat());
    let beside: Value = serde_json::from_str(&adopt(&["--format", "json"])).unwrap();
    let compared = beside["agreement"]["compared"].as_array().unwrap();
    let only_theirs = beside["agreement"]["onlyTheirs"].as_array().unwrap();
    assert_eq!(compared.len() + only_theirs.len(), 14, "as many as Defender judges in the sample tenant: {beside:#}");
    let jit = compared.iter().find(|own| own["key"] == "805651bc-6ecd-4c73-9b55-97a19d0582d0").unwrap();
    assert_eq!((&jit["matchedBy"], &jit["ours"]), (&json!("key"), &json!(["azure-compute-vm-jit-access"])));
    let why: u64 = jit["why"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!(jit["same"].as_u64().unwrap() + why, jit["resources"].as_u64().unwrap(), "{jit:#}");
    let scores = beside["scores"].as_array().unwrap();
    assert!(scores.iter().any(|own| own["theirs"]["max"].is_number() && own["ours"].is_number()), "{scores:?}");
    assert!(beside["exemptions"][0]["theirs"]["reason"].as_str().unwrap().contains("Old tills"), "{beside:#}");
    assert_eq!(beside["unread"], json!({}));
    let kept: Value = serde_json::from_str(&adopt(&["--kept", "--format", "json"])).unwrap();
    assert_eq!(kept["agreement"], beside["agreement"]);
    let text = adopt(&["--kept"]);
    for words in ["Both say the same", "judged here only", "Only Defender judges", "Old tills", "37.0 %"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(adopt(&["--kept", "--format", "csv"]).lines().count(), compared.len() + 1);
}

#[test]
fn exemptions_of_azure_are_taken_over_once() {
    let azure = Azure::start(ServerOptions::default());
    azure.connect("connector");
    done(azure.data(), &["up", "--once"]);
    let policy = json!({ "policyDefinitionReferenceId": "jit",
        "policyDefinitionId": "/providers/Microsoft.Authorization/policyDefinitions/b0f33259-77d7-4c9e-aac6-3aabcfae693c" });
    let admin = json!({ "policyDefinitionReferenceId": "admin",
        "policyDefinitionId": "/providers/Microsoft.Authorization/policyDefinitions/dc921057-6b28-4fbe-9b83-f7bec05db6c2" });
    let set = json!({ "id": "x", "properties": { "policyDefinitions": [policy, admin] } });
    let path = "/providers/*/policySetDefinitions/1f3afdf9-d0c9-4c3d-847f-89da613e70a8";
    for _ in 0..2 {
        azure.server.fault(Matching::path(&path.to_lowercase()), Answer::json(200, &set), 1);
        let text = done(azure.data(), &["adopt", "azure", "--take-exemptions", "--format", "json"]);
        let beside: Value = serde_json::from_str(&text).unwrap();
        let ours = beside["exemptions"][0]["ours"].as_array().unwrap();
        assert!(ours.iter().any(|own| own["recommendation"] == "azure-acr-admin-account"), "{beside:#}");
        assert!(ours.iter().all(|own| own["expiresAt"] == "2027-01-31T00:00:00Z" && own["scope"]["resourceGroup"] == "rg-web"));
    }
}

#[test]
fn alerts_of_defenders_are_alerts_here_once() {
    let azure = Azure::start(ServerOptions::default());
    azure.connect("connector");
    done(azure.data(), &["up", "--once"]);
    let everything = AlertQuery { limit: 100, ..AlertQuery::default() };
    let kept = || {
        azure.runtime.block_on(async {
            let store = Store::open_file(&azure.data().join("skywarden.db")).await.unwrap();
            store.alert_page(&ScopeFilter::All, &everything).await.unwrap().items
        })
    };
    assert!(kept().is_empty());
    for _ in 0..2 {
        done(azure.data(), &["adopt", "azure"]);
        let kept = kept();
        let ids: Vec<&str> = kept.iter().map(|own| own.alert.id.as_str()).collect();
        assert_eq!(ids, ["52063f234fe347fe9e98a10004e01145"], "the GUID of Defender's own id");
        let (own, alert) = (&kept[0], &kept[0].alert);
        assert_eq!((alert.title.as_str(), own.status), ("Successful brute force attack", AlertStatus::Active));
        assert_eq!(
            (alert.start.to_string(), alert.end.to_string()),
            ("2026-11-28T22:14:01Z".to_owned(), "2026-11-28T22:31:40Z".to_owned())
        );
        assert_eq!(own.account, "1d9a4b70-6c2e-4f35-8a91-0b7e5c3d2f10");
        assert!(own.resource.as_ref().unwrap().ends_with("/virtualmachines/vm-web-01"), "it is that of the inventory");
        let entities: Vec<_> = alert.entities.iter().map(|own| (own.kind, own.id.as_str())).collect();
        assert_eq!(entities, [("host", "vm-web-01"), ("ip", "198.51.100.23")]);
    }
}

#[test]
fn the_role_allows_what_comparing_reads() {
    let role: Value = serde_json::from_str(&done(tempfile::tempdir().unwrap().path(), &["permissions", "azure"])).unwrap();
    for action in [
        "Microsoft.Security/assessments/read",
        "Microsoft.Security/secureScores/read",
        "Microsoft.Security/alerts/read",
        "Microsoft.Authorization/policyExemptions/read",
        "Microsoft.Authorization/policySetDefinitions/read",
    ] {
        assert!(role["Actions"].as_array().unwrap().contains(&json!(action)), "{action}: {role:#}");
    }
}

#[test]
fn what_defender_may_not_be_asked_is_told_and_not_compared() {
    let azure = Azure::start(ServerOptions::default());
    azure.connect("limited");
    let beside: Value = serde_json::from_str(&done(azure.data(), &["adopt", "azure", "--format", "json"])).unwrap();
    let unread = beside["unread"].to_string();
    assert!(unread.contains("Microsoft.Security/assessments/read"), "{beside:#}");
    assert_eq!(beside["agreement"]["compared"], json!([]));
}
