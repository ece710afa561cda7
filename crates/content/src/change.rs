use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Names, Rest, Take};

/// How logs tell that resources of a type changed, and how one is then read again.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    /// How one resource is read again without all others; absent: by the list, of which the others are passed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Again>,
    /// Which records speak of which resources.
    pub events: Vec<ChangeEvents>,
}

/// The list call, narrowed to what changed; or what stands for it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Again {
    /// Another operation than the list's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The IAM action that it needs, if that is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
    /// Input members besides those of the list; templates over the fields that are known: `{ Filter: [{ Name: group-id, Value: ["{GroupId}"] }] }`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub input: Map<String, Value>,
    /// Method and path, if they are others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<Rest>,
    /// Path of the resources in the answer, if it is another; empty: the answer is the one resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<String>,
    /// Resources in a call at most: lists of texts in the input get a text of each. Only where a name that is not there is no error.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub many: usize,
    /// The operation of a read that is made instead of the list: what changed is known by its fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<String>,
    /// Error codes by which the provider says that it is not there any more; `CODE: TEXT` asks for the text in the message too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone_on: Vec<String>,
}

fn one() -> usize {
    1
}

fn is_one(many: &usize) -> bool {
    *many == 1
}

/// Records of a log source by which resources change.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeEvents {
    /// The log source: `aws-cloudtrail`.
    pub source: String,
    /// The text in the log source's field of services: `ec2.amazonaws.com`.
    pub service: String,
    /// Texts in its field of operations; `*` at the end stands for any rest.
    pub operations: Vec<String>,
    /// Top-level fields of the resource and where the record has them; one of them may have several values, each a resource of its
    /// own. Empty: everything of the type in the place.
    #[serde(default)]
    pub take: BTreeMap<String, Take>,
    /// Operations of this collector whose answers may be others now; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<String>,
}

/// Where the records of a log source say what a change was: by the service that was asked, of which collectors then say what it
/// means, or by the id of the resource.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeFields {
    /// The service or provider that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Names>,
    /// What it was asked to do.
    pub operation: Names,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Names>,
    /// Fields that are there only if nothing came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Names>,
    /// Records name the resource by its id, so that collectors need say nothing; the other fields but `operation` are absent then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_id: Option<ChangeById>,
}

/// Where records name what changed by its id, as Azure Resource Manager writes ids. An id whose type has no collector means the
/// nearest resource above it that has one.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeById {
    /// The id.
    pub id: Names,
    /// Operations that change something, without case; `*` stands for any text: `*/write`.
    pub operations: Vec<String>,
    /// Those among them that change nothing that anybody collects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
    /// How it ended.
    pub result: Names,
    /// The texts there, without case, with which something came of it.
    pub succeeded: Vec<String>,
}

impl ChangeEvents {
    /// Whether an operation is one of these.
    pub fn has_operation(&self, operation: &str) -> bool {
        self.operations.iter().any(|own| match own.strip_suffix('*') {
            Some(start) => operation.starts_with(start),
            None => own == operation,
        })
    }
}
