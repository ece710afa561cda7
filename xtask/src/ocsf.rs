//! A validator of OCSF events against the schema's own files: dictionary, objects, classes, profiles.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context as _, bail};
use serde_json::{Map, Value};

/// Deeper than this no event goes; objects of the schema refer to each other in circles.
const MAX_DEPTH: usize = 12;

/// The schema, with one event class resolved.
pub(crate) struct Schema {
    version: String,
    caption: String,
    class_uid: i64,
    category_uid: i64,
    class: Shape,
    objects: BTreeMap<String, Shape>,
    types: Map<String, Value>,
}

/// The attributes of an object or class, those above it included.
#[derive(Default, Clone)]
struct Shape {
    attributes: BTreeMap<String, Attribute>,
    /// Constraint -> names.
    constraints: BTreeMap<String, Vec<String>>,
}

#[derive(Default, Clone)]
struct Attribute {
    type_name: String,
    is_array: bool,
    is_required: bool,
    is_deprecated: bool,
    /// Only there if the event names this profile.
    profile: Option<String>,
    /// Value -> caption; empty if any value will do.
    choices: BTreeMap<String, String>,
    /// The attribute that holds the caption of the choice.
    sibling: Option<String>,
}

impl Schema {
    /// Reads a schema's folder and resolves one class.
    pub(crate) fn load(folder: &Path, class: &str) -> anyhow::Result<Self> {
        let dictionary = read(&folder.join("dictionary.json"))?;
        let version = read(&folder.join("version.json"))?;
        let profiles = definitions(&folder.join("profiles"))?;
        let object_files = definitions(&folder.join("objects"))?;
        let events = definitions(&folder.join("events"))?;
        let categories = read(&folder.join("categories.json"))?;
        let resolver = Resolver { dictionary: member(&dictionary, "attributes"), profiles: &profiles };
        let mut objects = BTreeMap::new();
        for name in object_files.keys() {
            objects.insert(name.clone(), resolver.shape(&object_files, name, MAX_DEPTH)?);
        }
        let own = events.get(class).with_context(|| format!("the schema has no class `{class}`"))?;
        let category = inherited(&events, own, "category").context("the class has no category")?;
        let category_uid = categories.pointer(&format!("/attributes/{category}/uid")).and_then(Value::as_i64);
        let category_uid = category_uid.with_context(|| format!("the schema has no category `{category}`"))?;
        let uid = own.get("uid").and_then(Value::as_i64).context("the class has no uid")?;
        Ok(Self {
            version: text(&version, "version"),
            caption: text(own, "caption"),
            class_uid: category_uid * 1000 + uid,
            category_uid,
            class: resolver.shape(&events, class, MAX_DEPTH)?,
            objects,
            types: member(member(&dictionary, "types"), "attributes").as_object().cloned().unwrap_or_default(),
        })
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    pub(crate) fn class(&self) -> &str {
        &self.caption
    }

    /// What is wrong with an event; nothing if it fits.
    pub(crate) fn problems(&self, event: &Value) -> Vec<String> {
        let named = event.pointer("/metadata/profiles").and_then(Value::as_array);
        let profiles: BTreeSet<&str> = named.into_iter().flatten().filter_map(Value::as_str).collect();
        let mut check = Check { schema: self, profiles, problems: Vec::new() };
        check.object(event, &self.class, "event", MAX_DEPTH);
        let number = |name: &str| event.get(name).and_then(Value::as_i64);
        // The files leave these open: a class's number is made of its category's and its own.
        let activity = number("activity_id").unwrap_or_default();
        for (name, wanted) in
            [("category_uid", self.category_uid), ("class_uid", self.class_uid), ("type_uid", self.class_uid * 100 + activity)]
        {
            if number(name) != Some(wanted) {
                check.problems.push(format!("event.{name}: is not {wanted}"));
            }
        }
        if event.pointer("/metadata/version").and_then(Value::as_str) != Some(&self.version) {
            check.problems.push(format!("event.metadata.version: is not {}", self.version));
        }
        check.problems
    }
}

struct Resolver<'a> {
    dictionary: &'a Value,
    profiles: &'a BTreeMap<String, Value>,
}

