use std::fmt;

/// What a policy does where its condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Adds fields to a request; refuses it if they would change what is there.
    Append,
    /// Marks the resource.
    Audit,
    /// Marks a request that `denyAction` would refuse.
    AuditAction,
    /// Marks the resource if no related one is as it should be.
    AuditIfNotExists,
    /// Refuses the request.
    Deny,
    /// Refuses an action on a resource that exists.
    DenyAction,
    /// Deploys a template if no related resource is as it should be.
    DeployIfNotExists,
    /// Nothing: the definition is switched off.
    Disabled,
    /// Sets a setting of a service (machine learning).
    EnforceSetting,
    /// Hands a Rego policy to a cluster.
    EnforceRegoPolicy,
    /// Waits for a person to attest.
    Manual,
    /// Changes a request.
    Modify,
    /// Changes objects of a cluster as they are made.
    Mutate,
}

const EFFECTS: &[(&str, Effect)] = &[
    ("append", Effect::Append),
    ("audit", Effect::Audit),
    ("auditAction", Effect::AuditAction),
    ("auditIfNotExists", Effect::AuditIfNotExists),
    ("deny", Effect::Deny),
    ("denyAction", Effect::DenyAction),
    ("deployIfNotExists", Effect::DeployIfNotExists),
    ("disabled", Effect::Disabled),
    ("enforceSetting", Effect::EnforceSetting),
    ("enforceRegoPolicy", Effect::EnforceRegoPolicy),
    ("manual", Effect::Manual),
    ("modify", Effect::Modify),
    ("mutate", Effect::Mutate),
];

impl Effect {
    /// The effect of a name in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        EFFECTS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, effect)| *effect)
    }

    /// The names of all effects, for messages.
    pub fn names() -> impl Iterator<Item = &'static str> {
        EFFECTS.iter().map(|(name, _)| *name)
    }

    /// The name as Azure spells it.
    pub fn name(self) -> &'static str {
        EFFECTS.iter().find(|(_, effect)| *effect == self).map_or("", |(name, _)| name)
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
