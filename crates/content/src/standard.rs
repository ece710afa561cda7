use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `content/standards/ID.yaml`: the tree of a compliance standard's controls, in our own words.
///
/// Which recommendations and baseline rules cover a control stands in them (`compliance:`), in the control (`checks:`), or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StandardFile {
    /// Equals the file's name without `.yaml`: `cis-aws-5.0`.
    pub id: String,
    /// `CIS AWS Foundations Benchmark 5.0`.
    pub title: String,
    /// What it is for, in a sentence.
    pub description: String,
    /// The version of the standard.
    pub version: String,
    /// For which environments it is shown: `aws`, `host`, `azure`, `gcp`, `kubernetes`.
    pub environments: Vec<String>,
    /// Whether it is there only in subscriptions in which some plan is on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub any_plan: bool,
    /// The first level of the tree.
    pub controls: Vec<ComplianceControl>,
}

/// A control of a standard, or a section that holds controls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ComplianceControl {
    /// The standard's own number: `2.1.4`, `NS-2`.
    pub id: String,
    /// What it asks for, in our own words.
    pub title: String,
    /// Set on a control that no configuration can answer: what a person has to check, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manual: Option<String>,
    /// Ids of recommendations and baseline rules that cover it, beside those that name it themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<String>,
    /// Controls below this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<ComplianceControl>,
}

impl StandardFile {
    /// The file as YAML, as `content/standards/ID.yaml` has it.
    pub fn to_yaml(&self) -> String {
        let mut yaml = String::new();
        for (name, text) in
            [("id", &self.id), ("title", &self.title), ("description", &self.description), ("version", &self.version)]
        {
            push_text(&mut yaml, 0, name, text);
        }
        push_list(&mut yaml, 0, "environments", &self.environments);
        if self.any_plan {
            yaml.push_str("any_plan: true\n");
        }
        yaml.push_str("controls:\n");
        push_controls(&mut yaml, 1, &self.controls);
        yaml
    }
}

fn push_controls(yaml: &mut String, depth: usize, controls: &[ComplianceControl]) {
    for control in controls {
        let from = yaml.len();
        push_text(yaml, depth + 1, "id", &control.id);
        // The first member stands behind the dash.
        yaml.replace_range(from + 2 * depth..from + 2 * depth + 1, "-");
        push_text(yaml, depth + 1, "title", &control.title);
        if let Some(manual) = &control.manual {
            push_text(yaml, depth + 1, "manual", manual);
        }
        if !control.checks.is_empty() {
            push_list(yaml, depth + 1, "checks", &control.checks);
        }
        if !control.controls.is_empty() {
            yaml.push_str(&format!("{}controls:\n", "  ".repeat(depth + 1)));
            push_controls(yaml, depth + 2, &control.controls);
        }
    }
}

fn push_text(yaml: &mut String, depth: usize, name: &str, text: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(yaml, "{}{name}: {}", "  ".repeat(depth), quoted(text));
}

fn push_list(yaml: &mut String, depth: usize, name: &str, elements: &[String]) {
    let elements: Vec<String> = elements.iter().map(|element| quoted(element)).collect();
    let _ = writeln!(yaml, "{}{name}: [{}]", "  ".repeat(depth), elements.join(", "));
}

/// A text as JSON writes it is one as YAML does.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Source;

    fn control(below: Vec<ComplianceControl>, texts: &[String; 3], checks: Vec<String>) -> ComplianceControl {
        let [id, title, manual] = texts.clone();
        ComplianceControl { id, title, manual: (!manual.is_empty()).then_some(manual), checks, controls: below }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            texts in prop::array::uniform3("(\\PC|[\n\t\"\\\\#: \u{0}\u{85}\u{2028}\u{feff}-]){0,12}"),
            checks in prop::collection::vec("[a-z-]{1,8}", 0..3),
        ) {
            let leaf = control(Vec::new(), &texts, checks.clone());
            let section = control(vec![leaf.clone(), control(vec![leaf.clone()], &texts, Vec::new())], &texts, checks.clone());
            let [id, title, description] = texts;
            let file = StandardFile { id, title, description, version: "1".to_owned(), any_plan: checks.len() > 1, environments: checks, controls: vec![section, leaf] };
            let yaml = file.to_yaml();
            let source = Source::parse(&yaml).map_err(|error| TestCaseError::fail(format!("{error:?}\n{yaml}")))?;
            let read: StandardFile = serde_json::from_value(source.value).map_err(|error| TestCaseError::fail(format!("{error}\n{yaml}")))?;
            prop_assert_eq!(read, file, "{}", yaml);
        }
    }
}
