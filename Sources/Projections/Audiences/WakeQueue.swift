import EventLog

/// When people have to be looked at again though nobody did anything: windows pass, waits end, consent
/// expires (T2).
///
/// One moment a person, the earliest that could matter, so that a tick touches only whom it concerns. A
/// moment too early costs a look; none is ever too late. The heap is derived from the column and never
/// written; its entries are totally ordered, so that the order in which they leave does not depend on its
/// shape.
struct WakeQueue {
    private struct Entry: Comparable {
        var time: Int64
        var node: UInt32
        static func < (a: Entry, b: Entry) -> Bool { (a.time, a.node) < (b.time, b.node) }
    }

    /// By node; `.max` for never.
    private(set) var moments: [Int64] = []
    private var heap: [Entry] = []
    // Who was looked at because time passed, and when: their values may have changed with no event of theirs.
    private(set) var wokenOffsets: [UInt64] = []
    private(set) var wokenNodes: [UInt32] = []

    init() {}

    /// Looks at `node` at `time` or earlier.
    mutating func wake(_ node: UInt32, by time: Int64) {
        guard time < .max else { return }
        let missing = Int(node) + 1 - moments.count
        if missing > 0 { moments.append(contentsOf: repeatElement(.max, count: missing)) }
        guard time < moments[Int(node)] else { return }
        moments[Int(node)] = time
        push(Entry(time: time, node: node))
    }

    /// A node that went under another needs no looks any more.
    mutating func forget(_ node: UInt32) {
        if Int(node) < moments.count { moments[Int(node)] = .max }
    }

    /// Takes everybody out whose moment is `now` or earlier, in order of nodes.
    mutating func due(at now: Int64) -> [UInt32] {
        var nodes: [UInt32] = []
        while let first = heap.first, first.time <= now {
            pop()
            // An entry that an earlier moment made superfluous.
            guard moments[Int(first.node)] == first.time else { continue }
            moments[Int(first.node)] = .max
            nodes.append(first.node)
        }
        nodes.sort()
        return nodes
    }

    mutating func noteWoken(_ node: UInt32, at offset: UInt64) {
        wokenOffsets.append(offset)
        wokenNodes.append(node)
    }

    /// Who was looked at by ticks in a range of offsets.
    func woken(in range: Range<UInt64>) -> ArraySlice<UInt32> {
        let start = wokenOffsets.partitioningIndex { $0 >= range.lowerBound }
        let end = wokenOffsets.partitioningIndex { $0 >= range.upperBound }
        return wokenNodes[start..<end]
    }

    private mutating func push(_ entry: Entry) {
        heap.append(entry)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child] < heap[parent] else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func pop() {
        let last = heap.removeLast()
        if heap.isEmpty { return }
        heap[0] = last
        sink(0)
    }

    private mutating func sink(_ start: Int) {
        var parent = start
        while true {
            var smallest = parent
            for child in parent * 2 + 1...parent * 2 + 2
            where child < heap.count && heap[child] < heap[smallest] { smallest = child }
            guard smallest != parent else { return }
            heap.swapAt(parent, smallest)
            parent = smallest
        }
    }

    func write(into out: inout CanonicalWriter) {
        out.section("WAKE")
        out.column(moments)
        out.column(wokenOffsets)
        out.column(wokenNodes)
    }

    /// `nodes` is how many people the identity table has.
    init(from reader: inout CanonicalReader, nodes: Int) throws(CanonicalError) {
        try reader.section("WAKE")
        moments = try reader.column()
        wokenOffsets = try reader.column()
        wokenNodes = try reader.column()
        guard moments.count <= nodes, wokenOffsets.count == wokenNodes.count,
            wokenNodes.allSatisfy({ Int($0) < nodes })
        else { throw CanonicalError(position: reader.position, expected: "known people") }
        heap = moments.enumerated().filter { $0.element < .max }.map {
            Entry(time: $0.element, node: UInt32($0.offset))
        }
        for place in (0..<heap.count / 2).reversed() { sink(place) }
    }
}
