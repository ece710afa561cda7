"""What thousands of made-up requests see: schemathesis holds the answers of a running server against its OpenAPI document.

    python3 tests/clients/schemathesis.py --skywarden PATH [--seconds 420] [--requests 20000]

Installs schemathesis below `~/.cache/skywarden`, starts `skywarden up --sample` with a data folder of its own, makes some programs that own everything (one alone may ask 100 times a second
only), furnishes the server with policies, roles, a standard and accounts, fetches the document, and lets schemathesis ask: what is no
server error, a documented status, a documented media type and a body that fits its schema is right. Routes that need no login are asked
apart and slowly, since an address may ask ten times a second. Prints a summary; exits 1 on a failure or if too little was asked.
"""

import argparse
import collections
import json
import os
import pathlib
import re
import ssl
import subprocess
import sys
import urllib.error
import urllib.request

from server import running

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
N_PROGRAMS = 6

# Of schemathesis, on PyPI.
VERSION = "4.32.5"

# What one process asks: operations by their tags.
PARTS = [
    ["Console", "Policy", "People", "Microsoft.Resources"],
    ["Microsoft.Authorization", "Microsoft.Management"],
    ["Microsoft.Security", "Microsoft.PolicyInsights"],
]
DEFINITION = "/providers/Microsoft.Authorization/policyDefinitions/own"
ROLE = "00000000-0000-4000-8000-00000000000a"
# An assessment that a client writes.
OWN_ASSESSMENT = "ca039e75-a276-4175-aebc-bcd41e4b14b7"


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--skywarden", required=True)
    arguments.add_argument("--seconds", type=int, default=420)
    arguments.add_argument("--requests", type=int, default=20000)
    arguments.add_argument("--examples", type=int, default=250, help="of each operation, at most")
    arguments.add_argument("--only", help="a regular expression of paths that need a login")
    given = arguments.parse_args()
    schemathesis = installed()
    with running(given.skywarden) as server:
        try:
            return run(given, server, schemathesis)
        finally:
            text = (server.folder / "server.log").read_text()
            print("\n".join(line for line in text.splitlines() if "ERROR" in line or "panicked" in line)[-4000:])


def installed():
    """The program, installed if it is not there."""
    folder = pathlib.Path.home() / ".cache" / "skywarden" / f"schemathesis-{VERSION}"
    program = folder / "bin" / "schemathesis"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(folder / "bin" / "pip"), "install", "--quiet", f"schemathesis=={VERSION}"], check=True)
    return program


def run(given, server, schemathesis):
    folder, address = server.folder, server.address
    tokens = [program(server, f"fuzz-{number}") for number in range(N_PROGRAMS)]
    ask = asker(address, str(server.authority), tokens[0])
    document = ask("GET", "/api/v1/openapi.json")
    for methods in document["paths"].values():
        for operation in methods.values():
            operation["x-open"] = operation.get("security") == []
    schema = pathlib.Path(folder, "openapi.json")
    schema.write_text(json.dumps(document))
    values = furnish(ask, document)
    counted = collections.Counter()
    failed = 0
    # A process for each: threads of one do not get along with Python's own compiler (`AST constructor recursion depth mismatch`).
    slow = ["--rate-limit", "9/s", "-n", "12"]
    fast = ["--max-time", str(given.seconds), "-n", str(given.examples)]
    parts = [([given.only], fast)] if given.only else [(tags, fast) for tags in PARTS] + [(["Login"], slow)]
    asking = []
    for number, (tags, options) in enumerate(parts):
        statuses = pathlib.Path(folder, f"statuses-{number}.json")
        environment = os.environ | {
            "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
            "PYTHONPATH": str(pathlib.Path(__file__).resolve().parent / "hooks"),
            "SKYWARDEN_FUZZ": json.dumps({"tokens": [] if tags == ["Login"] else tokens, "values": values, "statuses": str(statuses)}),
        }
        only = ["--include-path-regex", given.only] if given.only else [word for tag in tags for word in ("--include-tag", tag)]
        command = [
            str(schemathesis), "run", str(schema), "--url", address, "--checks", CHECKS, "--workers", "1",
            "--tls-verify", str(server.authority), "--phases", "coverage,fuzzing", "--continue-on-failure",
            "--suppress-health-check", "all", "--seed", "7", "--request-timeout", "70", "--max-redirects", "0", "--warnings", "off", "--no-color",
        ]
        (home := pathlib.Path(folder, f"part-{number}")).mkdir()
        output = open(home / "output", "w+")
        asking.append((tags, statuses, output, subprocess.Popen(command + options + only, env=environment, cwd=home, stdout=output, stderr=output, text=True)))
    for tags, statuses, output, process in asking:
        failed += process.wait() != 0
        output.seek(0)
        text = output.read()
        output.close()
        found = [at for at in (text.find("= ERRORS ="), text.find("= FAILURES ="), text.find("= SUMMARY =")) if at > 0]
        print(f"== {', '.join(tags)}\n{text[min(found, default=0):][:20000]}", flush=True)
        if statuses.exists():
            counted.update(json.loads(statuses.read_text()))
    alive = [token for token in tokens if holds(server, token)]
    print(f"{len(alive)} of {len(tokens)} tokens still hold")
    n_asked = sum(counted.values())
    by_status = collections.Counter()
    for key, count in counted.items():
        by_status[key.split(" ")[0]] += count
    operations = {key.split(" ", 1)[1] for key in counted}
    succeeded = {key.split(" ", 1)[1] for key in counted if key[0] == "2"}
    n_known = sum(len(methods) for methods in document["paths"].values())
    print(f"{n_asked} requests to {len(operations)} of {n_known} operations, of which {len(succeeded)} succeeded at least once")
    print("by status: " + ", ".join(f"{status}: {count}" for status, count in sorted(by_status.items())))
    shares = collections.Counter()
    for status, count in by_status.items():
        shares[f"{status[0]}xx"] += count
    # What the layers before the handlers refuse: no login, another host, too many requests.
    n_refused = sum(by_status[status] for status in ("401", "421", "429"))
    print("shares: " + ", ".join(f"{kind} {count / max(n_asked, 1):.1%}" for kind, count in sorted(shares.items()))
          + f"; 401, 421 and 429 are {n_refused / max(n_asked, 1):.1%}, the rest came of handlers")
    is_enough = given.only or (n_asked >= given.requests and n_refused * 2 < n_asked)
    if not is_enough:
        print(f"these are fewer than {given.requests}, or the most were refused before a handler")
    if len(alive) < len(tokens):
        print("a program that asked lost its token, so that what it asked after that shows little")
    return 1 if failed or not is_enough or len(alive) < len(tokens) else 0


