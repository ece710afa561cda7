"""What the SDK says of the services beyond the first ones; see `estate.py`.

How each type is listed and what its ids look like comes from types.tsv.
"""

import base64
import ipaddress
import json

import sdk
from estate import OPEN, ask, for_everyone


def of(type_name, has_it):
    """The view of a type: `has_it` gets the client of the resource's region and the item of the list."""
    (row,) = [row for row in sdk.rows() if row["type"] == type_name]

    def view(lab):
        seen = sdk.look(lab, {type_name})
        found = {}
        for (region, item), (id_, _) in zip(seen.items[type_name], seen.ids[type_name], strict=True):
            verdict = has_it(lab.client(row["service"], region), item)
            if verdict is not None:
                found[id_] = verdict
        return found

    return view


def _statements(text):
    return json.loads(text)["Statement"] if text else []


def lets_everyone_in(text):
    return any(map(for_everyone, _statements(text)))


# Networks and machines


def _is_image_public(ec2, image):
    permissions = ec2.describe_image_attribute(ImageId=image["ImageId"], Attribute="launchPermission")["LaunchPermissions"]
    return any(permission.get("Group") == "all" for permission in permissions)


image_public = of("AWS::EC2::Image", _is_image_public)


def _template_tells_a_secret(ec2, template):
    versions = ec2.describe_launch_template_versions(LaunchTemplateId=template["LaunchTemplateId"], Versions=["$Default"])
    script = versions["LaunchTemplateVersions"][0]["LaunchTemplateData"].get("UserData", "")
    return b"PASSWORD=" in base64.b64decode(script)


template_secret = of("AWS::EC2::LaunchTemplate", _template_tells_a_secret)
address_idle = of("AWS::EC2::EIP", lambda _, address: not address.get("AssociationId") and not address.get("InstanceId"))
volumes_clear_by_default = of("AWS::EC2::RegionSettings", lambda _, settings: not settings["EbsEncryptionByDefault"])


def _listens_in_clear(_, balancer):
    return any(l["Listener"]["Protocol"] in ("HTTP", "TCP") for l in balancer["ListenerDescriptions"])


classic_balancer_http = of("AWS::ElasticLoadBalancing::LoadBalancer", _listens_in_clear)


def record_dangling(lab):
    """Records with an address that nothing of the account has, though it lies in a range of AWS."""
    amazon = ipaddress.ip_network("54.0.0.0/8")
    own = {a["PublicIp"] for region in lab.regions for a in lab.all("ec2", region, "describe_addresses", "Addresses")}
    for region in lab.regions:
        for interface in lab.all("ec2", region, "describe_network_interfaces", "NetworkInterfaces"):
            own.add(interface.get("Association", {}).get("PublicIp"))

    def has_it(_, record):
        if record["Type"] != "A" or "ResourceRecords" not in record:
            return None
        addresses = [one["Value"] for one in record["ResourceRecords"]]
        return any(address not in own and ipaddress.ip_address(address) in amazon for address in addresses)

    return of("AWS::Route53::RecordSet", has_it)(lab)


distribution_http = of(
    "AWS::CloudFront::Distribution", lambda _, one: one["DefaultCacheBehavior"]["ViewerProtocolPolicy"] == "allow-all"
)


def _has_http_origin(_, distribution):
    origins = [origin.get("CustomOriginConfig", {}) for origin in distribution["Origins"]["Items"]]
    return any(origin.get("OriginProtocolPolicy") == "http-only" for origin in origins)


distribution_origin_http = of("AWS::CloudFront::Distribution", _has_http_origin)

# What the account does in a region


def _regions(is_missing):
    return lambda lab: {f"arn:aws:account::{lab.account}:region/{region}": is_missing(lab, region) for region in lab.regions}


def _detects(lab, region):
    client = lab.client("guardduty", region)
    ids = lab.all("guardduty", region, "list_detectors", "DetectorIds")
    return any(client.get_detector(DetectorId=id_)["Status"] == "ENABLED" for id_ in ids)


def _records(lab, region):
    states = lab.client("config", region).describe_configuration_recorder_status()["ConfigurationRecordersStatus"]
    return any(state["recording"] for state in states)


region_undetected = _regions(lambda lab, region: not _detects(lab, region))
region_unrecorded = _regions(lambda lab, region: not _records(lab, region))
detector_off = of("AWS::GuardDuty::Detector", lambda client, id_: client.get_detector(DetectorId=id_)["Status"] != "ENABLED")

# Sign-in


def _pool(client, pool):
    return client.describe_user_pool(UserPoolId=pool["Id"])["UserPool"]


def _lets_guests_in(client, pool):
    return client.describe_identity_pool(IdentityPoolId=pool["IdentityPoolId"])["AllowUnauthenticatedIdentities"]


pool_without_mfa = of("AWS::Cognito::UserPool", lambda client, pool: _pool(client, pool).get("MfaConfiguration", "OFF") == "OFF")
pool_for_guests = of("AWS::Cognito::IdentityPool", _lets_guests_in)

