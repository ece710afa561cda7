use serde_json::{Value, json};

use super::{
    answer::Answer,
    copies::Item,
    filter::Filter,
    request::Request,
    rights::{Rights, scopes_above},
    server::Service,
};

/// The caller's permissions at a scope.
pub(crate) fn permissions(service: &Service, rights: &Rights, scope: &str) -> Answer {
    let mut permissions = rights.permissions_at(&service.estate, scope);
    for permission in &mut permissions {
        for field in ["actions", "notActions", "dataActions", "notDataActions"] {
            if let Some(permission) = permission.as_object_mut() {
                permission.entry(field).or_insert_with(|| json!([]));
            }
        }
    }
    Answer::json(200, &json!({"value": permissions}))
}

/// Objects of a type that is inherited: those at a scope, above it and, unless `$filter=atScope()`, below it. `found` are those at it and
/// below.
pub(crate) fn inherited(
    service: &Service,
    request: &Request,
    type_folded: &str,
    scope: &str,
    found: Vec<Item>,
) -> Result<Vec<Value>, Answer> {
    let estate = &service.estate;
    let filter = match request.parameter("$filter") {
        Some(text) => Some(
            Filter::parse(text)
                .map_err(|why| Answer::error(400, "InvalidFilter", &format!("The filter '{text}' can't be read: {why}.")))?,
        ),
        None => None,
    };
    let scope = scope.to_lowercase();
    let scopes = scopes_above(estate, &scope);
    // Where an object is assigned: what its id says before its own type.
    let home = |item: Item| {
        let id = estate.id(item).to_lowercase();
        id.rsplit_once("/providers/").map_or("", |(home, _)| home).to_owned()
    };
    let is_above = |home: &str| scopes.iter().any(|scope| scope.trim_end_matches('/') == home);
    let mut items = found;
    items.extend(estate.items(|template| template.type_folded == type_folded).filter(|item| is_above(&home(*item))));
    items.sort();
    items.dedup();
    let mut values = Vec::new();
    for item in items {
        let mut value = estate.body(item);
        let home = home(item);
        let field = |name: &str| property(&value, name);
        let call = |name: &str, arguments: &[String]| match name.to_lowercase().as_str() {
            "atscope" => is_above(&home),
            "atexactscope" => home == scope,
            "atscopeandbelow" => home == scope || home.starts_with(&format!("{scope}/")),
            "assignedto" | "principalid" => {
                let own = property(&value, "principalId").and_then(|own| own.as_str().map(str::to_lowercase));
                let wanted = arguments.first().map(|wanted| wanted.to_lowercase()).unwrap_or_default();
                own.is_some_and(|own| own == wanted || super::directory::groups_of(estate, &wanted).contains(&own))
            }
            _ => false,
        };
        let is_wanted = filter.as_ref().is_none_or(|filter| filter.holds(&field, &call));
        if !is_wanted {
            continue;
        }
        // What belongs to every tenant is seen from where one asks.
        if home.is_empty()
            && let Some(id) = value.get_mut("id")
        {
            *id = format!("{}{}", request_scope(request), id.as_str().unwrap_or_default()).into();
        }
        values.push(value);
    }
    Ok(values)
}

/// The scope of a list as the client spelled it.
fn request_scope(request: &Request) -> String {
    let last = request.segments.iter().rposition(|segment| segment.eq_ignore_ascii_case("providers")).unwrap_or_default();
    request.segments.iter().take(last).map(|segment| format!("/{segment}")).collect()
}

/// A field of an object or, if it has none of that name, of its properties; `type` of a role is what its properties say.
pub(crate) fn property(value: &Value, name: &str) -> Option<Value> {
    let of = |object: Option<&Value>, name: &str| {
        object?.as_object()?.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
    };
    let properties = value.get("properties");
    if name.eq_ignore_ascii_case("type") {
        return of(properties, "type").or_else(|| of(Some(value), "type"));
    }
    name.split('/').fold(None, |_, own| of(Some(value), own).or_else(|| of(properties, own)))
}
