use std::fmt;

use serde::{Deserialize, Serialize};
use skywarden_model::Timestamp;

use super::{execute, first_row, rows};
use crate::{
    Store, StoreError,
    commit::{hash, instant, parse, storable},
};

/// What a principal proves with that it is who it says.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// A GUID.
    pub id: String,
    /// The id of the principal whose it is.
    pub principal: String,
    /// What it is.
    pub kind: CredentialKind,
    /// What people call it.
    pub name: String,
    /// What it is checked against: an argon2id text, a hex SHA-256, a certificate in PEM, the name of a
    /// secret.
    pub secret: String,
    /// The limits of a token of its own, as a JSON text.
    pub scope: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// What a credential is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum CredentialKind {
    /// A person's password.
    Password,
    /// A program's secret.
    Secret,
    /// A program's certificate.
    Certificate,
    /// An API token.
    Token,
    /// One-time codes that change with the time; what they are made from is a secret of [`crate::Vault`].
    Totp,
    /// A code that stands for one of those once.
    RecoveryCode,
    /// What a program gets new tokens for a person with.
    RefreshToken,
}

/// How often in a row a principal failed to sign in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FailedSignIns {
    /// How often since the last success.
    pub count: u32,
    /// When last.
    pub last_at: Option<Timestamp>,
}

impl Credential {
    /// A credential that is made now, with a new id; it has no name, no limits and no end, and was never used.
    pub fn new(kind: CredentialKind, principal: &str, secret: String, now: Timestamp) -> Self {
        Self {
            id: uuid::Uuid::new_v4().to_string(),
            principal: principal.to_owned(),
            kind,
            name: String::new(),
            secret,
            scope: None,
            created_at: now,
            expires_at: None,
            last_used_at: None,
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Credential")
            .field("id", &self.id)
            .field("principal", &self.principal)
            .field("kind", &self.kind)
            .field("name", &self.name)
            .field("scope", &self.scope)
            .field("created_at", &self.created_at)
            .field("expires_at", &self.expires_at)
            .field("last_used_at", &self.last_used_at)
            .finish_non_exhaustive()
    }
}

impl CredentialKind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Password => "Password",
            Self::Secret => "Secret",
            Self::Certificate => "Certificate",
            Self::Token => "Token",
            Self::Totp => "Totp",
            Self::RecoveryCode => "RecoveryCode",
            Self::RefreshToken => "RefreshToken",
        }
    }
}

/// The columns of `SELECT`s of credentials, in this order.
type Row = (String, String, String, String, String, Option<String>, String, Option<String>, Option<String>);

