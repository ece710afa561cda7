//! STIX 2.1 (and 2.0, whose indicators have no `pattern_type`): indicators with who made them and what they indicate.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, value::RawValue};

use super::{Loader, label, meaning::meaning, pattern::Pattern, says_yes, text_of, texts_of};
use crate::{Indicator, time::rfc3339};

/// Observables that would be values to look for if something called them bad: an indicator does, an observation does not.
const OBSERVABLES: &[&str] = &["artifact", "domain-name", "file", "ipv4-addr", "ipv6-addr", "network-traffic", "url"];

/// Types of objects whose names become labels of what indicates them.
const THREATS: &[&str] = &["attack-pattern", "campaign", "infrastructure", "intrusion-set", "malware", "threat-actor", "tool"];

/// Lists of a threat's kinds, as `ransomware` is one of malware.
const KINDS_OF_THREATS: &[&str] = &["malware_types", "threat_actor_types", "infrastructure_types", "tool_types"];

/// The members of an object, by its id, or by its place if it has none.
type Object = (String, Map<String, Value>);

/// What is kept of an object until all are seen.
enum Seen {
    Indicator(Box<Map<String, Value>>),
    Identity(String),
    Threat(Vec<String>),
    Indicates { indicator: String, threat: String },
    Observable,
    Other,
}

/// The newest version of each object, by id.
#[derive(Default)]
struct Newest {
    objects: BTreeMap<String, (Option<Timestamp>, Seen)>,
}

/// What indicators refer to.
struct Around {
    identities: BTreeMap<String, String>,
    /// The labels of what an indicator indicates.
    threats: BTreeMap<String, Vec<String>>,
}

/// Loads the indicators among objects, which may refer to each other.
pub(super) fn load(objects: &[&RawValue], loader: &mut Loader<'_>) {
    let mut newest = Newest::default();
    for (place, raw) in objects.iter().enumerate() {
        let place = format!("object {}", place + 1);
        match serde_json::from_str::<Map<String, Value>>(raw.get()) {
            Ok(object) => newest.add(place, object, loader),
            Err(_) => loader.refuse(&place, "it is no object, or nested too deeply"),
        }
    }
    let (indicators, around) = newest.apart(loader);
    for (id, object) in indicators {
        load_indicator(&id, &object, &around, loader);
    }
}

impl Newest {
    fn add(&mut self, place: String, object: Map<String, Value>, loader: &mut Loader<'_>) {
        let id = text_of(&object, "id").map_or(place, str::to_owned);
        let modified = text_of(&object, "modified").and_then(rfc3339);
        if let Some((known, _)) = self.objects.get(&id) {
            loader.leave_out("an older version of the same object");
            if modified < *known {
                return;
            }
        }
        self.objects.insert(id, (modified, Seen::of(object)));
    }

    /// The indicators, and what they refer to.
    fn apart(self, loader: &mut Loader<'_>) -> (Vec<Object>, Around) {
        let (mut indicators, mut identities) = (Vec::new(), BTreeMap::new());
        let (mut labels, mut indicates) = (BTreeMap::new(), Vec::new());
        for (id, (_, seen)) in self.objects {
            match seen {
                Seen::Indicator(object) => indicators.push((id, *object)),
                Seen::Identity(name) => {
                    identities.insert(id, name);
                }
                Seen::Threat(names) => {
                    labels.insert(id, names);
                }
                Seen::Indicates { indicator, threat } => indicates.push((indicator, threat)),
                Seen::Observable => loader.leave_out("an observable, which by itself is not bad"),
                Seen::Other => {}
            }
        }
        let mut threats: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (indicator, threat) in indicates {
            threats.entry(indicator).or_default().extend(labels.get(&threat).into_iter().flatten().cloned());
        }
        (indicators, Around { identities, threats })
    }
}

impl Seen {
    fn of(object: Map<String, Value>) -> Self {
        let kind = text_of(&object, "type").unwrap_or_default();
        let name = || text_of(&object, "name").unwrap_or_default().to_owned();
        if kind == "indicator" {
            return Seen::Indicator(Box::new(object));
        }
        if OBSERVABLES.contains(&kind) {
            return Seen::Observable;
        }
        // What is revoked no longer says anything of an indicator; who made it is still its maker.
        if kind == "identity" {
            return Seen::Identity(name());
        }
        if says_yes(&object, "revoked") {
            return Seen::Other;
        }
        if THREATS.contains(&kind) {
            let kinds = KINDS_OF_THREATS.iter().flat_map(|member| texts_of(&object, member));
            return Seen::Threat([kind.to_owned(), name()].into_iter().chain(kinds).collect());
        }
        match (text_of(&object, "relationship_type"), text_of(&object, "source_ref"), text_of(&object, "target_ref")) {
            (Some("indicates"), Some(indicator), Some(threat)) if kind == "relationship" => {
                Seen::Indicates { indicator: indicator.to_owned(), threat: threat.to_owned() }
            }
            _ => Seen::Other,
        }
    }
}

