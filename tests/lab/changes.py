"""A port that is opened is told within a minute of the record of it, with three calls at most.

Connects a seeded lab through a proxy that counts calls, starts `skywarden up` with a followed file as its log of CloudTrail, and
changes things by real calls of the SDK. The emulator writes no trail: the record that AWS would deliver is written by this script,
with the fields that AWS documents for the event. Then: a security group opened is Unhealthy, closed Healthy; a bucket made is there,
deleted it is gone; a burst of a thousand records about one group is read once or twice; a forged record of a deletion removes
nothing; what was told just before the server is killed is read by the next one; at the end a whole scan changes no verdict.

    $HOME/.cache/aws-lab/venv/bin/python changes.py --skywarden PATH [--port 5709] [--scale 2]
"""

import contextlib
import json
import pathlib
import sqlite3
import subprocess
import tempfile
import time
import uuid

from lab import Child, Lab, Program, arguments, finish, table
from proxy import Proxy

SECONDS = 60
CALLS = 3
SSH = "aws-ec2-security-group-ssh"


class Trail:
    """The file that stands for the bucket to which CloudTrail delivers."""

    def __init__(self, folder, lab):
        self.file, self.lab = pathlib.Path(folder) / "trail.jsonl", lab
        self.file.touch()

    def write(self, source, name, request, response=None, times=1, **more):
        home, account = self.lab.regions[0], self.lab.account
        record = {
            "eventVersion": "1.11",
            "userIdentity": {"type": "IAMUser", "arn": f"arn:aws:iam::{account}:user/operator", "accountId": account, "userName": "operator"},
            "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "eventSource": f"{source}.amazonaws.com",
            "eventName": name,
            "awsRegion": home,
            "sourceIPAddress": "192.0.2.10",
            "requestParameters": request,
            "responseElements": response,
            "readOnly": False,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": account,
            "eventCategory": "Management",
            **more,
        }
        with self.file.open("a") as out:
            for _ in range(times):
                out.write(json.dumps({**record, "eventID": str(uuid.uuid4()), "requestID": str(uuid.uuid4())}) + "\n")


class Server(Child):
    """`skywarden up` in the background."""

    def __init__(self, program, data, log):
        self.data, self.log = data, log
        command = [program.path, "up", "--data", data, "--listen", "127.0.0.1:0", "--every", "600"]
        environment = {**program.lab.environment, "SKYWARDEN_LOG": "warn,aws_config=error,skywarden::changes=info"}
        self.child = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def wait(self):
        until(lambda: "kept in" in pathlib.Path(self.log.name).read_text() or self.child.poll() is not None, 300)
        if self.child.poll() is not None:
            raise SystemExit(f"`skywarden up` ended with {self.child.returncode}:\n{pathlib.Path(self.log.name).read_text()}")
        time.sleep(3)  # logins are opened


def until(holds, seconds):
    """Waits until something holds; the seconds that it took, `None` if it did not."""
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        if holds():
            return time.monotonic() - begin
        time.sleep(0.05)
    return None


def ask(data, statement, *values):
    with contextlib.closing(sqlite3.connect(f"file:{pathlib.Path(data) / 'skywarden.db'}?mode=ro", uri=True)) as store:
        return store.execute(statement, values).fetchall()


def status(data, recommendation, resource):
    rows = ask(data, "SELECT status FROM assessments WHERE recommendation = ? AND resource = ?", recommendation, resource)
    return rows[0][0] if rows else None


def verdicts(data):
    """Every verdict of the lab with its evidence and cause, by its key."""
    statement = "SELECT a.resource, a.recommendation, a.document FROM assessments a JOIN resources r ON r.id = a.resource WHERE r.connector = 'lab'"
    return {(resource, recommendation): json.loads(document)["status"] for resource, recommendation, document in ask(data, statement)}


def documents(data):
    return dict(ask(data, "SELECT id, document FROM resources WHERE connector = 'lab'"))


