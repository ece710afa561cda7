use std::{collections::BTreeSet, sync::Arc};

use skywarden_policy::Scope;

use crate::{ActionPattern, Role, RoleAssignment, built_in_roles};

/// What somebody may do, and where.
#[derive(Debug, Clone, Default)]
pub struct Grants {
    held: Vec<(Scope, Arc<Role>)>,
    /// The only actions that are allowed, whatever the roles say; `None`: all that they say.
    actions: Option<Vec<ActionPattern>>,
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
        Self { held, actions: None }
    }

    /// One role at one scope.
    pub fn one(scope: Scope, role: Arc<Role>) -> Self {
        Self { held: vec![(scope, role)], actions: None }
    }

    /// The same, but only these actions (`None`: all), and only in a scope and below it. `above` gives a scope with those that it lies in
    /// ([`skywarden_policy::Hierarchy::above`]).
    #[must_use]
    pub fn limited(self, actions: Option<Vec<ActionPattern>>, within: &Scope, above: impl Fn(&Scope) -> Vec<Scope>) -> Self {
        let chain = above(within);
        let mut held = Vec::with_capacity(self.held.len());
        for (scope, role) in self.held {
            if chain.contains(&scope) {
                held.push((within.clone(), role));
            } else if above(&scope).contains(within) {
                held.push((scope, role));
            }
        }
        Self { held, actions }
    }

    /// Whether an action is allowed in a scope; `chain` is the scope with those that it lies in
    /// ([`skywarden_policy::Hierarchy::above`]).
    pub fn allow(&self, action: &str, chain: &[Scope]) -> bool {
        self.lets(action) && self.held.iter().any(|(scope, role)| chain.contains(scope) && role.allows(action))
    }

    /// Whether an action is allowed anywhere at all.
    pub fn allow_somewhere(&self, action: &str) -> bool {
        self.lets(action) && self.held.iter().any(|(_, role)| role.allows(action))
    }

    /// Whether an action is allowed everywhere.
    pub fn allow_everywhere(&self, action: &str) -> bool {
        self.allow(action, &[Scope::Tenant])
    }

    /// The scopes at which a role allows an action, each with everything below it.
    pub fn scopes(&self, action: &str) -> BTreeSet<&Scope> {
        let allowing = self.held.iter().filter(|(_, role)| self.lets(action) && role.allows(action));
        allowing.map(|(scope, _)| scope).collect()
    }

    /// Each role with the scope at which it is held.
    pub fn held(&self) -> impl Iterator<Item = (&Scope, &Role)> {
        self.held.iter().map(|(scope, role)| (scope, &**role))
    }

    fn lets(&self, action: &str) -> bool {
        self.actions.as_ref().is_none_or(|actions| actions.iter().any(|pattern| pattern.matches(action)))
    }
}
