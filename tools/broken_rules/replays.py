"""R: replays, and what a replay must never do."""

from .kinds import Break, Statement, Text

LANE = "Projections/Outboxes/LaneState.swift"
LOOK = "Projections/Outboxes/Look.swift"
MEMBERS = "Projections/Outboxes/Look+Memberships.swift"
TOLD = "Projections/Outboxes/FoldState+Told.swift"
LEDGER = "Projections/Outboxes/FoldState+Ledger.swift"
BOUNDS = "Projections/Outboxes/FoldState+Bounds.swift"
CORRECTIONS = "Projections/Outboxes/FoldState+Corrections.swift"
LATE = "Projections/Outboxes/FoldState+LateDenials.swift"
UNKNOWN = "Projections/Outboxes/FoldState+Unknown.swift"
RETROACTIVE = "Projections/Replay/FoldState+Retroactive.swift"
RESOLVER = "Projections/Profiles/IdentityResolver.swift"
RENDERING = "CustomerModel/Policy/Rendering+Corrections.swift"
DRAFT = "Platform/Replay/PlanDraft.swift"
BACKFILL = "Platform/Replay/BackfillPlanner.swift"
REPAIR = "Platform/Replay/Workspace+Repair.swift"
REQUEST = "Delivery/Dispatch/Dispatcher+Request.swift"
DISPATCHER = "Delivery/Dispatch/Dispatcher.swift"
MACHINE = "Delivery/Dispatch/LaneMachine.swift"

