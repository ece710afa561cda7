"""How long a server over a large store takes to answer, asked by `oha` 50 times a second.

    python3 tests/clients/load.py --skywarden PATH --data FOLDER [--oha PATH] [--seconds N]

FOLDER is what `skywarden-bench soak store FOLDER` filled (`cargo xtask soak store` does all of it). Reads its file once, so that
the server is measured and not how soon the disk gives what nobody asked for before, starts `skywarden up` over it, asks
each address as the installation, which sees everything, and as a reader of one account in a hundred, and prints a table: what half and
99 of 100 requests took, the limit, the server's CPU time for each request and its memory. Then everything is exported once. Exits 1 if an
answer is no 200 or comes later than its limit, or if the export lacks a row or takes more memory than its limit.
"""

import argparse
import json
import os
import pathlib
import re
import sqlite3
import ssl
import subprocess
import sys
import time
import urllib.request

from server import start

RATE = 50

# The most memory that the server may take while it exports everything, in MB.
EXPORT_MEMORY = 300

# What is asked, and how many milliseconds 99 of 100 answers may take. oha fills in the patterns, so that every request is another.
ADDRESSES = [
    ("/api/v1/assessments?limit=100", 50),
    ("/api/v1/assessments?limit=100&status=Unhealthy", 50),
    ("/api/v1/assessments?limit=100&severity=(Low|Medium|High)", 50),
    ("/api/v1/assessments?limit=100&recommendation={recommendation}", 50),
    ("/api/v1/assessments?limit=100&type=({types})", 50),
    ("/api/v1/assessments?limit=100&control=({controls})", 50),
    ("/api/v1/assessments?limit=100&account={account}", 50),
    ("/api/v1/assessments?limit=100&account={account}&status=(Unhealthy|Healthy)&severity=High", 50),
    ("/api/v1/assessments?limit=100&location=(eu-west-1|eu-central-1)&type=({types})", 500),
    ("/api/v1/assessments?limit=100&cursor={cursor}", 50),
    ("/api/v1/recommendations", 50),
    ("/api/v1/resources?limit=100", 50),
    ("/api/v1/resources?limit=100&type=({types})", 50),
    ("/api/v1/resources?limit=100&account={account}&status=(Unhealthy|Healthy)", 50),
    ("/api/v1/resources?limit=100&status=Unhealthy", 50),
    ("/api/v1/resources/facets", 500),
    ("/api/v1/assessments?limit=100&q={rare}", 300),
    ("/api/v1/resources?limit=100&q={rare}", 300),
    ("/api/v1/resources?limit=100&q=bucket", 300),
    ("/api/v1/assessments?limit=100&q=bucket", 300),
    ("/subscriptions/{subscription}/providers/Microsoft.Security/secureScores/ascScore?api-version=2020-01-01", 10),
    ("/subscriptions/{subscription}/providers/Microsoft.Security/assessments?api-version=2021-06-01", 500),
    ("/api/v1/overview", 50),
]


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--skywarden", required=True)
    arguments.add_argument("--data", required=True)
    arguments.add_argument("--oha", default=str(pathlib.Path.home() / ".cache/skywarden/oha/bin/oha"))
    arguments.add_argument("--seconds", type=int, default=20)
    arguments.add_argument("--only", help="only addresses that contain this")
    given = arguments.parse_args()
    read_once(pathlib.Path(given.data, "skywarden.db"))
    # The connectors lead nowhere: without credentials each fails at once, and what is known of it stays.
    server, address = start(given.skywarden, given.data, ("--at-once", "16"), {"AWS_EC2_METADATA_DISABLED": "true"})
    try:
        return run(given, server, address)
    finally:
        server.terminate()
        server.wait()


def read_once(file):
    """Brings a file into memory as far as there is room for it."""
    with open(file, "rb", buffering=0) as whole:
        while whole.read(1 << 24):
            pass


def run(given, server, address):
    database = sqlite3.connect(f"file:{pathlib.Path(given.data, 'skywarden.db')}?mode=ro", uri=True)
    counts = [database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in ("accounts", "resources")]
    n_assessments = database.execute("SELECT SUM(n) FROM totals").fetchone()[0]
    print(f"{counts[0]} accounts, {counts[1]} resources, {n_assessments} assessments; {RATE} requests a second for {given.seconds} s each")
    owned = database.execute("SELECT account, subscription FROM accounts WHERE connector LIKE 'organization-%' ORDER BY account").fetchall()
    few = owned[::100]
    readers = {
        "everything": (pathlib.Path(given.data, "api-token").read_text().strip(), owned),
        "1 %": (reader(given, [subscription for _, subscription in few]), few),
    }
    late = 0
    for name, (token, accounts) in readers.items():
        print(f"\n{name} of {len(owned)} accounts\n{'p50':>9}{'p99':>9}{'limit':>7}{'CPU':>7}{'MB':>7}  address")
        patterns = patterns_of(database, address, token, accounts)
        for path, limit in ADDRESSES:
            if given.only and given.only not in path:
                continue
            late += measure(given, server, address + fill(path, patterns), path, token, limit)
    if not given.only:
        late += export(server, address, readers["everything"][0], n_assessments)
    print(f"\n{late} late or wrong")
    return min(late, 1)


