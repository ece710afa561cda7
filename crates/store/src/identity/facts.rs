use std::collections::{BTreeMap, BTreeSet};

use skywarden_model::Timestamp;

use super::{CredentialKind, FailedSignIns, execute, first_row, rows};
use crate::{
    Store, StoreError,
    commit::{instant, parse},
};

/// What is known of a principal beside its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrincipalFacts {
    /// Whether it signs in with one-time codes.
    pub totp: bool,
    /// How often in a row it failed to sign in.
    pub failed: FailedSignIns,
    /// When it signed in last.
    pub last_sign_in_at: Option<Timestamp>,
    /// The groups that it is a member of, by their ids.
    pub groups: BTreeSet<String>,
}

impl Store {
    /// Notes that a principal signed in, and forgets its failed sign-ins.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn sign_in_succeeded(&self, principal: &str, now: Timestamp) -> Result<(), StoreError> {
        self.forget_failed_sign_ins(principal).await?;
        execute!(
            self,
            "noting a sign-in",
            "INSERT INTO sign_ins (principal, at) VALUES ($1, $2) ON CONFLICT (principal) DO UPDATE SET at = excluded.at",
            principal,
            instant(now)
        );
        Ok(())
    }

    /// What is known of each principal of which there is more to know than its name.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn principal_facts(&self) -> Result<BTreeMap<String, PrincipalFacts>, StoreError> {
        let doing = "reading what is known of principals";
        let codes: Vec<(String,)> =
            rows!(self, doing, "SELECT principal FROM credentials WHERE kind = $1", CredentialKind::Totp.name());
        let failed: Vec<(String, i64, String)> = rows!(self, doing, "SELECT principal, n_failed, last_at FROM failed_sign_ins");
        let signed_in: Vec<(String, String)> = rows!(self, doing, "SELECT principal, at FROM sign_ins");
        let members: Vec<(String, String)> = rows!(self, doing, "SELECT principal, group_id FROM memberships");
        let mut facts: BTreeMap<String, PrincipalFacts> = BTreeMap::new();
        for (principal,) in codes {
            facts.entry(principal).or_default().totp = true;
        }
        for (principal, count, at) in failed {
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            facts.entry(principal).or_default().failed = FailedSignIns { count, last_at: Some(parse(&at, "time")?) };
        }
        for (principal, at) in signed_in {
            facts.entry(principal).or_default().last_sign_in_at = Some(parse(&at, "time")?);
        }
        for (principal, group) in members {
            facts.entry(principal).or_default().groups.insert(group);
        }
        Ok(facts)
    }

    /// Whether anybody has a password.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn has_accounts(&self) -> Result<bool, StoreError> {
        let found: Option<(String,)> = first_row!(
            self,
            "looking for accounts",
            "SELECT id FROM credentials WHERE kind = $1 LIMIT 1",
            CredentialKind::Password.name()
        );
        Ok(found.is_some())
    }
}
