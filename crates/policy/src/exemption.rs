use serde_json::Value;
use skywarden_model::{ExemptionCategory, Resource, Timestamp};
use skywarden_rule::CompileError;

use crate::{
    reader::Reader,
    scope::{self, Scope},
    selector::{self, Selector},
};

const MARK: &str = "/providers/microsoft.authorization/policyexemptions/";

/// What a person set aside: resources of a scope, for an assignment or some of its definitions, maybe until a time.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyExemption {
    /// Its resource id.
    pub id: String,
    /// What people call it.
    pub display_name: String,
    /// Why.
    pub description: String,
    /// Over what, with everything below.
    pub scope: Scope,
    /// The assignment; ids compare without case.
    pub assignment_id: String,
    /// Waiver or mitigated.
    pub category: ExemptionCategory,
    /// From this instant on it holds no longer.
    pub expires_on: Option<Timestamp>,
    /// The definitions of the initiative that it is about; all if empty.
    pub reference_ids: Vec<String>,
    /// If there are any, only resources that one of them selects are exempt.
    pub selectors: Vec<Vec<Selector>>,
}

impl PolicyExemption {
    /// Reads an exemption in Azure's JSON: `{id, properties}`.
    ///
    /// # Errors
    /// Every mistake found, each with its place.
    pub fn parse(document: &Value) -> Result<Self, Vec<CompileError>> {
        let mut reader = Reader::default();
        match read(&mut reader, document) {
            Some(exemption) if reader.errors.is_empty() => Ok(exemption),
            _ => Err(reader.errors),
        }
    }

    /// Whether it holds for a resource that lies in these scopes, seen through a definition of an assignment.
    pub fn holds(&self, resource: &Resource, scopes: &[Scope], assignment_id: &str, reference_id: &str, now: Timestamp) -> bool {
        self.assignment_id.eq_ignore_ascii_case(assignment_id)
            && self.expires_on.is_none_or(|end| now < end)
            && scopes.contains(&self.scope)
            && (self.reference_ids.is_empty() || self.reference_ids.iter().any(|own| own.eq_ignore_ascii_case(reference_id)))
            && selector::selected(&self.selectors, resource, reference_id)
    }
}

fn read(reader: &mut Reader, document: &Value) -> Option<PolicyExemption> {
    if !document.is_object() {
        return reader.error("", "an exemption is an object", None);
    }
    let (properties, pointer) = reader.properties(document);
    let (id, id_place) = reader.required_text(document, "id", "")?;
    let Some(end) = id.to_ascii_lowercase().find(MARK) else {
        let help = "`SCOPE/providers/Microsoft.Authorization/policyExemptions/NAME`".to_owned();
        return reader.error(&id_place, format!("`{id}` is no id of an exemption"), Some(help));
    };
    let before = id.get(..end).unwrap_or_default();
    let Some(scope) = Scope::parse(if before.is_empty() { "/" } else { before }) else {
        return reader.error(&id_place, format!("`{before}` is no scope"), Some(scope::HELP.to_owned()));
    };
    let (assignment_id, _) = reader.required_text(properties, "policyAssignmentId", &pointer)?;
    let (written, place) = reader.required_text(properties, "exemptionCategory", &pointer)?;
    let category = if written.eq_ignore_ascii_case("Waiver") {
        ExemptionCategory::Waiver
    } else if written.eq_ignore_ascii_case("Mitigated") {
        ExemptionCategory::Mitigated
    } else {
        return reader.error(&place, format!("`{written}` is no category"), Some("`Waiver` or `Mitigated`".to_owned()));
    };
    let expires_on = reader.instant(properties, "expiresOn", &pointer);
    let mut text = |name: &str| reader.text(properties, name, &pointer).map(|(text, _)| text.to_owned()).unwrap_or_default();
    let (display_name, description) = (text("displayName"), text("description"));
    Some(PolicyExemption {
        id: id.to_owned(),
        display_name,
        description,
        scope,
        assignment_id: assignment_id.to_owned(),
        category,
        expires_on,
        reference_ids: reader.texts(properties, "policyDefinitionReferenceIds", &pointer),
        selectors: selector::groups(reader, properties, &pointer),
    })
}
