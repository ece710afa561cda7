use std::borrow::Cow;

use memchr::memmem::Finder;
use rustc_hash::FxHashMap;
use serde_json::{Map, Value, value::RawValue};
use skywarden_content::{Read, Tuple};

use super::{Raw, Unreadable};

/// How a JSON document becomes records.
#[derive(Debug)]
pub(crate) struct Expand {
    /// Members that hold records in a list.
    records: Vec<String>,
    /// The same as they stand in the text, to find out quickly whether a document has one.
    quoted: Vec<Finder<'static>>,
    each: Vec<String>,
    tuple: Option<Tuple>,
}

impl Expand {
    pub(crate) fn new(read: &Read) -> Self {
        Expand {
            records: read.records.clone(),
            quoted: read.records.iter().map(|name| Finder::new(&format!("\"{name}\"")).into_owned()).collect(),
            each: read.each.clone(),
            tuple: read.tuple.clone(),
        }
    }

    pub(crate) fn records<'t>(&self, text: &'t str, each: &mut dyn FnMut(Result<Raw<'t>, Unreadable>)) {
        let text = text.trim_start_matches('\u{feff}');
        if !self.may_hold_several(text) {
            // One record, whose JSON is checked when its fields are taken.
            each(Ok(Raw::Json(Cow::Borrowed(text.trim()))));
            return;
        }
        let mut rest = text;
        loop {
            let mut documents = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
            let failed = loop {
                match documents.next() {
                    None => return,
                    Some(Ok(document)) => self.document(document.get(), 0, each),
                    Some(Err(reason)) => break reason,
                }
            };
            each(Err(Unreadable(format!("no JSON: {failed}"))));
            // What is cut has nothing behind it; else reading goes on with the next line.
            let behind = rest.get(documents.byte_offset()..).map(str::trim_start).and_then(|bad| bad.split_once('\n'));
            match behind {
                Some((_, behind)) if !failed.is_eof() => rest = behind,
                _ => return,
            }
        }
    }

    /// Whether a text is more than one record: a list, several documents, or a document with a list of records.
    fn may_hold_several(&self, text: &str) -> bool {
        let text = text.trim();
        !text.starts_with('{') || !self.each.is_empty() || text.contains('\n') || self.names_records(text)
    }

    fn names_records(&self, text: &str) -> bool {
        self.quoted.iter().any(|name| name.find(text.as_bytes()).is_some())
    }

    fn document<'t>(&self, text: &'t str, depth: usize, each: &mut dyn FnMut(Result<Raw<'t>, Unreadable>)) {
        let text = text.trim();
        if text.starts_with('[') && depth < 8 {
            match serde_json::from_str::<Vec<&RawValue>>(text) {
                Ok(elements) => elements.iter().for_each(|element| self.document(element.get(), depth + 1, each)),
                Err(reason) => each(Err(Unreadable(format!("no list of records: {reason}")))),
            }
            return;
        }
        if !text.starts_with('{') {
            each(Err(Unreadable("a record is a JSON object".to_owned())));
            return;
        }
        if depth < 8
            && self.names_records(text)
            && let Ok(members) = serde_json::from_str::<FxHashMap<Cow<'t, str>, &'t RawValue>>(text)
        {
            let list = self.records.iter().filter_map(|name| members.get(name.as_str())).find(|held| held.get().starts_with('['));
            if let Some(list) = list {
                self.document(list.get(), depth + 1, each);
                return;
            }
        }
        if self.each.is_empty() {
            each(Ok(Raw::Json(Cow::Borrowed(text))));
            return;
        }
        match serde_json::from_str::<Value>(text) {
            Ok(value) => self.elements(&value, each),
            Err(reason) => each(Err(Unreadable(format!("no JSON: {reason}")))),
        }
    }

    /// One record for each element at the end of `each`, with the members of the objects on the way.
    fn elements<'t>(&self, value: &Value, each: &mut dyn FnMut(Result<Raw<'t>, Unreadable>)) {
        let base = value.as_object().cloned().unwrap_or_default();
        let mut records = vec![(base, vec![value.clone()])];
        for path in &self.each {
            let mut next = Vec::new();
            for (members, values) in &records {
                for value in values {
                    for element in reached(value, path) {
                        let mut members = members.clone();
                        if let Value::Object(own) = &element {
                            members.extend(own.clone());
                        }
                        next.push((members, vec![element]));
                    }
                }
            }
            records = next;
        }
        for (mut members, values) in records {
            for value in values {
                if let (Some(tuple), Value::String(text)) = (&self.tuple, &value) {
                    open_tuple(tuple, text, &mut members);
                }
                let text = Value::Object(members.clone()).to_string();
                each(Ok(Raw::Json(Cow::Owned(text))));
            }
        }
    }
}

/// The elements of the list at a dotted path.
fn reached(value: &Value, path: &str) -> Vec<Value> {
    let mut at = vec![value.clone()];
    for member in path.split('.') {
        let held = at.iter().filter_map(|value| value.get(member)).cloned();
        at = held
            .flat_map(|value| match value {
                Value::Array(elements) => elements,
                other => vec![other],
            })
            .collect();
    }
    at
}

fn open_tuple(tuple: &Tuple, text: &str, members: &mut Map<String, Value>) {
    for (name, part) in tuple.columns.iter().zip(text.split(tuple.delimiter.as_str())) {
        members.insert(name.clone(), Value::String(part.trim().to_owned()));
    }
}
