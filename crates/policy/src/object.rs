use std::fmt;

use serde_json::Value;
use skywarden_rule::CompileError;

use crate::{
    Assignment, Attestation, Definition, Initiative, Placement, PolicyExemption, Scope,
    placement::placements,
    reader::{Reader, member},
};

/// Something that people write in Azure's JSON, of whichever kind.
#[derive(Debug)]
pub enum PolicyObject {
    /// `Microsoft.Authorization/policyDefinitions`.
    Definition(Box<Definition>),
    /// `Microsoft.Authorization/policySetDefinitions`.
    Initiative(Box<Initiative>),
    /// `Microsoft.Authorization/policyAssignments`.
    Assignment(Box<Assignment>),
    /// `Microsoft.Authorization/policyExemptions`.
    Exemption(Box<PolicyExemption>),
    /// `Microsoft.PolicyInsights/attestations`.
    Attestation(Box<Attestation>),
    /// `Microsoft.Management/managementGroups`, with its children.
    ManagementGroup {
        /// The id of the group or subscription that the document is about.
        id: String,
        /// What it says.
        placements: Vec<Placement>,
    },
}

/// Which kind of object a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// A management group.
    ManagementGroup,
    /// A policy definition.
    Definition,
    /// An initiative.
    Initiative,
    /// An assignment.
    Assignment,
    /// An exemption.
    Exemption,
    /// An attestation.
    Attestation,
}

/// Kind, its name in the singular, and Azure's resource type.
const KINDS: [(ObjectKind, &str, &str); 6] = [
    (ObjectKind::ManagementGroup, "managementGroup", "Microsoft.Management/managementGroups"),
    (ObjectKind::Definition, "definition", "Microsoft.Authorization/policyDefinitions"),
    (ObjectKind::Initiative, "initiative", "Microsoft.Authorization/policySetDefinitions"),
    (ObjectKind::Assignment, "assignment", "Microsoft.Authorization/policyAssignments"),
    (ObjectKind::Exemption, "exemption", "Microsoft.Authorization/policyExemptions"),
    (ObjectKind::Attestation, "attestation", "Microsoft.PolicyInsights/attestations"),
];

impl ObjectKind {
    /// Every kind, in the order in which one rests on another.
    pub fn all() -> impl Iterator<Item = Self> {
        KINDS.iter().map(|(kind, _, _)| *kind)
    }

