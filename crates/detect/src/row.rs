use std::{borrow::Cow, collections::BTreeMap};

use jiff::Timestamp;
use skywarden_content::{LogSourceFile, Take};
use skywarden_sigma::{Record, Value};

use crate::{Class, LogSource, fields::Fields, take::Source};

/// What is worth a column of its own when records are kept: its name, and the fields of OCSF of which the first that is there fills it.
pub const COLUMNS: [(&str, &[&str]); N_COLUMNS] = [
    ("activity", &["activity_id"]),
    ("status", &["status_id"]),
    ("account", &["cloud.account.uid"]),
    ("region", &["cloud.region"]),
    ("resource", &["resource.uid"]),
    ("actor", &["actor.user.uid", "actor.user.name"]),
    ("actor_name", &["actor.user.name"]),
    ("target_user", &["user.name", "user.uid"]),
    ("session", &["actor.session.uid"]),
    ("src_ip", &["src_endpoint.ip"]),
    ("dst_ip", &["dst_endpoint.ip"]),
    ("dst_port", &["dst_endpoint.port"]),
    ("host", &["device.hostname"]),
    ("service", &["api.service.name"]),
    ("operation", &["api.operation"]),
    ("process", &["process.cmd_line", "process.path", "process.name"]),
    ("file", &["file.path", "file.name"]),
    ("domain", &["query.hostname", "dst_endpoint.hostname"]),
    ("url", &["http_request.url.url_string", "http_request.url.path"]),
    ("user_agent", &["http_request.user_agent"]),
    (CONTEXT, &[]),
];

/// The last column: what the reader knew besides the record's text (the columns that a header told, the system call that a line of
/// the audit log goes on), without which the record can't be [looked at again](crate::Detect::feed_kept).
pub const CONTEXT: &str = "context";

/// How many columns there are.
pub const N_COLUMNS: usize = 21;

/// A record as it is kept.
#[derive(Debug)]
pub struct Row<'a> {
    /// The log source.
    pub source: &'a LogSource,
    /// What the record says tells it from all others, if it says so.
    pub own_id: Option<Cow<'a, str>>,
    /// When it happened.
    pub time: Timestamp,
    /// What kind of event it is.
    pub class: Class,
    /// The texts of [`COLUMNS`], in their order.
    pub columns: [Option<Cow<'a, str>>; N_COLUMNS],
    /// The record as it was read.
    pub raw: &'a str,
}

impl Row<'_> {
    /// What tells the record from all others: what it says itself, else a hash of it.
    pub fn id(&self) -> Cow<'_, str> {
        self.own_id.as_deref().map_or_else(|| Cow::Owned(crate::source::id_of(self.raw)), Cow::Borrowed)
    }
}

/// Where the columns of a log source come from.
#[derive(Debug)]
pub(crate) struct RowSource {
    /// For each kind of event.
    events: Vec<[Source; N_COLUMNS]>,
    /// For records that are none of these.
    others: [Source; N_COLUMNS],
}

impl RowSource {
    /// Asks for all fields that columns are made of.
    pub(crate) fn new(file: &LogSourceFile, fields: &mut Fields<'_>) -> Self {
        let mut of = |set: &BTreeMap<String, Take>| {
            COLUMNS.map(|(_, names)| {
                let mut sources = Vec::new();
                for name in names {
                    let shared = match *name {
                        "cloud.account.uid" => file.account.as_ref(),
                        "resource.uid" => file.resource.as_ref(),
                        _ => None,
                    };
                    sources.extend(set.get(*name).into_iter().chain(shared).map(|take| fields.source(take)));
                }
                Source::First(sources)
            })
        };
        RowSource { events: file.events.iter().map(|event| of(&event.set)).collect(), others: of(&BTreeMap::new()) }
    }

    pub(crate) fn columns<'a>(&'a self, event: Option<usize>, record: &Record<'a>) -> [Option<Cow<'a, str>>; N_COLUMNS] {
        let sources = event.and_then(|event| self.events.get(event)).unwrap_or(&self.others);
        sources.each_ref().map(|source| text_of(source.value(record)).filter(|text| !text.is_empty() && text != "-"))
    }
}

/// The text of a value, or of the first in a list that is one.
pub(crate) fn text_of(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value {
        Value::Text(text) => Some(text),
        Value::List(values) => values.into_iter().find_map(text_of),
        other => other.text().map(|text| Cow::Owned(text.into_owned())),
    }
}