impl Resolver<'_> {
    /// A definition over the one that it extends.
    fn shape(&self, all: &BTreeMap<String, Value>, name: &str, depth: usize) -> anyhow::Result<Shape> {
        let own = all.get(name).with_context(|| format!("the schema has no `{name}`"))?;
        if depth == 0 {
            bail!("`{name}` extends itself");
        }
        let mut shape = match own.get("extends").and_then(Value::as_str) {
            Some(above) => self.shape(all, above, depth - 1)?,
            None => Shape::default(),
        };
        let attributes = member(own, "attributes").as_object().cloned().unwrap_or_default();
        for include in member(member(own, "attributes"), "$include").as_array().into_iter().flatten().filter_map(Value::as_str) {
            let profile = include.trim_start_matches("profiles/").trim_end_matches(".json");
            let file = self.profiles.get(profile).with_context(|| format!("the schema has no profile `{profile}`"))?;
            for (name, spec) in member(file, "attributes").as_object().into_iter().flatten() {
                let mut attribute = self.attribute(shape.attributes.get(name), name, spec);
                attribute.profile = Some(profile.to_owned());
                shape.attributes.insert(name.clone(), attribute);
            }
        }
        for (name, spec) in attributes.iter().filter(|(name, _)| *name != "$include") {
            let attribute = self.attribute(shape.attributes.get(name), name, spec);
            shape.attributes.insert(name.clone(), attribute);
        }
        if let Some(constraints) = own.get("constraints").and_then(Value::as_object) {
            shape.constraints = constraints.iter().map(|(kind, names)| (kind.clone(), texts(names))).collect();
        }
        Ok(shape)
    }

    /// An attribute as it stands here, over what stood above, over the dictionary.
    fn attribute(&self, above: Option<&Attribute>, name: &str, spec: &Value) -> Attribute {
        let mut attribute = above.cloned().unwrap_or_else(|| {
            let mut attribute = Attribute::default();
            attribute.overlay(member(self.dictionary, name));
            attribute
        });
        attribute.overlay(spec);
        attribute
    }
}

impl Attribute {
    fn overlay(&mut self, spec: &Value) {
        if let Some(type_name) = spec.get("type").and_then(Value::as_str) {
            type_name.clone_into(&mut self.type_name);
        }
        if let Some(is_array) = spec.get("is_array").and_then(Value::as_bool) {
            self.is_array = is_array;
        }
        if let Some(requirement) = spec.get("requirement").and_then(Value::as_str) {
            self.is_required = requirement == "required";
        }
        if spec.get("@deprecated").is_some() {
            self.is_deprecated = true;
        }
        if let Some(sibling) = spec.get("sibling").and_then(Value::as_str) {
            self.sibling = Some(sibling.to_owned());
        }
        match spec.get("profile") {
            Some(Value::String(profile)) => self.profile = Some(profile.clone()),
            // An explicit null takes the attribute out of its profile.
            Some(Value::Null) => self.profile = None,
            _ => {}
        }
        for (value, choice) in spec.get("enum").and_then(Value::as_object).into_iter().flatten() {
            self.choices.insert(value.clone(), text(choice, "caption"));
        }
    }
}

struct Check<'a> {
    schema: &'a Schema,
    profiles: BTreeSet<&'a str>,
    problems: Vec<String>,
}

