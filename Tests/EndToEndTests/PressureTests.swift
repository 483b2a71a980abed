import Foundation
import JSONText
import Synchronization
import TestSupport
import Testing

/// More than the server can take, from clients of every kind.
@Suite(.serialized) struct `Under pressure` {
    typealias Door = `Hostile clients`.Door

    /// What clients believe, put together by many tasks.
    final class Beliefs: Sendable {
        struct Held {
            var acknowledged: [String] = []
            var statuses: [Int: Int] = [:]
            var lacksRetryAfter = 0
            var isOver = false
        }
        private let held = Mutex(Held())
        var now: Held { held.withLock { $0 } }

        /// No more is sent from now on.
        func end() { held.withLock { $0.isOver = true } }

        func note(_ answer: RawAnswer, _ ids: [String]) {
            held.withLock { held in
                held.statuses[answer.status, default: 0] += 1
                if [200, 202].contains(answer.status) { held.acknowledged += ids }
                if [429, 503].contains(answer.status), answer.headers["retry-after"] != "1" {
                    held.lacksRetryAfter += 1
                }
            }
        }
    }

    private static let padding = String(repeating: "x", count: 9_000)

    /// Sends batches of 20 events of 9 kB until told to stop, or until the connection ends.
    private func send(
        _ door: Door, as client: Int, beliefs: Beliefs, until isOver: @Sendable () -> Bool
    ) async throws {
        let isMParticle = client % 4 == 3
        var connection = try RawConnection(port: door.server.port)
        var batch = 0
        while !isOver() {
            batch += 1
            let ids = (0..<20).map { "c\(client)-\(batch)-\($0)" }
            let bytes = Array((isMParticle ? Self.bulk(ids) : Self.batch(ids)).utf8)
            let request = door.request(bytes, to: isMParticle ? "/v2/events" : "/v1/batch")
            guard try await connection.send(request), let answer = try await connection.answer()
            else {
                // Nobody said that this batch was taken; a stopping server takes no new connection.
                do { connection = try RawConnection(port: door.server.port) } catch { return }
                continue
            }
            beliefs.note(answer, ids)
        }
    }

    private static func batch(_ ids: [String]) -> String {
        let items = ids.map {
            #"{"type":"page","userId":"u","messageId":"\#($0)","properties":{"p":"\#(padding)"}}"#
        }
        return #"{"batch":[\#(items.joined(separator: ","))]}"#
    }

    /// mParticle takes 128 KiB, so its padding is shorter.
    private static func bulk(_ ids: [String]) -> String {
        let events = ids.map {
            #"{"event_type":"screen_view","data":{"screen_name":"s","source_message_id":"\#($0)","custom_attributes":{"p":"\#(padding.prefix(4_000))"}}}"#
        }
        return
            #"{"environment":"production","user_identities":{"customerid":"u"},"events":[\#(events.joined(separator: ","))]}"#
    }

    /// How often each event is in the log, by the id that its client gave it.
    private func stored(_ door: Door) async throws -> [String: Int] {
        var counts: [String: Int] = [:]
        for line in try await door.server.logLines() where line["kind"]?.string == "event" {
            let body = line["body"]
            let id = body?["messageId"]?.string ?? body?["data"]?["source_message_id"]?.string
            counts[id ?? "", default: 0] += 1
        }
        return counts
    }

