use std::collections::BTreeMap;

use skywarden_model::{Assessment, Cause, CauseCode, Exemption, ExemptionCategory, ExemptionScope, Resource, Status, Timestamp};

/// Sets aside what exemptions cover at an instant.
///
/// A waiver makes the assessment NotApplicable with cause `Exempt`, a mitigation NotApplicable with cause `ExemptMitigated`, which
/// counts as healthy in the score. An exemption of one finding does the same to that finding, and the assessment is settled anew.
pub fn apply_exemptions(assessments: &mut [Assessment], resources: &[Resource], exemptions: &[Exemption], now: Timestamp) {
    let holding: Vec<&Exemption> =
        exemptions.iter().filter(|exemption| exemption.expires_at.is_none_or(|end| now < end)).collect();
    if holding.is_empty() {
        return;
    }
    let by_id: BTreeMap<&str, &Resource> = resources.iter().map(|resource| (resource.id.as_str(), resource)).collect();
    for assessment in assessments {
        let Some(resource) = by_id.get(assessment.resource.as_str()) else { continue };
        for exemption in &holding {
            if *exemption.recommendation != *assessment.recommendation || !covers(&exemption.scope, resource) {
                continue;
            }
            match &exemption.finding {
                None => {
                    assessment.status = Status::NotApplicable;
                    assessment.cause = Some(cause(exemption));
                }
                Some(id) => {
                    let found = assessment.findings.iter_mut().find(|finding| *finding.id == **id);
                    if let Some(finding) = found {
                        finding.status = Status::NotApplicable;
                        finding.cause = Some(cause(exemption));
                        settle_by_findings(assessment);
                    }
                }
            }
        }
    }
}

/// Unhealthy if any finding is, else Unknown if any is, else Healthy; NotApplicable without findings that apply.
pub(crate) fn settle_by_findings(assessment: &mut Assessment) {
    let is_exempt =
        assessment.cause.as_ref().is_some_and(|cause| matches!(cause.code, CauseCode::Exempt | CauseCode::ExemptMitigated));
    if is_exempt {
        return;
    }
    let any = |wanted| assessment.findings.iter().any(|finding| finding.status == wanted);
    assessment.cause = None;
    assessment.status = if any(Status::Unhealthy) {
        Status::Unhealthy
    } else if any(Status::Unknown) {
        Status::Unknown
    } else if any(Status::Healthy) {
        Status::Healthy
    } else {
        Status::NotApplicable
    };
    if assessment.status == Status::Unknown {
        let unknown: Vec<&Cause> = assessment
            .findings
            .iter()
            .filter(|finding| finding.status == Status::Unknown)
            .filter_map(|finding| finding.cause.as_ref())
            .collect();
        let mut permissions: Vec<String> = unknown.iter().flat_map(|cause| cause.permissions.clone()).collect();
        permissions.sort();
        permissions.dedup();
        let code = unknown.first().map_or(CauseCode::Unreadable, |cause| cause.code);
        assessment.cause = Some(Cause { code, message: format!("{} rules could not be judged", unknown.len()), permissions });
    }
}

fn covers(scope: &ExemptionScope, resource: &Resource) -> bool {
    match scope {
        ExemptionScope::Tenant => true,
        ExemptionScope::Subscription { account } => *account == *resource.scope.account,
        ExemptionScope::ResourceGroup { account, resource_group } => {
            *account == *resource.scope.account && *resource_group == *resource.scope.resource_group
        }
        ExemptionScope::Resource { id } => *id == resource.id,
    }
}

fn cause(exemption: &Exemption) -> Cause {
    let code = match exemption.category {
        ExemptionCategory::Waiver => CauseCode::Exempt,
        ExemptionCategory::Mitigated => CauseCode::ExemptMitigated,
    };
    let end = exemption.expires_at.map(|end| format!(" until {end}")).unwrap_or_default();
    Cause { code, message: format!("exempted{end} by {}: {}", exemption.created_by, exemption.reason), permissions: Vec::new() }
}
