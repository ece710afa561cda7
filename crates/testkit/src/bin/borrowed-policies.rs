//! Azure's published definitions on types of other clouds: one language for every cloud.
//!
//! `cargo run --release -p skywarden-testkit --bin borrowed-policies -- FOLDER CASES`
//!
//! FOLDER holds the published definitions, CASES is `testkit/policies/elsewhere.yaml`: which definition, what its types and fields
//! are called there, and resources with the state that they should have. Nothing else of a definition is changed. Fails if a state is
//! another, or if a recommendation of Azure's types beside CASES (`azure/`) becomes a definition with an alias that Azure's own do not
//! use.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::Arc,
};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::{Map, Value};
use skywarden_bundle::definition_of;
use skywarden_content::{RecommendationFile, Source};
use skywarden_model::{Carried, Resource, Scope, Timestamp, Unreadable, UnreadableKind, UnreadableReason};
use skywarden_policy::{Definition, Listed, Neighbours, State};
use skywarden_rule::{Input, Parameters};
use skywarden_testkit::published;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    definition: String,
    asks: String,
    replace: BTreeMap<String, String>,
    #[serde(default)]
    parameters: Parameters,
    #[serde(default)]
    beside: Vec<Given>,
    resources: Vec<Given>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    #[serde(rename = "type")]
    type_name: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    group: String,
    location: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    properties: Map<String, Value>,
    #[serde(default)]
    unread: Vec<String>,
    #[serde(default)]
    expect: String,
    becomes: Option<BTreeMap<String, String>>,
}

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().context("name the folder of definitions")?;
    let cases = arguments.next().context("name the file of cases")?;
    let folder_of_cases = Path::new(&cases).parent().map(Path::to_path_buf).unwrap_or_default();
    let text = fs::read_to_string(&cases).with_context(|| format!("could not read {cases}"))?;
    let source = Source::parse(&text).map_err(|error| anyhow::anyhow!("{cases}:{}: {}", error.line, error.message))?;
    let cases: Vec<Case> = serde_json::from_value(source.value).with_context(|| format!("{cases} is not as it should be"))?;
    let known = published::by_name(Path::new(&folder))?;
    let (mut n_states, mut n_wrong) = (0, 0);
    for case in &cases {
        let document = known.get(&case.definition).with_context(|| format!("there is no definition {}", case.definition))?;
        let mut document = document.clone();
        let mut replaced = Vec::new();
        rename(&mut document, &case.replace, &mut replaced);
        for name in case.replace.keys() {
            if !replaced.contains(name) {
                bail!("{}: nothing in it is called `{name}`", case.definition);
            }
        }
        let definition = Definition::parse(&document).map_err(|errors| anyhow::anyhow!("{}: {errors:?}", case.definition))?;
        let bound = definition.bind(&case.parameters).map_err(|errors| anyhow::anyhow!("{}: {errors:?}", case.definition))?;
        let beside: Vec<Resource> = case.beside.iter().map(resource).collect();
        let mut shown = Vec::new();
        for given in &case.resources {
            let resource = resource(given);
            let input = Input { resource: &resource, facts: None, parameters: &case.parameters, around: None, now: now()? };
            let found = bound.judge(&input, &Beside(&beside)).state;
            let changed = bound.change(&input).map_err(|error| anyhow::anyhow!("{}: {error:?}", case.definition))?;
            let is_right = name(&found) == given.expect
                && given.becomes.as_ref().is_none_or(|tags| found != State::NonCompliant || changed.resource.tags == *tags);
            n_states += 1;
            n_wrong += usize::from(!is_right);
            let mark = if is_right { String::new() } else { format!(" INSTEAD OF {}", given.expect) };
            shown.push(format!("{} {}{mark}", given.type_name, name(&found)));
        }
        println!("{} ({}): {}", case.asks, definition.display_name, shown.join(", "));
    }
    println!("{} definitions of Azure's on other clouds: {n_states} states, {n_wrong} wrong", cases.len());
    if n_wrong > 0 {
        bail!("{n_wrong} states are not as they should be");
    }
    recommendations(&folder_of_cases.join("azure"), &known)
}

