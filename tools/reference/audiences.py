"""Who is in which audience (T2, P1): everything a person did, looked at from the start at every question.

"Now" is what the last tick said; before the first one no window has passed and nothing is overdue.
"""

import conditions
import times

SELECTORS = ("event", "page", "screen", "identify", "group")
MEASURES = ("count", "sum", "min", "max", "first", "last", "distinct")
NOT_COMPARISONS = SELECTORS + ("of", "where", "within")


class Person:
    """What audiences ask of one person."""

    def __init__(self, events, traits, consent_state, now, audiences):
        # Oldest first, by when they happened, then by offset.
        self.events = sorted(events, key=lambda event: (event.clipped, event.offset))
        self.traits = traits
        self.consent_state = consent_state
        self.now = now
        self.audiences = audiences

    def did(self, selector, window=None):
        """Events that a selector means, of the last so long."""
        return [
            event
            for event in self.events
            if selects(selector, event)
            and (window is None or self.now is None or self.now - event.clipped < window)
        ]

    def is_in(self, name):
        return self.holds(self.audiences[name])

    def holds(self, tree):
        if isinstance(tree, list):
            return all(self.holds(part) for part in tree)
        return all(self.one(name, part) for name, part in tree.items())

    def one(self, name, part):
        if name == "all":
            return all(self.holds(one) for one in part)
        if name == "any":
            return any(self.holds(one) for one in part)
        if name == "not":
            return not self.holds(part)
        if name == "audience":
            return self.is_in(part)
        if name == "consent":
            return all(self.consent_state(purpose) == state for purpose, state in part.items())
        if name == "trait":
            comparison = {key: wanted for key, wanted in part.items() if key != "name"}
            return conditions.holds(self.trait(part["name"]), comparison)
        if name == "sequence":
            return self.has_sequence(part)
        if name == "absence":
            return self.has_absence(part)
        if name in MEASURES:
            return self.measure(name, part)
        raise ValueError("unknown audience condition " + name)

    def trait(self, path):
        found = self.traits
        for name in path.split("."):
            found = found.get(name) if isinstance(found, dict) else None
        return found

    def measure(self, name, part):
        comparison = {key: one for key, one in part.items() if key not in NOT_COMPARISONS}
        events = self.did(part, times.length(part.get("within")))
        if name == "count":
            return conditions.holds(len(events), comparison)
        if name in ("first", "last"):
            return self.edge(name, part, events, comparison)
        values = [event.at(part["of"]) for event in events]
        if name == "distinct":
            kinds = {
                (type(value) is str, str(value) if not conditions.is_number(value) else
                 conditions.exact(value).normalize())
                for value in values
                if isinstance(value, (str, bool)) or conditions.is_number(value)
            }
            return conditions.holds(len(kinds), comparison)
        numbers = [conditions.exact(value) for value in values if conditions.is_number(value)]
        if name == "sum":
            return conditions.holds(sum(numbers), comparison)
        best = (min if name == "min" else max)(numbers, default=None)
        return conditions.holds(best, comparison)

    def edge(self, name, part, events, comparison):
        if "of" in part:
            events = [event for event in events if event.at(part["of"]) is not None]
        event = (events[0] if name == "first" else events[-1]) if events else None
        value = event and event.at(part["of"]) if "of" in part else None
        for key, wanted in comparison.items():
            if key in ("before", "since", "olderThan", "newerThan"):
                if event is None or not self.moment(event.clipped, key, wanted):
                    return False
            elif not conditions.one(value, key, wanted):
                return False
        return True

    def moment(self, time, key, wanted):
        if key == "before":
            return time < times.moment(wanted)
        if key == "since":
            return time >= times.moment(wanted)
        if self.now is None:
            return key == "newerThan"
        is_old = self.now - time >= times.length(wanted)
        return is_old if key == "olderThan" else not is_old

    def has_sequence(self, part):
        within = times.length(part.get("within"))
        steps = [self.did(step, times.length(part.get("over"))) for step in part["steps"]]
        for first in steps[0]:
            last = first
            # The earliest next step leaves the most time to the others.
            for step in steps[1:]:
                after = [
                    one for one in step if (one.clipped, one.offset) > (last.clipped, last.offset)
                ]
                last = after[0] if after else None
                if last is None:
                    break
            if last and (within is None or last.clipped - first.clipped < within):
                return True
        return False

    def has_absence(self, part):
        within = times.length(part["within"])
        if self.now is None:
            return False
        answers = self.did(part["of"])
        for event in self.did(part["after"], times.length(part.get("over"))):
            if event.clipped + within <= self.now and not any(
                (one.clipped, one.offset) > (event.clipped, event.offset)
                and one.clipped - event.clipped < within
                for one in answers
            ):
                return True
        return False


def selects(selector, event):
    for kind in SELECTORS:
        if kind in selector:
            if event.type != ("track" if kind == "event" else kind):
                return False
            name = selector[kind]
            if isinstance(name, str) and name not in ("*", event.name):
                return False
    where = selector.get("where")
    return where is None or conditions.condition(where, event.at)
