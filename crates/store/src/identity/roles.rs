use std::{collections::BTreeSet, sync::Arc};

use serde::de::Error as _;
use serde_json::Value;
use skywarden_policy::Scope;
use skywarden_rbac::{Grants, PrincipalKind, PrincipalState, Role, RoleAssignment, RoleKind, built_in_roles};

use super::{principals::state_name, rows};
use crate::{
    Store, StoreError,
    commit::{instant, json, key, parse},
    pool::{POSTGRES_IDENTITY_LOCK, on_pool},
};

/// What became of a role assignment that was to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewAssignment {
    /// It is kept.
    Kept,
    /// The principal holds the role at the scope already.
    Exists {
        /// The id of the assignment that says so; it may be the same one.
        id: String,
    },
    /// Its id is that of another assignment.
    IdTaken,
    /// There is no such role.
    NoSuchRole,
}

/// The columns of `SELECT`s of role assignments, in this order.
type Row = (String, String, String, String, String, String, String);

impl Store {
    /// Keeps a new role assignment; one that is there is never changed. Whether there is such a principal is not asked.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn put_role_assignment(&self, assignment: &RoleAssignment) -> Result<NewAssignment, StoreError> {
        let doing = "saving a role assignment";
        let (begin, lock) = self.pool.exclusive();
        let role = assignment.role.to_lowercase();
        let scope = assignment.scope.to_string().to_lowercase();
        let is_built_in = built_in_roles().iter().any(|own| own.id == role);
        on_pool!(&self.pool, pool => {
            let mut tx = pool.begin_with(begin).await.map_err(StoreError::statement(doing))?;
            sqlx::query(lock).bind(POSTGRES_IDENTITY_LOCK).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            let custom: Option<String> = sqlx::query_scalar("SELECT id FROM roles WHERE id = $1")
                .bind(role.as_str()).fetch_optional(&mut *tx).await.map_err(StoreError::statement(doing))?;
            if custom.is_none() && !is_built_in {
                return Ok(NewAssignment::NoSuchRole);
            }
            let same: Option<String> =
                sqlx::query_scalar("SELECT id FROM role_assignments WHERE principal = $1 AND role = $2 AND scope = $3")
                    .bind(assignment.principal.as_str()).bind(role.as_str()).bind(scope.as_str())
                    .fetch_optional(&mut *tx).await.map_err(StoreError::statement(doing))?;
            if let Some(id) = same {
                return Ok(NewAssignment::Exists { id });
            }
            let kept = sqlx::query(
                "INSERT INTO role_assignments (id, principal, principal_kind, role, scope, created_at, created_by)
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING")
                .bind(assignment.id.as_str()).bind(assignment.principal.as_str()).bind(assignment.principal_kind.name())
                .bind(role.as_str()).bind(scope.as_str()).bind(instant(assignment.created_at)).bind(assignment.created_by.as_str())
                .execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            tx.commit().await.map_err(StoreError::statement(doing))?;
            Ok(if kept.rows_affected() > 0 { NewAssignment::Kept } else { NewAssignment::IdTaken })
        })
    }

