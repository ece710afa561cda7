"""Buckets, from well made to public."""
from context import ACCOUNT, AUDITOR, HOME, PARTNER, SECOND, policy, statement, tags

ALL_BLOCKED = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}

# name, region, days ago, team, environment, data, what has been set up
BUCKETS = [
    ("fernhollow-access-logs", HOME, 884, "it", "prod", "internal", {"aes", "blocked", "tls", "owned", "expire", "delivery"}),
    ("fernhollow-account-trail", HOME, 884, "it", "prod", "confidential", {"kms", "blocked", "versions", "logs", "owned", "trail", "tls"}),
    ("fernhollow-backups", HOME, 850, "it", "prod", "confidential", {"kms", "blocked", "versions", "logs", "tls", "owned", "copies"}),
    ("fernhollow-backups-copy", SECOND, 850, "it", "prod", "confidential", {"aes", "blocked", "versions", "owned", "tls", "expire"}),
    ("fernhollow-invoices", HOME, 700, "storefront", "prod", "confidential", {"kms", "blocked", "versions", "tls", "owned", "lock"}),
    ("fernhollow-product-images", HOME, 690, "storefront", "prod", "public", {"aes", "blocked", "logs", "cdn", "owned"}),
    ("fernhollow-website", HOME, 690, "storefront", "prod", "public", {"aes", "site"}),
    ("fernhollow-press-kit", HOME, 321, "storefront", "prod", "public", {"aes", "read-acl"}),
    ("fernhollow-data-lake", SECOND, 480, "data", "prod", "confidential", {"kms", "blocked", "versions", "logs", "owned"}),
    ("fernhollow-partner-exchange", SECOND, 300, "data", "prod", "internal", {"partner"}),
    ("fernhollow-scratch", SECOND, 95, "data", "test", None, {"owned"}),
    ("fernhollow-logs-us", SECOND, 479, "it", "prod", "internal", {"aes", "blocked", "tls", "owned", "expire", "delivery"}),
]


def make(estate):
    """Makes the buckets and the block of the account; needs keys and roles."""
    estate.days_ago(886)
    partly = {**ALL_BLOCKED, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}
    estate.client("s3control").put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration=partly)
    for bucket in sorted(BUCKETS, key=lambda bucket: -bucket[2]):
        make_bucket(estate, *bucket)
    # A bucket can log to another and be copied to another only once that is there.
    for name, region, _, _, _, _, traits in BUCKETS:
        s3 = estate.client("s3", region)
        if "logs" in traits:
            target = {"TargetBucket": "fernhollow-access-logs" if region == HOME else "fernhollow-logs-us", "TargetPrefix": f"{name}/"}
            s3.put_bucket_logging(Bucket=name, BucketLoggingStatus={"LoggingEnabled": target})
        if "copies" in traits:
            s3.put_bucket_replication(Bucket=name, ReplicationConfiguration=replication("fernhollow-backups-copy"))


def make_bucket(estate, name, region, days, team, environment, data, traits):
    """Makes one bucket with what can be set on it alone."""
    estate.days_ago(days)
    s3 = estate.client("s3", region)
    place = {} if region == SECOND else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    lock = {"ObjectLockEnabledForBucket": True} if "lock" in traits else {}
    s3.create_bucket(Bucket=name, **place, **lock)
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags(name, team, environment, data)})
    if "blocked" in traits:
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=ALL_BLOCKED)
    if "kms" in traits:
        rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": estate[f"key storage {region}"]}
        encrypt(s3, name, {"ApplyServerSideEncryptionByDefault": rule, "BucketKeyEnabled": True})
    elif "aes" in traits:
        encrypt(s3, name, {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}})
    else:
        s3.delete_bucket_encryption(Bucket=name)
    if "versions" in traits:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    if "owned" in traits:
        s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})
    if "expire" in traits:
        rule = {"ID": "forget", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 400}}
        s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [rule]})
    if "lock" in traits:
        kept = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Years": 10}}}
        s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=kept)
    if "read-acl" in traits:
        s3.put_bucket_acl(Bucket=name, ACL="public-read")
    statements = [made for trait, made in statements_of(name) if trait in traits]
    if statements:
        s3.put_bucket_policy(Bucket=name, Policy=policy(*statements))


def encrypt(s3, name, rule):
    """Sets the encryption of a bucket."""
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})


def statements_of(name):
    """What a trait adds to the policy of a bucket."""
    bucket, objects = f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"
    own = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    auditor = {"AWS": f"arn:aws:iam::{AUDITOR}:role/reader"}
    return [
        ("trail", statement("Allow", "s3:GetBucketAcl", bucket, Principal={"Service": "cloudtrail.amazonaws.com"}, Condition=own)),
        ("trail", statement("Allow", "s3:PutObject", objects, Principal={"Service": "cloudtrail.amazonaws.com"}, Condition=own)),
        ("trail", statement("Allow", ["s3:GetObject", "s3:ListBucket"], [bucket, objects], Principal=auditor)),
        ("delivery", statement("Allow", "s3:PutObject", objects, Principal={"Service": "logging.s3.amazonaws.com"}, Condition=own)),
        ("cdn", statement("Allow", "s3:GetObject", objects, Principal={"Service": "cloudfront.amazonaws.com"}, Condition=own)),
        ("site", statement("Allow", "s3:GetObject", objects, Principal="*")),
        ("partner", statement("Allow", ["s3:GetObject", "s3:PutObject"], objects, Principal={"AWS": f"arn:aws:iam::{PARTNER}:root"})),
        # The emulator wants the statement for log delivery to come before one for everyone.
        ("tls", statement("Deny", "s3:*", [bucket, objects], Principal="*", Condition={"Bool": {"aws:SecureTransport": "false"}})),
    ]


def replication(target):
    """A replication of everything."""
    rule = {
        "ID": "everything",
        "Status": "Enabled",
        "Priority": 1,
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{target}"},
    }
    return {"Role": f"arn:aws:iam::{ACCOUNT}:role/bucket-replication", "Rules": [rule]}
