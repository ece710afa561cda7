"""One scan makes at most 2.2 calls for each resource, and none twice.

Calls are counted in the emulator's log. A proxy before the emulator sees their parameters: a call is repeated if the same one
(service, region, operation, every parameter) has been answered before; one more try after a server's error is none. Names per
service and per operation what was asked, so that the dearest can be seen.

    $HOME/.cache/aws-lab/venv/bin/python calls.py --skywarden PATH [--port 5707] [--scale 6] [--running]
"""

import collections
import re

import sdk
from lab import Lab, Program, arguments, finish, table
from proxy import Proxy

LIMIT = 2.2
# Answers after which a call is tried again.
PASSING = {429, 500, 502, 503, 504}


def repeated(calls):
    """The calls that were made again after an answer that would have done, with how often."""
    answered, again = set(), collections.Counter()
    for call in calls:
        if call.key in answered:
            again[f"{call.service} {call.region} {call.operation}"] += 1
        if call.status not in PASSING:
            answered.add(call.key)
    return again


def resources_by_service(lab, run):
    """Numbers of resources by the name with which calls for them are signed."""
    home = lab.regions[0]
    signing = {}
    for row in sdk.rows():
        signing[row["type"]] = lab.client(row["service"], home).meta.service_model.signing_name
    return collections.Counter(signing.get(one["type"], "-") for one in run.resources)


def plain(operation):
    """An operation without what differs from resource to resource."""
    operation = operation.rsplit(".", 1)[-1] if "_" in operation and " " not in operation else operation
    return re.sub(r"[^/?&=]*\d[^/?&=]*", "*", operation) if " " in operation else operation


def main():
    parser = arguments(__doc__, scale=6)
    parser.set_defaults(port=5707)
    options = parser.parse_args()
    with Lab(options) as lab:
        direct = lab.url
        with Proxy(lab.port) as proxy:
            lab.forget_calls()
            lab.url = proxy.url
            run = Program(options.skywarden, lab).scan()
            lab.url = direct
            logged = [call for call in lab.calls() if call["ua"].startswith("skywarden")]
        n_seen, by_service = len(proxy.calls), resources_by_service(lab, run)
    n_resources = len(run.resources)
    per_resource = len(logged) / max(n_resources, 1)
    calls, failed = collections.Counter(), collections.Counter()
    for call in logged:
        calls[call["svc"]] += 1
        failed[call["svc"]] += call["status"] >= 500
    rows = [
        [name, n, failed[name], by_service[name], f"{n / by_service[name]:.2f}" if by_service[name] else "-"]
        for name, n in calls.most_common()
    ]
    table(["service", "calls", "answered with 5xx", "resources", "calls/resource"], rows)
    print()
    operations = collections.Counter((c.service, plain(c.operation), c.status) for c in proxy.calls)
    table(["service", "operation", "status", "calls"], [[*key, n] for key, n in operations.most_common(25)])
    print()
    again = repeated(proxy.calls)
    table(["repeated call", "times"], sorted(again.items()))
    print(f"scale {options.scale}: {n_resources} resources, {len(logged)} calls, {per_resource:.3f} a resource (at most {LIMIT})")
    print(f"{sum(failed.values())} calls were answered with 5xx by operations that the emulator lacks, tries included")
    print(f"{sum(again.values())} calls were repeated")
    checks = [per_resource <= LIMIT, not again, n_seen == len(logged)]
    if n_seen != len(logged):
        print(f"the proxy saw {n_seen} calls")
    finish(sum(checks), len(checks) - sum(checks))


if __name__ == "__main__":
    main()
