import CustomerModel
import EventLog
import Foundation
import JSONText
import Platform

/// A directory that goes away with the value.
final class ScratchDirectory: Sendable {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory
            .appendingPathComponent("sluice-" + UUID().uuidString)
        try FileManager.default.createDirectory(
            at: url, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        path = url.path
    }

    deinit {
        // Nothing can be done about a file that stays in the system's own scratch space.
        do { try FileManager.default.removeItem(atPath: path) } catch { print(error) }
    }
}

/// A collector over a log of its own.
struct Desk {
    let directory: ScratchDirectory
    let log: EventLog
    let rejects: RejectFile
    let collector: Collector

    /// - Parameter keyMask: narrow, for hashes that collide.
    init(
        in directory: ScratchDirectory? = nil, limits: CollectLimits = CollectLimits(),
        keyMask: UInt64 = .max
    ) throws {
        self.directory = try directory ?? ScratchDirectory()
        log = try EventLog.open(
            directory: self.directory.path + "/log", configuration: LogConfiguration())
        rejects = RejectFile(directory: self.directory.path)
        collector = try Collector.open(
            log: log, rejects: rejects, limits: limits, keyMask: keyMask)
    }

    /// Closes the log and opens all of it again.
    func reopened(keyMask: UInt64 = .max) throws -> Desk {
        log.close()
        return try Desk(in: directory, keyMask: keyMask)
    }

    @discardableResult
    func collect(
        _ items: String..., source: String = "web", type: EventType? = nil,
        received: String = "2026-03-14T15:09:26Z", pace: CollectContext.Pace = .live
    ) async throws -> CollectOutcome {
        try await collect(items, source: source, type: type, received: received, pace: pace)
    }

    @discardableResult
    func collect(
        _ items: [String], source: String = "web", type: EventType? = nil,
        received: String = "2026-03-14T15:09:26Z", pace: CollectContext.Pace = .live
    ) async throws -> CollectOutcome {
        guard let moment = Timestamp(parsing: received) else { fatalError("no time: \(received)") }
        return try await collector.collect(
            items.map { CollectItem(bytes: Array($0.utf8)) },
            CollectContext(source: source, typeFromPath: type, received: moment, pace: pace))
    }

    /// Every line of the log, as values.
    func lines() throws -> [JSONValue] {
        var reader = log.makeReader()
        return try (0..<log.durableEnd.value).map { offset in
            guard let line = try reader.line(at: Offset(offset)) else {
                fatalError("no line at \(offset)")
            }
            return try JSONValue(parsing: line)
        }
    }
}

/// A track call with this message id.
func track(_ id: String, user: String = "u1", event: String = "Seen", more: String = "") -> String {
    #"{"type":"track","event":"\#(event)","userId":"\#(user)","messageId":"\#(id)"\#(more)}"#
}