    /// Every role assignment, in order of their ids.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn role_assignments(&self) -> Result<Vec<RoleAssignment>, StoreError> {
        let found: Vec<Row> = rows!(
            self,
            "listing role assignments",
            "SELECT id, principal, principal_kind, role, scope, created_at, created_by FROM role_assignments"
        );
        let mut assignments = found.into_iter().map(assignment).collect::<Result<Vec<_>, _>>()?;
        // Databases differ in how they sort text.
        assignments.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(assignments)
    }

    /// Removes a role assignment; gives back what it was, if it was there.
    ///
    /// # Errors
    /// If a statement fails or the row is damaged.
    pub async fn remove_role_assignment(&self, id: &str) -> Result<Option<RoleAssignment>, StoreError> {
        // Read to its end: only then it is certain that the row is gone.
        let found: Vec<Row> = rows!(
            self,
            "removing a role assignment",
            "DELETE FROM role_assignments WHERE id = $1
             RETURNING id, principal, principal_kind, role, scope, created_at, created_by",
            id
        );
        found.into_iter().next().map(assignment).transpose()
    }

    /// Keeps a role of the installation's own, or replaces that of the same id.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`] if another role, built-in ones too, has its name in any case; [`StoreError::RoleBuiltIn`] if a
    /// built-in one has its id; if a statement fails.
    pub async fn put_role(&self, role: &Role) -> Result<(), StoreError> {
        let (doing, what) = ("saving a role", "role");
        let (id, name) = (role.id.to_lowercase(), key(&role.name));
        if built_in_roles().iter().any(|own| own.id == id) {
            return Err(StoreError::RoleBuiltIn(id));
        }
        if built_in_roles().iter().any(|own| key(&own.name) == name) {
            return Err(StoreError::NameTaken { what, name: role.name.clone() });
        }
        on_pool!(&self.pool, pool => {
            sqlx::query(
                "INSERT INTO roles (id, name_key, document) VALUES ($1, $2, $3)
                 ON CONFLICT (id) DO UPDATE SET name_key = excluded.name_key, document = excluded.document")
                .bind(id).bind(name).bind(json(&role.properties())?)
                .execute(pool).await.map_err(StoreError::named(doing, what, &role.name))?;
        });
        Ok(())
    }

    /// The roles of the installation's own, in order of their names.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn custom_roles(&self) -> Result<Vec<Arc<Role>>, StoreError> {
        let found: Vec<(String, String)> = rows!(self, "listing roles", "SELECT id, document FROM roles");
        let mut roles = found.iter().map(|(id, document)| role(id, document)).collect::<Result<Vec<_>, _>>()?;
        // Databases differ in how they sort text.
        roles.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(roles)
    }

    /// Removes a role of the installation's own; says whether it was there.
    ///
    /// # Errors
    /// [`StoreError::RoleInUse`] while it is assigned; if a statement fails.
    pub async fn remove_role(&self, id: &str) -> Result<bool, StoreError> {
        let doing = "removing a role";
        let (begin, lock) = self.pool.exclusive();
        let id = id.to_lowercase();
        let removed = on_pool!(&self.pool, pool => {
            let mut tx = pool.begin_with(begin).await.map_err(StoreError::statement(doing))?;
            sqlx::query(lock).bind(POSTGRES_IDENTITY_LOCK).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            let n_assignments: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM role_assignments WHERE role = $1")
                .bind(id.as_str()).fetch_one(&mut *tx).await.map_err(StoreError::statement(doing))?;
            if n_assignments > 0 {
                return Err(StoreError::RoleInUse { id, n_assignments: n_assignments.unsigned_abs() });
            }
            let removed = sqlx::query("DELETE FROM roles WHERE id = $1")
                .bind(id.as_str()).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            tx.commit().await.map_err(StoreError::statement(doing))?;
            removed.rows_affected()
        });
        Ok(removed > 0)
    }

    /// What a principal may do: the sum of what it and the groups that it is a member of hold. A principal or a group that is
    /// disabled or gone gives nothing.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn grants_of(&self, principal: &str) -> Result<Grants, StoreError> {
        type Held = (String, String, String, String, String, String, String, Option<String>);
        let found: Vec<Held> = rows!(
            self,
            "reading what a principal may do",
            "SELECT a.id, a.principal, a.principal_kind, a.role, a.scope, a.created_at, a.created_by, r.document
             FROM role_assignments a LEFT JOIN roles r ON r.id = a.role
             WHERE a.principal IN (
                SELECT id FROM principals WHERE id = $1 AND state = $2
                UNION
                SELECT g.id FROM memberships m
                    JOIN principals p ON p.id = m.principal AND p.state = $2
                    JOIN principals g ON g.id = m.group_id AND g.state = $2 AND g.kind = $3
                    WHERE m.principal = $1)",
            principal,
            state_name(PrincipalState::Enabled),
            PrincipalKind::Group.name()
        );
        let mut principals = BTreeSet::new();
        let mut assignments = Vec::new();
        let mut custom = Vec::new();
        for (id, holder, kind, role_id, scope, created_at, created_by, document) in found {
            if let Some(document) = document {
                custom.push(role(&role_id, &document)?);
            }
            principals.insert(holder.clone());
            assignments.push(assignment((id, holder, kind, role_id, scope, created_at, created_by))?);
        }
        Ok(Grants::of(&principals, &assignments, &custom))
    }
}

fn assignment(row: Row) -> Result<RoleAssignment, StoreError> {
    let (id, principal, principal_kind, role, scope, created_at, created_by) = row;
    let no_scope = || StoreError::damaged("scope")(serde_json::Error::custom(format!("`{scope}` is no scope")));
    Ok(RoleAssignment {
        id,
        principal,
        principal_kind: parse(&principal_kind, "kind of principal")?,
        role,
        scope: Scope::parse(&scope).ok_or_else(no_scope)?,
        created_at: parse(&created_at, "time")?,
        created_by,
    })
}

fn role(id: &str, document: &str) -> Result<Arc<Role>, StoreError> {
    let properties: Value = serde_json::from_str(document).map_err(StoreError::damaged("role"))?;
    let role = Role::parse(id, RoleKind::Custom, &properties);
    role.map(Arc::new).map_err(|error| StoreError::damaged("role")(serde_json::Error::custom(error)))
}
