//! The operations, the same for every kind.

use axum::{
    Json,
    extract::{OriginalUri, Path, Query, rejection::JsonRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use serde_json::{Map, Value};
use skywarden_model::Timestamp;
use skywarden_store::{Expected, Written};

use super::{
    answer::{Shown, with_note, writable},
    behave::{self, Draft},
    check::{Mistake, checked, refused},
    kind::{Kind, Names},
    precondition,
    target::{ObjectPath, Target},
};
use crate::{
    arm::{Answer, ListQuery, next_link},
    error::ApiError,
    odata::Row,
    scoped::Scoped,
};

/// Objects of one kind at one scope at most.
pub(super) const MAX_OBJECTS: u64 = 1000;

/// Objects of a page at most.
const PAGE: u32 = 500;

/// How often a change is tried again when others change the same object at the same time.
const TRIES: usize = 8;

type Body = Result<Json<Value>, JsonRejection>;

pub(super) async fn list(
    kind: &'static Kind,
    state: Scoped,
    Path(path): Path<ObjectPath>,
    Query(query): Query<ListQuery>,
    OriginalUri(uri): OriginalUri,
) -> Answer {
    let target = Target::of(&state, &path).await?;
    let filter = query.asked(&["name"], &[])?;
    let is_wanted = |name: &str| filter.as_ref().is_none_or(|filter| filter.holds(&Named(name)));
    let limit = query.top.unwrap_or(PAGE).clamp(1, PAGE);
    let after = query.skip_token.as_deref();
    let (objects, next) = match behave::all(&state, kind, &target).await? {
        Some(all) => page(all.into_iter().filter(|own| is_wanted(&own.name)).collect(), after, limit),
        None if filter.is_some() => {
            let all = state.store.all_arm_objects_at(&state.filter, kind.collection, &target.scope).await?;
            page(all.into_iter().filter(|own| is_wanted(&own.name)).map(|own| Shown::kept(own, None)).collect(), after, limit)
        }
        None => {
            let page = state.store.arm_objects_at(&state.filter, kind.collection, &target.scope, after, limit).await?;
            (page.items.into_iter().map(|own| Shown::kept(own, None)).collect(), page.next)
        }
    };
    let version = query.version();
    let value: Vec<Value> = objects.iter().map(|own| own.value(kind, &target, version)).collect();
    let top = limit.to_string();
    let mut more = vec![("$top", top.as_str())];
    more.extend(query.filter().map(|filter| ("$filter", filter)));
    Ok(Json(next_link(&state, uri.path(), version.unwrap_or_default(), &more, value, next)))
}

/// A page of what is all there: those after the token, in order of their names.
fn page(mut all: Vec<Shown>, after: Option<&str>, limit: u32) -> (Vec<Shown>, Option<String>) {
    // Objects of several scopes may have one name.
    let key = |own: &Shown| {
        let elsewhere = own.prefix.as_ref().map(|prefix| format!("\u{1}{prefix}")).unwrap_or_default();
        format!("{}{elsewhere}", own.name).to_lowercase()
    };
    all.sort_by_key(key);
    all.retain(|own| after.is_none_or(|after| key(own).as_str() > after));
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_more = all.len() > limit;
    all.truncate(limit);
    let next = all.last().filter(|_| is_more).map(key);
    (all, next)
}

/// An object as a filter asks about it.
struct Named<'a>(&'a str);

impl Row for Named<'_> {
    fn field(&self, _: &str) -> Value {
        // `name` is the one that `asked` lets through.
        self.0.into()
    }
}

pub(super) async fn one(
    kind: &'static Kind,
    state: Scoped,
    Path(path): Path<ObjectPath>,
    Query(query): Query<ListQuery>,
) -> Result<Response, ApiError> {
    let target = Target::of(&state, &path).await?;
    let found = known(&state, kind, &target, &path.name).await?;
    Ok(found.answer(StatusCode::OK, kind, &target, query.version()))
}

pub(super) async fn known(state: &Scoped, kind: &Kind, target: &Target, name: &str) -> Result<Shown, ApiError> {
    let name = behave::name(state, kind, name)?;
    let found = behave::one(state, kind, target, &name).await?;
    found.ok_or_else(|| ApiError::not_found(&format!("`{name}` among {} of {}", kind.collection, target.prefix)))
}

/// Makes an object, replaces it, or changes a part of it.
pub(super) async fn write(
    kind: &'static Kind,
    extent: Extent,
    state: Scoped,
    Path(path): Path<ObjectPath>,
    Query(query): Query<ListQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let target = Target::of(&state, &path).await?;
    let name = match extent {
        Extent::Whole => behave::name(&state, kind, &path.name)?,
        Extent::Part => known(&state, kind, &target, &path.name).await?.name,
    };
    let version = query.version().map(str::to_owned);
    let change = Change { kind, target, name, version, headers, given: properties_of(body)?, extent };
    change.make(&state).await
}

