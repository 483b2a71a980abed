import CustomerModel
import EventLog
import Foundation
import JSONText
import Platform
import Projections
import Testing

/// A log that lost something, under a whole platform: what is withheld, what stops, what is said of it.
@Suite struct `A damaged log` {
    @Test func `L9: lines of events withhold the people they name, and the rest goes on`()
        async throws
    {
        let shop = try await DamagedShop()
        try shop.flipLines(ofSegment: 1)
        try await withWorkspace(in: shop.directory) { workspace, directory in
            let sent = try await workspace.outputs("warehouse.ndjson", lines: 1, in: directory)
            #expect(sent[0]["messageId"]?.string == "later-bob")
            let status = try await workspace.ask("status", [:])
            #expect(status["dispatchHeld"] == .null)
            #expect(status["health"]?.string == "degraded")
            let loss = try #require(status["losses"]?.array?.first)
            #expect(loss["from"]?.int == Int64(shop.lost.lowerBound))
            #expect(loss["to"]?.int == Int64(shop.lost.upperBound))
            #expect(loss["withholds"]?.string == "the people that its records name")

            let withheld = try await workspace.ask(
                "explain", ["event": "shop/later-ada", "destination": "warehouse"])
            #expect(withheld["reasons"]?.array == ["unreadable"])
            #expect(withheld["agrees"]?.bool == true)
            #expect(withheld["asOf"]?["unreadable"]?[0]?["from"] == loss["from"])
            for reference in ["shop/lost-ada", String(shop.lostEvent)] {
                let lost = try await workspace.ask(
                    "explain", ["event": .string(reference), "destination": "warehouse"])
                #expect(lost["decision"]?.string == "withhold", "\(reference)")
                #expect(lost["reasons"]?.array == ["unreadable"], "\(reference)")
                #expect(lost["unreadable"]?["from"] == loss["from"], "\(reference)")
            }
            try await shop.expectEveryAnswer(of: workspace)
            // A loss that withholds only some may be accepted as well; they stay withheld.
            _ = try await workspace.accept(shop.lost)
            try await workspace.collect([Shop.order("again-ada", user: "ada", revenue: "1")])
            let again = try await workspace.ask(
                "explain", ["event": "again-ada", "destination": "warehouse"])
            #expect(again["reasons"]?.array == ["unreadable"])
            try await workspace.expectRebuildEqual()
        }
    }

    @Test(arguments: [DamagedShop.Harm.footer, .missing])
    func `L9: a segment of which nothing is known stops all dispatch until it is accepted`(
        _ harm: DamagedShop.Harm
    ) async throws {
        let shop = try await DamagedShop()
        try shop.harm(segment: 1, harm)
        try await withWorkspace(in: shop.directory) { workspace, directory in
            try await workspace.waitUntil("status", [:]) {
                $0["destinations"]?[0]?["pending"]?.int == 2
            }
            let status = try await workspace.ask("status", [:])
            #expect(status["dispatchHeld"]?.string?.contains("accept-loss") == true)
            #expect(
                status["destinations"]?[0]?["state"]?.string?.hasPrefix("held") == true)
            #expect(
                workspace.health()["reasons"]?.array?.first?.string?
                    .hasPrefix("all dispatch is held") == true)
            let why = try await workspace.ask(
                "explain", ["event": "shop/later-bob", "destination": "warehouse"])
            #expect(why["decision"]?.string == "allow")
            #expect(why["story"]?.text.contains("All dispatch is held") == true)
            let shared = try await workspace.ask(
                "audit.disclosures", ["person": "user_id:bob"])
            #expect(shared["mayBeIncomplete"]?.bool == true)
            #expect(shared["because"]?[0]?.string?.contains("cannot be read") == true)
            #expect(try workspace.lines("warehouse.ndjson", in: directory).isEmpty)

