//! People, their sessions and the audit log, below `/api/v1`.

/// What the actions begin with that mean nothing below the tenant.
pub(crate) const OF_TENANT: [&str; 3] =
    ["Microsoft.Authorization/principals/", "Microsoft.Authorization/auditLog/", "Microsoft.Security/logInputs/"];

pub(super) const TABLE: &[(&str, &str, &str)] = &[
    ("GET", "/session", "Skywarden.Account/session/read"),
    ("DELETE", "/session", "Skywarden.Account/session/delete"),
    ("GET", "/session/sessions", "Skywarden.Account/session/read"),
    ("DELETE", "/session/sessions/{id}", "Skywarden.Account/session/delete"),
    ("PUT", "/session/password", "Skywarden.Account/password/write"),
    ("POST", "/session/totp", "Skywarden.Account/totp/write"),
    ("PUT", "/session/totp", "Skywarden.Account/totp/write"),
    ("POST", "/session/totp/remove", "Skywarden.Account/totp/delete"),
    ("GET", "/session/tokens", "Skywarden.Account/tokens/read"),
    ("POST", "/session/tokens", "Skywarden.Account/tokens/write"),
    ("DELETE", "/session/tokens/{id}", "Skywarden.Account/tokens/delete"),
    ("GET", "/device", "Skywarden.Account/device/read"),
    ("POST", "/device", "Skywarden.Account/device/write"),
    ("POST", "/set-up", "Microsoft.Authorization/principals/write"),
    ("GET", "/principals", "Microsoft.Authorization/principals/read"),
    ("POST", "/principals", "Microsoft.Authorization/principals/write"),
    ("GET", "/principals/{id}", "Microsoft.Authorization/principals/read"),
    ("PATCH", "/principals/{id}", "Microsoft.Authorization/principals/write"),
    ("DELETE", "/principals/{id}", "Microsoft.Authorization/principals/delete"),
    ("POST", "/principals/{id}/invitation", "Microsoft.Authorization/principals/write"),
    ("POST", "/principals/{id}/unlock", "Microsoft.Authorization/principals/write"),
    ("DELETE", "/principals/{id}/totp", "Microsoft.Authorization/principals/write"),
    ("DELETE", "/principals/{id}/sessions", "Microsoft.Authorization/principals/write"),
    ("GET", "/principals/{id}/credentials", "Microsoft.Authorization/principals/read"),
    ("POST", "/principals/{id}/credentials", "Microsoft.Authorization/principals/write"),
    ("DELETE", "/principals/{id}/credentials/{credential}", "Microsoft.Authorization/principals/delete"),
    ("GET", "/identity-providers", "Microsoft.Authorization/principals/read"),
    ("GET", "/audit", "Microsoft.Authorization/auditLog/read"),
    ("GET", "/audit/verification", "Microsoft.Authorization/auditLog/read"),
    ("GET", "/audit/export", "Microsoft.Authorization/auditLog/read"),
];
