import CustomerModel
import Delivery
import EventLog
import Foundation
import Hashing
import JSONText
import Logging
import Projections
import Synchronization
import Testing

@Suite struct `A dispatcher` {
    @Test func `E5: records an attempt durably before any byte leaves`() async throws {
        try await Workbench.with { bench in
            let seen = Mutex<[AttemptRecord]>([])
            let transport = FakeTransport(
                .accepted,
                onSend: { request in
                    do {
                        let attempt = try bench.attempts().first { $0.request == request.id }
                        if let attempt { seen.withLock { $0.append(attempt) } }
                    } catch { Issue.record(error) }
                })
            let at = try await bench.collect("m-1")
            try await bench.release()
            try await bench.run(bench.dispatcher(transport)) {
                bench.counts() == [.delivered: 1]
            }
            let request = transport.requests[0]
            let attempt = try #require(seen.withLock { $0.first })
            let key = EffectKey.make(
                destination: "out", epoch: 1, source: "web", messageID: "m-1", slot: "event",
                action: .deliver)
            #expect(attempt.recipient == "Example Ltd")
            #expect(attempt.try == 1)
            #expect(attempt.position == 77)
            #expect(attempt.bodyBytes == request.body.count)
            #expect(attempt.bodyDigest == SHA256.of(request.body))
            let member = try #require(attempt.members.first)
            #expect(attempt.members.count == 1)
            #expect(member.key == key)
            #expect(member.at == at.value)
            #expect(member.policy == 1)
            #expect(member.identifiers.count == 1)
            #expect(member.digest == SHA256.of(request.body.dropLast()))
            let fields = try bench.records(FieldSetRecord.self)
            #expect(fields.first?.at.value == member.fieldSet)
            #expect(fields.first?.record.fields == ["properties.total"])
            #expect(fields.first?.record.identifiers == ["user_id"])
            let body = try JSONValue(parsing: Array(request.body.dropLast()))
            #expect(body["id"]?.string == key.hex)
            #expect(try bench.receipts().map(\.outcome) == [.delivered])
            #expect(transport.closed == 1)
        }
    }

    @Test func `E5, R3 (12): records the version applied, the word relied on, and what left`()
        async throws
    {
        try await Workbench.with(purpose: "analytics") { bench in
            let transport = FakeTransport(.accepted)
            let first = try await bench.collect("m-1", user: "u-1", consent: true)
            try await bench.release()
            try await bench.run(bench.dispatcher(transport)) { bench.counts() == [.delivered: 1] }
            try await bench.activate(purpose: "analytics", version: 2)
            let second = try await bench.collect("m-2", user: "u-2", consent: true, total: nil)
            try await bench.collect("m-3", user: "u-1")
            try await bench.release()
            try await bench.run(bench.dispatcher(transport)) { bench.counts() == [.delivered: 3] }
            let members = try bench.attempts().flatMap(\.members)
            #expect(members.map(\.policy) == [1, 2, 2])
            #expect(members.map(\.consent) == [first.value, second.value, first.value])
            let sets = try bench.records(FieldSetRecord.self)
            let fields = members.map { member in
                sets.first { $0.at.value == member.fieldSet }?.record.fields
            }
            #expect(fields == [["properties.total"], [], ["properties.total"]])
        }
    }

    @Test func `delivers in offset order, in batches of the policy's size, each once`()
        async throws
    {
        try await Workbench.with(settings: ["batch: 3"]) { bench in
            let transport = FakeTransport(.accepted)
            for number in 1...7 { try await bench.collect("m-\(number)") }
            try await bench.release()
            let dispatcher = bench.dispatcher(transport)
            try await bench.run(dispatcher) { bench.counts() == [.delivered: 7] }
            let attempts = try bench.attempts()
            #expect(attempts.map(\.members.count) == [3, 3, 1])
            let offsets = attempts.flatMap { $0.members.map(\.at) }
            #expect(offsets == offsets.sorted())
            #expect(Set(offsets).count == 7)
            #expect(try bench.records(FieldSetRecord.self).count == 1)
            #expect(dispatcher.snapshot.delivered == 7)
            #expect(dispatcher.snapshot.attempts == 3)
            #expect(dispatcher.snapshot.lastError == nil)
        }
    }

