use std::{borrow::Cow, cell::OnceCell, collections::BTreeMap, sync::Arc, time::Duration};

use axum::http::Method;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};

use super::{
    answer::Answer,
    copies::{Item, Owner},
    estate::Estate,
    kql::{Found, Query, Refusal, Row, parse, run},
    login::Caller,
    request::Request,
    rights::Rights,
    server::{Service, held},
    throttle::Verdict,
};

/// The tables, all of which have the same columns.
const TABLES: [&str; 6] =
    ["resources", "resourcecontainers", "authorizationresources", "policyresources", "securityresources", "resourcechanges"];

const COLUMNS: [&str; 16] = [
    "id",
    "name",
    "type",
    "tenantId",
    "kind",
    "location",
    "resourceGroup",
    "subscriptionId",
    "managedBy",
    "sku",
    "plan",
    "properties",
    "tags",
    "identity",
    "zones",
    "extendedLocation",
];

/// Columns that are objects or lists; in tables they are named so.
const DYNAMIC: [&str; 7] = ["sku", "plan", "properties", "tags", "identity", "zones", "extendedLocation"];

/// Rows on a page at most, and if the client does not say.
const MAX_TOP: usize = 1000;

/// A page of more bytes is refused.
const MAX_PAGE: usize = 16 << 20;

/// Answers whose pages are still asked for.
const MAX_ANSWERED: usize = 16;

/// Moves the rows of one query against those of the one before, as a list that nobody ordered.
const SHIFT: usize = 7919;

/// The queries whose answers are kept, so that their pages fit together; the latest last.
#[derive(Default)]
pub(crate) struct Answered {
    kept: Vec<(String, Arc<Answerable>)>,
    n_queries: usize,
}

struct Answerable {
    query: Query,
    found: Found<Item>,
}

