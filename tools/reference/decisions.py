"""What each destination may have of an event: every failing gate, in order (D1)."""

import conditions
import plans

GATES = (
    "destination disabled",
    "source not connected",
    "suppressed",
    "tracking plan violation",
    "event not listed",
    "filter",
    "consent unknown",
    "consent denied",
    "consent expired",
    "integrations switch",
    "missing identifier",
    "too old",
)


class Moment:
    """Everything that a decision reads, as of the event itself (D1)."""

    def __init__(self, event, policy, identifiers, person, suppressed, consent_states, tc_strings,
                 profile_field):
        self.event = event
        self.policy = policy
        self.identifiers = identifiers
        self.person = person
        self.suppressed = suppressed
        # purpose name -> state at the event
        self.consent_states = consent_states
        # The person's and the event's own; either may be None.
        self.tc_string, self.own_tc_string = tc_strings
        # path -> what stands in the profile
        self.profile_field = profile_field
        self.plan = plans.verdict(event, policy)


def decide(moment, destination):
    """The names of the failing gates; none means `allow`. Sampling is not judged here."""
    failing = {gate for gate in GATES if FAILS[gate](moment, destination)}
    return [gate for gate in GATES if gate in failing]


def violates_plan(moment, destination):
    if moment.plan == "quarantine":
        return True
    return moment.plan == "withhold" and destination.follows_plans


def is_listed(moment, destination):
    return any(plans.matches(rule, moment.event) for rule in destination.events)


def passes_filter(moment, destination):
    if destination.filter is None:
        return True

    def field(path):
        if path.startswith("profile."):
            return moment.profile_field(path[len("profile.") :])
        return moment.event.at(path)

    return conditions.condition(destination.filter, field)


def consent_failures(moment, destination):
    """The consent states that withhold the event."""
    purposes = {purpose.name: purpose for purpose in moment.policy.purposes}

    def failure(name):
        state = moment.consent_states[name]
        if state == "granted" or (state != "denied" and not purposes[name].needs_grant):
            return None
        return state

    failures = {failure(name) for name in destination.purposes}
    of_any = [failure(name) for name in destination.any_purposes]
    if of_any and None not in of_any:
        failures |= set(of_any)
    if not destination.purposes and not destination.any_purposes:
        failures.add("unknown")
    if destination.tcf:
        # The event's own string narrows; nobody's string is nobody's consent.
        if moment.tc_string is None:
            failures.add("unknown")
        for string in (moment.tc_string, moment.own_tc_string):
            if string and not string.permits(destination.tcf):
                failures.add("denied")
    return failures


def is_switched_off(moment, destination):
    """The client's `integrations`: what is named there counts, else `All` (specs/consent.md, 3)."""
    switches = moment.event.at("integrations")
    if not isinstance(switches, dict):
        return False
    return switches.get(destination.integration, switches.get("All")) is False


def lacks_identifier(moment, destination):
    # What identity refused is somebody else's, and no word of this person's.
    types = {kind for kind, _ in moment.person}
    return bool(destination.requires) and not types & set(destination.requires)


def is_too_old(moment, destination):
    age = moment.event.received - moment.event.clipped
    return destination.maximum_age is not None and age > destination.maximum_age


FAILS = {
    "destination disabled": lambda m, d: not d.enabled,
    "source not connected": lambda m, d: d.sources != "all" and m.event.source not in d.sources,
    "suppressed": lambda m, d: m.suppressed,
    "tracking plan violation": violates_plan,
    "event not listed": lambda m, d: not is_listed(m, d),
    "filter": lambda m, d: not passes_filter(m, d),
    "consent unknown": lambda m, d: "unknown" in consent_failures(m, d),
    "consent denied": lambda m, d: "denied" in consent_failures(m, d),
    "consent expired": lambda m, d: "expired" in consent_failures(m, d),
    "integrations switch": is_switched_off,
    "missing identifier": lacks_identifier,
    "too old": is_too_old,
}
