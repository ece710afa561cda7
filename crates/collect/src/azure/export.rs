//! Files that people export from Azure, as a source: rows of Resource Graph (JSON, CSV), `az resource list`, templates
//! (`az group export`), states of policies (`az policy state list`).
//!
//! Each says what it carries: what is read by further calls is in none of them, `az resource list` has no properties, a template
//! has what it names.

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::{BufRead as _, BufReader, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use flate2::bufread::MultiGzDecoder;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, json};
use skywarden_model::{
    Carried, ConnectorId, Coverage, ENVELOPE, FieldPath, ListOutcome, Resource, Segment, Snapshot, Timestamp, TypeName,
    Unreadable, UnreadableKind, UnreadableReason,
};

use super::{Spec, normalise::Common};
use crate::{
    Specs,
    coverage::{FailedReads, coverage},
    normalise::GLOBAL,
    reason::Reasons,
    withhold::Secrets,
};

/// No export may be longer, unpacked.
const MAX_BYTES: u64 = 4 << 30;

/// The subscription of what a template deploys: it names none.
const NO_SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000000";

/// Why a file can't be read as an export of Azure.
#[derive(Debug, thiserror::Error)]
pub enum AzureExportError {
    /// It can't be read.
    #[error("could not read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no export of Azure.
    #[error(
        "{} is no export of Azure: {message}; what can be read is the JSON or CSV of Resource Graph, `az resource list`, `az group export` and `az policy state list`",
        path.display()
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// Why, with its place.
        message: String,
    },
}

/// Reads one file.
///
/// A type that occurs is taken to be listed whole in its subscription, unless the file says that it is a part of more; of one that
/// does not occur nothing is known. Ages are judged as of `now`.
///
/// # Errors
/// If the file can't be read or is no such export.
pub fn read_azure_export<'a>(
    specs: impl Into<Specs<'a>>,
    path: &Path,
    connector: &ConnectorId,
    now: Timestamp,
) -> Result<Snapshot, AzureExportError> {
    let specs = specs.into();
    let failed = |source| AzureExportError::Read { path: path.to_owned(), source };
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    let is_packed = file.fill_buf().map_err(failed)?.starts_with(&[0x1f, 0x8b]);
    let plain: Box<dyn Read> = if is_packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    let mut reader = BufReader::new(plain.take(MAX_BYTES));
    let stem = path.file_name().map(|name| name.to_string_lossy().split('.').next().unwrap_or_default().to_lowercase());
    let secrets = Secrets::new(specs.secrets.values());
    let spec_of = specs.collectors.values().filter_map(Spec::of);
    let mut gathering = Gathering {
        specs: spec_of.map(|spec| (spec.file.type_name.to_lowercase(), spec)).collect(),
        common: Common { connector, tenant: Arc::from(""), secrets: &secrets },
        group: stem.unwrap_or_default(),
        reasons: Reasons::default(),
        resources: Vec::new(),
        rest: None,
    };
    let start = reader.fill_buf().map_err(failed)?;
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let is_json = start.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| b"[{".contains(byte));
    let read = if is_json { gathering.json(&mut reader) } else { gathering.csv(&mut reader) };
    read.map_err(|problem| match problem {
        Problem::Io(source) => failed(source),
        Problem::Format(message) => AzureExportError::Format { path: path.to_owned(), message },
    })?;
    Ok(gathering.into_snapshot(connector.clone(), now))
}

/// What is collected while a file is read.
struct Gathering<'a> {
    specs: BTreeMap<String, Spec<'a>>,
    common: Common<'a>,
    /// The resource group of what a template deploys.
    group: String,
    reasons: Reasons,
    resources: Vec<Resource>,
    /// Why there is more than the file holds.
    rest: Option<String>,
}

enum Problem {
    Io(std::io::Error),
    Format(String),
}

