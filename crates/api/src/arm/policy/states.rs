//! `Microsoft.PolicyInsights/policyStates/{latest|default}/queryResults`, api-versions 2019-10-01 to 2024-10-01.
//!
//! The states are those that are now; the timestamp of one is when it took that state. `default` has the same.

use std::cmp::Ordering;

use axum::{
    Json,
    extract::{Path, Query},
};
use serde_json::{Map, Value, json};
use skywarden_policy::ObjectKind;

use super::{
    apply::Apply,
    place::{Place, PolicyPath},
    records::Record,
    scan::{Scan, StatesQuery, field, parsed},
};
use crate::{
    arm::Answer,
    error::ApiError,
    odata::{Row as _, order},
    scoped::Scoped,
};

/// Records of a page.
const PAGE: usize = 1000;

pub(crate) async fn query(
    kind: Option<ObjectKind>,
    state: Scoped,
    Path(path): Path<PolicyPath>,
    Query(query): Query<StatesQuery>,
) -> Answer {
    let kept = state.store.policy_library().await?;
    let mut scan = Scan::of(&state, &kept.library, kind, &path, &query).await?;
    let select = names(query.select.as_deref())?;
    let address = Address { state: &state, kind, path: &path, query: &query };
    if query.top == Some(0) {
        return Ok(Json(address.answer(&scan.place, Vec::new(), None)));
    }
    let size = query.top.unwrap_or(PAGE).min(PAGE);
    if let Some(text) = query.apply.as_deref().filter(|text| !text.trim().is_empty()) {
        let apply = Apply::parse(text)?;
        if let Some(text) = &apply.filter {
            scan.and(parsed(text)?);
        }
        let mut rows = apply.of(scan.all().await?.iter().map(|(_, record)| record));
        sort(&mut rows, query.order_by.as_deref(), |name| apply.column(name))?;
        let offset = offset(&query)?;
        let more = rows.len() > offset + size;
        let value = rows.into_iter().skip(offset).take(size).map(|own| Value::Object(own.0)).collect();
        return Ok(Json(address.answer(&scan.place, value, more.then(|| (offset + size).to_string()))));
    }
    let (records, next) = if query.order_by.as_deref().is_some_and(|text| !text.trim().is_empty()) {
        let mut records: Vec<Record> = scan.all().await?.into_iter().map(|(_, record)| record).collect();
        sort(&mut records, query.order_by.as_deref(), |name| field(name).map(str::to_owned))?;
        let offset = offset(&query)?;
        let more = records.len() > offset + size;
        (records.into_iter().skip(offset).take(size).collect(), more.then(|| (offset + size).to_string()))
    } else {
        let found = scan.page(query.skip_token.clone(), size).await?;
        (found.rows.into_iter().map(|(_, record)| record).collect::<Vec<_>>(), found.next)
    };
    let value = records.into_iter().map(|own| selected(own, select.as_deref())).collect();
    Ok(Json(address.answer(&scan.place, value, next)))
}

/// What a request asked, to be asked again for the next page.
struct Address<'a> {
    state: &'a Scoped,
    kind: Option<ObjectKind>,
    path: &'a PolicyPath,
    query: &'a StatesQuery,
}

impl Address<'_> {
    fn answer(&self, place: &Place, value: Vec<Value>, next: Option<String>) -> Value {
        let object = self.kind.map(|kind| format!("/providers/{}/{}", kind.type_name(), self.path.name)).unwrap_or_default();
        // The tenant has states as its root group.
        let group = self.path.management_group.as_ref().filter(|_| place.prefix.is_empty());
        let root = group.map(|name| format!("/providers/Microsoft.Management/managementGroups/{name}")).unwrap_or_default();
        let base = format!("{}{root}{}{object}/providers/Microsoft.PolicyInsights/policyStates", self.state.base, place.prefix);
        let left = self.query.top.map(|top| top.saturating_sub(value.len()));
        let next = next.filter(|_| left != Some(0)).map(|token| self.link(&base, &token, left));
        let mut answer = json!({ "@odata.context": format!("{base}/$metadata#{}", self.path.states), "@odata.count": value.len(), "value": value });
        if let (Some(members), Some(next)) = (answer.as_object_mut(), next) {
            members.insert("@odata.nextLink".to_owned(), Value::String(next));
        }
        answer
    }

    fn link(&self, base: &str, token: &str, left: Option<usize>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("api-version", self.query.api_version.as_deref().unwrap_or("2019-10-01"));
        let given = [
            ("$filter", &self.query.filter),
            ("$select", &self.query.select),
            ("$orderby", &self.query.order_by),
            ("$apply", &self.query.apply),
            ("$expand", &self.query.expand),
            ("$from", &self.query.from),
            ("$to", &self.query.to),
        ];
        for (name, value) in given {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        if let Some(left) = left {
            query.append_pair("$top", &left.to_string());
        }
        query.append_pair("$skiptoken", token);
        format!("{base}/{}/queryResults?{}", self.path.states, query.finish())
    }
}

fn offset(query: &StatesQuery) -> Result<usize, ApiError> {
    let token = query.skip_token.as_deref().unwrap_or("0");
    token.parse().map_err(|_| ApiError::bad_request(format!("`{token}` is not where a page ended")))
}

fn names(text: Option<&str>) -> Result<Option<Vec<&'static str>>, ApiError> {
    let text = text.filter(|text| !text.trim().is_empty());
    text.map(|text| text.split(',').map(field).collect()).transpose()
}

fn selected(record: Record, select: Option<&[&'static str]>) -> Value {
    let Some(select) = select else { return Value::Object(record.0) };
    let mut own = Map::new();
    for key in ["@odata.id", "@odata.context"] {
        own.insert(key.to_owned(), Value::Null);
    }
    for name in select {
        own.insert((*name).to_owned(), record.field(name));
    }
    Value::Object(own)
}

/// Sorts by `FIELD [asc|desc], ...`; what compares equal stays in order.
fn sort(
    records: &mut [Record],
    order_by: Option<&str>,
    known: impl Fn(&str) -> Result<String, ApiError>,
) -> Result<(), ApiError> {
    let mut keys = Vec::new();
    for part in order_by.unwrap_or_default().split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let mut words = part.split_whitespace();
        let name = known(words.next().unwrap_or_default())?;
        let is_down = match words.next() {
            None => false,
            Some(word) if word.eq_ignore_ascii_case("asc") => false,
            Some(word) if word.eq_ignore_ascii_case("desc") => true,
            Some(word) => return Err(ApiError::bad_request(format!("`{word}` is no order; `asc` and `desc` are"))),
        };
        keys.push((name, is_down));
    }
    if !keys.is_empty() {
        records.sort_by(|one, other| {
            let by_key = keys.iter().map(|(name, is_down)| {
                let (one, other) = (one.field(name), other.field(name));
                let found = order(&one, &other).unwrap_or_else(|| rank(&one).cmp(&rank(&other)));
                if *is_down { found.reverse() } else { found }
            });
            by_key.fold(Ordering::Equal, Ordering::then)
        });
    }
    Ok(())
}

/// Values of different kinds lie in this order: what is absent first.
fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    }
}
