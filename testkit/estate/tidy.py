#!/usr/bin/env python3
"""Makes a raw recording small, neutral and the same every time.

usage: tidy.py RAW FOLDER

Sorts the lines and keeps the last answer to each call, replaces request ids and access key ids by constants, adds the few facts
that the emulator can't hold (when people last signed in, when secrets were last read, where failed calls of functions go), leaves
out what it forgets to delete, and refuses what looks like a secret. Fernhollow uses nothing of the services that the emulator does
not serve: their calls get the empty answer that AWS would give.
"""
import datetime
import json
import pathlib
import re
import sys
import xml.etree.ElementTree as xml

from buckets import BUCKETS
from context import ACCOUNT, PLACEHOLDER, TODAY

# Days since people last signed in; those missing never did, or not since AWS began to note it.
SIGNED_IN = {
    "jonas.weber": 1,
    "marta.lindqvist": 2,
    "priya.raman": 3,
    "tomas.novak": 4,
    "lucia.ferrari": 11,
    "owen.hughes": 96,
    "hanna.kowalska": 1,
    "samir.haddad": 6,
    "ex.contractor": 231,
}
# Days since secrets were last read.
READ = {
    "shop/database": 1,
    "shop/payment-provider": 1,
    "shop/newsletter": 9,
    "data/warehouse": 1,
    "data/dashboard-vendor": 3,
    "data/map-tiles": 2,
}
# Functions whose failed calls go to a queue.
QUEUED = ["order-webhook", "invoice-mailer", "stock-api", "nightly-report"]
PLACES = {bucket[0]: bucket[1] for bucket in BUCKETS}
REQUEST_ID = "00000000-0000-0000-0000-000000000000"
FORBIDDEN = {
    "a private key": re.compile(r"PRIVATE KEY"),
    "an access key id": re.compile(r"\b(?:AKIA|ASIA)(?!EXAMPLE)[A-Z0-9]{16}\b"),
    "what may be a secret access key": re.compile(
        r"(?<![A-Za-z0-9/+=-])(?=[A-Za-z0-9/+]*[a-z])(?=[A-Za-z0-9/+]*[A-Z])(?=[A-Za-z0-9/+]*[0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])"
    ),
    "a placeholder of a password": re.compile(re.escape(PLACEHOLDER)),
}


def order(line):
    """What lines are sorted by, which also tells calls apart."""
    return line["service"], line["operation"], line["region"], json.dumps(line["parameters"], sort_keys=True)


def last_signed_in(body, parameters):
    """Adds to a user when the password was last used."""
    days = SIGNED_IN.get(parameters.get("UserName"))
    if days is None or "<PasswordLastUsed>" in body:
        return body
    time = TODAY - datetime.timedelta(days=days, minutes=37 * days % 300)
    return body.replace("</User>", f"<PasswordLastUsed>{time:%Y-%m-%dT%H:%M:%SZ}</PasswordLastUsed></User>", 1)


def last_read(body):
    """Adds to secrets when they were last read: a day, as AWS says it."""
    answer = json.loads(body)
    for secret in answer.get("SecretList", []):
        if secret["Name"] in READ:
            day = TODAY.replace(hour=0, minute=0) - datetime.timedelta(days=READ[secret["Name"]])
            secret["LastAccessedDate"] = int(day.timestamp())
    return json.dumps(answer)


def finished_functions(body, region, networks):
    """Adds to functions where their failed calls go, and corrects the network that they are in."""
    answer = json.loads(body)
    for function in answer.get("Functions", []):
        if function["FunctionName"] in QUEUED:
            function["DeadLetterConfig"] = {"TargetArn": f"arn:aws:sqs:{region}:{ACCOUNT}:{function['FunctionName']}-failed"}
        if subnets := (function.get("VpcConfig") or {}).get("SubnetIds"):
            function["VpcConfig"]["VpcId"] = networks[subnets[0]]
    return json.dumps(answer)


def without_leftovers(body, networks):
    """Leaves out packet filters of networks that are gone: the emulator forgets to delete them."""
    root = xml.fromstring(body)
    name = root.tag[: root.tag.index("}") + 1]
    xml.register_namespace("", name[1:-1])
    filters = root.find(f"{name}networkAclSet")
    for item in list(filters):
        if item.findtext(f"{name}vpcId") not in networks.values():
            filters.remove(item)
    return xml.tostring(root, encoding="unicode")


