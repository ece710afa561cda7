use std::sync::Arc;

use skywarden_policy::Scope;
use skywarden_rbac::{BuiltIn, Grants, Principal, PrincipalKind, built_in_roles};

use crate::{auth::Login, people::TokenLimit};

/// Who asks, and what they may do.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The principal's id.
    pub(crate) id: String,
    /// What it is; `None`: the installation itself.
    pub(crate) kind: Option<PrincipalKind>,
    /// What it signs in with.
    pub(crate) login_name: String,
    /// What people call it.
    pub(crate) name: String,
    /// The identity provider that vouches for it.
    pub(crate) provider: Option<String>,
    /// What its roles allow.
    pub(crate) grants: Grants,
    /// How it proved who it is.
    pub(crate) login: Login,
}

/// The id of the installation itself: who holds the token in its data folder could read the database as well.
pub(crate) const INSTALLATION: &str = "00000000-0000-0000-0000-000000000000";

impl Caller {
    /// A principal that has proved who it is.
    pub(crate) fn of(principal: Principal, grants: Grants, login: Login) -> Self {
        Self {
            id: principal.id,
            kind: Some(principal.kind),
            login_name: principal.name,
            name: principal.display_name,
            provider: principal.provider,
            grants,
            login,
        }
    }

    /// The installation itself, Owner of everything.
    pub(crate) fn installation(login: Login) -> Self {
        let owner = built_in_roles().iter().find(|role| role.id == BuiltIn::Owner.id());
        let grants = owner.map(|role| Grants::one(Scope::Tenant, Arc::clone(role))).unwrap_or_default();
        Self {
            id: INSTALLATION.to_owned(),
            kind: None,
            login_name: "administrator".to_owned(),
            name: "administrator".to_owned(),
            provider: None,
            grants,
            login,
        }
    }

    /// The limits of the token that it came with.
    pub(crate) fn limit(&self) -> Option<&TokenLimit> {
        match &self.login {
            Login::Token(limit) => Some(limit),
            Login::Session { .. } => None,
        }
    }
}
