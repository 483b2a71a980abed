import CustomerModel
import EventLog
import Foundation
import Hashing
import JSONText
import Logging
import Platform
import Projections
import Testing

/// The whole way of an event inside one process: collected, folded, judged, sent to a file, asked about,
/// replayed under another policy. Nothing is faked but the shop.
@Suite struct `A workspace` {
    @Test func `takes an event from collection to its disclosure, and replays it`() async throws {
        try await withWorkspace { workspace, directory in
            try await workspace.apply(Shop.policy)
            try await workspace.collect([
                Shop.consent("c1", user: "ada", analytics: true, ads: false),
                Shop.order("o1", user: "ada", revenue: "12.50"),
                Shop.order("o2", user: "bob", revenue: "7.00"),
            ])
            let sent = try await workspace.outputs("warehouse.ndjson", lines: 1, in: directory)
            #expect(sent[0]["messageId"]?.string == "o1")
            #expect(sent[0]["properties"]?.text == #"{"revenue":12.50}"#)
            #expect(sent[0]["identifiers"]?["user_id"]?.string == "ada")

            let why = try await workspace.ask(
                "explain", ["event": "shop/o2", "destination": "warehouse"])
            #expect(why["decision"]?.string == "withhold")
            #expect(why["reasons"]?.array == ["consent unknown"])
            #expect(why["agrees"]?.bool == true)

            // The line is in the file a moment before its receipt is in the log.
            try await workspace.waitUntil("status", [:]) {
                $0["destinations"]?[0]?["delivered"]?.int == 1
            }
            let shared = try await workspace.ask(
                "audit.disclosures", ["person": "user_id:ada"])
            #expect(shared["received"]?.int == 1)
            #expect(shared["disclosures"]?[0]?["recipient"]?.string == "Warehouse Ltd")
            #expect(shared["disclosures"]?[0]?["fields"]?.array == ["properties.revenue"])

            try await workspace.expectRebuildEqual()
        }
    }

    @Test func `R2, D3: a wider policy sends nothing by itself, and a backfill sends once`()
        async throws
    {
        try await withWorkspace { workspace, directory in
            try await workspace.apply(Shop.policy)
            try await workspace.collect([
                Shop.consent("c1", user: "ada", analytics: true, ads: true),
                Shop.consent("c2", user: "bob", analytics: false, ads: true),
                Shop.view("v1", user: "ada"), Shop.view("v2", user: "bob"),
                Shop.order("o1", user: "ada", revenue: "1"),
            ])
            _ = try await workspace.outputs("warehouse.ndjson", lines: 1, in: directory)
            let simulated = try await workspace.ask(
                "replay.simulate", ["text": .string(Shop.wider), "name": "wider"])
            let change = try #require(simulated["destinations"]?.array?.first)
            #expect(change["newlyAllowed"]?.int == 1)
            #expect(change["newlyWithheld"]?.int == 0)

            try await workspace.apply(Shop.wider)
            let dry = try await workspace.ask(
                "replay.backfill", ["destination": "warehouse", "dryRun": true])
            #expect(dry["planned"]?.int == 1)
            #expect(dry["alreadyTold"]?.int == 1)
            #expect(try workspace.lines("warehouse.ndjson", in: directory).count == 1)

            let plan = try await workspace.ask("replay.backfill", ["destination": "warehouse"])
            #expect(plan["planned"]?.int == 1)
            let sent = try await workspace.outputs("warehouse.ndjson", lines: 2, in: directory)
            #expect(sent.map { $0["messageId"]?.string } == ["o1", "v1"])
            try await workspace.waitUntil("replay.plans", [:]) {
                $0["plans"]?[0]?["state"]?.string == "complete"
            }
            let again = try await workspace.ask("replay.backfill", ["destination": "warehouse"])
            #expect(again["planned"]?.int == 0)
            try await workspace.expectRebuildEqual()
        }
    }

