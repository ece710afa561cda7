"""Beside Prowler on the same emulator: pairs of checks that ask the same must agree on every resource, or the difference is explained.

prowler-pairs.tsv names the pairs: Prowler's check, our recommendation, a note (who is right and why, where they are known to
differ) and a regular expression that limits the note to the disagreements whose line it is found in. A pair may have several rows.
The last column, join, says how the two name the same thing: nothing is the same ARN, `account` and `region` one verdict for each of
these, `tail` the region and the last word of the ARN, `family` the ARN without a revision at its end. A disagreement without a note
fails, and so does a pair of which no resource is joined.

    $HOME/.cache/aws-lab/venv/bin/python prowler.py --skywarden PATH [--running] [--prowler-output DIR] [--pairs TEXT] [--counts FILE]

PASS is Healthy and FAIL is Unhealthy; MANUAL, Unknown and NotApplicable are counted apart. Where we say Unknown and theirs decides, or
NotApplicable and theirs fails, a note must explain it too. Several findings of a check on one resource
count as FAIL if one fails. Prowler is installed to $HOME/.cache/prowler-venv once. With `--running`, what it found in this run of the
lab is kept under $HOME/.cache/aws-lab and used again while nobody has changed the estate.
"""

import collections
import csv
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

from lab import CACHE, Lab, Program, arguments, finish, table

VERSION = "5.46.0"
VENV = pathlib.Path.home() / ".cache/prowler-venv"
PAIRS = pathlib.Path(__file__).with_name("prowler-pairs.tsv")
HEADS = ["prowler_check", "recommendation", "note", "regex", "join"]
JOINS = ["", "account", "family", "region", "tail"]
# The seed's own regions: Prowler asks services without regions in us-east-1 only.
REGIONS = "us-east-1,eu-west-1,ap-southeast-2"
OURS_AS = {"PASS": "Healthy", "FAIL": "Unhealthy"}
APART = ["NotApplicable", "Unknown"]
# Names of operations that change an estate, as the lab's log writes them.
WRITES = re.compile(r"(^|[._])(Create|Put|Delete|Modify|Update|Attach|Detach|Run|Start|Stop|Authorize|Revoke|Enable|Disable)|^(PUT|DELETE) ")


class Pair:
    """A check and a recommendation that ask the same, with what is known about their differences."""

    def __init__(self, check, recommendation, join):
        self.check, self.recommendation, self.join = check, recommendation, join
        self.notes = []

    def note_for(self, line):
        """The first note that covers this disagreement."""
        for note in self.notes:
            if note["regex"].search(line):
                note["n_used"] += 1
                return note["text"]
        return None


def read_pairs(wanted):
    """The pairs of the table of which check or recommendation contains `wanted`."""
    pairs = {}
    with PAIRS.open(newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        if rows.fieldnames != HEADS:
            sys.exit(f"{PAIRS}:1: the columns must be {', '.join(HEADS)}")
        for n, row in enumerate(rows, start=2):
            if None in row or None in row.values() or row["join"] not in JOINS:
                sys.exit(f"{PAIRS}:{n}: the row has not five columns, or join is none of {', '.join(JOINS[1:])}")
            if row["regex"] and not row["note"]:
                sys.exit(f"{PAIRS}:{n}: an expression without a note limits nothing")
            key = row["prowler_check"], row["recommendation"]
            pair = pairs.setdefault(key, Pair(*key, row["join"]))
            if pair.join != row["join"]:
                sys.exit(f"{PAIRS}:{n}: another row of this pair joins otherwise")
            if row["note"]:
                pair.notes.append({"text": row["note"], "regex": re.compile(row["regex"]), "line": n, "n_used": 0})
    return [pair for key, pair in sorted(pairs.items()) if wanted in " ".join(key)]


def install():
    """Prowler's own Python with Prowler in it."""
    program = VENV / "bin/prowler"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        subprocess.run(["nice", VENV / "bin/pip", "install", "-q", f"prowler=={VERSION}"], check=True)
    found = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    if VERSION not in found:
        sys.exit(f"{program} is not of version {VERSION} but says: {found.strip()}")
    return program


def stamp(lab):
    """Names this run of the lab and the state of its estate: its first call and how many calls have written since."""
    with lab.log.open() as log:
        first = log.readline()
        n_writes = bool(WRITES.search(json.loads(first)["op"])) if first else 0
        n_writes += sum(bool(WRITES.search(json.loads(line)["op"])) for line in log)
    return hashlib.sha256(f"{first} {n_writes} {lab.regions} {VERSION}".encode()).hexdigest()[:12]


def run_prowler(lab):
    """The folder with what Prowler found on the lab as it is now."""
    folder = CACHE / f"prowler-{lab.port}-{stamp(lab)}"
    if (folder / "done").exists():
        print(f"Prowler's output of the same lab is used again: {folder}")
        return folder
    for stale in CACHE.glob(f"prowler-{lab.port}-*"):
        shutil.rmtree(stale)
    program = install()
    folder.mkdir(parents=True, exist_ok=True)
    environment = {
        **lab.environment,
        "AWS_ENDPOINT_URL": lab.url,
        # The account stands before the host name there, which an address of digits can't have.
        "AWS_ENDPOINT_URL_S3_CONTROL": lab.url.replace("127.0.0.1", "localhost"),
        "AWS_DEFAULT_REGION": lab.regions[0],
    }
    command = ["nice", program, "aws", "--region", *lab.regions, "--output-formats", "json-ocsf"]
    command += ["--output-directory", folder, "--output-filename", "prowler", "--no-banner", "--no-color", "--ignore-exit-code-3"]
    # Without this flag it says nothing of VPCs, groups and functions that it takes for unused. One retry: the emulator's errors stay.
    command += ["--scan-unused-services", "--aws-retries-max-attempts", "1"]
    command += ["--log-level", "ERROR", "--log-file", folder / "prowler.log"]
    begin = time.monotonic()
    lab.forget_calls()
    with (folder / "stdout.txt").open("w") as out:
        child = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"prowler ended with {child.returncode}; see {folder}/stdout.txt")
    cost = {
        "cpu": usage.ru_utime + usage.ru_stime,
        "seconds": time.monotonic() - begin,
        "peak_mb": usage.ru_maxrss / 1024,
        "calls": len(lab.calls()),
    }
    (folder / "done").write_text(json.dumps(cost))
    return folder