pub(super) async fn remove(
    kind: &'static Kind,
    state: Scoped,
    Path(path): Path<ObjectPath>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let target = Target::of(&state, &path).await?;
    let name = behave::name(&state, kind, &path.name)?;
    for _ in 0..TRIES {
        let kept = state.store.arm_object(&state.filter, kind.collection, &target.scope, &name).await?;
        let is_there = kept.is_some() && behave::remains(&state, kind, &target, &name).await?.is_none();
        precondition::check(&headers, kept.as_ref().filter(|_| is_there).map(|own| own.etag.as_str()))?;
        behave::removable(&state, kind, &target, &name, kept.as_ref()).await?;
        let Some(kept) = kept else { return Ok(StatusCode::NO_CONTENT.into_response()) };
        let etag = precondition::is_given(&headers).then_some(kept.etag.as_str());
        behave::removing(&state, kind, &target, &name).await?;
        if state.store.remove_arm_object(kind.collection, &target.scope, &name, etag).await? {
            behave::changed(&state, kind, &target, &name, Some(&kept)).await?;
            return Ok(if is_there { kind.deleted } else { StatusCode::NO_CONTENT }.into_response());
        }
    }
    Err(busy(&name))
}

/// How much of an object a request speaks of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// What it does not name is gone.
    Whole,
    /// What it does not name stays.
    Part,
}

/// A change of an object that is asked for.
struct Change {
    kind: &'static Kind,
    target: Target,
    name: String,
    version: Option<String>,
    headers: HeaderMap,
    /// The members of `properties`.
    given: Map<String, Value>,
    extent: Extent,
}

impl Change {
    async fn make(self, state: &Scoped) -> Result<Response, ApiError> {
        let Self { kind, target, name, version, headers, .. } = &self;
        for _ in 0..TRIES {
            let current = behave::one(state, kind, target, name).await?;
            precondition::check(headers, current.as_ref().map(Shown::etag).as_deref())?;
            let draft = Draft { name, properties: self.properties(current.as_ref())?, current: current.as_ref() };
            let properties = behave::prepared(state, kind, target, draft).await?;
            let remains = match current {
                Some(_) => None,
                None => behave::remains(state, kind, target, name).await?,
            };
            let kept = current.as_ref().and_then(|own| own.kept.as_ref()).or(remains.as_ref());
            if kept.is_none() && matches!(kind.names, Names::Any) {
                self.check_room(state).await?;
            }
            let expected = kept.map_or(Expected::Absent, |own| Expected::Etag(&own.etag));
            let document = Value::Object(properties);
            let written =
                state.store.put_arm_object(kind.collection, &target.scope, name, &document, expected, Timestamp::now()).await?;
            let object = match written {
                Written::Created(object) | Written::Replaced(object) => object,
                Written::Conflict => continue,
            };
            behave::changed(state, kind, target, name, kept).await?;
            let status = if current.is_none() { kind.created } else { StatusCode::OK };
            // Another may have removed it by now; what was written is what is answered then.
            let shown = behave::one(state, kind, target, name).await?.unwrap_or_else(|| Shown::kept(object, None));
            return Ok(with_note(kind, shown.answer(status, kind, target, version.as_deref())));
        }
        Err(busy(name))
    }

    /// Today's members of what the object is to be.
    fn properties(&self, current: Option<&Shown>) -> Result<Map<String, Value>, ApiError> {
        let older = self.kind.older_of(self.version.as_deref());
        let fields = older.map_or(self.kind.fields, |older| older.fields);
        let mut given = self.given.clone();
        if let (Extent::Part, Some(current)) = (self.extent, current) {
            let had = older.map_or_else(|| current.properties.clone(), |older| (older.write)(current.properties.clone()));
            let mut whole = writable(fields, had);
            merge(&mut whole, given);
            given = whole;
        }
        let members = checked(fields, &given, "properties").map_err(refused)?;
        Ok(older.map_or(members.clone(), |older| (older.read)(members, current.map(|own| &own.properties))))
    }

    async fn check_room(&self, state: &Scoped) -> Result<(), ApiError> {
        if state.store.count_arm_objects(self.kind.collection, &self.target.scope).await? < MAX_OBJECTS {
            return Ok(());
        }
        let message =
            format!("{} has {MAX_OBJECTS} {} already, more are not kept; remove some", self.target.prefix, self.kind.collection);
        Err(ApiError::new(StatusCode::CONFLICT, "TooManyObjects", message))
    }
}

/// RFC 7396: `null` removes a member, objects are merged, everything else is replaced.
pub(in crate::arm) fn merge(into: &mut Map<String, Value>, change: Map<String, Value>) {
    for (name, value) in change {
        match (into.get_mut(&name), value) {
            (_, Value::Null) => drop(into.remove(&name)),
            (Some(Value::Object(own)), Value::Object(members)) => merge(own, members),
            (_, value) => drop(into.insert(name, value)),
        }
    }
}

/// The member `properties` of a body; other members are what the server says itself, and clients send them back.
fn properties_of(body: Body) -> Result<Map<String, Value>, ApiError> {
    let Json(body) = body?;
    match body {
        Value::Object(mut members) => match members.remove("properties") {
            None | Some(Value::Null) => Ok(Map::new()),
            Some(Value::Object(properties)) => Ok(properties),
            Some(_) => Err(refused(vec![mistake("properties", "`properties` is an object")])),
        },
        _ => Err(refused(vec![mistake("body", "the body is an object with the member `properties`")])),
    }
}

fn mistake(target: &str, message: &str) -> Mistake {
    Mistake { target: target.to_owned(), message: message.to_owned() }
}

fn busy(name: &str) -> ApiError {
    let message = format!("`{name}` is being changed by others all the time; try again");
    ApiError::new(StatusCode::CONFLICT, "Conflict", message)
}
