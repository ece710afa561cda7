"""Refuses every read operation that a scan makes, one at a time, in all services: what rests on it is Unknown and says what is missing.

Generic where denials.py is exact: the operations are those of the emulator's log of one scan, the permission that must be named is
the IAM action of the operation (NAMES and REST for those whose action has another name). After each refusal: nothing has left the
inventory; fields or lists are unread that were read before, and each names the permission; a verdict has stayed or has become
Unknown with the permission named; the score's range has not become narrower; the program ended with 0. At the end all is as before.

    $HOME/.cache/aws-lab/venv/bin/python refusals.py --skywarden PATH [--port 5708] [--scale 1] [--regions a] [--only TEXT]
"""

import collections
import json
import re
import tempfile

from lab import Lab, Program, arguments, finish, table
from store import State, settled

# Services that sign with another name than their IAM actions begin with.
PREFIXES = {"monitoring": "cloudwatch"}
# Rest operations: service, expression over what the log has, IAM action.
REST = [
    ("account", r"POST /getAlternateContact", "account:GetAlternateContact"),
    ("apigateway", r"GET /restapis\?.*", "apigateway:GET"),
    ("apigateway", r"GET /restapis/[^/]+/stages", "apigateway:GET"),
    ("apigateway", r"GET /restapis/[^/]+/resources\?.*", "apigateway:GET"),
    ("apigateway", r"GET /v2/apis\?.*", "apigateway:GET"),
    ("apigateway", r"GET /v2/apis/[^/]+/routes\?.*", "apigateway:GET"),
    ("appsync", r"GET /v1/apis\?.*", "appsync:ListGraphqlApis"),
    ("backup", r"GET /backup-vaults/\?.*", "backup:ListBackupVaults"),
    ("backup", r"GET /backup-vaults/[^/]+/access-policy", "backup:GetBackupVaultAccessPolicy"),
    ("backup", r"GET /backup/plans/\?.*", "backup:ListBackupPlans"),
    ("batch", r"POST /v1/describecomputeenvironments", "batch:DescribeComputeEnvironments"),
    ("batch", r"POST /v1/describejobdefinitions", "batch:DescribeJobDefinitions"),
    ("bedrock", r"GET /custom-models\?.*", "bedrock:ListCustomModels"),
    ("bedrock", r"GET /logging/modelinvocations", "bedrock:GetModelInvocationLoggingConfiguration"),
    ("bedrock", r"POST /agents/", "bedrock:ListAgents"),
    ("bedrock", r"POST /knowledgebases/", "bedrock:ListKnowledgeBases"),
    ("cloudfront", r"GET /2020-05-31/distribution\?.*", "cloudfront:ListDistributions"),
    ("cloudfront", r"GET /2020-05-31/distribution/[^/]+/config", "cloudfront:GetDistributionConfig"),
    ("eks", r"GET /clusters\?.*", "eks:ListClusters"),
    ("eks", r"GET /clusters/[^/?]+", "eks:DescribeCluster"),
    ("eks", r"GET /clusters/[^/?]+/node-groups\?.*", "eks:ListNodegroups"),
    ("eks", r"GET /clusters/[^/?]+/node-groups/[^/?]+", "eks:DescribeNodegroup"),
    ("elasticfilesystem", r"GET /2015-02-01/file-systems\?.*", "elasticfilesystem:DescribeFileSystems"),
    ("elasticfilesystem", r"GET /2015-02-01/file-systems/[^/]+/policy", "elasticfilesystem:DescribeFileSystemPolicy"),
    ("elasticfilesystem", r"GET /2015-02-01/file-systems/[^/]+/backup-policy", "elasticfilesystem:DescribeBackupPolicy"),
    ("elasticfilesystem", r"GET /2015-02-01/mount-targets\?.*", "elasticfilesystem:DescribeMountTargets"),
    ("elasticfilesystem", r"GET /2015-02-01/access-points\?.*", "elasticfilesystem:DescribeAccessPoints"),
    ("es", r"GET /2021-01-01/domain", "es:ListDomainNames"),
    ("es", r"POST /2021-01-01/opensearch/domain-info", "es:DescribeDomains"),
    ("guardduty", r"GET /detector\?.*", "guardduty:ListDetectors"),
    ("guardduty", r"GET /detector/[^/?]+", "guardduty:GetDetector"),
    ("inspector2", r"POST /status/batch/get", "inspector2:BatchGetAccountStatus"),
    ("kafka", r"GET /api/v2/clusters\?.*", "kafka:ListClustersV2"),
    ("lambda", r"GET /2015-03-31/functions/?\?.*", "lambda:ListFunctions"),
    ("lambda", r"GET /2015-03-31/functions/[^/]+/policy", "lambda:GetPolicy"),
    ("lambda", r"GET /2017-03-31/tags/.*", "lambda:ListTags"),
    ("lambda", r"GET /2021-10-31/functions/[^/]+/url", "lambda:GetFunctionUrlConfig"),
    ("macie2", r"GET /macie", "macie2:GetMacieSession"),
    ("mq", r"GET /v1/brokers\?.*", "mq:ListBrokers"),
    ("mq", r"GET /v1/brokers/[^/?]+", "mq:DescribeBroker"),
    ("pipes", r"GET /v1/pipes\?.*", "pipes:ListPipes"),
    ("quicksight", r"GET /accounts/[^/]+/settings", "quicksight:DescribeAccountSettings"),
    ("route53", r"GET /2013-04-01/hostedzone\?.*", "route53:ListHostedZones"),
    ("route53", r"GET /2013-04-01/hostedzone/[^/]+/rrset\?.*", "route53:ListResourceRecordSets"),
    ("route53", r"GET /2013-04-01/hostedzone/[^/]+/dnssec", "route53:GetDNSSEC"),
    ("route53", r"GET /2013-04-01/healthcheck\?.*", "route53:ListHealthChecks"),
    ("route53", r"GET /2013-04-01/queryloggingconfig\?.*", "route53:ListQueryLoggingConfigs"),
    ("s3", r"GET /(\?max-buckets)?", "s3:ListAllMyBuckets"),
    ("s3", r"GET /\{b\}", "s3:GetAccountPublicAccessBlock"),
    ("s3", r"GET /\{b\}\?acl", "s3:GetBucketAcl"),
    ("s3", r"GET /\{b\}\?encryption", "s3:GetEncryptionConfiguration"),
    ("s3", r"GET /\{b\}\?lifecycle", "s3:GetLifecycleConfiguration"),
    ("s3", r"GET /\{b\}\?logging", "s3:GetBucketLogging"),
    ("s3", r"GET /\{b\}\?notification", "s3:GetBucketNotification"),
    ("s3", r"GET /\{b\}\?object-lock", "s3:GetBucketObjectLockConfiguration"),
    ("s3", r"GET /\{b\}\?ownershipControls", "s3:GetBucketOwnershipControls"),
    ("s3", r"GET /\{b\}\?policy", "s3:GetBucketPolicy"),
    ("s3", r"GET /\{b\}\?publicAccessBlock", "s3:GetBucketPublicAccessBlock"),
    ("s3", r"GET /\{b\}\?replication", "s3:GetReplicationConfiguration"),
    ("s3", r"GET /\{b\}\?tagging", "s3:GetBucketTagging"),
    ("s3", r"GET /\{b\}\?versioning", "s3:GetBucketVersioning"),
    ("securityhub", r"GET /accounts", "securityhub:DescribeHub"),
    ("securityhub", r"POST /standards/get", "securityhub:GetEnabledStandards"),
    ("xray", r"POST /EncryptionConfig", "xray:GetEncryptionConfig"),
]
# Without these nothing is known of the account, or the regions come from elsewhere: denials.py has them.
APART = {"sts:GetCallerIdentity", "ec2:DescribeRegions"}