def read_findings(folder):
    """For each check its findings: resource id, region, status, its own words."""
    files = sorted(folder.glob("*.ocsf.json"))
    if len(files) != 1:
        sys.exit(f"{folder} has {len(files)} files *.ocsf.json, not one")
    checks = collections.defaultdict(list)
    for one in json.loads(files[0].read_text()):
        words = " ".join(one["status_detail"].split())
        subject = one["resources"][0]
        checks[one["metadata"]["event_code"]].append((subject["uid"], subject["region"], one["status_code"], words))
    return checks


def shared_name(join, id_, region, account):
    """What the two have in common when they name one thing."""
    # Some of AWS's answers name a log group with this end, which stands for the streams in it.
    id_ = id_.removesuffix(":*")
    names = {"": id_, "account": account, "region": region}
    names |= {"family": re.sub(r":[0-9]+$", "", id_), "tail": f"{region} {re.split('[/:]', id_)[-1]}"}
    return names[join]


def folded(findings):
    """One status and the words for it: FAIL before MANUAL before PASS."""
    order = ["FAIL", "MANUAL", "PASS"]
    found = sorted(findings, key=lambda finding: order.index(finding[0]))
    return found[0]


def theirs_of(pair, checks, account):
    """What the check says of each thing."""
    by_name = collections.defaultdict(list)
    ids = collections.defaultdict(set)
    for uid, region, status, words in checks.get(pair.check, []):
        name = shared_name(pair.join, uid, region, account)
        by_name[name].append((status, words))
        ids[name].add(uid)
    if pair.join == "tail" and any(len(uids) > 1 for uids in ids.values()):
        sys.exit(f"{pair.check}: two of its resources end alike in one region; they can't be joined by tail")
    return {name: folded(findings) for name, findings in by_name.items()}


def ours_of(pair, run, account):
    """What the recommendation says of each thing."""
    places = {one["id"]: one.get("location") for one in run.resources}
    found = {}
    for (recommendation, id_), assessment in run.assessments.items():
        if recommendation == pair.recommendation:
            name = shared_name(pair.join, id_, places.get(id_), account)
            if name in found:
                sys.exit(f"{pair.recommendation} judges several resources of {name}; they can't be joined by {pair.join}")
            found[name] = assessment
    return found


def reason(assessment):
    """Why we say what we say, in one line."""
    if cause := assessment.get("cause"):
        return f"{cause.get('code')}: {cause.get('message')}"
    parts = [f"{e['field']} {e.get('expected', '')}: {json.dumps(e.get('actual'))}" for e in assessment.get("evidence", [])]
    return "; ".join(parts)[:300]


