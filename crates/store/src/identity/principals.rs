use std::collections::BTreeSet;

use skywarden_rbac::{Principal, PrincipalKind, PrincipalState};

use super::{first_row, rows};
use crate::{
    Store, StoreError,
    commit::{json, key},
    pool::{POSTGRES_IDENTITY_LOCK, on_pool},
    read::documents,
};

impl Store {
    /// Keeps a principal, or replaces that of the same id.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`] if another of its kind has its name in any case; if a statement fails.
    pub async fn put_principal(&self, principal: &Principal) -> Result<(), StoreError> {
        on_pool!(&self.pool, pool => {
            sqlx::query(
                "INSERT INTO principals (id, kind, name_key, state, document) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, name_key = excluded.name_key, state = excluded.state,
                    document = excluded.document")
                .bind(principal.id.as_str()).bind(principal.kind.name()).bind(key(&principal.name)).bind(state_name(principal.state))
                .bind(json(principal)?).execute(pool).await
                .map_err(StoreError::named("saving a principal", noun(principal.kind), &principal.name))?;
        });
        Ok(())
    }

    /// Every principal, in order of kind and name.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn principals(&self) -> Result<Vec<Principal>, StoreError> {
        let found: Vec<(String,)> = rows!(self, "listing principals", "SELECT document FROM principals");
        let mut principals: Vec<Principal> = documents(found, "principal")?;
        // Databases differ in how they sort text.
        principals.sort_by(|one, other| (one.kind, &one.name).cmp(&(other.kind, &other.name)));
        Ok(principals)
    }

    /// The principal of an id.
    ///
    /// # Errors
    /// If a statement fails or the row is damaged.
    pub async fn principal(&self, id: &str) -> Result<Option<Principal>, StoreError> {
        let found: Option<(String,)> =
            first_row!(self, "reading a principal", "SELECT document FROM principals WHERE id = $1", id);
        Ok(documents(found.into_iter().collect(), "principal")?.pop())
    }

    /// The principal of a kind that has a name, in whichever case.
    ///
    /// # Errors
    /// If a statement fails or the row is damaged.
    pub async fn principal_named(&self, kind: PrincipalKind, name: &str) -> Result<Option<Principal>, StoreError> {
        let found: Option<(String,)> = first_row!(
            self,
            "reading a principal",
            "SELECT document FROM principals WHERE kind = $1 AND name_key = $2",
            kind.name(),
            key(name)
        );
        Ok(documents(found.into_iter().collect(), "principal")?.pop())
    }

    /// Removes a principal with its credentials, sessions, memberships and role assignments, in one step; says whether it was there.
    ///
    /// # Errors
    /// If a statement fails; nothing is removed then.
    pub async fn remove_principal(&self, id: &str) -> Result<bool, StoreError> {
        let doing = "removing a principal";
        let (begin, lock) = self.pool.exclusive();
        let removed = on_pool!(&self.pool, pool => {
            let mut tx = pool.begin_with(begin).await.map_err(StoreError::statement(doing))?;
            sqlx::query(lock).bind(POSTGRES_IDENTITY_LOCK).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            for statement in [
                "DELETE FROM credentials WHERE principal = $1",
                "DELETE FROM failed_sign_ins WHERE principal = $1",
                "DELETE FROM sign_ins WHERE principal = $1",
                "DELETE FROM secrets WHERE name IN ('totp/' || $1, 'totp-new/' || $1)",
                "DELETE FROM sessions WHERE principal = $1",
                "DELETE FROM memberships WHERE principal = $1 OR group_id = $1",
                "DELETE FROM role_assignments WHERE principal = $1",
            ] {
                sqlx::query(statement).bind(id).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            }
            let removed = sqlx::query("DELETE FROM principals WHERE id = $1").bind(id).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            tx.commit().await.map_err(StoreError::statement(doing))?;
            removed.rows_affected()
        });
        Ok(removed > 0)
    }

    /// Makes a principal a member of these groups, by their ids, and of no others.
    ///
    /// # Errors
    /// If a statement fails; its groups stay as they were then.
    pub async fn set_groups(&self, principal: &str, groups: &BTreeSet<String>) -> Result<(), StoreError> {
        let doing = "saving the groups of a principal";
        let (begin, lock) = self.pool.exclusive();
        on_pool!(&self.pool, pool => {
            let mut tx = pool.begin_with(begin).await.map_err(StoreError::statement(doing))?;
            sqlx::query(lock).bind(POSTGRES_IDENTITY_LOCK).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            sqlx::query("DELETE FROM memberships WHERE principal = $1")
                .bind(principal).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            for group in groups {
                sqlx::query("INSERT INTO memberships (principal, group_id) VALUES ($1, $2)")
                    .bind(principal).bind(group.as_str()).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            }
            tx.commit().await.map_err(StoreError::statement(doing))?;
        });
        Ok(())
    }

    /// The groups that a principal is a member of, by their ids.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn groups_of(&self, principal: &str) -> Result<BTreeSet<String>, StoreError> {
        let found: Vec<(String,)> =
            rows!(self, "reading the groups of a principal", "SELECT group_id FROM memberships WHERE principal = $1", principal);
        Ok(found.into_iter().map(|(group,)| group).collect())
    }
}

pub(super) fn state_name(state: PrincipalState) -> &'static str {
    match state {
        PrincipalState::Enabled => "Enabled",
        PrincipalState::Disabled => "Disabled",
    }
}

/// What a principal of a kind is called in a sentence.
fn noun(kind: PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::User => "user",
        PrincipalKind::Group => "group",
        PrincipalKind::ServicePrincipal => "service principal",
    }
}
