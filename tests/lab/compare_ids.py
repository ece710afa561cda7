"""Every resource of every supported AWS type is found: none missing, none twice, none extra, none in a wrong region.

Compares the ids of our scan with what the SDK's own list calls (boto3 paginators) answer in each region. Nothing here is
taken from our collector specs: each id is built from the SDK's answer. A type that the content has and this file lacks fails.

    $HOME/.cache/aws-lab/venv/bin/python compare_ids.py --skywarden PATH [--port 5701] [--scale 2] [--regions a,b,c]
"""

import pathlib
import re
import sys

from lab import Lab, Program, arguments, finish, table, twice

COLLECTORS = pathlib.Path(__file__).resolve().parents[2] / "content/collectors/aws"

# EC2 answers with bare ids: type, operation, key of the answer, key of the id, word in the ARN, request.
EC2 = [
    ("Instance", "describe_instances", "Reservations[].Instances", "InstanceId", "instance", {}),
    ("InternetGateway", "describe_internet_gateways", "InternetGateways", "InternetGatewayId", "internet-gateway", {}),
    ("NetworkAcl", "describe_network_acls", "NetworkAcls", "NetworkAclId", "network-acl", {}),
    ("RouteTable", "describe_route_tables", "RouteTables", "RouteTableId", "route-table", {}),
    ("SecurityGroup", "describe_security_groups", "SecurityGroups", "GroupId", "security-group", {}),
    ("Snapshot", "describe_snapshots", "Snapshots", "SnapshotId", "snapshot", {"OwnerIds": ["self"]}),
    ("Subnet", "describe_subnets", "Subnets", "SubnetId", "subnet", {}),
    ("VPC", "describe_vpcs", "Vpcs", "VpcId", "vpc", {}),
    ("Volume", "describe_volumes", "Volumes", "VolumeId", "volume", {}),
]
# Other regional services answer with ARNs: type, service, operation, key of the answer, key of the ARN.
REGIONAL = [
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", "elbv2", "describe_load_balancers", "LoadBalancers", "LoadBalancerArn"),
    ("AWS::KMS::Key", "kms", "list_keys", "Keys", "KeyArn"),
    ("AWS::Lambda::Function", "lambda", "list_functions", "Functions", "FunctionArn"),
    ("AWS::RDS::DBInstance", "rds", "describe_db_instances", "DBInstances", "DBInstanceArn"),
    ("AWS::SecretsManager::Secret", "secretsmanager", "list_secrets", "SecretList", "ARN"),
]
IAM = [
    ("AWS::IAM::Group", "list_groups", "Groups", {}),
    ("AWS::IAM::Policy", "list_policies", "Policies", {"Scope": "Local"}),
    ("AWS::IAM::Role", "list_roles", "Roles", {}),
    ("AWS::IAM::User", "list_users", "Users", {}),
]

UNNAMED = "not named by the emulator"


def sdk_view(lab):
    """For each type the ids with their region, `None` for what has none."""
    home, view = lab.regions[0], {}

    def add(type_name, id_, region):
        view.setdefault(type_name, []).append((id_, region))

    for region in lab.regions:
        for name, operation, key, id_key, word, request in EC2:
            for one in lab.all("ec2", region, operation, key, **request):
                add(f"AWS::EC2::{name}", f"arn:aws:ec2:{region}:{lab.account}:{word}/{one[id_key]}", region)
        for type_name, service, operation, key, arn in REGIONAL:
            for one in lab.all(service, region, operation, key):
                add(type_name, one[arn], region)
        for trail in lab.all("cloudtrail", region, "list_trails", "Trails"):
            if trail["HomeRegion"] == region:  # a trail of all regions shows up in each of them
                add("AWS::CloudTrail::Trail", trail["TrailARN"], region)
    for type_name, operation, key, request in IAM:
        for one in lab.all("iam", home, operation, key, **request):
            add(type_name, one["Arn"], None)
    s3 = lab.client("s3", home)
    for bucket in lab.all("s3", home, "list_buckets", "Buckets"):
        place = s3.get_bucket_location(Bucket=bucket["Name"])["LocationConstraint"] or "us-east-1"
        # Our program takes the place from ListBuckets, where AWS names it and this emulator does not.
        place = place if "BucketRegion" in bucket else UNNAMED
        add("AWS::S3::Bucket", f"arn:aws:s3:::{bucket['Name']}", place)
    add("AWS::IAM::Account", f"arn:aws:iam::{lab.account}:root", None)
    add("AWS::S3::AccountPublicAccessBlock", f"arn:aws:s3::{lab.account}:public-access-block", None)
    return view


def supported_types():
    """The types that the content says how to collect."""
    texts = (file.read_text() for file in COLLECTORS.rglob("*.yaml"))
    return {found[1] for text in texts if (found := re.search(r"^type: (\S+)", text, re.MULTILINE))}


def main():
    options = arguments(__doc__).parse_args()
    with Lab(options) as lab:
        before = sdk_view(lab)
        run = Program(options.skywarden, lab).scan()
        after = sdk_view(lab)
    if before != after:
        sys.exit("the estate changed during the scan; nothing can be said")
    ours = {}
    for one in run.resources:
        region = None if one.get("location") in (None, "global") else one["location"]
        ours.setdefault(one["type"], []).append((one["id"], region))
    rows, problems = [], []
    for type_name in sorted(supported_types() | set(before) | set(ours)):
        expected, found = before.get(type_name, []), ours.get(type_name, [])
        expected_ids, found_ids = {id_ for id_, _ in expected}, {id_ for id_, _ in found}
        missing, extra = sorted(expected_ids - found_ids), sorted(found_ids - expected_ids)
        doubles = twice([id_ for id_, _ in found])
        places = dict(expected)
        n_unnamed = list(places.values()).count(UNNAMED)
        misplaced = [
            f"{id_} is in {places[id_]}, ours {region}"
            for id_, region in found
            if places.get(id_, region) not in (region, UNNAMED)
        ]
        n = (len(missing), len(extra), len(doubles), len(misplaced))
        note = f"the emulator's list does not name the region of {n_unnamed}" if n_unnamed else ""
        if type_name not in before:
            note = "this script has no list call for it"
        verdict = "FAIL" if any(n) or type_name not in before else "ok"
        rows.append([type_name, len(expected), len(found), *n, verdict, note])
        problems += [f"{type_name} missing: {id_}" for id_ in missing] + [f"{type_name} extra: {id_}" for id_ in extra]
        problems += [f"{type_name} twice: {id_}" for id_ in doubles] + [f"{type_name} misplaced: {text}" for text in misplaced]
    table(["type", "SDK", "ours", "missing", "extra", "twice", "misplaced", "", ""], rows)
    failed_lists = [c for c in run.coverage if c["outcome"]["state"] not in ("complete", "skipped")]
    for coverage in failed_lists:
        problems.append(f"{coverage['type']} {coverage['region']}: {coverage['outcome']}")
    print("\n".join(problems[:40]))
    n_failed = sum(row[-2] == "FAIL" for row in rows) + len(failed_lists)
    finish(len(rows) - sum(row[-2] == "FAIL" for row in rows), n_failed)


if __name__ == "__main__":
    main()