def export(server, address, token, n_rows):
    """Reads the export of everything to its end; whether it lacks a row or took too much memory."""
    rest(server.pid)
    begin, cpu, peak, n_lines, n_bytes = time.monotonic(), cpu_seconds(server.pid), 0, 0, 0
    with urllib.request.urlopen(asked(address, token, "/api/v1/assessments/export"), context=TRUSTING) as answer:
        while part := answer.read(1 << 20):
            n_lines += part.count(b"\n")
            n_bytes += len(part)
            peak = max(peak, memory_mb(server.pid))
    seconds, cpu = time.monotonic() - begin, cpu_seconds(server.pid) - cpu
    is_wrong = n_lines != n_rows or peak > EXPORT_MEMORY
    mark = "  <- wrong" if is_wrong else ""
    print(f"\nexport of {n_lines} rows, {n_bytes >> 20} MB: {seconds:.0f} s, {cpu:.0f} s CPU, at most {peak} MB of {EXPORT_MEMORY}{mark}")
    return is_wrong


def reader(given, subscriptions):
    """A program that sees some subscriptions; its token."""
    skywarden = [given.skywarden, "access"]
    data = ["--data", given.data]
    name = f"reader-{time.time_ns()}"
    subprocess.run(skywarden + ["add-program", name] + data, capture_output=True, text=True, check=True)
    for subscription in subscriptions:
        grant = skywarden + ["grant", name, "--role", "Reader", "--scope", f"/subscriptions/{subscription}"] + data
        subprocess.run(grant, capture_output=True, text=True, check=True)
    told = subprocess.run(skywarden + ["token", name] + data, capture_output=True, text=True, check=True).stdout
    return re.search(r"\b([A-Za-z0-9_-]{40,})\b", told).group(1)


def patterns_of(database, address, token, accounts):
    choose = lambda values: "(" + "|".join(values) + ")"
    recommendations = ask(address, token, "/api/v1/recommendations")["items"]
    first = ask(address, token, "/api/v1/assessments?limit=500&status=Healthy")
    bucket = database.execute("SELECT name FROM resources WHERE type_name = 'AWS::S3::Bucket' AND account = ? LIMIT 1", accounts[0][:1])
    return {
        "recommendation": choose(row["id"] for row in recommendations),
        "controls": "|".join(sorted({row["control"] for row in recommendations})),
        "types": "|".join(row["value"] for row in ask(address, token, "/api/v1/resources/facets")["types"]),
        "account": choose(account for account, _ in accounts),
        "subscription": choose(subscription for _, subscription in accounts),
        "rare": choose(account for account, _ in accounts[:1]) + "-(1|2|3)[0-9]",
        "cursor": escape(urllib.request.quote(first["next"], safe="")),
    }


def escape(text):
    """A text of which oha's pattern takes nothing for its own."""
    return re.sub(r"([.\\+*?()|\[\]{}^$#&~-])", r"\\\1", text)


def fill(path, patterns):
    before, _, query = path.partition("?")
    whole = before + (r"\?" + query if query else "")
    for name, pattern in patterns.items():
        whole = whole.replace("{" + name + "}", pattern)
    return whole


def rest(pid):
    """Waits until what was asked before is answered."""
    before, now = -1.0, cpu_seconds(pid)
    while now - before > 0.05:
        time.sleep(0.5)
        before, now = now, cpu_seconds(pid)


def measure(given, server, url, path, token, limit):
    rest(server.pid)
    cpu = cpu_seconds(server.pid)
    command = [given.oha, "-z", f"{given.seconds}s", "-q", str(RATE), "-c", "8", "--latency-correction", "--no-tui", "--insecure",
               "--output-format", "json", "--rand-regex-url", "-H", f"Authorization: Bearer {token}", url]
    told = subprocess.run(command, capture_output=True, text=True)
    if told.returncode:
        raise SystemExit(f"oha failed on {url}: {told.stderr}")
    told = json.loads(told.stdout)
    codes = told["statusCodeDistribution"]
    n = sum(codes.values())
    p50, p99 = (told["latencyPercentiles"][name] for name in ("p50", "p99"))
    p50, p99 = (1000 * (value or float("nan")) for value in (p50, p99))
    wrong = {code: count for code, count in codes.items() if code != "200"} | told["errorDistribution"]
    wrong = {reason: count for reason, count in wrong.items() if "deadline" not in reason}
    is_late = not p99 <= limit or bool(wrong)
    each = 1000 * (cpu_seconds(server.pid) - cpu) / max(n, 1)
    mark = "" if not is_late else f"  <- {wrong or 'late'}"
    print(f"{p50:9.1f}{p99:9.1f}{limit:7}{each:7.1f}{memory_mb(server.pid):7}  {path}{mark}", flush=True)
    return is_late


# The certificate is one that the server made for itself.
TRUSTING = ssl._create_unverified_context()


def asked(address, token, path):
    return urllib.request.Request(address + path, headers={"Authorization": f"Bearer {token}"})


def ask(address, token, path):
    with urllib.request.urlopen(asked(address, token, path), context=TRUSTING) as answer:
        return json.load(answer)


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)) // 1024


if __name__ == "__main__":
    sys.exit(main())
