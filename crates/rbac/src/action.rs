use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::RoleError;

/// Which actions are meant: `Microsoft.Security/*/read`. A `*` stands for any text, slashes too; case does not matter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ActionPattern(String);

/// Longest pattern.
const MAX_LENGTH: usize = 256;

impl ActionPattern {
    /// Whether an action is meant.
    pub fn matches(&self, action: &str) -> bool {
        let Some((head, rest)) = self.0.split_once('*') else { return self.0.eq_ignore_ascii_case(action) };
        let Some(mut left) = strip_prefix(action, head) else { return false };
        let mut parts = rest.split('*').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                return ends_with(left, part);
            }
            let Some(below) = after(left, part) else { return false };
            left = below;
        }
        true
    }
}

impl FromStr for ActionPattern {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"./*-_".contains(&byte);
        if text.is_empty() || text.len() > MAX_LENGTH || !text.bytes().all(is_plain) {
            return Err(RoleError::Action(text.chars().take(MAX_LENGTH).collect()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for ActionPattern {
    type Error = RoleError;

    fn try_from(text: String) -> Result<Self, RoleError> {
        text.parse()
    }
}

impl From<ActionPattern> for String {
    fn from(pattern: ActionPattern) -> Self {
        pattern.0
    }
}

impl fmt::Display for ActionPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

fn strip_prefix<'t>(text: &'t str, start: &str) -> Option<&'t str> {
    text.get(..start.len()).filter(|own| own.eq_ignore_ascii_case(start))?;
    text.get(start.len()..)
}

fn ends_with(text: &str, end: &str) -> bool {
    let start = text.len().checked_sub(end.len());
    start.and_then(|start| text.get(start..)).is_some_and(|own| own.eq_ignore_ascii_case(end))
}

/// What stands after the first occurrence of a part.
fn after<'t>(text: &'t str, part: &str) -> Option<&'t str> {
    (0..=text.len().checked_sub(part.len())?).find_map(|start| text.get(start..).and_then(|rest| strip_prefix(rest, part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, action: &str) -> bool {
        pattern.parse::<ActionPattern>().unwrap().matches(action)
    }

    #[test]
    fn a_star_stands_for_any_text() {
        assert!(matches("*", "Microsoft.Security/assessments/read"));
        assert!(matches("*/read", "Microsoft.Security/assessments/READ"));
        assert!(!matches("*/read", "Microsoft.Security/assessments/write"));
        assert!(matches("Microsoft.Security/*", "microsoft.security/alerts/write"));
        assert!(!matches("Microsoft.Security/*", "Microsoft.SecurityInsights/x/read"));
        assert!(matches("Microsoft.Authorization/*/Write", "Microsoft.Authorization/roleAssignments/write"));
        assert!(matches("a/*/b/*/c", "a/1/2/b/3/b/4/c"));
        assert!(!matches("a/*/b/*/c", "a/1/b/c"));
        assert!(!matches("Microsoft.Security/alerts/read", "Microsoft.Security/alerts/read/more"));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["", "a b", "a\n", "ä/read", &"a".repeat(257)] {
            assert!(text.parse::<ActionPattern>().is_err(), "{text}");
        }
    }
}
