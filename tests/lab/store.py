"""The store after a run: what no command prints as a whole is read from its SQLite file, read-only."""

import json
import pathlib
import sqlite3


class State:
    """Everything that the store holds of the connector `lab` at one moment."""

    def __init__(self, data):
        file = pathlib.Path(data) / "skywarden.db"
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as store:
            rows = store.execute("SELECT id, type_name, stale_since, document FROM resources WHERE connector = 'lab'").fetchall()
            self.types = {id_: type_name for id_, type_name, _, _ in rows}
            self.stale = {id_ for id_, _, stale, _ in rows if stale}
            self._fields = {
                (id_, one["field"]): json.dumps(one["reason"])
                for id_, _, _, document in rows
                for one in json.loads(document).get("unreadable", [])
            }
            documents = store.execute(
                "SELECT a.document FROM assessments a JOIN resources r ON r.id = a.resource WHERE r.connector = 'lab'"
            )
            assessments = [json.loads(document) for (document,) in documents]
            self.assessments = {(a["recommendation"], a["resource"]): a for a in assessments}
            changes = store.execute("SELECT at, document FROM transitions WHERE connector = 'lab'")  # the command stops at 500
            self.changes = [(at, json.loads(document)["kind"]) for at, document in changes]
            score = store.execute("SELECT document FROM scores WHERE connector = 'lab' ORDER BY at DESC LIMIT 1").fetchone()
            self.score = json.loads(score[0]) if score else None
            coverage = store.execute("SELECT document FROM coverage WHERE connector = 'lab'").fetchone()
            self.coverage = json.loads(coverage[0]) if coverage else []

    @property
    def ids(self):
        return set(self.types)

    def status(self, recommendation, resource):
        assessment = self.assessments.get((recommendation, resource))
        return assessment["status"] if assessment else None

    def unknown(self):
        """The keys of assessments that are Unknown."""
        return {key for key, a in self.assessments.items() if a["status"] == "Unknown"}

    def unread(self):
        """What could not be read: fields of resources and whole lists, each with the reason."""
        lists = {
            (one["type"], one["region"]): json.dumps(one["outcome"])
            for one in self.coverage
            if one["outcome"]["state"] not in ("complete", "skipped")
        }
        return {**self._fields, **lists}

    def by_control(self, controls):
        """For each (control, resource) whether it is Unhealthy, else Unknown, else Healthy; NotApplicable does not count."""
        order = {"Healthy": 0, "Unknown": 1, "Unhealthy": 2}
        worst = {}
        for (recommendation, resource), assessment in self.assessments.items():
            if assessment["status"] in order:
                key = (controls[recommendation], resource)
                worst[key] = max(worst.get(key, "Healthy"), assessment["status"], key=order.get)
        return worst


def settled(program, data):
    """The state when the estate has come to rest: the emulator takes some things for made after they were asked for a few times."""
    for _ in range(6):
        program.up_once(data)
    before = State(data)
    program.up_once(data)
    start = State(data)
    moved = [key for key, a in start.assessments.items() if a["status"] != before.status(*key)]
    if moved:
        raise SystemExit(f"the estate does not come to rest: {moved[:3]}")
    return start
