"""What the SDK says of databases and file systems; see `estate.py`."""

from estate_services import lets_everyone_in, of


def _is_snapshot_public(client, snapshot):
    whole = client.describe_db_snapshot_attributes(DBSnapshotIdentifier=snapshot["DBSnapshotIdentifier"])
    attributes = whole["DBSnapshotAttributesResult"]["DBSnapshotAttributes"]
    return any("all" in one["AttributeValues"] for one in attributes if one["AttributeName"] == "restore")


snapshot_public = of("AWS::RDS::DBSnapshot", _is_snapshot_public)
aurora_clear = of("AWS::RDS::DBCluster", lambda _, cluster: not cluster["StorageEncrypted"])
neptune_clear = of("AWS::Neptune::DBCluster", lambda _, cluster: not cluster["StorageEncrypted"])
redshift_public = of("AWS::Redshift::Cluster", lambda _, cluster: cluster["PubliclyAccessible"])
redshift_clear = of("AWS::Redshift::Cluster", lambda _, cluster: not cluster["Encrypted"])
redis_clear = of("AWS::ElastiCache::ReplicationGroup", lambda _, group: not group["AtRestEncryptionEnabled"])
redis_clear_in_transit = of("AWS::ElastiCache::ReplicationGroup", lambda _, group: not group["TransitEncryptionEnabled"])
memory_clear_in_transit = of("AWS::MemoryDB::Cluster", lambda _, cluster: not cluster["TLSEnabled"])
files_clear = of("AWS::EFS::FileSystem", lambda _, one: not one["Encrypted"])
migration_public = of("AWS::DMS::ReplicationInstance", lambda _, one: one["PubliclyAccessible"])


def _unrecoverable(client, name):
    backups = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    return backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] != "ENABLED"


table_unrecoverable = of("AWS::DynamoDB::Table", _unrecoverable)


def _domain(client, domain):
    return client.describe_domain(DomainName=domain["DomainName"])["DomainStatus"]


def _is_domain_open(client, domain):
    """Everybody may use it, and it does not lie in a network of its owner."""
    whole = _domain(client, domain)
    return not whole.get("VPCOptions", {}).get("SubnetIds") and lets_everyone_in(whole.get("AccessPolicies"))


domain_open = of("AWS::OpenSearchService::Domain", _is_domain_open)
domain_clear = of(
    "AWS::OpenSearchService::Domain", lambda client, one: not _domain(client, one).get("EncryptionAtRestOptions", {}).get("Enabled")
)
domain_clear_between_nodes = of(
    "AWS::OpenSearchService::Domain",
    lambda client, one: not _domain(client, one).get("NodeToNodeEncryptionOptions", {}).get("Enabled"),
)


def _is_group_unenforced(client, group):
    whole = client.get_work_group(WorkGroup=group["Name"])["WorkGroup"]
    return not whole.get("Configuration", {}).get("EnforceWorkGroupConfiguration")


group_unenforced = of("AWS::Athena::WorkGroup", _is_group_unenforced)
