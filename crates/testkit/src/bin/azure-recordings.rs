//! Recorded sessions of Azure Resource Manager through collectors and rules.
//!
//! `cargo run -p skywarden-testkit --bin azure-recordings -- FOLDER [--table FILE]`
//!
//! FOLDER holds sessions in the manner of VCR: `{ interactions: [{ request: { method, uri }, response: { status: { code }, body: { data }
//! } }] }`. Each is answered from: what it has of resources is Resource Graph's table, what it has of further calls their answer; a call
//! that it lacks fails as not recorded. Of a resource that was recorded with another api-version than the collector's, only what it
//! names is taken to be carried. A verdict that is unknown for another reason than that something was not recorded, or not carried, is
//! told and fails the run.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use clap::Parser;
use serde_json::{Value, json};
use skywarden_collect::{Answer, AzureOptions, Call, CallFailure, NoProgress, Transport, WireRequest, collect_azure};
use skywarden_content::Catalog;
use skywarden_model::{Actual, Carried, FieldPath, Resource, Segment, Status, Timestamp, UnreadableKind};
use skywarden_posture::{Known, assess_for_report};

#[derive(Parser)]
#[command(about = "Recorded sessions of Azure Resource Manager through collectors and rules")]
struct Arguments {
    /// The folder of the sessions.
    folder: PathBuf,
    /// Write a line for each session here.
    #[arg(long)]
    table: Option<PathBuf>,
}

/// What one session answered.
#[derive(Default)]
struct Session {
    /// By path in lower case, without query: the last answer of each, with its api-version.
    answers: BTreeMap<String, Recorded>,
    subscriptions: BTreeSet<String>,
    /// Whole resources by id in lower case, with the api-version that they were answered in.
    resources: BTreeMap<String, (Value, String)>,
}

struct Recorded {
    status: u16,
    body: Value,
}

