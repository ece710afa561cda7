"""Logs in a bucket that a queue tells of: each event is archived once and each alert raised once, over a kill and messages that come twice.

Makes a bucket, a queue and the bucket's notification in an empty lab, starts `skywarden up` with an input `s3`, and puts packed trail
files as CloudTrail writes them: everyday calls, and in one an attack, whose record is that of a detection's own test. When the alert is
there the server is killed while it reads a large object, and started again; then an object is put anew with the same content, a message
comes a second time, and one more object is put. The emulator sends S3's notifications to the queue itself; only the message that
comes twice is sent by this script.

    $HOME/.cache/aws-lab/venv/bin/python logs.py --skywarden PATH [--port 5711]
"""

import contextlib
import gzip
import json
import pathlib
import re
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request

from lab import Child, Lab, Program, arguments, finish, table

SECONDS = 120
BUCKET, QUEUE = "lab-trail", "lab-trail-told"
DETECTION = "aws-cloudtrail-stopped"
CONTENT = pathlib.Path(__file__).resolve().parents[2] / "content/detections/Arm" / f"{DETECTION}.yaml"
# A large object is being read when the server is killed. An alert names a thousand events at most.
N_LARGE, PER_USER = 10_000, 500
EVERYTHING = """title: everything
id: 6f0d6f0a-5f0e-4d0f-9d56-0d2f1c1b7a55
logsource: { product: aws, service: cloudtrail }
level: low
detection: { every: { eventID|exists: true }, condition: every }
"""


class Server(Child):
    """`skywarden up` in the background, and its API."""

    def __init__(self, program, data, log):
        self.data, self.log = pathlib.Path(data), log
        begin = len(self._said())
        command = [program.path, "up", "--data", data, "--listen", "127.0.0.1:0", "--every", "86400"]
        environment = {**program.lab.environment, "SKYWARDEN_LOG": "warn,aws_config=error"}
        self.child = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        found = until(lambda: re.search(r"https://127\.0\.0\.1:\d+", self._said()[begin:]) or self.child.poll() is not None, 300)
        address = re.search(r"https://127\.0\.0\.1:\d+", self._said()[begin:])
        if found is None or not address:
            raise SystemExit(f"`skywarden up` did not start:\n{self._said()}")
        self.url = address[0]

    def _said(self):
        return pathlib.Path(self.log.name).read_text()

    def ask(self, path):
        context = ssl.create_default_context(cafile=self.data / "tls/ca.pem")
        headers = {"Authorization": f"Bearer {(self.data / 'api-token').read_text().strip()}"}
        with urllib.request.urlopen(urllib.request.Request(self.url + path, headers=headers), context=context, timeout=30) as answer:
            return json.load(answer)

    def alerts(self):
        return [alert for alert in rows(self.ask("/api/v1/alerts")) if DETECTION in json.dumps(alert)]

    def input(self):
        return next((one for one in rows(self.ask("/api/v1/logInputs")) if one.get("id") == "trail"), {})


class Trail:
    """The bucket to which CloudTrail writes, and the queue that hears of it."""

    def __init__(self, lab):
        home = lab.regions[0]
        self.s3, self.sqs, self.put_ids = lab.client("s3", home), lab.client("sqs", home), []
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": home})
        self.queue = self.sqs.create_queue(QueueName=QUEUE)["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        told = [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        self.s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": told})
        self.url = f"{lab.url}/{lab.account}/{QUEUE}"

    def put(self, name, records):
        self.put_ids += [record["eventID"] for record in records]
        body = gzip.compress(json.dumps({"Records": records}).encode(), mtime=0)
        key = f"AWSLogs/111122223333/CloudTrail/eu-central-1/2026/03/01/{name}.json.gz"
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body, ContentEncoding="gzip", ContentType="application/json")
        return key

    def tell(self, key):
        """Sends what S3 would send once more."""
        etag = self.s3.head_object(Bucket=BUCKET, Key=key)["ETag"].strip('"')
        object_ = {"key": key, "size": 1, "eTag": etag, "sequencer": "0055AED6DCD90281E5"}
        s3 = {"s3SchemaVersion": "1.0", "configurationId": "c", "bucket": {"name": BUCKET, "arn": f"arn:aws:s3:::{BUCKET}"}, "object": object_}
        record = {"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-central-1", "eventName": "ObjectCreated:Put", "s3": s3}
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=json.dumps({"Records": [record]}))

    def held(self):
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)


def rows(answer):
    return answer if isinstance(answer, list) else answer.get("items") or answer.get("value") or answer.get("rows") or []


def until(holds, seconds=SECONDS):
    """Waits until something holds; the seconds that it took, `None` if it did not."""
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        with contextlib.suppress(OSError):
            if holds():
                return time.monotonic() - begin
        time.sleep(0.1)
    return None


