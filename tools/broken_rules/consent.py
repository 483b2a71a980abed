"""C: consent."""

from .kinds import Break, Statement

EVENTS = "Projections/Fold/FoldState+Events.swift"
SIGNAL = "CustomerModel/Consent/ConsentSignal.swift"
OTHERS = "CustomerModel/Consent/ConsentSignal+Others.swift"
READING = "CustomerModel/Consent/ConsentReading.swift"
STATE = "CustomerModel/Consent/ConsentState.swift"
PERMISSION = "CustomerModel/Consent/TCString+Permission.swift"
PEOPLE = "Projections/Profiles/FoldState+Identity.swift"
JUDGE = "Projections/Fold/Judge.swift"
TCF = "Projections/Fold/FoldState+TCF.swift"
STANDINGS = "Projections/Fold/PersonStandings.swift"
EVIDENCE = "CustomerModel/Consent/ConsentEvidence.swift"
FOLDED = "Projections/Profiles/FoldState+Consent.swift"

BREAKS = [
    Break("C1.narrow", "what an event denies does not narrow it", EVENTS, "denials & bit != 0", "false"),
    Break("C1.missing", "a missing category does not narrow its event", EVENTS,
          "signal.isUnreadable || signal.missing & bit != 0", "signal.isUnreadable"),
    Statement("C1.asserts", "a missing category asserts a denial", SIGNAL,
              "missing |= bit", "denied |= bit", after="} else if isAnyMissing {"),
    Break("C1.gpc", "GPC asserts nothing", EVENTS, "signal.deniedByGPC != 0", "false"),
    Break("C1.device", "GPC hangs on the strongest identifier and not on the device", EVENTS,
          'identity.typeName($0.identifier) == "anonymous_id"', "false"),
    Break("C1.listed", "GPC denies purposes that do not list it", READING,
          "purpose.deniedByGPC", "true", after="for (index, purpose) in purposes.enumerated() where"),
    Break("C1.raised", "a GPC field that is false raises the signal", OTHERS,
          'value.bool == true || value.int == 1 || value.equals("1")', "true"),
    Statement("C1.categories", "categories that are false assert nothing", SIGNAL,
              "denied |= bit", "missing |= bit", after="if isAnyFalse {"),

    Break("C1.operator", "an operator's denial asserts nothing", FOLDED, "mask(record.denied)", "0"),

    Break("C2.clip", "an asserted time may lie in the future", EVENTS,
          "statement.time.map { min($0, received.microseconds) } ?? time", "statement.time ?? time"),
    Break("C2.occurred", "an event's own time is not clipped before it asserts", EVENTS,
          "min(record.occurred, received.microseconds)", "record.occurred"),
    Break("C2.skew", "a stated time is not corrected", OTHERS,
          "Self.corrected($0, by: skew)", "$0.microseconds", after="time: times[index].map {"),
    Break("C2.anchor", "an assertion hangs on the weakest identifier", EVENTS,
          "resolution.anchor", "resolution.accepted.last?.identifier ?? resolution.anchor",
          after="private mutating func assertConsent("),
    Break("C2.reader", "who read an assertion is not kept", EVENTS, "statement.reader", ".categories"),
    Break("C2.offset", "an assertion names the record after its own", EVENTS,
          "offset", "offset + 1", after="statement.time.map { min($0, received.microseconds) } ?? time, offset:"),
    Break("C2.operator", "an operator's word may lie in the future", FOLDED,
          "min(record.asserted ?? received, received)", "(record.asserted ?? received)"),
    Break("C2.raw", "what a client sent is not shown as evidence", EVIDENCE,
          'body.context(.consent)?["categoryPreferences"].map(Self.text)', "nil"),
    Statement("C2.document", "the document behind an operator's word is not shown", EVIDENCE,
              "document = record.document", ""),

    Break("C3.equal", "of equal times a grant lifts a denial", STATE,
          "other.assertedTime <= assertedTime", "other.assertedTime < assertedTime"),
    Break("C3.time", "an older grant lifts a denial", STATE,
          "other.isGrant && other.assertedTime <= assertedTime",
          "other.isGrant && !isGrant && other.assertedTime <= assertedTime && other.offset <= offset"),
    Break("C3.offset", "a grant lifts a denial of its own record", STATE,
          "other.isGrant && !isGrant && other.offset <= offset", "false"),
    Break("C3.denial", "an older denial does not replace a grant", STATE,
          "other.isGrant && other.assertedTime <= assertedTime", "other.assertedTime <= assertedTime"),
    Break("C3.repeat", "a late denial makes the one that stands older", STATE,
          "max(assertedTime, other.assertedTime)", "other.assertedTime"),

    Break("C4.strictest", "`strictest` goes by the newest", STATE, "rules.resolution == .latest", "true"),
    Break("C4.latest", "`latest` lifts no denial", STATE, "rules.resolution == .latest", "false"),
    Break("C4.weaker", "a grant on a weaker identifier lifts a denial on a stronger one", STATE,
          "other.rank <= denial.rank", "true"),
    Break("C4.equal", "of equal times the grant is the newest", STATE,
          "other.standing.assertedTime > denial.standing.assertedTime",
          "other.standing.assertedTime >= denial.standing.assertedTime"),
    Break("C4.unasked", "a stronger grant retires denials though the policy does not say so", STATE,
          "rules.supersedesWeaker", "true"),
    Break("C4.supersedes", "`supersedes: weaker` retires nothing", STATE, "rules.supersedesWeaker", "false"),
    Break("C4.rank", "`supersedes: weaker` retires denials of equals", STATE,
          "other.rank < entry.rank", "other.rank <= entry.rank"),
    Break("C4.older", "`supersedes: weaker` retires younger denials", STATE,
          "other.standing.assertedTime > entry.standing.assertedTime", "true"),
    Break("C4.later", "`supersedes: weaker` retires denials of later records", STATE,
          "other.standing.offset > entry.standing.offset", "true"),
    Break("C4.linked", "the past is told by identifiers that are linked now", EVENTS,
          "offset", "nil as UInt64?", after="var members: [UInt32] = [] identity.appendMembers(ofRoot: root, upTo:",
          tests=r"/`[^`:]*\b(C4|C5|A1)\b[^`:]*:"),

    Statement("C5.merge", "who is merged keeps the consent from before", PEOPLE,
              "if resolution.didChange { personStandings.forget(resolution.root) }", ""),
    Statement("C5.split", "after a split the consent of those who went still counts", PEOPLE,
              "personStandings.forget(root)", "", after="= identity.retract(first, second, at: offset)"),
    Statement("C5.order", "an event is decided before its own assertions", EVENTS,
              "if reading.signal != nil { assertConsent( reader.signal(of: reading), resolution, policy: policy, "
              "time: time, received: received, offset: record.offset) }", "",
              also=[("anchorRefusals()",
                     "if reading.signal != nil { assertConsent(reader.signal(of: reading), resolution, "
                     "policy: policy, time: time, received: received, offset: record.offset) }; anchorRefusals()",
                     "reading, in: reader, policy: policy)")]),

    Break("C6.unknown", "unknown is granted", JUDGE,
          "purpose.needsConsent ? .consentUnknown : nil", "nil"),
    Break("C6.expired", "expired is granted", JUDGE, "purpose.needsConsent ? .consentExpired : nil", "nil"),
    Break("C6.end", "a grant still holds at the moment at which it expires", STATE,
          "end <= now", "end < now"),
    Break("C6.expiry", "nothing expires", STATE, "!overflowed && end <= now", "false"),
    Break("C6.unreadable", "what cannot be read does not narrow its event", EVENTS,
          "signal.isUnreadable || signal.missing & bit != 0", "signal.missing & bit != 0"),
    Break("C6.grants", "a signal beside one that cannot be read grants for later", SIGNAL,
          "isUnreadable ? 0 : .max", ".max"),
    Break("C6.trusted", "a country is taken from any source", READING, "field.sources.contains(source)", "true"),
    Break("C6.country", "a default holds in every country", EVENTS,
          "purpose.signals.defaultCountries.contains(country)", "true"),
    Break("C6.default", "a default counts although somebody said something", EVENTS,
          "states[index].value == .unknown", "states[index].value != .granted",
          after="for (index, purpose) in policy.policy.purposes.enumerated() where"),
    Break("C6.reason", "a default's reason is not named", EVENTS, ".regionalDefault(country)", ".nothing"),

    Break("C7.vendor", "a vendor without consent is told", PERMISSION,
          "!vendorConsents.contains(use.vendor)", "false"),
    Break("C7.interest", "a vendor without legitimate interest is told", PERMISSION,
          "!vendorLegitimateInterests.contains(use.vendor)", "false"),
    Break("C7.purpose", "a purpose without consent is taken", PERMISSION,
          "wanted.subtracting(purposesConsent).first", "nil as Int?"),
    Break("C7.restricted", "publisher restrictions are not looked at", PERMISSION,
          "restriction.vendors.contains(where: { $0.contains(vendor) })", "false"),
    Break("C7.flexible", "a restriction to consent lets a legitimate interest pass", PERMISSION,
          "barred.interest.formUnion(purpose)", "()", after="case .requireConsent:"),
    Break("C7.disclosed", "a vendor that was not disclosed is told", PERMISSION,
          "disclosedVendors.contains(vendor) ? nil : .vendorNotDisclosed", "nil"),
    Break("C7.order", "the oldest TC string counts", TCF, "own.offset > $0.offset", "own.offset < $0.offset"),
    Break("C7.day", "a TC string asserts at its own time, which is a day's", OTHERS,
          "ConsentStatement(reader: .tcf)",
          "ConsentStatement(reader: .tcf, time: string.lastUpdated.microseconds)"),
    Break("C7.own", "an event's own TC string does not narrow it", TCF,
          "own.string.refusal(of: use) != nil", "false"),
    Statement("C7.none", "a vendor is told of who has no TC string", TCF, "decision.fail(.consentUnknown)", ""),
]
