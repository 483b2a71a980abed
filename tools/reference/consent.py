"""Who agreed to what (C1 to C7): what events say, what hangs on identifiers, what a person's state is."""

from tcf import TCString, gpp_sale, us_privacy

# Identifier types that are a device's own, for GPC.
DEVICES = ("anonymous_id", "android.id", "ios.id", "android.idfa", "ios.idfa")


class Signal:
    """What one event itself says: statements to assert, and what it keeps from itself (C1)."""

    def __init__(self, event, policy):
        # [(purpose name, is a grant, asserted time)]
        self.statements = []
        # Purposes that the event names no word for, though it speaks of others.
        self.missing = set()
        self.denied_by_gpc = set()
        self.unreadable = False
        self.tc_string = None
        self.event = event
        self.policy = policy
        self.read_categories()
        self.read_consent_management()
        self.read_gpc()
        self.read_mparticle()
        self.read_strings()

    def say(self, purpose, is_grant, time=None):
        self.statements.append((purpose.name, is_grant, self.event.clipped if time is None else time))

    def denies(self, name):
        return name in self.denied_by_gpc or any(
            said == name and not is_grant for said, is_grant, _ in self.statements
        )

    def place(self, name, usual):
        """The first place that is there and not null."""
        for path in self.policy.places.get(name, usual):
            value = self.event.at(path)
            if value is not None:
                return value
        return None

    def read_categories(self):
        consent = self.event.at("context.consent")
        if consent is None:
            return
        if not isinstance(consent, dict):
            self.unreadable = True
            return
        mapped = [purpose for purpose in self.policy.purposes if purpose.segment]
        categories = consent.get("categoryPreferences")
        if categories is None:
            # With integrations, an empty object is false for all (specs/consent.md, 3).
            if self.event.at("integrations"):
                self.missing |= {purpose.name for purpose in mapped}
            return
        if not isinstance(categories, dict) or not all(
            isinstance(value, bool) for value in categories.values()
        ):
            self.unreadable = True
            return
        for purpose in mapped:
            self.weigh(purpose, [categories.get(name) for name in purpose.segment])

    def read_consent_management(self):
        """RudderStack's two lists of categories: in neither is not known, in both is denied."""
        consent = self.event.at("context.consentManagement")
        if consent is None:
            return
        lists = []
        if isinstance(consent, dict):
            for name in ("allowedConsentIds", "deniedConsentIds"):
                lists.append([] if consent.get(name) is None else consent[name])
        if not lists or not all(
            isinstance(ids, list) and all(isinstance(one, str) for one in ids) for ids in lists
        ):
            self.unreadable = True
            return
        allowed, denied = lists
        for purpose in self.policy.purposes:
            if purpose.segment:
                self.weigh(
                    purpose,
                    [False if one in denied else one in allowed or None for one in purpose.segment])

    def weigh(self, purpose, answers, time=None):
        if False in answers:
            self.say(purpose, False, time)
        elif None in answers:
            self.missing.add(purpose.name)
        else:
            self.say(purpose, True, time)

    def read_gpc(self):
        field = self.place("gpc", [])
        raised = self.event.gpc or field is True or field in (1, "1")
        listed = {purpose.name for purpose in self.policy.purposes if purpose.denied_by_gpc}
        if raised:
            self.denied_by_gpc = listed
        if listed and field is not None and field not in (True, False, 1, 0, "1", "0"):
            self.unreadable = True

    def read_mparticle(self):
        state = self.place("mparticle", ["consent_state", "context.consent_state"])
        if state is None:
            return
        for purpose in self.policy.purposes:
            if purpose.mparticle and "gdpr" in state:
                given = [state["gdpr"].get(name) for name in purpose.mparticle]
                stamps = [one["timestamp_unixtime_ms"] for one in given if one]
                time = self.corrected(max(stamps)) if stamps else None
                self.weigh(purpose, [one and one["consented"] for one in given], time)
            sale = state.get("ccpa", {}).get("data_sale_opt_out")
            if purpose.ccpa and sale:
                # True means opted out (specs/consent.md, 1).
                time = self.corrected(sale["timestamp_unixtime_ms"])
                self.say(purpose, not sale["consented"], time)

    def corrected(self, milliseconds):
        return min(milliseconds * 1000 + self.event.skew, self.event.received)

    def read_strings(self):
        destinations = self.policy.destinations
        purposes = self.policy.purposes
        text = self.place("tcf", ["context.consent.tcf", "context.consent.tcString"])
        asks = any(p.tcf for p in purposes) or any(d.tcf for d in destinations)
        if text is not None and asks:
            try:
                self.tc_string = TCString(text)
            except ValueError:
                self.unreadable = True
        if self.tc_string:
            for purpose in purposes:
                if purpose.tcf:
                    self.say(purpose, self.tc_string.agrees(purpose.tcf))
        readers = (("gpp", gpp_sale), ("usPrivacy", us_privacy))
        for name, read in readers:
            mapped = [p for p in purposes if (p.gpp if name == "gpp" else p.us_privacy)]
            text = self.place(name, ["context.consent." + name])
            if text is None or not mapped:
                continue
            try:
                sale = read(text)
            except ValueError:
                self.unreadable = True
                continue
            for purpose in mapped:
                if sale == "unstated":
                    self.missing.add(purpose.name)
                elif sale is not None:
                    self.say(purpose, sale == "in")


