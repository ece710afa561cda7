"""A refused call makes Unknown of what rests on it, names the missing permission, and changes nothing else.

For operations of many services a lab refuses them one at a time (`faults` of the emulator) over one store: nothing leaves the
inventory, the assessments that are listed as resting on the call are Unknown, every one that becomes Unknown names the permission
(those beyond the list are counted, not judged by an oracle of ours), all others stay, the range of the score only widens, the
program ends with 0; without the fault everything is as before. Further: expired credentials, throttling, server errors, cut
answers, a region that the account has not switched on or that does not exist.

    $HOME/.cache/aws-lab/venv/bin/python denials.py --skywarden PATH [--port 5704] [--regions a,b,c] [--only TEXT]
"""

import collections
import json
import tempfile

from lab import Lab, Program, arguments, finish, table
from siblings import programs_with_mfa
from store import State, settled

EC2, S3, IAM, KMS = "aws-ec2-", "aws-s3-", "aws-iam-", "aws-kms-"
EXPOSURE = ["aws-ec2-instance-exposed", "aws-ec2-instance-management", "aws-rds-instance-exposed"]


class Denial:
    """An operation to refuse.

    `match` is the fault's; `must` are prefixes of recommendations of which every verdict in the region (all, if None) turns
    Unknown; `may` of those that rest on the call as well as on others; `error` is the status and code with which AWS refuses.
    """

    def __init__(self, name, match, permission, must, may=(), region=None, error=(403, "AccessDenied")):
        self.name, self.match, self.permission = name, match, permission
        self.must, self.may, self.region, self.error = must, may, region, error


