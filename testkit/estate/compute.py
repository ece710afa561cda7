"""Virtual machines, their disks and copies of disks, and load balancers."""
from context import HOME, SECOND, specification, tags

# name, region, days ago, type, subnet, groups, size, options: IMDSv2, encrypted disk, role, tags
MACHINES = [
    ("shop-web-1", HOME, 61, "m6i.large", "shop-app-a", ["shop-web"], 40, dict(tokens=True, encrypted=True, role="shop-web")),
    ("shop-web-2", HOME, 61, "m6i.large", "shop-app-b", ["shop-web"], 40, dict(tokens=True, encrypted=True, role="shop-web")),
    ("shop-worker-1", HOME, 61, "c6i.large", "shop-app-a", ["shop-worker"], 60, dict(tokens=True, encrypted=True, role="shop-worker")),
    ("corp-bastion", HOME, 512, "t3.micro", "corp-public-a", ["corp-bastion"], 8, dict(key="it-2024", role="corp-bastion")),
    ("corp-files", HOME, 730, "t3.large", "corp-office-a", ["corp-office"], 500, dict(key="it-2024", platform="windows")),
    ("corp-intranet", HOME, 204, "t3.medium", "corp-office-a", ["corp-intranet"], 30, dict(tokens=True, encrypted=True)),
    ("corp-old-wiki", HOME, 388, "t2.small", "corp-office-b", ["corp-office"], 20, dict(key="it-2024", stopped=True)),
    ("analytics-notebook", SECOND, 97, "r6i.xlarge", "analytics-public-a", ["notebooks"], 200, dict(key="data", role="notebook")),
    ("analytics-etl-1", SECOND, 140, "m6i.xlarge", "analytics-jobs-a", ["jobs"], 100, dict(tokens=True, encrypted=True, role="etl")),
]
OWNERS = {
    "shop": ("storefront", "prod", "confidential", "marta.lindqvist"),
    "corp": ("it", "corp", "internal", "jonas.weber"),
    "analytics": ("data", "prod", "confidential", "priya.raman"),
}


def labels(name):
    """The tags of something of an estate's part, which its name begins with."""
    team, environment, data, owner = OWNERS[name.split("-")[0]]
    return tags(name, team, environment, data, owner)


def make(estate):
    """Makes machines, volumes, snapshots and balancers; needs networks, keys and roles."""
    for machine in sorted(MACHINES, key=lambda machine: -machine[2]):
        start(estate, *machine)
    volumes(estate)
    snapshots(estate)
    balancers(estate)


def start(estate, name, region, days, kind, subnet, groups, size, options):
    """Starts one machine."""
    estate.days_ago(days)
    ec2 = estate.client("ec2", region)
    disk = {"VolumeSize": size, "VolumeType": "gp3", "DeleteOnTermination": True, "Encrypted": bool(options.get("encrypted"))}
    if options.get("encrypted"):
        disk["KmsKeyId"] = estate[f"key disks {region}"]
    more = {}
    if "key" in options:
        more["KeyName"] = options["key"]
    if "role" in options:
        more["IamInstanceProfile"] = {"Name": options["role"]}
    tokens = "required" if options.get("tokens") else "optional"
    made = ec2.run_instances(
        ImageId="ami-0a1b2c3d4e5f60718",
        InstanceType=kind,
        MinCount=1,
        MaxCount=1,
        ClientToken=name,
        SubnetId=estate[f"subnet {subnet}"],
        SecurityGroupIds=[estate[f"group {group}"] for group in groups],
        BlockDeviceMappings=[{"DeviceName": "/dev/sda1", "Ebs": disk}],
        MetadataOptions={"HttpTokens": tokens, "HttpEndpoint": "enabled", "HttpPutResponseHopLimit": 1},
        TagSpecifications=specification("instance", labels(name)) + specification("volume", labels(f"{name}-root")),
        **more,
    )
    instance = estate.remember(f"instance {name}", made["Instances"][0]["InstanceId"])
    ec2.modify_instance_metadata_options(InstanceId=instance, HttpTokens=tokens, HttpEndpoint="enabled")
    if options.get("stopped"):
        ec2.stop_instances(InstanceIds=[instance])
    found = ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [instance]}])["Volumes"]
    estate.remember(f"volume {name}-root", found[0]["VolumeId"])


def volume(estate, name, region, zone, size, key=None, machine=None):
    """One volume, attached to a machine or not."""
    ec2 = estate.client("ec2", region)
    encryption = {"Encrypted": True, "KmsKeyId": key} if key else {"Encrypted": False}
    made = ec2.create_volume(
        AvailabilityZone=region + zone,
        Size=size,
        VolumeType="gp3",
        TagSpecifications=specification("volume", labels(name)),
        **encryption,
    )
    estate.remember(f"volume {name}", made["VolumeId"])
    if machine:
        ec2.attach_volume(VolumeId=made["VolumeId"], InstanceId=estate[f"instance {machine}"], Device="/dev/sdf")


def volumes(estate):
    """Data disks, and one that was left behind."""
    estate.days_ago(60)
    volume(estate, "shop-worker-queue", HOME, "a", 200, estate[f"key disks {HOME}"], "shop-worker-1")
    estate.days_ago(95)
    volume(estate, "analytics-notebook-data", SECOND, "a", 500, None, "analytics-notebook")
    volume(estate, "analytics-etl-scratch", SECOND, "a", 300, None, "analytics-etl-1")
    estate.days_ago(700)
    volume(estate, "corp-files-old", HOME, "a", 250)


