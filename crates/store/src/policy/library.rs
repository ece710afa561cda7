use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use serde_json::Value;
use skywarden_policy::{Library, PolicyObject, Refusal};

use crate::{Store, StoreError, commit::json, pool::on_pool};

/// Rows of one statement.
const BATCH: usize = 500;

/// What people wrote, as of one version of it.
#[derive(Debug, Default)]
pub struct KeptLibrary {
    /// Everything.
    pub library: Library,
    /// What was written by another version of Skywarden and can't be used by this one.
    pub refused: Vec<Refusal>,
    /// Grows by one with each change.
    pub version: i64,
    /// In which version each object was last changed, by its id in lower case.
    versions: BTreeMap<String, i64>,
}

impl KeptLibrary {
    /// What the states under an assignment rest on, as one text that changes when one of these does.
    pub(crate) fn mark(&self, assignment_id: &str) -> String {
        let ids = self.library.rests_on(assignment_id);
        let parts: Vec<String> =
            ids.into_iter().map(|id| format!("{id} {}", self.versions.get(&id).copied().unwrap_or(0))).collect();
        crate::commit::hash(&parts.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

/// What one step of writing did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ObjectChange {
    /// Objects that were not there before.
    pub n_added: usize,
    /// Objects that were there with another text.
    pub n_changed: usize,
    /// Objects that were there as they are.
    pub n_same: usize,
    /// Objects that were taken away.
    pub n_removed: usize,
}

/// The last version that was read, shared by the clones of a store.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cached(Arc<RwLock<Arc<KeptLibrary>>>);

impl Store {
    /// What people wrote. It is read anew only if it changed.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn policy_library(&self) -> Result<Arc<KeptLibrary>, StoreError> {
        let doing = "reading policies";
        let known = Arc::clone(&self.policies.0.read().unwrap_or_else(PoisonError::into_inner));
        let version: i64 = on_pool!(&self.pool, pool => {
            sqlx::query_scalar("SELECT MAX(version) FROM policy_version").fetch_one(pool).await.map_err(StoreError::statement(doing))?
        });
        if version == known.version {
            return Ok(known);
        }
        let rows: Vec<(String, String, i64)> = on_pool!(&self.pool, pool => {
            sqlx::query_as("SELECT id, document, version FROM policy_objects ORDER BY id")
                .fetch_all(pool).await.map_err(StoreError::statement(doing))?
        });
        let mut versions = BTreeMap::new();
        let mut documents = Vec::with_capacity(rows.len());
        for (id, document, version) in rows {
            documents.push(serde_json::from_str::<Value>(&document).map_err(StoreError::damaged("policy"))?);
            versions.insert(id, version);
        }
        let (library, refused) = Library::of(documents);
        let found = Arc::new(KeptLibrary { library, refused, version, versions });
        *self.policies.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&found);
        Ok(found)
    }

    /// Adds objects with their documents, or replaces those of the same ids, in one step. States follow with
    /// [`Store::judge_policies`].
    ///
    /// # Errors
    /// If a statement fails; nothing is changed then.
    pub async fn put_policies(&self, objects: &[(PolicyObject, Value)]) -> Result<ObjectChange, StoreError> {
        let doing = "saving policies";
        let mut change = ObjectChange::default();
        on_pool!(&self.pool, pool => {
            let mut tx = pool.begin().await.map_err(StoreError::statement(doing))?;
            sqlx::query("UPDATE policy_version SET version = version + 1").execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            let version: i64 = sqlx::query_scalar("SELECT MAX(version) FROM policy_version")
                .fetch_one(&mut *tx).await.map_err(StoreError::statement(doing))?;
            let known: Vec<(String, String)> = sqlx::query_as("SELECT id, document FROM policy_objects")
                .fetch_all(&mut *tx).await.map_err(StoreError::statement(doing))?;
            let mut known: BTreeMap<String, String> = known.into_iter().collect();
            // Of two in one step the later counts; one statement must not change a row twice.
            let mut rows: BTreeMap<String, (&'static str, String)> = BTreeMap::new();
            for (object, document) in objects {
                let id = object.id().to_lowercase();
                let document = with_id(object, document);
                let document = json(&document)?;
                match known.insert(id.clone(), document.clone()) {
                    Some(before) if before == document => { change.n_same += 1; continue }
                    Some(_) => change.n_changed += 1,
                    None => change.n_added += 1,
                }
                rows.insert(id, (object.kind().name(), document));
            }
            let rows: Vec<(String, (&'static str, String))> = rows.into_iter().collect();
            for batch in rows.chunks(BATCH) {
                let mut insert = sqlx::QueryBuilder::new("INSERT INTO policy_objects (id, kind, document, version) ");
                insert.push_values(batch, |mut row, (id, (kind, document))| {
                    row.push_bind(id.as_str()).push_bind(*kind).push_bind(document.as_str()).push_bind(version);
                });
                insert.push(" ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, document = excluded.document, version = excluded.version");
                insert.build().execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            }
            tx.commit().await.map_err(StoreError::statement(doing))?;
        });
        Ok(change)
    }

    /// Takes objects away by their ids in any case, in one step.
    ///
    /// # Errors
    /// If a statement fails; nothing is changed then.
    pub async fn remove_policies(&self, ids: &[String]) -> Result<ObjectChange, StoreError> {
        let doing = "removing policies";
        let mut change = ObjectChange::default();
        on_pool!(&self.pool, pool => {
            let mut tx = pool.begin().await.map_err(StoreError::statement(doing))?;
            for id in ids {
                let removed = sqlx::query("DELETE FROM policy_objects WHERE id = $1")
                    .bind(id.to_lowercase()).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
                change.n_removed += usize::try_from(removed.rows_affected()).unwrap_or(0);
            }
            if change.n_removed > 0 {
                sqlx::query("UPDATE policy_version SET version = version + 1").execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            }
            tx.commit().await.map_err(StoreError::statement(doing))?;
        });
        Ok(change)
    }
}

/// The document with the id that was made for it, if it has none of its own: it must be found by it again.
fn with_id(object: &PolicyObject, document: &Value) -> Value {
    let mut document = document.clone();
    if let Value::Object(members) = &mut document
        && !members.keys().any(|name| name.eq_ignore_ascii_case("id"))
    {
        members.insert("id".to_owned(), Value::String(object.id().to_owned()));
    }
    document
}