impl Gathering<'_> {
    fn json(&mut self, reader: &mut impl std::io::BufRead) -> Result<(), Problem> {
        if reader.fill_buf().map_err(Problem::Io)?.starts_with(b"\xef\xbb\xbf") {
            reader.consume(3);
        }
        let mut deserializer = serde_json::Deserializer::from_reader(reader);
        let malformed = |error: serde_json::Error| match error.io_error_kind() {
            Some(_) => Problem::Io(error.into()),
            None => Problem::Format(error.to_string()),
        };
        let members = Document(self).deserialize(&mut deserializer).map_err(malformed)?;
        deserializer.end().map_err(malformed)?;
        let number = |names: &[&str]| names.iter().find_map(|name| members.get(*name)?.as_u64());
        let has = |name: &str| members.get(name).is_some_and(|value| !value.is_null());
        let (count, total) = (number(&["count"]), number(&["total_records", "totalRecords"]));
        if has("skip_token")
            || has("$skipToken")
            || has("nextLink")
            || total.zip(count).is_some_and(|(total, count)| count < total)
        {
            self.rest = Some("the export is one page of several: ask for all of them".to_owned());
        }
        if members.contains_key("resources") {
            return self.template(&members).map_err(Problem::Format);
        }
        Ok(())
    }

    fn csv(&mut self, reader: &mut impl std::io::BufRead) -> Result<(), Problem> {
        let mut table = csv::ReaderBuilder::new().flexible(true).from_reader(reader);
        let head: Vec<String> = table.headers().map_err(csv_problem)?.iter().map(column).collect();
        if !head.iter().any(|name| name == "id") {
            return Err(Problem::Format("it is neither JSON nor a table with a column `id`".to_owned()));
        }
        for row in table.records() {
            let row = row.map_err(csv_problem)?;
            let line = row.position().map(csv::Position::line).unwrap_or_default();
            let cells = head.iter().zip(row.iter()).map(|(name, text)| (name.clone(), cell(name, text)));
            self.take(Value::Object(cells.collect())).map_err(|message| Problem::Format(format!("line {line}: {message}")))?;
        }
        Ok(())
    }

    /// A row of Resource Graph, of `az resource list`, or a state of a policy.
    fn take(&mut self, mut row: Value) -> Result<(), String> {
        let Some(members) = row.as_object_mut() else { return Err("a row is no object".to_owned()) };
        if let Some(id) = members.get("resourceId").cloned().filter(|_| !members.contains_key("id")) {
            return self.take(state_row(members, id));
        }
        if matches!(members.get("id"), None | Some(Value::Null)) {
            return Err("a row has no `id`".to_owned());
        }
        let has_properties = members.get("properties").is_some_and(Value::is_object);
        let absent: Vec<&str> =
            ENVELOPE.into_iter().chain(["location", "tags"]).filter(|own| !members.contains_key(*own)).collect();
        // A cell that was cut is no list of tags, and no tags either.
        let has_bad_tags = !matches!(members.get("tags"), None | Some(Value::Null | Value::Object(_)));
        if !has_properties {
            // What stands at the top of such a row (`az storage account list`) has names of the command line's own.
            members.insert("properties".to_owned(), json!({}));
        }
        let type_name = members.get("type").and_then(Value::as_str).unwrap_or_default().to_lowercase();
        let spec = self.specs.get(&type_name).copied();
        let mut resource = self.common.resource(spec.map(|spec| spec.file), row)?;
        let mut hide = |field: &str| {
            let path = FieldPath::from_segments(field.split('.').map(|step| Segment::Key(step.into())).collect());
            let reason = self.reasons.share(not_carried("an export of Azure"));
            resource.unreadable.push(Unreadable { field: path, reason });
        };
        absent.into_iter().for_each(&mut hide);
        if has_bad_tags {
            hide("tags");
        }
        if has_properties {
            for field in spec.map(further_fields).into_iter().flatten() {
                hide(&format!("properties.{field}"));
            }
        } else {
            hide("properties");
        }
        if let Some(spec) = spec {
            self.common.withhold(spec.file, &mut resource);
        }
        resource.unreadable.sort_by(|one, other| one.field.cmp(&other.field));
        self.resources.push(resource);
        Ok(())
    }

    /// What a template deploys; texts that are more than a parameter with a default value stay as they are written.
    fn template(&mut self, template: &Map<String, Value>) -> Result<(), String> {
        let defaults: BTreeMap<String, Value> = match template.get("parameters") {
            Some(Value::Object(declared)) => {
                declared.iter().filter_map(|(name, own)| Some((name.to_lowercase(), own.get("defaultValue")?.clone()))).collect()
            }
            _ => BTreeMap::new(),
        };
        let resources = match template.get("resources") {
            Some(Value::Array(resources)) => resources.clone(),
            // Templates of Bicep name their resources.
            Some(Value::Object(named)) => named.values().cloned().collect(),
            _ => return Err("`resources` is no list".to_owned()),
        };
        for (place, mut resource) in resources.into_iter().enumerate() {
            fill(&mut resource, &defaults);
            self.deployed(resource).map_err(|message| format!("resources/{place}: {message}"))?;
        }
        Ok(())
    }

    fn deployed(&mut self, resource: Value) -> Result<(), String> {
        let Value::Object(mut members) = resource else { return Err("it is no object".to_owned()) };
        let text = |name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
        let (type_name, name) = (text("type").ok_or("it has no `type`")?, text("name").ok_or("it has no `name`")?);
        let (namespace, types) = type_name.split_once('/').ok_or_else(|| format!("`{type_name}` is no type"))?;
        let steps: Vec<String> = types.split('/').zip(name.split('/')).map(|(one, other)| format!("{one}/{other}")).collect();
        let group = &self.group;
        let id = format!("/subscriptions/{NO_SUBSCRIPTION}/resourceGroups/{group}/providers/{namespace}/{}", steps.join("/"));
        members.insert("id".to_owned(), json!(id));
        let spec = self.specs.get(&type_name.to_lowercase()).copied();
        let named: Vec<String> = match members.get("properties") {
            Some(Value::Object(own)) => own.keys().map(|name| format!("properties.{name}")).collect(),
            _ => Vec::new(),
        };
        let top = ["id", "name", "type"].into_iter().chain(ENVELOPE).chain(["location", "tags"]);
        let carried: Vec<String> = top.filter(|own| members.contains_key(*own)).map(str::to_owned).chain(named).collect();
        members.entry("properties").or_insert_with(|| json!({}));
        let mut resource = self.common.resource(spec.map(|spec| spec.file), Value::Object(members))?;
        let path = |name: &String| FieldPath::from_segments(name.split('.').map(|step| Segment::Key(step.into())).collect());
        resource.carried = Carried::Only(carried.iter().map(path).collect());
        if let Some(spec) = spec {
            self.common.withhold(spec.file, &mut resource);
        }
        self.resources.push(resource);
        Ok(())
    }

    fn into_snapshot(self, connector: ConnectorId, now: Timestamp) -> Snapshot {
        let Self { mut resources, reasons, rest, .. } = self;
        resources.sort_by(|one, other| (&one.id, &one.type_name).cmp(&(&other.id, &other.type_name)));
        resources.dedup_by(|one, other| one.id == other.id && one.type_name == other.type_name);
        let mut counts: BTreeMap<(TypeName, Arc<str>), u64> = BTreeMap::new();
        for resource in &resources {
            *counts.entry((resource.type_name.clone(), Arc::clone(&resource.scope.account))).or_default() += 1;
        }
        let rest = rest.map(|message| {
            reasons.share(UnreadableReason {
                kind: UnreadableKind::Truncated,
                operation: "read the whole export".to_owned(),
                permission: None,
                code: String::new(),
                message,
            })
        });
        let told = |((type_name, account), n_resources): ((TypeName, Arc<str>), u64)| -> Coverage {
            let outcome = match &rest {
                None => ListOutcome::Complete { n_resources },
                Some(reason) => ListOutcome::Partial { n_resources, reason: Arc::clone(reason) },
            };
            coverage(&type_name, &account, GLOBAL, outcome, FailedReads::default())
        };
        Snapshot { connector, taken_at: now, coverage: counts.into_iter().map(told).collect(), resources }
    }
}

