//! Where connectors lie.

use skywarden_model::{Connector, Environment, setting};
use skywarden_store::ScopeFilter;

use crate::{arm::ground::id_of, error::ApiError, scoped::Scoped};

/// The resource group of a connector without a home of its own: ARM wants one.
const GROUP: &str = "skywarden";

/// What a connector is put under.
pub(in crate::arm) struct Home {
    /// The id of the subscription, in small letters.
    pub(super) subscription: String,
    /// The resource group, as it was written.
    pub(super) group: String,
}

/// A connector that is shown here, where it lies.
pub(super) struct Placed {
    pub(super) connector: Connector,
    /// The account that it connects.
    pub(super) account: String,
    pub(super) home: Home,
}

impl Home {
    /// The id of a connector there.
    pub(in crate::arm) fn id_of(&self, connector: &str) -> String {
        let Self { subscription, group } = self;
        format!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Security/securityConnectors/{connector}"
        )
    }

    /// Whether it is this resource group; names are compared without case.
    pub(super) fn is_group(&self, group: &str) -> bool {
        self.group.eq_ignore_ascii_case(group)
    }
}

impl Placed {
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.connector.id.as_str().eq_ignore_ascii_case(name)
    }

    /// Whether it connects this very account.
    pub(super) fn is_of(&self, (connector, account): &(String, String)) -> bool {
        self.connector.id.as_str() == connector && self.account == *account
    }

    pub(super) fn id(&self) -> String {
        self.home.id_of(self.connector.id.as_str())
    }
}

/// Where a connector lies; one without a home, or whose home is gone, with its account.
pub(in crate::arm) async fn home_of(state: &Scoped, connector: &Connector, account: &str) -> Result<Home, ApiError> {
    if let (Some(subscription), Some(group)) = (connector.setting(setting::HOME), connector.setting(setting::HOME_GROUP))
        && state.store.account_named(&ScopeFilter::All, subscription).await?.is_some()
    {
        return Ok(Home { subscription: subscription.to_owned(), group: group.to_owned() });
    }
    Ok(Home { subscription: id_of(connector.id.as_str(), account), group: GROUP.to_owned() })
}

/// Every connector under the subscription of an account, whoever asks.
pub(super) async fn all_at(state: &Scoped, (own, account): &(String, String)) -> Result<Vec<Placed>, ApiError> {
    let subscription = id_of(own, account);
    let mut found = Vec::new();
    for connector in state.store.connectors(&ScopeFilter::All).await? {
        let is_own = connector.id.as_str() == own;
        if !is_shown(&connector) || !(is_own || connector.setting(setting::HOME) == Some(&subscription)) {
            continue;
        }
        let its_account = if is_own { Some(account.clone()) } else { connector.account().map(str::to_owned) };
        let Some(account) = its_account else { continue };
        let home = home_of(state, &connector, &account).await?;
        if home.subscription == subscription {
            found.push(Placed { connector, account, home });
        }
    }
    Ok(found)
}

/// The id, connector and account of what a path below a subscription names, whoever asks.
pub(in crate::arm) async fn at(
    state: &Scoped,
    pair: &(String, String),
    group: &str,
    name: &str,
) -> Result<(String, (String, String)), ApiError> {
    let found = all_at(state, pair).await?.into_iter().find(|own| own.home.is_group(group) && own.is_called(name));
    let found = found.ok_or_else(|| ApiError::not_found("such security connector"))?;
    Ok((found.id(), (found.connector.id.to_string(), found.account)))
}

/// Whether a connector is among those of ARM, which one's own machines are not.
pub(in crate::arm) fn is_shown(connector: &Connector) -> bool {
    matches!(connector.environment, Environment::Aws | Environment::Gcp)
}
