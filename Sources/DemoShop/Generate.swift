import ArgumentParser
import Glibc
import JSONText

/// Writes the shop's messages.
struct Generate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write the messages of a shop: the same seed and end give the same bytes.",
        discussion: """
            Each line of --out is one Segment message, in the order of arrival. Each line of --live \
            is one request of the shop's last minutes: {"gpc":true|false,"body":{"batch":[…],…}}.
            """)

    @Option(help: "Everything that looks random follows from it.")
    var seed: UInt64 = 1

    @Option(help: "Number of people, at least 20.")
    var people = 200

    @Option(help: "Number of days before the end.")
    var days = 14

    @Option(help: "The newest time, RFC 3339.")
    var end = "2026-11-01T12:00:00Z"

    @Option(help: "The file of messages.")
    var out: String

    @Option(help: "The file of requests for the last minutes; without it there are none.")
    var live: String?

    func validate() throws {
        guard people >= 20 else { throw ValidationError("--people must be 20 or more") }
        guard (1...365).contains(days) else { throw ValidationError("--days must be 1 to 365") }
        guard Timestamp(parsing: end) != nil else {
            throw ValidationError("--end must be a time like 2026-11-01T12:00:00Z")
        }
    }

    func run() throws {
        guard let end = Timestamp(parsing: end) else { return }
        var shop = Shop(seed: seed, people: people, days: days, end: end)
        let messages = shop.history()
        try write(messages.map(\.json), to: out)
        print("\(messages.count) messages of \(people) people over \(days) days: \(out)")
        guard let live else { return }
        let requests = shop.lastMinutes()
        try write(requests, to: live)
        print("\(requests.count) requests of the last minutes: \(live)")
    }

    private func write(_ lines: [JSONValue], to path: String) throws {
        var bytes: [UInt8] = []
        for line in lines {
            line.write(into: &bytes)
            bytes.append(UInt8(ascii: "\n"))
        }
        guard let file = fopen(path, "w") else { throw unwritable(path) }
        let written = fwrite(bytes, 1, bytes.count, file)
        guard fclose(file) == 0, written == bytes.count else { throw unwritable(path) }
    }

    private func unwritable(_ path: String) -> ValidationError {
        ValidationError("\(path) cannot be written: \(String(cString: strerror(errno)))")
    }
}
