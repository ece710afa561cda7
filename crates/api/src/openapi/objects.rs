//! The objects that clients write: what is told of their operations follows from the kinds of `arm::objects`.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::data::{Entry, Query};
use crate::arm::{
    objects::{KINDS, Kind, Operation},
    written::described,
};

/// The tag of their operations.
pub(super) const TAG: &str = "Microsoft.Security";

/// Path, method and entry of every operation of every kind.
pub(super) fn entries() -> Vec<(String, &'static str, Entry)> {
    let mut entries = Vec::new();
    for kind in KINDS {
        for (place, operations) in kind.places {
            for operation in *operations {
                entries.push((kind.path(*place, *operation), operation.method(), entry(kind, *operation)));
            }
        }
    }
    entries
}

/// The schemas to which those entries refer, by name.
pub(super) fn schemas() -> Vec<(String, Value)> {
    let mut schemas = Vec::new();
    for kind in KINDS {
        let has = |wanted: Operation| kind.places.iter().any(|(_, operations)| operations.contains(&wanted));
        schemas.push((name(kind, ""), kind.answered()));
        if has(Operation::Put) {
            schemas.push((name(kind, WHOLE), kind.written()));
        }
        if has(Operation::Patch) {
            schemas.push((name(kind, PART), kind.changed()));
        }
    }
    schemas.push((format!("ArmAssessment{WHOLE}"), described()));
    schemas
}

const WHOLE: &str = "Written";
const PART: &str = "Changed";

/// `ArmAssessmentsGovernanceAssignmentsWritten`: the type behind its namespace, and which of its schemas.
fn name(kind: &Kind, which: &str) -> String {
    let type_name = kind.type_name();
    let mut name = "Arm".to_owned();
    for step in type_name.split('/').skip(1) {
        let mut letters = step.chars();
        name.extend(letters.next().into_iter().flat_map(char::to_uppercase).chain(letters));
    }
    name + which
}

fn entry(kind: &Kind, operation: Operation) -> Entry {
    let words = kind.words();
    let answered = json!(name(kind, ""));
    let made = Entry { errors: vec![409, 412], headers: conditions(), about: kind.without_effect, ..Entry::default() };
    match operation {
        Operation::List => {
            let filter = ("$filter".to_owned(), json!("string -- an OData filter of names, such as `name eq 'NAME'`"));
            Entry {
                summary: format!("Lists {words}."),
                query: vec![
                    Query::Own(BTreeMap::from([filter])),
                    Query::Named("top".to_owned()),
                    Query::Named("skip".to_owned()),
                ],
                ok: Some(json!({ "value": [answered], "nextLink?": "string" })),
                ..Entry::default()
            }
        }
        Operation::Get => Entry { summary: format!("Gives one of the {words}."), ok: Some(answered), ..Entry::default() },
        Operation::Put => Entry {
            summary: format!("Makes or replaces one of the {words}."),
            body: Some(json!(name(kind, WHOLE))),
            created: (kind.created == StatusCode::CREATED).then(|| answered.clone()),
            ok: Some(answered),
            ..made
        },
        Operation::Patch => Entry {
            summary: format!("Changes a part of one of the {words}."),
            body: Some(json!(name(kind, PART))),
            ok: Some(answered),
            ..made
        },
        Operation::Delete => Entry {
            summary: format!("Removes one of the {words}."),
            ok: (kind.deleted == StatusCode::OK).then_some(Value::Bool(true)),
            empty: true,
            about: None,
            ..made
        },
        Operation::Execute => Entry {
            summary: format!("Carries one of the {words} out; `Location` says where its result will be."),
            optional_body: Some(
                json!({ "override?": "boolean -- whether assignments that are there are replaced", "$open": "any" }),
            ),
            accepted: Some(Value::Bool(true)),
            errors: vec![409],
            ..Entry::default()
        },
        Operation::Result => Entry {
            summary: format!("Tells how carrying out one of the {words} went."),
            ok: Some(
                json!({ "id": "string", "name": "string", "status": "Succeeded|Failed", "startTime": "time", "endTime": "time",
                             "properties": { "assigned": "integer?" } }),
            ),
            accepted: Some(Value::Bool(true)),
            ..Entry::default()
        },
    }
}

/// The headers by which a client says what it expects to change.
fn conditions() -> BTreeMap<String, Value> {
    [
        ("If-Match", "only an object with one of these etags; `*`: with any"),
        ("If-None-Match", "only where none has these; `*`: where there is none"),
    ]
    .map(|(name, about)| (name.to_owned(), json!(format!("string -- {about}"))))
    .into()
}
