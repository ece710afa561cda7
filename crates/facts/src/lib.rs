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

use skywarden_model::{Coverage, FactSheet, FactTable, Resource};

pub use crate::knowledge::Knowledge;
use crate::{network::Network, read::Failures};

/// Computes the facts of every resource that has some; the order of the input does not matter.
pub fn compute<'a>(resources: &[Resource], coverage: &[Coverage], knowledge: impl Into<Knowledge<'a>>) -> FactTable {
    let knowledge = knowledge.into();
    let failures = Failures::new(coverage);
    let network = Network::new(resources, &failures);
    let azure_networks = azure::exposure::Networks::new(resources, &failures);
    let blocks = access::AccountBlocks::new(resources);
    let policies = permissions::Policies::new(resources, &knowledge);
    let mut table = FactTable::new();
    for resource in resources {
        let mut sheet = FactSheet::default();
        let of_azure = azure::exposure::exposure(resource, knowledge.settings_of(resource), &azure_networks);
        let facts = [
            ("exposure", of_azure.or_else(|| exposure::exposure(resource, knowledge.exposure_of(resource), &network))),
            ("access", access::access(resource, knowledge.policy_of(resource), &blocks, &failures)),
            ("permissions", permissions::permissions(resource, &policies, &failures)),
        ];
        let mut n_facts = 0;
        for (name, fact) in facts {
            let Some(fact) = fact else { continue };
            add(&mut sheet, fact.into_sheet(name));
            n_facts += 1;
        }
        if n_facts > 0 {
            table.insert(resource.id.clone(), sheet);
        }
    }
    for file in &knowledge.probed {
        for (account, part) in monitoring::monitoring(resources, &failures, file) {
            add(table.entry(account.id.clone()).or_default(), part);
        }
    }
    for (id, part) in azure::access::access(resources, coverage, &failures, &knowledge.azure_escalations) {
        add(table.entry(id).or_default(), part);
    }
    for (id, part) in relations::relations(resources, &failures, &knowledge, &table) {
        add(table.entry(id).or_default(), part);
    }
    table.values_mut().for_each(FactSheet::shrink_to_fit);
    table
}

fn add(sheet: &mut FactSheet, part: FactSheet) {
    sheet.values.extend(part.values);
    sheet.unreadable.extend(part.unreadable);
    sheet.evidence.extend(part.evidence);
}
