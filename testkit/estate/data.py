"""Keys, secrets and databases."""
import uuid

from context import ACCOUNT, HOME, PARTNER, PLACEHOLDER, SECOND, policy, statement, tags


def make_keys(estate):
    """Encryption keys; they come before what they encrypt."""
    own = statement("Allow", "kms:*", "*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
    partner = statement("Allow", ["kms:Decrypt", "kms:DescribeKey"], "*", Principal={"AWS": f"arn:aws:iam::{PARTNER}:root"})
    everyone = statement("Allow", ["kms:Encrypt", "kms:DescribeKey"], "*", Principal="*")
    log = statement("Allow", "kms:GenerateDataKey*", "*", Principal={"Service": "cloudtrail.amazonaws.com"})
    for name, region, days, rotated, statements, team in [
        ("disks", HOME, 887, True, [own], "it"),
        ("storage", HOME, 887, True, [own, log], "it"),
        ("databases", HOME, 886, True, [own], "storefront"),
        ("disks", SECOND, 500, True, [own], "data"),
        ("storage", SECOND, 500, False, [own], "data"),
        ("partner exchange", SECOND, 300, False, [own, partner], "data"),
        ("survey intake", HOME, 212, False, [own, everyone], "storefront"),
        ("old shop", HOME, 880, False, [own], "storefront"),
    ]:
        estate.days_ago(days)
        key(estate, name, region, rotated, policy(*statements), team)
    estate.days_ago(640)
    signing = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}
    key(estate, "release signing", HOME, False, policy(own), "storefront", **signing)
    estate.days_ago(4)
    estate.client("kms").schedule_key_deletion(KeyId=estate[f"key old shop {HOME}"].split("/")[1], PendingWindowInDays=30)


def key(estate, name, region, rotated, document, team, **more):
    """One key with an alias."""
    kms = estate.client("kms", region)
    labels = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in tags(name, team, "prod")]
    made = kms.create_key(Description=f"Fernhollow {name}", Policy=document, Tags=labels, **more)["KeyMetadata"]
    kms.create_alias(AliasName=f"alias/{name.replace(' ', '-')}", TargetKeyId=made["KeyId"])
    if rotated:
        kms.enable_key_rotation(KeyId=made["KeyId"])
    estate.remember(f"key {name} {region}", made["Arn"])


def token(name, step):
    """What makes a request safe to repeat, which is also the id of the version that it makes: the same each time."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{name} {step}"))


def make_secrets(estate):
    """Secrets. Their values are placeholders that nothing reads."""
    reader = statement("Allow", "secretsmanager:GetSecretValue", "*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/shop-web"})
    everyone = statement("Allow", "secretsmanager:GetSecretValue", "*", Principal="*")
    for name, region, days, rotated_days, document, team, data in [
        ("shop/database", HOME, 830, 12, reader, "storefront", "confidential"),
        ("shop/payment-provider", HOME, 60, 25, reader, "storefront", "confidential"),
        ("shop/newsletter", HOME, 415, None, None, "storefront", "internal"),
        ("corp/erp-database", HOME, 690, None, None, "it", "confidential"),
        ("data/warehouse", SECOND, 470, 9, None, "data", "confidential"),
        ("data/dashboard-vendor", SECOND, 128, None, everyone, "data", "internal"),
        ("data/map-tiles", SECOND, 35, None, None, "data", "internal"),
    ]:
        estate.days_ago(days)
        client = estate.client("secretsmanager", region)
        encryption = {"KmsKeyId": estate[f"key storage {region}"]} if rotated_days else {}
        made = client.create_secret(
            Name=name,
            Description=name.replace("/", " "),
            SecretString=PLACEHOLDER,
            ClientRequestToken=token(name, "made"),
            Tags=tags(name, team, "prod", data),
            **encryption,
        )
        if document:
            client.put_resource_policy(SecretId=made["ARN"], ResourcePolicy=policy(document), BlockPublicPolicy=False)
        if rotated_days:
            estate.days_ago(rotated_days)
            monthly = {"AutomaticallyAfterDays": 30}
            client.rotate_secret(SecretId=made["ARN"], ClientRequestToken=token(name, "rotated"), RotationRules=monthly)


# name, region, days ago, engine, version, class, GiB, subnets, groups, options, team, environment, data
DATABASES = [
    (
        "shop-orders", HOME, 830, "postgres", "16.3", "db.m6g.large", 200,
        "shop", ["shop-db"], {"good", "kms"}, "storefront", "prod", "confidential",
    ),
    (
        "shop-catalogue", HOME, 520, "postgres", "16.3", "db.t4g.large", 100,
        "shop", ["shop-db"], {"good", "kms"}, "storefront", "prod", "internal",
    ),
    (
        "shop-staging", HOME, 190, "postgres", "16.3", "db.t4g.medium", 50,
        "shop", ["shop-db"], {"kms", "iam"}, "storefront", "staging", "internal",
    ),
    (
        "corp-erp", HOME, 690, "mysql", "8.0.36", "db.t3.large", 300,
        "corp", ["corp-erp-db"], {"backups"}, "it", "corp", "confidential",
    ),
    (
        "analytics-reports", SECOND, 470, "postgres", "15.7", "db.r6g.large", 400,
        "analytics", ["reports-db"], {"public", "upgrades"}, "data", "prod", "confidential",
    ),
]
SUBNETS = {
    "shop": ["shop-data-a", "shop-data-b"],
    "corp": ["corp-office-a", "corp-office-b"],
    "analytics": ["analytics-public-a", "analytics-public-b"],
}


def make_databases(estate):
    """Databases; needs networks and keys."""
    estate.days_ago(870)
    for name, region in [("shop", HOME), ("corp", HOME), ("analytics", SECOND)]:
        estate.client("rds", region).create_db_subnet_group(
            DBSubnetGroupName=name,
            DBSubnetGroupDescription=f"Databases of {name}",
            SubnetIds=[estate[f"subnet {subnet}"] for subnet in SUBNETS[name]],
        )
    for database in sorted(DATABASES, key=lambda database: -database[2]):
        make_database(estate, *database)


def make_database(estate, name, region, days, engine, version, kind, size, subnets, groups, traits, team, environment, data):
    """One database."""
    estate.days_ago(days)
    good = "good" in traits
    encryption = {"KmsKeyId": estate[f"key databases {region}"]} if "kms" in traits else {}
    logs = {"EnableCloudwatchLogsExports": ["postgresql"]} if good else {}
    estate.client("rds", region).create_db_instance(
        DBInstanceIdentifier=name,
        DBName=name.replace("-", "_"),
        Engine=engine,
        EngineVersion=version,
        DBInstanceClass=kind,
        AllocatedStorage=size,
        StorageType="gp3",
        MasterUsername="fernhollow",
        MasterUserPassword=PLACEHOLDER,
        DBSubnetGroupName=subnets,
        VpcSecurityGroupIds=[estate[f"group {group}"] for group in groups],
        PubliclyAccessible="public" in traits,
        StorageEncrypted="kms" in traits,
        MultiAZ=good,
        DeletionProtection=good,
        BackupRetentionPeriod=14 if good or "backups" in traits else 1,
        AutoMinorVersionUpgrade=good or "upgrades" in traits,
        EnableIAMDatabaseAuthentication=good or "iam" in traits,
        CopyTagsToSnapshot=True,
        Tags=tags(name, team, environment, data),
        **encryption,
        **logs,
    )
