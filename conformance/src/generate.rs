//! Resources made for one rule: what it asks about is there, is not, is almost there, or is of another kind.

use serde_json::{Map, Value, json};
use skywarden_model::Segment;

use crate::{mentions::Mention, random::Random};

/// The subscription in which everything lies.
pub const SUBSCRIPTION: &str = "11111111-2222-3333-4444-555555555555";
/// The resource group in which everything lies that says nothing else.
pub const GROUP: &str = "rg-fernhollow";

/// How a field of a made resource stands to what the rule wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Matching,
    Different,
    Absent,
    Null,
    OtherKind,
    OtherCase,
    Partly,
    Empty,
}

/// How often a field is what the rule wants, in a hundred.
#[derive(Debug, Clone, Copy)]
pub struct Likeness(pub usize);

/// A resource in ARM's shape.
pub fn resource(mentions: &[Mention], likeness: Likeness, random: &mut Random) -> Value {
    let kind = text_of(mentions, "type", random).unwrap_or_else(|| "Microsoft.Storage/storageAccounts".to_owned());
    let name = text_of(mentions, "name", random).filter(|name| !name.contains('/')).unwrap_or_else(|| "fernhollow".to_owned());
    let names: Vec<&str> = kind.split('/').skip(1).map(|_| "parent").collect();
    let mut names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    if let Some(last) = names.last_mut() {
        *last = name;
    }
    with_fields(placed(&kind, &names, GROUP), mentions, likeness, random)
}

/// The related resource that a definition looks for.
pub fn related(kind: &str, primary: &Value, name: Option<&str>, group: &str, mentions: &[Mention], random: &mut Random) -> Value {
    let text = |name: &str| primary.get(name).and_then(Value::as_str).unwrap_or_default();
    let own = text("type");
    let below = kind.get(own.len()..).filter(|rest| rest.starts_with('/') && starts_with(kind, own));
    let n_names = below.unwrap_or(kind).split('/').count() - 1;
    let wanted: Vec<&str> = name.into_iter().flat_map(|name| name.split('/')).collect();
    let mut names: Vec<String> = wanted.iter().rev().take(n_names).rev().map(|name| (*name).to_owned()).collect();
    while names.len() < n_names {
        names.insert(0, "parent".to_owned());
    }
    let mut made = placed(kind, &names, group);
    if let Some(below) = below {
        let steps = below.split('/').skip(1).zip(&names).map(|(kind, name)| format!("/{kind}/{name}"));
        put_text(&mut made, "id", format!("{}{}", text("id"), steps.collect::<String>()));
    }
    with_fields(made, mentions, Likeness(70), random)
}

fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

fn placed(kind: &str, names: &[String], group: &str) -> Value {
    let mut id = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/");
    let mut kinds = kind.split('/');
    id.push_str(kinds.next().unwrap_or_default());
    for (kind, name) in kinds.zip(names) {
        id.push_str(&format!("/{kind}/{name}"));
    }
    let name = names.last().map_or("fernhollow", String::as_str);
    json!({ "id": id, "name": name, "type": kind, "location": "westeurope", "properties": {} })
}

fn put_text(resource: &mut Value, name: &str, text: String) {
    if let Value::Object(members) = resource {
        members.insert(name.to_owned(), Value::String(text));
    }
}

/// A text that the rule compares a field of the envelope with.
fn text_of(mentions: &[Mention], field: &str, random: &mut Random) -> Option<String> {
    let mention = mentions.iter().find(|mention| mention.path.to_string().eq_ignore_ascii_case(field))?;
    let texts: Vec<&str> = mention.wanted.iter().filter_map(Value::as_str).filter(|text| !text.is_empty()).collect();
    if random.percent(4) && field != "type" {
        return None;
    }
    random.pick(&texts).map(|text| other_case(text, 10, random))
}

fn with_fields(mut resource: Value, mentions: &[Mention], likeness: Likeness, random: &mut Random) -> Value {
    let mut ordered: Vec<&Mention> = mentions.iter().collect();
    ordered.sort_by_key(|mention| std::cmp::Reverse(mention.path.segments().len()));
    for mention in ordered {
        let first = match mention.path.segments() {
            [Segment::Key(first), ..] => first.to_ascii_lowercase(),
            _ => continue,
        };
        match first.as_str() {
            "id" | "name" | "type" | "fullname" | "scope" | "facts" => {}
            "location" | "tags" => texts(&mut resource, mention, likeness, random),
            _ => {
                let mut maker = Maker { mention, likeness, random };
                let mode = maker.mode();
                maker.put(&mut resource, mention.path.segments(), mode);
            }
        }
    }
    // `properties` itself is an object in every resource.
    if !resource.get("properties").is_some_and(Value::is_object)
        && let Value::Object(members) = &mut resource
    {
        members.insert("properties".to_owned(), json!({}));
    }
    resource
}

