import CustomerModel
import EventLog
import Foundation
import Projections
import Testing

@Suite struct `Reading ahead of the fold` {
    /// A history as a log on disk, folded with or without a second thread.
    private static func fold(_ history: History, aheadFrom records: UInt64) throws -> FoldState {
        let directory = NSTemporaryDirectory() + "read-ahead-" + UUID().uuidString
        defer {
            do { try FileManager.default.removeItem(atPath: directory) } catch {
                print("left behind: \(directory): \(error)")
            }
        }
        let log = try EventLog.open(directory: directory)
        defer { log.close() }
        var drafts = history.records.map { header, line in
            RecordDraft(
                kind: header.kind, source: header.source, name: header.name,
                occurred: header.occurred, keys: header.keys, tail: tail(of: line))
        }
        // One whose line is no JSON.
        drafts.append(
            RecordDraft(
                kind: RecordKind.event.rawValue, source: "web", name: "x", occurred: 0, keys: [7],
                tail: Array(#""kind":"event","body":{"broken}"#.utf8)))
        try log.blockingWaitDurable(try log.append(drafts))
        var state = FoldState(key: History.key)
        var replayer = Replayer(log: log)
        replayer.readsAheadFrom = records
        try replayer.advance(&state, to: log.durableEnd)
        return state
    }

    /// What stands behind the part of a line that the log writes itself.
    private static func tail(of line: [UInt8]) -> [UInt8] {
        let text = String(decoding: line, as: UTF8.self)
        guard let start = text.range(of: "\"kind\":") else { return line }
        return Array(text[start.lowerBound...].utf8)
    }

    @Test(arguments: [3, 14])
    func `folds to the same state, over policies, audiences and bad lines`(seed: Int) throws {
        var history = try RandomHistory(seed: UInt64(seed), length: 400, policies: 5).history
        try history.event(#"{"type":"no such type"}"#)
        // One that fills more than a batch, and one of more values than its tape.
        let long = String(repeating: "x", count: 700_000)
        try history.event(
            #"{"type":"track","event":"Long","messageId":"l","userId":"u1","properties":{"x":"\#(long)"}}"#
        )
        let many = Array(repeating: "1", count: 60_000).joined(separator: ",")
        try history.event(
            #"{"type":"track","event":"Many","messageId":"n","userId":"u2","properties":{"x":[\#(many)]}}"#
        )
        for number in 0..<700 {
            try history.event(
                #"{"type":"track","event":"Event \#(number)","messageId":"e\#(number)","userId":"u\#(number % 9)"}"#
            )
        }
        let along = try Self.fold(history, aheadFrom: .max)
        let ahead = try Self.fold(history, aheadFrom: 0)
        #expect(ahead.digest() == along.digest(), "seed \(seed)")
        #expect(ahead.canonicalBytes() == along.canonicalBytes(), "seed \(seed)")
    }
}
