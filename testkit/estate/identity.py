"""Users, groups, roles, policies and the rules for passwords."""
from context import ACCOUNT, AUDITOR, PARTNER, PLACEHOLDER, policy, statement, tags

AWS = "arn:aws:iam::aws:policy"
OWN = f"arn:aws:iam::{ACCOUNT}:policy"

POLICIES = {
    "shop-orders": policy(
        statement("Allow", ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage"], f"arn:aws:sqs:eu-central-1:{ACCOUNT}:orders"),
        statement("Allow", ["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::fernhollow-invoices/*"),
    ),
    "shop-read-catalogue": policy(
        statement("Allow", ["s3:GetObject"], "arn:aws:s3:::fernhollow-product-images/*"),
        statement("Allow", ["dynamodb:GetItem", "dynamodb:Query"], f"arn:aws:dynamodb:eu-central-1:{ACCOUNT}:table/catalogue"),
    ),
    "backup-operator": policy(
        statement("Allow", ["ec2:CreateSnapshot", "ec2:CreateTags", "ec2:DescribeVolumes", "ec2:DescribeSnapshots"], "*"),
        statement("Allow", "s3:PutObject", "arn:aws:s3:::fernhollow-backups/*"),
    ),
    "data-pipeline": policy(
        statement("Allow", ["s3:GetObject", "s3:ListBucket"], ["arn:aws:s3:::fernhollow-data-lake", "arn:aws:s3:::fernhollow-data-lake/*"]),
        statement("Allow", ["glue:GetTable", "glue:GetPartitions", "athena:StartQueryExecution"], "*"),
    ),
    "notebook-everything-s3": policy(statement("Allow", "s3:*", "*")),
    "it-break-glass": policy(statement("Allow", "*", "*")),
    "deploy-pipeline": policy(
        statement("Allow", ["lambda:CreateFunction", "lambda:UpdateFunctionCode", "lambda:InvokeFunction", "iam:PassRole"], "*"),
        statement("Allow", "cloudformation:*", "*"),
    ),
    "helpdesk": policy(
        statement("Allow", ["iam:ListUsers", "iam:GetUser", "iam:CreateAccessKey", "iam:UpdateLoginProfile"], "*"),
    ),
    "developers-boundary": policy(
        statement("Allow", ["s3:*", "lambda:*", "logs:*", "cloudwatch:*", "sqs:*"], "*"),
        statement("Deny", "iam:*", "*"),
    ),
    "manage-own-mfa": policy(
        statement("Allow", ["iam:EnableMFADevice", "iam:ListMFADevices"], f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}"),
    ),
}

GROUPS = {
    "storefront": [f"{OWN}/shop-read-catalogue", f"{AWS}/CloudWatchReadOnlyAccess", f"{OWN}/manage-own-mfa"],
    "data": [f"{OWN}/data-pipeline", f"{OWN}/manage-own-mfa"],
    "it": [f"{AWS}/AdministratorAccess"],
    "finance": [f"{AWS}/job-function/Billing"],
}

# name, days ago, groups, console, MFA, keys as (days ago, status), team, policies of the user's own
USERS = [
    ("jonas.weber", 880, ["it"], True, True, [], "it", []),
    ("marta.lindqvist", 861, ["storefront"], True, True, [(21, "Active")], "storefront", []),
    ("priya.raman", 640, ["data"], True, True, [], "data", []),
    ("tomas.novak", 602, ["storefront"], True, False, [(602, "Active")], "storefront", []),
    ("lucia.ferrari", 415, ["finance"], True, True, [], "finance", []),
    ("owen.hughes", 390, ["data"], True, False, [(40, "Active"), (288, "Active")], "data", [f"{OWN}/notebook-everything-s3"]),
    ("hanna.kowalska", 240, ["storefront"], True, True, [], "storefront", []),
    ("samir.haddad", 118, ["it"], True, False, [], "it", []),
    ("ex.contractor", 770, [], True, False, [(770, "Inactive")], "storefront", []),
    ("svc-deploy", 700, [], False, False, [(450, "Active")], "storefront", [f"{OWN}/deploy-pipeline"]),
    ("svc-backup", 500, [], False, False, [(143, "Active")], "it", [f"{OWN}/backup-operator"]),
    ("svc-shop-mail", 333, [], False, False, [(331, "Active")], "storefront", []),
]


def trust(principal, **more):
    """A trust policy."""
    return policy(statement("Allow", "sts:AssumeRole", Principal=principal, **more))


def by(service):
    """A trust policy for a service."""
    return trust({"Service": f"{service}.amazonaws.com"})


# name, days ago, trust, policies, with an instance profile
ROLES = [
    ("shop-web", 860, by("ec2"), [f"{OWN}/shop-read-catalogue", f"{AWS}/AmazonSSMManagedInstanceCore"], True),
    ("shop-worker", 860, by("ec2"), [f"{OWN}/shop-orders"], True),
    ("corp-bastion", 512, by("ec2"), [f"{AWS}/AmazonSSMManagedInstanceCore"], True),
    ("notebook", 500, by("ec2"), [f"{OWN}/notebook-everything-s3"], True),
    ("etl", 480, by("ec2"), [f"{OWN}/data-pipeline"], True),
    ("shop-functions", 470, by("lambda"), [f"{AWS}/service-role/AWSLambdaBasicExecutionRole", f"{OWN}/shop-orders"], False),
    ("ops-functions", 430, by("lambda"), [f"{OWN}/deploy-pipeline"], False),
    ("trail-to-logs", 850, by("cloudtrail"), [], False),
    ("bucket-replication", 410, by("s3"), [], False),
    (
        "auditor",
        365,
        trust({"AWS": f"arn:aws:iam::{AUDITOR}:root"}, Condition={"StringEquals": {"sts:ExternalId": "fernhollow-audit-2025"}}),
        [f"{AWS}/SecurityAudit"],
        False,
    ),
    ("fulfilment-partner", 300, trust({"AWS": f"arn:aws:iam::{PARTNER}:root"}), [f"{OWN}/shop-orders"], False),
    ("hackathon", 210, trust("*"), [f"{OWN}/data-pipeline"], False),
    ("it-break-glass", 840, trust({"AWS": f"arn:aws:iam::{ACCOUNT}:user/jonas.weber"}), [f"{OWN}/it-break-glass"], False),
]


def make(estate):
    """Makes everything; it comes before what uses roles."""
    iam = estate.client("iam")
    estate.days_ago(885)
    iam.update_account_password_policy(
        MinimumPasswordLength=14,
        RequireSymbols=True,
        RequireNumbers=True,
        RequireUppercaseCharacters=True,
        RequireLowercaseCharacters=True,
        AllowUsersToChangePassword=True,
        PasswordReusePrevention=5,
    )
    for name, document in POLICIES.items():
        iam.create_policy(PolicyName=name, PolicyDocument=document, Description=name.replace("-", " "), Tags=tags(name))
    for name, attached in GROUPS.items():
        iam.create_group(GroupName=name)
        for arn in attached:
            iam.attach_group_policy(GroupName=name, PolicyArn=arn)
    limits = policy(statement("Deny", "aws-portal:ModifyPaymentMethods", "*"))
    iam.put_group_policy(GroupName="finance", PolicyName="no-card-changes", PolicyDocument=limits)
    for user in sorted(USERS, key=lambda user: -user[1]):
        make_user(estate, iam, *user)
    for role in sorted(ROLES, key=lambda role: -role[1]):
        make_role(estate, iam, *role)
    writing = statement("Allow", ["logs:CreateLogStream", "logs:PutLogEvents"], f"arn:aws:logs:*:{ACCOUNT}:log-group:account-trail:*")
    iam.put_role_policy(RoleName="trail-to-logs", PolicyName="write", PolicyDocument=policy(writing))
    copying = statement("Allow", ["s3:ReplicateObject", "s3:ReplicateTags"], "arn:aws:s3:::fernhollow-backups-copy/*")
    iam.put_role_policy(RoleName="bucket-replication", PolicyName="copy", PolicyDocument=policy(copying))
    mail = statement("Allow", "ses:SendEmail", f"arn:aws:ses:eu-central-1:{ACCOUNT}:identity/fernhollow.example")
    iam.put_user_policy(UserName="svc-shop-mail", PolicyName="send", PolicyDocument=policy(mail))


def make_user(estate, iam, name, days, groups, console, mfa, keys, team, attached):
    """One person or program."""
    estate.days_ago(days)
    boundary = {"PermissionsBoundary": f"{OWN}/developers-boundary"} if name == "hanna.kowalska" else {}
    iam.create_user(UserName=name, Tags=tags(team=team, owner=None if console else "jonas.weber"), **boundary)
    for group in groups:
        iam.add_user_to_group(GroupName=group, UserName=name)
    for arn in attached:
        iam.attach_user_policy(UserName=name, PolicyArn=arn)
    if console:
        iam.create_login_profile(UserName=name, Password=PLACEHOLDER, PasswordResetRequired=False)
    for age, status in keys:
        if age != days:
            estate.days_ago(age)
        key = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
        if status == "Inactive":
            iam.update_access_key(UserName=name, AccessKeyId=key, Status=status)
    if mfa:
        estate.days_ago(days - 2)
        serial = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]["SerialNumber"]
        iam.enable_mfa_device(UserName=name, SerialNumber=serial, AuthenticationCode1="123456", AuthenticationCode2="654321")


def make_role(estate, iam, name, days, document, attached, profile):
    """One role."""
    estate.days_ago(days)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, Description=name.replace("-", " "), Tags=tags(owner="jonas.weber"))
    for arn in attached:
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    if profile:
        iam.create_instance_profile(InstanceProfileName=name)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
