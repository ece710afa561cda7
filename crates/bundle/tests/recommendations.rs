//! Recommendations as policy definitions: what they say of a resource stays the same.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "it reads files that were written for it")]

use std::path::PathBuf;

use serde_json::Value;
use skywarden_bundle::{NotPolicy, definition_of};
use skywarden_content::{Expectation, RecommendationFile, Source};
use skywarden_policy::{Definition, NoNeighbours, State};
use skywarden_rule::{Input, Parameters};

/// Those of Azure's types, written for this test.
fn azure() -> Vec<RecommendationFile> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testkit/policies/azure"));
    let mut paths: Vec<PathBuf> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        let source = Source::parse(&text).unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
        serde_json::from_value(source.value).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    paths.iter().map(read).collect()
}

/// Every test inside a recommendation, judged by the definition that it became; the number of tests.
fn holds(file: &RecommendationFile, document: &Value) -> usize {
    let text = document.to_string();
    let definition =
        Definition::parse(&serde_json::from_str(&text).unwrap()).unwrap_or_else(|errors| panic!("{}: {errors:?}", file.id));
    for test in &file.tests {
        let given: Parameters = test.parameters.clone();
        let bound = definition.bind(&given).unwrap_or_else(|errors| panic!("{}: {errors:?}", file.id));
        let (resource, facts, now) = (test.resource(&file.type_name), test.fact_sheet(), test.instant());
        let input = Input { resource: &resource, facts: Some(&facts), parameters: &given, around: None, now };
        let state = bound.judge(&input, &NoNeighbours).state;
        let is_same = match test.expect {
            Expectation::Healthy => state == State::Compliant,
            Expectation::Unhealthy => state == State::NonCompliant,
            Expectation::NotApplicable => matches!(state, State::Compliant | State::NotApplicable),
            // That it is not known whether a recommendation applies is lost where nothing is violated.
            Expectation::Unknown => state == State::Unknown || (file.applies_if.is_some() && state == State::Compliant),
        };
        assert!(is_same, "{}: `{}` should be {:?} and is {state:?}", file.id, test.name, test.expect);
    }
    file.tests.len()
}

#[test]
fn every_recommendation_that_has_a_condition_becomes_a_definition_that_judges_the_same() {
    let files = RecommendationFile::embedded().unwrap();
    let (mut n_definitions, mut n_tests, mut refused) = (0, 0, Vec::new());
    for file in &files {
        match definition_of(file, &file.id) {
            Ok(document) => {
                n_definitions += 1;
                n_tests += holds(file, &document);
            }
            Err(NotPolicy::Findings) if file.findings_from.is_some() => {}
            Err(NotPolicy::NotKnown) if !file.unknown_if.is_empty() => {}
            Err(NotPolicy::Fact { field }) if file.type_name.starts_with("Microsoft.") && field.starts_with("facts.") => {}
            Err(problem) => refused.push(format!("{}: {problem}", file.id)),
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    assert!(n_definitions > 900 && n_tests > 4000, "{n_definitions} definitions, {n_tests} tests");
}

#[test]
fn fields_of_azures_types_become_aliases() {
    let files = azure();
    assert!(files.len() >= 4);
    let mut aliases = Vec::new();
    for file in &files {
        let document = definition_of(file, &file.id).unwrap();
        assert!(holds(file, &document) >= 3);
        let condition = document["properties"]["policyRule"]["if"].to_string();
        assert!(!condition.contains("\"properties."), "{condition}");
        aliases.extend(condition.split('"').filter(|part| part.starts_with("Microsoft.")).map(str::to_owned));
    }
    for alias in [
        "Microsoft.Storage/storageAccounts/supportsHttpsTrafficOnly",
        "Microsoft.Network/virtualNetworks/subnets[*].defaultOutboundAccess",
        "Microsoft.Compute/virtualMachines/imagePublisher",
        "Microsoft.Compute/virtualMachines/sku.name",
        "Microsoft.KeyVault/vaults/enablePurgeProtection",
    ] {
        assert!(aliases.iter().any(|own| own == alias), "{alias} is not among {aliases:?}");
    }
    let mut beyond = files.into_iter().next().unwrap();
    let nobody_knows = serde_json::json!({ "because": "nobody looked", "when": { "field": "kind", "exists": false } });
    beyond.unknown_if = vec![serde_json::from_value(nobody_knows).unwrap()];
    assert_eq!(definition_of(&beyond, "x").unwrap_err(), NotPolicy::NotKnown);
    beyond.unknown_if.clear();
    beyond.violated_if = Some(serde_json::json!({ "field": "facts.exposure.internet", "equals": true }));
    let problem = definition_of(&beyond, "x").unwrap_err();
    assert!(problem.to_string().contains("facts.exposure.internet"), "{problem}");
}
