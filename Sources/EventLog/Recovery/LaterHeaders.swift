/// The good headers behind the first trouble in an open segment's file.
///
/// They are looked for once: recovery asks at every trouble, and a file may be full of it.
struct LaterHeaders {
    typealias Found = (position: Int, header: FrameHeader)

    private let found: [Found]
    /// The greatest durable end of a header and of those behind it.
    private let durableEnds: [UInt64]
    private var next = 0

    /// `found` ascends by position.
    init(_ found: [Found]) {
        self.found = found
        var greatest: UInt64 = 0
        durableEnds = found.reversed().map { later in
            greatest = max(greatest, later.header.durableEnd)
            return greatest
        }.reversed()
    }

    /// Passes over what is not past `position` or is for offsets before `base`. Both only grow.
    mutating func advance(past position: Int, base: UInt64) {
        while let header = first, header.position <= position || header.header.base < base {
            next += 1
        }
    }

    /// The nearest.
    var first: Found? { next < found.count ? found[next] : nil }

    /// Whether any was written when more than `offset` was durable.
    func prove(_ offset: UInt64) -> Bool { next < found.count && durableEnds[next] > offset }

    /// Where the last of the offsets from `base` on ends, of which a header speaks.
    func end(from base: UInt64) -> UInt64? {
        found[next...].filter { $0.header.base >= base }.map { $0.header.end }.max()
    }
}
