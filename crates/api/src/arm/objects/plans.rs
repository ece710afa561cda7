//! `Microsoft.Security/pricings`: which plans are on. A resource takes what holds in its subscription, a subscription what holds
//! where nobody decided, unless they say otherwise themselves.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use skywarden_content::{Catalog, PlanFile};
use skywarden_model::{SignedDuration, Timestamp};
use skywarden_store::{ArmObject, ArmScope, PRICINGS, ScopeFilter};

use super::{answer::Shown, target::Target};
use crate::{error::ApiError, scoped::Scoped};

/// How long a plan can be tried; nothing is to be paid after that either, but clients ask for it.
const TRIAL: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What is kept of the plans at a subscription or a resource, and above and below.
pub(crate) struct PlansAt {
    /// The subscription.
    pub(super) subscription: ArmScope,
    /// What is kept at the subscription, by plan.
    own: BTreeMap<String, ArmObject>,
    /// What is kept at resources below it, by resource and plan.
    below: BTreeMap<(String, String), ArmObject>,
    /// The resource that is asked about, with its type.
    resource: Option<(ArmScope, String)>,
}

impl PlansAt {
    pub(super) async fn read(state: &Scoped, target: &Target) -> Result<Self, ApiError> {
        let (connector, account) = target.account.as_ref().ok_or_else(|| ApiError::not_found("such subscription"))?;
        let own = Self::of_account(state, connector, account).await?;
        let resource = target.resource.as_ref().map(|own| (target.scope.clone(), own.type_name.to_string()));
        Ok(Self { resource, ..own })
    }

    /// The plans of an account that the caller may see.
    pub(crate) async fn of_account(state: &Scoped, connector: &str, account: &str) -> Result<Self, ApiError> {
        let subscription = ArmScope::subscription(connector, account);
        let filter = ScopeFilter::accounts([(connector.to_owned(), account.to_owned())]);
        let (mut own, mut below) = (BTreeMap::new(), BTreeMap::new());
        for object in state.store.arm_objects(&filter, PRICINGS).await? {
            if object.scope == subscription {
                own.insert(object.name.clone(), object);
            } else if object.scope.account().is_some() {
                below.insert((object.scope.path().to_owned(), object.name.clone()), object);
            }
        }
        Ok(Self { subscription, own, below, resource: None })
    }

    /// Every plan that can be set here.
    pub(super) fn all(&self, catalog: &Catalog, now: Timestamp) -> Vec<Shown> {
        catalog.plans.values().filter(|plan| self.is_settable(plan)).map(|plan| self.shown(plan, now)).collect()
    }

    pub(super) fn one(&self, catalog: &Catalog, name: &str, now: Timestamp) -> Option<Shown> {
        catalog.plans.get(name).filter(|plan| self.is_settable(plan)).map(|plan| self.shown(plan, now))
    }

