//! Packs content/ into one compressed JSON document: `[[path, file], ...]`, log sources, detections and kinds
//! of incidents into a second, and the tests inside the files into a third, so that start-up parses no YAML and no tests.
//! A file that is no YAML stops the build with its name; everything else is for `skywarden content lint`.

use std::{error::Error, fs, path::Path};

use saphyr::{LoadableYamlNode as _, ScalarOwned, YamlOwned};
use serde_json::{Map, Number, Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    // At run time: a target folder may serve several checkouts.
    let content = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("../../content");
    println!("cargo::rerun-if-changed={}", content.display());
    let mut files = Vec::new();
    let mut threats = Vec::new();
    let mut tests = Vec::new();
    for entry in walkdir::WalkDir::new(&content).sort_by_file_name() {
        let entry = entry?;
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = fs::read_to_string(path)?;
        let documents = YamlOwned::load_from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        let document = documents.first().ok_or_else(|| format!("{} is empty", path.display()))?;
        let name = path.strip_prefix(&content)?.display().to_string();
        let mut file = value(document).ok_or_else(|| format!("{} holds what JSON can't", path.display()))?;
        // Those of a detection lie in its own part.
        for pointer in ["", "/skywarden"] {
            if let Some(own) =
                file.pointer_mut(pointer).and_then(Value::as_object_mut).and_then(|members| members.remove("tests"))
            {
                tests.push(json!([name, own]));
            }
        }
        // What few commands need is kept apart.
        let is_threat = ["log-sources/", "detections/", "incidents/"].iter().any(|folder| name.starts_with(folder));
        if is_threat { threats.push(json!([name, file])) } else { files.push(json!([name, file])) }
    }
    let out = std::env::var("OUT_DIR")?;
    for (name, list) in [("content.json.zst", files), ("threats.json.zst", threats), ("tests.json.zst", tests)] {
        fs::write(Path::new(&out).join(name), zstd::bulk::compress(&serde_json::to_vec(&list)?, 19)?)?;
    }
    Ok(())
}

fn value(node: &YamlOwned) -> Option<Value> {
    Some(match node {
        YamlOwned::Value(ScalarOwned::Null) => Value::Null,
        YamlOwned::Value(ScalarOwned::Boolean(truth)) => Value::Bool(*truth),
        YamlOwned::Value(ScalarOwned::Integer(number)) => Value::Number(Number::from(*number)),
        YamlOwned::Value(ScalarOwned::FloatingPoint(number)) => Value::Number(Number::from_f64(number.into_inner())?),
        YamlOwned::Value(ScalarOwned::String(text)) => Value::String(text.clone()),
        YamlOwned::Sequence(elements) => Value::Array(elements.iter().map(value).collect::<Option<_>>()?),
        YamlOwned::Mapping(members) => {
            let (mut object, mut inherited) = (Map::new(), Map::new());
            for (key, member) in members {
                let name = match value(key)? {
                    Value::String(name) => name,
                    Value::Number(number) => number.to_string(),
                    Value::Bool(truth) => truth.to_string(),
                    _ => return None,
                };
                match (name.as_str(), value(member)?) {
                    ("<<", Value::Object(merged)) => inherited.extend(merged),
                    (_, member) => {
                        object.insert(name, member);
                    }
                }
            }
            for (name, member) in inherited {
                object.entry(name).or_insert(member);
            }
            Value::Object(object)
        }
        _ => return None,
    })
}
