//! Whether a plan can be set as somebody wants it, and what is kept of that.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use skywarden_content::{Catalog, PlanFile};
use skywarden_model::Timestamp;
use skywarden_store::{Expected, PRICINGS};

use super::{
    behave::this_second,
    check::{Mistake, refused},
    plans::{PlansAt, Tier, members, tier},
    target::Target,
};
use crate::{error::ApiError, scoped::Scoped};

/// Sets a plan of a whole account to what `pricings` takes; judging by it is [`super::judge_anew`]'s.
///
/// # Errors
/// If it can't be set so.
pub(in crate::arm) async fn set_in_account(
    state: &Scoped,
    (connector, account): (&str, &str),
    plan: &str,
    given: Map<String, Value>,
) -> Result<(), ApiError> {
    let target = Target::at_account(connector, account);
    let at = PlansAt::read(state, &target).await?;
    let now = this_second();
    let document = Value::Object(prepared(&state.catalog, &at, &target, plan, given, now)?);
    state.store.put_arm_object(PRICINGS, &target.scope, plan, &document, Expected::Anything, now).await?;
    Ok(())
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
