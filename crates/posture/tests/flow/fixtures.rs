//! A small catalog, and resources, listings and exemptions for it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Value, json};
use skywarden_content::{BaselineRule, Catalog, CompiledRule, Recommendation};
use skywarden_model::{
    Assessment, Carried, CauseCode, Coverage, Exemption, ExemptionCategory, ExemptionScope, FactTable, ListOutcome, Resource,
    Scope, Status, Timestamp, Unreadable, UnreadableKind, UnreadableReason,
};
use skywarden_posture::{Plans, evaluate};
use skywarden_rule::{Parameters, Rule};

pub(crate) const BUCKET: &str = "AWS::S3::Bucket";
pub(crate) const MACHINE: &str = "Skywarden.Host/machines";

pub(crate) fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    for (id, max_score) in [("public", 8), ("encrypt", 4), ("practice", 0)] {
        catalog.controls.push(
            serde_json::from_value(json!({ "id": id, "title": id, "description": id, "max_score": max_score, "key": id }))
                .unwrap(),
        );
    }
    let rule = |field: &str| json!({ "violated_if": { "field": field, "equals": false } });
    add(&mut catalog, "private", BUCKET, "public", rule("properties.Private"));
    add(&mut catalog, "encrypted", BUCKET, "encrypt", rule("properties.Encrypted"));
    add(&mut catalog, "named", BUCKET, "practice", rule("properties.Named"));
    let preview = json!({ "violated_if": { "field": "properties.Private", "exists": true }, "maturity": "preview" });
    add(&mut catalog, "preview", BUCKET, "public", preview);
    let deprecated = json!({ "violated_if": { "field": "type", "exists": true }, "maturity": "deprecated" });
    add(&mut catalog, "deprecated", BUCKET, "public", deprecated);
    let logs = json!({ "violated_if": { "field": "properties.Logged", "equals": false }, "applies_if": { "field": "tags.env", "equals": "prod" } });
    add(&mut catalog, "logged", BUCKET, "public", logs);
    add(&mut catalog, "baseline", MACHINE, "public", json!({ "findings_from": { "baseline": "linux" } }));
    let mut rules = BTreeMap::new();
    for id in ["ssh", "cron"] {
        let violated_if = json!({ "field": format!("properties.{id}"), "equals": "bad" });
        let applies_if = json!({ "field": format!("properties.{id}"), "notEquals": "none" });
        let file = json!({ "id": id, "title": id, "description": id, "type": MACHINE, "severity": "High",
            "compliance": { "cis": [format!("2.{id}")] }, "violated_if": violated_if, "remediation": { "steps": "x" } });
        let rule = compiled(&violated_if, Some(&applies_if));
        rules.insert(Arc::from(id), BaselineRule { file: serde_json::from_value(file).unwrap(), rule });
    }
    catalog.baselines.insert("linux".to_owned(), rules);
    let standard = json!({ "id": "cis", "title": "C", "description": "C", "version": "1", "environments": ["aws"], "controls": [
        { "id": "1", "title": "Storage", "controls": [
            { "id": "1.private", "title": "p" }, { "id": "1.encrypted", "title": "e" }, { "id": "1.logged", "title": "l" },
            { "id": "1.9", "title": "by hand", "manual": "ask" } ] },
        { "id": "2", "title": "Machines", "controls": [{ "id": "2.ssh", "title": "s" }, { "id": "2.cron", "title": "c" }] } ] });
    catalog.standards.insert("cis".to_owned(), serde_json::from_value(standard).unwrap());
    catalog
}

pub(crate) fn add(catalog: &mut Catalog, id: &str, type_name: &str, control: &str, more: Value) {
    let mut file = json!({ "id": id, "title": id, "description": id, "type": type_name, "severity": "High", "control": control,
        "categories": [], "threats": [], "effort": "Low", "user_impact": "Low", "remediation": { "steps": "x" },
        "compliance": { "cis": [format!("1.{id}")] } });
    let members = file.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    let rule = members.get("violated_if").map(|violated_if| compiled(violated_if, members.get("applies_if")));
    let recommendation = Recommendation { file: serde_json::from_value(file).unwrap(), key: id.to_owned(), rule };
    catalog.recommendations.insert(Arc::from(id), recommendation);
}

fn compiled(violated_if: &Value, applies_if: Option<&Value>) -> CompiledRule {
    let rule = |source: &Value| Rule::compile(source, &BTreeSet::new()).unwrap();
    CompiledRule {
        applies_if: applies_if.map(rule),
        violated_if: rule(violated_if),
        unknown_if: Vec::new(),
        parameters: Parameters::new(),
    }
}

pub(crate) fn resource(type_name: &str, id: &str, properties: Value) -> Resource {
    Resource {
        id: id.into(),
        type_name: type_name.into(),
        name: id.to_owned(),
        scope: Scope { connector: "c".into(), account: "1".into(), resource_group: "eu-west-1".into() },
        location: Some("eu-west-1".to_owned()),
        properties,
        carried: Carried::All,
        ..Resource::unknown()
    }
}

pub(crate) fn bucket(id: &str, private: bool, encrypted: bool) -> Resource {
    resource(BUCKET, id, json!({ "Private": private, "Encrypted": encrypted, "Named": true }))
}

fn reason() -> Arc<UnreadableReason> {
    Arc::new(UnreadableReason {
        kind: UnreadableKind::Denied,
        operation: "s3:ListBuckets".to_owned(),
        permission: Some("s3:ListAllMyBuckets".to_owned()),
        code: "AccessDenied".to_owned(),
        message: String::new(),
    })
}

pub(crate) fn refuse(resource: &mut Resource, field: &str) {
    resource.unreadable.push(Unreadable { field: format!("properties.{field}").parse().unwrap(), reason: reason() });
    resource.properties.as_object_mut().unwrap().remove(field);
}

pub(crate) fn refused_listing(type_name: &str, region: &str) -> Coverage {
    let outcome = ListOutcome::Failed { reason: reason() };
    Coverage { type_name: type_name.into(), account: "1".into(), region: region.into(), outcome, denied: Vec::new() }
}

pub(crate) fn judge(resources: &[Resource]) -> Vec<Assessment> {
    evaluate(&catalog(), &Plans::default(), resources, &FactTable::new(), Timestamp::UNIX_EPOCH)
}

pub(crate) fn status(assessments: &[Assessment], resource: &str, recommendation: &str) -> (Status, Option<CauseCode>) {
    let found = assessments.iter().find(|one| one.resource.as_str() == resource && &*one.recommendation == recommendation);
    let found = found.unwrap_or_else(|| panic!("{recommendation} on {resource} is missing"));
    (found.status, found.cause.as_ref().map(|cause| cause.code))
}

pub(crate) fn exemption(recommendation: &str, category: ExemptionCategory, scope: ExemptionScope) -> Exemption {
    Exemption {
        id: format!("{category:?}"),
        recommendation: recommendation.to_owned(),
        finding: None,
        scope,
        category,
        reason: "accepted".to_owned(),
        expires_at: None,
        created_at: Timestamp::UNIX_EPOCH,
        created_by: "someone".to_owned(),
    }
}
