//! What clients ask before anything else: tenants, subscriptions, groups, resources.

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
];