def denials(regions):
    """The operations; lists of regional services are refused in the second region only."""
    there = regions[1]
    ec2, json_403 = (403, "UnauthorizedOperation"), (400, "AccessDeniedException")
    rest = (403, "AccessDeniedException")
    return [
        Denial("ec2 DescribeSecurityGroups", f"^ec2 {there} DescribeSecurityGroups$", "ec2:DescribeSecurityGroups",
               [f"{EC2}security-group-", f"{EC2}default-security-group"], EXPOSURE, there, ec2),
        Denial("ec2 DescribeInstances", f"^ec2 {there} DescribeInstances$", "ec2:DescribeInstances", [f"{EC2}instance-"], [], there, ec2),
        Denial("ec2 DescribeVolumes", f"^ec2 {there} DescribeVolumes$", "ec2:DescribeVolumes", [f"{EC2}volume-"], [], there, ec2),
        Denial("ec2 DescribeRouteTables", f"^ec2 {there} DescribeRouteTables$", "ec2:DescribeRouteTables", [], EXPOSURE, there, ec2),
        Denial("ec2 DescribeFlowLogs", f"^ec2 {there} DescribeFlowLogs$", "ec2:DescribeFlowLogs", [f"{EC2}vpc-flow-logs"], [], there, ec2),
        Denial("ec2 DescribeSnapshotAttribute", "^ec2 .* DescribeSnapshotAttribute$", "ec2:DescribeSnapshotAttribute",
               [f"{EC2}snapshot-public"], [], None, ec2),
        Denial("s3 ListBuckets", r"^s3 \S+ GET /(\?.*)?$", "s3:ListAllMyBuckets", [f"{S3}bucket-"]),
        Denial("s3 GetBucketPolicy", r"^s3 .*\?policy$", "s3:GetBucketPolicy", [f"{S3}bucket-tls-only"],
               [f"{S3}bucket-public", f"{S3}bucket-cross-account"]),
        Denial("s3 GetBucketVersioning", r"^s3 .*\?versioning$", "s3:GetBucketVersioning", [f"{S3}bucket-versioning"]),
        Denial("s3 GetBucketEncryption", r"^s3 .*\?encryption$", "s3:GetEncryptionConfiguration", [f"{S3}bucket-encryption"]),
        Denial("s3 GetPublicAccessBlock", r"^s3 .*\?publicAccessBlock$", "s3:GetBucketPublicAccessBlock",
               [f"{S3}bucket-block-public-access"], [f"{S3}bucket-public", f"{S3}bucket-cross-account"]),
        Denial("s3control GetPublicAccessBlock", r"^s3 \S+ GET /\{b\}$", "s3:GetAccountPublicAccessBlock",
               [f"{S3}account-block-public-access"], [f"{S3}bucket-public", f"{S3}bucket-block-public-access"]),
        Denial("iam ListMFADevices", "^iam .*ListMFADevices$", "iam:ListMFADevices", [f"{IAM}user-console-mfa"]),
        Denial("iam GetLoginProfile", "^iam .*GetLoginProfile$", "iam:GetLoginProfile",
               [f"{IAM}user-unused-password"], [f"{IAM}user-console-mfa", f"{IAM}user-key-and-password"]),
        Denial("iam GetAccountPasswordPolicy", "^iam .*GetAccountPasswordPolicy$", "iam:GetAccountPasswordPolicy", [f"{IAM}password-"]),
        Denial("iam GetAccountAuthorizationDetails", "^iam .*GetAccountAuthorizationDetails$", "iam:GetAccountAuthorizationDetails",
               [f"{IAM}user-", f"{IAM}role-", f"{IAM}group-", f"{IAM}policy-"], ["aws-ec2-instance-exposed-with-role"]),
        Denial("kms GetKeyRotationStatus", "^kms .*GetKeyRotationStatus$", "kms:GetKeyRotationStatus", [f"{KMS}key-rotation"], error=json_403),
        Denial("kms GetKeyPolicy", "^kms .*GetKeyPolicy$", "kms:GetKeyPolicy", [f"{KMS}key-public"], error=json_403),
        Denial("kms ListKeys", f"^kms {there} .*ListKeys$", "kms:ListKeys", [KMS], [], there, json_403),
        Denial("rds DescribeDBInstances", f"^rds {there} DescribeDBInstances$", "rds:DescribeDBInstances", ["aws-rds-instance-"], [], there),
        Denial("lambda GetPolicy", r"^lambda .*/policy$", "lambda:GetPolicy", ["aws-lambda-function-public"], error=rest),
        Denial("lambda ListFunctions", rf"^lambda {there} GET /2015-03-31/functions/?(\?.*)?$", "lambda:ListFunctions",
               ["aws-lambda-"], [], there, rest),
        Denial("cloudtrail GetTrailStatus", "^cloudtrail .*GetTrailStatus$", "cloudtrail:GetTrailStatus",
               ["aws-cloudtrail-trail-logging"], error=json_403),
        Denial("secretsmanager ListSecrets", f"^secretsmanager {there} .*ListSecrets$", "secretsmanager:ListSecrets",
               ["aws-secretsmanager-"], [], there, json_403),
        Denial("secretsmanager GetResourcePolicy", "^secretsmanager .*GetResourcePolicy$", "secretsmanager:GetResourcePolicy",
               ["aws-secretsmanager-secret-public"], error=json_403),
        Denial("elbv2 DescribeLoadBalancerAttributes", "^elasticloadbalancing .*DescribeLoadBalancerAttributes$",
               "elasticloadbalancing:DescribeLoadBalancerAttributes",
               [f"aws-elbv2-load-balancer-{what}" for what in ("deletion-protection", "logging", "drop-invalid-headers")]),
        Denial("elbv2 DescribeListeners", "^elasticloadbalancing .*DescribeListeners$", "elasticloadbalancing:DescribeListeners",
               ["aws-elbv2-load-balancer-http", "aws-elbv2-load-balancer-tls-policy"]),
    ]  # fmt: skip


def starts(recommendation, prefixes):
    return any(recommendation.startswith(prefix) for prefix in prefixes)


