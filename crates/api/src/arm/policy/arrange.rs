//! Changes of management groups. What says of a group or subscription that it lies elsewhere goes with the change.

use axum::{
    Json,
    extract::{Path, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde_json::{Map, Value, json};
use skywarden_policy::{Library, ObjectKind, PolicyObject, Scope};
use skywarden_store::ScopeFilter;

use super::{
    groups::{self, TYPE, known, no_such_group},
    place::PolicyPath,
    shape::{member, refused},
};
use crate::{
    arm::{Answer, ground::id_of, subscription::of_filter},
    error::ApiError,
    scoped::Scoped,
    v1::{take, take_away},
};

const WRITE: &str = "Microsoft.Management/managementGroups/write";
const DELETE: &str = "Microsoft.Management/managementGroups/delete";
const WRITE_SUBSCRIPTION: &str = "Microsoft.Management/managementGroups/subscriptions/write";
const DELETE_SUBSCRIPTION: &str = "Microsoft.Management/managementGroups/subscriptions/delete";

/// Azure's limit, without the root.
const MAX_LEVELS: usize = 6;

type Body = Result<Json<Value>, JsonRejection>;

/// Makes a management group, or changes its name and place.
pub(crate) async fn put(state: Scoped, Path(path): Path<PolicyPath>, body: Body) -> Answer {
    let Json(body) = body?;
    let properties = member(&body, "properties").cloned().unwrap_or_default();
    let parent = member(&properties, "details").and_then(|details| member(details, "parent")).and_then(|own| member(own, "id"));
    let change = Wanted { title: member(&properties, "displayName").cloned(), parent: parent.cloned() };
    arrange(&state, &name_of(&path), change, Missing::Make).await
}

/// Changes the name or the place of a management group that is there.
pub(crate) async fn patch(state: Scoped, Path(path): Path<PolicyPath>, body: Body) -> Answer {
    let Json(body) = body?;
    let change = Wanted { title: member(&body, "displayName").cloned(), parent: member(&body, "parentGroupId").cloned() };
    arrange(&state, &name_of(&path), change, Missing::Refuse).await
}

/// What is to be said of a group; what is absent stays.
struct Wanted {
    title: Option<Value>,
    parent: Option<Value>,
}

/// What to do if a group is not there.
#[derive(PartialEq)]
enum Missing {
    Make,
    Refuse,
}

fn name_of(path: &PolicyPath) -> String {
    path.management_group.clone().unwrap_or_default()
}

async fn arrange(state: &Scoped, name: &str, wanted: Wanted, missing: Missing) -> Answer {
    state.may_at(WRITE, &Scope::Tenant)?;
    if name.eq_ignore_ascii_case(state.auth.tenant()) {
        return Err(ApiError::bad_request("the root group is the tenant itself and can't be changed"));
    }
    let is_name = name.len() <= 90 && name.chars().all(|own| own.is_alphanumeric() || "-_().".contains(own));
    if !is_name || name.is_empty() {
        let message = format!("`{name}` is no name of a management group: letters, digits, `-_().`, at most 90");
        return Err(ApiError::bad_request(message));
    }
    let kept = state.store.policy_library().await?;
    let library = &kept.library;
    let scope = Scope::ManagementGroup(name.to_lowercase());
    let groups = known(library);
    let before = groups.get(&name.to_lowercase());
    if before.is_none() && missing == Missing::Refuse {
        return Err(no_such_group());
    }
    let id = format!("/providers/{TYPE}/{}", before.map_or(name, |own| &own.name));
    let parent = match &wanted.parent {
        None => before.map_or(Scope::Tenant, |own| own.parent.clone()),
        Some(value) => parent_of(state, library, value)?,
    };
    let mut above = library.governance.hierarchy.above(&parent);
    if above.contains(&scope) {
        let message = format!("the group `{name}` would lie below itself if it were put below {parent}");
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "InvalidParentManagementGroup", message));
    }
    above.retain(|own| *own != Scope::Tenant);
    if above.len() + levels(library, &scope) > MAX_LEVELS {
        let message = format!("management groups lie at most {MAX_LEVELS} deep below the root");
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "ManagementGroupHierarchyTooDeep", message));
    }
    let mut document = library.document(&id).cloned().unwrap_or_else(|| json!({}));
    let mut properties = member(&document, "properties").cloned().unwrap_or_else(|| json!({}));
    let known_title = library.scope_name(&scope);
    let title = wanted
        .title
        .filter(|own| !own.is_null())
        .unwrap_or_else(|| json!(if known_title.is_empty() { name } else { known_title }));
    set(&mut properties, "displayName", title);
    let details = if parent == Scope::Tenant { json!({}) } else { json!({ "parent": { "id": parent.to_string() } }) };
    set(&mut properties, "details", details);
    set(&mut properties, "tenantId", json!(state.auth.tenant()));
    for (key, value) in
        [("id", json!(id)), ("type", json!(TYPE)), ("name", json!(id.rsplit('/').next())), ("properties", properties)]
    {
        set(&mut document, key, value);
    }
    let is_own = |own: &Scope| *own == scope;
    let (mut documents, listed) = without(library, &id, &is_own);
    take_over(&mut document, &listed);
    documents.push(document);
    write(state, documents).await?;
    Ok(Json(groups::shown(state, name, 0).await?))
}

