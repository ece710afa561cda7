//! Loads, lints and links the files under `content/` into one immutable catalog, and runs the tests inside them.
//!
//! Reads files and nothing else; never evaluates a rule on real resources (that is `posture`) and never calls a cloud.

mod azure;
mod azure_ids;
mod baseline;
mod catalog;
mod change;
mod collector;
mod compile;
mod control;
mod detection;
mod embedded;
mod fact;
mod incident;
mod lint;
mod load;
mod log_source;
mod overlay;
mod plan;
mod problem;
mod recommendation;
mod risk_factor;
mod run_tests;
mod schema_type;
mod schemas;
mod secret;
mod settings_exposure;
mod source;
mod standard;
mod test_case;
mod verdict;

pub use azure::{
    AzureAnswer, AzureChildren, AzureCollector, AzureJoin, AzureLevel, AzureParent, AzurePlane, AzureRead, GraphTable, JoinCount,
};
pub use azure_ids::AzureIds;
pub use baseline::BaselineRuleFile;
pub use catalog::{BaselineRule, Catalog, CompiledRule, Detection, NotKnown, Recommendation};
pub use change::{Again, ChangeById, ChangeEvents, ChangeFields, Changes};
pub use collector::{
    AwsConfig, AwsRequest, AwsService, Batch, CollectorFile, CollectorTest, Encoding, ExpectedResource, ExposurePaths, ListCall,
    Missing, Paging, Parent, Placement, Preparation, Protocol, ReadCall, Rest, Withheld,
};
pub use control::{SecureScoreFile, SecurityControl};
pub use detection::{
    AlertLevel, DetectionFile, DetectionPart, DetectionTest, Detector, IndicatorKind, Intent, Step, TestEvent, TestIndicator,
    TestKind,
};
pub use fact::{Also, FactFile, ManagedPolicies, Match, Related, Within};
pub use incident::{AlertFilter, IncidentKindFile, IncidentStep, IncidentTest, Scenario, Shared, StepOrder, TestAlert, is_like};
pub use lint::duration;
pub use log_source::{
    Cast, Envelope, EventId, EventMapping, LinePattern, LogFormat, LogSourceFile, LogSourceTest, Made, Names, Read, Scalar,
    SigmaView, Take, TimeField, Tuple,
};
pub use overlay::OverrideFile;
pub use plan::{PlanExtension, PlanFeature, PlanFile, PlanNeed, PlanResources};
pub use problem::Problem;
pub use recommendation::{
    Category, FindingsFrom, Maturity, ParameterDeclaration, ParameterType, RecommendationFile, Remediation, Threat, UnknownIf,
};
pub use risk_factor::{RiskFactor, RiskFactorFile, TellingTag};
pub use run_tests::{TestFailure, TestReport, run_tests};
pub use schema_type::{FieldType, ScalarType};
pub use schemas::schemas;
pub use secret::SecretFile;
pub use settings_exposure::{AddressRules, Closing, IfAbsent, Otherwise, ServicePort, Setting, SettingsDoor, SettingsExposure};
pub use source::{Source, SourceError};
pub use standard::{ComplianceControl, StandardFile};
pub use test_case::{Expectation, TestCase};
