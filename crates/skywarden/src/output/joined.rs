use std::collections::{BTreeMap, HashMap};

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};
use skywarden_content::{Catalog, Recommendation, Remediation};
use skywarden_model::{Actual, AssessmentRef, Cause, Environment, Evidence, Finding, ResourceHead, Severity, Status};
use skywarden_posture::Reported;

/// An assessment with what it is about.
pub(crate) struct Joined<'a> {
    pub(crate) assessment: AssessmentRef<'a>,
    pub(crate) recommendation: &'a Recommendation,
    pub(crate) resource: &'a ResourceHead,
}

/// The assessments of a report with what they are about, made as they are asked for: there may be a million.
pub(crate) struct Join<'a> {
    catalog: &'a Catalog,
    assessed: &'a Reported,
    resources: HashMap<&'a str, &'a ResourceHead>,
}

impl<'a> Join<'a> {
    /// Of a report that this catalog judged.
    pub(crate) fn of(catalog: &'a Catalog, assessed: &'a Reported) -> Self {
        let resources = assessed.resources.iter().map(|resource| (resource.id.as_str(), resource)).collect();
        Self { catalog, assessed, resources }
    }

    /// Every assessment with its recommendation and resource, in the order of the assessments; an error if one of the two is not
    /// there, since leaving it out would make the report better than what was found.
    pub(crate) fn iter(&self) -> impl Iterator<Item = anyhow::Result<Joined<'a>>> {
        self.assessed.assessments.iter().map(|assessment| {
            let recommendation = self.catalog.recommendations.get(assessment.recommendation);
            let recommendation =
                recommendation.with_context(|| format!("the catalog lacks recommendation `{}`", assessment.recommendation))?;
            let resource = self.resources.get(assessment.resource.as_str());
            let resource = *resource.with_context(|| format!("the report lacks resource `{}`", assessment.resource))?;
            Ok(Joined { assessment, recommendation, resource })
        })
    }
}

/// One verdict: an assessment, or a finding inside it.
pub(crate) struct Verdict<'a> {
    /// The recommendation's or the baseline rule's.
    pub(crate) id: &'a str,
    pub(crate) title: &'a str,
    pub(crate) severity: Severity,
    pub(crate) status: Status,
    pub(crate) cause: Option<&'a Cause>,
    pub(crate) evidence: &'a [Evidence],
    /// The finding's, if it is one.
    pub(crate) finding: Option<&'a str>,
}

impl<'a> Joined<'a> {
    /// The assessment itself.
    pub(crate) fn whole(&self) -> Verdict<'a> {
        Verdict {
            id: &self.recommendation.file.id,
            title: &self.recommendation.file.title,
            severity: self.recommendation.file.severity,
            status: self.assessment.status,
            cause: self.assessment.cause,
            evidence: self.assessment.evidence,
            finding: None,
        }
    }

    /// The findings if there are any, else the assessment itself: each reason once.
    pub(crate) fn reasons(&self) -> Vec<Verdict<'a>> {
        if self.assessment.findings.is_empty() {
            return vec![self.whole()];
        }
        self.assessment.findings.iter().map(of_finding).collect()
    }
}

fn of_finding(finding: &Finding) -> Verdict<'_> {
    Verdict {
        id: &finding.id,
        title: &finding.title,
        severity: finding.severity,
        status: finding.status,
        cause: finding.cause.as_deref(),
        evidence: &finding.evidence,
        finding: Some(&finding.id),
    }
}

/// A name for a verdict that stays the same from run to run, whatever its status: a hash of what it is about.
pub(crate) fn fingerprint(recommendation: &str, resource: &str, finding: Option<&str>) -> String {
    let mut hash = Sha256::new();
    for part in [recommendation, resource, finding.unwrap_or_default()] {
        // The length keeps parts apart whatever they contain.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What was found at a field, as words.
pub(crate) fn found(evidence: &Evidence) -> String {
    match &evidence.actual {
        Actual::Value(value) => format!("{} is {value}", evidence.field),
        Actual::Absent => format!("{} is absent", evidence.field),
        Actual::Unreadable(reason) => reason.sentence(),
    }
}

/// Why a verdict is as it is, in a sentence.
pub(crate) fn reason(verdict: &Verdict<'_>) -> String {
    if let Some(cause) = verdict.cause {
        let permissions = cause.permissions.join(", ");
        return if permissions.is_empty() || permissions.split(", ").all(|permission| cause.message.contains(permission)) {
            cause.message.clone()
        } else {
            format!("{}; missing permission {permissions}", cause.message)
        };
    }
    verdict.evidence.first().map(found).unwrap_or_default()
}

/// The kind of environment that a type belongs to, from the form of its name.
pub(crate) fn environment(type_name: &str) -> Environment {
    if type_name.starts_with("AWS::") {
        Environment::Aws
    } else if type_name.starts_with("Skywarden.Host/") {
        Environment::OnPremise
    } else if type_name.contains(".googleapis.com/") {
        Environment::Gcp
    } else if type_name.starts_with("Microsoft.") {
        Environment::Azure
    } else {
        Environment::Kubernetes
    }
}

/// How a recommendation or a baseline rule is mended, and what it covers.
pub(crate) struct Described<'a> {
    pub(crate) id: &'a str,
    pub(crate) title: &'a str,
    pub(crate) description: &'a str,
    pub(crate) severity: Severity,
    pub(crate) type_name: &'a str,
    pub(crate) remediation: &'a Remediation,
    pub(crate) compliance: &'a BTreeMap<String, Vec<String>>,
    /// Defender's categories; none for baseline rules.
    pub(crate) categories: Vec<String>,
}

/// A recommendation or baseline rule by its id.
pub(crate) fn described<'a>(catalog: &'a Catalog, id: &str) -> Option<Described<'a>> {
    if let Some(recommendation) = catalog.recommendations.get(id) {
        let file = &recommendation.file;
        return Some(Described {
            id: &file.id,
            title: &file.title,
            description: &file.description,
            severity: file.severity,
            type_name: &file.type_name,
            remediation: &file.remediation,
            compliance: &file.compliance,
            categories: file.categories.iter().map(|category| format!("{category:?}")).collect(),
        });
    }
    let file = &catalog.baselines.values().find_map(|rules| rules.get(id))?.file;
    Some(Described {
        id: &file.id,
        title: &file.title,
        description: &file.description,
        severity: file.severity,
        type_name: &file.type_name,
        remediation: &file.remediation,
        compliance: &file.compliance,
        categories: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_tells_its_parts_apart() {
        let own = fingerprint("rule", "arn:x", None);
        assert_eq!(own, fingerprint("rule", "arn:x", None));
        assert_eq!(own.len(), 64);
        for other in
            [fingerprint("rulea", "rn:x", None), fingerprint("rule", "arn:", Some("x")), fingerprint("rule", "arn:y", None)]
        {
            assert_ne!(own, other);
        }
    }

    #[test]
    fn types_tell_their_environment() {
        assert_eq!(environment("AWS::S3::Bucket"), Environment::Aws);
        assert_eq!(environment("Skywarden.Host/machines"), Environment::OnPremise);
        assert_eq!(environment("storage.googleapis.com/Bucket"), Environment::Gcp);
        assert_eq!(environment("Microsoft.Storage/storageAccounts"), Environment::Azure);
        assert_eq!(environment("apps/Deployment"), Environment::Kubernetes);
    }
}
