// A made-up estate for development and tests: the same one at every start, with what real ones have that breaks consoles.
function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const next = random(20261124);
const pick = (list) => list[Math.floor(next() * list.length)];

export const CONTROLS = [
  ["enable-mfa", "Enable MFA", 10], ["secure-management-ports", "Secure management ports", 8], ["apply-system-updates", "Apply system updates", 6],
  ["manage-access-and-permissions", "Manage access and permissions", 4], ["encrypt-data-in-transit", "Encrypt data in transit", 4],
  ["restrict-unauthorized-network-access", "Restrict unauthorized network access", 4], ["enable-encryption-at-rest", "Enable encryption at rest", 4],
  ["remediate-security-configurations", "Remediate security configurations", 4], ["enable-auditing-and-logging", "Enable auditing and logging", 1],
].map(([id, title, max]) => ({ id, title, max }));

const MACHINE = "Skywarden.Host/machines";

export const RECOMMENDATIONS = [
  ["aws-s3-bucket-public", "S3 buckets are not open to everybody", "AWS::S3::Bucket", "Critical", "restrict-unauthorized-network-access"],
  ["aws-s3-bucket-tls", "S3 buckets refuse requests without TLS", "AWS::S3::Bucket", "Medium", "encrypt-data-in-transit"],
  ["aws-s3-bucket-versioning", "S3 buckets keep versions", "AWS::S3::Bucket", "Low", "enable-auditing-and-logging"],
  ["aws-ec2-security-group-ssh", "Security groups do not open SSH to the internet", "AWS::EC2::SecurityGroup", "High", "secure-management-ports"],
  ["aws-ec2-security-group-rdp", "Security groups do not open RDP to the internet", "AWS::EC2::SecurityGroup", "High", "secure-management-ports"],
  ["aws-ec2-volume-encrypted", "EBS volumes are encrypted", "AWS::EC2::Volume", "Medium", "enable-encryption-at-rest"],
  ["aws-iam-user-mfa", "IAM users with a password have MFA", "AWS::IAM::User", "High", "enable-mfa"],
  ["aws-iam-user-keys-rotated", "Access keys of IAM users are younger than 90 days", "AWS::IAM::User", "Medium", "manage-access-and-permissions"],
  ["aws-rds-instance-public", "RDS instances have no public address", "AWS::RDS::DBInstance", "High", "restrict-unauthorized-network-access"],
  ["aws-rds-instance-encrypted", "RDS instances are encrypted", "AWS::RDS::DBInstance", "High", "enable-encryption-at-rest"],
  ["aws-lambda-function-runtime", "Lambda functions run on supported runtimes", "AWS::Lambda::Function", "Medium", "apply-system-updates"],
  ["aws-cloudtrail-trail-cloudwatch", "CloudTrail trails are integrated with CloudWatch Logs", "AWS::CloudTrail::Trail", "Low", "enable-auditing-and-logging"],
  ["machine-system-updates-installed", "System updates are installed on machines", MACHINE, "High", "apply-system-updates"],
  ["machine-security-configuration-met", "Machines are configured securely", MACHINE, "Low", "remediate-security-configurations"],
  ["machine-disk-encrypted", "The disks of machines are encrypted", MACHINE, "High", "enable-encryption-at-rest"],
].map(([id, title, type, severity, control]) => ({ id, title, type, severity, control }));

const TYPES = [...new Set(RECOMMENDATIONS.map((one) => one.type))].filter((type) => type !== MACHINE);
const HOSTILE = ["<img src=x onerror=alert(1)>", `it's "quoted" & <b>bold</b>`, "\u202ereversed\u202c name", "a".repeat(300)];