    @Test func `a log that cannot keep up is waited for outside, and what was taken is there once`()
        async throws
    {
        // A megabyte may wait for the disk: five batches of sixty clients.
        let door = try await Door(options: ["--queue-mib", "1"])
        defer { door.server.kill() }
        let beliefs = Beliefs()
        let deadline = ContinuousClock.now + .seconds(1.5)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for client in 0..<60 {
                group.addTask {
                    try await send(door, as: client, beliefs: beliefs) {
                        ContinuousClock.now > deadline
                    }
                }
            }
            try await group.waitForAll()
        }
        let held = beliefs.now
        #expect(Set(held.statuses.keys) == [200, 202, 429, 503], "\(held.statuses)")
        #expect(held.lacksRetryAfter == 0)
        #expect(try #require(door.child.peakBytes) < 384 << 20)
        let stored = try await stored(door)
        #expect(stored.values.allSatisfy { $0 == 1 })
        #expect(Set(stored.keys) == Set(held.acknowledged))
        print("under pressure: \(held.statuses), peak \((door.child.peakBytes ?? 0) >> 20) MiB")
        try await door.server.stop()
    }

    @Test func `stalled bodies lose their room to whoever really sends`() async throws {
        // Without others in need they would have a minute, and are slow after five seconds.
        let door = try await Door(options: ["--intake-mib", "16"])
        defer { door.server.kill() }
        let blanks = Array(repeating: UInt8(ascii: " "), count: 480_000)
        var stalled: [RawConnection] = []
        for _ in 0..<60 {
            let connection = try RawConnection(port: door.server.port)
            try await connection.send(door.request(Array(blanks.prefix(400_000)), length: 480_000))
            stalled.append(connection)
        }
        let good =
            Array(#"{"batch":[{"type":"page","userId":"u","messageId":"good"}]}"#.utf8) + blanks
        #expect(try await door.send(good)?.status == 503, "the room is full of bodies just begun")
        // Who only announces a body takes no room from anybody.
        for _ in 0..<20 {
            let connection = try RawConnection(port: door.server.port)
            try await connection.send(door.request([], length: 500_000))
            stalled.append(connection)
        }
        let begun = ContinuousClock.now
        try await eventually("there is room", within: .seconds(20)) {
            try await door.send(good)?.status == 200
        }
        let took = ContinuousClock.now - begun
        #expect(took < .seconds(15), "long before their minute is over")
        // As many as was needed and no more.
        var cut = 0
        for connection in stalled
        where try await connection.untilClosed(within: .milliseconds(20)) != nil { cut += 1 }
        print("stalled bodies: room after \(took), \(cut) of \(stalled.count) cut or refused")
        #expect(try await door.serves("small"))
        #expect(try await stored(door).values.allSatisfy { $0 == 1 })
    }

    @Test func `HTTP/1.0 closes after its answer, unless it is asked not to`() async throws {
        let door = try await Door()
        defer { door.server.kill() }
        func ask(_ version: String, _ headers: String...) async throws -> (RawConnection, Int?) {
            let connection = try RawConnection(port: door.server.port)
            let lines = ["GET /healthz HTTP/\(version)", "Host: x"] + headers
            try await connection.send(lines.joined(separator: "\r\n") + "\r\n\r\n")
            return (connection, try await connection.answer()?.status)
        }
        for (version, headers) in [
            ("1.0", ""), ("1.0", "Connection: close"), ("1.1", "Connection: Close"),
            ("1.1", "Connection: foo, close"),
        ] {
            let (connection, status) = try await ask(version, headers.isEmpty ? "X-A: b" : headers)
            #expect(status == 200)
            let closed = try await connection.untilClosed(within: .seconds(5))
            #expect(closed != nil, "\(version) \(headers)")
        }
        for (version, header) in [("1.0", "Connection: keep-alive"), ("1.1", "X-A: b")] {
            let (connection, status) = try await ask(version, header)
            #expect(status == 200)
            try await connection.send(
                "GET /healthz HTTP/\(version)\r\nHost: x\r\n\(header)\r\n\r\n")
            #expect(try await connection.answer()?.status == 200, "\(version) \(header)")
        }
    }

    @Test func `bodies that never end take no more memory than was set aside`() async throws {
        // So long that none of them counts as slow before all have begun.
        let door = try await Door(options: ["--intake-mib", "16", "--patience", "40"])
        defer { door.server.kill() }
        let before = try #require(door.child.peakBytes)
        let most = Array(repeating: UInt8(ascii: " "), count: 400_000)
        var connections: [RawConnection] = []
        for _ in 0..<200 {
            let connection = try RawConnection(port: door.server.port)
            // 80 MB in all, of which 16 MiB may be held.
            try await connection.send(door.request(most, length: 480_000))
            connections.append(connection)
        }
        let refused = try #require(try await connections[199].answer())
        #expect(refused.status == 503)
        #expect(refused.headers["retry-after"] == "1")
        for _ in 0..<4 {
            let connection = try RawConnection(port: door.server.port)
            try await connection.send(
                door.request(Array(most.prefix(250_000)), to: "/v2/events", length: 256_000))
            connections.append(connection)
        }
        let bulk = try #require(try await connections[203].answer())
        #expect(bulk.status == 429)
        #expect(bulk.headers["retry-after"] == "1")
        let after = try #require(door.child.peakBytes)
        print("200 bodies that never end: \((after - before) >> 20) MiB more")
        #expect(after - before < 80 << 20)
        try await eventually("they are cut and it goes on", within: .seconds(15)) {
            try await door.send(Array(#"{"batch":[]}"#.utf8) + most)?.status == 200
        }
    }

    @Test func `clients that are slow, stuck or idle are cut in their time`() async throws {
        let door = try await Door(options: ["--patience", "4"])
        defer { door.server.kill() }
        let port = door.server.port
        let body = Array(#"{"batch":[{"type":"page","userId":"u","messageId":"done"}]}"#.utf8)
        async let silent = RawConnection(port: port).untilClosed(within: .seconds(15))
        async let head = drip(
            port, Array("POST /v1/batch HTTP/1.1\r\nX-Very-Long: ".utf8), then: "a")
        async let slowBody = drip(port, door.request([], length: 100_000), then: " ")
        async let idle = afterOne(port, door.request(body))
        async let unread = neverReads(port, door.request(Array("[]".utf8)))
        // A quarter of the patience, all of it, and five quarters; looked at five times a second.
        let times = try await (silent, head, slowBody, idle, unread)
        #expect(times.0.map { $0 > .seconds(0.9) && $0 < .seconds(3) } == true, "\(times)")
        #expect(times.1.map { $0 > .seconds(0.9) && $0 < .seconds(3) } == true, "\(times)")
        #expect(times.2.map { $0 > .seconds(3.9) && $0 < .seconds(7) } == true, "\(times)")
        #expect(times.3.map { $0 > .seconds(4.5) && $0 < .seconds(8) } == true, "\(times)")
        #expect(times.4.map { $0 > .seconds(3.5) && $0 < .seconds(12) } == true, "\(times)")
        #expect(try await door.serves("good"))
    }

    /// A client that sends a byte now and then; how long it was let.
    private func drip(_ port: Int, _ start: [UInt8], then byte: String) async throws -> Duration? {
        let connection = try RawConnection(port: port)
        let begun = ContinuousClock.now
        try await connection.send(start)
        while ContinuousClock.now < begun + .seconds(15) {
            guard try await connection.send(byte) else { return ContinuousClock.now - begun }
            try await Task.sleep(for: .milliseconds(50))
        }
        return nil
    }

    private func afterOne(_ port: Int, _ request: [UInt8]) async throws -> Duration? {
        let connection = try RawConnection(port: port)
        try await connection.send(request)
        #expect(try await connection.answer()?.status == 200)
        return try await connection.untilClosed(within: .seconds(15))
    }

    /// A client that only sends; how long the server tried to answer it.
    private func neverReads(_ port: Int, _ request: [UInt8]) async throws -> Duration? {
        let connection = try RawConnection(port: port, receiveBuffer: 4_096)
        let begun = ContinuousClock.now
        let many = Array(repeating: request, count: 200).flatMap { $0 }
        while ContinuousClock.now < begun + .seconds(15) {
            guard try await connection.send(many, within: .seconds(15)) else {
                return ContinuousClock.now - begun
            }
        }
        return nil
    }

    @Test func `connections are bounded, and the next gets its turn`() async throws {
        let door = try await Door(options: ["--connections", "20", "--patience", "4"])
        defer { door.server.kill() }
        let files = door.child.openFiles
        var crowd: [RawConnection] = []
        for _ in 0..<100 { crowd.append(try RawConnection(port: door.server.port)) }
        try await Task.sleep(for: .milliseconds(300))
        // Those that one look at the queue brought may come on top.
        #expect(door.child.openFiles - files <= 20 + 16)
        let begun = ContinuousClock.now
        #expect(try await door.serves("next"))
        #expect(ContinuousClock.now - begun < .seconds(20))
        withExtendedLifetime(crowd) {}
    }

    @Test
    func `L5: a server told to stop under load keeps all that it acknowledged, and ends in time`()
        async throws
    {
        let door = try await Door(options: ["--drain", "3"])
        defer { door.server.kill() }
        let beliefs = Beliefs()
        // A body that never comes may hold the server up only so long.
        let stuck = try RawConnection(port: door.server.port)
        try await stuck.send(door.request([], length: 1_000))
        let took = try await withThrowingTaskGroup(of: Duration?.self) { group in
            for client in 0..<24 {
                group.addTask {
                    try await send(door, as: client, beliefs: beliefs) { beliefs.now.isOver }
                    return nil
                }
            }
            group.addTask {
                defer { beliefs.end() }
                try await eventually("some are taken") { beliefs.now.acknowledged.count > 2_000 }
                let begun = ContinuousClock.now
                // Ends with 0, or throws.
                try await door.server.stop()
                return ContinuousClock.now - begun
            }
            return try await group.reduce(Duration.zero) { max($0, $1 ?? .zero) }
        }
        print("stopped under load in \(took)")
        #expect(took < .seconds(8))
        let answer = try await stuck.answer(within: .seconds(1))
        #expect(answer?.status != 200)
        let stored = try await stored(door)
        #expect(stored.values.allSatisfy { $0 == 1 })
        #expect(Set(beliefs.now.acknowledged).isSubset(of: stored.keys))
    }
}
