import CustomerModel
import Hashing
import JSONText

/// What people said of themselves, per identifier and key, with every earlier value.
///
/// Traits hang on the identifier that its event was anchored to; a person's trait is the newest among
/// their identifiers by (time, offset). So a merge moves nothing and the past stays exact.
struct TraitTable {
    static let none = UInt32.max
    /// Keys kept for one identifier; further ones are ignored (Segment's limit for Identify).
    static let maximumKeys = 300

    var keys = NameTable()
    // One entry a value; `next` leads to the identifier's other keys, `earlier` to this key's past.
    private var heads: [UInt32] = []
    private var entryKeys: [UInt16] = []
    private var times: [Int64] = []
    private var offsets: [UInt64] = []
    private var starts: [UInt64] = []
    private var lengths: [UInt32] = []
    private var arena: [UInt8] = []
    private var next: [UInt32] = []
    private var earlier: [UInt32] = []

    init() {}

    /// Takes one trait's JSON token in: the newest by (time, offset) stands, an older one is ignored.
    ///
    /// - Returns: whether the standing value's bytes changed.
    mutating func set(
        on identifier: UInt32, key: UInt16, token: UnsafeRawBufferPointer, time: Int64,
        offset: UInt64
    ) -> Bool {
        while heads.count <= Int(identifier) { heads.append(Self.none) }
        var previous = Self.none
        var entry = heads[Int(identifier)]
        var count = 0
        while entry != Self.none, entryKeys[Int(entry)] != key {
            previous = entry
            entry = next[Int(entry)]
            count += 1
        }
        var isSame = false
        if entry == Self.none {
            guard count < Self.maximumKeys else { return false }
        } else {
            if times[Int(entry)] > time { return false }
            isSame = bytes(entry).elementsEqual(token)
        }
        let row = UInt32(entryKeys.count)
        entryKeys.append(key)
        times.append(time)
        offsets.append(offset)
        // A value said again is a row of its own, so that its time is known as of then; the bytes are shared.
        starts.append(isSame ? starts[Int(entry)] : UInt64(arena.count))
        lengths.append(UInt32(token.count))
        if !isSame { arena.append(contentsOf: token) }
        earlier.append(entry)
        next.append(entry == Self.none ? Self.none : next[Int(entry)])
        if previous == Self.none {
            heads[Int(identifier)] = row
        } else {
            next[Int(previous)] = row
        }
        return !isSame
    }

    private func bytes(_ entry: UInt32) -> ArraySlice<UInt8> {
        let start = Int(starts[Int(entry)])
        return arena[start..<start + Int(lengths[Int(entry)])]
    }

    /// One trait as it stands or stood.
    struct Value {
        var key: UInt16
        var time: Int64
        var offset: UInt64
        var token: [UInt8]
    }

    /// Every trait of one identifier as of `offset`, in no particular order of keys.
    func forEach(of identifier: UInt32, asOf offset: UInt64 = .max, _ visit: (Value) -> Void) {
        guard Int(identifier) < heads.count else { return }
        var entry = heads[Int(identifier)]
        while entry != Self.none {
            var row = entry
            while row != Self.none, offsets[Int(row)] > offset { row = earlier[Int(row)] }
            if row != Self.none {
                visit(
                    Value(
                        key: entryKeys[Int(row)], time: times[Int(row)],
                        offset: offsets[Int(row)], token: Array(bytes(row))))
            }
            entry = next[Int(entry)]
        }
    }

    /// The standing value of one key on one identifier.
    func value(of identifier: UInt32, key: UInt16) -> Value? {
        guard Int(identifier) < heads.count else { return nil }
        var entry = heads[Int(identifier)]
        while entry != Self.none {
            let row = Int(entry)
            if entryKeys[row] == key {
                return Value(
                    key: key, time: times[row], offset: offsets[row], token: Array(bytes(entry)))
            }
            entry = next[row]
        }
        return nil
    }

