import CustomerModel
import EventLog
import JSONText
import Projections

/// Small pieces that several answers share.
extension JSONValue {
    static func offset(_ value: UInt64) -> JSONValue { .int(Int64(clamping: value)) }

    static func optionalOffset(_ value: UInt64?) -> JSONValue { value.map(offset) ?? .null }

    static func time(_ microseconds: Int64?) -> JSONValue {
        guard let microseconds, microseconds != .min, microseconds != .max else { return .null }
        return .string(Timestamp(microseconds: microseconds).description)
    }

    static func text(_ value: String?) -> JSONValue { value.map(JSONValue.string) ?? .null }

    static func texts(_ values: [String]) -> JSONValue { .array(values.map(JSONValue.string)) }

    static func count(_ value: Int) -> JSONValue { .int(Int64(value)) }

    /// An object from members that are known to differ.
    static func members(_ members: [(String, JSONValue)]) -> JSONValue {
        .object(JSONObject(members.map { (key: $0.0, value: $0.1) }))
    }

    /// Adds members at the end of an object; anything else stays as it is.
    func adding(_ more: [(String, JSONValue)]) -> JSONValue {
        guard let object else { return self }
        return .members(object.map { ($0.key, $0.value) } + more)
    }
}

extension Workspace {
    /// Where an answer about the past stands (A1): which log, which incarnation and generation, up to which
    /// offset, and which of the two questions it answers.
    func stamp(asOf offset: UInt64, question: Question) -> JSONValue {
        let (generation, losses) = projection.read { state in
            (state.generation, state.logLosses(in: 0..<max(offset, 1)))
        }
        let stamp: JSONValue = [
            "log": .string(log.identity.hex), "incarnation": .offset(log.identity.incarnation),
            "generation": .count(generation), "offset": .offset(offset),
            "schedule": schedule(upTo: offset), "question": .string(question.rawValue),
        ]
        // An answer never hides that a part of what it rests on could not be read (L9).
        return losses.isEmpty
            ? stamp : stamp.adding([("unreadable", .array(losses.map { Self.present($0) }))])
    }

    enum Question: String {
        case asKnown = "as known at the offset"
        case asCorrected = "as corrected now"
    }

    /// Which policy version governs from which offset (P1).
    func schedule(upTo offset: UInt64) -> JSONValue {
        let versions = projection.read { state in
            state.policies.filter { $0.activatedAt <= offset }.map { ($0.version, $0.activatedAt) }
        }
        return .array(
            versions.map { ["version": .count($0.0), "from": .offset($0.1)] })
    }

    /// An offset, or the first record recorded at or after a time (L6).
    func offset(_ text: String) async throws -> UInt64 {
        if let number = UInt64(text) { return number }
        guard let time = Timestamp(parsing: text) else {
            throw OperationError.badRequest(
                "\"\(text)\" is neither an offset nor a time like 2026-03-14T15:09:26Z")
        }
        return try await OwnThread.run("sluice.search") { [log] in
            var reader = log.makeReader()
            do {
                return try reader.firstOffset(recordedAtOrAfter: time.microseconds).value
            } catch LogError.damaged(let damage) {
                throw OperationError.failed(
                    "the time cannot be searched for: \(damage); give an offset")
            }
        }
    }

    /// One record's line and columns; nil when nothing stands there, or what does cannot be read. Not to be
    /// called on the pool's threads in a loop: it reads a file.
    func record(at offset: UInt64) async throws -> StoredRecord? {
        try await place(at: offset).record
    }

    /// What stands at an offset.
    func place(at offset: UInt64) async throws -> StoredPlace {
        guard offset < log.durableEnd.value else { return .nothing }
        return try await OwnThread.run("sluice.read") { [log, projection] in
            var reader = log.makeReader()
            let place = try StoredPlace.read(at: Offset(offset), with: &reader)
            if case .unreadable(let damage) = place { projection.notice(damage) }
            return place
        }
    }
}

/// What stands at one offset of the log.
enum StoredPlace: Sendable {
    case record(StoredRecord)
    /// A record that cannot be read (L9).
    case unreadable(Damage)
    case nothing

    var record: StoredRecord? {
        if case .record(let record) = self { return record }
        return nil
    }

    /// Reads what stands at `offset`. Blocks.
    static func read(at offset: Offset, with reader: inout LogReader) throws -> StoredPlace {
        var found = StoredPlace.nothing
        var damage: Damage?
        _ = try reader.forEachReadable(
            from: offset, to: offset + 1, needs: .lines
        ) { view in
            found = .record(
                StoredRecord(
                    offset: view.offset.value, kind: view.kind, recorded: view.recorded,
                    occurred: view.occurred, source: view.knownSource, keys: Array(view.keys),
                    line: Array(view.line)))
            return .stop
        } unreadable: {
            damage = $0
            return .stop
        }
        return damage.map(StoredPlace.unreadable) ?? found
    }
}

/// A record that was read out.
struct StoredRecord: Sendable {
    var offset: UInt64
    var kind: UInt8
    var recorded: Int64
    var occurred: Int64
    var source: String
    var keys: [UInt64]
    var line: [UInt8]

    /// Hands the parsed line to `body`.
    func parse<R>(_ body: (JSONView) throws -> R) throws -> R {
        var parser = JSONParser()
        return try parser.parse(line, body)
    }
}
