"""Flawless siblings and near misses of the services beyond the first ones; see `siblings.py`.

Everything is made in the first region, but for what a whole region has or lacks.
"""

import base64
import json

from siblings import _document


def image(lab):
    """An image of the account's own."""
    home = lab.regions[0]
    (reservation, *_) = lab.all("ec2", home, "describe_instances", "Reservations")
    lab.client("ec2", home).create_image(InstanceId=reservation["Instances"][0]["InstanceId"], Name="flawless")


def address(lab):
    """An address that an interface has, and a record that points to it; one that points outside of AWS."""
    home = lab.regions[0]
    ec2, route53 = lab.client("ec2", home), lab.client("route53", home)
    subnet = lab.all("ec2", home, "describe_subnets", "Subnets")[0]["SubnetId"]
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    made = ec2.allocate_address(Domain="vpc")
    ec2.associate_address(AllocationId=made["AllocationId"], NetworkInterfaceId=interface)
    zone = lab.all("route53", home, "list_hosted_zones", "HostedZones")[0]["Id"]
    for name, value in {"own": made["PublicIp"], "elsewhere": "203.0.113.9"}.items():
        record = {"Name": f"{name}.unit0.example.com", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": value}]}
        changes = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=changes)


def classic_balancer(lab):
    """A classic load balancer with a listener of HTTPS alone."""
    home = lab.regions[0]
    certificate = lab.all("acm", home, "list_certificates", "CertificateSummaryList")[0]["CertificateArn"]
    listener = {"Protocol": "HTTPS", "LoadBalancerPort": 443, "InstanceProtocol": "HTTPS", "InstancePort": 443, "SSLCertificateId": certificate}
    lab.client("elb", home).create_load_balancer(LoadBalancerName="flawless", Listeners=[listener], AvailabilityZones=[f"{home}a"])


def distribution(lab):
    """A distribution that speaks TLS on both sides."""
    origin = {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}
    origins = {"Quantity": 1, "Items": [{"Id": "o1", "DomainName": "origin.example.com", "CustomOriginConfig": origin}]}
    behavior = {"TargetOriginId": "o1", "ViewerProtocolPolicy": "redirect-to-https", "MinTTL": 0}
    behavior["ForwardedValues"] = {"QueryString": False, "Cookies": {"Forward": "none"}}
    config = {"CallerReference": "flawless", "Comment": "c", "Enabled": True, "Origins": origins, "DefaultCacheBehavior": behavior}
    lab.client("cloudfront", lab.regions[0]).create_distribution(DistributionConfig=config)


def pools(lab):
    """A user pool that asks for a second factor, an identity pool without guests."""
    home = lab.regions[0]
    lab.client("cognito-idp", home).create_user_pool(PoolName="flawless", MfaConfiguration="ON")
    lab.client("cognito-identity", home).create_identity_pool(IdentityPoolName="flawless", AllowUnauthenticatedIdentities=False)


def messages(lab):
    """A topic for everyone of an organisation, a queue for one account."""
    home = lab.regions[0]
    org = {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}
    topic = lab.client("sns", home).create_topic(Name="flawless")["TopicArn"]
    allow = {"Effect": "Allow", "Principal": "*", "Action": "sns:Publish", "Resource": topic, "Condition": org}
    lab.client("sns", home).set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=_document(allow))
    arn = f"arn:aws:sqs:{home}:{lab.account}:flawless"
    allow = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{lab.account}:root"}, "Action": "sqs:*", "Resource": arn}
    lab.client("sqs", home).create_queue(QueueName="flawless", Attributes={"Policy": _document(allow), "SqsManagedSseEnabled": "true"})


