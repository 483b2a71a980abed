package import Projections

/// Where the record of each known message id stands: hash → offsets, in eight bytes an entry.
///
/// ```
/// hash   | shard: 12 bits | tag: 26 bits | rest, not kept |
/// slot   | tag: 26 bits   | row + 1: 38 bits              |     0 is empty
/// ```
/// A row counts the records before an offset, without the gaps that restores leave (see ``OffsetSpace``).
/// Ten million messages take 134 MB. The 38 bits of hash that are kept point to a wrong record about once in
/// 27,000 new messages then; whoever asks compares the value itself, so that costs a read and never an
/// event. Shards grow one at a time, so no append waits for the whole table. Entries are never taken out.
package struct MessageIndex {
    private static let shardBits = 12
    private static let offsetBits = 38
    private static let tagBits = 64 - offsetBits
    private static let offsetMask: UInt64 = (1 << 38) - 1
    private static let smallest = 16

    private let space: OffsetSpace
    private var shards: [[UInt64]]
    private var counts: [Int32]
    /// How many entries there are.
    package private(set) var count = 0
    /// Means nothing; a read whose value goes nowhere would be left out.
    private var touched: UInt64 = 0

    /// - Parameters:
    ///   - expected: entries to make room for at once.
    ///   - space: the log's; appends go on in its last run.
    package init(expecting expected: Int = 0, space: OffsetSpace = OffsetSpace()) {
        self.space = space
        let shardCount = 1 << Self.shardBits
        // A shard grows when it is three quarters full, and shards do not fill evenly: an eighth over the
        // mean is five standard deviations at a few thousand.
        let wanted = expected / shardCount * 3 / 2
        var size = Self.smallest
        while size < wanted { size *= 2 }
        shards = (0..<shardCount).map { _ in [UInt64](repeating: 0, count: size) }
        counts = [Int32](repeating: 0, count: shardCount)
    }

    /// Adds an entry; the same hash may have many.
    ///
    /// - Precondition: `offset` is no gap, and fewer than 2^38 - 1 records stand before it, which at 850
    ///   bytes an event is 230 TB of log.
    package mutating func insert(hash: UInt64, offset: UInt64) {
        guard let row = space.row(offset), row < Self.offsetMask else {
            preconditionFailure("the message index holds fewer than 2^38 - 1 records, and no gaps")
        }
        let (shard, tag) = Self.place(hash)
        if Int(counts[shard]) * 4 >= shards[shard].count * 3 { grow(shard) }
        Self.put(tag << UInt64(Self.offsetBits) | (row + 1), into: &shards[shard])
        counts[shard] += 1
        count += 1
    }

    /// Calls `visit` with every offset that may hold a message of this hash, in no particular order.
    @inline(__always)
    package func forEachCandidate(_ hash: UInt64, _ visit: (UInt64) -> Void) {
        let (shard, tag) = Self.place(hash)
        shards[shard].withUnsafeBufferPointer { slots in
            let mask = slots.count - 1
            var index = Self.home(tag, mask)
            while slots[index] != 0 {
                if slots[index] >> UInt64(Self.offsetBits) == tag {
                    visit(space.offset(ofRow: slots[index] & Self.offsetMask - 1))
                }
                index = (index + 1) & mask
            }
        }
    }

    /// Looks once where each of so many hashes would stand.
    ///
    /// The table is larger than any cache. Reads that do not wait for each other come out of memory side by
    /// side, and the look-ups that follow find what they need.
    @inline(__always)
    package mutating func touch(_ number: Int, _ hash: (Int) -> UInt64) {
        var seen: UInt64 = 0
        shards.withUnsafeBufferPointer { shards in
            for place in 0..<number {
                let (shard, tag) = Self.place(hash(place))
                seen |= shards[shard][Self.home(tag, shards[shard].count - 1)]
            }
        }
        touched = seen
    }

    /// The memory of its slots, in bytes. Slow enough to be asked by people only.
    package var bytes: Int { shards.reduce(0) { $0 + $1.count * MemoryLayout<UInt64>.size } }

    private static func place(_ hash: UInt64) -> (shard: Int, tag: UInt64) {
        let shard = Int(hash >> UInt64(64 - shardBits))
        let tag = (hash << UInt64(shardBits)) >> UInt64(64 - tagBits)
        return (shard, tag)
    }

    /// A slot's home follows from its tag alone, so a shard can grow without the hashes.
    @inline(__always)
    private static func home(_ tag: UInt64, _ mask: Int) -> Int {
        Int(truncatingIfNeeded: tag) & mask
    }

    private static func put(_ slot: UInt64, into slots: inout [UInt64]) {
        slots.withUnsafeMutableBufferPointer { slots in
            let mask = slots.count - 1
            var index = home(slot >> UInt64(offsetBits), mask)
            while slots[index] != 0 { index = (index + 1) & mask }
            slots[index] = slot
        }
    }

    private mutating func grow(_ shard: Int) {
        var larger = [UInt64](repeating: 0, count: shards[shard].count * 2)
        for slot in shards[shard] where slot != 0 { Self.put(slot, into: &larger) }
        shards[shard] = larger
    }
}
