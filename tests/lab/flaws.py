"""Each planted flaw is found on exactly the flawed resources, and their flawless siblings are Healthy.

For each flaw that the seed plants in a type that we support: the recommendation that names it is Unhealthy on the resources
that the SDK shows to be flawed (estate*.py, written without a look at our content) and on no other, and Healthy on the rest of
the type. Flaws without flawless siblings get some (siblings*.py); other spellings of flaws and near misses are added (variants.py).
A planted flaw without a recommendation is listed as a gap.

    $HOME/.cache/aws-lab/venv/bin/python flaws.py --skywarden PATH [--port 5702] [--scale 2] [--regions a,b,c]
"""

import json

import estate as e
import estate_data as d
import estate_iam as i
import estate_services as v
import siblings
import siblings_services
import variants
from lab import Lab, Program, arguments, finish, table

# Flaw (the seed's own name, or a dash and ours), recommendation, the SDK's view.
FLAWS = [
    ("weak password policy", "aws-iam-password-length", i.password_short),
    ("weak password policy", "aws-iam-password-characters", i.password_simple),
    ("weak password policy", "aws-iam-password-reuse", i.password_reused),
    ("admin policy", "aws-iam-policy-administrator", i.policy_administrator),
    ("deploy policy", "aws-iam-policy-escalation", i.policy_escalates),
    ("console user without MFA", "aws-iam-user-console-mfa", i.user_without_mfa),
    ("two access keys", "aws-iam-user-one-access-key", i.user_two_keys),
    ("user with direct AdministratorAccess", "aws-iam-user-administrator", i.user_administrator),
    ("user with direct AdministratorAccess", "aws-iam-user-direct-policies", i.user_direct),
    ("inline admin policy", "aws-iam-user-administrator", i.user_administrator),
    ("inline admin policy", "aws-iam-user-direct-policies", i.user_direct),
    ("AdministratorAccess group", "aws-iam-group-administrator", i.groups_administrator),
    ("role trusts *", "aws-iam-role-trust-public", i.role_trusts_all),
    ("cross-account without ExternalId", "aws-iam-role-cross-account", i.role_cross_account),
    ("- role with policy *:*", "aws-iam-role-administrator", i.role_administrator),
    ("- role with escalating policy", "aws-iam-role-escalation", i.role_escalates),
    ("- no trail of all regions", "aws-iam-account-multi-region-trail", i.no_trail_of_all_regions),
    ("account PAB off", "aws-s3-account-block-public-access", e.account_unblocked),
    ("public bucket policy", "aws-s3-bucket-public", e.bucket_public),
    ("public bucket ACL", "aws-s3-bucket-public", e.bucket_public),
    ("- bucket without block", "aws-s3-bucket-block-public-access", e.bucket_unblocked),
    ("- bucket without encryption", "aws-s3-bucket-encryption", e.bucket_clear),
    ("- bucket without versions", "aws-s3-bucket-versioning", e.bucket_unversioned),
    ("- bucket without access log", "aws-s3-bucket-logging", e.bucket_unlogged),
    ("- bucket open to plain HTTP", "aws-s3-bucket-tls-only", e.bucket_http),
    ("- bucket with ACLs", "aws-s3-bucket-acl-disabled", e.bucket_acls),
    ("SG ssh-open", "aws-ec2-security-group-ssh", e.ssh_open),
    ("SG rdp-open", "aws-ec2-security-group-rdp", e.rdp_open),
    ("SG db-open", "aws-ec2-security-group-risky-ports", e.database_open),
    ("SG all-open", "aws-ec2-security-group-unrestricted", e.world_open),
    ("- default SG with rules", "aws-ec2-default-security-group", e.default_allows),
    ("- NACL lets the world to 22", "aws-ec2-network-acl-management-ports", e.acl_open),
    ("subnet auto public IP", "aws-ec2-subnet-auto-public-ip", e.subnet_public_ip),
    ("vpc without flow logs", "aws-ec2-vpc-flow-logs", e.vpc_unlogged),
    ("unencrypted volume", "aws-ec2-volume-encryption", e.volume_clear),
    ("- unattached volume", "aws-ec2-volume-unattached", e.volume_idle),
    ("- unencrypted snapshot", "aws-ec2-snapshot-encryption", e.snapshot_clear),
    ("public snapshot", "aws-ec2-snapshot-public", e.snapshot_public),
    ("IMDSv1 allowed", "aws-ec2-instance-imdsv2", e.imds_v1),
    ("- instance with public IP", "aws-ec2-instance-public-ip", e.public_ip),
    ("- management port reachable", "aws-ec2-instance-management-ports", e.exposed),
    ("public instance with privileged role", "aws-ec2-instance-exposed-with-role", e.exposed_with_role),
    ("secret in user data", "aws-ec2-instance-user-data-secrets", e.user_data_secret),
    ("kms no rotation", "aws-kms-key-rotation", e.key_unrotated),
    ("kms public policy", "aws-kms-key-public", e.key_public),
    ("public unencrypted RDS", "aws-rds-instance-public", e.databases(lambda d: d["PubliclyAccessible"])),
    ("public unencrypted RDS", "aws-rds-instance-encryption", e.databases(lambda d: not d["StorageEncrypted"])),
    ("- RDS without backups", "aws-rds-instance-backups", e.databases(lambda d: d["BackupRetentionPeriod"] < 7)),
    ("- RDS in one zone", "aws-rds-instance-multi-az", e.databases(lambda d: not d["MultiAZ"])),
    ("- RDS without deletion protection", "aws-rds-instance-deletion-protection", e.databases(lambda d: not d["DeletionProtection"])),
    ("- RDS without minor upgrades", "aws-rds-instance-minor-upgrades", e.databases(lambda d: not d["AutoMinorVersionUpgrade"])),
    ("lambda old runtime + env secret", "aws-lambda-function-runtime", e.function_old),
    ("lambda old runtime + env secret", "aws-lambda-function-environment-secrets", e.function_secret),
    ("public lambda policy", "aws-lambda-function-public", e.function_public),
    ("public lambda URL", "aws-lambda-function-url-auth", e.function_url_open),
    ("trail without validation/KMS", "aws-cloudtrail-trail-validation", e.trails(lambda _, t: not t["LogFileValidationEnabled"])),
    ("trail without validation/KMS", "aws-cloudtrail-trail-encryption", e.trails(lambda _, t: "KmsKeyId" not in t)),
    ("trail not logging", "aws-cloudtrail-trail-logging", e.trail_stopped),
    ("- trail of one region", "aws-cloudtrail-trail-multi-region", e.trails(lambda _, t: not t["IsMultiRegionTrail"])),
    ("secret without rotation", "aws-secretsmanager-secret-rotation", e.secrets(lambda s: not s.get("RotationEnabled"))),
    ("plain HTTP ALB", "aws-elbv2-load-balancer-http", e.balancer_http),
    ("public AMI", "aws-ec2-image-public", v.image_public),
    ("unassigned EIP", "aws-ec2-eip-unused", v.address_idle),
    ("- launch template with a secret", "aws-ec2-launch-template-secrets", v.template_secret),
    ("- EBS not encrypted by default", "aws-ec2-region-ebs-default-encryption", v.volumes_clear_by_default),
    ("- classic ALB without TLS", "aws-elb-load-balancer-tls-listeners", v.classic_balancer_http),
    ("dangling DNS", "aws-route53-record-dangling", v.record_dangling),
    ("cloudfront http", "aws-cloudfront-distribution-viewer-https", v.distribution_http),
    ("cloudfront http", "aws-cloudfront-distribution-origin-encryption", v.distribution_origin_http),
    ("guardduty disabled", "aws-guardduty-detector-enabled", v.detector_off),
    ("no trail/config/guardduty in region", "aws-guardduty-region-enabled", v.region_undetected),
    ("no trail/config/guardduty in region", "aws-config-region-recorder", v.region_unrecorded),
    ("cognito no MFA", "aws-cognito-idp-user-pool-mfa", v.pool_without_mfa),
    ("guest access pool", "aws-cognito-identity-pool-guests", v.pool_for_guests),
    ("public SNS topic", "aws-sns-topic-public-publish", v.topic_public),
    ("public SQS queue", "aws-sqs-queue-public", v.queue_public),
    ("- queue without encryption", "aws-sqs-queue-encryption", v.queue_clear),
    ("public MQ", "aws-mq-broker-public", v.broker_public),
    ("plaintext MSK", "aws-kafka-cluster-client-tls", v.kafka_in_clear),
    ("unencrypted kinesis", "aws-kinesis-stream-encryption", v.stream_clear),
    ("public ECR repo", "aws-ecr-repository-public", v.repository_public),
    ("- images are not scanned", "aws-ecr-repository-scan", v.repository_unscanned),
    ("- tags of images may be moved", "aws-ecr-repository-tag-immutability", v.repository_mutable),
    ("public EKS endpoint", "aws-eks-cluster-endpoint-open", v.cluster_open),
    ("public EKS endpoint", "aws-eks-cluster-endpoint-public", v.cluster_public),
    ("privileged ECS task", "aws-ecs-task-definition-privileged", v.task_privileged),
    ("- ECS task with a secret", "aws-ecs-task-definition-environment-secrets", v.task_secret),
    ("- build with all rights", "aws-codebuild-project-privileged", v.project_privileged),
    ("- build with a secret", "aws-codebuild-project-environment-secrets", v.project_secret),
    ("secret in CFN output", "aws-cloudformation-stack-output-secrets", v.stack_secret),
    ("notebook with internet", "aws-sagemaker-notebook-direct-internet", v.notebook_online),
    ("- notebook with root", "aws-sagemaker-notebook-root-access", v.notebook_root),
    ("public ssm document", "aws-ssm-document-public", v.document_public),
    ("FTP transfer server", "aws-transfer-server-ftp", v.server_ftp),
    ("public RDS snapshot", "aws-rds-snapshot-public", d.snapshot_public),
    ("unencrypted aurora", "aws-rds-cluster-encryption", d.aurora_clear),
    ("- Neptune without encryption", "aws-neptune-cluster-encryption", d.neptune_clear),
    ("public unencrypted redshift", "aws-redshift-cluster-public", d.redshift_public),
    ("public unencrypted redshift", "aws-redshift-cluster-encryption", d.redshift_clear),
    ("redis no encryption", "aws-elasticache-replication-group-encryption", d.redis_clear),
    ("redis no encryption", "aws-elasticache-replication-group-tls", d.redis_clear_in_transit),
    ("- MemoryDB without TLS", "aws-memorydb-cluster-tls", d.memory_clear_in_transit),
    ("open opensearch", "aws-opensearch-domain-anonymous", d.domain_open),
    ("open opensearch", "aws-opensearch-domain-encryption", d.domain_clear),
    ("open opensearch", "aws-opensearch-domain-node-to-node", d.domain_clear_between_nodes),
    ("unencrypted EFS", "aws-efs-file-system-encryption", d.files_clear),
    ("- migration server is public", "aws-dms-instance-public", d.migration_public),
    ("- table without recovery", "aws-dynamodb-table-point-in-time-recovery", d.table_unrecoverable),
    ("athena wg not enforced", "aws-athena-work-group-enforced", d.group_unenforced),
]