function makeResource(index) {
  const isMachine = index % 25 === 0;
  const type = isMachine ? MACHINE : pick(TYPES);
  const account = isMachine ? "fleet" : pick(["111122223333", "444455556666"]);
  const region = isMachine ? "machines" : pick(["eu-central-1", "eu-west-1", "us-east-1"]);
  const name = HOSTILE[index - 3] ?? `${pick(["shop", "billing", "web", "archive", "build"])}-${pick(["prod", "test", "dev"])}-${index}`;
  const service = type.split("::")[1]?.toLowerCase();
  const id = isMachine ? `${index}d1219c7c4c5404aaa1f6d2a48adfda4` : `arn:aws:${service}:${region}:${account}:${name}`;
  const tags = { environment: pick(["prod", "test", "dev"]), owner: pick(["platform", "data", "shop"]) };
  if (index === 7) tags.novel = "x".repeat(65536);
  const properties = {
    Name: name, Encrypted: next() > 0.4, Created: "2025-03-01T10:00:00Z", Empty: "", Nothing: null,
    PublicAccessBlock: { BlockPublicAcls: next() > 0.5, RestrictPublicBuckets: false }, IpPermissions: [{ FromPort: 22, ToPort: 22, CidrIp: "0.0.0.0/0" }],
  };
  const unreadable = next() < 0.15 ? [{ field: "properties.Policy", reason: DENIED }, { field: "properties.PublicAccessBlock.IgnorePublicAcls", reason: DENIED }] : [];
  return { id, type, name, scope: { connector: isMachine ? "host" : "sample", account, resourceGroup: region }, location: isMachine ? undefined : region, tags, properties, unreadable, isStale: index % 97 === 96 };
}

export const DENIED = { kind: "denied", operation: "GetBucketPolicy", permission: "s3:GetBucketPolicy", code: "AccessDenied", message: "User is not authorized to perform this action" };

export const RESOURCES = Array.from({ length: 300 }, (_, index) => makeResource(index));

function makeFindings() {
  return Array.from({ length: 145 }, (_, index) => {
    const status = index % 5 === 0 ? "Unhealthy" : index % 11 === 0 ? "Unknown" : index % 3 === 0 ? "NotApplicable" : "Healthy";
    const finding = { id: `baseline-rule-${index}`, title: `Setting number ${index} of the kernel is as the baseline asks`, severity: pick(["Low", "Medium", "High", "Critical"]), status };
    if (status === "Unhealthy") finding.evidence = [{ field: `properties.sysctl['net.rule.${index}']`, expected: 'does not equal "1"', actual: { value: "0" } }];
    if (status === "Unknown") finding.cause = { code: "Unreadable", message: "could not read with open /proc/modules (the file does not exist)" };
    return finding;
  });
}

function makeAssessment(recommendation, resource) {
  const chance = next();
  const isUnread = resource.unreadable.length > 0 && chance < 0.6;
  const status = isUnread ? "Unknown" : chance < 0.36 ? "Unhealthy" : chance > 0.95 ? "NotApplicable" : "Healthy";
  const at = `2026-11-${String(1 + Math.floor(next() * 22)).padStart(2, "0")}T08:30:00Z`;
  const row = { recommendation: recommendation.id, resource: resource.id, name: resource.name, type: resource.type, ...resource.scope, location: resource.scope.resourceGroup, status, firstEvaluatedAt: "2026-11-01T08:30:00Z", statusChangedAt: at };
  delete row.resourceGroup;
  if (status === "Unhealthy") row.evidence = [{ field: "properties.PublicAccessBlock.RestrictPublicBuckets", expected: "does not equal true", actual: { value: false }, source: "s3:GetPublicAccessBlock" }, { field: "properties.Policy", expected: "exists", actual: "absent" }];
  if (status === "Unknown") {
    row.cause = { code: "Unreadable", message: "properties.Policy: could not read with GetBucketPolicy: AccessDenied", permissions: ["s3:GetBucketPolicy"] };
    row.evidence = [{ field: "properties.Policy", expected: "exists", actual: { unreadable: DENIED }, source: "s3:GetBucketPolicy" }];
  }
  if (status === "NotApplicable") row.cause = { code: "DoesNotApply", message: "the recommendation does not concern this resource" };
  if (recommendation.id === "machine-security-configuration-met") Object.assign(row, { status: "Unhealthy", findings: makeFindings(), evidence: undefined, cause: undefined });
  return row;
}

export const ASSESSMENTS = RECOMMENDATIONS.flatMap((recommendation) =>
  RESOURCES.filter((resource) => resource.type === recommendation.type).map((resource) => makeAssessment(recommendation, resource)),
);