def program(server, name):
    """Makes a program that owns everything, and gives its API token."""
    server.add_program(name, "Owner")
    return re.search(r"skw_\S+", server.command("access", "token", name)).group(0)


def holds(server, token):
    try:
        return asker(server.address, str(server.authority), token)("GET", "/api/v1/session") is not None
    except SystemExit:
        return False


def asker(address, authority, token):
    context = ssl.create_default_context(cafile=authority)

    def ask(method, path, body=None, kind="application/json"):
        headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
        data = body.encode() if isinstance(body, str) else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(address + path, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, context=context) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{method} {path}: {error.code} {error.read().decode()[:500]}")
        return json.loads(text) if text else None

    return ask


def furnish(ask, document):
    """Makes something of every kind, and gives what parameters of paths may be so that something is found."""
    rule = {"if": {"field": "tags.owner", "exists": False}, "then": {"effect": "audit"}}
    at = "/providers/Microsoft.Authorization/"
    ask("PUT", "/providers/Microsoft.Management/managementGroups/corp", {"properties": {"displayName": "Corp"}})
    ask("PUT", DEFINITION, {"properties": {"mode": "All", "displayName": "own", "policyRule": rule}})
    ask("PUT", at + "policySetDefinitions/own", {"properties": {"policyDefinitions": [{"policyDefinitionId": DEFINITION}]}})
    ask("PUT", at + "policyAssignments/own", {"properties": {"policyDefinitionId": DEFINITION}})
    ask("PUT", at + "policyExemptions/own", {"properties": {"policyAssignmentId": at + "policyAssignments/own", "exemptionCategory": "Waiver"}})
    ask("PUT", at + f"roleDefinitions/{ROLE}", {"properties": {
        "roleName": "Own", "description": "", "assignableScopes": ["/"], "permissions": [{"actions": ["Microsoft.Security/*/read"], "notActions": []}]}})
    standard = {"id": "house", "title": "House", "description": "Ours.", "version": "1", "environments": ["aws"], "controls": [
        {"id": "1", "title": "Leavers lose access", "manual": "Compare."}]}
    ask("PUT", "/api/v1/standards/house", standard)
    people = [ask("POST", "/api/v1/principals", {"kind": kind, "name": f"victim {kind}"})["principal"]["id"] for kind in ("User", "Group", "ServicePrincipal")]
    doomed = [ask("POST", "/api/v1/principals", {"kind": "Group", "name": f"doomed {number}"})["principal"]["id"] for number in range(3)]
    subscriptions = [own["subscriptionId"] for own in ask("GET", "/subscriptions")["value"]]
    groups, connectors, assessments, keys = set(), set(), set(), set()
    for subscription in subscriptions:
        groups.update(own["name"] for own in ask("GET", f"/subscriptions/{subscription}/resourceGroups")["value"])
        rows = ask("GET", f"/subscriptions/{subscription}/providers/Microsoft.Security/assessments")["value"]
        for row in rows[:40]:
            keys.add(row["name"])
            if "/securityEntityData/" in row["id"]:
                assessments.add(row["id"])
        connectors.update(own["id"] for own in ask("GET", f"/subscriptions/{subscription}/providers/Microsoft.Security/securityConnectors")["value"])
    names = name_objects(ask, document, subscriptions)
    resource = sorted(assessments)[0].split("/providers/Microsoft.Security/assessments/")[0] + "/providers/Microsoft.Security/"
    ask("PUT", resource + f"assessments/{OWN_ASSESSMENT}", {"properties": {"status": {"code": "Unhealthy"}}})
    assessments.add(resource + f"assessments/{OWN_ASSESSMENT}")
    own = f"/subscriptions/{subscriptions[0]}/providers/Microsoft.Security/"
    reports = {ask("GET", place + "healthReports")["value"][0]["name"] for place in (own, resource)}
    recommendations = [row["id"] for row in ask("GET", "/api/v1/recommendations")["items"]][:20]
    standards = [row["id"] for row in ask("GET", "/api/v1/compliance")["items"]]
    resources = [row["id"] for row in ask("GET", "/api/v1/resources?limit=20")["items"]]
    return {
        "subscription": subscriptions, "group": sorted(groups), "connectors": sorted(connectors), "assessments": sorted(assessments), "names": names,
        "assessment": sorted(keys), "check": sorted(keys), "standard": standards, "management_group": ["corp"], "name": ["own", ROLE],
        "report": sorted(reports), "score": ["ascScore"], "location": ["local"], "states": ["latest"], "namespace": ["Microsoft.Security"], "control": ["1"],
        "doomed": doomed,
        "id": {"recommendations": recommendations, "compliance": standards, "standards": standards, "principals": people},
        "query": {"/api/v1/resource": resources, "/api/v1/policy/definition": [DEFINITION], "/api/v1/policy/assignment": [at + "policyAssignments/own"],
                  "/api/v1/policy/scope": ["/", f"/subscriptions/{subscriptions[0]}"]},
    }


