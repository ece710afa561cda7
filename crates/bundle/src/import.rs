use std::{collections::BTreeMap, fmt};

use serde_json::Value;
use skywarden_content::Source;
use skywarden_policy::{CompileError, ObjectKind, PolicyObject, documents};

use crate::{File, archive::is_document};

/// What the files of a bundle hold.
#[derive(Debug, Default)]
pub struct Bundle {
    /// Objects with their documents, in order of the files.
    pub objects: Vec<(PolicyObject, Value)>,
    /// Mistakes; the object that has one is left out, the others are not.
    pub problems: Vec<Problem>,
    /// Files that hold something else.
    pub ignored: Vec<String>,
}

/// A mistake in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// Where: line and column from 1; `None` in a file that is too long to be told (then `pointer` says it).
    pub place: Option<(u32, u32)>,
    /// The JSON pointer of the value; empty for the whole.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// Reads every object in some files. One with a mistake is refused whole, with each place; the others are taken.
pub fn read(files: impl IntoIterator<Item = File>) -> Bundle {
    let mut bundle = Bundle::default();
    let mut places: BTreeMap<String, (String, Value)> = BTreeMap::new();
    for file in files {
        if !is_document(&file.name) {
            bundle.ignored.push(file.name);
            continue;
        }
        let text = match text(&file.bytes) {
            Ok(text) => text,
            Err(message) => {
                bundle.problems.push(Problem::at(&file.name, None, message));
                continue;
            }
        };
        let value = match value(&file.name, &text) {
            Ok(value) => value,
            Err(problem) => {
                bundle.problems.push(*problem);
                continue;
            }
        };
        let mut n_objects = 0;
        let found = documents(&value);
        let is_list = found.first().is_none_or(|(place, _)| !place.is_empty());
        for (start, document) in found {
            if !is_list && ObjectKind::of(document).is_none() {
                continue;
            }
            n_objects += 1;
            match PolicyObject::parse(document) {
                Ok(object) => {
                    let id = object.id().to_lowercase();
                    match places.get(&id) {
                        // The same twice is no contradiction.
                        Some((_, known)) if known == document => continue,
                        Some((first, _)) => {
                            let message = format!("the id `{}` is also in {first}, with another content", object.id());
                            let error = CompileError { pointer: String::new(), message, help: None };
                            bundle.problems.extend(problems(&file.name, &text, &start, vec![error]));
                            continue;
                        }
                        None => {
                            places.insert(id, (file.name.clone(), document.clone()));
                        }
                    }
                    bundle.objects.push((object, document.clone()));
                }
                Err(errors) => bundle.problems.extend(problems(&file.name, &text, &start, errors)),
            }
        }
        if n_objects == 0 {
            bundle.ignored.push(file.name);
        }
    }
    bundle
}

/// The text of a file: UTF-8 with or without a byte order mark, or UTF-16 with one, as PowerShell writes it.
fn text(bytes: &[u8]) -> Result<String, String> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> =
            bytes.chunks(2).map(|pair| unit([pair.first().copied().unwrap_or(0), pair.get(1).copied().unwrap_or(0)])).collect();
        String::from_utf16(&units).map_err(|_| "it is no UTF-16, although it begins like one".to_owned())
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        _ => utf8(bytes),
    }
}

fn utf8(bytes: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| format!("it is no UTF-8 from byte {} on", error.valid_up_to() + 1))?;
    Ok(text.to_owned())
}

fn value(name: &str, text: &str) -> Result<Value, Box<Problem>> {
    if name.to_ascii_lowercase().ends_with(".json") {
        return serde_json::from_str(text).map_err(|error| {
            let place = (number(error.line()), number(error.column()));
            Box::new(Problem::at(name, Some(place), format!("it is no JSON: {error}")))
        });
    }
    let source = Source::parse(text);
    let source = source.map_err(|error| Box::new(Problem::at(name, Some((error.line, error.column)), error.message)))?;
    Ok(source.value)
}

fn number(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX).max(1)
}

/// Mistakes with their lines. The places are looked for only now: nearly all files have none.
fn problems(name: &str, text: &str, start: &str, errors: Vec<CompileError>) -> Vec<Problem> {
    let source = Source::parse(text).ok();
    let problem = |error: CompileError| {
        let pointer = format!("{start}{}", error.pointer);
        let place = source.as_ref().map(|source| source.place(&pointer));
        Problem { file: name.to_owned(), place, pointer, message: error.message, help: error.help }
    };
    errors.into_iter().map(problem).collect()
}

impl Problem {
    fn at(file: &str, place: Option<(u32, u32)>, message: String) -> Self {
        Self { file: file.to_owned(), place, pointer: String::new(), message, help: None }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some((line, column)) => write!(out, "{}:{line}:{column}: {}", self.file, self.message),
            None if self.pointer.is_empty() => write!(out, "{}: {}", self.file, self.message),
            None => write!(out, "{} at {}: {}", self.file, self.pointer, self.message),
        }
    }
}