/// Recommendations of Azure's types: every alias that they become is one that Azure's own definitions use.
fn recommendations(folder: &Path, known: &BTreeMap<String, Value>) -> anyhow::Result<()> {
    let mut used = BTreeSet::new();
    known.values().for_each(|document| aliases(document, &mut used));
    let (mut n_files, mut n_aliases) = (0, 0);
    for entry in fs::read_dir(folder).with_context(|| format!("could not read {}", folder.display()))? {
        let path = entry?.path();
        let text = fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
        let source =
            Source::parse(&text).map_err(|error| anyhow::anyhow!("{}:{}: {}", path.display(), error.line, error.message))?;
        let file: RecommendationFile = serde_json::from_value(source.value).with_context(|| format!("{}", path.display()))?;
        let document = definition_of(&file, &file.id).with_context(|| format!("{}", path.display()))?;
        let mut own = BTreeSet::new();
        aliases(&document, &mut own);
        own.retain(|alias| alias.to_lowercase() != file.type_name.to_lowercase());
        // Whoever reads the members of a list's elements counts the list.
        let is_used = |alias: &&String| used.contains(*alias) || used.iter().any(|own| own.starts_with(&format!("{alias}.")));
        if let Some(unknown) = own.iter().find(|alias| !is_used(alias)) {
            bail!("{}: no definition of Azure's uses the alias `{unknown}`", path.display());
        }
        n_files += 1;
        n_aliases += own.len();
    }
    println!("{n_files} recommendations of Azure's types as definitions: their {n_aliases} aliases are all in use there");
    Ok(())
}

/// Every text that begins as an alias does, in small letters.
fn aliases(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            let parts = text
                .split(['\'', '"'])
                .filter(|part| part.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("Microsoft.")));
            found.extend(parts.filter(|part| part.contains('/')).map(str::to_lowercase));
        }
        Value::Array(elements) => elements.iter().for_each(|element| aliases(element, found)),
        Value::Object(members) => {
            // The id and type of the document itself are no aliases.
            let rest = members.iter().filter(|(name, _)| !["id", "name", "type"].contains(&name.as_str()));
            rest.for_each(|(_, member)| aliases(member, found));
        }
        _ => {}
    }
}

fn now() -> anyhow::Result<Timestamp> {
    "2026-11-28T00:00:00Z".parse().context("no instant")
}

fn name(state: &State) -> &'static str {
    match state {
        State::Compliant => "Compliant",
        State::NonCompliant => "NonCompliant",
        State::NotApplicable => "NotApplicable",
        State::Unknown => "Unread",
        _ => "other",
    }
}

/// Names of types and fields, nothing else, wherever a text is exactly one.
fn rename(value: &mut Value, names: &BTreeMap<String, String>, replaced: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            if let Some((from, to)) = names.iter().find(|(from, _)| from.eq_ignore_ascii_case(text)) {
                replaced.push(from.clone());
                *text = to.clone();
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(|element| rename(element, names, replaced)),
        Value::Object(members) => members.values_mut().for_each(|member| rename(member, names, replaced)),
        _ => {}
    }
}

fn resource(given: &Given) -> Resource {
    let reason = Arc::new(UnreadableReason {
        kind: UnreadableKind::Denied,
        operation: "read it".to_owned(),
        permission: None,
        code: "AccessDenied".to_owned(),
        message: String::new(),
    });
    let unreadable = given.unread.iter().filter_map(|field| field.parse().ok());
    Resource {
        id: format!("{}/{}/{}", given.type_name, given.group, given.name).into(),
        type_name: given.type_name.as_str().into(),
        name: given.name.clone(),
        scope: Scope { connector: "case".into(), account: "case".into(), resource_group: given.group.as_str().into() },
        location: given.location.clone(),
        tags: given.tags.clone(),
        envelope: Map::new(),
        properties: Value::Object(given.properties.clone()),
        unreadable: unreadable.map(|field| Unreadable { field, reason: Arc::clone(&reason) }).collect(),
        carried: Carried::All,
    }
}

/// All of the resources beside the one that is judged.
struct Beside<'a>(&'a [Resource]);

impl Neighbours for Beside<'_> {
    fn of_type(&self, type_name: &str, _account: &str) -> Listed<'_> {
        let is_meant = |own: &&Resource| own.type_name.as_str().eq_ignore_ascii_case(type_name);
        Listed { resources: self.0.iter().filter(is_meant).collect(), incomplete: None }
    }
}
