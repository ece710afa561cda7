//! AWS Config's snapshot files as a source: `ACCOUNT_Config_REGION_ConfigSnapshot_TIME_ID.json.gz` (format documented under "AWS
//! Config: configuration items" and "delivering a configuration snapshot").

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufReader, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use flate2::bufread::MultiGzDecoder;
use serde::{
    Deserialize,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};
use skywarden_cloud::partition_by_name;
use skywarden_content::{AwsConfig, CollectorFile};
use skywarden_model::{
    Carried, ConnectorId, Coverage, FieldPath, ListOutcome, Resource, ResourceId, Scope, Segment, Snapshot, Timestamp, TypeName,
    Unreadable, UnreadableKind, UnreadableReason,
};

use crate::{
    Specs,
    decode::Decoder,
    normalise::GLOBAL,
    shape::Shape,
    template::{Variables, member},
    withhold::{Secrets, withhold},
};

/// No snapshot may be longer, unpacked: about two million items.
const MAX_BYTES: u64 = 8 << 30;
/// Files of one folder that are read.
const MAX_FILES: usize = 10_000;

/// Why a snapshot can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ConfigSnapshotError {
    /// A file or folder can't be read.
    #[error("could not read {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is no snapshot of AWS Config.
    #[error("{} is no configuration snapshot of AWS Config: {message}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Why, with line and column.
        message: String,
    },
    /// A folder holds no file that could be one.
    #[error("{} holds no .json or .json.gz file", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
}

/// What is collected while files are read.
struct Gathering<'a> {
    specs: Specs<'a>,
    connector: &'a ConnectorId,
    secrets: Secrets,
    types: BTreeMap<&'a str, Type<'a>>,
    resources: Vec<Resource>,
    /// Type, account and region, with the number of resources.
    listed: BTreeMap<(String, String, String), u64>,
    /// Items that could not be understood, with the first reason, by the same.
    lost: BTreeMap<(String, String, String), String>,
}

/// A type with its schema, prepared.
struct Type<'a> {
    file: &'a CollectorFile,
    shape: Shape,
}

/// A configuration item.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    #[serde(default)]
    aws_account_id: String,
    #[serde(default)]
    aws_region: String,
    #[serde(default)]
    resource_type: String,
    #[serde(default)]
    resource_id: String,
    #[serde(default)]
    resource_name: Option<String>,
    #[serde(rename = "ARN", alias = "arn", default)]
    arn: Option<String>,
    #[serde(default)]
    configuration_item_status: Option<String>,
    #[serde(default)]
    configuration: Value,
    #[serde(default)]
    supplementary_configuration: Value,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

/// Reads a snapshot file, or every one of a folder, as one snapshot of several accounts and regions.
///
/// AWS Config says what it carries of a resource: fields that an item does not have are unknown, unless the collector's
/// `aws_config` says that their absence is a fact. A type that occurs is taken to be listed whole in its account and region; of one
/// that does not occur nothing is known. Ages are judged as of the time in the file's name, else as of `now`.
///
/// # Errors
/// If a file can't be read or is no snapshot.
pub fn read_config_snapshot<'a>(
    specs: impl Into<Specs<'a>>,
    path: &Path,
    connector: &ConnectorId,
    now: Timestamp,
) -> Result<Snapshot, ConfigSnapshotError> {
    let specs = specs.into();
    let mut gathering = Gathering {
        specs,
        connector,
        secrets: Secrets::new(specs.secrets.values()),
        types: BTreeMap::new(),
        resources: Vec::new(),
        listed: BTreeMap::new(),
        lost: BTreeMap::new(),
    };
    let files = files(path)?;
    let taken_at = files.iter().filter_map(|file| time_of(file)).max().unwrap_or(now);
    for file in files {
        gathering.read(&file)?;
    }
    Ok(gathering.into_snapshot(taken_at))
}

fn files(path: &Path) -> Result<Vec<PathBuf>, ConfigSnapshotError> {
    let failed = |source| ConfigSnapshotError::Read { path: path.to_owned(), source };
    if !std::fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)?.take(MAX_FILES) {
        let file = entry.map_err(failed)?.path();
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.ends_with(".json") || name.ends_with(".json.gz") {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(ConfigSnapshotError::Empty { path: path.to_owned() });
    }
    Ok(files)
}

