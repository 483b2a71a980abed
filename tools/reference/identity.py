"""Who is who (I1 to I6): the components of all links that stand, worked out anew for every question."""


class Identity:
    def __init__(self):
        # identifier -> (offset, ordinal) of its first appearance, accepted or not (I6).
        self.births = {}
        # The pairs that events linked and nobody took back.
        self.links = []
        # Those that are somebody's: accepted at least once.
        self.known = set()
        # identifier -> the time of the newest link that brought it to others: what windows of limits count.
        self.link_times = {}
        self.bars = []
        self.waiting = []
        self.refusals = []
        # identifier -> {the identifier that makes a met person known: the newest time}
        self.met = {}
        # Those that came with too many people and link no more.
        self.stopped = set()
        self.people_now = None

    # Questions

    def person(self, identifier):
        """Everybody whom standing links lead to."""
        if self.people_now is None:
            self.people_now = self.components()
        return self.people_now.get(identifier, frozenset([identifier]))

    def components(self):
        neighbours = {}
        for one, other in self.links:
            neighbours.setdefault(one, []).append(other)
            neighbours.setdefault(other, []).append(one)
        found = {}
        for start in neighbours:
            if start in found:
                continue
            person, left = {start}, [start]
            while left:
                for other in neighbours[left.pop()]:
                    if other not in person:
                        person.add(other)
                        left.append(other)
            found.update(dict.fromkeys(person, frozenset(person)))
        return found

    def people(self):
        return {self.person(identifier) for identifier in self.known}

    def id(self, person):
        """The oldest birth of all its identifiers (I6)."""
        return "p%d.%d" % min(self.births[one] for one in person)

    # What happens

    def bear(self, identifier, offset, ordinal):
        self.births.setdefault(identifier, (offset, ordinal))

    def take(self, born, offset, time, policy, is_approved=False):
        """One event's identifiers, as (ordinal, identifier). Returns those accepted, strongest first."""
        for ordinal, identifier in born:
            self.bear(identifier, offset, ordinal)
        active = sorted((identifier for _, identifier in born), key=policy.rank)
        if policy.burst and len(active) > 1:
            self.meet(active, time, policy)
        while len(active) > 1:
            people = [self.person(one) for one in active]
            if len(set(people)) == 1:
                break
            joined = frozenset().union(*people)
            place, limit = self.obstacle(active, people, joined, time, policy, is_approved)
            if limit is None:
                break
            pair = (active[0], active[place])
            if limit == "profile size" and self.waits(*pair) is None:
                self.waiting.append(pair)
            self.refusals.append((offset, active.pop(place), limit))
        for one in self.newly_linked(active):
            is_alone = len(self.person(one)) == 1
            self.link_times[one] = time if is_alone else max(time, self.link_times[one])
        self.known |= set(active)
        for other in active[1:]:
            stopped = policy.burst and self.stopped & {active[0], other}
            if {active[0], other} not in self.bars and not stopped:
                self.links.append((active[0], other))
        self.people_now = None
        return active

    def obstacle(self, active, people, joined, time, policy, is_approved):
        """What forbids that these people are one: the place of the identifier to drop, and why."""
        if policy.burst:
            # An identifier that links no more keeps its earlier links: within a person nothing is new.
            for place in reversed(range(1, len(active))):
                if self.stopped & {active[0], active[place]} and people[place] != people[0]:
                    return place, "too many people"
        for bar in self.bars:
            one, other = bar
            if bar <= joined and other not in self.person(one):
                sides = [[n for n, p in enumerate(people) if side in p] for side in (one, other)]
                weaker = max(sides, key=lambda places: places[0])
                return weaker[-1], "retracted pair"
        for rule in policy.types:
            if rule.limit is not None and self.count(joined, active, rule, time) > rule.limit:
                return len(active) - 1, rule.name
        if policy.review_above and len(joined) > policy.review_above and not is_approved:
            return len(active) - 1, "profile size"
        return None, None

    def newly_linked(self, active):
        """Those that a link of this event brings to others: whoever is not the strongest one's person yet, and
        the strongest itself where it was nobody's so far."""
        mine = self.person(active[0]) if active else frozenset()
        others = [one for one in active if one not in mine]
        return active[:1] + others if others and len(mine) == 1 else others

    def count(self, joined, active, rule, time):
        """How many values of a type count against its limit (I2)."""
        values = [one for one in joined if one[0] == rule.name]
        if rule.window is not None:
            new = self.newly_linked(active)
            values = [
                one for one in values if one in new or time - self.link_times[one] < rule.window
            ]
        return len(values)

    def meet(self, active, time, policy):
        """Notes whom identifiers came with, and which of them came with too many people lately (I4).

        An event is about one known person: the one that its strongest identifier of such a type names, or else
        the first that its identifiers lead to.
        """
        limit, within = policy.burst
        kinds = [rule.name for rule in policy.types if rule.makes_known()]
        named = [one for one in active if one[0] in kinds]
        led_to = [who for one in active for who in sorted(self.person(one)) if who[0] in kinds]
        if not named + led_to:
            return
        for one in active:
            if one[0] in kinds or one in self.stopped:
                continue
            meetings = self.met.setdefault(one, {})
            known = (named + led_to)[0]
            meetings[known] = max(time, meetings.get(known, time))
            for who in [who for who, then in meetings.items() if time - then >= within]:
                # Forgotten for good.
                del meetings[who]
            # Two of them may be one person by now.
            people = {self.person(who) for who in meetings}
            if len(people) > limit:
                self.stopped.add(one)

    # What an operator decides (I4, I5)

    def waits(self, one, other):
        """The pair as it waits for a review; None when it does not."""
        return next((pair for pair in self.waiting if set(pair) == {one, other}), None)

    def retract(self, one, other, offset):
        self.bear(one, offset, 0)
        self.bear(other, offset, 1)
        pair = {one, other}
        self.links = [link for link in self.links if set(link) != pair]
        if pair not in self.bars:
            self.bars.append(pair)
        self.people_now = None

    def lift(self, one, other):
        self.bars = [bar for bar in self.bars if bar != {one, other}]

    def approve(self, one, other, offset, time, policy):
        pair = self.waits(one, other)
        if pair and len(self.take(list(enumerate(pair)), offset, time, policy, is_approved=True)) == 2:
            self.waiting.remove(pair)

    def reject(self, one, other, offset):
        pair = self.waits(one, other)
        if pair:
            self.waiting.remove(pair)
            self.retract(one, other, offset)