/// What is asked, beside the query.
struct Scope {
    owners: Vec<Owner>,
    /// Management groups whose own rows are wanted, in lower case.
    groups: Vec<String>,
    above: Above,
    below: Below,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Above {
    Wanted,
    Unwanted,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Below {
    Wanted,
    Unwanted,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Objects,
    Table,
}

/// The answer to a query. The caller is logged in.
///
/// Pages: `$skipToken` is given while rows are left, unless the query has `limit` or `take` or leaves out `id`, as Azure documents; then
/// `resultTruncated` says `true` and there is no way on. The pages of one query fit together. `$skip` without `order by` does not: each
/// query begins at another row.
pub(crate) fn answer(service: &Service, request: &Request, caller: &Caller, rights: &Rights) -> Answer {
    if request.method != Method::POST {
        return Answer::error(405, "MethodNotAllowed", "The requested resource does not support this method; use POST.");
    }
    let left = held(&service.used).count(service.options.queries, &format!("queries {}", caller.object_id), service.elapsed());
    let answer = match left.verdict {
        Verdict::Refused => throttled(left.until),
        Verdict::Served => asked(service, request, caller, rights).unwrap_or_else(|answer| answer),
    };
    let seconds = left.until.as_millis().div_ceil(1000);
    answer.with_header("x-ms-user-quota-remaining", &left.remaining.to_string()).with_header(
        "x-ms-user-quota-resets-after",
        &format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
    )
}

fn throttled(until: Duration) -> Answer {
    let message = "Please provide below info when asking for support: the request was throttled.";
    let detail = "Client application has been throttled and should not continue to repeat the request until an amount of time has elapsed. \
                  Please see https://aka.ms/resourcegraph-throttling for help.";
    let body =
        json!({"error": {"code": "RateLimiting", "message": message, "details": [{"code": "RateLimiting", "message": detail}]}});
    Answer::json(429, &body).with_header("retry-after", &until.as_millis().div_ceil(1000).max(1).to_string())
}

fn asked(service: &Service, request: &Request, caller: &Caller, rights: &Rights) -> Result<Answer, Answer> {
    let body: Value =
        serde_json::from_slice(&request.body).map_err(|_| bad("InvalidRequest", "The request body is no JSON.", &Map::new()))?;
    let text = body.get("query").and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    let text = text.ok_or_else(|| bad("InvalidRequest", "Property query is required.", &Map::new()))?;
    let options = body.get("options").cloned().unwrap_or_default();
    let number = |name: &str| options.get(name).and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok());
    let top = number("$top").unwrap_or(MAX_TOP);
    if !(1..=MAX_TOP).contains(&top) {
        let message = format!("Provided option $top '{top}' is out of range: it must be between 1 and {MAX_TOP}.");
        return Err(bad("InvalidRequest", &message, &Map::new()));
    }
    let format = match options.get("resultFormat").and_then(Value::as_str) {
        None => Format::Objects,
        Some(format) if format.eq_ignore_ascii_case("objectArray") => Format::Objects,
        Some(format) if format.eq_ignore_ascii_case("table") => Format::Table,
        Some(other) => return Err(bad("InvalidRequest", &format!("resultFormat '{other}' is not known."), &Map::new())),
    };
    let token = options.get("$skipToken").and_then(Value::as_str);
    let asked = format!(
        "{} {} {:?} {:?} {:?}",
        caller.object_id,
        text,
        body.get("subscriptions"),
        body.get("managementGroups"),
        options.get("authorizationScopeFilter")
    );
    let begin = match token {
        Some(token) => {
            skipped(token).ok_or_else(|| bad("InvalidSkipToken", "The provided skip token is invalid.", &Map::new()))?
        }
        None => number("$skip").unwrap_or_default(),
    };
    let kept =
        token.and_then(|_| held(&service.answered).kept.iter().find(|(own, _)| *own == asked).map(|(_, kept)| Arc::clone(kept)));
    let answerable = match kept {
        Some(kept) => kept,
        None => {
            let scope = scope(service, rights, &body, &options)?;
            let query = parse(text, |table| TABLES.contains(&table).then_some(&COLUMNS[..])).map_err(|why| unreadable(&why))?;
            let n_queries = {
                let mut answered = held(&service.answered);
                answered.n_queries += 1;
                answered.n_queries - 1
            };
            let mut rows = rows(&service.estate, rights, &query.table, &scope);
            if number("$skip").is_some() && !rows.is_empty() {
                let shift = n_queries * SHIFT % rows.len();
                rows.rotate_left(shift);
            }
            let found = run(&query, rows.into_iter(), |item| Line::of(&service.estate, item));
            let answerable = Arc::new(Answerable { query, found });
            let mut answered = held(&service.answered);
            answered.kept.retain(|(own, _)| *own != asked);
            answered.kept.push((asked, Arc::clone(&answerable)));
            if answered.kept.len() > MAX_ANSWERED {
                answered.kept.remove(0);
            }
            answerable
        }
    };
    page(service, &answerable, begin, top, format)
}

fn page(service: &Service, answerable: &Answerable, begin: usize, top: usize, format: Format) -> Result<Answer, Answer> {
    let Answerable { query, found } = answerable;
    let n_all = found.len();
    let end = (begin + top).min(n_all);
    let rows: Vec<_> = (begin..end).filter_map(|place| found.row(query, place, |item| Line::of(&service.estate, item))).collect();
    let count = rows.len();
    let data = match format {
        Format::Objects => Value::Array(rows.into_iter().map(Value::Object).collect()),
        Format::Table => table(&query.columns, rows),
    };
    let can_go_on = !query.is_limited && query.columns.iter().any(|column| column == "id");
    let is_cut = end < n_all;
    let mut answer = json!({
        "totalRecords": n_all,
        "count": count,
        "data": data,
        "facets": [],
        "resultTruncated": if is_cut && !can_go_on { "true" } else { "false" },
    });
    if let Some(answer) = answer.as_object_mut().filter(|_| is_cut && can_go_on) {
        answer.insert("$skipToken".to_owned(), skip_token(end).into());
    }
    let answer = Answer::json(200, &answer);
    if answer.body.len() > MAX_PAGE {
        let message = format!(
            "Response payload size is {}, and has exceeded the limit of {MAX_PAGE}. Please consider querying less data at a time and make paginated call if needed.",
            answer.body.len()
        );
        return Err(bad("ResponsePayloadTooLarge", &message, &Map::new()));
    }
    Ok(answer)
}

fn table(columns: &[String], rows: Vec<Map<String, Value>>) -> Value {
    let types = |name: &String| {
        let sample = rows.iter().filter_map(|row| row.get(name)).find(|value| !value.is_null());
        match sample {
            _ if DYNAMIC.contains(&name.as_str()) => "object",
            Some(Value::Number(_)) => "integer",
            Some(Value::Bool(_)) => "boolean",
            Some(Value::Array(_) | Value::Object(_)) => "object",
            _ => "string",
        }
    };
    let heads: Vec<Value> = columns.iter().map(|name| json!({"name": name, "type": types(name)})).collect();
    let lines: Vec<Value> =
        rows.iter().map(|row| columns.iter().map(|name| row.get(name).cloned().unwrap_or_default()).collect()).collect();
    json!({"columns": heads, "rows": lines})
}

fn scope(service: &Service, rights: &Rights, body: &Value, options: &Value) -> Result<Scope, Answer> {
    let estate = &service.estate;
    let texts = |name: &str| -> Vec<String> {
        let list = body.get(name).and_then(Value::as_array).into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_lowercase).collect()
    };
    let (subscriptions, groups) = (texts("subscriptions"), texts("managementGroups"));
    if !subscriptions.is_empty() && !groups.is_empty() {
        return Err(bad("InvalidRequest", "Only one of subscriptions and managementGroups may be given.", &Map::new()));
    }
    let (above, below) = match options.get("authorizationScopeFilter").and_then(Value::as_str) {
        None | Some("AtScopeAndBelow") => (Above::Unwanted, Below::Wanted),
        Some("AtScopeAndAbove") => (Above::Wanted, Below::Unwanted),
        Some("AtScopeExact") => (Above::Unwanted, Below::Unwanted),
        Some("AtScopeAboveAndBelow") => (Above::Wanted, Below::Wanted),
        Some(other) => {
            return Err(bad("InvalidRequest", &format!("authorizationScopeFilter '{other}' is not known."), &Map::new()));
        }
    };
    let is_in = |owner: &Owner| {
        if !subscriptions.is_empty() {
            return subscriptions.contains(&estate.subscription_id(*owner));
        }
        groups.is_empty() || estate.groups_above(*owner).iter().any(|own| groups.contains(&own.to_lowercase()))
    };
    let reached = |owner: &Owner| rights.reach(estate, &format!("/subscriptions/{}", estate.subscription_id(*owner)));
    let owners: Vec<Owner> = estate.all_subscriptions().filter(is_in).filter(reached).collect();
    if owners.is_empty() {
        let message = format!(
            "There must be at least one subscription that is eligible to contain resources. Given: '{}'.",
            [subscriptions, groups].concat().join(",")
        );
        return Err(bad("NoValidSubscriptionsInQueryRequest", &message, &Map::new()));
    }
    let groups = match (subscriptions.is_empty(), groups.is_empty()) {
        (false, _) => Vec::new(),
        (true, false) => below_groups(estate, &groups),
        (true, true) => estate.written.management_groups.iter().map(|group| group.name.to_lowercase()).collect(),
    };
    Ok(Scope { owners, groups, above, below })
}

