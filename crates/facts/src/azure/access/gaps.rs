use std::collections::BTreeSet;

use skywarden_inventory::Inventory;
use skywarden_model::{Coverage, UnreadableKind};

use super::scope;
use crate::read::{self, Failures, Why};

/// What the directory and the tree of management groups belong to, and which lists of it and of subscriptions are whole.
pub(crate) struct Gaps<'f> {
    failures: &'f Failures<'f>,
    tenants: BTreeSet<String>,
}

impl<'f> Gaps<'f> {
    pub(crate) fn new(inventory: Inventory<'_>, coverage: &[Coverage], failures: &'f Failures<'f>) -> Self {
        let is_tenants = |name: &str| name.starts_with("Microsoft.Graph/") || name == scope::MANAGEMENT_GROUP;
        let seen = inventory.places().filter(|(_, type_name)| is_tenants(type_name));
        let asked = coverage.iter().filter(|entry| is_tenants(entry.type_name.as_str()));
        let accounts =
            seen.filter_map(|(place, _)| inventory.account(place).map(AsRef::as_ref)).chain(asked.map(|entry| &*entry.account));
        Self { failures, tenants: accounts.map(str::to_owned).collect() }
    }

    /// Why an account may have more resources of a type than were seen.
    pub(crate) fn in_account(&self, type_name: &str, account: &str) -> Option<Why> {
        if !self.failures.is_listed(type_name, account) {
            return Some(not_carried(type_name));
        }
        self.failures.anywhere(type_name, account)
    }

    /// The same of the tenant.
    pub(crate) fn in_tenant(&self, type_name: &str) -> Option<Why> {
        if self.tenants.is_empty() {
            return Some(not_carried(type_name));
        }
        self.tenants.iter().find_map(|tenant| self.in_account(type_name, tenant))
    }

    /// Why there may be more in the subscription of a folded scope, or in the tenant where it lies above subscriptions.
    pub(crate) fn around(&self, type_name: &str, scope: &str) -> Option<Why> {
        match scope::subscription_of(scope) {
            Some(subscription) => self.in_account(type_name, scope::subscription_name(subscription)),
            None => self.in_tenant(type_name),
        }
    }

    /// Why a list of the tenant's that was tried is not whole; one that nobody tried is no gap, where what a subscription's
    /// list tells is whole by itself.
    pub(crate) fn tried_in_tenant(&self, type_name: &str) -> Option<Why> {
        self.tenants.iter().find_map(|tenant| self.failures.anywhere(type_name, tenant))
    }
}

fn not_carried(type_name: &str) -> Why {
    read::why(UnreadableKind::NotCarried, type_name, &format!("the source has no list of {type_name}"))
}
