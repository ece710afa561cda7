use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use skywarden_model::{FactSheet, Resource, Segment, Status, Timestamp};
use skywarden_rule::{Input, Rule, Truth};

use crate::TestCase;

/// `content/risk-factors/ID.yaml`: what makes anything that happens to a resource matter more. An alert on a resource with any of them is
/// one step more severe.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RiskFactorFile {
    /// Equals the file's name without `.yaml`.
    pub id: String,
    /// Its name: `Exposed to the internet`.
    pub title: String,
    /// The reason as a clause about the resource: `the internet reaches it`.
    pub because: String,
    /// What it means, in a sentence or two.
    pub description: String,
    /// Condition (Azure Policy grammar) over any resource with its tags and facts: where it holds, the factor does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holds_if: Option<Value>,
    /// Tags by which people say that it does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<TellingTag>,
    /// At least one Unhealthy (it holds), one Healthy (it does not) and one Unknown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<TestCase>,
}

/// A tag that says something, whatever the case of its letters and what stands between its words: `DataClass`, `data_class`, `Data class`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TellingTag {
    /// Its names, words with spaces between them.
    pub names: Vec<String>,
    /// The values that say so.
    pub values: Vec<String>,
}

/// A risk factor, ready to be looked for.
#[derive(Debug)]
pub struct RiskFactor {
    /// Its file, without its condition.
    pub file: RiskFactorFile,
    /// Its condition.
    pub(crate) holds_if: Option<Rule>,
}

impl RiskFactor {
    /// Whether a resource has it: Unhealthy if it does, Unknown if what would say so could not be read.
    pub fn verdict(&self, resource: &Resource, facts: Option<&FactSheet>, now: Timestamp) -> Status {
        let says = |(name, value): (&String, &String)| {
            let (name, value) = (letters(name), letters(value));
            let is_one = |words: &[String], own: &str| words.iter().any(|word| letters(word) == own);
            self.file.tags.iter().any(|tag| is_one(&tag.names, &name) && is_one(&tag.values, &value))
        };
        let tagged = resource.tags.iter().any(says);
        let parameters = BTreeMap::new();
        let input = Input { resource, facts, parameters: &parameters, around: None, now };
        let truth = self.holds_if.as_ref().map_or(Truth::False, |rule| rule.truth(&input));
        match truth {
            _ if tagged => Status::Unhealthy,
            Truth::True => Status::Unhealthy,
            Truth::Unknown => Status::Unknown,
            Truth::False if !self.file.tags.is_empty() && lacks_tags(resource) => Status::Unknown,
            Truth::False => Status::Healthy,
        }
    }
}

/// Whether tags could not be read.
fn lacks_tags(resource: &Resource) -> bool {
    let is_of_tags = |segment: &Segment| matches!(segment, Segment::Key(name) if name.eq_ignore_ascii_case("tags"));
    resource.unreadable.iter().any(|unreadable| unreadable.field.segments().first().is_some_and(is_of_tags))
}

/// Letters and digits alone, small.
fn letters(text: &str) -> String {
    text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
