/// A segment as one reader reads it: open or sealed, the same frames and names.
struct SegmentSource {
    let handle: SegmentHandle
    let file: any LogFile
    let frames: [FrameEntry]
    let names: SegmentNames
    /// Durable bytes of the file.
    let limit: Int
    let sealed: SealedSegment?
    let live: LiveSegment?

    var base: UInt64 { handle.base }

    /// The number of the first frame that ends after `offset`; `frames.count` when there is none.
    func frame(endingAfter offset: UInt64) -> Int {
        frames.partitioningIndex { $0.end > offset }
    }

    /// The frames that may hold a key hash, ascending.
    func frames(of hash: UInt64) throws(LogError) -> [Int] {
        if let sealed { return try sealed.frames(of: hash) }
        guard let found = live?.frames(of: hash) else { return Array(frames.indices) }
        return found.filter { $0 < frames.count }
    }

    /// What is wrong with the offsets from `from` up to `to`, which no frame holds.
    func hole(from: UInt64, to: UInt64) -> Damage {
        let known = handle.damages.first {
            $0.offsets.contains(from) || $0.offsets.lowerBound == from
        }
        if let known { return known }
        return Damage(
            file: handle.fileName, position: 0, offsets: from..<to,
            reason: "no frame holds these offsets")
    }

    func damage(_ frame: FrameEntry, at position: UInt64, _ reason: String) -> LogError {
        .damaged(
            Damage(
                file: handle.fileName, position: position, offsets: frame.base..<frame.end,
                reason: reason))
    }
}
