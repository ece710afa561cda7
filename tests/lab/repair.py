"""Repaired flaws are Resolved, broken again they are Reopened, deleted resources are Gone; nothing else is said to change.

Connects a seeded lab to a new store, assesses it (baseline), repairs flaws of many types through the SDK, assesses again, breaks
the same things again, assesses, deletes one resource of several types, assesses.

    $HOME/.cache/aws-lab/venv/bin/python repair.py --skywarden PATH [--port 5703] [--regions a,b,c]
"""

import json
import tempfile

from lab import Lab, Program, arguments, finish, table
from store import State


class Case:
    """A flaw with the calls that repair it and break it again."""

    def __init__(self, recommendation, resource, repair, destroy):
        self.recommendation, self.resource, self.repair, self.destroy = recommendation, resource, repair, destroy


def cases(lab):
    """Cases in the home region, on the first flawed resource of each type."""
    home, account = lab.regions[0], lab.account
    ec2, s3, iam, kms = (lab.client(name, home) for name in ("ec2", "s3", "iam", "kms"))
    rds, functions, cloudtrail, elb = (lab.client(name, home) for name in ("rds", "lambda", "cloudtrail", "elbv2"))
    arn = lambda word, id_: f"arn:aws:ec2:{home}:{account}:{word}/{id_}"
    tag, made = f"0000-{home}", []

    def case(recommendation, resource, repair, destroy):
        made.append(Case(recommendation, resource, repair, destroy))

    groups = {g["GroupName"]: g for g in lab.all("ec2", home, "describe_security_groups", "SecurityGroups")}
    for name, recommendation in [(f"ssh-open-{tag}", "aws-ec2-security-group-ssh"), (f"rdp-open-{tag}", "aws-ec2-security-group-rdp")]:
        rule = dict(GroupId=groups[name]["GroupId"], IpPermissions=groups[name]["IpPermissions"])
        case(
            recommendation,
            arn("security-group", rule["GroupId"]),
            lambda rule=rule: ec2.revoke_security_group_ingress(**rule),
            lambda rule=rule: ec2.authorize_security_group_ingress(**rule),
        )
    vpc = groups[f"ssh-open-{tag}"]["VpcId"]
    subnet = [s["SubnetId"] for s in lab.all("ec2", home, "describe_subnets", "Subnets") if s["VpcId"] == vpc and s["MapPublicIpOnLaunch"]][0]
    map_ip = lambda on: ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": on})
    case("aws-ec2-subnet-auto-public-ip", arn("subnet", subnet), lambda: map_ip(False), lambda: map_ip(True))

    unlogged = [v["VpcId"] for v in lab.all("ec2", home, "describe_vpcs", "Vpcs") if v["VpcId"] != vpc][0]
    log = dict(ResourceIds=[unlogged], ResourceType="VPC", TrafficType="ALL", LogDestinationType="s3")
    log["LogDestination"] = f"arn:aws:s3:::acme-cfg-{home}"
    log_ids = lambda: [f["FlowLogId"] for f in lab.all("ec2", home, "describe_flow_logs", "FlowLogs") if f["ResourceId"] == unlogged]
    case(
        "aws-ec2-vpc-flow-logs",
        arn("vpc", unlogged),
        lambda: ec2.create_flow_logs(**log),
        lambda: ec2.delete_flow_logs(FlowLogIds=log_ids()),
    )
    snapshot = [
        s["SnapshotId"]
        for s in lab.all("ec2", home, "describe_snapshots", "Snapshots", OwnerIds=["self"])
        if ec2.describe_snapshot_attribute(SnapshotId=s["SnapshotId"], Attribute="createVolumePermission")["CreateVolumePermissions"]
    ][0]
    share = lambda how: ec2.modify_snapshot_attribute(
        SnapshotId=snapshot, Attribute="createVolumePermission", OperationType=how, GroupNames=["all"]
    )
    case("aws-ec2-snapshot-public", arn("snapshot", snapshot), lambda: share("remove"), lambda: share("add"))

    instances = lab.all("ec2", home, "describe_instances", "Reservations[].Instances")
    instance = [i["InstanceId"] for i in instances if i["MetadataOptions"]["HttpTokens"] == "optional"][0]
    tokens = lambda how: ec2.modify_instance_metadata_options(InstanceId=instance, HttpTokens=how)
    case("aws-ec2-instance-imdsv2", arn("instance", instance), lambda: tokens("required"), lambda: tokens("optional"))

    bucket = f"acme-public-{tag}"
    closed = dict.fromkeys(["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"], True)
    block = lambda: s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=closed)
    unblock = lambda: s3.delete_public_access_block(Bucket=bucket)
    case("aws-s3-bucket-block-public-access", f"arn:aws:s3:::{bucket}", block, unblock)
    case("aws-s3-bucket-public", f"arn:aws:s3:::{bucket}", lambda: None, lambda: None)  # by the block as well
    versions = lambda how: s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": how})
    case("aws-s3-bucket-versioning", f"arn:aws:s3:::{bucket}", lambda: versions("Enabled"), lambda: versions("Suspended"))

    control = lab.client("s3control", home)
    account_block = lambda on: control.put_public_access_block(AccountId=account, PublicAccessBlockConfiguration=dict.fromkeys(closed, on))
    case("aws-s3-account-block-public-access", f"arn:aws:s3::{account}:public-access-block", lambda: account_block(True), lambda: account_block(False))

    def password(length):
        iam.update_account_password_policy(MinimumPasswordLength=length, RequireSymbols=False)

    case("aws-iam-password-length", f"arn:aws:iam::{account}:root", lambda: password(14), lambda: password(8))
    key_id = iam.list_access_keys(UserName="user0-0000")["AccessKeyMetadata"][0]["AccessKeyId"]
    access_key = lambda how: iam.update_access_key(UserName="user0-0000", AccessKeyId=key_id, Status=how)
    user = f"arn:aws:iam::{account}:user/user0-0000"
    case("aws-iam-user-one-access-key", user, lambda: access_key("Inactive"), lambda: access_key("Active"))
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="repair")["VirtualMFADevice"]["SerialNumber"]
    mfa = dict(UserName="user0-0000", SerialNumber=device)
    case(
        "aws-iam-user-console-mfa",
        user,
        lambda: iam.enable_mfa_device(**mfa, AuthenticationCode1="123456", AuthenticationCode2="654321"),
        lambda: iam.deactivate_mfa_device(**mfa),
    )

    def trust(principal):
        statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.update_assume_role_policy(RoleName="anyone-0000", PolicyDocument=document)

    own = {"AWS": f"arn:aws:iam::{account}:root"}
    case("aws-iam-role-trust-public", f"arn:aws:iam::{account}:role/anyone-0000", lambda: trust(own), lambda: trust({"AWS": "*"}))
    policy = f"arn:aws:iam::{account}:policy/admin-0000"
    read = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::x/*"}]}
    case(
        "aws-iam-policy-administrator",
        policy,
        lambda: iam.create_policy_version(PolicyArn=policy, PolicyDocument=json.dumps(read), SetAsDefault=True),
        lambda: iam.set_default_policy_version(PolicyArn=policy, VersionId="v1"),
    )

    def is_unrotated(key):
        metadata = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
        return metadata["KeyManager"] == "CUSTOMER" and not kms.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"]

    key = [k for k in lab.all("kms", home, "list_keys", "Keys") if is_unrotated(k)][0]
    turn, stay = (lambda: kms.enable_key_rotation(KeyId=key["KeyId"])), (lambda: kms.disable_key_rotation(KeyId=key["KeyId"]))
    case("aws-kms-key-rotation", key["KeyArn"], turn, stay)

    database = f"db0-{tag}"
    change = lambda **what: rds.modify_db_instance(DBInstanceIdentifier=database, ApplyImmediately=True, **what)
    database_arn = f"arn:aws:rds:{home}:{account}:db:{database}"
    backups = lambda days: change(BackupRetentionPeriod=days)
    case("aws-rds-instance-backups", database_arn, lambda: backups(14), lambda: backups(0))
    case("aws-rds-instance-deletion-protection", database_arn, lambda: change(DeletionProtection=True), lambda: change(DeletionProtection=False))

    function = f"fn0-{tag}"
    function_arn = f"arn:aws:lambda:{home}:{account}:function:{function}"
    runtime = lambda name: functions.update_function_configuration(FunctionName=function, Runtime=name)
    case("aws-lambda-function-runtime", function_arn, lambda: runtime("python3.13"), lambda: runtime("python3.7"))
    permit = dict(FunctionName=function, StatementId="pub")
    case(
        "aws-lambda-function-public",
        function_arn,
        lambda: functions.remove_permission(**permit),
        lambda: functions.add_permission(**permit, Action="lambda:InvokeFunction", Principal="*"),
    )

    trail = f"arn:aws:cloudtrail:{home}:{account}:trail/org-trail"
    validate = lambda on: cloudtrail.update_trail(Name="org-trail", EnableLogFileValidation=on)
    case("aws-cloudtrail-trail-validation", trail, lambda: validate(True), lambda: validate(False))

    balancer = lab.all("elbv2", home, "describe_load_balancers", "LoadBalancers")[0]["LoadBalancerArn"]
    listener = elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"][0]
    to_https = {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}
    answer = lambda actions: elb.modify_listener(ListenerArn=listener["ListenerArn"], DefaultActions=actions)
    case("aws-elbv2-load-balancer-http", balancer, lambda: answer([to_https]), lambda: answer(listener["DefaultActions"]))
    return made


def delete(lab):
    """Deletes one resource of some types; returns their ids."""
    home, tag = lab.regions[0], f"0001-{lab.regions[0]}"
    ec2, secrets = lab.client("ec2", home), lab.client("secretsmanager", home)
    volume = [v["VolumeId"] for v in lab.all("ec2", home, "describe_volumes", "Volumes") if not v["Attachments"]][0]
    ec2.delete_volume(VolumeId=volume)
    secret = secrets.describe_secret(SecretId=f"secret0-{tag}")["ARN"]
    secrets.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
    lab.client("lambda", home).delete_function(FunctionName=f"fn1-{tag}")
    lab.client("s3", home).delete_bucket(Bucket=f"acme-data-{tag}")
    return [
        f"arn:aws:ec2:{home}:{lab.account}:volume/{volume}",
        secret,
        f"arn:aws:lambda:{home}:{lab.account}:function:fn1-{tag}",
        f"arn:aws:s3:::acme-data-{tag}",
    ]


def main():
    options = arguments(__doc__).parse_args()
    with Lab(options) as lab, tempfile.TemporaryDirectory() as data:
        program = Program(options.skywarden, lab)
        seen = []

        def assess():
            """Runs, and returns the new state and the changes since the last run."""
            run = program.up_once(data)
            if run.code != 0:
                raise SystemExit(f"`up --once` ended with {run.code}: {run.err}\n{run.out}")
            rows = [row for row in program.rows(data, "changes") if row["resource"].startswith("arn:")]
            new = [row for row in rows if row not in seen]
            seen.extend(new)
            return State(data), new

        connected = program.connect(data)
        if connected.code != 0:
            raise SystemExit(f"`connect` ended with {connected.code}: {connected.err}")
        made = cases(lab)
        states = [assess()]
        for work in ("repair", "destroy"):
            for case in made:
                getattr(case, work)()
            states.append(assess())
        quiet = assess()[1]
        gone = delete(lab)
        last = assess()
        known = {(case.recommendation, case.resource) for case in made}

        def kind(changes, case):
            return [c["kind"] for c in changes if (c["recommendation"], c["resource"]) == (case.recommendation, case.resource)]

        rows = []
        for case in made:
            statuses = [state.status(case.recommendation, case.resource) for state, _ in states]
            kinds = [",".join(kind(changes, case)) or "-" for _, changes in states]
            is_ok = statuses == ["Unhealthy", "Healthy", "Unhealthy"] and kinds[1:] == ["Resolved", "Reopened"]
            rows.append([case.recommendation, case.resource.split(":", 5)[-1][-44:], *[f"{s} {k}" for s, k in zip(statuses, kinds)], "ok" if is_ok else "FAIL"])
        table(["recommendation", "resource", "baseline", "repaired", "broken again", ""], rows)
        n_passed, n_failed = sum(row[-1] == "ok" for row in rows), sum(row[-1] == "FAIL" for row in rows)

        print()
        checks = []
        for id_ in gone:
            kinds = {c["kind"] for c in last[1] if c["resource"] == id_}
            checks.append((f"deleted {id_[-60:]}: {','.join(kinds) or 'nothing said'}", kinds == {"Gone"} and id_ not in last[0].ids))
        extra = [c for c in last[1] if c["resource"] not in gone]
        checks.append((f"other changes after deleting: {len(extra)}", not [c for c in extra if c["kind"] == "Gone"]))
        checks.append((f"changes after a run in which nothing happened: {len(quiet)}", not quiet))
        for name, (_, changes) in zip(("repairing", "breaking"), states[1:]):
            others = [c for c in changes if (c["recommendation"], c["resource"]) not in known]
            checks.append((f"other changes after {name}: {len(others)}", not {c["kind"] for c in others} & {"Gone", "Stale"}))
            for c in others:
                print(f"  also after {name}: {c['kind']:9} {c['recommendation']:45} {c['resource'][-60:]}")
        verdicts = [{key: a["status"] for key, a in state.assessments.items()} for state, _ in states]
        differ = [key for key in verdicts[0].keys() | verdicts[2].keys() if verdicts[0].get(key) != verdicts[2].get(key)]
        checks.append((f"verdicts that breaking again does not bring back: {len(differ)} {differ[:3]}", not differ))
        for text, is_ok in checks:
            print(f"{'ok  ' if is_ok else 'FAIL'} {text}")
    finish(n_passed + sum(ok for _, ok in checks), n_failed + sum(not ok for _, ok in checks))


if __name__ == "__main__":
    main()