            // Less than all of it is refused, with what is listed.
            for range in [
                shop.lost.lowerBound..<shop.lost.upperBound - 1,
                shop.lost.lowerBound + 1..<shop.lost.upperBound + 5, 0..<1,
            ] {
                let error = await #expect(throws: OperationError.self) {
                    try await workspace.accept(range)
                }
                #expect(error?.status == 422)
                #expect(error?.message.contains("\(shop.lost.lowerBound)..<") == true)
            }
            let accepted = try await workspace.accept(shop.lost)
            #expect(accepted["dispatch"]?.string == "goes on")
            let sent = try await workspace.outputs("warehouse.ndjson", lines: 2, in: directory)
            #expect(sent.map { $0["messageId"]?.string } == ["later-ada", "later-bob"])
            try await shop.expectEveryAnswer(of: workspace)
            try await workspace.expectRebuildEqual()
        }
        // It stays accepted: from the checkpoint, and folded anew.
        for _ in 0..<2 {
            let reopened = try await Workspace.open(directory: shop.directory, options: .quiet)
            #expect(reopened.projection.read { !$0.isHeldByLoss && $0.logLosses.count == 1 })
            await reopened.close()
            try FileManager.default.removeItem(atPath: shop.directory + "/checkpoints")
        }
    }

    @Test func `L9: damage that is met after it was folded holds dispatch and folds anew`()
        async throws
    {
        let shop = try await DamagedShop()
        try await withWorkspace(in: shop.directory) { workspace, directory in
            _ = try await workspace.outputs("warehouse.ndjson", lines: 2, in: directory)
            try await workspace.waitUntil("status", [:]) {
                $0["destinations"]?[0]?["delivered"]?.int == 2
            }
            // The whole log so far, with policy and attempts in it.
            _ = try await workspace.ask("log.seal", [:])
            try shop.flipLines(ofSegment: 0)
            let verified = try await workspace.ask("log.verify", [:])
            #expect(verified["whole"]?.bool == false)
            try await workspace.waitUntil("status", [:]) {
                $0["losses"]?.array?.isEmpty == false
            }
            let status = try await workspace.ask("status", [:])
            #expect(status["dispatchHeld"]?.string?.contains("accept-loss") == true)
            // The policy was among what is lost: nothing can leave by it any more.
            #expect(status["policy"] == .null)
            try await workspace.apply(Shop.policy.replacing("test_shop", with: "after"))
            let listed = try #require(status["losses"]?[0])
            let lost =
                UInt64(listed["from"]?.int ?? 0)..<UInt64(listed["to"]?.int ?? 0)
            _ = try await workspace.accept(lost)
            try await workspace.collect([
                Shop.consent("c-eve", user: "eve", analytics: true, ads: true),
                Shop.order("o-eve", user: "eve", revenue: "1"),
            ])
            let sent = try await workspace.outputs("warehouse.ndjson", lines: 3, in: directory)
            #expect(sent.last?["messageId"]?.string == "o-eve")
            try await workspace.expectRebuildEqual()
        }
    }

    @Test func `P2, L9: a checkpoint that knows more than can be read is not used`() async throws {
        let shop = try await DamagedShop()
        try await withWorkspace(in: shop.directory) { workspace, directory in
            _ = try await workspace.outputs("warehouse.ndjson", lines: 2, in: directory)
        }
        try shop.harm(segment: 1, .missing)
        let reopened = try await Workspace.open(directory: shop.directory, options: .quiet)
        #expect(reopened.projection.read { $0.isHeldByLoss })
        #expect(reopened.projection.read { $0.logLosses.map(\.offsets) } == [shop.lost])
        await reopened.close()
    }

    @Test func `L7, L9: a message whose record cannot be read is neither a duplicate nor new`()
        async throws
    {
        let shop = try await DamagedShop()
        try shop.flipLines(ofSegment: 1)
        try await withWorkspace(in: shop.directory) { workspace, _ in
            let outcome = try await workspace.collector.collect(
                [
                    CollectItem(
                        bytes: Array(Shop.order("lost-ada", user: "ada", revenue: "2").utf8)),
                    CollectItem(
                        bytes: Array(Shop.order("later-ada", user: "ada", revenue: "2").utf8)),
                ], CollectContext(source: "shop", received: Timestamp.now()))
            #expect(outcome.accepted == 0)
            #expect(outcome.duplicates == 1)
            #expect(outcome.rejected.map(\.refusal.code) == ["original_unreadable"])
        }
    }
}

/// A shop whose log has three sealed segments: the policy; the people's consent and one order; later orders
/// of the same people, which wait.
struct DamagedShop {
    enum Harm: Sendable { case footer, missing }

    let directory: String
    /// The offsets of the second segment.
    let lost: Range<UInt64>
    /// The offset of the event `lost-ada`.
    let lostEvent: UInt64