fn load_indicator(id: &str, object: &Map<String, Value>, around: &Around, loader: &mut Loader<'_>) {
    if says_yes(object, "revoked") {
        return loader.leave_out("revoked");
    }
    // STIX 2.0 has the types among the labels.
    let types = [texts_of(object, "indicator_types"), texts_of(object, "labels")].concat();
    if types.iter().any(|kind| kind.eq_ignore_ascii_case("benign")) {
        return loader.leave_out("called benign");
    }
    let language = text_of(object, "pattern_type").unwrap_or("stix");
    if language != "stix" {
        return loader.refuse(id, format_args!("its pattern is written in `{language}`, which is not read"));
    }
    let indicator = match described(object, types, around, loader) {
        Ok(indicator) => indicator,
        Err(reason) => return loader.refuse(id, reason),
    };
    let Some(pattern) = text_of(object, "pattern") else { return loader.refuse(id, "it has no pattern") };
    let pattern = match Pattern::parse(pattern) {
        Ok(pattern) => pattern,
        Err(bad) => return loader.refuse(id, bad),
    };
    let meaning = meaning(&pattern);
    for alternative in meaning.alternatives {
        let from = alternative.from.max(indicator.from);
        let until = alternative.until.into_iter().chain(indicator.until).min();
        loader.add(id, alternative.kind, &alternative.value, Indicator { from, until, ..indicator.clone() });
    }
    for reason in meaning.refused {
        loader.refuse(id, reason);
    }
}

/// What an indicator says of its values.
fn described(
    object: &Map<String, Value>,
    mut labels: Vec<String>,
    around: &Around,
    loader: &Loader<'_>,
) -> Result<Indicator, String> {
    let mut indicator = loader.plain();
    indicator.from = time(object, "valid_from")?;
    indicator.until = time(object, "valid_until")?;
    indicator.confidence = match object.get("confidence") {
        None | Some(Value::Null) => None,
        Some(value) => {
            let confidence = value.as_u64().and_then(|number| u8::try_from(number).ok()).filter(|number| *number <= 100);
            Some(confidence.ok_or("its confidence is no number from 0 to 100")?)
        }
    };
    if let Some(name) = text_of(object, "created_by_ref").and_then(|maker| around.identities.get(maker)) {
        indicator.origins = vec![name.clone()];
    }
    if let Some(Value::Array(phases)) = object.get("kill_chain_phases") {
        labels.extend(phases.iter().filter_map(|phase| phase.get("phase_name")?.as_str()).map(str::to_owned));
    }
    let id = text_of(object, "id").unwrap_or_default();
    labels.extend(around.threats.get(id).into_iter().flatten().cloned());
    label::with_own_words(&mut labels);
    indicator.labels.extend(labels);
    Ok(indicator)
}

