use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use skywarden_rule::CompileError;

use crate::{Governance, ObjectKind, PolicyObject, Scope};

/// Everything that people wrote, as documents and in force.
#[derive(Debug, Default)]
pub struct Library {
    /// By id in lower case.
    documents: BTreeMap<String, (ObjectKind, Value)>,
    names: BTreeMap<Scope, String>,
    /// What they say together.
    pub governance: Governance,
}

/// A document that can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its resource id, where it has one.
    pub id: String,
    /// Every mistake, each with its place.
    pub errors: Vec<CompileError>,
}

impl Library {
    /// Reads documents of any kind. Of two with the same id the later one counts; what can't be used is told.
    pub fn of(documents: impl IntoIterator<Item = Value>) -> (Self, Vec<Refusal>) {
        let mut library = Self::default();
        let mut refused = Vec::new();
        let mut placements = Vec::new();
        for document in documents {
            let object = match PolicyObject::parse(&document) {
                Ok(object) => object,
                Err(errors) => {
                    let id = document.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
                    refused.push(Refusal { id, errors });
                    continue;
                }
            };
            let id = object.id().to_owned();
            library.documents.insert(id.to_lowercase(), (object.kind(), document));
            match object {
                PolicyObject::Definition(own) => drop(library.governance.add_definition(*own)),
                PolicyObject::Initiative(own) => drop(library.governance.add_initiative(*own)),
                PolicyObject::Assignment(own) => drop(library.governance.add_assignment(*own)),
                PolicyObject::Exemption(own) => drop(library.governance.add_exemption(*own)),
                PolicyObject::Attestation(own) => drop(library.governance.add_attestation(*own)),
                PolicyObject::ManagementGroup { placements: own, .. } => placements.push((id, own)),
            }
        }
        for (id, own) in placements {
            for placement in own {
                if !placement.display_name.is_empty() {
                    library.names.insert(placement.child.clone(), placement.display_name);
                }
                // What a group does not say of its own place, the one above may say of its children.
                if placement.parent == Scope::Tenant {
                    continue;
                }
                if let Err(message) = library.governance.hierarchy.put(placement.child, placement.parent) {
                    let error = CompileError { pointer: String::new(), message, help: None };
                    refused.push(Refusal { id: id.clone(), errors: vec![error] });
                }
            }
        }
        (library, refused)
    }

    /// The document of an object, by its id in any case.
    pub fn document(&self, id: &str) -> Option<&Value> {
        self.documents.get(&id.to_lowercase()).map(|(_, document)| document)
    }

    /// Every object: its id in lower case, its kind, its document.
    pub fn documents(&self) -> impl Iterator<Item = (&str, ObjectKind, &Value)> {
        self.documents.iter().map(|(id, (kind, document))| (id.as_str(), *kind, document))
    }

    /// What people call a management group or a subscription; empty if nobody said.
    pub fn scope_name(&self, scope: &Scope) -> &str {
        self.names.get(scope).map_or("", String::as_str)
    }

    /// The ids in lower case of what the states under an assignment rest on: itself, its definition or initiative with their
    /// definitions, its exemptions and attestations, and the management groups. If none of these changed, none of those did.
    pub fn rests_on(&self, assignment_id: &str) -> BTreeSet<String> {
        let id = assignment_id.to_lowercase();
        let mut ids = BTreeSet::from([id.clone()]);
        if let Some(assignment) = self.governance.assignment(&id) {
            ids.insert(assignment.definition_id.to_lowercase());
            if let Some(initiative) = self.governance.initiative(&assignment.definition_id) {
                ids.extend(initiative.members.iter().map(|member| member.definition_id.to_lowercase()));
            }
        }
        let exemptions = self.governance.exemptions().map(|own| (&own.id, &own.assignment_id));
        let attestations = self.governance.attestations().map(|own| (&own.id, &own.assignment_id));
        for (own, assignment) in exemptions.chain(attestations) {
            if assignment.eq_ignore_ascii_case(&id) {
                ids.insert(own.to_lowercase());
            }
        }
        let groups = self.documents.iter().filter(|(_, (kind, _))| *kind == ObjectKind::ManagementGroup);
        ids.extend(groups.map(|(id, _)| id.clone()));
        ids
    }
}