    /// A person's trait as of `offset`: the newest by (time, offset) among their identifiers.
    func newest(_ key: UInt16, of members: [UInt32], asOf offset: UInt64) -> [UInt8]? {
        var found = Self.none
        for member in members where Int(member) < heads.count {
            var entry = heads[Int(member)]
            while entry != Self.none, entryKeys[Int(entry)] != key { entry = next[Int(entry)] }
            while entry != Self.none, offsets[Int(entry)] > offset { entry = earlier[Int(entry)] }
            guard entry != Self.none else { continue }
            let row = Int(entry)
            if found == Self.none
                || (times[Int(found)], offsets[Int(found)]) < (times[row], offsets[row])
            {
                found = entry
            }
        }
        return found == Self.none ? nil : Array(bytes(found))
    }

    func write(into out: inout CanonicalWriter) {
        out.section("TRAI")
        keys.write(into: &out)
        out.column(heads)
        out.column(entryKeys)
        out.column(times)
        out.column(offsets)
        out.column(starts)
        out.column(lengths)
        out.column(arena)
        out.column(next)
        out.column(earlier)
    }

    init(from reader: inout CanonicalReader) throws(CanonicalError) {
        try reader.section("TRAI")
        keys = try NameTable(from: &reader)
        heads = try reader.column()
        entryKeys = try reader.column()
        times = try reader.column()
        offsets = try reader.column()
        starts = try reader.column()
        lengths = try reader.column()
        arena = try reader.column()
        next = try reader.column()
        earlier = try reader.column()
        let sizes = [
            times.count, offsets.count, starts.count, lengths.count, next.count, earlier.count,
        ]
        guard sizes.allSatisfy({ $0 == entryKeys.count }),
            zip(starts, lengths).allSatisfy({
                $0 <= UInt64(arena.count) - min(UInt64($1), UInt64(arena.count))
                    && UInt64($1) <= UInt64(arena.count)
            })
        else { throw CanonicalError(position: reader.position, expected: "equal columns") }
    }
}

/// First and last time that each identifier was seen, and how many events it anchored.
struct ActivityTable {
    /// Of one identifier, together: one event touches all of it.
    private struct Entry {
        var first = Int64.max
        var last = Int64.min
        var count: UInt32 = 0
    }

    private var entries: [Entry] = []

    init() {}

    mutating func note(_ identifier: UInt32, time: Int64) {
        let missing = Int(identifier) + 1 - entries.count
        if missing > 0 { entries.append(contentsOf: repeatElement(Entry(), count: missing)) }
        var entry = entries[Int(identifier)]
        entry.first = min(entry.first, time)
        entry.last = max(entry.last, time)
        entry.count += 1
        entries[Int(identifier)] = entry
    }

    /// Looks at an entry; what it gives means nothing.
    @inline(__always)
    func touch(_ identifier: UInt32) -> UInt64 { UInt64(eventCount(of: identifier)) }

    /// Microseconds; `.max` where it anchored nothing.
    func first(of identifier: UInt32) -> Int64 { entries[Int(identifier)].first }

    /// Microseconds; `.min` where it anchored nothing.
    func last(of identifier: UInt32) -> Int64 { entries[Int(identifier)].last }

    func eventCount(of identifier: UInt32) -> UInt32 {
        Int(identifier) < entries.count ? entries[Int(identifier)].count : 0
    }

    func write(into out: inout CanonicalWriter) {
        out.section("ACTI")
        out.column(entries.map(\.first))
        out.column(entries.map(\.last))
        out.column(entries.map(\.count))
    }

    init(from reader: inout CanonicalReader) throws(CanonicalError) {
        try reader.section("ACTI")
        let first = try reader.column(Int64.self)
        let last = try reader.column(Int64.self)
        let counts = try reader.column(UInt32.self)
        guard first.count == counts.count, last.count == counts.count else {
            throw CanonicalError(position: reader.position, expected: "equal columns")
        }
        entries = counts.indices.map { Entry(first: first[$0], last: last[$0], count: counts[$0]) }
    }
}
