//! Which resources of Azure an id speaks of, as far as collectors can read one by its id.

use std::collections::{BTreeMap, BTreeSet};

use skywarden_model::{Changed, subscription_of};

use crate::{AzurePlane, CollectorFile};

/// Types in which others lie that are no part of them.
const CONTAINERS: [&str; 3] = [
    "microsoft.resources/subscriptions",
    "microsoft.resources/subscriptions/resourcegroups",
    "microsoft.management/managementgroups",
];

/// The types of Azure of which one can be read by its id.
#[derive(Debug, Clone, Default)]
pub struct AzureIds {
    /// By the type in lower case.
    types: BTreeMap<String, Known>,
}

#[derive(Debug, Clone)]
struct Known {
    type_name: String,
    /// Types that are told with it, and names of its fields, in lower case.
    parts: BTreeSet<String>,
}

/// An id that was taken apart.
struct Parsed<'i> {
    /// In lower case.
    type_name: String,
    /// What it lies below, or is attached to.
    above: Option<&'i str>,
}

impl AzureIds {
    /// Those of some collectors; collectors of other clouds and of the directory are passed over.
    pub fn of<'a>(collectors: impl IntoIterator<Item = &'a CollectorFile>) -> Self {
        let known = |file: &CollectorFile| {
            let azure = file.azure.as_ref().filter(|azure| azure.plane == AzurePlane::Arm && azure.api_version.is_some())?;
            let told = azure.reads.iter().filter_map(|read| read.type_name.as_ref());
            let told = told.chain(azure.children.iter().map(|children| &children.type_name)).chain(file.fields.keys());
            let parts = told.map(|name| name.to_lowercase()).collect();
            Some((file.type_name.to_lowercase(), Known { type_name: file.type_name.clone(), parts }))
        };
        AzureIds { types: collectors.into_iter().filter_map(known).collect() }
    }

    /// Whether there is no such type.
    pub fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    /// What is to be read again if the resource with an id changed: the resource itself, or what it is a part of if its type has no
    /// collector; and what it is a part of besides. Nothing if nothing of it is collected, or if it lies in no subscription and no
    /// `account` is told.
    pub fn changes(&self, id: &str, account: Option<&str>) -> Vec<Changed> {
        let of = |(type_name, id): (String, String)| {
            Some(Changed::of_id(subscription_of(&id).or(account)?, type_name.as_str().into(), &id))
        };
        self.changed(id).into_iter().filter_map(of).collect()
    }

    /// The same as types and ids in lower case.
    fn changed(&self, id: &str) -> Vec<(String, String)> {
        let id = id.trim_end_matches('/').to_lowercase();
        let mut found: Vec<(String, String)> = Vec::new();
        let mut rest = id.as_str();
        let mut below: Option<String> = None;
        while let Some(parsed) = parse(rest) {
            if let Some(known) = self.types.get(&parsed.type_name) {
                let is_concerned = match &below {
                    None => true,
                    // A resource of a group is no part of the group, and what lies below one is told by its own type.
                    Some(below) if !found.is_empty() || CONTAINERS.contains(&parsed.type_name.as_str()) => known.has(below),
                    Some(_) => true,
                };
                if is_concerned {
                    found.push((known.type_name.clone(), rest.to_owned()));
                }
            }
            let Some(above) = parsed.above else { break };
            rest = above;
            // What a part is a part of is not told by the part's own parts.
            below = Some(parsed.type_name);
        }
        found
    }
}

impl Known {
    /// Whether a type, in lower case, is told with it.
    fn has(&self, type_name: &str) -> bool {
        let word = type_name.rsplit('/').next().unwrap_or_default();
        self.parts.contains(type_name) || self.parts.contains(word)
    }
}

