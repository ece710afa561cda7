"""What the real `az` sees: logs in as a program and runs the reading commands of `az security` and what stands around them.

    python3 tests/clients/az.py --skywarden PATH --az-client PATH

Starts `skywarden up --sample` on a free port with a data folder of its own, makes a program with the role Security Admin, logs in with
`az-client login` and runs each command twice: for the machine's subscription and for the sample's. A command of a built feature must
answer with rows or an object; one of a feature that is not there must fail with FeatureNotAvailable. Then it makes the program Owner and
runs the life of an assessment of its own, of a connector and of a policy in the machine's subscription: made, assigned, exempted from, evaluated, removed; what is refused must be so
with Azure's code. Prints a table, exits 1 on a surprise. `--only policy` leaves the first part out, `--show` prints what the second says.
"""

import argparse
import json
import os
import pathlib
import re
import shlex
import socket
import subprocess
import sys
import tempfile

BUILT, MISSING, EMPTY = "built", "missing", "may be empty"

# What each command should come to.
COMMANDS = [
    ("account list", BUILT),
    ("group list", BUILT),
    ("resource list", BUILT),
    ("provider list", BUILT),
    ("account list-locations", BUILT),
    ("role definition list", BUILT),
    ("role assignment list --all", BUILT),
    ("security secure-scores list", BUILT),
    ("security secure-scores show -n ascScore", BUILT),
    ("security secure-score-controls list", BUILT),
    ("security secure-score-controls list_by_score -n ascScore", BUILT),
    ("security secure-score-control-definitions list", BUILT),
    ("security assessment list", BUILT),
    ("security assessment-metadata list", BUILT),
    ("security sub-assessment list", EMPTY),
    ("security regulatory-compliance-standards list", BUILT),
    ("security regulatory-compliance-standards show -n mcsb-v1", BUILT),
    ("security regulatory-compliance-controls list --standard-name mcsb-v1", BUILT),
    ("security location list", BUILT),
    ("security location show -n local", BUILT),
    ("security task list", BUILT),
    ("security security-connector list", EMPTY),
    ("security alert list", MISSING),
    ("security alerts-suppression-rule list", MISSING),
    ("security allowed_connections list", MISSING),
    ("security auto-provisioning-setting list", BUILT),
    ("security auto-provisioning-setting update -n default --auto-provision Off", BUILT),
    ("security automation list", MISSING),
    ("security contact create -n default --emails a@house.example --alert-notifications state=On minimalSeverity=Low", BUILT),
    ("security contact list", BUILT),
    ("security contact show -n default", BUILT),
    ("security contact update -n default --phone 1", BUILT),
    ("security discovered-security-solution list", MISSING),
    ("security external-security-solution list", MISSING),
    ("security jit-policy list", MISSING),
    ("security pricing list", BUILT),
    ("security pricing create -n VirtualMachines --tier Standard --subplan P2", BUILT),
    ("security pricing show -n VirtualMachines", BUILT),
    ("security security-solutions list", MISSING),
    ("security security-solutions-reference-data list", MISSING),
    ("security setting list", BUILT),
    ("security setting show -n MCAS", BUILT),
    ("security topology list", MISSING),
    ("security workspace-setting create -n default --target-workspace /w", BUILT),
    ("security workspace-setting list", BUILT),
    ("security workspace-setting show -n default", BUILT),
]

KEY = "ca039e75-a276-4175-aebc-bcd41e4b14b7"

# An assessment of one's own, in order, as POLICY.
ASSESSMENT = [
    ("security assessment create -n " + KEY + " --status-code Healthy --assessed-resource-id {resource}", "InvalidRequest"),
    ("security assessment-metadata create -n " + KEY + " --display-name 'Listed' --severity High --description 'It is in the list'", BUILT),
    ("security assessment-metadata show -n " + KEY, BUILT),
    ("security assessment create -n " + KEY + " --status-code Unhealthy --status-cause Audit --assessed-resource-id {resource}", BUILT),
    ("security assessment show -n " + KEY + " --assessed-resource-id {resource}", BUILT),
    ("security assessment delete -n " + KEY + " --assessed-resource-id {resource}", BUILT),
    ("security assessment show -n " + KEY + " --assessed-resource-id {resource}", "ResourceNotFound"),
    ("security assessment-metadata delete -n " + KEY, BUILT),
    ("security assessment-metadata show -n " + KEY, "ResourceNotFound"),
]

