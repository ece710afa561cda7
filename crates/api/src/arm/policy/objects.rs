//! Lists and single objects of `Microsoft.Authorization`'s policy types, api-versions up to 2025-11-01.

use axum::{
    Json,
    extract::{Path, Query},
    http::StatusCode,
};
use serde_json::{Value, json};
use skywarden_model::Timestamp;
use skywarden_policy::{Library, ObjectKind, Scope};

use super::{
    place::{Place, PolicyPath},
    shape::shaped,
};
use crate::{
    arm::{Answer, ListQuery, next_link},
    error::ApiError,
    odata::{Filter, Row},
    scoped::Scoped,
    v1::policy_type,
};

/// Rows of a page where the request names no number, and at most.
const PAGE: usize = 500;

/// The objects of a kind that are there for a scope. Definitions: those at it and above it. Assignments and exemptions: those below it
/// too, unless `atScope()` or `atExactScope()` says otherwise.
pub(crate) async fn list(
    kind: ObjectKind,
    state: Scoped,
    Path(path): Path<PolicyPath>,
    Query(query): Query<ListQuery>,
) -> Answer {
    let kept = state.store.policy_library().await?;
    let library = &kept.library;
    let place = Place::of(&state, library, &path).await?;
    let reach = place.reach(&state, library).await?;
    let (fields, functions) = known(kind);
    let filter = query.asked(fields, functions)?;
    let size = query.top.map_or(PAGE, |top| usize::try_from(top).unwrap_or(PAGE));
    if size == 0 {
        return Err(ApiError::bad_request("`$top` is at least 1"));
    }
    let size = size.min(PAGE);
    let now = Timestamp::now();
    let after = query.skip_token.as_deref().unwrap_or_default();
    let mut value = Vec::new();
    let mut last = None;
    for (id, _, _) in library.documents().filter(|(id, own, _)| *own == kind && *id > after) {
        let scope = kind.place(id);
        let relation = Relation { place: &place, scope: &scope, lies_below: place.shows_below(&state, library, &reach, &scope) };
        if !relation.is_listed(kind, filter.as_ref()) {
            continue;
        }
        let row = ObjectRow { library, kind, id, relation, now };
        if filter.as_ref().is_some_and(|filter| !filter.holds(&row)) {
            continue;
        }
        if value.len() == size {
            last = Some(id);
            break;
        }
        if let Some(own) = shaped(library, kind, id) {
            value.push(own);
        }
    }
    let next = last.and_then(|_| value.last()).and_then(|own| own.get("id")).and_then(Value::as_str).map(str::to_lowercase);
    let path = format!("{}/providers/{}", place.prefix, kind.type_name());
    let version = query.version().unwrap_or("2023-04-01");
    let top = size.to_string();
    let mut more: Vec<(&str, &str)> = query.filter().map(|text| ("$filter", text)).into_iter().collect();
    if query.top.is_some() {
        more.push(("$top", &top));
    }
    Ok(Json(next_link(&state, &path, version, &more, value, next)))
}

/// One object at a scope.
pub(crate) async fn one(kind: ObjectKind, state: Scoped, Path(path): Path<PolicyPath>) -> Answer {
    let kept = state.store.policy_library().await?;
    let place = Place::of(&state, &kept.library, &path).await?;
    let found = place.ids(kind.type_name(), &path.name).into_iter().find_map(|id| shaped(&kept.library, kind, &id));
    found.map(Json).ok_or_else(|| no_such(kind, &place.id(kind.type_name(), &path.name)))
}

/// That there is no such object, in Azure's words.
pub(super) fn no_such(kind: ObjectKind, id: &str) -> ApiError {
    let code = match kind {
        ObjectKind::Definition => "PolicyDefinitionNotFound",
        ObjectKind::Initiative => "PolicySetDefinitionNotFound",
        ObjectKind::Assignment => "PolicyAssignmentNotFound",
        ObjectKind::Exemption => "PolicyExemptionNotFound",
        ObjectKind::Attestation | ObjectKind::ManagementGroup => "ResourceNotFound",
    };
    ApiError::new(StatusCode::NOT_FOUND, code, format!("there is no {kind} `{id}`, or it is not visible to this login"))
}

/// Fields and functions that each list knows, as Azure's reference has them; `displayName` and `name` are ours.
fn known(kind: ObjectKind) -> (&'static [&'static str], &'static [&'static str]) {
    match kind {
        ObjectKind::Definition | ObjectKind::Initiative => {
            (&["policyType", "category", "displayName", "name"], &["atExactScope", "atScope"])
        }
        ObjectKind::Assignment => {
            (&["policyDefinitionId", "displayName", "name"], &["atExactScope", "atScope", "atScopeAndBelow"])
        }
        _ => (
            &["policyAssignmentId", "exemptionCategory", "displayName", "name"],
            &["atExactScope", "atScope", "atScopeAndBelow", "excludeExpired"],
        ),
    }
}

/// How an object lies to the scope of a list.
struct Relation<'a> {
    place: &'a Place,
    scope: &'a Scope,
    lies_below: bool,
}

impl Relation<'_> {
    /// Whether a list without a filter, or with one that says nothing of scopes, has it.
    fn is_listed(&self, kind: ObjectKind, filter: Option<&Filter>) -> bool {
        let is_definition = matches!(kind, ObjectKind::Definition | ObjectKind::Initiative);
        let only_above = is_definition || filter.is_some_and(|own| own.asks("atScope"));
        self.place.inherits(self.scope) || (!only_above && self.lies_below)
    }
}

/// An object as a filter asks about it.
struct ObjectRow<'a> {
    library: &'a Library,
    kind: ObjectKind,
    id: &'a str,
    relation: Relation<'a>,
    now: Timestamp,
}

impl Row for ObjectRow<'_> {
    fn field(&self, name: &str) -> Value {
        let governance = &self.library.governance;
        let name = name.to_ascii_lowercase();
        let found = match (self.kind, name.as_str()) {
            (_, "name") => Some(json!(self.id.rsplit('/').next())),
            (ObjectKind::Definition, name) => governance.definition(self.id).map(|own| match name {
                "policytype" => json!(policy_type(own.policy_type)),
                "category" => json!(own.category),
                _ => json!(own.display_name),
            }),
            (ObjectKind::Initiative, name) => governance.initiative(self.id).map(|own| match name {
                "policytype" => json!(policy_type(own.policy_type)),
                "category" => json!(own.category),
                _ => json!(own.display_name),
            }),
            (ObjectKind::Assignment, name) => governance.assignment(self.id).map(|own| match name {
                "policydefinitionid" => json!(own.definition_id),
                _ => json!(own.display_name),
            }),
            (_, name) => governance.exemption(self.id).map(|own| match name {
                "policyassignmentid" => json!(own.assignment_id),
                "exemptioncategory" => json!(own.category),
                _ => json!(own.display_name),
            }),
        };
        found.unwrap_or_default()
    }

    fn says(&self, function: &str) -> bool {
        match function.to_ascii_lowercase().as_str() {
            "atexactscope" => self.relation.place.is_at(self.relation.scope),
            "atscope" => self.relation.place.inherits(self.relation.scope),
            "excludeexpired" => {
                let own = self.library.governance.exemption(self.id);
                own.is_none_or(|own| own.expires_on.is_none_or(|end| self.now < end))
            }
            _ => true,
        }
    }
}
