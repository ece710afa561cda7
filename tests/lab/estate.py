"""What the SDK says of the estate: for each flaw which resources have it and which of the same type do not.

Nothing here reads our content or asks our program: each function is the plain meaning of the flaw, told from boto3's answers.
It returns {id: True (flawed) or False (flawless sibling)}; a resource that the flaw can not concern is left out.
"""

import base64
import json

OPEN = ("0.0.0.0/0", "::/0")


def _ec2(lab, operation, key, id_key, word, has_it, **request):
    found = {}
    for region in lab.regions:
        for one in lab.all("ec2", region, operation, key, **request):
            verdict = has_it(region, one)
            if verdict is not None:
                found[f"arn:aws:ec2:{region}:{lab.account}:{word}/{one[id_key]}"] = verdict
    return found


def _regional(lab, service, operation, key, id_key, has_it):
    found = {}
    for region in lab.regions:
        client = lab.client(service, region)
        for one in lab.all(service, region, operation, key):
            verdict = has_it(client, one)
            if verdict is not None:
                found[one[id_key]] = verdict
    return found


# EC2


def _is_open(rule):
    ranges = [r["CidrIp"] for r in rule.get("IpRanges", [])] + [r["CidrIpv6"] for r in rule.get("Ipv6Ranges", [])]
    return any(r in OPEN for r in ranges)


def _opens(group, port):
    rules = [rule for rule in group["IpPermissions"] if _is_open(rule)]
    return any(
        rule["IpProtocol"] == "-1" or rule["IpProtocol"] == "tcp" and rule["FromPort"] <= port <= rule["ToPort"] for rule in rules
    )


def security_groups(has_it):
    return lambda lab: _ec2(lab, "describe_security_groups", "SecurityGroups", "GroupId", "security-group", lambda _, g: has_it(g))


ssh_open = security_groups(lambda group: _opens(group, 22))
rdp_open = security_groups(lambda group: _opens(group, 3389))
database_open = security_groups(lambda group: any(_opens(group, port) for port in (3306, 5432)))
world_open = security_groups(
    lambda group: any(_is_open(rule) and rule.get("FromPort") not in (80, 443) for rule in group["IpPermissions"])
)
default_allows = security_groups(
    lambda group: bool(group["IpPermissions"] or group["IpPermissionsEgress"]) if group["GroupName"] == "default" else None
)


def volumes(has_it):
    return lambda lab: _ec2(lab, "describe_volumes", "Volumes", "VolumeId", "volume", lambda _, v: has_it(v))


volume_clear = volumes(lambda volume: not volume["Encrypted"])
volume_idle = volumes(lambda volume: not volume["Attachments"])


def snapshots(has_it):
    return lambda lab: _ec2(
        lab, "describe_snapshots", "Snapshots", "SnapshotId", "snapshot", lambda r, s: has_it(lab, r, s), OwnerIds=["self"]
    )


def _shared_with_all(lab, region, snapshot):
    answer = lab.client("ec2", region).describe_snapshot_attribute(
        SnapshotId=snapshot["SnapshotId"], Attribute="createVolumePermission"
    )
    return any(permission.get("Group") == "all" for permission in answer["CreateVolumePermissions"])


snapshot_clear = snapshots(lambda lab, region, snapshot: not snapshot["Encrypted"])
snapshot_public = snapshots(_shared_with_all)


def subnet_public_ip(lab):
    return _ec2(lab, "describe_subnets", "Subnets", "SubnetId", "subnet", lambda _, s: s["MapPublicIpOnLaunch"])


def acl_open(lab):
    def has_it(_, acl):
        let_in = [e for e in acl["Entries"] if not e["Egress"] and e["RuleAction"] == "allow" and e.get("CidrBlock") == OPEN[0]]
        wide = [e["Protocol"] == "-1" or e.get("PortRange", {}).get("From", 0) <= 22 for e in let_in]
        return any(wide)

    return _ec2(lab, "describe_network_acls", "NetworkAcls", "NetworkAclId", "network-acl", has_it)


def vpc_unlogged(lab):
    logged = {log["ResourceId"] for region in lab.regions for log in lab.all("ec2", region, "describe_flow_logs", "FlowLogs")}
    return _ec2(lab, "describe_vpcs", "Vpcs", "VpcId", "vpc", lambda _, vpc: vpc["VpcId"] not in logged)