def placed_buckets(body):
    """Adds to buckets their regions, which S3 says if it is asked for pages."""
    return re.sub(r"<Name>([^<]*)</Name>", lambda found: f"{found[0]}<BucketRegion>{PLACES[found[1]]}</BucketRegion>", body)


def to_bucket_region(line):
    """Puts a call about a bucket where the collector makes it when it knows the bucket's region."""
    bucket = re.match(r"GET /([^?]+)\?", line["parameters"].get("rest", ""))
    if line["service"] == "s3" and bucket:
        line["region"] = PLACES[bucket[1]]


def protocol_of(service):
    """How a service is spoken to, from its file under content/."""
    file = pathlib.Path(__file__).resolve().parents[2] / f"content/collectors/aws/services/{service}.yaml"
    return re.search(r"^protocol: *(\S+)", file.read_text(), re.MULTILINE)[1]


def answer_for_emulator(line):
    """An empty answer in place of the emulator's word that it does not serve an operation."""
    body = line.get("body") or ""
    is_unserved = line["status"] >= 500 or (line["status"] == 404 and body.lstrip().lower().startswith("<!doctype html"))
    # The emulator answers this one with the ordinary buckets.
    if not is_unserved and line["operation"] != "ListDirectoryBuckets":
        return
    protocol = protocol_of(line["service"])
    kind, empty = {
        "query": ("text/xml", f"<{line['operation']}Response></{line['operation']}Response>"),
        "ec2": ("text/xml", f"<{line['operation']}Response></{line['operation']}Response>"),
        "rest-xml": ("text/xml", f"<{line['operation']}Result></{line['operation']}Result>"),
    }.get(protocol, ("application/json", "{}"))
    line.update(status=200, contentType=kind, body=empty)
    line.pop("errorType", None)


def tidy(line, keys, networks):
    """Makes the body of an answer neutral. `networks` tells the network of each subnet."""
    body = line.get("body")
    if not body:
        return
    body = re.sub(r"<(requestid)>[^<]*<", rf"<\1>{REQUEST_ID}<", body, flags=re.IGNORECASE)
    if line["operation"] == "GetUser":
        body = last_signed_in(body, line["parameters"])
    if line["operation"] == "ListBuckets":
        body = placed_buckets(body)
    if line["operation"] == "ListSecrets":
        body = last_read(body)
    if line["operation"] == "ListFunctions":
        body = finished_functions(body, line["region"], networks)
    if line["operation"] == "DescribeNetworkAcls":
        body = without_leftovers(body, networks)
    body = re.sub(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b", lambda found: keys.setdefault(found[0], f"AKIAEXAMPLE{len(keys):09}"), body)
    line["body"] = body


def main():
    raw, folder = map(pathlib.Path, sys.argv[1:])
    lines = {}
    for path in sorted(raw.glob("*.jsonl")):
        for text in path.read_text().splitlines():
            line = json.loads(text)
            to_bucket_region(line)
            lines[order(line)] = line
    keys, files, networks = {}, {}, {}
    for line in lines.values():
        if line["operation"] == "DescribeSubnets":
            for item in line["body"].split("<item>")[1:]:
                ids = re.search(r"<subnetId>([^<]*)<", item), re.search(r"<vpcId>([^<]*)<", item)
                if all(ids):
                    networks[ids[0][1]] = ids[1][1]
    for _, line in sorted(lines.items()):
        answer_for_emulator(line)
        tidy(line, keys, networks)
        if "takenAt" in line:
            line["takenAt"] = TODAY.strftime("%Y-%m-%dT%H:%M:%SZ")
        files.setdefault(line["service"], []).append(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
    for service, texts in files.items():
        for text in texts:
            for what, pattern in FORBIDDEN.items():
                if found := pattern.search(text):
                    sys.exit(f"{service}: {what}: {found[0]}")
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.jsonl"):
        path.unlink()
    for service, texts in files.items():
        (folder / f"{service}.jsonl").write_text("".join(texts))


if __name__ == "__main__":
    main()
