"""What a line says: its envelope and the client's message (L1, T1), and which identifiers are in it (I1)."""

import re

import times


# What RudderStack calls the identifiers that have names of their own here.
OWN_NAMES = {"userId": "user_id", "anonymousId": "anonymous_id", "groupId": "group_id"}


class Event:
    def __init__(self, line):
        self.offset = line["offset"]
        self.source = line["source"]
        self.received = times.moment(line["received"])
        self.body = line["body"]
        self.type = self.body.get("type", line.get("type"))
        # RudderStack's merge is an alias of any two identifiers.
        self.merged = []
        if self.type == "merge" or self.type == "alias" and self.body.get("type") != "alias":
            self.merged = self.body.get("mergeProperties") or []
        if self.type == "merge":
            self.type = "alias"
        self.gpc = line.get("gpc") is True
        sent = times.moment(line.get("sentAt", self.body.get("sentAt")))
        stamp = times.moment(self.body.get("timestamp"))
        if stamp is None:
            stamp = times.moment(self.body.get("originalTimestamp"))
        # How much the client's clock is behind (T1).
        self.skew = self.received - sent if sent is not None else 0
        self.occurred = self.received if stamp is None else stamp + self.skew
        self.clipped = min(self.occurred, self.received)
        self.name = {"track": self.body.get("event")}.get(self.type)
        if self.type in ("page", "screen"):
            self.name = self.body.get("name")

    def at(self, path):
        """What stands at a dotted path; None where there is nothing or null."""
        found = self.body
        for name in path.split("."):
            if not isinstance(found, dict) or name not in found:
                return None
            found = found[name]
        return found

    def identifiers(self, policy):
        """The event's identifiers as (ordinal, (type, value)), in the order of their births (I6).

        The ordinal is the place among all values that stand in the event, also those that are nobody.
        """
        places = [("user_id", self.at("userId")), ("anonymous_id", self.at("anonymousId"))]
        if self.type == "alias":
            places.append(("anonymous_id", self.at("previousId")))
        if self.type != "group":
            places.append(("email", self.at("traits.email")))
        places.append(("email", self.at("context.traits.email")))
        places.append(("group_id", self.at("groupId")))
        for external in self.at("context.externalIds") or []:
            if external.get("collection") == "users" and external.get("encoding") == "none":
                places.append((external.get("type"), external.get("id")))
        for entry in self.merged:
            places.append((OWN_NAMES.get(entry["type"], entry["type"]), entry["value"]))
        for rule in policy.types:
            places += [(rule.name, self.at(path)) for path in rule.paths]
        given = [(kind, value) for kind, value in places if value not in (None, "")]
        found = {}
        for ordinal, (kind, value) in enumerate(given):
            identifier = policy.identifier(kind, value)
            if identifier:
                found.setdefault(identifier, ordinal)
        return [(ordinal, identifier) for identifier, ordinal in found.items()]


def normalised(value, rule):
    """A value in the form in which it is compared; None when it is no identifier."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    text = str(value)
    if rule in ("lowercase", "email"):
        text = "".join(chr(ord(c) | 32) if "A" <= c <= "Z" else c for c in text).strip(" \t\n\v\f\r")
    if rule == "email" and not re.fullmatch(r"[^@\s]+@[^@\s]+", text):
        return None
    if rule == "phone":
        text = re.sub(r"[^0-9+]", "", text)
        if not re.fullmatch(r"\+\d{7,15}", text):
            return None
    if not text or "\0" in text or len(text.encode()) > 512:
        return None
    return text
