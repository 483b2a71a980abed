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

    /// A segment that is not sealed, as far as it is durable now.
    static func ofLive(_ live: LiveSegment, _ handle: SegmentHandle) -> SegmentSource {
        var frames: [FrameEntry] = []
        let length = live.catchUp(&frames)
        return SegmentSource(
            handle: handle, file: live.file, frames: frames, names: live.names, limit: Int(length),
            sealed: nil, live: live)
    }

    /// A sealed segment.
    static func ofSealed(
        _ sealed: SealedSegment, _ handle: SegmentHandle
    ) throws(LogError) -> SegmentSource {
        SegmentSource(
            handle: handle, file: sealed.file, frames: sealed.frames, names: try sealed.names(),
            limit: Int(sealed.entry.fileLength), sealed: sealed, live: nil)
    }

    /// Frame `number`, which a walk that has come to offset `next` meets there.
    ///
    /// - Throws: ``LogError/damaged(_:)`` when no frame holds `next`; its offsets end at `end`.
    func frame(_ number: Int, at next: UInt64, before end: UInt64) throws(LogError) -> FrameEntry {
        guard number < frames.count else { throw LogError.damaged(hole(from: next, to: end)) }
        let frame = frames[number]
        guard frame.base <= next else {
            throw LogError.damaged(hole(from: next, to: min(end, frame.base)))
        }
        return frame
    }

    /// The number of the first frame that ends after `offset`; `frames.count` when there is none.
    func frame(endingAfter offset: UInt64) -> Int {
        frames.partitioningIndex { $0.end > offset }
    }

    /// The frames that may hold a key, ascending. `key` is as the columns spell it: the hash, or in a sealed
    /// segment its place among the hashes.
    func frames(ofKey key: Int64) throws(LogError) -> [Int] {
        if let sealed { return try sealed.frames(ofKeyAt: Int(key)) }
        guard let found = live?.frames(of: UInt64(bitPattern: key)) else {
            return Array(frames.indices)
        }
        return found.filter { $0 < frames.count }
    }

    /// The frames that may hold a record of that name, ascending.
    func frames(ofName name: String) throws(LogError) -> [Int] {
        let found =
            if let sealed { try sealed.frames(ofName: name) } else { live?.frames(ofName: name) }
        guard let found else { return Array(frames.indices) }
        return found.filter { $0 < frames.count }
    }

    /// What is wrong with the offsets from `from` up to `to`, which no frame holds.
    func hole(from: UInt64, to: UInt64) -> Damage {
        // One that touches no record (a bad segment header) says nothing of these.
        if let known = handle.damages.first(where: { $0.offsets.contains(from) }) { return known }
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