/// Location and tags hold texts only; Azure refuses anything else before a policy sees it.
fn texts(resource: &mut Value, mention: &Mention, likeness: Likeness, random: &mut Random) {
    let mode = Maker { mention, likeness, random }.mode();
    let Value::Object(members) = resource else { return };
    let drawn = Maker { mention, likeness, random }.draw(match mode {
        Mode::OtherKind | Mode::Null | Mode::Empty => Mode::Different,
        other => other,
    });
    let text = drawn.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_else(|| "other".to_owned());
    match mention.path.segments() {
        [Segment::Key(key)] if key.eq_ignore_ascii_case("location") && mode != Mode::Absent => {
            members.insert("location".to_owned(), Value::String(text));
        }
        [_, Segment::Key(tag)] if mode != Mode::Absent => {
            let tags = members.entry("tags").or_insert_with(|| json!({}));
            if let Value::Object(tags) = tags {
                tags.insert(tag.to_string(), Value::String(text));
            }
        }
        [Segment::Key(key)] if key.eq_ignore_ascii_case("tags") && mode != Mode::Absent => {
            let tags = members.entry("tags").or_insert_with(|| json!({}));
            if let Value::Object(tags) = tags {
                tags.insert("purpose".to_owned(), Value::String("test".to_owned()));
                if mode == Mode::Matching {
                    tags.insert(text, Value::String("set".to_owned()));
                }
            }
        }
        _ => {}
    }
}

struct Maker<'a> {
    mention: &'a Mention,
    likeness: Likeness,
    random: &'a mut Random,
}