/// Takes a management group away that nothing lies in.
pub(crate) async fn delete(state: Scoped, Path(path): Path<PolicyPath>) -> Result<Response, ApiError> {
    state.may_at(DELETE, &Scope::Tenant)?;
    let name = name_of(&path);
    let kept = state.store.policy_library().await?;
    let library = &kept.library;
    let scope = Scope::ManagementGroup(name.to_lowercase());
    if !known(library).contains_key(&name.to_lowercase()) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let hierarchy = &library.governance.hierarchy;
    let children = hierarchy.placed().filter(|own| hierarchy.above(own).get(1) == Some(&scope)).count();
    let objects =
        library.documents().filter(|(id, kind, _)| *kind != ObjectKind::ManagementGroup && kind.place(id) == scope).count();
    if children + objects > 0 {
        let message = format!(
            "the management group `{name}` can't be removed: {children} groups or subscriptions lie in it and {objects} policy \
             objects at it; move or remove these first"
        );
        return Err(ApiError::new(StatusCode::CONFLICT, "ManagementGroupInUse", message));
    }
    let id = format!("/providers/{TYPE}/{name}");
    let (others, _) = without(library, &id, &|own| *own == scope);
    if !others.is_empty() {
        write(&state, others).await?;
    }
    take_away(&state, &[id]).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Puts a subscription into a management group, out of the one that it lies in.
pub(crate) async fn put_subscription(state: Scoped, Path(path): Path<PolicyPath>) -> Answer {
    state.may_at(WRITE_SUBSCRIPTION, &Scope::Tenant)?;
    let kept = state.store.policy_library().await?;
    let group = name_of(&path);
    let names = names_of(&state, &path.name).await?;
    let is_own = |own: &Scope| matches!(own, Scope::Subscription(id) if names.contains(id));
    let (mut documents, _) = without(&kept.library, "", &is_own);
    let is_root = group.eq_ignore_ascii_case(state.auth.tenant());
    let groups = known(&kept.library);
    let id = match groups.get(&group.to_lowercase()) {
        _ if is_root => None,
        Some(own) => Some(format!("/providers/{TYPE}/{}/subscriptions/{}", own.name, path.name)),
        None => return Err(no_such_group()),
    };
    let gone = placed(&kept.library, &names, id.as_deref());
    if let Some(id) = id {
        documents.push(json!({ "id": id, "name": path.name, "type": format!("{TYPE}/subscriptions"), "properties": {} }));
    }
    write(&state, documents).await?;
    if !gone.is_empty() {
        take_away(&state, &gone).await?;
    }
    Ok(Json(groups::shown_subscription(&state, &group, &path.name).await?))
}

/// Takes a subscription out of a management group; it lies below the tenant then.
pub(crate) async fn delete_subscription(state: Scoped, Path(path): Path<PolicyPath>) -> Result<Response, ApiError> {
    state.may_at(DELETE_SUBSCRIPTION, &Scope::Tenant)?;
    let kept = state.store.policy_library().await?;
    let scope = Scope::ManagementGroup(name_of(&path).to_lowercase());
    let names = names_of(&state, &path.name).await?;
    let hierarchy = &kept.library.governance.hierarchy;
    let lies_there = names.iter().any(|id| hierarchy.above(&Scope::Subscription(id.clone())).get(1) == Some(&scope));
    if !lies_there {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let is_own = |own: &Scope| matches!(own, Scope::Subscription(id) if names.contains(id));
    write(&state, without(&kept.library, "", &is_own).0).await?;
    let gone = placed(&kept.library, &names, None);
    if !gone.is_empty() {
        take_away(&state, &gone).await?;
    }
    Ok(StatusCode::OK.into_response())
}

/// The names of a subscription in lower case; one that was never assessed has the one that it is called by.
async fn names_of(state: &Scoped, id: &str) -> Result<Vec<String>, ApiError> {
    let mut names = vec![id.to_lowercase()];
    if let Some((connector, account)) = of_filter(state, &ScopeFilter::All, id).await? {
        names.extend([account.to_lowercase(), id_of(&connector, &account)]);
    }
    Ok(names)
}

/// Ids of the documents that say where a subscription lies, but for one.
fn placed(library: &Library, names: &[String], but: Option<&str>) -> Vec<String> {
    let own = |id: &str| {
        let (group, subscription) = id.rsplit_once("/subscriptions/")?;
        (!group.is_empty() && names.iter().any(|name| name == subscription)).then(|| id.to_owned())
    };
    let groups = library.documents().filter(|(_, kind, _)| *kind == ObjectKind::ManagementGroup);
    groups.filter_map(|(id, _, _)| own(id)).filter(|id| !but.is_some_and(|but| but.eq_ignore_ascii_case(id))).collect()
}

/// The scope that a client names as a parent.
fn parent_of(state: &Scoped, library: &Library, value: &Value) -> Result<Scope, ApiError> {
    let text = value.as_str().unwrap_or_default();
    match Scope::parse(text) {
        Some(Scope::Tenant) => Ok(Scope::Tenant),
        Some(Scope::ManagementGroup(name)) if name.eq_ignore_ascii_case(state.auth.tenant()) => Ok(Scope::Tenant),
        Some(Scope::ManagementGroup(name)) if known(library).contains_key(&name) => Ok(Scope::ManagementGroup(name)),
        Some(Scope::ManagementGroup(_)) => {
            let message = format!("the parent {text} is not there, or is not visible to this login");
            Err(ApiError::new(StatusCode::NOT_FOUND, "ManagementGroupNotFound", message))
        }
        _ => Err(ApiError::bad_request(format!("`{text}` is no id of a management group"))),
    }
}

/// How many levels of groups there are from a group downwards, itself included.
fn levels(library: &Library, scope: &Scope) -> usize {
    let hierarchy = &library.governance.hierarchy;
    let depth = |own: &Scope| hierarchy.above(own).iter().position(|above| above == scope);
    let groups = hierarchy.placed().filter(|own| matches!(own, Scope::ManagementGroup(_)));
    1 + groups.filter_map(depth).max().unwrap_or(0)
}

/// Documents that list a scope among a group's children, without it there, and how they listed it: a scope says its own place. The
/// document of `but` stays as it is.
fn without(library: &Library, but: &str, is_own: &dyn Fn(&Scope) -> bool) -> (Vec<Value>, Vec<Value>) {
    let (mut changed, mut listed) = (Vec::new(), Vec::new());
    for (id, kind, document) in library.documents() {
        if kind == ObjectKind::ManagementGroup && !id.eq_ignore_ascii_case(but) {
            let n_before = listed.len();
            let mut own = document.clone();
            prune(&mut own, is_own, &mut listed);
            if listed.len() > n_before {
                changed.push(own);
            }
        }
    }
    (changed, listed)
}

/// Takes a scope out of `children`, at any depth.
fn prune(group: &mut Value, is_own: &dyn Fn(&Scope) -> bool, listed: &mut Vec<Value>) {
    let Some(members) = group.as_object_mut() else { return };
    for (key, value) in members.iter_mut() {
        if key.eq_ignore_ascii_case("properties") {
            prune(value, is_own, listed);
        } else if key.eq_ignore_ascii_case("children")
            && let Some(children) = value.as_array_mut()
        {
            let is_meant = |child: &Value| {
                member(child, "id").and_then(Value::as_str).and_then(Scope::parse).is_some_and(|own| is_own(&own))
            };
            let (out, mut kept): (Vec<Value>, Vec<Value>) = std::mem::take(children).into_iter().partition(is_meant);
            listed.extend(out);
            for child in &mut kept {
                prune(child, is_own, listed);
            }
            *children = kept;
        }
    }
}

/// What others said of a group's children it says itself from now on.
fn take_over(group: &mut Value, listed: &[Value]) {
    let below = |own: &Value| member(own, "children").or_else(|| member(member(own, "properties")?, "children")).cloned();
    let more: Vec<Value> = listed.iter().filter_map(below).filter_map(|own| own.as_array().cloned()).flatten().collect();
    if more.is_empty() {
        return;
    }
    let mut properties = member(group, "properties").cloned().unwrap_or_default();
    let mut children = member(&properties, "children").and_then(Value::as_array).cloned().unwrap_or_default();
    let id = |own: &Value| member(own, "id").and_then(Value::as_str).map(str::to_lowercase);
    for child in more {
        if !children.iter().any(|own| id(own) == id(&child)) {
            children.push(child);
        }
    }
    set(&mut properties, "children", Value::Array(children));
    set(group, "properties", properties);
}

fn set(object: &mut Value, key: &str, value: Value) {
    if let Value::Object(members) = object {
        let known: Vec<String> = members.keys().filter(|own| own.eq_ignore_ascii_case(key)).cloned().collect();
        for own in known {
            members.remove(&own);
        }
        members.insert(key.to_owned(), value);
    } else {
        *object = Value::Object(Map::from_iter([(key.to_owned(), value)]));
    }
}

async fn write(state: &Scoped, documents: Vec<Value>) -> Result<(), ApiError> {
    let mut objects = Vec::with_capacity(documents.len());
    for document in documents {
        let object = PolicyObject::parse(&document)
            .map_err(|errors| refused("InvalidManagementGroup", &format!("the management group {document}"), &errors))?;
        objects.push((object, document));
    }
    if !objects.is_empty() {
        take(state, &objects).await?;
    }
    Ok(())
}
