//! The place that a path names.

use serde::Deserialize;
use skywarden_model::{ArmId, Resource, Scope as Place, native_id_of};
use skywarden_policy::{Library, Scope};
use skywarden_store::{ArmScope, ScopeFilter};

use crate::{
    arm::{
        assessments::{ResourcePath, key_of, resource},
        connectors, id_of,
        subscription::of_filter,
    },
    error::ApiError,
    scoped::Scoped,
};

/// What the path of an object may hold.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ObjectPath {
    management_group: Option<String>,
    subscription: Option<String>,
    group: Option<String>,
    connector: Option<String>,
    entity: Option<String>,
    namespace: Option<String>,
    resource_type: Option<String>,
    resource: Option<String>,
    assessment: Option<String>,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) operation: String,
}

/// A place that the caller may see, and for a change may change.
pub(super) struct Target {
    pub(super) scope: ArmScope,
    /// The beginning of ids: what stands before the collection.
    pub(super) prefix: String,
    /// Connector and account, where it lies in one.
    pub(super) account: Option<(String, String)>,
    /// The management group, if it is one.
    pub(super) management_group: Option<Scope>,
    /// The resource group, if it is one, as resources name it.
    pub(super) group: Option<String>,
    /// The resource, if it is one or lies at one.
    pub(super) resource: Option<Resource>,
}

/// What stands between a scope and what lies at it.
const NAMESPACE: &str = "providers/Microsoft.Security";

impl Target {
    /// # Errors
    /// 404 if the caller may not see the place, or it is not there; 403 if it may be seen and the route's action is not allowed there.
    pub(super) async fn of(state: &Scoped, path: &ObjectPath) -> Result<Self, ApiError> {
        if let Some(name) = &path.management_group {
            return Self::of_management_group(state, name).await;
        }
        let Some(subscription) = path.subscription.as_deref() else { return Ok(Self::tenant()) };
        let missing = || ApiError::not_found("such subscription");
        let mut account = of_filter(state, &ScopeFilter::All, subscription).await?.ok_or_else(missing)?;
        // What lies at a connector concerns what that connects, wherever its own home is.
        let mut at_connector = None;
        if let (Some(group), Some(own), None) = (&path.group, &path.connector, &path.entity) {
            let (id, connected) = connectors::at(state, &account, group, own).await?;
            (account, at_connector) = (connected, Some(id));
        }
        let (connector, name) = (account.0.clone(), account.1.clone());
        // Who holds a resource or a group of an account may do to it what they may not to the account.
        let lies_below = path.entity.is_some() || (path.group.is_some() && path.connector.is_none());
        let is_in_part = lies_below && state.filter.shows(&connector, &name);
        if !is_in_part {
            let hidden = || if at_connector.is_some() { ApiError::not_found("such security connector") } else { missing() };
            state.in_account(&connector, &name).map_err(|error| if error.is_not_found() { hidden() } else { error })?;
        }
        let within = |id: &str| ArmScope::within(&connector, &name, id);
        let mut in_group = None;
        let (scope, id, resource) = match (at_connector, &path.group, &path.connector, &path.entity) {
            (Some(id), ..) => (within(&id), id, None),
            (None, Some(group), Some(own), Some(entity)) => {
                let found = resource(state, &ResourcePath::new(subscription, group, own, entity)).await?;
                state.on_resource(&found)?;
                let id = ArmId::of(&found).as_str().to_owned();
                (within(&id), id, Some(found))
            }
            (None, Some(group), None, None) => match path.azure_id(subscription, group) {
                Some(id) => {
                    let found = azure_resource(state, &connector, &name, &id).await?;
                    let id = ArmId::of(&found).as_str().to_owned();
                    (within(&id), id, Some(found))
                }
                None => {
                    let own = group_of(state, &connector, &name, group).await?;
                    let id = format!("/subscriptions/{}/resourceGroups/{own}", id_of(&connector, &name));
                    in_group = Some(own);
                    (within(&id), id, None)
                }
            },
            _ => (ArmScope::subscription(&connector, &name), format!("/subscriptions/{}", id_of(&connector, &name)), None),
        };
        let prefix = format!("{id}/{NAMESPACE}");
        let own = Self { scope, prefix, account: Some(account), management_group: None, group: in_group, resource };
        match (&path.assessment, &own.resource) {
            (Some(assessment), Some(resource)) => {
                let prefix = format!("{}/assessments/{}", own.prefix, key_of(state, resource, assessment).await?);
                Ok(Self { scope: within(&prefix), prefix, ..own })
            }
            _ => Ok(own),
        }
    }

