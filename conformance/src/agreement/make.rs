use serde_json::{Map, Value, json};
use skywarden_content::{CollectorFile, FieldType, ScalarType};
use skywarden_model::{FieldPath, Segment};

use crate::{mentions::Mention, random::Random};

/// A field of resources that are made, and what may stand there.
#[derive(Debug, Clone)]
pub struct Field {
    path: FieldPath,
    /// What one of the rules names, or what is as good.
    named: Vec<Value>,
}

/// Whether fields have values that neither rule names, and of kinds that the field never has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strangeness {
    /// What one of the rules names, or nothing.
    Named,
    /// Anything.
    Strange,
}

/// The fields that rules read, the deepest first, so that what is above is filled already.
pub fn fields(mentions: Vec<Mention>, collector: Option<&CollectorFile>) -> Vec<Field> {
    let mut all: Vec<Field> = Vec::new();
    for mention in mentions {
        match all.iter_mut().find(|own| own.path.to_string().eq_ignore_ascii_case(&mention.path.to_string())) {
            Some(own) => own.named.extend(mention.wanted),
            None => all.push(Field { path: mention.path, named: mention.wanted }),
        }
    }
    for field in &mut all {
        let kind = collector.and_then(|collector| kind_of(&collector.fields, field.path.segments()));
        field.named = values(std::mem::take(&mut field.named), kind);
    }
    all.sort_by_key(|field| std::cmp::Reverse(field.path.segments().len()));
    all
}

/// A resource: `base` with some fields changed, or with all of them filled.
pub fn made(base: &Value, fields: &[Field], strangeness: Strangeness, is_from_nothing: bool, random: &mut Random) -> Value {
    let mut made = base.clone();
    let share = [25, 50, 100].get(random.below(3)).copied().unwrap_or(100);
    let one = random.below(fields.len());
    for (number, field) in fields.iter().enumerate() {
        if !is_from_nothing && number != one && !random.percent(share / 3) {
            continue;
        }
        let steps = field.path.segments();
        let Some(Segment::Key(first)) = steps.first() else { continue };
        if ["id", "type", "fullname", "scope", "facts"].contains(&first.to_ascii_lowercase().as_str()) {
            continue;
        }
        let is_text = ["name", "location", "tags"].contains(&first.to_ascii_lowercase().as_str());
        if is_text {
            envelope_text(&mut made, field, random);
        } else {
            Maker { field, strangeness, random }.put(&mut made, steps);
        }
    }
    if !made.get("properties").is_some_and(Value::is_object)
        && let Value::Object(members) = &mut made
    {
        members.insert("properties".to_owned(), json!({}));
    }
    made
}

fn envelope_text(made: &mut Value, field: &Field, random: &mut Random) {
    let text = random.pick(&field.named).and_then(Value::as_str).unwrap_or("other").to_owned();
    let Value::Object(members) = made else { return };
    match field.path.segments() {
        [Segment::Key(key)] if !key.eq_ignore_ascii_case("tags") && !text.contains('/') => {
            members.insert(key.to_ascii_lowercase(), Value::String(text));
        }
        [Segment::Key(_), Segment::Key(tag)] => {
            let tags = members.entry("tags").or_insert_with(|| json!({}));
            if let Value::Object(tags) = tags {
                tags.insert(tag.to_string(), Value::String(text));
            }
        }
        _ => {}
    }
}

/// The type of a field, as the collector tells it.
fn kind_of<'f>(fields: &'f std::collections::BTreeMap<String, FieldType>, path: &[Segment]) -> Option<&'f FieldType> {
    let [Segment::Key(_), Segment::Key(first), steps @ ..] = path else { return None };
    let mut kind = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(first))?.1;
    for step in steps {
        kind = match (step, kind) {
            (Segment::Each, FieldType::List(elements)) => elements.first()?,
            (Segment::Key(key), FieldType::Object(members)) => {
                members.iter().find(|(name, _)| name.eq_ignore_ascii_case(key) || *name == "*")?.1
            }
            _ => return None,
        };
    }
    Some(kind)
}

