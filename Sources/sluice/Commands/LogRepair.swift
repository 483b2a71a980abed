internal import ArgumentParser
internal import EventLog
internal import Foundation
internal import JSONText
internal import Platform

/// What works on a log's files alone, without a server and without opening the data.
enum LogRepair {
    /// Runs `body` on the log of `place`, with progress shown; refuses while a server runs.
    static func run(
        _ place: Place, _ title: String,
        _ body: (String, @escaping (String) -> Void) throws(OperationError) -> JSONValue
    ) throws -> JSONValue {
        try refuseRunning(place)
        return try show(title) { progress throws(OperationError) in
            try body(place.directory + "/log", progress)
        }
    }

    static func refuseRunning(_ place: Place) throws {
        guard try Client.isServing(place) else { return }
        throw CommandFailure(
            .refused, "a server runs on \(place.directory): stop it first, it has the files open")
    }

    static func show(
        _ title: String,
        _ body: (@escaping (String) -> Void) throws(OperationError) -> JSONValue
    ) throws -> JSONValue {
        let shown = Shown(ProgressLine(title))
        defer { shown.line.end() }
        do throws(OperationError) {
            return try body { shown.line.show(fraction: nil, detail: $0) }
        } catch { throw CommandFailure(error) }
    }

    private final class Shown {
        var line: ProgressLine
        init(_ line: ProgressLine) { self.line = line }
    }

    /// The server's working directory is not the caller's.
    static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }

    /// Prints a result, and ends with 1 when `isGood` says no.
    static func finish(
        _ result: JSONValue, _ place: Place, unless isGood: Bool, _ message: String
    ) throws {
        Terminal.out(place.json ? result.prettyText : Renderer.text(result))
        guard isGood else { throw CommandFailure(.failed, message) }
    }
}

extension Log {
    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Reads every byte: checksums, chain, columns, indexes, Merkle roots.",
            discussion: """
                Works on a log that cannot be opened and on a backup, too, and writes nothing. Ends with 1 when
                something is wrong. While a server runs, it is asked.
                """)
        @OptionGroup var place: Place
        @Option(help: "Another directory than the data's log: a backup, or a copy.")
        var log: String?

        func run() async throws {
            let result: JSONValue
            if try log == nil && Client.isServing(place) {
                result = try await Client.with(place) { client in
                    try await client.perform("log.verify", .object(JSONObject()))
                }
            } else {
                result = try LogRepair.show("verify") { progress throws(OperationError) in
                    try LogFiles.verify(log ?? place.directory + "/log", progress: progress)
                }
            }
            let problems = result["problems"]?.array?.count ?? 0
            try LogRepair.finish(
                result, place, unless: result["whole"]?.bool == true,
                "\(problems) problems: `sluice log reindex` heals what follows from the lines, "
                    + "`sluice log salvage` copies out what is whole")
        }
    }

    struct Salvage: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Copies out every whole line and lists what is lost.",
            discussion: """
                Reads the files alone, so that it works where the log cannot be opened. Writes one file for each
                segment that `lz4 -dc` reads, each line a record. Ends with 1 when something was lost.
                """)
        @OptionGroup var place: Place
        @Option(help: "Another directory than the data's log.")
        var log: String?
        @Argument(help: "The directory to write to: absent or empty.")
        var output: String

        func run() async throws {
            let result = try LogRepair.show("salvage") { progress throws(OperationError) in
                try LogFiles.salvage(
                    from: log ?? place.directory + "/log", to: output, progress: progress)
            }
            try LogRepair.finish(
                result, place, unless: result["whole"]?.bool == true,
                "not everything is whole: see what is listed as lost and as problems")
        }
    }

    struct Reindex: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes columns, indexes, footers and a missing manifest anew from the lines.",
            discussion: """
                No server may run. Lines, offsets and Merkle roots stay. Ends with 1 when a segment's lines are
                bad themselves: that is what `sluice log salvage` and `sluice log accept-loss` are for.
                """)
        @OptionGroup var place: Place
        @Flag(help: "Every segment, not only those that need it.")
        var all = false

        func run() async throws {
            let result = try LogRepair.run(place, "reindex") {
                log, progress throws(OperationError) in
                try LogFiles.reindex(
                    log, scope: all ? .everything : .whatNeedsIt, progress: progress)
            }
            try LogRepair.finish(
                result, place, unless: result["healed"]?.bool == true,
                "some segments cannot be healed from their lines")
        }
    }

    struct Backup: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Copies the log, as it is durable now, into a directory.",
            discussion: """
                The server may run. Into the same directory again it copies only what is new, and removes what
                was erased since. Secrets, keys and suppressions.ndjson stand beside the log: copy them yourself.
                """)
        @OptionGroup var place: Place
        @Argument(help: "The directory of the backup: absent, empty, or an earlier backup.")
        var directory: String

        func run() async throws {
            let path = LogRepair.absolute(directory)
            try await Client.ask(
                place, "log.backup", JSONObject.of(("to", .string(path))))
        }
    }

    struct Restore: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a data directory from a backup of its log.",
            discussion: """
                Checks every checksum and root. The restored log goes on in the next incarnation, at offsets that
                the old one cannot have reached, and sends nothing until each destination is resumed. What the old
                log decided and had not sent goes out only by a plan (`sluice replay backfill`).
                """)
        @OptionGroup var place: Place
        @Argument(help: "The backup, or a log's directory.")
        var backup: String
        @Option(
            help:
                "The incarnation, where the backup cannot note which were given: one never used before."
        )
        var incarnation: UInt64?
        @Flag(help: "Restore what is whole of a damaged backup.")
        var acceptDamage = false
        @Option(
            help: "The old data's suppressions.ndjson: those after the backup are appended again.")
        var suppressions: String?
        @Option(help: "Who restores; stands in the log.")
        var by = Names.user

        func run() async throws {
            try LogRepair.refuseRunning(place)
            let result = try LogRepair.show("restore") { progress throws(OperationError) in
                try LogFiles.restore(
                    from: backup, toData: place.directory, incarnation: incarnation,
                    damaged: acceptDamage ? .restoreWhatIsWhole : .refuse, progress: progress)
            }
            guard let suppressions else {
                return try LogRepair.finish(result, place, unless: true, "")
            }
            let reapplied = try await Client.with(place) { client in
                try await client.reapplySuppressions(of: suppressions, by: by)
            }
            var both = JSONObject()
            for (name, value) in result.object ?? [] { both[name] = value }
            both["suppressions"] = reapplied
            try LogRepair.finish(.object(both), place, unless: true, "")
        }
    }
}
