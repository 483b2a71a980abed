import CustomerModel
import EventLog
import Hashing
import JSONText
import PolicyText
import Projections

/// A small log in memory, written as a story and folded as it grows.
///
/// Lines are made as the platform makes them, so that the fold reads here what it reads there.
struct History {
    var state: FoldState
    private(set) var records: [(record: Header, line: [UInt8])] = []
    /// Ranges that cannot be read, as the log would hand them out.
    private(set) var damage: [Quarantine] = []
    private var extractor: EventExtractor
    /// Microseconds; every record is a second after the one before unless told otherwise.
    var clock: Int64 = 1_767_225_600_000_000  // 2026-01-01T00:00:00Z
    private var policyVersion = 0
    static let key = SipKey(low: 0x0706_0504_0302_0100, high: 0x0f0e_0d0c_0b0a_0908)

    struct Header {
        var offset: UInt64
        var kind: UInt8
        var recorded: Int64
        var occurred: Int64
        var source: String
        var name: String
        var keys: [UInt64]
    }

    init(policy: String? = nil) throws {
        state = FoldState(key: Self.key)
        state.journal = []
        extractor = EventExtractor(key: Self.key)
        if let policy { try activate(policy) }
    }

    /// The offset of the next record.
    private(set) var next: UInt64 = 0

    /// Begins another incarnation, as a restored log does (L3).
    @discardableResult
    mutating func restore(incarnation: UInt64) -> UInt64 {
        let missing = next
        next = (incarnation - 1) << 44
        return append(
            RestoredRecord(
                incarnation: incarnation, previous: incarnation - 1, from: missing, to: next,
                backup: Timestamp(microseconds: clock)))
    }

    /// Moves to where another incarnation begins, and writes nothing.
    mutating func skipToIncarnation(_ incarnation: UInt64) { next = (incarnation - 1) << 44 }

    /// Counts a policy version that no record shows.
    mutating func losePolicy() { policyVersion += 1 }

    /// Appends records that can never be read, of which only `keys` and `kinds` are known.
    @discardableResult
    mutating func lose(_ count: Int, keys: [UInt64]?, kinds: [UInt8]?) -> Range<UInt64> {
        let lost = next..<next + UInt64(count)
        let quarantine = Quarantine(
            damage: Damage(file: "x", position: 1, offsets: lost, reason: "bad"), keys: keys,
            kinds: kinds)
        damage.append(quarantine)
        next = lost.upperBound
        state.quarantine(quarantine)
        return lost
    }

    /// The log's key hashes of an event that was never appended.
    func keys(of json: String, source: String = "web") throws -> [UInt64] {
        var extractor = extractor
        var parser = JSONParser()
        return try parser.parse(Array("{\"body\":\(json)}".utf8)) { line in
            EventBody.read(line: line) {
                extractor.columns(
                    of: $0, source: source, received: Timestamp(microseconds: clock)
                ).keys
            }
        } ?? []
    }

    private func place(_ offset: UInt64) -> Int {
        records.firstIndex { $0.record.offset == offset } ?? 0
    }

    // MARK: Records

    @discardableResult
    mutating func activate(_ text: String) throws -> UInt64 {
        _ = try PolicyFile.read(text, name: "test")
        policyVersion += 1
        return append(
            PolicyRecord(
                version: policyVersion, text: text, sha256: SHA256.of(text), approver: "test",
                note: nil))
    }

    @discardableResult
    mutating func append(_ record: some ControlRecord) -> UInt64 {
        let now = Timestamp(microseconds: clock)
        return append(
            kind: type(of: record).kind.rawValue, source: "sluice",
            name: type(of: record).kind.name,
            occurred: clock, keys: [], tail: record.tail(received: now))
    }

    /// One event; `json` is the client's message, `envelope` what stands around it in the line.
    @discardableResult
    mutating func event(_ json: String, source: String = "web", envelope: String = "") throws
        -> UInt64
    {
        let received = Timestamp(microseconds: clock)
        let tail =
            "\"kind\":\"event\",\"source\":\"\(source)\",\"received\":\"\(received)\",\"changed\":[]\(envelope),\"body\":\(json)}"
        var parser = JSONParser()
        let columns = try parser.parse(Array(("{" + tail).utf8)) { line in
            EventBody.read(line: line) {
                extractor.columns(of: $0, source: source, received: received)
            }
        }
        return append(
            kind: 1, source: source, name: columns?.name ?? "",
            occurred: columns?.occurred.microseconds ?? clock, keys: columns?.keys ?? [],
            tail: Array(tail.utf8))
    }

