//! JSON texts: one document or several, taken apart into what STIX, MISP and we ourselves write.

use std::collections::BTreeMap;

use serde_json::{Deserializer, value::RawValue};

use super::{Loader, guess, misp, stix};
use crate::{Entry, source::shorten};

/// Lists and wrappers are opened so deep.
const MAX_DEPTH: usize = 8;

/// After so many faults that lie beyond the first line of a document, reading stops: each costs a pass over what follows.
const MAX_FAR_FAULTS: usize = 20;

/// Lists that hold what is looked for.
const LISTS: [&str; 3] = ["\"objects\"", "\"Attribute\"", "\"response\""];

/// What the documents of a text hold.
#[derive(Debug, Default)]
struct Found<'t> {
    objects: Vec<&'t RawValue>,
    events: Vec<&'t RawValue>,
    attributes: Vec<&'t RawValue>,
}

/// Whether a text begins as JSON does. `[` also begins headers of lists and addresses with a port.
pub(super) fn is_json(text: &[u8]) -> bool {
    match text.trim_ascii_start() {
        [b'{', ..] => true,
        [b'[', rest @ ..] => matches!(rest.trim_ascii_start().first(), Some(b'{' | b'[' | b'"' | b']')),
        _ => false,
    }
}

/// Loads all documents of a text.
pub(super) fn load(text: &str, loader: &mut Loader<'_>) {
    let mut found = Found::default();
    let (mut rest, mut line, mut n_far) = (text, 1, 0);
    loop {
        let mut documents = Deserializer::from_str(rest).into_iter::<&RawValue>();
        let failed = loop {
            match documents.next() {
                None => break None,
                Some(Ok(document)) => found.take(document, 0, loader),
                Some(Err(reason)) => break Some(reason),
            }
        };
        let Some(reason) = failed else { break };
        let (before, bad) = rest.split_at_checked(documents.byte_offset()).unwrap_or((rest, ""));
        let bad_line = n_lines(before) + n_lines_until(bad, bad.trim_start());
        let told_line = line + reason.line().saturating_sub(1);
        loader.refuse(&format!("line {told_line}, column {}", reason.column()), format_args!("no JSON: {}", plain(&reason)));
        n_far += usize::from(reason.line() > bad_line + 2);
        if n_far >= MAX_FAR_FAULTS {
            loader.refuse(&format!("line {told_line}"), "too many faults: nothing behind this line is read");
            break;
        }
        let behind = found.salvage(bad.trim_start(), loader);
        let Some(next) = next_document(behind) else { break };
        line += n_lines_until(rest, next);
        rest = next;
    }
    stix::load(&found.objects, loader);
    for (place, event) in found.events.iter().enumerate() {
        misp::load_event(event, place + 1, loader);
    }
    misp::load_attributes(&found.attributes, loader);
}

/// Why a text is no JSON, without the place, which is told in lines of the whole text.
fn plain(reason: &serde_json::Error) -> String {
    let told = reason.to_string();
    told.split(" at line ").next().unwrap_or_default().to_owned()
}

fn n_lines(text: &str) -> usize {
    memchr::memchr_iter(b'\n', text.as_bytes()).count()
}

/// How many lines end in a text before the rest of it.
fn n_lines_until(text: &str, rest: &str) -> usize {
    text.len().checked_sub(rest.len()).and_then(|end| text.get(..end)).map_or(0, n_lines)
}

/// The next line that begins as a document does: lines inside of one are indented, or begin with something else.
fn next_document(bad: &str) -> Option<&str> {
    let places = bad.match_indices('\n').map(|(place, _)| place + 1);
    places.filter_map(|place| bad.get(place..)).find(|rest| rest.starts_with(['{', '[']))
}