# A connector, in order, as POLICY; what is read again has to hold the text behind the command.
CONNECTOR = "security security-connector {verb} -n prod -g security"
READING = "cspm-monitor-aws.native-cloud-connection.cloud-role-arn=arn:aws:iam::123456789012:role/Skywarden"
MAKE = (CONNECTOR.replace("{verb}", "create") + " --location westeurope --hierarchy-identifier {account} --environment-name AWS"
        " --environment-data aws-account.scan-interval=12 --offerings [0]." + READING)
SHOW, CHANGE, REMOVE = (CONNECTOR.replace("{verb}", verb) for verb in ("show", "update", "delete"))
CONNECTORS = [
    (SHOW, "ResourceNotFound"),
    (MAKE.replace("{account}", "210987654321"), "InvalidRequestContent"),
    (MAKE.replace("{account}", "123456789012").replace("AWS", "GitHub", 1), "EnvironmentNotSupported"),
    (MAKE.replace("{account}", "123456789012") + " [1].defender-for-servers-aws.sub-plan.type=P1 --tags team=blue", BUILT),
    (SHOW, '"team": "blue"'),
    (SHOW, '"type": "P1"'),
    (SHOW, '"scanInterval": 12'),
    ("security security-connector list", '"hierarchyIdentifier": "123456789012"'),
    ("security security-connector list -g security", '"name": "prod"'),
    ("account list --refresh", '"name": "AWS account 123456789012"'),
    (MAKE.replace("{account}", "123456789012").replace("-n prod", "-n second"), "AccountConnected"),
    (CHANGE + " --tags team=red --environment-data aws-account.regions=['eu-central-1']", BUILT),
    (SHOW, '"team": "red"'),
    (SHOW, '"eu-central-1"'),
    (SHOW, '"offeringType": "DefenderForServersAws"'),
    (REMOVE + " --yes", BUILT),
    (SHOW, "ResourceNotFound"),
]

GROUP = "/providers/Microsoft.Management/managementGroups/corp"
CORP = GROUP + "/providers/Microsoft.Authorization"
ASSIGNMENT = "/subscriptions/{subscription}/providers/Microsoft.Authorization/policyAssignments/house"