impl Check<'_> {
    fn object(&mut self, value: &Value, shape: &Shape, place: &str, depth: usize) {
        let Some(members) = value.as_object() else {
            self.problems.push(format!("{place}: is no object"));
            return;
        };
        if depth == 0 {
            self.problems.push(format!("{place}: is too deep"));
            return;
        }
        for (name, value) in members {
            let place = format!("{place}.{name}");
            let Some(attribute) = shape.attributes.get(name) else {
                self.problems.push(format!("{place}: there is no such attribute"));
                continue;
            };
            if let Some(profile) = &attribute.profile
                && !self.profiles.contains(profile.as_str())
            {
                self.problems.push(format!("{place}: is of profile `{profile}`, which the event does not name"));
            }
            if attribute.is_deprecated {
                self.problems.push(format!("{place}: is deprecated"));
            }
            self.attribute(value, attribute, &place, depth);
            self.sibling(members, value, attribute, &place);
        }
        for (name, attribute) in &shape.attributes {
            let is_here = attribute.profile.as_ref().is_none_or(|profile| self.profiles.contains(profile.as_str()));
            if attribute.is_required && is_here && !members.contains_key(name) {
                self.problems.push(format!("{place}.{name}: is required and absent"));
            }
        }
        for (kind, names) in &shape.constraints {
            let n_present = names.iter().filter(|name| members.contains_key(*name)).count();
            let holds = match kind.as_str() {
                "at_least_one" => n_present >= 1,
                "just_one" => n_present == 1,
                other => {
                    self.problems.push(format!("{place}: this validator does not know the constraint `{other}`"));
                    continue;
                }
            };
            if !holds {
                self.problems.push(format!("{place}: {kind} of {} does not hold", names.join(", ")));
            }
        }
    }

    fn attribute(&mut self, value: &Value, attribute: &Attribute, place: &str, depth: usize) {
        if !attribute.is_array {
            self.single(value, attribute, place, depth);
            return;
        }
        let Some(items) = value.as_array() else {
            self.problems.push(format!("{place}: is no list"));
            return;
        };
        for (position, item) in items.iter().enumerate() {
            self.single(item, attribute, &format!("{place}[{position}]"), depth);
        }
    }

    fn single(&mut self, value: &Value, attribute: &Attribute, place: &str, depth: usize) {
        let own = attribute.type_name.as_str();
        if own == "object" || own == "json_t" {
            if own == "object" && !value.is_object() {
                self.problems.push(format!("{place}: is no object"));
            }
            return;
        }
        if let Some(shape) = self.schema.objects.get(own) {
            self.object(value, shape, place, depth - 1);
            return;
        }
        let Some(definition) = self.schema.types.get(own) else {
            self.problems.push(format!("{place}: the schema has no type `{own}`"));
            return;
        };
        self.scalar(value, own, definition, place);
        // A class's or category's number is checked by what it must be.
        let is_number_of_class = ["event.class_uid", "event.category_uid", "event.type_uid"].contains(&place);
        let key = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if !attribute.choices.is_empty() && !attribute.choices.contains_key(&key) && !is_number_of_class {
            self.problems.push(format!("{place}: {value} is none of the values that the schema has"));
        }
    }

    fn scalar(&mut self, value: &Value, own: &str, definition: &Value, place: &str) {
        let base = definition.get("type").and_then(Value::as_str).unwrap_or(own);
        let fits = match base {
            "string_t" => value.is_string(),
            "integer_t" | "long_t" => value.is_i64(),
            "float_t" => value.is_number(),
            "boolean_t" => value.is_boolean(),
            other => {
                self.problems.push(format!("{place}: this validator does not know the type `{other}`"));
                return;
            }
        };
        if !fits {
            self.problems.push(format!("{place}: {value} is no {own}"));
        }
        // Nothing that we write has such a type today; whoever adds one has to teach the validator its pattern.
        if definition.get("regex").is_some() {
            self.problems.push(format!("{place}: this validator does not check the pattern of `{own}`"));
        }
        let longest = definition.get("max_len").and_then(Value::as_u64);
        let length = value.as_str().map_or(0, |text| text.chars().count() as u64);
        if longest.is_some_and(|longest| length > longest) {
            self.problems.push(format!("{place}: is longer than {own} may be"));
        }
    }

    /// The caption beside a number must be the number's, but for 99, Other.
    fn sibling(&mut self, members: &Map<String, Value>, value: &Value, attribute: &Attribute, place: &str) {
        let Some(sibling) = &attribute.sibling else { return };
        let Some(caption) = members.get(sibling).and_then(Value::as_str) else { return };
        let Some(wanted) = attribute.choices.get(&value.to_string()) else { return };
        if value.as_i64() != Some(99) && caption != wanted {
            self.problems.push(format!("{place}: is `{wanted}`, and {sibling} says `{caption}`"));
        }
    }
}

/// Every definition below a folder, by its name.
fn definitions(folder: &Path) -> anyhow::Result<BTreeMap<String, Value>> {
    let mut found = BTreeMap::new();
    for entry in walkdir::WalkDir::new(folder) {
        let entry = entry.with_context(|| format!("could not list {}", folder.display()))?;
        if entry.path().extension().is_some_and(|ending| ending == "json") {
            let definition = read(entry.path())?;
            let name = text(&definition, "name");
            if name.is_empty() {
                bail!("{} has no name", entry.path().display());
            }
            found.insert(name, definition);
        }
    }
    Ok(found)
}

fn inherited(all: &BTreeMap<String, Value>, own: &Value, name: &str) -> Option<String> {
    let mut definition = own;
    for _ in 0..MAX_DEPTH {
        if let Some(value) = definition.get(name).and_then(Value::as_str) {
            return Some(value.to_owned());
        }
        definition = all.get(definition.get("extends")?.as_str()?)?;
    }
    None
}

fn read(file: &Path) -> anyhow::Result<Value> {
    let bytes = fs::read(file).with_context(|| format!("could not read {}", file.display()))?;
    serde_json::from_slice(&bytes).with_context(|| format!("{} is no JSON", file.display()))
}

