//! What clients ask before anything else: tenants, management groups, subscriptions, groups, resources.

pub(super) const TABLE: &[(&str, &str, &str)] = &[
    ("GET", "/tenants", "Microsoft.Security/assessments/read"),
    ("GET", "/providers", "Microsoft.Security/assessments/read"),
    ("GET", "/subscriptions", "Microsoft.Security/assessments/read"),
    ("GET", "/subscriptions/{subscription}", "Microsoft.Security/assessments/read"),
    ("GET", "/subscriptions/{subscription}/providers", "Microsoft.Security/assessments/read"),
    ("GET", "/subscriptions/{subscription}/providers/{namespace}", "Microsoft.Security/assessments/read"),
    ("GET", "/subscriptions/{subscription}/locations", "Microsoft.Security/assessments/read"),
    ("GET", "/subscriptions/{subscription}/resources", "Microsoft.Security/assessments/read"),
    ("GET", "/subscriptions/{subscription}/resourceGroups", "Microsoft.Security/assessments/read"),
    ("GET", "/subscriptions/{subscription}/resourceGroups/{group}", "Microsoft.Security/assessments/read"),
    ("GET", "/subscriptions/{subscription}/resourceGroups/{group}/resources", "Microsoft.Security/assessments/read"),
    ("GET", "/providers/Microsoft.Management/managementGroups", "Microsoft.Management/managementGroups/read"),
    ("GET", "/providers/Microsoft.Management/managementGroups/{management_group}", "Microsoft.Management/managementGroups/read"),
    ("PUT", "/providers/Microsoft.Management/managementGroups/{management_group}", "Microsoft.Management/managementGroups/write"),
    (
        "PATCH",
        "/providers/Microsoft.Management/managementGroups/{management_group}",
        "Microsoft.Management/managementGroups/write",
    ),
    (
        "DELETE",
        "/providers/Microsoft.Management/managementGroups/{management_group}",
        "Microsoft.Management/managementGroups/delete",
    ),
    (
        "GET",
        "/providers/Microsoft.Management/managementGroups/{management_group}/subscriptions",
        "Microsoft.Management/managementGroups/subscriptions/read",
    ),
    (
        "GET",
        "/providers/Microsoft.Management/managementGroups/{management_group}/subscriptions/{name}",
        "Microsoft.Management/managementGroups/subscriptions/read",
    ),
    (
        "PUT",
        "/providers/Microsoft.Management/managementGroups/{management_group}/subscriptions/{name}",
        "Microsoft.Management/managementGroups/subscriptions/write",
    ),
    (
        "DELETE",
        "/providers/Microsoft.Management/managementGroups/{management_group}/subscriptions/{name}",
        "Microsoft.Management/managementGroups/subscriptions/delete",
    ),
    ("POST", "/subscriptions/{subscription}/providers/Microsoft.Management/register", "Microsoft.Management/register/action"),
];
