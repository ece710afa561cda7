use std::{collections::BTreeMap, sync::Arc};

use skywarden_content::Catalog;
use skywarden_model::{
    Assessment, Cause, CauseCode, Exemption, ExemptionCategory, ExemptionScope, Finding, Placed, Status, Timestamp,
};

/// Sets aside what exemptions cover at an instant.
///
/// A waiver makes the assessment NotApplicable with cause `Exempt`, a mitigation NotApplicable with cause `ExemptMitigated`, which
/// counts as healthy in the score. An exemption of one finding does the same to that finding, and the assessment is settled anew.
/// What does not apply by itself stays as it is, or a mitigation for a whole tenant would make resources healthy that the
/// recommendation does not concern. Where a waiver and a mitigation cover the same, the waiver holds: it gives no points.
pub fn apply_exemptions<R: Placed>(assessments: &mut [Assessment], resources: &[R], exemptions: &[Exemption], now: Timestamp) {
    let exempting = Exempting::at(exemptions, now);
    if exempting.by_recommendation.is_empty() {
        return;
    }
    let by_id: BTreeMap<&str, &R> = resources.iter().map(|resource| (resource.id().as_str(), resource)).collect();
    for assessment in assessments {
        if let Some(resource) = by_id.get(assessment.resource.as_str()) {
            exempting.apply(assessment, *resource);
        }
    }
}

/// The exemptions that hold at an instant, by recommendation: waivers first.
pub(crate) struct Exempting<'e> {
    by_recommendation: BTreeMap<&'e str, Vec<&'e Exemption>>,
}

impl<'e> Exempting<'e> {
    pub(crate) fn at(exemptions: &'e [Exemption], now: Timestamp) -> Self {
        let mut by_recommendation: BTreeMap<&str, Vec<&Exemption>> = BTreeMap::new();
        for exemption in exemptions.iter().filter(|exemption| exemption.expires_at.is_none_or(|end| now < end)) {
            by_recommendation.entry(&exemption.recommendation).or_default().push(exemption);
        }
        for own in by_recommendation.values_mut() {
            own.sort_by(|left, right| (left.category, &left.id).cmp(&(right.category, &right.id)));
        }
        Self { by_recommendation }
    }

    /// Sets one assessment aside if they cover it; `resource` is the one that it is about.
    pub(crate) fn apply(&self, assessment: &mut Assessment, resource: &impl Placed) {
        if assessment.status == Status::NotApplicable {
            return;
        }
        let Some(own) = self.by_recommendation.get(assessment.recommendation.as_ref()) else { return };
        exempt(assessment, own.iter().copied().filter(|exemption| covers(&exemption.scope, resource)));
    }
}

/// Exemptions of former ids as exemptions of what has these ids' place now; one that was split is set aside in all its parts.
pub(crate) fn under_current_ids(catalog: &Catalog, exemptions: &[Exemption]) -> Vec<Exemption> {
    let current = |id: &str| match catalog.current_ids(id) {
        // A user's own content may come back.
        ids if ids.is_empty() => vec![id.into()],
        ids => ids,
    };
    let mut renamed = Vec::with_capacity(exemptions.len());
    for exemption in exemptions {
        let findings = exemption.finding.as_deref().map(current);
        for recommendation in current(&exemption.recommendation) {
            let mut own = exemption.clone();
            own.recommendation = recommendation.to_string();
            match &findings {
                None => renamed.push(own),
                Some(findings) => {
                    renamed.extend(findings.iter().map(|finding| Exemption { finding: Some(finding.to_string()), ..own.clone() }))
                }
            }
        }
    }
    renamed
}

fn exempt<'a>(assessment: &mut Assessment, exemptions: impl Iterator<Item = &'a Exemption>) {
    let (of_findings, whole): (Vec<&Exemption>, Vec<&Exemption>) = exemptions.partition(|exemption| exemption.finding.is_some());
    if let Some(exemption) = whole.first() {
        assessment.status = Status::NotApplicable;
        assessment.cause = Some(Arc::new(cause(exemption)));
        return;
    }
    let mut is_changed = false;
    for finding in assessment.findings.iter_mut().filter(|finding| finding.status != Status::NotApplicable) {
        let own = of_findings.iter().find(|exemption| exemption.finding.as_deref() == Some(finding.id.as_ref()));
        if let Some(exemption) = own {
            finding.status = Status::NotApplicable;
            finding.cause = Some(Arc::new(cause(exemption)));
            is_changed = true;
        }
    }
    if is_changed {
        settle_by_findings(assessment);
    }
}

/// Unhealthy if any finding is, else Unknown if any is, else Healthy; NotApplicable without findings that apply.
pub(crate) fn settle_by_findings(assessment: &mut Assessment) {
    let any = |wanted| assessment.findings.iter().any(|finding| finding.status == wanted);
    assessment.status = if any(Status::Unhealthy) {
        Status::Unhealthy
    } else if any(Status::Unknown) {
        Status::Unknown
    } else if any(Status::Healthy) {
        Status::Healthy
    } else {
        Status::NotApplicable
    };
    assessment.cause = match assessment.status {
        Status::Healthy | Status::Unhealthy => None,
        Status::Unknown => Some(Arc::new(unknown_cause(&assessment.findings))),
        Status::NotApplicable => Some(Arc::new(not_applicable_cause(&assessment.findings))),
    };
}

/// How an exemption shows in a cause; `None` if the cause is another.
pub(crate) fn exemption_category(cause: Option<&Cause>) -> Option<ExemptionCategory> {
    match cause?.code {
        CauseCode::Exempt => Some(ExemptionCategory::Waiver),
        CauseCode::ExemptMitigated => Some(ExemptionCategory::Mitigated),
        _ => None,
    }
}

fn unknown_cause(findings: &[Finding]) -> Cause {
    let unknown: Vec<&Finding> = findings.iter().filter(|finding| finding.status == Status::Unknown).collect();
    let causes: Vec<&Cause> = unknown.iter().filter_map(|finding| finding.cause.as_deref()).collect();
    let mut permissions: Vec<String> = causes.iter().flat_map(|cause| cause.permissions.clone()).collect();
    permissions.sort();
    permissions.dedup();
    let code = causes.first().map_or(CauseCode::Unreadable, |cause| cause.code);
    let message = match unknown.as_slice() {
        [single] => format!("1 rule could not be judged: {}", single.id),
        several => format!("{} rules could not be judged", several.len()),
    };
    Cause { code, message, permissions }
}

fn not_applicable_cause(findings: &[Finding]) -> Cause {
    let exempt: Vec<ExemptionCategory> =
        findings.iter().filter_map(|finding| exemption_category(finding.cause.as_deref())).collect();
    let (code, message) = if exempt.is_empty() {
        (CauseCode::DoesNotApply, "no rule of the baseline concerns this resource")
    } else if exempt.contains(&ExemptionCategory::Waiver) {
        (CauseCode::Exempt, "every rule that concerns this resource is exempted")
    } else {
        (CauseCode::ExemptMitigated, "every rule that concerns this resource is exempted as mitigated")
    };
    Cause { code, message: message.to_owned(), permissions: Vec::new() }
}

fn covers(scope: &ExemptionScope, resource: &impl Placed) -> bool {
    let own = resource.scope();
    match scope {
        ExemptionScope::Tenant => true,
        ExemptionScope::Subscription { account } => *account == *own.account,
        ExemptionScope::ResourceGroup { account, resource_group } => {
            *account == *own.account && *resource_group == *own.resource_group
        }
        ExemptionScope::Resource { id } => id == resource.id(),
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
