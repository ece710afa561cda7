//! MISP: events and attributes as its export, its search and its feeds write them.

use serde_json::{Map, Value, value::RawValue};
use skywarden_content::IndicatorKind;

use super::{Loader, label, says_yes, text_of};
use crate::Indicator;

/// One part of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Is(IndicatorKind),
    /// A port, which becomes a label.
    Port,
    /// The name of a file, which says less than the hash beside it.
    Name,
}

const ADDRESS: Part = Part::Is(IndicatorKind::Address);
const DOMAIN: Part = Part::Is(IndicatorKind::Domain);
const URL: Part = Part::Is(IndicatorKind::Url);
const HASH: Part = Part::Is(IndicatorKind::Hash);

/// The types whose values events are searched for. Of a pair each part is a value of its own, as in MISP's own exports.
const TYPES: &[(&str, &[Part])] = &[
    ("ip-src", &[ADDRESS]),
    ("ip-dst", &[ADDRESS]),
    ("ip-src|port", &[ADDRESS, Part::Port]),
    ("ip-dst|port", &[ADDRESS, Part::Port]),
    ("domain", &[DOMAIN]),
    ("hostname", &[DOMAIN]),
    ("domain|ip", &[DOMAIN, ADDRESS]),
    ("hostname|port", &[DOMAIN, Part::Port]),
    ("url", &[URL]),
    ("md5", &[HASH]),
    ("sha1", &[HASH]),
    ("sha256", &[HASH]),
    ("filename|md5", &[Part::Name, HASH]),
    ("filename|sha1", &[Part::Name, HASH]),
    ("filename|sha256", &[Part::Name, HASH]),
    ("malware-sample", &[Part::Name, HASH]),
];

/// What an event says of all its attributes.
#[derive(Debug, Clone, Default)]
struct Event {
    info: Option<String>,
    tags: Vec<String>,
}

impl Event {
    fn of(event: &Map<String, Value>) -> Self {
        let info = text_of(event, "info").filter(|info| !info.trim().is_empty()).map(str::to_owned);
        Event { info, tags: tags(event) }
    }
}

/// Loads an event: its attributes and those of its objects.
pub(super) fn load_event(raw: &RawValue, number: usize, loader: &mut Loader<'_>) {
    let place = format!("event {number}");
    // Attributes are read one by one: a wrong one must not lose the others.
    let Ok(members) = serde_json::from_str::<std::collections::BTreeMap<String, &RawValue>>(raw.get()) else {
        return loader.refuse(&place, "an event is an object");
    };
    let without_lists = members.iter().filter(|(name, _)| !["Attribute", "Object"].contains(&name.as_str()));
    let own: Map<String, Value> =
        without_lists.filter_map(|(name, raw)| Some((name.clone(), serde_json::from_str(raw.get()).ok()?))).collect();
    let event = Event::of(&own);
    let place = text_of(&own, "uuid").map_or(place, |uuid| format!("event {uuid}"));
    if let Some(raw) = members.get("Attribute") {
        load_list(raw, &event, &place, loader);
    }
    let Some(objects) = members.get("Object") else { return };
    let Ok(objects) = serde_json::from_str::<Vec<&RawValue>>(objects.get()) else {
        return loader.refuse(&place, "its objects are no list");
    };
    for (number, raw) in objects.iter().enumerate() {
        let place = format!("{place}, object {}", number + 1);
        match serde_json::from_str::<std::collections::BTreeMap<String, &RawValue>>(raw.get()) {
            Err(_) => loader.refuse(&place, "it is no object"),
            Ok(object) if object.get("deleted").is_some_and(|deleted| deleted.get() == "true") => loader.leave_out("deleted"),
            Ok(object) => {
                if let Some(raw) = object.get("Attribute") {
                    load_list(raw, &event, &place, loader);
                }
            }
        }
    }
}

/// Loads attributes that stand in no event, as a search gives them.
pub(super) fn load_attributes(attributes: &[&RawValue], loader: &mut Loader<'_>) {
    load_each(attributes, &Event::default(), "", loader);
}

fn load_list(raw: &RawValue, event: &Event, place: &str, loader: &mut Loader<'_>) {
    match serde_json::from_str::<Vec<&RawValue>>(raw.get()) {
        Ok(attributes) => load_each(&attributes, event, &format!("{place}, "), loader),
        Err(_) => loader.refuse(place, "its attributes are no list"),
    }
}

