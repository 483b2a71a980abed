import CustomerModel
import EventLog
import Foundation
import Hashing
import JSONText
import Projections

/// The events of ``ReplayWorld`` under a policy with attributes, a fifth of them told to one destination: what
/// questions about one person are asked of.
struct PeopleWorld {
    static let destination = "d0"
    /// Records after the checkpoint that a restart begins from.
    static let tail: UInt64 = 20_000

    let events: ReplayWorld
    let path: String
    let log: EventLog
    let state: FoldState
    /// The state's bytes, ``tail`` records before its end.
    let checkpoint: [UInt8]
    let foldSeconds: Double
    /// Peaks of the process: while folding, and with the state's bytes beside it.
    let foldPeakKiB: Int
    let checkpointPeakKiB: Int

    private static let attributes = """
        attributes:
          spent: { sum: { event: Event 1, of: properties.amount } }
          visits: { count: { event: Event 2, within: 7d } }
          latest: { last: { event: Event 3, of: properties.product_id } }

        """

    /// Writes the log and folds it. The first person does most: see ``ReplayWorld/event(_:)``.
    init(events count: Int, path: String) throws {
        events = ReplayWorld(events: count)
        self.path = path
        try events.write(to: path, policy: ReplayWorld.Rules.before.text() + Self.attributes)
        var configuration = LogConfiguration()
        configuration.sealing = .off
        log = try EventLog.open(directory: path, configuration: configuration)
        var state = FoldState(key: log.identity.key)
        var replayer = Replayer(log: log)
        let watch = Stopwatch()
        try replayer.advance(&state, to: log.durableEnd)
        foldSeconds = watch.seconds
        foldPeakKiB = try ProcessMemory.peakKiB()
        try Self.deliver(state.allowed(Self.destination, in: 0..<UInt64(count / 5)), to: log)
        let end = log.durableEnd
        // The attempts are folded up to the checkpoint, and the rest after it was taken.
        let place = max(state.next, end.value - min(end.value, Self.tail))
        try replayer.advance(&state, to: Offset(place))
        checkpoint = state.canonicalBytes()
        checkpointPeakKiB = try ProcessMemory.peakKiB()
        try replayer.advance(&state, to: end)
        self.state = state
    }

    /// The offset of an event: the policy stands before all of them.
    func offset(of event: Int) -> UInt64 { UInt64(event) + 1 }

    func person(_ number: Int) -> PersonReference {
        .identifier(type: "user_id", value: "u\(number)")
    }

    /// Writes attempts and receipts of effects, as a dispatcher does, a hundred a request.
    private static func deliver(_ offsets: [UInt64], to log: EventLog) throws {
        let now = Timestamp(microseconds: ReplayWorld.start + ReplayWorld.length)
        func append(_ drafts: [RecordDraft]) throws -> UInt64 {
            let ticket = try log.append(drafts)
            try log.blockingWaitDurable(ticket)
            return ticket.first.value
        }
        let fields = try append([
            ControlDraft.make(
                FieldSetRecord(
                    destination: destination, epoch: 1, fields: ["properties.amount"],
                    identifiers: ["user_id"]), at: now)
        ])
        var next = fields + 1
        for start in stride(from: 0, to: offsets.count, by: 5_000) {
            var drafts: [RecordDraft] = []
            for from in stride(from: start, to: min(start + 5_000, offsets.count), by: 100) {
                let part = offsets[from..<min(from + 100, offsets.count)]
                drafts.append(ControlDraft.make(attempt(part, fields, now), at: now))
                drafts.append(
                    ControlDraft.make(
                        ReceiptRecord(
                            attempt: next, outcome: .delivered, reason: "200", settled: now,
                            exceptions: []), at: now))
                next += 2
            }
            guard try append(drafts) + UInt64(drafts.count) == next else {
                throw BenchError("attempts stand where they were not meant to")
            }
        }
    }

    private static func attempt(_ offsets: ArraySlice<UInt64>, _ fields: UInt64, _ now: Timestamp)
        -> AttemptRecord
    {
        let digest = SHA256.of("body")
        return AttemptRecord(
            destination: destination, epoch: 1, recipient: "Recipient 0 Ltd", slot: "event",
            plan: nil, look: fields, generation: 1, try: 1, request: "r\(offsets.startIndex)",
            bodyDigest: digest, bodyBytes: 4, started: now, position: nil,
            members: offsets.map { at in
                AttemptRecord.Member(
                    key: .make(
                        destination: destination, epoch: 1, source: "web",
                        messageID: "m\(at - 1)", slot: "event", action: .deliver),
                    action: .deliver, at: at, digest: digest, policy: 1, consent: at,
                    fieldSet: fields, identifiers: [at])
            })
    }
}

extension Report {
    /// The middle and the slowest hundredth of some durations.
    func add(_ name: String, _ durations: Durations, p99 limit: Double) {
        for (share, label) in [(0.5, "p50"), (0.99, "p99")] {
            guard let value = durations.milliseconds(at: share) else { continue }
            add("\(name), \(label)", value, "ms", goal: share > 0.9 ? .atMost(limit) : nil)
        }
    }
}
