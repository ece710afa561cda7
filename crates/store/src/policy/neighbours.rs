use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Value, json};
use skywarden_model::{Coverage, Resource, UnreadableKind, UnreadableReason};
use skywarden_policy::{Listed, Neighbours};
use skywarden_rule::Around;

/// The resources of one account, and which types of it were read in full.
pub(crate) struct Account<'a> {
    /// By type in lower case.
    by_type: BTreeMap<String, Vec<&'a Resource>>,
    /// Types in lower case with why there may be more of them.
    incomplete: BTreeMap<String, Arc<UnreadableReason>>,
    listed: BTreeSet<String>,
    /// By resource group in lower case; the empty one for what lies in none.
    around: BTreeMap<String, Around>,
    subscription: Option<Value>,
}

const SUBSCRIPTION: &str = "microsoft.resources/subscriptions";
const RESOURCE_GROUP: &str = "microsoft.resources/subscriptions/resourcegroups";

/// Types whose resources say what surrounds others.
pub(crate) const SURROUNDING: [&str; 2] = [SUBSCRIPTION, RESOURCE_GROUP];

impl<'a> Account<'a> {
    pub(crate) fn new(account: &str, resources: impl IntoIterator<Item = &'a Resource>, coverage: &[Coverage]) -> Self {
        let mut by_type: BTreeMap<String, Vec<&Resource>> = BTreeMap::new();
        for resource in resources {
            by_type.entry(resource.type_name.as_str().to_lowercase()).or_default().push(resource);
        }
        let mut incomplete = BTreeMap::new();
        let mut listed = BTreeSet::new();
        for entry in coverage.iter().filter(|entry| *entry.account == *account) {
            let type_name = entry.type_name.as_str().to_lowercase();
            if let Some(reason) = entry.list_failure() {
                incomplete.insert(type_name.clone(), Arc::clone(reason));
            }
            listed.insert(type_name);
        }
        let mut own = Self { by_type, incomplete, listed, around: BTreeMap::new(), subscription: None };
        own.subscription = own.by_type.get(SUBSCRIPTION).and_then(|found| found.first()).map(|own| subscription(own));
        let groups: Vec<(String, Around)> = own
            .by_type
            .get(RESOURCE_GROUP)
            .into_iter()
            .flatten()
            .map(|group| {
                let around = Around {
                    subscription: own.subscription.clone(),
                    resource_group: Some(resource_group(group)),
                    ..Around::default()
                };
                (group.name.to_lowercase(), around)
            })
            .collect();
        own.around.extend(groups);
        own.around.entry(String::new()).or_insert_with(|| Around { subscription: own.subscription.clone(), ..Around::default() });
        own
    }

    /// What surrounds a resource of the account.
    pub(crate) fn around(&self, resource: &Resource) -> Option<&Around> {
        self.around.get(&resource.scope.resource_group.to_lowercase()).or_else(|| self.around.get(""))
    }
}

impl Neighbours for Account<'_> {
    fn of_type(&self, type_name: &str, _account: &str) -> Listed<'_> {
        let folded = type_name.to_lowercase();
        let resources = self.by_type.get(&folded).cloned().unwrap_or_default();
        let incomplete = match self.incomplete.get(&folded) {
            Some(reason) => Some(Arc::clone(reason)),
            None if self.listed.contains(&folded) => None,
            None => Some(Arc::new(UnreadableReason {
                kind: UnreadableKind::NotCarried,
                operation: format!("list {type_name}"),
                permission: None,
                code: String::new(),
                message: "what was read does not carry this type".to_owned(),
            })),
        };
        Listed { resources, incomplete }
    }
}

fn subscription(resource: &Resource) -> Value {
    json!({
        "id": resource.id,
        "subscriptionId": resource.scope.account,
        "displayName": resource.properties.get("displayName").cloned().unwrap_or_else(|| resource.name.clone().into()),
        "tenantId": resource.properties.get("tenantId"),
        "tags": resource.tags,
    })
}

fn resource_group(resource: &Resource) -> Value {
    json!({
        "id": resource.id,
        "name": resource.name,
        "location": resource.location,
        "tags": resource.tags,
        "managedBy": resource.envelope.get("managedBy"),
        "properties": resource.properties,
    })
}