# The life of a policy, in order: a command with what it should come to, or the code with which it is refused.
POLICY = [
    ("account management-group create -n corp --display-name Corp --no-register", BUILT),
    ("account management-group list --no-register", BUILT),
    ("account management-group show -n corp --no-register", BUILT),
    ("account management-group subscription add --name corp --subscription {subscription}", BUILT),
    ("account management-group show -n corp --expand --recurse --no-register", BUILT),
    ("account management-group update -n corp --display-name Company", BUILT),
    ("policy definition create -n owner --rules {folder}/rule.json --mode All --display-name 'Machines have an owner'", BUILT),
    ("policy definition create -n region --management-group corp --rules {folder}/rule.json --mode All", BUILT),
    ("policy definition create -n wrong --rules {folder}/wrong.json --mode All", "InvalidPolicyRule"),
    ("policy definition list", BUILT),
    ("policy definition list --management-group corp", BUILT),
    ("policy definition show -n owner", BUILT),
    ("policy definition show -n region --management-group corp", BUILT),
    ("policy definition show -n none", "PolicyDefinitionNotFound"),
    ("policy definition update -n owner --description 'Somebody answers for it'", BUILT),
    ("policy set-definition create -n house --definitions {folder}/set.json --display-name 'House rules'", BUILT),
    ("policy set-definition list", BUILT),
    ("policy set-definition show -n house", BUILT),
    ("policy assignment create -n house --policy-set-definition house --display-name 'House rules'", BUILT),
    ("policy assignment create -n corp --policy " + CORP + "/policyDefinitions/region --scope " + GROUP, BUILT),
    ("policy assignment create -n out --policy {definition} --scope " + GROUP, "InvalidCreatePolicyAssignmentRequest"),
    ("policy assignment create -n one --policy {definition} --scope {resource}", BUILT),
    ("policy assignment show -n one --scope {resource}", BUILT),
    ("policy assignment list --scope " + GROUP, BUILT),
    ("policy assignment list", BUILT),
    ("policy assignment list --disable-scope-strict-match", BUILT),
    ("policy assignment show -n house", BUILT),
    ("policy state trigger-scan", BUILT),
    ("policy state list", BUILT),
    ("policy state list --filter \"complianceState eq 'NonCompliant'\" --select 'resourceId, complianceState' --top 5", BUILT),
    ("policy state list --policy-set-definition house", BUILT),
    ("policy state list --policy-definition owner", BUILT),
    ("policy state list --resource {resource} --expand PolicyEvaluationDetails", BUILT),
    ("policy state list --policy-assignment house --apply 'groupby((complianceState), aggregate($count as N))'", BUILT),
    ("policy state list --management-group corp", BUILT),
    ("policy state list --filter 'colour eq 1'", "InvalidFilterInQueryString"),
    ("policy state summarize", BUILT),
    ("policy exemption create -n known --exemption-category Waiver --policy-assignment " + ASSIGNMENT, BUILT),
    ("policy exemption create -n resource --exemption-category Mitigated --scope {resource} --policy-assignment " + ASSIGNMENT, BUILT),
    ("policy exemption show -n resource --scope {resource}", BUILT),
    ("policy exemption delete -n resource --scope {resource}", BUILT),
    ("policy exemption list", BUILT),
    ("policy exemption show -n known", BUILT),
    ("policy exemption update -n known --description 'until spring'", BUILT),
    ("policy state list --filter \"complianceState eq 'Exempt'\"", BUILT),
    ("policy definition delete -n owner", "PolicyDefinitionInUse"),
    ("policy exemption delete -n known", BUILT),
    ("policy assignment delete -n house", BUILT),
    ("policy assignment delete -n one --scope {resource}", BUILT),
    ("policy assignment delete -n corp --scope " + GROUP, BUILT),
    ("policy set-definition delete -n house", BUILT),
    ("policy definition delete -n owner", BUILT),
    ("policy definition delete -n region --management-group corp", BUILT),
    ("account management-group subscription remove --name corp --subscription {subscription}", BUILT),
    ("account management-group delete -n corp --no-register", BUILT),
]


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--skywarden", required=True)
    arguments.add_argument("--az-client", default="../shared/tools/az-client")
    arguments.add_argument("--only", choices=["policy"])
    arguments.add_argument("--show", action="store_true")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server, address = start(given.skywarden, folder)
        try:
            return run(given, folder, address)
        finally:
            server.terminate()
            server.wait()


