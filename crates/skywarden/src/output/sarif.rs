//! SARIF 2.1.0: one run, a rule per recommendation that was tried, a result per reason that is unhealthy or unknown.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
};

use anyhow::Context as _;
use serde::{
    Serialize, Serializer,
    ser::{self, SerializeSeq as _},
};
use serde_json::{Value, json};
use skywarden_content::Catalog;
use skywarden_model::{Evidence, ResourceHead, Severity, Status};
use skywarden_posture::Reported;

use super::joined::{Described, Join, Joined, Verdict, described, environment, fingerprint, reason};

/// Longest text of a message; viewers show a line or two.
const MAX_MESSAGE: usize = 1000;

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Value,
    automation_details: Value,
    invocations: [Value; 1],
    results: Results<'a>,
}

/// Written one by one: there can be as many as verdicts.
struct Results<'a> {
    join: &'a Join<'a>,
    positions: BTreeMap<&'a str, usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult<'a> {
    rule_id: &'a str,
    rule_index: usize,
    kind: &'static str,
    level: &'static str,
    message: Value,
    locations: [Value; 1],
    fingerprints: BTreeMap<&'static str, String>,
    partial_fingerprints: BTreeMap<&'static str, String>,
    properties: Properties<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties<'a> {
    resource_type: &'a str,
    account: &'a str,
    region: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a skywarden_model::Cause>,
    evidence: &'a [Evidence],
}

/// Writes the log.
pub(crate) fn write(catalog: &Catalog, assessed: &Reported, out: &mut dyn Write) -> anyhow::Result<()> {
    let join = Join::of(catalog, assessed);
    let mut tried: BTreeSet<&str> = BTreeSet::new();
    for joined in join.iter() {
        tried.extend(joined?.reasons().iter().map(|verdict| verdict.id));
    }
    let mut rules: Vec<Described<'_>> = Vec::with_capacity(tried.len());
    for id in tried {
        rules.push(described(catalog, id).with_context(|| format!("the catalog lacks `{id}`, of which there is a verdict"))?);
    }
    let positions = rules.iter().enumerate().map(|(position, rule)| (rule.id, position)).collect();
    let tool = json!({ "driver": {
        "name": "Skywarden",
        "version": env!("CARGO_PKG_VERSION"),
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "informationUri": env!("CARGO_PKG_REPOSITORY"),
        "rules": rules.iter().map(rule).collect::<Vec<Value>>(),
    }});
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool,
            automation_details: json!({ "id": "skywarden/" }),
            invocations: [invocation(assessed)],
            results: Results { join: &join, positions },
        }],
    };
    serde_json::to_writer(&mut *out, &log)?;
    writeln!(out)?;
    Ok(())
}

/// What could not be read stands here, since the results say nothing about what was not seen.
fn invocation(assessed: &Reported) -> Value {
    let notifications: Vec<Value> = super::coverage_problems(&assessed.coverage)
        .into_iter()
        .map(|problem| json!({ "level": "warning", "message": { "text": plain(&problem) } }))
        .collect();
    json!({
        "executionSuccessful": true,
        "endTimeUtc": format!("{:.3}", assessed.taken_at),
        "toolExecutionNotifications": notifications,
    })
}

fn rule(described: &Described<'_>) -> Value {
    let cloud = environment(described.type_name).to_string().to_lowercase();
    let mut tags = vec!["security".to_owned(), cloud];
    tags.extend(described.categories.iter().cloned());
    let remediation = described.remediation;
    let mut text = remediation.steps.trim().to_owned();
    let mut markdown = format!("{}\n\n**Remediation:** {}", described.description.trim(), remediation.steps.trim());
    if let Some(command) = &remediation.cli {
        text.push_str(&format!("\n{command}"));
        markdown.push_str(&format!("\n\n```sh\n{}\n```", command.trim_end()));
    }
    if let Some(terraform) = &remediation.terraform {
        markdown.push_str(&format!("\n\n```hcl\n{}\n```", terraform.trim_end()));
    }
    let mut rule = json!({
        "id": described.id,
        "name": pascal_case(described.id),
        "shortDescription": { "text": described.title },
        "fullDescription": { "text": described.description.trim() },
        // Commands in it are copied from viewers, which show it as it is: its braces stay single.
        "help": { "text": text, "markdown": markdown },
        "defaultConfiguration": { "level": level(described.severity) },
        "properties": {
            "security-severity": security_severity(described.severity),
            "precision": "very-high",
            "tags": tags,
            "resourceType": described.type_name,
            "compliance": described.compliance,
        },
    });
    if let (Some(link), Some(members)) = (remediation.links.first(), rule.as_object_mut()) {
        members.insert("helpUri".to_owned(), link.as_str().into());
    }
    rule
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut results = serializer.serialize_seq(None)?;
        for joined in self.join.iter() {
            let joined = joined.map_err(ser::Error::custom)?;
            for verdict in joined.reasons() {
                if let Some(result) = result(&joined, &verdict, &self.positions) {
                    results.serialize_element(&result)?;
                }
            }
        }
        results.end()
    }
}