    @Test func `E6: a denial that is acknowledged before the look cancels what waits`() async throws
    {
        try await withWorkspace { workspace, directory in
            try await workspace.apply(Shop.policy)
            _ = try await workspace.ask("destination.pause", ["destination": "warehouse"])
            try await workspace.collect([
                Shop.consent("c1", user: "ada", analytics: true, ads: true),
                Shop.order("o1", user: "ada", revenue: "1"),
            ])
            try await workspace.waitUntil("status", [:]) {
                $0["destinations"]?[0]?["pending"]?.int == 1
            }
            try await workspace.collect([
                Shop.consent("c2", user: "ada", analytics: false, ads: true)
            ])
            _ = try await workspace.ask("destination.resume", ["destination": "warehouse"])
            try await workspace.waitUntil("status", [:]) {
                $0["destinations"]?[0]?["cancelled"]?.int == 1
            }
            #expect(try workspace.lines("warehouse.ndjson", in: directory).isEmpty)
            let why = try await workspace.ask(
                "explain", ["event": "o1", "destination": "warehouse"])
            #expect(why["decision"]?.string == "allow")
            #expect(why["effect"]?["cancelledBy"]?.array == ["consent denied"])
        }
    }

    @Test func `comes back after a restart as it was, by digest`() async throws {
        let directory = try temporaryDirectory()
        defer { remove(directory) }
        var digest: String?
        for turn in 0..<3 {
            try await withWorkspace(in: directory) { workspace, _ in
                if turn == 0 { try await workspace.apply(Shop.policy) }
                let now = workspace.projection.read { $0.digest().hex }
                if let digest { #expect(now == digest, "turn \(turn)") }
                try await workspace.collect([
                    Shop.consent("c\(turn)", user: "u\(turn)", analytics: true, ads: true),
                    Shop.order("o\(turn)", user: "u\(turn)", revenue: "3"),
                ])
                _ = try await workspace.outputs(
                    "warehouse.ndjson", lines: turn + 1, in: directory)
                try await workspace.waitUntil("status", [:]) {
                    $0["destinations"]?[0]?["delivered"]?.int == Int64(turn + 1)
                }
            }
            // Closed: nothing is appended any more, so the digest of the next open must be the last one's.
            let reopened = try await Workspace.open(directory: directory, options: .quiet)
            digest = reopened.projection.read { $0.digest().hex }
            try await reopened.catchUp()
            await reopened.close()
        }
    }

    @Test func `refuses what a role may not do, and a policy that is wrong, with the place`()
        async throws
    {
        try await withWorkspace { workspace, _ in
            let service = Principal(name: "s", role: .service)
            await #expect(throws: OperationError.self) {
                _ = try await workspace.perform("suppress", ["person": "user_id:x"], by: service)
            }
            do {
                _ = try await workspace.ask(
                    "policy.apply",
                    ["text": .string(Shop.policy + "\n    surprise: 1\n"), "name": "bad.yaml"])
                Issue.record("a malformed policy was activated")
            } catch let error as OperationError {
                #expect(error.status == 422)
                #expect(error.message.contains("bad.yaml:"))
                #expect(error.message.contains("surprise"))
            }
        }
    }

    @Test func `A1: an answer about the past names its offset, schedule and incarnation`()
        async throws
    {
        try await withWorkspace { workspace, _ in
            try await workspace.apply(Shop.policy)
            try await workspace.collect([Shop.order("o1", user: "ada", revenue: "1")])
            let then = try await workspace.ask("profile", ["person": "user_id:ada", "asOf": 1])
            #expect(then["asOf"]?["offset"]?.int == 1)
            #expect(then["asOf"]?["incarnation"]?.int == 1)
            #expect(then["asOf"]?["schedule"]?[0]?["version"]?.int == 1)
            #expect(then["asOf"]?["question"]?.string == "as known at the offset")
            let now = try await workspace.ask("profile", ["person": "user_id:ada"])
            #expect(now["asOf"]?["question"]?.string == "as corrected now")
        }
    }

