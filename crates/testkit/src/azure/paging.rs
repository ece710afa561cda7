use serde_json::{Map, Value};

use super::{request::Request, server::Service};

/// The page of a list that a request asks for, and the link to the next.
pub(crate) fn page<T>(
    service: &Service,
    request: &Request,
    size: usize,
    items: impl IntoIterator<Item = T>,
) -> (Vec<T>, Option<String>) {
    let skipped = request.skipped();
    let mut rest = items.into_iter().skip(skipped);
    let page: Vec<T> = rest.by_ref().take(size.max(1)).collect();
    let next = rest.next().map(|_| link(service, request, skipped + page.len()));
    (page, next)
}

/// A list as Resource Manager answers it.
pub(crate) fn list(values: Vec<Value>, next: Option<String>) -> Map<String, Value> {
    let mut list = Map::new();
    list.insert("value".to_owned(), values.into());
    if let Some(next) = next {
        list.insert("nextLink".to_owned(), next.into());
    }
    list
}

fn link(service: &Service, request: &Request, skipped: usize) -> String {
    let kept = form_urlencoded::parse(request.raw_query.as_bytes()).filter(|(name, _)| !name.eq_ignore_ascii_case("$skiptoken"));
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(kept).append_pair("$skiptoken", &skipped.to_string());
    format!("{}{}?{}", service.base, request.path, query.finish())
}
