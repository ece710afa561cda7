//! What assignments of standards do: policy assignments, exemptions and attestations, kept where the other face keeps them.

use serde_json::{Map, Value, json};
use skywarden_model::{
    Attestation, AttestationScope, AttestedEvidence, AttestedState, Exemption, ExemptionCategory, ExemptionScope, Timestamp,
    assessment_key,
};
use skywarden_policy::{ObjectKind, PolicyObject, Scope};
use skywarden_store::{ArmObject, AssignmentEffect, ScopeFilter, StandardAssignment};

use super::{
    assigned_standard::{Judged, Known},
    check::refused,
    standards::{elements, mistake, not_available, of_place, roll_up},
    target::Target,
};
use crate::{
    arm::policy::refused_policy,
    error::ApiError,
    scoped::Scoped,
    v1::{judge_exempted, may_exempt, standards::attestations::not_attestable, take, take_away},
};

/// An assignment that is asked for.
pub(super) struct Asked<'a> {
    pub(super) state: &'a Scoped,
    pub(super) target: &'a Target,
    pub(super) name: &'a str,
    pub(super) properties: &'a Map<String, Value>,
    pub(super) standard: Option<&'a Known>,
}

/// The actions without which the same could not be done by the other face.
const EXEMPT: &str = "Microsoft.Authorization/policyExemptions/write";
const END_EXEMPTION: &str = "Microsoft.Authorization/policyExemptions/delete";
const ATTEST: &str = "Microsoft.Security/regulatoryComplianceStandards/write";
const END_ATTESTATION: &str = "Microsoft.Security/regulatoryComplianceStandards/delete";

/// What is to be made of an assignment.
///
/// # Errors
/// 400 with the place of what is wrong or can't be carried out, 403 if the caller may not do what it does.
pub(super) async fn of(asked: &Asked<'_>) -> Result<AssignmentEffect, ApiError> {
    let effect = asked.text("effect");
    let mut mistakes = Vec::new();
    for (member, wanted) in [("exemptionData", "Exempt"), ("attestationData", "Attest")] {
        let place = format!("properties.{member}");
        match (asked.properties.contains_key(member), effect == wanted) {
            (true, false) => mistakes.push(mistake(&place, &format!("`{place}` goes with the effect {wanted}, not {effect}"))),
            (false, true) => {
                mistakes.push(mistake(&place, &format!("`{place}` is missing; the effect {wanted} says there what it does")))
            }
            _ => {}
        }
    }
    if asked.standard.is_none() && effect != "Exempt" {
        let place = "properties.assignedStandard";
        mistakes.push(mistake(place, &format!("`{place}` is missing; the effect {effect} needs the standard that it speaks of")));
    }
    if asked.expires().is_some_and(|end| end <= Timestamp::now()) {
        mistakes.push(mistake("properties.expiresOn", "`properties.expiresOn` is past already; give a later time or none"));
    }
    if !mistakes.is_empty() {
        return Err(refused(mistakes));
    }
    match effect {
        "Exempt" => asked.exemption().await.map(AssignmentEffect::Exemption),
        "Attest" => asked.attestation().await.map(AssignmentEffect::Attestation),
        _ => asked.audit().await,
    }
}

/// That the caller may take back what an assignment does.
///
/// # Errors
/// 403 if not.
pub(super) async fn may_end(state: &Scoped, target: &Target, effect: &AssignmentEffect) -> Result<(), ApiError> {
    let action = match effect {
        AssignmentEffect::Standard { .. } => return Ok(()),
        AssignmentEffect::Policy(_) => &ObjectKind::Assignment.delete_action(),
        AssignmentEffect::Exemption(_) => END_EXEMPTION,
        AssignmentEffect::Attestation(_) => END_ATTESTATION,
    };
    may(state, target, action).await
}

