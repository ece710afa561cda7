//! What a collector of Azure says of its calls holds together.

use uuid::Uuid;

use super::suggestion;
use crate::{AzureCollector, AzureLevel, AzurePlane, CollectorFile, Problem, load::File};

/// What a path may name besides values of the resource.
const WORDS: [&str; 4] = ["id", "name", "subscription", "tenant"];

pub(super) fn collector(file: &File, collector: &CollectorFile, own: &AzureCollector, problems: &mut Vec<Problem>) {
    let mut tell = |pointer: &str, message: String| problems.push(file.problem(&format!("/azure{pointer}"), message));
    if collector.list.is_some() || collector.service.is_some() || !collector.reads.is_empty() || collector.parent.is_some() {
        tell("", "a collector of Azure has its list and reads in `azure`, and neither `service` nor `parent`".to_owned());
    }
    match (&own.list, own.table) {
        (None, None) => tell("", "it has neither a `table` of Resource Graph nor a `list`".to_owned()),
        (Some(list), _) => {
            let words: &[&str] = match (&own.below, own.level) {
                (Some(_), _) => &WORDS,
                (None, AzureLevel::Subscription) => &["subscription", "tenant"],
                (None, AzureLevel::Tenant) => &["tenant"],
            };
            path("/list", list, words, &mut tell);
            version("/api_version", own.plane, own.api_version.as_deref(), &mut tell);
        }
        (None, Some(_)) => {}
    }
    if own.plane == AzurePlane::Graph {
        if own.word.is_none() && own.list.is_some() {
            tell("", "what Microsoft Graph lists needs the `word` that stands for it in ids".to_owned());
        }
        if own.level == AzureLevel::Subscription {
            tell("/level", "what Microsoft Graph lists lies in the tenant: `level: tenant`".to_owned());
        }
    }
    for (index, read) in own.reads.iter().enumerate() {
        path(&format!("/reads/{index}/get"), &read.get, &WORDS, &mut tell);
        version(&format!("/reads/{index}/api_version"), read.plane, read.api_version.as_deref(), &mut tell);
    }
    for (index, join) in own.joins.iter().enumerate() {
        path(&format!("/joins/{index}/list"), &join.list, &["subscription", "tenant"], &mut tell);
        version(&format!("/joins/{index}/api_version"), join.plane, join.api_version.as_deref(), &mut tell);
    }
    let reads = own.reads.iter().enumerate().map(|(index, read)| (format!("/reads/{index}/into"), &read.into));
    let joins = own.joins.iter().enumerate().map(|(index, join)| (format!("/joins/{index}/into"), &join.into));
    let children = own.children.iter().enumerate().map(|(index, below)| (format!("/children/{index}/into"), &below.into));
    for (pointer, into) in reads.chain(joins).chain(children) {
        if !collector.fields.contains_key(into) {
            let mut problem =
                file.problem(&format!("/azure{pointer}"), format!("`{into}` is not among the fields of {}", collector.type_name));
            problem.help = suggestion(into, collector.fields.keys().map(String::as_str));
            problems.push(problem);
        }
    }
}

/// Ids of policies are GUIDs in lower case.
pub(super) fn policies(file: &File, ids: &[String], problems: &mut Vec<Problem>) {
    for (index, id) in ids.iter().enumerate() {
        if Uuid::parse_str(id).is_err() || id.len() != 36 || id.bytes().any(|byte| byte.is_ascii_uppercase()) {
            problems.push(file.problem(&format!("/azure_policies/{index}"), format!("`{id}` is no GUID in lower case")));
        }
    }
}

fn path(pointer: &str, path: &str, words: &[&str], tell: &mut impl FnMut(&str, String)) {
    if !path.starts_with('/') && !path.starts_with("{id}") {
        tell(pointer, format!("`{path}` is no path: it begins with `/` or `{{id}}`"));
    }
    if path.contains("api-version=") {
        tell(pointer, "the api-version has a member of its own".to_owned());
    }
    for part in path.split('{').skip(1) {
        let Some((word, _)) = part.split_once('}') else {
            tell(pointer, format!("`{path}` has a brace that is not closed"));
            continue;
        };
        let is_own = words.contains(&"id") && (word.starts_with("properties.") || word == "kind");
        if !words.contains(&word) && !is_own {
            tell(pointer, format!("`{{{word}}}` can't stand here; there are {}", words.join(", ")));
        }
    }
}

fn version(pointer: &str, plane: AzurePlane, version: Option<&str>, tell: &mut impl FnMut(&str, String)) {
    match (plane, version) {
        (AzurePlane::Arm, None) => tell(pointer, "a call of Azure Resource Manager needs an `api_version`".to_owned()),
        (AzurePlane::Graph, Some(_)) => tell(pointer, "Microsoft Graph has its version in the path".to_owned()),
        (AzurePlane::Arm, Some(_)) | (AzurePlane::Graph, None) => {}
    }
}
