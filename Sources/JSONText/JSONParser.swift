/// The one JSON door: checks a whole text and hands out views into it.
///
/// What it takes is RFC 8259, narrowed by L2 of MEANINGS.md:
/// - UTF-8 only and no byte order mark; bytes outside strings are ASCII;
/// - no two members of an object with the same name, compared after unescaping, at any depth;
/// - no lone surrogates in escapes; `\u0000` is taken (who reads an identifier refuses it);
/// - bounded depth and length.
///
/// Numbers are checked against the grammar and never read into a double: their tokens stay as they
/// are. Time is linear in the text's length, whatever the text is. The tape is kept between texts,
/// so keep one parser per thread; it is a value and copies share nothing.
///
/// Views are valid only inside the closure that was handed them. A parser cannot be used inside its
/// own closure (exclusive access); take a second one for that.
public struct JSONParser: Sendable {
    private let limits: JSONLimits
    @usableFromInline var tape: [JSONToken]
    private var table: [UInt64] = []

    public init(limits: JSONLimits = JSONLimits()) {
        self.limits = limits
        tape = Array(repeating: .empty, count: 256)
    }

    /// Checks `bytes` and hands the view of its value to `body`.
    ///
    /// - Throws: ``JSONError``, or what `body` throws.
    @inlinable
    public mutating func parse<R>(
        _ bytes: UnsafeRawBufferPointer, _ body: (JSONView) throws -> R
    ) throws -> R {
        try index(bytes, trust: .nobody)
        defer { releaseLargeTape() }
        return try withView(of: bytes, body)
    }

    /// The same for an array.
    @inlinable
    public mutating func parse<R>(_ bytes: [UInt8], _ body: (JSONView) throws -> R) throws -> R {
        try bytes.withUnsafeBytes { try parse($0, body) }
    }

    /// The same for lines of our own log, which were checked at the door: names are not compared
    /// with each other and UTF-8 is not checked. Structure and bounds are, so damaged bytes cost an
    /// error, never a read outside the text. The parser's limits belong to the door and do not
    /// count here, since a line wraps what came through it; the depth stays below 1,000.
    @inlinable
    public mutating func parseTrusted<R>(
        _ bytes: UnsafeRawBufferPointer, _ body: (JSONView) throws -> R
    ) throws -> R {
        try index(bytes, trust: .ownLog)
        defer { releaseLargeTape() }
        return try withView(of: bytes, body)
    }

    /// The same for a text that may hold bad strings, so that what is around them can be read: names are
    /// not compared, and neither UTF-8 nor pairs of surrogates are checked. Whoever uses a value of it
    /// parses its bytes again, strictly.
    @inlinable
    public mutating func parseStructure<R>(
        _ bytes: UnsafeRawBufferPointer, _ body: (JSONView) throws -> R
    ) throws -> R {
        try index(bytes, trust: .structure)
        defer { releaseLargeTape() }
        return try withView(of: bytes, body)
    }

    /// Who vouches for a text; of ``structure`` nobody does, and only its structure is checked.
    @usableFromInline enum Trust { case nobody, ownLog, structure }

    @inlinable
    mutating func withView<R>(
        of bytes: UnsafeRawBufferPointer, _ body: (JSONView) throws -> R
    ) rethrows -> R {
        // `index` has thrown on an empty text, so there is a base address.
        let text = bytes.baseAddress.unsafelyUnwrapped
        return try tape.withUnsafeBufferPointer {
            try body(JSONView(text: text, tape: $0.baseAddress.unsafelyUnwrapped, index: 0))
        }
    }

    /// What one text of unusually many values took is not kept for the usual ones behind it.
    @inlinable
    mutating func releaseLargeTape() {
        if tape.count > Self.keptTokens { shrink() }
    }

    @usableFromInline static var keptTokens: Int { 65_536 }

    @usableFromInline
    mutating func shrink() {
        tape = Array(repeating: .empty, count: Self.keptTokens)
        table = []
    }

    /// Fills the tape. A text with more values than the tape holds is begun again with a longer
    /// one, which keeps the check for room out of the array and happens a few times in a parser's
    /// life.
    @usableFromInline
    mutating func index(_ bytes: UnsafeRawBufferPointer, trust: Trust) throws(JSONError) {
        let longest = trust == .nobody ? limits.maximumBytes : JSONLimits.hardestBytes
        guard bytes.count <= longest else {
            throw JSONError(position: longest, problem: .tooLong)
        }
        guard let text = bytes.baseAddress else {
            throw JSONError(position: 0, problem: .unexpectedEnd)
        }
        while true {
            var failure: JSONError?
            var outcome = JSONScanner.Outcome.done
            tape.withUnsafeMutableBufferPointer { room in
                var scanner = JSONScanner(
                    text: text, end: bytes.count, tape: room.baseAddress.unsafelyUnwrapped,
                    capacity: room.count, trust: trust,
                    maximumDepth: trust == .nobody ? limits.maximumDepth : JSONLimits.hardestDepth)
                do throws(JSONError) {
                    outcome = try scanner.scan(table: &table)
                } catch {
                    failure = error
                }
            }
            if let failure {
                releaseLargeTape()
                throw failure
            }
            switch outcome {
            case .done: return
            case .tapeFull:
                // No text has more values than bytes; the scanner wants two free entries at any
                // time.
                let wanted = min(tape.count * 4, bytes.count + 2)
                tape = Array(repeating: .empty, count: wanted)
            }
        }
    }
}
