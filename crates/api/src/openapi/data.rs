//! The files of `crates/api/openapi`, as its README says what they hold.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use skywarden_content::Source;

/// One file: what is told of the routes of a namespace.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) tag: String,
    pub(super) about: String,
    /// What stands before its paths.
    #[serde(default)]
    pub(super) prefix: String,
    /// Where it is ARM's: its paths stand behind `/providers/NAMESPACE/`.
    pub(super) namespace: Option<String>,
    /// Query parameters that several routes have, by a name for all of them.
    #[serde(default)]
    pub(super) queries: BTreeMap<String, BTreeMap<String, Value>>,
    /// Parameters of paths.
    #[serde(default)]
    pub(super) parameters: BTreeMap<String, Value>,
    #[serde(default)]
    pub(super) kinds: BTreeMap<String, Kind>,
    /// By path and method.
    #[serde(default)]
    pub(super) routes: BTreeMap<String, BTreeMap<String, Entry>>,
    #[serde(default)]
    pub(super) schemas: BTreeMap<String, Value>,
}

/// Resources of ARM that are listed, read, written and removed alike.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kind {
    pub(super) noun: String,
    pub(super) nouns: Option<String>,
    pub(super) schema: String,
    #[serde(rename = "type")]
    pub(super) type_name: Option<String>,
    pub(super) properties: Option<Value>,
    #[serde(default)]
    pub(super) more: BTreeMap<String, Value>,
    #[serde(default)]
    pub(super) paged: bool,
    #[serde(default)]
    pub(super) query: Vec<Query>,
    pub(super) write: Option<Value>,
    #[serde(default)]
    pub(super) errors: Vec<u16>,
}

/// What is told of one route.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) summary: String,
    /// What is to be said beyond the summary.
    #[serde(skip)]
    pub(super) about: Option<&'static str>,
    #[serde(default)]
    pub(super) query: Vec<Query>,
    /// Headers that the request may have.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Value>,
    pub(super) body: Option<Value>,
    /// A body that may be left out.
    #[serde(skip)]
    pub(super) optional_body: Option<Value>,
    pub(super) form: Option<Value>,
    /// Media types of a body that is no JSON, or not only.
    #[serde(default)]
    pub(super) sends: Vec<String>,
    pub(super) ok: Option<Value>,
    pub(super) created: Option<Value>,
    pub(super) accepted: Option<Value>,
    #[serde(default)]
    pub(super) empty: bool,
    #[serde(default)]
    pub(super) redirect: bool,
    /// Other media types of a 200.
    #[serde(default)]
    pub(super) media: Vec<String>,
    #[serde(default)]
    pub(super) errors: Vec<u16>,
    /// What 400 and 401 have in another shape than ARM's.
    pub(super) refusal: Option<String>,
}

/// Query parameters: those of a name that a file gives to some, or these.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Query {
    Named(String),
    Own(BTreeMap<String, Value>),
}

const FILES: [(&str, &str); 10] = [
    ("common", include_str!("../../openapi/common.yaml")),
    ("console", include_str!("../../openapi/console.yaml")),
    ("policy", include_str!("../../openapi/policy.yaml")),
    ("people", include_str!("../../openapi/people.yaml")),
    ("login", include_str!("../../openapi/login.yaml")),
    ("resources", include_str!("../../openapi/resources.yaml")),
    ("security", include_str!("../../openapi/security.yaml")),
    ("authorization", include_str!("../../openapi/authorization.yaml")),
    ("management", include_str!("../../openapi/management.yaml")),
    ("policy-insights", include_str!("../../openapi/policy-insights.yaml")),
];

/// The files that can be read.
pub(super) fn files(problems: &mut Vec<String>) -> Vec<File> {
    let mut files = Vec::with_capacity(FILES.len());
    for (name, text) in FILES {
        let source = match Source::parse(text) {
            Ok(source) => source,
            Err(error) => {
                problems.push(format!("{name}.yaml:{}:{}: {}", error.line, error.column, error.message));
                continue;
            }
        };
        match serde_json::from_value(source.value) {
            Ok(file) => files.push(file),
            Err(error) => problems.push(format!("{name}.yaml: {error}")),
        }
    }
    files
}
