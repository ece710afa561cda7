use std::sync::{Arc, LazyLock};

use serde_json::Value;

use crate::{Role, RoleKind};

/// Roles that come with the product: ids and actions are Azure's where it has them, the words are ours.
const FILE: &str = include_str!("../roles/built-in.json");

static ROLES: LazyLock<Vec<Arc<Role>>> = LazyLock::new(|| {
    let documents: Vec<Value> = serde_json::from_str(FILE).unwrap_or_default();
    let role = |document: &Value| {
        let id = document.get("name").and_then(Value::as_str)?;
        Role::parse(id, RoleKind::BuiltIn, document.get("properties")?).ok().map(Arc::new)
    };
    documents.iter().filter_map(role).collect()
});

/// A built-in role that the code names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuiltIn {
    /// Everything, roles too.
    Owner,
    /// Everything but roles.
    Contributor,
    /// Posts logs and nothing else.
    LogSender,
    /// Reads everything.
    Reader,
    /// Security and policies.
    SecurityAdmin,
    /// Reads what belongs to security.
    SecurityReader,
}

impl BuiltIn {
    /// Azure's id of the role; that of a role that Azure does not have is ours.
    pub fn id(self) -> &'static str {
        match self {
            Self::Owner => "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
            Self::Contributor => "b24988ac-6180-42a0-ab88-20f7382dd24c",
            Self::LogSender => "5c1d8f0e-3a57-4c0a-9a8e-6d1b7f2e4a90",
            Self::Reader => "acdd72a7-3385-48ef-bd42-f606fba81ae7",
            Self::SecurityAdmin => "fb1c8493-542b-48eb-b624-b4c8fea62acd",
            Self::SecurityReader => "39bc4728-0917-49c7-9d2c-d95423bc2eb4",
        }
    }
}

/// All roles that come with the product, in order of their names.
pub fn built_in_roles() -> &'static [Arc<Role>] {
    &ROLES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_of_the_file_is_read_and_those_that_the_code_names_are_among_them() {
        let documents: Vec<Value> = serde_json::from_str(FILE).unwrap();
        assert_eq!(built_in_roles().len(), documents.len());
        assert!(built_in_roles().is_sorted_by_key(|role| &role.name));
        for known in [BuiltIn::Owner, BuiltIn::Contributor, BuiltIn::Reader, BuiltIn::SecurityAdmin, BuiltIn::SecurityReader] {
            assert!(built_in_roles().iter().any(|role| role.id == known.id()), "{known:?}");
        }
    }

    /// The documented table of who may do what: <https://learn.microsoft.com/azure/defender-for-cloud/permissions>.
    #[test]
    fn the_documented_table_holds() {
        let rows = [
            // action, [Security Reader, Security Admin, Reader, Contributor, Owner]
            ("Microsoft.Security/assessments/read", [true, true, true, true, true]),
            ("Microsoft.Security/alerts/read", [true, true, true, true, true]),
            ("Microsoft.Security/locations/alerts/dismiss/action", [false, true, false, true, true]),
            ("Microsoft.Security/pricings/write", [false, true, false, true, true]),
            ("Microsoft.Authorization/policyAssignments/write", [false, true, false, false, true]),
            ("Microsoft.Authorization/policyExemptions/write", [false, true, false, false, true]),
            ("Microsoft.Authorization/roleAssignments/write", [false, false, false, false, true]),
            ("Microsoft.Compute/virtualMachines/write", [false, false, false, true, true]),
        ];
        let order = [BuiltIn::SecurityReader, BuiltIn::SecurityAdmin, BuiltIn::Reader, BuiltIn::Contributor, BuiltIn::Owner];
        for (action, wanted) in rows {
            let found = order.map(|own| built_in_roles().iter().find(|role| role.id == own.id()).unwrap().allows(action));
            assert_eq!(found, wanted, "{action}");
        }
    }
}
