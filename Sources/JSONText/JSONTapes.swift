/// The tapes of many texts, one behind the other, until ``removeAll()``.
///
/// For whoever checks texts on one thread and looks into them later on another. It takes what
/// ``JSONParser/parseTrusted(_:_:)`` takes and fails as that does.
///
/// Unchecked only for its memory: one thread at a time uses it. Views are valid until the tapes are
/// emptied, and while their text stands where it stood.
public struct JSONTapes: ~Copyable, @unchecked Sendable {
    private static let usualCapacity = 32_768

    private var room: UnsafeMutablePointer<JSONToken>
    private var capacity = usualCapacity
    private var count = 0
    private var table: [UInt64] = []

    public init() { room = .allocate(capacity: Self.usualCapacity) }

    deinit { room.deallocate() }

    /// Forgets all texts. What one of unusually many values took is not kept.
    public mutating func removeAll() {
        count = 0
        if capacity > Self.usualCapacity { allocate(Self.usualCapacity) }
    }

    /// Checks a line of our own log and keeps its tape.
    ///
    /// - Returns: its place, for ``view(at:of:)``; nil where it does not fit behind those before it. An
    ///   empty one takes any text.
    public mutating func append(trusted text: UnsafeRawBufferPointer) throws(JSONError) -> Int? {
        guard text.count <= JSONLimits.hardestBytes else {
            throw JSONError(position: JSONLimits.hardestBytes, problem: .tooLong)
        }
        guard let start = text.baseAddress else {
            throw JSONError(position: 0, problem: .unexpectedEnd)
        }
        while true {
            var scanner = JSONScanner(
                text: start, end: text.count, tape: room + count, capacity: capacity - count,
                trust: .ownLog, maximumDepth: JSONLimits.hardestDepth)
            switch try scanner.scan(table: &table) {
            case .done:
                defer { count += scanner.count }
                return count
            case .tapeFull:
                guard count == 0 else { return nil }
                // No text has more values than bytes; the scanner wants two free entries at any time.
                allocate(min(capacity * 4, text.count + 2))
            }
        }
    }

    private mutating func allocate(_ tokens: Int) {
        room.deallocate()
        room = .allocate(capacity: tokens)
        capacity = tokens
    }

    /// The value of a text at a place that ``append(trusted:)`` gave.
    public func view(at place: Int, of text: UnsafeRawBufferPointer) -> JSONView {
        precondition(place < count, "no such text")
        return JSONView(text: text.baseAddress.unsafelyUnwrapped, tape: room + place, index: 0)
    }
}
