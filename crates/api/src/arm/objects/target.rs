//! The place that a path names.

use serde::Deserialize;
use skywarden_model::{ArmId, Resource};
use skywarden_store::{ArmScope, ScopeFilter};

use crate::{
    arm::{
        assessments::{ResourcePath, resource},
        connectors,
        ground::id_of,
        subscription::of_filter,
    },
    error::ApiError,
    scoped::Scoped,
};

/// What the path of an object may hold.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ObjectPath {
    subscription: Option<String>,
    group: Option<String>,
    connector: Option<String>,
    entity: Option<String>,
    #[serde(default)]
    pub(super) name: String,
}

/// A place that the caller may see, and for a change may change.
pub(super) struct Target {
    pub(super) scope: ArmScope,
    /// The beginning of ids: the scope as it is shown.
    pub(super) prefix: String,
    /// Connector and account.
    pub(super) account: (String, String),
    /// The resource, if it is one.
    pub(super) resource: Option<Resource>,
}

impl Target {
    /// # Errors
    /// 404 if the caller may not see the place, or it is not there; 403 if it may be seen and the route's action is not allowed there.
    pub(super) async fn of(state: &Scoped, path: &ObjectPath) -> Result<Self, ApiError> {
        let missing = || ApiError::not_found("such subscription");
        let subscription = path.subscription.as_deref().ok_or_else(missing)?;
        let account = of_filter(state, &ScopeFilter::All, subscription).await?.ok_or_else(missing)?;
        let (connector, name) = (account.0.as_str(), account.1.as_str());
        state.in_account(connector, name).map_err(|error| if error.is_not_found() { missing() } else { error })?;
        let id = format!("/subscriptions/{}", id_of(connector, name));
        match (&path.group, &path.connector, &path.entity) {
            (Some(group), Some(own), Some(entity)) => {
                let path = ResourcePath::new(subscription, group, own, entity);
                let found = resource(state, &path).await?;
                let prefix = ArmId::of(&found).as_str().to_owned();
                let scope = ArmScope::within(connector, name, &prefix);
                Ok(Self { scope, prefix, account, resource: Some(found) })
            }
            (Some(group), Some(own), None) => {
                let prefix = connectors::id(state, subscription, group, own).await?;
                let scope = ArmScope::within(connector, name, &prefix);
                Ok(Self { scope, prefix, account, resource: None })
            }
            _ => Ok(Self { scope: ArmScope::subscription(connector, name), prefix: id, account, resource: None }),
        }
    }
}