def streams(lab):
    """A broker that is not public, a Kafka cluster that speaks TLS alone, an encrypted stream."""
    home = lab.regions[0]
    lab.client("mq", home).create_broker(
        BrokerName="flawless", EngineType="ACTIVEMQ", EngineVersion="5.18", HostInstanceType="mq.t3.micro", PubliclyAccessible=False,
        DeploymentMode="ACTIVE_STANDBY_MULTI_AZ", AutoMinorVersionUpgrade=True, Users=[{"Username": "admin", "Password": "Passw0rd12345"}],
    )  # fmt: skip
    subnets = [subnet["SubnetId"] for subnet in lab.all("ec2", home, "describe_subnets", "Subnets")[:2]]
    lab.client("kafka", home).create_cluster(
        ClusterName="flawless", KafkaVersion="3.6.0", NumberOfBrokerNodes=2,
        BrokerNodeGroupInfo={"InstanceType": "kafka.m5.large", "ClientSubnets": subnets},
        EncryptionInfo={"EncryptionInTransit": {"ClientBroker": "TLS", "InCluster": True}},
    )  # fmt: skip
    kinesis = lab.client("kinesis", home)
    kinesis.create_stream(StreamName="flawless", ShardCount=1)
    kinesis.start_stream_encryption(StreamName="flawless", EncryptionType="KMS", KeyId="alias/aws/kinesis")


def cluster(lab):
    """A Kubernetes API that is reached from inside only, one that an office reaches."""
    home = lab.regions[0]
    subnets = [subnet["SubnetId"] for subnet in lab.all("ec2", home, "describe_subnets", "Subnets")[:2]]
    role = lab.all("iam", home, "list_roles", "Roles")[0]["Arn"]
    for name, access in {
        "flawless": {"endpointPublicAccess": False, "endpointPrivateAccess": True},
        "one-office": {"endpointPublicAccess": True, "publicAccessCidrs": ["203.0.113.7/32"]},
    }.items():
        lab.client("eks", home).create_cluster(name=name, roleArn=role, resourcesVpcConfig={"subnetIds": subnets, **access})


def task(lab):
    """A task definition without rights or secrets."""
    container = {"name": "c", "image": "nginx:1", "memory": 64, "user": "1000", "environment": [{"name": "STAGE", "value": "prod"}]}
    lab.client("ecs", lab.regions[0]).register_task_definition(family="flawless", networkMode="awsvpc", containerDefinitions=[container])


def project(lab):
    """A build without rights; its secret comes from the parameter store."""
    variable = {"name": "DB_PASSWORD", "value": "/app/password", "type": "PARAMETER_STORE"}
    lab.client("codebuild", lab.regions[0]).create_project(
        name="flawless", source={"type": "GITHUB", "location": "https://github.com/acme/app"}, artifacts={"type": "NO_ARTIFACTS"},
        environment={"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0", "computeType": "BUILD_GENERAL1_SMALL",
                     "privilegedMode": False, "environmentVariables": [variable]},
        serviceRole=f"arn:aws:iam::{lab.account}:role/ec2-app-0000",
    )  # fmt: skip


def stack(lab):
    """A stack whose output is an address."""
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "of-flawless-stack"}}
    template = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Q": queue}, "Outputs": {"Url": {"Value": "https://example.com"}}}
    lab.client("cloudformation", lab.regions[0]).create_stack(StackName="flawless", TemplateBody=json.dumps(template))


def notebook(lab):
    """A notebook in a network of the account, without root."""
    home = lab.regions[0]
    subnet = lab.all("ec2", home, "describe_subnets", "Subnets")[0]["SubnetId"]
    lab.client("sagemaker", home).create_notebook_instance(
        NotebookInstanceName="flawless", InstanceType="ml.t3.medium", RoleArn=f"arn:aws:iam::{lab.account}:role/ec2-app-0000",
        SubnetId=subnet, DirectInternetAccess="Disabled", RootAccess="Disabled",
    )  # fmt: skip


def document(lab):
    """A document that one other account shares."""
    ssm = lab.client("ssm", lab.regions[0])
    content = {"schemaVersion": "2.2", "description": "x", "mainSteps": []}
    ssm.create_document(Name="Flawless-Doc", DocumentType="Command", Content=json.dumps(content))
    ssm.modify_document_permission(Name="Flawless-Doc", PermissionType="Share", AccountIdsToAdd=["999999999999"])


