"""What the SDK says of IAM; see `estate.py`."""

import json

from estate import ask, for_everyone

# What the seed's policy `deploy` allows; each of these alone, or together, is a known way to more rights.
ESCALATION = {"iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction", "iam:CreatePolicyVersion"}


def iam(lab):
    return lab.client("iam", lab.regions[0])


def _all(lab, operation, key, **request):
    return lab.all("iam", lab.regions[0], operation, key, **request)


def _document(text_or_object):
    return json.loads(text_or_object) if isinstance(text_or_object, str) else text_or_object


def _statements(document):
    statements = _document(document)["Statement"]
    return statements if isinstance(statements, list) else [statements]


def _is_administrator(document):
    allows = [s for s in _statements(document) if s["Effect"] == "Allow"]
    return any(s["Action"] in ("*", ["*"], "*:*") and s["Resource"] in ("*", ["*"]) for s in allows)


def _escalates(document):
    actions = [s["Action"] for s in _statements(document) if s["Effect"] == "Allow" and s.get("Resource") == "*"]
    return any(isinstance(a, list) and ESCALATION & set(a) for a in actions)


def _managed(lab, arn):
    client = iam(lab)
    version = client.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return client.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]


def local_policies(has_it):
    def view(lab):
        return {p["Arn"]: has_it(_managed(lab, p["Arn"])) for p in _all(lab, "list_policies", "Policies", Scope="Local")}

    return view


policy_administrator = local_policies(_is_administrator)
policy_escalates = local_policies(_escalates)


def users(has_it):
    def view(lab):
        found = {u["Arn"]: has_it(lab, u["UserName"]) for u in _all(lab, "list_users", "Users")}
        return {arn: verdict for arn, verdict in found.items() if verdict is not None}

    return view


def _console(lab, name):
    return ask(lambda: iam(lab).get_login_profile(UserName=name), "LoginProfile", ["NoSuchEntity"])


def _without_mfa(lab, name):
    return not iam(lab).list_mfa_devices(UserName=name)["MFADevices"] if _console(lab, name) else None


def _two_keys(lab, name):
    keys = iam(lab).list_access_keys(UserName=name)["AccessKeyMetadata"]
    return sum(key["Status"] == "Active" for key in keys) > 1


def _attached(lab, kind, **who):
    return [p["PolicyArn"] for p in _all(lab, f"list_attached_{kind}_policies", "AttachedPolicies", **who)]


def _user_documents(lab, name):
    client = iam(lab)
    for inline in _all(lab, "list_user_policies", "PolicyNames", UserName=name):
        yield client.get_user_policy(UserName=name, PolicyName=inline)["PolicyDocument"]
    arns = _attached(lab, "user", UserName=name)
    for group in client.list_groups_for_user(UserName=name)["Groups"]:
        arns += _attached(lab, "group", GroupName=group["GroupName"])
    for arn in arns:
        yield _managed(lab, arn)


user_without_mfa = users(_without_mfa)
user_two_keys = users(_two_keys)
user_administrator = users(lambda lab, name: any(_is_administrator(d) for d in _user_documents(lab, name)))
user_direct = users(
    lambda lab, name: bool(
        _attached(lab, "user", UserName=name) or _all(lab, "list_user_policies", "PolicyNames", UserName=name)
    )
)


def _group_documents(lab, name):
    client = iam(lab)
    for inline in _all(lab, "list_group_policies", "PolicyNames", GroupName=name):
        yield client.get_group_policy(GroupName=name, PolicyName=inline)["PolicyDocument"]
    for arn in _attached(lab, "group", GroupName=name):
        yield _managed(lab, arn)


def groups_administrator(lab):
    groups = _all(lab, "list_groups", "Groups")
    return {g["Arn"]: any(_is_administrator(d) for d in _group_documents(lab, g["GroupName"])) for g in groups}


def roles(has_it):
    return lambda lab: {r["Arn"]: has_it(lab, r) for r in _all(lab, "list_roles", "Roles")}


def _trusts(role, has_it):
    return any(has_it(s) for s in _statements(role["AssumeRolePolicyDocument"]) if s["Effect"] == "Allow")


def _foreign(lab, statement):
    aws = statement["Principal"].get("AWS", "") if isinstance(statement["Principal"], dict) else ""
    is_account = isinstance(aws, str) and (aws.startswith("arn:aws:iam::") or aws.isdigit())
    return is_account and lab.account not in aws and "Condition" not in statement


role_trusts_all = roles(lambda lab, role: _trusts(role, for_everyone))
role_cross_account = roles(lambda lab, role: _trusts(role, lambda s: _foreign(lab, s)))


def _role_documents(lab, role):
    return [_managed(lab, arn) for arn in _attached(lab, "role", RoleName=role["RoleName"])]


role_administrator = roles(lambda lab, role: any(_is_administrator(d) for d in _role_documents(lab, role)))
role_escalates = roles(lambda lab, role: any(_escalates(d) for d in _role_documents(lab, role)))


def password_policy(has_it):
    def view(lab):
        policy = ask(lambda: iam(lab).get_account_password_policy(), "PasswordPolicy", ["NoSuchEntity"]) or {}
        return {f"arn:aws:iam::{lab.account}:root": has_it(policy)}

    return view


password_short = password_policy(lambda policy: policy.get("MinimumPasswordLength", 0) < 14)
password_simple = password_policy(
    lambda policy: not all(policy.get(f"Require{kind}") for kind in ("Symbols", "Numbers", "UppercaseCharacters", "LowercaseCharacters"))
)
password_reused = password_policy(lambda policy: policy.get("PasswordReusePrevention", 0) < 24)


def no_trail_of_all_regions(lab):
    trails = [t for r in lab.regions for t in lab.client("cloudtrail", r).describe_trails()["trailList"]]
    return {f"arn:aws:iam::{lab.account}:root": not any(t["IsMultiRegionTrail"] for t in trails)}
