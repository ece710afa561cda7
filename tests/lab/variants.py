"""Flaws and near misses in other shapes than the seed's: the same meaning written differently, and what only looks like a flaw."""

import json

from siblings import _document


def groups(lab):
    """Security groups: all ports, IPv6 alone, a range around the port, one address only, another port, UDP."""
    home = lab.regions[0]
    ec2 = lab.client("ec2", home)
    vpc = [v["VpcId"] for v in lab.all("ec2", home, "describe_vpcs", "Vpcs") if v["IsDefault"]][0]
    rules = {
        "all-tcp": dict(IpProtocol="tcp", FromPort=0, ToPort=65535, IpRanges=[{"CidrIp": "0.0.0.0/0"}]),
        "ipv6-ssh": dict(IpProtocol="tcp", FromPort=22, ToPort=22, Ipv6Ranges=[{"CidrIpv6": "::/0"}]),
        "range-around-rdp": dict(IpProtocol="tcp", FromPort=3000, ToPort=4000, IpRanges=[{"CidrIp": "0.0.0.0/0"}]),
        "one-address": dict(IpProtocol="tcp", FromPort=22, ToPort=22, IpRanges=[{"CidrIp": "203.0.113.7/32"}]),
        "https-to-all": dict(IpProtocol="tcp", FromPort=443, ToPort=443, IpRanges=[{"CidrIp": "0.0.0.0/0"}]),
        "dns-udp": dict(IpProtocol="udp", FromPort=53, ToPort=53, IpRanges=[{"CidrIp": "0.0.0.0/0"}]),
        "two-rules-in-one": dict(
            IpProtocol="tcp", FromPort=22, ToPort=22, IpRanges=[{"CidrIp": "10.0.0.0/8"}, {"CidrIp": "0.0.0.0/0"}]
        ),
    }
    for name, rule in rules.items():
        id_ = ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
        ec2.authorize_security_group_ingress(GroupId=id_, IpPermissions=[rule])


def buckets(lab):
    """Buckets that are public by policy alone, by ACL alone, by neither because of a block or a condition."""
    home = lab.regions[0]
    s3 = lab.client("s3", home)
    off = dict.fromkeys(["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"], False)

    def read(name, **more):
        return _document({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["s3:GetObject"], "Resource": f"arn:aws:s3:::{name}/*", **more})

    def make(name, policy=None, acl=None, block=None):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": home})
        if acl:
            s3.put_bucket_acl(Bucket=name, ACL=acl)
        if policy:
            s3.put_bucket_policy(Bucket=name, Policy=policy)
        if block:
            s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration={**off, **block})

    make("variant-policy-only", policy=read("variant-policy-only"))
    make("variant-acl-only", acl="public-read")
    make("variant-policy-restricted", policy=read("variant-policy-restricted"), block={"RestrictPublicBuckets": True})
    make("variant-acl-ignored", acl="public-read", block={"IgnorePublicAcls": True})
    make("variant-acl-beside-restriction", acl="public-read", block={"RestrictPublicBuckets": True})
    own = {"StringEquals": {"aws:PrincipalAccount": lab.account}}
    make("variant-own-account", policy=read("variant-own-account", Condition=own))
    make("variant-org", policy=read("variant-org", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}))


def policies(lab):
    """Customer policies: everything as lists, everything on one bucket only, everything denied, own keys."""
    iam = lab.client("iam", lab.regions[0])
    statements = {
        "lists": {"Effect": "Allow", "Action": ["*"], "Resource": ["*"]},
        "stars-twice": {"Effect": "Allow", "Action": "*:*", "Resource": "*"},
        "one-bucket": {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::x/*"},
        "deny-all": {"Effect": "Deny", "Action": "*", "Resource": "*"},
        "self-service": {"Effect": "Allow", "Action": ["iam:CreateAccessKey", "iam:DeleteAccessKey"], "Resource": "arn:aws:iam::*:user/${aws:username}"},
        "read-all": {"Effect": "Allow", "Action": ["s3:Get*", "ec2:Describe*"], "Resource": "*"},
    }
    for name, statement in statements.items():
        iam.create_policy(PolicyName=f"variant-{name}", PolicyDocument=_document(statement))


def roles(lab):
    """Roles whose trust is open but narrowed, and open in another spelling."""
    iam = lab.client("iam", lab.regions[0])
    org = {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}
    trusts = {
        "string-star": {"Principal": "*"},
        "list-star": {"Principal": {"AWS": ["*"]}},
        "own-account": {"Principal": {"AWS": f"arn:aws:iam::{lab.account}:root"}},
        "org": {"Principal": {"AWS": "*"}, "Condition": org},
        "bare-account": {"Principal": {"AWS": "999999999999"}},
    }
    for name, trust in trusts.items():
        iam.create_role(
            RoleName=f"variant-{name}", AssumeRolePolicyDocument=_document({"Effect": "Allow", "Action": "sts:AssumeRole", **trust})
        )


def keys(lab):
    """Keys whose policy names everyone, narrowed by a condition or not; an asymmetric key, which can't rotate."""
    kms = lab.client("kms", lab.regions[0])
    statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:*", "Resource": "*"}
    narrowed = {**statement, "Condition": {"StringEquals": {"kms:CallerAccount": lab.account}}}
    kms.create_key(Description="narrowed", Policy=_document(narrowed))
    kms.create_key(Description="list", Policy=_document({**statement, "Principal": {"AWS": ["*"]}}))
    kms.create_key(Description="asymmetric", KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")


def users(lab):
    """An inactive second key; a console user with MFA whose administration comes through a customer policy of a group."""
    iam = lab.client("iam", lab.regions[0])
    iam.create_user(UserName="variant-one-active")
    for _ in range(2):
        key = iam.create_access_key(UserName="variant-one-active")["AccessKey"]["AccessKeyId"]
    iam.update_access_key(UserName="variant-one-active", AccessKeyId=key, Status="Inactive")
    iam.create_user(UserName="variant-through-group")
    iam.create_group(GroupName="variant-admins")
    iam.attach_group_policy(GroupName="variant-admins", PolicyArn=f"arn:aws:iam::{lab.account}:policy/admin-0000")
    iam.add_user_to_group(GroupName="variant-admins", UserName="variant-through-group")


def function(lab):
    """A function that everyone of one account may call."""
    home = lab.regions[0]
    lab.client("lambda", home).add_permission(
        FunctionName=f"fn1-0001-{home}", StatementId="s3", Action="lambda:InvokeFunction", Principal="*", SourceAccount=lab.account
    )


MAKERS = (groups, buckets, policies, roles, keys, users, function)
