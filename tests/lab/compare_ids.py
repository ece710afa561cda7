"""Every resource of every supported AWS type is found: none missing, none twice, none extra, none in a wrong region.

Compares the ids of our scan with what the SDK's own list calls answer in each region, as types.tsv says (see sdk.py). Nothing in
that table is taken from our collector specs but the form of ids that AWS itself has none for. A type that the emulator serves must
have been listed completely; one that it does not serve (found by asking with the SDK) is named apart, and our scan must not call it
complete. A type that the content has and types.tsv lacks fails.

    $HOME/.cache/aws-lab/venv/bin/python compare_ids.py --skywarden PATH [--port 5701] [--scale 2] [--regions a,b,c]
"""

import json
import pathlib
import re
import sys

import sdk
from lab import Lab, Program, arguments, finish, table, twice

COLLECTORS = pathlib.Path(__file__).resolve().parents[2] / "content/collectors/aws"
LISTED = ("complete", "skipped")


def supported_types():
    """The types that the content says how to collect."""
    texts = (file.read_text() for file in COLLECTORS.rglob("*.yaml"))
    return {found[1] for text in texts if (found := re.search(r"^type: (\S+)", text, re.MULTILINE))}


def compare(type_name, expected, found):
    """Counts of what differs, and what differs in words."""
    expected_ids, found_ids = {id_ for id_, _ in expected}, {id_ for id_, _ in found}
    missing, extra = sorted(expected_ids - found_ids), sorted(found_ids - expected_ids)
    doubles, places = twice([id_ for id_, _ in found]), {}
    for id_, region in expected:
        places.setdefault(id_, set()).add(region)
    misplaced = [
        f"{id_} is in {', '.join(sorted(places[id_]))}, ours {region}"
        for id_, region in found if id_ in places and not places[id_] & {region, sdk.UNNAMED}
    ]
    words = {"missing": missing, "extra": extra, "twice": doubles, "misplaced": misplaced}
    return [len(some) for some in words.values()], [f"{type_name} {word}: {one}" for word, some in words.items() for one in some]


def main():
    options = arguments(__doc__).parse_args()
    with Lab(options) as lab:
        before = sdk.look(lab)
        run = Program(options.skywarden, lab).scan()
        after = sdk.look(lab)
    if before.ids != after.ids:
        sys.exit("the estate changed during the scan; nothing can be said")
    ours, not_listed = {}, {}
    for one in run.resources:
        region = None if one.get("location") in (None, "global") else one["location"]
        ours.setdefault(one["type"], []).append((one["id"], region))
    for coverage in run.coverage:
        if coverage["outcome"]["state"] not in LISTED:
            not_listed.setdefault(coverage["type"], []).append(f"{coverage['region']}: {json.dumps(coverage['outcome'])}")
    notes = {row["type"]: row["note"] for row in sdk.rows()}
    types = sorted(supported_types() | set(notes) | set(ours))
    served, unserved, problems = [], [], []
    for type_name in types:
        expected, found = before.ids.get(type_name, []), ours.get(type_name, [])
        if type_name not in notes:
            problems.append(f"{type_name} has no row in types.tsv")
            served.append([type_name, "-", len(found), "-", "-", "-", "-", "FAIL", "no row in types.tsv"])
            continue
        if type_name in before.unserved:
            is_claimed = type_name not in not_listed
            if is_claimed or found:
                problems.append(f"{type_name} is not served, but ours {'calls it listed' if is_claimed else f'has {found[:2]}'}")
            unserved.append([type_name, before.unserved[type_name], "FAIL" if is_claimed or found else "said to be unread"])
            continue
        counts, words = compare(type_name, expected, found)
        gaps = not_listed.get(type_name, [])
        problems += words + [f"{type_name} {gap}" for gap in gaps]
        verdict = "FAIL" if any(counts) or gaps else "ok"
        served.append([type_name, len(set(id_ for id_, _ in expected)), len(found), *counts, verdict, notes[type_name]])
    table(["type", "SDK", "ours", "missing", "extra", "twice", "misplaced", "", ""], served)
    print("\nnot served by the emulator, as the SDK found")
    table(["type", "operation and answer", "ours"], unserved)
    print("\n".join(problems[:60]))
    n_failed = sum(row[-2] == "FAIL" for row in served)
    n_claimed = sum(row[-1] == "FAIL" for row in unserved)
    with_some = sum(row[1] not in ("-", 0) for row in served)
    total = sum(row[1] for row in served if row[1] != "-")
    print(f"{len(served)} types are served, {with_some} of them hold {total} resources; {len(unserved)} are not served and counted apart")
    finish(len(served) - n_failed, n_failed + n_claimed)


if __name__ == "__main__":
    main()