def instances(has_it):
    def view(lab):
        alive = lambda region, i: None if i["State"]["Name"] in ("terminated", "shutting-down") else has_it(lab, region, i)
        return _ec2(lab, "describe_instances", "Reservations[].Instances", "InstanceId", "instance", alive)

    return view


def _has_public_ip(instance):
    return bool(instance.get("PublicIpAddress")) or any(n.get("Association") for n in instance["NetworkInterfaces"])


def _is_exposed(lab, region, instance):
    """A public address, a security group that lets the world in, and a way out to an internet gateway."""
    if not _has_public_ip(instance):
        return False
    groups = [group["GroupId"] for group in instance["SecurityGroups"]]
    rules = [rule for g in lab.all("ec2", region, "describe_security_groups", "SecurityGroups", GroupIds=groups) for rule in g["IpPermissions"]]
    tables = lab.all("ec2", region, "describe_route_tables", "RouteTables")
    tables = [table for table in tables if table["VpcId"] == instance["VpcId"]]
    own = [t for t in tables if any(a.get("SubnetId") == instance["SubnetId"] for a in t["Associations"])]
    own = own or [t for t in tables if any(a["Main"] for a in t["Associations"])]
    is_routed = any(r.get("GatewayId", "").startswith("igw-") for t in own for r in t["Routes"])
    return is_routed and any(_is_open(rule) for rule in rules)


def _tells_a_secret(lab, region, instance):
    """Whether the start-up script sets a password or a key."""
    client = lab.client("ec2", region)
    attribute = client.describe_instance_attribute(InstanceId=instance["InstanceId"], Attribute="userData")
    script = base64.b64decode(attribute.get("UserData", {}).get("Value", "")).decode()
    return "PASSWORD=" in script or "SECRET_ACCESS_KEY=" in script


user_data_secret = instances(_tells_a_secret)
imds_v1 = instances(lambda lab, region, i: i["MetadataOptions"]["HttpTokens"] != "required")
public_ip = instances(lambda lab, region, i: _has_public_ip(i))
exposed = instances(_is_exposed)
exposed_with_role = instances(lambda lab, region, i: _is_exposed(lab, region, i) and "IamInstanceProfile" in i)


# S3

EVERYONE = ("*", {"AWS": "*"}, {"AWS": ["*"]})


def for_everyone(statement):
    """Whether a statement lets everyone in; the conditions that occur here all name an account or an organisation."""
    return statement["Effect"] == "Allow" and statement["Principal"] in EVERYONE and "Condition" not in statement


def buckets(has_it):
    def view(lab):
        s3 = lab.client("s3", lab.regions[0])
        return {f"arn:aws:s3:::{b['Name']}": has_it(s3, b["Name"]) for b in s3.list_buckets()["Buckets"]}

    return view


def ask(call, key, absent):
    """The answer's key, or None if the service says with the code `absent` that there is nothing."""
    try:
        return call().get(key)
    except Exception as error:  # botocore makes its classes at run time
        if error.response["Error"]["Code"] not in absent:
            raise
        return None


def _block(s3, name):
    call = lambda: s3.get_public_access_block(Bucket=name)
    return ask(call, "PublicAccessBlockConfiguration", ["NoSuchPublicAccessBlockConfiguration"]) or {}


def _policy(s3, name):
    policy = ask(lambda: s3.get_bucket_policy(Bucket=name), "Policy", ["NoSuchBucketPolicy"])
    return json.loads(policy)["Statement"] if policy else []


def _is_public_by_policy(s3, name):
    return any(map(for_everyone, _policy(s3, name))) and not _block(s3, name).get("RestrictPublicBuckets")


def _is_public_by_acl(s3, name):
    uris = [g["Grantee"].get("URI", "") for g in s3.get_bucket_acl(Bucket=name)["Grants"]]
    return any(u.endswith("/AllUsers") for u in uris) and not _block(s3, name).get("IgnorePublicAcls")


