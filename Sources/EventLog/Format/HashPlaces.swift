/// The distinct key hashes of a segment that is being sealed, and the place of each among them: a table over
/// the leading bits leads to a run of a few, since hashes are evenly spread.
final class HashPlaces {
    /// Ascending.
    let values: [UInt64]
    private let shift: UInt64
    /// Where the hashes with these leading bits begin.
    private let starts: [UInt32]

    /// `values` are distinct and ascending.
    init(_ values: [UInt64]) {
        self.values = values
        let bits = max(1, 63 - (values.count | 1).leadingZeroBitCount)
        let shift = UInt64(64 - bits)
        var starts = [UInt32](repeating: 0, count: (1 << bits) + 1)
        for value in values { starts[Int(value >> shift) + 1] += 1 }
        for bucket in 0..<1 << bits { starts[bucket + 1] += starts[bucket] }
        self.shift = shift
        self.starts = starts
    }

    /// The place of a hash that is there.
    func place(of hash: UInt64) -> Int {
        let bucket = Int(hash >> shift)
        var place = Int(starts[bucket])
        var end = Int(starts[bucket + 1])
        // A run that somebody made long on purpose is bisected.
        while end - place > 8 {
            let middle = place + (end - place) / 2
            if values[middle] > hash { end = middle } else { place = middle }
        }
        while place < end, values[place] < hash { place += 1 }
        precondition(place < end && values[place] == hash, "the first pass saw every key")
        return place
    }

    /// Sorts `hashes` and drops repeats. Evenly spread ones go straight to the stretch of about eight that
    /// their leading bits name; what is left to sort are the stretches.
    static func distinct(_ hashes: consuming [UInt64]) -> [UInt64] {
        var hashes = hashes
        guard hashes.count > 64 else {
            hashes.sort()
            return dropRepeats(hashes)
        }
        let bits = 63 - (hashes.count / 8).leadingZeroBitCount
        let shift = UInt64(64 - bits)
        var starts = [UInt32](repeating: 0, count: (1 << bits) + 1)
        for hash in hashes { starts[Int(hash >> shift) + 1] += 1 }
        for bucket in 0..<1 << bits { starts[bucket + 1] += starts[bucket] }
        var next = starts
        var sorted = [UInt64](repeating: 0, count: hashes.count)
        for hash in hashes {
            let bucket = Int(hash >> shift)
            sorted[Int(next[bucket])] = hash
            next[bucket] += 1
        }
        hashes = []
        for bucket in 0..<1 << bits {
            sort(&sorted, Int(starts[bucket])..<Int(starts[bucket + 1]))
        }
        return dropRepeats(sorted)
    }

    private static func sort(_ values: inout [UInt64], _ range: Range<Int>) {
        // Somebody's values may all share their leading bits.
        guard range.count <= 64 else { return values[range].sort() }
        for place in range.dropFirst() {
            let value = values[place]
            var hole = place
            while hole > range.lowerBound, values[hole - 1] > value {
                values[hole] = values[hole - 1]
                hole -= 1
            }
            values[hole] = value
        }
    }

    private static func dropRepeats(_ sorted: consuming [UInt64]) -> [UInt64] {
        var sorted = sorted
        var count = 0
        for place in sorted.indices where count == 0 || sorted[place] != sorted[count - 1] {
            sorted[count] = sorted[place]
            count += 1
        }
        // A copy of the right size: most of what repeats is given back.
        return Array(sorted[..<count])
    }
}
