import Hashing

/// Interned byte strings: each distinct one has one small number, in order of first appearance.
///
/// Keyed by a tag beside the bytes, so that the same text of two kinds stays two entries. The hash is
/// SipHash under the log's key: no client can choose values that collide.
struct ByteTable {
    private(set) var tags: [UInt16] = []
    /// Where each entry's bytes end in `arena`.
    private(set) var ends: [UInt64] = []
    private(set) var arena: [UInt8] = []
    private var slots: [UInt32]
    private let key: SipKey

    init(key: SipKey) {
        self.key = key
        slots = [UInt32](repeating: .max, count: 1024)
    }

    var count: Int { tags.count }

    func bytes(_ index: UInt32) -> ArraySlice<UInt8> { arena[range(index)] }

    func text(_ index: UInt32) -> String { String(decoding: bytes(index), as: UTF8.self) }

    private func range(_ index: UInt32) -> Range<Int> {
        let start = index == 0 ? 0 : Int(ends[Int(index) - 1])
        return start..<Int(ends[Int(index)])
    }

    /// The entry of `bytes` under `tag`, if it exists.
    func find(tag: UInt16, _ bytes: UnsafeRawBufferPointer) -> UInt32? {
        let found = slots[slot(tag: tag, bytes)]
        return found == .max ? nil : found
    }

    /// The entry of `bytes` under `tag`, made when it is new.
    mutating func intern(tag: UInt16, _ bytes: UnsafeRawBufferPointer) -> (
        index: UInt32, isNew: Bool
    ) {
        let place = slot(tag: tag, bytes)
        if slots[place] != .max { return (slots[place], false) }
        let index = UInt32(tags.count)
        precondition(index < .max - 1, "more than four billion entries in one table")
        tags.append(tag)
        arena.append(contentsOf: bytes)
        ends.append(UInt64(arena.count))
        slots[place] = index
        if tags.count * 2 > slots.count { grow() }
        return (index, true)
    }

    private func hash(tag: UInt16, _ bytes: UnsafeRawBufferPointer) -> UInt64 {
        SipHash.hash(bytes, key: SipKey(low: key.low ^ UInt64(tag), high: key.high))
    }

    private func slot(tag: UInt16, _ bytes: UnsafeRawBufferPointer) -> Int {
        let mask = slots.count - 1
        var place = Int(truncatingIfNeeded: hash(tag: tag, bytes)) & mask
        while true {
            let index = slots[place]
            if index == .max { return place }
            if tags[Int(index)] == tag {
                let own = range(index)
                if own.count == bytes.count,
                    arena.withUnsafeBytes({ all in
                        UnsafeRawBufferPointer(rebasing: all[own]).elementsEqual(bytes)
                    })
                {
                    return place
                }
            }
            place = (place + 1) & mask
        }
    }

    private mutating func grow() {
        slots = [UInt32](repeating: .max, count: slots.count * 2)
        let mask = slots.count - 1
        arena.withUnsafeBytes { all in
            for index in tags.indices {
                let own = UnsafeRawBufferPointer(rebasing: all[range(UInt32(index))])
                var place = Int(truncatingIfNeeded: hash(tag: tags[index], own)) & mask
                while slots[place] != .max { place = (place + 1) & mask }
                slots[place] = UInt32(index)
            }
        }
    }

    func write(into out: inout CanonicalWriter) {
        out.section("BYTE")
        out.column(tags)
        out.column(ends)
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
        self.tags = tags
        self.ends = ends
        self.arena = arena
        var capacity = 1024
        while tags.count * 2 > capacity { capacity *= 2 }
        slots = [UInt32](repeating: .max, count: capacity / 2)
        grow()
    }
}

/// A small set of names, numbered in order of first appearance: identifier types, purposes, trait keys.
struct NameTable {
    private(set) var names: [String] = []
    private var numbers: [String: UInt16] = [:]

    /// The last numbers are left free for what stands in a name's place (``IdentityTable/sizeLimit``).
    private static let limit = Int(UInt16.max) - 16

    func number(of name: String) -> UInt16? { numbers[name] }

    /// The number of `name`; nil when some 65,000 names are taken.
    mutating func intern(_ name: String) -> UInt16? {
        if let known = numbers[name] { return known }
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