    /// A whole account, whoever asks.
    pub(super) fn at_account(connector: &str, account: &str) -> Self {
        Self {
            scope: ArmScope::subscription(connector, account),
            prefix: format!("/subscriptions/{}/{NAMESPACE}", id_of(connector, account)),
            account: Some((connector.to_owned(), account.to_owned())),
            management_group: None,
            group: None,
            resource: None,
        }
    }

    async fn of_management_group(state: &Scoped, name: &str) -> Result<Self, ApiError> {
        let group = Scope::ManagementGroup(name.to_lowercase());
        state.at(&group)?;
        Ok(Self {
            scope: ArmScope::management_group(name),
            prefix: format!("{group}/{NAMESPACE}"),
            account: None,
            management_group: Some(group),
            group: None,
            resource: None,
        })
    }

    /// The tenant, at which nothing is written: what is there for everybody is read there.
    fn tenant() -> Self {
        Self {
            scope: ArmScope::tenant(),
            prefix: format!("/{NAMESPACE}"),
            account: None,
            management_group: None,
            group: None,
            resource: None,
        }
    }

    /// The scopes that it lies in, from itself to the tenant, under each of their names.
    pub(super) fn chain(&self, state: &Scoped, library: &Library) -> Vec<Scope> {
        match (&self.account, &self.management_group) {
            (Some((connector, account)), _) => {
                let of_resource = self.resource.as_ref().map(|own| own.scope.resource_group.to_string());
                let place = Place {
                    connector: connector.as_str().into(),
                    account: account.as_str().into(),
                    resource_group: of_resource.or_else(|| self.group.clone()).unwrap_or_default().into(),
                };
                state.chain_of(self.resource.as_ref().map_or("", |own| own.id.as_str()), &place)
            }
            (None, Some(group)) => library.governance.hierarchy.above(group),
            (None, None) => vec![Scope::Tenant],
        }
    }

    /// What ids of policy objects begin with that are in force here; a connector is its subscription.
    pub(super) fn policy_scope(&self) -> String {
        match (&self.account, &self.management_group, &self.resource) {
            (_, _, Some(resource)) => ArmId::of(resource).as_str().to_owned(),
            (Some((connector, account)), _, _) => {
                let group = self.group.as_ref().map(|own| format!("/resourceGroups/{own}")).unwrap_or_default();
                format!("/subscriptions/{}{group}", id_of(connector, account))
            }
            (None, Some(group), None) => group.to_string(),
            (None, None, None) => String::new(),
        }
    }

    /// What an account's ids begin with, for what lies at it or below.
    pub(super) fn of_subscription(&self) -> Option<(ArmScope, String)> {
        let (connector, account) = self.account.as_ref()?;
        let prefix = format!("/subscriptions/{}/{NAMESPACE}", id_of(connector, account));
        Some((ArmScope::subscription(connector, account), prefix))
    }
}

impl ObjectPath {
    /// The id of a resource of Azure's own that the path names below its group.
    fn azure_id(&self, subscription: &str, group: &str) -> Option<String> {
        let (namespace, kind, name) = (self.namespace.as_ref()?, self.resource_type.as_ref()?, self.resource.as_ref()?);
        Some(format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/{namespace}/{kind}/{name}"))
    }
}

async fn azure_resource(state: &Scoped, connector: &str, account: &str, id: &str) -> Result<Resource, ApiError> {
    let native = native_id_of(id).map_err(|error| ApiError::bad_request(error.to_string()))?;
    let found = state.store.resource(&ScopeFilter::All, native.as_str()).await?.map(|(own, _)| own);
    let is_own = |own: &Resource| own.scope.connector.as_str() == connector && *own.scope.account == *account;
    let found = found.filter(is_own).ok_or_else(|| ApiError::not_found("such resource"))?;
    state.on_resource(&found)?;
    Ok(found)
}

/// The name of a resource group as its resources have it.
async fn group_of(state: &Scoped, connector: &str, account: &str, group: &str) -> Result<String, ApiError> {
    state.in_group(connector, account, group)?;
    let known = state.store.resource_groups(&ScopeFilter::All, connector, account).await?;
    let found = known.into_iter().find(|own| own.eq_ignore_ascii_case(group));
    found.ok_or_else(|| ApiError::not_found("such resource group"))
}
