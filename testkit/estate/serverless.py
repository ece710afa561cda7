"""Functions and the log of the account."""
import io
import zipfile

from context import ACCOUNT, HOME, PARTNER, SECOND, tag_map

# name, region, days ago, runtime, role, what has been set up, team
FUNCTIONS = [
    ("order-webhook", HOME, 118, "python3.13", "shop-functions", {"open-url", "queue"}, "storefront"),
    ("invoice-mailer", HOME, 44, "python3.13", "shop-functions", {"network", "queue", "key"}, "storefront"),
    ("resize-images", HOME, 690, "python3.8", "shop-functions", {"bucket"}, "storefront"),
    ("stock-api", HOME, 70, "nodejs22.x", "shop-functions", {"signed-url", "queue", "network"}, "storefront"),
    ("rotate-access", HOME, 301, "nodejs16.x", "ops-functions", set(), "it"),
    ("nightly-report", SECOND, 52, "python3.13", "ops-functions", {"queue"}, "data"),
    ("partner-import", SECOND, 297, "python3.12", "shop-functions", {"partner"}, "data"),
    ("demo-forecast", SECOND, 209, "python3.12", "shop-functions", {"everyone"}, "data"),
]


def package():
    """A deployment package that does nothing, the same each time."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo("handler.py", (2026, 1, 1, 0, 0, 0)), "def main(event, context):\n    return {}\n")
    return packed.getvalue()


def make_functions(estate):
    """Functions; needs roles, networks and keys."""
    for function in sorted(FUNCTIONS, key=lambda function: -function[2]):
        make_function(estate, *function)


def make_function(estate, name, region, days, runtime, role, traits, team):
    """One function with its policy and URL."""
    estate.days_ago(days)
    client = estate.client("lambda", region)
    more = {}
    if "network" in traits:
        subnets = [estate["subnet shop-app-a"], estate["subnet shop-app-b"]]
        more["VpcConfig"] = {"SubnetIds": subnets, "SecurityGroupIds": [estate["group shop-functions"]]}
    if "queue" in traits:
        more["DeadLetterConfig"] = {"TargetArn": f"arn:aws:sqs:{region}:{ACCOUNT}:{name}-failed"}
    if "key" in traits:
        more["KMSKeyArn"] = estate[f"key storage {region}"]
    client.create_function(
        FunctionName=name,
        Runtime=runtime,
        Role=f"arn:aws:iam::{ACCOUNT}:role/{role}",
        Handler="handler.main",
        Code={"ZipFile": package()},
        Timeout=30,
        MemorySize=256,
        TracingConfig={"Mode": "Active"},
        Environment={"Variables": {"STAGE": "prod", "TEAM": team}},
        Tags=tag_map(name=name, team=team, environment="prod"),
        **more,
    )
    for trait, principal, limits in [
        ("open-url", "*", {"Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"}),
        ("bucket", "s3.amazonaws.com", {"SourceArn": "arn:aws:s3:::fernhollow-product-images", "SourceAccount": ACCOUNT}),
        ("partner", PARTNER, {}),
        ("everyone", "*", {}),
    ]:
        if trait in traits:
            limits = {"Action": "lambda:InvokeFunction", **limits}
            client.add_permission(FunctionName=name, StatementId=trait, Principal=principal, **limits)
    if "open-url" in traits:
        client.create_function_url_config(FunctionName=name, AuthType="NONE", Cors={"AllowOrigins": ["*"]})
    if "signed-url" in traits:
        client.create_function_url_config(FunctionName=name, AuthType="AWS_IAM")


def make_trails(estate):
    """The trail of the company and one that somebody stopped; needs buckets."""
    estate.days_ago(848)
    estate.client("logs").create_log_group(logGroupName="account-trail")
    trail = estate.client("cloudtrail")
    trail.create_trail(
        Name="account-trail",
        S3BucketName="fernhollow-account-trail",
        IsMultiRegionTrail=True,
        IncludeGlobalServiceEvents=True,
        EnableLogFileValidation=True,
        KmsKeyId=estate[f"key storage {HOME}"],
        CloudWatchLogsLogGroupArn=f"arn:aws:logs:{HOME}:{ACCOUNT}:log-group:account-trail:*",
        CloudWatchLogsRoleArn=f"arn:aws:iam::{ACCOUNT}:role/trail-to-logs",
    )
    writes = {"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::fernhollow-invoices/"]}
    selector = {"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": [writes]}
    trail.put_event_selectors(TrailName="account-trail", EventSelectors=[selector])
    trail.start_logging(Name="account-trail")
    estate.days_ago(478)
    second = estate.client("cloudtrail", SECOND)
    second.create_trail(Name="data-team", S3BucketName="fernhollow-logs-us", IncludeGlobalServiceEvents=False)
    second.start_logging(Name="data-team")
    estate.days_ago(88)
    second.stop_logging(Name="data-team")