def name_objects(ask, document, subscriptions):
    """What is below Microsoft.Security in a subscription by name: collections with the names of what is there."""
    conditions = [{"conditions": [{"property": "$.Severity", "value": "High", "operator": "Equals"}]}]
    rule = {"displayName": "own", "remediationTimeframe": "7.00:00:00", "rulePriority": 100, "ruleType": "Integrated", "sourceResourceType": "Assessments",
            "conditionSets": conditions, "ownerSource": {"type": "Manually", "value": "ann@house.example"}}
    for subscription in subscriptions:
        at = f"/subscriptions/{subscription}/providers/Microsoft.Security/"
        ask("PUT", at + "governanceRules/own", {"properties": rule})
        ask("PUT", at + "applications/own", {"properties": {"sourceResourceType": "Assessments", "conditionSets": conditions}})
        ask("PUT", at + "securityContacts/default", {"properties": {"emails": "ann@house.example"}})
        ask("PUT", at + f"assessmentMetadata/{OWN_ASSESSMENT}", {"properties": {
            "displayName": "own", "severity": "High", "assessmentType": "CustomerManaged"}})
        query = {"if": {"field": "type", "equals": "Skywarden.Host/machines"}, "then": {"effect": "audit"}}
        ask("PUT", at + "customRecommendations/own", {"properties": {"displayName": "own", "query": json.dumps(query)}})
        key = ask("GET", at + "securityStandards/mcsb-v1")["properties"]["assessments"][0]["assessmentKey"]
        ask("PUT", at + "securityStandards/own", {"properties": {"displayName": "own", "assessments": [{"assessmentKey": key}]}})
        ask("PUT", at + "standardAssignments/own", {"properties": {"effect": "Audit", "assignedStandard": {"id": at + "securityStandards/own"}}})
    names = {}
    pattern = re.compile(r"/subscriptions/\{subscription\}/providers/Microsoft\.Security/(\w+)/\{name\}")
    for collection in filter(None, (pattern.fullmatch(path) for path in document["paths"])):
        rows = ask("GET", f"/subscriptions/{subscriptions[0]}/providers/Microsoft.Security/{collection.group(1)}")["value"]
        names[collection.group(1)] = [row["name"] for row in rows] or ["default"]
    return names


if __name__ == "__main__":
    sys.exit(main())
