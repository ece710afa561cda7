use axum::http::Method;
use serde_json::{Value, json};

use super::{
    answer::Answer,
    copies::Owner,
    estate::ManagementGroup,
    login::Caller,
    paging::{list, page},
    request::Request,
    rights::Rights,
    server::Service,
};

const GROUPS: &str = "/providers/Microsoft.Management/managementGroups";
const READ: &str = "Microsoft.Management/managementGroups/read";

/// The answer to a request about management groups; `None` if it is about something else. `rest` is what follows the namespace, in
/// lower case.
pub(crate) fn answer(service: &Service, request: &Request, caller: &Caller, rights: &Rights, rest: &[&str]) -> Option<Answer> {
    let groups = &service.estate.written.management_groups;
    match rest {
        ["getentities"] if request.method == Method::POST => Some(entities(service, request, rights)),
        ["managementgroups"] => {
            let seen = groups.iter().filter(|group| may_read(service, rights, group));
            let (page, next) = page(service, request, service.options.page, seen);
            let values = page.into_iter().map(|group| summary(service, group)).collect();
            Some(Answer::json(200, &list(values, next).into()))
        }
        ["managementgroups", name] | ["managementgroups", name, "descendants"] => {
            let group = groups.iter().find(|group| group.name.eq_ignore_ascii_case(name));
            let id = format!("{GROUPS}/{}", request.segments.get(3).map_or(*name, String::as_str));
            if !rights.allow(&service.estate, READ, &id) {
                return Some(service.forbidden(caller, READ, &id));
            }
            let Some(group) = group else {
                let message = format!("The management group '{name}' could not be found.");
                return Some(Answer::error(404, "NotFound", &message));
            };
            if rest.len() == 3 {
                return Some(descendants(service, request, group));
            }
            Some(Answer::json(200, &whole(service, request, group)))
        }
        _ => None,
    }
}

fn may_read(service: &Service, rights: &Rights, group: &ManagementGroup) -> bool {
    rights.allow(&service.estate, READ, &format!("{GROUPS}/{}", group.name))
}

fn summary(service: &Service, group: &ManagementGroup) -> Value {
    json!({
        "id": format!("{GROUPS}/{}", group.name),
        "type": "Microsoft.Management/managementGroups",
        "name": group.name,
        "properties": {"tenantId": service.estate.tenant(), "displayName": group.display_name},
    })
}

fn whole(service: &Service, request: &Request, group: &ManagementGroup) -> Value {
    let groups = &service.estate.written.management_groups;
    let parent = group.parent.as_deref().and_then(|name| groups.iter().find(|other| other.name == name));
    let parent = parent.map(
        |parent| json!({"id": format!("{GROUPS}/{}", parent.name), "name": parent.name, "displayName": parent.display_name}),
    );
    let mut details =
        json!({"version": 1, "updatedTime": "2026-01-12T08:00:00.0000000Z", "updatedBy": "00000000-0000-0000-0000-000000000000"});
    if let (Some(parent), Some(details)) = (parent, details.as_object_mut()) {
        details.insert("parent".to_owned(), parent);
    }
    let mut whole = summary(service, group);
    if let Some(properties) = whole.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("details".to_owned(), details);
        let is_asked = |name: &str, value: &str| request.parameter(name).is_some_and(|own| own.eq_ignore_ascii_case(value));
        if is_asked("$expand", "children") {
            let depth = if is_asked("$recurse", "true") { groups.len() } else { 1 };
            properties.insert("children".to_owned(), children(service, group, depth));
        }
    }
    whole
}

fn children(service: &Service, group: &ManagementGroup, depth: usize) -> Value {
    let Some(depth) = depth.checked_sub(1) else { return Value::Null };
    let below = service.estate.written.management_groups.iter().filter(|other| other.parent.as_deref() == Some(&group.name));
    let below = below.map(|child| {
        json!({
            "id": format!("{GROUPS}/{}", child.name),
            "type": "Microsoft.Management/managementGroups",
            "name": child.name,
            "displayName": child.display_name,
            "children": children(service, child, depth),
        })
    });
    let subscriptions = own_subscriptions(service, group).map(|owner| {
        let id = service.estate.subscription_id(owner);
        json!({"id": format!("/subscriptions/{id}"), "type": "/subscriptions", "name": id, "displayName": service.subscription_name(owner)})
    });
    below.chain(subscriptions).collect()
}

