use std::{collections::BTreeSet, sync::Arc};

use skywarden_policy::Scope;

use crate::{Role, RoleAssignment, built_in_roles};

/// What somebody may do, and where.
#[derive(Debug, Clone, Default)]
pub struct Grants {
    held: Vec<(Scope, Arc<Role>)>,
}

impl Grants {
    /// The sum of what the assignments to any of some principals (a user and their groups) give. An assignment of a role that there
    /// is not gives nothing.
    pub fn of<'a>(
        principals: &BTreeSet<String>,
        assignments: impl IntoIterator<Item = &'a RoleAssignment>,
        custom: &[Arc<Role>],
    ) -> Self {
        let known = |id: &str| built_in_roles().iter().chain(custom).find(|role| role.id.eq_ignore_ascii_case(id));
        let mut held = Vec::new();
        for assignment in assignments.into_iter().filter(|own| principals.contains(&own.principal)) {
            if let Some(role) = known(&assignment.role) {
                held.push((assignment.scope.clone(), Arc::clone(role)));
            }
        }
        Self { held }
    }

    /// One role at one scope.
    pub fn one(scope: Scope, role: Arc<Role>) -> Self {
        Self { held: vec![(scope, role)] }
    }

    /// Whether an action is allowed in a scope; `chain` is the scope with those that it lies in
    /// ([`skywarden_policy::Hierarchy::above`]).
    pub fn allow(&self, action: &str, chain: &[Scope]) -> bool {
        self.held.iter().any(|(scope, role)| chain.contains(scope) && role.allows(action))
    }

    /// Whether an action is allowed anywhere at all.
    pub fn allow_somewhere(&self, action: &str) -> bool {
        self.held.iter().any(|(_, role)| role.allows(action))
    }

    /// Whether an action is allowed everywhere.
    pub fn allow_everywhere(&self, action: &str) -> bool {
        self.allow(action, &[Scope::Tenant])
    }

    /// The scopes at which a role allows an action, each with everything below it.
    pub fn scopes(&self, action: &str) -> BTreeSet<&Scope> {
        self.held.iter().filter(|(_, role)| role.allows(action)).map(|(scope, _)| scope).collect()
    }
}
