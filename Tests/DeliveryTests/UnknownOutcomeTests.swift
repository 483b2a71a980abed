import CustomerModel
import Delivery
import EventLog
import Foundation
import Hashing
import JSONText
import Projections
import Testing

@Suite struct `An unknown outcome` {
    private static func key(_ id: String) -> EffectKey {
        .make(
            destination: "out", epoch: 1, source: "web", messageID: id, slot: "event",
            action: .deliver)
    }

    /// Collects and releases events, and leaves an attempt at them behind as a crash would: recorded, and
    /// without a receipt.
    private static func interrupt(
        _ bench: Workbench, _ ids: [String], position: Int? = nil
    ) async throws {
        var members: [AttemptRecord.Member] = []
        for id in ids {
            let at = try await bench.collect(id)
            members.append(
                AttemptRecord.Member(
                    key: key(id), action: .deliver, at: at.value, digest: SHA256.of(id),
                    policy: 1, consent: nil, fieldSet: 0, identifiers: []))
        }
        try await bench.release()
        try await bench.append(
            AttemptRecord(
                destination: "out", epoch: 1, recipient: "Example Ltd", slot: "event", plan: nil,
                look: 1, generation: 1, try: 1, request: "r-1", bodyDigest: SHA256.of(""),
                bodyBytes: 0, started: bench.clock.now(), position: position, members: members))
        try await bench.caughtUp()
    }

    @Test func `E7: is what a start records of an attempt without a receipt`() async throws {
        try await Workbench.with { bench in
            try await Self.interrupt(bench, ["m-1"])
            #expect(bench.counts() == [.attempting: 1])
            let transport = FakeTransport(.accepted, uncertainty: .none)
            try await bench.run(bench.dispatcher(transport)) { bench.counts() == [.unknown: 1] }
            let receipt = try #require(try bench.receipts().first)
            #expect(receipt.outcome == .unknown)
            #expect(receipt.reason == "interrupted")
            // A second start has nothing more to say of it.
            try await bench.collect("m-2")
            try await bench.release()
            try await bench.run(bench.dispatcher(transport)) {
                bench.counts() == [.unknown: 1, .delivered: 1]
            }
            #expect(try bench.receipts().map(\.outcome) == [.unknown, .delivered])
        }
    }

    @Test func `E7: is sent again with the same keys and id where that is harmless`() async throws {
        try await Workbench.with { bench in
            try await Self.interrupt(bench, ["m-1", "m-2"])
            try await bench.collect("m-3")
            try await bench.release()
            let transport = FakeTransport(.accepted)
            try await bench.run(bench.dispatcher(transport)) { bench.counts() == [.delivered: 3] }
            let again = try bench.attempts()[1]
            #expect(again.try == 2)
            #expect(again.request == "r-1")
            #expect(again.members.map(\.key) == [Self.key("m-1"), Self.key("m-2")])
            #expect(transport.requests.count == 2)
        }
    }

    @Test func `E7, R3 (2): stays where nobody can be asked, and holds nothing else back`()
        async throws
    {
        try await Workbench.with { bench in
            try await Self.interrupt(bench, ["m-1"])
            let later = try await bench.collect("m-2")
            try await bench.release()
            let transport = FakeTransport(.accepted, uncertainty: .none)
            try await bench.run(bench.dispatcher(transport)) {
                bench.counts() == [.unknown: 1, .delivered: 1]
            }
            #expect(try bench.attempts().last?.members.map(\.at) == [later.value])
            // An operator settles it (E7).
            let at = try #require(try bench.attempts().first?.members.first?.at)
            try await bench.append(
                SettledRecord(
                    destination: "out", epoch: 1, slot: "event", at: at, outcome: .pending,
                    by: "ada"))
            try await bench.run(bench.dispatcher(transport)) { bench.counts() == [.delivered: 2] }
        }
    }

    @Test func `E7: is looked up in a file, and only what is not there is written again`()
        async throws
    {
        let directory = FileManager.default.temporaryDirectory.path + "/lookup-\(UUID().uuidString)"
        let files = OutputFiles(root: directory)
        let connector = try FileConnector(path: "out.ndjson", files: files)
        _ = try await connector.prepare()
        let path = directory + "/out.ndjson"
        let before = "{\"id\":\"something else\"}\n"
        let written =
            before + "{\"id\":\"\(Self.key("m-1").hex)\"}\n{\"id\":\"\(Self.key("m-2").hex)"
        try Data(written.utf8).write(to: URL(fileURLWithPath: path))
        try await Workbench.with { bench in
            try await Self.interrupt(bench, ["m-1", "m-2"], position: before.utf8.count)
            let dispatcher = bench.dispatcher(connector)
            try await bench.run(dispatcher) { bench.counts() == [.delivered: 2] }
            let receipts = try bench.receipts()
            #expect(receipts.map(\.outcome) == [.unknown, .delivered, .delivered])
            #expect(receipts[1].reason == "found by lookup")
            #expect(receipts[1].exceptions == [.init(member: 1, outcome: .retry)])
            #expect(receipts[1].attempt == receipts[0].attempt)
            let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
            let ids = try lines.map { try JSONValue(parsing: Array($0.utf8))["id"]?.string }
            #expect(ids == ["something else", Self.key("m-1").hex, Self.key("m-2").hex])
        }
        try await files.close()
        try FileManager.default.removeItem(atPath: directory)
    }

    @Test func `E7: covers a request whose answer got lost, which is asked for before a new try`()
        async throws
    {
        try await Workbench.with { bench in
            let transport = FakeTransport(.lost, .accepted, uncertainty: .lookup)
            try await bench.collect("m-1")
            try await bench.release()
            try await bench.run(bench.dispatcher(transport)) { bench.counts() == [.delivered: 1] }
            #expect(transport.lookups == 1)
            #expect(try bench.receipts().map(\.outcome) == [.unknown, .retry, .delivered])
            let other = FakeTransport(.lost, uncertainty: .lookup)
            other.holds([Self.key("m-2")])
            try await bench.collect("m-2")
            try await bench.release()
            try await bench.run(bench.dispatcher(other)) { bench.counts() == [.delivered: 2] }
            #expect(other.requests.count == 1)
        }
    }

    struct Passage: Sendable, CustomTestStringConvertible {
        var place: FaultPoints.Place
        /// Requests that have left by then.
        var sent: Int
        var testDescription: String { place.rawValue }
    }

    @Test(arguments: [
        Passage(place: .attemptRecorded, sent: 0), Passage(place: .bytesSent, sent: 1),
        Passage(place: .receiptPending, sent: 1),
    ])
    func `E7: is all that a crash at a fault point can leave`(_ passage: Passage) async throws {
        try await Workbench.with { bench in
            let transport = FakeTransport(.accepted)
            try await confirmation { reached in
                let faults = FaultPoints(setting: "\(passage.place.rawValue):1") {
                    do {
                        // What a crash here would leave: the attempt, and no receipt.
                        #expect(try bench.attempts().count == 1)
                        #expect(try bench.receipts().isEmpty)
                        #expect(transport.requests.count == passage.sent)
                    } catch { Issue.record(error) }
                    reached()
                }
                try await bench.collect("m-1")
                try await bench.release()
                try await bench.run(bench.dispatcher(transport, faults: faults)) {
                    bench.counts() == [.delivered: 1]
                }
            }
        }
    }
}