def compare(pair, checks, run, account):
    """The counts of a pair and what the two see differently as (line, note or None)."""
    theirs, ours = theirs_of(pair, checks, account), ours_of(pair, run, account)
    counts = collections.Counter()
    disagreements = []
    for id_ in sorted(set(theirs) | set(ours)):
        if id_ not in ours:
            counts["only theirs"] += 1
            continue
        status = ours[id_]["status"]
        if id_ not in theirs:
            counts[status if status in APART else "only ours"] += 1
            continue
        counts["joined"] += 1
        said, words = theirs[id_]
        if status in APART:
            counts[status] += 1
        elif said == "MANUAL":
            counts["manual"] += 1
        else:
            counts["agree" if OURS_AS[said] == status else "disagree"] += 1
        agreed = said == "MANUAL" or OURS_AS[said] == status or (said, status) == ("PASS", "NotApplicable")
        if not agreed:
            line = f"{id_}: theirs {said} ({words}), ours {status} ({reason(ours[id_])})"
            disagreements.append((line, pair.note_for(line)))
    return counts, disagreements


COLUMNS = ["joined", "agree", "disagree", "only theirs", "only ours", "NotApplicable", "Unknown", "manual"]


def main():
    parser = arguments(__doc__)
    parser.set_defaults(regions=REGIONS, port=5801)
    parser.add_argument("--prowler-output", help="a folder with Prowler's json-ocsf output of this lab")
    parser.add_argument("--pairs", default="", help="only the pairs with this text in the name of one of the two")
    parser.add_argument("--counts", help="write the counts, as JSON, to this file")
    options = parser.parse_args()
    pairs = read_pairs(options.pairs)
    with Lab(options) as lab:
        folder = pathlib.Path(options.prowler_output) if options.prowler_output else run_prowler(lab)
        checks = read_findings(folder)
        lab.forget_calls()
        run = Program(options.skywarden, lab).scan()
        n_calls = len(lab.calls())
        account = lab.account
    known = set(run.controls)
    rows, blocks, failures, total = [], [], [], collections.Counter()
    n_explained = n_unexplained = 0
    for pair in pairs:
        name = f"{pair.check} / {pair.recommendation}"
        counts, disagreements = compare(pair, checks, run, account)
        total += counts
        unexplained = [line for line, note in disagreements if note is None]
        n_unexplained += len(unexplained)
        n_explained += len(disagreements) - len(unexplained)
        faults = list(unexplained)
        if pair.recommendation not in known:
            faults.append("we have no such recommendation")
        elif not counts["joined"]:
            faults.append("no resource is joined")
        failures += [f"{name}: {fault}" for fault in faults]
        verdict = "FAIL" if faults else "explained" if disagreements else "ok" if counts["agree"] else "apart"
        rows.append([pair.check, pair.recommendation, *(counts[column] for column in COLUMNS), verdict])
        by_note = collections.defaultdict(list)
        for line, note in disagreements:
            by_note[note or "NO EXPLANATION"].append(line)
        for note, lines in sorted(by_note.items()):
            blocks.append("\n".join([name, f"  {note}", *(f"    {line}" for line in lines)]))
    table(["Prowler's check", "our recommendation", *COLUMNS, ""], rows)
    print("\n" + "\n".join(blocks) + "\n")
    unused = [f"{PAIRS.name}:{note['line']}" for pair in pairs for note in pair.notes if not note["n_used"]]
    if unused:
        print(f"notes without a disagreement in this run: {', '.join(unused)}")
    costs = {"ours": {"cpu": run.cpu, "peak_mb": run.peak_mb, "seconds": run.seconds, "calls": n_calls}}
    if (folder / "done").exists():
        costs["Prowler"] = json.loads((folder / "done").read_text())
    units = {"cpu": "CPU s", "peak_mb": "peak MB", "seconds": "wall s", "calls": "calls"}
    table(["", *units.values()], [[name, *(f"{round(cost[unit], 2):g}" for unit in units)] for name, cost in sorted(costs.items())])
    print(f"{len(pairs)} pairs; verdicts of both on one resource: {', '.join(f'{total[column]} {column}' for column in COLUMNS)}")
    print(f"seen differently: {n_explained} explained, {n_unexplained} not")
    if options.counts:
        counts = {column: total[column] for column in COLUMNS}
        verdicts = dict(collections.Counter(row[-1] for row in rows))
        heads = ["check", "recommendation", *COLUMNS, "verdict"]
        summary = {"pairs": len(pairs), "verdicts": verdicts, **counts, "explained": n_explained, "unexplained": n_unexplained}
        table_of_pairs = [dict(zip(heads, row, strict=True)) for row in rows]
        document = {**summary, "cost": costs, "by_pair": table_of_pairs}
        pathlib.Path(options.counts).write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
    print("\n".join(failures[:60]))
    finish(sum(row[-1] != "FAIL" for row in rows), len(failures))


if __name__ == "__main__":
    main()