/// Management groups and those below them, in lower case.
fn below_groups(estate: &Estate, wanted: &[String]) -> Vec<String> {
    let groups = &estate.written.management_groups;
    let is_below = |name: &str| super::estate::above(groups, name).iter().any(|own| wanted.contains(&own.name.to_lowercase()));
    groups.iter().filter(|group| is_below(&group.name)).map(|group| group.name.to_lowercase()).collect()
}

/// The rows of a table in a scope that the caller may read: the others are left out in silence, as Resource Graph does.
fn rows(estate: &Estate, rights: &Rights, table: &str, scope: &Scope) -> Vec<Item> {
    let mut found = Vec::new();
    // What is decided for a whole subscription and type, where nothing is granted or denied further below.
    let mut decided: BTreeMap<(String, &str), bool> = BTreeMap::new();
    for owner in &scope.owners {
        let own = format!("/subscriptions/{}", estate.subscription_id(*owner));
        let is_even = !rights.differ_below(&own);
        for item in estate.items_of(*owner, |template| template.table.as_deref() == Some(table)) {
            let Some(template) = estate.template(item) else { continue };
            if scope.below == Below::Unwanted && !is_at(&estate.id(item), &own) {
                continue;
            }
            let action = format!("{}/read", template.type_folded);
            let is_readable = if is_even {
                let key = (own.clone(), template.type_folded.as_str());
                *decided.entry(key).or_insert_with(|| rights.allow(estate, &action, &own))
            } else {
                rights.allow(estate, &action, &estate.id(item))
            };
            if is_readable {
                found.push(item);
            }
        }
    }
    let mut groups: Vec<String> = scope.groups.clone();
    if scope.above == Above::Wanted {
        groups.extend(scope.owners.iter().flat_map(|owner| estate.groups_above(*owner)).map(str::to_lowercase));
    }
    let of_tenant = estate.items(|template| template.table.as_deref() == Some(table) && template.place.written().is_none());
    found.extend(of_tenant.filter(|item| {
        let id = estate.id(*item).to_lowercase();
        let group = id.strip_prefix("/providers/microsoft.management/managementgroups/").and_then(|rest| rest.split('/').next());
        let is_in = group.is_none_or(|group| groups.iter().any(|own| own == group));
        let action = estate.template(*item).map(|template| format!("{}/read", template.type_folded)).unwrap_or_default();
        is_in && rights.allow(estate, &action, &id)
    }));
    found
}

