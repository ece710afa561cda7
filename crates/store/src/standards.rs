//! What an installation adds to the catalog's standards: its own ones, and what people attested.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use skywarden_content::{Catalog, StandardFile};
use skywarden_model::{Attestation, AttestationScope, Connector, Timestamp, Withdrawal};
use skywarden_posture::{AccountScope, JudgedControls, Plans, Standards, compliance_by_account};

use crate::{
    ScopeFilter, Store, StoreError, WriteStats,
    arm_standards::ArmStandards,
    commit::{instant, json},
    compliance::write_compliance,
    policy::InitiativeStandards,
    pool::on_pool,
    read::documents,
};

/// A standard that the installation keeps itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomStandard {
    /// Its tree.
    pub file: StandardFile,
    /// When it was last saved.
    pub changed_at: Timestamp,
    /// By whom.
    pub changed_by: String,
}

/// What a reader's roll-ups rest on beside the catalog and the assessments.
#[derive(Debug, Clone, Default)]
pub struct OwnStandards {
    /// The standards that the installation keeps, in order of their ids.
    pub custom: Vec<CustomStandard>,
    /// Initiatives that are standards.
    initiatives: InitiativeStandards,
    /// Standards of the ARM face, with where they are assigned.
    arm: ArmStandards,
    /// Every attestation that concerns an account of the reader's, those that no longer hold too; the newest first.
    pub attestations: Vec<Attestation>,
    /// The reader's accounts that have been assessed.
    pub accounts: BTreeSet<AccountScope>,
    /// Which plans are on in them.
    plans: Plans,
}

impl OwnStandards {
    /// Whether a standard is an initiative that is assigned: it changes with the initiative.
    pub fn is_initiative(&self, id: &str) -> bool {
        self.initiatives.files.iter().any(|file| file.id == id)
    }

    /// Whether a standard was written through the ARM face: it changes there.
    pub fn is_arm(&self, id: &str) -> bool {
        self.arm.files().any(|file| file.id == id)
    }

    /// Whether the installation keeps a standard itself, so that it can be changed there; one of the content hides it.
    pub fn is_custom(&self, catalog: &Catalog, id: &str) -> bool {
        !catalog.standards.contains_key(id) && self.custom.iter().any(|own| own.file.id == id)
    }

    /// What a reader, by their filter, sees of the accounts in which a standard is there, if it is there in some and not in all: elsewhere
    /// every plan is off.
    pub fn narrowed(&self, filter: &ScopeFilter, catalog: &Catalog, id: &str, now: Timestamp) -> Option<ScopeFilter> {
        let there = self.with(catalog, now).accounts_of(id)?;
        let part = there.into_iter().map(|own| (own.connector, own.account)).collect::<BTreeSet<_>>();
        (!part.is_empty()).then(|| filter.narrowed(part))
    }

    /// The catalog's standards with these, and what holds of the attestations `now`.
    pub fn with<'a>(&'a self, catalog: &'a Catalog, now: Timestamp) -> Standards<'a> {
        Standards::of(catalog)
            .with_files(self.custom.iter().map(|standard| &standard.file))
            .with_files(&self.initiatives.files)
            .with_files(self.arm.files())
            .with_places(self.arm.places(now))
            .with_checks(&self.initiatives.checks)
            .with_attestations(&self.attestations, self.accounts.iter().cloned(), now)
            .with_plans(&self.plans)
    }
}

/// What [`write_compliance`] takes from a run.
struct RollUp<'a> {
    connector: &'a Connector,
    compliance: &'a BTreeMap<(String, String), JudgedControls>,
}

