use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AlertLevel, Intent, TestKind};

/// `content/incidents/ID.yaml`: a kind of incident, that is which alerts together are one attack of a known shape.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IncidentKindFile {
    /// Equals the file's name without `.yaml`.
    pub id: String,
    /// What incidents of this kind are called.
    pub title: String,
    /// The name of the reference's row that it stands for, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What happened and what to look at, for the person who gets the incident.
    pub description: String,
    /// How much its incidents matter; absent: as much as their worst alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<AlertLevel>,
    /// What to do, first things first.
    pub remediation: Vec<String>,
    /// Any of them makes an incident of this kind.
    pub scenarios: Vec<Scenario>,
    /// Alerts that are an incident of this kind, and some that are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<IncidentTest>,
}

/// Alerts that share something and have, together, all steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What happens: `somebody gets in, then mines on the same machine`.
    pub title: String,
    /// What all its alerts share; of several, each.
    pub same: Vec<Shared>,
    /// In which order the steps come.
    #[serde(default)]
    pub order: StepOrder,
    /// How far apart two of its alerts may be, from end to beginning: `30m`, `6h`, `2d`; at most seven days.
    pub within: String,
    /// What must be there; at most eight. An alert counts for one step only.
    pub steps: Vec<IncidentStep>,
}

/// What alerts may share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Shared {
    /// Who did it.
    Actor,
    /// A public address that is no gateway of many.
    Address,
    /// A resource, machine or container.
    Resource,
    /// A machine.
    Host,
    /// A Kubernetes cluster.
    Cluster,
    /// A command line, or a program that is not everywhere.
    Process,
    /// A session or an access key.
    Session,
    /// A domain.
    Domain,
    /// The account, subscription or machine whose log it is.
    Account,
    /// The detection.
    Detection,
    /// An ATT&CK technique; sub-techniques count as theirs.
    Technique,
}

/// In which order the steps of a scenario come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StepOrder {
    /// In any.
    #[default]
    Any,
    /// One after the other, as they are written; not in the same instant.
    Steps,
    /// In any, but some alert is further along the kill chain than one that began before it.
    KillChain,
}

/// A set of alerts, so many of which must be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IncidentStep {
    /// An alert counts that fits one of them.
    pub any_of: Vec<AlertFilter>,
    /// So many alerts; one if nothing is said.
    #[serde(default = "one")]
    pub at_least: u32,
    /// Of so many different detections.
    #[serde(default = "one")]
    pub different_detections: u32,
    /// On so many different resources or machines.
    #[serde(default = "one")]
    pub different_resources: u32,
}

fn one() -> u32 {
    1
}

/// Which alerts are meant: those that fit all that is said. Of a list one is enough; an empty one asks nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AlertFilter {
    /// Plans.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub plans: Vec<String>,
    /// Names of detections; `*` stands for anything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub detections: Vec<String>,
    /// Names of detections that are not meant; `*` stands for anything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
    /// Steps of the kill chain.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub intents: Vec<Intent>,
    /// ATT&CK techniques, with their sub-techniques: `T1496`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub techniques: Vec<String>,
    /// Words of the alert's title or of its detection's name, whatever their case: what finds alerts of other people's rules too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
    /// The alert matters at least so much.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<AlertLevel>,
}

/// Alerts and whether they are one incident of this kind.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IncidentTest {
    /// The situation.
    pub name: String,
    /// `attack`: all alerts are one incident of this kind. Else no incident is of this kind.
    pub kind: TestKind,
    /// In order of time.
    pub alerts: Vec<TestAlert>,
}

/// An alert of a test; what is not said is that of its detection.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestAlert {
    /// The detection.
    pub detection: String,
    /// So long after the alert before it; ten minutes if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Another severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<AlertLevel>,
    /// Whose log it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Whom it is about: kind of entity (`account`, `ip`, `host`, `cloud-resource`) -> ids.
    #[serde(default)]
    pub entities: BTreeMap<String, Vec<String>>,
}

/// Whether a text is as a pattern says, in which `*` stands for anything; case does not matter.
pub fn is_like(text: &str, pattern: &str) -> bool {
    let (text, pattern) = (text.to_lowercase(), pattern.to_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::is_like;

    #[test]
    fn a_star_stands_for_anything() {
        for (text, pattern, expected) in [
            ("aws-user-made", "aws-user-made", true),
            ("AWS-user-made", "aws-*", true),
            ("aws-user-made", "*-user-*", true),
            ("aws-user-made", "*made", true),
            ("aws-user-made", "*", true),
            ("aws-user-made", "aws", false),
            ("aws-user-made", "*user", false),
            ("abab", "ab*ab", true),
            ("ab", "ab*ab", false),
            ("a.b/c/writes", "*/write", false),
            ("a.b/c/listKeys/action", "*/list*/action", true),
            ("a.b/blocklist/action", "*/list*/action", false),
            ("ab", "ab*b", false),
            ("aXbXc", "a*b*c", true),
            ("aXcXb", "a*b*c", false),
        ] {
            assert_eq!(is_like(text, pattern), expected, "{text} {pattern}");
        }
    }
}