/// Carries out what stands of an assignment by now, and takes back what no longer does.
pub(super) async fn changed(state: &Scoped, before: Option<&ArmObject>, after: Option<&ArmObject>) -> Result<(), ApiError> {
    let effect = |own: Option<&ArmObject>| -> Result<Option<AssignmentEffect>, ApiError> {
        Ok(own.map(ArmObject::hidden::<StandardAssignment>).transpose()?.flatten().map(|own| own.effect))
    };
    let (before, after) = (effect(before)?, effect(after)?);
    if let Some(before) = before.filter(|own| Some(own) != after.as_ref()) {
        end(state, before, after.as_ref()).await?;
    }
    match after {
        None => Ok(()),
        Some(AssignmentEffect::Standard { .. }) => roll_up(state).await,
        Some(AssignmentEffect::Policy(document)) => {
            let object = PolicyObject::parse(&document)
                .map_err(|errors| refused_policy("InvalidPolicyAssignment", "the assignment", &errors))?;
            take(state, &[(object, document)]).await.map(drop)
        }
        Some(AssignmentEffect::Exemption(own)) => {
            if !state.store.exemptions(&ScopeFilter::All).await?.contains(&own) {
                state.store.put_exemption(&own).await?;
                judge_exempted(state, std::slice::from_ref(&own.scope), Timestamp::now()).await?;
            }
            Ok(())
        }
        Some(AssignmentEffect::Attestation(own)) => {
            // What was said once stays in the record as it was said.
            if !state.store.attestations(&ScopeFilter::All).await?.iter().any(|known| known.id == own.id) {
                state.store.add_attestation(&own).await?;
            }
            roll_up(state).await
        }
    }
}

/// Takes back what an assignment did, unless what it does now has its place.
async fn end(state: &Scoped, before: AssignmentEffect, after: Option<&AssignmentEffect>) -> Result<(), ApiError> {
    match before {
        AssignmentEffect::Standard { .. } => roll_up(state).await,
        AssignmentEffect::Policy(document) => {
            let id = policy_id(&document);
            let is_kept = matches!(after, Some(AssignmentEffect::Policy(after)) if policy_id(after) == id);
            if !is_kept {
                take_away(state, &[id]).await?;
            }
            Ok(())
        }
        AssignmentEffect::Exemption(own) => {
            let is_kept = matches!(after, Some(AssignmentEffect::Exemption(after)) if after.id == own.id);
            if !is_kept && state.store.remove_exemption(&own.id).await? {
                judge_exempted(state, &[own.scope], Timestamp::now()).await?;
            }
            Ok(())
        }
        AssignmentEffect::Attestation(own) => {
            let withdrawal = skywarden_model::Withdrawal { at: Timestamp::now(), by: state.caller.name.clone() };
            if state.store.withdraw_attestation(&own.id, &withdrawal).await? {
                roll_up(state).await?;
            }
            Ok(())
        }
    }
}

fn policy_id(document: &Value) -> String {
    document.get("id").and_then(Value::as_str).unwrap_or_default().to_lowercase()
}

/// That the caller may take an action at a place.
pub(super) async fn may(state: &Scoped, target: &Target, action: &str) -> Result<(), ApiError> {
    let kept = state.store.policy_library().await?;
    state.may_within(action, &target.chain(state, &kept.library), &target.policy_scope())
}

