use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use skywarden_content::Catalog;
use skywarden_model::{
    Coverage, FactSheet, FieldPath, Resource, Scope, Segment, Timestamp, Unreadable, UnreadableKind, UnreadableReason,
};
use skywarden_policy::{ComplianceState, Plan, PolicyState};
use skywarden_rule::{Input, Parameters};

use super::{
    KeptLibrary, StateDetails,
    neighbours::{Account, SURROUNDING},
    write::{Found, Key, KnownState, StateValues},
};
use crate::{
    ScopeFilter, Store, StoreError,
    commit::{hash, json, key, parse},
    pool::{IDS_AT_ONCE, on_pool},
};

/// Up to this many resources of an account are asked for by their ids; more are read with all of the account.
const FEW: usize = 200;

/// What one evaluation of policies did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PolicyRun {
    /// Resources that were judged, by all that concerns them or by what changed.
    pub n_resources: usize,
    /// States that were found of them.
    pub n_states: usize,
    /// States that are other than before, in whatever way.
    pub n_written: usize,
}

/// A resource as the inventory has it, without what it consists of.
struct Row {
    id: String,
    type_name: String,
    account: String,
    resource_group: String,
    hash: String,
    is_stale: bool,
}

/// By which assignments a resource is judged anew.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Anew {
    /// All: it changed itself.
    All,
    /// These, by ids in lower case: they changed, or something beside the resource that they look up.
    These(BTreeSet<String>),
}

/// What is to be done in an account.
#[derive(Default)]
pub(crate) struct Work<'a> {
    /// Resources to be judged.
    resources: BTreeMap<&'a str, (Anew, &'a Row)>,
    /// Resources that are gone.
    gone: Vec<&'a str>,
    /// Assignments, by ids in lower case, whose states may no longer hold anywhere.
    pub(crate) assignments: BTreeSet<String>,
}

impl Work<'_> {
    /// Resources whose states may change, and those that are gone.
    pub(crate) fn resource_ids(&self) -> Vec<&str> {
        self.resources.keys().copied().chain(self.gone.iter().copied()).collect()
    }
}

impl Store {
    /// Judges a connector's resources by the policies that are in force: resources that changed since the last time, by everything;
    /// the others by what changed of the policies, where these hold. What ended in between (an exemption) is judged as of that
    /// instant first, so that the history has it.
    ///
    /// # Errors
    /// If another process goes on writing to the store, a statement fails or a row is damaged. What was judged so far stays, the
    /// rest is judged the next time.
    pub async fn judge_policies(&self, connector: &str, now: Timestamp) -> Result<PolicyRun, StoreError> {
        let lock = self.wait_for_run().await?;
        let result = self.judge_by_instant(connector, now).await;
        lock.release().await;
        result
    }

    /// [`Store::judge_policies`] of every connector; standards that are initiatives are rolled up once.
    ///
    /// # Errors
    /// See there.
    pub async fn judge_all_policies(&self, catalog: &Catalog, now: Timestamp) -> Result<PolicyRun, StoreError> {
        let connectors: Vec<String> = self.connectors(&ScopeFilter::All).await?.iter().map(|own| own.id.to_string()).collect();
        self.judge_policies_of(catalog, &connectors, now).await
    }

    /// [`Store::judge_policies`] of some connectors; standards that are initiatives are rolled up once.
    ///
    /// # Errors
    /// See there.
    pub async fn judge_policies_of(
        &self,
        catalog: &Catalog,
        connectors: &[String],
        now: Timestamp,
    ) -> Result<PolicyRun, StoreError> {
        let mut run = PolicyRun::default();
        for connector in connectors {
            let own = self.judge_policies(connector, now).await?;
            run.n_resources += own.n_resources;
            run.n_states += own.n_states;
            run.n_written += own.n_written;
        }
        if run.n_written > 0 && self.has_initiative_standards().await? {
            self.roll_up(catalog, now).await?;
        }
        Ok(run)
    }

