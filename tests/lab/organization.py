"""Every account of an organisation is read; broken ones are said and stop nobody; memory does not grow with their number.

Makes an organisation of N accounts in the emulator, plants a bucket, a queue and a network in each, and breaks three of them in a
proxy before the emulator: the role of one may not be assumed, all calls of one are refused, one answers every call with a server
error. Then a new account joins and one is suspended. Compares what each account's connector has with the SDK's own view.

    $HOME/.cache/aws-lab/venv/bin/python organization.py --skywarden PATH [--port 5706] [--accounts 40] [--ten-times]
"""

import http.client
import http.server
import json
import pathlib
import re
import socketserver
import sys
import tempfile
import threading
import urllib.parse

import boto3
from lab import Lab, Program, arguments, finish, table

ROLE = "SkywardenReader"
REGION = "us-east-1"
KEY_OF = re.compile(r"Credential=([^/]+)/")


class Proxy(http.server.BaseHTTPRequestHandler):
    """Passes requests on, and breaks those of some accounts."""

    protocol_version = "HTTP/1.1"
    target, denied_roles, denied, failing, keys = None, set(), set(), set(), {}

    def log_message(self, *_):
        pass

    def _answer(self, status, headers, body):
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("transfer-encoding", "content-length", "connection", "server", "date"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _refuse(self, status, code):
        is_json = "json" in self.headers.get("Content-Type", "") or "X-Amz-Target" in self.headers
        xml = f"<ErrorResponse><Error><Code>{code}</Code><Message>broken on purpose</Message></Error></ErrorResponse>"
        body = json.dumps({"__type": code, "message": "broken on purpose"}) if is_json else xml
        kind = "application/x-amz-json-1.1" if is_json else "text/xml"
        self._answer(status, [("Content-Type", kind), ("x-amzn-errortype", code)], body.encode())

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        form = urllib.parse.parse_qs(body.decode("utf-8", "replace")) if b"Action=AssumeRole" in body else {}
        role_account = form.get("RoleArn", [""])[0].split(":")[4] if form.get("RoleArn") else None
        if role_account in self.denied_roles:
            return self._refuse(403, "AccessDenied")
        key = KEY_OF.search(self.headers.get("Authorization", ""))
        account = self.keys.get(key.group(1)) if key else None
        is_identity = b"Action=GetCallerIdentity" in body
        if account in self.denied and not is_identity:
            return self._refuse(403, "AccessDenied")
        if account in self.failing and not is_identity:
            return self._refuse(500, "InternalFailure")
        onward = http.client.HTTPConnection(*self.target, timeout=120)
        onward.request(self.command, self.path, body, {n: v for n, v in self.headers.items() if n.lower() != "connection"})
        answer = onward.getresponse()
        data = answer.read()
        if role_account and answer.status == 200:
            found = re.search(rb"<AccessKeyId>([^<]+)</AccessKeyId>", data)
            self.keys[found.group(1).decode()] = role_account
        self._answer(answer.status, answer.getheaders(), data)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = handle_any


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 256


def client(lab, service, credentials=None):
    keys = {}
    if credentials:
        keys = dict(aws_access_key_id=credentials["AccessKeyId"], aws_secret_access_key=credentials["SecretAccessKey"],
                    aws_session_token=credentials["SessionToken"])
    return boto3.client(service, region_name=REGION, endpoint_url=lab.url, **keys)


def enter(lab, account):
    arn = f"arn:aws:iam::{account}:role/{ROLE}"
    return client(lab, "sts").assume_role(RoleArn=arn, RoleSessionName="lab")["Credentials"]


def plant(lab, account):
    """Something of three services in an account, which the SDK sees there."""
    credentials = enter(lab, account)
    client(lab, "s3", credentials).create_bucket(Bucket=f"data-{account}")
    client(lab, "sqs", credentials).create_queue(QueueName=f"jobs-{account}")
    vpc = client(lab, "ec2", credentials).create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    return {f"arn:aws:s3:::data-{account}", f"arn:aws:sqs:{REGION}:{account}:jobs-{account}", f"arn:aws:ec2:{REGION}:{account}:vpc/{vpc}"}


def make_accounts(lab, n, prefix):
    organizations = client(lab, "organizations")
    ids = []
    for number in range(n):
        made = organizations.create_account(Email=f"{prefix}{number}@example.com", AccountName=f"{prefix}-{number}")
        ids.append(made["CreateAccountStatus"]["AccountId"])
    return ids


class Rows:
    def __init__(self):
        self.rows, self.n_failed = [], 0

    def check(self, what, holds, told=""):
        self.rows.append([what, "ok" if holds else "FAIL", told])
        self.n_failed += not holds

    def end(self):
        table(["what", "", "found"], self.rows)
        finish(len(self.rows) - self.n_failed, self.n_failed)


def connect(program, lab, data, url):
    words = ["connect", "aws", "--organization", "--data", data, "--endpoint-url", url, "--regions", REGION]
    run = program.run(*words)
    if run.code != 0:
        sys.exit(f"connect ended with {run.code}: {run.err}")


def inventory_by_account(program, data):
    by_account = {}
    for row in program.rows(data, "inventory"):
        by_account.setdefault(row["account"], set()).add(row["id"])
    return by_account


def main():
    parser = arguments(__doc__, scale=0)
    parser.set_defaults(port=5706, regions=REGION)
    parser.add_argument("--accounts", type=int, default=40)
    parser.add_argument("--ten-times", action="store_true", help="run once more with ten times the accounts and compare memory")
    options = parser.parse_args()
    rows = Rows()
    with Lab(options) as lab:
        program = Program(options.skywarden, lab)
        # The seed has made the organisation, with its own account and one more.
        before = client(lab, "organizations").get_paginator("list_accounts").paginate().build_full_result()["Accounts"]
        accounts = [one["Id"] for one in before if one["Id"] != lab.account]
        accounts += make_accounts(lab, options.accounts - len(before), "a")
        planted = {account: plant(lab, account) for account in accounts}
        Proxy.target = ("127.0.0.1", lab.port)
        Proxy.denied_roles, Proxy.denied, Proxy.failing = ({accounts[n]} for n in (3, 6, 8))
        broken = Proxy.denied_roles | Proxy.denied | Proxy.failing
        server = Server(("127.0.0.1", 0), Proxy)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        with tempfile.TemporaryDirectory() as folder:
            data = pathlib.Path(folder) / "data"
            connect(program, lab, data, url)
            run = program.up_once(data)
            said = run.out + run.err
            (pathlib.Path(tempfile.gettempdir()) / "organization.txt").write_text(said)
            found = inventory_by_account(program, data)
            whole = [a for a in accounts if a not in broken and planted[a] <= found.get(a, set())]
            own = lab.account in found
            n_whole = len(whole) + own
            rows.check("accounts read whole", n_whole == options.accounts - 3, f"{n_whole} of {options.accounts}")
            told = [a for a in sorted(broken) if re.search(rf"{a}.*(reads failed|AccessDenied|could not|not)", said)]
            rows.check("broken accounts said by name", len(told) == 3, ", ".join(told))
            # The account's own public access block is there in every account; what it says could not be read.
            known = {id_ for a in broken for id_ in found.get(a, set()) if not id_.endswith(":public-access-block")}
            rows.check("nothing is known of the broken ones", not known, str(sorted(known)[:2]))
            foreign = [(a, id_) for a, ids in found.items() for id_ in ids if ":" in id_ and id_.split(":")[4] not in ("", a, "aws")]
            rows.check("no resource stands in another's account", not foreign, str(foreign[:2]))
            rows.check("all others are judged", f"account {whole[-1]}" in said)
            small_peak = run.peak_mb
            # One mends itself, a new one joins, one is suspended.
            Proxy.denied_roles = set()
            (new,) = make_accounts(lab, 1, "new")
            planted[new] = plant(lab, new)
            client(lab, "organizations").close_account(AccountId=accounts[5])
            run = program.up_once(data)
            found = inventory_by_account(program, data)
            rows.check("a new account is picked up", planted[new] <= found.get(new, set()) and f"{new} is new" in run.out)
            rows.check("an account that was mended is read", planted[accounts[3]] <= found.get(accounts[3], set()))
            rows.check("a suspended account leaves", accounts[5] not in found and accounts[5] in run.out)
            connectors = [row for row in program.rows(data, "connectors") if row["environment"].lower() == "aws"]
            rows.check("each account is a connector", len(connectors) == options.accounts + 1, f"{len(connectors)} with the organisation's")
            # The list of accounts fails: nothing may be removed.
            lab.faults([{"match": "organizations .*", "status": 403, "code": "AccessDeniedException"}])
            before = inventory_by_account(program, data)
            run = program.up_once(data)
            lab.faults([])
            rows.check("without the list of accounts nothing leaves", inventory_by_account(program, data) == before and "accounts that are known stay" in run.err)
        if options.ten_times:
            for account in make_accounts(lab, options.accounts * 9, "x"):
                plant(lab, account)
            with tempfile.TemporaryDirectory() as folder:
                data = pathlib.Path(folder) / "data"
                connect(program, lab, data, url)
                run = program.up_once(data)
                n_accounts = len(inventory_by_account(program, data))
                told = f"{small_peak:.0f} MB with {options.accounts}, {run.peak_mb:.0f} MB with {n_accounts}; {run.cpu:.1f} s CPU"
                rows.check("memory is flat at ten times the accounts", run.peak_mb < small_peak * 1.3, told)
        server.shutdown()
    rows.end()


if __name__ == "__main__":
    main()
