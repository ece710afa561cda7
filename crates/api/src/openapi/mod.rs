//! The OpenAPI document of the whole API: the tables of routes, described by the files of `crates/api/openapi`.

mod data;
mod errors;
mod objects;
mod operation;
mod schema;
mod table;

use std::{collections::BTreeSet, sync::LazyLock};

use axum::{
    http::header,
    response::{IntoResponse as _, Response},
};
use serde_json::{Map, Value, json};

use self::{data::File, table::Table};
use crate::{OPEN_ROUTES, ROUTES, auth::Scheme, scoped::Scoped};

/// What the API is, for programs.
#[derive(Debug, Clone)]
pub struct OpenApi {
    /// The document, in OpenAPI 3.1.
    pub document: Value,
    /// Routes without a description, descriptions without a route, and mistakes in the files. A test holds that there are none; a server
    /// leaves out what is wrong.
    pub problems: Vec<String>,
}

/// The document, made once.
pub fn openapi() -> &'static OpenApi {
    static MADE: LazyLock<OpenApi> = LazyLock::new(make);
    &MADE
}

/// `GET /api/v1/openapi.json`.
pub(crate) async fn show(_: Scoped) -> Response {
    static TEXT: LazyLock<String> = LazyLock::new(|| openapi().document.to_string());
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}

fn make() -> OpenApi {
    let mut problems = Vec::new();
    let files = data::files(&mut problems);
    let table = Table::of(&files, &mut problems);
    let mut paths: Map<String, Value> = Map::new();
    let mut described = BTreeSet::new();
    let open = OPEN_ROUTES.iter().flat_map(|routes| routes.iter()).map(|(method, path)| (*method, *path, None));
    let listed = ROUTES.iter().map(|route| (route.method, route.path.as_str(), Some(route.action.as_str())));
    for (method, path, action) in listed.chain(open) {
        let Some((key, entry)) = table.find(method, path) else {
            problems.push(format!(
                "{method} {path} is a route without a description; crates/api/openapi/README.md says how one is made"
            ));
            continue;
        };
        described.insert((key, method));
        let made = operation::operation(&files, entry, operation::Place { method, path, action }, &mut problems);
        if let Some(item) = paths.entry(path.to_owned()).or_insert_with(|| json!({})).as_object_mut() {
            item.insert(method.to_lowercase(), made);
        }
    }
    problems.extend(
        table
            .written()
            .filter(|(key, method)| !described.contains(&((*key).clone(), *method)))
            .map(|(key, method)| format!("{method} {key} is described, and there is no such route")),
    );
    let schemas = schemas(&files, &table, &mut problems);
    schema::check_references(&paths, &schemas, &mut problems);
    OpenApi { document: document(&files, paths, schemas), problems }
}

fn schemas(files: &[File], table: &Table<'_>, problems: &mut Vec<String>) -> Map<String, Value> {
    let mut schemas = Map::new();
    let written =
        files.iter().flat_map(|file| &file.schemas).map(|(name, written)| (name.clone(), schema::of(written, problems)));
    for (name, made) in
        written.collect::<Vec<_>>().into_iter().chain(table.kinds().map(|kind| (kind.schema.clone(), kind.made())))
    {
        if schemas.insert(name.clone(), made).is_some() {
            problems.push(format!("the schema {name} is written twice"));
        }
    }
    schemas
}

fn document(files: &[File], paths: Map<String, Value>, schemas: Map<String, Value>) -> Value {
    let tags: Vec<Value> = files.iter().map(|file| json!({ "name": file.tag, "description": file.about })).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Skywarden",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The ARM face and /api/v1 of one installation. `x-skywarden-action` is the action that a role has to allow; \
                            what begins with Skywarden.Account is one's own and needs no role. What a caller may not see is not found; what \
                            is not built answers 404 with the code FeatureNotAvailable.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "bearer": [] }, { "session": [] }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": errors::responses(),
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer",
                            "description": "An API token, a token of the token endpoint, or the one in DATA/api-token." },
                "session": { "type": "apiKey", "in": "cookie", "name": Scheme::Https.cookie(),
                             "description": "The session of a browser; changes need a same-origin `Origin` header beside it." },
            },
        },
    })
}
