"""The ways in which the real `az` logs in: by certificate, by managed identity, by a code on another device.

    python3 tests/clients/az_logins.py --skywarden PATH

Starts `skywarden up --sample` as az.py does. Needs azure-cli where `az-client login` installs it, and openssl. Each login is followed by
a read of the secure scores with it. Prints a line for each, exits 1 if one fails. Its settings of `az` are in a folder of its own.
"""

import argparse
import json
import os
import pathlib
import re
import ssl
import subprocess
import sys
import urllib.request

from server import running

PASSWORD = "tangled-otter-7-violin"


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--skywarden", required=True)
    arguments.add_argument("--az", default=pathlib.Path.home() / ".cache/az-client/cli/bin/az")
    given = arguments.parse_args()
    with running(given.skywarden) as server:
        return run(given, server)


def run(given, server):
    folder, address, authority, skywarden = server.folder, server.address, server.authority, server.command
    own = {"AZURE_CONFIG_DIR": str(folder / "az"), "AZURE_CORE_COLLECT_TELEMETRY": "no", "AZURE_CORE_NO_COLOR": "yes",
           "REQUESTS_CA_BUNDLE": str(authority), "SSL_CERT_FILE": str(authority)}
    az = lambda *words, **more: subprocess.run([given.az, *words], capture_output=True, text=True, env=os.environ | own | more)
    value = server.add_program("robot", "Reader")
    for words in (["cloud", "register", "-n", "skywarden", "--endpoint-resource-manager", address], ["cloud", "set", "-n", "skywarden"],
                  ["config", "set", "core.instance_discovery=false"]):
        answer = az(*words)
        if answer.returncode:
            raise SystemExit(answer.stderr)

    key, certificate, both = folder / "key.pem", folder / "certificate.pem", folder / "both.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
                    "-subj", "/CN=robot"], capture_output=True, check=True)
    both.write_text(key.read_text() + certificate.read_text())
    skywarden("access", "add-certificate", "robot", str(certificate))
    n_failed = 0

    def tried(name, login, **more):
        nonlocal n_failed
        scores = az("security", "secure-scores", "list", "-o", "json", **more)
        is_in = login.returncode == 0 and scores.returncode == 0 and len(json.loads(scores.stdout)) > 0
        n_failed += not is_in
        print(f"{'ok' if is_in else 'failed':8}{name}", "" if is_in else (login.stderr + scores.stderr)[-400:])
        az("logout")

    login = ["login", "--service-principal", "-u", value["client id"], "--certificate", str(both), "--tenant", value["tenant"]]
    tried("certificate", az(*login))
    identity = {"IDENTITY_ENDPOINT": f"{address}/identity/token", "IDENTITY_HEADER": skywarden("access", "token", "robot").strip()}
    tried("managed identity", az("login", "--identity", **identity), **identity)
    tried("code on another device", by_code(given, own, value["tenant"], address, authority, skywarden))
    return min(n_failed, 1)


def by_code(given, own, tenant, address, authority, skywarden):
    """Logs in with a code to which a person agrees in the console's words."""
    opener = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=authority)), urllib.request.HTTPCookieProcessor())

    def post(path, body):
        headers = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}
        opener.open(urllib.request.Request(address + path, json.dumps(body).encode(), headers)).read()

    invitation = re.search(r"code=(\S+)", skywarden("access", "add-user", "ann", "--role", "Owner", "--scope", "/")).group(1)
    post("/api/v1/password", {"code": invitation, "password": PASSWORD})
    post("/api/v1/sign-in", {"name": "ann", "password": PASSWORD})
    login = subprocess.Popen([given.az, "login", "--use-device-code", "--tenant", tenant, "-o", "none"], stderr=subprocess.PIPE, text=True,
                             env=os.environ | own)
    said = ""
    for line in login.stderr:
        said += line
        if found := re.search(r"enter the code (\S+)", line):
            post("/api/v1/device", {"code": found.group(1), "allow": True})
            break
    said += login.stderr.read()
    return subprocess.CompletedProcess(login.args, login.wait(), "", said)


if __name__ == "__main__":
    sys.exit(main())
