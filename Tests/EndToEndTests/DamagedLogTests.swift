import Foundation
import JSONText
import TestSupport
import Testing

/// Damage done to the files of a data directory, and what the built program makes of it.
@Suite(.serialized) struct `A damaged data directory` {
    @Test func `L9: a flipped byte among events withholds whom they name, and nobody else`()
        async throws
    {
        let shop = try await LiveShop()
        defer { shop.stop() }
        _ = try await shop.send([track(id: "first", user: "ada", advertising: true)])
        let crowd = (0..<1000).map { number in
            #"{"type":"track","messageId":"crowd-\#(number)","userId":"crowd-\#(number)","event":"Padding","properties":{"text":"\#(String(repeating: "\(number)", count: 400))"}}"#
        }
        let file = try shop.directory.write(
            "crowd.ndjson", crowd.joined(separator: "\n") + "\n")
        try await shop.server.run("ingest", file, "--source", "web")
        try await shop.server.settled()
        try await shop.server.run("log", "seal")
        try await shop.server.stop()

        let segment = try #require(try shop.server.sealedSegments().last)
        try SegmentHarm(segment).flipLines(at: 0.5)
        try await shop.server.start()
        // Nobody has read those lines since: the question finds them, and what was folded is folded anew.
        let cat = try await shop.server.ask("log", "cat", "0", "--limit", "10000")
        let lost = try #require(cat["unreadable"]?[0])
        try await eventually("the log is folded anew") {
            try await shop.server.ask("status")["losses"]?.array?.count == 1
        }
        let status = try await shop.server.ask("status")
        #expect(status["dispatchHeld"] == .null, "\(status["losses"]?.text ?? "")")
        #expect(status["losses"]?[0]?["from"] == lost["from"])
        #expect(status["health"]?.string == "degraded")

        let kept = try Set(
            (cat["lines"]?.array ?? []).compactMap {
                try JSONValue(parsing: Array(($0.string ?? "").utf8))["body"]?["messageId"]?.string
            })
        let missing = try #require((0..<1000).first { !kept.contains("crowd-\($0)") })
        let named = "crowd-\(missing)"
        _ = try await shop.send([
            track(id: "by-ada", user: "ada", advertising: true),
            track(id: "by-crowd", user: named, advertising: true),
        ])
        try await eventually("ada's order arrives") {
            try await shop.atAds() == ["first", "by-ada"]
        }
        let why = try await shop.server.ask("explain", "web/by-crowd", "ads")
        #expect(why["reasons"]?.array == ["unreadable"], "\(why.text)")
        let event = try await shop.server.ask("explain", "web/\(named)", "ads")
        #expect(event["unreadable"]?["from"] == lost["from"], "\(event.text)")
        try await shop.server.settled()
        #expect(try await shop.atAds() == ["first", "by-ada"])
        let verified = try await shop.server.ask("replay", "verify")
        #expect(verified["equal"]?.bool == true)
    }

    @Test func `L9: what reindex makes readable again withholds nobody any more`() async throws {
        let shop = try await LiveShop()
        defer { shop.stop() }
        let server = shop.server
        _ = try await shop.send([track(id: "before", user: "ada", advertising: true)])
        try await server.settled()
        try await server.run("log", "seal")
        try await server.stop()
        let segment = SegmentHarm(try #require(try server.sealedSegments().last))
        try segment.flipTrailer()
        try await server.start()
        #expect(try await server.ask("status")["dispatchHeld"]?.string != nil)
        // Its checkpoint knows the loss.
        try await server.stop()
        try await server.run("log", "reindex")
        try await server.start()
        let status = try await server.ask("status")
        #expect(status["dispatchHeld"] == .null)
        #expect(status["losses"]?.array?.isEmpty == true)
        #expect(status["policy"]?["version"]?.int == 1)
        _ = try await shop.send([track(id: "after", user: "ada", advertising: true)])
        try await server.settled()
        #expect(try await shop.atAds() == ["before", "after"])
        #expect(try await server.ask("replay", "verify")["equal"]?.bool == true)
    }

    @Test(arguments: ["trailer", "missing"])
    func `L9: a segment of which nothing is known stops dispatch until its loss is accepted`(
        _ harm: String
    ) async throws {
        let shop = try await LiveShop()
        defer { shop.stop() }
        let server = shop.server
        _ = try await shop.send([track(id: "before", user: "ada", advertising: true)])
        try await server.settled()
        try await server.run("log", "seal")
        _ = try await shop.send([track(id: "lost", user: "ben", advertising: true)])
        try await server.settled()
        try await server.run("log", "seal")
        try await server.stop()
        #expect(try await shop.atAds() == ["before", "lost"])

        let segment = SegmentHarm(try #require(try server.sealedSegments().last))
        if harm == "missing" { try segment.remove() } else { try segment.flipTrailer() }
        try await server.start()
        _ = try await shop.send([track(id: "after", user: "ada", advertising: true)])
        let status = try await server.ask("status")
        #expect(status["health"]?.string == "degraded")
        #expect(status["dispatchHeld"]?.string?.contains("sluice log accept-loss") == true)
        let from = String(try #require(status["losses"]?[0]?["from"]?.int))
        let to = String(try #require(status["losses"]?[0]?["to"]?.int))
        let text = try await server.run("status")
        #expect(text.contains("ALL DISPATCH IS HELD"))
        let why = try await server.ask("explain", "web/after", "ads")
        #expect(why["decision"]?.string == "allow")
        #expect(why["story"]?.text.contains("All dispatch is held") == true)
        let shared = try await server.ask("audit", "disclosures", "user_id:ada")
        #expect(shared["mayBeIncomplete"]?.bool == true)
        let lines = try await server.run("log", "cat", from, "--to", to)
        #expect(lines.contains("# offsets \(from)..<\(to) cannot be read"))

        await #expect(throws: SluiceServer.CommandFailed.self) {
            try await server.run(
                "log", "accept-loss", "--from", from, "--to", from, "--reason", "too little")
        }
        #expect(try await shop.atAds() == ["before", "lost"], "it was held")
        try await server.run(
            "log", "accept-loss", "--from", from, "--to", to, "--reason", "the disk broke",
            "--by", "dpo")
        try await eventually("dispatch goes on") {
            try await shop.atAds() == ["before", "lost", "after"]
        }
        try await server.settled()
        let accepted = try await server.ask("status")
        #expect(accepted["dispatchHeld"] == .null)
        #expect(accepted["health"]?.string == "ok")
        // It is accepted once and for all, also folded anew.
        try await server.stop()
        try FileManager.default.removeItem(atPath: server.directory + "/checkpoints")
        try await server.start()
        #expect(try await server.ask("status")["dispatchHeld"] == .null)
        #expect(try await server.ask("replay", "verify")["equal"]?.bool == true)
    }
}
