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