fn load_each(attributes: &[&RawValue], event: &Event, before: &str, loader: &mut Loader<'_>) {
    for (number, raw) in attributes.iter().enumerate() {
        let place = format!("{before}attribute {}", number + 1);
        match serde_json::from_str::<Map<String, Value>>(raw.get()) {
            Ok(attribute) => load_attribute(&attribute, event, place, loader),
            Err(_) => loader.refuse(&place, "it is no object, or nested too deeply"),
        }
    }
}

fn load_attribute(attribute: &Map<String, Value>, event: &Event, place: String, loader: &mut Loader<'_>) {
    let place = text_of(attribute, "uuid").map_or(place, |uuid| format!("attribute {uuid}"));
    if says_yes(attribute, "deleted") {
        return loader.leave_out("deleted");
    }
    if !says_yes(attribute, "to_ids") {
        return loader.leave_out("not meant for detection");
    }
    if matches!(attribute.get("warnings"), Some(Value::Array(hits)) if !hits.is_empty()) {
        return loader.leave_out("on a warning list of MISP");
    }
    let (Some(kind), Some(value)) = (text_of(attribute, "type"), text_of(attribute, "value")) else {
        return loader.refuse(&place, "it has no type or no value");
    };
    let Some((_, parts)) = TYPES.iter().find(|(name, _)| *name == kind) else {
        return loader.refuse(&place, format_args!("events are not searched for the type `{kind}`"));
    };
    let values: Vec<&str> = match parts {
        [_] => vec![value],
        // A file's name may hold the sign, a hash does not.
        [Part::Name, _] => value.rsplitn(2, '|').collect::<Vec<_>>().into_iter().rev().collect(),
        _ => value.splitn(2, '|').collect(),
    };
    if values.len() != parts.len() {
        return loader.refuse(&place, format_args!("a `{kind}` has two parts with `|` between"));
    }
    let mut indicator = described(attribute, event, loader);
    let port = parts.iter().zip(&values).find(|(part, _)| **part == Part::Port).map(|(_, port)| port.trim());
    indicator.labels.extend(port.map(|port| format!("port {port}")));
    for (part, value) in parts.iter().zip(values) {
        if let Part::Is(kind) = part {
            loader.add(&place, *kind, value, indicator.clone());
        }
    }
}

/// What is said of an attribute, by itself and by its event, which a search puts inside.
fn described(attribute: &Map<String, Value>, event: &Event, loader: &Loader<'_>) -> Indicator {
    let inside = attribute.get("Event").and_then(Value::as_object).map(Event::of).unwrap_or_default();
    let mut indicator = loader.plain();
    if let Some(info) = event.info.as_ref().or(inside.info.as_ref()) {
        indicator.origins = vec![info.clone()];
    }
    let own = tags(attribute);
    let all = || own.iter().chain(&event.tags).chain(&inside.tags);
    // What is said of the attribute itself counts before what is said of the event.
    indicator.confidence = all().find_map(|tag| label::confidence_of(tag));
    let mut labels: Vec<String> = all().flat_map(|tag| label::of_tag(tag)).collect();
    label::with_own_words(&mut labels);
    indicator.labels.extend(labels);
    indicator
}

