//! Standards, their assignments and recommendations of one's own, in the members of the api-versions that the clients know.

use axum::http::StatusCode;

use super::{
    kind::{Behaviour, Field, Kind, Names, Operation, Shape, optional, read_only, required},
    kinds::WITHOUT_PATCH,
};
use crate::routes::At;

/// Api-version 2024-08-01.
pub(super) const CUSTOM_RECOMMENDATIONS: Kind = Kind {
    collection: skywarden_store::CUSTOM_RECOMMENDATIONS,
    parent: None,
    places: &[(At::ManagementGroup, WITHOUT_PATCH), (At::Subscription, WITHOUT_PATCH), (At::Connector, WITHOUT_PATCH)],
    names: Names::Any,
    fields: &[
        required("displayName", Shape::Text(128)),
        optional("description", Shape::Text(512)),
        optional("remediationDescription", Shape::Text(16_384)),
        optional("severity", Shape::OneOf(&["High", "Medium", "Low"])),
        optional("securityIssue", Shape::OneOf(ISSUES)),
        optional("cloudProviders", CLOUDS),
        required("query", Shape::Text(262_144)),
        read_only("assessmentKey"),
        read_only("metadata"),
    ],
    older: None,
    created: StatusCode::CREATED,
    deleted: StatusCode::OK,
    without_effect: None,
    behaviour: Behaviour::Recommendation,
};

/// Api-version 2024-08-01.
pub(super) const SECURITY_STANDARDS: Kind = Kind {
    collection: skywarden_store::SECURITY_STANDARDS,
    parent: None,
    places: &[
        (At::Tenant, &[Operation::List, Operation::Get]),
        (At::ManagementGroup, WITHOUT_PATCH),
        (At::Subscription, WITHOUT_PATCH),
        (At::Connector, WITHOUT_PATCH),
    ],
    names: Names::Any,
    fields: &[
        required("displayName", Shape::Text(260)),
        optional("description", Shape::Text(4096)),
        optional("assessments", Shape::List(&Shape::Object(&[required("assessmentKey", Shape::Text(128))]))),
        optional("cloudProviders", CLOUDS),
        optional("policySetDefinitionId", Shape::Text(2048)),
        read_only("standardType"),
        read_only("metadata"),
    ],
    older: None,
    created: StatusCode::CREATED,
    deleted: StatusCode::OK,
    without_effect: None,
    behaviour: Behaviour::Standard,
};

/// Api-version 2021-08-01-preview.
pub(super) const OLDER_STANDARDS: Kind = Kind {
    collection: skywarden_store::OLDER_STANDARDS,
    parent: None,
    places: &[(At::Subscription, &[Operation::List]), (At::ResourceGroup, WITHOUT_PATCH)],
    names: Names::Any,
    fields: &[
        required("displayName", Shape::Text(260)),
        optional("description", Shape::Text(4096)),
        optional("category", Shape::Text(260)),
        optional("components", Shape::List(&Shape::Object(&[required("key", Shape::Text(128))]))),
        optional("supportedClouds", Shape::List(&Shape::OneOf(&["AWS", "GCP"]))),
        read_only("standardType"),
        read_only("metadata"),
    ],
    older: None,
    created: StatusCode::CREATED,
    deleted: StatusCode::OK,
    without_effect: None,
    behaviour: Behaviour::Standard,
};

/// Api-version 2024-08-01.
pub(super) const STANDARD_ASSIGNMENTS: Kind = Kind {
    collection: skywarden_store::STANDARD_ASSIGNMENTS,
    parent: None,
    places: &[
        (At::ManagementGroup, WITHOUT_PATCH),
        (At::Subscription, WITHOUT_PATCH),
        (At::ResourceGroup, WITHOUT_PATCH),
        (At::Connector, WITHOUT_PATCH),
        (At::Entity, WITHOUT_PATCH),
        (At::Resource, WITHOUT_PATCH),
    ],
    names: Names::Any,
    fields: &[
        optional("displayName", Shape::Text(260)),
        optional("description", Shape::Text(4096)),
        optional("assignedStandard", Shape::Object(&[required("id", Shape::Text(2048))])),
        optional("effect", Shape::OneOf(&["Audit", "Exempt", "Attest"])),
        optional("excludedScopes", Shape::List(&Shape::Text(2048))),
        optional("expiresOn", Shape::Instant),
        optional(
            "exemptionData",
            Shape::Object(&[required("exemptionCategory", Shape::OneOf(&["waiver", "mitigated"])), ASSESSMENT]),
        ),
        optional(
            "attestationData",
            Shape::Object(&[
                required("complianceState", Shape::OneOf(&["unknown", "compliant", "nonCompliant"])),
                ASSESSMENT,
                read_only("complianceDate"),
                optional(
                    "evidence",
                    Shape::List(&Shape::Object(&[
                        optional("description", Shape::Text(4096)),
                        optional("sourceUrl", Shape::Text(2048)),
                    ])),
                ),
            ]),
        ),
        read_only("metadata"),
    ],
    older: None,
    created: StatusCode::CREATED,
    deleted: StatusCode::OK,
    without_effect: None,
    behaviour: Behaviour::StandardAssignment,
};

const ASSESSMENT: Field = required("assignedAssessment", Shape::Object(&[required("assessmentKey", Shape::Text(260))]));

const CLOUDS: Shape = Shape::List(&Shape::OneOf(&["Azure", "AWS", "GCP"]));

const ISSUES: &[&str] =
    &["Vulnerability", "ExcessivePermissions", "AnonymousAccess", "NetworkExposure", "TrafficEncryption", "BestPractices"];
