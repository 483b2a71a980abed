import CustomerModel
import Delivery
import EventLog
import Foundation
import Hashing
import JSONText
import Logging
import PolicyText
import Projections
import Synchronization
import Testing

/// A log, a fold that follows it on its own thread, and a policy with one destination: all that a
/// dispatcher needs, and nothing of it pretended but the destination.
final class Workbench: Sendable {
    static let lane = Lane(destination: "out", epoch: 1)

    let log: EventLog
    let projection: LiveProjection
    let clock = FakeClock()
    private let folding = Mutex(
        (isPaused: false, isStanding: false, isStopped: false))

    /// - Parameter settings: more lines of the destination; one effect a request where they say nothing.
    static func with(
        settings: [String] = [], purpose: String = "service",
        _ body: (Workbench) async throws -> Void
    ) async throws {
        let directory =
            FileManager.default.temporaryDirectory.path + "/delivery-\(UUID().uuidString)"
        let log = try EventLog.open(directory: directory, configuration: LogConfiguration())
        let bench = Workbench(log: log)
        bench.follow()
        do {
            try await bench.activate(settings: settings, purpose: purpose)
            try await body(bench)
        } catch {
            bench.close()
            throw error
        }
        bench.close()
        if FileManager.default.fileExists(atPath: directory) {
            try FileManager.default.removeItem(atPath: directory)
        }
    }

    private init(log: EventLog) {
        self.log = log
        projection = LiveProjection(log: log, state: FoldState(key: log.identity.key))
    }

    private func follow() {
        let thread = Thread { [self] in
            var replayer = Replayer(log: log)
            while !folding.withLock({ $0.isStopped }) {
                let isPaused = folding.withLock { folding in
                    folding.isStanding = folding.isPaused
                    return folding.isPaused
                }
                if isPaused {
                    Thread.sleep(forTimeInterval: 0.001)
                    continue
                }
                do {
                    _ = log.blockingWait(past: projection.applied, milliseconds: 5)
                    _ = try projection.applyNext(&replayer, limit: 1_000)
                } catch {
                    projection.fail("\(error)")
                    return
                }
            }
        }
        thread.start()
    }

    private func close() {
        folding.withLock { $0.isStopped = true }
        log.close()
    }

    /// Lets the fold fall behind, or catch up. When it returns, nothing more is applied.
    func pauseFolding(_ paused: Bool) async throws {
        folding.withLock { $0.isPaused = paused }
        if paused { try await eventually { folding.withLock { $0.isStanding } } }
    }

    // MARK: What goes into the log

    @discardableResult
    func append(_ record: some ControlRecord) async throws -> Offset {
        let now = clock.now()
        return try await append(
            kind: type(of: record).kind, source: "sluice", keys: [],
            tail: record.tail(received: now))
    }

    private func append(
        kind: RecordKind, source: String, name: String = "", keys: [UInt64], tail: [UInt8]
    ) async throws -> Offset {
        let ticket = try log.append([
            RecordDraft(
                kind: kind.rawValue, source: source, name: name,
                occurred: clock.now().microseconds, keys: keys, tail: tail)
        ])
        try await log.waitDurable(ticket)
        return ticket.first
    }

    /// Puts a policy in force.
    func activate(
        settings: [String] = [], purpose: String = "service", version: Int = 1,
        file: String = "out.ndjson"
    ) async throws {
        var text = """
            policy: bench
            identity:
              types: [{ type: user_id, limit: 1 }]
            purposes:
              analytics: { segment: [Analytics] }
              service: { basis: contract, segment: [Functional] }
            destinations:
              out:
                recipient: Example Ltd
                file: \(file)
                purposes: [\(purpose)]
                identifiers: [user_id]
                sources: all
                events: [{ track: "*", properties: [total] }]

            """
        let isSized = settings.contains { $0.hasPrefix("batch:") }
        for line in settings + (isSized ? [] : ["batch: 1"]) { text += "    \(line)\n" }
        try await append(
            PolicyRecord(
                version: version, text: text, sha256: SHA256.of(text), approver: "test", note: nil))
    }

