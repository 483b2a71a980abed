#!/usr/bin/env python3
"""What a policy change on real data must count, from the raw CSV and a seed alone.

    online_retail_counts.py online_retail.csv.gz SEED DIRECTORY [SHARE]

With SHARE only about one invoice of so many is taken, whole, and every bad debt.

Customers of "Online Retail" never said what they agree to, so a seed says it for them: when each first spoke,
what each granted and denied, and who changed their mind. Written into DIRECTORY:

- `orders.csv`: the data with two more columns and, in order of time, a row for each time that somebody spoke;
- `late.ndjson`: what customers said after the last order, some of it of an earlier time than what stands;
- `expected.json`: the counts under the rules of `RULES` below, which say by hand what
  `tools/policies/online_retail_consent.yaml` and `online_retail_consent-changed.yaml` mean.

Nothing of the program or of the other files here is used. Everybody has one identifier, so identity plays no
part, and a customer's state is the last word under C3.
"""

import csv
import gzip
import hashlib
import json
import os
import sys
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal

BEGIN = datetime(2010, 12, 1, 9)
DAYS = 373
PURPOSES = ("Analytics", "Advertising")
PREFERENCE = "Segment Consent Preference Updated"

# destination -> (events that it may have, purposes that must be granted, least revenue)
RULES = {
    "before": {
        "ledger": ({"Order Line", "Order Line Returned"}, (), None),
        "warehouse": ({"Order Line"}, ("Analytics",), None),
        "ads": ({"Order Line"}, ("Advertising",), Decimal(20)),
    },
    "after": {
        "ledger": ({"Order Line", "Order Line Returned", "Bad Debt Adjusted"}, (), None),
        "warehouse": ({"Order Line", "Order Line Returned"}, ("Analytics",), None),
        "ads": ({"Order Line"}, ("Advertising", "Analytics"), Decimal(10)),
    },
}

# What an event tells a destination, where the two policies differ: of the others nothing is amended.
FIELDS = {
    "before": {
        ("warehouse", "Order Line"): {"order_id", "sku", "quantity", "revenue"},
        ("ads", "Order Line"): {"revenue"},
    },
    "after": {
        ("warehouse", "Order Line"): {"order_id", "sku", "revenue"},
        ("ads", "Order Line"): {"sku", "revenue"},
    },
}


