"""I: identity."""

from .kinds import Break, Statement

RESOLVER = "Projections/Profiles/IdentityResolver.swift"
TABLE = "Projections/Profiles/IdentityTable.swift"
SPLITS = "Projections/Profiles/IdentityTable+Splits.swift"
BURSTS = "Projections/Profiles/IdentityTable+Bursts.swift"
MEETINGS = "Projections/Profiles/BurstTable.swift"
PEOPLE = "Projections/Profiles/FoldState+Identity.swift"
EVENTS = "Projections/Fold/FoldState+Events.swift"
VALUES = "CustomerModel/Identity/IdentifierValue.swift"

BREAKS = [
    Break("I1.normal", "values are compared with their case", VALUES,
          "lowercased(byte)", "byte", after="case .lowercase, .email:"),
    Break("I1.email", "what is no e-mail address is an identifier all the same", VALUES,
          "rule == .email && !isEmail(out)", "false"),
    Statement("I1.evidence", "a link keeps no event that made it", RESOLVER,
              "links.note(anchor, other, offset: offset, rule: rule)", ""),
    Statement("I1.rule", "a link is said to be an alias's whatever made it", RESOLVER,
              "links.note(anchor, other, offset: offset, rule: rule)",
              "links.note(anchor, other, offset: offset, rule: .alias)"),
    Statement("I1.offset", "a link names the record after the one that made it", RESOLVER,
              "links.note(anchor, other, offset: offset, rule: rule)",
              "links.note(anchor, other, offset: offset + 1, rule: rule)"),

    Break("I2.limit", "one value more than a limit allows", RESOLVER, "count > limit", "count > limit + 1"),
    Break("I2.window", "a link still counts when it is as old as its window", RESOLVER,
          "age.partialValue < window", "age.partialValue <= window"),
    Break("I2.windowless", "windows are not looked at: every link counts for ever", RESOLVER,
          "age.overflow || age.partialValue < window", "true"),
    Break("I2.fresh", "the event's own new link does not count", RESOLVER, "fresh.contains(member)", "false"),
    Break("I2.clip", "a window is measured from a time in the future", EVENTS,
          "min(record.occurred, received.microseconds)", "record.occurred"),
    Break("I2.weakest", "not the weakest identifier goes but the second", RESOLVER,
          "active.count - 1", "1", after="else { return nil } return Objection(place:"),
    Break("I2.again", "after one identifier went, the rest is joined unasked", RESOLVER,
          "roots.count + unlinked > 1", "roots.count + unlinked > 1 && active.count == candidates.count",
          after="if active.count > 1,"),
    Statement("I2.refusal", "a refusal is not recorded", RESOLVER,
              "refusals.append(dropped, limitType: objection.reason, offset: offset)", ""),
    Break("I2.linktime", "a link that a late event repeats becomes older", RESOLVER,
          "isAlone ? time : max(before, time)", "time"),

    Break("I3.known", "limits of 1 for ever do not count", RESOLVER,
          "count > limit", "!rules.makesKnown[rank] && count > limit"),
    Break("I3.review", "an approval makes two known people one", RESOLVER,
          "rules.limits.enumerated()", "(left == .size ? [] : rules.limits).enumerated()"),

    Break("I4.blocked", "blocked values are identifiers", VALUES, "matches(value, rule.match)", "false"),
    Break("I4.case", "a blocked value is not known in another case", VALUES,
          "lowercased($0) == lowercased($1)", "$0 == $1"),
    Break("I4.allof", "values of blocked characters are identifiers", VALUES,
          "value.allSatisfy { allowed.contains($0) }", "false"),
    Break("I4.prefix", "a blocked prefix must be the whole value", VALUES,
          "value.starts(with: text.utf8)", "value.elementsEqual(text.utf8)"),
    Break("I4.suffix", "a blocked suffix must be the whole value", VALUES,
          "value.reversed().starts(with: text.utf8.reversed())", "value.elementsEqual(text.utf8)"),
    Break("I4.pattern", "blocked patterns block nothing", VALUES,
          "blocked.pattern.matches(utf8: value)", "false"),
    Break("I4.type", "what is blocked for one type is for all", VALUES, "only != type", "only != type && only.isEmpty"),
    Break("I4.size", "one identifier more than N needs no review", RESOLVER,
          "size + unlinked > rules.reviewAbove", "size + unlinked > rules.reviewAbove + 1"),
    Statement("I4.wait", "what is too large is refused and does not wait", RESOLVER,
              "reviews.wait(anchor: strongest.identifier, other: dropped, offset: offset)", ""),
    Break("I4.approved", "an approved link counts from the event that waited", PEOPLE,
          "offset", "identity.reviews.offsets[entry]", after="rules: policy.identity, offset:"),
    Break("I4.burst", "one known profile more than K is met", BURSTS,
          "met.count > burst.knownProfiles", "met.count > burst.knownProfiles + 1"),
    Break("I4.people", "those who became one person count twice", BURSTS,
          "people.count > burst.knownProfiles", "true"),
    Break("I4.within", "a meeting counts when it is as old as T", MEETINGS,
          "age.partialValue < window", "age.partialValue <= window"),
    Break("I4.stops", "an identifier that met too many links on", RESOLVER, "!bursts.isEmpty", "false"),
    Break("I4.finding", "an identifier that met too many is no finding",
          "Platform/Operations/Workspace+Identity.swift", "projection.read { $0.stoppedIdentifiers() }", "[]"),

    Statement("I5.bar", "a retraction bars nothing", SPLITS, "_ = retractions.bar(a, b, at: offset)", ""),
    Break("I5.barred", "what is barred is linked by later events", RESOLVER,
          "!retractions.standing.isEmpty", "false"),
    Break("I5.keepbarred", "an event about one person puts a barred link back", RESOLVER,
          "retractions.isBarred(anchor, other)", "false"),
    Break("I5.cut", "a retraction divides nobody", SPLITS, "links.cut(a, b, at: offset)", "false"),
    Statement("I5.lift", "a lifted pair stays barred", PEOPLE,
              "_ = identity.retractions.lift(first, second, at: offset)", ""),

    Break("I6.oldest", "a person's id is that of the identifier it began with", TABLE,
          "birth(identifier) < birth(oldestMembers[Int(root)])", "false"),
    Statement("I6.merge", "a merge keeps the id of the larger side", TABLE,
              "keepOlder(oldestMembers[Int(gone)], at: kept)", ""),
    Break("I6.lineage", "a merge's lineage says that the older id went under the younger", TABLE,
          "birth(one) < birth(other)", "birth(one) > birth(other)"),
    Break("I6.ordinal", "identifiers of one event have one birth", EVENTS,
          "offer.ordinal", "0", after="hash: offer.hash, offset: offset, ordinal:"),
    Break("I6.split", "a split takes the older id along", SPLITS,
          "side.contains(oldestMembers[Int(root)])", "!side.contains(oldestMembers[Int(root)])"),
    Break("I6.former", "a former id leads nowhere", TABLE,
          "birth(UInt32(place)) == id", "birth(UInt32(place)) == id && oldestMembers.contains(UInt32(place))"),
    Break("I6.key", "an mpid can be told without the key", "CustomerModel/Identity/MPID.swift",
          "SipHash.hash($0, key: key)", "UInt64(round)"),
]
