use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Value, json};
use skywarden_model::{Coverage, Resource, UnreadableKind, UnreadableReason};
use skywarden_policy::{Estate, Listed, Neighbours};
use skywarden_rule::Around;

/// The resources of one account, and which types of it were read in full.
pub(crate) struct Account<'a> {
    resources: Estate<'a>,
    /// Types in lower case with why there may be more of them.
    incomplete: BTreeMap<String, Arc<UnreadableReason>>,
    listed: BTreeSet<String>,
    /// By resource group in lower case; the empty one for what lies in none.
    around: BTreeMap<String, Around>,
}

const SUBSCRIPTION: &str = "microsoft.resources/subscriptions";
const RESOURCE_GROUP: &str = "microsoft.resources/subscriptions/resourcegroups";

/// Types whose resources say what surrounds others.
pub(crate) const SURROUNDING: [&str; 2] = [SUBSCRIPTION, RESOURCE_GROUP];

impl<'a> Account<'a> {
    pub(crate) fn new(account: &str, resources: impl IntoIterator<Item = &'a Resource>, coverage: &[Coverage]) -> Self {
        let resources: Estate<'_> = resources.into_iter().collect();
        let mut incomplete = BTreeMap::new();
        let mut listed = BTreeSet::new();
        for entry in coverage.iter().filter(|entry| *entry.account == *account) {
            let type_name = entry.type_name.as_str().to_lowercase();
            if let Some(reason) = entry.list_failure() {
                incomplete.insert(type_name.clone(), Arc::clone(reason));
            }
            listed.insert(type_name);
        }
        let subscription = resources.of_type(SUBSCRIPTION, account).resources.first().map(|own| subscription(own));
        let of = |resource_group| Around { subscription: subscription.clone(), resource_group, ..Around::default() };
        let groups = resources.of_type(RESOURCE_GROUP, account).resources;
        let mut around: BTreeMap<String, Around> =
            groups.into_iter().map(|group| (group.name.to_lowercase(), of(Some(resource_group(group))))).collect();
        around.entry(String::new()).or_insert_with(|| of(None));
        Self { resources, incomplete, listed, around }
    }

    /// What surrounds a resource of the account.
    pub(crate) fn around(&self, resource: &Resource) -> Option<&Around> {
        self.around.get(&resource.scope.resource_group.to_lowercase()).or_else(|| self.around.get(""))
    }
}

impl Account<'_> {
    /// Resources that were found, with why there may be more of their type.
    fn listed<'l>(&self, type_name: &str, found: Listed<'l>) -> Listed<'l> {
        let folded = type_name.to_lowercase();
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
        Listed { incomplete, ..found }
    }
}

impl Neighbours for Account<'_> {
    fn of_type(&self, type_name: &str, account: &str) -> Listed<'_> {
        self.listed(type_name, self.resources.of_type(type_name, account))
    }

    fn in_group(&self, type_name: &str, account: &str, group: &str) -> Listed<'_> {
        self.listed(type_name, self.resources.in_group(type_name, account, group))
    }

    fn below(&self, type_name: &str, account: &str, parent: &str) -> Listed<'_> {
        self.listed(type_name, self.resources.below(type_name, account, parent))
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
