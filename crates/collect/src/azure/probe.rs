//! What a login may read, before anything is collected: for `connect azure` and the console's wizard.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use skywarden_content::{AzureLevel, AzurePlane};
use skywarden_model::UnreadableReason;

use super::{
    AzureError, AzureOptions, Spec,
    defender::{READ_INITIATIVES, RIGHTS},
    estate::{Estate, Rights, estate},
    run::{Asked, Run},
};
use crate::{Specs, Transport, template::fill, withhold::Secrets};

/// What a login sees of a tenant and what it may not.
#[derive(Debug)]
pub struct AzureProbe {
    /// The tenant's id.
    pub tenant: String,
    /// Each subscription, by id.
    pub subscriptions: BTreeMap<String, AzureRights>,
    /// Permissions of Microsoft Graph, each with why it can't be used; `None`: it can.
    pub directory: BTreeMap<String, Option<UnreadableReason>>,
    /// Subscriptions that were asked for and can't be seen.
    pub unseen: BTreeMap<String, UnreadableReason>,
}

/// What a login may read in a subscription.
#[derive(Debug)]
pub enum AzureRights {
    /// The actions that it lacks of those that collectors need.
    Missing(BTreeSet<String>),
    /// Its rights can't be told.
    Unknown(Arc<UnreadableReason>),
}

/// What collectors need: actions of Azure Resource Manager and permissions of Microsoft Graph, each with the types that need it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct AzureNeeds {
    /// By action.
    pub actions: BTreeMap<String, BTreeSet<String>>,
    /// By permission of Microsoft Graph.
    pub directory: BTreeMap<String, BTreeSet<String>>,
}

/// Without it Resource Graph leaves changes out, and says nothing.
const CHANGES_READ: &str = "Microsoft.Resources/changes/read";

/// Actions that the engine needs by itself.
const OWN: [&str; 5] = [
    "Microsoft.Authorization/permissions/read",
    "Microsoft.ResourceGraph/resources/read",
    CHANGES_READ,
    "Microsoft.Resources/subscriptions/read",
    "Microsoft.Management/managementGroups/descendants/read",
];

impl AzureNeeds {
    /// All that the collectors need.
    pub fn of<'a>(specs: impl Into<Specs<'a>>) -> Self {
        let mut needs = Self::default();
        for spec in specs.into().collectors.values().filter_map(Spec::of) {
            for (plane, permissions) in spec.azure.permissions(&spec.file.type_name) {
                let place = match plane {
                    AzurePlane::Arm => &mut needs.actions,
                    AzurePlane::Graph => &mut needs.directory,
                };
                for permission in permissions {
                    place.entry(permission).or_default().insert(spec.file.type_name.clone());
                }
            }
        }
        if !needs.actions.is_empty() {
            let to_compare = RIGHTS.iter().map(|(_, action)| *action).chain([READ_INITIATIVES]);
            for action in OWN.into_iter().chain(to_compare) {
                needs.actions.entry(action.to_owned()).or_default();
            }
        }
        needs
    }

    /// The custom role that allows it, as `az role definition create --role-definition` takes it.
    pub fn role(&self, assignable_scopes: &[String]) -> serde_json::Value {
        serde_json::json!({
            "Name": "Skywarden Reader",
            "IsCustom": true,
            "Description": "What Skywarden reads to judge the security posture; it changes nothing and reads no data.",
            "Actions": self.actions.keys().collect::<Vec<_>>(),
            "NotActions": [],
            "DataActions": [],
            "NotDataActions": [],
            "AssignableScopes": assignable_scopes,
        })
    }
}

/// Asks what a login may read; collects nothing.
///
/// # Errors
/// If it can't be told which subscriptions there are, or there is none.
pub async fn probe_azure<'a>(
    specs: impl Into<Specs<'a>>,
    transport: Arc<dyn Transport>,
    options: &AzureOptions,
) -> Result<AzureProbe, AzureError> {
    let specs = specs.into();
    let run = Run::new(&*transport, Secrets::default(), options.max_concurrency, options.page_limit);
    let Estate { tenant, subscriptions, unseen, .. } = estate(&run, options).await?;
    let needs = AzureNeeds::of(specs);
    let in_subscriptions: BTreeSet<&str> = specs
        .collectors
        .values()
        .filter_map(Spec::of)
        .filter(|spec| spec.azure.level == AzureLevel::Subscription)
        .map(|spec| spec.file.type_name.as_str())
        .collect();
    let rights_of = |rights: Rights| match rights {
        Rights::Unknown(reason) => AzureRights::Unknown(reason),
        Rights::Known(_) => {
            let is_needed = |types: &BTreeSet<String>| types.iter().any(|own| in_subscriptions.contains(own.as_str()));
            let needed = needs.actions.iter().filter(|(action, types)| is_needed(types) || *action == CHANGES_READ);
            let missing = needed.map(|(action, _)| action);
            AzureRights::Missing(missing.filter(|action| rights.may(action) != Some(true)).cloned().collect())
        }
    };
    let subscriptions = subscriptions.into_iter().map(|(id, rights)| (id.to_string(), rights_of(rights))).collect();
    let mut directory = BTreeMap::new();
    for (permission, path) in directory_calls(specs) {
        if directory.contains_key(&permission) {
            continue;
        }
        let address = fill(&path, |name| (name == "tenant").then(|| tenant.to_string())).unwrap_or(path);
        let asked = Asked { plane: AzurePlane::Graph, address: &address, permission: &permission, account: &tenant };
        let end = run.get(asked).await.err();
        directory.insert(permission, end);
    }
    let unseen = unseen.into_iter().map(|(id, reason)| (id.to_string(), reason)).collect();
    Ok(AzureProbe { tenant: tenant.to_string(), subscriptions, directory, unseen })
}

/// The lists of the directory, each with the permission that it needs.
fn directory_calls<'a>(specs: Specs<'a>) -> impl Iterator<Item = (String, String)> + 'a {
    specs.collectors.values().filter_map(Spec::of).flat_map(|spec| {
        let is_own = spec.azure.below.is_none() && spec.azure.plane == AzurePlane::Graph;
        let own = spec.azure.list.iter().filter(move |_| is_own);
        let own = own.map(move |list| (spec.azure.permission(&spec.file.type_name), list.clone()));
        let joins = spec.azure.joins.iter().filter(|join| join.plane == AzurePlane::Graph);
        let joins = joins.map(|join| (join.permission.clone(), join.list.clone()));
        own.chain(joins).collect::<Vec<_>>()
    })
}
