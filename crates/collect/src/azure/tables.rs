//! The tables of Resource Graph: all resources of many subscriptions, a thousand at a time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use skywarden_content::{AzureLevel, AzurePlane, GraphTable};
use skywarden_inventory::Packs;
use skywarden_model::{ListOutcome, TypeName, UnreadableKind, UnreadableReason};

use super::{Found, Work, estate::Rights, run::Asked};

const ADDRESS: &str = "/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01";
const PERMISSION: &str = "Microsoft.ResourceGraph/resources/read";

/// Subscriptions in a query at most.
pub(super) const SUBSCRIPTIONS: usize = 200;

/// The columns that become a resource; ordered, for pages are only whole where the order is told.
const COLUMNS: &str = "project id, name, type, location, tags, kind, sku, identity, plan, zones, managedBy, extendedLocation, properties | order by id asc";

/// Columns of tables other than `resources`, which lack the others.
const FEW_COLUMNS: &str = "project id, name, type, location, tags, properties | order by id asc";

/// What one query gave.
struct Answered {
    table: GraphTable,
    subscriptions: Vec<Arc<str>>,
    /// How many resources of each type and account.
    counts: BTreeMap<(TypeName, Arc<str>), u64>,
    /// Rows that were no resources.
    misfit: Option<String>,
    end: Result<(), UnreadableReason>,
}

/// Asks for all tables that a spec needs, and tells what was listed by them.
pub(super) async fn tables(work: &Work<'_>, found: &mut Found) {
    let wanted: BTreeSet<GraphTable> = work.specs.values().filter_map(|spec| spec.azure.table).collect();
    let all: Vec<Arc<str>> = work.estate.subscriptions.keys().cloned().collect();
    let mut jobs = Vec::new();
    for table in wanted {
        for chunk in all.chunks(SUBSCRIPTIONS) {
            jobs.push((table, chunk.to_vec()));
        }
    }
    work.progress.planned(jobs.len() as u64);
    let packs = Mutex::new(std::mem::take(&mut found.resources));
    let mut runs = Vec::with_capacity(jobs.len());
    for (table, subscriptions) in jobs {
        let packs = &packs;
        runs.push(async move {
            let answered = ask(work, table, subscriptions, packs).await;
            work.progress.done(table.name(), answered.counts.values().sum());
            answered
        });
    }
    let mut results = stream::iter(runs).buffer_unordered(work.options.max_concurrency.clamp(1, 1000));
    while let Some(answered) = results.next().await {
        tell(work, answered, found);
    }
    drop(results);
    found.resources = packs.into_inner().unwrap_or_else(PoisonError::into_inner);
}

async fn ask(work: &Work<'_>, table: GraphTable, subscriptions: Vec<Arc<str>>, packs: &Mutex<Packs>) -> Answered {
    let columns = if table == GraphTable::Resources { COLUMNS } else { FEW_COLUMNS };
    let query = format!("{} | {columns}", table.name());
    let asked = asked(&work.estate.tenant);
    let mut answered = Answered { table, subscriptions, counts: BTreeMap::new(), misfit: None, end: Ok(()) };
    let Answered { subscriptions, counts, misfit, .. } = &mut answered;
    let names: Vec<&str> = subscriptions.iter().map(AsRef::as_ref).collect();
    let mut sink = |row: Value| {
        let type_name = row.get("type").and_then(Value::as_str).map(str::to_lowercase).unwrap_or_default();
        let spec = work.specs.get(&type_name);
        match work.common.resource(spec.map(|spec| spec.file), row) {
            Ok(resource) => {
                *counts.entry((resource.type_name.clone(), Arc::clone(&resource.scope.account))).or_default() += 1;
                packs.lock().unwrap_or_else(PoisonError::into_inner).push(&resource);
            }
            Err(problem) => *misfit = Some(problem),
        }
    };
    answered.end = work.run.query(asked, &query, &names, &mut sink).await;
    answered
}

pub(super) fn asked(tenant: &str) -> Asked<'_> {
    Asked { plane: AzurePlane::Arm, address: ADDRESS, permission: PERMISSION, account: tenant }
}

/// What the query says of every type and subscription: Resource Graph leaves out what the login may not read, and says nothing.
fn tell(work: &Work<'_>, answered: Answered, found: &mut Found) {
    let Answered { table, subscriptions, mut counts, misfit, end } = answered;
    let end = match (end, misfit) {
        (Ok(()), Some(problem)) => Err(asked(&work.estate.tenant).malformed(&problem)),
        (end, _) => end,
    };
    for spec in work.specs.values().filter(|spec| spec.azure.table == Some(table)) {
        let accounts = match spec.azure.level {
            AzureLevel::Subscription => subscriptions.as_slice(),
            AzureLevel::Tenant => std::slice::from_ref(&work.estate.tenant),
        };
        for account in accounts {
            counts.entry((spec.type_name(), Arc::clone(account))).or_default();
        }
    }
    if table == GraphTable::Resources {
        for id in &subscriptions {
            for type_name in work.options.known.get(id).into_iter().flatten() {
                // Types of other tables and levels have specs; what has none came from this one.
                if !work.specs.contains_key(&type_name.as_str().to_lowercase()) {
                    counts.entry((type_name.clone(), Arc::clone(id))).or_default();
                }
            }
        }
    }
    for ((type_name, account), n_resources) in counts {
        let action = work
            .specs
            .get(&type_name.as_str().to_lowercase())
            .map_or_else(|| format!("{type_name}/read"), |spec| spec.azure.permission(&spec.file.type_name));
        let failure = match &end {
            Err(reason) => Some(work.run.share(reason.clone())),
            Ok(()) => unreadable(work, &account, &action),
        };
        let outcome = match failure {
            None => ListOutcome::Complete { n_resources },
            Some(reason) if n_resources == 0 => ListOutcome::Failed { reason },
            Some(reason) => ListOutcome::Partial { n_resources, reason },
        };
        // What lies above subscriptions comes with every query.
        let listings = &mut found.listings;
        match (listings.get(&(type_name.clone(), Arc::clone(&account))), &outcome) {
            (Some(ListOutcome::Failed { .. } | ListOutcome::Partial { .. }), ListOutcome::Complete { .. }) => {}
            _ => drop(listings.insert((type_name, account), outcome)),
        }
    }
}

/// Why Resource Graph may have left out resources of a type.
fn unreadable(work: &Work<'_>, account: &Arc<str>, action: &str) -> Option<Arc<UnreadableReason>> {
    // Rights at the tenant can't be asked for; every query that came back whole holds what may be seen there.
    let rights = work.estate.subscriptions.get(account)?;
    match rights {
        Rights::Unknown(reason) => Some(Arc::clone(reason)),
        Rights::Known(_) if rights.may(action) == Some(true) => None,
        Rights::Known(_) => {
            let asked = Asked { plane: AzurePlane::Arm, address: "", permission: action, account };
            let message = "the login has no right to it in this subscription, and Resource Graph leaves out what may not be read";
            Some(work.run.share(asked.reason(UnreadableKind::Denied, "AuthorizationFailed", message)))
        }
    }
}
