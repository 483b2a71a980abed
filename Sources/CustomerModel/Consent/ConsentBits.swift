/// The bits of one base64url segment of a consent string, read from the front, most significant first.
///
/// Every character is six bits and no multiple of four is asked for: libraries pad to 8, 24 or 6 bits.
/// One or two `=` at the end are dropped. Bits that nobody reads mean nothing.
struct ConsentBits {
    /// No consent string is read past this. A TC string with two full bit fields of 65,535 vendors and
    /// as many disclosed has about 33,000 characters.
    static let maximumCharacters = 65_536

    /// The bits and eight bytes more, so that eight may be loaded at any bit.
    private let bytes: [UInt8]
    /// How many bits there are.
    let count: Int
    /// How many were read.
    private(set) var position = 0
    private let start: Int
    /// What errors name.
    var part: ConsentTextError.Part

    /// - Parameter range: the segment's characters within `text`.
    init(
        _ text: UnsafeRawBufferPointer, _ range: Range<Int>, part: ConsentTextError.Part
    ) throws(ConsentTextError) {
        var end = range.upperBound
        while end > range.lowerBound, end > range.upperBound - 2, text[end - 1] == 0x3D { end -= 1 }
        var badPlace: Int?
        let size = ((end - range.lowerBound) * 6 + 7) / 8 + 8
        bytes = [UInt8](unsafeUninitializedCapacity: size) { room, filled in
            var pending: UInt32 = 0
            var pendingCount: UInt32 = 0
            for place in range.lowerBound..<end {
                guard let value = Self.value(text[place]) else {
                    badPlace = place
                    break
                }
                pending = pending << 6 | UInt32(value)
                pendingCount += 6
                if pendingCount >= 8 {
                    pendingCount -= 8
                    room[filled] = UInt8(truncatingIfNeeded: pending >> pendingCount)
                    filled += 1
                }
            }
            if pendingCount > 0 {
                room[filled] = UInt8(truncatingIfNeeded: pending << (8 - pendingCount))
                filled += 1
            }
            while filled < size {
                room[filled] = 0
                filled += 1
            }
        }
        if let badPlace {
            throw ConsentTextError(part: part, position: badPlace, problem: .badCharacter)
        }
        count = (end - range.lowerBound) * 6
        start = range.lowerBound
        self.part = part
    }

    /// An error at the next bit.
    func error(_ problem: ConsentTextError.Problem) -> ConsentTextError {
        ConsentTextError(part: part, position: start + position / 6, problem: problem)
    }

    /// - Precondition: `width` is at most 56.
    mutating func read(_ width: Int) throws(ConsentTextError) -> UInt64 {
        guard count - position >= width else { throw error(.cutShort) }
        guard width > 0 else { return 0 }
        let eight = bytes.withUnsafeBytes {
            UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: position >> 3, as: UInt64.self))
        }
        let value = (eight << UInt64(position & 7)) >> UInt64(64 - width)
        position += width
        return value
    }

    mutating func flag() throws(ConsentTextError) -> Bool { try read(1) == 1 }

    mutating func number(_ width: Int) throws(ConsentTextError) -> Int { Int(try read(width)) }

    /// A bit field: its first bit is the top one of the first byte. The length is checked before
    /// anything is allocated.
    mutating func bitField(_ length: Int) throws(ConsentTextError) -> [UInt8] {
        guard count - position >= length else { throw error(.cutShort) }
        var field: [UInt8] = []
        field.reserveCapacity((length + 7) / 8)
        var left = length
        while left > 0 {
            let taken = min(56, left)
            let bits = try read(taken) << UInt64(64 - taken)
            withUnsafeBytes(of: bits.bigEndian) {
                field.append(contentsOf: $0[..<((taken + 7) / 8)])
            }
            left -= taken
        }
        return field
    }

    /// Entries of vendor ids: a count of 12 bits, then single ids and inclusive ranges.
    mutating func ranges(upTo maximum: UInt16) throws(ConsentTextError) -> [ClosedRange<UInt16>] {
        let entries = try number(12)
        // An entry takes 17 bits or more.
        guard (count - position) / 17 >= entries else { throw error(.cutShort) }
        var found: [ClosedRange<UInt16>] = []
        found.reserveCapacity(entries)
        for _ in 0..<entries {
            let isRange = try flag()
            let first = UInt16(try read(16))
            let last = isRange ? UInt16(try read(16)) : first
            guard first > 0, first <= last, last <= maximum else { throw error(.badRange) }
            found.append(first...last)
        }
        return found
    }

    @inline(__always)
    private static func value(_ character: UInt8) -> UInt8? {
        switch character {
        case 0x41...0x5A: character - 0x41
        case 0x61...0x7A: character - 0x61 + 26
        case 0x30...0x39: character - 0x30 + 52
        case 0x2D: 62
        case 0x5F: 63
        default: nil
        }
    }
}

extension UnsafeRawBufferPointer {
    /// The pieces between `separator` within `range`, at least one, empty ones too.
    func pieces(_ range: Range<Int>, separator: UInt8) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var start = range.lowerBound
        for place in range where self[place] == separator {
            found.append(start..<place)
            start = place + 1
        }
        found.append(start..<range.upperBound)
        return found
    }
}

extension String {
    /// Hands its bytes to a decoder.
    func decoded<R>(
        by decode: (UnsafeRawBufferPointer) throws(ConsentTextError) -> R
    ) throws(ConsentTextError) -> R {
        // The standard library's own function loses the error's type.
        try Array(utf8).withUnsafeBytes { bytes in
            Result { () throws(ConsentTextError) in try decode(bytes) }
        }.get()
    }
}
