//! Permissions that are missing, each with what it would unlock.

use std::collections::{BTreeMap, BTreeSet};

use axum::{Json, extract::Query};
use serde::Serialize;
use serde_json::json;
use skywarden_content::{Catalog, Maturity};
use skywarden_model::{Coverage, UnreadableReason};
use skywarden_store::{ConnectorCoverage, UnknownAssessment};

use super::{Answer, scope::ScopeQuery};
use crate::scoped::Scoped;

/// What a permission would unlock.
#[derive(Debug, Default, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
struct Unlocks<'a> {
    permission: &'a str,
    /// Assessments that are Unknown because of it.
    assessments: u64,
    /// Those of which nothing else is missing.
    alone: u64,
    /// Resources of which something could not be read, as far as they are known.
    resources: u64,
    /// Fields of types that could not be read on some resource.
    fields: u64,
    /// Listings that failed, wholly or partly; nobody knows how many resources they hide.
    listings: u64,
    /// Recommendations that are Unknown somewhere, or that judge a type that could not be listed.
    recommendations: BTreeSet<&'a str>,
    types: BTreeSet<&'a str>,
    connectors: BTreeSet<&'a str>,
}

pub(crate) async fn list(state: Scoped, Query(scope): Query<ScopeQuery>) -> Answer {
    let filter = scope.filter(&state).await?;
    let coverage = state.store.connector_coverage(&filter).await?;
    let unknown = state.store.unknown_assessments(&filter).await?;
    Ok(Json(json!({ "items": unlocks(&state.catalog, &coverage, &unknown) })))
}

/// What each missing permission would unlock, the most assessments first.
fn unlocks<'a>(
    catalog: &'a Catalog,
    coverage: &'a BTreeMap<String, ConnectorCoverage>,
    unknown: &'a [UnknownAssessment],
) -> Vec<Unlocks<'a>> {
    let mut found: BTreeMap<&str, Unlocks<'_>> = BTreeMap::new();
    let mut resources: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut fields: BTreeMap<&str, BTreeSet<(&str, String)>> = BTreeMap::new();
    for assessment in unknown {
        let permissions = assessment.cause.as_ref().map(|cause| cause.permissions.as_slice()).unwrap_or_default();
        for permission in permissions {
            let own = found.entry(permission).or_default();
            own.assessments += 1;
            own.alone += u64::from(permissions.len() == 1);
            own.recommendations.insert(&assessment.recommendation);
            own.connectors.insert(&assessment.connector);
            resources.entry(permission).or_default().insert(&assessment.resource);
        }
    }
    for (connector, own) in coverage {
        for entry in &own.entries {
            note(catalog, connector, entry, &mut found, &mut fields);
        }
    }
    let mut rows = Vec::with_capacity(found.len());
    for (permission, mut own) in found {
        let judged = resources.get(permission).map_or(0, |ids| ids.len() as u64);
        own.permission = permission;
        own.resources = own.resources.max(judged);
        own.fields = fields.get(permission).map_or(0, |names| names.len() as u64);
        rows.push(own);
    }
    // Failed listings hide what they would unlock, so they come before fields that no assessment waits for.
    rows.sort_by(|left, right| weight(right).cmp(&weight(left)).then_with(|| left.permission.cmp(right.permission)));
    rows
}

fn weight(row: &Unlocks<'_>) -> (u64, u64, usize, u64, u64) {
    (row.assessments, row.listings, row.recommendations.len(), row.resources, row.fields)
}

fn note<'a>(
    catalog: &'a Catalog,
    connector: &'a str,
    entry: &'a Coverage,
    found: &mut BTreeMap<&'a str, Unlocks<'a>>,
    fields: &mut BTreeMap<&'a str, BTreeSet<(&'a str, String)>>,
) {
    let type_name = entry.type_name.as_str();
    if let Some(permission) = entry.list_failure().and_then(|reason| reason.permission.as_deref()) {
        let own = found.entry(permission).or_default();
        own.listings += 1;
        own.types.insert(type_name);
        own.connectors.insert(connector);
        own.recommendations.extend(judging(catalog, type_name));
    }
    // Several reads of one listing may lack the same permission on the same resources.
    let mut n_resources: BTreeMap<&str, u64> = BTreeMap::new();
    for read in &entry.denied {
        let Some(permission) = read.reason.permission.as_deref() else { continue };
        let most = n_resources.entry(permission).or_default();
        *most = (*most).max(read.n_resources);
        fields.entry(permission).or_default().extend(read.fields.iter().map(|field| (type_name, field.to_string())));
    }
    for (permission, n) in n_resources {
        let own = found.entry(permission).or_default();
        own.resources += n;
        own.types.insert(type_name);
        own.connectors.insert(connector);
    }
}

fn judging<'a>(catalog: &'a Catalog, type_name: &str) -> impl Iterator<Item = &'a str> {
    let known = catalog.recommendations.values().map(|recommendation| &recommendation.file);
    known.filter(move |file| file.type_name == type_name && file.maturity == Maturity::Stable).map(|file| file.id.as_str())
}

/// Why a listing and reads inside it failed.
pub(super) fn reasons_of(entry: &Coverage) -> impl Iterator<Item = &UnreadableReason> {
    entry.list_failure().into_iter().map(AsRef::as_ref).chain(entry.denied.iter().map(|read| read.reason.as_ref()))
}

/// The permissions whose lack made a listing, or reads inside it, fail.
pub(super) fn permissions_of(entry: &Coverage) -> impl Iterator<Item = &str> {
    reasons_of(entry).filter_map(|reason| reason.permission.as_deref())
}