def operations(calls):
    """What can be refused: (expression over the log's service, region and operation, permission), of operations that are served."""
    found = {}
    for call in calls:
        service, operation = call["svc"], call["op"]
        # A page that is not there is an operation that the emulator lacks; S3 says so of what is not configured.
        if call["status"] >= 500 or call["status"] == 404 and service != "s3":
            continue
        if " " in operation:
            for known_service, expression, permission in REST:
                if service == known_service and re.fullmatch(expression, operation):
                    found[rf"^{service} \S+ {expression}$"] = permission
        else:
            name = operation.rsplit(".", 1)[-1]
            # What is asked in JSON has its target's name before it.
            found[rf"^{service} \S+ \S+\.{name}$" if "." in operation else rf"^{service} \S+ {name}$"] = f"{PREFIXES.get(service, service)}:{name}"
    return sorted((permission, match) for match, permission in found.items() if permission not in APART)


def refusal(permission, match):
    """The fault as the service itself refuses: EC2 and the JSON protocols have codes of their own."""
    if permission.startswith("ec2:"):
        return {"match": match, "status": 403, "code": "UnauthorizedOperation"}
    if r"\S+\." in match:
        return {"match": match, "status": 400, "code": "AccessDeniedException"}
    return {"match": match, "status": 403, "code": "AccessDenied"}