class Standing:
    """What one identifier says of one purpose: the last word under C3."""

    def __init__(self, is_grant, time, offset):
        self.is_grant = is_grant
        self.time = time
        self.offset = offset


class Consent:
    def __init__(self):
        # (identifier, purpose name) -> Standing
        self.standings = {}
        # identifier -> (offset, TCString)
        self.tc_strings = {}

    def assert_(self, identifier, purpose, is_grant, time, offset):
        """C3: a denial always replaces; a grant must be later in both ways to replace a denial."""
        key = (identifier, purpose)
        held = self.standings.get(key)
        if held is None:
            pass
        elif not is_grant:
            # Of two denials, a grant must pass the newer time.
            time = time if held.is_grant else max(time, held.time)
        elif held.is_grant:
            if time <= held.time:
                return
        elif not (offset > held.offset and time > held.time):
            return
        self.standings[key] = Standing(is_grant, time, offset)

    def hear(self, signal, accepted):
        """An event's assertions, once identity has accepted some of its identifiers (C2, C5)."""
        if not accepted:
            return
        offset = signal.event.offset
        for purpose, is_grant, time in signal.statements:
            # Beside a signal that cannot be read, denials stand and grants do not (C6).
            if not (is_grant and signal.unreadable):
                self.assert_(accepted[0], purpose, is_grant, time, offset)
        # GPC speaks for the device; where the event names none, C2 holds.
        devices = [one for one in accepted if one[0] in DEVICES] or accepted
        for purpose in signal.denied_by_gpc:
            self.assert_(devices[0], purpose, False, signal.event.clipped, offset)
        if signal.tc_string:
            self.tc_strings[accepted[0]] = (offset, signal.tc_string)

    def state(self, person, purpose, policy, now):
        """`granted`, `denied`, `expired` or `unknown`, over everybody's identifiers (C4)."""
        held = [(policy.rank(one), self.standings.get((one, purpose.name))) for one in person]
        grants = [(rank, one) for rank, one in held if one and one.is_grant]
        denials = [(rank, one) for rank, one in held if one and not one.is_grant]
        if policy.supersedes:
            denials = [
                (rank, denial)
                for rank, denial in denials
                if not any(
                    stronger < rank and grant.time > denial.time and grant.offset > denial.offset
                    for stronger, grant in grants
                )
            ]
        if policy.resolve == "latest":
            denials = [
                (rank, denial)
                for rank, denial in denials
                if not any(
                    other <= rank and grant.time > denial.time for other, grant in grants
                )
            ]
        if denials:
            return "denied"
        if not grants:
            return "unknown"
        newest = max(grant.time for _, grant in grants)
        if purpose.expires is not None and now is not None and now - newest >= purpose.expires:
            return "expired"
        return "granted"

    def tc_string(self, person):
        """The person's most recent one, by offset (C7)."""
        found = [self.tc_strings[one] for one in person if one in self.tc_strings]
        return max(found, key=lambda entry: entry[0])[1] if found else None

    def at_event(self, person, purpose, policy, signal, country, now):
        """The state that one event is judged by: the person's, narrowed by the event's own signals (C1)."""
        state = self.state(person, purpose, policy, now)
        if signal.denies(purpose.name):
            return "denied"
        if state == "unknown" and country in purpose.default_countries:
            state = "granted"
        if state == "granted" and (signal.unreadable or purpose.name in signal.missing):
            state = "unknown"
        return state


def country(event, policy):
    """The first trusted field that names one (C6)."""
    for field in policy.country:
        if event.source in field["sources"]:
            value = event.at(field["field"])
            if value is not None:
                # The first field that is there counts, even where what it says is no country.
                is_code = isinstance(value, str) and len(value) == 2 and value.isalpha()
                return value.upper() if is_code else None
    return None