/// What came of the resources of one type.
#[derive(Default)]
struct Tally {
    sessions: BTreeSet<String>,
    resources: BTreeSet<String>,
    verdicts: BTreeMap<&'static str, usize>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let catalog = Catalog::embedded().map_err(|problems| anyhow::anyhow!("the content can't be loaded: {problems:?}"))?;
    let mut files: Vec<PathBuf> = fs::read_dir(&arguments.folder)
        .with_context(|| format!("could not read {}", arguments.folder.display()))?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    anyhow::ensure!(!files.is_empty(), "{} holds no session", arguments.folder.display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let (mut types, mut lines, mut strange) = (BTreeMap::<String, Tally>::new(), Vec::new(), Vec::new());
    let (mut n_supported, mut n_without) = (0, 0);
    for file in &files {
        let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let session = Session::read(file)?;
        let before: usize = types.values().map(|tally| tally.resources.len()).sum();
        if session.subscriptions.is_empty() {
            n_without += 1;
            lines.push(format!("{name}\tno call of a subscription"));
            continue;
        }
        runtime.block_on(judge(&catalog, &name, session, &mut types, &mut strange))?;
        let n = types.values().map(|tally| tally.resources.len()).sum::<usize>() - before;
        n_supported += usize::from(n > 0);
        lines.push(format!("{name}\t{n} resources of types with a collector"));
    }
    println!(
        "{:60} {:>8} {:>9} {:>8} {:>9} {:>7} {:>14}",
        "type", "sessions", "resources", "healthy", "unhealthy", "unknown", "not applicable"
    );
    let mut sums = BTreeMap::<&str, usize>::new();
    for (type_name, tally) in &types {
        let of = |word| tally.verdicts.get(word).copied().unwrap_or_default();
        println!(
            "{type_name:60} {:>8} {:>9} {:>8} {:>9} {:>7} {:>14}",
            tally.sessions.len(),
            tally.resources.len(),
            of("healthy"),
            of("unhealthy"),
            of("unknown"),
            of("not applicable")
        );
        for (word, n) in &tally.verdicts {
            *sums.entry(word).or_default() += n;
        }
    }
    let n_resources: usize = types.values().map(|tally| tally.resources.len()).sum();
    println!(
        "{} sessions: {n_supported} with resources of {} types that have a collector ({n_resources} resources), {n_without} without a call of a subscription; verdicts {sums:?}",
        files.len(),
        types.len()
    );
    if let Some(table) = &arguments.table {
        fs::write(table, lines.join("\n") + "\n").with_context(|| format!("could not write {}", table.display()))?;
    }
    anyhow::ensure!(
        strange.is_empty(),
        "unknown for another reason than that the recording lacks something:\n{}",
        strange.join("\n")
    );
    Ok(())
}

async fn judge(
    catalog: &Catalog,
    name: &str,
    session: Session,
    types: &mut BTreeMap<String, Tally>,
    strange: &mut Vec<String>,
) -> anyhow::Result<()> {
    let versions: BTreeMap<String, String> =
        session.resources.iter().map(|(id, (_, version))| (id.clone(), version.clone())).collect();
    let transport = Arc::new(session);
    let snapshot = collect_azure(
        catalog,
        Arc::<Session>::clone(&transport),
        AzureOptions::new(name.into()),
        &NoProgress,
        Timestamp::UNIX_EPOCH,
    )
    .await
    .with_context(|| name.to_owned())?;
    let mut snapshot = snapshot.with(skywarden_inventory::Packs::into_resources);
    for resource in &mut snapshot.resources {
        let own =
            catalog.collectors.get(resource.type_name.as_str()).and_then(|file| file.azure.as_ref()?.api_version.as_deref());
        if versions.get(resource.id.as_str()).map(String::as_str) != own {
            resource.carried = named(resource);
        }
    }
    let of_type: BTreeMap<String, String> = snapshot
        .resources
        .iter()
        .filter(|resource| catalog.collectors.contains_key(resource.type_name.as_str()))
        .map(|resource| (resource.id.to_string(), resource.type_name.to_string()))
        .collect();
    for (id, type_name) in &of_type {
        let tally = types.entry(type_name.clone()).or_default();
        tally.sessions.insert(name.to_owned());
        tally.resources.insert(format!("{name} {id}"));
    }
    let assessed = assess_for_report(catalog, snapshot.with(Into::into), &Known::default(), Timestamp::UNIX_EPOCH);
    for assessment in &assessed.assessments {
        let Some(type_name) = of_type.get(assessment.resource.as_str()) else { continue };
        let word = match assessment.status {
            Status::Healthy => "healthy",
            Status::Unhealthy => "unhealthy",
            Status::NotApplicable => "not applicable",
            Status::Unknown => "unknown",
        };
        *types.entry(type_name.clone()).or_default().verdicts.entry(word).or_default() += 1;
        let is_missing = |actual: &Actual| match actual {
            Actual::Unreadable(reason) => {
                // What a resource points at may not have been recorded with it.
                let pointed_at = reason.operation.strip_prefix("find ").map(str::to_lowercase);
                reason.code == "NotRecorded"
                    || reason.kind == UnreadableKind::NotCarried
                    || pointed_at.is_some_and(|id| id.starts_with('/') && !transport.resources.contains_key(&id))
            }
            Actual::Value(_) | Actual::Absent => false,
        };
        let is_explained = assessment.evidence.iter().any(|entry| is_missing(&entry.actual));
        if assessment.status == Status::Unknown && !is_explained {
            let cause = assessment.cause.as_ref().map(|cause| cause.message.as_str()).unwrap_or_default();
            strange.push(format!("{name}: {} on {}: {cause}", assessment.recommendation, assessment.resource));
        }
    }
    Ok(())
}

/// What a resource names: older answers lack what newer ones say, which is not the same as that it is absent.
fn named(resource: &Resource) -> Carried {
    let path = |steps: &[&str]| FieldPath::from_segments(steps.iter().map(|step| Segment::Key((*step).into())).collect());
    let mut carried: Vec<FieldPath> = ["id", "name", "type", "location", "tags"].iter().map(|own| path(&[own])).collect();
    carried.extend(resource.envelope.keys().map(|own| path(&[own])));
    if let Value::Object(members) = &resource.properties {
        carried.extend(members.keys().map(|own| path(&["properties", own])));
    }
    Carried::Only(carried.into())
}

impl Session {
    fn read(file: &Path) -> anyhow::Result<Self> {
        let told = || format!("could not read the session {}", file.display());
        let document: Value = serde_json::from_slice(&fs::read(file).with_context(told)?).with_context(told)?;
        let mut session = Self::default();
        for interaction in document.get("interactions").and_then(Value::as_array).into_iter().flatten() {
            session.take(interaction);
        }
        Ok(session)
    }

