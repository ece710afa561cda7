//! Which entry of the files describes a route.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    data::{Entry, File, Kind},
    objects, schema,
};

/// Every entry by its path, in which each parameter is `{}`: the whole path, or what follows the namespace behind the last `/providers/`.
pub(super) struct Table<'a> {
    entries: BTreeMap<String, BTreeMap<String, Described<'a>>>,
    kinds: Vec<MadeKind>,
}

/// An entry with the tag of its file.
pub(super) struct Described<'a> {
    pub(super) tag: &'a str,
    pub(super) entry: Entry,
    origin: Origin,
}

/// A kind with the schema of its resources.
pub(super) struct MadeKind {
    pub(super) schema: String,
    made: Value,
}

/// Where an entry is from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// It stands in the file.
    Written,
    /// It follows from a kind, which need not have all of its operations.
    Kind,
}

impl<'a> Table<'a> {
    pub(super) fn of(files: &'a [File], problems: &mut Vec<String>) -> Self {
        let kinds = objects::schemas().into_iter().map(|(schema, made)| MadeKind { schema, made }).collect();
        let mut table = Self { entries: BTreeMap::new(), kinds };
        for (path, method, entry) in objects::entries() {
            table.insert(objects::TAG, &path, method, entry, Origin::Kind);
        }
        for file in files {
            for (path, kind) in &file.kinds {
                table.add_kind(file, path, kind, problems);
            }
            for (path, methods) in &file.routes {
                for (method, entry) in methods {
                    if !entry.summary.ends_with('.') {
                        problems.push(format!("the summary of {method} {path} is no sentence"));
                    }
                    table.add(file, path, method, entry.clone(), Origin::Written);
                }
            }
        }
        table
    }

    /// The entry of a route, with the key under which it stands.
    pub(super) fn find(&self, method: &str, path: &str) -> Option<(String, &Described<'a>)> {
        let whole = plain(path);
        let tail = whole.rfind(PROVIDERS).and_then(|at| whole.get(at + PROVIDERS.len()..)).map(str::to_owned);
        let found = |key: String| self.entries.get(&key).and_then(|methods| methods.get(method)).map(|own| (key, own));
        found(whole).or_else(|| found(tail?))
    }

    /// Key and method of every entry that stands in a file.
    pub(super) fn written(&self) -> impl Iterator<Item = (&String, &str)> {
        let all = self.entries.iter().flat_map(|(key, methods)| methods.iter().map(move |(method, own)| (key, method, own)));
        all.filter(|(_, _, own)| own.origin == Origin::Written).map(|(key, method, _)| (key, method.as_str()))
    }

    pub(super) fn kinds(&self) -> impl Iterator<Item = &MadeKind> {
        self.kinds.iter()
    }

    fn add(&mut self, file: &'a File, path: &str, method: &str, entry: Entry, origin: Origin) {
        let key = match &file.namespace {
            Some(namespace) if !path.starts_with('/') => format!("{namespace}/{path}"),
            _ => format!("{}{path}", file.prefix),
        };
        self.insert(&file.tag, &key, method, entry, origin);
    }

    fn insert(&mut self, tag: &'a str, path: &str, method: &str, entry: Entry, origin: Origin) {
        let described = Described { tag, entry, origin };
        self.entries.entry(plain(path)).or_default().insert(method.to_owned(), described);
    }

    fn add_kind(&mut self, file: &'a File, path: &str, kind: &Kind, problems: &mut Vec<String>) {
        let own = json!(kind.schema);
        let many = kind.nouns.clone().unwrap_or_else(|| format!("{}s", kind.noun));
        let mut list = json!({ "value": [kind.schema] });
        if let Some(members) = list.as_object_mut().filter(|_| kind.paged) {
            members.insert("nextLink?".to_owned(), json!("string"));
        }
        let summary = |verb: &str, what: &str| format!("{verb} {what}.");
        let listing = Entry { summary: summary("Lists", &many), query: kind.query.clone(), ok: Some(list), ..Entry::default() };
        self.add(file, path, "GET", listing, Origin::Kind);
        let item = format!("{path}/{{}}");
        let one = Entry { summary: summary("Gives one", &kind.noun), ok: Some(own.clone()), ..Entry::default() };
        self.add(file, &item, "GET", one, Origin::Kind);
        if let Some(write) = &kind.write {
            let put = Entry {
                summary: summary("Makes or replaces one", &kind.noun),
                body: Some(write.clone()),
                ok: Some(own.clone()),
                created: Some(own.clone()),
                errors: kind.errors.clone(),
                ..Entry::default()
            };
            self.add(file, &item, "PUT", put, Origin::Kind);
            let delete = Entry {
                summary: summary("Removes one", &kind.noun),
                ok: Some(own),
                empty: true,
                errors: kind.errors.clone(),
                ..Entry::default()
            };
            self.add(file, &item, "DELETE", delete, Origin::Kind);
        }
        if let Some(properties) = &kind.properties {
            self.kinds.push(MadeKind { schema: kind.schema.clone(), made: resource(kind, properties, problems) });
        }
    }
}

impl MadeKind {
    pub(super) fn made(&self) -> Value {
        self.made.clone()
    }
}

const PROVIDERS: &str = "/providers/";

/// A path in which every parameter is `{}`.
fn plain(path: &str) -> String {
    let steps: Vec<&str> = path.split('/').map(|step| if step.starts_with('{') { "{}" } else { step }).collect();
    steps.join("/")
}

/// `{id, name, type, properties}` with what a kind has besides.
fn resource(kind: &Kind, properties: &Value, problems: &mut Vec<String>) -> Value {
    let mut members = Map::new();
    let mut optional = Vec::new();
    for (name, written) in [("id", json!("string")), ("name", json!("string")), ("properties", properties.clone())] {
        members.insert(name.to_owned(), schema::of(&written, problems));
    }
    let type_name = kind.type_name.as_ref().map_or_else(|| "string".to_owned(), |own| format!("={own}"));
    members.insert("type".to_owned(), schema::of(&json!(type_name), problems));
    for (name, written) in &kind.more {
        let plain = name.strip_suffix('?');
        optional.extend(plain.map(str::to_owned));
        members.insert(plain.unwrap_or(name).to_owned(), schema::of(written, problems));
    }
    schema::object(members, &optional)
}
