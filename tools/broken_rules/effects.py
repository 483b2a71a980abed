"""D: decisions and releases. E: effects, attempts, receipts."""

from .kinds import Break, Statement

JUDGE = "Projections/Fold/Judge.swift"
EVENTS = "Projections/Fold/FoldState+Events.swift"
CONTROL = "Projections/Fold/FoldState+Control.swift"
GATE = "CustomerModel/Decisions/Gate.swift"
RELEASE = "Projections/Outboxes/FoldState+Release.swift"
LANE = "Projections/Outboxes/LaneState.swift"
PENDING = "Projections/Outboxes/FoldState+Pending.swift"
LOOK = "Projections/Outboxes/Look.swift"
MEMBERS = "Projections/Outboxes/Look+Memberships.swift"
TOLD = "Projections/Outboxes/FoldState+Told.swift"
WITHDRAWALS = "Projections/Outboxes/FoldState+Withdrawals.swift"
ATTEMPTS = "Projections/Outboxes/FoldState+Attempts.swift"
UNKNOWN = "Projections/Outboxes/FoldState+Unknown.swift"
BOUNDS = "Projections/Outboxes/FoldState+Bounds.swift"
FINDINGS = "Projections/Outboxes/FoldState+Findings.swift"
CORRECTIONS = "Projections/Outboxes/FoldState+Corrections.swift"
RESTORE = "Projections/Fold/FoldState+Restore.swift"
KEY = "CustomerModel/Records/EffectKey.swift"
REQUEST = "Delivery/Dispatch/Dispatcher+Request.swift"
DISPATCHER = "Delivery/Dispatch/Dispatcher.swift"
MACHINE = "Delivery/Dispatch/LaneMachine.swift"
INTERRUPTED = "Delivery/Receipts/Dispatcher+Unknown.swift"
LOOKUP = "Delivery/Receipts/ReceiptRecord+Lookup.swift"
DIFF = "CustomerModel/Policy/PolicyDiff.swift"
METRICS = "Projections/Audiences/MetricTable.swift"
SERIES = "Projections/Audiences/MetricSeries.swift"

DECISIONS = [
    Break("D1.enabled", "a disabled destination is told", JUDGE, "!destination.isEnabled", "false"),
    Break("D1.source", "a source that is not connected is told of", JUDGE,
          "!destination.takes(item.source)", "false"),
    Break("D1.suppressed", "a suppressed subject's events are allowed", JUDGE, "item.isSuppressed", "false"),
    Break("D1.plan", "what breaks a tracking plan is allowed", JUDGE, "plan.withholds(from: destination)", "false"),
    Break("D1.listed", "what is not listed is allowed", JUDGE, "rule(for: item, in: destination) == nil", "false"),
    Break("D1.filter", "what a filter keeps out is allowed", JUDGE,
          "!filter.evaluate(on: body, received: eventReceived, profile: fields)", "false"),
    Break("D1.denied", "denied is said to be unknown", JUDGE, ".consentDenied", ".consentUnknown",
          after="case .denied:"),
    Break("D1.integrations", "the client's switch is not looked at", JUDGE, "entry.bool == true", "true"),
    Break("D1.all", "`All` of the client's switch is not looked at", JUDGE,
          'entry(name) ?? entry("All")', "entry(name)"),
    Break("D1.required", "who lacks a needed identifier is told of", JUDGE, "!hasRequiredIdentifier", "false"),
    Break("D1.old", "what is too old is allowed", JUDGE,
          "isTooOld(received: received, occurred: occurred, limit: maximumAge)", "false"),
    Break("D1.sampled", "what is sampled out is allowed", JUDGE,
          "!isSampled(profile, share: share, key: sampleKey)", "false"),
    Break("D1.unreadable", "what cannot be read is allowed", JUDGE, "item.isUnreadable", "false"),
    Statement("D1.first", "only the first failing gate is kept", GATE,
              "bits |= gate.bit", "if bits == 0 { bits |= gate.bit }"),
    Break("D1.now", "a decision is measured by another time than its own event's", EVENTS,
          "received.microseconds", "projectionTime", after="self.standing(of: root, policy: policy, now:",
          also=[("received.microseconds", "projectionTime",
                 "defer { swap(&purposes, &scratch.purposes) } purposeStates(of: root, policy: policy, now:")]),

    Break("D2.all", "a release names what was withheld", RELEASE, "table[Int(row)] == 0", "true"),
    Break("D2.digest", "a fold that disagrees with its release is not noticed", CONTROL, "!agrees", "false"),
    Break("D2.held", "a lane that disagrees goes on", PENDING, "!lanes[number].disagreements.isEmpty", "false"),
    Statement("D2.recorded", "what a record releases is not taken up", CONTROL,
              "lanes[number].release(offset)", ""),
    Break("D2.today", "what is released is what would be decided now", CONTROL,
          "record.allowed.members",
          "record.allowed.members.filter { offset in decisions.decision(row: decisions.row(at: offset), "
          "destination: policies.last?.destinationIndex(record.destination) ?? 0)?.isAllow ?? true }"),

    Break("D3.before", "a destination that is new is told of what came before it", LANE,
          "start", "0", after="self.start = start releasedTo ="),
    Break("D3.newest", "past decisions are read as if the newest version had made them", CONTROL,
          "policy(version: version)", "policies.last"),
    Break("D3.withheld", "what the policy in force withholds leaves all the same", LOOK,
          "sight.decision.isAllow", "true"),

    Break("D4.hash", "nobody is sampled out", JUDGE, "hash % 1_000_000 < UInt64(share)", "true"),
    Break("D4.key", "who is sampled out can be told without the key", JUDGE,
          'SipHash.hash(Array("sample\\u{0}\\(profile)".utf8), key: key)', "profile.offset"),
    Break("D4.person", "sampling goes by the event's identifier", EVENTS,
          "identity.profileID(ofRoot: root)", "identity.birth(entry.anchor)", after="let profile = asksPerson ?",
          also=[("identity.profileID(ofRoot: root)", "identity.birth(resolution.anchor)",
                 "profile: root == IdentityTable.none ? nil :")]),
    Break("D4.sum", "a sum that does not fit goes on", METRICS,
          "isBroken = true", "sum = .zero", after="if let next = sum.adding(amount) { sum = next } else {"),
    Break("D4.window", "a sum over a window that does not fit goes on", SERIES,
          "overflowed", "false", after="let (next, overflowed) = sum.addingReportingOverflow(amount.billionths) "
          "sum = next if"),
]

