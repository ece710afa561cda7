//! `skywarden policy ...`: Azure Policy at the door and over what is there.

mod evaluate;
mod exchange;
mod show;
mod states;

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use skywarden_content::Catalog;
use skywarden_model::Timestamp;
use skywarden_policy::{ComplianceState, compliant_fraction};
use skywarden_store::{ScopeFilter, Store, StoreError};

use crate::{Ending, arguments::Policy, output::percent};

/// How long an exemption that another process wrote stays unnoticed at most.
const NOTICE: Duration = Duration::from_secs(30);

/// `skywarden policy ...`.
pub(crate) fn run(command: &Policy, overlay: Option<&Path>) -> anyhow::Result<Ending> {
    match command {
        Policy::Evaluate(evaluate) => evaluate::run(evaluate),
        Policy::Import(import) => exchange::import(import, overlay),
        Policy::Export { out, data } => exchange::export(out, data.as_deref()),
        Policy::FromRecommendations { out, type_name } => exchange::from_recommendations(out, type_name.as_deref()),
        Policy::Remove { ids, data } => exchange::remove(ids, data.as_deref(), overlay),
        Policy::List(read) => states::list(read),
        Policy::Compliance(read) => states::compliance(read),
        Policy::Show { assignment, read } => show::run(assignment, read),
        Policy::States(query) => states::states(query),
        Policy::History(read) => states::history(read),
    }
}

/// What the policies in force say, in a line; `None` if none is.
pub(crate) async fn summary(store: &Store) -> anyhow::Result<Option<String>> {
    let kept = store.policy_library().await?;
    let n_assignments = kept.library.governance.assignments().count();
    if n_assignments == 0 {
        return Ok(None);
    }
    let counts: BTreeMap<ComplianceState, u64> =
        store.policy_total(&ScopeFilter::All).await?.into_iter().map(|own| (own.state, own.count)).collect();
    let plural = if n_assignments == 1 { "" } else { "s" };
    let Some(fraction) = compliant_fraction(&counts) else {
        return Ok(Some(format!("Policies: {n_assignments} assignment{plural} concern nothing that is here")));
    };
    let count = |state| counts.get(&state).copied().unwrap_or(0);
    Ok(Some(format!(
        "Policies: {n_assignments} assignment{plural}, {} of the resources that they concern comply; {} do not, {} could not be read",
        percent(fraction),
        count(ComplianceState::NonCompliant),
        count(ComplianceState::Unread)
    )))
}

/// Judges what an exemption or an attestation concerns in the moment when it ends.
pub(crate) async fn keep_up_with_ends(store: Store, catalog: Arc<Catalog>) {
    loop {
        let wait = match judge_ended(&store, &catalog).await {
            Ok(wait) => wait,
            Err(error) => {
                tracing::warn!(%error, "policies could not be judged after an exemption ended; it is tried again");
                NOTICE
            }
        };
        tokio::time::sleep(wait).await;
    }
}

/// Judges what ended, and says how long nothing more is to be done.
async fn judge_ended(store: &Store, catalog: &Catalog) -> Result<Duration, StoreError> {
    let (ended, next) = store.ended_policies(Timestamp::now()).await?;
    store.judge_policies_of(catalog, &ended, Timestamp::now()).await?;
    // A little later than the instant, so that it is over.
    let until = next.map(|end| end.duration_since(Timestamp::now()).as_millis() + 10);
    let until = until.map(|millis| Duration::from_millis(u64::try_from(millis).unwrap_or(0)));
    Ok(until.map_or(NOTICE, |until| until.min(NOTICE)))
}
