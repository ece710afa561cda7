"""What schemathesis.py adds to each request: a program's token, and values that something is found by; and what it counts."""

import atexit
import collections
import itertools
import json
import os
import pathlib
import random
import threading

import schemathesis

GIVEN = json.loads(os.environ["SKYWARDEN_FUZZ"])
TOKENS = itertools.cycle(GIVEN["tokens"] or [""])
VALUES = GIVEN["values"]
COUNTED = collections.Counter()
LOCK = threading.Lock()
CHANCE = random.Random(7)

# A role assignment that no program that asks rests on.
ASSIGNMENT = "00000000-0000-4000-8000-00000000000b"


@schemathesis.hook
def before_call(context, case, kwargs):
    with LOCK:
        token = next(TOKENS)
        is_real = CHANCE.random() < 0.6
    if token:
        case.headers = case.headers if case.headers is not None else {}
        case.headers["Authorization"] = f"Bearer {token}"
    path, method = case.operation.path, case.method.upper()
    if is_real:
        fill(path, case)
    if method != "GET" and case.path_parameters:
        spare(path, method, case.path_parameters)


def fill(path, case):
    own = case.path_parameters
    if own:
        before = lambda name: path.split(f"/{{{name}}}")[0].rsplit("/", 1)[-1]
        for name in own:
            known = VALUES["id"].get(before(name)) if name == "id" else VALUES.get(name)
            if name == "name":
                known = VALUES["names"].get(before(name), known)
            if known:
                own[name] = CHANCE.choice(known)
        # /subscriptions/S/resourceGroups/G/providers/Microsoft.Security/securityConnectors/C,
        # behind it /securityEntityData/E/providers/Microsoft.Security/assessments/A
        ids = VALUES["assessments" if "entity" in own else "connectors"]
        if "connector" in own and ids:
            steps = CHANCE.choice(ids).split("/")
            found = {"subscription": steps[2], "group": steps[4], "connector": steps[8], "entity": steps[10:11], "assessment": steps[14:15]}
            own.update({name: value if isinstance(value, str) else value[0] for name, value in found.items() if name in own and value})
    known = VALUES["query"].get(path)
    if known and isinstance(case.query, dict):
        case.query["id"] = CHANCE.choice(known)


def spare(path, method, own):
    """Ids come from earlier answers too: what all other requests look at, and who asks, must not be taken away."""
    if path == "/api/v1/connectors/{id}":
        own["id"] = "none"
    elif path.endswith("/securityConnectors/{connector}") and method == "DELETE":
        own["connector"] = "none"
    elif path == "/api/v1/principals/{id}" and method == "DELETE":
        own["id"] = CHANCE.choice(VALUES["doomed"])
    elif path.startswith("/api/v1/principals/{id}"):
        own["id"] = CHANCE.choice(VALUES["id"]["principals"])
    elif path.endswith("/roleAssignments/{name}"):
        own["name"] = ASSIGNMENT


@schemathesis.hook
def after_call(context, case, response):
    with LOCK:
        COUNTED[f"{response.status_code} {case.operation.method.upper()} {case.operation.path}"] += 1


@atexit.register
def write():
    pathlib.Path(GIVEN["statuses"]).write_text(json.dumps(COUNTED))
