use skywarden_model::Timestamp;

use super::{credentials::a_minute_before, execute, first_row, rows};
use crate::{
    Store, StoreError,
    commit::{instant, parse, storable},
};

/// A browser that is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The digest of what its cookie holds.
    pub digest: String,
    /// The principal's id.
    pub principal: String,
    /// When it signed in.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it last asked, to the minute.
    pub last_seen_at: Timestamp,
    /// Where it signed in from.
    pub address: String,
    /// What the browser calls itself.
    pub agent: String,
}

/// The columns of `SELECT`s of sessions, in this order.
type Row = (String, String, String, String, String, String, String);

impl Store {
    /// Keeps a session, or replaces that of the same digest.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn put_session(&self, session: &Session) -> Result<(), StoreError> {
        execute!(
            self,
            "saving a session",
            "INSERT INTO sessions (digest, principal, created_at, expires_at, last_seen_at, address, agent)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (digest) DO UPDATE SET principal = excluded.principal, created_at = excluded.created_at,
                expires_at = excluded.expires_at, last_seen_at = excluded.last_seen_at, address = excluded.address,
                agent = excluded.agent",
            session.digest.as_str(),
            session.principal.as_str(),
            instant(session.created_at),
            instant(session.expires_at),
            instant(session.last_seen_at),
            storable(&session.address),
            storable(&session.agent),
        );
        Ok(())
    }

    /// The session of a digest, unless it has ended.
    ///
    /// # Errors
    /// If a statement fails or the row is damaged.
    pub async fn session(&self, digest: &str, now: Timestamp) -> Result<Option<Session>, StoreError> {
        let found: Option<Row> = first_row!(
            self,
            "reading a session",
            "SELECT digest, principal, created_at, expires_at, last_seen_at, address, agent
             FROM sessions WHERE digest = $1 AND expires_at > $2",
            digest,
            instant(now)
        );
        found.map(session).transpose()
    }

    /// Notes that a session asked; writes at most once a minute, and never makes one that is gone anew.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn touch_session(&self, digest: &str, now: Timestamp) -> Result<(), StoreError> {
        let doing = "noting the use of a session";
        let before = instant(a_minute_before(now));
        // SQLite would wait for a run's commit even if there is nothing to write.
        let due: Option<(String,)> = first_row!(
            self,
            doing,
            "SELECT digest FROM sessions WHERE digest = $1 AND last_seen_at <= $2",
            digest,
            before.as_str()
        );
        if due.is_some() {
            execute!(
                self,
                doing,
                "UPDATE sessions SET last_seen_at = $2 WHERE digest = $1 AND last_seen_at <= $3",
                digest,
                instant(now),
                before.as_str()
            );
        }
        Ok(())
    }

    /// Ends a session; says whether it was there.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn remove_session(&self, digest: &str) -> Result<bool, StoreError> {
        Ok(execute!(self, "ending a session", "DELETE FROM sessions WHERE digest = $1", digest) > 0)
    }

    /// Ends all sessions of a principal but one, by the digest of its cookie; says how many there were.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn remove_sessions_of(&self, principal: &str, but: Option<&str>) -> Result<u64, StoreError> {
        Ok(execute!(
            self,
            "ending sessions",
            "DELETE FROM sessions WHERE principal = $1 AND digest <> $2",
            principal,
            but.unwrap_or_default()
        ))
    }

    /// The sessions of a principal, the newest first, expired ones too.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn sessions_of(&self, principal: &str) -> Result<Vec<Session>, StoreError> {
        let found: Vec<Row> = rows!(
            self,
            "listing sessions",
            "SELECT digest, principal, created_at, expires_at, last_seen_at, address, agent
             FROM sessions WHERE principal = $1 ORDER BY created_at DESC, digest",
            principal
        );
        found.into_iter().map(session).collect()
    }

    /// Removes the sessions and one-time codes that have ended; says how many there were.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn remove_expired_sessions(&self, now: Timestamp) -> Result<u64, StoreError> {
        let doing = "removing what has expired";
        let sessions = execute!(self, doing, "DELETE FROM sessions WHERE expires_at <= $1", instant(now));
        let codes = execute!(self, doing, "DELETE FROM once WHERE expires_at <= $1", instant(now));
        Ok(sessions + codes)
    }

    /// Keeps a document until it is taken, or replaces that of the same kind and digest.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn put_once(&self, kind: &str, digest: &str, document: &str, expires_at: Timestamp) -> Result<(), StoreError> {
        execute!(
            self,
            "saving a one-time code",
            "INSERT INTO once (kind, digest, document, expires_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (kind, digest) DO UPDATE SET document = excluded.document, expires_at = excluded.expires_at",
            kind,
            digest,
            document,
            instant(expires_at)
        );
        Ok(())
    }

    /// Claims something that may be used once until then: of several that ask at once, one gets `true`.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn claim_once(&self, kind: &str, digest: &str, expires_at: Timestamp) -> Result<bool, StoreError> {
        let claimed = execute!(
            self,
            "claiming a one-time code",
            "INSERT INTO once (kind, digest, document, expires_at) VALUES ($1, $2, '', $3) ON CONFLICT (kind, digest) DO NOTHING",
            kind,
            digest,
            instant(expires_at)
        );
        Ok(claimed > 0)
    }

    /// A document that nobody has taken yet, which stays.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn once(&self, kind: &str, digest: &str, now: Timestamp) -> Result<Option<String>, StoreError> {
        let found: Option<(String,)> = first_row!(
            self,
            "reading a one-time code",
            "SELECT document FROM once WHERE kind = $1 AND digest = $2 AND expires_at > $3",
            kind,
            digest,
            instant(now)
        );
        Ok(found.map(|(document,)| document))
    }

    /// Takes a document: of several that ask at once, one gets it; nobody gets one that has expired.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn take_once(&self, kind: &str, digest: &str, now: Timestamp) -> Result<Option<String>, StoreError> {
        // Read to its end: only then it is certain that the row is gone.
        let found: Vec<(String,)> = rows!(
            self,
            "taking a one-time code",
            "DELETE FROM once WHERE kind = $1 AND digest = $2 AND expires_at > $3 RETURNING document",
            kind,
            digest,
            instant(now)
        );
        Ok(found.into_iter().next().map(|(document,)| document))
    }
}

fn session(row: Row) -> Result<Session, StoreError> {
    let (digest, principal, created_at, expires_at, last_seen_at, address, agent) = row;
    Ok(Session {
        digest,
        principal,
        created_at: parse(&created_at, "time")?,
        expires_at: parse(&expires_at, "time")?,
        last_seen_at: parse(&last_seen_at, "time")?,
        address,
        agent,
    })
}
