"""Every AWS recommendation of Defender for Cloud: the recommendation of ours that answers it, or why none can.

Reads shared/reference/recommendations_aws.tsv beside the checkout, `defender:` of our files and the reasons in defender-rows.tsv.
A row with neither fails, and so does a reason that names no row or a title under `defender:` that is none.

    $HOME/.cache/aws-lab/venv/bin/python defender_rows.py [--reference FILE] [--quiet]
"""

import argparse
import pathlib
import sys

import yaml

HERE = pathlib.Path(__file__).resolve().parent
CONTENT = HERE.parents[1] / "content/recommendations/aws"
REFERENCE = HERE.parents[2] / "shared/reference/recommendations_aws.tsv"


def answers():
    """Our recommendations by the title that they answer."""
    by_title = {}
    for file in sorted(CONTENT.glob("*/*.yaml")):
        one = yaml.safe_load(file.read_text())
        for title in one.get("defender", []):
            by_title.setdefault(title, []).append(one["id"])
    return by_title


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", default=REFERENCE, type=pathlib.Path)
    parser.add_argument("--quiet", action="store_true", help="only what is not answered")
    options = parser.parse_args()
    if not options.reference.exists():
        print(f"SKIPPED: {options.reference} is not there")
        return
    rows = [line.split("\t") for line in options.reference.read_text().splitlines()[1:]]
    titles = [row[1] for row in rows]
    reasons = dict(line.split("\t") for line in (HERE / "defender-rows.tsv").read_text().splitlines()[1:])
    by_title = answers()
    problems = [f"`{title}` is no row of the reference" for title in [*by_title, *reasons] if title not in titles]
    for row in rows:
        title = row[1]
        answered = ", ".join(by_title.get(title, []))
        told = answered or f"NONE: {reasons.get(title, '')}"
        if not answered and title not in reasons:
            problems.append(f"`{title}` has neither a recommendation nor a reason")
        if not (options.quiet and answered):
            print(f"{row[0]:16} {row[2]:7} {title}\n    -> {told}")
    n_answered = sum(title in by_title for title in titles)
    print("\n".join(problems))
    print(f"{len(titles)} rows: {n_answered} answered, {len(titles) - n_answered} with a reason")
    print(f"{len(titles) - len(problems)} passed, {len(problems)} failed")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
