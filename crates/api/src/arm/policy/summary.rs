//! `Microsoft.PolicyInsights/policyStates/latest/summarize`: how many resources and definitions are in which state.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, Query},
};
use serde_json::{Value, json};
use skywarden_policy::{ComplianceState, Library, ObjectKind};
use skywarden_store::PolicyStateRow;

use super::{
    place::PolicyPath,
    records::state_name,
    scan::{Scan, StatesQuery},
};
use crate::{arm::Answer, error::ApiError, scoped::Scoped};

pub(crate) async fn summarize(
    kind: Option<ObjectKind>,
    state: Scoped,
    Path(path): Path<PolicyPath>,
    Query(query): Query<StatesQuery>,
) -> Answer {
    let given = [("$select", &query.select), ("$orderby", &query.order_by), ("$apply", &query.apply)];
    if let Some((name, _)) = given.iter().find(|(_, value)| value.as_deref().is_some_and(|text| !text.is_empty())) {
        return Err(ApiError::bad_request(format!(
            "`{name}` is nothing that a summary takes; `$filter`, `$from`, `$to` and `$top` are"
        )));
    }
    let kept = state.store.policy_library().await?;
    let scan = Scan::of(&state, &kept.library, kind, &path, &query).await?;
    let rows = scan.all().await?;
    let address = Address { base: format!("{}{}", state.base, scan.place.prefix), filter: query.filter.clone() };
    let mut whole = Tally::default();
    let mut assignments: BTreeMap<&str, Part<'_>> = BTreeMap::new();
    for (row, _) in &rows {
        whole.add(row);
        assignments.entry(&row.assignment).or_default().add(row);
    }
    let top = query.top.unwrap_or(usize::MAX);
    let mut shown: Vec<Value> = Vec::new();
    for (id, part) in assignments.into_iter().take(top) {
        let assignment = kept.library.governance.assignment(id);
        let id = assignment.map_or(id, |own| own.id.as_str());
        let filter = format!("policyAssignmentId eq '{}'", id.replace('\'', "''"));
        let of_definition = |(reference, (own, row)): (&str, (Tally<'_>, &PolicyStateRow))| {
            let filter = format!("{filter} and policyDefinitionReferenceId eq '{}'", reference.replace('\'', "''"));
            json!({ "policyDefinitionId": row.definition, "policyDefinitionReferenceId": reference, "effect": row.effect.to_lowercase(),
                    "policyDefinitionGroupNames": row.details.groups, "results": own.results(&address, Some(&filter)) })
        };
        let definitions: Vec<Value> = part.definitions.into_iter().map(of_definition).collect();
        let groups: Vec<Value> = part
            .groups
            .into_iter()
            .map(|(name, own)| json!({ "policyGroupName": name, "results": own.results(&address, Some(&filter)) }))
            .collect();
        shown.push(json!({
            "policyAssignmentId": id,
            "policySetDefinitionId": assignment.and_then(|own| initiative(&kept.library, &own.definition_id)),
            "results": part.whole.results(&address, Some(&filter)),
            "policyDefinitions": definitions,
            "policyGroups": groups,
        }));
    }
    let context = format!("{}/providers/Microsoft.PolicyInsights/policyStates/$metadata#summary", address.base);
    Ok(Json(json!({
        "@odata.context": context,
        "@odata.count": 1,
        "value": [{ "@odata.id": null, "@odata.context": format!("{context}/$entity"), "results": whole.results(&address, None),
                    "policyAssignments": shown }],
    })))
}

fn initiative<'l>(library: &'l Library, id: &str) -> Option<&'l str> {
    library.governance.initiative(id).map(|own| own.id.as_str())
}

/// Where the states behind a number are.
struct Address {
    base: String,
    filter: Option<String>,
}

/// What one assignment finds: in all, by definition with a state of it, and by group.
#[derive(Default)]
struct Part<'r> {
    whole: Tally<'r>,
    definitions: BTreeMap<&'r str, (Tally<'r>, &'r PolicyStateRow)>,
    groups: BTreeMap<&'r str, Tally<'r>>,
}

impl<'r> Part<'r> {
    fn add(&mut self, row: &'r PolicyStateRow) {
        self.whole.add(row);
        self.definitions.entry(&row.reference).or_insert_with(|| (Tally::default(), row)).0.add(row);
        for group in &row.details.groups {
            self.groups.entry(group).or_default().add(row);
        }
    }
}

/// The state that prevails of each resource, of each definition under its assignment, and of each group.
#[derive(Default)]
struct Tally<'r> {
    resources: BTreeMap<&'r str, ComplianceState>,
    definitions: BTreeMap<(&'r str, &'r str), ComplianceState>,
    groups: BTreeMap<(&'r str, &'r str), ComplianceState>,
}

impl<'r> Tally<'r> {
    fn add(&mut self, row: &'r PolicyStateRow) {
        worst(&mut self.resources, &row.resource, row.state);
        worst(&mut self.definitions, (&row.assignment, &row.reference), row.state);
        for group in &row.details.groups {
            worst(&mut self.groups, (&row.assignment, group), row.state);
        }
    }

    fn results(&self, address: &Address, filter: Option<&str>) -> Value {
        let both = match (&address.filter, filter) {
            (Some(own), Some(more)) => format!("({own}) and {more}"),
            (own, more) => own.as_deref().or(more).unwrap_or_default().to_owned(),
        };
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("api-version", "2019-10-01");
        if !both.is_empty() {
            query.append_pair("$filter", &both);
        }
        let uri =
            format!("{}/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults?{}", address.base, query.finish());
        json!({
            "queryResultsUri": uri,
            "nonCompliantResources": violating(self.resources.values()),
            "nonCompliantPolicies": violating(self.definitions.values()),
            "resourceDetails": details(self.resources.values()),
            "policyDetails": details(self.definitions.values()),
            "policyGroupDetails": details(self.groups.values()),
        })
    }
}

fn worst<K: Ord>(states: &mut BTreeMap<K, ComplianceState>, key: K, state: ComplianceState) {
    let own = states.entry(key).or_insert(state);
    *own = (*own).min(state);
}

fn violating<'s>(states: impl Iterator<Item = &'s ComplianceState>) -> usize {
    states.filter(|own| **own == ComplianceState::NonCompliant).count()
}

/// Azure writes the states in lower case here.
fn details<'s>(states: impl Iterator<Item = &'s ComplianceState>) -> Vec<Value> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for state in states {
        *counts.entry(state_name(*state).to_lowercase()).or_default() += 1;
    }
    counts.into_iter().map(|(state, count)| json!({ "complianceState": state, "count": count })).collect()
}