def attack():
    """The record of the detection's first attack."""
    text = re.search(r"- record: (\{.*?\n          \})", CONTENT.read_text(), re.S)[1]
    return json.loads(re.sub(r"([{,]\s*)([A-Za-z]+):", r'\1"\2":', text).replace("${time}", "2026-03-01T08:00:00Z").replace("${n}", "1"))


def calm(name, n):
    """Everyday records."""
    record = {**attack(), "eventSource": "ec2.amazonaws.com", "eventName": "DescribeInstances", "readOnly": True, "requestParameters": None}
    who = lambda number: {**record["userIdentity"], "arn": f"arn:aws:iam::111122223333:user/{name}-{number // PER_USER}"}
    ids = lambda number: {"eventID": f"{name}-{number}", "requestID": f"{name}-{number}"}
    return [{**record, **ids(number), "userIdentity": who(number)} for number in range(n)]


def archived(program, data):
    """How many events are archived, and the ids of all: a rule that every event fires names them in its alerts."""
    rule = pathlib.Path(data) / "everything.yml"
    rule.write_text(EVERYTHING)
    run = program.run("detect", "--archive", pathlib.Path(data) / "archive", "--rules", rule, "--only-rules", "--format", "json")
    if run.code != 0:
        raise SystemExit(f"`skywarden detect --archive` ended with {run.code}: {run.err}")
    alerts = [json.loads(line) for line in run.out.splitlines() if line.startswith("{")]
    ids = [id_ for alert in alerts for id_ in alert.get("events", [])]
    n_events = re.search(r"([\d,_]+) (?:records|events)", run.err)
    return int(re.sub(r"\D", "", n_events[1])) if n_events else -1, ids


def main():
    parser = arguments(__doc__)
    parser.set_defaults(port=5711)
    options = parser.parse_args()
    steps, checks = [], []

    def check(what, is_ok, told=""):
        checks.append(bool(is_ok))
        steps.append([what, told, "ok" if is_ok else "FAIL"])

    with EmptyLab(options) as lab, tempfile.TemporaryDirectory() as data, open(pathlib.Path(data) / "up.log", "w") as log:
        program, trail = Program(options.skywarden, lab), Trail(lab)
        (pathlib.Path(data) / "settings.toml").write_text(
            f'[[logs.inputs]]\nid = "trail"\nsource = "aws-cloudtrail"\nfrom.kind = "s3"\nfrom.watch.queue.url = "{trail.url}"\n'
            f'from.watch.queue.hiddenFor = 3\nfrom.login.region = "{lab.regions[0]}"\nfrom.login.endpointUrl = "{lab.url}"\n'
        )
        server = Server(program, data, log)
        try:
            trail.put("first", calm("first", 200))
            attacked = trail.put("attack", [*calm("before", 50), attack(), *calm("behind", 50)])
            seconds = until(server.alerts)
            check("the alert is there", seconds is not None, f"{seconds or 0:.1f} s after the object")
            alert = next(iter(server.alerts()), {})

            trail.put("large", calm("large", N_LARGE))
            until(lambda: trail.held() > 0, 5)
            server.kill()
            check("killed with a message left", trail.held() > 0, f"{trail.held()} in the queue")
            server = Server(program, data, log)
            trail.put("attack", [*calm("before", 50), attack(), *calm("behind", 50)])
            trail.tell(attacked)
            trail.put("last", calm("last", 10))
            seconds = until(lambda: trail.held() == 0)
            check("the queue is empty", seconds is not None, f"{trail.held()} left, {seconds or 0:.1f} s after the start")
            # What is in the journal is safe, and not looked at yet.
            seconds = until(lambda: (server.input().get("lastReceived") or "") and server.input()["nEvents"] >= N_LARGE + 10)
            check("all is looked at", seconds is not None, f"{seconds or 0:.1f} s later")
            after = server.alerts()
            check("one alert, the same as before", len(after) == 1 and after[0].get("id") == alert.get("id"), f"{len(after)} of {DETECTION}")
            status = server.input()
            server.stop()
            (n_archived, ids), wanted = archived(program, data), set(trail.put_ids)
            named = set(ids)
            check("each event is archived", wanted == named, f"{len(wanted)} put, {len(named & wanted)} archived, {len(named - wanted)} others")
            check("none twice", n_archived == len(wanted) and len(ids) == len(named), f"{n_archived} in the archive")
            letters = pathlib.Path(data) / "ingest/dead-letters/trail.jsonl"
            n_bad = len(letters.read_text().splitlines()) if letters.exists() else 0
            check("nothing is bad", n_bad == 0, f"{n_bad} letters, {status.get('nEvents')} events and {status.get('nRepeated')} repeats since the kill")
        finally:
            server.stop()
            if not all(checks):
                print(pathlib.Path(log.name).read_text()[-3000:], file=sys.stderr)
    table(["what", "figures", ""], steps)
    finish(sum(checks), len(checks) - sum(checks))


class EmptyLab(Lab):
    """A lab without the seed's estate: the logs need none of it."""

    def _seed(self):
        pass


if __name__ == "__main__":
    main()
