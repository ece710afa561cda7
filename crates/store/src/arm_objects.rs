//! Objects of ARM that clients write, whatever their kind: settings, contacts, plans, rules. Each is a document under the scope at
//! which it lies, its kind and its name; what it means is the API's matter.

use serde_json::Value;
use skywarden_model::{Scope, Timestamp, subscription_id};
use sqlx::AssertSqlSafe;

use crate::{
    Page, ScopeFilter, Store, StoreError,
    commit::{hash, instant, json, key, parse, storable},
    pool::on_pool,
};

/// Where an object lies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ArmScope {
    /// The scope's id in small letters: `/subscriptions/U`, with the id that ARM gives the account; `/` is the tenant.
    path: String,
    /// Connector and account; `None` for the tenant and management groups, which lie in no account.
    account: Option<(String, String)>,
}

/// An object of ARM as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArmObject {
    /// Where it lies.
    pub scope: ArmScope,
    /// Its name, as it was last written; compares without case.
    pub name: String,
    /// What it says.
    pub document: Value,
    /// Short hash of the document: 32 hexadecimal digits.
    pub etag: String,
    /// When it was last written.
    pub changed_at: Timestamp,
}

/// What a writer takes to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected<'a> {
    /// Whatever is.
    Anything,
    /// No such object.
    Absent,
    /// The object with this etag.
    Etag(&'a str),
}

/// What became of an object that was to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// There was none.
    Created(ArmObject),
    /// It took the place of one.
    Replaced(ArmObject),
    /// Nothing was written: what was expected is not what is there.
    Conflict,
}

/// The columns of `SELECT`s, in this order.
const COLUMNS: &str = "scope, connector, account, name, document, etag, changed_at";

type Row = (String, String, String, String, String, String, String);

impl ArmScope {
    /// The tenant.
    pub fn tenant() -> Self {
        Self { path: "/".to_owned(), account: None }
    }

    /// A management group.
    pub fn management_group(name: &str) -> Self {
        Self { path: key(&format!("/providers/Microsoft.Management/managementGroups/{name}")), account: None }
    }

    /// An account of a connector.
    pub fn subscription(connector: &str, account: &str) -> Self {
        let scope = Scope { connector: connector.into(), account: account.into(), resource_group: "".into() };
        let path = format!("/subscriptions/{}", subscription_id(&scope));
        Self { path: key(&path), account: Some((connector.to_owned(), account.to_owned())) }
    }

    /// Something that lies in an account, by its whole ARM id.
    pub fn within(connector: &str, account: &str, id: &str) -> Self {
        Self { path: key(id), account: Some((connector.to_owned(), account.to_owned())) }
    }

    /// The scope's id in small letters.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Connector and account, if it lies in one.
    pub fn account(&self) -> Option<(&str, &str)> {
        self.account.as_ref().map(|(connector, account)| (connector.as_str(), account.as_str()))
    }

    /// What is compared: ids may be too long for an index.
    fn key(&self) -> String {
        hash(&[&self.path])
    }

    fn columns(&self) -> (&str, &str) {
        self.account().unwrap_or_default()
    }
}

