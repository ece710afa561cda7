use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ChangeFields;

/// `content/log-sources/ID.yaml`: a kind of log: how its records are read, what they are to Sigma, and what they say in OCSF's words.
///
/// A field of a record is named by its path: members with dots between. A path goes through lists (any element) and through texts
/// that are JSON themselves (also in Base64), and finds keys that have dots in them.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogSourceFile {
    /// Equals the file's name without `.yaml`: `PROVIDER-LOG`.
    pub id: String,
    /// As people call it.
    pub title: String,
    /// What it records, in a sentence or two.
    pub description: String,
    /// How bytes become records.
    pub read: Read,
    /// When something happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<TimeField>,
    /// What tells a record from all others, to recognise repeats; without it a hash of the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<EventId>,
    /// Whose log it is: an account, a project, a cluster, a host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Take>,
    /// The id of the resource that something happened to: the first that is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Take>,
    /// Where a record says which service was asked to change what; without it nothing is known to have changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<ChangeFields>,
    /// As which log sources of Sigma its records are looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sigma: Vec<SigmaView>,
    /// What records say: the first whose `when` holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventMapping>,
    /// Records and what they must become.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<LogSourceTest>,
}

/// How a file, a message or a line becomes records.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Read {
    /// What it is written in.
    pub format: LogFormat,
    /// JSON: members of a document that hold its records in a list. A list at the top holds records too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<String>,
    /// JSON: the members of these objects are also found by their bare names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lift: Vec<String>,
    /// JSON: the same for texts that hold a JSON document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unwrap: Vec<String>,
    /// JSON: further places of a field, in order; its own name at the top comes first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, Names>,
    /// JSON: each element of the list at the end of this path is a record; members of the objects on the way belong to it, the
    /// nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub each: Vec<String>,
    /// JSON: a text that holds several fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tuple: Option<Tuple>,
    /// Text and pairs: the header before the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envelope: Option<Envelope>,
    /// Text: expressions whose named groups become fields; the first that matches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<LinePattern>,
    /// Columns and CSV: the fields in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Columns: what stands between them; a blank if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
}

/// What a log is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines, documents or lists of JSON.
    Json,
    /// Lines that patterns take apart.
    Text,
    /// Lines of `key=value`, as the Linux audit daemon writes them.
    Pairs,
    /// Lines of fields with a delimiter between; a header line gives their order.
    Columns,
    /// Comma-separated values as of RFC 4180; without columns the first line names them.
    Csv,
}

/// What stands before the message of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Envelope {
    /// The header of RFC 3164 or 5424, an ISO time, or a journal entry in JSON: `time`, `host`, `program`, `pid`, `message`.
    Syslog,
}

/// One form of a line.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinePattern {
    /// Becomes the field `event`.
    pub name: String,
    /// The program that writes such lines; any if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// A regular expression on the message.
    pub pattern: String,
}

/// A text that holds several fields.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tuple {
    /// Where it is.
    pub field: String,
    /// What stands between them.
    pub delimiter: String,
    /// Their names.
    pub columns: Vec<String>,
}

/// One name or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Names {
    /// One.
    One(String),
    /// The first that is there.
    Several(Vec<String>),
}

impl Names {
    /// All of them in order.
    pub fn all(&self) -> &[String] {
        match self {
            Names::One(name) => std::slice::from_ref(name),
            Names::Several(names) => names,
        }
    }
}

/// What tells a record from all others of its log source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum EventId {
    /// A field; of several the first that is there.
    First(Names),
    /// Several fields together; a record that lacks one has no id.
    Together {
        /// The fields.
        together: Vec<String>,
    },
}

impl EventId {
    /// Fields of which the first that is there counts, for each part of the id.
    pub fn parts(&self) -> Vec<&[String]> {
        match self {
            EventId::First(names) => vec![names.all()],
            EventId::Together { together } => together.iter().map(std::slice::from_ref).collect(),
        }
    }
}

/// Where the time of a record is.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeField {
    /// The field.
    pub field: Names,
    /// How it is written: `rfc3339`, `seconds`, `milliseconds`, `microseconds`, `nanoseconds` since 1970, `syslog`, or a pattern of
    /// strptime. Several are tried in order.
    pub format: Names,
}

/// One of Sigma's log sources, as which records are looked at.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SigmaView {
    /// Sigma's product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Sigma's category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Sigma's service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// A selection in Sigma's words: only these records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Value>,
    /// Where Sigma's fields are, if not by their own names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Take>,
}

/// What records say in the words of OCSF.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventMapping {
    /// The OCSF class by its name: `api_activity`.
    pub class: String,
    /// A selection in Sigma's words; all records if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Value>,
    /// OCSF field -> where it comes from.
    pub set: BTreeMap<String, Take>,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Take {
    /// A constant number or truth.
    Constant(Scalar),
    /// A field of the record; with braces, a text made of fields, which must all be there.
    Field(String),
    /// The first that is there.
    First(Vec<Take>),
    /// A field and what is made of it.
    Made(Box<Made>),
}

/// A number or a truth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Scalar {
    /// A number.
    Number(serde_json::Number),
    /// True or false.
    Bool(bool),
}

/// A value that is made of a field.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Made {
    /// The field: the first of several that is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<Names>,
    /// A constant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// A text with `{field}` in it; all must be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// A regular expression; the value is its group `value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The text -> what it stands for; keys may have `*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<BTreeMap<String, Value>>,
    /// If the map has nothing for it; without a map, whatever the field holds.
    #[serde(default, rename = "else", skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<Value>,
    /// If the field is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<Value>,
    /// What it is turned into.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    pub cast: Option<Cast>,
    /// The elements of a list in one text, with this between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join: Option<String>,
}

/// What a text is turned into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cast {
    /// A whole number, also of `0x1f`.
    Integer,
    /// An address without port or brackets; anything else is left out.
    Ip,
    /// Small letters.
    Lower,
    /// The last part of a path.
    Basename,
}

/// A record and what it must become.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogSourceTest {
    /// What it shows.
    pub name: String,
    /// The record as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Value>,
    /// The record as text: one line or a whole file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// Fields of the event, by dotted names, and `class_uid`, `time`, `resource`, `account`, `id`. What is null must not be there.
    pub expect: Map<String, Value>,
    /// With `changes.by_id`: the ids of the resources that are to be read again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Vec<String>>,
}
