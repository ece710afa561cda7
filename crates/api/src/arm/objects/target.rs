//! The place that a path names.

use serde::Deserialize;
use skywarden_model::{ArmId, Resource};
use skywarden_policy::Scope;
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
        let missing = || ApiError::not_found("such subscription");
        let subscription = path.subscription.as_deref().ok_or_else(missing)?;
        let account = of_filter(state, &ScopeFilter::All, subscription).await?.ok_or_else(missing)?;
        let (connector, name) = (account.0.clone(), account.1.clone());
        // Who holds a resource of an account may do to it what they may not to the account.
        let is_in_part = path.entity.is_some() && state.filter.shows(&connector, &name);
        if !is_in_part {
            state.in_account(&connector, &name).map_err(|error| if error.is_not_found() { missing() } else { error })?;
        }
        let within = |id: &str| ArmScope::within(&connector, &name, id);
        let (scope, id, resource) = match (&path.group, &path.connector, &path.entity) {
            (Some(group), Some(own), Some(entity)) => {
                let found = resource(state, &ResourcePath::new(subscription, group, own, entity)).await?;
                state.on_resource(&found)?;
                let id = ArmId::of(&found).as_str().to_owned();
                (within(&id), id, Some(found))
            }
            (Some(group), Some(own), None) => {
                let id = connectors::id(state, subscription, group, own).await?;
                (within(&id), id, None)
            }
            _ => (ArmScope::subscription(&connector, &name), format!("/subscriptions/{}", id_of(&connector, &name)), None),
        };
        let prefix = format!("{id}/{NAMESPACE}");
        let own = Self { scope, prefix, account: Some(account), management_group: None, resource };
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
            resource: None,
        })
    }
}