fn values(wanted: Vec<Value>, kind: Option<&FieldType>) -> Vec<Value> {
    let scalars: Vec<Value> = wanted.into_iter().filter(|value| !value.is_array() && !value.is_null()).collect();
    let text_of = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let is_truth = |value: &Value| ["true", "false"].iter().any(|truth| text_of(value).eq_ignore_ascii_case(truth));
    let scalar = match kind {
        Some(FieldType::Scalar(scalar)) => Some(*scalar),
        Some(FieldType::List(_)) => return vec![json!([]), json!(["alpha"])],
        Some(FieldType::Object(_)) => return vec![json!({})],
        None if scalars.iter().any(is_truth) => Some(ScalarType::Boolean),
        None if !scalars.is_empty() && scalars.iter().all(Value::is_number) => Some(ScalarType::Integer),
        None => None,
    };
    let mut all: Vec<Value> = match scalar {
        Some(ScalarType::Boolean) => vec![json!(true), json!(false)],
        Some(ScalarType::Integer | ScalarType::Number) => {
            let numbers = scalars.iter().filter_map(|value| text_of(value).parse::<i64>().ok());
            let near: Vec<Value> =
                numbers.flat_map(|number| [number - 1, number, number + 1]).map(|number| json!(number)).collect();
            if near.is_empty() { vec![json!(0), json!(3)] } else { near }
        }
        Some(ScalarType::Timestamp) => {
            ["2019-01-01T00:00:00Z", "2025-11-01T00:00:00Z", "2026-02-01T00:00:00Z", "2031-01-01T00:00:00Z"]
                .map(|instant| json!(instant))
                .to_vec()
        }
        _ => scalars.iter().filter(|value| value.as_str() != Some("")).cloned().collect(),
    };
    if all.is_empty() {
        all.push(json!("alpha"));
    }
    all
}

struct Maker<'a> {
    field: &'a Field,
    strangeness: Strangeness,
    random: &'a mut Random,
}

impl Maker<'_> {
    fn put(&mut self, node: &mut Value, path: &[Segment]) {
        let Some((step, below)) = path.split_first() else { return };
        match step {
            Segment::Key(key) => {
                if node.is_null() {
                    *node = json!({});
                }
                let Value::Object(members) = node else { return };
                let key =
                    members.keys().find(|known| known.eq_ignore_ascii_case(key)).cloned().unwrap_or_else(|| key.to_string());
                if below.is_empty() {
                    self.last(members, key);
                } else if self.random.percent(4) && key != "properties" {
                    // The way to a field may end early.
                    members.remove(&key);
                } else {
                    self.put(members.entry(key).or_insert(Value::Null), below);
                }
            }
            Segment::Each => {
                if node.is_null() {
                    let number = self.random.pick(&[0, 1, 1, 2, 2]).copied().unwrap_or(1);
                    *node = Value::Array(vec![Value::Null; number]);
                }
                let Value::Array(elements) = node else { return };
                for element in elements.iter_mut() {
                    if !below.is_empty() {
                        self.put(element, below);
                    } else if !element.is_object() {
                        *element = self.value().unwrap_or_else(|| json!("alpha"));
                    }
                }
            }
        }
    }

    fn last(&mut self, members: &mut Map<String, Value>, key: String) {
        let has_parts = members.get(&key).is_some_and(|there| there.is_object() || there.is_array());
        if has_parts && self.random.percent(85) {
            return;
        }
        match self.value() {
            Some(value) => members.insert(key, value),
            None => members.remove(&key),
        };
    }

    /// What stands there; `None` is nothing.
    fn value(&mut self) -> Option<Value> {
        match self.random.below(100) {
            0..22 => None,
            22..25 => Some(Value::Null),
            25..45 if self.strangeness == Strangeness::Strange => self
                .random
                .pick(&[json!("other"), json!(""), json!(7), json!(true), json!([]), json!({ "inner": "value" }), json!("true")])
                .cloned(),
            25..32 => match self.random.pick(&self.field.named) {
                Some(Value::String(text)) => Some(Value::String(text.to_uppercase())),
                other => other.cloned(),
            },
            _ => self.random.pick(&self.field.named).cloned(),
        }
    }
}
