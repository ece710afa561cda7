use std::collections::BTreeMap;

use schemars::schema_for;
use serde_json::Value;

use crate::{
    AwsService, BaselineRuleFile, CollectorFile, DetectionFile, FactFile, IncidentKindFile, LogSourceFile, OverrideFile,
    PlanFile, RecommendationFile, RiskFactorFile, SecretFile, SecureScoreFile, StandardFile,
};

/// The JSON Schema of each kind of content file, by the kind's name.
pub fn schemas() -> BTreeMap<&'static str, Value> {
    BTreeMap::from([
        ("aws-service", schema_for!(AwsService).to_value()),
        ("baseline-rule", schema_for!(BaselineRuleFile).to_value()),
        ("collector", schema_for!(CollectorFile).to_value()),
        ("detection", schema_for!(DetectionFile).to_value()),
        ("fact", schema_for!(FactFile).to_value()),
        ("risk-factor", schema_for!(RiskFactorFile).to_value()),
        ("incident", schema_for!(IncidentKindFile).to_value()),
        ("log-source", schema_for!(LogSourceFile).to_value()),
        ("override", schema_for!(OverrideFile).to_value()),
        ("plan", schema_for!(PlanFile).to_value()),
        ("recommendation", schema_for!(RecommendationFile).to_value()),
        ("secret", schema_for!(SecretFile).to_value()),
        ("secure-score", schema_for!(SecureScoreFile).to_value()),
        ("standard", schema_for!(StandardFile).to_value()),
    ])
}
