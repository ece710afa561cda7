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

# Each of these takes away what all other requests look at, or who asks.
SPARED = ("/api/v1/connectors/{id}", "/api/v1/principals/{id}")


@schemathesis.hook
def before_call(context, case, kwargs):
    with LOCK:
        token = next(TOKENS)
        is_real = CHANCE.random() < 0.6
    if token:
        case.headers = case.headers if case.headers is not None else {}
        case.headers["Authorization"] = f"Bearer {token}"
    path, method = case.operation.path, case.method.upper()
    if is_real and not (method == "DELETE" and path in SPARED):
        fill(path, case)


def fill(path, case):
    own = case.path_parameters
    if own:
        before = path.split("/{id}")[0].rsplit("/", 1)[-1]
        for name in own:
            known = VALUES["id"].get(before) if name == "id" else VALUES.get(name)
            if known:
                own[name] = CHANCE.choice(known)
        if "entity" in own and VALUES["entities"]:
            # subscriptions/S/resourceGroups/G/providers/Microsoft.Security/securityConnectors/C/securityEntityData/E
            steps = CHANCE.choice(VALUES["entities"]).split("/")
            own.update(subscription=steps[1], group=steps[3], connector=steps[7], entity=steps[9])
    known = VALUES["query"].get(path)
    if known and isinstance(case.query, dict):
        case.query["id"] = CHANCE.choice(known)


@schemathesis.hook
def after_call(context, case, response):
    with LOCK:
        COUNTED[f"{response.status_code} {case.operation.method.upper()} {case.operation.path}"] += 1


@atexit.register
def write():
    pathlib.Path(GIVEN["statuses"]).write_text(json.dumps(COUNTED))
