"""What the real `az` sees: logs in as a program, runs every command of `az security` and what stands around it, and reads again what it changed.

    python3 tests/clients/az.py --skywarden PATH --az-client PATH [--commands FILE] [--table FILE]

Starts `skywarden up --sample` on a free port with a data folder of its own, makes a program with the role Security Admin, logs in with
`az-client login` and runs what az_commands.py says: commands of built features in the machine's subscription and in the sample's, those of
features that are not there once. A built command must answer with rows or an object; what it changed must be seen by another command; the
others must fail with FeatureNotAvailable. Then it makes the program Owner and runs the life of a policy. FILE of `--commands` lists the
commands of `az security`, one a line: each that is none of IoT's must be in az_commands.py, and the other way round. `--table` writes what
came of each as Markdown. Prints the same, exits 1 on a surprise. `--only` leaves the other part out, `--show` prints what `az` says.
"""

import argparse
import json
import pathlib
import re
import shlex
import subprocess
import sys
from typing import NamedTuple

from az_commands import ANY, DONE, EACH, HIDDEN, LOCAL, MISSING, ONCE, POLICY, ROWS, Step
from server import running

# Commands of `az security` that azure-cli 2.91.0 has and the list has not.
NOT_LISTED = {"security atp storage show", "security atp storage update", "security atp cosmosdb show", "security atp cosmosdb update"}

# What the names of commands end with that change something.
CHANGES = {"add", "create", "create_or_update", "delete", "remove", "set", "trigger-scan", "update"}

# What has to be said of a command that is as it must be.
REMARKS = {HIDDEN: "`az` takes a 404 of this delete for success", LOCAL: "made by `az` alone, without the server"}


class Row(NamedTuple):
    """What came of a command. `wrong` is empty if it is as it must be."""

    command: str
    subscription: str
    exit: str
    outcome: str
    second_read: str
    wrong: str
    remark: str = ""

    def line(self):
        mark = f"  <- {self.wrong}" if self.wrong else ""
        seen = f"{'':33}seen by {self.second_read}\n" if self.second_read else ""
        return f"{self.exit:>2}  {self.outcome:28} {self.command}  ({self.subscription}){mark}\n{seen}"

    def markdown(self):
        cells = (f"`az {self.command}`", self.subscription, self.exit, self.outcome, self.second_read, self.wrong or self.remark)
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


class Az:
    """The real `az`, logged in, at one subscription. `words` are what commands have in braces."""

    def __init__(self, client, subscription, folder, is_shown):
        self.client, self.name, self.is_shown = client, subscription["name"], is_shown
        self.words = {"subscription": subscription["id"], "folder": str(folder)}

    def run(self, command):
        where = [] if command.startswith("account ") else ["--subscription", self.words["subscription"]]
        answer = az(self.client, *shlex.split(self.filled(command)), *where)
        if self.is_shown:
            print(f"$ az {self.filled(command)}\n{(answer.stdout or answer.stderr).strip()[:2000]}\n")
        return answer

    def carry_out(self, step):
        """Runs a command, and what it says of a change by another."""
        if unknown := [word for word in re.findall(r"\{([a-z]+)\}", step.command) if word not in self.words]:
            return Row(step.command, self.name, "", f"not asked: no {unknown[0]} here", "", "")
        answer = self.run(step.command)
        outcome, wrong = told(answer, step.wanted)
        seen = ""
        if step.learns and (found := re.search(step.learns, answer.stdout)):
            self.words |= found.groupdict()
        if step.read and not wrong:
            seen, wrong = self.second_read(step)
        return Row(step.command, self.name, str(answer.returncode), outcome, seen, wrong, REMARKS.get(step.wanted, ""))

    def second_read(self, step):
        """What the second read of a change prints, with what is wrong with it."""
        answer = self.run(step.read)
        shown = answer.stdout.strip() or "null"
        wanted = json.loads(self.filled(json.dumps(step.shows)))
        if answer.returncode:
            return "", f"the second read failed: {ending(answer.stderr)}"
        value = json.loads(shown)
        return f"`az {step.read}`: {json.dumps(value)}", "" if value == wanted else f"the second read shows not {json.dumps(wanted)}"

    def filled(self, text):
        return re.sub(r"\{([a-z]+)\}", lambda found: self.words.get(found.group(1), found.group()), text)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--skywarden", required=True)
    arguments.add_argument("--az-client", default="../shared/tools/az-client")
    arguments.add_argument("--commands", default="../shared/reference/az_security_commands.txt")
    arguments.add_argument("--table", type=pathlib.Path)
    arguments.add_argument("--only", choices=["security", "policy"])
    arguments.add_argument("--show", action="store_true")
    given = arguments.parse_args()
    mistakes = incomplete(pathlib.Path(given.commands)) + unread()
    with running(given.skywarden) as server:
        rows = run(given, server)
    asked = {row.command for row in rows if row.exit}
    mistakes += [f"no subscription could be asked: az {command}" for command in sorted({row.command for row in rows} - asked)]
    wrong = [row for row in rows if row.wrong]
    text = summary(rows)
    if given.table:
        lines = ["| command | subscription | exit | rows | second read | remark |\n|---|---|---|---|---|---|\n"] + [row.markdown() for row in rows]
        given.table.write_text("".join(lines) + f"\n{text}\n")
    print("".join(row.line() for row in wrong) + "\n".join([*mistakes, text]))
    return 1 if wrong or mistakes else 0


