use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The type of a field, as written in `fields:` of a collector or fact.
///
/// In YAML: a scalar is its name (`string`, `integer`, `number`, `boolean`, `timestamp`, `json`, `csv`), a list is a one-element sequence
/// (`[string]`, `[{ Key: string }]`), an object is a mapping of its members, and a map with free keys is `{ "*": string }`.
///
/// `json` is a document of free shape (a parsed policy); rules may read any path below it. `timestamp` is always RFC 3339 text,
/// whatever the wire had. `csv` is a table in base64 with a head line, which becomes a list of objects of texts. It drives the XML to JSON conversion and the check of rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum FieldType {
    /// `string`, `integer`, `number`, `boolean`, `timestamp`, `json`, `csv`.
    Scalar(ScalarType),
    /// `[T]`; the sequence has exactly one element.
    List(Vec<FieldType>),
    /// `{ name: T, ... }`, or `{ "*": T }` for a map with free keys.
    Object(BTreeMap<String, FieldType>),
}

/// The type of a value that is neither list nor object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum ScalarType {
    String,
    Integer,
    Number,
    Boolean,
    Timestamp,
    Json,
    Csv,
}
