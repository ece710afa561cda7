//! `Microsoft.Security/pricings`: which plans are on. A resource takes what holds in its subscription, a subscription what holds
//! where nobody decided, unless they say otherwise themselves.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use skywarden_content::{Catalog, PlanFile};
use skywarden_model::{SignedDuration, Timestamp};
use skywarden_store::{ArmObject, ArmScope, PRICINGS, ScopeFilter};

use super::{
    answer::Shown,
    check::{Mistake, refused},
    target::Target,
};
use crate::{error::ApiError, scoped::Scoped};

/// How long a plan can be tried; nothing is to be paid after that either, but clients ask for it.
const TRIAL: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What is kept of the plans at a subscription or a resource, and above and below.
pub(crate) struct PlansAt {
    /// The subscription.
    subscription: ArmScope,
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
        let filter = ScopeFilter::Subscriptions(BTreeSet::from([(connector.to_owned(), account.to_owned())]));
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

    fn shown(&self, plan: &PlanFile, now: Timestamp) -> Shown {
        let kept = match &self.resource {
            None => self.own.get(&plan.id),
            Some((scope, _)) => self.below.get(&(scope.path().to_owned(), plan.id.clone())),
        };
        Shown { name: plan.id.clone(), kind: None, properties: self.members(plan, now), kept: kept.cloned() }
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
    fn is_enforced(&self, plan: &str) -> bool {
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

#[derive(PartialEq, Eq)]
enum Tier {
    Free,
    Standard,
}

fn tier(setting: &Map<String, Value>) -> Tier {
    if setting.get("pricingTier").and_then(Value::as_str) == Some("Free") { Tier::Free } else { Tier::Standard }
}

fn members(object: &ArmObject) -> Map<String, Value> {
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

/// What is kept of a change.
pub(super) fn prepared(
    catalog: &Catalog,
    at: &PlansAt,
    target: &Target,
    name: &str,
    mut given: Map<String, Value>,
    now: Timestamp,
) -> Result<Map<String, Value>, ApiError> {
    let plan = catalog.plans.get(name).ok_or_else(|| ApiError::not_found("such plan"))?;
    if let Some(resource) = &target.resource {
        check_resource(plan, at, resource.type_name.as_str(), &given)?;
    }
    let before = at.shown(plan, now);
    let had = |member: &str| before.kept.as_ref().and_then(|kept| kept.document.get(member)).cloned();
    let is_on = tier(&given) == Tier::Standard;
    let mut mistakes = Vec::new();
    match given.get("subPlan").and_then(Value::as_str).map(str::to_owned) {
        Some(wanted) => match plan.sub_plans.iter().find(|own| own.eq_ignore_ascii_case(&wanted)) {
            Some(own) if is_on => drop(given.insert("subPlan".to_owned(), own.as_str().into())),
            // A plan that is off has no size; clients send back the one that it had.
            Some(_) => drop(given.remove("subPlan")),
            None => {
                let known = if plan.sub_plans.is_empty() { "none".to_owned() } else { plan.sub_plans.join(", ") };
                mistakes
                    .push(mistake("properties.subPlan", format!("the plan `{name}` has no sub-plan `{wanted}`; it has {known}")));
            }
        },
        None if is_on => {
            let size = had("subPlan").or_else(|| Some(plan.default_sub_plan.clone()?.into()));
            given.extend(size.map(|size| ("subPlan".to_owned(), size)));
        }
        None => {}
    }
    mistakes.extend(check_extensions(plan, &mut given));
    if !mistakes.is_empty() {
        return Err(refused(mistakes));
    }
    if let Some(extensions) = had("extensions").filter(|_| !given.contains_key("extensions")) {
        given.insert("extensions".to_owned(), extensions);
    }
    if is_on {
        let was_on = before.kept.as_ref().is_some_and(|kept| tier(&members(kept)) == Tier::Standard);
        let since = had("enablementTime").filter(|_| was_on).unwrap_or_else(|| json!(now));
        given.insert("enablementTime".to_owned(), since);
    }
    Ok(given)
}

/// That a plan can be set at a resource of a type, and so.
fn check_resource(plan: &PlanFile, at: &PlansAt, type_name: &str, given: &Map<String, Value>) -> Result<(), ApiError> {
    let name = &plan.id;
    let Some(resources) = plan.resources.as_ref().filter(|own| own.types.iter().any(|own| own == type_name)) else {
        let known = plan.resources.as_ref().map_or_else(|| "none".to_owned(), |own| own.types.join(", "));
        let message =
            format!("the plan `{name}` can't be set at a resource of type {type_name}; types of resources that can: {known}");
        return Err(refused(vec![mistake("properties.pricingTier", message)]));
    };
    if given.contains_key("enforce") {
        let message = "`enforce` is set at a subscription, for what lies below it".to_owned();
        return Err(refused(vec![mistake("properties.enforce", message)]));
    }
    if at.is_enforced(name) {
        let message = format!(
            "the plan `{name}` is enforced at {}, so no resource below can differ; set `enforce` to False there first",
            at.subscription.path()
        );
        return Err(ApiError::new(StatusCode::CONFLICT, "PricingEnforced", message).with_target("properties".to_owned()));
    }
    let size = given.get("subPlan").and_then(Value::as_str).or(plan.default_sub_plan.as_deref());
    let is_size = |own: &str| resources.sub_plans.iter().any(|known| known.eq_ignore_ascii_case(own));
    if tier(given) == Tier::Standard && size.is_some_and(|own| !is_size(own)) {
        let known = resources.sub_plans.join(", ");
        let message = format!("at a resource the plan `{name}` is switched on with the sub-plan {known}, or off");
        return Err(refused(vec![mistake("properties.subPlan", message)]));
    }
    Ok(())
}

/// Spells the names of extensions as the plan does.
fn check_extensions(plan: &PlanFile, given: &mut Map<String, Value>) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let mut seen = BTreeSet::new();
    let given = given.get_mut("extensions").and_then(Value::as_array_mut).map_or(&mut [][..], Vec::as_mut_slice);
    for (index, own) in given.iter_mut().enumerate() {
        let at = format!("properties.extensions[{index}]");
        let wanted = own.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let Some(known) = plan.extensions.iter().find(|known| known.name.eq_ignore_ascii_case(&wanted)) else {
            let names: Vec<&str> = plan.extensions.iter().map(|own| own.name.as_str()).collect();
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let message = format!("the plan `{}` has no extension `{wanted}`; it has {names}", plan.id);
            mistakes.push(mistake(&format!("{at}.name"), message));
            continue;
        };
        if !seen.insert(known.name.as_str()) {
            mistakes.push(mistake(&format!("{at}.name"), format!("the extension `{wanted}` stands twice")));
        }
        let more = own.get("additionalExtensionProperties").and_then(Value::as_object);
        for name in more.into_iter().flat_map(Map::keys).filter(|name| !known.properties.contains(name)) {
            let names = if known.properties.is_empty() { "none".to_owned() } else { known.properties.join(", ") };
            let message = format!("the extension `{wanted}` has no setting `{name}`; it has {names}");
            mistakes.push(mistake(&format!("{at}.additionalExtensionProperties.{name}"), message));
        }
        if let Some(members) = own.as_object_mut() {
            members.insert("name".to_owned(), known.name.as_str().into());
        }
    }
    mistakes
}

fn mistake(target: &str, message: String) -> Mistake {
    Mistake { target: target.to_owned(), message }
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
