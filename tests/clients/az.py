"""What the real `az` sees: logs in as a program and runs the reading commands of `az security` and what stands around them.

    python3 tests/clients/az.py --skywarden PATH --az-client PATH

Starts `skywarden up --sample` on a free port with a data folder of its own, makes a program with the role Security Admin, logs in with
`az-client login` and runs each command twice: for the machine's subscription and for the sample's. A command of a built feature must
answer with rows or an object; one of a feature that is not there must fail with FeatureNotAvailable. Prints a table, exits 1 on a surprise.
"""

import argparse
import json
import pathlib
import re
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


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--skywarden", required=True)
    arguments.add_argument("--az-client", default="../shared/tools/az-client")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server, address = start(given.skywarden, folder)
        try:
            return run(given, folder, address)
        finally:
            server.terminate()
            server.wait()


def start(skywarden, folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [skywarden, "up", "--sample", "--data", folder, "--listen", f"127.0.0.1:{port}"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
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
    for command, wanted in COMMANDS:
        for subscription in subscriptions:
            answer = az(client, f"{command} --subscription {subscription['id']} -o json" if needs(command) else f"{command} -o json")
            outcome, remark = told(answer)
            is_right = {BUILT: outcome not in ("FeatureNotAvailable", "failed", "0 rows"), EMPTY: outcome != "failed",
                        MISSING: outcome == "FeatureNotAvailable"}[wanted]
            n_surprises += not is_right
            rows.append((command, subscription["name"], str(answer.returncode), outcome, remark if not is_right else ""))
            if not needs(command):
                break
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)), row[4])
    print(f"{len(rows)} commands, {n_surprises} surprises")
    return min(n_surprises, 1)


def needs(command):
    return not command.startswith("account ")


def az(client, command):
    return subprocess.run(client + ["az"] + command.split(), capture_output=True, text=True)


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
