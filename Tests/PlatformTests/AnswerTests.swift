import CustomerModel
import EventLog
import Hashing
import JSONText
import Platform
import Projections
import Testing

/// What answers and streams say of themselves, and what is written down of them (A1, A3, A4).
@Suite struct `An answer` {
    @Test func `A1: about the past names the policies in force then, and no later one`()
        async throws
    {
        try await withWorkspace { workspace, _ in
            try await workspace.apply(Shop.policy)
            try await workspace.collect([Shop.order("o1", user: "ada", revenue: "1")])
            try await workspace.apply(Shop.wider)
            let then = try await workspace.ask("profile", ["person": "user_id:ada", "asOf": 1])
            #expect(versions(then) == [1])
            let now = try await workspace.ask("profile", ["person": "user_id:ada"])
            #expect(versions(now) == [1, 2])
        }
    }

    private func versions(_ answer: JSONValue) -> [Int64?]? {
        answer["asOf"]?["schedule"]?.array?.map { $0["version"]?.int }
    }

    @Test func `A3: what left and was never answered may have been received`() async throws {
        try await withWorkspace { workspace, _ in
            try await workspace.apply(Shop.policy)
            try await workspace.collect([Shop.order("o1", user: "ada", revenue: "1")])
            let fields = try workspace.log.append([
                ControlDraft.make(
                    FieldSetRecord(
                        destination: "warehouse", epoch: 1, fields: ["properties.revenue"],
                        identifiers: ["user_id"]), at: .now())
            ]).first.value
            let attempt = AttemptRecord(
                destination: "warehouse", epoch: 1, recipient: "Warehouse Ltd",
                slot: Lane.eventSlot, plan: nil, look: 2, generation: 1, try: 1, request: "r",
                bodyDigest: SHA256.of([]), bodyBytes: 0, started: .now(), position: nil,
                members: [
                    AttemptRecord.Member(
                        key: EffectKey(high: 1, low: 2), action: .deliver, at: 1, audience: nil,
                        profile: nil, digest: SHA256.of([]), policy: 1, consent: nil,
                        fieldSet: fields,
                        identifiers: [])
                ])
            let ticket = try workspace.log.append([ControlDraft.make(attempt, at: .now())])
            try await workspace.projection.waitApplied(through: ticket.end)
            let shared = try await workspace.ask(
                "audit.disclosures", ["person": "user_id:ada"])
            #expect(
                shared["disclosures"]?.array?.map { $0["outcome"]?.string } == [
                    "may have received"
                ])
        }
    }

    @Test(arguments: ["events", "profiles"])
    func `A3: of a stream is recorded before its range is shown`(_ stream: String) async throws {
        try await withWorkspace { workspace, _ in
            try await workspace.apply(Shop.policy)
            try await workspace.collect([Shop.order("o1", user: "ada", revenue: "1")])
            _ = try await workspace.firstLines(of: stream, from: nil, count: 1)
            var reads: [String?] = []
            var reader = workspace.log.makeReader()
            _ = try reader.forEach(
                from: Offset(0), to: workspace.log.durableEnd, needs: .lines,
                kinds: [RecordKind.auditRead.rawValue]
            ) { view in
                reads.append(try JSONValue(parsing: Array(view.line))["body"]?["what"]?.string)
                return .next
            }
            #expect(reads.contains("tail.\(stream)"))
        }
    }
}

@Suite struct `A subject that an operator suppressed` {
    @Test func `X1: is not collected from the answer on`() async throws {
        try await withWorkspace { workspace, _ in
            try await workspace.apply(Shop.policy)
            _ = try await workspace.ask("suppress", ["person": "user_id:ada"])
            let end = workspace.log.durableEnd
            let outcome = try await workspace.collector.collect(
                ["ada", "bob"].map {
                    CollectItem(bytes: Array(Shop.order("o-" + $0, user: $0, revenue: "1").utf8))
                }, CollectContext(source: "shop", received: .now()))
            #expect(outcome.suppressed == 1)
            #expect(outcome.accepted == 1)
            #expect(workspace.projection.read { $0.eventCount(in: 0..<end.value) } == 0)
        }
    }
}

