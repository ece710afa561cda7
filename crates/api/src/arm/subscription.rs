use std::collections::BTreeSet;

use skywarden_model::{Scope, SecureScore, subscription_id};
use skywarden_store::ScopeFilter;

use crate::{error::ApiError, scoped::Scoped};

/// A subscription that a path names.
pub(crate) struct Subscription {
    /// As the path has it, in lower case.
    pub(crate) id: String,
    /// What belongs to it.
    pub(crate) filter: ScopeFilter,
    pub(crate) score: SecureScore,
}

/// The subscription with an id.
pub(crate) async fn subscription(state: &Scoped, wanted: &str) -> Result<Subscription, ApiError> {
    for point in state.store.latest_scores(&state.filter).await? {
        let scope = Scope {
            connector: point.connector.as_str().into(),
            account: point.account.as_str().into(),
            resource_group: "".into(),
        };
        if subscription_id(&scope).to_string().eq_ignore_ascii_case(wanted) {
            let filter = ScopeFilter::Subscriptions(BTreeSet::from([(point.connector, point.account)]));
            return Ok(Subscription { id: wanted.to_ascii_lowercase(), filter, score: point.score });
        }
    }
    Err(ApiError::not_found("such subscription"))
}

/// The connector and the account that a subscription's id in a path means: the id that this face gives it, or the account itself. One
/// of which nothing was assessed yet is taken as it is: policies may be in force there.
pub(crate) async fn account_of(state: &Scoped, wanted: &str) -> Result<(String, String), ApiError> {
    for point in state.store.latest_scores(&state.filter).await? {
        let scope = Scope {
            connector: point.connector.as_str().into(),
            account: point.account.as_str().into(),
            resource_group: "".into(),
        };
        if point.account.eq_ignore_ascii_case(wanted) || subscription_id(&scope).to_string().eq_ignore_ascii_case(wanted) {
            return Ok((point.connector, point.account));
        }
    }
    Ok(("request".to_owned(), wanted.to_owned()))
}