    /// Connectors of which an exemption or an attestation ended since they were last judged, and when the next of all ends.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn ended_policies(&self, now: Timestamp) -> Result<(Vec<String>, Option<Timestamp>), StoreError> {
        let kept = self.policy_library().await?;
        let governance = &kept.library.governance;
        let runs: Vec<(String, String)> = on_pool!(&self.pool, pool => {
            sqlx::query_as("SELECT connector, at FROM policy_runs ORDER BY connector")
                .fetch_all(pool).await.map_err(StoreError::statement("reading the last evaluation of policies"))?
        });
        let mut ended = Vec::new();
        for (connector, at) in runs {
            if !governance.ends(parse(&at, "time")?, now).is_empty() {
                ended.push(connector);
            }
        }
        let next = governance.ends(now, Timestamp::MAX).into_keys().next();
        Ok((ended, next))
    }

    async fn judge_by_instant(&self, connector: &str, now: Timestamp) -> Result<PolicyRun, StoreError> {
        let kept = self.policy_library().await?;
        let marks = self.policy_marks(connector).await?;
        let mut run = PolicyRun::default();
        if marks.is_empty() && kept.library.governance.assignments().next().is_none() {
            return Ok(run);
        }
        let last = self.policy_run_at(connector).await?;
        let ends = last.map(|last| kept.library.governance.ends(last, now)).unwrap_or_default();
        for (end, assignments) in ends.into_iter().filter(|(end, _)| *end < now) {
            self.judge_at(&kept, connector, end, &marks, Some(&assignments), &mut run).await?;
        }
        self.judge_at(&kept, connector, now, &marks, None, &mut run).await?;
        Ok(run)
    }

    async fn judge_at(
        &self,
        kept: &KeptLibrary,
        connector: &str,
        now: Timestamp,
        marks: &BTreeMap<String, String>,
        only: Option<&BTreeSet<String>>,
        run: &mut PolicyRun,
    ) -> Result<(), StoreError> {
        let governance = &kept.library.governance;
        let plan = governance.plan(now);
        let looked_up = plan.looked_up();
        let coverage = self.coverage_of(&ScopeFilter::All, connector).await?;
        let rows = self.policy_rows(connector).await?;
        let seen = if only.is_some() { None } else { Some(self.policy_seen(connector).await?) };
        let new_marks = new_marks(kept, &looked_up, &coverage);
        let dirty: BTreeSet<String> = match only {
            Some(only) => only.clone(),
            None => {
                let timed = plan.asking_time();
                let is_same = |id: &String| new_marks.get(id) == marks.get(id) && !timed.contains(id);
                new_marks.keys().chain(marks.keys()).filter(|id| !is_same(id)).cloned().collect()
            }
        };
        let mut work: BTreeMap<&str, Work<'_>> = BTreeMap::new();
        let mut lost: BTreeMap<&str, &(String, String, String)> =
            seen.iter().flatten().map(|(id, own)| (id.as_str(), own)).collect();
        // Types of which something changed, by account.
        let mut moved: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for row in &rows {
            let before = lost.remove(row.id.as_str());
            if seen.is_some() && before.is_none_or(|(_, _, known)| *known != row.seen_as()) {
                work.entry(&row.account).or_default().resources.insert(&row.id, (Anew::All, row));
                moved.entry(&row.account).or_default().insert(row.type_name.to_lowercase());
            }
        }
        for (id, (account, type_name, _)) in lost {
            work.entry(account).or_default().gone.push(id);
            moved.entry(account).or_default().insert(type_name.to_lowercase());
        }
        for row in &rows {
            let beside = moved.get(row.account.as_str()).into_iter().flatten().filter_map(|type_name| looked_up.get(type_name));
            let ids: BTreeSet<&String> = dirty.iter().chain(beside.flatten()).collect();
            if ids.is_empty() {
                continue;
            }
            let scopes = governance.hierarchy.of_parts(&row.id, &row.place(connector));
            let holds = |id: &&&String| governance.assignment(id).is_some_and(|own| scopes.contains(&own.scope));
            let ids: BTreeSet<String> = ids.iter().filter(holds).map(|id| (*id).clone()).collect();
            if !ids.is_empty() {
                work.entry(&row.account).or_default().resources.entry(&row.id).or_insert((Anew::These(ids), row));
            }
        }
        // States of an assignment that no longer holds there are to go.
        if !dirty.is_empty() {
            for account in rows.iter().map(|row| row.account.as_str()).collect::<BTreeSet<_>>() {
                work.entry(account).or_default().assignments.clone_from(&dirty);
            }
        }
        for (account, work) in &work {
            self.judge_account(kept, connector, account, work, &plan, &coverage, now, run).await?;
        }
        self.end_policy_run(connector, now, only.is_none().then_some(&new_marks)).await
    }

    #[expect(clippy::too_many_arguments, reason = "one step of `judge_at`, split off for its length")]
    async fn judge_account(
        &self,
        kept: &KeptLibrary,
        connector: &str,
        account: &str,
        work: &Work<'_>,
        plan: &Plan<'_>,
        coverage: &[Coverage],
        now: Timestamp,
        run: &mut PolicyRun,
    ) -> Result<(), StoreError> {
        let looked_up: BTreeSet<String> =
            plan.looked_up().into_keys().chain(SURROUNDING.iter().map(|own| (*own).to_owned())).collect();
        let resources = self.policy_resources(connector, account, work, &looked_up).await?;
        let beside = Account::new(account, resources.values().map(|(resource, _)| resource), coverage);
        let mut plans: BTreeMap<&Anew, Plan<'_>> = BTreeMap::new();
        let parameters = Parameters::new();
        let mut known = self.known_states(connector, account, work).await?;
        let mut values = Vec::new();
        for (id, (anew, row)) in &work.resources {
            let Some((resource, facts)) = resources.get(*id) else { continue };
            let input = Input { resource, facts: Some(facts), parameters: &parameters, around: beside.around(resource), now };
            let plan = match anew {
                Anew::All => plan,
                Anew::These(ids) => plans
                    .entry(anew)
                    .or_insert_with(|| kept.library.governance.plan_where(now, |own| ids.contains(&own.id.to_lowercase()))),
            };
            let states = plan.states(&input, &beside);
            run.n_resources += 1;
            run.n_states += states.len();
            for state in &states {
                let value = value(resource, row, state)?;
                let key = (value.resource.clone(), value.assignment.clone(), value.reference.clone());
                let before = known.remove(&key);
                if before.as_ref().is_some_and(|before| before.hash == value.hash) {
                    continue;
                }
                values.push((before.map(|before| before.state), value));
            }
        }
        // What is still known was not found again: of those, what was judged anew is no longer so.
        let is_judged = |(resource, assignment, _): &Key| {
            let judged = work.resources.get(resource.as_str()).is_some_and(|(anew, _)| match anew {
                Anew::All => true,
                Anew::These(ids) => ids.contains(assignment),
            });
            judged || work.assignments.contains(assignment) || work.gone.contains(&resource.as_str())
        };
        let ended: Vec<(Key, KnownState)> = known.into_iter().filter(|(key, _)| is_judged(key)).collect();
        run.n_written += values.len() + ended.len();
        let judged = work.resources.values().filter(|(anew, _)| *anew == Anew::All);
        let seen =
            judged.map(|(_, row)| (row.id.as_str(), key(&row.resource_group), row.type_name.as_str(), row.seen_as())).collect();
        self.write_states(connector, account, now, &Found { values, ended, seen, gone: &work.gone }).await
    }

    /// What a connector's resources are, in order of their ids.
    async fn policy_rows(&self, connector: &str) -> Result<Vec<Row>, StoreError> {
        type Columns = (String, String, String, String, String, Option<String>);
        let rows: Vec<Columns> = on_pool!(&self.pool, pool => {
            sqlx::query_as("SELECT id, type_name, account, resource_group, hash, stale_since FROM resources WHERE connector = $1 ORDER BY id")
                .bind(connector).fetch_all(pool).await.map_err(StoreError::statement("reading resources"))?
        });
        let row = |(id, type_name, account, resource_group, hash, stale): Columns| Row {
            id,
            type_name,
            account,
            resource_group,
            hash,
            is_stale: stale.is_some(),
        };
        Ok(rows.into_iter().map(row).collect())
    }

    /// The resources to be judged in an account, and those of the types that policies look up.
    async fn policy_resources(
        &self,
        connector: &str,
        account: &str,
        work: &Work<'_>,
        looked_up: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, (Resource, FactSheet)>, StoreError> {
        let doing = "reading resources";
        let mut rows: Vec<(String, String, String)> = Vec::new();
        let ids: Vec<&str> = work.resources.keys().copied().collect();
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        on_pool!(&self.pool, pool => {
            if ids.len() > FEW {
                rows = sqlx::query_as("SELECT id, document, facts FROM resources WHERE connector = $1 AND account = $2")
                    .bind(connector).bind(account).fetch_all(pool).await.map_err(StoreError::statement(doing))?;
            } else {
                for (column, values) in [("id", ids), ("LOWER(type_name)", looked_up.iter().map(String::as_str).collect())] {
                    for batch in values.chunks(IDS_AT_ONCE) {
                        let mut select = sqlx::QueryBuilder::new("SELECT id, document, facts FROM resources WHERE connector = ");
                        select.push_bind(connector).push(" AND account = ").push_bind(account).push(format!(" AND {column} IN ("));
                        let mut list = select.separated(", ");
                        for value in batch {
                            list.push_bind(*value);
                        }
                        select.push(")");
                        let found: Vec<(String, String, String)> =
                            select.build_query_as().fetch_all(pool).await.map_err(StoreError::statement(doing))?;
                        rows.extend(found);
                    }
                }
            }
        });
        let mut resources = BTreeMap::new();
        for (id, document, facts) in rows {
            let resource: Resource = serde_json::from_str(&document).map_err(StoreError::damaged("resource"))?;
            if work.resources.contains_key(id.as_str()) || looked_up.contains(&resource.type_name.as_str().to_lowercase()) {
                let facts: Option<FactSheet> = serde_json::from_str(&facts).map_err(StoreError::damaged("facts"))?;
                resources.insert(id, (resource, facts.unwrap_or_default()));
            }
        }
        Ok(resources)
    }

    /// As of when a connector's resources were last judged by all policies, in microseconds; `None` if they never were.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn policy_run_at(&self, connector: &str) -> Result<Option<Timestamp>, StoreError> {
        let text: Option<String> = on_pool!(&self.pool, pool => {
            sqlx::query_scalar("SELECT at FROM policy_runs WHERE connector = $1")
                .bind(connector).fetch_optional(pool).await.map_err(StoreError::statement("reading the last evaluation of policies"))?
        });
        text.map(|text| parse(&text, "time")).transpose()
    }
}