/// The time in a file's name: `..._ConfigSnapshot_20261124T101530Z_...`.
fn time_of(file: &Path) -> Option<Timestamp> {
    let name = file.file_name()?.to_string_lossy().into_owned();
    name.split('_').find_map(|part| {
        let is_time = part.len() == 16 && part.ends_with('Z') && part.get(8..9) == Some("T");
        let civil = is_time.then(|| jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", part).ok()).flatten()?;
        jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()
    })
}

impl<'a> Gathering<'a> {
    fn read(&mut self, path: &Path) -> Result<(), ConfigSnapshotError> {
        let failed = |source| ConfigSnapshotError::Read { path: path.to_owned(), source };
        let mut file = BufReader::new(File::open(path).map_err(failed)?);
        let is_packed = std::io::BufRead::fill_buf(&mut file).map_err(failed)?.starts_with(&[0x1f, 0x8b]);
        let plain: Box<dyn Read> = if is_packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
        let mut reader = serde_json::Deserializer::from_reader(BufReader::new(plain.take(MAX_BYTES)));
        let malformed = |error: serde_json::Error| match error.io_error_kind() {
            Some(_) => ConfigSnapshotError::Read { path: path.to_owned(), source: error.into() },
            None => ConfigSnapshotError::Format { path: path.to_owned(), message: error.to_string() },
        };
        Document(self).deserialize(&mut reader).map_err(malformed)?;
        reader.end().map_err(malformed)
    }

    fn take(&mut self, item: Item) {
        let status = item.configuration_item_status.as_deref().unwrap_or("OK");
        let region = if item.aws_region.is_empty() { GLOBAL } else { &item.aws_region };
        let place = (item.resource_type.clone(), item.aws_account_id.clone(), region.to_owned());
        if status.contains("Deleted") || status == "ResourceNotRecorded" {
            return;
        }
        if item.resource_type.is_empty() || item.aws_account_id.is_empty() {
            self.lost.entry(place).or_insert_with(|| "an item names no type or no account".to_owned());
            return;
        }
        match self.resource(&item) {
            Ok(resource) => {
                // A bucket lies in its own region, but like all that is global it is told once.
                let place = (place.0, place.1, resource.scope.resource_group.to_string());
                *self.listed.entry(place).or_default() += 1;
                self.resources.push(resource);
            }
            Err(message) => {
                self.lost.entry(place).or_insert(message);
            }
        }
    }

    fn resource(&mut self, item: &Item) -> Result<Resource, String> {
        let file = self.specs.collectors.get(&item.resource_type);
        let configuration = match &item.configuration {
            Value::String(text) => {
                serde_json::from_str(text).map_err(|error| format!("its configuration is no JSON: {error}"))?
            }
            other => other.clone(),
        };
        let (mut properties, problems, carried) = match file {
            Some(file) => {
                let prepared = self
                    .types
                    .entry(&file.type_name)
                    .or_insert_with(|| Type { file, shape: Shape::of_fields(&BTreeMap::new(), file.fields.iter()) });
                properties(prepared, item, configuration)
            }
            // Without a schema nobody knows what may be a secret in it.
            None => (Value::Object(Map::new()), Vec::new(), BTreeSet::new()),
        };
        let hidden = file.map(|file| file.withheld.as_slice()).unwrap_or_default();
        let mut unreadable: Vec<Unreadable> =
            hidden.iter().filter_map(|part| withhold(part, &self.secrets, &mut properties)).collect();
        for (field, message) in problems {
            let reason = reason(&item.resource_type, UnreadableKind::Failed, &message);
            unreadable.push(Unreadable { field, reason });
        }
        unreadable.sort_by(|one, other| one.field.cmp(&other.field));
        unreadable.dedup_by(|one, other| one.field == other.field);
        let partition = item.arn.as_deref().and_then(|arn| arn.split(':').nth(1)).and_then(partition_by_name);
        let variables = Variables {
            partition: partition.map_or("aws", |partition| partition.name),
            dns_suffix: "",
            account: &item.aws_account_id,
            region: &item.aws_region,
            item: &properties,
        };
        let own_id = file.and_then(|file| variables.text(&file.id).ok());
        let id = own_id.or_else(|| item.arn.clone()).ok_or("it has no ARN, nor what its id is made of")?;
        let name = file.and_then(|file| variables.text(file.name.as_ref()?).ok()).or_else(|| item.resource_name.clone());
        let global = ["", GLOBAL].contains(&item.aws_region.as_str());
        let location = (!global).then(|| item.aws_region.clone());
        let carried: Vec<FieldPath> = carried
            .into_iter()
            .map(|name| FieldPath::from_segments(["properties", name.as_str()].map(|key| Segment::Key(key.into())).to_vec()))
            .chain("tags".parse())
            .collect();
        Ok(Resource {
            id: ResourceId::from(id.as_str()),
            type_name: TypeName::from(item.resource_type.as_str()),
            name: name.unwrap_or_else(|| item.resource_id.clone()),
            scope: Scope {
                connector: self.connector.clone(),
                account: item.aws_account_id.as_str().into(),
                resource_group: location.as_deref().unwrap_or(GLOBAL).into(),
            },
            location,
            tags: item.tags.clone(),
            envelope: Map::new(),
            properties,
            unreadable,
            carried: Carried::Only(carried.into()),
        })
    }

    fn into_snapshot(mut self, taken_at: Timestamp) -> Snapshot {
        self.resources.sort_by(|one, other| (&one.id, &one.type_name).cmp(&(&other.id, &other.type_name)));
        self.resources.dedup_by(|one, other| one.id == other.id && one.type_name == other.type_name);
        let places: BTreeSet<_> = self.listed.keys().chain(self.lost.keys()).cloned().collect();
        let coverage = places.into_iter().map(|place| {
            let n_resources = self.listed.get(&place).copied().unwrap_or_default();
            let outcome = match self.lost.get(&place) {
                None => ListOutcome::Complete { n_resources },
                Some(message) => ListOutcome::Partial { n_resources, reason: reason(&place.0, UnreadableKind::Failed, message) },
            };
            let (type_name, account, region) = place;
            Coverage {
                type_name: type_name.as_str().into(),
                account: account.into(),
                region: region.into(),
                outcome,
                denied: Vec::new(),
            }
        });
        let coverage = coverage.collect();
        Snapshot { connector: self.connector.clone(), taken_at, resources: self.resources, coverage }
    }
}

fn reason(type_name: &str, kind: UnreadableKind, message: &str) -> Arc<UnreadableReason> {
    Arc::new(UnreadableReason {
        kind,
        operation: format!("read {type_name} of the configuration snapshot"),
        permission: None,
        code: String::new(),
        message: message.chars().take(300).collect(),
    })
}

/// Typed properties, what does not fit, and the fields of which the item speaks.
fn properties(prepared: &Type<'_>, item: &Item, configuration: Value) -> (Value, Vec<(FieldPath, String)>, BTreeSet<String>) {
    let default = AwsConfig::default();
    let mapping = prepared.file.aws_config.as_ref().unwrap_or(&default);
    let mut whole = if let Value::Object(members) = configuration { members } else { Map::new() };
    rename(&mut whole, &mapping.rename);
    for (field, path) in &mapping.names {
        let roots = [("configuration", &item.configuration), ("supplementaryConfiguration", &item.supplementary_configuration)];
        let found = roots.into_iter().find_map(|(root, value)| {
            let rest = path.strip_prefix(root)?.strip_prefix('.')?;
            at(value.clone(), rest)
        });
        if let Some(mut value) = found {
            if let Value::Object(members) = &mut value {
                rename(members, &mapping.rename);
            }
            put(&mut whole, field, value);
        }
    }
    let told = |name: &&String| whole.keys().any(|key| key.eq_ignore_ascii_case(name)) || mapping.always.contains(name);
    let carried = prepared.file.fields.keys().filter(told).cloned().collect();
    let mut decoder = Decoder::at(vec![Segment::Key("properties".into())]);
    let properties = decoder.json(&Value::Object(whole), &prepared.shape);
    (properties.unwrap_or_else(|| Value::Object(Map::new())), decoder.problems, carried)
}

/// The value at a path; texts on the way that hold JSON are opened.
fn at(value: Value, path: &str) -> Option<Value> {
    let open = |value: Value| match value {
        Value::String(text) if text.trim_start().starts_with(['{', '[']) => {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        }
        other => other,
    };
    let mut value = open(value);
    for name in path.split('.') {
        value = open(member(&value, name)?.clone());
    }
    Some(value)
}

fn put(members: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            members.retain(|name, _| !name.eq_ignore_ascii_case(path));
            members.insert(path.to_owned(), value);
        }
        Some((name, rest)) => {
            let below = members.entry(name.to_owned()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(below) = below {
                put(below, rest, value);
            }
        }
    }
}