    /// A record of the same keys as `json` whose line cannot be read.
    @discardableResult
    mutating func unreadable(like json: String, source: String = "web") throws -> UInt64 {
        var parser = JSONParser()
        let received = Timestamp(microseconds: clock)
        let keys = try parser.parse(Array("{\"body\":\(json)}".utf8)) { line in
            EventBody.read(line: line) {
                extractor.columns(of: $0, source: source, received: received).keys
            }
        }
        return append(
            kind: 1, source: source, name: "x", occurred: clock, keys: keys ?? [],
            tail: Array("\"kind\":\"event\",\"body\":{\"broken".utf8))
    }

    private mutating func append(
        kind: UInt8, source: String, name: String, occurred: Int64, keys: [UInt64], tail: [UInt8]
    ) -> UInt64 {
        let header = Header(
            offset: next, kind: kind, recorded: clock, occurred: occurred, source: source,
            name: name, keys: keys)
        let prefix =
            "{\"v\":1,\"offset\":\(header.offset),\"recorded\":\"\(Timestamp(microseconds: clock))\","
        records.append((header, Array(prefix.utf8) + tail))
        next += 1
        clock += 1_000_000
        apply(records.count - 1, to: &state)
        return header.offset
    }

    // MARK: Folding

    private func apply(_ place: Int, to state: inout FoldState) {
        let step = withRecord(place) { state.apply($0) }
        if case .needsHistory(let metrics) = step {
            for past in 0..<place { withRecord(past) { state.count($0, in: metrics) } }
            state.finishActivation(at: records[place].record.offset)
        }
    }

    private func withRecord<R>(_ place: Int, _ body: (FoldRecord) -> R) -> R {
        let (header, line) = records[place]
        return line.withUnsafeBytes { bytes in
            header.keys.withUnsafeBufferPointer { keys in
                body(
                    FoldRecord(
                        offset: header.offset, kind: header.kind, recorded: header.recorded,
                        occurred: header.occurred, source: header.source, name: header.name,
                        keys: keys, line: bytes))
            }
        }
    }

    /// Applies the rest of the log to a state that stands earlier.
    func advance(_ state: inout FoldState) {
        advance(&state, upTo: next)
    }

    private func advance(_ state: inout FoldState, upTo end: UInt64) {
        var lost = damage.filter { $0.offsets.lowerBound >= state.next }[...]
        for place in records.indices {
            let offset = records[place].record.offset
            guard offset >= state.next, offset < end else { continue }
            while let first = lost.first, first.offsets.lowerBound < offset {
                state.quarantine(first)
                lost.removeFirst()
            }
            apply(place, to: &state)
        }
        for rest in lost where rest.offsets.lowerBound < end { state.quarantine(rest) }
    }

    /// The same log folded anew.
    func rebuilt(
        schedule: FoldState.Schedule = .asActivated, upTo end: UInt64? = nil,
        audiences: FoldState.SimulatedAudiences = .whereAsked
    ) -> FoldState {
        var fresh = FoldState(key: Self.key, schedule: schedule, audiences: audiences)
        advance(&fresh, upTo: end ?? next)
        return fresh
    }

    /// The same log folded anew after the record at `offset` was damaged; nobody knows whom it named.
    func refolded(losing offset: UInt64, kinds: [UInt8]) -> FoldState {
        var fresh = FoldState(key: Self.key)
        for place in records.indices {
            guard records[place].record.offset == offset else {
                apply(place, to: &fresh)
                continue
            }
            fresh.quarantine(
                Quarantine(
                    damage: Damage(
                        file: "x", position: 1, offsets: offset..<offset + 1, reason: "bad"),
                    keys: [], kinds: kinds))
        }
        return fresh
    }

    // MARK: Questions

    /// The record at `offset`, as the fold takes it.
    func withRecord(at offset: UInt64, _ body: (FoldRecord) -> Void) {
        withRecord(place(offset), body)
    }

    /// A person as known at `offset`, attributes and all.
    func past(_ person: PersonReference, asOf offset: UInt64) -> ProfileSummary? {
        guard var past = state.past(person, asOf: offset) else { return nil }
        past.metrics.count { offset, body in withRecord(at: offset) { body($0.line) } }
        return past.profile()
    }

