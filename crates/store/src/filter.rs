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
            Self::Subscriptions(pairs) => pairs.iter().any(|(own, held)| own == connector && held == account),
        }
    }

    /// Whether something of a scope may be seen.
    pub fn allows_scope(&self, scope: &Scope) -> bool {
        self.allows(scope.connector.as_str(), &scope.account)
    }
}
