import Hashing

/// Interned byte strings: each distinct one has one small number, in order of first appearance.
///
/// Keyed by a tag beside the bytes, so that the same text of two kinds stays two entries. The hash is
/// SipHash under the log's key: no client can choose values that collide.
struct ByteTable {
    /// Where each entry's bytes begin in `arena`, and in the upper 16 bits its tag; then where the next one's
    /// would. Together, so that a look at an entry is one look at memory.
    private var starts: [UInt64] = [0]
    private var arena: [UInt8] = []
    /// The upper half is that of the entry's hash and says where it stands; the lower is its number.
    private var slots: [UInt64]
    private let key: SipKey

    private static let free = UInt64.max
    private static let placeMask: UInt64 = 1 << 48 - 1

    init(key: SipKey) {
        self.key = key
        slots = [UInt64](repeating: Self.free, count: 1024)
    }

    var count: Int { starts.count - 1 }

    func tag(_ index: UInt32) -> UInt16 { UInt16(truncatingIfNeeded: starts[Int(index)] >> 48) }

    /// By entry.
    var tags: [UInt16] { (0..<UInt32(count)).map { tag($0) } }

    func bytes(_ index: UInt32) -> ArraySlice<UInt8> { arena[range(index)] }

    func text(_ index: UInt32) -> String { String(decoding: bytes(index), as: UTF8.self) }

    private func range(_ index: UInt32) -> Range<Int> {
        let start = Int(truncatingIfNeeded: starts[Int(index)] & Self.placeMask)
        return start..<Int(truncatingIfNeeded: starts[Int(index) + 1] & Self.placeMask)
    }

    /// The entry of `bytes` under `tag`, if it exists.
    func find(tag: UInt16, _ bytes: UnsafeRawBufferPointer) -> UInt32? {
        let found = slots[slot(tag: tag, bytes, hash: hash(tag: tag, bytes))]
        return found == Self.free ? nil : UInt32(truncatingIfNeeded: found)
    }

    /// The entry of `bytes` under `tag`, made when it is new.
    mutating func intern(tag: UInt16, _ bytes: UnsafeRawBufferPointer) -> (
        index: UInt32, isNew: Bool
    ) {
        intern(tag: tag, bytes, hash: hash(tag: tag, bytes))
    }

    /// The same with a hash that ``hash(tag:_:key:)`` gave under the same key.
    mutating func intern(tag: UInt16, _ bytes: UnsafeRawBufferPointer, hash: UInt64) -> (
        index: UInt32, isNew: Bool
    ) {
        let place = slot(tag: tag, bytes, hash: hash)
        let found = slots[place]
        if found != Self.free { return (UInt32(truncatingIfNeeded: found), false) }
        let index = UInt32(count)
        precondition(index < .max - 1, "more than four billion entries in one table")
        starts[Int(index)] |= UInt64(tag) << 48
        arena.append(contentsOf: bytes)
        precondition(arena.count <= Self.placeMask, "more bytes than a table has places for")
        starts.append(UInt64(arena.count))
        slots[place] = Self.entry(hash: hash, index)
        if count * 2 > slots.count { grow() }
        return (index, true)
    }

    static func hash(tag: UInt16, _ bytes: UnsafeRawBufferPointer, key: SipKey) -> UInt64 {
        SipHash.hash(bytes, key: SipKey(low: key.low ^ UInt64(tag), high: key.high))
    }

    func hash(tag: UInt16, _ bytes: UnsafeRawBufferPointer) -> UInt64 {
        Self.hash(tag: tag, bytes, key: key)
    }

    @inline(__always)
    private static func entry(hash: UInt64, _ index: UInt32) -> UInt64 {
        hash & 0xFFFF_FFFF_0000_0000 | UInt64(index)
    }

    /// The first entry with this half of a hash; it may be another.
    @inline(__always)
    func likely(hash: UInt64) -> UInt32? {
        let mask = slots.count - 1
        var place = Int(truncatingIfNeeded: hash >> 32) & mask
        while slots[place] != Self.free {
            if slots[place] >> 32 == hash >> 32 { return UInt32(truncatingIfNeeded: slots[place]) }
            place = (place + 1) & mask
        }
        return nil
    }

    /// Looks at an entry; what it gives means nothing.
    @inline(__always)
    func touch(_ index: UInt32) -> UInt64 {
        let range = range(index)
        return range.isEmpty ? UInt64(index) : UInt64(arena[range.lowerBound])
    }

