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

use skywarden_inventory::Inventory;
use skywarden_model::{Coverage, FactSheet, ResourceId};

use crate::read::Failures;

/// The facts `roleHolders` of subscriptions and `azurePermissions` of principals. `escalations`: the ways to become owner, each
/// with what it needs together.
///
/// Costs (assignments, each as often as its group has members) x (depth of scopes + ways); nothing where there is no subscription
/// and no principal.
pub(crate) fn access<'k>(
    inventory: Inventory<'k>,
    coverage: &[Coverage],
    failures: &Failures<'_>,
    escalations: &BTreeMap<&'k str, &'k [String]>,
) -> Vec<(ResourceId, FactSheet)> {
    let asked = [scope::SUBSCRIPTION, directory::USER, directory::SERVICE_PRINCIPAL, ways::USER_ASSIGNED];
    let asked: Vec<usize> =
        inventory.places().filter(|(_, type_name)| asked.contains(type_name)).map(|(place, _)| place).collect();
    if asked.is_empty() {
        return Vec::new();
    }
    let gaps = gaps::Gaps::new(inventory, coverage, failures);
    let engine = engine::Engine::new(inventory, &gaps);
    let rosters = roster::rosters(&engine);
    let grounds = holders::Grounds::new(inventory, &engine, &gaps);
    let reasons = principals::Reasons::new(inventory, &engine, &gaps, &grounds.mfa, escalations);
    let mut sheets = Vec::new();
    for place in asked {
        let Some(resource) = inventory.open(place) else { continue };
        let sheet = if resource.type_name.as_str() == scope::SUBSCRIPTION {
            let roster = rosters.get(scope::folded(resource.id.as_str()).as_str());
            Some(holders::role_holders(&resource, roster, &grounds))
        } else {
            principals::permissions(&resource, &reasons)
        };
        sheets.extend(sheet.map(|sheet| (resource.id.clone(), sheet)));
    }
    sheets
}
