//! The only crate with SQL: SQLite (embedded default) and PostgreSQL from the same statements.
//!
//! A run is committed in one transaction: a process killed at any moment leaves the last complete run. Only what changed is
//! written. Every read takes a [`ScopeFilter`]; only what lies in no subscription (who there is, what they may do, what they did) is
//! read without one.

mod alerts;
mod arm_objects;
mod arm_standards;
mod assess;
mod attempts;
mod audit;
mod changes;
mod commit;
mod compliance;
mod conditions;
mod connectors;
mod coverage;
mod defender;
mod error;
mod exemptions;
mod filter;
mod found;
mod identity;
mod inventory;
mod listings;
mod pages;
mod parts;
mod plans;
mod policy;
mod polls;
mod pool;
mod read;
mod remembered;
mod run_lock;
mod scores;
mod secrets;
mod sightings;
mod slices;
mod standards;
mod summary;
mod verdicts;
mod visible;
mod write;
mod written;

use std::path::{Path, PathBuf};

pub use alerts::{AlertCount, AlertQuery, AlertStatus, IncidentQuery, KeptAlert, KeptIncident, SUPPRESSION_RULES};
pub use arm_objects::{ArmObject, ArmScope, Expected, Written};
pub use arm_standards::{
    ArmRecommendation, ArmStandard, AssignmentEffect, CUSTOM_RECOMMENDATIONS, HIDDEN, OLDER_STANDARDS, SECURITY_STANDARDS,
    STANDARD_ASSIGNMENTS, StandardAssignment,
};
pub use attempts::Attempt;
pub use audit::{AuditBreak, AuditEntry, AuditLine, AuditProof, AuditQuery};
pub use changes::{ChangePace, PendingChange};
pub use commit::{Run, WriteStats};
pub use compliance::CompliancePoint;
pub use connectors::{AccountCount, ConnectorCoverage, UnknownAssessment};
pub use defender::KeptDefenderView;
pub use error::StoreError;
pub use filter::{Part, Places, ScopeFilter, Share};
pub use identity::{Credential, CredentialKind, FailedSignIns, NewAssignment, PrincipalFacts, Session};
pub use inventory::{Facet, Facets, ResourceQuery, ResourceRow};
pub use listings::CoverageCounts;
pub use parts::AssessedAccount;
pub use plans::PRICINGS;
pub use policy::{
    KeptLibrary, ObjectChange, PolicyEvent, PolicyRun, PolicyStateQuery, PolicyStateRow, StateCount, StateDetails,
    initiative_standard,
};
pub use polls::ChangePoll;
pub use read::{AssessmentRow, Page};
pub use remembered::Remembered;
pub use run_lock::RunLock;
pub use scores::ScorePoint;
pub use secrets::{Rotated, Vault, connector_secret};
pub use standards::{CustomStandard, OwnStandards};
pub use summary::{AssessmentQuery, AssessmentTarget, RecommendationCount};
pub use write::ConnectorWritten;
pub use written::{ASSESSMENT_METADATA, WrittenAssessment, WrittenDetails};

/// Where the state is kept.
#[derive(Debug, Clone)]
pub enum StoreUrl {
    /// A file; created with mode 0600 if it is not there.
    Sqlite(PathBuf),
    /// `postgres://...`
    Postgres(String),
}

/// The state of an installation.
#[derive(Debug, Clone)]
pub struct Store {
    pool: pool::Pool,
    /// Where SQLite's lock on runs is; unused with PostgreSQL.
    lock_file: PathBuf,
    /// What people wrote, as it was last read.
    policies: policy::Cached,
    facets: Remembered<Facets>,
    /// Scores of accounts that are seen in part.
    parts: Remembered<Vec<ScorePoint>>,
    /// What texts find that very many resources have.
    found: Remembered<found::Found, (ScopeFilter, AssessmentQuery)>,
}

/// The name under which the tenant is kept.
const TENANT: &str = "tenant";

impl Store {
    /// Opens the store and brings its tables up to date.
    ///
    /// # Errors
    /// If it can't be opened or written, with what to do; if it was written by a newer version.
    pub async fn open(url: &StoreUrl) -> Result<Self, StoreError> {
        let (pool, lock_file) = match url {
            StoreUrl::Sqlite(file) => (pool::open_sqlite(file).await?, file.with_added_extension("lock")),
            StoreUrl::Postgres(url) => (pool::open_postgres(url).await?, PathBuf::new()),
        };
        let store = Self {
            pool,
            lock_file,
            policies: policy::Cached::default(),
            facets: Remembered::default(),
            parts: Remembered::default(),
            found: Remembered::default(),
        };
        store.migrate().await?;
        store.name_accounts().await?;
        Ok(store)
    }

    /// The installation's tenant, a GUID that is made the first time that it is asked for.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn tenant(&self) -> Result<String, StoreError> {
        match self.installation_value(TENANT).await? {
            Some(known) => Ok(known),
            None => self.put_installation_value_once(TENANT, &uuid::Uuid::new_v4().to_string()).await,
        }
    }

    /// Closes every connection; with SQLite what stands in the write-ahead log is in the file then.
    pub async fn close(self) {
        pool::on_pool!(&self.pool, pool => pool.close().await);
    }

    /// A SQLite store in a file.
    ///
    /// # Errors
    /// See [`Store::open`].
    pub async fn open_file(file: &Path) -> Result<Self, StoreError> {
        Self::open(&StoreUrl::Sqlite(file.to_path_buf())).await
    }
}
