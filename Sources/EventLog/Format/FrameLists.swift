/// Which frames hold a key, or a name: the footer's blocks 5 and 6, and 7 and 8. One value for each place;
/// it is the frame, or, from the number of frames on, points to a list.
enum FrameLists {
    /// `holders` name each (place, frame) pair once, frames ascending.
    static func make(
        _ holders: [(place: Int32, frame: Int32)], places: Int, frames: Int
    ) -> (values: [UInt32], lists: [UInt32]) {
        // A counting sort by place keeps the frames in order.
        var ends = [UInt32](repeating: 0, count: places + 1)
        for holder in holders { ends[Int(holder.place) + 1] += 1 }
        for place in 0..<places { ends[place + 1] += ends[place] }
        var next = ends
        var sorted = [UInt32](repeating: 0, count: holders.count)
        for holder in holders {
            sorted[Int(next[Int(holder.place)])] = UInt32(holder.frame)
            next[Int(holder.place)] += 1
        }
        // The places are used again for the values.
        var values = next
        var lists: [UInt32] = []
        for place in 0..<places {
            let held = Int(ends[place])..<Int(ends[place + 1])
            if held.count == 1 {
                values[place] = sorted[held.lowerBound]
            } else {
                values[place] = UInt32(frames + lists.count)
                lists.append(UInt32(held.count))
                lists.append(contentsOf: sorted[held])
            }
        }
        values.removeLast()
        return (values, lists)
    }
}

/// The footer's blocks 7 and 8.
enum NameFrames {
    /// As ``FrameLists/make(_:places:frames:)``, with a place behind the names for ``LogFormat/noSymbol``.
    static func make(
        _ holders: [(place: Int32, frame: Int32)], names: Int, frames: Int
    ) -> (values: [UInt32], lists: [UInt32]) {
        var folded: [(place: Int32, frame: Int32)] = []
        folded.reserveCapacity(holders.count)
        for holder in holders {
            // Symbols ascend within a frame: all that have no name, of which a damaged frame may have
            // several, follow each other.
            let place = min(holder.place, Int32(names))
            if let last = folded.last, last == (place, holder.frame) { continue }
            folded.append((place, holder.frame))
        }
        return FrameLists.make(folded, places: names + 1, frames: frames)
    }
}
