//! Roles and who has them; policies and where they are in force.

use super::{At, Operations};

pub(super) const TABLE: &[Operations] = &[
    Operations {
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
    },
    Operations {
        at: &[At::Tenant, At::ManagementGroup, At::Subscription],
        namespace: "Microsoft.Authorization",
        rows: &[
            ("GET", "policyDefinitions", "Microsoft.Authorization/policyDefinitions/read"),
            ("GET", "policyDefinitions/{name}", "Microsoft.Authorization/policyDefinitions/read"),
            ("PUT", "policyDefinitions/{name}", "Microsoft.Authorization/policyDefinitions/write"),
            ("DELETE", "policyDefinitions/{name}", "Microsoft.Authorization/policyDefinitions/delete"),
            ("GET", "policySetDefinitions", "Microsoft.Authorization/policySetDefinitions/read"),
            ("GET", "policySetDefinitions/{name}", "Microsoft.Authorization/policySetDefinitions/read"),
            ("PUT", "policySetDefinitions/{name}", "Microsoft.Authorization/policySetDefinitions/write"),
            ("DELETE", "policySetDefinitions/{name}", "Microsoft.Authorization/policySetDefinitions/delete"),
        ],
    },
    Operations {
        at: &[At::Tenant, At::ManagementGroup, At::Subscription, At::ResourceGroup, At::Entity, At::Resource],
        namespace: "Microsoft.Authorization",
        rows: &[
            ("GET", "policyAssignments", "Microsoft.Authorization/policyAssignments/read"),
            ("GET", "policyAssignments/{name}", "Microsoft.Authorization/policyAssignments/read"),
            ("PUT", "policyAssignments/{name}", "Microsoft.Authorization/policyAssignments/write"),
            ("DELETE", "policyAssignments/{name}", "Microsoft.Authorization/policyAssignments/delete"),
            ("GET", "policyExemptions", "Microsoft.Authorization/policyExemptions/read"),
            ("GET", "policyExemptions/{name}", "Microsoft.Authorization/policyExemptions/read"),
            ("PUT", "policyExemptions/{name}", "Microsoft.Authorization/policyExemptions/write"),
            ("DELETE", "policyExemptions/{name}", "Microsoft.Authorization/policyExemptions/delete"),
            ("PATCH", "policyExemptions/{name}", "Microsoft.Authorization/policyExemptions/write"),
        ],
    },
];
