#!/usr/bin/env python3
"""Shows that the comparison can fail: breaks one rule after another in a copy of the reference and counts how
many histories it takes until `compare.py` says so.

    SLUICE_KEEP=/tmp/kept tools/test --filter ReferenceTests
    mutations.py /tmp/kept/histories-0.ndjson

Ends with 1 when a broken rule goes unseen, which means that the histories never get there. Two words of one time
(C3: denied) are too rare in them; `ConsentModelTests` has those.
"""

import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))

# (the rule, its file, what stands there, what is put in its place)
MUTATIONS = [
    ("I2: the weakest identifier goes", "identity.py",
     "return len(active) - 1, rule.name", "return 1, rule.name"),
    ("I2: a window's end", "identity.py", "< rule.window", "< rule.window * 2"),
    ("I2: a link counts when it is made", "identity.py", "one in new or ", ""),
    ("I4: size", "identity.py", "> policy.review_above", ">= policy.review_above"),
    ("I4: a burst's window", "identity.py", "time - then >= within", "time - then >= within * 3"),
    ("I4: blocked prefixes", "policy.py", "return text.startswith(rule[\"prefix\"])", "return False"),
    ("I5: a retraction takes the link", "identity.py",
     "self.links = [link for link in self.links if set(link) != pair]", "pass"),
    ("I5: a retraction bars", "identity.py", "            self.bars.append(pair)", "            pass"),
    ("I5: lifting", "identity.py", "self.bars = [bar for bar in self.bars if bar != {one, other}]",
     "pass"),
    ("I6: the oldest birth", "identity.py", "% min(self.births", "% max(self.births"),
    ("T1: skew", "events.py", "stamp + self.skew", "stamp"),
    ("T1: clipped", "events.py", "min(self.occurred, self.received)", "self.occurred"),
    ("C1: GPC hangs on the device", "consent.py", "or accepted\n", "and accepted\n"),
    ("C1: a missing category narrows", "consent.py", "self.missing.add(purpose.name)\n        else",
     "pass\n        else"),
    ("RudderStack: an id in both lists is denied", "consent.py",
     "False if one in denied else one in allowed or None", "one in allowed or (False if one in denied else None)"),
    ("RudderStack: an id in neither list is not granted", "consent.py", "one in allowed or None", "True"),
    ("RudderStack: lists that are none", "consent.py", "isinstance(ids, list) and all(", "not isinstance(ids, list) or all("),
    ("RudderStack: a merge names two", "events.py", "for entry in self.merged:", "for entry in self.merged[:1]:"),
    ("RudderStack: its names are ours", "events.py", "OWN_NAMES.get(entry[\"type\"], entry[\"type\"])",
     "entry[\"type\"]"),
    ("C2: the strongest identifier", "consent.py", "self.assert_(accepted[0], purpose, is_grant",
     "self.assert_(accepted[-1], purpose, is_grant"),
    ("C3: a later offset and a later time", "consent.py",
     "elif not (offset > held.offset and time > held.time):", "elif not offset > held.offset:"),
    ("C3: the newer of two denials", "consent.py",
     "time = time if held.is_grant else max(time, held.time)", "pass"),
    ("C3: a denial replaces a newer grant", "consent.py", "elif not is_grant:",
     "elif not is_grant and (not held.is_grant or time >= held.time):"),
    ("C4: latest, not from weaker ones", "consent.py", "other <= rank and", "True and"),
    ("C4: latest, also from equals", "consent.py", "other <= rank and", "other < rank and"),
    ("C4: supersedes, stronger ones only", "consent.py", "stronger < rank and", "stronger <= rank and"),
    ("C4: supersedes", "consent.py", "if policy.supersedes:", "if False:"),
    ("C4: strictest", "consent.py", "if policy.resolve == \"latest\":", "if True:"),
    ("C6: expiry", "consent.py", "now - newest >= purpose.expires", "now - newest >= 2 * purpose.expires"),
    ("C6: the newest grant counts", "consent.py", "newest = max(", "newest = min("),
    ("C6: regional defaults", "consent.py", "country in purpose.default_countries", "False"),
    ("C6: only of trusted sources", "consent.py", "if event.source in field[\"sources\"]:", "if True:"),
    ("C6: unreadable is not granted", "consent.py",
     "(signal.unreadable or purpose.name in signal.missing)", "(purpose.name in signal.missing)"),
    ("C6: an unreadable signal grants nothing for later", "consent.py",
     "if not (is_grant and signal.unreadable):", "if True:"),
    ("C7: the vendor's consent", "tcf.py", "vendor not in self.vendors:", "False:"),
    ("C7: the most recent string", "consent.py",
     "return max(found, key=lambda entry: entry[0])[1]", "return min(found, key=lambda entry: entry[0])[1]"),
    ("mParticle: an opt-out denies", "consent.py", "not sale[\"consented\"], time", "sale[\"consented\"], time"),
    ("US Privacy: after notice only", "tcf.py", 'return "in" if notice == "Y" else "unstated"', 'return "in"'),
    ("P1: a policy's identifiers from its offset", "policy.py",
     "return rule.rank if rule else", "return -rule.rank if rule else"),
    ("P4: an empty allowlist", "decisions.py", "return any(plans.matches(", "return not any(plans.matches("),
    ("D1: any of several purposes", "decisions.py", "None not in of_any", "set(of_any) != {None}"),
    ("D1: a denial stands against a contract", "decisions.py", "(state != \"denied\" and not purposes",
     "(not purposes"),
    ("D1: integrations", "decisions.py", "switches.get(\"All\")", "True"),
    ("D1: required identifiers", "decisions.py", "{kind for kind, _ in moment.person}",
     "{kind for kind, _ in moment.identifiers}"),
    ("D1: age", "decisions.py", "age > destination.maximum_age", "age > 2 * destination.maximum_age"),
    ("D1: suppressed", "decisions.py", "lambda m, d: m.suppressed", "lambda m, d: False"),
    ("D1: plans ignored", "decisions.py", "and destination.follows_plans", ""),
    ("D4: exact numbers", "conditions.py", "return Decimal(str(value))", "return Decimal(int(value))"),
    ("T2: ticks move windows", "history.py",
     "self.now = time if self.now is None else max(time, self.now)", "self.now = self.now or time"),
    ("T2: windows by occurrence", "audiences.py", "self.now - event.clipped < window",
     "self.now - event.received < window"),
    ("audiences: within", "audiences.py", "last.clipped - first.clipped < within", "True"),
    ("audiences: absence", "audiences.py", "event.clipped + within <= self.now and not any(", "not any("),
    ("audiences: an answer too late", "audiences.py", "and one.clipped - event.clipped < within", ""),
    ("traits: the newest", "history.py", "traits[name][0] < order", "traits[name][0] > order"),
]


