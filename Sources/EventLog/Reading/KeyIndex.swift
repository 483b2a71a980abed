/// Which frames of a segment that is not sealed may hold a key hash: eight bytes a pair, in memory.
///
/// It keeps 31 bits of a hash, 17 by the bucket and 14 beside the frame. Two hashes that share them
/// share their frames, which costs the reader a look at one frame's columns too many.
struct KeyIndex {
    private static let bucketBits: UInt64 = 17
    /// Entries stand in chunks of this many, so that growing copies nothing.
    private static let chunkEntries = 1 << 15

    /// From the lowest bit: frame, 24 bits; the number of the older entry in the bucket plus one, or 0 at
    /// the end, 26 bits; 14 bits of the hash.
    private struct Entry {
        static let maximumFrame: UInt32 = 1 << 24 - 1
        static let maximumNumber: UInt32 = 1 << 26 - 1
        private var bits: UInt64

        init(hash: UInt64, frame: UInt32, older: UInt32) {
            bits = UInt64(frame) | UInt64(older) << 24 | (hash >> 50) << 50
        }

        var frame: UInt32 { UInt32(truncatingIfNeeded: bits) & Self.maximumFrame }
        var older: UInt32 { UInt32(truncatingIfNeeded: bits >> 24) & Self.maximumNumber }
        func mayBe(_ hash: UInt64) -> Bool { (bits ^ hash) >> 50 == 0 }
    }

    /// The number of a bucket's newest entry, plus one.
    private var heads = [UInt32](repeating: 0, count: 1 << Int(bucketBits))
    private var chunks: [[Entry]] = []
    private var count: UInt32 = 0
    /// The newest frame, and how many entries stand before its own: entries with a higher number are its.
    private var newest: (frame: UInt32, entriesBefore: UInt32) = (0, 0)
    /// Means nothing; a read whose value goes nowhere would be left out.
    private var touched: UInt32 = 0

    /// Notes that `frame` holds `hash`. Frames come in ascending order.
    ///
    /// - Returns: whether there was room. Without it the index knows less than there is, and has to go.
    mutating func add(_ hash: UInt64, frame: UInt32) -> Bool {
        guard frame <= Entry.maximumFrame, count < Entry.maximumNumber else { return false }
        if frame != newest.frame { newest = (frame, count) }
        let bucket = Self.bucket(hash)
        var number = heads[bucket]
        // The newest entries stand first, so those of this frame are all in front. Older ones are not looked
        // at: each look is a cache miss.
        while number > newest.entriesBefore {
            let entry = self[number]
            if entry.mayBe(hash) { return true }
            number = entry.older
        }
        append(Entry(hash: hash, frame: frame, older: heads[bucket]))
        heads[bucket] = count
        return true
    }

    /// Looks once at the bucket of each of so many hashes.
    ///
    /// The heads are larger than what a processor has at hand. Reads that do not wait for each other come out
    /// of memory side by side, and the additions that follow find what they need.
    mutating func touch(_ hashes: [UInt64]) {
        var seen: UInt32 = 0
        for hash in hashes { seen |= heads[Self.bucket(hash)] }
        touched = seen
    }

    /// The frames that may hold `hash`, ascending.
    func frames(of hash: UInt64) -> [Int] {
        var found: [Int] = []
        var number = heads[Self.bucket(hash)]
        while number != 0 {
            let entry = self[number]
            if entry.mayBe(hash) { found.append(Int(entry.frame)) }
            number = entry.older
        }
        return found.reversed()
    }

    private static func bucket(_ hash: UInt64) -> Int {
        Int(truncatingIfNeeded: hash & (1 << bucketBits - 1))
    }

    private subscript(_ number: UInt32) -> Entry {
        let place = Int(number) - 1
        return chunks[place / Self.chunkEntries][place % Self.chunkEntries]
    }

    private mutating func append(_ entry: Entry) {
        let chunk = Int(count) / Self.chunkEntries
        if chunk == chunks.count {
            chunks.append([])
            chunks[chunk].reserveCapacity(Self.chunkEntries)
        }
        chunks[chunk].append(entry)
        count += 1
    }
}