/// Takes an id in lower case apart; nothing if it is no resource's.
fn parse(id: &str) -> Option<Parsed<'_>> {
    if let Some((scope, own)) = id.rsplit_once("/providers/") {
        let mut steps = own.split('/');
        let mut type_name = steps.next()?.to_owned();
        let mut n_pairs = 0;
        while let Some(kind) = steps.next() {
            steps.next().filter(|name| !name.is_empty())?;
            type_name = format!("{type_name}/{kind}");
            n_pairs += 1;
        }
        let above = match n_pairs {
            0 => return None,
            1 => Some(scope).filter(|scope| !scope.is_empty()),
            _ => id.rsplitn(3, '/').nth(2),
        };
        return Some(Parsed { type_name, above });
    }
    match id.split('/').collect::<Vec<_>>().as_slice() {
        ["", "subscriptions", _] => Some(Parsed { type_name: CONTAINERS[0].to_owned(), above: None }),
        ["", "subscriptions", _, "resourcegroups", _] => {
            Some(Parsed { type_name: CONTAINERS[1].to_owned(), above: id.rsplitn(3, '/').nth(2) })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const GROUP: &str = "/subscriptions/s/resourcegroups/g";

    fn ids() -> AzureIds {
        let collector = |type_name: &str, azure: serde_json::Value, fields: serde_json::Value| -> CollectorFile {
            serde_json::from_value(json!({ "type": type_name, "description": "d", "fields": fields, "azure": azure })).unwrap()
        };
        let plain = || json!({ "table": "resources", "api_version": "1" });
        let read = json!([{ "get": "{id}/x", "permission": "p", "into": "diagnosticSettings", "type": "Microsoft.Insights/diagnosticSettings" }]);
        let files = [
            collector("A.B/nets", plain(), json!({ "subnets": ["string"] })),
            collector("A.B/nets/subnets", plain(), json!({})),
            collector("A.B/nets/peerings", plain(), json!({})),
            collector("A.B/unversioned", json!({ "table": "resources" }), json!({})),
            collector("Microsoft.Authorization/roleAssignments", plain(), json!({})),
            collector(
                "Microsoft.Resources/subscriptions",
                json!({ "list": "/subscriptions", "api_version": "1", "reads": read }),
                json!({}),
            ),
            collector("Microsoft.Resources/subscriptions/resourceGroups", plain(), json!({})),
        ];
        AzureIds::of(&files)
    }

    #[track_caller]
    fn assert_changed(id: &str, expected: &[(&str, &str)]) {
        let expected: Vec<(String, String)> = expected.iter().map(|(name, id)| ((*name).to_owned(), (*id).to_owned())).collect();
        assert_eq!(ids().changed(id), expected, "{id}");
    }

    #[test]
    fn a_resource_means_itself_whatever_its_case() {
        let net = format!("{GROUP}/providers/a.b/nets/n");
        assert_changed("/subscriptions/S/resourceGroups/G/providers/A.B/Nets/N", &[("A.B/nets", &net)]);
        assert_changed("/SUBSCRIPTIONS/S", &[("Microsoft.Resources/subscriptions", "/subscriptions/s")]);
        assert_changed("/subscriptions/S/resourceGroups/G", &[("Microsoft.Resources/subscriptions/resourceGroups", GROUP)]);
    }

    #[test]
    fn what_has_no_collector_means_what_it_is_a_part_of() {
        let net = format!("{GROUP}/providers/a.b/nets/n");
        assert_changed(&format!("{net}/rules/r/details/d"), &[("A.B/nets", &net)]);
        assert_changed(&format!("{net}/providers/Microsoft.Insights/diagnosticSettings/d"), &[("A.B/nets", &net)]);
        let settings = "/subscriptions/s/providers/Microsoft.Insights/diagnosticSettings/d";
        assert_changed(settings, &[("Microsoft.Resources/subscriptions", "/subscriptions/s")]);
    }

    #[test]
    fn what_lies_below_another_means_that_too_only_if_it_is_a_part_of_it() {
        let net = format!("{GROUP}/providers/a.b/nets/n");
        let (subnet, peering) = (format!("{net}/subnets/x"), format!("{net}/peerings/x"));
        assert_changed(&subnet, &[("A.B/nets/subnets", &subnet), ("A.B/nets", &net)]);
        assert_changed(&peering, &[("A.B/nets/peerings", &peering)]);
        let role = format!("{net}/providers/microsoft.authorization/roleassignments/x");
        assert_changed(&role, &[("Microsoft.Authorization/roleAssignments", &role)]);
    }

    #[test]
    fn what_is_not_collected_means_nothing() {
        for rest in ["a.b/others/o", "a.b/unversioned/u", "microsoft.resources/deployments/d", "a.b", "a.b/nets", "a.b/nets/"] {
            assert_changed(&format!("{GROUP}/providers/{rest}"), &[]);
        }
        for id in ["", "/", "x", "/providers/a.b/nets", "/subscriptions", "/subscriptions/s/providers"] {
            assert_changed(id, &[]);
        }
    }
}
