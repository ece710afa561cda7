use std::fmt;

use serde::{Deserialize, Serialize};

/// How bad a violation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// Fix when convenient.
    Low,
    /// Fix in the normal course.
    Medium,
    /// Fix soon.
    High,
    /// Fix now.
    Critical,
}

/// How much work the remediation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Effort {
    /// Minutes.
    Low,
    /// Hours.
    Moderate,
    /// Days or a project.
    High,
}

/// How much users notice of the remediation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum UserImpact {
    /// Hardly at all.
    Low,
    /// Somewhat.
    Moderate,
    /// A lot.
    High,
}

macro_rules! display_as_debug {
    ($($name:ty),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.pad(&format!("{self:?}"))
            }
        }
    )*};
}
display_as_debug!(Severity, Effort, UserImpact, crate::Status, crate::Environment);
