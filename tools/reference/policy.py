"""The policy file, read with its defaults. The reference of its format is `Sources/PolicyText/PolicyFile.swift`."""

import re

import events
import times
import yaml_subset


class IdentifierType:
    def __init__(self, rank, text):
        self.rank = rank
        self.name = text["type"]
        self.limit = text.get("limit")
        self.window = times.length(text.get("window"))
        self.normalise = text.get("normalise", "none")
        self.paths = text.get("paths", [])

    def makes_known(self):
        return self.limit == 1 and self.window is None


class Purpose:
    def __init__(self, name, text):
        text = text or {}
        self.name = name
        self.segment = text.get("segment", [])
        self.mparticle = text.get("mparticle", [])
        self.expires = times.length(text.get("expires"))
        self.denied_by_gpc = text.get("deniedByGPC", False)
        self.needs_grant = text.get("basis", "consent") == "consent"
        self.tcf = text.get("tcf")
        self.gpp = text.get("gpp", [])
        self.us_privacy = text.get("usPrivacy", [])
        self.ccpa = text.get("ccpa", False)
        self.default_countries = (text.get("defaults") or {}).get("granted", [])


class Destination:
    def __init__(self, name, text):
        self.name = name
        self.enabled = text.get("enabled", True)
        self.sources = text.get("sources", "all")
        purposes = text["purposes"]
        if isinstance(purposes, list):
            purposes = {"all": purposes}
        self.purposes = purposes.get("all", [])
        self.any_purposes = purposes.get("any", [])
        self.tcf = text.get("tcf")
        self.requires = text.get("requires", [])
        self.events = text.get("events", [])
        self.filter = text.get("filter")
        self.follows_plans = text.get("plans", "follow") == "follow"
        self.maximum_age = times.length(text.get("maximumAge"))
        self.is_sampled = "sample" in text
        self.integration = text.get("integration", name)


class Policy:
    def __init__(self, version, text):
        tree = yaml_subset.parse(text)
        self.version = version
        identity = tree["identity"]
        self.types = [IdentifierType(rank, one) for rank, one in enumerate(identity["types"])]
        self.type = {one.name: one for one in self.types}
        self.block = identity.get("block") or []
        self.review_above = identity.get("reviewAbove")
        burst = identity.get("burst")
        self.burst = burst and (burst["knownProfiles"], times.length(burst["within"]))
        consent = tree.get("consent") or {}
        self.resolve = consent.get("resolve", "strictest")
        self.supersedes = consent.get("supersedes") == "weaker"
        self.country = consent.get("country", [])
        self.places = consent.get("places") or {}
        self.purposes = [Purpose(*one) for one in (tree.get("purposes") or {}).items()]
        self.audiences = tree.get("audiences") or {}
        self.plans = list((tree.get("plans") or {}).values())
        self.destinations = [Destination(*one) for one in (tree.get("destinations") or {}).items()]

    def identifier(self, kind, value):
        """(type, value) when it is one, by I1 and I4."""
        rule = self.type.get(kind)
        text = rule and events.normalised(value, rule.normalise)
        if text is None or any(self.blocks(one, kind, text) for one in self.block):
            return None
        return (kind, text)

    def blocks(self, rule, kind, text):
        if rule.get("type", kind) != kind:
            return False
        if "value" in rule:
            return text.lower() == str(rule["value"]).lower()
        if "only" in rule:
            return all(letter in rule["only"] for letter in text)
        if "prefix" in rule:
            return text.startswith(rule["prefix"])
        if "suffix" in rule:
            return text.endswith(rule["suffix"])
        return re.search(rule["pattern"], text) is not None

    def rank(self, identifier):
        """The place of its type among the rules; 0 is the strongest."""
        rule = self.type.get(identifier[0])
        return rule.rank if rule else len(self.types)
