import Feeds
import Foundation
import JSONText
import Testing

/// The real data sets beside the package, counted against their README. Skipped where they are not.
@Suite struct `The real data sets` {
    private static let directory = "\(packageRoot)/../shared/data"

    static func isPresent(_ name: String) -> Bool {
        FileManager.default.fileExists(atPath: "\(directory)/\(name)")
    }

    private func feed(_ name: String, _ map: String) throws -> Feed {
        let mapping = try FeedMapping(contentsOf: "\(packageRoot)/tools/maps/\(map).yaml")
        return try Feed(path: "\(Self.directory)/\(name)", mapping: mapping)
    }

    private struct Counts {
        var messages = 0
        var rejects = 0
        var ids: Set<String> = []
        var users: Set<String> = []
        var anonymous: Set<String> = []
        var events: [String: Int] = [:]
        var robots = 0
        var both = 0
        var revenue = Decimal(0)
    }

    private func count(_ feed: consuming Feed) throws -> Counts {
        var counts = Counts()
        var parser = JSONParser()
        while let item = try feed.next() {
            guard case .message(let bytes, _, _) = item else {
                counts.rejects += 1
                continue
            }
            try parser.parse(bytes) { message in
                counts.messages += 1
                counts.ids.insert(try #require(message["messageId"]?.string))
                let user = message["userId"]?.string
                let anonymous = message["anonymousId"]?.string
                if let user { counts.users.insert(user) }
                if let anonymous { counts.anonymous.insert(anonymous) }
                if user != nil && anonymous != nil { counts.both += 1 }
                counts.events[try #require(message["event"]?.string), default: 0] += 1
                if let token = message["properties"]?["revenue"]?.rawBytes {
                    let text = String(decoding: token, as: UTF8.self)
                    counts.revenue += try #require(Decimal(string: text))
                }
                if message["properties"]?["robot"]?.bool == true { counts.robots += 1 }
            }
        }
        return counts
    }

    @Test(
        .enabled(
            if: isPresent("online_retail.csv.gz"), "../shared/data/online_retail.csv.gz is absent"))
    func `every order line becomes an event of its own`() throws {
        let counts = try count(feed("online_retail.csv.gz", "online_retail"))
        #expect(counts.messages == 541_909)
        #expect(counts.rejects == 0)
        #expect(counts.ids.count == 541_909)
        #expect(counts.users.count == 4_372)
        #expect(counts.anonymous.count == 3_710)
        #expect(counts.both == 0)
        // Counted apart from this code, by a script.
        #expect(
            counts.events == [
                "Order Line": 530_143, "Order Line Returned": 9_288, "Stock Adjusted": 2_475,
                "Bad Debt Adjusted": 3,
            ])
        #expect(counts.revenue == Decimal(string: "9747747.934"))
    }

    @Test(
        .enabled(
            if: isPresent("wiki_edits_2015-09-12.ndjson.gz"),
            "../shared/data/wiki_edits_2015-09-12.ndjson.gz is absent"))
    func `every edit becomes an event`() throws {
        let counts = try count(feed("wiki_edits_2015-09-12.ndjson.gz", "wiki_edits"))
        #expect(counts.messages == 39_199)
        #expect(counts.rejects == 0)
        #expect(counts.ids.count == 39_199)
        #expect(counts.users.count == 7_620)
        #expect(counts.anonymous.count == 2_898)
        #expect(counts.both == 0)
        #expect(counts.robots == 15_405)
        #expect(counts.events == ["Page Edited": 39_199])
    }
}