    /// Collects one event.
    ///
    /// - Parameters:
    ///   - consent: what its `Analytics` category says, when it says anything.
    ///   - total: the one property that leaves; nil for an event without it.
    @discardableResult
    func collect(
        _ id: String, user: String = "u-1", consent: Bool? = nil, total: JSONValue? = 5
    ) async throws -> Offset {
        let now = clock.now()
        var item: JSONValue = [
            "type": "track", "event": "Order Completed", "messageId": .string(id),
            "userId": .string(user),
            "properties": total.map { ["total": $0, "secret": "s"] } ?? ["secret": "s"],
            "timestamp": .string(now.description),
        ]
        if let consent, case .object(var members) = item {
            members = JSONObject(
                members.members + [
                    ("context", ["consent": ["categoryPreferences": ["Analytics": .bool(consent)]]])
                ])
            item = .object(members)
        }
        let tail = RecordTail.bytes(kind: .event, source: "web", received: now) { $0.value(item) }
        var parser = JSONParser()
        let columns = try parser.parse(Array("{".utf8) + tail) { line in
            var extractor = EventExtractor(key: log.identity.key)
            let read = EventBody.read(line: line) {
                extractor.columns(of: $0, source: "web", received: now)
            }
            return try #require(read)
        }
        return try await append(
            kind: .event, source: "web", name: columns.name, keys: columns.keys, tail: tail)
    }

    /// Releases everything that is decided.
    func release() async throws {
        try await caughtUp()
        if let due = projection.read({ $0.dueRelease(of: Self.lane, from: nil) }) {
            try await append(due)
        }
        try await caughtUp()
    }

    func caughtUp() async throws { try await projection.waitApplied(through: log.durableEnd) }

    // MARK: What came of it

    /// The durable records of one kind.
    func records<Record: ControlRecord>(_ type: Record.Type = Record.self) throws
        -> [(at: Offset, record: Record)]
    {
        var reader = log.makeReader()
        var parser = JSONParser()
        var found: [(at: Offset, record: Record)] = []
        for at in 0..<log.durableEnd.value {
            guard let line = try reader.line(at: Offset(at)) else { continue }
            try parser.parse(line) { line in
                guard line["kind"]?.string == Record.kind.name, let body = line["body"] else {
                    return
                }
                found.append((Offset(at), try Record(body)))
            }
        }
        return found
    }

    func attempts() throws -> [AttemptRecord] { try records().map(\.record) }
    func receipts() throws -> [ReceiptRecord] { try records().map(\.record) }

    /// How many effects stand where.
    func counts() -> [EffectStatus: Int] {
        let statuses = projection.read { $0.laneStatuses() }
        let counts = statuses.first { $0.lane == Self.lane }?.counts ?? [:]
        return counts.filter { $0.value > 0 }
    }

    func dispatcher(
        _ transport: any DestinationTransport, faults: FaultPoints = FaultPoints(),
        planRate: @escaping @Sendable (String) -> Int? = { _ in nil }
    ) -> Dispatcher {
        dispatcher(making: { _ throws(LaneHold) in transport }, faults: faults, planRate: planRate)
    }

    func dispatcher(
        making transport: @escaping Dispatcher.TransportMaker, faults: FaultPoints = FaultPoints(),
        planRate: @escaping @Sendable (String) -> Int? = { _ in nil }
    ) -> Dispatcher {
        Dispatcher(
            lane: Self.lane, log: log, projection: projection, makeTransport: transport,
            planRate: planRate, faults: faults, clock: clock.lane,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Runs a dispatcher until `isDone` holds and `then` has been done, and then to its end.
    func run(
        _ dispatcher: Dispatcher, until isDone: () throws -> Bool,
        then: () async throws -> Void = {}
    ) async throws {
        let running = Task { try await dispatcher.run() }
        do {
            try await eventually(isDone)
            try await then()
        } catch {
            running.cancel()
            try await running.value
            throw error
        }
        running.cancel()
        try await running.value
    }
}

/// Waits for something real, at most ten seconds.
func eventually(_ isSo: () throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(10)
    while try !isSo() {
        try #require(ContinuousClock.now < deadline, "it did not come to that in ten seconds")
        try await Task.sleep(for: .milliseconds(2))
    }
}