    @Test func `takes up what is released while it runs`() async throws {
        try await Workbench.with { bench in
            let transport = FakeTransport(.accepted)
            try await bench.caughtUp()
            let dispatcher = bench.dispatcher(transport)
            let running = Task { try await dispatcher.run() }
            for number in 1...3 {
                try await bench.collect("m-\(number)")
                try await bench.release()
                try await eventually { bench.counts() == [.delivered: number] }
            }
            running.cancel()
            try await running.value
            #expect(transport.requests.count == 3)
        }
    }

    @Test func `keeps a request's body within bounds`() async throws {
        try await Workbench.with(settings: ["batch: 10"]) { bench in
            let transport = FakeTransport(.busy, .accepted)
            let long = JSONValue.string(String(repeating: "x", count: 1_500_000))
            for number in 1...5 { try await bench.collect("m-\(number)", total: long) }
            try await bench.collect("m-6")
            try await bench.release()
            try await bench.run(bench.dispatcher(transport)) {
                bench.counts() == [.delivered: 6]
            }
            #expect(try bench.attempts().map(\.members.count) == [2, 2, 2, 2])
        }
    }

    @Test func `writes to the file that the policy names`() async throws {
        let root = FileManager.default.temporaryDirectory.path + "/out-\(UUID().uuidString)"
        let files = OutputFiles(root: root)
        let transports = DestinationTransports(
            files: files, secrets: SecretStore { _ in [] }, resolver: HostResolver(),
            reach: .publicAddresses, logger: Logger(label: "test"))
        try await Workbench.with(settings: ["batch: 2"]) { bench in
            for number in 1...3 { try await bench.collect("m-\(number)") }
            try await bench.release()
            let dispatcher = bench.dispatcher(making: transports.transport(for:))
            try await bench.run(dispatcher) { bench.counts() == [.delivered: 3] }
            let text = try String(contentsOfFile: root + "/out.ndjson", encoding: .utf8)
            let lines = text.split(separator: "\n").map { Array($0.utf8) }
            let keys = try bench.attempts().flatMap { $0.members.map(\.key.hex) }
            #expect(try lines.map { try JSONValue(parsing: $0)["id"]?.string } == keys)
            #expect(
                try bench.attempts().map(\.position) == [0, lines[0].count + lines[1].count + 2])
        }
        try await files.close()
        try FileManager.default.removeItem(atPath: root)
    }

    // MARK: Tries

    @Test func `tries again later, under the same request id, and keeps the order`() async throws {
        try await Workbench.with(settings: ["batch: 2"]) { bench in
            let wish = SendResult(
                .retry, reason: "too many requests", status: 429, retryAfterMilliseconds: 7_000)
            let transport = FakeTransport(.busy, wish, .accepted)
            for number in 1...3 { try await bench.collect("m-\(number)") }
            try await bench.release()
            try await bench.run(bench.dispatcher(transport)) {
                bench.counts() == [.delivered: 3]
            }
            let attempts = try bench.attempts()
            #expect(attempts.map(\.try) == [1, 2, 3, 1])
            #expect(attempts.map(\.members.count) == [2, 2, 2, 1])
            #expect(Set(attempts[..<3].map(\.request)).count == 1)
            #expect(Set(attempts[..<3].map(\.bodyDigest)).count == 1)
            #expect(
                try bench.receipts().map(\.outcome) == [.retry, .retry, .delivered, .delivered])
            #expect(try bench.receipts()[1].retryAfterMilliseconds == 7_000)
            #expect(bench.clock.sleeps.reduce(0, +) == 8_000)
        }
    }

    @Test func `parks what has used up its tries and goes on with the rest`() async throws {
        try await Workbench.with(settings: ["attempts: 2"]) { bench in
            let transport = FakeTransport(.busy, .busy, .accepted)
            for number in 1...2 { try await bench.collect("m-\(number)") }
            try await bench.release()
            let dispatcher = bench.dispatcher(transport)
            try await bench.run(dispatcher) { bench.counts() == [.delivered: 1, .parked: 1] }
            #expect(try bench.receipts().map(\.parked) == [false, true, false])
            #expect(dispatcher.snapshot.parked == 1)
            #expect(dispatcher.snapshot.retries == 2)
        }
    }

    @Test func `goes on after a rejection`() async throws {
        try await Workbench.with { bench in
            let transport = FakeTransport(.refused, .accepted)
            for number in 1...2 { try await bench.collect("m-\(number)") }
            try await bench.release()
            try await bench.run(bench.dispatcher(transport)) {
                bench.counts() == [.delivered: 1, .rejected: 1]
            }
            #expect(bench.clock.sleeps.isEmpty)
        }
    }

    @Test func `pauses a destination that says it is gone`() async throws {
        try await Workbench.with { bench in
            let gone = SendResult(.rejected, reason: "gone", status: 410, isGone: true)
            let transport = FakeTransport(gone, .accepted)
            for number in 1...2 { try await bench.collect("m-\(number)") }
            try await bench.release()
            try await bench.run(bench.dispatcher(transport)) {
                try !bench.records(OperatorRecord.self).isEmpty
            }
            let pause = try #require(try bench.records(OperatorRecord.self).first?.record)
            #expect(pause.act == .pause)
            #expect(pause.subject == "out")
            #expect(transport.requests.count == 1)
            try await bench.append(OperatorRecord(act: .resume, subject: "out", by: "ada"))
            try await bench.caughtUp()
            try await bench.run(bench.dispatcher(transport)) {
                bench.counts() == [.delivered: 1, .rejected: 1]
            }
        }
    }

    // MARK: The second look

    @Test func `E6: cancels what was denied before the look, with the gates that failed`()
        async throws
    {
        try await Workbench.with(purpose: "analytics") { bench in
            let transport = FakeTransport(.accepted)
            let first = try await bench.collect("m-1", user: "u-1", consent: true)
            try await bench.collect("m-2", user: "u-2", consent: true)
            try await bench.release()
            #expect(bench.counts() == [.pending: 2])
            let denial = try await bench.collect("m-3", user: "u-1", consent: false)
            try await bench.run(bench.dispatcher(transport)) {
                bench.counts() == [.delivered: 1, .cancelled: 1]
            }
            let cancelled = try #require(try bench.records(CancelledRecord.self).first?.record)
            #expect(cancelled.members.map(\.at) == [first.value])
            #expect(cancelled.members[0].gates.fails(.consentDenied))
            #expect(cancelled.look > denial.value)
            #expect(transport.requests.count == 1)
            #expect(try bench.attempts()[0].look > denial.value)
        }
    }

    @Test func `E6: waits until the fold has caught up with what is durable`() async throws {
        try await Workbench.with(purpose: "analytics") { bench in
            let isDenied = Mutex(false)
            let transport = FakeTransport(
                .accepted,
                onPrepare: {
                    // The denial is acknowledged after the effect was chosen, and the fold lags behind.
                    do {
                        try await bench.pauseFolding(true)
                        try await bench.collect("m-2", consent: false)
                    } catch { Issue.record(error) }
                    isDenied.withLock { $0 = true }
                })
            try await bench.collect("m-1", consent: true)
            try await bench.release()
            let dispatcher = bench.dispatcher(transport)
            let running = Task { try await dispatcher.run() }
            try await eventually { isDenied.withLock { $0 } }
            for _ in 0..<100 { await Task.yield() }
            #expect(try bench.attempts().isEmpty)
            try await bench.pauseFolding(false)
            try await eventually { bench.counts() == [.cancelled: 1] }
            running.cancel()
            try await running.value
            #expect(transport.requests.isEmpty)
        }
    }

    @Test func `E6: looks again before each retry`() async throws {
        try await Workbench.with(purpose: "analytics") { bench in
            let transport = FakeTransport(
                .busy,
                onSend: { _ in
                    do { try await bench.collect("m-2", consent: false) } catch {
                        Issue.record(error)
                    }
                })
            try await bench.collect("m-1", consent: true)
            try await bench.release()
            try await bench.run(bench.dispatcher(transport)) { bench.counts() == [.cancelled: 1] }
            #expect(transport.requests.count == 1)
        }
    }

    // MARK: Holds and endings

    @Test func `is held, with nothing recorded, until what is missing is there`() async throws {
        try await Workbench.with { bench in
            let transport = FakeTransport(.accepted)
            transport.setHold(LaneHold("secret 'x' is not in secrets.yaml"))
            try await bench.collect("m-1")
            try await bench.release()
            let dispatcher = bench.dispatcher(transport)
            let running = Task { try await dispatcher.run() }
            try await eventually { transport.prepared > 2 }
            #expect(dispatcher.snapshot.hold == "secret 'x' is not in secrets.yaml")
            #expect(dispatcher.snapshot.blockedSince != nil)
            #expect(try bench.attempts().isEmpty)
            transport.setHold(nil)
            try await eventually { bench.counts() == [.delivered: 1] }
            running.cancel()
            try await running.value
            #expect(dispatcher.snapshot.hold == nil)
            #expect(dispatcher.snapshot.blockedSince == nil)
        }
    }

    @Test func `finishes the request in flight when it is stopped`() async throws {
        try await Workbench.with { bench in
            let (stopped, stop) = AsyncStream<Void>.makeStream()
            let wasCut = Mutex(false)
            let transport = FakeTransport(
                .accepted,
                onSend: { _ in
                    for await _ in stopped {}
                    wasCut.withLock { $0 = Task.isCancelled }
                })
            for number in 1...2 { try await bench.collect("m-\(number)") }
            try await bench.release()
            let dispatcher = bench.dispatcher(transport)
            let running = Task { try await dispatcher.run() }
            try await eventually { transport.requests.count == 1 }
            running.cancel()
            stop.finish()
            try await running.value
            #expect(!wasCut.withLock { $0 })
            try await eventually { bench.counts() == [.delivered: 1, .pending: 1] }
            #expect(transport.requests.count == 1)
        }
    }

    @Test
    func `R1, E5, R3 (7), R3 (9): names its plan, keeps to its rate, lets live effects by`()
        async throws
    {
        try await Workbench.with(settings: ["batch: 10"]) { bench in
            let refusing = FakeTransport(.refused)
            var offsets: [UInt64] = []
            for number in 1...3 { offsets.append(try await bench.collect("m-\(number)").value) }
            try await bench.release()
            try await bench.run(bench.dispatcher(refusing)) { bench.counts() == [.rejected: 3] }
            var planned = OffsetBitmap(from: offsets[0], to: offsets[2] + 1)
            for offset in offsets { planned.set(offset) }
            try await bench.append(
                PlanRecord(
                    id: "p-1", act: .repair, destination: "out", epoch: 1, slot: "event",
                    policyVersion: 1, approver: "ada", ratePerSecond: 2,
                    counts: .init(
                        considered: 3, allowed: 3, alreadyTold: 0, deniedNow: 0, planned: 3),
                    planned: planned))
            try await bench.collect("m-4")
            try await bench.release()
            let transport = FakeTransport(.accepted)
            let dispatcher = bench.dispatcher(transport) { $0 == "p-1" ? 2 : nil }
            try await bench.run(dispatcher) { bench.counts() == [.delivered: 4] }
            let attempts = try bench.attempts().dropFirst()
            #expect(attempts.map(\.plan) == ["p-1", nil, "p-1"])
            #expect(attempts.map(\.members.count) == [2, 1, 1])
            #expect(bench.clock.sleeps.reduce(0, +) == 1_000)
        }
    }
}
