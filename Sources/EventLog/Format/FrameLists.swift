/// Which frames hold a key, or a name: the footer's blocks 5 and 6, and 7 and 8. One value for each place;
/// it is the frame, or, from the number of frames on, points to a list.
enum FrameLists {
    /// `holders` name each (place, frame) pair once, frames ascending.
    static func make(
        _ holders: [(place: Int32, frame: Int32)], places: Int, frames: Int
    ) -> (values: [UInt64], lists: [UInt64]) {
        // A counting sort by place keeps the frames in order.
        var ends = [Int](repeating: 0, count: places + 1)
        for holder in holders { ends[Int(holder.place) + 1] += 1 }
        for place in 0..<places { ends[place + 1] += ends[place] }
        var next = ends
        var sorted = [Int32](repeating: 0, count: holders.count)
        for holder in holders {
            sorted[next[Int(holder.place)]] = holder.frame
            next[Int(holder.place)] += 1
        }
        var values: [UInt64] = []
        values.reserveCapacity(places)
        var lists: [UInt64] = []
        for place in 0..<places {
            let held = sorted[ends[place]..<ends[place + 1]]
            if held.count == 1, let only = held.first {
                values.append(UInt64(only))
            } else {
                values.append(UInt64(frames + lists.count))
                lists.append(UInt64(held.count))
                for frame in held { lists.append(UInt64(frame)) }
            }
        }
        return (values, lists)
    }
}

/// The footer's blocks 7 and 8.
enum NameFrames {
    /// As ``FrameLists/make(_:places:frames:)``, with a place behind the names for ``LogFormat/noSymbol``.
    static func make(
        _ holders: [(place: Int32, frame: Int32)], names: Int, frames: Int
    ) -> (values: [UInt64], lists: [UInt64]) {
        let folded = holders.map { holder in
            (place: min(holder.place, Int32(names)), frame: holder.frame)
        }
        return FrameLists.make(folded, places: names + 1, frames: frames)
    }
}