impl Maker<'_> {
    fn mode(&mut self) -> Mode {
        const OTHERS: [Mode; 9] = [
            Mode::Different,
            Mode::Different,
            Mode::Absent,
            Mode::Absent,
            Mode::Null,
            Mode::OtherKind,
            Mode::OtherCase,
            Mode::Partly,
            Mode::Empty,
        ];
        if self.random.percent(self.likeness.0) {
            return Mode::Matching;
        }
        self.random.pick(&OTHERS).copied().unwrap_or(Mode::Different)
    }

    fn put(&mut self, node: &mut Value, path: &[Segment], mode: Mode) {
        let Some((step, below)) = path.split_first() else { return };
        match step {
            Segment::Key(key) => {
                if !node.is_object() {
                    if !node.is_null() {
                        return;
                    }
                    *node = json!({});
                }
                let Value::Object(members) = node else { return };
                let key =
                    members.keys().find(|known| known.eq_ignore_ascii_case(key)).cloned().unwrap_or_else(|| key.to_string());
                if below.is_empty() {
                    self.last(members, key, mode);
                    return;
                }
                // The way to a field may end early, or lead into something else.
                if mode == Mode::Absent && self.random.percent(30) {
                    return;
                }
                if mode == Mode::OtherKind && self.random.percent(20) && !members.contains_key(&key) {
                    members.insert(key, json!("text"));
                    return;
                }
                self.put(members.entry(key).or_insert(Value::Null), below, mode);
            }
            Segment::Each => self.elements(node, below, mode),
        }
    }

    fn last(&mut self, members: &mut Map<String, Value>, key: String, mode: Mode) {
        let has_parts = members.get(&key).is_some_and(|there| there.is_object() || there.is_array());
        if has_parts && matches!(mode, Mode::Matching | Mode::Different | Mode::OtherCase | Mode::Partly) {
            return;
        }
        match self.draw(mode) {
            Some(value) => members.insert(key, value),
            None => members.remove(&key),
        };
    }

    fn elements(&mut self, node: &mut Value, below: &[Segment], mode: Mode) {
        if node.is_null() {
            *node = match mode {
                Mode::OtherKind if self.random.percent(40) => return *node = self.draw(Mode::Different).unwrap_or(json!("text")),
                Mode::Empty => json!([]),
                _ => {
                    let number = self.random.pick(&[1, 1, 3, 3, 2]).copied().unwrap_or(1);
                    Value::Array(vec![Value::Null; number])
                }
            };
        }
        let Value::Array(elements) = node else { return };
        for element in elements.iter_mut() {
            // Elements differ from one another: that is what `all of` and `count` are about.
            let mode = if mode == Mode::Partly || self.random.percent(15) { self.mode() } else { mode };
            if below.is_empty() {
                if element.is_null() {
                    *element = self.draw(mode).unwrap_or(Value::Null);
                }
            } else {
                self.put(element, below, mode);
                if element.is_null() {
                    *element = json!({});
                }
            }
        }
    }

    /// A value for the field; `None` is none.
    fn draw(&mut self, mode: Mode) -> Option<Value> {
        let wanted = self.random.pick(&self.mention.wanted).cloned();
        match mode {
            Mode::Absent => None,
            Mode::Null => Some(Value::Null),
            Mode::Empty => Some(self.random.pick(&[json!(""), json!([]), json!({})]).cloned().unwrap_or_default()),
            Mode::Matching | Mode::Partly => Some(wanted.unwrap_or_else(|| self.any())),
            Mode::OtherCase => Some(match wanted {
                Some(Value::String(text)) => Value::String(other_case(&text, 100, self.random)),
                Some(other) => other,
                None => self.any(),
            }),
            Mode::Different => Some(self.different(wanted)),
            Mode::OtherKind => Some(self.other_kind(wanted)),
        }
    }

    fn any(&mut self) -> Value {
        let values = [json!("alpha"), json!("beta"), json!(true), json!(false), json!(3), json!("2026-03-01T00:00:00Z")];
        self.random.pick(&values).cloned().unwrap_or_default()
    }

    fn different(&mut self, wanted: Option<Value>) -> Value {
        let step = i64::try_from(self.random.below(3)).unwrap_or_default() - 1;
        match wanted {
            Some(Value::Bool(truth)) => Value::Bool(!truth),
            Some(Value::Number(number)) => number.as_i64().map_or(json!(0.5), |number| json!(number + step)),
            Some(Value::String(text)) => match self.random.below(5) {
                0 => json!(format!("{text}-more")),
                1 => json!(format!("x{text}")),
                2 if text.eq_ignore_ascii_case("true") => json!(false),
                2 if text.eq_ignore_ascii_case("false") => json!(true),
                3 => text.parse::<i64>().map_or(json!("other"), |number| json!(number + step)),
                _ => json!("other"),
            },
            _ => self.any(),
        }
    }

    fn other_kind(&mut self, wanted: Option<Value>) -> Value {
        let choice = self.random.below(4);
        match (wanted, choice) {
            (Some(Value::Number(number)), 0 | 1) => json!(number.to_string()),
            (Some(Value::Bool(truth)), 0) => json!(truth.to_string()),
            (Some(Value::Bool(truth)), 1) => json!(if truth { "True" } else { "False" }),
            (Some(Value::String(text)), 0) if text.eq_ignore_ascii_case("true") => json!(true),
            (Some(Value::String(text)), 0) if text.eq_ignore_ascii_case("false") => json!(false),
            (Some(Value::String(text)), 0) => text.parse::<i64>().map_or(json!(7), |number| json!(number)),
            (Some(Value::Array(elements)), 0 | 1) => elements.first().cloned().unwrap_or(json!("alone")),
            (_, 1) => json!(true),
            (Some(wanted), 2) => json!([wanted]),
            (_, 3) => json!({ "inner": "value" }),
            _ => json!(7),
        }
    }
}

fn other_case(text: &str, share: usize, random: &mut Random) -> String {
    if !random.percent(share) {
        return text.to_owned();
    }
    let upper = text.to_uppercase();
    if upper == text { text.to_lowercase() } else { upper }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mention(path: &str, wanted: &[Value]) -> Mention {
        Mention { path: path.parse().unwrap(), wanted: wanted.to_vec() }
    }

    #[test]
    fn the_same_seed_makes_the_same_resource_and_what_is_wanted_comes_about() {
        let mentions =
            [mention("type", &[json!("Microsoft.A/b")]), mention("properties.c[*].d", &[json!("x")]), mention("tags.env", &[])];
        let made = |seed| resource(&mentions, Likeness(100), &mut Random::new(seed));
        assert_eq!(made(7), made(7));
        let many: Vec<Value> = (0..40).map(made).collect();
        assert!(many.iter().all(|made| made["type"].as_str().unwrap().eq_ignore_ascii_case("Microsoft.A/b")));
        assert!(many.iter().any(|made| made["properties"]["c"][2]["d"] == "x"), "{many:?}");
    }

    #[test]
    fn a_child_lies_below_its_parent() {
        let primary = resource(&[mention("type", &[json!("Microsoft.A/b")])], Likeness(100), &mut Random::new(1));
        let made = related("Microsoft.A/b/c", &primary, Some("fernhollow/default"), GROUP, &[], &mut Random::new(1));
        let id = made["id"].as_str().unwrap();
        assert!(id.starts_with(primary["id"].as_str().unwrap()) && id.ends_with("/c/default"), "{id}");
    }
}
