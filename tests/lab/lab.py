"""What the acceptance scripts of this folder share: the AWS lab, our program, tables.

The lab is shared/tools/aws-lab beside the checkout (moto on loopback, seeded with a flawed estate); `--tools DIR` names another place.
Every script starts a fresh lab on its port and stops it at its end; `--running` uses one that is up already.
Run a script with the lab's own Python, which has boto3: $HOME/.cache/aws-lab/venv/bin/python compare_ids.py --skywarden PATH
"""

import argparse
import collections
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

try:
    import boto3
    from botocore.config import Config
except ImportError:  # `aws-lab start` installs it
    boto3 = None

TOOLS = pathlib.Path(__file__).resolve().parents[3] / "shared/tools"
CACHE = pathlib.Path.home() / ".cache/aws-lab"
# The seed's own regions are us-east-1, eu-west-1 and ap-southeast-2; none of them is used here.
REGIONS = ["eu-central-1", "us-west-2", "ap-southeast-1"]
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def arguments(description, scale=2):
    """The options that all scripts have; a script may add its own before `parse_args`."""
    parser = argparse.ArgumentParser(description=description.strip().splitlines()[0])
    parser.add_argument("--skywarden", required=True, help="our program")
    parser.add_argument("--port", type=int, default=5701)
    parser.add_argument("--scale", type=int, default=scale, help="the seed's scale; 1 is about 360 resources")
    parser.add_argument("--regions", default=",".join(REGIONS))
    parser.add_argument("--running", action="store_true", help="use the lab that runs on the port, as it is")
    parser.add_argument("--tools", default=str(TOOLS), help="the folder of aws-lab and seed_aws.py")
    return parser


class Lab:
    """A running emulator and the SDK's view of it."""

    def __init__(self, options):
        self.port, self.scale, self.tools = options.port, options.scale, pathlib.Path(options.tools)
        self.regions = options.regions.split(",")
        self.running = options.running
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = CACHE / f"{self.port}.jsonl"
        self.faults_file = CACHE / f"{self.port}.jsonl.faults"
        self.seed_report = CACHE / f"{self.port}.seed.json"
        self.environment = {**os.environ, **CREDENTIALS, "AWS_REGION": self.regions[0]}
        os.environ.update(self.environment)
        self._clients = {}

    def __enter__(self):
        self.faults([])
        if not self.running:
            if self._answers():
                sys.exit(f"something runs on port {self.port} already; stop it or give --running")
            self._aws_lab("start", str(self.port), "0")
            self._seed()
        elif not self._answers():
            sys.exit(f"no lab runs on port {self.port}")
        self.account = self.client("sts", self.regions[0]).get_caller_identity()["Account"]
        return self

    def __exit__(self, *_):
        self.faults([])
        if not self.running:
            self._aws_lab("stop", str(self.port))

    def _answers(self):
        try:
            return urllib.request.urlopen(f"{self.url}/moto-api/", timeout=5).status == 200
        except OSError:
            return False

    def _aws_lab(self, *words):
        subprocess.run([self.tools / "aws-lab", *words], check=True, env=self.environment, stdout=subprocess.DEVNULL)

    def _seed(self):
        home = self.regions[0]
        if home != "us-east-1":
            # The seed makes this bucket without naming a place, which only us-east-1 allows, and its trail needs it.
            place = {"LocationConstraint": home}
            self.client("s3", home).create_bucket(Bucket="acme-trail-logs", CreateBucketConfiguration=place)
        command = [CACHE / "venv/bin/python", self.tools / "seed_aws.py", "--endpoint", self.url, "--quiet"]
        command += ["--scale", str(self.scale), "--regions", ",".join(self.regions), "--report", self.seed_report]
        subprocess.run(command, check=True, env=self.environment, stdout=subprocess.DEVNULL)

    def client(self, service, region):
        """A client of the SDK."""
        if boto3 is None:
            sys.exit(f"run this with {CACHE}/venv/bin/python, which has boto3 (`aws-lab start` installs it)")
        if (service, region) not in self._clients:
            # s3control puts the account before the host name; aws-lab writes 123456789012.localhost to /etc/hosts.
            url = self.url.replace("127.0.0.1", "localhost") if service == "s3control" else self.url
            config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}, inject_host_prefix=False)
            self._clients[service, region] = boto3.client(service, region_name=region, endpoint_url=url, config=config)
        return self._clients[service, region]

    def all(self, service, region, operation, key, **request):
        """The items of all pages of a list call."""
        client = self.client(service, region)
        if client.can_paginate(operation):
            return list(client.get_paginator(operation).paginate(**request).search(f"{key}[]"))
        return getattr(client, operation)(**request)[key]

    def faults(self, rules):
        """Switches faults on; an empty list switches them off. `emulator.py` explains the rules."""
        if not rules:
            self.faults_file.unlink(missing_ok=True)
            return
        # The emulator counts `times` per rule for as long as it lives: a comment makes each use a rule of its own.
        stamp = time.monotonic_ns()
        rules = [{**rule, "match": f"{rule['match']}(?#{stamp}-{n})"} for n, rule in enumerate(rules)]
        self.faults_file.write_text(json.dumps(rules))

    def calls(self):
        """What the log has of calls since the last `forget_calls`."""
        return [json.loads(line) for line in self.log.read_text().splitlines()[getattr(self, "_seen", 0):]]

    def forget_calls(self):
        """Makes `calls` begin here."""
        self._seen = len(self.log.read_text().splitlines())


