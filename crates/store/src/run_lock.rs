use std::{
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use sqlx::{Connection as _, PgConnection, PgPool};

use crate::{
    Store, StoreError,
    pool::{POSTGRES_RUN_LOCK, Pool},
};

/// Keeps every other process from running against the store while it lives; the operating system or the server ends it with
/// its process, however that ends.
#[derive(Debug)]
pub struct RunLock {
    held: Held,
}

#[derive(Debug)]
enum Held {
    File(File),
    Session(Box<PgConnection>),
}

impl Store {
    /// Claims the store for a run, from reading what the last run left to committing.
    ///
    /// # Errors
    /// If another living process holds it, or the lock's file can't be made.
    pub async fn begin_run(&self) -> Result<RunLock, StoreError> {
        match &self.pool {
            Pool::Sqlite(_) => lock_file(&self.lock_file),
            Pool::Postgres(pool) => lock_session(pool).await,
        }
    }
}

impl RunLock {
    /// Gives the store back. Dropping does so too, on PostgreSQL as soon as the server notices.
    pub async fn release(self) {
        match self.held {
            Held::File(file) => drop(file),
            // The server may end a session a while after it was closed, so the lock is given back first. A session that is broken
            // holds nothing any more.
            Held::Session(mut session) => {
                let unlock = sqlx::query("SELECT pg_advisory_unlock($1)").bind(POSTGRES_RUN_LOCK);
                drop(unlock.execute(&mut *session).await);
                drop(session.close().await);
            }
        }
    }
}

fn lock_file(path: &Path) -> Result<RunLock, StoreError> {
    let place = path.display().to_string();
    let opened = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    let file = opened.map_err(|source| StoreError::Lock { place: place.clone(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(RunLock { held: Held::File(file) }),
        Err(TryLockError::WouldBlock) => Err(StoreError::RunInProgress { place }),
        Err(TryLockError::Error(source)) => Err(StoreError::Lock { place, source }),
    }
}

async fn lock_session(pool: &PgPool) -> Result<RunLock, StoreError> {
    let doing = "claiming the store for a run";
    let place = format!("{}:{}", pool.connect_options().get_host(), pool.connect_options().get_port());
    // The lock belongs to the session, so the session must not go back to the pool.
    let mut session = pool.acquire().await.map_err(StoreError::statement(doing))?.detach();
    let is_ours: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
        .bind(POSTGRES_RUN_LOCK)
        .fetch_one(&mut session)
        .await
        .map_err(StoreError::statement(doing))?;
    if is_ours { Ok(RunLock { held: Held::Session(Box::new(session)) }) } else { Err(StoreError::RunInProgress { place }) }
}