def judge(start, after, permission):
    """Numbers for the table, and what is wrong."""
    wrong = [f"left the inventory: {id_}" for id_ in sorted(start.ids - after.ids)]
    new = {key: reason for key, reason in after.unread().items() if key not in start.unread()}
    # What was not listed is as the refusal before this one left it.
    fresh = {key: reason for key, reason in new.items() if key[0] not in after.stale}
    wrong += [f"{key} does not name it: {reason}" for key, reason in sorted(fresh.items()) if permission not in reason]
    changed = 0
    for key, old in sorted(start.assessments.items()):
        now = after.assessments.get(key)
        if now is None or now["status"] == old["status"]:
            wrong += [] if now else [f"{key} is gone"]
            continue
        changed += 1
        if now["status"] != "Unknown":
            wrong.append(f"{key}: {old['status']} became {now['status']}")
        elif permission not in json.dumps(now.get("cause")):
            wrong.append(f"{key} is Unknown without naming it: {now.get('cause')}")
    (lo, hi), (new_lo, new_hi) = start.score["range"], after.score["range"]
    wrong += [f"the range narrowed from {[lo, hi]} to {[new_lo, new_hi]}"] if new_lo > lo or new_hi < hi else []
    wrong += ["nothing is said to be unread"] if not new else []
    return [len(start.ids), len(after.ids), len(new), changed, f"{new_lo:.4f}..{new_hi:.4f}"], wrong


def sample(cases, n):
    """At most `n` cases: of every service the first, then of every service the second, and so on."""
    seen, ranked = collections.Counter(), []
    for case in cases:
        service = case[0].split(":")[0]
        ranked.append((seen[service], case))
        seen[service] += 1
    chosen = {case for _, case in sorted(ranked)[:n]}
    return [case for case in cases if case in chosen]


def main():
    parser = arguments(__doc__, scale=1)
    parser.set_defaults(port=5708, regions="us-east-1")
    parser.add_argument("--only", default="", help="only the permissions that contain this")
    parser.add_argument("--sample", type=int, default=0, help="that many operations instead of all, of every service in turn")
    options = parser.parse_args()
    rows, wrong = [], []
    with Lab(options) as lab, tempfile.TemporaryDirectory() as data:
        program = Program(options.skywarden, lab)
        if program.connect(data).code != 0:
            raise SystemExit("`connect` failed")
        lab.forget_calls()
        program.up_once(data)
        cases = [case for case in operations(lab.calls()) if options.only in case[0]]
        cases = sample(cases, options.sample) if options.sample else cases
        start = settled(program, data)
        for permission, match in cases:
            lab.faults([refusal(permission, match)])
            lab.forget_calls()
            run = program.up_once(data)
            n_refused = sum(call["ua"] == "fault" for call in lab.calls())
            numbers, faults = judge(start, State(data), permission)
            faults += [f"ended with {run.code}: {run.err[-300:]}"] if run.code != 0 else []
            faults += ["the fault hit no call"] if n_refused == 0 else []
            rows.append([permission, n_refused, *numbers, "FAIL" if faults else "ok"])
            wrong += [f"{permission}: {fault}" for fault in faults[:4]]
        lab.faults([])
        program.up_once(data)
        end = State(data)
        changed = [key for key, a in start.assessments.items() if a["status"] != end.status(*key)]
        is_back = not changed and end.ids == start.ids and not end.stale and end.unread().keys() == start.unread().keys()
        verdict = "ok" if is_back else "FAIL"
        rows.append(["none: all is as before", 0, len(start.ids), len(end.ids), 0, len(changed), "", verdict])
    lo, hi = start.score["range"]
    print(f"before: {len(start.ids)} resources, {len(start.assessments)} assessments, range {lo:.4f}..{hi:.4f}")
    print(f"{len(start.unread())} fields and lists are unread before, since the emulator does not serve them")
    table(["refused", "calls", "ids", "after", "unread anew", "Unknown anew", "range", ""], rows)
    n_services = len({permission.split(":")[0] for permission, _ in cases})
    print("\n".join(wrong[:80]))
    print(f"{len(cases)} operations of {n_services} services were refused")
    counts = collections.Counter(row[-1] for row in rows)
    finish(counts["ok"], counts["FAIL"])


if __name__ == "__main__":
    main()
