import JSONText
import TestSupport
import Testing

/// The demo shows what this generator writes, so each of its stories has to be there.
@Suite struct `The example shop` {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func generate(_ name: String, seed: Int) async throws -> String {
        let child = try ChildProcess(
            Programs.demoShop,
            [
                "generate", "--seed", String(seed), "--people", "40", "--days", "14",
                "--end", "2026-11-01T12:00:00Z", "--out", directory(name),
                "--live", directory(name + ".live"),
            ],
            outputPath: directory("generate.log"))
        #expect(try await child.ended() == .code(0), "\(child.lastWords)")
        return directory(name)
    }

    @Test func `is the same for the same seed and another for another`() async throws {
        let one = try NDJSON.read(try await generate("one", seed: 7))
        let same = try NDJSON.read(try await generate("same", seed: 7))
        let other = try NDJSON.read(try await generate("other", seed: 8))
        #expect(one.count > 400)
        #expect(one == same)
        #expect(one != other)
    }

    @Test func `has visitors who become known, share a tablet or an address, and send junk`()
        async throws
    {
        let messages = try NDJSON.read(try await generate("stories", seed: 7))
        var people: [String: Set<String>] = [:]
        var addresses: [String: Set<String>] = [:]
        for message in messages {
            guard let user = message["userId"]?.string else { continue }
            people[message["anonymousId"]?.string ?? "", default: []].insert(user)
            guard let address = message["traits"]?["email"]?.string else { continue }
            addresses[address, default: []].insert(user)
        }
        #expect(messages.contains { $0["userId"] == nil }, "unnamed visits")
        #expect(people.values.contains { $0.count == 2 }, "a shared tablet")
        #expect(addresses.values.contains { $0.count == 2 }, "a shared address")
        #expect(people["00000000-0000-0000-0000-000000000000"]?.contains("null") == true)
    }

    @Test func `has consent given, refused, taken back and never asked for, and GPC`()
        async throws
    {
        let file = try await generate("consent", seed: 7)
        let messages = try NDJSON.read(file)
        func advertising(_ message: JSONValue) -> Bool? {
            message["context"]?["consent"]?["categoryPreferences"]?["Advertising"]?.bool
        }
        let withdrawn = messages.filter { $0["messageId"]?.string?.hasPrefix("shop-6-") == true }
        #expect(withdrawn.first.flatMap(advertising) == true)
        #expect(withdrawn.last.flatMap(advertising) == false)
        for answer in [true, false, nil] {
            #expect(messages.contains { advertising($0) == answer })
        }
        let requests = try NDJSON.read(file + ".live")
        #expect(requests.count { $0["gpc"]?.bool == true } == 2)
    }

    @Test func `has a clock that is behind and messages that come late`() async throws {
        let messages = try NDJSON.read(try await generate("clocks", seed: 7))
        let times = messages.map { message in
            ["timestamp", "sentAt"].compactMap {
                message[$0]?.string.flatMap(Timestamp.init(parsing:))
            }
        }
        #expect(times.allSatisfy { $0.count == 2 && $0[0] <= $0[1] })
        #expect(times.contains { $0[1].microseconds - $0[0].microseconds >= 3_600_000_000 })
        #expect(zip(times, times.dropFirst()).contains { $1[1] < $0[1] }, "a clock that is behind")
    }
}