impl Store {
    /// What a reader's roll-ups rest on beside the catalog and the assessments.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn own_standards(&self, filter: &ScopeFilter) -> Result<OwnStandards, StoreError> {
        let connectors = self.connectors(filter).await?;
        let environment = |id: &str| connectors.iter().find(|own| own.id.as_str() == id).map(|own| own.environment);
        let mut accounts = BTreeSet::new();
        for own in self.assessed(filter).await? {
            if let Some(environment) = environment(&own.connector) {
                accounts.insert(AccountScope { connector: own.connector, account: own.account, environment });
            }
        }
        Ok(OwnStandards {
            arm: self.arm_standards(&accounts).await?,
            custom: self.custom_standards().await?,
            initiatives: self.initiative_standards(filter).await?,
            attestations: self.attestations(filter).await?,
            accounts,
            plans: self.plans(filter).await?,
        })
    }

    /// Whether an initiative is a standard, so that states of policies are verdicts of checks.
    pub(crate) async fn has_initiative_standards(&self) -> Result<bool, StoreError> {
        let kept = self.policy_library().await?;
        let governance = &kept.library.governance;
        let mut assigned = governance.assignments().filter_map(|assignment| governance.initiative_of(assignment));
        Ok(assigned.any(|initiative| !initiative.groups.is_empty()) || !self.arm_recommendations().await?.is_empty())
    }

    /// The standards that the installation keeps, in order of their ids; they name no resource, so everybody sees them.
    async fn custom_standards(&self) -> Result<Vec<CustomStandard>, StoreError> {
        let rows: Vec<(String,)> = on_pool!(&self.pool, pool => {
            sqlx::query_as("SELECT document FROM standards ORDER BY id").fetch_all(pool).await.map_err(StoreError::statement("listing standards"))?
        });
        documents(rows, "standard")
    }

    /// Keeps a standard, or replaces that of the same id.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn put_standard(&self, standard: &CustomStandard) -> Result<(), StoreError> {
        on_pool!(&self.pool, pool => {
            sqlx::query("INSERT INTO standards (id, document) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET document = excluded.document")
                .bind(standard.file.id.as_str()).bind(json(standard)?).execute(pool).await.map_err(StoreError::statement("saving a standard"))?;
        });
        Ok(())
    }

    /// Removes a standard with its history, in one step; says whether it was there. What was attested of it is kept.
    ///
    /// # Errors
    /// If a statement fails; nothing is removed then.
    pub async fn remove_standard(&self, id: &str) -> Result<bool, StoreError> {
        let doing = "removing a standard";
        let removed = on_pool!(&self.pool, pool => {
            let mut tx = pool.begin().await.map_err(StoreError::statement(doing))?;
            let removed = sqlx::query("DELETE FROM standards WHERE id = $1").bind(id).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            if removed.rows_affected() > 0 {
                sqlx::query("DELETE FROM compliance_points WHERE standard = $1").bind(id).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            }
            tx.commit().await.map_err(StoreError::statement(doing))?;
            removed.rows_affected()
        });
        Ok(removed > 0)
    }

    /// Every attestation that concerns an account of which the reader sees anything, the newest first.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn attestations(&self, filter: &ScopeFilter) -> Result<Vec<Attestation>, StoreError> {
        let rows: Vec<(String,)> = on_pool!(&self.pool, pool => {
            sqlx::query_as("SELECT document FROM attestations ORDER BY at DESC, id").fetch_all(pool).await.map_err(StoreError::statement("listing attestations"))?
        });
        let mut attestations: Vec<Attestation> = documents(rows, "attestation")?;
        attestations.retain(|attestation| match &attestation.scope {
            AttestationScope::Tenant => true,
            AttestationScope::Subscription { connector, account } => filter.shows(connector, account),
        });
        Ok(attestations)
    }

    /// Keeps a new attestation; one that was made before is never overwritten.
    ///
    /// # Errors
    /// If a statement fails.
    pub async fn add_attestation(&self, attestation: &Attestation) -> Result<(), StoreError> {
        on_pool!(&self.pool, pool => {
            sqlx::query("INSERT INTO attestations (id, at, document) VALUES ($1, $2, $3)")
                .bind(attestation.id.as_str()).bind(instant(attestation.created_at)).bind(json(attestation)?)
                .execute(pool).await.map_err(StoreError::statement("saving an attestation"))?;
        });
        Ok(())
    }

    /// Takes an attestation back, which stays in the record with who did it and when; says whether it was there and stood.
    ///
    /// # Errors
    /// If a statement fails or the row is damaged.
    pub async fn withdraw_attestation(&self, id: &str, withdrawal: &Withdrawal) -> Result<bool, StoreError> {
        let doing = "taking an attestation back";
        let begin = match &self.pool {
            crate::pool::Pool::Sqlite(_) => "BEGIN IMMEDIATE",
            crate::pool::Pool::Postgres(_) => "BEGIN",
        };
        on_pool!(&self.pool, pool => {
            let mut tx = pool.begin_with(begin).await.map_err(StoreError::statement(doing))?;
            let document: Option<String> = sqlx::query_scalar("SELECT document FROM attestations WHERE id = $1")
                .bind(id).fetch_optional(&mut *tx).await.map_err(StoreError::statement(doing))?;
            let Some(document) = document else { return Ok(false) };
            let mut attestation: Attestation = serde_json::from_str(&document).map_err(StoreError::damaged("attestation"))?;
            if attestation.withdrawn.is_some() {
                return Ok(false);
            }
            attestation.withdrawn = Some(withdrawal.clone());
            // Of two who do it at once the first is kept.
            let changed = sqlx::query("UPDATE attestations SET document = $2 WHERE id = $1 AND document = $3")
                .bind(id).bind(json(&attestation)?).bind(document).execute(&mut *tx).await.map_err(StoreError::statement(doing))?;
            tx.commit().await.map_err(StoreError::statement(doing))?;
            Ok(changed.rows_affected() > 0)
        })
    }

    /// Rolls what the store holds up the standards anew and notes what changed: after a standard or an attestation was saved.
    ///
    /// # Errors
    /// If another process goes on writing to the store, or a statement fails.
    pub async fn roll_up(&self, catalog: &Catalog, now: Timestamp) -> Result<WriteStats, StoreError> {
        let lock = self.wait_for_run().await?;
        let result = self.roll_up_all(catalog, now).await;
        lock.release().await;
        result
    }

    async fn roll_up_all(&self, catalog: &Catalog, now: Timestamp) -> Result<WriteStats, StoreError> {
        let mut stats = WriteStats::default();
        let everything = ScopeFilter::All;
        let own = self.own_standards(&everything).await?;
        let standards = own.with(catalog, now);
        for connector in self.connectors(&everything).await? {
            let id = connector.id.as_str();
            let owners: Vec<(String, String)> = on_pool!(&self.pool, pool => {
                sqlx::query_as("SELECT id, account FROM resources WHERE connector = $1")
                    .bind(id).fetch_all(pool).await.map_err(StoreError::statement("reading resources"))?
            });
            let pairs: BTreeSet<(String, String)> = owners.iter().map(|(_, account)| (id.to_owned(), account.clone())).collect();
            let owners = owners.iter().map(|(id, account)| (id.as_str(), account.as_str())).collect();
            let rows = self.assessments(&ScopeFilter::accounts(pairs)).await?;
            let assessments: Vec<_> = rows.into_iter().map(|row| row.assessment).collect();
            let coverage = self.coverage_of(&everything, id).await?;
            let compliance = compliance_by_account(&standards, &connector, &owners, &assessments, &coverage);
            stats.n_written +=
                self.write_roll_up(&RollUp { connector: &connector, compliance: &compliance }, now).await?.n_written;
        }
        Ok(stats)
    }

    async fn write_roll_up(&self, run: &RollUp<'_>, now: Timestamp) -> Result<WriteStats, StoreError> {
        let doing = "noting how standards stand";
        let at = instant(now);
        let mut stats = WriteStats::default();
        on_pool!(&self.pool, pool => {
            let mut tx = pool.begin().await.map_err(StoreError::statement(doing))?;
            write_compliance!(tx, run, at, stats, doing);
            tx.commit().await.map_err(StoreError::statement(doing))?;
        });
        Ok(stats)
    }
}