/// Gives members at any depth the names that the schema has; what had such a name before gives way.
fn rename(members: &mut Map<String, Value>, names: &BTreeMap<String, String>) {
    if names.is_empty() {
        return;
    }
    for (old, new) in names {
        if let Some(value) = members.remove(old) {
            members.retain(|name, _| !name.eq_ignore_ascii_case(new));
            members.insert(new.clone(), value);
        }
    }
    for value in members.values_mut() {
        match value {
            Value::Object(below) => rename(below, names),
            Value::Array(items) => {
                for item in items {
                    if let Value::Object(below) = item {
                        rename(below, names);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The whole file; items are taken one by one.
struct Document<'g, 'a>(&'g mut Gathering<'a>);

impl<'de> DeserializeSeed<'de> for Document<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("an object with `configurationItems`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut has_items = false;
        while let Some(key) = map.next_key::<String>()? {
            if key == "configurationItems" {
                map.next_value_seed(Items(self.0))?;
                has_items = true;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        if has_items { Ok(()) } else { Err(A::Error::missing_field("configurationItems")) }
    }
}

struct Items<'g, 'a>(&'g mut Gathering<'a>);

impl<'de> DeserializeSeed<'de> for Items<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items<'_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("a list of configuration items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element::<Item>()? {
            self.0.take(item);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
