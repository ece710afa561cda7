use std::fmt;

/// Why a definition is loaded and not evaluated: its substance lies in something that the definition only names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Elsewhere {
    /// The class.
    pub reason: Reason,
    /// Where it lies: a URL, the name of a guest configuration; empty if the definition does not say.
    pub place: String,
}

/// The classes of such substance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// A Gatekeeper template (`templateInfo`, `constraintTemplate`), judged inside a cluster.
    GatekeeperTemplate,
    /// A mutation of Gatekeeper (`mutationInfo`).
    KubernetesMutation,
    /// A Rego policy (`policyId`, `policy`).
    Rego,
    /// A guest configuration, judged by an agent inside the machine.
    GuestConfiguration,
    /// A setting of a service (`setting`).
    EnforceSetting,
    /// A duty of the provider, attested by it: the condition never holds.
    Static,
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::GatekeeperTemplate => "a Gatekeeper template judges it inside the cluster",
            Self::KubernetesMutation => "Gatekeeper changes objects inside the cluster",
            Self::Rego => "a Rego policy judges it inside the cluster",
            Self::GuestConfiguration => "a guest configuration judges it inside the machine",
            Self::EnforceSetting => "the service itself enforces the setting",
            Self::Static => "the provider attests it",
        })
    }
}

impl fmt::Display for Elsewhere {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.reason)?;
        if self.place.is_empty() { Ok(()) } else { write!(out, " ({})", self.place) }
    }
}
