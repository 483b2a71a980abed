import CustomerModel
import Delivery
import EventLog
import JSONText
import Projections
import Synchronization
import Testing

/// What changes between the choice of an effect and the look at it.
@Suite struct `A dispatcher that chose` {
    @Test func `E6: sends nothing when its destination is paused meanwhile`() async throws {
        try await Workbench.with { bench in
            let isPaused = Mutex(false)
            let transport = FakeTransport(
                .accepted,
                onPrepare: {
                    let isFirst = isPaused.withLock { isPaused in
                        defer { isPaused = true }
                        return !isPaused
                    }
                    guard isFirst else { return }
                    do {
                        try await bench.append(
                            OperatorRecord(act: .pause, subject: "out", by: "test"))
                    } catch { Issue.record(error) }
                })
            try await bench.collect("m-1")
            try await bench.release()
            var resumed = Offset(0)
            try await bench.run(bench.dispatcher(transport)) {
                guard bench.projection.read({ $0.laneStatuses()[0].isPaused }) else { return false }
                return transport.prepared == 1
            } then: {
                // Time enough for a request that should not be made.
                try await Task.sleep(for: .milliseconds(50))
                #expect(transport.requests.isEmpty)
                resumed = try await bench.append(
                    OperatorRecord(act: .resume, subject: "out", by: "test"))
                try await eventually { bench.counts() == [.delivered: 1] }
            }
            #expect(try bench.attempts().map(\.look).allSatisfy { $0 > resumed.value })
        }
    }

    @Test func `E4, E6: begins again when the place to send to is another meanwhile`() async throws
    {
        try await Workbench.with { bench in
            let new = FakeTransport(.accepted)
            let old = FakeTransport(
                .accepted,
                onPrepare: {
                    do {
                        try await bench.activate(version: 2, file: "other.ndjson")
                    } catch { Issue.record(error) }
                })
            let dispatcher = bench.dispatcher(making: { destination throws(LaneHold) in
                destination.connector == .file(path: "out.ndjson") ? old : new
            })
            try await bench.collect("m-1")
            try await bench.release()
            try await bench.run(dispatcher) { bench.counts() == [.delivered: 1] }
            #expect(old.requests.isEmpty)
            #expect(new.requests.count == 1)
        }
    }
}

/// How what corrects is told apart from what happens now (R3).
@Suite struct `A dispatcher that corrects` {
    @Test func `R3 (11): says of the request what it is, and by whose plan`() async throws {
        try await Workbench.with(purpose: "analytics") { bench in
            let transport = FakeTransport(.accepted)
            let at = try await bench.collect("m-1", consent: true).value
            try await bench.release()
            try await bench.run(bench.dispatcher(transport)) {
                bench.counts() == [.delivered: 1]
            } then: {
                try await bench.collect("m-2", consent: false)
                var planned = OffsetBitmap(from: 0, to: at + 1)
                planned.set(at)
                try await bench.append(
                    PlanRecord(
                        id: "p", act: .correct, destination: "out", epoch: 1,
                        slot: Lane.eventSlot, policyVersion: 1, approver: "test",
                        ratePerSecond: nil,
                        counts: .init(
                            considered: 1, allowed: 1, alreadyTold: 0, deniedNow: 0, planned: 1),
                        planned: planned, retracted: planned))
                try await eventually { transport.requests.count == 2 }
            }
            let notes = transport.requests.map(\.correction)
            #expect(notes.map { $0?.correction } == [nil, .retract])
            #expect(notes.map { $0?.plan } == [nil, "p"])
        }
    }
}
