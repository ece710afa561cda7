//! What Microsoft.Security serves.

use super::{At, Operations};

pub(super) const TABLE: &[Operations] = &[
    Operations {
        at: &[At::Subscription],
        namespace: "Microsoft.Security",
        rows: &[
            ("GET", "secureScores", "Microsoft.Security/secureScores/read"),
            ("GET", "secureScores/{score}", "Microsoft.Security/secureScores/read"),
            ("GET", "secureScores/{score}/secureScoreControls", "Microsoft.Security/secureScores/secureScoreControls/read"),
            ("GET", "secureScoreControls", "Microsoft.Security/secureScoreControls/read"),
            ("GET", "subAssessments", "Microsoft.Security/subAssessments/read"),
            ("GET", "regulatoryComplianceStandards", "Microsoft.Security/regulatoryComplianceStandards/read"),
            ("GET", "regulatoryComplianceStandards/{standard}", "Microsoft.Security/regulatoryComplianceStandards/read"),
            (
                "GET",
                "regulatoryComplianceStandards/{standard}/regulatoryComplianceControls",
                "Microsoft.Security/regulatoryComplianceStandards/regulatoryComplianceControls/read",
            ),
            (
                "GET",
                "regulatoryComplianceStandards/{standard}/regulatoryComplianceControls/{control}",
                "Microsoft.Security/regulatoryComplianceStandards/regulatoryComplianceControls/read",
            ),
            (
                "GET",
                "regulatoryComplianceStandards/{standard}/regulatoryComplianceControls/{control}/regulatoryComplianceAssessments",
                "Microsoft.Security/regulatoryComplianceStandards/regulatoryComplianceControls/regulatoryComplianceAssessments/read",
            ),
            (
                "GET",
                "regulatoryComplianceStandards/{standard}/regulatoryComplianceControls/{control}/regulatoryComplianceAssessments/{check}",
                "Microsoft.Security/regulatoryComplianceStandards/regulatoryComplianceControls/regulatoryComplianceAssessments/read",
            ),
            ("GET", "locations", "Microsoft.Security/locations/read"),
            ("GET", "locations/{location}", "Microsoft.Security/locations/read"),
            ("GET", "tasks", "Microsoft.Security/tasks/read"),
            ("POST", "locations/{location}/alerts/default/simulate", "Microsoft.Security/locations/alerts/simulate/action"),
        ],
    },
    Operations {
        at: &[At::Subscription, At::ResourceGroup],
        namespace: "Microsoft.Security",
        rows: &[
            ("GET", "locations/{location}/tasks", "Microsoft.Security/locations/tasks/read"),
            ("GET", "locations/{location}/tasks/{task}", "Microsoft.Security/locations/tasks/read"),
            ("GET", "alerts", "Microsoft.Security/alerts/read"),
            ("GET", "locations/{location}/alerts", "Microsoft.Security/locations/alerts/read"),
            ("GET", "locations/{location}/alerts/{alert}", "Microsoft.Security/locations/alerts/read"),
            ("POST", "locations/{location}/alerts/{alert}/activate", "Microsoft.Security/locations/alerts/activate/action"),
            ("POST", "locations/{location}/alerts/{alert}/inProgress", "Microsoft.Security/locations/alerts/inProgress/action"),
            ("POST", "locations/{location}/alerts/{alert}/resolve", "Microsoft.Security/locations/alerts/resolve/action"),
            ("POST", "locations/{location}/alerts/{alert}/dismiss", "Microsoft.Security/locations/alerts/dismiss/action"),
        ],
    },
    Operations {
        at: &[At::Subscription, At::Tenant],
        namespace: "Microsoft.Security",
        rows: &[
            ("GET", "secureScoreControlDefinitions", "Microsoft.Security/secureScoreControlDefinitions/read"),
            ("GET", "assessmentMetadata", "Microsoft.Security/assessmentMetadata/read"),
            ("GET", "assessmentMetadata/{name}", "Microsoft.Security/assessmentMetadata/read"),
        ],
    },
    Operations {
        at: &[At::Subscription, At::Entity],
        namespace: "Microsoft.Security",
        rows: &[("GET", "assessments", "Microsoft.Security/assessments/read")],
    },
    Operations {
        at: &[At::Entity],
        namespace: "Microsoft.Security",
        rows: &[
            ("GET", "assessments/{assessment}", "Microsoft.Security/assessments/read"),
            ("PUT", "assessments/{assessment}", "Microsoft.Security/assessments/write"),
            ("DELETE", "assessments/{assessment}", "Microsoft.Security/assessments/delete"),
            ("GET", "assessments/{assessment}/subAssessments", "Microsoft.Security/assessments/subAssessments/read"),
            ("GET", "assessments/{assessment}/subAssessments/{finding}", "Microsoft.Security/assessments/subAssessments/read"),
        ],
    },
    Operations {
        at: &[At::Subscription, At::ResourceGroup, At::Entity],
        namespace: "Microsoft.Security",
        rows: &[("GET", "healthReports", "Microsoft.Security/healthReports/read")],
    },
    Operations {
        at: &[At::Subscription, At::Entity],
        namespace: "Microsoft.Security",
        rows: &[("GET", "softwareInventories", "Microsoft.Security/softwareInventories/read")],
    },
    Operations {
        at: &[At::Entity],
        namespace: "Microsoft.Security",
        rows: &[("GET", "softwareInventories/{software}", "Microsoft.Security/softwareInventories/read")],
    },
    Operations {
        at: &[At::Subscription, At::Entity],
        namespace: "Microsoft.Security",
        rows: &[("GET", "healthReports/{report}", "Microsoft.Security/healthReports/read")],
    },
    Operations {
        at: &[At::Subscription, At::ResourceGroup],
        namespace: "Microsoft.Security",
        rows: &[("GET", "securityConnectors", "Microsoft.Security/securityConnectors/read")],
    },
    Operations {
        at: &[At::ResourceGroup],
        namespace: "Microsoft.Security",
        rows: &[
            ("GET", "securityConnectors/{connector}", "Microsoft.Security/securityConnectors/read"),
            ("PUT", "securityConnectors/{connector}", "Microsoft.Security/securityConnectors/write"),
            ("PATCH", "securityConnectors/{connector}", "Microsoft.Security/securityConnectors/write"),
            ("DELETE", "securityConnectors/{connector}", "Microsoft.Security/securityConnectors/delete"),
        ],
    },
];