impl<'t> Found<'t> {
    /// Sorts a value by what it is.
    fn take(&mut self, raw: &'t RawValue, depth: usize, loader: &mut Loader<'_>) {
        let text = raw.get();
        let told = || format!("`{}`", shorten(text, 40));
        if depth > MAX_DEPTH {
            return loader.refuse(&told(), "nested too deeply");
        }
        if text.starts_with('[') {
            match serde_json::from_str::<Vec<&RawValue>>(text) {
                Ok(elements) => elements.iter().for_each(|element| self.take(element, depth + 1, loader)),
                Err(reason) => loader.refuse(&told(), plain(&reason)),
            }
        } else if let Ok(value) = serde_json::from_str::<String>(text) {
            self.take_text(&value, loader);
        } else {
            match serde_json::from_str::<BTreeMap<String, &RawValue>>(text) {
                Ok(members) => self.take_object(raw, &members, depth, loader),
                Err(_) => loader.refuse(&told(), "it is no object"),
            }
        }
    }

    fn take_object(
        &mut self,
        raw: &'t RawValue,
        members: &BTreeMap<String, &'t RawValue>,
        depth: usize,
        loader: &mut Loader<'_>,
    ) {
        let has = |name: &str| members.contains_key(name);
        let list = |name: &str| members.get(name).and_then(|raw| serde_json::from_str::<Vec<&RawValue>>(raw.get()).ok());
        let told = || format!("`{}`", shorten(raw.get(), 40));
        // Ids of STIX are `TYPE--UUID`; those of MISP are numbers.
        let is_stix = has("spec_version") || members.get("id").is_some_and(|id| id.get().contains("--"));
        let is_bundle = members.get("type").is_some_and(|kind| kind.get() == "\"bundle\"");
        if has("objects") || is_bundle {
            match list("objects") {
                Some(objects) => self.objects.extend(objects),
                // A bundle without objects is allowed.
                None if has("objects") => loader.refuse(&told(), "its objects are no list"),
                None => {}
            }
        } else if let Some(event) = members.get("Event").filter(|_| !has("value")) {
            self.events.push(event);
        } else if has("kind") && has("value") {
            match serde_json::from_str::<Entry>(raw.get()) {
                Ok(entry) => loader.add(&told(), entry.kind, &entry.value, entry.indicator),
                Err(reason) => loader.refuse(&told(), plain(&reason)),
            }
        } else if has("type") && has("value") && !is_stix {
            self.attributes.push(raw);
        } else if has("type") && is_stix {
            self.objects.push(raw);
        } else if let Some(inner) = members.get("response") {
            self.take(inner, depth + 1, loader);
        } else if has("Attribute") {
            match (list("Attribute"), members.get("Attribute")) {
                (Some(attributes), _) => self.attributes.extend(attributes),
                (None, Some(attribute)) => self.attributes.push(attribute),
                (None, None) => {}
            }
        } else if !members.is_empty() && members.keys().all(|key| is_uuid(key)) {
            loader.refuse(&told(), "a feed's manifest names events and holds none: read the files of its events");
        } else if !members.is_empty() && !has("more") {
            loader.refuse(&told(), "it is no document of STIX or MISP");
        }
    }

    fn take_text(&self, text: &str, loader: &mut Loader<'_>) {
        let place = format!("`{}`", shorten(text, 40));
        match guess::guess(&guess::refanged(text)) {
            Ok(guessed) => {
                let indicator = loader.plain();
                loader.add(&place, guessed.kind, &guessed.value, indicator);
            }
            Err(reason) => loader.refuse(&place, reason),
        }
    }

    /// Takes what stands whole in the list of a document that is broken behind it. Gives what follows.
    fn salvage(&mut self, bad: &'t str, loader: &mut Loader<'_>) -> &'t str {
        let head = next_document(bad).and_then(|next| bad.get(..bad.len().checked_sub(next.len())?)).unwrap_or(bad);
        let list = if bad.starts_with('[') {
            Some(("", bad))
        } else {
            LISTS.into_iter().find_map(|name| {
                let rest = bad.get(head.find(name)? + name.len()..)?.trim_start().strip_prefix(':')?.trim_start();
                rest.starts_with('[').then_some((name, rest))
            })
        };
        let Some((name, mut rest)) = list else { return bad };
        // Before the first element stands `[`, before each other one a comma.
        while let Some(after) = rest.trim_start().strip_prefix(['[', ',']) {
            let mut elements = Deserializer::from_str(after).into_iter::<&RawValue>();
            let Some(Ok(element)) = elements.next() else { return after.trim_start() };
            rest = after.get(elements.byte_offset()..).unwrap_or_default();
            match name {
                "\"objects\"" => self.objects.push(element),
                "\"Attribute\"" => self.attributes.push(element),
                _ => self.take(element, 0, loader),
            }
        }
        rest
    }
}

