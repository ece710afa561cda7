use serde::{Deserialize, Serialize};
use skywarden_model::Timestamp;

/// Somebody or something that can hold roles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Principal {
    /// A GUID: the `oid` of its tokens. A service principal's is its client id too.
    pub id: String,
    /// What it is.
    pub kind: PrincipalKind,
    /// What it signs in with, unique among its kind in any case: a user's name, a service principal's name, the name of a group as
    /// claims have it.
    pub name: String,
    /// What people call it.
    pub display_name: String,
    /// Whether it may sign in.
    pub state: PrincipalState,
    /// When it was made.
    pub created_at: Timestamp,
    /// The identity provider that vouches for it, by the id that the settings give it; `None` for an account of the installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
}

/// What a principal is, in Azure's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PrincipalKind {
    /// A person.
    User,
    /// Persons that an identity provider's claims name together.
    Group,
    /// A program.
    ServicePrincipal,
}

/// Whether a principal may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PrincipalState {
    /// It may.
    Enabled,
    /// It may not, and what was issued to it is refused.
    Disabled,
}

impl PrincipalKind {
    /// Its name in Azure's JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
            Self::ServicePrincipal => "ServicePrincipal",
        }
    }
}
