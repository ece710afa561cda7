//! What policies say.

use super::{At, Operations};

pub(super) const TABLE: &[Operations] = &[
    Operations {
        at: &[At::Subscription, At::ResourceGroup, At::ManagementGroup],
        namespace: "Microsoft.PolicyInsights",
        rows: &[("POST", "checkPolicyRestrictions", "Microsoft.Authorization/policyAssignments/read")],
    },
    Operations {
        at: &[
            At::ManagementGroup,
            At::Subscription,
            At::ResourceGroup,
            At::Entity,
            At::Resource,
            At::Definition,
            At::SetDefinition,
            At::Assignment,
            At::GroupAssignment,
        ],
        namespace: "Microsoft.PolicyInsights",
        rows: &[
            ("POST", "policyStates/{states}/queryResults", "Microsoft.PolicyInsights/policyStates/queryResults/read"),
            ("POST", "policyStates/{states}/summarize", "Microsoft.PolicyInsights/policyStates/summarize/read"),
        ],
    },
    Operations {
        at: &[At::Subscription, At::ResourceGroup],
        namespace: "Microsoft.PolicyInsights",
        rows: &[
            ("POST", "policyStates/latest/triggerEvaluation", "Microsoft.PolicyInsights/policyStates/triggerEvaluation/action"),
            ("GET", "asyncOperationResults/{name}", "Microsoft.PolicyInsights/asyncOperationResults/read"),
        ],
    },
];
