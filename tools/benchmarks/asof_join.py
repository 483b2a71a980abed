"""The question of `bench replay` in DuckDB: what would each destination have got before and after?

Reads events.csv, consents.csv and question.json from a directory, makes Parquet of the tables (not timed), and
prints as JSON the counts by destination and the seconds of five runs.
"""

import json
import sys
import time

import duckdb

directory = sys.argv[1]
question = json.load(open(f"{directory}/question.json"))
db = duckdb.connect()
db.execute("SET threads = 2")
for table in ("events", "consents"):
    db.execute(
        f"COPY (SELECT * FROM read_csv('{directory}/{table}.csv')) TO '{directory}/{table}.parquet' (FORMAT parquet)"
    )


def verdict(rules, number):
    """0 allow, 1 not listed, 2 unknown, 3 denied."""
    names = ", ".join(str(name) for name in rules["events"][number])
    needed = sum(1 << purpose for purpose in set(rules["purposes"][number]))
    return (
        f"CASE WHEN name NOT IN ({names}) THEN 1 WHEN mask IS NULL THEN 2 "
        f"WHEN mask & {needed} <> {needed} THEN 3 ELSE 0 END"
    )


count = len(question["before"]["events"])
aggregates = []
for number in range(count):
    before = verdict(question["before"], number)
    after = verdict(question["after"], number)
    aggregates += [
        f"sum(n) FILTER ({before} = 0)",
        f"sum(n) FILTER ({after} = 0)",
        f"sum(n) FILTER ({before} <> 0 AND {after} = 0)",
        f"sum(n) FILTER ({before} = 0 AND {after} <> 0)",
        f"sum(n) FILTER ({after} = 1)",
        f"sum(n) FILTER ({after} = 2)",
        f"sum(n) FILTER ({after} = 3)",
    ]
# Grouped by what the verdicts read before they are asked: the fastest way that was found.
query = f"""
WITH joined AS (
    SELECT e.name, c.mask
    FROM '{directory}/events.parquet' e
    ASOF LEFT JOIN '{directory}/consents.parquet' c ON e.person = c.person AND e.place >= c.place
), grouped AS (SELECT name, mask, count(*) AS n FROM joined GROUP BY ALL)
SELECT {", ".join(aggregates)} FROM grouped
"""
seconds = []
row = None
for _ in range(5):
    start = time.monotonic()
    row = db.execute(query).fetchone()
    seconds.append(time.monotonic() - start)
keys = ["allowedBefore", "allowedAfter", "newlyAllowed", "newlyWithheld", "notListed", "unknown", "denied"]
values = [int(value or 0) for value in row]
destinations = [dict(zip(keys, values[i * len(keys) : (i + 1) * len(keys)])) for i in range(count)]
print(json.dumps({"seconds": seconds, "destinations": destinations}))