def incomplete(listed):
    """Commands that the list has and az_commands.py has not, and the other way round."""
    if not listed.exists():
        print(f"SKIPPED: whether every command is there, since there is no {listed}")
        return []
    known = {line.removeprefix("az ") for line in listed.read_text().splitlines() if line and not line.startswith("az security iot-")}
    known |= NOT_LISTED
    # A command's own words come before its options and what these say.
    own = {re.split(r" -", step.command)[0] for step in EACH + ONCE if step.command.startswith("security ")}
    return [f"not in az_commands.py: az {command}" for command in sorted(known - own)] + [
        f"not in {listed}: az {command}" for command in sorted(own - known)]


def unread():
    """Changes without a second read."""
    changes = [step for step in EACH + ONCE + POLICY if re.split(r" -", step.command)[0].split()[-1] in CHANGES]
    return [f"no second read of az {step.command}" for step in changes if step.wanted in (ROWS, ANY, DONE) and not step.read]


def run(given, server):
    value = server.add_program("az", "Security Admin")
    client = [given.az_client]
    login = subprocess.run(
        client + ["login", server.address, server.authority, value["tenant"], value["client id"], value["client secret"]],
        capture_output=True, text=True,
    )
    print(login.stdout or login.stderr)
    if login.returncode:
        raise SystemExit("az does not log in")
    known = json.loads(az(client, "account", "list").stdout)
    # The machine's first: it has what no account of AWS has.
    known.sort(key=lambda own: "sample" in own["name"].lower())
    subscriptions = [Az(client, own, server.folder, given.show) for own in known]
    rows = []

    def carry_out(at, steps):
        for step in steps:
            rows.append(at.carry_out(step))
            print(rows[-1].line(), end="", flush=True)

    if given.only != "policy":
        for subscription in subscriptions:
            carry_out(subscription, EACH)
        carry_out(subscriptions[0], ONCE)
    if given.only != "security":
        server.command("access", "grant", "az", "--role", "Owner", "--scope", "/")
        carry_out(subscriptions[0], [MACHINE])
        write_policies(subscriptions[0].words)
        carry_out(subscriptions[0], POLICY)
    return rows


# What policies are tried on.
MACHINE = Step("resource list --resource-type Skywarden.Host/machines", learns=r'"id": "(?P<resource>[^"]+/securityEntityData/[^"]+)"')


def write_policies(words):
    """The files that commands of policies read."""
    condition = {"allOf": [{"field": "type", "equals": "Skywarden.Host/machines"}, {"field": "tags.owner", "exists": "false"}]}
    definition = f"/subscriptions/{words['subscription']}/providers/Microsoft.Authorization/policyDefinitions/owner"
    files = {
        "rule.json": {"if": condition, "then": {"effect": "audit"}},
        "wrong.json": {"if": {"field": "type", "equls": "x"}, "then": {"effect": "audit"}},
        "set.json": [{"policyDefinitionId": definition, "policyDefinitionReferenceId": "owner"}],
    }
    for name, value in files.items():
        pathlib.Path(words["folder"], name).write_text(json.dumps(value))


def az(client, *words):
    return subprocess.run([*client, "az", *words, "-o", "json"], capture_output=True, text=True)


def told(answer, wanted):
    """What a command came to, and what is wrong with it."""
    if wanted == HIDDEN:
        return (MISSING, "") if MISSING in answer.stderr else ("done", f"the server did not say {MISSING}")
    is_code = wanted not in (ROWS, ANY, DONE, LOCAL)
    if answer.returncode:
        if is_code and wanted in answer.stderr:
            return wanted if wanted == MISSING else f"refused: {wanted}", ""
        return "failed", ending(answer.stderr)
    try:
        value = json.loads(answer.stdout or "null")
    except ValueError:
        return "failed", f"no JSON: {ending(answer.stdout)}"
    # The list of plans comes as the object that the server sends.
    value = value["value"] if isinstance(value, dict) and list(value) == ["value"] else value
    outcome = f"{len(value)} rows" if isinstance(value, list) else "done" if value is None else "an object"
    if is_code:
        return outcome, f"it did not fail with {wanted}"
    return outcome, "nothing came" if wanted in (ROWS, LOCAL) and not value else ""


def ending(text):
    return text.strip()[-300:].replace("\n", " ")


def summary(rows):
    """How many commands there are, and what came of them."""
    security = [row for row in rows if row.command.startswith("security ")]
    names = {re.split(r" -", row.command)[0] for row in security}
    missing = names - {re.split(r" -", row.command)[0] for row in security if row.outcome != MISSING}
    n_read = sum(bool(row.second_read) for row in rows)
    n_wrong = sum(bool(row.wrong) for row in rows)
    return (f"{len(rows)} runs, of {len(names)} commands of `az security` ({len(missing)} of them {MISSING}) and of others; "
            f"{n_read} changes seen by a second read; {n_wrong} surprises")


if __name__ == "__main__":
    sys.exit(main())
