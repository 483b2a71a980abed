import EventLog

/// The past of projection time: every tick that moved it (T2).
///
/// Ticks come once a minute, so a year of them takes 8 MiB.
struct TickColumns {
    private(set) var offsets: [UInt64] = []
    /// Microseconds; they only grow.
    private(set) var times: [Int64] = []

    init() {}

    mutating func append(_ time: Int64, at offset: UInt64) {
        offsets.append(offset)
        times.append(time)
    }

    /// Projection time once the record at `offset` was applied; `.min` before the first tick.
    func time(asOf offset: UInt64) -> Int64 {
        let later = offsets.partitioningIndex { $0 > offset }
        return later == 0 ? .min : times[later - 1]
    }

    func write(into out: inout CanonicalWriter) {
        out.section("TICK")
        out.column(offsets)
        out.column(times)
    }

    init(from reader: inout CanonicalReader) throws(CanonicalError) {
        try reader.section("TICK")
        offsets = try reader.column()
        times = try reader.column()
        guard offsets.count == times.count,
            zip(offsets, offsets.dropFirst()).allSatisfy({ $0 < $1 }),
            zip(times, times.dropFirst()).allSatisfy({ $0 < $1 })
        else { throw CanonicalError(position: reader.position, expected: "ticks that ascend") }
    }
}
