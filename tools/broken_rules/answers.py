"""L: the line and the log, as far as a customer's data rest on it. X: suppression. A: answers."""

from .kinds import Break, Statement

ADMISSION = "Platform/Ingest/PendingBatch+Admission.swift"
STORED = "Platform/Ingest/StoredForm.swift"
RECORDED = "Platform/Ingest/RecordedMessages.swift"
COLLECTING = "Platform/Ingest/CollectorState.swift"
LOSSES = "Projections/Fold/LossTable.swift"
LOSING = "Projections/Fold/FoldState+Losses.swift"
EVENTS = "Projections/Fold/FoldState+Events.swift"
CONTROL = "Projections/Fold/FoldState+Control.swift"
TABLE = "Projections/Profiles/IdentityTable.swift"
LOOK = "Projections/Outboxes/Look.swift"
PENDING = "Projections/Outboxes/FoldState+Pending.swift"
EXPLAIN = "Projections/Fold/FoldState+Explain.swift"
LEDGER = "Projections/Outboxes/FoldState+Ledger.swift"
SHAPES = "Platform/Operations/JSONShapes.swift"
DISCLOSURES = "Platform/Audit/Workspace+Disclosures.swift"
TAIL = "Platform/Operations/Workspace+Tail.swift"

LOG = [
    Break("L1.changed", "what was altered before storage is not listed", STORED,
          "leftOut.filter { object.member($0) != nil }", "leftOut.filter { _ in false }",
          also=[("object.value(at: path).map { $0.kind == .string && Self.cut($0) != $0.string } ?? false",
                 "false", None)]),
    Break("L2.nul", "a NUL in an identifier is taken", ADMISSION, "found", "false",
          after="if hasNUL(value) { found = true } } if"),
    Break("L5.durable", "a duplicate is acknowledged before what it repeats is durable", COLLECTING,
          "result.noteDuplicate(of: offset)", "()"),
    Break("L7.value", "a message whose key is another's counts as its duplicate", RECORDED,
          "isSame == true", "true"),
    Break("L9.named", "an unreadable record withholds nobody", LOSSES,
          "withheld[key].map { $0 <= offset } ?? false", "false"),
    Break("L9.held", "a loss of which nothing is known holds nothing", PENDING, "isHeldByLoss", "false"),
]
SUPPRESSION = [
    Break("X1.collect", "events about a suppressed subject are collected", ADMISSION,
          "suppressions.contains(type: type, value: value)", "false"),
    Break("X1.dispatch", "what waited for a suppressed subject leaves", LOOK,
          "isSuppressed(root: root, candidates: [])", "false"),
    Break("X1.person", "only events that name the suppressed identifier are withheld", EVENTS,
          "identity.suppressedFrom[Int(member)] != .max", "false"),
    Break("X1.asof", "a suppression counts also in the past", EXPLAIN,
          "identity.suppressedFrom[Int($0)] <= offset", "identity.suppressedFrom[Int($0)] != .max"),
    Break("X1.later", "a second suppression takes the first one's place", TABLE,
          "min(suppressedFrom[Int(identifier)], offset)", "offset"),
    Break("X1.normal", "a suppressed value is taken as it was written", CONTROL,
          "normalised(type: record.type, value: record.value)", "Array(record.value.utf8)",
          after="// A value that the rule would refuse is kept as it stands: suppressing too much is the safe "
          "error. let value ="),
]

ANSWERS = [
    Break("A1.offset", "an answer names another offset", SHAPES, ".offset(offset)", ".offset(offset + 1)",
          after='"generation": .count(generation), "offset":'),
    Break("A1.schedule", "an answer about the past names versions that came later", SHAPES,
          "$0.activatedAt <= offset", "true"),
    Break("A1.question", "an answer about the past says that it is corrected", "Platform/Audit/Workspace+People.swift",
          ".asKnown", ".asCorrected", after='("asOf", stamp(asOf: offset, question:'),
    Break("A2.agrees", "a decision that cannot be borne out agrees", EXPLAIN,
          "recorded.map { $0 == rederived } ?? true", "true"),
    Break("A2.asof", "a decision is worked out anew by who is whom now", EXPLAIN,
          "identity.root(ofIdentifier: anchor, asOf: offset)", "identity.root(ofIdentifier: anchor)",
          after="let root = anchor == DecisionColumns.none ? nil :"),
    Statement("A3.durable", "a read is answered before it is durable", DISCLOSURES,
              "try await log.waitDurable(ticket)", ""),
    Statement("A3.read", "a read of disclosures is not recorded", DISCLOSURES,
              'try await noteRead("audit.disclosures", person, by: principal, upTo: asOf)', ""),
    Break("A3.served", "a served range is not recorded", TAIL,
          "projection.read({ $0.eventCount(in: from..<to) }) > 0", "false"),
    Break("A3.maybe", "what may have been received is not told", DISCLOSURES,
          "$0.outcome == .unknown || $0.outcome == .attempting", "false"),
    Break("A3.former", "what was told of both before a split is forgotten", LEDGER,
          "members.contains { identity.root(ofIdentifier: $0, asOf: offset) == then } ? .then : nil",
          "nil as Relation?"),
    Break("A3.present", "what was told under a former profile is forgotten", LEDGER,
          "identity.root(ofIdentifier: subject) == root", "subject == identity.oldestMember(ofRoot: root)"),
    Break("A4.log", "a cursor of another log goes on", TAIL, "String(parts[0]) == log.identity.hex", "true"),
    Break("A4.incarnation", "a cursor of another incarnation goes on", TAIL,
          "String(parts[1]) == String(log.identity.incarnation)", "true"),
    Break("A4.stream", "a cursor of another stream goes on", TAIL, "String(parts[2]) == stream", "true"),
    Break("A4.end", "a cursor past the log's end goes on", TAIL, "offset <= log.durableEnd.value", "true"),
    Break("A4.gap", "a gap that a restore left is silent", TAIL, "range.lowerBound > place", "false"),
]
