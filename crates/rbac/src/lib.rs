//! Azure's role-based access control: roles of action patterns, assignments of roles to principals at scopes, and whether they allow
//! an action at a scope. Does no I/O and reads no clock.
//!
//! Semantics: <https://learn.microsoft.com/azure/role-based-access-control/overview>. Assignments add up; a role's `notActions`
//! take from its own `actions` only, so that another role may grant what they leave out.

mod action;
mod built_in;
mod grants;
mod principal;
mod role;

pub use action::ActionPattern;
pub use built_in::{BuiltIn, built_in_roles};
pub use grants::Grants;
pub use principal::{Principal, PrincipalKind, PrincipalState};
pub use role::{Permission, Role, RoleAssignment, RoleError, RoleKind};
