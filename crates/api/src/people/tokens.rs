//! API tokens of one's own, and what limits a token has.

use axum::{
    Json,
    extract::{Path, rejection::JsonRejection},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use skywarden_policy::{Hierarchy, Scope};
use skywarden_rbac::{ActionPattern, Grants};

use super::credentials::{Asked, make, remove_of, shown_of};
use crate::{error::ApiError, scoped::Scoped, v1::Answer};

/// What a token may at most, of what its principal may.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenLimit {
    #[serde(skip_serializing_if = "Option::is_none")]
    actions: Option<Vec<ActionPattern>>,
    /// A scope of ARM.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

impl TokenLimit {
    /// All that its principal may.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// What the store keeps; `None` if it can't be read.
    pub(crate) fn kept(text: Option<&str>) -> Option<Self> {
        let limit: Self = text.map_or_else(|| Some(Self::none()), |text| serde_json::from_str(text).ok())?;
        limit.scope.as_deref().is_none_or(|scope| Scope::parse(scope).is_some()).then_some(limit)
    }

    /// What somebody asks for.
    pub(super) fn asked(actions: Option<Vec<String>>, scope: Option<String>) -> Result<Self, ApiError> {
        let scope = scope.filter(|scope| !scope.trim().is_empty());
        if let Some(scope) = &scope
            && Scope::parse(scope).is_none()
        {
            return Err(ApiError::bad_request(format!("`scope`: `{scope}` is no scope, such as /subscriptions/ID")));
        }
        let mut patterns = Vec::new();
        for action in actions.iter().flatten() {
            patterns.push(action.parse().map_err(|error| ApiError::bad_request(format!("`actions`: {error}")))?);
        }
        Ok(Self { actions: actions.map(|_| patterns), scope })
    }

    /// The text that the store keeps; `None` if there are no limits.
    pub(super) fn text(&self) -> Option<String> {
        if *self == Self::none() { None } else { serde_json::to_string(self).ok() }
    }

    pub(super) fn actions(&self) -> Option<&[ActionPattern]> {
        self.actions.as_deref()
    }

    pub(super) fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    /// What is left of some grants.
    pub(crate) fn of(&self, grants: Grants, hierarchy: &Hierarchy) -> Grants {
        if *self == Self::none() {
            return grants;
        }
        let scope = match self.scope.as_deref().map(Scope::parse) {
            None => Scope::Tenant,
            Some(Some(scope)) => scope,
            // `kept` and `asked` let none of these through; should one come, it opens nothing.
            Some(None) => return Grants::default(),
        };
        grants.limited(self.actions.clone(), &scope, |scope| hierarchy.above(scope))
    }
}

/// `GET /session/tokens`.
pub(crate) async fn list(state: Scoped) -> Answer {
    Ok(Json(json!({ "items": shown_of(&state, &state.caller.id).await? })))
}

/// `POST /session/tokens`.
pub(crate) async fn add(state: Scoped, body: Result<Json<Asked>, JsonRejection>) -> Result<(StatusCode, Json<Value>), ApiError> {
    let principal = state.person()?;
    let Json(asked) = body?;
    if !asked.is_token() {
        return Err(ApiError::bad_request("people make tokens; secrets and certificates are for programs"));
    }
    make(&state, &principal, asked).await
}

/// `DELETE /session/tokens/{id}`.
pub(crate) async fn remove(state: Scoped, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let principal = state.person()?;
    remove_of(&state, &principal, &id).await
}