    @Test(arguments: ["profile", "audit.disclosures", "explain", "log.cat", "sql", "consent"])
    func `A3: a read is recorded, durable before its answer`(_ operation: String) async throws {
        try await withWorkspace { workspace, _ in
            try await workspace.apply(Shop.policy)
            try await workspace.collect([Shop.order("o1", user: "ada", revenue: "1")])
            let before = workspace.log.durableEnd
            _ = try await workspace.perform(
                operation,
                [
                    "person": "user_id:ada", "event": "o1", "destination": "warehouse",
                    "query": "SELECT count(*) FROM profiles",
                ], by: Principal(name: "dpo", role: .auditor))
            var reads: [String] = []
            var reader = workspace.log.makeReader()
            _ = try reader.forEach(
                from: before, to: workspace.log.durableEnd, needs: .lines,
                kinds: [RecordKind.auditRead.rawValue]
            ) { view in
                let line = try JSONValue(parsing: Array(view.line))
                #expect(line["body"]?["by"]?.string == "dpo")
                if let what = line["body"]?["what"]?.string { reads.append(what) }
                return .next
            }
            #expect(reads == [operation])
        }
    }

    @Test func `A4: a tail gives a snapshot, then changes, and goes on from its cursor`()
        async throws
    {
        try await withWorkspace { workspace, _ in
            try await workspace.apply(Shop.policy)
            try await workspace.collect([Shop.order("o1", user: "ada", revenue: "1")])
            let first = try await workspace.firstLines(of: "profiles", from: nil, count: 1)
            #expect(first[0]["type"]?.string == "snapshot")
            let cursor = try #require(first[0]["cursor"]?.string)
            try await workspace.collect([Shop.order("o2", user: "bob", revenue: "1")])
            let next = try await workspace.firstLines(of: "profiles", from: cursor, count: 1)
            #expect(next[0]["type"]?.string == "changed")
            #expect(next[0]["identifiers"]?[0]?["value"]?.string == "bob")
            let foreign = cursor.replacing(workspace.log.identity.hex, with: "00")
            let expired = try await workspace.firstLines(of: "profiles", from: foreign, count: 1)
            #expect(expired[0]["type"]?.string == "cursor_expired")
        }
    }

    @Test func `E4: an epoch must change with the recipient`() async throws {
        try await withWorkspace { workspace, _ in
            try await workspace.apply(Shop.policy)
            do {
                try await workspace.apply(
                    Shop.policy.replacing("Warehouse Ltd", with: "Somebody Else Ltd"))
                Issue.record("E4: another recipient was let in under the old epoch")
            } catch let error as OperationError {
                #expect(error.message.contains("epoch"))
            }
        }
    }
}

enum Shop {
    static let policy = """
        policy: test_shop
        identity:
          types:
            - { type: user_id, limit: 1 }
            - { type: anonymous_id, limit: 5 }
        purposes:
          analytics: { segment: [Analytics] }
        destinations:
          warehouse:
            recipient: Warehouse Ltd
            file: warehouse.ndjson
            purposes: [analytics]
            identifiers: [user_id]
            batch: 10
            events:
              - track: Order Completed
                properties: [revenue]
        """
    static let wider =
        policy + "\n" + """
                  - track: Product Viewed
                    properties: [sku]
            """

    static func consent(_ id: String, user: String, analytics: Bool, ads: Bool) -> String {
        #"{"type":"track","messageId":"\#(id)","userId":"\#(user)","event":"Segment Consent Preference Updated","context":{"consent":{"categoryPreferences":{"Analytics":\#(analytics),"Ads":\#(ads)}}}}"#
    }
    static func order(_ id: String, user: String, revenue: String) -> String {
        #"{"type":"track","messageId":"\#(id)","userId":"\#(user)","event":"Order Completed","properties":{"revenue":\#(revenue),"secret":"x"}}"#
    }
    static func view(_ id: String, user: String) -> String {
        #"{"type":"track","messageId":"\#(id)","userId":"\#(user)","event":"Product Viewed","properties":{"sku":"s1"}}"#
    }
}