def main():
    parser = arguments(__doc__)
    parser.set_defaults(port=5709)
    options = parser.parse_args()
    checks, rows = [], []
    with Lab(options) as lab, tempfile.TemporaryDirectory() as data, Proxy(lab.port) as proxy:
        home, account = lab.regions[0], lab.account
        program, trail = Program(options.skywarden, lab), Trail(data, lab)
        direct, lab.url = lab.url, proxy.url
        connected = program.connect(data)
        lab.url = direct
        if connected.code != 0:
            raise SystemExit(f"`connect` ended with {connected.code}: {connected.err}")
        (pathlib.Path(data) / "settings.toml").write_text(
            f'[[logs.inputs]]\nid = "trail"\nsource = "aws-cloudtrail"\nfrom.kind = "file"\nfrom.paths = ["{trail.file}"]\nfrom.lookEvery = 500\n'
        )
        ec2, s3 = lab.client("ec2", home), lab.client("s3", home)
        group = ec2.create_security_group(GroupName="changes", Description="opened and closed by changes.py")["GroupId"]
        resource = f"arn:aws:ec2:{home}:{account}:security-group/{group}"
        rule = [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        wire = {"groupId": group, "ipPermissions": {"items": [{"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}]}}

        def step(what, act, holds, most_calls=CALLS):
            """Acts, waits until it is told, and counts the calls."""
            proxy.calls.clear()
            act()
            seconds = until(holds, SECONDS)
            time.sleep(2)  # calls that come after it are counted as well
            names = " ".join(sorted({call.operation.split("?")[-1] if "?" in call.operation else call.operation for call in proxy.calls}))
            is_ok = seconds is not None and len(proxy.calls) <= most_calls
            checks.append(is_ok)
            rows.append([what, f"{seconds:.1f}" if seconds is not None else "never", len(proxy.calls), most_calls, names[:90], "ok" if is_ok else "FAIL"])

        def authorize():
            ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rule)
            trail.write("ec2", "AuthorizeSecurityGroupIngress", wire, {"_return": True})

        def revoke():
            ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=rule)
            trail.write("ec2", "RevokeSecurityGroupIngress", wire, {"_return": True})

        with open(pathlib.Path(data) / "up.log", "w") as log:
            server = Server(program, data, log)
            try:
                server.wait()
                before = status(data, SSH, resource)
                checks.append(before == "Healthy")
                print(f"{'ok  ' if before == 'Healthy' else 'FAIL'} the group stands {before} before it is opened")
                step("port 22 opened", authorize, lambda: status(data, SSH, resource) == "Unhealthy")
                step("port 22 closed", revoke, lambda: status(data, SSH, resource) == "Healthy")

                bucket, bucket_id = f"changes-{account}", f"arn:aws:s3:::changes-{account}"
                place = {"LocationConstraint": home}

                def make():
                    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
                    trail.write("s3", "CreateBucket", {"bucketName": bucket})

                def open_bucket():
                    anyone = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"{bucket_id}/*"}
                    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [anyone]}))
                    trail.write("s3", "PutBucketPolicy", {"bucketName": bucket})

                def remove():
                    s3.delete_bucket(Bucket=bucket)
                    trail.write("s3", "DeleteBucket", {"bucketName": bucket})

                is_there = lambda: bucket_id in documents(data)
                # A new bucket has a dozen settings, each a call of its own.
                step("a bucket made", make, is_there, 13)
                step("it is made public", open_bucket, lambda: status(data, "aws-s3-bucket-public", bucket_id) == "Unhealthy")
                step("it is deleted", remove, lambda: not is_there())

                iam, user = lab.client("iam", home), f"arn:aws:iam::{account}:user/user0-0000"
                key_id = iam.list_access_keys(UserName="user0-0000")["AccessKeyMetadata"][0]["AccessKeyId"]
                names = {"userName": "user0-0000", "accessKeyId": key_id, "status": "Inactive"}

                def stop_key():
                    iam.update_access_key(UserName="user0-0000", AccessKeyId=key_id, Status="Inactive")
                    trail.write("iam", "UpdateAccessKey", names)

                def is_stopped():
                    keys = json.loads(documents(data)[user])["properties"]["AccessKeys"]
                    return any(key["AccessKeyId"] == key_id and key["Status"] == "Inactive" for key in keys)

                step("an access key switched off", stop_key, is_stopped)

                def burst():
                    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rule)
                    trail.write("ec2", "AuthorizeSecurityGroupIngress", wire, {"_return": True}, times=1000)

                step("a thousand records about the group", burst, lambda: status(data, SSH, resource) == "Unhealthy")

                ids = set(documents(data))
                proxy.calls.clear()
                trail.write("ec2", "DeleteSecurityGroup", {"groupId": group}, {"_return": True})
                until(lambda: proxy.calls, SECONDS)
                time.sleep(3)
                is_ok = set(documents(data)) == ids and len(proxy.calls) == 1
                checks.append(is_ok)
                print(f"{'ok  ' if is_ok else 'FAIL'} a forged record of a deletion removes nothing ({len(proxy.calls)} call)")

                # Killed as soon as the journal has it, at whatever point the change then is.
                revoke()
                time.sleep(0.7)
                server.kill()
                # Only what the record says may lead to the new verdict: the first run of the next server is a whole scan, so the
                # row in the store is what tells that nothing was lost.
                left = ask(data, "SELECT due_at IS NOT NULL FROM changes WHERE document LIKE ?", f"%{group}%")
                server = Server(program, data, log)
                server.wait()
                again = until(lambda: status(data, SSH, resource) == "Healthy" and not ask(data, "SELECT 1 FROM changes WHERE due_at IS NOT NULL"), SECONDS)
                checks.append(again is not None)
                print(f"{'ok  ' if again is not None else 'FAIL'} after a kill the change is settled by the next server (rows before: {left})")
                noise = [line for line in pathlib.Path(log.name).read_text().splitlines() if " WARN " in line or " ERROR " in line]
                for line in noise[:5]:
                    print(f"  {line[:200]}")
                n_told = pathlib.Path(log.name).read_text().count("read again, since it is said to have changed")
                checks.append(n_told >= 6)
                print(f"{'ok  ' if n_told >= 6 else 'FAIL'} {n_told} lines of the log tell what was read again")

                # What was read piece by piece is what a whole scan sees.
                step("port 22 opened once more", authorize, lambda: status(data, SSH, resource) == "Unhealthy")
            finally:
                server.stop()
        pieces, seen = verdicts(data), documents(data)
        program.up_once(data)
        whole, whole_seen = verdicts(data), documents(data)
        differ = sorted(key for key in pieces.keys() | whole.keys() if pieces.get(key) != whole.get(key))
        fields = sorted(id_ for id_ in seen.keys() | whole_seen.keys() if seen.get(id_) != whole_seen.get(id_))
        about = [id_ for id_ in fields if group in id_ or "changes" in id_]
        checks.append(not differ and not about)
        print(f"{'ok  ' if not differ and not about else 'FAIL'} a whole scan afterwards: {len(differ)} verdicts differ {differ[:4]}, {len(fields)} resources {fields[:3]}")
    table(["what happened", "seconds", "calls", "at most", "which", ""], rows)
    finish(sum(checks), len(checks) - sum(checks))


if __name__ == "__main__":
    main()
