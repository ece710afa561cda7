//! Going through the states of a scope, page by page of the store.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use skywarden_model::native_id_of;
use skywarden_policy::{ComplianceState, Library, ObjectKind};
use skywarden_store::{PolicyStateQuery, PolicyStateRow, ScopeFilter};

use super::{
    objects::no_such,
    place::{Place, PolicyPath},
    records::{Detail, FIELDS, Record, record},
};
use crate::{
    error::ApiError,
    odata::{Filter, order},
    scoped::Scoped,
};

/// What a request asks of states.
#[derive(Deserialize)]
pub(crate) struct StatesQuery {
    #[serde(rename = "$filter")]
    pub(super) filter: Option<String>,
    #[serde(rename = "$select")]
    pub(super) select: Option<String>,
    #[serde(rename = "$top")]
    pub(super) top: Option<usize>,
    #[serde(rename = "$orderby", alias = "$orderBy")]
    pub(super) order_by: Option<String>,
    #[serde(rename = "$apply")]
    pub(super) apply: Option<String>,
    #[serde(rename = "$expand")]
    pub(super) expand: Option<String>,
    #[serde(rename = "$from")]
    pub(super) from: Option<String>,
    #[serde(rename = "$to")]
    pub(super) to: Option<String>,
    #[serde(rename = "$skiptoken", alias = "$skipToken")]
    pub(super) skip_token: Option<String>,
    #[serde(rename = "api-version")]
    pub(super) api_version: Option<String>,
}

/// States that are sorted, grouped or summed up are at most so many.
const MAX_GATHERED: usize = 200_000;

/// States that one page of an answer looks at.
const MAX_LOOKED_AT: usize = 50_000;

/// Rows of a page of the store.
const STEP: u32 = 500;

/// The states that a request is about.
pub(super) struct Scan<'a> {
    state: &'a Scoped,
    library: &'a Library,
    /// The scope.
    pub(super) place: Place,
    scope: ScopeFilter,
    /// Ids in lower case of the definitions, initiatives or assignments that are meant.
    only: Option<(ObjectKind, BTreeSet<String>)>,
    filter: Option<Filter>,
    from: Option<Value>,
    to: Option<Value>,
    detail: Detail,
}

/// A part of what a scan finds.
pub(super) struct Found {
    pub(super) rows: Vec<(PolicyStateRow, Record)>,
    /// Where to go on.
    pub(super) next: Option<String>,
}

impl<'a> Scan<'a> {
    /// What a path and its options mean.
    ///
    /// # Errors
    /// 404 if the scope or the object is not there for the caller, 400 if an option can't be understood.
    pub(super) async fn of(
        state: &'a Scoped,
        library: &'a Library,
        kind: Option<ObjectKind>,
        path: &PolicyPath,
        query: &StatesQuery,
    ) -> Result<Self, ApiError> {
        if !["latest", "default"].iter().any(|own| own.eq_ignore_ascii_case(&path.states)) {
            return Err(ApiError::bad_request(format!("`{}` is no set of states; `latest` and `default` are", path.states)));
        }
        let place = Place::of(state, library, path).await?;
        let scope = place.filter(state, library).await?;
        let only = kind.map(|kind| named(library, &place, kind, &path.name).map(|ids| (kind, ids))).transpose()?;
        let text = query.filter.as_deref().filter(|text| !text.trim().is_empty());
        let filter = text.map(parsed).transpose()?;
        let instant = |text: &Option<String>| match text.as_deref().filter(|text| !text.is_empty()) {
            None => Ok(None),
            Some(text) if skywarden_rule::instant(text).is_some() => Ok(Some(Value::from(text))),
            Some(text) => Err(ApiError::bad_request(format!("`{text}` is no instant; write `2026-12-31T00:00:00Z`"))),
        };
        let detail = match query.expand.as_deref().filter(|text| !text.is_empty()) {
            None => Detail::Plain,
            Some(own) if own.split('(').next().is_some_and(|own| own.eq_ignore_ascii_case("PolicyEvaluationDetails")) => {
                Detail::Evaluation
            }
            Some(own) => {
                return Err(ApiError::bad_request(format!("`$expand={own}` is not understood; `PolicyEvaluationDetails` is")));
            }
        };
        Ok(Self { state, library, place, scope, only, filter, from: instant(&query.from)?, to: instant(&query.to)?, detail })
    }

    /// Adds a condition.
    pub(super) fn and(&mut self, more: Filter) {
        self.filter = Some(match self.filter.take() {
            None => more,
            Some(own) => Filter::All(vec![own, more]),
        });
    }

    /// Up to so many states from a cursor on; fewer than there are where many have to be looked at for them.
    pub(super) async fn page(&self, mut cursor: Option<String>, size: usize) -> Result<Found, ApiError> {
        let mut rows = Vec::new();
        let mut n_looked_at = 0;
        loop {
            let page = self.state.store.policy_states(&self.scope, &self.asked(cursor)).await?;
            n_looked_at += page.items.len();
            for row in page.items {
                if let Some(record) = self.meant(&row) {
                    if rows.len() == size {
                        let next = rows.last().map(|(row, _): &(PolicyStateRow, Record)| row.cursor());
                        return Ok(Found { rows, next });
                    }
                    rows.push((row, record));
                }
            }
            cursor = page.next;
            if cursor.is_none() || n_looked_at >= MAX_LOOKED_AT {
                return Ok(Found { rows, next: cursor });
            }
        }
    }

