#!/usr/bin/env python3
"""The rules of who is who, who agreed to what, and what may leave, once more, and plainly.

    compare.py HISTORIES.ndjson

Each line of the file holds one history, the log's lines and the program's answers about them. All of it is
worked out again from the lines, and for each history one line says `equal`, or where the two differ first.
Ends with 1 when any differ. `Tests/ProjectionsTests/ReferenceTests.swift` writes the histories and runs this.

It was written from the rules (identity I, consent C, time T, policy P, decisions D) and the reference of the
policy file, and shares nothing with the fold: it keeps every link, assertion and event, and works people, states
and members out anew at every question. Standard library only.

Compared are, for each history: every refused link and why; every person's id and identifiers; the links that
wait for a review; the state of each purpose of each person at the end; for each event and destination all failing
gates; the members of each audience after every tick and at the end.

What the histories hold: merges, also RudderStack's of any two identifiers, splits, retracted and lifted pairs, reviews; limits with windows, blocked values,
bursts; late and withdrawn consent, corrected clocks, GPC, categories, `Segment Consent Preference Updated`,
RudderStack's `consentManagement`, mParticle's state, TC, GPP and US Privacy strings, an operator's word; expiry, strictest and latest, supersedes,
regional defaults; policies that change midway; purposes all and any, allowlists, filters on events and profiles,
tracking plans, the integrations switch, required identifiers, ages, suppressed people; audiences of counts, sums,
distinct values, sequences, absences, traits, consent, with windows and ticks.

Not judged here: the sample (its key is not in the lines) and lost records (`unreadable`), which are left out of
the gates; attributes; what is inside an effect; releases, deliveries and what follows from them; erasures; GPP
sections other than `uspv1`; phone numbers of a country; identifiers of devices and groups.

Where the rules leave more than one reading, this one was chosen, and the program agrees:

- A link counts against a limit with a window from when the event made it: for whoever was not yet the person of
  the event's strongest identifier, and for that one where it was alone. Saying the same again makes no new link.
- Of a retracted pair, the weaker side loses its weakest identifier of the event; of everything else, the event
  its weakest one. What is against a link is asked in this order: burst, retraction, limits by rank, size.
- An identifier meets one known person an event: whom the event's strongest identifier makes known. What was met
  a window or more before is forgotten at the next meeting.
- An event of nobody's has no TC string, its own narrows all the same. Of several fields that may name a country
  the first that is there counts, even where what it says is none.
- A required identifier must be the person's; one of the event that identity refused is not.
- An audience's "now" is the last tick; a decision's is the event's receipt.
"""

import json
import sys
from decimal import Decimal

import times
from history import History

# Judged by the program alone: the key of the sample and lost records are not in the lines.
UNJUDGED = {"sampled out", "unreadable"}

# Compared in this order, causes before what follows from them.
PARTS = ("refusals", "people", "waiting", "decisions", "ticks", "members")


def named(identifier):
    return ":".join(identifier)


def answers(lines, now):
    """Everything that is compared, from the log's lines alone."""
    history = History()
    for line in lines:
        history.fold(line)
    identity, refusals = history.identity, history.identity.refusals
    return {
        "people": {
            identity.id(person): {
                "identifiers": sorted(named(one) for one in person),
                "consent": history.consent_states(person, now),
            }
            for person in identity.people()
        },
        "refusals": by_offset((offset, f"{named(one)} {why}") for offset, one, why in refusals),
        "waiting": [" ".join(map(named, pair)) for pair in identity.waiting],
        "decisions": {str(offset): found for offset, found in history.decisions.items()},
        "members": history.members(),
        "ticks": {str(offset): found for offset, found in history.members_at_ticks.items()},
    }


def comparable(told):
    """The program's answers in the form of `answers`."""
    for person in told["people"].values():
        person["identifiers"].sort()
    for found in told["decisions"].values():
        for destination in found:
            found[destination] = [gate for gate in found[destination] if gate not in UNJUDGED]
    for members in [told["members"], *told["ticks"].values()]:
        for name in members:
            members[name].sort()
    told["refusals"] = by_offset(text.split(" ", 1) for text in told["refusals"])
    told["waiting"].sort()
    return told


def by_offset(pairs):
    """What happened at each offset, sorted."""
    found = {}
    for offset, what in pairs:
        found.setdefault(str(offset), []).append(what)
    return {offset: sorted(what) for offset, what in found.items()}


def difference(told, found, where=""):
    """The first place where two values differ, in words; None when they are equal."""
    if isinstance(told, dict) and isinstance(found, dict):
        # By offset where the keys are offsets, so that the cause is named and not what follows from it.
        for key in sorted({*told, *found}, key=lambda key: (len(key), key)):
            place = f"{where}/{key}"
            if key not in found:
                return f"{place}: the reference has none, the program {told[key]}"
            if key not in told:
                return f"{place}: the program has none, the reference {found[key]}"
            inner = difference(told[key], found[key], place)
            if inner:
                return inner
        return None
    if told != found:
        return f"{where}: the program says {told}, the reference {found}"
    return None


def verdict(text):
    story = json.loads(text, parse_float=Decimal)
    found = answers(story.pop("lines"), times.moment(story.pop("now")))
    name = f"{story.pop('kind')} {story.pop('seed')}"
    found["waiting"].sort()
    told = comparable(story)
    for part in PARTS:
        differs = difference(told[part], found[part], part)
        if differs:
            return name, differs
    return name, None


def main():
    differ = 0
    with open(sys.argv[1], encoding="utf-8") as file:
        for text in file:
            name, found = verdict(text)
            differ += found is not None
            print(name, found or "equal", flush=True)
    sys.exit(1 if differ else 0)


if __name__ == "__main__":
    main()
