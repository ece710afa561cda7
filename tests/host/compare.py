#!/usr/bin/env python3
"""Judges a machine with Skywarden, lynis and OpenSCAP, and compares them rule by rule.

    compare.py --skywarden target/debug/skywarden [--oscap RESULTS.xml] [--lynis REPORT.dat] [--save DIR]

Without --oscap and --lynis the tools are run (as root; OpenSCAP takes minutes). Which of their tests asks what ours asks is in
pairs.tsv, with the reason for each difference that is known. Ends with 1 if a difference has no reason.
"""
import argparse
import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

HERE = pathlib.Path(__file__).parent
SSG = pathlib.Path("/usr/share/xml/scap/ssg/content")
STREAM = "ssg-ubuntu2204"
PROFILE = "xccdf_org.ssgproject.content_profile_cis_level2_server"
RULE = "xccdf_org.ssgproject.content_rule_"


def run_oscap(folder):
    """No data stream of Debian's packages knows Debian 12. Ubuntu 22.04 is its nearest kin: its checks run without its
    test of the platform, which would make all of them not applicable."""
    for part in ["oval", "ocil", "cpe-oval"]:
        (folder / f"{STREAM}-{part}.xml").write_bytes((SSG / f"{STREAM}-{part}.xml").read_bytes())
    text = (SSG / f"{STREAM}-xccdf.xml").read_text()
    (folder / f"{STREAM}-xccdf.xml").write_text(re.sub(r"<(?:xccdf-1\.2:)?platform [^>]*/>", "", text))
    results = folder / "oscap.xml"
    command = ["oscap", "xccdf", "eval", "--profile", PROFILE, "--results", str(results), f"{STREAM}-xccdf.xml"]
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return results


def run_lynis(folder):
    report = folder / "lynis.dat"
    command = ["lynis", "audit", "system", "--quiet", "--no-colors", "--report-file", str(report), "--logfile", str(folder / "lynis.log")]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return report


def read_oscap(path):
    found = {}
    for _, element in ElementTree.iterparse(path):
        if element.tag.endswith("}rule-result"):
            result = next((child.text for child in element if child.tag.endswith("}result")), "")
            if result != "notselected":
                found[element.get("idref", "").removeprefix(RULE)] = result
    return found


def read_lynis(path):
    """What ran, and the lines that complain; a pair names a test, or `TEST:WORD` for one of its complaints."""
    executed, complaints = set(), collections.defaultdict(list)
    for line in path.read_text(errors="replace").splitlines():
        key, _, value = line.partition("=")
        if key == "tests_executed":
            executed.update(value.split("|"))
        elif key in ("suggestion[]", "warning[]", "details[]"):
            test, _, rest = value.partition("|")
            complaints[test].append(rest)
    return executed, complaints


def verdict_of_lynis(test, executed, complaints):
    name, _, word = test.partition(":")
    if name not in executed:
        return "not run"
    hits = [line for line in complaints[name] if not word or re.search(rf"(?<![\w.-]){re.escape(word)}(?![\w.-])", line)]
    return "fail" if hits else "pass"


def read_skywarden(binary):
    output = subprocess.run([binary, "scan", "host", "--walk", "--format", "json"], stdout=subprocess.PIPE, check=True).stdout
    report = json.loads(output)
    found = {}
    for row in report["assessments"]:
        found[row["recommendation"]] = row["status"]
        for finding in row.get("findings") or []:
            found[finding["id"]] = finding["status"]
    return found


def verdict_of_ours(rules, found):
    statuses = [found[rule] for rule in rules]
    for status, verdict in [("Unhealthy", "fail"), ("Unknown", "unknown"), ("Healthy", "pass")]:
        if status in statuses:
            return verdict
    return "not applicable"


def read_pairs(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line and not line.startswith("#"):
            parts = line.split("\t")
            if len(parts) not in (3, 4):
                sys.exit(f"{path}:{number}: expected tool, test, our rules and perhaps a reason, separated by tabs")
            yield parts[0], parts[1], parts[2].split(","), parts[3] if len(parts) == 4 else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--skywarden", required=True)
    parser.add_argument("--oscap", type=pathlib.Path)
    parser.add_argument("--lynis", type=pathlib.Path)
    parser.add_argument("--save", type=pathlib.Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.save or pathlib.Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        oscap = read_oscap(arguments.oscap or run_oscap(folder))
        executed, complaints = read_lynis(arguments.lynis or run_lynis(folder))
    ours = read_skywarden(arguments.skywarden)

    counts, unexplained = collections.Counter(), []
    print(f"{'tool':6} {'their test':58} {'theirs':9} {'ours':15} our rules")
    for tool, test, rules, reason in read_pairs(HERE / "pairs.tsv"):
        missing = [rule for rule in rules if rule not in ours]
        if missing:
            sys.exit(f"pairs.tsv: there is no rule {missing[0]}")
        if tool == "oscap":
            theirs = oscap.get(test, "not run")
        else:
            theirs = verdict_of_lynis(test, executed, complaints)
        mine = verdict_of_ours(rules, ours)
        if theirs not in ("pass", "fail"):
            outcome = "not judged by them"
        elif theirs == mine:
            outcome = "agree"
        elif reason:
            outcome = "differ, explained"
        else:
            outcome = "differ"
            unexplained.append(test)
        counts[outcome] += 1
        print(f"{tool:6} {test:58} {theirs:9} {mine:15} {','.join(rules)}")
        if outcome.startswith("differ"):
            print(f"       {reason or 'NOT EXPLAINED'}")
    print()
    for outcome, number in sorted(counts.items()):
        print(f"{number:4} {outcome}")
    print(f"{sum(counts.values()):4} pairs")
    if unexplained:
        sys.exit(1)


if __name__ == "__main__":
    main()
