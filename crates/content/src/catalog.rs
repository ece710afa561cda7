use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use skywarden_model::FieldPath;
use skywarden_rule::{Parameters, Rule};

use crate::{
    AwsService, BaselineRuleFile, CollectorFile, DetectionFile, FactFile, IncidentKindFile, LogSourceFile, PlanFile,
    RecommendationFile, RiskFactor, SecretFile, SecurityControl, StandardFile,
};

/// Everything under `content/`, checked, linked and compiled; never changes once built.
#[derive(Debug, Default)]
pub struct Catalog {
    /// By id.
    pub recommendations: BTreeMap<Arc<str>, Recommendation>,
    /// By platform (`linux`), then by id.
    pub baselines: BTreeMap<String, BTreeMap<Arc<str>, BaselineRule>>,
    /// In the order of the file: by maximum score.
    pub controls: Vec<SecurityControl>,
    /// By id.
    pub standards: BTreeMap<String, StandardFile>,
    /// By resource type.
    pub collectors: BTreeMap<String, CollectorFile>,
    /// By id.
    pub services: BTreeMap<String, AwsService>,
    /// By id.
    pub facts: BTreeMap<String, FactFile>,
    /// By id.
    pub secrets: BTreeMap<String, SecretFile>,
    /// By id.
    pub plans: BTreeMap<String, PlanFile>,
    /// What makes things that happen to a resource matter more, by id.
    pub risk_factors: BTreeMap<String, RiskFactor>,
    /// By id.
    pub log_sources: BTreeMap<String, LogSourceFile>,
    /// By name.
    pub detections: BTreeMap<String, Detection>,
    /// Kinds of incidents, by id.
    pub incidents: BTreeMap<String, IncidentKindFile>,
    /// Whether log sources, detections and kinds of incidents belong to it; else those of an overlay are left out too.
    pub(crate) holds_threats: bool,
}

/// A detection with the plan that it belongs to.
#[derive(Debug, Clone)]
pub struct Detection {
    /// The plan's id: the folder of its file.
    pub plan: String,
    /// Its file.
    pub file: DetectionFile,
}

/// A recommendation, ready to be evaluated.
#[derive(Debug)]
pub struct Recommendation {
    /// Its file; conditions, which are several times as large as what is compiled of them, are left out.
    pub file: RecommendationFile,
    /// The GUID under which the ARM face shows it.
    pub key: String,
    /// Its rule; `None` where the verdict is made of a baseline's findings.
    pub rule: Option<CompiledRule>,
}

/// A baseline rule, ready to be evaluated.
#[derive(Debug)]
pub struct BaselineRule {
    /// Its file, without its conditions.
    pub file: BaselineRuleFile,
    /// Its rule.
    pub rule: CompiledRule,
}

/// Applicability, violation, where nothing is known, and the parameters with a user's overrides.
#[derive(Debug)]
pub struct CompiledRule {
    /// Where it does not hold the verdict is NotApplicable; `None` applies to all.
    pub applies_if: Option<Rule>,
    /// Where it holds the verdict is Unhealthy.
    pub violated_if: Rule,
    /// What would be Healthy is Unknown where one of these holds; the first that does is the cause.
    pub unknown_if: Vec<NotKnown>,
    /// Values of the declared parameters.
    pub parameters: Parameters,
}

/// A case in which nothing is known, ready to be evaluated.
#[derive(Debug)]
pub struct NotKnown {
    /// Why, as people read it.
    pub because: Arc<str>,
    /// Where it holds nothing is known.
    pub when: Rule,
}

impl Catalog {
    /// The recommendations that judge a type, in order of their ids.
    pub fn recommendations_for<'a>(&'a self, type_name: &'a str) -> impl Iterator<Item = &'a Recommendation> {
        self.recommendations.values().filter(move |recommendation| recommendation.file.type_name == type_name)
    }

    /// The ids of today under which a recommendation or baseline rule is known: the id itself if it is one of them, else those
    /// that had it before; none if nobody had.
    pub fn current_ids(&self, id: &str) -> Vec<Arc<str>> {
        let recommendation = self.recommendations.get_key_value(id).map(|(own, _)| own);
        let rule = || self.baselines.values().find_map(|rules| rules.get_key_value(id)).map(|(own, _)| own);
        if let Some(own) = recommendation.or_else(rule) {
            return vec![Arc::clone(own)];
        }
        let recommendations = self.recommendations.iter().map(|(own, known)| (own, &known.file.aliases));
        let rules = self.baselines.values().flatten().map(|(own, rule)| (own, &rule.file.aliases));
        let had_it = recommendations.chain(rules).filter(|(_, aliases)| aliases.iter().any(|alias| alias == id));
        had_it.map(|(own, _)| Arc::clone(own)).collect()
    }

    /// The security control with an id.
    pub fn control(&self, id: &str) -> Option<&SecurityControl> {
        self.controls.iter().find(|control| control.id == id)
    }

    /// The operation that fills a field of a type, as its IAM action: `s3:GetBucketAcl`, `Microsoft.Sql/servers/read`; what evidence
    /// names as its source.
    pub fn source_of(&self, type_name: &str, field: &FieldPath) -> Option<Cow<'_, str>> {
        let collector = self.collectors.get(type_name)?;
        if let Some(azure) = &collector.azure {
            let reads = azure.reads.iter().map(|read| (&read.into, &read.permission));
            let mut calls = reads.chain(azure.joins.iter().map(|join| (&join.into, &join.permission)));
            let read = calls.find(|(into, _)| format!("properties.{into}").parse().is_ok_and(|own: FieldPath| own.covers(field)));
            return Some(match read {
                Some((_, permission)) => Cow::Borrowed(permission),
                None => Cow::Owned(azure.permission(type_name)),
            });
        }
        let read = collector.reads.iter().find(|read| {
            let filled = if read.into.is_empty() { read.fills.as_slice() } else { std::slice::from_ref(&read.into) };
            filled.iter().any(|name| format!("properties.{name}").parse().is_ok_and(|own: FieldPath| own.covers(field)))
        });
        let permission =
            read.map(|read| &read.request.permission).or(collector.list.as_ref().map(|list| &list.request.permission))?;
        Some(Cow::Borrowed(permission))
    }
}
