"""Asks an archive of events by DuckDB: `duckdb_archive.py FOLDER < QUERIES`.

QUERIES is a JSON list of SELECT statements over the table `events`; printed is a JSON list with the rows of each, each row an object,
times in RFC 3339 with milliseconds, as `skywarden hunt --format json` writes them.
"""

import datetime
import json
import sys

import duckdb


def events(folder):
    """A connection that knows the archive as the view `events`."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    files = f"{folder}/*/*/*/*.parquet".replace("'", "''")
    connection.execute(
        f"CREATE VIEW events AS SELECT * FROM read_parquet('{files}', hive_partitioning = true, union_by_name = true, "
        "hive_types = {'source': VARCHAR, 'date': DATE, 'hour': BIGINT})"
    )
    return connection


def shown(value):
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03}Z"
    if isinstance(value, datetime.date):
        return value.isoformat()
    return value


def main():
    connection = events(sys.argv[1])
    answers = []
    for sql in json.load(sys.stdin):
        cursor = connection.execute(sql)
        names = [column[0] for column in cursor.description]
        answers.append([dict(zip(names, map(shown, row))) for row in cursor.fetchall()])
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