    /// `definition`, `initiative`, ...
    pub fn name(self) -> &'static str {
        KINDS.iter().find(|(kind, _, _)| *kind == self).map_or("", |(_, name, _)| name)
    }

    /// Azure's resource type.
    pub fn type_name(self) -> &'static str {
        KINDS.iter().find(|(kind, _, _)| *kind == self).map_or("", |(_, _, type_name)| type_name)
    }

    /// What has to be allowed to make or change one.
    pub fn write_action(self) -> String {
        format!("{}/write", self.type_name().trim_start_matches('/'))
    }

    /// What has to be allowed to take one away.
    pub fn delete_action(self) -> String {
        format!("{}/delete", self.type_name().trim_start_matches('/'))
    }

    /// The scope at which the action has to be allowed that makes, changes or removes the object with an id: who could put
    /// subscriptions below a management group of their own would get its roles and policies over them, so that takes the tenant.
    pub fn governed_at(self, id: &str) -> Scope {
        if self == Self::ManagementGroup { Scope::Tenant } else { self.place(id) }
    }

    /// The scope at which the object with an id lies; that of a management group is itself.
    pub fn place(self, id: &str) -> Scope {
        let id = id.to_ascii_lowercase();
        if self == Self::ManagementGroup {
            return Scope::parse(&id).unwrap_or(Scope::Tenant);
        }
        let own = format!("/providers/{}/", self.type_name().trim_start_matches('/').to_ascii_lowercase());
        id.rsplit_once(own.as_str()).and_then(|(scope, _)| Scope::parse(scope)).unwrap_or(Scope::Tenant)
    }

    /// The kind of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        KINDS.iter().find(|(_, known, _)| known.eq_ignore_ascii_case(name)).map(|(kind, _, _)| *kind)
    }

    /// The kind of a document: by its `type`, its `id`, else by the members that only one kind has; `None` if it is none of them.
    pub fn of(document: &Value) -> Option<Self> {
        let text = |name: &str| member(document, name).and_then(Value::as_str).unwrap_or_default();
        let type_name = text("type").trim_start_matches('/');
        if let Some((kind, _, _)) = KINDS.iter().find(|(_, _, known)| known.eq_ignore_ascii_case(type_name)) {
            return Some(*kind);
        }
        // The last provider in an id is the object's; those before it are of its scope.
        let id = text("id").to_ascii_lowercase();
        if let Some((_, last)) = id.rsplit_once("/providers/") {
            let of_id = |known: &str| {
                let known = known.to_ascii_lowercase();
                last.strip_prefix(known.as_str()).is_some_and(|rest| rest.starts_with('/'))
            };
            if let Some((kind, _, _)) = KINDS.iter().find(|(_, _, known)| of_id(known)) {
                return Some(*kind);
            }
        }
        let has = |name: &str| member(document, name).or_else(|| member(member(document, "properties")?, name)).is_some();
        let marks = [
            ("policyRule", Self::Definition),
            ("policyDefinitions", Self::Initiative),
            ("exemptionCategory", Self::Exemption),
            ("policyAssignmentId", Self::Attestation),
            ("policyDefinitionId", Self::Assignment),
        ];
        marks.into_iter().find(|(name, _)| has(name)).map(|(_, kind)| kind)
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl PolicyObject {
    /// Reads a document of any kind.
    ///
    /// # Errors
    /// Every mistake found, each with its place; that it is of no kind is one.
    pub fn parse(document: &Value) -> Result<Self, Vec<CompileError>> {
        let Some(kind) = ObjectKind::of(document) else {
            let message = "this is no definition, initiative, assignment, exemption, attestation or management group";
            return Err(vec![CompileError { pointer: String::new(), message: message.to_owned(), help: None }]);
        };
        Ok(match kind {
            ObjectKind::Definition => Self::Definition(Box::new(Definition::parse(document)?)),
            ObjectKind::Initiative => Self::Initiative(Box::new(Initiative::parse(document)?)),
            ObjectKind::Assignment => Self::Assignment(Box::new(Assignment::parse(document)?)),
            ObjectKind::Exemption => Self::Exemption(Box::new(PolicyExemption::parse(document)?)),
            ObjectKind::Attestation => Self::Attestation(Box::new(Attestation::parse(document)?)),
            ObjectKind::ManagementGroup => {
                let placements = placements(document)?;
                let id = member(document, "id").and_then(Value::as_str).unwrap_or_default().to_owned();
                Self::ManagementGroup { id, placements }
            }
        })
    }

    /// Its resource id.
    pub fn id(&self) -> &str {
        match self {
            Self::Definition(own) => &own.id,
            Self::Initiative(own) => &own.id,
            Self::Assignment(own) => &own.id,
            Self::Exemption(own) => &own.id,
            Self::Attestation(own) => &own.id,
            Self::ManagementGroup { id, .. } => id,
        }
    }

    /// The scope at which the action has to be allowed that makes or changes it.
    pub fn governed_at(&self) -> Scope {
        match self {
            Self::Assignment(own) => own.scope.clone(),
            Self::Exemption(own) => own.scope.clone(),
            Self::Attestation(own) => own.scope.clone(),
            Self::Definition(_) | Self::Initiative(_) | Self::ManagementGroup { .. } => self.kind().governed_at(self.id()),
        }
    }

    /// Its kind.
    pub fn kind(&self) -> ObjectKind {
        match self {
            Self::Definition(_) => ObjectKind::Definition,
            Self::Initiative(_) => ObjectKind::Initiative,
            Self::Assignment(_) => ObjectKind::Assignment,
            Self::Exemption(_) => ObjectKind::Exemption,
            Self::Attestation(_) => ObjectKind::Attestation,
            Self::ManagementGroup { .. } => ObjectKind::ManagementGroup,
        }
    }
}

/// The documents in what a file or a command gives: one, a list of them, or a page (`{"value": [...]}`), each with its JSON pointer.
pub fn documents(file: &Value) -> Vec<(String, &Value)> {
    let list = |elements: &'_ [Value], place: &str| -> Vec<String> {
        (0..elements.len()).map(|position| format!("{place}/{position}")).collect()
    };
    let page = Reader::default().member(file, "value", "").filter(|_| ObjectKind::of(file).is_none());
    match (file, page) {
        (Value::Array(elements), _) => list(elements, "").into_iter().zip(elements).collect(),
        (_, Some((Value::Array(elements), place))) => list(elements, &place).into_iter().zip(elements).collect(),
        _ => vec![(String::new(), file)],
    }
}