pub(super) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.char_indices().all(
            |(place, letter)| {
                if [8, 13, 18, 23].contains(&place) { letter == '-' } else { letter.is_ascii_hexdigit() }
            },
        )
}

#[cfg(test)]
mod tests {
    use crate::{
        Intelligence,
        indicators::{Feed, Loaded, read},
    };

    fn load(text: &str) -> (Vec<String>, Loaded) {
        let mut known = Intelligence::default();
        let loaded = read(text.as_bytes(), Feed::default(), &mut known);
        (known.entries().into_iter().map(|entry| entry.value).collect(), loaded)
    }

    fn attribute(value: &str) -> String {
        format!(r#"{{"type":"domain","to_ids":true,"value":"{value}"}}"#)
    }

    #[test]
    fn a_fault_loses_nothing_that_stands_whole() {
        let (one, two) = (attribute("one.example"), attribute("two.example"));
        for (text, n_unusable) in [
            (format!("{one}\n{{\"type\": oops\n{two}\n"), 1),
            (format!("{one}\n{{\"type\":\"domain\"}}}}\n\n{two}\n"), 2),
            (format!("{{\"Attribute\": [\n{one},\n{two},\n7x,\n{one}]}}"), 2),
            (format!("[\n{one}\n{two}\n]"), 2),
            (format!("[{one},\n{two},\n{{\"type\":"), 1),
            (format!("[{one}, {two}, {{\"type\": oops}}]"), 1),
            (format!("{{\"Attribute\": [{one}, {two}, {{\"type\": \"cut"), 1),
            (format!("{{\"response\": {{\"Attribute\": [{one}, {two}, 1x"), 1),
            (format!("[[{one}], [[{two}]], [[[[[[[[[[[1]]]]]]]]]]]]"), 1),
            (format!("[{one}, 7, {two}]"), 1),
        ] {
            let (values, loaded) = load(&text);
            assert_eq!(values, ["one.example", "two.example"], "{text}: {loaded:?}");
            assert_eq!(loaded.n_unusable, n_unusable, "{text}: {loaded:?}");
        }
    }

    #[test]
    fn places_of_faults_are_lines() {
        let text = format!("{}\n\n{{\"type\": oops\n{}\n{{bad\n", attribute("one.example"), attribute("two.example"));
        let (_, loaded) = load(&text);
        let places: Vec<&str> = loaded.unusable.iter().map(|one| one.place.as_str()).collect();
        assert_eq!(places, ["line 3, column 10", "line 5, column 2"]);
    }

    #[test]
    fn documents_of_other_kinds_are_told() {
        for (text, part) in [
            (r#"{"a": 1}"#, "no document"),
            (r#"{"5b8e2f1a-1111-4222-8333-444455556666": {"info": "x"}}"#, "manifest"),
            (r#"{"type": "bundle", "objects": 7}"#, "no list"),
            (r#"{"kind": "domain", "value": 7}"#, "invalid type"),
        ] {
            let (values, loaded) = load(text);
            assert!(values.is_empty() && loaded.unusable[0].reason.contains(part), "{text}: {loaded:?}");
        }
        for text in [r#"{"type": "bundle", "id": "bundle--1"}"#, "{}", r#"{"more": false}"#, "[]"] {
            assert_eq!(load(text), (Vec::new(), Loaded::default()), "{text}");
        }
    }

    #[test]
    fn texts_in_a_list_are_values() {
        assert_eq!(load(r#"["198.51.100[.]7", "bad.example", "x"]"#).0, ["198.51.100.7", "bad.example"]);
    }

    #[test]
    fn many_broken_documents_end_soon() {
        let text = "{\"a\":\n".repeat(2_000);
        let (_, loaded) = load(&text);
        assert!(loaded.n_unusable <= 2 * super::MAX_FAR_FAULTS, "{}", loaded.n_unusable);
    }
}