fn tags(object: &Map<String, Value>) -> Vec<String> {
    let Some(Value::Array(tags)) = object.get("Tag") else { return Vec::new() };
    tags.iter().filter_map(|tag| tag.get("name")?.as_str()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{
        Entry, Intelligence,
        indicators::{Feed, Loaded, read},
    };

    fn load(text: &str) -> (Vec<Entry>, Loaded) {
        let mut known = Intelligence::default();
        let loaded = read(text.as_bytes(), Feed { name: "the feed", labels: &[] }, &mut known);
        (known.entries(), loaded)
    }

    fn attribute(kind: &str, value: &str) -> serde_json::Value {
        json!({"uuid": format!("uuid-of-{kind}"), "type": kind, "to_ids": true, "value": value, "category": "Network activity"})
    }

    fn values(entries: &[Entry]) -> Vec<&str> {
        entries.iter().map(|entry| entry.value.as_str()).collect()
    }

    #[test]
    fn every_type_gives_its_values() {
        let md5 = "a1b2c3d4e5f60718293a4b5c6d7e8f90";
        for (kind, value, expected) in [
            ("ip-src", "198.51.100.7", &["198.51.100.7"][..]),
            ("ip-dst", "198.51.100.0/24", &["198.51.100.0/24"]),
            ("ip-dst|port", "198.51.100.7|8443", &["198.51.100.7"]),
            ("ip-src|port", "2001:db8::7|80", &["2001:db8::7"]),
            ("domain", "bad.example", &["bad.example"]),
            ("hostname", "a.bad.example", &["a.bad.example"]),
            ("domain|ip", "bad.example|198.51.100.7", &["198.51.100.7", "bad.example"]),
            ("url", "http://bad.example/x", &["http://bad.example/x"]),
            ("md5", md5, &[md5]),
            ("filename|md5", &format!("a|b.exe|{md5}"), &[md5]),
            ("malware-sample", &format!("a.exe|{md5}"), &[md5]),
        ] {
            let (entries, loaded) = load(&json!([attribute(kind, value)]).to_string());
            assert_eq!((values(&entries), loaded.n_unusable), (expected.to_vec(), 0), "{kind}");
        }
        let entries = load(&attribute("ip-dst|port", "198.51.100.7|8443").to_string()).0;
        assert_eq!(entries[0].indicator.labels, ["port 8443"]);
    }

    #[test]
    fn an_event_in_each_of_its_forms_gives_the_same() {
        let tag = |name: &str| json!({"name": name});
        let event = json!({"Event": {
            "uuid": "event-1", "info": "Phishing of a harbour",
            "Tag": [tag("tlp:white"), tag("misp-galaxy:threat-actor=\"Grey Heron\""),
                tag("misp:confidence-level=\"fairly-confident\"")],
            "Attribute": [{
                "type": "domain", "to_ids": true, "value": "bad.example",
                "Tag": [tag("phishing"), tag("misp:confidence-level=\"usually-confident\"")],
            }],
            "Object": [
                {"Attribute": [{"type": "sha1", "to_ids": "1", "value": "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4"}]},
                {"name": "file", "deleted": true, "Attribute": [attribute("domain", "gone.example")]},
            ],
        }});
        for text in
            [event.to_string(), json!({"response": [event]}).to_string(), json!([event]).to_string(), format!("{event}\n{event}")]
        {
            let (entries, loaded) = load(&text);
            assert_eq!(values(&entries), ["bad.example", "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4"], "{loaded:?}");
            let (domain, hash) = (&entries[0].indicator, &entries[1].indicator);
            assert_eq!(domain.labels, ["grey heron", "phishing", "threat-actor"]);
            assert_eq!((domain.confidence, hash.confidence), (Some(75), Some(50)));
            assert_eq!((&domain.origins, domain.from, domain.until), (&vec!["Phishing of a harbour".to_owned()], None, None));
        }
    }

    #[test]
    fn a_search_for_attributes_names_the_event_inside() {
        let mut one = attribute("domain", "bad.example");
        one["Event"] = json!({"info": "From a search", "id": "5"});
        let (entries, _) = load(&json!({"response": {"Attribute": [one]}}).to_string());
        assert_eq!(entries[0].indicator.origins, ["From a search"]);
        let entries = load(&json!({"Attribute": attribute("domain", "bad.example")}).to_string()).0;
        assert_eq!(entries[0].indicator.origins, ["the feed"]);
    }

    #[test]
    fn what_is_not_meant_for_detection_is_counted_and_what_is_wrong_is_told() {
        let with = |member: &str, value: serde_json::Value| {
            let mut one = attribute("domain", "left.example");
            one[member] = value;
            one
        };
        let event = json!({"Event": {"uuid": "e", "info": "x", "Attribute": [
            with("to_ids", json!(false)), with("to_ids", json!(null)), with("deleted", json!(true)),
            with("warnings", json!([{"warninglist_name": "top sites"}])),
            attribute("email-src", "a@b.example"), attribute("domain|ip", "bad.example"), attribute("ip-src", "10.0.0.1"),
            json!({"type": "domain", "to_ids": true}), json!("x"),
            attribute("domain", "good.example"),
        ], "Object": [7]}});
        let (entries, loaded) = load(&event.to_string());
        assert_eq!(values(&entries), ["good.example"]);
        let left: Vec<_> = loaded.left_out.iter().map(|(why, n)| (*why, *n)).collect();
        assert_eq!(left, [("deleted", 1), ("not meant for detection", 2), ("on a warning list of MISP", 1)]);
        let told: Vec<String> = loaded.unusable.iter().map(ToString::to_string).collect();
        for (place, part) in [
            ("attribute uuid-of-email-src", "`email-src`"),
            ("attribute uuid-of-domain|ip", "two parts"),
            ("attribute uuid-of-ip-src", "private"),
            ("event e, attribute 8", "no value"),
            ("event e, attribute 9", "no object"),
            ("event e, object 1", "no object"),
        ] {
            assert!(told.iter().any(|told| told.starts_with(place) && told.contains(part)), "{place}: {told:?}");
        }
        assert_eq!(loaded.n_unusable, 6);
    }
}