impl Store {
    /// Writes an object if what is there is what the writer expects; one statement decides, so of two writers one gets the conflict.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn put_arm_object(
        &self,
        kind: &str,
        scope: &ArmScope,
        name: &str,
        document: &Value,
        expected: Expected<'_>,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        let text = storable(&json(document)?);
        let etag = hash(&[&text]);
        let document = serde_json::from_str(&text).map_err(StoreError::damaged("object"))?;
        let new = ArmObject { scope: scope.clone(), name: storable(name), document, etag, changed_at: now };
        let written = self.written(kind, new, &text, expected).await?;
        // Plans are such objects, and scores depend on them.
        self.estate_changed().await?;
        Ok(written)
    }

    async fn written(&self, kind: &str, new: ArmObject, text: &str, expected: Expected<'_>) -> Result<Written, StoreError> {
        match expected {
            Expected::Absent => Ok(if self.insert(kind, &new, text).await? { Written::Created(new) } else { Written::Conflict }),
            Expected::Etag(etag) => {
                Ok(if self.update(kind, &new, text, Some(etag)).await? { Written::Replaced(new) } else { Written::Conflict })
            }
            Expected::Anything => loop {
                if self.update(kind, &new, text, None).await? {
                    return Ok(Written::Replaced(new));
                }
                // Another may make it, or remove it, in between.
                if self.insert(kind, &new, text).await? {
                    return Ok(Written::Created(new));
                }
            },
        }
    }

    async fn insert(&self, kind: &str, new: &ArmObject, text: &str) -> Result<bool, StoreError> {
        let (connector, account) = new.scope.columns();
        let done = on_pool!(&self.pool, pool => {
            sqlx::query(
                "INSERT INTO arm_objects (kind, scope_key, name_key, scope, connector, account, name, document, etag, changed_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (kind, scope_key, name_key) DO NOTHING")
                .bind(kind).bind(new.scope.key()).bind(key(&new.name)).bind(new.scope.path.as_str()).bind(connector).bind(account)
                .bind(new.name.as_str()).bind(text).bind(new.etag.as_str()).bind(instant(new.changed_at))
                .execute(pool).await.map_err(StoreError::statement(SAVING))?.rows_affected()
        });
        Ok(done > 0)
    }

    async fn update(&self, kind: &str, new: &ArmObject, text: &str, etag: Option<&str>) -> Result<bool, StoreError> {
        let done = on_pool!(&self.pool, pool => {
            sqlx::query(
                "UPDATE arm_objects SET name = $4, document = $5, etag = $6, changed_at = $7
                 WHERE kind = $1 AND scope_key = $2 AND name_key = $3 AND ($8 = '' OR etag = $8)")
                .bind(kind).bind(new.scope.key()).bind(key(&new.name)).bind(new.name.as_str()).bind(text).bind(new.etag.as_str())
                .bind(instant(new.changed_at)).bind(etag.unwrap_or_default())
                .execute(pool).await.map_err(StoreError::statement(SAVING))?.rows_affected()
        });
        Ok(done > 0)
    }

    /// One object, if it is there and lies in no account or in one of which anything may be seen; whether its scope may be is for the
    /// caller to say.
    ///
    /// # Errors
    /// If a statement fails or the row is damaged.
    pub async fn arm_object(
        &self,
        filter: &ScopeFilter,
        kind: &str,
        scope: &ArmScope,
        name: &str,
    ) -> Result<Option<ArmObject>, StoreError> {
        let statement = format!("SELECT {COLUMNS} FROM arm_objects WHERE kind = $1 AND scope_key = $2 AND name_key = $3");
        let row: Option<Row> = on_pool!(&self.pool, pool => {
            sqlx::query_as(AssertSqlSafe(statement))
                .bind(kind).bind(scope.key()).bind(key(name)).fetch_optional(pool).await.map_err(StoreError::statement(READING))?
        });
        let found = row.map(object).transpose()?;
        Ok(found.filter(|own| own.scope.account().is_none_or(|(connector, account)| filter.shows(connector, account))))
    }

    /// A page of a kind's objects at exactly one scope, seen as in [`Store::arm_object`], in order of their names; `limit` is 1 to 500, `after` the cursor.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn arm_objects_at(
        &self,
        filter: &ScopeFilter,
        kind: &str,
        scope: &ArmScope,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<ArmObject>, StoreError> {
        let is_seen = scope.account().is_none_or(|(connector, account)| filter.shows(connector, account));
        if !is_seen {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let limit = crate::read::page_size(limit);
        let statement = format!(
            "SELECT {COLUMNS} FROM arm_objects WHERE kind = $1 AND scope_key = $2 AND name_key > $3 ORDER BY name_key LIMIT $4"
        );
        let rows: Vec<Row> = on_pool!(&self.pool, pool => {
            sqlx::query_as(AssertSqlSafe(statement)).bind(kind).bind(scope.key()).bind(after.map(key).unwrap_or_default())
                .bind(i64::from(limit) + 1).fetch_all(pool).await.map_err(StoreError::statement(READING))?
        });
        let mut items = rows.into_iter().map(object).collect::<Result<Vec<_>, _>>()?;
        let page = usize::try_from(limit).unwrap_or(usize::MAX);
        let is_more = items.len() > page;
        items.truncate(page);
        let next = items.last().filter(|_| is_more).map(|last| key(&last.name));
        Ok(Page { items, next })
    }

    /// Every object of a kind at exactly one scope, seen as in [`Store::arm_object`], in order of their names.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn all_arm_objects_at(
        &self,
        filter: &ScopeFilter,
        kind: &str,
        scope: &ArmScope,
    ) -> Result<Vec<ArmObject>, StoreError> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = self.arm_objects_at(filter, kind, scope, after.as_deref(), u32::MAX).await?;
            all.extend(page.items);
            after = page.next;
            if after.is_none() {
                return Ok(all);
            }
        }
    }

    /// Every object of a kind that lies in no account or in one that is seen whole, in order of scope and name.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn arm_objects(&self, filter: &ScopeFilter, kind: &str) -> Result<Vec<ArmObject>, StoreError> {
        let seen = filter.whole_accounts(&self.pool, "connector, account", 2)?;
        // What lies in no account is the API's to show.
        let statement = format!(
            "SELECT {COLUMNS} FROM arm_objects WHERE kind = $1 AND (account = '' AND connector = '' OR 1 = 1{}) ORDER BY scope, name_key",
            seen.sql
        );
        let rows: Vec<Row> = on_pool!(&self.pool, pool => {
            let mut select = sqlx::query_as(AssertSqlSafe(statement)).bind(kind);
            for value in &seen.values {
                select = select.bind(value.as_str());
            }
            select.fetch_all(pool).await.map_err(StoreError::statement(READING))?
        });
        rows.into_iter().map(object).collect()
    }

    /// How many objects of a kind lie at exactly one scope.
    ///
    /// # Errors
    /// If the statement fails.
    pub async fn count_arm_objects(&self, kind: &str, scope: &ArmScope) -> Result<u64, StoreError> {
        let count: i64 = on_pool!(&self.pool, pool => {
            sqlx::query_scalar("SELECT COUNT(*) FROM arm_objects WHERE kind = $1 AND scope_key = $2")
                .bind(kind).bind(scope.key()).fetch_one(pool).await.map_err(StoreError::statement(READING))?
        });
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Removes an object, the one with an etag if one is given; says whether it was there.
    ///
    /// # Errors
    /// If the statement fails.
    pub async fn remove_arm_object(
        &self,
        kind: &str,
        scope: &ArmScope,
        name: &str,
        etag: Option<&str>,
    ) -> Result<bool, StoreError> {
        let removed = on_pool!(&self.pool, pool => {
            sqlx::query("DELETE FROM arm_objects WHERE kind = $1 AND scope_key = $2 AND name_key = $3 AND ($4 = '' OR etag = $4)")
                .bind(kind).bind(scope.key()).bind(key(name)).bind(etag.unwrap_or_default())
                .execute(pool).await.map_err(StoreError::statement("removing an object"))?.rows_affected()
        });
        self.estate_changed().await?;
        Ok(removed > 0)
    }
}

const SAVING: &str = "saving an object";
const READING: &str = "reading objects";

fn object((path, connector, account, name, document, etag, changed_at): Row) -> Result<ArmObject, StoreError> {
    let is_in_account = !(connector.is_empty() && account.is_empty());
    Ok(ArmObject {
        scope: ArmScope { path, account: is_in_account.then_some((connector, account)) },
        name,
        document: serde_json::from_str(&document).map_err(StoreError::damaged("object"))?,
        etag,
        changed_at: parse(&changed_at, "time")?,
    })
}