impl Row {
    fn place(&self, connector: &str) -> Scope {
        Scope {
            connector: connector.into(),
            account: self.account.as_str().into(),
            resource_group: self.resource_group.as_str().into(),
        }
    }

    /// What changes when the resource does: that its listing failed is a change too.
    fn seen_as(&self) -> String {
        format!("{}{}", self.hash, if self.is_stale { " stale" } else { "" })
    }
}

/// What the states under each assignment rest on, by its id in lower case: policies, and whether what they look up was listed.
fn new_marks(
    kept: &KeptLibrary,
    looked_up: &BTreeMap<String, BTreeSet<String>>,
    coverage: &[Coverage],
) -> BTreeMap<String, String> {
    let mut marks = BTreeMap::new();
    for assignment in kept.library.governance.assignments() {
        let id = assignment.id.to_lowercase();
        let mut parts = vec![kept.mark(&id)];
        let types: BTreeSet<&String> = looked_up.iter().filter(|(_, ids)| ids.contains(&id)).map(|(own, _)| own).collect();
        for entry in coverage.iter().filter(|entry| types.contains(&entry.type_name.as_str().to_lowercase())) {
            parts.push(format!("{} {} {} {}", entry.type_name, entry.account, entry.region, entry.list_failure().is_some()));
        }
        marks.insert(id, hash(&parts.iter().map(String::as_str).collect::<Vec<_>>()));
    }
    marks
}

