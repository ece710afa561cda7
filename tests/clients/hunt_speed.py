"""What hunting costs beside DuckDB on the same files: `hunt_speed.py FOLDER -- PROGRAM ARGUMENT...`.

PROGRAM gets the query as its last argument, with FOLDER and SQL put in for `{folder}` and `{sql}`:

    target/release/examples/speed fill /tmp/million 1000000
    target/duckdb/bin/python tests/clients/hunt_speed.py /tmp/million -- target/release/examples/speed ask {folder} {sql}

Each query is asked by a new process of each, five times in turn; printed are the best wall-clock time and the greatest peak memory of
whole processes, and how many times longer than DuckDB's (whose Python starts with it) hunting takes. The answers must be the same.
"""

import json
import os
import subprocess
import sys
import time

from duckdb_archive import events, shown

QUERIES = {
    "count": "SELECT count(*) FROM events",
    "one hour": "SELECT count(*), min(src_ip), max(src_ip) FROM events WHERE date = '2026-03-01' AND hour = 11 AND operation = 'StopLogging'",
    "group by": "SELECT actor, operation, count(*), min(time), max(time) FROM events GROUP BY 1, 2 ORDER BY 1, 2",
    "in JSON": "SELECT count(*) FROM events WHERE raw LIKE '%StopLogging%' AND raw LIKE '%service007%'",
}

ROUNDS = 5


def measured(command):
    """Seconds, peak memory in MB and what a new process printed."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command[0]} failed")
    return time.monotonic() - began, usage.ru_maxrss / 1024, printed.decode()


def ask(folder, sql):
    for row in events(folder).execute(sql).fetchall():
        print(json.dumps([shown(value) for value in row]))


def main():
    if sys.argv[1] == "--ask":
        return ask(sys.argv[2], sys.argv[3])
    folder, program = sys.argv[1], sys.argv[3:]
    print(f"{'query':10} {'hunt s':>8} {'MB':>6} {'DuckDB s':>9} {'MB':>6} {'ratio':>6}")
    for name, sql in QUERIES.items():
        put_in = {"{folder}": folder, "{sql}": sql}
        own, other = [], []
        for _ in range(ROUNDS):
            own.append(measured([put_in.get(word, word) for word in program]))
            other.append(measured([sys.executable, __file__, "--ask", folder, sql]))
        rows = [[json.loads(line) for line in printed.splitlines()] for _, _, printed in (own[0], other[0])]
        if rows[0] != rows[1]:
            sys.exit(f"{name}: the answers differ: {rows[0][:3]} and {rows[1][:3]}")
        best = [min(run[0] for run in runs) for runs in (own, other)]
        peak = [max(run[1] for run in runs) for runs in (own, other)]
        print(f"{name:10} {best[0]:8.2f} {peak[0]:6.0f} {best[1]:9.2f} {peak[1]:6.0f} {best[0] / best[1]:6.2f}")


if __name__ == "__main__":
    main()
