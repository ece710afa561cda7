"""An account of AWS, a tenant of Azure and this host have one score, and Microsoft's own client shows all of it.

Scans a seeded lab, the testkit's server for Azure's protocol and this host into one report, and lets recompute_score.py compute its
scores. Then connects both, reads everything with `skywarden up`, and asks with the real `az`: each subscription of the report is an
account there, `az security secure-scores list` says the report's score of it, and `az security assessment list` has as many
assessments as the report. `--keep SECONDS` leaves the server up at the end, for whoever wants to look at the console.

    $HOME/.cache/aws-lab/venv/bin/python three.py --skywarden PATH --arm-server PATH [--az-client PATH] [--port 5709]
"""

import collections
import json
import pathlib
import subprocess
import sys
import tempfile
import time

from lab import Child, Lab, Program, arguments, finish, table

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "clients"))
from server import Server, start  # noqa: E402

# What the testkit's server knows the connector's application by.
CLIENT, SECRET = "51f06028-9e7a-4369-98ad-a10003bed298", "connector-secret"
# The API of secure scores has two decimals, as Defender's has.
CLOSE = 0.0051


class Azure(Child):
    """The server that speaks Azure's protocol, over plain HTTP on loopback."""

    def __init__(self, path):
        self.child = subprocess.Popen([path, "--scheme", "http"], stdout=subprocess.PIPE, text=True)
        line = self.child.stdout.readline()
        if not line:
            raise SystemExit(f"{path} did not start")
        self.about = json.loads(line)

    def login(self, folder):
        secret = pathlib.Path(folder) / "secret"
        secret.write_text(SECRET)
        return ["--cloud", self.about["url"], "--tenant", self.about["tenant"], "--client-id", CLIENT, "--client-secret-file", secret]


def main():
    parser = arguments(__doc__)
    parser.set_defaults(port=5709)
    parser.add_argument("--arm-server", required=True, help="the testkit's server for Azure's protocol")
    parser.add_argument("--az-client", default=str(ROOT.parent / "shared" / "tools" / "az-client"))
    parser.add_argument("--keep", type=int, default=0, help="seconds for which the server stays up at the end")
    options = parser.parse_args()
    checks = []

    def check(what, is_so, found):
        checks.append(bool(is_so))
        print(f"{'ok  ' if is_so else 'FAIL'} {what}: {found}", flush=True)

    with Lab(options) as lab, tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as data:
        azure = Azure(options.arm_server)
        try:
            program = Program(options.skywarden, lab)
            report = scanned(program, lab, azure, folder, check)
            connect(program, azure, folder, data)
            child, address = start(options.skywarden, data, ("--every", "3600"), lab.environment)
            try:
                compare(options, Server(options.skywarden, data, address), report, check)
                if options.keep:
                    print(f"{address} with the token in {data}/api-token, for {options.keep} s", flush=True)
                    time.sleep(options.keep)
            finally:
                child.terminate()
                child.wait()
        finally:
            azure.stop()
    finish(sum(checks), len(checks) - sum(checks))


def scanned(program, lab, azure, folder, check):
    """The report over all three, of which another program computes the scores."""
    file = pathlib.Path(folder) / "report.json"
    regions = ",".join(lab.regions)
    command = ["scan", "host", "aws", "azure", "--endpoint-url", lab.url, "--regions", regions, *azure.login(folder)]
    run = program.run(*command, "--format", "json", "--out", file)
    if run.code != 0:
        raise SystemExit(f"`scan` ended with {run.code}: {run.err[-2000:]}")
    report = json.loads(file.read_text())
    of = collections.Counter(row["scope"]["connector"] for row in report["resources"])
    check("one report over three environments", len(of) == 3, dict(of))
    recomputed = subprocess.run([sys.executable, ROOT / "crates/skywarden/tests/recompute_score.py", file], capture_output=True, text=True)
    check("its scores, computed by another program", recomputed.returncode == 0, recomputed.stdout.strip()[-300:])
    return report


def connect(program, azure, folder, data):
    for run in [program.connect(data), program.run("connect", "azure", "--data", data, "--name", "tenant", *azure.login(folder))]:
        if run.code != 0:
            raise SystemExit(f"`connect` ended with {run.code}: {run.err[-2000:]}")


def compare(options, server, report, check):
    """What `az` shows beside what the report says."""
    value = server.add_program("az", "Reader")
    login = [server.address, server.authority, value["tenant"], value["client id"], value["client secret"]]
    done = subprocess.run([options.az_client, "login", *login], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"az does not log in: {done.stdout[-500:]}{done.stderr[-1000:]}")

    def az(*words):
        answer = subprocess.run([options.az_client, "az", *words, "-o", "json"], capture_output=True, text=True)
        if answer.returncode:
            raise SystemExit(f"`az {' '.join(words)}` ended with {answer.returncode}: {answer.stderr[-1000:]}")
        return json.loads(answer.stdout)

    accounts, wanted = wait_for_accounts(az, report)
    check("each subscription of the report is an account", wanted <= len(accounts), f"{len(accounts)} accounts, {wanted} in the report")
    known, rows = by_score(report), []
    for account in accounts:
        scores = az("security", "secure-scores", "list", "--subscription", account["id"])
        assessments = az("security", "assessment", "list", "--subscription", account["id"])
        own = [(one["current"], one["max"]) for one in scores]
        rows.append([account["name"][:60], len(scores), *(f"{sum(side):.2f}" for side in zip(*own)), len(assessments)])
        known.take(own, len(assessments))
    table(["account", "scores", "current", "max", "assessments"], rows)
    check("the score of each subscription is the report's", not known.scores, f"not shown by az: {known.scores}")
    check("all assessments are listed", known.n_listed == known.n_assessments, f"{known.n_listed} of {known.n_assessments} in the report")


class Known:
    """What the report says and `az` has not shown yet."""

    def __init__(self, scores, n_assessments):
        self.scores, self.n_assessments, self.n_listed = scores, n_assessments, 0

    def take(self, shown, n_listed):
        self.n_listed += n_listed
        for current, most in shown:
            for score in self.scores:
                if abs(score[0] - current) < CLOSE and abs(score[1] - most) < CLOSE:
                    self.scores.remove(score)
                    break


def by_score(report):
    scores = [(own["secureScore"]["current"], own["secureScore"]["max"]) for own in report["subscriptions"]]
    return Known([score for score in scores if score[1]], len(report["assessments"]))


def wait_for_accounts(az, report):
    """The accounts, when there is one for each subscription of the report or after five minutes; and how many there have to be."""
    wanted = len(report["subscriptions"])
    for _ in range(60):
        accounts = az("account", "list", "--refresh")
        if len(accounts) >= wanted:
            break
        time.sleep(5)
    return accounts, wanted


if __name__ == "__main__":
    main()