class Run:
    """What one run of our program left."""

    def __init__(self, code, out, err, seconds, cpu, peak_mb):
        self.code, self.out, self.err, self.seconds = code, out, err, seconds
        self.cpu, self.peak_mb = cpu, peak_mb
        self.take({})

    def take(self, document):
        """Keeps what the report of a scan says."""
        self.resources, self.coverage = document.get("resources", []), document.get("coverage", [])
        self.score = document.get("secureScore")
        self.controls = {r["id"]: r["control"] for r in document.get("recommendations", [])}
        self.assessments = {(a["recommendation"], a["resource"]): a for a in document.get("assessments", [])}

    @property
    def ids(self):
        return {one["id"] for one in self.resources}

    def statuses(self, recommendation):
        """The status of each resource under a recommendation."""
        return {id_: a["status"] for (name, id_), a in self.assessments.items() if name == recommendation}


class Child:
    """A process in the background: `child`."""

    def kill(self):
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()

    def stop(self):
        if self.child.poll() is None:
            self.child.terminate()
            self.child.wait(60)


def peak_of(pid):
    """The most memory that a process has had so far, in KiB; 0 if it has ended or is not yet our program."""
    try:
        fields = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
        return int(fields["VmHWM"].split()[0]) if not fields["Name"].strip().startswith("python") else 0
    except (OSError, KeyError, ValueError):
        return 0


class Program:
    """Our program."""

    def __init__(self, path, lab):
        self.path, self.lab = str(pathlib.Path(path).resolve()), lab
        self.is_example = pathlib.Path(path).name == "lab"

    def run(self, *words):
        """Runs it to its end and measures this child alone."""
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            begin = time.monotonic()
            child = subprocess.Popen([self.path, *map(str, words)], env=self.lab.environment, stdout=out, stderr=err, text=True)
            done, peak_kb = 0, 0
            while not done:
                # Not from the usage: there the kernel counts what this Python had when the child was made.
                peak_kb = max(peak_kb, peak_of(child.pid))
                time.sleep(0.01)
                done, status, usage = os.wait4(child.pid, os.WNOHANG)
            child.returncode = os.waitstatus_to_exitcode(status)
            seconds = time.monotonic() - begin
            out.seek(0)
            err.seek(0)
            return Run(child.returncode, out.read(), err.read(), seconds, usage.ru_utime + usage.ru_stime, peak_kb / 1024)

    def scan(self, regions=None, check=True):
        """One assessment without a store."""
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "out.json"
            regions = ",".join(regions or self.lab.regions)
            if self.is_example:
                run = self.run(self.lab.url, "--regions", regions, "--json", file)
            else:
                run = self.run("scan", "aws", "--endpoint-url", self.lab.url, "--regions", regions, "--format", "json", "--out", file)
            document = json.loads(file.read_text()) if file.exists() and file.stat().st_size else None
        if check and (run.code != 0 or document is None):
            sys.exit(f"our program ended with {run.code}:\n{run.err[-2000:]}\n{run.out[-2000:]}")
        run.take(document or {})
        return run

    def connect(self, data, regions=None):
        """Puts the lab into a new store."""
        regions = ",".join(regions or self.lab.regions)
        return self.run("connect", "aws", "--data", data, "--name", "lab", "--endpoint-url", self.lab.url, "--regions", regions)

    def up_once(self, data):
        """Collects every connector into the store."""
        return self.run("up", "--once", "--data", data)

    def rows(self, data, what):
        """The rows of `changes` or `inventory`, with heads in small letters."""
        run = self.run(what, "--data", data, "--format", "json")
        if run.code != 0:
            sys.exit(f"`skywarden {what}` ended with {run.code}: {run.err}")
        return [{head.lower(): cell for head, cell in row.items()} for row in json.loads(run.out)]


def table(heads, rows):
    """Prints rows under heads, each column as wide as its widest cell; numbers to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(head), *(len(row[n]) for row in cells)) if cells else len(head) for n, head in enumerate(heads)]
    print("  ".join(head.ljust(width) for head, width in zip(heads, widths)).rstrip())
    for row, raw in zip(cells, rows):
        parts = [c.rjust(w) if isinstance(r, (int, float)) else c.ljust(w) for c, w, r in zip(row, widths, raw)]
        print("  ".join(parts).rstrip())


def finish(n_passed, n_failed):
    """The last line and the exit code."""
    print(f"{n_passed} passed, {n_failed} failed")
    sys.exit(1 if n_failed else 0)


def twice(items):
    """What is there more than once."""
    return sorted(item for item, n in collections.Counter(items).items() if n > 1)
