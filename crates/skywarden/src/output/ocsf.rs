//! OCSF 1.9.0-dev Compliance Findings: one JSON object a line for each assessment that is unhealthy, unknown or healthy.

use std::io::Write;

use serde_json::{Map, Value, json};
use skywarden_content::{Catalog, RecommendationFile};
use skywarden_model::{Environment, Evidence, ResourceHead, Severity, Status};
use skywarden_posture::Reported;

use super::joined::{Join, Joined, Verdict, environment, fingerprint, reason};

/// The version of the schema that the lines follow.
pub(crate) const SCHEMA_VERSION: &str = "1.9.0-dev";

/// Writes the lines.
pub(crate) fn write(catalog: &Catalog, assessed: &Reported, out: &mut dyn Write) -> anyhow::Result<()> {
    for joined in Join::of(catalog, assessed).iter() {
        let joined = joined?;
        let Some(check) = check_status(joined.assessment.status) else { continue };
        serde_json::to_writer(&mut *out, &finding(catalog, assessed, &joined, check))?;
        writeln!(out)?;
    }
    Ok(())
}

/// A value of an enumeration with its caption.
type Choice = (u8, &'static str);

/// Of `compliance.status_id`. A warning is, by the schema, a check without result for want of information. What is not
/// applicable is no check of the resource, and has no line.
fn check_status(status: Status) -> Option<Choice> {
    match status {
        Status::Healthy => Some((1, "Pass")),
        Status::Unknown => Some((2, "Warning")),
        Status::Unhealthy => Some((3, "Fail")),
        Status::NotApplicable => None,
    }
}

fn severity_choice(severity: Severity) -> Choice {
    match severity {
        Severity::Low => (2, "Low"),
        Severity::Medium => (3, "Medium"),
        Severity::High => (4, "High"),
        Severity::Critical => (5, "Critical"),
    }
}

fn finding(catalog: &Catalog, assessed: &Reported, joined: &Joined<'_>, check: Choice) -> Value {
    let verdict = joined.whole();
    let file = &joined.recommendation.file;
    let (resource, is_healthy) = (joined.resource, verdict.status == Status::Healthy);
    // A line that asks for nothing must not be among the critical ones; the check keeps its own severity.
    let severity = if is_healthy { (1, "Informational") } else { severity_choice(verdict.severity) };
    let lifecycle = if is_healthy { (4, "Resolved") } else { (1, "New") };
    let uid = fingerprint(joined.assessment.recommendation, resource.id.as_str(), None);
    let reason = reason(&verdict);
    let time = assessed.taken_at.as_millisecond();
    let mut event = json!({
        "activity_id": 1, "activity_name": "Create",
        "category_uid": 2, "category_name": "Findings",
        "class_uid": 2003, "class_name": "Compliance Finding",
        "type_uid": 200_301, "type_name": "Compliance Finding: Create",
        "time": time,
        "severity_id": severity.0, "severity": severity.1,
        "status_id": lifecycle.0, "status": lifecycle.1,
        "message": sentence(&format!("{}: {} on {}", file.title, super::status_word(verdict.status), resource.name), &reason),
        "metadata": {
            "version": SCHEMA_VERSION,
            "uid": format!("{uid}-{time}"),
            "log_name": "assessments",
            "original_time": assessed.taken_at.to_string(),
            "product": { "name": "Skywarden", "vendor_name": "Skywarden", "version": env!("CARGO_PKG_VERSION") },
        },
        "finding_info": without_empty_lists(json!({
            "uid": uid,
            "title": file.title,
            "desc": file.description.trim(),
            "types": ["Misconfiguration"],
            "created_time": time,
            "analytic": { "type_id": 1, "type": "Rule", "uid": file.id, "name": file.title },
            "data_sources": data_sources(verdict.evidence),
        })),
        "compliance": compliance(catalog, joined, &verdict, check),
        "remediation": remediation(file),
        "resources": [resource_details(resource)],
        "evidences": verdict.evidence.iter().map(evidence).collect::<Vec<Value>>(),
    });
    if let Some(members) = event.as_object_mut() {
        add_place(members, resource);
    }
    without_empty_lists(event)
}

/// A healthy verdict has no reason to tell.
fn sentence(what: &str, reason: &str) -> String {
    if reason.is_empty() { what.to_owned() } else { format!("{what}: {reason}") }
}

fn without_empty_lists(mut object: Value) -> Value {
    if let Some(members) = object.as_object_mut() {
        members.retain(|_, value| value.as_array().is_none_or(|items| !items.is_empty()));
    }
    object
}

fn compliance(catalog: &Catalog, joined: &Joined<'_>, verdict: &Verdict<'_>, check: Choice) -> Value {
    let file = &joined.recommendation.file;
    let title = |standard: &str| catalog.standards.get(standard).map_or(standard, |file| file.title.as_str()).to_owned();
    let standards: Vec<String> = file.compliance.keys().map(|standard| title(standard)).collect();
    let requirements: Vec<String> =
        file.compliance.iter().flat_map(|(standard, ids)| ids.iter().map(move |id| format!("{standard} {id}"))).collect();
    let control = catalog.control(&file.control).map_or(file.control.as_str(), |control| control.title.as_str());
    let checks: Vec<Value> = joined.reasons().iter().filter_map(|reason| check_object(reason, joined.resource)).collect();
    let mut details = Vec::new();
    if let Some(cause) = verdict.cause {
        details.push(cause.message.clone());
        details.extend(cause.permissions.iter().map(|permission| format!("missing permission {permission}")));
    }
    let mut object = json!({
        "status_id": check.0, "status": check.1,
        "control": control,
        "desc": file.description.trim(),
        "checks": checks,
        "standards": standards,
        "requirements": requirements,
        "status_details": details,
    });
    if let (Some(cause), Some(members)) = (verdict.cause, object.as_object_mut()) {
        members.insert("status_code".to_owned(), format!("{:?}", cause.code).into());
    }
    without_empty_lists(object)
}

fn check_object(verdict: &Verdict<'_>, resource: &ResourceHead) -> Option<Value> {
    let (status_id, status) = check_status(verdict.status)?;
    let severity = severity_choice(verdict.severity);
    Some(json!({
        "uid": verdict.id,
        "name": verdict.title,
        "desc": sentence(&format!("{} on {}", super::status_word(verdict.status), resource.name), &reason(verdict)),
        "severity_id": severity.0, "severity": severity.1,
        "status_id": status_id, "status": status,
    }))
}

fn remediation(file: &RecommendationFile) -> Value {
    let mut desc = file.remediation.steps.trim().to_owned();
    if let Some(command) = &file.remediation.cli {
        desc.push_str(&format!("\n{command}"));
    }
    if file.remediation.links.is_empty() {
        return json!({ "desc": desc });
    }
    json!({ "desc": desc, "references": file.remediation.links })
}

fn resource_details(resource: &ResourceHead) -> Value {
    let tags: Vec<Value> = resource.tags.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let mut details = json!({
        "uid": resource.id.as_str(),
        "uid_alt": skywarden_model::ArmId::of(resource).to_string(),
        "name": resource.name,
        "type": resource.type_name.as_str(),
        "role_id": 1, "role": "Target",
        "namespace": &*resource.scope.account,
    });
    if let Some(members) = details.as_object_mut() {
        if !tags.is_empty() {
            members.insert("tags".to_owned(), tags.into());
        }
        if provider(resource).is_some() {
            members.insert("region".to_owned(), region(resource).into());
        }
    }
    details
}

fn evidence(evidence: &Evidence) -> Value {
    json!({ "name": evidence.field, "data": evidence })
}

fn data_sources(evidence: &[Evidence]) -> Vec<&str> {
    let mut sources: Vec<&str> = evidence.iter().filter_map(|entry| entry.source.as_deref()).collect();
    sources.sort_unstable();
    sources.dedup();
    sources
}

/// Says where the resource is: by `cloud`, which belongs to a profile that the event then names, or by `device`.
fn add_place(event: &mut Map<String, Value>, resource: &ResourceHead) {
    let Some(provider) = provider(resource) else {
        let device = json!({
            "type_id": 0, "type": "Unknown",
            "uid": resource.id.as_str(), "hostname": resource.name, "name": resource.name,
        });
        event.insert("device".to_owned(), device);
        return;
    };
    let account = match provider {
        "AWS" => json!({ "uid": &*resource.scope.account, "type_id": 10, "type": "AWS Account" }),
        "GCP" => json!({ "uid": &*resource.scope.account, "type_id": 11, "type": "GCP Project" }),
        "Azure" => json!({ "uid": &*resource.scope.account, "type_id": 13, "type": "Azure Subscription" }),
        _ => json!({ "uid": &*resource.scope.account }),
    };
    event.insert("cloud".to_owned(), json!({ "provider": provider, "region": region(resource), "account": account }));
    if let Some(metadata) = event.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("profiles".to_owned(), json!(["cloud"]));
    }
}

fn provider(resource: &ResourceHead) -> Option<&'static str> {
    match environment(resource.type_name.as_str()) {
        Environment::Aws => Some("AWS"),
        Environment::Azure => Some("Azure"),
        Environment::Gcp => Some("GCP"),
        Environment::Kubernetes => Some("Kubernetes"),
        Environment::OnPremise => None,
    }
}

fn region(resource: &ResourceHead) -> &str {
    resource.location.as_deref().unwrap_or(&resource.scope.resource_group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_neither_passes_nor_fails() {
        assert_eq!(check_status(Status::Unknown), Some((2, "Warning")));
        assert_eq!(check_status(Status::NotApplicable), None);
    }

    #[test]
    fn sources_are_named_once() {
        let entry = |source: Option<&str>| Evidence {
            field: "a".into(),
            expected: Default::default(),
            actual: skywarden_model::Actual::Absent,
            source: source.map(Into::into),
        };
        assert_eq!(data_sources(&[entry(Some("b")), entry(Some("a")), entry(Some("b")), entry(None)]), ["a", "b"]);
    }
}
