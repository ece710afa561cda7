use serde_json::Value;

use super::estate::Estate;

/// The ids of the groups that somebody is in, through other groups too, in lower case.
pub(crate) fn groups_of(estate: &Estate, object_id: &str) -> Vec<String> {
    let groups = list(estate, "groups");
    let mut found: Vec<String> = Vec::new();
    let mut wanted = vec![object_id.to_lowercase()];
    while let Some(member) = wanted.pop() {
        for group in groups {
            let id = id(group);
            if members(group).contains(&member) && !found.contains(&id) {
                found.push(id.clone());
                wanted.push(id);
            }
        }
    }
    found
}

/// The ids of the members of a group, through groups in it too, in lower case and each once.
pub(crate) fn members_through(estate: &Estate, group: &str) -> Vec<String> {
    let groups = list(estate, "groups");
    let mut found: Vec<String> = Vec::new();
    let mut wanted = vec![group.to_lowercase()];
    while let Some(next) = wanted.pop() {
        for member in groups.iter().filter(|group| id(group) == next).flat_map(members) {
            if !found.contains(&member) {
                found.push(member.clone());
                wanted.push(member);
            }
        }
    }
    found
}

/// The ids of a group's own members, in lower case.
pub(crate) fn members(group: &Value) -> Vec<String> {
    let members = group.get(MEMBERS).and_then(Value::as_array).into_iter().flatten();
    members.filter_map(Value::as_str).map(str::to_lowercase).collect()
}

/// A collection of the directory, empty if there is none.
pub(crate) fn list<'a>(estate: &'a Estate, path: &str) -> &'a [Value] {
    estate.written.directory.get(path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(crate) fn id(object: &Value) -> String {
    object.get("id").and_then(Value::as_str).unwrap_or_default().to_lowercase()
}

/// What the estate writes into a group or a directory role beside its fields; it is never answered.
pub(crate) const MEMBERS: &str = "$members";