fn own_subscriptions<'a>(service: &'a Service, group: &'a ManagementGroup) -> impl Iterator<Item = Owner> + 'a {
    service.estate.all_subscriptions().filter(|owner| service.estate.groups_above(*owner).first() == Some(&group.name.as_str()))
}

fn descendants(service: &Service, request: &Request, group: &ManagementGroup) -> Answer {
    let estate = &service.estate;
    let groups = &estate.written.management_groups;
    let is_below = |name: &str| super::estate::above(groups, name).iter().any(|above| above.name == group.name);
    let below = groups.iter().filter(|other| other.name != group.name && is_below(&other.name)).map(|other| {
        json!({
            "id": format!("{GROUPS}/{}", other.name),
            "type": "Microsoft.Management/managementGroups",
            "name": other.name,
            "properties": {"displayName": other.display_name, "parent": {"id": format!("{GROUPS}/{}", other.parent.as_deref().unwrap_or_default())}},
        })
    });
    let subscriptions = estate.all_subscriptions().filter(|owner| estate.groups_above(*owner).contains(&group.name.as_str()));
    let subscriptions = subscriptions.map(|owner| {
        let id = estate.subscription_id(owner);
        let parent = estate.groups_above(owner).first().map(|name| format!("{GROUPS}/{name}"));
        json!({
            "id": format!("/subscriptions/{id}"),
            "type": "Microsoft.Management/managementGroups/subscriptions",
            "name": id,
            "properties": {"displayName": service.subscription_name(owner), "parent": {"id": parent}},
        })
    });
    let top = request.parameter("$top").and_then(|top| top.parse().ok()).unwrap_or(service.options.page);
    let (page, next) = page(service, request, top, below.chain(subscriptions));
    Answer::json(200, &list(page, next).into())
}

/// All groups and subscriptions that the caller has anything to do with.
fn entities(service: &Service, request: &Request, rights: &Rights) -> Answer {
    let estate = &service.estate;
    let groups = &estate.written.management_groups;
    let chain = |name: Option<&str>| {
        let mut chain = name.map(|name| super::estate::above(groups, name)).unwrap_or_default();
        chain.reverse();
        chain
    };
    let entity = |id: String, kind: &str, name: &str, display: &str, parent: Option<&str>| {
        let above = chain(parent);
        json!({
            "id": id, "type": kind, "name": name,
            "properties": {
                "tenantId": estate.tenant(),
                "displayName": display,
                "parent": {"id": parent.map(|parent| format!("{GROUPS}/{parent}"))},
                "parentNameChain": above.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(),
                "parentDisplayNameChain": above.iter().map(|group| group.display_name.as_str()).collect::<Vec<_>>(),
                "permissions": "view",
                "inheritedPermissions": "view",
            },
        })
    };
    let of_groups = groups.iter().filter(|group| may_read(service, rights, group)).map(|group| {
        let id = format!("{GROUPS}/{}", group.name);
        entity(id, "Microsoft.Management/managementGroups", &group.name, &group.display_name, group.parent.as_deref())
    });
    let subscriptions = estate
        .all_subscriptions()
        .filter(|owner| rights.reach(estate, &format!("/subscriptions/{}", estate.subscription_id(*owner))));
    let of_subscriptions = subscriptions.map(|owner| {
        let id = estate.subscription_id(owner);
        let parent = estate.groups_above(owner).first().copied();
        entity(format!("/subscriptions/{id}"), "/subscriptions", &id, &service.subscription_name(owner), parent)
    });
    let all: Vec<Value> = of_groups.chain(of_subscriptions).collect();
    let n_all = all.len();
    let (page, next) = page(service, request, service.options.page, all);
    let mut answer = list(page, next);
    answer.insert("count".to_owned(), n_all.into());
    Answer::json(200, &answer.into())
}