def judge(before, after, denial, controls):
    """What is wrong after a denial, and the numbers for the table."""
    wrong = []
    left = before.ids - after.ids
    wrong += [f"left the inventory: {id_}" for id_ in sorted(left)] + [f"new: {id_}" for id_ in sorted(after.ids - before.ids)]
    unknown = beyond = 0
    for key in sorted(before.assessments.keys() | after.assessments.keys()):
        recommendation, resource = key
        old, new = before.assessments.get(key, {}), after.assessments.get(key, {})
        is_there = denial.region is None or f":{denial.region}:" in resource
        if new.get("status") != old.get("status"):
            if new.get("status") != "Unknown":
                wrong.append(f"{recommendation} on {resource}: {old.get('status')} became {new.get('status')}")
                continue
            unknown += 1
            # Relations let a verdict rest on the calls of other services: counted, and held to naming the permission below.
            beyond += not (is_there and starts(recommendation, [*denial.must, *denial.may]))
            if denial.permission and denial.permission not in json.dumps(new.get("cause")):
                wrong.append(f"{recommendation} on {resource}: the cause does not name {denial.permission}: {new.get('cause')}")
        elif is_there and starts(recommendation, denial.must) and old.get("status") in ("Healthy", "Unhealthy"):
            wrong.append(f"{recommendation} on {resource} stayed {old['status']}")
    lo, hi = before.score["range"]
    new_lo, new_hi = after.score["range"]
    if new_lo > lo or new_hi < hi:
        wrong.insert(0, f"the range narrowed from {[lo, hi]} to {[new_lo, new_hi]}")
    # A verdict that becomes Unknown moves the range if it decided its resource in a control that has points, and of which all
    # lists were read: else its range is everything already.
    points = {control["id"]: 0 if control.get("unlisted") else control["max"] for control in before.score["controls"]}
    old, new = before.by_control(controls), after.by_control(controls)
    moves = [key for key in old if old[key] != new.get(key) == "Unknown" and points.get(key[0], 0) > 0]
    if moves and (new_lo, new_hi) == (lo, hi):
        wrong.append(f"{len(moves)} (control, resource) became unknown, e.g. {moves[0]}, but the range stays {[lo, hi]}")
    if unknown == 0:
        wrong.append("nothing became Unknown")
    current = f"{before.score['percentage']:.4f} {after.score['percentage']:.4f}"
    ranges = f"{lo:.4f}..{hi:.4f} {new_lo:.4f}..{new_hi:.4f}"
    return [len(before.ids), len(after.ids), len(after.stale), unknown, beyond, len(moves), current, ranges], wrong