    /// The members of `properties` of every plan, by plan.
    pub(crate) fn properties<'a>(&self, catalog: &'a Catalog, now: Timestamp) -> Vec<(&'a str, Map<String, Value>)> {
        catalog.plans.values().map(|plan| (plan.id.as_str(), self.shown(plan, now).properties)).collect()
    }

    fn is_settable(&self, plan: &PlanFile) -> bool {
        let Some((_, type_name)) = &self.resource else { return true };
        plan.resources.as_ref().is_some_and(|resources| resources.types.contains(type_name))
    }

    pub(super) fn shown(&self, plan: &PlanFile, now: Timestamp) -> Shown {
        let kept = match &self.resource {
            None => self.own.get(&plan.id),
            Some((scope, _)) => self.below.get(&(scope.path().to_owned(), plan.id.clone())),
        };
        Shown { name: plan.id.clone(), kind: None, properties: self.members(plan, now), kept: kept.cloned(), prefix: None }
    }

    fn members(&self, plan: &PlanFile, now: Timestamp) -> Map<String, Value> {
        let (mut setting, inherited_from) = self.effective(plan);
        let is_on = tier(&setting) == Tier::Standard;
        let enabled_at = setting.get("enablementTime").and_then(Value::as_str).and_then(|at| at.parse::<Timestamp>().ok());
        let left = enabled_at.filter(|_| is_on).map(|at| TRIAL.saturating_sub(now.duration_since(at))).unwrap_or_default();
        setting.insert("freeTrialRemainingTime".to_owned(), period(left).into());
        setting.insert("extensions".to_owned(), extensions(plan, &setting));
        setting.insert("inherited".to_owned(), if inherited_from.is_some() { "True" } else { "False" }.into());
        if let Some(above) = inherited_from {
            setting.insert("inheritedFrom".to_owned(), above.into());
        }
        if self.resource.is_none() {
            setting.entry("enforce").or_insert_with(|| "False".into());
            setting.insert("resourcesCoverageStatus".to_owned(), self.coverage(plan, is_on).into());
        }
        if !plan.replaced_by.is_empty() {
            setting.insert("deprecated".to_owned(), true.into());
            setting.insert("replacedBy".to_owned(), json!(plan.replaced_by));
        }
        setting
    }

    /// What holds here, and from where if it is not set here.
    fn effective(&self, plan: &PlanFile) -> (Map<String, Value>, Option<String>) {
        let at_subscription = self.own.get(&plan.id).map(members);
        let Some((scope, _)) = &self.resource else {
            let tenant = || (default(plan), Some(ArmScope::tenant().path().to_owned()));
            return at_subscription.map_or_else(tenant, |own| (own, None));
        };
        let at_resource = self.below.get(&(scope.path().to_owned(), plan.id.clone())).map(members);
        match at_resource.filter(|_| !self.is_enforced(&plan.id)) {
            Some(own) => (own, None),
            None => {
                let mut above = at_subscription.unwrap_or_else(|| default(plan));
                above.remove("enforce");
                (above, Some(self.subscription.path().to_owned()))
            }
        }
    }

    /// Whether resources can't differ from the subscription.
    pub(super) fn is_enforced(&self, plan: &str) -> bool {
        self.own.get(plan).is_some_and(|own| own.document.get("enforce").and_then(Value::as_str) == Some("True"))
    }

    fn coverage(&self, plan: &PlanFile, is_on: bool) -> &'static str {
        let mut set = self.below.iter().filter(|((_, own), _)| *own == plan.id && !self.is_enforced(&plan.id));
        let differs = set.any(|(_, own)| (tier(&members(own)) == Tier::Standard) != is_on);
        match (differs, is_on) {
            (true, _) => "PartiallyCovered",
            (false, true) => "FullyCovered",
            (false, false) => "NotCovered",
        }
    }
}

/// Whether a plan is on, in ARM's words.
#[derive(PartialEq, Eq)]
pub(super) enum Tier {
    Free,
    Standard,
}

pub(super) fn tier(setting: &Map<String, Value>) -> Tier {
    if setting.get("pricingTier").and_then(Value::as_str) == Some("Free") { Tier::Free } else { Tier::Standard }
}

pub(super) fn members(object: &ArmObject) -> Map<String, Value> {
    object.document.as_object().cloned().unwrap_or_default()
}

/// What holds where nobody decided.
fn default(plan: &PlanFile) -> Map<String, Value> {
    let mut setting = Map::new();
    setting.insert("pricingTier".to_owned(), if plan.is_on_by_default() { "Standard" } else { "Free" }.into());
    if let Some(own) = plan.default_sub_plan.as_ref().filter(|_| plan.is_on_by_default()) {
        setting.insert("subPlan".to_owned(), own.as_str().into());
    }
    setting
}

/// Every extension of a plan, as it is set; one that is on and that nobody has built yet says so.
fn extensions(plan: &PlanFile, setting: &Map<String, Value>) -> Value {
    let set = setting.get("extensions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let is_on = tier(setting) == Tier::Standard;
    let all = plan.extensions.iter().map(|extension| {
        let own = set.iter().find(|own| own.get("name").and_then(Value::as_str) == Some(&extension.name));
        let is_set = own.map_or(extension.built, |own| own.get("isEnabled").and_then(Value::as_str) == Some("True"));
        let is_enabled = is_on && is_set;
        let mut shown = json!({ "name": extension.name, "isEnabled": if is_enabled { "True" } else { "False" } });
        if let Some(shown) = shown.as_object_mut() {
            if let Some(more) = own.and_then(|own| own.get("additionalExtensionProperties")) {
                shown.insert("additionalExtensionProperties".to_owned(), more.clone());
            }
            if is_enabled && !extension.built {
                let message = "it is kept as switched on, but not built yet: nothing acts on it";
                shown.insert("operationStatus".to_owned(), json!({ "code": "Failed", "message": message }));
            }
        }
        shown
    });
    Value::Array(all.collect())
}

/// A duration in ISO 8601 as clients read it; `PT0S` once it is over.
fn period(left: SignedDuration) -> String {
    let seconds = left.as_secs().max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match seconds {
        0 => "PT0S".to_owned(),
        _ => format!("P{days}DT{hours}H{minutes}M{}S", seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_counts_down_to_nothing() {
        assert_eq!(period(TRIAL), "P30DT0H0M0S");
        assert_eq!(period(TRIAL - SignedDuration::from_secs(1)), "P29DT23H59M59S");
        assert_eq!(period(SignedDuration::from_secs(-5)), "PT0S");
    }
}
