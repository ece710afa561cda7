use serde::Deserialize;
use skywarden_store::{AssessedAccount, ScopeFilter};

use crate::{error::ApiError, scoped::Scoped};

/// The part of what a login may see that a request asks about: one connector, or one account.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScopeQuery {
    connector: Option<String>,
    account: Option<String>,
}

impl ScopeQuery {
    pub(crate) fn new(connector: Option<String>, account: Option<String>) -> Self {
        Self { connector, account }
    }

    /// The part in words, for the cover of a report.
    pub(crate) fn words(&self) -> String {
        match (given(self.connector.as_deref()), given(self.account.as_deref())) {
            (None, None) => "Whole installation".to_owned(),
            (Some(connector), None) => format!("Connector {connector}"),
            (None, Some(account)) => format!("Account {account}"),
            (Some(connector), Some(account)) => format!("Account {account} of {connector}"),
        }
    }

    /// What the caller sees of what is meant; a scope without any is an error, since an empty list would look like a clean one.
    pub(crate) async fn filter(&self, state: &Scoped) -> Result<ScopeFilter, ApiError> {
        let (connector, account) = (given(self.connector.as_deref()), given(self.account.as_deref()));
        if connector.is_none() && account.is_none() {
            return Ok(state.filter.clone());
        }
        let mut pairs = Vec::new();
        for AssessedAccount { connector: own, account: its_account, .. } in state.store.assessed(&state.filter).await? {
            if connector.is_none_or(|connector| own == connector) && account.is_none_or(|account| its_account == account) {
                pairs.push((own, its_account));
            }
        }
        if pairs.is_empty() {
            return Err(ApiError::not_found("such connector or account with something assessed"));
        }
        Ok(state.filter.narrowed(pairs))
    }
}

fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}
