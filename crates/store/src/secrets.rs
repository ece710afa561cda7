//! Secrets that the store keeps for others, sealed: who reads the database alone reads none of them.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use skywarden_model::Timestamp;
use skywarden_vault::{SecretKey, VaultError, sealed_under};

use crate::{
    Store, StoreError,
    commit::instant,
    identity::{execute, first_row, rows},
    pool::{POSTGRES_IDENTITY_LOCK, on_pool},
};

/// The secrets of a store, with the key that opens them.
///
/// Each is sealed under a data key; the data keys are rows of the store, sealed under the master key, which is not. So the master key
/// can change without touching the secrets, and the data keys without touching the master key. Cloning gives another handle.
#[derive(Debug, Clone)]
pub struct Vault {
    store: Store,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    master: RwLock<Arc<SecretKey>>,
    /// The data keys that were opened, by their ids. A key never changes under its id.
    opened: RwLock<BTreeMap<String, Arc<SecretKey>>>,
}

/// What a rotation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// The id of the key under which everything is sealed now.
    pub key: String,
    /// How many secrets were sealed anew.
    pub n_sealed: u64,
}

/// The place for which data keys are sealed.
const KEY_PLACE: &str = "data key";

/// The name of the secret that a connector logs in with; it goes with the connector.
pub fn connector_secret(connector: &str) -> String {
    format!("connector/{connector}/client-secret")
}

impl Store {
    /// The secrets of this store, opened with its master key; a store without any takes whatever key is given.
    ///
    /// # Errors
    /// [`StoreError::MasterKey`] if its keys are sealed under another one; if a statement fails.
    pub async fn open_vault(&self, master: SecretKey) -> Result<Vault, StoreError> {
        let shared = Shared { master: RwLock::new(Arc::new(master)), opened: RwLock::default() };
        let vault = Vault { store: self.clone(), shared: Arc::new(shared) };
        if vault.newest_key().await?.is_none() {
            // Of two processes that do this at once both keys stay; the newer one seals.
            vault.add_key(Timestamp::now()).await?;
        }
        vault.current().await?;
        Ok(vault)
    }
}

impl Vault {
    /// Keeps a secret under a name, or replaces it.
    ///
    /// # Errors
    /// If a statement fails or there is no randomness.
    pub async fn put(&self, name: &str, secret: &[u8]) -> Result<(), StoreError> {
        let sealed = self.current().await?.seal(name, secret).map_err(secret_error(name))?;
        execute!(
            self.store,
            "saving a secret",
            "INSERT INTO secrets (name, sealed) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed",
            name,
            sealed.as_str()
        );
        Ok(())
    }

    /// Keeps a secret under a name unless there is one already; gives back what is kept.
    ///
    /// # Errors
    /// See [`Vault::put`] and [`Vault::get`].
    pub async fn put_once(&self, name: &str, secret: &[u8]) -> Result<Vec<u8>, StoreError> {
        let sealed = self.current().await?.seal(name, secret).map_err(secret_error(name))?;
        execute!(
            self.store,
            "saving a secret",
            "INSERT INTO secrets (name, sealed) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
            name,
            sealed.as_str()
        );
        Ok(self.get(name).await?.unwrap_or_else(|| secret.to_vec()))
    }

