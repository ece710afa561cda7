//! What policies say.

use super::{At, Operations};

pub(super) const TABLE: &[Operations] = &[Operations {
    at: &[At::Subscription, At::ResourceGroup, At::ManagementGroup],
    namespace: "Microsoft.PolicyInsights",
    rows: &[("POST", "checkPolicyRestrictions", "Microsoft.Authorization/policyAssignments/read")],
}];