    /// Where the entry stands, or the free slot in which it would.
    private func slot(tag: UInt16, _ bytes: UnsafeRawBufferPointer, hash: UInt64) -> Int {
        let mask = slots.count - 1
        var place = Int(truncatingIfNeeded: hash >> 32) & mask
        while true {
            let slot = slots[place]
            // An entry's bytes are looked at only when half of its hash is right.
            if slot == Self.free { return place }
            if slot >> 32 == hash >> 32 {
                let index = UInt32(truncatingIfNeeded: slot)
                if self.tag(index) == tag, isEqual(index, bytes) { return place }
            }
            place = (place + 1) & mask
        }
    }

    @inline(__always)
    private func isEqual(_ index: UInt32, _ bytes: UnsafeRawBufferPointer) -> Bool {
        let own = range(index)
        guard own.count == bytes.count else { return false }
        return arena.withUnsafeBytes { all in
            let own = UnsafeRawBufferPointer(rebasing: all[own])
            var at = 0
            while at + 8 <= bytes.count {
                guard
                    own.loadUnaligned(fromByteOffset: at, as: UInt64.self)
                        == bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)
                else { return false }
                at += 8
            }
            while at < bytes.count {
                guard own[at] == bytes[at] else { return false }
                at += 1
            }
            return true
        }
    }

    /// Slots hold what says where they stand, so that no entry is hashed again.
    private mutating func grow() {
        var larger = [UInt64](repeating: Self.free, count: slots.count * 2)
        let mask = larger.count - 1
        for slot in slots where slot != Self.free {
            var place = Int(truncatingIfNeeded: slot >> 32) & mask
            while larger[place] != Self.free { place = (place + 1) & mask }
            larger[place] = slot
        }
        slots = larger
    }

    /// Puts every entry in its slot.
    private mutating func index(capacity: Int) {
        slots = [UInt64](repeating: Self.free, count: capacity)
        let mask = capacity - 1
        arena.withUnsafeBytes { all in
            for index in 0..<UInt32(count) {
                let own = UnsafeRawBufferPointer(rebasing: all[range(index)])
                let hash = hash(tag: tag(index), own)
                var place = Int(truncatingIfNeeded: hash >> 32) & mask
                while slots[place] != Self.free { place = (place + 1) & mask }
                slots[place] = Self.entry(hash: hash, index)
            }
        }
    }

    func write(into out: inout CanonicalWriter) {
        out.section("BYTE")
        out.column(tags)
        out.column((0..<UInt32(count)).map { UInt64(range($0).upperBound) })
        out.column(arena)
    }

    init(from reader: inout CanonicalReader, key: SipKey) throws(CanonicalError) {
        try reader.section("BYTE")
        let tags = try reader.column(UInt16.self)
        let ends = try reader.column(UInt64.self)
        let arena = try reader.column(UInt8.self)
        guard tags.count == ends.count, zip(ends, ends.dropFirst()).allSatisfy({ $0 <= $1 }),
            ends.last.map({ $0 == UInt64(arena.count) }) ?? arena.isEmpty
        else { throw CanonicalError(position: reader.position, expected: "a table of bytes") }
        self.init(key: key)
        guard arena.count <= Self.placeMask else {
            throw CanonicalError(position: reader.position, expected: "fewer bytes")
        }
        starts = [0]
        starts.reserveCapacity(tags.count + 1)
        for (index, (tag, end)) in zip(tags, ends).enumerated() {
            starts[index] |= UInt64(tag) << 48
            starts.append(end)
        }
        self.arena = arena
        var capacity = 1024
        while tags.count * 2 > capacity { capacity *= 2 }
        index(capacity: capacity)
    }
}

/// A small set of names, numbered in order of first appearance: identifier types, purposes, trait keys.
struct NameTable {
    private(set) var names: [String] = []
    private var numbers: [String: UInt16] = [:]
    /// The one that was asked for last: most ask for it again.
    private var recent: UInt16?

    /// The last numbers are left free for what stands in a name's place (``IdentityTable/sizeLimit``).
    private static let limit = Int(UInt16.max) - 16

    func number(of name: String) -> UInt16? { numbers[name] }

    /// The number of `name`; nil when some 65,000 names are taken.
    mutating func intern(_ name: String) -> UInt16? {
        if let recent, names[Int(recent)] == name { return recent }
        if let known = numbers[name] {
            recent = known
            return known
        }
        guard names.count < Self.limit else { return nil }
        let number = UInt16(names.count)
        names.append(name)
        numbers[name] = number
        return number
    }

    func write(into out: inout CanonicalWriter) {
        out.section("NAME")
        out.integer(UInt32(names.count))
        for name in names { out.text(name) }
    }

    init() {}

    init(from reader: inout CanonicalReader) throws(CanonicalError) {
        try reader.section("NAME")
        for _ in 0..<(try reader.integer(UInt32.self)) {
            let name = try reader.text()
            guard intern(name) != nil else {
                throw CanonicalError(position: reader.position, expected: "fewer names")
            }
        }
    }
}