    fn take(&mut self, interaction: &Value) {
        let text = |pointer: &str| interaction.pointer(pointer).and_then(Value::as_str);
        let Some(address) = text("/request/uri").and_then(|uri| uri.strip_prefix("https://management.azure.com")) else { return };
        if text("/request/method") != Some("GET") {
            return;
        }
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let path = path.trim_end_matches('/').to_lowercase();
        let version = query.split('&').find_map(|part| part.strip_prefix("api-version=")).unwrap_or_default().to_owned();
        let status = interaction.pointer("/response/status/code").and_then(Value::as_u64).unwrap_or_default();
        let status = u16::try_from(status).unwrap_or_default();
        let body = match interaction.pointer("/response/body/data") {
            Some(body) => body.clone(),
            None => text("/response/body/string").and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default(),
        };
        let mut steps = path.split('/').skip(1);
        if steps.next() == Some("subscriptions")
            && let Some(subscription) = steps.next().filter(|own| !own.is_empty())
        {
            self.subscriptions.insert(subscription.to_owned());
        }
        if status == 200 {
            match body.get("value").and_then(Value::as_array) {
                Some(items) => items.iter().for_each(|item| self.resource(item, &version)),
                None => self.resource(&body, &version),
            }
        }
        self.answers.insert(path, Recorded { status, body });
    }

    fn resource(&mut self, item: &Value, version: &str) {
        let text = |name: &str| item.get(name).and_then(Value::as_str);
        if let (Some(id), Some(_), true) = (text("id"), text("type"), item.get("properties").is_some_and(Value::is_object)) {
            self.resources.insert(id.to_lowercase(), (item.clone(), version.to_owned()));
        }
    }
}

#[async_trait::async_trait]
impl Transport for Session {
    async fn call(&self, call: &Call) -> Result<Answer, CallFailure> {
        let lacking =
            |what: &str| CallFailure { code: "NotRecorded".to_owned(), message: format!("the session has no answer of {what}") };
        let WireRequest::Azure(request) = &call.request else { return Err(lacking("AWS")) };
        let answer = |status: u16, body: &Value| Answer {
            status,
            content_type: None,
            error_type: None,
            bucket_region: None,
            body: body.to_string().into(),
        };
        if let Some(query) = request.body.as_ref().and_then(|body| body.get("query")?.as_str()) {
            if query.split_whitespace().next() != Some("resources") {
                return Err(lacking(query));
            }
            let rows: Vec<&Value> = self.resources.values().map(|(row, _)| row).collect();
            return Ok(answer(200, &json!({ "data": rows, "resultTruncated": "false" })));
        }
        let path = request.address.split('?').next().unwrap_or_default().trim_end_matches('/').to_lowercase();
        if path == "/subscriptions" {
            let of = |id: &String| json!({ "id": format!("/subscriptions/{id}"), "subscriptionId": id, "tenantId": "00000000-0000-0000-0000-000000000001" });
            return Ok(answer(200, &json!({ "value": self.subscriptions.iter().map(of).collect::<Vec<_>>() })));
        }
        if path.ends_with("/providers/microsoft.authorization/permissions") {
            return Ok(answer(200, &json!({ "value": [{ "actions": ["*"], "notActions": [] }] })));
        }
        let recorded = self.answers.get(&path).ok_or_else(|| lacking(&path))?;
        Ok(answer(recorded.status, &recorded.body))
    }

    fn home_region(&self) -> String {
        String::new()
    }
}
