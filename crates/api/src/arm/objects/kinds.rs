//! The kinds of objects that clients write. Members, names and values are those of the api-versions that the clients know.

use axum::http::StatusCode;
use skywarden_store::{ASSESSMENT_METADATA, SUPPRESSION_RULES};

use super::{
    contacts,
    kind::{Behaviour, Field, Fixed, Kind, Names, Older, Operation, Shape, optional, read_only, required},
    metadata::METADATA,
    standard_kinds,
};
use crate::routes::At;

/// All of them, in order of their names.
pub(crate) const KINDS: &[Kind] = &[
    Kind {
        collection: SUPPRESSION_RULES,
        parent: None,
        places: &[(At::Subscription, WITHOUT_PATCH)],
        names: Names::Any,
        fields: &[
            required("alertType", Shape::Text(260)),
            optional("expirationDateUtc", Shape::Instant),
            required("reason", Shape::Text(260)),
            required("state", Shape::OneOf(&["Enabled", "Disabled", "Expired"])),
            optional("comment", Shape::Text(4096)),
            optional(
                "suppressionAlertsScope",
                Shape::Object(&[required(
                    "allOf",
                    Shape::List(&Shape::Object(&[
                        required("field", Shape::Text(260)),
                        optional("in", Shape::List(&Shape::Text(2048))),
                        optional("contains", Shape::Text(2048)),
                    ])),
                )]),
            ),
        ],
        older: None,
        created: StatusCode::OK,
        deleted: StatusCode::NO_CONTENT,
        without_effect: None,
        behaviour: Behaviour::Kept,
    },
    Kind {
        collection: "applications",
        parent: None,
        places: &[(At::Subscription, WITHOUT_PATCH), (At::Connector, WITHOUT_PATCH)],
        names: Names::Any,
        fields: &[
            optional("displayName", Shape::Text(260)),
            optional("description", Shape::Text(4096)),
            required("sourceResourceType", Shape::OneOf(&["Assessments"])),
            required("conditionSets", Shape::List(&Shape::Object(CONDITIONS))),
        ],
        older: None,
        created: StatusCode::CREATED,
        deleted: StatusCode::OK,
        without_effect: Some("applications are kept; nothing is grouped by them yet"),
        behaviour: Behaviour::Kept,
    },
    Kind {
        collection: ASSESSMENT_METADATA,
        parent: None,
        // Reading finds those of the catalog too: `arm::assessments`.
        places: &[(At::Subscription, &[Operation::Put, Operation::Delete])],
        names: Names::Any,
        fields: METADATA,
        older: None,
        created: StatusCode::OK,
        deleted: StatusCode::OK,
        without_effect: None,
        behaviour: Behaviour::Metadata,
    },
    Kind {
        collection: "autoProvisioningSettings",
        parent: None,
        places: &[(At::Subscription, &[Operation::List, Operation::Get, Operation::Put])],
        names: Names::Fixed(&[Fixed { name: "default", kind: None, default: Some(r#"{"autoProvision":"Off"}"#) }]),
        fields: &[required("autoProvision", Shape::OneOf(&["On", "Off"]))],
        older: None,
        created: StatusCode::OK,
        deleted: StatusCode::OK,
        without_effect: Some("the setting is kept; no agent is installed by it"),
        behaviour: Behaviour::Kept,
    },
    standard_kinds::CUSTOM_RECOMMENDATIONS,
    Kind {
        collection: "governanceAssignments",
        parent: Some("assessments"),
        places: &[(At::Assessment, WITHOUT_PATCH)],
        names: Names::Any,
        fields: &[
            optional("owner", Shape::Text(260)),
            required("remediationDueDate", Shape::Instant),
            optional(
                "remediationEta",
                Shape::Object(&[required("eta", Shape::Instant), required("justification", Shape::Text(4096))]),
            ),
            optional("isGracePeriod", Shape::Flag),
            MAILS,
            optional(
                "additionalData",
                Shape::Object(&[
                    optional("ticketNumber", Shape::Whole(0, i64::MAX)),
                    optional("ticketLink", Shape::Text(2048)),
                    optional("ticketStatus", Shape::Text(260)),
                ]),
            ),
        ],
        older: None,
        created: StatusCode::CREATED,
        deleted: StatusCode::OK,
        without_effect: Some("owner and due date are kept; no mail is sent, and a grace period does not change the secure score"),
        behaviour: Behaviour::Kept,
    },
    Kind {
        collection: "governanceRules",
        parent: None,
        places: &[(At::ManagementGroup, RULE), (At::Subscription, RULE), (At::Connector, RULE)],
        names: Names::Any,
        fields: &[
            required("displayName", Shape::Text(260)),
            optional("description", Shape::Text(4096)),
            required("remediationTimeframe", Shape::Text(32)),
            optional("isGracePeriod", Shape::Flag),
            required("rulePriority", Shape::Whole(0, 1000)),
            optional("isDisabled", Shape::Flag),
            required("ruleType", Shape::OneOf(&["Integrated", "ServiceNow"])),
            required("sourceResourceType", Shape::OneOf(&["Assessments"])),
            optional("excludedScopes", Shape::List(&Shape::Text(2048))),
            required("conditionSets", Shape::List(&Shape::Object(CONDITIONS))),
            optional("includeMemberScopes", Shape::Flag),
            required(
                "ownerSource",
                Shape::Object(&[required("type", Shape::OneOf(&["ByTag", "Manually"])), required("value", Shape::Text(260))]),
            ),
            MAILS,
            read_only("tenantId").shown(Shape::Text(36)),
            read_only("metadata").shown(Shape::Object(WRITERS)),
        ],
        older: None,
        created: StatusCode::CREATED,
        deleted: StatusCode::OK,
        without_effect: Some("the rule assigns when it is executed, not by itself; no mail is sent and no ticket is made"),
        behaviour: Behaviour::Rule,
    },
    Kind {
        collection: "pricings",
        parent: None,
        places: &[
            (At::Subscription, &[Operation::List, Operation::Get, Operation::Put]),
            (At::Entity, &[Operation::List, Operation::Get, Operation::Put, Operation::Delete]),
        ],
        names: Names::Plans,
        fields: &[
            required("pricingTier", Shape::OneOf(&["Free", "Standard"])),
            optional("subPlan", Shape::Text(64)),
            optional("enforce", Shape::OneOf(TRUE_OR_FALSE)).since("2024-01-01"),
            optional("extensions", Shape::List(&Shape::Object(EXTENSION))),
            read_only("freeTrialRemainingTime").shown(Shape::Text(32)),
            read_only("enablementTime").shown(Shape::Instant),
            read_only("inherited").shown(Shape::OneOf(TRUE_OR_FALSE)).since("2024-01-01"),
            read_only("inheritedFrom").shown(Shape::Text(2048)).since("2024-01-01"),
            read_only("resourcesCoverageStatus")
                .shown(Shape::OneOf(&["FullyCovered", "PartiallyCovered", "NotCovered"]))
                .since("2024-01-01"),
            read_only("deprecated").shown(Shape::Flag),
            read_only("replacedBy").shown(Shape::List(&Shape::Text(128))),
        ],
        older: None,
        created: StatusCode::OK,
        deleted: StatusCode::OK,
        without_effect: None,
        behaviour: Behaviour::Plan,
    },
    Kind {
        collection: "securityContacts",
        parent: None,
        places: &[(At::Subscription, ALL)],
        names: Names::Fixed(&[Fixed { name: "default", kind: None, default: None }]),
        fields: &[
            optional("emails", Shape::Addresses),
            optional("phone", Shape::Text(64)),
            optional("isEnabled", Shape::Flag),
            optional("notificationsSources", Shape::List(&Shape::Object(SOURCE))),
            BY_ROLE,
        ],
        older: Some(Older {
            before: "2023-12-01",
            fields: &[
                optional("emails", Shape::Addresses),
                optional("phone", Shape::Text(64)),
                optional(
                    "alertNotifications",
                    Shape::Object(&[
                        optional("state", Shape::OneOf(&["On", "Off"])),
                        optional("minimalSeverity", Shape::OneOf(&["High", "Medium", "Low"])),
                    ]),
                ),
                BY_ROLE,
            ],
            read: contacts::read,
            write: contacts::write,
        }),
        created: StatusCode::CREATED,
        deleted: StatusCode::OK,
        without_effect: Some("contacts are kept; no mail is sent to them yet"),
        behaviour: Behaviour::Kept,
    },
    standard_kinds::SECURITY_STANDARDS,
    Kind {
        collection: "settings",
        parent: None,
        places: &[(At::Subscription, &[Operation::List, Operation::Get, Operation::Put])],
        names: Names::Fixed(&[
            export("MCAS"),
            Fixed { name: "Sentinel", kind: Some("AlertSyncSettings"), default: Some(r#"{"enabled":false}"#) },
            export("WDATP"),
            export("WDATP_EXCLUDE_LINUX_PUBLIC_PREVIEW"),
            export("WDATP_UNIFIED_SOLUTION"),
        ]),
        fields: &[required("enabled", Shape::Flag)],
        older: None,
        created: StatusCode::OK,
        deleted: StatusCode::OK,
        without_effect: Some("the setting is kept; it concerns a product of Microsoft's with which nothing is exchanged"),
        behaviour: Behaviour::Kept,
    },
    standard_kinds::STANDARD_ASSIGNMENTS,
    standard_kinds::OLDER_STANDARDS,
    Kind {
        collection: "workspaceSettings",
        parent: None,
        places: &[(At::Subscription, ALL)],
        names: Names::Fixed(&[Fixed { name: "default", kind: None, default: None }]),
        fields: &[required("workspaceId", Shape::Text(2048)), required("scope", Shape::Text(2048))],
        older: None,
        created: StatusCode::OK,
        deleted: StatusCode::NO_CONTENT,
        without_effect: Some("the setting is kept; nothing is written to workspaces"),
        behaviour: Behaviour::Kept,
    },
];

const ALL: &[Operation] = &[Operation::List, Operation::Get, Operation::Put, Operation::Patch, Operation::Delete];

pub(super) const WITHOUT_PATCH: &[Operation] = &[Operation::List, Operation::Get, Operation::Put, Operation::Delete];

const RULE: &[Operation] =
    &[Operation::List, Operation::Get, Operation::Put, Operation::Delete, Operation::Execute, Operation::Result];

const TRUE_OR_FALSE: &[&str] = &["True", "False"];

const WRITERS: &[Field] = &[
    read_only("createdBy").shown(Shape::Text(1024)),
    read_only("createdOn").shown(Shape::Instant),
    read_only("updatedBy").shown(Shape::Text(1024)),
    read_only("updatedOn").shown(Shape::Instant),
];

const CONDITIONS: &[Field] = &[required(
    "conditions",
    Shape::List(&Shape::Object(&[
        required("property", Shape::Text(260)),
        required("value", Shape::Text(65_536)),
        required("operator", Shape::OneOf(&["Contains", "Equals", "In"])),
    ])),
)];

const EXTENSION: &[Field] = &[
    required("name", Shape::Text(128)),
    required("isEnabled", Shape::OneOf(TRUE_OR_FALSE)),
    optional("additionalExtensionProperties", Shape::Free),
    read_only("operationStatus").shown(Shape::Object(&[
        read_only("code").shown(Shape::OneOf(&["Succeeded", "Failed"])),
        read_only("message").shown(Shape::Text(1024)),
    ])),
];

const SOURCE: &[Field] = &[
    required("sourceType", Shape::OneOf(&["Alert", "AttackPath"])),
    optional("minimalSeverity", Shape::OneOf(&["High", "Medium", "Low"])),
    optional("minimalRiskLevel", Shape::OneOf(&["Critical", "High", "Medium", "Low"])),
];

const MAILS: Field = optional(
    "governanceEmailNotification",
    Shape::Object(&[
        optional("disableManagerEmailNotification", Shape::Flag),
        optional("disableOwnerEmailNotification", Shape::Flag),
    ]),
);

const BY_ROLE: Field = optional(
    "notificationsByRole",
    Shape::Object(&[
        optional("state", Shape::OneOf(&["On", "Off"])),
        optional("roles", Shape::List(&Shape::OneOf(&["AccountAdmin", "ServiceAdmin", "Owner", "Contributor"]))),
    ]),
);

const fn export(name: &'static str) -> Fixed {
    Fixed { name, kind: Some("DataExportSettings"), default: Some(r#"{"enabled":false}"#) }
}