def judge(run, recommendation, view):
    """Counts of one flaw, whether it is as it should be, and what is wrong."""
    flawed = {id_ for id_, has_it in view.items() if has_it}
    siblings = set(view) - flawed
    ours = run.statuses(recommendation)
    unhealthy = {id_ for id_, status in ours.items() if status == "Unhealthy"}
    healthy = {id_ for id_ in siblings if ours.get(id_) == "Healthy"}
    wrong = [f"{id_} is flawed, ours {ours.get(id_)}" for id_ in sorted(flawed - unhealthy)]
    wrong += [f"{id_} is not flawed, ours Unhealthy" for id_ in sorted(unhealthy - flawed)]
    wrong += [f"{id_} is not flawed, ours {ours.get(id_)}" for id_ in sorted(siblings - healthy - unhealthy)]
    for n, text in enumerate(wrong):
        cause = run.assessments.get((recommendation, text.split()[0]), {}).get("cause")
        wrong[n] = f"{recommendation}: {text}" + (f" ({cause['code']}: {cause['message']})" if cause else "")
    return [len(flawed), len(flawed & unhealthy), len(unhealthy - flawed), len(siblings), len(healthy)], wrong


def main():
    parser = arguments(__doc__, scale=4)
    parser.add_argument("--plant", action="store_true", help="plant the siblings in a running lab too")
    options = parser.parse_args()
    with Lab(options) as lab:
        notes = [] if lab.running and not options.plant else siblings.plant(lab, siblings.MAKERS + siblings_services.MAKERS + variants.MAKERS)
        views = [view(lab) if view else {} for _, _, view in FLAWS]
        run = Program(options.skywarden, lab).scan()
        seeded = json.loads(lab.seed_report.read_text())
    planted = seeded["by_flaw"]
    rows, wrong, n_passed, n_failed, n_gaps = [], list(notes), 0, 0, 0
    for (flaw, recommendation, _), view in zip(FLAWS, views):
        n_planted = planted.get(flaw, 0) if not flaw.startswith("-") else "-"
        if recommendation is None:
            n_gaps += 1
            n_flawed = sum(view.values()) or "-"
            rows.append([flaw, "NO RECOMMENDATION", n_planted, n_flawed, "-", "-", len(view) - sum(view.values()), "-", "gap"])
            continue
        counts, faults = judge(run, recommendation, view)
        if n_planted != "-" and counts[0] < n_planted:
            faults.append(f"{recommendation}: the seed planted {n_planted} of `{flaw}`, but the SDK sees {counts[0]}")
        wrong += faults[:4] + ([f"{recommendation}: and {len(faults) - 4} more"] if len(faults) > 4 else [])
        n_failed, n_passed = n_failed + bool(faults), n_passed + (not faults)
        rows.append([flaw, recommendation, n_planted, *counts, "FAIL" if faults else "ok"])
    for flaw in sorted(set(planted) - {flaw for flaw, _, _ in FLAWS}):
        wrong.append(f"the seed plants `{flaw}`, which this script does not know")
        n_failed += 1
    table(["flaw", "recommendation", "planted", "flawed", "found", "extra", "siblings", "Healthy", ""], rows)
    kinds = {flaw for flaw, _, _ in FLAWS if flaw in planted}
    print(f"the seed planted {sum(planted.values())} flaws of {len(planted)} kinds, of which {len(kinds)} are in the table")
    # None of these carries a flaw of the seed's list; the bucket is the one that lab.py has made before the seed.
    refused = sorted(set(seeded["failed"]) - {"s3:create_bucket"})
    print(f"the emulator refused to seed {', '.join(refused) or 'nothing'}")
    print("\n".join(wrong[:60]))
    print(f"{n_gaps} planted flaws of supported types have no recommendation")
    finish(n_passed, n_failed)


if __name__ == "__main__":
    main()