    /// The secret of a name.
    ///
    /// # Errors
    /// [`StoreError::Secret`] if it was changed or its key is gone; if a statement fails.
    pub async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let found: Option<(String,)> =
            first_row!(self.store, "reading a secret", "SELECT sealed FROM secrets WHERE name = $1", name);
        let Some((sealed,)) = found else { return Ok(None) };
        self.unseal(name, &sealed).await.map(Some)
    }

    /// Removes a secret; says whether it was there.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn remove(&self, name: &str) -> Result<bool, StoreError> {
        Ok(execute!(self.store, "removing a secret", "DELETE FROM secrets WHERE name = $1", name) > 0)
    }

    /// Makes a new data key and seals every secret under it, while others read and write: a secret that was replaced meanwhile keeps
    /// its newer value. The older keys stay, so that a server that still seals under one loses nothing.
    ///
    /// # Errors
    /// If a statement fails or a secret can't be opened; those that were done are done, and calling it again does the rest.
    pub async fn rotate(&self, now: Timestamp) -> Result<Rotated, StoreError> {
        let key = self.add_key(now).await?;
        let secrets: Vec<(String, String)> =
            rows!(self.store, "listing secrets", "SELECT name, sealed FROM secrets ORDER BY name");
        let mut n_sealed = 0;
        for (name, sealed) in secrets {
            let secret = self.unseal(&name, &sealed).await?;
            let anew = key.seal(&name, &secret).map_err(secret_error(&name))?;
            n_sealed += execute!(
                self.store,
                "sealing a secret anew",
                "UPDATE secrets SET sealed = $1 WHERE name = $2 AND sealed = $3",
                anew.as_str(),
                name.as_str(),
                sealed.as_str()
            );
        }
        Ok(Rotated { key: key.id().to_owned(), n_sealed })
    }

    /// Seals the data keys under another master key, all or none. Servers that run go on with the keys that they have opened; they need
    /// the new one when they start again.
    ///
    /// # Errors
    /// If a statement fails or a key can't be opened; nothing is changed then.
    pub async fn change_master(&self, master: SecretKey) -> Result<(), StoreError> {
        let doing = "sealing the data keys under another master key";
        let old = self.master();
        let (begin, lock) = self.store.pool.exclusive();
        on_pool!(&self.store.pool, pool => {
            let mut tx = pool.begin_with(begin).await.map_err(StoreError::statement(doing))?;
            sqlx::query(lock).bind(POSTGRES_IDENTITY_LOCK).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            let keys: Vec<(String, String)> = sqlx::query_as("SELECT id, sealed FROM secret_keys ORDER BY id")
                .fetch_all(&mut *tx).await.map_err(StoreError::statement(doing))?;
            for (id, sealed) in keys {
                let key = old.open(KEY_PLACE, &sealed).map_err(master_error)?;
                let anew = master.seal(KEY_PLACE, &key).map_err(secret_error(&id))?;
                sqlx::query("UPDATE secret_keys SET sealed = $1 WHERE id = $2")
                    .bind(anew).bind(id).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            }
            tx.commit().await.map_err(StoreError::statement(doing))?;
        });
        *self.shared.master.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(master);
        Ok(())
    }

    /// The ids of the data keys, the oldest first, each with when it was made and how many secrets are sealed under it.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn keys(&self) -> Result<Vec<(String, String, u64)>, StoreError> {
        let keys: Vec<(String, String)> =
            rows!(self.store, "listing keys", "SELECT id, created_at FROM secret_keys ORDER BY created_at, id");
        let secrets: Vec<(String,)> = rows!(self.store, "listing secrets", "SELECT sealed FROM secrets");
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for (sealed,) in &secrets {
            *counts.entry(sealed_under(sealed).unwrap_or_default()).or_default() += 1;
        }
        let counted = |(id, at): (String, String)| {
            let count = counts.get(id.as_str()).copied().unwrap_or_default();
            (id, at, count)
        };
        Ok(keys.into_iter().map(counted).collect())
    }

    async fn unseal(&self, name: &str, sealed: &str) -> Result<Vec<u8>, StoreError> {
        let id = sealed_under(sealed).ok_or(VaultError::NotSealed).map_err(secret_error(name))?;
        let found: Option<(String,)> =
            first_row!(self.store, "reading a key", "SELECT sealed FROM secret_keys WHERE id = $1", id);
        let key = match (self.known(id), found) {
            (Some(key), _) => key,
            (None, Some((key,))) => self.opened(&key)?,
            (None, None) => {
                let given = self.master().id().to_owned();
                return Err(secret_error(name)(VaultError::OtherKey { sealed_under: id.to_owned(), given }));
            }
        };
        key.open(name, sealed).map_err(secret_error(name))
    }

    /// The key that seals: another process may have made it.
    async fn current(&self) -> Result<Arc<SecretKey>, StoreError> {
        match self.newest_key().await? {
            Some((id, sealed)) => match self.known(&id) {
                Some(key) => Ok(key),
                None => self.opened(&sealed),
            },
            None => self.add_key(Timestamp::now()).await,
        }
    }

    async fn newest_key(&self) -> Result<Option<(String, String)>, StoreError> {
        Ok(first_row!(
            self.store,
            "reading the newest key",
            "SELECT id, sealed FROM secret_keys ORDER BY created_at DESC, id DESC LIMIT 1"
        ))
    }

    async fn add_key(&self, now: Timestamp) -> Result<Arc<SecretKey>, StoreError> {
        let key = SecretKey::generate().map_err(secret_error("data key"))?;
        let sealed = self.master().seal(KEY_PLACE, key.to_text().as_bytes()).map_err(secret_error("data key"))?;
        execute!(
            self.store,
            "saving a key",
            "INSERT INTO secret_keys (id, sealed, created_at) VALUES ($1, $2, $3)",
            key.id(),
            sealed.as_str(),
            instant(now)
        );
        self.opened(&sealed)
    }

    fn known(&self, id: &str) -> Option<Arc<SecretKey>> {
        self.shared.opened.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    fn opened(&self, sealed: &str) -> Result<Arc<SecretKey>, StoreError> {
        let text = self.master().open(KEY_PLACE, sealed).map_err(master_error)?;
        let key = SecretKey::from_text(&String::from_utf8_lossy(&text)).map_err(master_error)?;
        let key = Arc::new(key);
        self.shared.opened.write().unwrap_or_else(PoisonError::into_inner).insert(key.id().to_owned(), Arc::clone(&key));
        Ok(key)
    }

    fn master(&self) -> Arc<SecretKey> {
        Arc::clone(&self.shared.master.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn secret_error(name: &str) -> impl FnOnce(VaultError) -> StoreError {
    move |source| StoreError::Secret { name: name.to_owned(), source }
}

fn master_error(source: VaultError) -> StoreError {
    StoreError::MasterKey { source }
}