fn value(resource: &Resource, row: &Row, state: &PolicyState<'_>) -> Result<StateValues, StoreError> {
    let mut details = StateDetails {
        own: state.own.name().to_owned(),
        initiative: state.initiative.map(|own| own.id.clone()),
        groups: state.groups.to_vec(),
        exemption: state.exemption.map(|own| own.id.clone()),
        attestation: state.attestation.map(|own| own.id.clone()),
        message: state.assignment.message(state.reference_id).map(str::to_owned),
        evidence: state.verdict.evidence.clone(),
        unreadable: state.verdict.unreadable.clone(),
        error: state.verdict.error.clone(),
    };
    let mut found = state.state;
    if row.is_stale && state.attestation.is_none() {
        details.own = ComplianceState::Unread.name().to_owned();
        details.unreadable.push(not_listed(resource));
        if found != ComplianceState::Exempt {
            found = ComplianceState::Unread;
        }
    }
    let document = json(&details)?;
    let rank = found.rank();
    let effect = state.effect.name().to_owned();
    Ok(StateValues {
        resource: resource.id.to_string(),
        assignment: state.assignment.id.to_lowercase(),
        reference: state.reference_id.to_owned(),
        definition: state.definition.id.clone(),
        state: rank,
        hash: hash(&[&rank.to_string(), &effect, &document]),
        effect,
        document,
    })
}

fn not_listed(resource: &Resource) -> Unreadable {
    Unreadable {
        field: FieldPath::from_segments(vec![Segment::Key("properties".into())]),
        reason: Arc::new(UnreadableReason {
            kind: UnreadableKind::Failed,
            operation: format!("list {}", resource.type_name),
            permission: None,
            code: String::new(),
            message: "the last run could not list it; this is from an earlier one".to_owned(),
        }),
    }
}
