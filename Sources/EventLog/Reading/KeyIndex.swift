/// Which frames of a segment that is not sealed hold a key hash: sixteen bytes a pair, in memory.
struct KeyIndex {
    private struct Entry {
        var hash: UInt64
        var frame: UInt32
        /// The number of the older entry in the same bucket, plus one; 0 at the end.
        var older: UInt32
    }

    /// The number of a bucket's newest entry, plus one.
    private var heads = [UInt32](repeating: 0, count: 1 << 10)
    private var entries: [Entry] = []

    /// Notes that `frame` holds `hash`. Frames come in ascending order.
    mutating func add(_ hash: UInt64, frame: UInt32) {
        if entries.count >= heads.count { grow() }
        let bucket = Int(truncatingIfNeeded: hash) & (heads.count - 1)
        var place = heads[bucket]
        // The newest entries stand first, so those of this frame are all in front.
        while place != 0, entries[Int(place) - 1].frame == frame {
            if entries[Int(place) - 1].hash == hash { return }
            place = entries[Int(place) - 1].older
        }
        entries.append(Entry(hash: hash, frame: frame, older: heads[bucket]))
        heads[bucket] = UInt32(entries.count)
    }

    /// The frames that hold `hash`, ascending.
    func frames(of hash: UInt64) -> [Int] {
        var found: [Int] = []
        var place = heads[Int(truncatingIfNeeded: hash) & (heads.count - 1)]
        while place != 0 {
            let entry = entries[Int(place) - 1]
            if entry.hash == hash { found.append(Int(entry.frame)) }
            place = entry.older
        }
        return found.reversed()
    }

    private mutating func grow() {
        heads = [UInt32](repeating: 0, count: heads.count * 2)
        for number in entries.indices {
            let bucket = Int(truncatingIfNeeded: entries[number].hash) & (heads.count - 1)
            entries[number].older = heads[bucket]
            heads[bucket] = UInt32(number + 1)
        }
    }
}