class Dice:
    """Numbers that depend on the seed and the customer only."""

    def __init__(self, *names):
        self.text = "/".join(map(str, names))
        self.count = 0

    def below(self, bound):
        self.count += 1
        digest = hashlib.sha256(f"{self.text}/{self.count}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % bound

    def percent(self, share):
        return self.below(100) < share


def words(seed, customer):
    """When a customer spoke and what was said: [(time, {category: granted})], oldest first."""
    dice = Dice(seed, customer)
    if dice.percent(25):
        return []
    # During the day, when no clock is ever set.
    time = BEGIN + timedelta(days=dice.below(DAYS // 2), minutes=dice.below(480))
    said = {"Analytics": dice.percent(85), "Advertising": dice.percent(60)}
    if dice.percent(10):
        del said["Advertising"]
    found = [(time, said)]
    while dice.percent(35) and len(found) < 4:
        time += timedelta(days=1 + dice.below(120))
        said = {name: not granted if dice.percent(60) else granted for name, granted in said.items()}
        if time < BEGIN + timedelta(days=DAYS):
            found.append((time, said))
    return found


def late_words(seed, customer, last):
    """What was said after the last order, and of which time."""
    dice = Dice(seed, customer, "late")
    after = BEGIN + timedelta(days=DAYS + 5 + dice.below(20))
    if dice.percent(8):
        return [(after, {"Advertising": False})]
    if dice.percent(4):
        return [(after, {"Analytics": True, "Advertising": True})]
    if last and dice.percent(10):
        # Arrives now, was said before what stands: a denial replaces it, a grant does not.
        return [(last - timedelta(days=2), {"Analytics": dice.percent(50), "Advertising": True})]
    return []


class Customer:
    """The last word on each purpose, under C3."""

    def __init__(self):
        self.word = {}

    def hears(self, time, said):
        for purpose, is_grant in said.items():
            held = self.word.get(purpose)
            if held is None or (held[0] and not is_grant):
                self.word[purpose] = (is_grant, time)
            elif time > held[1]:
                self.word[purpose] = (is_grant, time)

    def state(self, purpose):
        if purpose not in self.word:
            return "unknown"
        return "granted" if self.word[purpose][0] else "denied"


def event_name(row):
    if row["InvoiceNo"].startswith("A"):
        return "Bad Debt Adjusted"
    if row["InvoiceNo"].startswith("C"):
        return "Order Line Returned"
    if row["CustomerID"] or Decimal(row["UnitPrice"]) > 0:
        return "Order Line"
    return "Stock Adjusted"


def reason(rule, name, revenue, customer):
    """The first gate that withholds an event; None when none does."""
    events, purposes, least = rule
    if name not in events:
        return "event not listed"
    if least is not None and (revenue is None or revenue < least):
        return "filter"
    states = [customer.state(purpose) for purpose in purposes]
    for state in ("unknown", "denied"):
        if state in states:
            return "consent " + state
    return None


def read(path, share):
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            invoice = row["InvoiceNo"]
            if share == 1 or invoice.startswith("A") or Dice(invoice).below(share) == 0:
                yield row


def with_consent(path, seed, share):
    """The rows with what customers said between them, in order of time."""
    rows = list(read(path, share))
    spoken = []
    for customer in sorted({row["CustomerID"] for row in rows} - {""}):
        for number, (time, said) in enumerate(words(seed, customer)):
            spoken.append((time, customer, number, said))
    spoken.sort(key=lambda one: one[:3], reverse=True)
    for row in rows + [None]:
        while spoken and (row is None or str(spoken[-1][0]) < row["InvoiceDate"]):
            time, customer, number, said = spoken.pop()
            columns = {name: str(granted).lower() for name, granted in said.items()}
            yield {
                "InvoiceNo": f"CONSENT-{customer}-{number}",
                "InvoiceDate": str(time),
                "CustomerID": customer,
                **columns,
            }, (time, said)
        if row is not None:
            yield row, None


def main():
    path, seed, directory = sys.argv[1:4]
    share = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    customers = {}
    nobody = Customer()
    # What each destination may have had of each event, by each of the rules.
    judged = []
    spoken = late = 0

    os.makedirs(directory, exist_ok=True)
    orders = open(os.path.join(directory, "orders.csv"), "w", encoding="utf-8", newline="")
    fields = "InvoiceNo StockCode Description Quantity InvoiceDate UnitPrice CustomerID Country"
    writer = csv.DictWriter(orders, [*fields.split(), *PURPOSES], lineterminator="\n")
    writer.writeheader()
    with orders:
        for row, said in with_consent(path, seed, share):
            writer.writerow(row)
            id = row["CustomerID"]
            customer = customers.setdefault(id, Customer()) if id else nobody
            if said:
                customer.hears(*said)
                spoken += 1
                name, revenue = PREFERENCE, None
            else:
                name = event_name(row)
                revenue = int(row["Quantity"]) * Decimal(row["UnitPrice"])
            judged.append((customer, (name, revenue), {
                (when, destination): reason(rule, name, revenue, customer)
                for when, rules in RULES.items() for destination, rule in rules.items()
            }))

    # Nobody was told anything before all of that had arrived: what was denied since is cancelled.
    delivered, cancelled = Counter(), Counter()
    told = set()
    for number, (customer, event, reasons) in enumerate(judged):
        for destination, rule in RULES["before"].items():
            if reasons["before", destination] is None:
                if all(customer.state(purpose) == "granted" for purpose in rule[1]):
                    told.add((number, destination))
                    delivered[destination] += 1
                else:
                    cancelled[destination] += 1

    with open(os.path.join(directory, "late.ndjson"), "w", encoding="utf-8") as file:
        for id in sorted(customers):
            last = max((time for _, time in customers[id].word.values()), default=None)
            for time, said in late_words(seed, id, last):
                late += 1
                customers[id].hears(time, said)
                message = {
                    "type": "track", "event": PREFERENCE, "messageId": f"late-{id}", "userId": id,
                    # In the winter half of the year local time is UTC; in the other it is an hour more.
                    "timestamp": london(time),
                    "context": {"consent": {"categoryPreferences": said}},
                }
                file.write(json.dumps(message) + "\n")

    expected = {
        "seed": seed, "orderLines": len(judged) - spoken, "consentEvents": spoken,
        "lateConsentEvents": late, "customers": len(customers), "destinations": {},
    }
    # The late events are judged too: no destination has them.
    for destination, rule in RULES["after"].items():
        counts, gained, lost, retracted = Counter(), Counter(), Counter(), Counter()
        for number, (customer, event, reasons) in enumerate(judged):
            old, new = reasons["before", destination], reasons["after", destination]
            is_told = was_told = (number, destination) in told
            if old is None and new is not None:
                lost[new] += 1
                counts["overShared"] += is_told
            if new is None:
                if old is not None:
                    gained[old] += 1
                counts["allowedAfter"] += 1
                if is_told:
                    counts["alreadyTold"] += 1
                elif any(customer.state(purpose) != "granted" for purpose in rule[1]):
                    counts["withheldNow"] += 1
                else:
                    counts["planned"] += 1
                    is_told = True
            # What was delivered and, by today's rules and today's word, should not have been; or, if it was
            # allowed at the event and is allowed today, should have told something else.
            if is_told:
                counts["held"] += 1
                today = reason(rule, *event, customer)
                what = (destination, event[0])
                if today is not None:
                    retracted[today] += 1
                elif was_told and new is None:
                    counts["amend"] += FIELDS["before"].get(what) != FIELDS["after"].get(what)
            counts["allowedBefore"] += old is None
        names = (
            "allowedBefore", "allowedAfter", "overShared", "alreadyTold", "withheldNow", "planned", "held",
        )
        expected["destinations"][destination] = {
            "delivered": delivered[destination],
            "cancelled": cancelled[destination],
            "newlyAllowed": sum(gained.values()),
            "newlyWithheld": sum(lost.values()),
            "newlyAllowedBefore": dict(gained),
            "newlyWithheldBy": dict(lost),
            "amend": counts["amend"],
            "retract": sum(retracted.values()),
            "retractBecause": dict(retracted),
            **{name: counts[name] for name in names},
        }
    with open(os.path.join(directory, "expected.json"), "w", encoding="utf-8") as file:
        json.dump(expected, file, indent=2)
    json.dump(expected, sys.stdout, indent=2)
    print()


def london(time):
    """A time of the shop's clock, with its offset from UTC."""
    def last_sunday(month):
        day = datetime(time.year, month, 31, 1)
        return day - timedelta(days=(day.weekday() + 1) % 7)

    is_summer = last_sunday(3) <= time < last_sunday(10)
    return time.isoformat() + ("+01:00" if is_summer else "+00:00")


if __name__ == "__main__":
    main()
