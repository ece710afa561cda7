use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use skywarden_model::Timestamp;
use skywarden_policy::Scope;

use crate::{ActionPattern, PrincipalKind};

/// What a role allows, in Azure's shape of a role definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// A GUID; those of built-in roles are Azure's.
    pub id: String,
    /// Its name, unique in any case.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Who made it.
    pub kind: RoleKind,
    /// What it allows: the sum of these.
    pub permissions: Vec<Permission>,
    /// Where it may be assigned, with everything below.
    pub assignable_scopes: Vec<Scope>,
}

/// Who made a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleKind {
    /// It comes with the product and can't be changed.
    BuiltIn,
    /// The installation made it.
    Custom,
}

/// Actions, without some of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Permission {
    /// What is allowed.
    pub actions: Vec<ActionPattern>,
    /// What is not, of those.
    pub not_actions: Vec<ActionPattern>,
}

/// A role that a principal holds at a scope and everywhere below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleAssignment {
    /// A GUID, the assignment's name in Azure.
    pub id: String,
    /// The principal's id.
    pub principal: String,
    /// What the principal is.
    pub principal_kind: PrincipalKind,
    /// The role's id.
    pub role: String,
    /// Where.
    pub scope: Scope,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom: a principal's id.
    pub created_by: String,
}

/// What is wrong with a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    /// A text that is no pattern of actions.
    #[error("`{0}` is no action: letters, digits, `.`, `/`, `-`, `_` and `*`, as in `Microsoft.Security/*/read`")]
    Action(String),
    /// The document has another shape.
    #[error("it is no role definition: {0}")]
    Shape(String),
    /// A scope that names nothing.
    #[error("`{0}` is no scope")]
    Scope(String),
}

/// The part of a role definition that people write.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    role_name: String,
    #[serde(default)]
    description: String,
    permissions: Vec<Permission>,
    assignable_scopes: Vec<String>,
}

impl Role {
    /// Whether it allows an action.
    pub fn allows(&self, action: &str) -> bool {
        self.permissions.iter().any(|permission| permission.allows(action))
    }

    /// Reads the `properties` of a role definition as Azure's API has them.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(id: &str, kind: RoleKind, properties: &Value) -> Result<Self, RoleError> {
        let read = Properties::deserialize(properties).map_err(|error| RoleError::Shape(error.to_string()))?;
        if read.role_name.trim().is_empty() {
            return Err(RoleError::Shape("`roleName` is empty".to_owned()));
        }
        if read.assignable_scopes.is_empty() {
            return Err(RoleError::Shape("`assignableScopes` is empty: it could be assigned nowhere".to_owned()));
        }
        let scope = |text: &String| Scope::parse(text).ok_or_else(|| RoleError::Scope(text.clone()));
        Ok(Self {
            id: id.to_lowercase(),
            name: read.role_name,
            description: read.description,
            kind,
            permissions: read.permissions,
            assignable_scopes: read.assignable_scopes.iter().map(scope).collect::<Result<_, _>>()?,
        })
    }

    /// The `properties` of its definition as Azure's API has them.
    pub fn properties(&self) -> Value {
        let permissions: Vec<Value> = self
            .permissions
            .iter()
            .map(|own| json!({ "actions": own.actions, "notActions": own.not_actions, "dataActions": [], "notDataActions": [] }))
            .collect();
        json!({
            "roleName": self.name,
            "type": match self.kind { RoleKind::BuiltIn => "BuiltInRole", RoleKind::Custom => "CustomRole" },
            "description": self.description,
            "assignableScopes": self.assignable_scopes.iter().map(Scope::to_string).collect::<Vec<_>>(),
            "permissions": permissions,
        })
    }
}

impl Permission {
    fn allows(&self, action: &str) -> bool {
        let names = |patterns: &[ActionPattern]| patterns.iter().any(|pattern| pattern.matches(action));
        names(&self.actions) && !names(&self.not_actions)
    }
}
