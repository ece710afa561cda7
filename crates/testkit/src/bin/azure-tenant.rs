//! A tenant of Azure that is made up, under Microsoft's benchmark: fills a store that `skywarden up` then shows.
//!
//! `cargo run --release -p skywarden-testkit --bin azure-tenant -- FOLDER DATA`
//!
//! FOLDER holds the published definitions and initiatives, DATA is the data folder of `skywarden up`. The tenant has management groups,
//! six subscriptions, 600 resources of the types that the benchmark names, the benchmark assigned to all of it, and an exemption.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde_json::{Value, json};
use skywarden_content::Catalog;
use skywarden_model::{Connector, Coverage, Environment, ListOutcome, Resource, Snapshot, Timestamp};
use skywarden_policy::{Definition, PolicyObject};
use skywarden_store::Store;
use skywarden_testkit::{
    published,
    tenant::{Mix, account},
};

const BENCHMARK: &str = "1f3afdf9-d0c9-4c3d-847f-89da613e70a8";
const SUBSCRIPTIONS: usize = 6;
const RESOURCES: usize = 100;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().context("name the folder of definitions")?;
    let data = PathBuf::from(arguments.next().context("name the data folder")?);
    fs::create_dir_all(&data).with_context(|| format!("could not create {}", data.display()))?;
    let mut documents = published::by_name(Path::new(&folder))?;
    let members = members(&documents)?;
    documents.retain(|name, _| name == BENCHMARK || members.contains(name));
    let mut definitions = Vec::new();
    for (name, document) in documents.iter().filter(|(name, _)| *name != BENCHMARK) {
        let definition = Definition::parse(document).map_err(|errors| anyhow::anyhow!("{name}: {errors:?}"))?;
        definitions.push((definition, document.clone()));
    }
    let mix = Mix::new(&definitions);
    let resources: Vec<Resource> = (0..SUBSCRIPTIONS).flat_map(|own| mix.subscription(own, RESOURCES)).collect();
    let mut objects = Vec::new();
    for document in documents.into_values().chain(written()) {
        let object = PolicyObject::parse(&document).map_err(|errors| anyhow::anyhow!("{errors:?}"))?;
        objects.push((object, document));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = Store::open_file(&data.join("skywarden.db")).await?;
        let catalog = Catalog::embedded().map_err(|problems| anyhow::anyhow!("the built-in content is faulty: {problems:?}"))?;
        let connector = Connector {
            id: "azure".into(),
            environment: Environment::Azure,
            display_name: "Azure (made up)".to_owned(),
            sample: true,
            settings: BTreeMap::new(),
        };
        store.put_connector(&connector).await?;
        let coverage = (0..SUBSCRIPTIONS).flat_map(|own| mix.type_names().into_iter().map(move |name| listed(name, own)));
        let now = Timestamp::now();
        let snapshot = Snapshot { connector: connector.id.clone(), taken_at: now, coverage: coverage.collect(), resources };
        store.assess(&catalog, &connector, snapshot, now).await?;
        store.put_policies(&objects).await?;
        let run = store.judge_all_policies(&catalog, now).await?;
        println!("{} resources judged, {} states", run.n_resources, run.n_states);
        anyhow::Ok(())
    })
}

fn listed(type_name: &str, subscription: usize) -> Coverage {
    Coverage {
        type_name: type_name.into(),
        account: account(subscription).into(),
        region: "global".into(),
        outcome: ListOutcome::Complete { n_resources: 0 },
        denied: Vec::new(),
    }
}

/// Management groups, the assignment and an exemption.
fn written() -> Vec<Value> {
    let group = |name: &str| format!("/providers/Microsoft.Management/managementGroups/{name}");
    let subscription =
        |place: usize, name: &str| json!({ "id": format!("/subscriptions/{}", account(place)), "displayName": name });
    let assignment = "/providers/Microsoft.Authorization/policyAssignments/benchmark";
    vec![
        json!({ "id": group("fernhollow"), "type": "Microsoft.Management/managementGroups", "displayName": "Fernhollow", "children": [
            { "id": group("shop"), "displayName": "Shop", "children": [
                subscription(0, "Shop production"), subscription(1, "Shop staging"), subscription(2, "Payments")] },
            { "id": group("platform"), "displayName": "Platform", "children": [
                subscription(3, "Identity"), subscription(4, "Connectivity")] },
            subscription(5, "Sandbox")] }),
        json!({ "id": assignment, "name": "benchmark", "properties": {
            "displayName": "Microsoft cloud security benchmark", "description": "For every subscription.",
            "policyDefinitionId": format!("/providers/Microsoft.Authorization/policySetDefinitions/{BENCHMARK}"),
            "nonComplianceMessages": [{ "message": "See the house's security handbook, chapter 3." }] } }),
        json!({ "id": format!("/subscriptions/{}/providers/Microsoft.Authorization/policyExemptions/sandbox", account(5)), "properties": {
            "displayName": "The sandbox holds nothing of worth", "exemptionCategory": "Waiver", "policyAssignmentId": assignment,
            "expiresOn": "2027-06-30T00:00:00Z" } }),
    ]
}

/// The names of the benchmark's definitions.
fn members(documents: &BTreeMap<String, Value>) -> anyhow::Result<Vec<String>> {
    let benchmark = documents.get(BENCHMARK).context("the benchmark is not among the definitions")?;
    let members = benchmark.pointer("/properties/policyDefinitions").and_then(Value::as_array);
    let name = |member: &Value| Some(member.get("policyDefinitionId")?.as_str()?.rsplit('/').next()?.to_owned());
    Ok(members.into_iter().flatten().filter_map(name).collect())
}