/// The fields of a type that only further calls fill.
fn further_fields(spec: Spec<'_>) -> Vec<String> {
    let own = spec.azure;
    let reads = own.reads.iter().map(|read| &read.into);
    let joins = own.joins.iter().map(|join| &join.into);
    let children = own.children.iter().map(|below| &below.into);
    reads.chain(joins).chain(children).cloned().collect()
}

fn not_carried(source: &str) -> UnreadableReason {
    UnreadableReason {
        kind: UnreadableKind::NotCarried,
        operation: format!("find it in {source}"),
        permission: None,
        code: String::new(),
        message: "the export does not carry it; `skywarden scan azure` reads it".to_owned(),
    }
}

/// The resource that a state of a policy speaks of, as a row.
fn state_row(state: &Map<String, Value>, id: Value) -> Value {
    let mut row = Map::from_iter([("id".to_owned(), id)]);
    for (theirs, ours) in [("resourceType", "type"), ("resourceLocation", "location"), ("resourceTags", "tags")] {
        if let Some(value) = state.get(theirs).filter(|value| !value.is_null()) {
            row.insert(ours.to_owned(), value.clone());
        }
    }
    Value::Object(row)
}

/// Puts default values in the place of texts that are a parameter and nothing else.
fn fill(value: &mut Value, defaults: &BTreeMap<String, Value>) {
    match value {
        Value::String(text) => {
            let name = text.strip_prefix("[parameters('").and_then(|rest| rest.strip_suffix("')]"));
            if let Some(default) = name.and_then(|name| defaults.get(&name.to_lowercase())) {
                *value = default.clone();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, defaults)),
        Value::Object(members) => members.values_mut().for_each(|member| fill(member, defaults)),
        _ => {}
    }
}