def failures(regions):
    """Faults that are no denials: name, rules, what comes of it, a word that the causes must have.

    `whole`: everything is read in the end; `unknown`: something becomes Unknown; `kept`: the run ends with 1, the store as it was.
    """
    there = regions[1]
    expired = {"status": 400, "code": "ExpiredTokenException"}
    throttle = {"status": 503, "code": "RequestLimitExceeded", "headers": {"Retry-After": "1"}, "times": 3}
    return [
        ("expired token, all but sts", [{"match": "^(iam|s3|kms|rds|lambda|ec2|elasticloadbalancing|cloudtrail|secretsmanager) ", "status": 403, "code": "ExpiredToken"}], "unknown", "log in again"),
        ("expired token mid-scan (kms)", [{"match": "^kms ", **expired}], "unknown", "log in again"),
        ("throttled 3 times, Retry-After 1", [{"match": f"^ec2 {there} DescribeInstances$", **throttle}], "whole", ""),
        ("throttled for ever", [{"match": f"^ec2 {there} DescribeInstances$", "status": 503, "code": "RequestLimitExceeded"}], "unknown", "throttled"),
        ("429 TooManyRequests twice", [{"match": r"^lambda .*/policy$", "status": 429, "code": "TooManyRequestsException", "times": 2}], "whole", ""),
        ("500 twice", [{"match": f"^rds {there} ", "status": 500, "times": 2}], "whole", ""),
        ("500 for ever", [{"match": f"^rds {there} ", "status": 500}], "unknown", "InternalFailure"),
        ("XML answer cut at 400 bytes", [{"match": f"^ec2 {there} DescribeVolumes$", "cut_bytes": 400}], "unknown", ""),
        ("JSON answer cut at 60 bytes", [{"match": f"^kms {there} .*ListKeys$", "cut_bytes": 60}], "unknown", ""),
        ("cut once", [{"match": f"^ec2 {there} DescribeVolumes$", "cut_bytes": 400, "times": 1}], "whole", ""),
        ("slow answers", [{"match": "^iam .*ListMFADevices$", "delay_s": 2}], "whole", ""),
        ("XML answer cut at 1 byte", [{"match": "^iam .*ListAccessKeys$", "cut_bytes": 1}], "unknown", "ListAccessKeys"),
        ("bucket deleted meanwhile (404)", [{"match": r"^s3 .*\?policy$", "status": 404, "code": "NoSuchBucket"}], "unknown", "NoSuchBucket"),
        # An error in an answer with status 200: an intermediary's page, S3's way with long calls.
        ("error with status 200: s3", [{"match": r"^s3 \S+ GET /(\?.*)?$", "status": 200, "code": "InternalError"}], "unknown", "ListBuckets"),
        ("error with status 200: rds", [{"match": r"^rds \S+ DescribeDBInstances$", "status": 200, "code": "InternalError"}], "unknown", "DescribeDBInstances"),
        ("error with status 200: ec2", [{"match": "^ec2 .* DescribeVolumes$", "status": 200, "code": "InternalError"}], "unknown", "DescribeVolumes"),
        ("error with status 200: kms", [{"match": "^kms .*ListKeys$", "status": 200, "code": "InternalError"}], "unknown", "ListKeys"),
        ("error with status 200: iam", [{"match": "^iam .*GetLoginProfile$", "status": 200, "code": "InternalError"}], "unknown", "GetLoginProfile"),
        ("error with status 200: lambda", [{"match": r"^lambda \S+ GET /2015-03-31/functions/(\?.*)?$", "status": 200, "code": "InternalError"}], "unknown", "ListFunctions"),
        ("sts refused", [{"match": "^sts ", "status": 403, "code": "AccessDenied"}], "kept", ""),
        ("sts: expired token", [{"match": "^sts ", "status": 403, "code": "ExpiredToken"}], "kept", ""),
        ("DescribeRegions refused", [{"match": "^ec2 .* DescribeRegions$", "status": 403, "code": "UnauthorizedOperation"}], "whole", ""),
        ("region not switched on", [{"match": f"^\\S+ {there} ", "status": 403, "code": "OptInRequired"}], "unknown", "not switched on"),
    ]  # fmt: skip


