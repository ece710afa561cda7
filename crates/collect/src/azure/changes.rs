//! Asks Resource Graph which resources have changed.

use std::sync::Arc;

use serde_json::Value;
use skywarden_model::{Timestamp, UnreadableReason};

use super::{
    AzureOptions,
    run::Run,
    tables::{self, SUBSCRIPTIONS},
};
use crate::{Transport, withhold::Secrets};

/// One change that Resource Graph tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AzureChange {
    /// The id of the change itself.
    pub id: String,
    /// When the resource changed.
    pub at: Timestamp,
    /// The id of the resource, as Azure spells it here.
    pub resource: String,
}

/// The changes of resources of some subscriptions since a time, that included: one query for 200 subscriptions. Resource Graph learns
/// of a change within minutes, keeps it for 14 days, and tells only those of its table `resources`: no role assignments, no groups.
///
/// # Errors
/// If a query is refused or does not come back whole; then none is told.
pub async fn azure_changes(
    transport: Arc<dyn Transport>,
    options: &AzureOptions,
    since: Timestamp,
) -> Result<Vec<AzureChange>, Box<UnreadableReason>> {
    let run = Run::new(&*transport, Secrets::default(), options.max_concurrency, options.page_limit);
    let tenant = options.tenant.as_deref().unwrap_or_default();
    let query = format!(
        "resourcechanges | extend at = todatetime(properties.changeAttributes.timestamp) | where at >= todatetime('{since}') \
         | project id, at, resource = tostring(properties.targetResourceId) | order by id asc"
    );
    let subscriptions: Vec<&str> = options.subscriptions.iter().map(String::as_str).collect();
    let mut changes = Vec::new();
    let mut sink = |row: Value| changes.extend(change(&row));
    for chunk in subscriptions.chunks(SUBSCRIPTIONS) {
        run.query(tables::asked(tenant), &query, chunk, &mut sink).await?;
    }
    Ok(changes)
}

/// Nothing if it does not say what changed, or when.
fn change(row: &Value) -> Option<AzureChange> {
    let text = |name: &str| row.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    Some(AzureChange { id: text("id")?.to_lowercase(), at: text("at")?.parse().ok()?, resource: text("resource")?.to_owned() })
}
