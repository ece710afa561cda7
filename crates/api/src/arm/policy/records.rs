//! A state as `Microsoft.PolicyInsights` has it.

use serde_json::{Map, Value, json};
use skywarden_model::ArmId;
use skywarden_policy::{ComplianceState, Library, Scope};
use skywarden_store::PolicyStateRow;

use super::place::place_of;
use crate::{
    arm::{ground::id_of, restrictions::expression},
    odata::Row,
};

/// What a record has, in Azure's names; the last four are ours.
pub(super) const FIELDS: [&str; 36] = [
    "timestamp",
    "resourceId",
    "policyAssignmentId",
    "policyDefinitionId",
    "effectiveParameters",
    "isCompliant",
    "subscriptionId",
    "resourceType",
    "resourceLocation",
    "resourceGroup",
    "resourceTags",
    "policyAssignmentName",
    "policyAssignmentOwner",
    "policyAssignmentParameters",
    "policyAssignmentScope",
    "policyDefinitionName",
    "policyDefinitionAction",
    "policyDefinitionCategory",
    "policySetDefinitionId",
    "policySetDefinitionName",
    "policySetDefinitionOwner",
    "policySetDefinitionCategory",
    "policySetDefinitionParameters",
    "managementGroupIds",
    "policyDefinitionReferenceId",
    "complianceState",
    "policyDefinitionGroupNames",
    "policyDefinitionVersion",
    "policySetDefinitionVersion",
    "policyAssignmentVersion",
    "policyExemptionIds",
    "firstEvaluatedAt",
    "nativeResourceId",
    "resourceName",
    "complianceReasonCode",
    "complianceReason",
];

/// A state by name.
pub(super) struct Record(pub(super) Map<String, Value>);

impl Row for Record {
    fn field(&self, name: &str) -> Value {
        let found =
            self.0.get(name).or_else(|| self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, own)| own));
        found.cloned().unwrap_or_default()
    }
}

/// Azure's word for a state. It has one for what could not be found out and for what nobody attested.
pub(super) fn state_name(state: ComplianceState) -> &'static str {
    match state {
        ComplianceState::Unread => ComplianceState::Unknown.name(),
        other => other.name(),
    }
}

/// Whether what decided is told too.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Detail {
    Plain,
    Evaluation,
}

/// A state as a record.
pub(super) fn record(library: &Library, row: &PolicyStateRow, detail: Detail) -> Record {
    let governance = &library.governance;
    let assignment = governance.assignment(&row.assignment);
    let definition = governance.definition(&row.definition);
    let initiative = row.details.initiative.as_deref();
    let set = initiative.and_then(|id| governance.initiative(id));
    let place = place_of(&row.connector, &row.account, &row.resource_group);
    let id = ArmId::of_parts(&row.resource.as_str().into(), &place);
    let is_azures = id.as_str() == row.resource;
    let groups: Vec<String> = governance
        .hierarchy
        .of_parts("", &place)
        .into_iter()
        .filter_map(|own| if let Scope::ManagementGroup(name) = own { Some(name) } else { None })
        .collect();
    let last = |id: &str| id.rsplit('/').next().unwrap_or_default().to_owned();
    let parameters = assignment.map(|own| {
        let values: Map<String, Value> =
            own.parameters.iter().map(|(name, value)| (name.clone(), json!({ "value": value }))).collect();
        Value::Object(values).to_string()
    });
    let (code, reason) = reason(row);
    let values = json!({
        "@odata.id": null,
        "@odata.context": null,
        "timestamp": row.state_changed_at,
        "resourceId": id.as_str(),
        "policyAssignmentId": assignment.map_or(row.assignment.as_str(), |own| own.id.as_str()),
        "policyDefinitionId": row.definition,
        "effectiveParameters": null,
        "isCompliant": row.state == ComplianceState::Compliant,
        "subscriptionId": id_of(&row.connector, &row.account),
        "resourceType": row.type_name,
        // Elsewhere a resource group stands for a region.
        "resourceLocation": Some(&row.resource_group).filter(|_| !is_azures),
        "resourceGroup": row.resource_group,
        "resourceTags": null,
        "policyAssignmentName": assignment.map(|own| own.name.as_str()).unwrap_or_default(),
        "policyAssignmentOwner": null,
        "policyAssignmentParameters": parameters,
        "policyAssignmentScope": assignment.map(|own| own.scope.to_string()),
        "policyDefinitionName": last(&row.definition),
        "policyDefinitionAction": row.effect.to_lowercase(),
        "policyDefinitionCategory": definition.and_then(|own| own.category.as_deref()),
        "policySetDefinitionId": initiative,
        "policySetDefinitionName": initiative.map(last),
        "policySetDefinitionOwner": null,
        "policySetDefinitionCategory": set.and_then(|own| own.category.as_deref()),
        "policySetDefinitionParameters": null,
        "managementGroupIds": groups.join(","),
        "policyDefinitionReferenceId": row.reference,
        "complianceState": state_name(row.state),
        "policyDefinitionGroupNames": row.details.groups,
        "policyDefinitionVersion": definition.and_then(|own| own.version.as_deref()),
        "policySetDefinitionVersion": set.and_then(|own| own.version.as_deref()),
        "policyAssignmentVersion": null,
        "policyExemptionIds": row.details.exemption.iter().collect::<Vec<_>>(),
        "firstEvaluatedAt": row.first_evaluated_at,
        "nativeResourceId": row.resource,
        "resourceName": row.name,
        "complianceReasonCode": code,
        "complianceReason": reason,
    });
    let mut own = values.as_object().cloned().unwrap_or_default();
    if detail == Detail::Evaluation {
        let expressions: Vec<Value> = row.details.evidence.iter().map(expression).collect();
        own.insert("policyEvaluationDetails".to_owned(), json!({ "evaluatedExpressions": expressions }));
    }
    Record(own)
}

/// Why a state is as it is: what was missing where it could not be found out, else what the assignment tells the owner.
fn reason(row: &PolicyStateRow) -> (&'static str, Option<String>) {
    let details = &row.details;
    let unreadable = details.unreadable.iter().map(|own| format!("{}: {}", own.field, own.reason.sentence()));
    let sentences: Vec<String> = unreadable.chain(details.error.clone()).collect();
    match row.state {
        ComplianceState::Unread if details.error.is_some() => ("RuleFailed", Some(sentences.join("; "))),
        ComplianceState::Unread => ("Unreadable", Some(sentences.join("; "))),
        ComplianceState::Unknown => ("NotAttested", details.message.clone()),
        ComplianceState::Conflicting => ("Conflict", details.message.clone()),
        ComplianceState::NonCompliant => ("Violated", details.message.clone()),
        ComplianceState::Compliant => ("Met", None),
        ComplianceState::Protected => ("Protected", None),
        ComplianceState::Exempt => ("Exempt", None),
    }
}