def main():
    parser = arguments(__doc__)
    parser.add_argument("--only", default="", help="only the cases whose name contains this")
    options = parser.parse_args()
    n_passed = n_failed = 0
    with Lab(options) as lab, tempfile.TemporaryDirectory() as data:
        program = Program(options.skywarden, lab)
        if not lab.running:
            programs_with_mfa(lab)
        controls = program.scan().controls
        connected = program.connect(data)
        if connected.code != 0:
            raise SystemExit(f"`connect` ended with {connected.code}: {connected.err}")
        start, rows, wrong = settled(program, data), [], []
        said = [max(at for at, _ in start.changes)]

        def back(name):
            """Without the fault everything is as it was."""
            lab.faults([])
            program.up_once(data)
            state = State(data)
            faults = []
            changed = [key for key, a in start.assessments.items() if a["status"] != state.status(*key)]
            if changed or state.ids != start.ids or state.stale:
                faults.append(f"not as before after the fault: {len(changed)} verdicts, e.g. {changed[:2]}, stale {len(state.stale)}")
            # Not to have been read is no news of a resource: only what was seen opens, resolves or goes.
            kinds = collections.Counter(kind for at, kind in state.changes if at > said[-1])
            said.append(max([said[-1], *(at for at, _ in state.changes)]))
            if kinds.keys() & {"Opened", "Resolved", "Reopened", "Gone"}:
                faults.append(f"the fault and its end were told as {dict(kinds)}")
            wrong.extend(f"{name}: {fault}" for fault in faults)
            return not faults

        for denial in denials(lab.regions):
            if options.only not in denial.name:
                continue
            lab.faults([{"match": denial.match, "status": denial.error[0], "code": denial.error[1]}])
            lab.forget_calls()
            run = program.up_once(data)
            n_refused = sum(call["ua"] == "fault" for call in lab.calls())
            numbers, faults = judge(start, State(data), denial, controls)
            faults += [f"ended with {run.code}: {run.err[-300:]}"] if run.code != 0 else []
            faults += ["the fault hit no call"] if n_refused == 0 else []
            is_ok = back(denial.name) and not faults
            rows.append([denial.name, n_refused, *numbers, run.code, "ok" if is_ok else "FAIL"])
            wrong += [f"{denial.name}: {fault}" for fault in faults[:6]]
        heads = ["refused", "calls", "ids", "after", "stale", "Unknown", "beyond", "moved", "score", "range", "exit", ""]
        table(heads, rows)
        print()
        others = []
        for name, rules, outcome, word in failures(lab.regions):
            if options.only not in name:
                continue
            lab.faults(rules)
            lab.forget_calls()
            run = program.up_once(data)
            state, faults = State(data), []
            n_hit = sum(call["ua"] == "fault" for call in lab.calls())
            changed = [key for key, a in start.assessments.items() if a["status"] != state.status(*key)]
            not_unknown = [key for key in changed if state.status(*key) != "Unknown"]
            faults += [f"left the inventory: {len(start.ids - state.ids)}"] if start.ids - state.ids else []
            faults += [f"became neither Unknown nor stayed: {not_unknown[:2]}"] if not_unknown else []
            if outcome == "unknown":
                faults += ["nothing became Unknown"] if not changed else []
            else:
                faults += [f"{len(changed)} verdicts changed, e.g. {changed[:2]}"] if changed else []
            causes = [json.dumps(state.assessments[key].get("cause")) for key in changed if key in state.assessments]
            faults += [f"a cause does not say `{word}`: {c}" for c in causes if word not in c][:1]
            lo, hi = state.score["range"]
            faults += ["the range narrowed"] if lo > start.score["range"][0] or hi < start.score["range"][1] else []
            faults += [f"ended with {run.code}: {run.err[-300:]}"] if run.code != (outcome == "kept") else []
            is_ok = back(name) and not faults
            others.append([name, n_hit, len(start.ids), len(state.ids), len(state.stale), len(changed), f"{lo:.4f}..{hi:.4f}", f"{run.seconds:.1f}", run.code, "ok" if is_ok else "FAIL"])
            wrong += [f"{name}: {fault}" for fault in faults]
        table(["fault", "calls", "ids", "after", "stale", "Unknown", "range", "seconds", "exit", ""], others)
        print()
        for region in ("me-south-1", "xx-nowhere-1"):
            if options.only in region:
                run = program.scan([lab.regions[0], region], check=False)
                told = {c["outcome"]["state"]: c["outcome"] for c in run.coverage if c["region"] == region}
                print(f"scan --regions {lab.regions[0]},{region}: exit {run.code}, {len(run.resources)} resources, coverage {told or 'nothing'} {run.err[-200:]}")
        if not options.only:
            program.connect(data, lab.regions[:2])
            run, state = program.up_once(data), State(data)
            lost = len(start.ids - state.ids)
            print(f"connect with one region less: exit {run.code}, {lost} of {len(start.ids)} resources left, {len(state.stale)} stale, {len(state.unknown())} Unknown")
        print("\n".join(wrong))
    rows += others
    finish(sum(row[-1] == "ok" for row in rows), sum(row[-1] == "FAIL" for row in rows))


if __name__ == "__main__":
    main()