impl Store {
    /// Keeps a credential, or replaces that of the same id.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn put_credential(&self, credential: &Credential) -> Result<(), StoreError> {
        execute!(
            self,
            "saving a credential",
            "INSERT INTO credentials (id, principal, kind, name, secret, secret_key, scope, created_at, expires_at, last_used_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             ON CONFLICT (id) DO UPDATE SET principal = excluded.principal, kind = excluded.kind, name = excluded.name,
                secret = excluded.secret, secret_key = excluded.secret_key, scope = excluded.scope, created_at = excluded.created_at,
                expires_at = excluded.expires_at, last_used_at = excluded.last_used_at",
            credential.id.as_str(),
            credential.principal.as_str(),
            credential.kind.name(),
            storable(&credential.name),
            credential.secret.as_str(),
            hash(&[&credential.secret]),
            credential.scope.as_deref(),
            instant(credential.created_at),
            credential.expires_at.map(instant),
            credential.last_used_at.map(instant),
        );
        Ok(())
    }

    /// The credentials of a principal, the oldest first.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn credentials_of(&self, principal: &str) -> Result<Vec<Credential>, StoreError> {
        let found: Vec<Row> = rows!(
            self,
            "listing credentials",
            "SELECT id, principal, kind, name, secret, scope, created_at, expires_at, last_used_at
             FROM credentials WHERE principal = $1 ORDER BY created_at, id",
            principal
        );
        found.into_iter().map(credential).collect()
    }

    /// The credential of an id.
    ///
    /// # Errors
    /// If a statement fails or the row is damaged.
    pub async fn credential(&self, id: &str) -> Result<Option<Credential>, StoreError> {
        let found: Option<Row> = first_row!(
            self,
            "reading a credential",
            "SELECT id, principal, kind, name, secret, scope, created_at, expires_at, last_used_at FROM credentials WHERE id = $1",
            id
        );
        found.map(credential).transpose()
    }

    /// The credential of a kind that is checked against exactly this text, an expired one too.
    ///
    /// # Errors
    /// If a statement fails or the row is damaged.
    pub async fn credential_by_secret(&self, kind: CredentialKind, secret: &str) -> Result<Option<Credential>, StoreError> {
        let found: Option<Row> = first_row!(
            self,
            "looking a credential up",
            "SELECT id, principal, kind, name, secret, scope, created_at, expires_at, last_used_at
             FROM credentials WHERE kind = $1 AND secret_key = $2 AND secret = $3 ORDER BY id LIMIT 1",
            kind.name(),
            hash(&[secret]),
            secret
        );
        found.map(credential).transpose()
    }

    /// Removes the credentials of a kind of a principal; says how many there were.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn remove_credentials_of(&self, principal: &str, kind: CredentialKind) -> Result<u64, StoreError> {
        Ok(execute!(
            self,
            "removing credentials",
            "DELETE FROM credentials WHERE principal = $1 AND kind = $2",
            principal,
            kind.name()
        ))
    }

    /// Removes a credential; says whether it was there.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn remove_credential(&self, id: &str) -> Result<bool, StoreError> {
        Ok(execute!(self, "removing a credential", "DELETE FROM credentials WHERE id = $1", id) > 0)
    }

    /// Notes that a credential was used; writes at most once a minute.
    ///
    /// # Errors
    /// If a statement fails or the row is damaged.
    pub async fn touch_credential(&self, id: &str, now: Timestamp) -> Result<(), StoreError> {
        let doing = "noting the use of a credential";
        let before = instant(a_minute_before(now));
        // SQLite would wait for a run's commit even if there is nothing to write.
        let due: Option<(String,)> = first_row!(
            self,
            doing,
            "SELECT id FROM credentials WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $2)",
            id,
            before.as_str()
        );
        if due.is_some() {
            execute!(
                self,
                doing,
                "UPDATE credentials SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $3)",
                id,
                instant(now),
                before.as_str()
            );
        }
        Ok(())
    }

    /// Counts a failed sign-in of a principal; gives the count with it.
    ///
    /// # Errors
    /// If a statement fails or the row is damaged.
    pub async fn sign_in_failed(&self, principal: &str, now: Timestamp) -> Result<FailedSignIns, StoreError> {
        // Read to its end: only then it is certain that it is counted.
        let found: Vec<(i64, String)> = rows!(
            self,
            "counting failed sign-ins",
            "INSERT INTO failed_sign_ins (principal, n_failed, last_at) VALUES ($1, 1, $2)
             ON CONFLICT (principal) DO UPDATE SET n_failed = failed_sign_ins.n_failed + 1,
                last_at = CASE WHEN excluded.last_at > failed_sign_ins.last_at THEN excluded.last_at ELSE failed_sign_ins.last_at END
             RETURNING n_failed, last_at",
            principal,
            instant(now)
        );
        failed(found.into_iter().next())
    }

    /// Takes one failed sign-in of a principal back.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn take_back_failed_sign_in(&self, principal: &str) -> Result<(), StoreError> {
        let doing = "taking a failed sign-in back";
        execute!(self, doing, "UPDATE failed_sign_ins SET n_failed = n_failed - 1 WHERE principal = $1", principal);
        execute!(self, doing, "DELETE FROM failed_sign_ins WHERE principal = $1 AND n_failed <= 0", principal);
        Ok(())
    }

    /// Forgets the failed sign-ins that were before a time; says of how many names and principals they were.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn forget_failed_sign_ins_before(&self, end: Timestamp) -> Result<u64, StoreError> {
        Ok(execute!(self, "forgetting failed sign-ins", "DELETE FROM failed_sign_ins WHERE last_at < $1", instant(end)))
    }

    /// Forgets the failed sign-ins of a principal.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn forget_failed_sign_ins(&self, principal: &str) -> Result<(), StoreError> {
        execute!(self, "forgetting failed sign-ins", "DELETE FROM failed_sign_ins WHERE principal = $1", principal);
        Ok(())
    }

    /// How often in a row a principal failed to sign in.
    ///
    /// # Errors
    /// If a statement fails or the row is damaged.
    pub async fn failed_sign_ins(&self, principal: &str) -> Result<FailedSignIns, StoreError> {
        let found: Option<(i64, String)> = first_row!(
            self,
            "reading failed sign-ins",
            "SELECT n_failed, last_at FROM failed_sign_ins WHERE principal = $1",
            principal
        );
        failed(found)
    }
}

pub(super) fn a_minute_before(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second().saturating_sub(60)).unwrap_or(Timestamp::MIN)
}

fn credential(row: Row) -> Result<Credential, StoreError> {
    let (id, principal, kind, name, secret, scope, created_at, expires_at, last_used_at) = row;
    let time = |text: Option<String>| text.map(|text| parse(&text, "time")).transpose();
    Ok(Credential {
        id,
        principal,
        kind: parse(&kind, "kind of credential")?,
        name,
        secret,
        scope,
        created_at: parse(&created_at, "time")?,
        expires_at: time(expires_at)?,
        last_used_at: time(last_used_at)?,
    })
}

fn failed(row: Option<(i64, String)>) -> Result<FailedSignIns, StoreError> {
    let Some((count, last_at)) = row else { return Ok(FailedSignIns::default()) };
    Ok(FailedSignIns { count: u32::try_from(count).unwrap_or(u32::MAX), last_at: Some(parse(&last_at, "time")?) })
}
