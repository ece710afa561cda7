use serde_json::Value;
use skywarden_model::{Resource, Timestamp};
use skywarden_rule::CompileError;

use crate::{
    ComplianceState,
    reader::Reader,
    scope::{self, Scope},
};

const MARK: &str = "/providers/microsoft.policyinsights/attestations/";

/// What a person found out of one resource, for a `manual` definition of an assignment.
///
/// Format: <https://learn.microsoft.com/azure/governance/policy/concepts/attestation-structure>.
#[derive(Debug, Clone, PartialEq)]
pub struct Attestation {
    /// Its resource id.
    pub id: String,
    /// The resource, subscription or resource group that was looked at; what lies below it is not meant.
    pub scope: Scope,
    /// The assignment; ids compare without case.
    pub assignment_id: String,
    /// The definition of the initiative; `None` if the assignment is of one definition.
    pub reference_id: Option<String>,
    /// What was found.
    pub state: ComplianceState,
    /// From this instant on it holds no longer.
    pub expires_on: Option<Timestamp>,
    /// When it was looked at.
    pub assessed_at: Option<Timestamp>,
    /// Who answers for it.
    pub owner: String,
    /// What they say.
    pub comments: String,
    /// What it rests on.
    pub evidence: Vec<Proof>,
}

/// Something that an attestation rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// What it shows.
    pub description: String,
    /// Where it is; empty if nowhere.
    pub source_uri: String,
}

impl Attestation {
    /// Reads an attestation in Azure's JSON: `{id, properties}`.
    ///
    /// # Errors
    /// Every mistake found, each with its place.
    pub fn parse(document: &Value) -> Result<Self, Vec<CompileError>> {
        let mut reader = Reader::default();
        match read(&mut reader, document) {
            Some(attestation) if reader.errors.is_empty() => Ok(attestation),
            _ => Err(reader.errors),
        }
    }

    /// Whether it holds for a resource seen through a definition of an assignment.
    pub fn holds(&self, resource: &Resource, assignment_id: &str, reference_id: &str, now: Timestamp) -> bool {
        self.assignment_id.eq_ignore_ascii_case(assignment_id)
            && self.reference_id.as_deref().unwrap_or_default().eq_ignore_ascii_case(reference_id)
            && self.expires_on.is_none_or(|end| now < end)
            && Scope::parse(resource.id.as_str()).as_ref() == Some(&self.scope)
    }
}

fn read(reader: &mut Reader, document: &Value) -> Option<Attestation> {
    if !document.is_object() {
        return reader.error("", "an attestation is an object", None);
    }
    let (properties, pointer) = reader.properties(document);
    let (id, id_place) = reader.required_text(document, "id", "")?;
    let Some(end) = id.to_ascii_lowercase().find(MARK) else {
        let help = "`RESOURCE/providers/Microsoft.PolicyInsights/attestations/NAME`".to_owned();
        return reader.error(&id_place, format!("`{id}` is no id of an attestation"), Some(help));
    };
    let before = id.get(..end).unwrap_or_default();
    let Some(scope) = Scope::parse(before) else {
        return reader.error(&id_place, format!("`{before}` is no resource"), Some(scope::HELP.to_owned()));
    };
    let (assignment_id, _) = reader.required_text(properties, "policyAssignmentId", &pointer)?;
    let state = match reader.text(properties, "complianceState", &pointer) {
        None => ComplianceState::Unknown,
        Some((text, _)) if text.eq_ignore_ascii_case("Unknown") => ComplianceState::Unknown,
        Some((text, _)) if text.eq_ignore_ascii_case("Compliant") => ComplianceState::Compliant,
        Some((text, _)) if text.eq_ignore_ascii_case("NonCompliant") => ComplianceState::NonCompliant,
        Some((text, place)) => {
            let help = "`Compliant`, `NonCompliant` or `Unknown`".to_owned();
            return reader.error(&place, format!("`{text}` can't be attested"), Some(help));
        }
    };
    let expires_on = reader.instant(properties, "expiresOn", &pointer);
    let assessed_at = reader.instant(properties, "assessmentDate", &pointer);
    let mut text = |name: &str| reader.text(properties, name, &pointer).map(|(text, _)| text.to_owned());
    let (owner, comments, reference_id) = (text("owner"), text("comments"), text("policyDefinitionReferenceId"));
    Some(Attestation {
        id: id.to_owned(),
        scope,
        assignment_id: assignment_id.to_owned(),
        reference_id,
        state,
        expires_on,
        assessed_at,
        owner: owner.unwrap_or_default(),
        comments: comments.unwrap_or_default(),
        evidence: evidence(reader, properties, &pointer),
    })
}

fn evidence(reader: &mut Reader, properties: &Value, pointer: &str) -> Vec<Proof> {
    let Some((sources, place)) = reader.list(properties, "evidence", pointer) else { return Vec::new() };
    let mut evidence = Vec::with_capacity(sources.len());
    for (position, source) in sources.iter().enumerate() {
        let place = format!("{place}/{position}");
        let mut text = |name: &str| reader.text(source, name, &place).map(|(text, _)| text.to_owned()).unwrap_or_default();
        evidence.push(Proof { description: text("description"), source_uri: text("sourceUri") });
    }
    evidence
}