/// A column's name as rows have it: the portal writes them in capitals and with spaces.
fn column(name: &str) -> String {
    let plain: String = name.trim_start_matches('\u{feff}').chars().filter(|letter| letter.is_alphanumeric()).collect();
    let known = ENVELOPE.into_iter().chain(["resourceId", "resourceType", "resourceLocation", "resourceTags"]);
    known.into_iter().find(|own| own.eq_ignore_ascii_case(&plain)).map_or_else(|| plain.to_lowercase(), str::to_owned)
}

/// A cell: objects and lists are JSON, nothing is null.
fn cell(name: &str, text: &str) -> Value {
    let is_text = ["id", "name", "type", "location", "kind", "managedBy"].contains(&name);
    match (text, is_text) {
        ("" | "null", _) => Value::Null,
        (text, false) if text.starts_with(['{', '[']) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
        (text, _) => json!(text),
    }
}

fn csv_problem(error: csv::Error) -> Problem {
    let message = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(source) => Problem::Io(source),
        _ => Problem::Format(message),
    }
}

/// A list of rows, or an object with one; other members are given back.
struct Document<'g, 'a>(&'g mut Gathering<'a>);

struct Rows<'g, 'a>(&'g mut Gathering<'a>);

impl<'de> DeserializeSeed<'de> for Document<'_, '_> {
    type Value = Map<String, Value>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = Map<String, Value>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list of resources, or an object with one below `data`, `value` or `resources`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, rows: A) -> Result<Self::Value, A::Error> {
        Rows(self.0).visit_seq(rows)?;
        Ok(Map::new())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut others = Map::new();
        let mut has_rows = false;
        while let Some(name) = members.next_key::<String>()? {
            if name == "data" || name == "value" {
                has_rows = true;
                members.next_value_seed(Rows(self.0))?;
            } else {
                others.insert(name, members.next_value()?);
            }
        }
        if has_rows || others.contains_key("resources") {
            return Ok(others);
        }
        // One resource alone: `az resource show`.
        if others.contains_key("id") {
            self.0.take(Value::Object(others)).map_err(A::Error::custom)?;
            return Ok(Map::new());
        }
        Err(A::Error::custom("it has no list below `data`, `value` or `resources`"))
    }
}

impl<'de> DeserializeSeed<'de> for Rows<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list of resources")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        while let Some(row) = rows.next_element::<Value>()? {
            self.0.take(row).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "export_tests.rs"]
mod tests;
