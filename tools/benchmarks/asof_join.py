"""The question of `bench replay` in DuckDB: what would each destination have got before and after?

Reads events.csv, consents.csv and questions.json from a directory, makes Parquet of the tables (not timed), and
prints as JSON, for each question, the counts by destination and the seconds of five runs.
"""

import json
import sys
import time

import duckdb

directory = sys.argv[1]
questions = json.load(open(f"{directory}/questions.json"))
db = duckdb.connect()
db.execute("SET threads = 2")
for table in ("events", "consents"):
    db.execute(
        f"COPY (SELECT * FROM read_csv('{directory}/{table}.csv')) TO '{directory}/{table}.parquet' (FORMAT parquet)"
    )


def parts(rules):
    """What verdicts read of an event: each an expression, by the name that it is grouped under."""
    found = {"name": "name", "mask": "mask"}
    for end in sorted(set(rules["ends"]) - {0}):
        found[f"ended_{end}"] = f"received - asserted >= {end}"
    for amount in sorted(set(rules["amounts"]) - {0}):
        # Every amount has 25 cents besides.
        found[f"worth_{amount}"] = f"amount + 0.25 >= {amount}"
    return found


def verdict(rules, number):
    """0 allow, 1 not listed, 2 filter, 3 unknown, 4 denied, 5 expired."""
    names = ", ".join(str(name) for name in rules["events"][number])
    purposes = set(rules["purposes"][number])
    needed = sum(1 << purpose for purpose in purposes)
    amount = rules["amounts"][number]
    ends = sorted({rules["ends"][purpose] for purpose in purposes} - {0})
    filtered = f"WHEN NOT worth_{amount} THEN 2 " if amount else ""
    ended = "".join(f"WHEN ended_{end} THEN 5 " for end in ends)
    return (
        f"CASE WHEN name NOT IN ({names}) THEN 1 {filtered}WHEN mask IS NULL THEN 3 "
        f"WHEN mask & {needed} <> {needed} THEN 4 {ended}ELSE 0 END"
    )


reasons = {"event not listed": 1, "filter": 2, "consent unknown": 3, "consent denied": 4, "consent expired": 5}


def ask(question):
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
        ] + [f"sum(n) FILTER ({after} = {reason})" for reason in reasons.values()]
    # Grouped by what the verdicts read before they are asked: the fastest way that was found.
    groups = parts(question["before"]) | parts(question["after"])
    columns = ", ".join(f"{expression} AS {name}" for name, expression in groups.items())
    query = f"""
    WITH joined AS (
        SELECT {columns}
        FROM '{directory}/events.parquet' e
        ASOF LEFT JOIN (SELECT person, place, mask, asserted FROM '{directory}/consents.parquet') c
        ON e.person = c.person AND e.place >= c.place
    ), grouped AS (SELECT *, count(*) AS n FROM joined GROUP BY ALL)
    SELECT {", ".join(aggregates)} FROM grouped
    """
    seconds = []
    row = None
    for _ in range(5):
        start = time.monotonic()
        row = db.execute(query).fetchone()
        seconds.append(time.monotonic() - start)
    keys = ["allowedBefore", "allowedAfter", "newlyAllowed", "newlyWithheld", *reasons]
    values = [int(value or 0) for value in row]
    destinations = [dict(zip(keys, values[i * len(keys) : (i + 1) * len(keys)])) for i in range(count)]
    return {"seconds": seconds, "destinations": destinations}


print(json.dumps([ask(question) for question in questions]))