def snapshots(estate):
    """Copies of disks; one of them can be restored by everyone."""
    made = {}
    for name, region, days, of in [
        ("shop-worker-queue-nightly", HOME, 1, "shop-worker-queue"),
        ("shop-web-1-before-update", HOME, 20, "shop-web-1-root"),
        ("corp-files-move", HOME, 402, "corp-files-root"),
        ("corp-old-wiki-export", HOME, 371, "corp-old-wiki-root"),
        ("analytics-notebook-demo", SECOND, 88, "analytics-notebook-root"),
        ("analytics-etl-weekly", SECOND, 5, "analytics-etl-scratch"),
    ]:
        estate.days_ago(days)
        ec2 = estate.client("ec2", region)
        answer = ec2.create_snapshot(
            VolumeId=estate[f"volume {of}"],
            Description=name.replace("-", " "),
            TagSpecifications=specification("snapshot", labels(name)),
        )
        made[name] = answer["SnapshotId"]
    public = {"Attribute": "createVolumePermission", "OperationType": "add"}
    estate.client("ec2", SECOND).modify_snapshot_attribute(
        SnapshotId=made["analytics-notebook-demo"], GroupNames=["all"], **public
    )
    estate.client("ec2").modify_snapshot_attribute(SnapshotId=made["corp-files-move"], UserIds=["444455556666"], **public)


def balancer(estate, name, region, subnets, group, scheme, kind="application", attributes=()):
    """One load balancer with a target group, whose ARNs it returns."""
    elb = estate.client("elbv2", region)
    groups = {"SecurityGroups": [estate[f"group {group}"]]} if group else {}
    made = elb.create_load_balancer(
        Name=name,
        Subnets=[estate[f"subnet {subnet}"] for subnet in subnets],
        Scheme=scheme,
        Type=kind,
        Tags=labels(name),
        **groups,
    )
    arn = made["LoadBalancers"][0]["LoadBalancerArn"]
    if attributes:
        elb.modify_load_balancer_attributes(
            LoadBalancerArn=arn, Attributes=[{"Key": key, "Value": value} for key, value in attributes]
        )
    network = estate[f"vpc {name.split('-')[0]}"]
    protocol = "HTTP" if kind == "application" else "TCP"
    target = elb.create_target_group(Name=f"{name}-targets", Protocol=protocol, Port=8080, VpcId=network)
    return elb, arn, target["TargetGroups"][0]["TargetGroupArn"]


def certificate(estate, region, domain):
    """A certificate for a name."""
    return estate.client("acm", region).request_certificate(DomainName=domain, ValidationMethod="DNS")["CertificateArn"]


def https(elb, arn, certificate_arn, target, tls):
    """An HTTPS listener."""
    elb.create_listener(
        LoadBalancerArn=arn,
        Protocol="HTTPS",
        Port=443,
        SslPolicy=tls,
        Certificates=[{"CertificateArn": certificate_arn}],
        DefaultActions=[{"Type": "forward", "TargetGroupArn": target}],
    )


def balancers(estate):
    """The shop's balancer, which is well made, the intranet's, which is not, and two of the data team."""
    estate.days_ago(400)
    logged = [("access_logs.s3.enabled", "true"), ("access_logs.s3.bucket", "fernhollow-access-logs")]
    careful = [("deletion_protection.enabled", "true"), ("routing.http.drop_invalid_header_fields.enabled", "true")]
    elb, arn, target = balancer(
        estate, "shop-edge", HOME, ["shop-public-a", "shop-public-b"], "shop-alb", "internet-facing", "application", logged + careful
    )
    https(elb, arn, certificate(estate, HOME, "shop.fernhollow.example"), target, "ELBSecurityPolicy-TLS13-1-2-2021-06")
    redirect = {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}
    elb.create_listener(
        LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=[{"Type": "redirect", "RedirectConfig": redirect}]
    )
    elb.register_targets(
        TargetGroupArn=target, Targets=[{"Id": estate["instance shop-web-1"]}, {"Id": estate["instance shop-web-2"]}]
    )
    estate.days_ago(198)
    elb, arn, target = balancer(estate, "corp-intranet", HOME, ["corp-office-a", "corp-office-b"], "corp-intranet", "internal")
    elb.create_listener(
        LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=[{"Type": "forward", "TargetGroupArn": target}]
    )
    elb.register_targets(TargetGroupArn=target, Targets=[{"Id": estate["instance corp-intranet"]}])
    estate.days_ago(130)
    subnets = ["analytics-public-a", "analytics-public-b"]
    elb, arn, target = balancer(
        estate, "analytics-reports", SECOND, subnets, "reports-balancer", "internet-facing", "application", careful[1:]
    )
    https(elb, arn, certificate(estate, SECOND, "reports.fernhollow.example"), target, "ELBSecurityPolicy-2016-08")
    elb, arn, target = balancer(
        estate, "analytics-intake", SECOND, ["analytics-jobs-a", "analytics-jobs-b"], None, "internal", "network"
    )
    elb.create_listener(LoadBalancerArn=arn, Protocol="TCP", Port=5044, DefaultActions=[{"Type": "forward", "TargetGroupArn": target}])
