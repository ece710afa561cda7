//! Who can do what in Azure: roles, groups, management groups, denials, and what a second factor stands before.

mod action;
mod assignment;
mod condition;
mod directory;
mod engine;
mod gaps;
mod holders;
mod mfa;
mod partial;
mod pim;
mod principals;
mod role;
mod roster;
mod scope;
#[cfg(test)]
mod tests;
mod truth;
mod ways;

use std::collections::BTreeMap;

use skywarden_model::{Coverage, FactSheet, Resource, ResourceId};

use crate::read::Failures;

/// The facts `roleHolders` of subscriptions and `azurePermissions` of principals. `escalations`: the ways to become owner, each
/// with what it needs together.
///
/// Costs (assignments, each as often as its group has members) x (depth of scopes + ways); nothing where there is no subscription
/// and no principal.
pub(crate) fn access<'k>(
    resources: &'k [Resource],
    coverage: &[Coverage],
    failures: &Failures<'_>,
    escalations: &BTreeMap<&'k str, &'k [String]>,
) -> Vec<(ResourceId, FactSheet)> {
    let is_asked = |resource: &&Resource| {
        let asked = [scope::SUBSCRIPTION, directory::USER, directory::SERVICE_PRINCIPAL, ways::USER_ASSIGNED];
        asked.contains(&resource.type_name.as_str())
    };
    if !resources.iter().any(|resource| is_asked(&resource)) {
        return Vec::new();
    }
    let gaps = gaps::Gaps::new(resources, coverage, failures);
    let engine = engine::Engine::new(resources, &gaps);
    let rosters = roster::rosters(&engine);
    let grounds = holders::Grounds::new(resources, &engine, &gaps);
    let reasons = principals::Reasons::new(resources, &engine, &gaps, &grounds.mfa, escalations);
    let mut sheets = Vec::new();
    for resource in resources.iter().filter(is_asked) {
        let sheet = if resource.type_name.as_str() == scope::SUBSCRIPTION {
            let roster = rosters.get(scope::folded(resource.id.as_str()).as_str());
            Some(holders::role_holders(resource, roster, &grounds))
        } else {
            principals::permissions(resource, &reasons)
        };
        sheets.extend(sheet.map(|sheet| (resource.id.clone(), sheet)));
    }
    sheets
}
