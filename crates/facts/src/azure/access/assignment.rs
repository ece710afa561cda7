//! Role assignments and deny assignments as they are read.

use std::sync::Arc;

use serde_json::Value;
use skywarden_model::{Resource, ResourceId};

use super::{
    action::Right,
    condition::Condition,
    engine::{ASSIGNMENT, DENIAL},
    role::{Denied, Powers, why_conditional},
    scope,
    truth::Truth,
};
use crate::read::{self, Why};

/// Who has which role where.
pub(crate) struct Assignment {
    pub(crate) id: ResourceId,
    pub(crate) principal: String,
    /// What it calls the principal: `User`, `Group`, `ServicePrincipal`.
    pub(crate) kind: Box<str>,
    pub(crate) scope: String,
    /// The role's id without the scope before it.
    pub(crate) role: String,
    condition: Result<Option<Condition>, Why>,
    /// What the role comes to.
    pub(crate) powers: Result<Powers, Why>,
}

pub(crate) struct Denial {
    pub(crate) scope: String,
    pub(crate) permissions: Result<Denied, Why>,
    pub(crate) principals: Result<Vec<String>, Why>,
    pub(crate) excluded: Result<Vec<String>, Why>,
    pub(crate) is_for_scope_alone: Result<bool, Why>,
    condition: Result<Option<Condition>, Why>,
}

impl Assignment {
    pub(crate) fn parse(resource: &Resource) -> Result<Self, Why> {
        let principal = needed(resource, "principalId")?.to_ascii_lowercase();
        let role = last_part(needed(resource, "roleDefinitionId")?);
        // Without it the id may be anything.
        let kind = read::text(resource, &["principalType"]).ok().flatten().unwrap_or_default().into();
        let condition = read::get(resource, &["condition"]).map(Condition::of);
        let (id, scope) = (resource.id.clone(), scope_of(resource, ASSIGNMENT)?);
        Ok(Self { id, principal, kind, scope, role, condition, powers: Ok(Powers::NONE) })
    }

    /// Whether its condition lets a right pass.
    pub(crate) fn lets(&self, right: &Right) -> Truth {
        match &self.condition {
            Ok(None) => Truth::Yes,
            Ok(Some(condition)) if condition.is_silent_about(right) => Truth::Yes,
            Ok(Some(condition)) => Truth::Unknown(why_conditional(self.id.as_str(), condition)),
            Err(why) => Truth::Unknown(Arc::clone(why)),
        }
    }
}

impl Denial {
    /// Whether it is in force; a condition of one may spare anything.
    pub(crate) fn is_in_force(&self) -> Truth {
        match &self.condition {
            Ok(None) => Truth::Yes,
            Ok(Some(condition)) => Truth::Unknown(why_conditional("a deny assignment", condition)),
            Err(why) => Truth::Unknown(Arc::clone(why)),
        }
    }

    pub(crate) fn parse(resource: &Resource) -> Result<Self, Why> {
        let malformed = || read::malformed(resource, "permissions", "its actions are not lists of texts");
        let ids = |field: &'static str| {
            let listed = read::list(resource, &[field])?;
            let ids: Option<Vec<String>> =
                listed.iter().map(|principal| Some(principal.get("id")?.as_str()?.to_ascii_lowercase())).collect();
            ids.ok_or_else(|| read::malformed(resource, field, "a principal has no id"))
        };
        let alone = read::get(resource, &["doNotApplyToChildScopes"]);
        Ok(Self {
            scope: scope_of(resource, DENIAL)?,
            permissions: read::list(resource, &["permissions"]).and_then(|listed| Denied::parse(listed).ok_or_else(malformed)),
            principals: ids("principals"),
            excluded: ids("excludePrincipals"),
            is_for_scope_alone: alone.map(|value| value.and_then(Value::as_bool).unwrap_or(false)),
            condition: read::get(resource, &["condition"]).map(Condition::of),
        })
    }
}

/// Where something is in force: as it says, or else as its id does.
pub(crate) fn scope_of(resource: &Resource, type_name: &str) -> Result<String, Why> {
    if let Some(scope) = read::text(resource, &["scope"])? {
        return Ok(scope::folded(scope));
    }
    let id = resource.id.as_str().to_ascii_lowercase();
    let own = id.rsplit_once(&format!("/providers/{}/", type_name.to_ascii_lowercase()));
    own.map(|(scope, _)| scope::folded(scope))
        .ok_or_else(|| read::malformed(resource, "scope", "neither it nor the id says where it is in force"))
}

/// A text without which nothing can be said.
pub(crate) fn needed<'r>(resource: &'r Resource, field: &'static str) -> Result<&'r str, Why> {
    read::text(resource, &[field])?.ok_or_else(|| read::malformed(resource, field, "it is not there"))
}

pub(crate) fn last_part(id: &str) -> String {
    id.rsplit('/').next().unwrap_or(id).to_ascii_lowercase()
}
