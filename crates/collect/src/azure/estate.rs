//! What there is to look at: the tenant, its subscriptions, and what the login may read in each.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;
use skywarden_content::AzurePlane;
use skywarden_model::{UnreadableKind, UnreadableReason};
use skywarden_rbac::ActionPattern;

use super::{
    AzureError, AzureOptions,
    run::{Asked, Run},
};

const SUBSCRIPTIONS: &str = "/subscriptions?api-version=2022-12-01";
const SUBSCRIPTION_READ: &str = "Microsoft.Resources/subscriptions/read";
const DESCENDANTS_READ: &str = "Microsoft.Management/managementGroups/descendants/read";
const PERMISSIONS_READ: &str = "Microsoft.Authorization/permissions/read";

/// Where a run looks.
#[derive(Debug)]
pub(crate) struct Estate {
    pub(crate) tenant: Arc<str>,
    /// Subscriptions to be read, with what the login may do in them.
    pub(crate) subscriptions: BTreeMap<Arc<str>, Rights>,
    /// Subscriptions of earlier runs that are no more.
    pub(crate) gone: BTreeSet<Arc<str>>,
    /// Subscriptions of earlier runs, or asked for, that can't be seen.
    pub(crate) unseen: BTreeMap<Arc<str>, UnreadableReason>,
}

/// What the login may do in a subscription.
#[derive(Debug)]
pub(crate) enum Rights {
    Known(Vec<Permission>),
    Unknown(Arc<UnreadableReason>),
}

/// One role that the login holds there.
#[derive(Debug)]
pub(crate) struct Permission {
    actions: Vec<ActionPattern>,
    not_actions: Vec<ActionPattern>,
}

impl Rights {
    /// Whether an action is allowed in the whole subscription; `None`: not known.
    pub(crate) fn may(&self, action: &str) -> Option<bool> {
        let Self::Known(permissions) = self else { return None };
        let any = |patterns: &[ActionPattern]| patterns.iter().any(|pattern| pattern.matches(action));
        Some(permissions.iter().any(|permission| any(&permission.actions) && !any(&permission.not_actions)))
    }
}

/// Finds out where to look.
///
/// # Errors
/// If the subscriptions can't be listed, or there is none.
pub(crate) async fn estate(run: &Run<'_>, options: &AzureOptions) -> Result<Estate, AzureError> {
    let fail = |reason| AzureError::Subscriptions { reason: Box::new(reason) };
    let asked = Asked { plane: AzurePlane::Arm, address: SUBSCRIPTIONS, permission: SUBSCRIPTION_READ, account: "tenant" };
    let mut listed: BTreeMap<Arc<str>, String> = BTreeMap::new();
    let mut sink = |page: Vec<Value>| {
        for one in page {
            let text = |name: &str| one.get(name).and_then(Value::as_str).map(str::to_lowercase);
            if let Some((id, tenant)) = text("subscriptionId").zip(text("tenantId").or(Some(String::new()))) {
                listed.insert(id.into(), tenant);
            }
        }
    };
    run.list(asked, &mut sink).await.map_err(fail)?;
    let tenant: Arc<str> = match &options.tenant {
        Some(tenant) => tenant.to_lowercase().into(),
        None => listed.values().find(|tenant| !tenant.is_empty()).ok_or(AzureError::NoSubscriptions)?.as_str().into(),
    };
    // A guest's login also sees subscriptions of other tenants, which are other connectors' to look at.
    listed.retain(|_, own| own.is_empty() || **own == *tenant);
    let mut wanted: BTreeSet<Arc<str>> = options.subscriptions.iter().map(|id| id.to_lowercase().into()).collect();
    if let Some(group) = &options.management_group {
        wanted.extend(below(run, group, &tenant).await.map_err(fail)?);
    }
    let is_all = options.subscriptions.is_empty() && options.management_group.is_none();
    let before = options.known.keys().filter(|id| ***id != *tenant).cloned();
    let expected: BTreeSet<Arc<str>> = wanted.iter().cloned().chain(before).collect();
    let (mut gone, mut unseen) = (BTreeSet::new(), BTreeMap::new());
    for id in expected.into_iter().filter(|id| !listed.contains_key(id)) {
        match missing(run, &id).await {
            None => drop(gone.insert(id)),
            Some(reason) => drop(unseen.insert(id, reason)),
        }
    }
    let chosen = listed.into_keys().filter(|id| is_all || wanted.contains(id));
    let mut subscriptions = BTreeMap::new();
    for id in chosen {
        let rights = rights(run, &id).await;
        subscriptions.insert(id, rights);
    }
    if subscriptions.is_empty() && gone.is_empty() && unseen.is_empty() {
        return Err(AzureError::NoSubscriptions);
    }
    Ok(Estate { tenant, subscriptions, gone, unseen })
}

/// The subscriptions below a management group.
async fn below(run: &Run<'_>, group: &str, tenant: &str) -> Result<BTreeSet<Arc<str>>, UnreadableReason> {
    let address = format!("/providers/Microsoft.Management/managementGroups/{group}/descendants?api-version=2020-05-01");
    let asked = Asked { plane: AzurePlane::Arm, address: &address, permission: DESCENDANTS_READ, account: tenant };
    let mut found = BTreeSet::new();
    let mut sink = |page: Vec<Value>| {
        for one in page {
            let is_subscription = one.get("type").and_then(Value::as_str).is_some_and(|own| own.ends_with("/subscriptions"));
            let name = one.get("name").and_then(Value::as_str).filter(|_| is_subscription);
            found.extend(name.map(|name| Arc::from(name.to_lowercase())));
        }
    };
    run.list(asked, &mut sink).await?;
    Ok(found)
}

/// Why a subscription is not listed; `None`: Azure says that there is no such subscription.
async fn missing(run: &Run<'_>, id: &str) -> Option<UnreadableReason> {
    let address = format!("/subscriptions/{id}?api-version=2022-12-01");
    let asked = Asked { plane: AzurePlane::Arm, address: &address, permission: SUBSCRIPTION_READ, account: id };
    match run.get(asked).await {
        Err(reason) if reason.code == "SubscriptionNotFound" => None,
        Err(reason) => Some(reason),
        Ok(_) => {
            let message = "it is there, but the list of subscriptions lacks it; is Reader assigned on it?";
            Some(asked.reason(UnreadableKind::Denied, "NotListed", message))
        }
    }
}

async fn rights(run: &Run<'_>, id: &str) -> Rights {
    let address = format!("/subscriptions/{id}/providers/Microsoft.Authorization/permissions?api-version=2022-04-01");
    let asked = Asked { plane: AzurePlane::Arm, address: &address, permission: PERMISSIONS_READ, account: id };
    let mut permissions = Vec::new();
    let mut misfit = None;
    let mut sink = |page: Vec<Value>| {
        for one in page {
            match permission(&one) {
                Some(own) => permissions.push(own),
                None => misfit = Some(asked.malformed("a permission is not understood")),
            }
        }
    };
    let end = run.list(asked, &mut sink).await;
    match end.err().or(misfit) {
        Some(reason) => Rights::Unknown(run.share(reason)),
        None => Rights::Known(permissions),
    }
}

fn permission(one: &Value) -> Option<Permission> {
    let patterns = |name: &str| match one.get(name) {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::Array(texts)) => texts.iter().map(|text| text.as_str()?.parse().ok()).collect(),
        Some(_) => None,
    };
    Some(Permission { actions: patterns("actions")?, not_actions: patterns("notActions")? })
}
