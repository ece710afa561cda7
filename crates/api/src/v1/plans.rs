use axum::Json;
use serde_json::{Map, Value, json};
use skywarden_content::PlanFile;
use skywarden_model::Timestamp;

use super::Answer;
use crate::{
    arm::{AccountNames, id_of, objects::plans::PlansAt},
    scoped::Scoped,
};

/// Every plan, and how it is set in each subscription that the caller sees whole.
pub(crate) async fn list(state: Scoped) -> Answer {
    let now = Timestamp::now();
    let names = AccountNames::of(&state).await?;
    let mut subscriptions = Vec::new();
    let accounts = state.store.accounts(&state.filter).await?;
    // What is set for an account tells of all of it.
    for (connector, account) in accounts.into_iter().filter(|(connector, account)| state.filter.allows(connector, account)) {
        let at = PlansAt::of_account(&state, &connector, &account).await?;
        let pricings: Vec<Value> =
            at.properties(&state.catalog, now).into_iter().map(|(plan, properties)| pricing(plan, properties)).collect();
        subscriptions.push(json!({
            "id": id_of(&connector, &account),
            "displayName": names.title(&connector, &account),
            "connector": connector,
            "pricings": pricings,
        }));
    }
    let plans: Vec<Value> = state.catalog.plans.values().map(plan).collect();
    Ok(Json(json!({ "plans": plans, "subscriptions": subscriptions })))
}

fn plan(plan: &PlanFile) -> Value {
    let brings: Vec<Value> =
        plan.brings.iter().map(|own| json!({ "title": own.title, "built": own.built, "subPlans": own.sub_plans })).collect();
    let extensions: Vec<Value> =
        plan.extensions.iter().map(|own| json!({ "name": own.name, "title": own.title, "built": own.built })).collect();
    json!({ "name": plan.id, "title": plan.title, "description": plan.description, "brings": brings, "subPlans": plan.sub_plans,
            "extensions": extensions, "replacedBy": plan.replaced_by })
}

/// What ARM says of a plan, as the console wants it.
fn pricing(plan: &str, mut properties: Map<String, Value>) -> Value {
    let is_true = |value: Option<&Value>| value.and_then(Value::as_str) == Some("True");
    let extensions: Vec<Value> = properties
        .get("extensions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|own| json!({ "name": own.get("name"), "isEnabled": is_true(own.get("isEnabled")) }))
        .collect();
    let mut take = |name: &str| properties.remove(name);
    json!({
        "plan": plan,
        "tier": take("pricingTier"),
        "subPlan": take("subPlan"),
        "inherited": is_true(take("inherited").as_ref()),
        "inheritedFrom": take("inheritedFrom"),
        "enforce": is_true(take("enforce").as_ref()),
        "enablementTime": take("enablementTime"),
        "freeTrialRemainingTime": take("freeTrialRemainingTime"),
        "resourcesCoverageStatus": take("resourcesCoverageStatus"),
        "extensions": extensions,
    })
}
