#!/usr/bin/env python3
"""Recomputes the secure score from a report of `skywarden scan --format json`, by the documented formulas and none of our code.

usage: recompute_score.py REPORT.json      exit 0 if every number agrees to four decimals, else 1 with the differences

Per control: a resource with an Unhealthy assessment is unhealthy; else one with an Unknown unknown; else one with a Healthy healthy.
A failed listing counts as one unknown resource in each control that has a stable recommendation over its type.
current = max * healthy / (healthy + unhealthy); the range takes all unknown resources as unhealthy, then as healthy, and is
[0, max] where a listing failed, since it may hide any number. Several subscriptions: the mean of their percentages, weighed by their
healthy and unhealthy resources.
"""
import json
import sys

RANK = ["NotApplicable", "Healthy", "Unknown", "Unhealthy"]


def main(path):
    report = json.load(open(path, encoding="utf-8"))
    problems = []
    for subscription in report["subscriptions"]:
        own = {row["id"] for row in report["resources"]
               if (row["scope"]["connector"], row["scope"]["account"]) == (subscription["connector"], subscription["account"])}
        part = {
            "recommendations": report["recommendations"],
            "assessments": [row for row in report["assessments"] if row["resource"] in own],
            "coverage": [entry for entry in report["coverage"] if entry["account"] == subscription["account"]],
            "secureScore": subscription["secureScore"],
        }
        problems.extend(f"{subscription['account']}: {problem}" for problem in differences(part))
    problems.extend(overall(report))
    score = report["secureScore"]
    print("\n".join(problems) or f"agrees: {score['percentage']:.4f} in {score['range']}, coverage {score['coverage']:.4f}")
    return 1 if problems else 0


def overall(report):
    """All subscriptions together: sum(current / max * weight) / sum(weight)."""
    scores = [subscription["secureScore"] for subscription in report["subscriptions"]]
    judged = [score for score in scores if score["max"]]
    weight = sum(score["weight"] for score in judged)
    expected = sum(score["current"] / score["max"] * score["weight"] for score in judged) / weight if weight else 0
    found = report["secureScore"]["percentage"]
    if f"{expected:.4f}" != f"{found:.4f}":
        yield f"all together: recomputed {expected:.4f}, reported {found:.4f}"
    low, high = report["secureScore"]["range"]
    if not low <= found <= high:
        yield f"all together: {found} is not between {low} and {high}"


def differences(report):
    stable = {row["id"]: row for row in report["recommendations"] if row["maturity"] == "stable"}
    standing = {}
    for row in report["assessments"]:
        recommendation = stable.get(row["recommendation"])
        if recommendation is None:
            continue
        is_mitigated = (row.get("cause") or {}).get("code") == "ExemptMitigated"
        status = "Healthy" if is_mitigated else row["status"]
        key = (recommendation["control"], row["resource"])
        standing[key] = max(standing.get(key, "NotApplicable"), status, key=RANK.index)
    unlisted = {}
    for entry in report["coverage"]:
        if entry["outcome"]["state"] in ("failed", "partial"):
            for control in {row["control"] for row in stable.values() if row["type"] == entry["type"]}:
                unlisted[control] = unlisted.get(control, 0) + 1
    problems = []

    def agree(what, expected, found):
        if f"{expected:.4f}" != f"{found:.4f}":
            problems.append(f"{what}: recomputed {expected:.4f}, reported {found:.4f}")

    score = report["secureScore"]
    current = maximum = low = high = widest = known = pairs = 0.0
    for control in score["controls"]:
        verdicts = [status for (own, _), status in standing.items() if own == control["id"]]
        healthy, unhealthy = verdicts.count("Healthy"), verdicts.count("Unhealthy")
        unknown = verdicts.count("Unknown") + unlisted.get(control["id"], 0)
        for name, count in (("healthy", healthy), ("unhealthy", unhealthy), ("unknown", unknown)):
            agree(f"{control['id']} {name}", count, control[name])
        points, seen = control["max"], healthy + unhealthy + unknown
        if healthy + unhealthy:
            own = points * healthy / (healthy + unhealthy)
            agree(f"{control['id']} current", own, control["current"])
            current, maximum = current + own, maximum + points
        is_hidden = unlisted.get(control["id"], 0) > 0
        own_range = [0, points] if is_hidden else [points * healthy / seen, points * (healthy + unknown) / seen]
        agree(f"{control['id']} range from", own_range[0], control["range"][0])
        agree(f"{control['id']} range to", own_range[1], control["range"][1])
        low, high, widest = low + own_range[0], high + own_range[1], widest + points
        if points:
            known, pairs = known + healthy + unhealthy, pairs + seen
    agree("percentage", current / maximum if maximum else 0, score["percentage"])
    agree("range from", low / widest if widest else 0, score["range"][0])
    agree("range to", high / widest if widest else 0, score["range"][1])
    agree("coverage", known / pairs if pairs else 1, score["coverage"])
    missing = {own for (own, _), status in standing.items() if status != "NotApplicable"} - {row["id"] for row in score["controls"]}
    problems.extend(f"the control {name} is missing from the score" for name in sorted(missing))
    return problems


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
