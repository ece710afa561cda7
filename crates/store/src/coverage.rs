//! What a reader who sees only a part of an account may see of its listings.
//!
//! A listing of a region belongs to the resource group of that name. One of the whole account (`global`) holds resources of any
//! group: that it failed is told, since it may hide some of the reader's, and as many resources as the reader sees. What was listed
//! completely and holds nothing that is seen is left out, and so are the reads that failed inside a listing of which not all is seen.

use std::collections::{BTreeMap, BTreeSet};

use skywarden_model::{Coverage, ListOutcome};

use crate::{Places, ScopeFilter, Store, StoreError, commit::key, pool::rows_of};

/// The region of listings that are made once for an account.
const GLOBAL: &str = "global";

/// How many resources are seen of accounts that are seen in part.
#[derive(Debug, Default)]
pub(crate) struct SeenResources(BTreeMap<(String, String), OfAccount>);

/// By type, then by resource group in small letters.
type OfAccount = BTreeMap<String, BTreeMap<String, u64>>;

impl Store {
    /// How many resources a filter lets through of the accounts that it lets through in part.
    pub(crate) async fn seen_resources(&self, filter: &ScopeFilter) -> Result<SeenResources, StoreError> {
        let mut seen = SeenResources::default();
        let parts = filter.of_parts();
        if filter.parts().is_empty() {
            return Ok(seen);
        }
        let visible = parts.resources(&self.pool, "id", 1)?;
        let statement = format!(
            "SELECT connector, account, type_name, group_key, COUNT(*) FROM resources WHERE 1 = 1{}
             GROUP BY connector, account, type_name, group_key",
            visible.sql
        );
        let rows: Vec<(String, String, String, String, i64)> = rows_of!(self, "counting resources", statement, [], visible);
        for (connector, account, type_name, group, n) in rows {
            let of_account = seen.0.entry((connector, account)).or_default();
            of_account.entry(type_name).or_default().insert(group, u64::try_from(n).unwrap_or(0));
        }
        Ok(seen)
    }
}

/// What a filter lets through of a connector's listings.
pub(crate) fn visible(filter: &ScopeFilter, connector: &str, entries: Vec<Coverage>, seen: &SeenResources) -> Vec<Coverage> {
    let parts = filter.parts();
    let mut regions: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    if !parts.is_empty() {
        for entry in &entries {
            let listing = (entry.account.to_string(), entry.type_name.to_string());
            regions.entry(listing).or_default().insert(key(&entry.region));
        }
    }
    let mut found = Vec::with_capacity(entries.len());
    for entry in entries {
        if filter.allows(connector, &entry.account) {
            found.push(entry);
            continue;
        }
        let pair = (connector.to_owned(), entry.account.to_string());
        let Some(places) = parts.get(&pair) else { continue };
        let of_type = seen.0.get(&pair).and_then(|own| own.get(entry.type_name.as_str()));
        let listed = regions.get(&(pair.1, entry.type_name.to_string()));
        found.extend(of_part(places, entry, of_type, listed));
    }
    found
}

/// What may be told of a listing; `of_type` are the resources of its type that are seen, by group, `listed` the regions in which the
/// type was listed.
fn of_part(
    places: &Places,
    mut entry: Coverage,
    of_type: Option<&BTreeMap<String, u64>>,
    listed: Option<&BTreeSet<String>>,
) -> Option<Coverage> {
    let region = key(&entry.region);
    let is_own = places.groups.contains(&region);
    // A type that is listed in a region too has none of that region's resources in the listing of the account.
    let is_apart = |group: &str| listed.is_some_and(|regions| regions.contains(group));
    let reaches = |group: &str| group == region || (region == GLOBAL && !is_apart(group));
    if !places.groups.iter().any(|group| reaches(group)) {
        return None;
    }
    let n_seen: u64 = of_type.into_iter().flatten().filter(|(group, _)| reaches(group)).map(|(_, n)| n).sum();
    let is_all_seen = match &entry.outcome {
        ListOutcome::Complete { n_resources } | ListOutcome::Partial { n_resources, .. } => *n_resources == n_seen,
        ListOutcome::Failed { .. } | ListOutcome::Skipped { .. } => is_own,
    };
    let concerns = is_own || n_seen > 0 || entry.list_failure().is_some();
    if !is_all_seen {
        entry.denied.clear();
        match &mut entry.outcome {
            ListOutcome::Complete { n_resources } | ListOutcome::Partial { n_resources, .. } => *n_resources = n_seen,
            ListOutcome::Failed { .. } | ListOutcome::Skipped { .. } => {}
        }
    }
    concerns.then_some(entry)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    fn listing(type_name: &str, region: &str, outcome: serde_json::Value) -> Coverage {
        serde_json::from_value(json!({ "type": type_name, "account": "1", "region": region, "outcome": outcome,
            "denied": [{ "fields": ["properties.x"], "nResources": 1, "reason": reason() }] }))
        .unwrap()
    }

    fn reason() -> serde_json::Value {
        json!({ "kind": "denied", "operation": "s3:List", "code": "AccessDenied", "message": "" })
    }

    #[test]
    fn a_listing_tells_of_what_is_seen_and_that_it_failed() {
        let complete = |n: u64| json!({ "state": "complete", "nResources": n });
        let failed = json!({ "state": "failed", "reason": reason() });
        let entries = vec![
            listing("Table", "eu", complete(2)),
            listing("Table", "us", complete(5)),
            listing("Bucket", "global", complete(9)),
            listing("User", "global", complete(3)),
            listing("Role", "global", failed.clone()),
            listing("Key", "us", failed.clone()),
            listing("Key", "eu", json!({ "state": "partial", "nResources": 4, "reason": reason() })),
            listing("Machine", "global", complete(1)),
        ];
        let counts = [("Table", 2), ("Bucket", 3), ("Key", 4), ("Machine", 1)];
        let of_account = counts.map(|(name, n)| (name.to_owned(), BTreeMap::from([("eu".to_owned(), n)])));
        let seen = SeenResources([(("c".to_owned(), "1".to_owned()), of_account.into())].into());
        let filter = |groups: &[&str], resources: &[&str]| {
            let places = Places {
                groups: groups.iter().map(|group| (*group).to_owned()).collect(),
                resources: resources.iter().map(|id| ((*id).to_owned(), "us".to_owned())).collect(),
            };
            ScopeFilter::of([(("c".to_owned(), "1".to_owned()), crate::Share::Places(places))].into())
        };
        let told = |filter: &ScopeFilter| -> Vec<(String, String, usize)> {
            let found = visible(filter, "c", entries.clone(), &seen);
            let outcome = |own: &Coverage| match &own.outcome {
                ListOutcome::Complete { n_resources } => n_resources.to_string(),
                ListOutcome::Partial { n_resources, .. } => format!("{n_resources}?"),
                ListOutcome::Failed { reason } => Arc::clone(reason).code.to_string(),
                ListOutcome::Skipped { reason } => reason.clone(),
            };
            found.iter().map(|own| (own.type_name.to_string(), outcome(own), own.denied.len())).collect()
        };
        let expected =
            [("Table", "2", 1), ("Bucket", "3", 0), ("Role", "AccessDenied", 0), ("Key", "4?", 1), ("Machine", "1", 1)];
        assert_eq!(told(&filter(&["eu"], &[])), expected.map(|(name, outcome, n)| (name.to_owned(), outcome.to_owned(), n)));
        assert_eq!(told(&filter(&[], &["arn:x"])), []);
    }
}
