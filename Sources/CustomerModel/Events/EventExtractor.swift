public import Hashing
public import JSONText

/// What the log's columns say of one event line, re-derivable from the line alone (L7).
///
/// Number 1. A change of any rule below is a new number beside this one, never a change to it.
public struct EventExtractor: Sendable {
    public static let number: UInt32 = 1

    private let key: SipKey
    private var scratch: [UInt8] = []
    /// What stands before the message ids of the source that was asked about last.
    private var messageScope: (source: String, bytes: [UInt8]) = ("", messageScope(of: ""))

    /// `key` is the log's own.
    public init(key: SipKey) { self.key = key }

    /// The columns of one event.
    public struct Columns: Equatable, Sendable {
        public var occurred: Timestamp
        /// The event's name; for a type without names, the type in angle brackets: `<identify>`.
        public var name: String
        /// First the message id within its source, then for an event of an mParticle request that names
        /// itself its place in that request, then each identifier of the event.
        public var keys: [UInt64]
    }

    /// Reads the columns of `body`, collected from `source` at `received`.
    public mutating func columns(of body: EventBody, source: String, received: Timestamp)
        -> Columns
    {
        var keys: [UInt64] = []
        keys.reserveCapacity(4)
        if let id = body.messageID {
            _ = id.withUTF8 { keys.append(messageKey(source: source, messageID: $0)) }
        }
        appendOtherKeys(of: body, source: source, behind: 0, to: &keys)
        return Columns(
            occurred: EventClock.occurred(of: body, received: received),
            name: Self.columnName(of: body), keys: keys)
    }

    /// Appends what ``Columns/keys`` are, for an event whose message id is `messageID`.
    public mutating func appendKeys(
        of body: EventBody, source: String, messageID: UnsafeRawBufferPointer,
        to keys: inout [UInt64]
    ) {
        let start = keys.count
        keys.append(messageKey(source: source, messageID: messageID))
        appendOtherKeys(of: body, source: source, behind: start, to: &keys)
    }

    /// - Parameter start: where the event's own keys begin.
    private mutating func appendOtherKeys(
        of body: EventBody, source: String, behind start: Int, to keys: inout [UInt64]
    ) {
        if let place = body.mparticle?.place {
            let hash = place.withUnsafeBytes { placeKey(source: source, place: $0) }
            keys.append(hash)
        }
        EventIdentifiers.forEach(in: body) { type, value in
            let hash: UInt64? =
                value.kind == .number
                ? identifierKey(type: type, value: value.rawBytes)
                : value.withUTF8 { identifierKey(type: type, value: $0) }
            if let hash, !keys[start...].contains(hash) { keys.append(hash) }
        }
    }

    /// The key hash of a message id within its source.
    public mutating func messageKey(source: String, messageID: UnsafeRawBufferPointer) -> UInt64 {
        if messageScope.source != source { messageScope = (source, Self.messageScope(of: source)) }
        scratch.removeAll(keepingCapacity: true)
        scratch.append(contentsOf: messageScope.bytes)
        scratch.append(contentsOf: messageID)
        return SipHash.hash(scratch, key: key)
    }

    private static func messageScope(of source: String) -> [UInt8] {
        Array("message_id".utf8) + [0] + Array(source.utf8) + [0]
    }

    /// The key hash of an event's place in a request that names itself (see ``MParticleMarks/place``).
    ///
    /// Its low 16 bits are the same for all of them, so that they are found among other keys without the
    /// line: about one other key in 65,536 looks alike, and whoever asks compares the value itself.
    public mutating func placeKey(source: String, place: UnsafeRawBufferPointer) -> UInt64 {
        scratch.removeAll(keepingCapacity: true)
        scratch.append(contentsOf: "request_place".utf8)
        scratch.append(0)
        scratch.append(contentsOf: source.utf8)
        scratch.append(0)
        scratch.append(contentsOf: place)
        return SipHash.hash(scratch, key: key) & ~Self.placeBits | Self.placeMark
    }

    /// Whether a key may be that of a place in a request.
    public static func isPlaceKey(_ key: UInt64) -> Bool { key & placeBits == placeMark }

    private static let placeBits: UInt64 = 0xFFFF
    private static let placeMark: UInt64 = 0x4D50

    /// The key hash of an identifier as the columns hold it.
    public mutating func identifierKey(type: String, value: UnsafeRawBufferPointer) -> UInt64 {
        scratch.removeAll(keepingCapacity: true)
        scratch.append(contentsOf: type.utf8)
        scratch.append(0)
        IdentifierValue.appendKeyForm(type: type, value, to: &scratch)
        return SipHash.hash(scratch, key: key)
    }

    /// The name that the `name` column holds for `body`.
    public static func columnName(of body: EventBody) -> String {
        var name = ""
        withColumnName(of: body) { name = String(decoding: $0, as: UTF8.self) }
        return name
    }

    /// Hands the same as UTF-8 to `visit`, once, valid only inside it. Not generic: asked of every event that
    /// is taken in, from another target.
    public static func withColumnName(
        of body: EventBody, _ visit: (UnsafeRawBufferPointer) -> Void
    ) {
        var isNamed = false
        _ = body.name?.withUTF8 { name in
            guard !name.isEmpty else { return }
            isNamed = true
            visit(name)
        }
        guard !isNamed else { return }
        var name = body.type.map { "<\($0.name)>" } ?? ""
        name.withUTF8 { visit(UnsafeRawBufferPointer($0)) }
    }
}