def start(skywarden, folder, options=("--sample",), environment=None):
    """A server on a free port over a data folder, and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [skywarden, "up", "--data", folder, "--listen", f"127.0.0.1:{port}", *options]
    environment = os.environ | (environment or {})
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    for line in server.stdout:
        if found := re.search(r"Open (https://[^/]+)/login", line):
            return server, found.group(1)
    raise SystemExit("the server did not start")


def run(given, folder, address):
    made = subprocess.run(
        [given.skywarden, "access", "add-program", "az", "--role", "Security Admin", "--scope", "/", "--data", folder],
        capture_output=True, text=True, check=True,
    ).stdout
    value = {name: re.search(rf"^{name} +(\S+)$", made, re.M).group(1) for name in ("tenant", "client id", "client secret")}
    client = [given.az_client]
    login = subprocess.run(
        client + ["login", address, str(pathlib.Path(folder, "tls", "ca.pem")), value["tenant"], value["client id"], value["client secret"]],
        capture_output=True, text=True,
    )
    print(login.stdout or login.stderr)
    if login.returncode:
        return 1
    subscriptions = json.loads(az(client, "account list -o json").stdout)
    rows, n_surprises = [], 0
    for command, wanted in COMMANDS if given.only is None else []:
        for subscription in subscriptions:
            answer = az(client, f"{command} --subscription {subscription['id']} -o json" if needs(command) else f"{command} -o json")
            outcome, remark = told(answer)
            is_right = {BUILT: outcome not in ("FeatureNotAvailable", "failed", "0 rows"), EMPTY: outcome != "failed",
                        MISSING: outcome == "FeatureNotAvailable"}[wanted]
            n_surprises += not is_right
            rows.append((command, subscription["name"], str(answer.returncode), outcome, remark if not is_right else ""))
            if not needs(command):
                break
    policy = policies(given, folder, client, subscriptions)
    rows += policy
    n_surprises += sum(bool(row[4]) for row in policy)
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)), row[4])
    print(f"{len(rows)} commands, {n_surprises} surprises")
    return min(n_surprises, 1)


def policies(given, folder, client, subscriptions):
    """The life of a policy, as Owner: one row for each command, with a remark where it came to something else."""
    grant = [given.skywarden, "access", "grant", "az", "--role", "Owner", "--scope", "/", "--data", folder]
    subprocess.run(grant, capture_output=True, text=True, check=True)
    subscription = next((own for own in subscriptions if "sample" not in own["name"].lower()), subscriptions[0])
    condition = {"allOf": [{"field": "type", "equals": "Skywarden.Host/machines"}, {"field": "tags.owner", "exists": "false"}]}
    definition = f"/subscriptions/{subscription['id']}/providers/Microsoft.Authorization/policyDefinitions/owner"
    resources = json.loads(az(client, f"resource list --subscription {subscription['id']} -o json").stdout)
    resource = next(own["id"] for own in resources if own["type"].lower() == "skywarden.host/machines")
    words = {"subscription": subscription["id"], "folder": folder, "definition": definition, "resource": resource}
    files = {
        "rule.json": {"if": condition, "then": {"effect": "audit"}},
        "wrong.json": {"if": {"field": "type", "equls": "x"}, "then": {"effect": "audit"}},
        "set.json": [{"policyDefinitionId": definition, "policyDefinitionReferenceId": "owner"}],
    }
    for name, value in files.items():
        pathlib.Path(folder, name).write_text(json.dumps(value))
    rows = []
    for command, wanted in ASSESSMENT + CONNECTORS + POLICY:
        for word, value in words.items():
            command = command.replace("{" + word + "}", value)
        answer = az(client, f"{command} --subscription {subscription['id']} -o json" if needs(command) else f"{command} -o json")
        outcome, remark = told(answer)
        if wanted == BUILT:
            is_right = outcome not in ("FeatureNotAvailable", "failed", "0 rows")
        elif wanted.isalpha():
            is_right, outcome = answer.returncode != 0 and wanted in answer.stderr, f"refused: {wanted}"
        else:
            is_right, outcome = answer.returncode == 0 and wanted in answer.stdout, f"holds: {wanted}"
        if given.show:
            print(f"$ az {command}\n{(answer.stdout or answer.stderr).strip()[:2000]}\n")
        shown = command.replace(resource, "RESOURCE").replace(folder, "FOLDER").replace(subscription["id"], "SUBSCRIPTION")
        rows.append((shown, subscription["name"], str(answer.returncode), outcome, "" if is_right else remark or "not refused so: " + answer.stderr[-200:]))
    return rows


def needs(command):
    return not command.startswith("account ")


def az(client, command):
    return subprocess.run(client + ["az"] + shlex.split(command), capture_output=True, text=True)


def told(answer):
    if answer.returncode:
        text = answer.stderr.strip()
        return ("FeatureNotAvailable" if "FeatureNotAvailable" in text else "failed"), text[-300:].replace("\n", " ")
    try:
        value = json.loads(answer.stdout or "null")
    except ValueError:
        return "failed", answer.stdout[-300:]
    return (f"{len(value)} rows" if isinstance(value, list) else "an object"), ""


if __name__ == "__main__":
    sys.exit(main())
