use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ResourceId, Severity, UnreadableReason};

/// The verdict of a recommendation on a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Status {
    /// The resource is as it should be.
    Healthy,
    /// It is not.
    Unhealthy,
    /// The recommendation does not concern this resource, or a person has set it aside; see the cause.
    NotApplicable,
    /// It could not be found out; see the cause.
    Unknown,
}

/// A recommendation on a resource, with what the verdict rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Assessment {
    /// The recommendation's id.
    pub recommendation: Arc<str>,
    /// The resource's id.
    pub resource: ResourceId,
    /// The verdict.
    pub status: Status,
    /// Why the verdict is NotApplicable or Unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Arc<Cause>>,
    /// The observations that decided; empty only for NotApplicable.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub evidence: Arc<[Evidence]>,
    /// Single reasons inside the assessment: one per baseline rule, CVE or the like.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub findings: Box<[Finding]>,
}

/// An assessment where it is kept, whatever its form there; the members are those of [`Assessment`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AssessmentRef<'a> {
    /// See [`Assessment::recommendation`].
    pub recommendation: &'a str,
    /// See [`Assessment::resource`].
    pub resource: &'a ResourceId,
    /// See [`Assessment::status`].
    pub status: Status,
    /// See [`Assessment::cause`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<&'a Cause>,
    /// See [`Assessment::evidence`].
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub evidence: &'a [Evidence],
    /// See [`Assessment::findings`].
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub findings: &'a [Finding],
}

impl<'a> From<&'a Assessment> for AssessmentRef<'a> {
    fn from(assessment: &'a Assessment) -> Self {
        let Assessment { recommendation, resource, status, cause, evidence, findings } = assessment;
        Self { recommendation, resource, status: *status, cause: cause.as_deref(), evidence, findings }
    }
}

/// Why a verdict is neither Healthy nor Unhealthy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// The class of the cause.
    pub code: CauseCode,
    /// A sentence for people.
    pub message: String,
    /// The rights whose lack explains an Unknown, sorted, without repeats.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<String>,
}

impl Cause {
    /// That of a recommendation whose `applies_if` does not hold.
    pub fn does_not_apply() -> Self {
        Self {
            code: CauseCode::DoesNotApply,
            message: "the recommendation does not concern this resource".to_owned(),
            permissions: Vec::new(),
        }
    }
}

/// The class of a cause; `OffByPolicy` and `Exempt` are Defender's own codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CauseCode {
    /// The recommendation's `applies_if` does not hold.
    DoesNotApply,
    /// The recommendation is switched off.
    OffByPolicy,
    /// A waiver covers it.
    Exempt,
    /// A mitigation outside the product covers it.
    ExemptMitigated,
    /// A field that decides could not be read.
    Unreadable,
    /// The resource was not seen in the last run because its listing failed.
    NotListed,
    /// The rule failed on this resource (a template function on a value that it can't take).
    RuleError,
}

/// One observation that decided a verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// The field, with list positions: `properties.IpPermissions[0].FromPort`.
    pub field: Arc<str>,
    /// The condition that was tested, as words: `equals true`, `count less 1`.
    pub expected: Arc<str>,
    /// What was there.
    pub actual: Actual,
    /// Where it was read: `s3:GetPublicAccessBlock`, `/etc/ssh/sshd_config:12`; `None` if the source does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Arc<str>>,
}

/// What was found at a field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Actual {
    /// This value; longer than 1 KiB as JSON, it is cut.
    Value(Value),
    /// The field is known to be absent.
    Absent,
    /// The field could not be read.
    Unreadable(Arc<UnreadableReason>),
}

/// A sub-assessment: one reason inside an assessment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The rule or vulnerability, unique within the assessment: a baseline rule's id, a CVE.
    pub id: Arc<str>,
    /// What it is about, as a desired state.
    pub title: Arc<str>,
    /// How bad it is.
    pub severity: Severity,
    /// The verdict of this one.
    pub status: Status,
    /// Why the verdict is NotApplicable or Unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Arc<Cause>>,
    /// The observations that decided.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub evidence: Arc<[Evidence]>,
}