@Suite struct `A cursor` {
    @Test func `A4: of another stream, or of what the log does not hold, has expired`()
        async throws
    {
        try await withWorkspace { workspace, _ in
            try await workspace.apply(Shop.policy)
            try await workspace.collect([Shop.order("o1", user: "ada", revenue: "1")])
            let lines = try await workspace.firstLines(of: "profiles", from: nil, count: 1)
            let cursor = try #require(lines[0]["cursor"]?.string)
            let other = try await workspace.firstLines(of: "audiences", from: cursor, count: 1)
            #expect(other[0]["type"]?.string == "cursor_expired")
            let parts = cursor.split(separator: ".").dropLast()
            let ahead = parts.joined(separator: ".") + ".1000000"
            let past = try await workspace.firstLines(of: "profiles", from: ahead, count: 1)
            #expect(past[0]["type"]?.string == "cursor_expired")
        }
    }

    @Test func `A4: of an event goes on right behind it`() async throws {
        try await withWorkspace { workspace, _ in
            try await workspace.apply(Shop.policy)
            try await workspace.collect([
                Shop.order("o1", user: "ada", revenue: "1"),
                Shop.order("o2", user: "ada", revenue: "1"),
            ])
            var cursor: String?
            var seen: [String?] = []
            for _ in 0..<2 {
                let line = try await workspace.firstLines(of: "events", from: cursor, count: 1)[0]
                seen.append(line["record"]?["body"]?["messageId"]?.string)
                cursor = line["cursor"]?.string
            }
            #expect(seen == ["o1", "o2"])
        }
    }

    @Test func `A4: of a change misses none that comes after it in the same range`() async throws {
        try await withWorkspace { workspace, _ in
            try await workspace.apply(
                Shop.policy
                    + "\naudiences:\n  buyers: { count: { event: Order Completed, atLeast: 1 } }")
            try await workspace.collect([
                Shop.order("o1", user: "ada", revenue: "1"),
                Shop.order("o2", user: "bob", revenue: "1"),
            ])
            let both = try await workspace.firstLines(of: "audiences", from: "0", count: 2)
            #expect(both.map { $0["type"]?.string } == ["entered", "entered"])
            let cursor = try #require(both[0]["cursor"]?.string)
            let next = try await workspace.firstLines(of: "audiences", from: cursor, count: 1)
            #expect(next[0]["profile"] == both[1]["profile"])
        }
    }

    @Test func `A4: of a heartbeat is said of an idle stream, again and again`() async throws {
        var options = WorkspaceOptions.quiet
        options.heartbeatEvery = .milliseconds(1)
        try await withWorkspace(options: options) { workspace, _ in
            try await workspace.apply(Shop.policy)
            let end = workspace.projection.applied
            let lines = try await workspace.firstLines(of: "events", from: nil, count: 2)
            #expect(lines.map { $0["type"]?.string } == ["heartbeat", "heartbeat"])
            let safe = try #require(lines[1]["safe"]?.int)
            #expect(safe >= end.value)
            #expect(lines[1]["cursor"]?.string?.hasSuffix(".\(safe)") == true)
        }
    }

    @Test func `A4: has expired once the log was folded anew`() async throws {
        try await withWorkspace { workspace, _ in
            try await workspace.apply(Shop.policy)
            try await workspace.collect([Shop.order("o1", user: "ada", revenue: "1")])
            var types: [String?] = []
            for try await line in workspace.tail("profiles", from: nil, by: .local) {
                let type = try JSONValue(parsing: line)["type"]?.string
                types.append(type)
                // What was served so far is a snapshot, and it has ended.
                if type == "heartbeat" {
                    workspace.projection.notice(
                        Damage(file: "x", position: 0, offsets: 1..<2, reason: "bad"))
                }
                if types.count > 20 { break }
            }
            #expect(types.last == "cursor_expired")
        }
    }
}
