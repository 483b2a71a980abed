"""One history, line by line: what each event was decided, and what is known at the end (C5, P1)."""

import audiences
import consent
import decisions
from events import Event
from identity import Identity
from policy import Policy
import times


class History:
    def __init__(self):
        self.policy = None
        self.identity = Identity()
        self.consent = consent.Consent()
        self.suppressed = set()
        # What the last tick said (T2).
        self.now = None
        # [(the identifier that the event hangs on, Event)]
        self.events = []
        # (identifier, trait) -> ((time, offset), value)
        self.traits = {}
        # {offset: {destination: [failing gates]}}
        self.decisions = {}
        # {offset: {audience: [ids of members]}}, after every tick
        self.members_at_ticks = {}

    def fold(self, line):
        """Takes one line of the log, read with exact numbers."""
        take = getattr(self, "take_" + line["kind"], None)
        if take:
            take(line)

    # Records

    def take_policy(self, line):
        self.policy = Policy(line["body"]["version"], line["body"]["text"])

    def take_tick(self, line):
        time = times.moment(line["body"]["time"])
        self.now = time if self.now is None else max(time, self.now)
        self.members_at_ticks[line["offset"]] = self.members()

    def take_suppression(self, line):
        body = line["body"]
        identifier = (body["type"], body["value"])
        self.suppressed.add(identifier)
        self.identity.bear(identifier, line["offset"], 0)

    def take_identity(self, line):
        body = line["body"]
        one, other = ((body[name]["type"], body[name]["value"]) for name in ("first", "second"))
        act, offset = body["act"], line["offset"]
        if act == "retract":
            self.identity.retract(one, other, offset)
        elif act == "lift":
            self.identity.lift(one, other)
        elif act == "approve":
            time = times.moment(line["received"])
            self.identity.approve(one, other, offset, time, self.policy)
        else:
            self.identity.reject(one, other, offset)

    def take_consent(self, line):
        body = line["body"]
        identifier = self.policy.identifier(body["type"], body["value"])
        received = times.moment(line["received"])
        asserted = times.moment(body.get("asserted"))
        time = received if asserted is None else min(asserted, received)
        if identifier is None:
            return
        self.identity.bear(identifier, line["offset"], 0)
        for name, is_grant in (("granted", True), ("denied", False)):
            for purpose in body[name]:
                self.consent.assert_(identifier, purpose, is_grant, time, line["offset"])

    def take_event(self, line):
        event = Event(line)
        policy = self.policy
        if policy is None:
            return
        born = event.identifiers(policy)
        # Within one event: identity, then its assertions, then its decision (C5).
        accepted = self.identity.take(born, event.offset, event.clipped, policy)
        signal = consent.Signal(event, policy)
        self.consent.hear(signal, accepted)
        if accepted:
            self.events.append((accepted[0], event))
            self.take_traits(event, accepted[0])
        self.decide(event, signal, [identifier for _, identifier in born], accepted)

    def take_traits(self, event, identifier):
        if event.type != "identify":
            return
        given = {**(event.at("context.traits") or {}), **(event.at("traits") or {})}
        for name, value in given.items():
            order = (event.clipped, event.offset)
            key = (identifier, name)
            if key not in self.traits or self.traits[key][0] <= order:
                self.traits[key] = (order, value)

    def decide(self, event, signal, identifiers, accepted):
        policy = self.policy
        person = self.identity.person(accepted[0]) if accepted else frozenset()
        country = consent.country(event, policy)
        states = {
            purpose.name: self.consent.at_event(
                person, purpose, policy, signal, country, event.received)
            for purpose in policy.purposes
        }
        tc_strings = (self.consent.tc_string(person), signal.tc_string)
        moment = decisions.Moment(
            event, policy, identifiers, person,
            bool(self.suppressed & (person | set(identifiers))), states, tc_strings,
            lambda path: self.profile_field(person, path))
        self.decisions[event.offset] = {
            one.name: decisions.decide(moment, one) for one in policy.destinations
        }

    # Questions

    def profile_field(self, person, path):
        if path == "audiences":
            return [one for one in self.policy.audiences if self.person(person).is_in(one)]
        return self.person(person).trait(path[len("traits.") :])

    def person(self, person):
        traits = {}
        for (identifier, name), (order, value) in self.traits.items():
            if identifier in person and (name not in traits or traits[name][0] < order):
                traits[name] = (order, value)
        purposes = {purpose.name: purpose for purpose in self.policy.purposes}
        return audiences.Person(
            [event for identifier, event in self.events if identifier in person],
            {name: value for name, (_, value) in traits.items()},
            lambda name: self.consent.state(person, purposes[name], self.policy, self.now),
            self.now, self.policy.audiences)

    def members(self):
        if self.policy is None:
            return {}
        people = [(self.identity.id(one), self.person(one)) for one in self.identity.people()]
        return {
            name: sorted(id for id, person in people if person.is_in(name))
            for name in self.policy.audiences
        }

    def consent_states(self, person, now):
        return {
            purpose.name: self.consent.state(person, purpose, self.policy, now)
            for purpose in self.policy.purposes
        }
