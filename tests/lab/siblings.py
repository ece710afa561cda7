"""Flawless siblings for flaws of which the seed makes only flawed ones, so that Healthy is proved too."""

import json

TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}}


def _document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def bucket(lab):
    """A bucket that demands TLS and has no ACLs."""
    home = lab.regions[0]
    s3, name = lab.client("s3", home), f"acme-flawless-{home}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": home})
    s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]}
    deny["Condition"] = {"Bool": {"aws:SecureTransport": "false"}}
    s3.put_bucket_policy(Bucket=name, Policy=_document(deny))
    return name


def role(lab):
    """A role that another account may assume with an external id only."""
    trust = {**TRUST, "Condition": {"StringEquals": {"sts:ExternalId": "a1b2c3d4"}}}
    lab.client("iam", lab.regions[0]).create_role(RoleName="partner-with-external-id", AssumeRolePolicyDocument=_document(trust))


def trail(lab):
    """A trail with validated and encrypted files."""
    home = lab.regions[0]
    key = lab.client("kms", home).create_key(Description="trail")["KeyMetadata"]["Arn"]
    cloudtrail = lab.client("cloudtrail", home)
    cloudtrail.create_trail(
        Name="flawless", S3BucketName="acme-trail-logs", IsMultiRegionTrail=True, EnableLogFileValidation=True, KmsKeyId=key
    )
    cloudtrail.start_logging(Name="flawless")


def secret(lab):
    """A secret with rotation."""
    client = lab.client("secretsmanager", lab.regions[0])
    client.create_secret(Name="rotated", SecretString="s3cr3t")
    lambda_arn = f"arn:aws:lambda:{lab.regions[0]}:{lab.account}:function:fn1-0000-{lab.regions[0]}"
    client.rotate_secret(
        SecretId="rotated", RotationLambdaARN=lambda_arn, RotationRules={"AutomaticallyAfterDays": 30}, RotateImmediately=False
    )


def balancer(lab):
    """A load balancer that redirects to HTTPS, and nothing else."""
    home = lab.regions[0]
    subnets = [s for s in lab.all("ec2", home, "describe_subnets", "Subnets") if s["DefaultForAz"]]
    client = lab.client("elbv2", home)
    made = client.create_load_balancer(Name="flawless", Subnets=[s["SubnetId"] for s in subnets[:2]], Scheme="internal")
    redirect = {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}
    arn = made["LoadBalancers"][0]["LoadBalancerArn"]
    client.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=[redirect])


def default_group(lab):
    """A default security group without rules."""
    ec2 = lab.client("ec2", lab.regions[0])
    group = [g for g in lab.all("ec2", lab.regions[0], "describe_security_groups", "SecurityGroups") if g["GroupName"] == "default"][0]
    if group["IpPermissions"]:
        ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=group["IpPermissions"])
    if group["IpPermissionsEgress"]:
        ec2.revoke_security_group_egress(GroupId=group["GroupId"], IpPermissions=group["IpPermissionsEgress"])


def private_url(lab):
    """A function URL that demands credentials."""
    home = lab.regions[0]
    lab.client("lambda", home).create_function_url_config(FunctionName=f"fn1-0000-{home}", AuthType="AWS_IAM")


def programs_with_mfa(lab):
    """Users with an MFA device and without a console password, whom the rule on console passwords does not concern."""
    iam = lab.client("iam", lab.regions[0])
    for n in range(10):
        name = f"program{n}"
        iam.create_user(UserName=name)
        device = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]["SerialNumber"]
        iam.enable_mfa_device(UserName=name, SerialNumber=device, AuthenticationCode1="123456", AuthenticationCode2="654321")


def plant(lab, makers):
    """Makes them all; returns what the emulator refused, as sentences."""
    refused = []
    for make in makers:
        try:
            make(lab)
        except Exception as error:  # the emulator's gaps are reported, not hidden
            refused.append(f"the emulator refused `{make.__module__}.{make.__name__}`: {error}"[:300])
    return refused


MAKERS = (bucket, role, trail, secret, balancer, default_group, private_url)
