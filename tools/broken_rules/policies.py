"""T: time. P: policy, schedules, generations."""

from .kinds import Break, Statement

STATE = "Projections/Fold/FoldState.swift"
CONTROL = "Projections/Fold/FoldState+Control.swift"
METRICS = "Projections/Fold/FoldState+Metrics.swift"
EVENTS = "Projections/Fold/FoldState+Events.swift"
SUMMARY = "Projections/Profiles/ProfileSummary.swift"
CHECKPOINTS = "Platform/Replay/CheckpointStore.swift"
CANONICAL = "Projections/Fold/FoldState+Canonical.swift"
REPLAYS = "Platform/Replay/Workspace+Replays.swift"
CLOCK = "CustomerModel/Events/EventClock.swift"
RELEASE = "Projections/Outboxes/FoldState+Release.swift"
JUDGE = "Projections/Fold/Judge.swift"
TREE = "CustomerModel/Policy/FieldTree.swift"
ADMISSION = "Platform/Ingest/PendingBatch+Admission.swift"
PACE = "Platform/Ingest/AsIfLivePace.swift"

TIME = [
    Break("T1.skew", "the client's clock is believed", CLOCK,
          "left ? received : Timestamp(microseconds: moment)", "stamped"),
    Break("T1.clip", "a metric counts an event of the future at its own time", EVENTS,
          "min(record.occurred, received.microseconds)", "record.occurred"),
    Break("T1.history", "a new metric counts the past's events of the future at their own time", METRICS,
          "min(record.occurred, received.microseconds)", "record.occurred"),
    Break("T1.original", "`originalTimestamp` is not looked at", ADMISSION,
          "stamped ?? original", "stamped"),

    Break("T2.back", "a tick moves projection time backwards", CONTROL,
          "record.time.microseconds > projectionTime", "record.time.microseconds != projectionTime"),
    Statement("T2.wake", "a tick looks at nobody", CONTROL, "passTime(at: offset)", ""),
    Break("T2.import", "what an import changed is sent", RELEASE, "change.reason != .imported", "true"),
    Break("T2.reason", "an import's changes are said to come from an event", METRICS,
          "event.isImport ? .imported : .event", ".event"),
    Break("T2.minute", "a played file ticks more than once a minute", PACE,
          "passed >= Self.interval", "passed > 0"),
    Break("T2.empty", "a file is played on top of what came by itself", PACE,
          "newest == .asIfLive || newest == .none && lastTick == nil", "true"),
    Break("T2.marked", "the ticks of a played file are not marked", PACE, "true", "false",
          after="tail: TickRecord(time: moment, asIfLive:"),
]

POLICY = [
    Break("P1.governs", "the first version governs for ever", STATE,
          "policies.last ?? initial", "policies.first ?? initial"),
    Break("P1.candfrom", "a candidate judges also what comes before its offset", STATE,
          "offset >= from", "true"),
    Break("P1.audiences", "a new version's audiences judge nobody until they do something", METRICS,
          "before?.audiences ?? [] != policy.policy.audiences", "false"),
    Break("P1.history", "a new metric counts from its activation on", CONTROL, "fresh.isEmpty", "true"),
    Break("P1.adopted", "a promotion names another code version", REPLAYS,
          "FoldState.codeVersion", "FoldState.codeVersion + 1"),
    Break("P1.schedule", "a promotion names no schedule", REPLAYS, "activeSchedule()", "[]",
          after="codeVersion: FoldState.codeVersion, schedule:"),
    Break("P1.digest", "a promotion names another digest", REPLAYS, "result.rebuilt", 'SHA256.of("")',
          after="generation: generation, at: result.at, digest:"),

    Break("P2.past", "the past is asked under the newest version", SUMMARY,
          "$0.activatedAt <= offset", "$0.activatedAt <= offset || true"),
    Break("P2.usable", "a checkpoint that rests on what cannot be read is used", CHECKPOINTS,
          "isUsable(state)", "true"),
    Break("P2.code", "a checkpoint of another code version is used", CANONICAL,
          "reader.integer(UInt32.self) == UInt32(Self.codeVersion)", "reader.integer(UInt32.self) > 0",
          after='try reader.section("FOLD")'),
    Break("P2.promoted", "a generation of another digest is promoted", REPLAYS,
          "rebuilt == live.0", "true",
          also=[("result.live == result.rebuilt", "true", "var promotion: UInt64? if end == .promote,")]),

    Break("P3.keys", "unknown keys are taken", "PolicyText/PolicyReader.swift",
          "!keys.contains(member.name)", "false"),
    Break("P3.secrets", "a policy may hold a secret", "PolicyText/SecretScan.swift",
          "here.insert(finding.kind).inserted", "false",
          also=[("known.insert(finding.kind).inserted", "false", None)]),

    Statement("P4.purpose", "a destination without a purpose is told", JUDGE,
              "decision.fail(.consentUnknown)", ""),
    Break("P4.event", "an event that is not listed is let out", JUDGE,
          "rule(for: item, in: destination) == nil", "false"),
    Break("P4.prefix", "a property is listed when a listed name begins with its name", TREE,
          "$0.name.elementsEqual(name)", "$0.name.starts(with: name)"),
    Break("P4.property", "properties that are not listed leave", "CustomerModel/Policy/FieldSelection.swift",
          "tree.isWhole", "true"),
    Break("P4.nested", "what stands beside a listed nested property leaves", "CustomerModel/Policy/FieldSelection.swift",
          "below.isWhole", "true"),
]