    /// Why a person was in an audience as known at `offset`.
    func past(audience: String, of person: PersonReference, asOf offset: UInt64)
        -> AudienceExplanation?
    {
        guard var past = state.past(audience: audience, of: person, asOf: offset) else {
            return nil
        }
        past.metrics.count { offset, body in withRecord(at: offset) { body($0.line) } }
        return past.explain()
    }

    func explain(_ offset: UInt64, _ destination: String) throws -> Explanation? {
        let (header, line) = records[place(offset)]
        var parser = JSONParser()
        return try parser.parse(line) {
            state.explain(
                at: offset, line: $0, source: header.source, occurred: header.occurred,
                keys: header.keys, destination: destination)
        }
    }

    /// The recorded judgement's failing gates; `["allow"]` when none.
    func gates(_ offset: UInt64, _ destination: String) throws -> [String] {
        guard let recorded = try explain(offset, destination)?.recorded else { return ["none"] }
        return recorded.isAllow ? ["allow"] : recorded.gates.map(\.name)
    }

    func profile(_ person: String, asOf offset: UInt64? = nil) -> ProfileSummary? {
        PersonReference(person).flatMap { state.profile($0, asOf: offset) }
    }

    func consent(_ person: String, _ purpose: String, asOf offset: UInt64? = nil) -> String? {
        PersonReference(person)
            .flatMap { state.consent(of: $0, asOf: offset, now: clock) }?
            .purposes.first { $0.name == purpose }?.state.value.name
    }

    /// Writes the release that is due for a lane, as the platform does.
    @discardableResult
    mutating func release(_ destination: String, epoch: Int = 1) -> ReleasedRecord? {
        let lane = Lane(destination: destination, epoch: epoch)
        guard let record = state.dueRelease(of: lane, from: nil) else { return nil }
        append(record)
        return record
    }

    func pending(_ destination: String, epoch: Int = 1) -> [PendingEffect] {
        var copy = state
        return copy.pendingEffects(
            in: Lane(destination: destination, epoch: epoch), limit: 1000, skipping: { _ in false })
    }

    /// The second look at everything that waits.
    func look(_ destination: String, epoch: Int = 1) throws -> Look {
        try look(pending(destination, epoch: epoch), destination, epoch: epoch)
    }

    func look(_ effects: [PendingEffect], _ destination: String, epoch: Int = 1) throws -> Look {
        var copy = state
        let lane = Lane(destination: destination, epoch: epoch)
        return try copy.look(
            effects, lines: effects.map { records[place($0.offset)].line },
            metas: effects.map { effect in
                let header = records[place(effect.offset)].record
                var meta = FoldLine(
                    source: header.source, occurred: header.occurred, keys: header.keys)
                if case .correction(_, let at, let corrects) = effect.subject {
                    meta.told = try attempt(at: corrects.value).told(at: at.value)
                }
                return meta
            }, lane: lane, now: Timestamp(microseconds: clock))
    }

    func attempt(at offset: UInt64) throws -> AttemptRecord {
        var parser = JSONParser()
        return try parser.parse(records[place(offset)].line) { line in
            guard let body = line["body"] else { throw Missing() }
            return try AttemptRecord(body)
        }
    }

    struct Missing: Error {}

    /// What the events that a destination was told need, as a plan would find it.
    func correctionNeeds(_ destination: String, epoch: Int = 1) throws -> [UInt64: CorrectionNeed] {
        let lane = Lane(destination: destination, epoch: epoch)
        guard let policy = state.policy, let index = policy.destinationIndex(destination) else {
            throw Missing()
        }
        var needs: [UInt64: CorrectionNeed] = [:]
        for delivery in state.deliveries(in: 0..<next, lane: lane) {
            let (header, line) = records[place(delivery.at)]
            var parser = JSONParser()
            let told = try attempt(at: delivery.attempt).told(at: delivery.at)
            needs[delivery.at] = try parser.parse(line) {
                state.correctionNeed(
                    of: delivery.at, line: $0, lane: lane, policy: policy,
                    destination: policy.policy.destinations[index],
                    meta: FoldLine(
                        source: header.source, occurred: header.occurred, keys: header.keys,
                        told: told), now: Timestamp(microseconds: clock))
            }
        }
        return needs
    }