BREAKS = [
    Break("R1.dry", "a dry run is recorded", DRAFT, "scope.isDryRun ? [] : records", "records"),
    Break("R1.approver", "a plan names nobody who approved it", DRAFT, "scope.approver", '""',
          after="policyVersion: order.policyVersion, approver:"),
    Break("R1.rate", "a plan's rate is not stored", DRAFT, "scope.rate", "nil as Int?"),
    Break("R1.version", "a plan stores another policy version", DRAFT, "order.policyVersion", "order.policyVersion - 1",
          after="epoch: draft.lane.epoch, slot: draft.lane.slot, policyVersion:"),
    Break("R1.counts", "a plan's counts are not stored", DRAFT, "part.counts",
          "PlanRecord.Counts(considered: 0, allowed: 0, alreadyTold: 0, deniedNow: 0, planned: 0)",
          after="ratePerSecond: scope.rate, counts:"),
    Break("R1.filters", "what a plan was narrowed to is not stored", DRAFT,
          "scope.recorded(key: log.identity)", "nil as PlanRecord.Narrowing?"),
    Break("R1.named", "an attempt does not name its plan", REQUEST, "request.plan", "nil as String?",
          after="recipient: look.destination.recipient, slot: lane.slot, plan:"),
    Break("R1.incomplete", "a plan that holds an unknown effect is complete", LEDGER,
          "parked + unknown == 0", "parked == 0"),
    Text("R1.network", "the target that folds holds a network", "Projections/Replay/Replayer.swift",
         "public import EventLog", "public import EventLog\nimport NIOPosix"),

    Break("R2.now", "what consent is now is not asked", LOOK,
          "sight.decision.isAllow", "sight.decision.isAllow || sight.decision.gates.allSatisfy "
          "{ [.consentDenied, .consentUnknown, .consentExpired].contains($0) }"),
    Break("R2.event", "what consent was at the event is not asked", RETROACTIVE, "bits == 0", "true"),
    Break("R2.stamp", "an event's own signal is not asked again", LOOK,
          "ConsentSignal.read(body, by: policy.reading, received: received)", "ConsentSignal()"),
    Break("R2.denied", "what was denied at the event is released by a retroactive plan", RETROACTIVE,
          "value == .unknown || value == .expired", "true",
          also=[("bits & ~Self.lenientGates == 0", "true", None)]),
    Break("R2.marked", "a purpose that is not marked is retroactive", RETROACTIVE, "purpose.isRetroactive", "true"),
    Break("R2.said", "a plan that does not say so is retroactive", RETROACTIVE,
          "isRetroactive && lenient.allows(moment, bits, self)", "lenient.allows(moment, bits, self)"),
    Break("R2.grant", "a membership is judged as of now and not of its change",
          "Projections/Outboxes/FoldState+Release.swift", "change.offset", "nil as UInt64?",
          after="destination, policy: policy, root: root, now: projectionTime, asOf:"),
    Break("R2.late", "a late denial opens no finding", LATE, "denial >= attempts.looks[attempt]", "false"),

    Text("R3.1network", "the target that folds holds a network", "Projections/Replay/ControlDraft.swift",
         "public import EventLog", "public import EventLog\nimport AsyncHTTPClient"),
    Break("R3.2told", "a backfill names what was told", BACKFILL, "!live.isTold($0, lane: lane)", "true"),
    Break("R3.2again", "a plan takes up what was delivered", LANE,
          "!delivered.contains(offset)", "true",
          after="mutating func plan(_ offset: UInt64, plan: UInt32, unknown: UnknownOutcome) { guard"),
    Break("R3.2guess", "a backfill takes up what is unknown", LANE, "unknown == .lookUp", "true"),
    Break("R3.2ask", "a repair takes up what is unknown where nobody can be asked", REPAIR, "canAsk", "true",
          after="candidate.status == .unknown && candidate.wasLeftBehind &&"),
    Break("R3.2none", "an unknown effect that nobody can be asked about is sent again", DISPATCHER,
          "uncertainty != .none || !effect.isUnknown", "true"),
    Break("R3.3event", "a plan holds what was not allowed at the event", RETROACTIVE, "bits == 0", "true"),
    Break("R3.3now", "a plan's effects leave whatever is so now", LOOK, "sight.decision.isAllow", "true"),
    Break("R3.4subject", "what was planned for a suppressed subject leaves", LOOK,
          "isSuppressed(root: root, candidates: [])", "false"),
    Break("R3.4link", "later events bring a retracted link back", RESOLVER,
          "!retractions.standing.isEmpty", "false"),
    Break("R3.4told", "an event from before a retraction is told with what was taken from its person", LOOK,
          "identity.moves.isEmpty || identity.root(ofIdentifier: $0) == now", "true"),
    Break("R3.5entry", "an entry that was told is announced again", MEMBERS,
          "told(lane: number, audience: key.audience, root: root) == .entered", "false"),
    Break("R3.5exit", "an exit is announced of whom nobody was told", MEMBERS,
          "told(lane: number, audience: key.audience, of: subject(of: key, asOf: nil)) == .nothing", "false",
          also=[("!concerned.allSatisfy({ leaving.contains(.init(audience: audience, identifier: $0)) })",
                 "true", None, TOLD)]),
    Break("R3.6correction", "an older plan overwrites what a newer one told", CORRECTIONS,
          "$0.attempt == effect.corrects", "true"),
    Break("R3.6membership", "an older entry overwrites a newer exit", MEMBERS, "!isHeldRightly", "false"),
    Break("R3.7age", "a plan passes the maximum age", LOOK,
          "(now ?? received).microseconds", "received.microseconds"),
    Break("R3.7rate", "a plan's rate is not kept to", MACHINE, "planWait(at: now) > 0", "false"),
    Break("R3.7share", "one request of a plan is larger than its rate", MACHINE,
          "min(limit, max(1, planRatePerSecond))", "limit"),
    Statement("R3.7pace", "what a plan sends is not counted against its rate", DISPATCHER,
              "machine.pacePlan(count: effects.count, ratePerSecond: planRate(plan), at: clock.now())", ""),
    Break("R3.7asked", "the rate of another plan is kept to", LEDGER, "$0.id == id", "$0.id != id",
          after="guard let plan = plans.first(where: {"),
    Statement("R3.8cursor", "a plan moves the lane's cursor", LANE,
              "open.insert(offset)", "open.insert(offset); releasedTo = max(releasedTo, offset + 1)",
              after="exceptions[offset] = EffectRow(status: .pending, plan: plan)"),
    Break("R3.9turn", "a plan is not made to wait for the live flow", MACHINE, "lastWasPlan", "false",
          after="if first.plan != nil { if"),
    Break("R3.10suppressed", "a suppression in the midst of a plan does not count", LOOK,
          "isSuppressed(root: root, candidates: [])", "false"),
    Break("R3.11action", "an amendment is told as an event", CORRECTIONS, ".amend", ".deliver",
          after="amended.key = key amended.action ="),
    Break("R3.11type", "a correction's body has an event's type", RENDERING, '"correction"', '"track"',
          after='out.member("type",'),
    Break("R3.12amend", "an amendment leaves under another version than it was planned with", CORRECTIONS,
          "plans[plan].policyVersion == UInt32(policy.version)", "true"),
    Break("R3.12bound", "what a plan names is not bound by the plan's version", BOUNDS,
          "Int(plans[Int(plan)].policyVersion)", "policies.last?.version"),
    Break("R3.12recorded", "an attempt records another version than was applied", REQUEST,
          "item.policyVersion", "item.policyVersion + 1"),
    Break("R3.13ends", "a plan with an effect unsettled ends in success", LEDGER,
          "parked + unknown == 0", "true"),
    Break("R3.13running", "a plan ends while effects of it wait", LEDGER, "true", "false",
          after="case .pending, .attempting:"),
    Break("R3.13asked", "a plan ends while an unknown effect is looked after", LEDGER,
          "row?.isFrozen == false && takesUpUnknown(lane)", "false"),
]
