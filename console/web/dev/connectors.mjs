// Made-up connectors: an organisation with a broken account, one that lacks many permissions, one that was never read.
const READ = { complete: 40, partial: 1, failed: 6, skipped: 3, denied: 4 };

const row = (id, changes) => ({ id, displayName: id, environment: "Aws", sample: false, organization: false, accounts: [{ account: id.replace("aws-", ""), resources: 120, score: 0.61 }], attempt: { at: "2026-11-24T08:30:00Z", succeededAt: "2026-11-24T08:30:00Z", error: null }, takenAt: "2026-11-24T08:30:00Z", coverage: { complete: 44, partial: 0, failed: 0, skipped: 3, denied: 0 }, failures: [], missingPermissions: 0, ...changes });

export const connectorRows = () => [
  row("org", { displayName: "Fernhollow's organisation", organization: true, accounts: [], takenAt: undefined, coverage: { complete: 0, partial: 0, failed: 0, skipped: 0, denied: 0 } }),
  row("aws-111122223333", { displayName: "AWS account 111122223333 (<img src=x onerror=alert(1)>)", memberOf: "org", coverage: READ, missingPermissions: 40, failures: [{ kind: "denied", code: "AccessDenied", count: 11, example: "could not read with ListKeys: AccessDenied (not authorized); missing permission kms:ListKeys" }] }),
  row("aws-444455556666", { displayName: "AWS account 444455556666 (shop)", memberOf: "org", attempt: { at: "2026-11-24T08:30:00Z", succeededAt: "2026-11-20T08:30:00Z", error: "the role `SkywardenReader` cannot be assumed: AccessDenied" }, takenAt: "2026-11-20T08:30:00Z" }),
  row("aws-777788889999", { displayName: "AWS account 777788889999 (new)", attempt: undefined, takenAt: undefined, accounts: [], coverage: { complete: 0, partial: 0, failed: 0, skipped: 0, denied: 0 } }),
  row("host", { displayName: "This machine", environment: "OnPremise", accounts: [{ account: "fleet", resources: 12, score: 0.4 }] }),
  row("sample", { displayName: "Sample AWS account", sample: true, attempt: undefined, accounts: [{ account: "123456789012", resources: 288, score: 0.5 }] }),
];

export const missingPermissions = () => Array.from({ length: 40 }, (_, at) => ({
  permission: at % 7 === 6 ? `service${at}:ListThings` : `s3:GetBucketSetting${at}`, assessments: at % 7 === 6 ? 0 : 90 - 2 * at, alone: at % 7 === 6 ? 0 : 60 - at, resources: at % 7 === 6 ? 0 : 45, fields: 1 + (at % 5),
  listings: at % 7 === 6 ? 3 : 0, recommendations: ["aws-s3-bucket-public", "aws-s3-bucket-tls"], types: ["AWS::S3::Bucket"], connectors: ["aws-111122223333"],
}));