impl Asked<'_> {
    fn text(&self, member: &str) -> &str {
        self.properties.get(member).and_then(Value::as_str).unwrap_or_default().trim()
    }

    fn expires(&self) -> Option<Timestamp> {
        self.text("expiresOn").parse().ok()
    }

    /// The title and the words of an assignment, whichever it has.
    fn words(&self) -> String {
        let (title, description) = (self.text("displayName"), self.text("description"));
        if description.is_empty() { title.to_owned() } else { description.to_owned() }
    }

    /// The GUID of what is made of the assignment, the same each time.
    fn guid(&self) -> String {
        assessment_key(&format!("standardAssignment:{}/{}", self.target.scope.path(), self.name.to_lowercase())).to_string()
    }

    async fn audit(&self) -> Result<AssignmentEffect, ApiError> {
        let Some(standard) = self.standard else { return Err(ApiError::bad_request("no standard is named")) };
        match &standard.judged {
            Judged::Everywhere(id) => {
                let message = format!(
                    "the standard `{id}` is judged in every subscription already, as the assignment `{id}` says; leaving it out somewhere \
                     is not built, switching its plans off is"
                );
                Err(not_available(&message, "properties.assignedStandard.id"))
            }
            Judged::Initiative(id) => self.policy_assignment(id).await.map(AssignmentEffect::Policy),
            Judged::Assigned(file) => {
                if self.target.group.is_some() || self.target.resource.is_some() {
                    let message = "a standard with assessments of its own is judged over whole subscriptions; assign it at a subscription or a \
                                   management group, or make an initiative of it";
                    return Err(not_available(message, "properties.assignedStandard.id"));
                }
                let mut excluded = Vec::new();
                for (index, text) in self.excluded().into_iter().enumerate() {
                    let place = format!("properties.excludedScopes[{index}]");
                    match Scope::parse(&text) {
                        Some(Scope::Subscription(_) | Scope::ManagementGroup(_)) => excluded.push(text),
                        Some(_) => {
                            let message = format!(
                                "`{place}` is `{text}`; a standard with assessments of its own leaves out subscriptions and management groups only"
                            );
                            return Err(not_available(&message, &place));
                        }
                        None => {
                            let message = format!("`{place}` is `{text}`, which is no scope, as `/subscriptions/ID` is one");
                            return Err(refused(vec![mistake(&place, &message)]));
                        }
                    }
                }
                Ok(AssignmentEffect::Standard { file: file.clone(), excluded, until: self.expires() })
            }
        }
    }

    fn excluded(&self) -> Vec<String> {
        elements(self.properties, "excludedScopes").filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// The policy assignment of an initiative that is a standard.
    async fn policy_assignment(&self, initiative: &str) -> Result<Value, ApiError> {
        may(self.state, self.target, &ObjectKind::Assignment.write_action()).await?;
        if self.expires().is_some() {
            let message = "assignments of an initiative do not end by themselves; remove the assignment when its time is up";
            return Err(not_available(message, "properties.expiresOn"));
        }
        let kept = self.state.store.policy_library().await?;
        let known = kept.library.governance.initiative(initiative);
        let missing = || {
            let place = "properties.assignedStandard.id";
            refused(vec![mistake(place, &format!("the initiative `{initiative}` of the standard is gone"))])
        };
        let known = known.ok_or_else(missing)?;
        if let Some((name, _)) = known.parameters.iter().find(|(_, own)| own.default.is_none()) {
            let message = format!(
                "the parameter `{name}` of the initiative `{initiative}` has no default, and an assignment of a standard gives no values; \
                 assign it with Microsoft.Authorization/policyAssignments"
            );
            return Err(not_available(&message, "properties.assignedStandard.id"));
        }
        let guid = self.guid();
        let id = format!("{}/providers/{}/{guid}", self.target.policy_scope(), ObjectKind::Assignment.type_name());
        let title = if self.text("displayName").is_empty() { known.display_name.as_str() } else { self.text("displayName") };
        let document = json!({
            "id": id, "name": guid, "type": ObjectKind::Assignment.type_name(),
            "properties": {
                "displayName": title, "description": self.text("description"), "policyDefinitionId": known.id,
                "notScopes": self.excluded(),
                "metadata": { "assignedBy": format!("{}/standardAssignments/{}", self.target.prefix, self.name) },
            },
        });
        match PolicyObject::parse(&document) {
            Ok(_) => Ok(document),
            Err(errors) => Err(refused_policy("InvalidPolicyAssignment", "the assignment", &errors)),
        }
    }

    async fn exemption(&self) -> Result<Exemption, ApiError> {
        let data = self.properties.get("exemptionData");
        let of = |pointer: &str| data.and_then(|own| own.pointer(pointer)).and_then(Value::as_str).unwrap_or_default();
        let (key, place) = (of("/assignedAssessment/assessmentKey"), "properties.exemptionData.assignedAssessment.assessmentKey");
        if !self.excluded().is_empty() {
            let message = "exemptions leave nothing out; exempt the resources or groups that are meant one by one";
            return Err(not_available(message, "properties.excludedScopes"));
        }
        let recommendation = self.state.catalog.recommendations.values().find(|known| known.key.eq_ignore_ascii_case(key));
        let Some(recommendation) = recommendation else {
            let is_own = self.state.store.arm_objects(&ScopeFilter::All, skywarden_store::CUSTOM_RECOMMENDATIONS).await?;
            let is_own = is_own.iter().any(|own| own.document.get("assessmentKey").and_then(Value::as_str) == Some(key));
            return Err(if is_own {
                let message = format!(
                    "`{key}` is a custom recommendation; exempt its policy with Microsoft.Authorization/policyExemptions"
                );
                not_available(&message, place)
            } else {
                refused(vec![mistake(place, &format!("`{place}` is `{key}`, which is the key of no assessment here"))])
            });
        };
        let id = &recommendation.file.id;
        match self.standard.map(|own| &own.judged) {
            Some(Judged::Everywhere(standard) | Judged::Assigned(standard)) => {
                let own = of_place(self.state, self.target).await?;
                let standards = own.with(&self.state.catalog, Timestamp::now());
                if standards.get(standard).is_some() && !standards.checks_of(standard).contains(id.as_str()) {
                    let message = format!("`{place}` is `{key}` (`{id}`), which is no assessment of the standard `{standard}`");
                    return Err(refused(vec![mistake(place, &message)]));
                }
            }
            Some(Judged::Initiative(_)) => {
                let message = "an initiative's definitions are exempted with Microsoft.Authorization/policyExemptions";
                return Err(not_available(message, "properties.assignedStandard.id"));
            }
            None => {}
        }
        let reason = self.words();
        if reason.is_empty() {
            let place = "properties.description";
            return Err(refused(vec![mistake(place, &format!("`{place}` is missing; it is the reason of the exemption"))]));
        }
        let scope = match (&self.target.resource, &self.target.account) {
            (Some(resource), _) => ExemptionScope::Resource { id: resource.id.clone() },
            (None, Some((_, account))) => match &self.target.group {
                Some(group) => ExemptionScope::ResourceGroup { account: account.clone(), resource_group: group.clone() },
                None => ExemptionScope::Subscription { account: account.clone() },
            },
            (None, None) => {
                let message = "exemptions of a management group are not built; exempt its subscriptions one by one";
                return Err(not_available(message, "properties.effect"));
            }
        };
        may(self.state, self.target, EXEMPT).await?;
        may_exempt(self.state, &scope).await?;
        let category =
            if of("/exemptionCategory") == "mitigated" { ExemptionCategory::Mitigated } else { ExemptionCategory::Waiver };
        Ok(Exemption {
            id: self.guid(),
            recommendation: id.clone(),
            finding: None,
            scope,
            category,
            reason,
            expires_at: self.expires(),
            created_at: Timestamp::now(),
            created_by: self.state.caller.name.clone(),
        })
    }

    async fn attestation(&self) -> Result<Attestation, ApiError> {
        let data = self.properties.get("attestationData");
        let of = |pointer: &str| data.and_then(|own| own.pointer(pointer)).and_then(Value::as_str).unwrap_or_default();
        let control = of("/assignedAssessment/assessmentKey");
        let scope = match (&self.target.account, &self.target.group, &self.target.resource) {
            (Some((connector, account)), None, None) => {
                AttestationScope::Subscription { connector: connector.clone(), account: account.clone() }
            }
            _ => {
                let message = "attestations speak of whole subscriptions here; attest at the subscription";
                return Err(not_available(message, "properties.effect"));
            }
        };
        let state = match of("/complianceState") {
            "compliant" => AttestedState::Passed,
            "nonCompliant" => AttestedState::Failed,
            _ => {
                let place = "properties.attestationData.complianceState";
                let message = format!(
                    "`{place}` is compliant or nonCompliant here; that nobody knows is what holds without an attestation"
                );
                return Err(not_available(&message, place));
            }
        };
        if !self.excluded().is_empty() {
            return Err(not_available("attestations leave nothing out", "properties.excludedScopes"));
        }
        may(self.state, self.target, ATTEST).await?;
        let standard = match self.standard.map(|own| &own.judged) {
            Some(Judged::Everywhere(id) | Judged::Assigned(id)) => id.clone(),
            Some(Judged::Initiative(id)) => {
                let kept = self.state.store.policy_library().await?;
                kept.library.governance.initiative(id).map(skywarden_store::initiative_standard).unwrap_or_default()
            }
            None => String::new(),
        };
        let own = of_place(self.state, self.target).await?;
        own.with(&self.state.catalog, Timestamp::now()).attestable(&standard, control).map_err(|error| {
            not_attestable(error).with_target("properties.attestationData.assignedAssessment.assessmentKey".to_owned())
        })?;
        let evidence = data.and_then(|own| own.get("evidence")).and_then(Value::as_array).into_iter().flatten();
        let (mut texts, mut links) = (Vec::new(), Vec::new());
        for own in evidence {
            let of = |member: &str| own.get(member).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
            texts.extend(of("description").map(str::to_owned));
            links.extend(of("sourceUrl").map(str::to_owned));
        }
        let now = Timestamp::now();
        let attestation = Attestation {
            id: uuid::Uuid::new_v4().to_string(),
            standard,
            control: control.to_owned(),
            scope,
            state,
            evidence: AttestedEvidence { text: texts.join("\n"), links },
            assessed_on: skywarden_model::day_of(now),
            expires_at: self.expires(),
            created_at: now,
            created_by: self.state.caller.name.clone(),
            withdrawn: None,
        };
        let place = "properties.attestationData.evidence";
        attestation.check().map_err(|error| refused(vec![mistake(place, &format!("`{place}`: {error}"))]))?;
        Ok(attestation)
    }
}