    /// Records a plan that corrects a lane's deliveries.
    @discardableResult
    mutating func planCorrections(
        _ id: String, _ destination: String, amend: [UInt64] = [], retract: [UInt64] = [],
        epoch: Int = 1
    ) -> UInt64 {
        let all = amend + retract
        let range = (all.min() ?? 0)..<(all.max() ?? 0) + 1
        var planned = OffsetBitmap(from: range.lowerBound, to: range.upperBound)
        var retracted = planned
        for offset in all { planned.set(offset) }
        for offset in retract { retracted.set(offset) }
        return append(
            PlanRecord(
                id: id, act: .correct, destination: destination, epoch: epoch,
                slot: Lane.eventSlot, policyVersion: state.policy?.version ?? 1,
                approver: "test", ratePerSecond: nil,
                counts: .init(
                    considered: all.count, allowed: all.count, alreadyTold: 0, deniedNow: 0,
                    planned: all.count), planned: planned, retracted: retracted))
    }

    /// Records what the second look held back of everything that waits in one plan.
    mutating func cancel(_ destination: String, epoch: Int = 1) throws {
        let effects = pending(destination, epoch: epoch)
        guard let first = effects.first else { return }
        let look = try look(destination, epoch: epoch)
        var record = CancelledRecord(
            destination: destination, epoch: epoch, slot: Lane.eventSlot, plan: first.plan,
            look: look.offset.value, members: [], memberships: [])
        for (effect, verdict) in zip(effects, look.verdicts) where effect.plan == first.plan {
            switch verdict {
            case .send: break
            case .cancel(let gates): record.add(effect, gates, superseded: false)
            case .superseded: record.add(effect, .allow, superseded: true)
            }
        }
        if !record.members.isEmpty || !record.memberships.isEmpty { append(record) }
    }

    /// Records an attempt of everything that waits and may leave, and its receipt.
    mutating func deliver(
        _ destination: String, epoch: Int = 1, outcome: ReceiptOutcome? = .delivered
    ) throws -> [Outgoing] {
        // As a dispatcher does: a request holds one plan's effects of one kind, or none.
        let waiting = pending(destination, epoch: epoch)
        guard !waiting.isEmpty else { return [] }
        let effects = waiting.filter {
            $0.plan == waiting[0].plan && $0.correction == waiting[0].correction
        }
        let look = try look(effects, destination, epoch: epoch)
        let outgoing = look.verdicts.compactMap { verdict -> Outgoing? in
            if case .send(let item) = verdict { return item }
            return nil
        }
        guard !outgoing.isEmpty else { return [] }
        let fields = append(
            FieldSetRecord(
                destination: destination, epoch: epoch, fields: outgoing[0].fields,
                identifiers: outgoing[0].identifiers))
        let attempt = append(
            AttemptRecord(
                destination: destination, epoch: epoch, recipient: look.destination.recipient,
                slot: Lane.eventSlot, plan: effects[0].plan, look: look.offset.value,
                generation: look.generation, try: 1, request: outgoing[0].key.hex,
                bodyDigest: SHA256.of(outgoing[0].body), bodyBytes: outgoing[0].body.count,
                started: Timestamp(microseconds: clock), position: nil,
                members: outgoing.map {
                    AttemptRecord.Member(
                        key: $0.key, action: $0.action, at: $0.at.value, audience: $0.audience,
                        profile: $0.profile, digest: SHA256.of($0.body), policy: $0.policyVersion,
                        consent: $0.consent?.value, fieldSet: fields,
                        identifiers: $0.identifierHashes)
                }))
        if let outcome {
            append(
                ReceiptRecord(
                    attempt: attempt, outcome: outcome, status: 200, retryAfterMilliseconds: nil,
                    reason: "test", settled: Timestamp(microseconds: clock), exceptions: [],
                    parked: false))
        }
        return outgoing
    }
}

extension CancelledRecord {
    fileprivate mutating func add(
        _ effect: PendingEffect, _ gates: Decision, superseded: Bool
    ) {
        guard case .membership(let audience, let profile, _, let at) = effect.subject else {
            members.append(Member(at: effect.offset, gates: gates))
            return
        }
        memberships.append(
            Membership(
                audience: audience, profile: profile, at: at.value, gates: gates,
                superseded: superseded))
    }
}

extension PendingEffect {
    var offset: UInt64 {
        switch subject {
        case .event(let offset): offset.value
        case .membership(_, _, _, let offset): offset.value
        case .correction(_, let offset, _): offset.value
        }
    }
}