extension WorkspaceOptions {
    static var quiet: WorkspaceOptions {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return WorkspaceOptions(allowsPrivateDestinations: true, logger: logger)
    }
}

func temporaryDirectory() throws -> String {
    let path = NSTemporaryDirectory() + "sluice-test-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
}

func remove(_ directory: String) {
    do {
        try FileManager.default.removeItem(atPath: directory)
    } catch {
        print("left behind: \(error)")
    }
}

/// Opens a workspace, runs it while `body` works, and closes it.
func withWorkspace(
    in given: String? = nil, options: WorkspaceOptions = .quiet,
    _ body: (Workspace, String) async throws -> Void
) async throws {
    let directory = try given ?? temporaryDirectory()
    defer { if given == nil { remove(directory) } }
    let workspace = try await Workspace.open(directory: directory, options: options)
    let running = Task { try await workspace.run() }
    let outcome: Result<Void, any Error>
    do {
        try await body(workspace, directory)
        outcome = .success(())
    } catch {
        outcome = .failure(error)
    }
    running.cancel()
    try await running.value
    try outcome.get()
}

struct NeverCame: Error, CustomStringConvertible {
    var description: String
}

extension Workspace {
    func ask(_ operation: String, _ parameters: JSONValue) async throws -> JSONValue {
        try await perform(operation, parameters, by: .local)
    }

    func apply(_ policy: String) async throws {
        _ = try await ask("policy.apply", ["text": .string(policy), "name": "test.yaml"])
    }

    func collect(_ messages: [String]) async throws {
        let outcome = try await collector.collect(
            messages.map { CollectItem(bytes: Array($0.utf8)) },
            CollectContext(source: "shop", received: Timestamp.now()))
        #expect(outcome.rejected.isEmpty)
        if let last = outcome.lastOffset {
            try await projection.waitApplied(through: Offset(last.value + 1))
        }
    }

    /// The first lines of a stream; then it is let go.
    func firstLines(of stream: String, from cursor: String?, count: Int) async throws
        -> [JSONValue]
    {
        var lines: [JSONValue] = []
        for try await line in tail(stream, from: cursor, by: .local) {
            lines.append(try JSONValue(parsing: line))
            if lines.count == count { break }
        }
        return lines
    }

    /// Asks again until the answer is as wanted, for twenty seconds at most.
    func waitUntil(
        _ operation: String, _ parameters: JSONValue, _ isThere: (JSONValue) -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + .seconds(20)
        var last = JSONValue.null
        while ContinuousClock.now < deadline {
            last = try await ask(operation, parameters)
            if isThere(last) { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw NeverCame(description: "\(operation) never said what was waited for: \(last.text)")
    }

    func lines(_ file: String, in directory: String) throws -> [JSONValue] {
        let path = directory + "/outputs/" + file
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        let text = try String(contentsOfFile: path, encoding: .utf8)
        return try text.split(separator: "\n").map { try JSONValue(parsing: Array($0.utf8)) }
    }

    /// Waits until a file destination holds so many lines.
    func outputs(_ file: String, lines wanted: Int, in directory: String) async throws
        -> [JSONValue]
    {
        let deadline = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < deadline {
            let found = try lines(file, in: directory)
            if found.count >= wanted {
                #expect(found.count == wanted)
                return found
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw NeverCame(
            description: "\(file) never held \(wanted) lines: \(try await ask("status", [:]).text)")
    }

    /// P2: live equals rebuilt, by digest.
    func expectRebuildEqual() async throws {
        let result = try await ask("replay.rebuild", [:])
        #expect(result["equal"]?.bool == true, "\(result.text)")
    }
}