/// Whether something is a scope itself or assigned at it, such as `SCOPE/providers/Microsoft.Authorization/roleAssignments/X`.
fn is_at(id: &str, scope: &str) -> bool {
    let id = id.to_lowercase();
    id.rsplit_once("/providers/").map_or(id.as_str(), |(own, _)| own) == scope
}

/// A row, of which only what is asked for is made.
struct Line<'a> {
    estate: &'a Estate,
    item: Item,
    body: OnceCell<Value>,
}

impl<'a> Line<'a> {
    fn of(estate: &'a Estate, item: Item) -> Self {
        Self { estate, item, body: OnceCell::new() }
    }

    fn body(&self) -> &Value {
        self.body.get_or_init(|| self.estate.body(self.item))
    }
}

impl Row for Line<'_> {
    fn column(&self, name: &str) -> Cow<'_, Value> {
        let Some(template) = self.estate.template(self.item) else { return Cow::Owned(Value::Null) };
        let text = |text: &str| Cow::Owned(Value::from(text));
        match name {
            "id" => text(&self.estate.id(self.item)),
            "name" => text(&self.estate.name(self.item)),
            "type" => text(&template.type_folded),
            "location" => text(&template.location),
            "tenantId" => text(self.estate.tenant()),
            "resourceGroup" => text(&self.estate.resource_group(self.item)),
            "subscriptionId" => {
                let owner = self.estate.owner(self.item);
                text(&owner.map(|owner| self.estate.subscription_id(owner)).unwrap_or_default())
            }
            "kind" | "managedBy" => self.body().get(name).map_or_else(|| text(""), Cow::Borrowed),
            _ if COLUMNS.contains(&name) => self.body().get(name).map_or(Cow::Owned(Value::Null), Cow::Borrowed),
            _ => Cow::Owned(Value::Null),
        }
    }
}

fn unreadable(why: &Refusal) -> Answer {
    let mut place = Map::new();
    place.insert("line".to_owned(), why.line.into());
    place.insert("characterPositionInLine".to_owned(), why.column.into());
    place.insert("token".to_owned(), why.token.clone().into());
    bad("InvalidQuery", &why.message, &place)
}

/// 400 as Resource Graph says it: the cause is among the details.
fn bad(code: &str, message: &str, place: &Map<String, Value>) -> Answer {
    let mut detail = place.clone();
    let mut details = Vec::new();
    if place.is_empty() {
        detail.insert("code".to_owned(), code.into());
    } else {
        let general = "Query is invalid. Please refer to the documentation for the Azure Resource Graph service and fix the error before retrying.";
        details.push(json!({"code": code, "message": general}));
        detail.insert("code".to_owned(), "ParserFailure".into());
    }
    detail.insert("message".to_owned(), message.into());
    details.push(Value::Object(detail));
    let support = "Please provide below info when asking for support: the request was refused.";
    Answer::json(400, &json!({"error": {"code": "BadRequest", "message": support, "details": details}}))
}

fn skip_token(skipped: usize) -> String {
    BASE64_STANDARD.encode(json!({"$id": "1", "MaxRows": MAX_TOP, "RowsToSkip": skipped}).to_string())
}

fn skipped(token: &str) -> Option<usize> {
    let token: Value = serde_json::from_slice(&BASE64_STANDARD.decode(token).ok()?).ok()?;
    usize::try_from(token.get("RowsToSkip")?.as_u64()?).ok()
}
