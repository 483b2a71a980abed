import Foundation
import JSONText
import TestSupport
import Testing

/// `sluice ingest --watch`, as an operator leaves it running.
@Suite(.serialized) struct `A watched folder` {
    private static func lines(_ numbers: Range<Int>) -> String {
        numbers.map {
            #"{"type":"track","event":"Dropped","userId":"u","messageId":"m-\#($0)"}"# + "\n"
        }.joined()
    }

    private func watch(_ inbox: String, _ data: String, _ output: String) throws -> ChildProcess {
        try ChildProcess(
            Programs.sluice,
            [
                "ingest", "--watch", inbox, "--source", "drop", "--settle", "1", "--data", data,
                "--json",
            ], outputPath: output)
    }

    private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    @Test func `takes each file once, over kills, and says why one failed`() async throws {
        let directory = try TemporaryDirectory()
        let server = try SluiceServer(in: directory)
        defer { server.kill() }
        try await server.start()
        let inbox = directory("inbox")
        try FileManager.default.createDirectory(atPath: inbox, withIntermediateDirectories: false)
        _ = try directory.write("inbox/a.ndjson", Self.lines(0..<100))
        _ = try directory.write("inbox/later.ndjson.part", Self.lines(100..<150))
        // Said to be gzip, and is none.
        try Data([0x1F, 0x8B, 8] + Array("nothing".utf8))
            .write(to: URL(fileURLWithPath: inbox + "/broken.ndjson.gz"))
        var child = try watch(inbox, server.directory, directory("out"))
        defer { child.kill() }
        try await eventually("a file is done, one has failed: \(child.lastWords)") {
            exists(inbox + "/done/a.ndjson") && exists(inbox + "/failed/broken.ndjson.gz.reason")
        }
        #expect(exists(inbox + "/later.ndjson.part"))
        let reason = try String(
            contentsOfFile: inbox + "/failed/broken.ndjson.gz.reason", encoding: .utf8)
        #expect(reason.contains("broken.ndjson.gz"))
        #expect(exists(inbox + "/failed/broken.ndjson.gz"))

        // A file that is being read when the program dies.
        let big = try directory.write("big", Self.lines(1_000..<61_000))
        try FileManager.default.moveItem(atPath: big, toPath: inbox + "/big.ndjson")
        try await eventually("some of the big file was taken", within: .seconds(20)) {
            let status = try await server.ask("status")
            return (status["log"]?["durable"]?.int ?? 0) > 1_100
        }
        child.kill()
        _ = try await child.ended()
        // The same name again, beside one that is done.
        _ = try directory.write("inbox/a.ndjson", Self.lines(50..<120))
        child = try watch(inbox, server.directory, directory("out"))
        try await eventually("all is done: \(child.lastWords)") {
            exists(inbox + "/done/big.ndjson") && exists(inbox + "/done/a.ndjson.2")
        }
        child.kill()
        _ = try await child.ended()
        let ids = try await server.logLines().filter { $0["kind"]?.string == "event" }
            .compactMap { $0["body"]?["messageId"]?.string }
        #expect(ids.count == Set(ids).count)
        #expect(Set(ids) == Set((Array(0..<120) + Array(1_000..<61_000)).map { "m-\($0)" }))
        try await server.stop()
    }
}
