//! From an item to a resource: id, name, place and tags.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};
use skywarden_content::Withheld;
use skywarden_model::{Carried, ConnectorId, FieldPath, Resource, ResourceId, Scope, Segment, Unreadable, UnreadableReason};

use crate::{
    collector::{Collector, is_global},
    pages::Run,
    reads::Item,
    request::Place,
    template::{Missing, member},
    withhold::withhold,
};

/// The resource group of what has no region.
pub(crate) const GLOBAL: &str = "global";

/// The resource of an item.
///
/// # Errors
/// If the item lacks what its id is made of: it exists, but can't be told from others.
pub(crate) fn resource(
    run: &Run<'_>,
    connector: &ConnectorId,
    collector: &Collector<'_>,
    region: &str,
    item: Item,
) -> Result<Resource, UnreadableReason> {
    let file = collector.file;
    let place = Place { partition: run.partition, account: &run.account, region };
    let mut properties = Value::Object(item.properties);
    // What was withheld before has no text any more in which secrets could be looked for.
    let is_new = |part: &&Withheld| match format!("properties.{}", part.path.replace("[*]", "")).parse::<FieldPath>() {
        Ok(path) => !item.kept.iter().any(|kept| kept.covers(&path) || path.covers(kept)),
        Err(_) => true,
    };
    let withheld = file.withheld.iter().filter(is_new);
    let hidden: Vec<Unreadable> = withheld.filter_map(|part| withhold(part, &run.secrets, &mut properties)).collect();
    let variables = place.variables(&properties);
    let lacks = |Missing(name): Missing| {
        collector.list.tried().misfit(&format!("a listed item has no `{name}`, of which its id is made"))
    };
    let id = variables.text(&file.id).map_err(lacks)?;
    let name = file
        .name
        .as_ref()
        .and_then(|name| variables.text(name).ok())
        .unwrap_or_else(|| id.rsplit(['/', ':']).next().unwrap_or(&id).to_owned());
    let own = file.location.as_ref().and_then(|location| variables.text(location).ok());
    let location = own.or_else(|| (!is_global(file)).then(|| region.to_owned()));
    let mut unreadable = hidden;
    for failure in item.failures {
        for field in failure.fields {
            if unreadable.iter().any(|known: &Unreadable| known.field == field) {
                continue;
            }
            let about_tags = tags_path(file.tags.as_deref()).filter(|tags| tags.covers(&field) || field.covers(tags));
            if let Some(tags) = about_tags.and_then(|_| "tags".parse().ok()) {
                unreadable.push(Unreadable { field: tags, reason: Arc::clone(&failure.reason) });
            }
            unreadable.push(Unreadable { field, reason: Arc::clone(&failure.reason) });
        }
    }
    unreadable.sort_by(|one, other| one.field.cmp(&other.field));
    unreadable.dedup_by(|one, other| one.field == other.field);
    Ok(Resource {
        id: ResourceId::from(id.as_str()),
        type_name: collector.type_name.clone(),
        name,
        scope: Scope {
            connector: connector.clone(),
            account: Arc::clone(&run.account),
            resource_group: location.as_deref().unwrap_or(GLOBAL).into(),
        },
        location,
        tags: file.tags.as_deref().map(|path| tags(&properties, path)).unwrap_or_default(),
        envelope: Map::new(),
        properties,
        unreadable,
        carried: Carried::All,
    })
}

fn tags_path(path: Option<&str>) -> Option<FieldPath> {
    let names = path?.split('.').map(|name| Segment::Key(name.into()));
    Some(FieldPath::from_segments(std::iter::once(Segment::Key("properties".into())).chain(names).collect()))
}

/// Tags from a list of `{Key, Value}` or from an object.
fn tags(properties: &Value, path: &str) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match path.split('.').try_fold(properties, member) {
        Some(Value::Array(items)) => items
            .iter()
            .filter_map(|item| Some((text(member(item, "Key")?)?, member(item, "Value").and_then(text).unwrap_or_default())))
            .collect(),
        Some(Value::Object(members)) => {
            members.iter().map(|(key, value)| (key.clone(), text(value).unwrap_or_default())).collect()
        }
        _ => BTreeMap::new(),
    }
}
