use skywarden_model::SecureScore;
use skywarden_store::ScopeFilter;

use crate::{error::ApiError, scoped::Scoped};

/// A subscription that a path names.
pub(crate) struct Subscription {
    /// As the path has it, in lower case.
    pub(crate) id: String,
    /// What belongs to it and may be seen.
    pub(crate) filter: ScopeFilter,
    /// The score of that; none while nothing was assessed.
    pub(crate) score: Option<SecureScore>,
}

/// The subscription with an id.
pub(crate) async fn subscription(state: &Scoped, wanted: &str) -> Result<Subscription, ApiError> {
    let missing = || ApiError::not_found("such subscription");
    let pair = of_filter(state, &state.filter, wanted).await?.ok_or_else(missing)?;
    let filter = state.filter.narrowed([pair]);
    let point = state.latest_scores(&filter).await?.into_iter().next();
    Ok(Subscription { id: wanted.to_ascii_lowercase(), filter, score: point.map(|point| point.score) })
}

/// The connector and the account that a subscription's id in a path means: the id that this face gives it, or the account itself. One
/// of which nothing was assessed yet is taken as it is: policies may be in force there.
pub(crate) async fn account_of(state: &Scoped, wanted: &str) -> Result<(String, String), ApiError> {
    let known = of_filter(state, &ScopeFilter::All, wanted).await?;
    Ok(known.unwrap_or_else(|| ("request".to_owned(), wanted.to_owned())))
}

/// The connector and the account of a subscription's id among those that a filter lets through.
pub(super) async fn of_filter(state: &Scoped, filter: &ScopeFilter, wanted: &str) -> Result<Option<(String, String)>, ApiError> {
    Ok(state.store.account_named(filter, wanted).await?)
}