fn result<'a>(joined: &Joined<'a>, verdict: &Verdict<'a>, positions: &BTreeMap<&str, usize>) -> Option<SarifResult<'a>> {
    // Only `fail` may have a level; `open` says that what was there did not suffice to decide.
    let (kind, level) = match verdict.status {
        Status::Unhealthy => ("fail", level(verdict.severity)),
        Status::Unknown => ("open", "none"),
        Status::Healthy | Status::NotApplicable => return None,
    };
    let resource = joined.resource;
    let state = if kind == "fail" { "Not so" } else { "Could not be found out" };
    let text = format!("{}. {state} on {}: {}", verdict.title, resource.name, reason(verdict));
    let fingerprint = fingerprint(joined.assessment.recommendation, resource.id.as_str(), verdict.finding);
    Some(SarifResult {
        rule_id: verdict.id,
        rule_index: positions.get(verdict.id).copied()?,
        kind,
        level,
        message: json!({ "text": plain(&text) }),
        locations: [location(resource, verdict.evidence)],
        partial_fingerprints: BTreeMap::from([("primaryLocationLineHash", fingerprint.clone())]),
        fingerprints: BTreeMap::from([("skywarden/v1", fingerprint)]),
        properties: Properties {
            resource_type: resource.type_name.as_str(),
            account: &resource.scope.account,
            region: &resource.scope.resource_group,
            cause: verdict.cause,
            evidence: verdict.evidence,
        },
    })
}

fn location(resource: &ResourceHead, evidence: &[Evidence]) -> Value {
    let logical = json!({
        "name": resource.name,
        "fullyQualifiedName": resource.id.as_str(),
        "kind": "resource",
        "properties": { "type": resource.type_name.as_str() },
    });
    json!({ "physicalLocation": physical_location(resource, evidence), "logicalLocations": [logical] })
}

/// A file of the machine where the evidence names one. A cloud resource is none, but code scanning shows no result without an
/// artifact, so it gets a relative path made of its scope, type and name.
fn physical_location(resource: &ResourceHead, evidence: &[Evidence]) -> Value {
    let file = evidence.first().and_then(|evidence| evidence.source.as_deref()).filter(|source| source.starts_with('/'));
    if let Some(source) = file {
        let line = source.rsplit_once(':').and_then(|(path, line)| Some((path, line.parse::<u64>().ok()?)));
        let (path, line) = line.map_or((source, 1), |(path, line)| (path, line.max(1)));
        return json!({
            "artifactLocation": { "uri": format!("file://{}", percent_encoded(path, &['/'])) },
            "region": { "startLine": line },
        });
    }
    let scope = &resource.scope;
    let parts = [&*scope.account, &*scope.resource_group, &resource.type_name.as_str().replace("::", "."), &resource.name];
    let path: Vec<String> = parts.iter().map(|part| percent_encoded(part, &[])).collect();
    json!({ "artifactLocation": { "uri": path.join("/") }, "region": { "startLine": 1 } })
}

/// A part of a URI, with everything but unreserved characters and those kept as `%XX`.
fn percent_encoded(text: &str, kept: &[char]) -> String {
    let mut encoded = String::with_capacity(text.len());
    // `.` and `..` would be steps in the path.
    let is_step = text.chars().all(|character| character == '.');
    for character in text.chars() {
        let is_unreserved = character.is_ascii_alphanumeric() || ['-', '.', '_', '~'].contains(&character);
        if (is_unreserved && !is_step) || kept.contains(&character) {
            encoded.push(character);
        } else {
            let mut bytes = [0; 4];
            encoded.extend(character.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")));
        }
    }
    encoded
}

/// Text of a message: braces are placeholders and `[x](y)` a link in SARIF, and names from outside must be neither.
fn plain(text: &str) -> String {
    let short: String = text.chars().take(MAX_MESSAGE).collect();
    short.replace('{', "{{").replace('}', "}}").replace("](", "] (")
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}

/// Code scanning makes critical, high, medium and low of it: over 9, from 7, from 4, above 0.
fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.5",
    }
}

/// SARIF's form of a rule's name: `aws-s3-bucket-public` is `AwsS3BucketPublic`.
fn pascal_case(id: &str) -> String {
    let capital = |part: &str| {
        let mut letters = part.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
    };
    id.split('-').map(capital).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_outside_are_no_links_and_no_placeholders() {
        assert_eq!(plain("[click](http://127.0.0.1/) {0}"), "[click] (http://127.0.0.1/) {{0}}");
        assert_eq!(percent_encoded("../<b>\"\n", &[]), "..%2F%3Cb%3E%22%0A");
        assert_eq!(percent_encoded("..", &[]), "%2E%2E");
        assert_eq!(percent_encoded("/etc/ssh config", &['/']), "/etc/ssh%20config");
    }

    #[test]
    fn rules_have_names_in_pascal_case() {
        assert_eq!(pascal_case("aws-s3-bucket-public"), "AwsS3BucketPublic");
    }
}
