use std::collections::BTreeSet;

use skywarden_model::Scope;

/// Which subscriptions a reader may see; what is not among them is in no list, count or score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScopeFilter {
    /// Everything.
    All,
    /// These (connector, account) pairs.
    Subscriptions(BTreeSet<(String, String)>),
}

impl ScopeFilter {
    /// Whether something of a connector's account may be seen.
    pub fn allows(&self, connector: &str, account: &str) -> bool {
        match self {
            Self::All => true,
            Self::Subscriptions(pairs) => pairs.contains(&(connector.to_owned(), account.to_owned())),
        }
    }

    /// Whether something of a connector may be seen.
    pub fn allows_connector(&self, connector: &str) -> bool {
        match self {
            Self::All => true,
            Self::Subscriptions(pairs) => pairs.iter().any(|(own, _)| own == connector),
        }
    }

    /// Whether something of a scope may be seen.
    pub fn allows_scope(&self, scope: &Scope) -> bool {
        self.allows(scope.connector.as_str(), &scope.account)
    }

    /// The filter as SQL over the columns of a pair: `AND (connector, account) IN (VALUES ($3, $4), ...)`, with
    /// [`ScopeFilter::values`] to be bound from placeholder `first` on; empty where everything may be seen.
    pub(crate) fn condition(&self, columns: &str, first: usize) -> String {
        match self {
            Self::All => String::new(),
            Self::Subscriptions(pairs) if pairs.is_empty() => " AND 1 = 0".to_owned(),
            Self::Subscriptions(pairs) => {
                let rows: Vec<String> =
                    (0..pairs.len()).map(|row| format!("(${}, ${})", first + 2 * row, first + 2 * row + 1)).collect();
                format!(" AND ({columns}) IN (VALUES {})", rows.join(", "))
            }
        }
    }

    /// The values of [`ScopeFilter::condition`], in order.
    pub(crate) fn values(&self) -> Vec<&str> {
        match self {
            Self::All => Vec::new(),
            Self::Subscriptions(pairs) => {
                pairs.iter().flat_map(|(connector, account)| [connector.as_str(), account.as_str()]).collect()
            }
        }
    }
}
