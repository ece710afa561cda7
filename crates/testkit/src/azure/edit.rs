//! Changes of an estate while it is served, with what Resource Graph's `resourcechanges` says of them.

use std::{fs, path::Path};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::estate::{Estate, EstateError, File, RESOURCES, type_of, written};

/// The table in which changes of resources are rows.
const CHANGES: &str = "resourcechanges";

/// One change, and when it was made.
#[derive(Clone, Debug)]
pub(crate) struct Edit {
    what: What,
    at: Timestamp,
}

#[derive(Clone, Debug)]
enum What {
    /// An object with its id comes, or takes the place of what has the id.
    Put(Map<String, Value>),
    /// What has an id goes, with all that lies below it.
    Delete(String),
}

impl Estate {
    /// This estate with an object that comes, or takes the place of the one with its id.
    ///
    /// # Errors
    /// If it has no id, or the files can't be read again.
    pub(crate) fn with(&self, object: &Value, at: Timestamp) -> Result<Self, EstateError> {
        match object.as_object().filter(|object| object.get("id").is_some_and(Value::is_string)) {
            Some(object) => self.edited(Edit { what: What::Put(object.clone()), at }),
            None => Err(EstateError::Unfit("an object has no id".to_owned())),
        }
    }

    /// This estate without what has an id, whatever its case, and what lies below it.
    ///
    /// # Errors
    /// If there is nothing of the id, or the files can't be read again.
    pub(crate) fn without(&self, id: &str, at: Timestamp) -> Result<Self, EstateError> {
        if self.find(id).is_none() {
            return Err(EstateError::Unfit(format!("nothing has the id {id}")));
        }
        self.edited(Edit { what: What::Delete(id.to_owned()), at })
    }

    fn edited(&self, edit: Edit) -> Result<Self, EstateError> {
        let mut edits = self.edits.clone();
        edits.push(edit);
        let folder = &self.written.folder;
        let mut files = files(folder)?;
        for (number, edit) in edits.iter().enumerate() {
            apply(&mut files, edit, number);
        }
        Ok(Self { written: written(folder, files)?.into(), extent: self.extent, edits })
    }
}

/// The files of an estate in the order of their names.
pub(super) fn files(folder: &Path) -> Result<Vec<File>, EstateError> {
    let read = |source| EstateError::Read { path: folder.to_path_buf(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(read)? {
        paths.push(entry.map_err(read)?.path());
    }
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).map_err(|source| EstateError::Read { path: path.clone(), source })?;
        let file: File = serde_json::from_str(&text).map_err(|source| EstateError::Form { path, source })?;
        files.push(file);
    }
    Ok(files)
}

fn apply(files: &mut Vec<File>, edit: &Edit, number: usize) {
    let (id, kind, table) = match &edit.what {
        What::Put(object) => {
            let id = id_of(object).to_owned();
            let (kind, table) = put(files, object);
            (id, kind, table)
        }
        What::Delete(id) => (id.clone(), "Delete", delete(files, id)),
    };
    // Resource Graph tells changes of this table alone.
    if table.as_deref() != Some(RESOURCES) {
        return;
    }
    let row = json!({
        "id": format!("{id}/providers/Microsoft.Resources/changes/0858{number:04}_5207f035-7169-4d4c-904a-{number:012x}"),
        "properties": {
            "targetResourceId": id,
            "targetResourceType": type_of(&id).unwrap_or_default().to_lowercase(),
            "changeType": kind,
            "changes": {},
            "changeAttributes": {
                "previousResourceSnapshotId": format!("0858{number:04}_a"),
                "newResourceSnapshotId": format!("0858{number:04}_b"),
                "correlationId": format!("52080f24-73ce-4dad-9069-{number:012x}"),
                "changesCount": 1,
                "timestamp": edit.at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
                "changedByType": "User",
            },
        },
    });
    let Value::Object(row) = row else { return };
    match files.iter_mut().find(|file| file.table.as_deref() == Some(CHANGES)) {
        Some(file) => file.objects.push(row),
        None => files.push(File::of_table(CHANGES, row)),
    }
}

/// What became of an object, and its table.
fn put(files: &mut [File], object: &Map<String, Value>) -> (&'static str, Option<String>) {
    let id = id_of(object);
    for file in &mut *files {
        if let Some(own) = file.objects.iter_mut().find(|own| id_of(own).eq_ignore_ascii_case(id)) {
            *own = object.clone();
            return ("Update", file.table.clone());
        }
    }
    let type_name = type_of(id).map(|own| own.to_lowercase());
    let is_of_type = |own: &Map<String, Value>| type_of(id_of(own)).map(|own| own.to_lowercase()) == type_name;
    let place = files.iter().position(|file| file.objects.iter().any(is_of_type));
    let place = place.or_else(|| files.iter().position(|file| file.table.as_deref() == Some(RESOURCES)));
    let Some(file) = place.and_then(|place| files.get_mut(place)) else { return ("Create", None) };
    file.objects.push(object.clone());
    ("Create", file.table.clone())
}

/// The table of what went.
fn delete(files: &mut [File], id: &str) -> Option<String> {
    let own = id.to_lowercase();
    let below = format!("{own}/");
    let mut table = None;
    for file in files.iter_mut().filter(|file| file.table.as_deref() != Some(CHANGES)) {
        if file.objects.iter().any(|object| id_of(object).eq_ignore_ascii_case(id)) {
            table.clone_from(&file.table);
        }
        let stays = |object: &Map<String, Value>| {
            let id = id_of(object).to_lowercase();
            id != own && !id.starts_with(&below)
        };
        file.objects.retain(stays);
        file.posts.retain(stays);
    }
    table
}

fn id_of(object: &Map<String, Value>) -> &str {
    object.get("id").and_then(Value::as_str).unwrap_or_default()
}
