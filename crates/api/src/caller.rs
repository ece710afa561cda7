use std::sync::Arc;

use skywarden_policy::Scope;
use skywarden_rbac::{BuiltIn, Grants, built_in_roles};

/// Who asks, and what they may do.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The principal's id.
    pub(crate) id: String,
    /// What people call it.
    pub(crate) name: String,
    /// What its roles allow.
    pub(crate) grants: Grants,
}

/// The id of the installation itself: who holds the token in its data folder could read the database as well.
pub(crate) const INSTALLATION: &str = "00000000-0000-0000-0000-000000000000";

impl Caller {
    /// The installation itself, Owner of everything.
    pub(crate) fn installation() -> Self {
        let owner = built_in_roles().iter().find(|role| role.id == BuiltIn::Owner.id());
        let grants = owner.map(|role| Grants::one(Scope::Tenant, Arc::clone(role))).unwrap_or_default();
        Self { id: INSTALLATION.to_owned(), name: "administrator".to_owned(), grants }
    }
}