bucket_public = buckets(lambda s3, name: _is_public_by_policy(s3, name) or _is_public_by_acl(s3, name))
bucket_unblocked = buckets(lambda s3, name: list(_block(s3, name).values()) != [True] * 4)
bucket_clear = buckets(
    lambda s3, name: not ask(
        lambda: s3.get_bucket_encryption(Bucket=name),
        "ServerSideEncryptionConfiguration",
        ["ServerSideEncryptionConfigurationNotFoundError"],
    )
)
bucket_unversioned = buckets(lambda s3, name: s3.get_bucket_versioning(Bucket=name).get("Status") != "Enabled")
bucket_unlogged = buckets(lambda s3, name: "LoggingEnabled" not in s3.get_bucket_logging(Bucket=name))
bucket_http = buckets(lambda s3, name: not any(s["Effect"] == "Deny" and "SecureTransport" in str(s) for s in _policy(s3, name)))
bucket_acls = buckets(
    lambda s3, name: "BucketOwnerEnforced"
    not in str(ask(lambda: s3.get_bucket_ownership_controls(Bucket=name), "OwnershipControls", ["OwnershipControlsNotFoundError"]))
)


def account_unblocked(lab):
    call = lambda: lab.client("s3control", lab.regions[0]).get_public_access_block(AccountId=lab.account)
    block = ask(call, "PublicAccessBlockConfiguration", ["NoSuchPublicAccessBlockConfiguration"]) or {}
    return {f"arn:aws:s3::{lab.account}:public-access-block": list(block.values()) != [True] * 4}


# KMS, RDS, Lambda, CloudTrail, Secrets Manager, load balancers


def keys(has_it):
    def customers_own(kms, key):
        metadata = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
        return has_it(kms, metadata) if metadata["KeyManager"] == "CUSTOMER" else None

    return lambda lab: _regional(lab, "kms", "list_keys", "Keys", "KeyArn", customers_own)


def _is_key_public(kms, key):
    statements = json.loads(kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")["Policy"])["Statement"]
    return any(map(for_everyone, statements))


def _is_unrotated(kms, key):
    if key["KeySpec"] != "SYMMETRIC_DEFAULT":  # the others can't be rotated
        return None
    return not kms.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"]


key_unrotated = keys(_is_unrotated)
key_public = keys(_is_key_public)


def databases(has_it):
    return lambda lab: _regional(
        lab, "rds", "describe_db_instances", "DBInstances", "DBInstanceArn", lambda _, one: has_it(one)
    )


def functions(has_it):
    return lambda lab: _regional(lab, "lambda", "list_functions", "Functions", "FunctionArn", has_it)


def _function_policy(client, function):
    policy = ask(lambda: client.get_policy(FunctionName=function["FunctionName"]), "Policy", ["ResourceNotFoundException"])
    return any(map(for_everyone, json.loads(policy)["Statement"])) if policy else False


def _function_url(client, function):
    call = lambda: client.get_function_url_config(FunctionName=function["FunctionName"])
    auth = ask(call, "AuthType", ["ResourceNotFoundException"])
    return None if auth is None else auth == "NONE"


function_old = functions(lambda _, f: f["Runtime"] == "python3.7")
function_secret = functions(lambda _, f: any("PASSWORD" in n or "SECRET" in n for n in f["Environment"]["Variables"]))
function_public = functions(_function_policy)
function_url_open = functions(_function_url)


def trails(has_it):
    def view(lab):
        found = {}
        for region in lab.regions:
            client = lab.client("cloudtrail", region)
            for one in client.describe_trails(includeShadowTrails=False)["trailList"]:
                found[one["TrailARN"]] = has_it(client, one)
        return found

    return view


trail_stopped = trails(lambda client, trail: not client.get_trail_status(Name=trail["TrailARN"])["IsLogging"])


def secrets(has_it):
    return lambda lab: _regional(lab, "secretsmanager", "list_secrets", "SecretList", "ARN", lambda _, one: has_it(one))


def balancers(has_it):
    return lambda lab: _regional(lab, "elbv2", "describe_load_balancers", "LoadBalancers", "LoadBalancerArn", has_it)


def _balancer_http(client, balancer):
    listeners = client.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    return any(l["Protocol"] == "HTTP" and l["DefaultActions"][0]["Type"] != "redirect" for l in listeners)


balancer_http = balancers(_balancer_http)
