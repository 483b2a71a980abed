internal import CustomerModel
private import Glibc
package import JSONText
private import Synchronization

/// Every suppression a second time, outside the log: what was asked for after a backup was made must hold
/// after the backup is restored (L3).
///
/// One JSON line an act, mode 0600, since it holds identifiers:
/// ```
/// {"v":1,"act":"suppress","type":"email","value":"ada@example.com","by":"dpo","at":"2026-03-14T15:09:26.000000Z"}
/// ```
/// A line is durable before the log's record of it is acknowledged. A crash may leave a line whose record is
/// not in the log, which suppresses too much and never too little, or half a line, which is cut. Acts of a
/// later version are kept and named. Calls block. Thread-safe.
package final class SuppressionFile: Sendable {
    /// Who is not to be collected or told about.
    package struct Entry: Hashable, Sendable {
        package var type: String
        package var value: String
        package var by: String
        package var at: Timestamp

        package init(type: String, value: String, by: String, at: Timestamp) {
            self.type = type
            self.value = value
            self.by = by
            self.at = at
        }

        fileprivate var line: [UInt8] {
            var writer = JSONWriter(reserving: 128)
            writer.beginObject()
            writer.member("v", 1)
            writer.member("act", "suppress")
            writer.member("type", type)
            writer.member("value", value)
            writer.member("by", by)
            writer.member("at", at.description)
            writer.endObject()
            return writer.bytes + [0x0A]
        }
    }

    /// A line that is not one of this file.
    package struct BadLine: Error, Equatable, Sendable, CustomStringConvertible {
        package var number: Int
        package var reason: String
        package var description: String { "line \(number): \(reason)" }
    }

    private struct Subject: Hashable {
        var type: String
        var value: String
    }

    private struct State {
        var entries: [Entry] = []
        var subjects: Set<Subject> = []
    }

    /// Some ten million suppressions.
    private static let limitBytes = 2 << 30

    package let path: String
    private let state: Mutex<State>

    private init(path: String, entries: [Entry]) {
        self.path = path
        var state = State()
        for entry in entries {
            state.entries.append(entry)
            state.subjects.insert(Subject(type: entry.type, value: entry.value))
        }
        self.state = Mutex(state)
    }

    /// Reads the file; none is as good as an empty one.
    ///
    /// - Throws: when others may read it, or a whole line is not one of this file: nobody is dropped from it
    ///   in silence.
    package static func open(path: String) throws -> SuppressionFile {
        let bytes = try PrivateFile.read(path, limitBytes: limitBytes) ?? []
        let whole = bytes.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        if whole < bytes.count {
            // The last line never got whole, so nobody was told that it holds.
            guard truncate(path, whole) == 0 else {
                throw PrivateFileError.system(call: "truncate", path: path, errorNumber: errno)
            }
        }
        do {
            return SuppressionFile(path: path, entries: try read(Array(bytes[..<whole])))
        } catch {
            throw OperationError.failed(
                "\(path) cannot be read, \(error): mend the line or move the file away")
        }
    }

    /// The suppressions in a text of such lines.
    ///
    /// - Throws: ``BadLine`` at the first line that is none, or that is of an act that this version does not
    ///   know.
    package static func read(_ bytes: [UInt8]) throws(BadLine) -> [Entry] {
        var entries: [Entry] = []
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() where !line.isEmpty {
            do {
                entries.append(try entry(JSONValue(parsing: Array(line))))
            } catch {
                throw BadLine(number: index + 1, reason: "\(error)")
            }
        }
        return entries
    }

    private static func entry(_ value: JSONValue) throws -> Entry {
        guard value["act"]?.string == "suppress" else {
            throw OperationError.refused(
                "the act \(value["act"]?.string ?? "(none)") is not known to this version")
        }
        guard let type = value["type"]?.string, let subject = value["value"]?.string,
            let by = value["by"]?.string,
            let at = value["at"]?.string.flatMap({ Timestamp(parsing: $0) })
        else { throw OperationError.refused("type, value, by or at is missing") }
        return Entry(type: type, value: subject, by: by, at: at)
    }

    /// Everybody in the file, oldest first.
    package var entries: [Entry] { state.withLock { $0.entries } }

    /// Adds those that are not there yet, and returns when they are durable.
    package func add(_ entries: [Entry]) throws {
        // Held across the write, so that lines stand in the order of their acts; operators' commands only.
        try state.withLock { state in
            var fresh: [Entry] = []
            for entry in entries
            where state.subjects.insert(Subject(type: entry.type, value: entry.value)).inserted {
                fresh.append(entry)
            }
            guard !fresh.isEmpty else { return }
            do {
                try PrivateFile.append(fresh.flatMap(\.line), to: path)
            } catch {
                for entry in fresh {
                    state.subjects.remove(Subject(type: entry.type, value: entry.value))
                }
                throw error
            }
            state.entries += fresh
        }
    }
}