def server(lab):
    """A server that speaks SFTP alone."""
    lab.client("transfer", lab.regions[0]).create_server(Protocols=["SFTP"], EndpointType="PUBLIC")


def databases(lab):
    """Encrypted and private ones."""
    home = lab.regions[0]
    login = {"MasterUsername": "owner", "MasterUserPassword": "Passw0rd1234"}
    lab.client("rds", home).create_db_cluster(DBClusterIdentifier="flawless", Engine="aurora-mysql", StorageEncrypted=True, **login)
    lab.client("redshift", home).create_cluster(
        ClusterIdentifier="flawless", NodeType="ra3.large", PubliclyAccessible=False, Encrypted=True, DBName="dw", **login
    )
    lab.client("dms", home).create_replication_instance(
        ReplicationInstanceIdentifier="flawless", ReplicationInstanceClass="dms.t3.micro", PubliclyAccessible=False
    )


def shared_snapshot(lab):
    """A snapshot that one other account may restore, one that nobody else may."""
    home = lab.regions[0]
    rds = lab.client("rds", home)
    source = f"db1-0000-{home}"
    for name in ("flawless", "shared-with-one"):
        rds.create_db_snapshot(DBSnapshotIdentifier=name, DBInstanceIdentifier=source)
    rds.modify_db_snapshot_attribute(DBSnapshotIdentifier="shared-with-one", AttributeName="restore", ValuesToAdd=["999999999999"])


def neptune(lab):
    """An encrypted graph."""
    lab.client("neptune", lab.regions[0]).create_db_cluster(DBClusterIdentifier="flawless-graph", Engine="neptune", StorageEncrypted=True)


def redis(lab):
    """A group of caches that is encrypted on the disk and on the wire, and a cluster that speaks TLS."""
    home = lab.regions[0]
    lab.client("elasticache", home).create_replication_group(
        ReplicationGroupId="flawless", ReplicationGroupDescription="d", Engine="redis", CacheNodeType="cache.t3.micro",
        TransitEncryptionEnabled=True, AtRestEncryptionEnabled=True,
    )  # fmt: skip
    lab.client("memorydb", home).create_cluster(ClusterName="flawless", NodeType="db.t4g.small", ACLName="open-access", TLSEnabled=True)


def domain(lab):
    """A search domain that is encrypted and lets one role in."""
    home = lab.regions[0]
    allow = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{lab.account}:role/ec2-app-0000"}, "Action": "es:*", "Resource": "*"}
    lab.client("opensearch", home).create_domain(
        DomainName="flawless", EngineVersion="OpenSearch_2.5", EncryptionAtRestOptions={"Enabled": True},
        NodeToNodeEncryptionOptions={"Enabled": True}, AccessPolicies=_document(allow),
    )  # fmt: skip


def files(lab):
    """An encrypted file system."""
    lab.client("efs", lab.regions[0]).create_file_system(CreationToken="flawless", Encrypted=True)


def work_group(lab):
    """A work group that enforces its settings."""
    lab.client("athena", lab.regions[0]).create_work_group(Name="flawless", Configuration={"EnforceWorkGroupConfiguration": True})


def template(lab):
    """A launch template with a harmless script."""
    script = base64.b64encode(b"#!/bin/sh\nyum -y update\n").decode()
    data = {"ImageId": "ami-12c6146b", "InstanceType": "t3.micro", "UserData": script}
    lab.client("ec2", lab.regions[0]).create_launch_template(LaunchTemplateName="flawless", LaunchTemplateData=data)


MAKERS = (
    image, address, classic_balancer, distribution, pools, messages, streams, cluster, task, project, stack, notebook, document, server,
    databases, shared_snapshot, neptune, redis, domain, files, work_group, template,
)  # fmt: skip