    /// All of them.
    ///
    /// # Errors
    /// 400 if there are more than can be held.
    pub(super) async fn all(&self) -> Result<Vec<(PolicyStateRow, Record)>, ApiError> {
        let mut rows = Vec::new();
        let mut cursor = None;
        loop {
            let found = self.page(cursor, MAX_GATHERED).await?;
            rows.extend(found.rows);
            if rows.len() > MAX_GATHERED {
                let message = format!("more than {MAX_GATHERED} states are meant: name a smaller scope or give a `$filter`");
                return Err(ApiError::new(StatusCode::BAD_REQUEST, "TooManyPolicyStates", message));
            }
            cursor = found.next;
            if cursor.is_none() {
                return Ok(rows);
            }
        }
    }

    /// What the store can tell apart by itself.
    fn asked(&self, cursor: Option<String>) -> PolicyStateQuery {
        let required = |field: &str| self.filter.as_ref().and_then(|own| own.required(field));
        let assignment = match &self.only {
            Some((ObjectKind::Assignment, ids)) if ids.len() == 1 => ids.first().cloned(),
            _ => required("policyAssignmentId").map(str::to_lowercase),
        };
        // Azure's Unknown is two states here.
        let state = required("complianceState").and_then(ComplianceState::from_name);
        let state = state.filter(|own| !matches!(own, ComplianceState::Unknown | ComplianceState::Unread));
        // Ids of Azure's own compare without case, which the store does not.
        let resource = required("resourceId").filter(|id| id.to_ascii_lowercase().contains("/securityentitydata/"));
        let resource = resource.and_then(|id| native_id_of(id).ok()).map(|id| id.as_str().to_owned());
        let own = self.place.resource.clone().filter(|id| !id.starts_with('/'));
        PolicyStateQuery { assignment, state, resource: own.or(resource), cursor, limit: STEP, ..PolicyStateQuery::default() }
    }

    fn meant(&self, row: &PolicyStateRow) -> Option<Record> {
        let of_group = self.place.group.as_ref().is_none_or(|own| own.eq_ignore_ascii_case(&row.resource_group));
        let of_resource = self.place.resource.as_ref().is_none_or(|own| own.eq_ignore_ascii_case(&row.resource));
        let of_object = self.only.as_ref().is_none_or(|(kind, ids)| match kind {
            ObjectKind::Definition => ids.contains(&row.definition.to_lowercase()),
            ObjectKind::Initiative => row.details.initiative.as_ref().is_some_and(|id| ids.contains(&id.to_lowercase())),
            _ => ids.contains(&row.assignment),
        });
        if !(of_group && of_resource && of_object) {
            return None;
        }
        let at = Value::from(row.state_changed_at.as_str());
        let is_late = self.from.as_ref().is_none_or(|from| order(&at, from).is_some_and(|own| own.is_ge()));
        let is_early = self.to.as_ref().is_none_or(|to| order(&at, to).is_some_and(|own| own.is_le()));
        if !(is_late && is_early) {
            return None;
        }
        let record = record(self.library, row, self.detail);
        self.filter.as_ref().is_none_or(|own| own.holds(&record)).then_some(record)
    }
}

/// A filter on states.
pub(super) fn parsed(text: &str) -> Result<Filter, ApiError> {
    let filter = Filter::parse(text).and_then(|own| own.check(&FIELDS, &[]).map(|()| own));
    filter.map_err(|error| ApiError::new(StatusCode::BAD_REQUEST, "InvalidFilterInQueryString", error.to_string()))
}

/// The name of a field as records have it.
pub(super) fn field(name: &str) -> Result<&'static str, ApiError> {
    let name = name.trim();
    let found = FIELDS.iter().find(|own| own.eq_ignore_ascii_case(name));
    found
        .copied()
        .ok_or_else(|| ApiError::bad_request(format!("`{name}` is no field of a state; there is {}", FIELDS.join(", "))))
}

/// Ids in lower case of the objects that a name means at a scope: of assignments those at it, of definitions those above it too.
fn named(library: &Library, place: &Place, kind: ObjectKind, name: &str) -> Result<BTreeSet<String>, ApiError> {
    let is_meant = |id: &str| {
        let scope = kind.place(id);
        let lies_right = if kind == ObjectKind::Assignment { place.is_at(&scope) } else { place.inherits(&scope) };
        lies_right && id.rsplit('/').next().is_some_and(|own| own.eq_ignore_ascii_case(name))
    };
    let ids: BTreeSet<String> =
        library.documents().filter(|(id, own, _)| *own == kind && is_meant(id)).map(|(id, _, _)| id.to_owned()).collect();
    if ids.is_empty() { Err(no_such(kind, &place.id(kind.type_name(), name))) } else { Ok(ids) }
}