def broken(directory, file, old, new):
    path = os.path.join(directory, file)
    with open(path, encoding="utf-8") as source:
        text = source.read()
    if text.count(old) < 1:
        raise SystemExit(f"{file} has no {old!r}")
    with open(path, "w", encoding="utf-8") as target:
        target.write(text.replace(old, new))


def histories_until_seen(directory, histories):
    program = [sys.executable, os.path.join(directory, "compare.py"), histories]
    with subprocess.Popen(
        program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as child:
        for count, line in enumerate(child.stdout, 1):
            if not line.endswith(" equal\n"):
                child.kill()
                return count, line.strip()
    # What ends with an error without a word is seen, too.
    return None if child.returncode == 0 else (0, "an error")


def main():
    unseen = 0
    for name, *change in MUTATIONS:
        with tempfile.TemporaryDirectory() as place:
            directory = shutil.copytree(HERE, os.path.join(place, "reference"))
            broken(directory, *change)
            found = histories_until_seen(directory, sys.argv[1])
        unseen += found is None
        print(f"{name}: " + ("NOT SEEN" if found is None else f"seen after {found[0]}"), flush=True)
    print(f"{len(MUTATIONS) - unseen} of {len(MUTATIONS)} seen")
    sys.exit(1 if unseen else 0)


if __name__ == "__main__":
    main()
