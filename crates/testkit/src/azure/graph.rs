use axum::http::Method;
use serde_json::{Map, Value, json};

use super::{
    answer::Answer,
    directory::{MEMBERS, id, list, members, members_through},
    estate::{DirectoryRule, Licence},
    faults::fits,
    filter::{Filter, Operator},
    login::{Audience, caller},
    paging::page,
    request::Request,
    server::Service,
};

/// Kinds of objects that can be members, and what each is called.
const KINDS: [(&str, &str); 3] = [
    ("users", "#microsoft.graph.user"),
    ("groups", "#microsoft.graph.group"),
    ("servicePrincipals", "#microsoft.graph.servicePrincipal"),
];

/// A page has at most so many objects.
const MAX_TOP: usize = 999;

/// The answer to a request below `/v1.0`.
pub(crate) fn answer(service: &Service, request: &Request) -> Answer {
    let caller = match caller(service, request, Audience::Graph) {
        Ok(caller) => caller,
        Err(answer) => return answer,
    };
    if request.method != Method::GET {
        return error(service, 405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.");
    }
    let segments: Vec<&str> = request.segments.iter().skip(1).map(String::as_str).collect();
    let path = segments.join("/");
    if let Err(answer) = permitted(service, &caller.app_id, &path) {
        return answer;
    }
    found(service, request, &segments).unwrap_or_else(|answer| answer)
}

/// An error as Microsoft Graph answers it.
pub(crate) fn error(service: &Service, status: u16, code: &str, message: &str) -> Answer {
    let request = service.identifier();
    let date = service.now().strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let inner = json!({"date": date, "request-id": request, "client-request-id": request});
    Answer::json(status, &json!({"error": {"code": code, "message": message, "innerError": inner}}))
}

/// Whether a program has a permission that the path asks for, and the tenant a licence.
fn permitted(service: &Service, app_id: &str, path: &str) -> Result<(), Answer> {
    let written = &service.estate.written;
    let folded = path.to_lowercase();
    let is_meant = |rule: &&DirectoryRule| fits(&rule.path.to_lowercase(), &folded);
    let Some(rule) = written.directory_rules.iter().find(is_meant) else {
        let segment = path.split('/').next().unwrap_or_default();
        return Err(error(service, 400, "BadRequest", &format!("Resource not found for the segment '{segment}'.")));
    };
    let login = written.logins.iter().find(|login| login.app_id.eq_ignore_ascii_case(app_id));
    let has = |wanted: &String| login.is_some_and(|login| login.graph_permissions.contains(wanted));
    if !rule.any_of.iter().any(has) && !rule.any_of.is_empty() {
        return Err(error(service, 403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."));
    }
    if rule.licence == Licence::Premium && written.tenant.licence == Licence::Free {
        let message = "Neither tenant is B2C or tenant doesn't have premium license";
        return Err(error(service, 403, "Authentication_RequestFromNonPremiumTenantOrB2CTenant", message));
    }
    Ok(())
}

fn found(service: &Service, request: &Request, segments: &[&str]) -> Result<Answer, Answer> {
    let estate = &service.estate;
    let path = segments.join("/");
    if let Some((key, whole)) = estate.written.directory.iter().find(|(key, _)| key.eq_ignore_ascii_case(&path)) {
        return match whole {
            Value::Array(objects) => many(service, request, key, objects.iter().collect()),
            single => Ok(Answer::json(200, &with_context(service, key, selected(request, single)))),
        };
    }
    let missing = |own: &str| {
        let message =
            format!("Resource '{own}' does not exist or one of its queried reference-property objects are not present.");
        error(service, 404, "Request_ResourceNotFound", &message)
    };
    // A member of a collection, or what such a member holds.
    for n_own in [1, 2] {
        let Some((head, tail)) = segments.len().checked_sub(n_own).map(|at| segments.split_at(at)) else { continue };
        let collection = head.join("/");
        let Some((key, _)) = estate.written.directory.iter().find(|(key, _)| key.eq_ignore_ascii_case(&collection)) else {
            continue;
        };
        let own = tail.first().copied().unwrap_or_default();
        let object = list(estate, key).iter().find(|object| id(object).eq_ignore_ascii_case(own));
        let object = object.ok_or_else(|| missing(own))?;
        let ids = match tail.get(1).map(|child| child.to_lowercase()).as_deref() {
            None => return Ok(Answer::json(200, &with_context(service, &format!("{key}/$entity"), selected(request, object)))),
            Some("members") => members(object),
            Some("transitivemembers") => members_through(estate, own),
            // What has not been written about an object that is there is an empty list.
            Some(_) => Vec::new(),
        };
        let objects: Vec<Value> = ids.iter().filter_map(|id| typed(service, id)).collect();
        return many(service, request, "directoryObjects", objects.iter().collect());
    }
    let segment = segments.last().copied().unwrap_or_default();
    Err(error(service, 400, "BadRequest", &format!("Resource not found for the segment '{segment}'.")))
}

fn many(service: &Service, request: &Request, key: &str, objects: Vec<&Value>) -> Result<Answer, Answer> {
    let unsupported = |message: &str| error(service, 400, "Request_UnsupportedQuery", message);
    let filter = match request.parameter("$filter") {
        Some(text) => Some(
            Filter::parse(text).map_err(|why| error(service, 400, "BadRequest", &format!("Invalid filter clause: {why}.")))?,
        ),
        None => None,
    };
    for leaf in filter.iter().flat_map(Filter::leaves) {
        if !matches!(leaf, Filter::Compare { operator: Operator::Equal, .. }) {
            return Err(unsupported("Unsupported or invalid query filter clause specified: only `eq` is known here."));
        }
    }
    let top = match request.parameter("$top").map(str::parse::<usize>) {
        None => service.options.directory_page,
        Some(Ok(top)) if (1..=MAX_TOP).contains(&top) => top,
        Some(_) => {
            return Err(error(service, 400, "BadRequest", "Invalid page size specified. Must be between 1 and 999 inclusive."));
        }
    };
    let field = |object: &Value, name: &str| name.split('/').try_fold(object, |value, own| value.get(own)).cloned();
    let wanted = objects
        .into_iter()
        .filter(|object| filter.as_ref().is_none_or(|filter| filter.holds(&|name| field(object, name), &|_, _| false)));
    let wanted: Vec<&Value> = wanted.collect();
    let n_wanted = wanted.len();
    let (page, next) = page(service, request, top, wanted);
    let mut answer = Map::new();
    answer.insert("@odata.context".to_owned(), format!("{}/v1.0/$metadata#{key}", service.base).into());
    if request.parameter("$count") == Some("true") {
        answer.insert("@odata.count".to_owned(), n_wanted.into());
    }
    if let Some(next) = next {
        answer.insert("@odata.nextLink".to_owned(), next.into());
    }
    answer.insert("value".to_owned(), page.into_iter().map(|object| Value::Object(selected(request, object))).collect());
    Ok(Answer::json(200, &Value::Object(answer)))
}

/// An object with only the fields that are asked for.
fn selected(request: &Request, object: &Value) -> Map<String, Value> {
    let mut fields = object.as_object().cloned().unwrap_or_default();
    fields.remove(MEMBERS);
    if let Some(select) = request.parameter("$select") {
        let wanted: Vec<&str> = select.split(',').map(str::trim).collect();
        fields.retain(|name, _| name.starts_with('@') || wanted.iter().any(|own| own.eq_ignore_ascii_case(name)));
    }
    fields
}

fn with_context(service: &Service, key: &str, mut object: Map<String, Value>) -> Value {
    object.insert("@odata.context".to_owned(), format!("{}/v1.0/$metadata#{key}", service.base).into());
    Value::Object(object)
}

/// A directory object by its id, with what kind it is of.
fn typed(service: &Service, wanted: &str) -> Option<Value> {
    KINDS.into_iter().find_map(|(path, kind)| {
        let object = list(&service.estate, path).iter().find(|object| id(object) == wanted)?;
        let mut fields = object.as_object()?.clone();
        fields.insert("@odata.type".to_owned(), kind.into());
        Some(Value::Object(fields))
    })
}