    init() async throws {
        let directory = try temporaryDirectory()
        self.directory = directory
        try await withWorkspace(in: directory) { workspace, _ in
            try await workspace.apply(Shop.policy)
        }
        // Nothing follows the log meanwhile, so that a segment holds events only.
        let workspace = try await Workspace.open(directory: directory, options: .quiet)
        try workspace.log.seal()
        let first = workspace.log.stat().segments.filter { $0.state == .sealed }.count
        try await workspace.store([
            Shop.consent("c-bob", user: "bob", analytics: true, ads: true)
        ])
        try workspace.log.seal()
        lostEvent = try await workspace.store([
            Shop.order("lost-ada", user: "ada", revenue: "2")
        ])
        try workspace.log.seal()
        try await workspace.store([
            Shop.consent("c-ada", user: "ada", analytics: true, ads: true),
            Shop.order("later-ada", user: "ada", revenue: "2"),
            Shop.order("later-bob", user: "bob", revenue: "3"),
        ])
        try workspace.log.seal()
        let sealed = workspace.log.stat().segments.filter { $0.state == .sealed }
        let segment = sealed[first + 1]
        lost = segment.base.value..<segment.base.value + segment.count
        segments = [0, first + 1].map { directory + "/log/" + sealed[$0].file }
        await workspace.close()
    }

    private let segments: [String]

    /// Flips a byte of the lines in a segment's first frame: 0 is the first one, 1 the one with `lost-ada`.
    func flipLines(ofSegment number: Int) throws {
        try flip(number) { bytes in
            // Each frame of lines begins with LZ4's magic number; the very first one is empty.
            let magic: [UInt8] = [0x04, 0x22, 0x4D, 0x18]
            let starts = bytes.indices.dropLast(4).filter {
                bytes[$0..<$0 + 4].elementsEqual(magic)
            }
            return starts[1] + 24
        }
    }

    func harm(segment number: Int, _ harm: Harm) throws {
        switch harm {
        case .footer: try flip(number) { $0.count - 40 }
        case .missing: try FileManager.default.removeItem(atPath: segments[number])
        }
    }

    private func flip(_ number: Int, at place: ([UInt8]) -> Int) throws {
        let path = segments[number]
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        bytes[place(bytes)] ^= 0x20
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    /// Every question is answered, and says what could not be read.
    func expectEveryAnswer(of workspace: Workspace) async throws {
        let from = Int64(lost.lowerBound)
        let cat = try await workspace.ask("log.cat", [:])
        #expect(cat["unreadable"]?[0]?["from"]?.int == from)
        #expect(cat["lines"]?.text.contains("later-bob") == true)
        for operation in ["profile", "consent", "audit.disclosures"] {
            let answer = try await workspace.ask(operation, ["person": "user_id:bob"])
            #expect(answer["asOf"]?["unreadable"]?[0]?["from"]?.int == from, "\(operation)")
        }
        let verified = try await workspace.ask("replay.verify", [:])
        #expect(verified["equal"]?.bool == true)
        #expect(verified["unreadable"]?[0]?["from"]?.int == from)
        let simulated = try await workspace.ask(
            "replay.simulate", ["text": .string(Shop.wider), "name": "wider"])
        #expect(simulated["asOf"]?["unreadable"]?[0]?["from"]?.int == from)
        let plan = try await workspace.ask(
            "replay.backfill", ["destination": "warehouse", "dryRun": true])
        #expect(plan["unreadable"]?[0]?["from"]?.int == from)
        let stream = try await workspace.firstLines(of: "events", from: "0", count: 3)
        let types = stream.map { $0["type"]?.string }
        #expect(types.contains("unreadable"), "\(types)")
        let line = stream.first { $0["type"]?.string == "unreadable" }
        #expect(line?["from"]?.int == from)
        #expect(line?["to"]?.int == Int64(lost.upperBound))
        #expect(line?["cursor"]?.string != nil)
        let people = try await workspace.firstLines(of: "profiles", from: "0", count: 1)
        #expect(people[0]["type"]?.string == "unreadable")
    }
}

extension Workspace {
    /// Collects without waiting for the fold; the last message's offset.
    @discardableResult
    func store(_ messages: [String]) async throws -> UInt64 {
        let outcome = try await collector.collect(
            messages.map { CollectItem(bytes: Array($0.utf8)) },
            CollectContext(source: "shop", received: Timestamp.now()))
        return outcome.lastOffset?.value ?? 0
    }

    @discardableResult
    func accept(_ range: Range<UInt64>) async throws -> JSONValue {
        try await ask(
            "log.acceptLoss",
            [
                "from": .string(String(range.lowerBound)), "to": .string(String(range.upperBound)),
                "reason": "a test broke it",
            ])
    }
}