fn member<'a>(value: &'a Value, name: &str) -> &'a Value {
    value.get(name).unwrap_or(&Value::Null)
}

fn text(value: &Value, name: &str) -> String {
    member(value, name).as_str().unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A schema of one class, one object and one profile.
    fn schema() -> Schema {
        let folder = std::env::temp_dir().join(format!("skywarden-ocsf-{}", std::process::id()));
        let write = |name: &str, value: Value| {
            let file = folder.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, value.to_string()).unwrap();
        };
        write("version.json", json!({ "version": "9.9" }));
        write("categories.json", json!({ "attributes": { "things": { "uid": 7 } } }));
        write(
            "dictionary.json",
            json!({
                "attributes": {
                    "metadata": { "type": "metadata" }, "version": { "type": "string_t" },
                    "profiles": { "type": "string_t", "is_array": true },
                    "activity_id": { "type": "integer_t" }, "class_uid": { "type": "integer_t" },
                    "category_uid": { "type": "integer_t" }, "type_uid": { "type": "long_t" },
                    "grade_id": { "type": "integer_t", "sibling": "grade", "enum": { "0": { "caption": "Unknown" } } },
                    "grade": { "type": "string_t" }, "place": { "type": "string_t" }, "old": { "type": "string_t" },
                },
                "types": { "attributes": { "string_t": { "max_len": 8 }, "integer_t": {}, "long_t": {} } },
            }),
        );
        write(
            "objects/metadata.json",
            json!({ "name": "metadata", "attributes": { "version": { "requirement": "required" }, "profiles": {} },
                    "constraints": { "at_least_one": ["profiles"] } }),
        );
        write("profiles/far.json", json!({ "name": "far", "attributes": { "place": { "requirement": "required" } } }));
        write(
            "events/base.json",
            json!({ "name": "base", "category": "things", "attributes": {
                "$include": ["profiles/far.json"], "metadata": { "requirement": "required" }, "activity_id": {},
                "class_uid": {}, "category_uid": {}, "type_uid": {}, "old": { "@deprecated": {} } } }),
        );
        write(
            "events/thing.json",
            json!({ "name": "thing", "caption": "Thing", "uid": 3, "extends": "base", "attributes": {
                "grade_id": { "requirement": "required", "enum": { "1": { "caption": "Good" } } }, "grade": {} } }),
        );
        let schema = Schema::load(&folder, "thing").unwrap();
        fs::remove_dir_all(&folder).unwrap();
        schema
    }

    fn event() -> Value {
        json!({ "metadata": { "version": "9.9", "profiles": ["far"] }, "place": "there", "activity_id": 1,
                "class_uid": 7003, "category_uid": 7, "type_uid": 700_301, "grade_id": 1, "grade": "Good" })
    }

    #[test]
    fn what_fits_has_no_problems_and_each_mistake_has_one() {
        let schema = schema();
        assert_eq!(schema.problems(&event()), Vec::<String>::new());
        let cases = [
            ("/metadata/profiles", json!([]), "is of profile `far`"),
            ("/metadata", json!({ "version": "9.9" }), "at_least_one of profiles does not hold"),
            ("/metadata/version", json!("1.0"), "is not 9.9"),
            ("/metadata", json!({ "version": "9.9", "profiles": "far" }), "is no list"),
            ("/place", json!(5), "5 is no string_t"),
            ("/place", json!("far, far away"), "is longer than"),
            ("/grade_id", json!(2), "is none of the values"),
            ("/grade_id", json!(0), "is `Unknown`, and grade says `Good`"),
            ("/type_uid", json!(700_399), "is not 700301"),
        ];
        for (place, value, wanted) in cases {
            let mut changed = event();
            *changed.pointer_mut(place).unwrap() = value;
            let problems = schema.problems(&changed).join("; ");
            assert!(problems.contains(wanted), "{place}: {problems}");
        }
        for (name, value, wanted) in
            [("colour", json!("red"), "there is no such attribute"), ("old", json!("x"), "is deprecated")]
        {
            let mut changed = event();
            changed.as_object_mut().unwrap().insert(name.to_owned(), value);
            assert!(schema.problems(&changed).join("; ").contains(wanted), "{name}");
        }
        for name in ["place", "grade_id", "metadata"] {
            let mut changed = event();
            changed.as_object_mut().unwrap().remove(name);
            assert!(schema.problems(&changed).join("; ").contains("is required and absent"), "{name}");
        }
    }
}