fn time(object: &Map<String, Value>, member: &str) -> Result<Option<i64>, String> {
    match object.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let time = value.as_str().and_then(rfc3339).ok_or_else(|| format!("its `{member}` is no time"))?;
            Ok(Some(time.as_millisecond()))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        Entry, Intelligence,
        indicators::{Feed, Loaded, read},
    };

    fn load(text: &str) -> (Vec<Entry>, Loaded) {
        let mut known = Intelligence::default();
        let loaded = read(text.as_bytes(), Feed { name: "the feed", labels: &[] }, &mut known);
        (known.entries(), loaded)
    }

    fn indicator(number: u32, pattern: &str, more: Value) -> Value {
        let mut object = json!({
            "type": "indicator", "spec_version": "2.1", "id": format!("indicator--{number}"), "pattern_type": "stix",
            "pattern": pattern, "valid_from": "2026-01-01T00:00:00Z",
        });
        object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        object
    }

    fn relationship(number: u32, kind: &str, source: &str, target: &str) -> Value {
        json!({
            "type": "relationship", "id": format!("relationship--{number}"), "relationship_type": kind,
            "source_ref": source, "target_ref": target,
        })
    }

    fn bundle(objects: &[Value]) -> String {
        json!({"type": "bundle", "id": "bundle--1", "objects": objects}).to_string()
    }

    #[test]
    fn all_that_is_said_of_an_indicator_is_kept() {
        let mut revoked = relationship(3, "indicates", "indicator--2", "malware--1");
        revoked["revoked"] = true.into();
        let objects = [
            json!({"type": "identity", "id": "identity--1", "name": "Harbour CERT"}),
            json!({"type": "malware", "id": "malware--1", "name": "Driftwood", "malware_types": ["bot"]}),
            json!({"type": "threat-actor", "id": "threat-actor--1", "name": "Grey Heron"}),
            relationship(1, "indicates", "indicator--1", "malware--1"),
            relationship(2, "indicates", "indicator--1", "threat-actor--1"),
            revoked,
            relationship(4, "based-on", "indicator--1", "domain-name--1"),
            json!({"type": "domain-name", "id": "domain-name--1", "value": "observed.example"}),
            indicator(
                1,
                "[domain-name:value = 'bad.example']",
                json!({
                    "valid_until": "2026-06-01T00:00:00.5Z", "confidence": 80, "created_by_ref": "identity--1",
                    "indicator_types": ["malicious-activity"], "labels": ["Own"],
                    "kill_chain_phases": [{"kill_chain_name": "x", "phase_name": "command-and-control"}],
                }),
            ),
            indicator(2, "[url:value = 'http://bad.example/x']", json!({"object_marking_refs": ["marking-definition--1"]})),
        ];
        for text in [bundle(&objects), json!({"more": false, "objects": objects}).to_string(), json!(objects).to_string()] {
            let (entries, loaded) = load(&text);
            assert_eq!((entries.len(), loaded.n_unusable, loaded.left_out.values().sum()), (2, 0, 1_usize), "{loaded:?}");
            let known = &entries[0].indicator;
            assert_eq!(
                known.labels,
                [
                    "bot",
                    "botnet",
                    "c2",
                    "command-and-control",
                    "driftwood",
                    "grey heron",
                    "malicious",
                    "malicious-activity",
                    "malware",
                    "own",
                    "threat-actor"
                ]
            );
            assert_eq!(known.origins, ["Harbour CERT"]);
            assert_eq!(known.confidence, Some(80));
            assert_eq!((known.from, known.until), (Some(1_767_225_600_000), Some(1_780_272_000_500)));
            assert_eq!(entries[1].indicator.origins, ["the feed"]);
            assert!(entries[1].indicator.labels.is_empty(), "what no longer indicates");
        }
    }

    #[test]
    fn an_object_may_stand_alone_or_on_a_line() {
        let (one, two) = (
            indicator(1, "[ipv4-addr:value = '198.51.100.7']", json!({})),
            indicator(2, "[ipv4-addr:value = '198.51.100.8']", json!({})),
        );
        assert_eq!(load(&one.to_string()).0.len(), 1);
        assert_eq!(load(&format!("{one}\n{two}\n")).0.len(), 2);
        let (mut of_2_0, members) =
            (indicator(3, "[ipv4-addr:value = '198.51.100.7']", json!({})), ["pattern_type", "spec_version"]);
        members.iter().for_each(|member| drop(of_2_0.as_object_mut().unwrap().remove(*member)));
        assert_eq!(load(&of_2_0.to_string()).0.len(), 1);
    }

    #[test]
    fn a_wrong_one_is_told_by_its_id_and_loses_no_other() {
        let good = "[domain-name:value = 'bad.example']";
        let objects = [
            indicator(1, "[domain-name:value = ", json!({})),
            indicator(2, good, json!({"pattern_type": "yara"})),
            indicator(3, good, json!({"confidence": 101})),
            indicator(4, good, json!({"valid_until": "soon"})),
            indicator(5, good, json!({"valid_until": "2025-01-01T00:00:00Z"})),
            indicator(6, good, json!({"pattern": 7})),
            indicator(7, "[ipv4-addr:value = '10.0.0.1' OR ipv4-addr:value = '198.51.100.7']", json!({})),
            json!(7),
            indicator(8, "[domain-name:value = 'good.example']", json!({})),
        ];
        let (entries, loaded) = load(&bundle(&objects));
        let values: Vec<&str> = entries.iter().map(|entry| entry.value.as_str()).collect();
        assert_eq!(values, ["198.51.100.7", "good.example"]);
        let told: Vec<String> = loaded.unusable.iter().map(ToString::to_string).collect();
        for (place, part) in [
            ("indicator--1", "a constant is missing"),
            ("indicator--2", "`yara`"),
            ("indicator--3", "confidence"),
            ("indicator--4", "`valid_until` is no time"),
            ("indicator--5", "ends before"),
            ("indicator--6", "no pattern"),
            ("indicator--7", "private"),
            ("object 8", "no object"),
        ] {
            assert!(told.iter().any(|told| told.starts_with(place) && told.contains(part)), "{place}: {told:?}");
        }
        assert_eq!(loaded.n_unusable, 8);
    }

    #[test]
    fn what_is_revoked_benign_or_replaced_is_left_out() {
        let version = |modified: &str, value: &str, more: Value| {
            let mut object = indicator(1, &format!("[domain-name:value = '{value}']"), more);
            object["modified"] = modified.into();
            object
        };
        let (old, new) = (
            version("2026-01-01T00:00:00Z", "old.example", json!({})),
            version("2026-02-01T00:00:00Z", "new.example", json!({})),
        );
        for objects in [[old.clone(), new.clone()], [new, old.clone()]] {
            assert_eq!(load(&bundle(&objects)).0[0].value, "new.example");
        }
        let revoked = version("2026-02-01T00:00:00Z", "old.example", json!({"revoked": true}));
        assert_eq!(load(&bundle(&[revoked, old])).0, []);
        let (entries, loaded) =
            load(&bundle(&[indicator(1, "[domain-name:value = 'a.example']", json!({"indicator_types": ["benign"]}))]));
        assert_eq!((entries.len(), loaded.left_out.get("called benign")), (0, Some(&1)));
    }
}