# Messages


def _topic_policy(client, topic):
    return client.get_topic_attributes(TopicArn=topic["TopicArn"])["Attributes"].get("Policy")


def _queue(client, url):
    return client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]


def _is_queue_clear(client, url):
    queue = _queue(client, url)
    return not queue.get("KmsMasterKeyId") and queue.get("SqsManagedSseEnabled") != "true"


topic_public = of("AWS::SNS::Topic", lambda client, topic: lets_everyone_in(_topic_policy(client, topic)))
queue_public = of("AWS::SQS::Queue", lambda client, url: lets_everyone_in(_queue(client, url).get("Policy")))
queue_clear = of("AWS::SQS::Queue", _is_queue_clear)
broker_public = of(
    "AWS::AmazonMQ::Broker", lambda client, one: client.describe_broker(BrokerId=one["BrokerId"])["PubliclyAccessible"]
)


def _kafka_in_clear(client, cluster):
    whole = client.describe_cluster_v2(ClusterArn=cluster["ClusterArn"])["ClusterInfo"]["Provisioned"]
    return whole["EncryptionInfo"]["EncryptionInTransit"]["ClientBroker"] != "TLS"


kafka_in_clear = of("AWS::MSK::Cluster", _kafka_in_clear)


def _is_stream_clear(client, stream):
    summary = client.describe_stream_summary(StreamName=stream["StreamName"])["StreamDescriptionSummary"]
    return summary.get("EncryptionType", "NONE") != "KMS"


stream_clear = of("AWS::Kinesis::Stream", _is_stream_clear)

# Containers


def _repository_policy(client, repository):
    call = lambda: client.get_repository_policy(repositoryName=repository["repositoryName"])
    return ask(call, "policyText", ["RepositoryPolicyNotFoundException"])


repository_public = of("AWS::ECR::Repository", lambda client, one: lets_everyone_in(_repository_policy(client, one)))
repository_unscanned = of("AWS::ECR::Repository", lambda _, one: not one["imageScanningConfiguration"]["scanOnPush"])
repository_mutable = of("AWS::ECR::Repository", lambda _, one: one["imageTagMutability"] == "MUTABLE")


def _access(client, name):
    return client.describe_cluster(name=name)["cluster"]["resourcesVpcConfig"]


def _is_endpoint_open(client, name):
    """Whether every network reaches the public endpoint; a cluster without one has nothing to be narrowed."""
    access = _access(client, name)
    return bool(set(OPEN) & set(access.get("publicAccessCidrs", OPEN))) if access.get("endpointPublicAccess") else None


def _containers(client, family):
    return client.describe_task_definition(taskDefinition=family)["taskDefinition"]["containerDefinitions"]


def _tells_secrets(client, family):
    names = [variable["name"] for one in _containers(client, family) for variable in one.get("environment", [])]
    return any("PASSWORD" in name or "SECRET" in name for name in names)


cluster_public = of("AWS::EKS::Cluster", lambda client, name: bool(_access(client, name).get("endpointPublicAccess")))
cluster_open = of("AWS::EKS::Cluster", _is_endpoint_open)
task_privileged = of(
    "AWS::ECS::TaskDefinition", lambda client, family: any(one.get("privileged") for one in _containers(client, family))
)
task_secret = of("AWS::ECS::TaskDefinition", _tells_secrets)

# Building and running


def _project(client, name):
    return client.batch_get_projects(names=[name])["projects"][0]["environment"]


def _builds_with_secret(client, name):
    variables = _project(client, name).get("environmentVariables", [])
    return any(v["type"] == "PLAINTEXT" and ("SECRET" in v["name"] or "PASSWORD" in v["name"]) for v in variables)


project_privileged = of("AWS::CodeBuild::Project", lambda client, name: bool(_project(client, name).get("privilegedMode")))
project_secret = of("AWS::CodeBuild::Project", _builds_with_secret)
stack_secret = of(
    "AWS::CloudFormation::Stack", lambda _, stack: any("password=" in o["OutputValue"] for o in stack.get("Outputs", []))
)


def _notebook(client, notebook):
    return client.describe_notebook_instance(NotebookInstanceName=notebook["NotebookInstanceName"])


notebook_online = of("AWS::SageMaker::NotebookInstance", lambda client, one: _notebook(client, one)["DirectInternetAccess"] == "Enabled")
notebook_root = of("AWS::SageMaker::NotebookInstance", lambda client, one: _notebook(client, one)["RootAccess"] == "Enabled")


def _is_document_public(client, document):
    return "all" in client.describe_document_permission(Name=document["Name"], PermissionType="Share").get("AccountIds", [])


document_public = of("AWS::SSM::Document", _is_document_public)
server_ftp = of(
    "AWS::Transfer::Server", lambda client, one: "FTP" in client.describe_server(ServerId=one["ServerId"])["Server"]["Protocols"]
)
