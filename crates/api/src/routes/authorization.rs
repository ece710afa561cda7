//! Roles and who has them.

use super::{At, Operations};

pub(super) const TABLE: &[Operations] = &[Operations {
    at: &[At::Tenant, At::ManagementGroup, At::Subscription, At::ResourceGroup],
    namespace: "Microsoft.Authorization",
    rows: &[
        ("GET", "roleDefinitions", "Microsoft.Authorization/roleDefinitions/read"),
        ("GET", "roleDefinitions/{name}", "Microsoft.Authorization/roleDefinitions/read"),
        ("GET", "roleAssignments", "Microsoft.Authorization/roleAssignments/read"),
        ("GET", "roleAssignments/{name}", "Microsoft.Authorization/roleAssignments/read"),
        ("PUT", "roleAssignments/{name}", "Microsoft.Authorization/roleAssignments/write"),
        ("DELETE", "roleAssignments/{name}", "Microsoft.Authorization/roleAssignments/delete"),
        ("PUT", "roleDefinitions/{name}", "Microsoft.Authorization/roleDefinitions/write"),
        ("DELETE", "roleDefinitions/{name}", "Microsoft.Authorization/roleDefinitions/delete"),
    ],
}];
