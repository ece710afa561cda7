use std::collections::BTreeMap;

use skywarden_content::{Catalog, PlanNeed};
use skywarden_model::{Resource, Scope};

/// Which plans are on where, as people set them; where nobody set anything every plan is on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plans {
    accounts: BTreeMap<(String, String), AccountPlans>,
}

/// What is set in an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct AccountPlans {
    /// For the whole account, by plan.
    own: BTreeMap<String, PlanState>,
    /// For single resources, by their ids and then by plan; these come before the account's.
    resources: BTreeMap<String, BTreeMap<String, PlanState>>,
}

/// Whether a plan is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanState {
    /// It does none of its work.
    Off,
    /// It is on, in a size if it comes in sizes.
    On {
        /// The size: `P2`.
        sub_plan: Option<String>,
    },
}

impl Plans {
    /// Whether nobody set anything.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// Sets a plan in a whole account of a connector.
    pub fn set_in_account(&mut self, connector: &str, account: &str, plan: &str, state: PlanState) {
        self.account_mut(connector, account).own.insert(plan.to_owned(), state);
    }

    /// Sets a plan on one resource of an account.
    pub fn set_on_resource(&mut self, connector: &str, account: &str, resource: &str, plan: &str, state: PlanState) {
        let own = &mut self.account_mut(connector, account).resources;
        own.entry(resource.to_owned()).or_default().insert(plan.to_owned(), state);
    }

    /// Whether what needs a plan does its work on a resource; what needs none always does.
    pub fn is_on(&self, need: Option<&PlanNeed>, resource: &Resource) -> bool {
        let Some(need) = need else { return true };
        let Some(account) = self.account(&resource.scope) else { return true };
        let set = account.resources.get(resource.id.as_str()).and_then(|own| own.get(&need.id));
        set.or_else(|| account.own.get(&need.id)).is_none_or(|state| state.meets(need))
    }

    /// Whether what needs a plan does its work anywhere in an account: in the whole of it, or on a resource that differs.
    pub fn is_on_in(&self, need: Option<&PlanNeed>, connector: &str, account: &str) -> bool {
        let Some(need) = need else { return true };
        let Some(account) = self.accounts.get(&(connector.to_owned(), account.to_owned())) else { return true };
        let on_resources = || account.resources.values().filter_map(|own| own.get(&need.id)).any(|state| state.meets(need));
        account.own.get(&need.id).is_none_or(|state| state.meets(need)) || on_resources()
    }

    /// Whether a plan of a catalog was switched off for what happens in an account, on `resource` where that is known. A plan that others took
    /// the place of goes by these, unless it was set itself.
    pub fn is_off(&self, catalog: &Catalog, plan: &str, (connector, account): (&str, &str), resource: Option<&str>) -> bool {
        let Some(account) = self.accounts.get(&(connector.to_owned(), account.to_owned())) else { return false };
        let set = |plan: &str| {
            let of_resource = resource.and_then(|resource| account.resources.get(resource)?.get(plan));
            of_resource.or_else(|| account.own.get(plan))
        };
        let is_off = |plan: &str| set(plan) == Some(&PlanState::Off);
        let successors = catalog.plans.get(plan).map_or(&[][..], |file| &file.replaced_by);
        match set(plan) {
            Some(state) => *state == PlanState::Off,
            None => !successors.is_empty() && successors.iter().all(|own| is_off(own)),
        }
    }

    /// Whether any of a catalog's plans is on somewhere in an account; in a catalog without plans nothing can be off.
    pub fn is_any_on_in(&self, catalog: &Catalog, connector: &str, account: &str) -> bool {
        let need = |id: &str| PlanNeed { id: id.to_owned(), sub_plans: Vec::new() };
        let mut plans = catalog.plans.values().filter(|plan| plan.is_on_by_default());
        self.is_empty() || catalog.plans.is_empty() || plans.any(|plan| self.is_on_in(Some(&need(&plan.id)), connector, account))
    }

    fn account(&self, scope: &Scope) -> Option<&AccountPlans> {
        if self.accounts.is_empty() {
            return None;
        }
        self.accounts.get(&(scope.connector.to_string(), scope.account.to_string()))
    }

    fn account_mut(&mut self, connector: &str, account: &str) -> &mut AccountPlans {
        self.accounts.entry((connector.to_owned(), account.to_owned())).or_default()
    }
}

impl PlanState {
    fn meets(&self, need: &PlanNeed) -> bool {
        match self {
            Self::Off => false,
            Self::On { sub_plan } => {
                need.sub_plans.is_empty() || sub_plan.as_ref().is_none_or(|own| need.sub_plans.contains(own))
            }
        }
    }
}