EFFECTS = [
    Break("E1.destination", "keys of two destinations are the same", KEY,
          "[destination, String(epoch), source, messageID, slot]", "[String(epoch), source, messageID, slot]"),
    Break("E1.epoch", "keys of two epochs are the same", KEY,
          "[destination, String(epoch), source, messageID, slot]", "[destination, source, messageID, slot]"),
    Break("E1.source", "keys of two sources are the same", KEY,
          "[destination, String(epoch), source, messageID, slot]", "[destination, String(epoch), messageID, slot]"),
    Break("E1.slot", "keys of two outputs are the same", KEY,
          "[destination, String(epoch), source, messageID, slot]", "[destination, String(epoch), source, messageID]"),
    Statement("E1.border", "parts that move across a border give the same key", KEY,
              "text.append(0)", "", after="text.append(contentsOf: part.utf8)"),
    Break("E1.version", "the policy version is in the key", LOOK,
          "sight.messageID", '"\\(sight.messageID) \\(policy.version)"',
          after="epoch: lane.epoch, source: meta.source, messageID:"),

    Break("E2.entered", "an entry that was told is told again", MEMBERS,
          "told(lane: number, audience: key.audience, root: root) == .entered", "false"),
    Break("E2.exited", "an exit is told of whom the destination was never told", MEMBERS,
          "told(lane: number, audience: key.audience, of: subject(of: key, asOf: nil)) == .nothing", "false",
          also=[("!concerned.allSatisfy({ leaving.contains(.init(audience: audience, identifier: $0)) })",
                 "true", None, TOLD)]),
    Break("E2.desired", "an entry leaves that holds no more", MEMBERS, "!isHeldRightly", "false"),
    Statement("E2.unknown", "an entry that may have arrived counts as not told", TOLD, "value = 3", "return"),
    Statement("E2.restored", "an entry that a restore left behind counts as not told", RESTORE,
              "noteMaybeTold(effect.key, lane: index)", ""),
    Statement("E2.settled", "an entry that was settled as refused still counts as told", UNKNOWN,
              "noteNotTold(key, lane: number)", ""),
    Break("E2.once", "one request tells the same twice", PENDING,
          "!isNews(outgoing, lane: lane, beside: &leaving)", "false"),
    Statement("E2.way", "what ended while its entry was on its way is never told", TOLD,
              "withdrawMemberships(of: root, at: offset)", ""),
    Statement("E2.expiry", "a membership whose consent runs out stays", WITHDRAWALS,
              "wakes.wake(root, by: expiry(of: members, destination, policy))", ""),
    Break("E2.denied", "a membership that consent withholds by now stays", WITHDRAWALS,
          "decision.againstMembership.isAllow", "true", after="holds(audience, root: root, policy: policy, "
          "destination: destination),"),
    Break("E2.subject", "what was told is kept of whom the person has become", TOLD,
          "look > 0 ? look - 1 : nil", "nil"),

    Statement("E3.plan", "two plans' corrections have one key", KEY, "text.append(contentsOf: plan.utf8)", ""),
    Break("E3.digest", "what would have the same body is amended", CORRECTIONS,
          "SHA256.of(bytes(of: outgoing, as: told, then, lane: lane, source: meta.source)) != told.digest", "true"),
    Break("E3.told", "a retraction names identifiers that were not told", CORRECTIONS,
          "told.contains(hashes([$0])[0])", "true"),
    Break("E3.delivered", "what was not delivered is corrected", CORRECTIONS,
          "state.delivered.contains(at)", "true"),
    Break("E3.action", "an amendment is recorded as an event", CORRECTIONS, ".amend", ".deliver",
          after="amended.key = key amended.action ="),

    Break("E4.recipient", "the recipient changes within an epoch", DIFF,
          "destination.recipient != before.recipient", "false"),
    Break("E4.host", "the host changes within an epoch", DIFF,
          "destination.connector.hostName != before.connector.hostName", "false"),
    Break("E4.back", "an epoch goes back", DIFF, "destination.epoch >= before.epoch", "true"),
    Break("E4.meanwhile", "a place that changed since the choice is told", REQUEST,
          "look.destination.connector == request.destination.connector", "true"),

    Statement("E5.durable", "bytes leave before their attempt is durable", REQUEST,
              "try await log.waitDurable(ticket)", "",
              after="position: request.position, members: members) let ticket = try await appender.append(record)"),
    Break("E5.recipient", "an attempt names no recipient", REQUEST, "look.destination.recipient", '""'),
    Break("E5.plan", "an attempt names no plan", REQUEST, "request.plan", "nil as String?",
          after="recipient: look.destination.recipient, slot: lane.slot, plan:"),
    Break("E5.digest", "an attempt holds another digest than its body's", REQUEST,
          "SHA256.of(item.body)", "SHA256.of(item.body + [0x0A])"),
    Break("E5.version", "an attempt names the first policy version", REQUEST, "item.policyVersion", "1"),
    Break("E5.consent", "an attempt names no assertion", REQUEST, "item.consent?.value", "nil as UInt64?"),
    Break("E5.newest", "an attempt names the oldest assertion that was relied on", LOOK,
          "offsets.max()", "offsets.min()"),
    Break("E5.sent", "an attempt holds no identifiers", REQUEST, "item.identifierHashes", "[]"),
    Break("E5.fields", "every attempt names the first field set", REQUEST,
          "fieldSets[set]", "fieldSets.values.first", after="if let known ="),
    Break("E5.retry", "a retry is not bound by the version that it was tried under", BOUNDS,
          "version != policy.version", "false"),
    Break("E5.stripped", "a retry sends fields that its first try had not", BOUNDS,
          "!bound.lets(outAs: sight.rule, stripped: stripped)", "false"),
    Break("E5.types", "a retry tells types of identifiers that its first try did not", BOUNDS,
          "known.identifiers", "destination.identifiers", after="bounds.rules.append(bound) } lists.append("),

    Statement("E6.wait", "the look does not wait for what is durable", REQUEST,
              "try await projection.waitApplied(through: log.durableEnd)", ""),
    Break("E6.clock", "expiry and age are not measured at the look", LOOK,
          "(now ?? received).microseconds", "received.microseconds"),
    Break("E6.suppressed", "a suppression since does not cancel", LOOK,
          "isSuppressed(root: root, candidates: [])", "false"),
    Break("E6.denied", "a denial since does not cancel", LOOK, "sight.decision.isAllow", "true"),
    Break("E6.offset", "an attempt does not name the offset that was looked at", REQUEST,
          "look.offset.value", "0", after="recipient: look.destination.recipient, slot: lane.slot, plan: request.plan, look:"),
    Break("E6.held", "what is paused since the choice leaves", REQUEST, "!look.isHeld", "true"),
    Break("E6.race", "a denial in the race window is no finding", FINDINGS,
          "denial >= attempts.looks[attempt]", "false"),
    Break("E6.first", "a denial right after the look is no finding", FINDINGS,
          "denial >= attempts.looks[attempt]", "denial > attempts.looks[attempt]"),

    Break("E7.interrupted", "what a crash interrupted is tried again unasked", INTERRUPTED, ".unknown", ".retry",
          after="attempt: attempt.value, outcome:"),
    Break("E7.lookup", "what can be asked is sent again unasked", MACHINE,
          "uncertainty == .lookup && effects.contains(where: \\.isUnknown)", "false"),
    Break("E7.none", "what nobody can be asked about is sent again", DISPATCHER,
          "uncertainty != .none || !effect.isUnknown", "true"),
    Break("E7.parked", "an unknown effect is parked", MACHINE,
          "result.outcome == .retry || uncertainty == .idempotent", "true"),
    Break("E7.missing", "what a lookup does not find counts as delivered", LOOKUP,
          "members.indices.filter { !found.contains(members[$0]) }", "[Int]()"),
    Break("E7.same", "a retry is another request", DISPATCHER, "request.id = earlier.request", "()"),
    Break("E7.last", "an attempt's late receipt settles a later one", ATTEMPTS,
          "row.attempt == attempt", "true", after="guard var row = lanes[lane].row(at),"),
    Break("E7.finding", "an unknown effect that nobody takes up is no finding", UNKNOWN,
          "row.isFrozen || !isTakenUp", "row.isFrozen"),
    Break("E7.settled", "an operator settles what has an end", UNKNOWN, "row.status == .unknown", "true",
          after="guard var row,"),
    Break("E7.members", "only the first member of a request without an answer is unknown", ATTEMPTS,
          "record.outcome(ofMember: place)", "(place == 0 || record.outcome(ofMember: place) != .unknown "
          "? record.outcome(ofMember: place) : .retry)", after="let status = Self.status("),
]
