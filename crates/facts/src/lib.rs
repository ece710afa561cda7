//! Facts computed from resources and their neighbours: effective internet exposure, what a resource's own policy allows,
//! what the policies of an identity add up to, which resources belong together. Does no I/O.
//!
//! What cannot be known is a field of [`FactSheet::unreadable`](skywarden_model::FactSheet), never a guess.

mod access;
mod azure;
mod document;
mod exposure;
mod filter_pattern;
mod knowledge;
mod lately;
mod monitoring;
mod narrowing;
mod network;
mod permissions;
mod ports;
mod reach;
mod read;
mod relations;
mod sheet;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use skywarden_inventory::{Held, Inventory, Passing};
use skywarden_model::{Coverage, FactSheet, FactTable, Resource, ResourceId};

pub use crate::knowledge::Knowledge;
use crate::{network::Network, read::Failures, relations::Relation};

/// Computes the facts of every resource that has some; the order of the input does not matter.
pub fn compute<'a>(resources: &[Resource], coverage: &[Coverage], knowledge: impl Into<Knowledge<'a>>) -> FactTable {
    let held = Held::default();
    over(Inventory::of_open(resources, &held), coverage, knowledge, |facts| {
        let mut table = FactTable::new();
        for resource in resources {
            if let Some(mut sheet) = facts.of(resource) {
                sheet.shrink_to_fit();
                table.insert(resource.id.clone(), sheet);
            }
        }
        table
    })
}

/// Looks at the facts of some resources of an inventory, which are computed one by one as they are asked for: what all of them rest on
/// is made once. The order of the inventory does not matter.
pub fn over<'a, R>(
    inventory: Inventory<'_>,
    coverage: &[Coverage],
    knowledge: impl Into<Knowledge<'a>>,
    look: impl FnOnce(&Facts<'_>) -> R,
) -> R {
    let knowledge = knowledge.into();
    let failures = Failures::new(coverage);
    let mut few: BTreeMap<ResourceId, FactSheet> = BTreeMap::new();
    for file in &knowledge.probed {
        for (account, part) in monitoring::monitoring(inventory, &failures, file) {
            add(few.entry(account.id.clone()).or_default(), part);
        }
    }
    for (id, part) in azure::access::access(inventory, coverage, &failures, &knowledge.azure_escalations) {
        add(few.entry(id).or_default(), part);
    }
    let facts = Facts {
        inventory,
        knowledge: &knowledge,
        failures: &failures,
        network: Network::new(inventory, &failures),
        azure_networks: azure::exposure::Index::new(inventory, &failures),
        blocks: access::AccountBlocks::new(inventory),
        policies: permissions::Policies::new(inventory, &knowledge),
        few,
        relations: relations::relations(inventory, &knowledge),
    };
    look(&facts)
}

/// What the facts of all resources of an inventory rest on.
pub struct Facts<'a> {
    inventory: Inventory<'a>,
    knowledge: &'a Knowledge<'a>,
    failures: &'a Failures<'a>,
    network: Network<'a>,
    azure_networks: azure::exposure::Index<'a>,
    blocks: access::AccountBlocks<'a>,
    policies: permissions::Policies<'a>,
    /// Facts of accounts and of those who act in them, computed together.
    few: BTreeMap<ResourceId, FactSheet>,
    relations: Vec<Relation<'a>>,
}

impl Facts<'_> {
    /// The facts of a resource of the inventory, if it has some.
    pub fn of(&self, resource: &Resource) -> Option<FactSheet> {
        let mut sheet = self.without_relations(resource);
        for relation in self.relations.iter().filter(|relation| relation.is_of(resource)) {
            add(sheet.get_or_insert_default(), relation.sheet(resource, self));
        }
        sheet
    }

    /// The facts that others may take over from a resource that they are related to.
    fn without_relations(&self, resource: &Resource) -> Option<FactSheet> {
        let (knowledge, passing) = (self.knowledge, Passing::new());
        let azure_networks = self.azure_networks.seen_by(&passing);
        let of_azure = azure::exposure::exposure(resource, knowledge.settings_of(resource), &azure_networks);
        let facts = [
            ("exposure", of_azure.or_else(|| exposure::exposure(resource, knowledge.exposure_of(resource), &self.network))),
            ("access", access::access(resource, knowledge.policy_of(resource), &self.blocks, self.failures)),
            ("permissions", permissions::permissions(resource, &self.policies, self.failures)),
        ];
        let mut sheet: Option<FactSheet> = None;
        for (name, fact) in facts {
            if let Some(fact) = fact {
                add(sheet.get_or_insert_default(), fact.into_sheet(name));
            }
        }
        if let Some(part) = self.few.get(&resource.id) {
            add(sheet.get_or_insert_default(), part.clone());
        }
        sheet
    }
}

fn add(sheet: &mut FactSheet, part: FactSheet) {
    sheet.values.extend(part.values);
    sheet.unreadable.extend(part.unreadable);
    sheet.evidence.extend(part.evidence);
}
