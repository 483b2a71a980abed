import CustomerModel
import EventLog
import JSONText
import Platform
import Testing

@Suite struct `An mParticle request` {
    private func collect(_ batches: String..., into desk: Desk) async throws -> CollectOutcome {
        try await desk.collector.collect(
            batches.map { CollectItem(bytes: Array($0.utf8)) },
            CollectContext(
                source: "app", received: try #require(Timestamp(parsing: "2026-03-14T15:09:26Z")),
                dialect: .mparticle))
    }

    private func seen(_ id: String? = nil, _ name: String = "Seen") -> String {
        let id = id.map { #""source_message_id":"\#($0)","# } ?? ""
        return #"{"event_type":"custom_event","data":{\#(id)"event_name":"\#(name)"}}"#
    }

    private func batch(_ request: String?, _ events: String...) -> String {
        let name = request.map { #""source_request_id":"\#($0)","# } ?? ""
        return #"{\#(name)"mp_deviceid":"d","events":[\#(events.joined(separator: ","))]}"#
    }

    @Test func `is known by its name after a restart, whatever its events say`() async throws {
        let desk = try Desk()
        let sent = batch("r1", seen(), seen("m1"))
        #expect(try await collect(sent, into: desk).accepted == 2)
        #expect(try await collect(sent, into: desk).duplicates == 2)
        let later = try desk.reopened()
        #expect(try await collect(sent, into: later).duplicates == 2)
        #expect(try await collect(batch("r1", seen("n1"), seen()), into: later).duplicates == 2)
        #expect(try await collect(batch("r2", seen("m1"), seen()), into: later).accepted == 1)
        #expect(try await collect(batch(nil, seen()), into: later).accepted == 1)
        #expect(try later.lines().count == 4)
    }

    @Test func `brings what a crash kept from the log, and only that`() async throws {
        let desk = try Desk()
        // As if the commit had been cut after the first event.
        #expect(try await collect(batch("r", seen()), into: desk).accepted == 1)
        let whole = try await collect(batch("r", seen(), seen(), seen("m")), into: desk)
        #expect(whole.duplicates == 1)
        #expect(whole.accepted == 2)
        #expect(try desk.lines().map { $0["batchIndex"]?.int } == [0, 1, 2])
    }

    @Test func `is told from another whose hash is the same`() async throws {
        let mask: UInt64 = 0xFF << 40
        let desk = try Desk(keyMask: mask)
        let all = (0..<300).map { batch("r\($0)", seen("m\($0)")) }
        let items = all.map { CollectItem(bytes: Array($0.utf8)) }
        let context = CollectContext(
            source: "app", received: try #require(Timestamp(parsing: "2026-03-14T15:09:26Z")),
            dialect: .mparticle)
        #expect(try await desk.collector.collect(items, context).accepted == 300)
        let later = try desk.reopened(keyMask: mask)
        #expect(try await later.collector.collect(items, context).duplicates == 300)
    }

    @Test func `that comes many times at once is stored once`() async throws {
        let desk = try Desk()
        let sent = batch("r", seen(), seen())
        let accepted = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<32 {
                group.addTask { try await collect(sent, into: desk).accepted }
            }
            var sum = 0
            for try await one in group { sum += one }
            return sum
        }
        #expect(accepted == 2)
        #expect(try desk.lines().count == 2)
    }

    @Test func `X1: about somebody suppressed is not stored`() async throws {
        let desk = try Desk()
        desk.collector.suppressions.insert(type: "email", value: "ada@x.org")
        let outcome = try await collect(
            #"{"user_identities":{"email":"Ada@x.org"},"events":[\#(seen())]}"#, into: desk)
        #expect(outcome.suppressed == 1)
        #expect(try desk.lines().isEmpty)
    }

    @Test func `keeps numbers as they were written, and no key`() async throws {
        let desk = try Desk()
        let event =
            #"{"event_type":"custom_event","data":{"event_name":"E","custom_attributes":{"n":1.50e2}}}"#
        _ = try await collect(
            #"{ "api_key": "secret", "mpid": -7346244611012968789, "events": [ \#(event) ], "x": 0.10 }"#,
            into: desk)
        var reader = desk.log.makeReader()
        let line = String(decoding: try #require(try reader.line(at: Offset(0))), as: UTF8.self)
        #expect(line.contains(#""body":\#(event)}"#))
        #expect(line.contains(#""batch":{"mpid":-7346244611012968789,"x":0.10}"#))
        #expect(line.contains(#""changed":["batch.api_key"]"#))
        #expect(!line.contains("secret"))
    }
}
