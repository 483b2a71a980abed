/// One pass over a text: checks it and writes the tape.
///
/// | state | legal next |
/// |---|---|
/// | a value is due | one token → after a value; `{` → a name or `}`; `[` → a value or `]` |
/// | a name is due | string, `:` → a value is due |
/// | after a value | `,` → a name or a value; closing bracket → after a value; at depth 0 the end |
///
/// Nothing here recurses. A struct of plain pointers, so that the loop stays in registers.
struct JSONScanner {
    enum Outcome { case done, tapeFull }

    let text: UnsafeRawPointer
    let end: Int
    let tape: UnsafeMutablePointer<JSONToken>
    let capacity: Int
    let trust: JSONParser.Trust
    let maximumDepth: Int
    var position = 0
    var count = 0
    var depth = 0
    /// The innermost open container; meaningless at depth 0.
    var open = 0

    init(
        text: UnsafeRawPointer, end: Int, tape: UnsafeMutablePointer<JSONToken>, capacity: Int,
        trust: JSONParser.Trust, maximumDepth: Int
    ) {
        self.text = text
        self.end = end
        self.tape = tape
        self.capacity = capacity
        self.trust = trust
        self.maximumDepth = maximumDepth
    }

    /// - Parameter table: scratch room for comparing the names of large objects, kept by the
    ///   parser.
    mutating func scan(table: inout [UInt64]) throws(JSONError) -> Outcome {
        skipOuterSpace()
        while true {
            // Room for a name and its value.
            guard count &+ 2 <= capacity else { return .tapeFull }
            guard try value() else { continue }
            while true {
                guard depth > 0 else {
                    skipOuterSpace()
                    guard position == end else { throw failure(.trailingBytes) }
                    return .done
                }
                skipSpace()
                guard position < end else { throw failure(.unexpectedEnd) }
                let byte = self[position]
                let isObject = tape[open].meta & JSONToken.kindBits == 0
                if byte == UInt8(ascii: ",") {
                    position &+= 1
                    skipSpace()
                    if isObject { try name() }
                    break
                }
                guard byte == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
                    throw failure(.unexpectedByte)
                }
                try close(isObject: isObject, table: &table)
            }
        }
    }

    /// Reads what begins here. True when a value is complete, false when a container was opened and
    /// its first value is due.
    @inline(__always)
    private mutating func value() throws(JSONError) -> Bool {
        guard position < end else { throw failure(.unexpectedEnd) }
        if depth > 0 { tape[open].meta &+= JSONToken.oneMember }
        switch self[position] {
        case UInt8(ascii: "\""):
            try string()
        case UInt8(ascii: "{"):
            try begin(kind: 0)
            if position < end, self[position] == UInt8(ascii: "}") { return true }
            try name()
            return false
        case UInt8(ascii: "["):
            try begin(kind: 1)
            return position < end && self[position] == UInt8(ascii: "]")
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
            try number()
        case UInt8(ascii: "t"):
            try literal(0x6575_7274, length: 4, kind: .bool)
        case UInt8(ascii: "f"):
            try literal(0x6573_6c61, length: 5, kind: .bool)
        case UInt8(ascii: "n"):
            try literal(0x6c6c_756e, length: 4, kind: .null)
        default:
            throw failure(.unexpectedByte)
        }
        return true
    }

    @inline(__always)
    private mutating func name() throws(JSONError) {
        guard position < end else { throw failure(.unexpectedEnd) }
        guard self[position] == UInt8(ascii: "\"") else { throw failure(.unexpectedByte) }
        try string()
        tape[open].meta |= tape[count &- 1].meta & JSONToken.escapesBit
        skipSpace()
        guard position < end else { throw failure(.unexpectedEnd) }
        guard self[position] == UInt8(ascii: ":") else { throw failure(.unexpectedByte) }
        position &+= 1
        skipSpace()
    }

    @inline(__always)
    private mutating func begin(kind: UInt32) throws(JSONError) {
        guard depth < maximumDepth else { throw failure(.tooDeep) }
        depth &+= 1
        tape[count] = JSONToken(
            start: UInt32(truncatingIfNeeded: position), end: 0,
            next: UInt32(truncatingIfNeeded: open), meta: kind)
        open = count
        count &+= 1
        position &+= 1
        skipSpace()
    }

    /// An empty container arrives here through `scan`, as if a value had just ended.
    @inline(__always)
    private mutating func close(isObject: Bool, table: inout [UInt64]) throws(JSONError) {
        let closing = open
        let parent = Int(tape[closing].next)
        position &+= 1
        tape[closing].end = UInt32(truncatingIfNeeded: position)
        tape[closing].next = UInt32(truncatingIfNeeded: count)
        if isObject, trust == .nobody { try checkNames(of: closing, table: &table) }
        depth &-= 1
        open = parent
        // White space inside is white space inside of whatever stands around, too.
        tape[parent].meta |= tape[closing].meta & JSONToken.spaceBit
    }

    /// The rest of `true`, `false` or `null`; the first four of its bytes as a little-endian word
    /// (for `false`, the last four).
    @inline(__always)
    private mutating func literal(
        _ word: UInt32, length: Int, kind: JSONView.Kind
    ) throws(JSONError) {
        guard position &+ length <= end else { throw misspelt(length: length, kind: kind) }
        let found = UInt32(
            littleEndian: text.loadUnaligned(
                fromByteOffset: position &+ (length &- 4), as: UInt32.self))
        guard found == word else { throw misspelt(length: length, kind: kind) }
        append(end: position &+ length, meta: UInt32(kind.rawValue))
    }

    /// Finds the first byte that differs, for the error.
    private func misspelt(length: Int, kind: JSONView.Kind) -> JSONError {
        let word: StaticString =
            kind == .null ? "null" : length == 4 ? "true" : "false"
        for place in 0..<length {
            guard position + place < end else {
                return JSONError(position: end, problem: .unexpectedEnd)
            }
            if self[position + place] != word.utf8Start[place] {
                return JSONError(position: position + place, problem: .unexpectedByte)
            }
        }
        return failure(.unexpectedByte)
    }

    /// Puts a value of one token, from `position` to `end`, on the tape and steps over it.
    @inline(__always)
    mutating func append(end: Int, meta: UInt32) {
        tape[count] = JSONToken(
            start: UInt32(truncatingIfNeeded: position), end: UInt32(truncatingIfNeeded: end),
            next: UInt32(truncatingIfNeeded: count &+ 1), meta: meta)
        count &+= 1
        position = end
    }

    @inline(__always)
    subscript(_ place: Int) -> UInt8 { text.load(fromByteOffset: place, as: UInt8.self) }

    @inline(__always)
    func failure(_ problem: JSONError.Problem) -> JSONError {
        JSONError(position: position, problem: problem)
    }

    /// White space inside a container, which a minified copy has to drop.
    @inline(__always)
    private mutating func skipSpace() {
        guard position < end, self[position] <= 0x20 else { return }
        skipSpaceSlowly()
    }

    @inline(never)
    private mutating func skipSpaceSlowly() {
        let start = position
        skipOuterSpace()
        if position > start { tape[open].meta |= JSONToken.spaceBit }
    }

    private mutating func skipOuterSpace() {
        while position < end {
            switch self[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position &+= 1
            default: return
            }
        }
    }
}
